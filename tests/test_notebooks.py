"""Notebooks: what is found in them and where it is told, and fixes that change a cell's source and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
import yaml
from fixture_cases import Done, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lint_process import SOURCES, lint
from material import fill, make
from modal_lint.documents import notebook as notebooks
from modal_lint.documents.checking import edited, read
from modal_lint.documents.magics import as_python
from modal_lint.edits import EditError, apply_edits
from modal_lint.model import Edit, Span
from modal_lint.source import Unreadable, parse
from percent import notebook

if TYPE_CHECKING:
    from collections.abc import Callable

HARDCODED = """# %%
import modal

app = modal.App("notebook")
# %% [markdown]
# The token is in the next cell.
# %%
TOKEN = "⟨huggingface⟩"
# %%
@app.function(env={"HF_TOKEN": TOKEN})
def answer():
    ...
"""
FIXED = """# %%
import modal

app = modal.App("notebook")
# %% [markdown]
# The token is in the next cell.
# %%
# %%
@app.function(secrets=[modal.Secret.from_name("huggingface-secret", required_keys=["HF_TOKEN"])])
def answer():
    ...
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def concise(*arguments: str) -> Done:
    return run("check", "--output-format", "concise", "--isolated", *arguments)


def codes(text: str, **metadata: Any) -> list[str]:
    """The places and codes of what is found in a notebook, given as text."""
    Path("a.ipynb").write_text(notebook(fill(text), **metadata), encoding="utf-8")
    return [
        re.sub(r"(MS\d+) .*", r"\1", line) for line in concise("a.ipynb").out.splitlines() if line.startswith("a.ipynb")
    ]


# ---- what is found, and where it is told -------------------------------------------------------------------------


def test_a_place_is_told_by_cell_in_every_format(here: Path) -> None:
    (here / "a.ipynb").write_text(notebook(fill(HARDCODED)), encoding="utf-8")
    assert concise("a.ipynb").out.startswith("a.ipynb:cell 3:1:9: MS101 [-] HF_TOKEN (huggingface")
    full = run("check", "--isolated", "a.ipynb").out
    assert "\n    1. a.ipynb:cell 3:1:9  the value is written here\n" in full
    assert "\n    3. a.ipynb:cell 4:1:6  reaches env= of modal.App.function\n" in full
    assert '\n  1 | TOKEN = "hf_…' in full
    (found,) = json.loads(run("check", "--isolated", "--output-format", "json", "a.ipynb").out)
    assert (found["cell"], found["location"], found["noqa_row"]) == (3, {"row": 1, "column": 9}, 1)
    assert [step["cell"] for step in found["flow"]] == [3, 3, 4]
    edits = [(edit["cell"], edit["location"]["row"], edit["location"]["column"]) for edit in found["fix"]["edits"]]
    assert edits == [(3, 1, 1), (4, 1, 15)], "the constant that nothing needs any more goes as well"


@pytest.mark.usefixtures("here")
def test_columns_count_characters() -> None:
    text = 'é = "ü"; import modal; modal.Sandbox.create(env={"HF_TOKEN": "⟨huggingface⟩"})'
    assert codes(text) == ["a.ipynb:cell 1:1:62: MS101"]


MAGICS = {
    "lines": "%load_ext autoreload\n!pip install modal\n!!ls\n?modal\nmodal?\nmodal.App??\n%timeit?\n",
    "a block": "if True:\n    !ls\nelse:\n    %cd x\n    ?modal\nfor a in ():\n    !l\n",
    "a command over lines": "!pip install \\\n    modal \\\n    numpy\n",
    "assignments": "a = !ls\nb = %env HOME\nc, d = !echo \"'\"\ne['x'] = !l\n(g, h) = !ls\ni.j = !ls\n",
    "timed": "%time f = 1\n%timeit -n 10 -r 2 f + 1\ng = %time f + 1\n%prun -q f\n%time not python at all\n",
    "no magics": 'x = (1\n% 2)\ny = """\n!ls\n%cd\n"""\nz = \'a\\\n!b\'\nw = [\n!x] if False else 1\n'.replace(
        "!x", "x"
    ),
    "signs of equality": 'k = 1\nprint("key=%s" % k)\nx = "a=!b"\nf(a="=%d" % k)\nassert k == 1, "=!x"\ny = k %2\n',
    "awaited": "await f.aio()\nasync with g() as h:\n    pass\nasync for i in j():\n    await i\n",
    "auto-call": ",f a b\n;f a b\n/f a\n",
    "capture": "%%capture out\n%%time\nx = 1\n",
    "empty": "\n\n",
    "only a magic": "%%time\n",
    "a comment": "# what?\nx = 1  # !ls?\n",
}


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", MAGICS)
def test_syntax_of_ipython_is_passed_over(name: str) -> None:
    text = f"# %%\n{MAGICS[name]}# %%\nimport modal\nmodal.Sandbox.create(env={{'HF_TOKEN': '⟨huggingface⟩'}})"
    assert codes(text) == ["a.ipynb:cell 2:2:39: MS101"]
    lines = MAGICS[name].split("\n")
    cell = as_python(lines)
    assert [len(line) for line in cell.lines] == [len(line) for line in lines], "every line keeps its length"
    parse("\n".join(cell.lines))


@given(st.lists(st.sampled_from(["%", "%%", "!", "?", "= ", "x", " ", "\\", "'", '"""', "(", ")", "#", "time ", "bash",
                                 "env A=", "\n", "é", "{", "}", "$"])).map("".join))  # fmt: skip
def test_whatever_is_no_python_keeps_its_place(text: str) -> None:
    lines = text.split("\n")
    assert [len(line) for line in as_python(lines).lines] == [len(line) for line in lines]
    data = notebook("# %%\n" + text + "\n# %%\nx = 1").encode()
    for module in read("a.ipynb", data).modules:
        assert len(module.code.split("\n")) == len(module.lines)
        parse(module.code)


@pytest.mark.usefixtures("here")
def test_variables_that_magics_set() -> None:
    text = """# %%
%env MODAL_TOKEN_ID=⟨modal-token-id⟩
%set_env MODAL_TOKEN_SECRET ⟨modal-token-secret⟩
%env MODAL_PROFILE=acme
%env OTHER=⟨openai⟩
# %%
# modal-lint: ignore-next-line[MS105] of the emulator
%env MODAL_TOKEN_ID=⟨modal-token-id⟩
# %%
import modal
"""
    assert codes(text) == ["a.ipynb:cell 1:1:21: MS105", "a.ipynb:cell 1:2:29: MS105"]


@pytest.mark.parametrize(
    ("cell", "place"),
    [
        (">>> import modal\n>>> modal.Sandbox.create(\n...     env={'HF_TOKEN': '⟨huggingface⟩'})\n", "3:26"),
        ("In [1]: import modal\n   ...: \nIn [2]: modal.Sandbox.create(env={'HF_TOKEN': '⟨huggingface⟩'})", "3:47"),
        ("    import modal\n\n    !ls\n    modal.Sandbox.create(env={'HF_TOKEN': '⟨huggingface⟩'})", "4:43"),
    ],
)
@pytest.mark.usefixtures("here")
def test_what_is_pasted_with_prompts_or_indented_is_read(cell: str, place: str) -> None:
    assert codes(f"# %%\n{cell}") == [f"a.ipynb:cell 1:{place}: MS101"]
    run("fix", "--isolated", "--unsafe-fixes", "a.ipynb")
    (after,) = json.loads(Path("a.ipynb").read_text())["cells"]
    assert "from_name(" in after["source"][-1]


@pytest.mark.usefixtures("here")
def test_a_written_module_stands_alone_and_appending_goes_on() -> None:
    first = "# %%\n%%writefile app.py\nimport modal\napp = modal.App()\n"
    used = "@app.function(env={'HF_TOKEN': '⟨huggingface⟩'})\ndef f(): ..."
    assert codes(f"{first}# %%\n%%writefile -a app.py\n{used}") == ["a.ipynb:cell 2:2:32: MS101"]
    assert codes(f"{first}# %%\n{used}") == [], "the notebook itself has no such app"
    assert codes("# %%\n%%writefile app.txt\nimport modal\nThis is text") == []


def test_a_notebook_imports_modules_beside_it_and_no_module_imports_it(here: Path) -> None:
    (here / "common.py").write_text(fill('import modal\n\napp = modal.App()\nENV = {"HF_TOKEN": "⟨huggingface⟩"}\n'))
    (here / "b.py").write_text("import modal\nfrom a import ENV2\nmodal.Sandbox.create(env=ENV2)\n")
    text = "# %%\nfrom common import ENV, app\n# %%\nENV2 = ENV\n@app.function(env=ENV)\ndef f(): ...\n"
    (here / "a.ipynb").write_text(notebook(text))
    found = [line.split(" HF_TOKEN")[0] for line in concise(".").out.splitlines() if not line.startswith("Found")]
    assert found == ["a.ipynb:cell 2:2:19: MS101"]


@pytest.mark.parametrize(
    "cell",
    [
        "!{command}",
        "%system {command}",
        "x = !{command}",
        "if True:\n    %sx {command}",
        "%%sh\n{command}",
        "%%script bash --bg\n\n{command}",
        "%%!\n{command}",
        "%%python\nimport os\nos.system('{command}')",
        "%%writefile 'run.py'\nimport os\nos.system('{command}')",
    ],
)
@pytest.mark.usefixtures("here")
def test_commands_however_they_are_run(cell: str) -> None:
    text = cell.format(command="modal secret create hf HF_TOKEN=⟨huggingface⟩")
    assert [line.split()[-1] for line in codes(f"# %%\nimport modal\n# %%\n{text}\n")] == ["MS104"]


@pytest.mark.usefixtures("here")
def test_what_a_session_pickles_and_what_no_container_imports() -> None:
    text = """# %%
import os, modal
app = modal.App()
TOKEN = os.environ["HF_TOKEN"]
# %%
@app.function()
def f():
    return len(TOKEN)
"""
    assert codes(text) == ["a.ipynb:cell 2:3:16: MS203"]


# ---- outputs -----------------------------------------------------------------------------------------------------


def test_outputs_and_metadata_are_looked_at_and_images_are_not(here: Path) -> None:
    key, other = make("github"), make("openai")
    document = json.loads(
        notebook("# %%\nimport modal\n# %%\nmodal\n# %%\n\n# %%\nmodal.App\n", papermill={"k": other})
    )
    cells = document["cells"]
    image = {"image/png": key, "text/html": f'<img src="data:image/png;base64,{key}">'}
    cells[0]["outputs"] = [{"output_type": "display_data", "data": image, "metadata": {}}]
    cells[1]["outputs"] = [
        {
            "output_type": "error",
            "ename": "E",
            "evalue": "",
            "traceback": ["\x1b[0;31m" + key[:9], key[9:] + "\x1b[0m"],
        },
        {"output_type": "execute_result", "data": {"application/json": {"a": [1, {"b": key}]}}, "metadata": {}},
    ]
    cells[2]["source"] = []
    cells[2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": f"{key}\n"}]
    cells[3]["metadata"] = {"tags": [key]}
    (here / "a.ipynb").write_text(json.dumps(document))
    done = concise("a.ipynb")
    assert [line.partition(" stands")[0] for line in done.out.splitlines()[:4]] == [
        "a.ipynb:1:1: MS111 a openai project key",
        "a.ipynb:cell 2:1:1: MS111 a github access token",
        "a.ipynb:cell 3:1:1: MS111 a github access token",
        "a.ipynb:cell 4:1:1: MS111 a github access token",
    ]
    assert key not in done.said
    assert other not in done.said


# ---- what is no notebook, or not Python ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", ""),
        (b'{"cells": [\n{"modal": ]}', "a.ipynb:2:11: MS001 not checked: not a notebook: its JSON is broken here"),
        (b'{"modal": 1}', "a.ipynb:1:1: MS001 not checked: not a notebook: its JSON has no list of cells"),
        (b'["modal"]', "a.ipynb:1:1: MS001 not checked: not a notebook: its JSON has no list of cells"),
        (b'{"cells": [],\n "modal": "\xff"}', "a.ipynb:2:1: MS001 not checked: not a notebook: not valid UTF-8"),
        (b'{"modal": ' + b"[" * 100_000, "a.ipynb:1:1: MS001 not checked: not a notebook: its JSON cannot be read"),
        (b'{"cells": [1, null, {}, {"cell_type": "code"}, {"cell_type": "code", "source": 1}], "a": "modal"}', ""),
        (b'{"worksheets": [1, {}, {"cells": 1}, {"cells": [1]}], "a": "modal"}', ""),
    ],
)
def test_what_is_no_notebook_is_told(data: bytes, told: str, here: Path) -> None:
    (here / "a.ipynb").write_bytes(data)
    done = run("check", "--isolated", "--output-format", "concise", "a.ipynb")
    assert done.status == (1 if told else 0)
    assert done.out.startswith(told)


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": {"language": "R", "name": "ir"}},
        {"kernelspec": {"name": "x"}, "language_info": {"name": "julia"}},
    ],
)
@pytest.mark.usefixtures("here")
def test_other_languages_are_passed_over(metadata: dict[str, Any]) -> None:
    assert codes(HARDCODED, **metadata) == []
    assert codes(HARDCODED, kernelspec={"display_name": "x"}) == ["a.ipynb:cell 3:1:9: MS101"]


def test_a_cell_of_another_language_is_passed_over(here: Path) -> None:
    document = json.loads(notebook(fill(HARDCODED)))
    document["cells"][1] = {"cell_type": "code", "metadata": {"vscode": {"languageId": "sql"}}, "source": ["SELECT ("]}
    (here / "a.ipynb").write_text(json.dumps(document))
    assert concise("a.ipynb").out.startswith("a.ipynb:cell 3:1:9: MS101")


def test_version_3_is_read_and_fixed(here: Path) -> None:
    lines = fill("import modal\nmodal.Sandbox.create(env={'HF_TOKEN': '⟨huggingface⟩'})")
    cells = [{"cell_type": "markdown", "source": "x"}, {"cell_type": "code", "language": "python", "input": lines}]
    text = json.dumps(
        {"metadata": {}, "nbformat": 3, "worksheets": [{"cells": [{"cell_type": "raw"}]}, {"cells": cells}]}
    )
    (here / "a.ipynb").write_text(text)
    assert concise("a.ipynb").out.startswith("a.ipynb:cell 3:2:39: MS101")
    assert run("fix", "--isolated", "--unsafe-fixes", "a.ipynb").status == 0
    after = json.loads((here / "a.ipynb").read_text())
    assert "from_name('huggingface-secret'" in after["worksheets"][1]["cells"][1]["input"]


@pytest.mark.usefixtures("here")
def test_a_broken_cell_is_told_and_the_others_are_checked() -> None:
    call = "modal.Sandbox.create(env={'HF_TOKEN': '⟨huggingface⟩'})"
    text = f"# %%\nimport modal\n# %%\nx = 1\nif x = 2:\n    pass\n# %%\n{call}\n"
    assert codes(text) == ["a.ipynb:cell 2:2:4: MS001", "a.ipynb:cell 3:1:39: MS101"]
    assert "(the other cells are checked)\n" in concise("a.ipynb").out
    (Path("b.ipynb")).write_text(notebook("# %%\nif\n# %%\nimport modal\n# %%\nif"))
    assert "(the other cells are checked), and 1 more\n" in concise("b.ipynb").out
    assert codes("# %%\nimport modal as\n") == ["a.ipynb:cell 1:1:16: MS001"], "what cannot be read is never clean"
    assert codes("# %%\nthis is not about it\n# Out: multimodal") == []


def test_checkpoints_and_notebooks_without_modal(here: Path) -> None:
    text = notebook(fill(HARDCODED))
    for name in (".ipynb_checkpoints/a-checkpoint.ipynb", "sub/b.ipynb"):
        (here / name).parent.mkdir()
        (here / name).write_text(text)
    (here / "c.ipynb").write_text(notebook("# %%\nx = 1\n# %%\nif"))
    done = concise(".")
    assert [line.partition(" ")[0] for line in done.out.splitlines()[:-2]] == ["sub/b.ipynb:cell"]
    assert "in 2 files checked" in done.out


def test_a_notebook_without_modal_costs_no_parser(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text(notebook("# %%\nx = 1\n"))
    program = """
import sys
from modal_lint import start
status = start.status(["check", "--no-cache", "-q", "a.ipynb"])
heavy = ("json", "libcst", "modal_lint.source", "modal_lint.documents")
print(status, [name for name in heavy if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={"PYTHONPATH": SOURCES}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout == "0 []\n"


# ---- suppressions ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("here")
def test_suppressions_in_cells() -> None:
    call = "modal.Sandbox.create(env={'HF_TOKEN': '⟨huggingface⟩'})"
    text = f"""# %%
import modal
# %%
{call}  # modal-lint: ignore[MS101] the emulator's
# %%
# modal-lint: ignore-next-line[MS101]
{call}
# %%
{call}
"""
    assert codes(text) == ["a.ipynb:cell 4:1:39: MS101"]
    of_all = f"# %%\nimport modal\n# %%\n{call}\n# %%\n{call}\n# %%\n# modal-lint: ignore-file[MS1] recorded"
    assert codes(of_all) == []


def test_an_unused_suppression_at_the_end_of_a_cell_goes_with_its_line(here: Path) -> None:
    text = "# %%\nimport modal\n# modal-lint: ignore[MS101]\n# %%\n# modal-lint: ignore[MS101]\n# %%\nx = 1\n"
    (here / "a.ipynb").write_text(notebook(text))
    assert run("fix", "--isolated", "a.ipynb").status == 0
    assert (here / "a.ipynb").read_text() == notebook("# %%\nimport modal\n# %%\n# %%\nx = 1\n")


# ---- fixes -------------------------------------------------------------------------------------------------------


STYLES: dict[str, Callable[[Any], str]] = {
    "jupyter": lambda document: json.dumps(document, indent=1, ensure_ascii=False) + "\n",
    "two blanks": lambda document: json.dumps(document, indent=2) + "\n",
    "tabs": lambda document: json.dumps(document, indent="\t", sort_keys=True),
    "one line": lambda document: json.dumps(document, separators=(",", ":")),
    "strings": lambda document: json.dumps(_joined(document), indent=1),
    "windows": lambda document: json.dumps(document, indent=1).replace("\n", "\r\n") + "\r\n",
    "byte order mark": lambda document: "\ufeff" + json.dumps(document, indent=1),
}


def _joined(document: Any) -> Any:
    cells = [{**cell, "source": "".join(cell["source"])} for cell in document["cells"]]
    return {**document, "cells": cells}


@pytest.mark.parametrize("style", STYLES)
def test_a_fix_leaves_the_json_as_it_is(style: str, here: Path) -> None:
    before, after = (json.loads(notebook(fill(text), title="schön")) for text in (HARDCODED, FIXED))
    for document in (before, after):
        document["cells"][0]["outputs"] = [{"name": "stdout", "output_type": "stream", "text": ["größe\n", " "]}]
    path = here / "a.ipynb"
    path.write_bytes(STYLES[style](before).encode())
    done = run("fix", "--isolated", "--unsafe-fixes", "a.ipynb")
    assert done.status == 0, done.said
    assert path.read_bytes().decode() == STYLES[style](after)
    assert make("huggingface") in (here / ".modal-lint/secrets/huggingface-secret.env").read_text()
    assert make("huggingface") not in done.said
    if style != "byte order mark":  # nbformat itself cannot read one
        valid = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]
        nbformat.validate(valid)
    assert run("fix", "--isolated", "--unsafe-fixes", "a.ipynb").status == 0
    assert path.read_bytes().decode() == STYLES[style](after), "a second fix changes nothing"


def test_an_import_for_a_fix_goes_behind_the_imports_of_the_cell(here: Path) -> None:
    text = """# %%
%%capture
!pip install modal
# %%
from modal import App, Sandbox
# %%
%%time
Sandbox.create(env={"HF_TOKEN": "⟨huggingface⟩"})
"""
    (here / "a.ipynb").write_text(notebook(fill(text)))
    assert run("fix", "--isolated", "--unsafe-fixes", "a.ipynb").status == 0
    document = json.loads((here / "a.ipynb").read_text())
    assert ["".join(cell["source"]) for cell in document["cells"]] == [
        "%%capture\n!pip install modal",
        "from modal import App, Sandbox, Secret",
        '%%time\nSandbox.create(secrets=[Secret.from_name("huggingface-secret", required_keys=["HF_TOKEN"])])',
    ]


def test_diff_shows_cells_and_no_value(here: Path) -> None:
    text = HARDCODED.replace('"HF_TOKEN": TOKEN', '"HF_TOKEN": "⟨huggingface⟩"') + "# %%\n!echo ⟨huggingface⟩\n"
    (here / "a.ipynb").write_text(notebook(fill(text)))
    done = run("check", "--isolated", "--diff", "--unsafe-fixes", "a.ipynb")
    assert done.out.startswith(
        "--- a.ipynb:cell 4\n+++ a.ipynb:cell 4\n@@ -1,3 +1,3 @@\n"
        '-@app.function(env={"HF_TOKEN": "••••"})\n'
        '+@app.function(secrets=[modal.Secret.from_name("huggingface-secret", required_keys=["HF_TOKEN"])])\n'
        " def answer():\n"
    )
    assert make("huggingface") not in done.said
    assert fill(text.splitlines()[-1]).split()[-1] in (here / "a.ipynb").read_text(), "nothing is written"


def test_no_value_in_a_diff_of_a_cell_with_magics(here: Path) -> None:
    password = make("password")
    text = f"""# %%
import modal
DB_PASSWORD = "{password}"
!psql --password {password}
%env DB_PASSWORD={password}
modal.Sandbox.create(env={{"DB_PASSWORD": DB_PASSWORD, "HF_TOKEN": "⟨huggingface⟩"}})
"""
    (here / "a.ipynb").write_text(notebook(fill(text)))
    done = run("check", "--isolated", "--diff", "--unsafe-fixes", "a.ipynb")
    assert "@@" in done.out
    assert password not in done.said
    assert make("huggingface") not in done.said


def test_standard_input(here: Path) -> None:
    suppressed = "# %%\nimport modal  # modal-lint: ignore[MS101]\n"
    data = notebook(suppressed).encode()
    checked = lint("check", "--isolated", "-", "--stdin-filename", "x.ipynb", cwd=here, stdin=data)
    assert "x.ipynb:cell 1:1:15 MS002" in checked.out
    fixed = lint("fix", "--isolated", "-", "--stdin-filename", "x.ipynb", cwd=here, stdin=data)
    assert fixed.out == notebook("# %%\nimport modal\n")


_SOURCES = st.text(st.sampled_from("ab =(\")'\\é😀\u2028\x0c\t#/\x1b")).map(str)
_LINES = st.lists(_SOURCES, min_size=1, max_size=5)


@settings(max_examples=150)
@given(st.lists(_LINES, min_size=1, max_size=3), st.sampled_from(sorted(STYLES)), st.data())
def test_an_edit_changes_the_source_of_its_cell_and_nothing_else(
    cells: list[list[str]], style: str, data: st.DataObject
) -> None:
    number = data.draw(st.integers(1, len(cells)))
    lines = cells[number - 1]
    first = data.draw(st.integers(1, len(lines)))
    last = data.draw(st.integers(first, len(lines)))
    start = data.draw(st.integers(0, len(lines[first - 1])))
    end = data.draw(st.integers(start if last == first else 0, len(lines[last - 1])))
    edit = Edit(Span(first, start, last, end), data.draw(st.sampled_from(["", "x", "x\ny", 'é"\\', "\n"])), number)
    document = json.loads(notebook(""))
    document["cells"] = [_cell(one) for one in cells]
    old = STYLES[style](document).encode()
    new = notebooks.read(old).writer([edit]) if style else b""
    expected = json.loads(old.decode("utf-8-sig"))
    source = expected["cells"][number - 1]["source"]
    wanted = apply_edits("".join(source).encode(), [edit], encoding="utf-8").decode()
    after = json.loads(new.decode("utf-8-sig"))
    got = after["cells"][number - 1].pop("source")
    expected["cells"][number - 1].pop("source")
    assert ("".join(got), after) == (wanted, expected)
    assert isinstance(got, str) == isinstance(source, str)
    if isinstance(got, list):
        assert all(line.endswith("\n") and line.count("\n") == 1 for line in got[:-1])
    if old.isascii() and any(not line.isascii() for lines in cells for line in lines):
        assert new.isascii(), "what is spelled in ASCII stays so"
    shared = _shared(old, new), _shared(old[::-1], new[::-1])
    untouched = len(old) - len(json.dumps(source).encode()) * 3 - 200
    assert sum(shared) >= untouched, "all around the source is the same, byte for byte"


def _cell(lines: list[str]) -> dict[str, Any]:
    source = [*(line + "\n" for line in lines[:-1]), *([lines[-1]] if lines[-1] else [])]
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}


def _shared(one: bytes, other: bytes) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


@pytest.mark.parametrize(
    "edit",
    [
        Edit(Span(1, 0, 1, 1), "", None),
        Edit(Span(1, 0, 1, 1), "", 9),
        Edit(Span(9, 0, 9, 1), "", 1),
        Edit(Span(1, 0, 1, 0), "if ", 1),
    ],
)
def test_an_edit_that_does_not_fit_is_refused(edit: Edit) -> None:
    with pytest.raises(EditError):
        edited("a.ipynb", notebook("# %%\nx = 1\n").encode(), [edit])


def test_a_file_that_is_no_notebook_is_not_edited() -> None:
    with pytest.raises(Unreadable):
        edited("a.ipynb", b"{}", [Edit(Span(1, 0, 1, 0), "x", 1)])


# ---- what other commands say of notebooks ------------------------------------------------------------------------


def test_the_inventory_knows_the_secrets_of_notebooks(here: Path) -> None:
    text = """# %%
import os, modal
app = modal.App("x")
# %%
@app.function(secrets=[modal.Secret.from_name("huggingface-secret")])
def f():
    return os.environ["HF_TOKEN"]
# %%
%%writefile app.py
import modal
modal.Sandbox.create(secrets=[modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])])
"""
    (here / "a.ipynb").write_text(notebook(text))
    (here / "b.py").write_text('import modal\nmodal.Secret.from_name("other-secret")\n')
    done = run("inventory", "--isolated", ".")
    assert "HF_TOKEN  read  a.ipynb:cell 2:3\n" in done.out
    assert "looked up   a.ipynb:cell 3:3\n" in done.out
    assert "looked up   b.py:2\n" in done.out
    found = json.loads(run("inventory", "--isolated", "--output-format", "json", ".").out)
    assert '"cell": 2' in json.dumps(found)


def test_suppressions_are_added_to_cells_with_magics(here: Path) -> None:
    text = """# %%
%%time
!pip install modal
import modal
modal.Sandbox.create(env={"HF_TOKEN": "⟨huggingface⟩"})
"""
    (here / "a.ipynb").write_text(notebook(fill(text)))
    run("check", "--isolated", "--add-suppressions=for a test", "a.ipynb")
    (cell,) = json.loads((here / "a.ipynb").read_text())["cells"]
    assert cell["source"][-1].endswith("})  # modal-lint: ignore[MS101] for a test")
    assert run("check", "--isolated", "a.ipynb").status == 0


def test_what_an_edit_does_not_touch_keeps_its_spelling() -> None:
    for source in (r'["\u0061 = \"\u00e9\/\"\n", "b = 1"]', r'"\u0061 = \"\u00e9\/\"\nb = 1"'):
        data = '{"cells": [{"cell_type": "code", "source": %s}]}'
        new = edited("a.ipynb", (data % source).encode(), [Edit(Span(2, 4, 2, 5), '"\U0001f600é"', 1)])
        assert new.decode() == data % source.replace("b = 1", r"b = \"\ud83d\ude00\u00e9\"")


def test_a_notebook_that_never_says_modal_but_imports_what_does(here: Path) -> None:
    (here / "common.py").write_text("import modal\n\napp = modal.App()\n\n\n@app.function()\ndef ask(key): ...\n")
    for name, text in (
        ("a.ipynb", notebook("# %%\nfrom common import ask\n# %%\nask.remote('⟨openai⟩')\n")),
        ("b", ""),
    ):
        (here / name).write_text(fill(text))
    document = _joined(json.loads((here / "a.ipynb").read_text()))
    (here / "c.ipynb").write_text(json.dumps(document))
    found = [line.partition(" MS")[0] for line in concise(".").out.splitlines()[:2]]
    assert found == ["a.ipynb:cell 2:1:12:", "c.ipynb:cell 2:1:12:"]


def test_a_diff_tells_what_was_not_checked(here: Path) -> None:
    (here / "a.ipynb").write_text(notebook("# %%\nimport modal\n# %%\nif x = 1"))
    assert "a.ipynb:cell 2:1:4: not checked: syntax error" in run("check", "--isolated", "--diff", "a.ipynb").err


def test_the_hooks_take_notebooks() -> None:
    hooks = yaml.safe_load((Path(__file__).parent.parent / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert {hook["id"] for hook in hooks if hook["types_or"] == ["python", "pyi", "jupyter"]} >= {
        "modal-lint",
        "modal-lint-fix",
    }


def test_a_broken_cell_is_left_alone_and_shows_no_value(here: Path) -> None:
    key, password = make("openai"), make("password")
    text = f"""# %%
import modal
# %%
# modal-lint: ignore[MS101]
f("{key}") if
g("{password}")
# %%
# modal-lint: ignore[MS101]
!modal secret create a DB_PASSWORD={password}
DB_PASSWORD = "{password}"
!modal secret create a DB_PASSWORD={{DB_PASSWORD}}
"""
    (here / "a.ipynb").write_text(notebook(text))
    assert [line.split()[3] for line in concise("a.ipynb").out.splitlines()[:4]] == [
        "not",
        "[*]",
        "DB_PASSWORD",
        "DB_PASSWORD",
    ]
    done = run("check", "--isolated", "--diff", "a.ipynb")
    assert done.out.startswith("--- a.ipynb:cell 3\n")
    assert done.out.count("\n-") == 1
    for value in (key, password):
        assert value not in done.said


_PIECES = (
    "import modal\n",
    "modal.Sandbox.create(env={'HF_TOKEN': '⟨huggingface⟩'})\n",
    "modal.Sandbox.create(\n    env={\n        'HF_TOKEN': '⟨huggingface⟩',\n        'B': '1',\n    },\n)\n",
    "!modal secret create a K=⟨openai⟩\n",
    "%env MODAL_TOKEN_SECRET=⟨modal-token-secret⟩\n",
    "# modal-lint: ignore[MS101]\n",
    "K = '⟨openai⟩'\nx = !modal secret create a K={K}\n",
    "if x:\n    !ls {x}\n    ?y\n",
    "%%bash\n",
    "%%time\n",
    "%%writefile -a a.py\n",
    "%modal from a/b import c\nc.remote('⟨openai⟩')\n",
    *("'''\n", "(\n", ">>> a = 1\n", "    x\n", "\\\n", "\r", "\x0c\n", "é = 1\n"),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from(_PIECES), max_size=4).map("".join), max_size=4), st.booleans())
def test_no_notebook_breaks_a_run_or_shows_a_value(here: Path, cells: list[str], strings: bool) -> None:
    document = json.loads(notebook(""))
    document["cells"] = [_cell(fill(one).split("\n")) for one in cells]
    (here / "a.ipynb").write_text(json.dumps(_joined(document) if strings else document))
    values = [fill(f"⟨{kind}⟩") for kind in ("huggingface", "openai", "modal-token-secret")]
    for arguments in (["check"], ["check", "--diff", "--unsafe-fixes"], ["fix", "--unsafe-fixes"]):
        done = run(arguments[0], "--isolated", *arguments[1:], "a.ipynb")
        assert done.status in (0, 1)
        assert not any(value in done.said for value in values)
    after = json.loads((here / "a.ipynb").read_text())["cells"]
    assert [isinstance(cell["source"], str) for cell in after] == [strings] * len(cells)
    valid = nbformat.reads((here / "a.ipynb").read_text(), as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(valid)
