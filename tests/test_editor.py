"""The language server, asked by an editor: a real process, the real protocol."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import re
import signal
import stat
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tomli
from dotenv import dotenv_values
from editor_client import Editor, server_command
from hypothesis import given
from hypothesis import strategies as st
from lint_process import SOURCES, leaky, lint, token
from lsprotocol import types
from material import make
from modal_lint.editor.checking import Subject, check
from modal_lint.editor.configuration import Configuration
from modal_lint.editor.revision import Revision
from modal_lint.editor.text import Text
from modal_lint.editor.worker import Stop
from modal_lint.migrate import preserve
from modal_lint.model import Edit, Hidden, Move
from modal_lint.source import File
from pygls.exceptions import JsonRpcException
from test_leaks import forbidden

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


class TestFixes:
    """What can be done: listing writes nothing, and no edit holds a value."""

    def test_a_safe_one_is_an_edit(self, editor: Editor) -> None:
        uri = editor.open("app.py", _MISTAKE)
        (found,) = editor.diagnostics("app.py")
        action = _action(editor.actions("app.py", found), "Write PORT as a string")
        assert action.is_preferred
        assert action.diagnostics == (found,)
        assert action.edit is not None
        assert editor.apply(action.edit)
        assert editor.buffers[uri] == _MISTAKE.replace("80", '"80"')
        assert editor.codes("app.py") == []

    def test_a_value_is_preserved_before_it_is_moved(self, project: Path, editor: Editor) -> None:
        uri = editor.open("app.py", leaky())
        (found,) = editor.diagnostics("app.py")
        action = _action(editor.actions("app.py", found), "Move HF_TOKEN to Secret huggingface-secret")
        assert action.edit is None
        assert action.is_preferred is None
        assert "unsafe" in action.title
        assert action.command is not None
        kept = project / ".modal-lint" / "secrets" / "huggingface-secret.env"
        assert not (project / ".modal-lint").exists()  # so far it was only offered
        editor.execute(action.command)
        assert dotenv_values(kept) == {"HF_TOKEN": token()}
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert token() not in editor.buffers[uri]
        assert 'from_name("huggingface-secret", required_keys=["HF_TOKEN"])' in editor.buffers[uri]
        assert editor.codes("app.py") == []
        assert "modal secret create huggingface-secret" in editor.until(lambda: editor.messages)[0]

    def test_what_cannot_be_preserved_is_not_moved(self, project: Path, editor: Editor) -> None:
        uri = editor.open("app.py", leaky())
        preserve(project, [Move("huggingface-secret", "HF_TOKEN", Hidden("another"))])
        command = _action(editor.actions("app.py"), "Move HF_TOKEN").command
        assert command is not None
        with pytest.raises(JsonRpcException, match="another value is preserved as HF_TOKEN of huggingface-secret"):
            editor.execute(command)
        assert editor.buffers[uri] == leaky()

    def test_what_has_changed_is_not_moved(self, project: Path, editor: Editor) -> None:
        editor.open("app.py", leaky())
        command = _action(editor.actions("app.py"), "Move HF_TOKEN").command
        assert command is not None
        editor.type("app.py", "import modal\n", "import modal\n\n")
        with pytest.raises(JsonRpcException, match="the document has changed"):
            editor.execute(command)
        with pytest.raises(JsonRpcException, match="the document is not open"):
            editor.execute(types.Command("", command.command, arguments=[{"uri": "file:///nowhere.py"}]))
        assert not (project / ".modal-lint").exists()

    def test_all_safe_ones_at_once(self, project: Path, editor: Editor) -> None:
        text = (
            _HEAD + f'modal.Sandbox.create(secrets=modal.Secret.from_name("s"), env={{"A": 1, "KEY": "{token()}"}})\n'
        )
        text += "modal.Sandbox.create(env={'B': 2})  # modal-lint: ignore[MS303]\n"
        uri = editor.open("app.py", text)
        (action,) = editor.actions("app.py", None, "source.fixAll")
        assert action.kind == "source.fixAll.modal-lint"
        assert action.edit is not None
        assert editor.apply(action.edit)
        fixed = text.replace('modal.Secret.from_name("s")', '[modal.Secret.from_name("s")]').replace(
            '"A": 1', '"A": "1"'
        )
        assert editor.buffers[uri] == fixed.replace("'B': 2", "'B': \"2\"").replace("  # modal-lint: ignore[MS303]", "")
        assert not (project / ".modal-lint").exists()
        assert editor.codes("app.py") == ["MS101"]
        assert editor.actions("app.py", None, "source.fixAll") == []

    def test_all_safe_ones_by_choice(self, editor: Editor) -> None:
        uri = editor.open("app.py", _MISTAKE)
        command = _action(editor.actions("app.py"), "Apply all safe fixes").command
        assert command is not None
        editor.execute(command)
        assert editor.buffers[uri] == _MISTAKE.replace("80", '"80"')
        assert editor.actions("app.py", None, "refactor") == []

    def test_the_settings_say_what_may_be_fixed(self, project: Path, editor: Editor) -> None:
        (project / "modal-lint.toml").write_text('unfixable = ["MS401"]\n')
        editor.open("app.py", _MISTAKE)
        assert [one.title for one in editor.actions("app.py")] == ["Ignore MS401 non-string-value here, with a reason"]

    def test_a_finding_can_be_silenced(self, editor: Editor) -> None:
        uri = editor.open("app.py", _MISTAKE)
        edit = _action(editor.actions("app.py"), "Ignore MS401").edit
        assert edit is not None
        assert editor.apply(edit)
        assert editor.buffers[uri] == _MISTAKE[:-1] + "  # modal-lint: ignore[MS401] TODO: say why\n"
        assert editor.codes("app.py") == []

    def test_in_a_notebook(self, project: Path, editor: Editor) -> None:
        cells = editor.open_notebook(
            "work.ipynb",
            f'%pip install modal\nimport modal\nTOKEN = "{token()}"',
            "print('between')",
            'modal.Sandbox.create(env={"HF_TOKEN": TOKEN, "PORT": 80})\n',
        )
        assert [editor.codes(cell) for cell in cells] == [["MS101"], [], ["MS401"]]
        command = _action(editor.actions(cells[0]), "Move HF_TOKEN").command
        assert command is not None
        editor.execute(command)
        assert (project / ".modal-lint" / "secrets" / "huggingface-secret.env").exists()
        assert editor.buffers[cells[0]] == "%pip install modal\nimport modal"
        assert "required_keys" in editor.buffers[cells[2]]
        assert [editor.codes(cell) for cell in cells] == [[], [], ["MS401"]]
        editor.type_in_cell("work.ipynb", cells[2], "80", '"80"')
        assert editor.codes(cells[2]) == []
        editor.close_notebook("work.ipynb", *cells)

    def test_in_markdown(self, project: Path, editor: Editor) -> None:
        text = "# How to\n\n> ```python\n" + "".join(f"> {line}\n" for line in _MISTAKE.splitlines()) + "> ```\n"
        uri = editor.open("other.md", text, language="markdown")
        (project / "docs").mkdir()
        (project / "docs" / "modal-lint.toml").write_text("include-markdown = true\n")
        uri = editor.open("docs/how.md", text, language="markdown")
        (found,) = editor.diagnostics("docs/how.md")
        assert editor.part("docs/how.md", found.range) == "80"
        (action, *_) = editor.actions("docs/how.md", found)
        assert action.edit is not None
        assert editor.apply(action.edit)
        assert editor.buffers[uri] == text.replace("80", '"80"')
        assert editor.codes("docs/how.md") == editor.codes("other.md") == []


class TestInsight:
    """What is told about a place, and offered there."""

    _APP = _HEAD + (
        '@app.function(secrets=[modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])])\n'
        'def work():\n    return os.environ["OPENAI_API_KEY"], os.environ["OPENAI_ORG"]\n'
    ).replace("import modal\n", "import modal, os\n")

    @pytest.fixture
    def named(self, project: Path, editor: Editor) -> Editor:
        """An editor with one file that names a Secret, and another open that is being written."""
        (project / "modal-lint.toml").write_text('known-secrets = { "hf" = ["HF_TOKEN"] }\n')
        _write(project, app=self._APP.replace("import modal\n", "import modal\nimport os\n"))
        editor.open(
            "new.py",
            "import os, modal\n"
            'a = modal.Secret.from_name("openai-secret")\n'
            'b = modal.Secret.from_name(\n    # which?\n    "")\n'
            'c = os.environ[""]\n'
            'd = modal.Volume.from_name("")\n'
            'e = modal.Secret.from_name("openai-secret", required_keys=["X", "',
        )
        return editor

    def test_a_secret(self, named: Editor) -> None:
        told = named.hover("new.py", 'from_name("openai|-secret")')
        assert "**Secret** `openai-secret`" in told
        assert "`OPENAI_API_KEY`, `OPENAI_ORG` (read, not in `required_keys`)" in told
        assert "function `work`" in told
        named.type("new.py", '(\n    # which?\n    ""', '("hf"')
        assert "as `known-secrets` has it: `HF_TOKEN`" in named.hover("new.py", 'from_name("h|f")')

    def test_a_diagnostic(self, editor: Editor) -> None:
        editor.open("app.py", _MISTAKE)
        (found,) = editor.diagnostics("app.py")
        told = editor.hover("app.py", found.range.start)
        assert told.startswith("**MS401** non-string-value · error · fix: safe\n\n")
        assert told.endswith("`modal-lint explain MS401`")
        assert editor.hover("app.py", "impo|rt") == ""

    def test_names_are_offered(self, named: Editor) -> None:
        offered = named.complete("new.py", 'which?\n    "|"')
        assert {name: item.detail for name, item in offered.items()} == {
            "hf": "HF_TOKEN",
            "openai-secret": "OPENAI_API_KEY, OPENAI_ORG",
        }
        named.type("new.py", '(\n    # which?\n    "', '("openai-')
        edit = named.complete("new.py", 'b = modal.Secret.from_name("openai-|')["openai-secret"].text_edit
        assert isinstance(edit, types.TextEdit)
        assert named.part("new.py", edit.range) == "openai-"
        assert named.complete("new.py", 'Volume.from_name("|"') == {}

    def test_names_that_came_later_are_offered(self, project: Path, named: Editor) -> None:
        assert "late-secret" not in named.complete("new.py", 'which?\n    "|"')
        _write(project, later='import modal\nmodal.Secret.from_name("late-secret")\n')
        named.changed(project / "later.py", types.FileChangeType.Created)
        deadline = time.monotonic() + 60
        while "late-secret" not in named.complete("new.py", 'which?\n    "|"'):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def test_keys_are_offered(self, named: Editor) -> None:
        assert set(named.complete("new.py", '["X", "|')) == {"OPENAI_API_KEY", "OPENAI_ORG"}
        assert set(named.complete("new.py", 'environ["|"]')) == {"OPENAI_API_KEY", "OPENAI_ORG", "HF_TOKEN"}

    def test_other_places(self, project: Path, named: Editor) -> None:
        named.type("new.py", 'e = modal.Secret.from_name("openai-secret", required_keys=["X", "', "")
        (other,) = named.others("new.py", 'from_name("openai|-secret")')
        assert other.uri == (project / "app.py").as_uri()
        named.open("app.py")
        assert named.part("app.py", other.range).startswith("modal.Secret.from_name(")


class TestProtocol:
    """Whatever is sent, there is an answer, and the server lives or ends as it should."""

    def test_what_is_no_request_is_answered(self, editor: Editor) -> None:
        with pytest.raises(JsonRpcException, match="no such method"):
            editor.request("textDocument/nothing", None)
        uri = editor.open("app.py", _MISTAKE)
        beyond = types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(99, 99))
        assert editor.request(types.TEXT_DOCUMENT_HOVER, beyond) is None
        nowhere = types.HoverParams(types.TextDocumentIdentifier("file:///nowhere.py"), types.Position(0, 0))
        assert editor.request(types.TEXT_DOCUMENT_HOVER, nowhere) is None
        with pytest.raises(JsonRpcException):
            editor.request(types.WORKSPACE_EXECUTE_COMMAND, types.ExecuteCommandParams("modal-lint.move", [None]))
        change = types.DidChangeTextDocumentParams(
            types.VersionedTextDocumentIdentifier(version=1, uri="file:///n"), []
        )
        editor.notify(types.TEXT_DOCUMENT_DID_CHANGE, change)
        assert editor.codes("app.py") == ["MS401"]

    def test_nonsense_is_survived(self, tmp_path: Path) -> None:
        with _Wire(tmp_path) as wire:
            wire.send(b"Content-Length: 9\r\n\r\n{not json")
            wire.send(b"Content-Length: none\r\nX: y\r\n\r\n")
            deep = b"[" * 100_000
            wire.send(b"Content-Length: %d\r\n\r\n%s" % (len(deep), deep))
            wire.tell(["a", "batch"])
            wire.tell({"jsonrpc": "2.0", "id": 1, "method": "textDocument/hover", "params": {"nothing": 1}})
            assert wire.answer(1)["error"]["code"] == -32602
            wire.tell({"jsonrpc": "2.0", "id": 2, "method": "textDocument/hover", "params": _PLACE})
            assert wire.answer(2)["error"]["code"] == -32002  # not initialized
            wire.tell({"jsonrpc": "2.0", "id": 3, "method": "initialize", "params": {"capabilities": {}}})
            assert wire.answer(3)["result"]["serverInfo"]["name"] == "modal-lint"
            wire.tell({"jsonrpc": "2.0", "id": 4, "method": "textDocument/hover", "params": _PLACE})
            assert wire.answer(4)["result"] is None

    def test_it_can_be_cancelled(self, project: Path) -> None:
        with Editor(project, pull=True) as editor:
            uri = editor.open("app.py", _HEAD + "x = (\n" * 2 + "modal.Sandbox.create(env={'A': 1}))\n)\n" * 1)
            editor.type("app.py", "x =", "y =")  # an answer would come a moment after this
            wire = editor.client.protocol
            params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri))

            async def cancelled() -> Any:
                answer = wire.send_request_async(types.TEXT_DOCUMENT_DIAGNOSTIC, params, msg_id="slow")
                wire.notify(types.CANCEL_REQUEST, types.CancelParams("slow"))
                return await answer

            with pytest.raises(JsonRpcException, match="cancelled"):
                editor.wait(cancelled())

    @pytest.mark.parametrize(("polite", "status"), [(True, 0), (False, 1)])
    def test_it_ends_when_told(self, tmp_path: Path, polite: bool, status: int) -> None:
        with _Wire(tmp_path) as wire:
            wire.tell({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}})
            if polite:
                wire.tell({"jsonrpc": "2.0", "id": 2, "method": "shutdown"})
                assert wire.answer(2)["result"] is None
            wire.tell({"jsonrpc": "2.0", "method": "exit"})
            assert wire.process.wait(60) == status

    def test_it_ends_with_the_editor(self, tmp_path: Path) -> None:
        """The editor is killed, and something it had started keeps the pipe open."""
        with subprocess.Popen(["sleep", "60"]) as parent, _Wire(tmp_path) as wire:
            params = {"capabilities": {}, "processId": parent.pid}
            wire.tell({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
            wire.answer(1)
            assert wire.process.poll() is None
            parent.send_signal(signal.SIGKILL)
            assert wire.process.wait(60) == 1

    def test_it_ends_when_the_pipe_does(self, tmp_path: Path) -> None:
        with _Wire(tmp_path) as wire:
            wire.tell({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}})
            wire.answer(1)
            assert wire.process.stdin is not None
            wire.process.stdin.close()
            assert wire.process.wait(60) == 1

    def test_without_pygls_there_is_one_line(self, tmp_path: Path) -> None:
        (tmp_path / "pygls").mkdir()
        (tmp_path / "pygls" / "__init__.py").write_text("raise ImportError\n")
        done = lint("server", cwd=tmp_path)
        assert (done.status, done.out) == (2, "")
        assert done.err == "error: the language server needs pygls 2: pip install 'modal-lint[editor]'\n"

    def test_nothing_of_the_tree_is_imported(self, project: Path) -> None:
        """Started as a module, Python would look into the current directory first."""
        for name in ("app", "difflib", "tomllib", "shlex", "random"):
            text = f"open({str(project / 'was_run')!r}, 'w')\n" + leaky()
            (project / f"{name}.py").write_text(text, encoding="utf-8")
        (project / "modal-lint.toml").write_text('select = ["ALL"]\n')
        with Editor(project, settings={"selct": []}) as editor:
            editor.until(lambda: editor.messages)
            editor.open("app.py")
            assert "MS101" in editor.codes("app.py")
            editor.hover("app.py", "mod|al.App")
            command = _action(editor.actions("app.py"), "Move HF_TOKEN").command
            assert command is not None
            editor.execute(command)
        assert not (project / "was_run").exists()


_TEXTS = st.text(st.sampled_from("ab\t é😀\n\r\f\u2028\x85"), max_size=40)


class TestTexts:
    """Places and edits, for any text."""

    @given(_TEXTS, _TEXTS, st.sampled_from(["utf-8", "utf-16", "utf-32"]), st.data())
    def test_an_edit_of_the_editor_is_the_same_here(
        self, old: str, new: str, encoding: str, data: st.DataObject
    ) -> None:
        places = [at for at in range(len(old) + 1) if old[at - 1 : at + 1] != "\r\n"]
        start = data.draw(st.sampled_from(places))
        end = data.draw(st.sampled_from([at for at in places if at >= start]))
        text = Text(old, encoding)
        assert text.replaced(text.between(start, end), new) == old[:start] + new + old[end:]
        span = text.span(text.between(start, end))
        assert text.range(span) == text.between(start, end)
        assert (text.offset(*span[:2]), text.offset(*span[2:])) == (start, end)

    @given(_TEXTS, st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5), _TEXTS), max_size=4))
    def test_a_change_in_rounds_is_told_as_one(self, old: str, rounds: list[tuple[int, int, str]]) -> None:
        revision = Revision(old)
        for start, size, new in rounds:
            now = revision.text
            at = min(start, len(now))
            if "\r" in now or "\r" in new or "\n" in new:
                continue  # line endings are those of the place
            span = Text(now).span(Text(now).between(at, min(at + size, len(now))))
            revision = revision.edited([Edit(span, new)])
        result, done = "", 0
        for change in revision.changes():
            result, done = result + old[done : change.start] + change.text, change.end
        assert result + old[done:] == revision.text

    def test_nothing_is_kept_of_an_analysis(self, project: Path) -> None:
        """What was built for one is garbage when it is over: a server lives long."""

        def files() -> int:
            gc.collect()
            return sum(isinstance(one, File) for one in gc.get_objects())

        text = TestInsight._APP + _MISTAKE + leaky() + "print(os.environ)\n"
        before = files()
        configuration = Configuration([str(project)], {"select": ["ALL"]})
        checked = check(Subject(str(project / "app.py"), str(project / "app.py"), text.encode(), configuration), Stop())
        assert len(checked.findings) >= 2
        assert files() == before


class TestDocs:
    """docs/editors.md says what is so."""

    _PAGE = (Path(__file__).resolve().parent.parent / "docs" / "editors.md").read_text(encoding="utf-8")

    def test_recipes_are_well_formed(self) -> None:
        blocks = re.findall(r"^```(json|TOML)\n(.*?)^```$", self._PAGE, re.MULTILINE | re.DOTALL)
        documents = [json.loads(text) if kind == "json" else tomli.loads(text) for kind, text in blocks]
        assert len(documents) == 5
        said = json.dumps(documents)
        assert said.count('"extend-select": ["MS5"]') == 3
        assert Configuration([], {"extend-select": ["MS5"]}).settings
        assert said.count('["server"]') + said.count('["modal-lint", "server"]') == 3

    def test_names_are_those_of_the_server(self, started: Editor) -> None:
        offered = started.initialized.capabilities.code_action_provider
        assert isinstance(offered, types.CodeActionOptions)
        assert all(f"`{kind}`" in self._PAGE for kind in offered.code_action_kinds or () if "." in str(kind))


class TestLeaks:
    """No message, log or error of the server carries a value."""

    _PLANTED = (
        'modal.Sandbox.create(app=app, env={"API_KEY": "V", "PORT": 80})',
        'modal.Sandbox.create("serve", "--api-key", "V", app=app, secrets=modal.Secret.from_name("V"))',
        'modal.Secret.from_dict({"API_KEY": "V" + "", "N": None})',
        'modal.Sandbox.create(env={"API_KEY": os.environ.get("API_KEY", "V")})  # modal-lint: ignore[V]',
        'image = modal.Image.debian_slim().env({"API_KEY": "V"}).run_commands("login --token V")',
        'KEYS = {\n    # V\n    "API_KEY": "V",  # V\n}\nmodal.Sandbox.create(env=KEYS)',
        'modal.Client.from_credentials("V", token_secret="V")',
        'modal.Secret.from_name("V", required_keys=["V"])',
        'modal.Sandbox.create(env={"V": 1})',
    )

    @pytest.mark.parametrize("pull", [False, True])
    def test_no_message_carries_a_value(self, project: Path, tmp_path: Path, pull: bool) -> None:
        kinds = ("openai", "huggingface", "github", "stripe", "modal-token-secret", "password")
        values = [make(kind, number) for number, kind in enumerate(kinds * 2)][: len(self._PLANTED)]
        lines = [place.replace("V", value) for place, value in zip(self._PLANTED, values, strict=True)]
        text = "\n".join(["import modal, os", 'app = modal.App("leaks")', *lines, ""])
        _write(project, values=f'KEY = "{values[0]}"\n')
        program = 'exec 2> "$0.err"; "$@" --log-file "$0.log" | tee "$0.out"'
        command = ["bash", "-c", program, str(tmp_path / "said"), *server_command()]
        with Editor(project, pull=pull, command=command) as editor:
            editor.open("app.py", text)
            found = editor.diagnostics("app.py")
            assert len({one.code for one in found}) >= 8
            for one in found:
                editor.hover("app.py", one.range.start)
                editor.actions("app.py", one)
            for action in editor.actions("app.py"):
                if action.command is not None:
                    with contextlib.suppress(JsonRpcException):  # the first one has changed the document
                        editor.execute(action.command)
            assert editor.until(lambda: editor.messages)
            assert (project / ".modal-lint" / "secrets").is_dir()
            editor.open(
                "more.py", "import modal, os\nfrom values import KEY\nmodal.Sandbox.create(env={'API_KEY': KEY})\n"
            )
            assert editor.codes("more.py") == ["MS101"]
            editor.open("names.py", f'import modal\nmodal.Secret.from_name("{values[0]}")\nmodal.Secret.from_name("")')
            editor.complete("names.py", 'from_name("|")')
            editor.hover("names.py", values[0][:4] + "|" + values[0][4:])
            editor.type("app.py", "import modal, os", f'import modal, os\ndef "{values[1]}"')
            editor.codes("more.py")
            self._send_nonsense(editor, values[0])
            editor.save("app.py")
            assert "MS001" in editor.codes("app.py")
        for path in sorted(tmp_path.glob("said.*")):
            said = path.read_text("utf-8", "replace")
            assert [part for value in values for part in forbidden(value) if part in said] == [], path.name
        assert (tmp_path / "said.err").read_text() == ""
        assert stat.S_IMODE((tmp_path / "said.log").stat().st_mode) == 0o600
        assert "listed" in (tmp_path / "said.log").read_text()

    def _send_nonsense(self, editor: Editor, value: str) -> None:
        for method, params in (
            (types.TEXT_DOCUMENT_HOVER, {"textDocument": value}),
            (types.WORKSPACE_EXECUTE_COMMAND, {"command": value, "arguments": [value]}),
            (types.WORKSPACE_EXECUTE_COMMAND, {"command": "modal-lint.move", "arguments": [{"uri": value}]}),
            (value, {}),
        ):
            message = json.dumps({"jsonrpc": "2.0", "id": f"{method[:4]}", "method": method, "params": params})
            writer = editor.process.stdin
            assert writer is not None
            writer.write(f"Content-Length: {len(message)}\r\n\r\n{message}".encode())


_PLACE = {"textDocument": {"uri": "file:///nowhere.py"}, "position": {"line": 0, "character": 0}}


class _Wire:
    """The server's process, and the bytes to and from it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*server_command(), *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": SOURCES},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> _Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        with self.process:
            pass

    def send(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def tell(self, message: object) -> None:
        body = json.dumps(message).encode()
        self.send(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def answer(self, number: int) -> dict[str, Any]:
        """The answer to a request; notifications before it are passed over."""
        assert self.process.stdout is not None
        while True:
            size = 0
            while (line := self.process.stdout.readline().strip()) or not size:
                if line.lower().startswith(b"content-length:"):
                    size = int(line.partition(b":")[2])
            message: dict[str, Any] = json.loads(self.process.stdout.read(size))
            if message.get("id") == number:
                return message
