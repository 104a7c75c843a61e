"""Python in Markdown: which blocks are checked, that places are the file's own, and that fixes keep what is around."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fixture_cases import Done, run
from hypothesis import given, settings
from hypothesis import strategies as st
from lint_process import SOURCES
from material import fill, make
from modal_lint.documents.checking import edited, read
from modal_lint.edits import EditError
from modal_lint.model import Edit, Span
from modal_lint.source import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

CALL = 'modal.Sandbox.create(env={"HF_TOKEN": "⟨huggingface⟩"})'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(*arguments: str) -> Done:
    return run("check", "--output-format", "concise", "--isolated", *arguments)


def found(text: str) -> list[str]:
    """The places and codes of what is found in a Markdown file."""
    Path("a.md").write_text(fill(text), encoding="utf-8", newline="")
    return [" ".join(line.split()[:2]) for line in check("a.md").out.splitlines() if line.startswith("a.md")]


def test_markdown_is_checked_if_asked_for(here: Path) -> None:
    for name in ("a.md", "sub/b.markdown", "c.txt"):
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_text(fill(f"# x\n\n```python\nimport modal\n{CALL}\n```\n"))
    assert check(".").status == 0
    done = check("--include-markdown", ".")
    assert [line.split()[0] for line in done.out.splitlines()[:2]] == ["a.md:5:39:", "sub/b.markdown:5:39:"]
    (here / "modal-lint.toml").write_text("include-markdown = true\n")
    assert run("check", ".").status == 1
    assert run("check", "--no-include-markdown", ".").status == 0
    assert check("a.md").status == 1, "a file that is named is checked"


BLOCKS = {
    "python": f"```python\n{CALL}\n```",
    "py": f"```py\n{CALL}\n```",
    "upper case": f"```Python title=app.py\n{CALL}\n```",
    "tildes": f"~~~~ python notest\n{CALL}\n~~~~",
    "attributes": f"```{{.python .numberLines}}\n{CALL}\n```",
    "a directive of MyST": f"```{{code-block}} python\n:linenos:\n{CALL}\n```",
    "a cell of MyST": f"```{{code-cell}} ipython3\n:tags: [x]\n%time x = 1\n{CALL}\n```",
    "a cell without a language": f"```{{code-cell}}\n!ls\n{CALL}\n```",
    "in a list": f"1. one\n   - two\n\n     ```python\n     {CALL}\n     ```",
    "in a quotation": f"> > ```python\n> > {CALL}\n> > ```",
    "indented": f"```python\n    x = 1\n\n    {CALL}\n```",
    "a console": f"```pycon\n>>> x = (1,\n...     2)\n>>> {CALL}\nsb-1\n```",
    "prompts": f"```python\n>>> {CALL}\n<Sandbox>\n```",
    "open to the end": f"```python\n{CALL}",
}


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_are_checked_where_they_stand(name: str) -> None:
    text = f"# Modal ✓\n\n```python\nimport modal\n```\n\nText.\n\n{BLOCKS[name]}\n"
    (line,) = (number for number, one in enumerate(text.split("\n"), 1) if "HF_TOKEN" in one)
    column = text.split("\n")[line - 1].index('"⟨') + 1
    assert found(text) == [f"a.md:{line}:{column}: MS101"]


@pytest.mark.parametrize(
    "block",
    [
        f"```\n{CALL}\n```",
        f"```bash\n{CALL}\n```",
        f"```python-traceback-not\n{CALL}\n```",
        f"```{{note}} python\n{CALL}\n```",
        f"    {CALL}",
        f"<!--\n```python\n{CALL}\n```\n-->",
        f"````md\n```python\n{CALL}\n```\n````",
        f"```python\n{CALL}\nthis is a fragment\n```",
        f"```pycon\n{CALL}\n```",
        f"`{CALL}`",
    ],
)
def test_other_blocks_and_fragments_are_passed_over(block: str) -> None:
    assert found(f"```python\nimport modal\n```\n\n{block}\n") == []


def test_names_go_on_from_block_to_block_and_comments_suppress() -> None:
    text = f"""```python
import modal
ENV = {{"HF_TOKEN": "⟨huggingface⟩"}}
```

```python
modal.Sandbox.create(env=ENV)
{CALL}  # modal-lint: ignore[MS101] an example
```
"""
    assert found(text) == ["a.md:3:20: MS101"]
    assert found(f"{text}\n```python\n# modal-lint: ignore-file[MS101] examples\n```\n") == []


def test_fixes_keep_what_is_around(here: Path) -> None:
    text = """# Modal\r
\r
> ```python\r
> import modal\r
>\r
> @app.function(\r
>     env={\r
>         "HF_TOKEN": "⟨huggingface⟩",\r
>         "A": "1",\r
>     },\r
> )\r
> def f(): ...\r
> ```\r
\r
```python\r
app = modal.App()\r
```\r
"""
    text = text.replace("> import modal\r\n>\r\n", "> import modal\r\n>\r\n> app = modal.App()\r\n")
    (here / "a.md").write_bytes(fill(text).encode())
    done = run("fix", "--isolated", "--unsafe-fixes", "a.md")
    assert done.status == 0, done.said
    secret = 'secrets=[modal.Secret.from_name("huggingface-secret", required_keys=["HF_TOKEN"])],'
    wanted = text.replace('>         "HF_TOKEN": "⟨huggingface⟩",\r\n', "").replace(
        ">     },\r\n", f">     }},\r\n>     {secret}\r\n"
    )
    assert (here / "a.md").read_bytes().decode() == wanted
    assert make("huggingface") in (here / ".modal-lint/secrets/huggingface-secret.env").read_text()
    assert make("huggingface") not in done.said


def test_a_fix_of_a_console_is_made_where_no_line_is_added(here: Path) -> None:
    once = f"```pycon\n>>> import modal\n>>> {CALL}\nsb-1\n```\n"
    several = """```pycon
>>> import modal
>>> modal.Sandbox.create(
...     env={
...         "HF_TOKEN": "⟨huggingface⟩",
...         "A": "1",
...     },
... )
```
"""
    (here / "a.md").write_text(fill(once))
    (here / "b.md").write_text(fill(several))
    run("fix", "--isolated", "--unsafe-fixes", "a.md", "b.md")
    assert (
        '>>> modal.Sandbox.create(secrets=[modal.Secret.from_name("huggingface-secret"' in (here / "a.md").read_text()
    )
    assert (here / "b.md").read_text() == fill(several), "a line cannot go there"
    assert "[-]" not in check("b.md").out


def test_a_diff_shows_the_file_and_no_value(here: Path) -> None:
    password = make("password")
    text = f"""Log in with {password}, or with ⟨huggingface⟩.
```python
import modal
modal.Sandbox.create(env={{"DB_PASSWORD": "{password}"}})
```
"""
    (here / "a.md").write_text(fill(text))
    done = run("check", "--isolated", "--diff", "--unsafe-fixes", "a.md")
    assert done.out.startswith("--- a.md\n+++ a.md\n@@ -1,6 +1,6 @@\n Log in with ••••, or with hf_…")
    assert '-modal.Sandbox.create(env={"DB_PASSWORD": "••••"})\n' in done.out
    assert password not in done.said
    assert make("huggingface") not in done.said


def test_without_the_library_one_line_says_what_to_install(here: Path) -> None:
    (here / "a.md").write_text("modal")
    program = (
        "import importlib.util, sys\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'markdown_it' else find(name, *rest)\n"
        "from modal_lint import start\n"
        "sys.exit(start.status(['check', 'a.md']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": SOURCES}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    wanted = "checking Markdown needs markdown-it-py: pip install 'modal-lint[markdown]'"
    assert done.stderr == f"error: {wanted}\n"


def test_what_is_no_text_is_told(here: Path) -> None:
    (here / "a.md").write_bytes(b"modal\n\xff")
    done = check("a.md")
    assert (done.status, done.out.splitlines()[0]) == (1, "a.md:2:1: MS001 not checked: not valid UTF-8")


_WORDS = (
    "```python\n",
    "```\n",
    "~~~py\n",
    "> ",
    "- ",
    "  ",
    "\t",
    ">>> ",
    "x = 1\n",
    "if y:\n",
    "    z\n",
    "\n",
    "é",
    "\r",
)


@settings(max_examples=150)
@given(st.lists(st.sampled_from(_WORDS), max_size=12).map("".join))
def test_every_line_of_code_stands_where_it_is_said_to_stand(text: str) -> None:
    lines = list(_lines(text))
    for module in read("a.md", text.encode()).modules:
        parse(module.code)
        for row in module.rows:
            assert lines[row.line - 1] == row.prefix + row.shown


def _lines(text: str) -> Iterator[str]:
    yield from text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def test_an_edit_that_breaks_a_block_is_refused() -> None:
    data = b"```python\nx = 1\n```\n"
    assert edited("a.md", data, [Edit(Span(2, 4, 2, 5), "2")]) == data.replace(b"1", b"2")
    with pytest.raises(EditError):
        edited("a.md", data, [Edit(Span(2, 0, 2, 0), "if ")])
