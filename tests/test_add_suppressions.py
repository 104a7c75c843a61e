"""`--add-suppressions`: after it the check is green, the code is the same, and every comment silences something."""

from __future__ import annotations

import ast
import json
import os
import re
import stat
from typing import TYPE_CHECKING, Any

import pytest
from fixture_cases import check, expected, run, told, without_expectations, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lint_process import leaky, lint, token
from material import fill
from modal_lint_rules import RULES
from test_fixtures import cases

if TYPE_CHECKING:
    from pathlib import Path

    from fixture_cases import Done

_OURS = re.compile(r"# modal-lint: ignore(?:-next-line)?\[")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _add(*arguments: str, reason: str = "") -> Done:
    return run("check", f"--add-suppressions={reason}", "--output-format", "concise", "--color", "never", *arguments)


def _added(tmp_path: Path, text: str | bytes, reason: str = "") -> str:
    """A file's text once its findings are silenced."""
    path = tmp_path / "app.py"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = _add("app.py", reason=reason)
    assert done.status == 0, done.said
    assert told(check(["app.py"])) == []
    return path.read_bytes().decode("latin-1" if isinstance(text, bytes) else "utf-8")


def _everything(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_bytes().decode() for path in sorted(folder.rglob("*.py"))}


def _announced(case: dict[str, str]) -> list[str]:
    return [code for path, text in case.items() if path.endswith(".py") for _, _, code in expected(path, text)]


def test_after_it_every_fixture_is_green_and_means_the_same(tmp_path: Path) -> None:
    for rule in RULES:
        for name, case in cases(rule.code):
            texts = {path: without_expectations(text) if path.endswith(".py") else text for path, text in case.items()}
            write(tmp_path / rule.code / name, texts)
    before = _everything(tmp_path)
    announced = [one for rule in RULES for _, case in cases(rule.code) for one in _announced(case) if one == "MS002"]
    done = _add("--extend-select", "MS5", reason="a fixture")
    after = _everything(tmp_path)
    again = _add("--extend-select", "MS5", reason="a fixture")
    assert _everything(tmp_path) == after, "nothing is left to be done"
    left = [
        (place.split("/")[0], code) for place, code in re.findall(r"^(\S+?):\d+:\d+: (MS\d+)", again.out, re.MULTILINE)
    ]
    assert set(left) == {("MS001", "MS001"), ("MS002", "MS002")}, "what no comment silences"
    assert left.count(("MS002", "MS002")) == len(announced), "no new comment silences nothing"
    assert f"{len(announced)} suppressions are unused already: `modal-lint fix` removes what is" in done.err
    for path, text in after.items():
        if not path.startswith("MS001/"):
            assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(before[path])), path
        removed = re.sub(r"(?m)^[ \t]*# modal-lint: ignore-next-line\[[^\n]*a fixture\n", "", text)
        removed = re.sub(r"  # modal-lint: ignore\[[^\n]*\] a fixture$", "", removed, flags=re.MULTILINE)
        if path.split("/")[0] not in ("MS001", "MS002"):
            assert removed == before[path], f"{path}: more than comments changed"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = {call}\n", "x = {call}  # modal-lint: ignore[MS101] why\n"),
        ("x = {call}", "x = {call}  # modal-lint: ignore[MS101] why"),
        ("x = {call}\r\ny = 1\r\n", "x = {call}  # modal-lint: ignore[MS101] why\r\ny = 1\r\n"),
        ("x = {call}  # noqa: E501\n", "x = {call}  # noqa: E501  # modal-lint: ignore[MS101] why\n"),
        ("x = {call}   \n", "x = {call}  # modal-lint: ignore[MS101] why\n"),
        (
            "x = {call}  # modal-lint: ignore[MS104] old  # more\n",
            "x = {call}  # modal-lint: ignore[MS101, MS104] old  # more\n",
        ),
        ("if 1:\n\tx = {call}; y = 2\n", "if 1:\n\tx = {call}; y = 2  # modal-lint: ignore[MS101] why\n"),
        (
            "x = (\n    {call}\n    # a comment\n)\n",
            "x = (\n    {call}  # modal-lint: ignore[MS101] why\n    # a comment\n)\n",
        ),
        (
            'x = {call}, """\n"""\n',
            'x = {call}, """\n"""  # modal-lint: ignore[MS101] why\n',
        ),
        (
            "if 1:\n    x = {call} \\\n        .exec('a')\n",
            "if 1:\n    x = {call} \\\n        .exec('a')  # modal-lint: ignore[MS101] why\n",
        ),
        (
            '"""a\n"""; x = {call}, """\nb\n"""; y = """\n"""\n',
            '"""a\n"""; x = {call}, """\nb\n"""; y = """\n"""\n',
        ),
        ("x = {call}, f'''\n{{1}}\n'''\n", "x = {call}, f'''\n{{1}}\n'''  # modal-lint: ignore[MS101] why\n"),
        (
            "@wrap(\n    {call},\n)\ndef f():\n    pass\n",
            "@wrap(\n    {call},  # modal-lint: ignore[MS101] why\n)\ndef f():\n    pass\n",
        ),
        (
            "if {call} and \\\n    1: pass\n",
            "# modal-lint: ignore-next-line[MS101] why\nif {call} and \\\n    1: pass\n",
        ),
        (
            "x = [{call}, '''\n''', '''\n'''\n][0]\n",
            "x = [{call}, '''\n''', '''\n'''\n][0]  # modal-lint: ignore[MS101] why\n",
        ),
        (
            "class A:\n    # modal-lint: ignore-next-line[MS104] old\n    x = {call}\n",
            "class A:\n    # modal-lint: ignore-next-line[MS101, MS104] old\n    x = {call}\n",
        ),
    ],
)
def test_where_the_comment_goes(tmp_path: Path, before: str, after: str) -> None:
    call = f'modal.Sandbox.create(env={{"HF_TOKEN": "{token()}"}})'
    texts = [
        "import modal\n" + text.replace("{call}", call).replace("{{", "{").replace("}}", "}")
        for text in (before, after)
    ]
    path = tmp_path / "app.py"
    path.write_bytes(texts[0].encode())
    done = _add("--ignore", "MS002", "app.py", reason="why")
    assert path.read_bytes().decode() == texts[1]
    if before != after:
        assert done.status == 0, done.said
    else:
        assert done.status == 1
        assert "app.py: not changed: no comment can stand there" in done.err


def test_above_the_statement_where_no_line_of_it_can_take_one(tmp_path: Path) -> None:
    call = f'modal.Sandbox.create(env={{"HF_TOKEN": "{token()}"}})'
    before = f'import modal\nif 1:\n    x = {call}, """\n"""; y = """\n"""\n'
    comment = "    # modal-lint: ignore-next-line[MS101]\n"
    assert _added(tmp_path, before) == before.replace("    x =", f"{comment}    x =")


def test_encoding_byte_order_mark_and_form_feed_stay(tmp_path: Path) -> None:
    latin = f"# coding: latin-1\n{leaky()}\x0c# caf\xe9\n".encode("latin-1")
    assert _added(tmp_path, latin, "caf\xe9") == latin.decode("latin-1").replace(
        "})\n", "})  # modal-lint: ignore[MS101] caf\xe9\n"
    )
    marked = "\ufeff" + leaky()
    assert _added(tmp_path, marked) == marked.replace("})\n", "})  # modal-lint: ignore[MS101]\n")


def test_a_reason_that_the_encoding_cannot_take_changes_nothing(tmp_path: Path) -> None:
    latin = f"# coding: latin-1\n{leaky()}".encode("latin-1")
    (tmp_path / "app.py").write_bytes(latin)
    done = _add(reason="später €")
    assert done.status == 1
    assert "app.py: not changed: an edit cannot be written in the encoding of the file" in done.err
    assert (tmp_path / "app.py").read_bytes() == latin


def test_several_rules_and_several_sinks_in_one_go(tmp_path: Path) -> None:
    """Silencing the first sink of a credential lets the second one speak, which is silenced, too."""
    (tmp_path / "keys.py").write_text(f'HF = "{token()}"\n')
    use = 'modal.Sandbox.create("x", HF, env={"HF_TOKEN": HF})\n'
    (tmp_path / "app.py").write_text("import modal\nfrom keys import HF\n" + use + use)
    done = _add()
    assert done.status == 0, done.said
    assert (tmp_path / "app.py").read_text().count("# modal-lint: ignore[MS101, MS104]") == 2


def test_the_option_takes_no_path_for_its_reason(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(leaky())
    (tmp_path / "other.py").write_text(leaky(token(2)))
    done = lint("check", "--add-suppressions", "app.py", cwd=tmp_path)
    assert done.status == 0, done.said
    assert "Added suppressions for 1 finding in 1 file." in done.err
    assert token() not in done.said
    assert _OURS.search((tmp_path / "app.py").read_text())
    assert (tmp_path / "other.py").read_text() == leaky(token(2))


@pytest.mark.parametrize("reason", ["two\nlines", "a # b", "x\x1b[0m", "a\u2028b"])
def test_a_reason_is_one_comment(tmp_path: Path, reason: str) -> None:
    (tmp_path / "app.py").write_text(leaky())
    done = _add(reason=reason)
    assert done.status == 2
    assert "the reason must be one line without `#`" in done.err
    assert (tmp_path / "app.py").read_text() == leaky()


def test_only_what_is_selected_and_what_no_baseline_knows(tmp_path: Path) -> None:
    text = leaky() + f'modal.Sandbox.create("x", "--token", "{token(2)}")\n'
    (tmp_path / "app.py").write_text(text)
    assert run("check", "--baseline", "b.json", "--update-baseline", "--select", "MS104").status == 0
    done = _add("--baseline", "b.json")
    assert done.status == 0, done.said
    assert (tmp_path / "app.py").read_text() == text.replace("})\n", "})  # modal-lint: ignore[MS101]\n")
    for subset in (["--select", "MS101"], ["--select", "MS0"], ["--select", "MS104,MS002"], ["--ignore", "MS101"]):
        assert run("check", "--baseline", "b.json", *subset).status == 0, "a comment is used or not judged"


def test_a_suppression_that_was_needed_once_is_told(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(leaky())
    assert _add().status == 0
    clean = (tmp_path / "app.py").read_text().replace(token(), "value")
    (tmp_path / "app.py").write_text(clean)
    assert [code for _, _, code in told(check(["app.py"]))] == ["MS002"]
    assert run("fix", "--color", "never").status == 0
    assert "modal-lint" not in (tmp_path / "app.py").read_text()


def test_permissions_stay_and_links_out_of_the_project_are_left(tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text(leaky())
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").touch()
    (project / "app.py").write_text(leaky())
    (project / "app.py").chmod(0o755)
    (project / "link.py").symlink_to(outside)
    os.chdir(project)
    done = _add("app.py", "link.py")
    assert "link.py: not changed: it is not a file of the project" in done.err
    assert outside.read_text() == leaky()
    assert stat.S_IMODE((project / "app.py").stat().st_mode) == 0o755


def test_what_cannot_be_parsed_is_left_and_told(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import modal\n(\n")
    (tmp_path / "app.py").write_text(leaky())
    done = _add()
    assert done.status == 1
    assert "MS001" in done.out
    assert "MS101" not in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fix"], "--add-suppressions: does not go with --fix"),
        (["--diff"], "--add-suppressions: does not go with --diff"),
        (["--ignore-suppressions"], "does not go with --ignore-suppressions"),
        (["-"], "is for files, not for standard input"),
    ],
)
def test_what_does_not_go_together(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "app.py").write_text(leaky())
    done = run("check", "--add-suppressions", *arguments) if "-" not in arguments else lint(
        "check", "--add-suppressions", "-", cwd=tmp_path
    )  # fmt: skip
    assert done.status == 2
    assert message in done.err
    assert (tmp_path / "app.py").read_text() == leaky()


def test_newer_syntax_than_ours_is_kept(tmp_path: Path) -> None:
    text = f'import modal\nx = f"{{", ".join(["a"])}}"\nmodal.Sandbox.create(env={{"HF_TOKEN": "{token()}"}})\n'
    (tmp_path / "app.py").write_text(fill(text))
    if told(check(["app.py"])) != [("app.py", 3, "MS101")]:
        return  # this Python has no way to read it
    assert _add().status == 0
    assert (tmp_path / "app.py").read_text() == text.replace("})\n", "})  # modal-lint: ignore[MS101]\n")


def test_a_notebook_gets_its_comments_in_its_cells(tmp_path: Path) -> None:
    call = f'modal.Sandbox.create(env={{"HF_TOKEN": "{token()}"}})'
    sources = ["%pip install modal\nimport modal", f"def f():\n    return {call}\n", f"!ls 'it\n{call}, '''\n'''"]
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "execution_count": None, "id": f"c{at}", "metadata": {}, "outputs": [], "source": source}
        for at, source in enumerate(sources)
    ]
    document = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "a.ipynb").write_text(json.dumps(document, indent=1))
    done = _add(reason="why")
    assert done.status == 0, done.said
    after = ["".join(cell["source"]) for cell in json.loads((tmp_path / "a.ipynb").read_text())["cells"]]
    comment = "  # modal-lint: ignore[MS101] why"
    assert after == [sources[0], f"def f():\n    return {call}{comment}\n", f"!ls 'it\n{call}, '''\n'''{comment}"]


# ---- any code --------------------------------------------------------------------------------------------------

_CALL = 'modal.Sandbox.create(env={"HF_TOKEN": "⟨huggingface:%d⟩"})'
_AROUND = (
    *("C", "x = C", "x = [\n    C,\n    1,\n]", "C  # a comment", "x = C; y = 1", "y = 1; x = C"),
    *("assert C, '''a\nb'''", "x = '''a\nb''', C", "x = C, '''a\nb''', '''c\nd\n'''", "'''a\n'''; x = C"),
    *(
        "x = \\\n    C",
        "x = C \\\n    or 1",
        "x = (C\n\n    # in between\n)",
        "'''a\n'''; x = C, '''\n'''; y = '''\n'''",
    ),
    *("x = f'''{C}\n'''", "x = f'{1}', C, f'''\n{2}\n'''", "x = {\n    'a': '''\n''', 'b': C, 'c': '''\n'''\n}"),
    *("x = lambda: C", "@wrap(C)\ndef f(): pass", "if C: pass", "if (\n    C\n): pass", "for x in C, 1: pass"),
    *("with C as x, \\\n    C: pass", "class A:\n\tx = C", "def f(x=C):\n    '''Doc\n    string.'''"),
    *("try: C\nfinally: pass", "async def f(): await C", "x = C  # modal-lint: ignore[MS104] old"),
    *("# modal-lint: ignore-next-line[MS105]\nx = C", "x = C  # noqa: E501"),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(_AROUND), min_size=1, max_size=5),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["", "\n", "\x0c\n"]),
    st.booleans(),
)
def test_any_code_means_the_same_and_is_green(
    tmp_path: Path, statements: list[str], ending: str, between: str, closed: bool
) -> None:
    calls = iter(range(99))
    body = between.join(re.sub("C", lambda _: _CALL % next(calls), one) + "\n" for one in statements)
    text = fill(f"import modal\n{between}{body}" + ("x = 1\n" if closed else ""))
    before = text.replace("\n", ending).encode()
    (tmp_path / "app.py").write_bytes(before)
    found = [one for one in told(check(["app.py"])) if one[2] != "MS002"]
    assert found
    done = _add("app.py", reason="why")
    after = (tmp_path / "app.py").read_bytes()
    assert ast.dump(ast.parse(after)) == ast.dump(ast.parse(before))
    left = [one for one in told(check(["app.py"])) if one[2] != "MS002"]
    assert left == [] or "not changed: no comment can stand there" in done.err
    assert set(re.findall(rb"\r\n|\r|\n", after)) == set(re.findall(rb"\r\n|\r|\n", before))
    _add("app.py", reason="why")
    assert (tmp_path / "app.py").read_bytes() == after
