"""The language server, asked by an editor: a real process, the real protocol."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from editor_client import Editor
from lint_process import leaky, token
from lsprotocol import types

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = 'import modal\n\napp = modal.App("demo")\n'
_MISTAKE = _HEAD + 'modal.Sandbox.create(app=app, env={"PORT": 80})\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder that is a project of its own."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    return folder


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """An editor without a folder; a server starts once for all tests that need nothing special."""
    with Editor(cwd=tmp_path_factory.mktemp("editor")) as editor:
        yield editor


@pytest.fixture
def editor(started: Editor, project: Path) -> Iterator[Editor]:
    """An editor with the project open."""
    started.enter(project)
    yield started
    started.leave(project)


def _write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8", newline="")


def _action(actions: list[types.CodeAction], start: str) -> types.CodeAction:
    return next(one for one in actions if one.title.startswith(start))


class TestDiagnostics:
    """What is found while someone types."""

    def test_come_with_all_that_an_editor_shows(self, project: Path, editor: Editor) -> None:
        _write(project, config=f'KEYS = {{"HF_TOKEN": "{token()}"}}\n', app="")
        editor.open("app.py", f"from config import KEYS\n{_HEAD}modal.Sandbox.create(app=app, env=KEYS)\n")
        (found,) = editor.diagnostics("app.py")
        assert (found.code, found.source, found.severity) == ("MS101", "modal-lint", types.DiagnosticSeverity.Error)
        assert found.message.startswith("HF_TOKEN (huggingface access token) is hardcoded and reaches env= of")
        assert editor.part("app.py", found.range) == "KEYS"
        steps = [
            (Path(one.location.uri).name, one.location.range.start.line) for one in found.related_information or ()
        ]
        assert steps[0] == ("config.py", 0)
        assert steps[-1] == ("app.py", 4)

    def test_follow_what_is_typed(self, project: Path, editor: Editor) -> None:
        _write(project, app=leaky())
        editor.open("app.py")
        assert editor.codes("app.py") == ["MS101"]
        editor.type("app.py", token(), "on")
        assert editor.codes("app.py") == []
        editor.type("app.py", '"on"', f'"{token(2)}"')
        assert editor.codes("app.py") == ["MS101"]

    def test_of_many_keystrokes_are_those_of_the_last(self, editor: Editor) -> None:
        editor.open("app.py", _HEAD)
        for letter in f'modal.Sandbox.create(app=app, env={{"HF_TOKEN": "{token()}"}})':
            editor.replace(editor.uri("app.py"), (end := len(editor.buffers[editor.uri("app.py")])), end, letter)
        assert editor.codes("app.py") == ["MS101"]

    def test_are_fetched_by_an_editor_that_can(self, project: Path) -> None:
        _write(project, app=leaky())
        with Editor(project, pull=True) as editor:
            uri = editor.open("app.py")
            assert editor.codes("app.py") == ["MS101"]
            params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri))
            params.previous_result_id = editor.request(types.TEXT_DOCUMENT_DIAGNOSTIC, params).result_id
            assert editor.request(types.TEXT_DOCUMENT_DIAGNOSTIC, params).kind == "unchanged"
            editor.type("app.py", token(), "on")
            assert editor.codes("app.py") == []
            assert editor.published == {}

    def test_stay_while_the_source_is_no_python(self, project: Path, editor: Editor) -> None:
        _write(project, app=leaky())
        editor.open("app.py")
        assert editor.codes("app.py") == ["MS101"]
        editor.type("app.py", "sandbox =", "sandbox = (")
        editor.hover("app.py", "sand|box")  # an answer comes when the source has been looked at
        assert editor.published[editor.uri("app.py")].version == 1
        editor.save("app.py")
        (found,) = editor.diagnostics("app.py")
        assert found.code == "MS001"

    def test_say_that_an_opened_source_is_no_python(self, editor: Editor) -> None:
        editor.open("app.py", leaky() + "def")
        assert editor.codes("app.py") == ["MS001"]

    def test_see_other_buffers_as_they_are(self, project: Path, editor: Editor) -> None:
        _write(project, config='KEY = "on"\n', app="")
        editor.open("app.py", f'from config import KEY\n{_HEAD}modal.Sandbox.create(env={{"HF_TOKEN": KEY}})\n')
        assert editor.codes("app.py") == []
        editor.open("config.py")
        editor.type("config.py", '"on"', f'"{token()}"')
        editor.until(lambda: editor.published[editor.uri("app.py")].diagnostics)
        editor.close("config.py")  # not saved: the disk counts again
        editor.until(lambda: not editor.published[editor.uri("app.py")].diagnostics)

    def test_see_a_module_that_is_on_no_disk_yet(self, editor: Editor) -> None:
        editor.open("app.py", f'from config import KEY\n{_HEAD}modal.Sandbox.create(env={{"HF_TOKEN": KEY}})\n')
        assert editor.codes("app.py") == []
        editor.open("config.py", f'KEY = "{token()}"\n')
        editor.until(lambda: editor.published[editor.uri("app.py")].diagnostics)

    def test_are_gone_with_the_document(self, project: Path, editor: Editor) -> None:
        _write(project, app=leaky())
        uri = editor.open("app.py")
        assert editor.codes("app.py") == ["MS101"]
        editor.close("app.py")
        assert editor.until(lambda: editor.published.get(uri)).diagnostics == ()

    def test_of_what_has_no_file(self, editor: Editor) -> None:
        editor.open("untitled:Untitled-1", leaky())
        assert editor.codes("untitled:Untitled-1") == ["MS101"]

    def test_of_what_is_no_python_there_are_none(self, editor: Editor) -> None:
        editor.open("notes.txt", leaky(), language="plaintext")
        editor.open("git:/project/app.py", leaky())
        editor.open("script", leaky())  # whatever it is called
        assert editor.codes("script") == ["MS101"]
        assert not {editor.uri("notes.txt"), "git:/project/app.py"} & set(editor.published)


class TestPlaces:
    """Columns are those of the editor, whatever stands before them."""

    _LINES = (
        "# 😀 \f \u2028 one line",
        *_HEAD.splitlines(),
        "if True:",
        '\tx = "🦆é", modal.Sandbox.create(env={"PORT": 80})',
        "",
    )

    @pytest.mark.parametrize("encoding", [None, "utf-8", "utf-16", "utf-32"])
    def test_in_every_encoding(self, project: Path, encoding: str | None) -> None:
        text = "\r\n".join(self._LINES)
        with Editor(project, encoding=encoding) as editor:
            assert editor.initialized.capabilities.position_encoding == (encoding or "utf-16")
            uri = editor.open("app.py", text)
            (found,) = editor.diagnostics("app.py")
            assert editor.part("app.py", found.range) == "80"
            editor.type("app.py", "🦆é", "é🦆🦆")
            editor.type("app.py", " one line", " one 😀 line")
            (found,) = editor.diagnostics("app.py")
            assert editor.part("app.py", found.range) == "80"
            action = _action(editor.actions("app.py", found), "Write PORT as a string")
            assert action.edit is not None
            assert editor.apply(action.edit)
            wanted = text.replace("🦆é", "é🦆🦆").replace("one line", "one 😀 line").replace("80", '"80"')
            assert editor.buffers[uri] == wanted

    def test_past_the_end_of_a_line(self, editor: Editor) -> None:
        uri = editor.open("app.py", "import modal")
        far = types.Range(types.Position(0, 99), types.Position(7, 7))
        change = types.TextDocumentContentChangePartial(range=far, text="\n" + _MISTAKE)
        named = types.VersionedTextDocumentIdentifier(uri=uri, version=2)
        editor.notify(types.TEXT_DOCUMENT_DID_CHANGE, types.DidChangeTextDocumentParams(named, [change]))
        editor.buffers[uri], editor.versions[uri] = "import modal\n" + _MISTAKE, 2
        (found,) = editor.diagnostics("app.py")
        assert editor.part("app.py", found.range) == "80"

    def test_behind_a_byte_order_mark_and_in_another_encoding(self, editor: Editor) -> None:
        line = "modal.Sandbox.create(env={'PORT': 80})\n"
        editor.open("marked.py", "\ufeffimport modal; " + line)
        editor.open("latin.py", "# coding: latin-1\nimport modal; 'é€😀', " + line)
        for name in ("marked.py", "latin.py"):
            (found,) = editor.diagnostics(name)
            assert editor.part(name, found.range) == "80"


class TestSettings:
    """The configuration is found as on the command line."""

    def test_the_nearest_file_counts(self, project: Path) -> None:
        inner = project / "inner"
        inner.mkdir()
        (project / "modal-lint.toml").write_text('ignore = ["MS401"]\nexclude = ["skipped.py"]\n')
        (inner / "modal-lint.toml").write_text("")
        with Editor(project) as editor:
            for name in ("app.py", "inner/app.py", "skipped.py"):
                editor.open(name, leaky() + _MISTAKE)
            assert editor.codes("app.py") == ["MS101"]
            assert sorted(editor.codes("inner/app.py")) == ["MS101", "MS401"]
            assert editor.codes("skipped.py") == []

    def test_a_change_of_a_file_counts(self, project: Path, editor: Editor) -> None:
        uri = editor.open("app.py", _MISTAKE)
        assert editor.codes("app.py") == ["MS401"]
        editor.until(lambda: types.WORKSPACE_DID_CHANGE_WATCHED_FILES in editor.registered)
        configuration = project / "modal-lint.toml"
        configuration.write_text('ignore = ["MS401"]\n')
        editor.changed(configuration, types.FileChangeType.Created)
        editor.until(lambda: not editor.published[uri].diagnostics)

    def test_the_editor_has_the_last_word(self, project: Path) -> None:
        (project / "modal-lint.toml").write_text('select = ["MS1"]\n')
        with Editor(project, settings={"select": ["MS4"]}) as editor:
            uri = editor.open("app.py", leaky() + _MISTAKE)
            assert editor.codes("app.py") == ["MS401"]
            editor.configure({"modal-lint": {"select": ["MS101"]}})
            editor.until(lambda: [one.code for one in editor.published[uri].diagnostics] == ["MS101"])
            editor.configuration = {"select": ["MS401"]}
            editor.configure(None)
            editor.until(lambda: [one.code for one in editor.published[uri].diagnostics] == ["MS401"])

    def test_mistakes_are_told_and_count_for_nothing(self, project: Path) -> None:
        with Editor(project, settings={"selct": ["MS4"]}) as editor:
            assert "did you mean `select`" in editor.until(lambda: editor.messages)[0]
            editor.open("app.py", _MISTAKE)
            assert editor.codes("app.py") == ["MS401"]
            (project / "modal-lint.toml").write_text("ignore = 1\n")
            editor.changed(project / "modal-lint.toml")
            editor.open("other.py", _MISTAKE)
            editor.open("third.py", _MISTAKE)
            assert editor.codes("third.py") == editor.codes("other.py") == []
            assert ["modal-lint.toml" in text for text in editor.messages] == [False, True]

    def test_a_change_is_told_to_an_editor_that_fetches(self, project: Path) -> None:
        with Editor(project, pull=True) as editor:
            editor.open("app.py", _MISTAKE)
            assert editor.codes("app.py") == ["MS401"]
            editor.configure({"modal-lint": {"ignore": ["MS401"]}})
            editor.until(lambda: editor.refreshes)
            assert editor.codes("app.py") == []

    def test_each_folder_has_its_own(self, project: Path, tmp_path: Path) -> None:
        second = tmp_path / "build"  # excluded by its name, were it inside of another folder
        second.mkdir()
        (project / "modal-lint.toml").write_text('ignore = ["MS401"]\n')
        _write(project, app=_MISTAKE)
        _write(second, app=_MISTAKE)
        with Editor(project, second) as editor:
            editor.open("app.py")
            assert editor.codes("app.py") == []
            uri = (second / "app.py").as_uri()
            editor.open(uri, _MISTAKE)
            assert editor.codes(uri) == ["MS401"]
