"""Each format: what its readers rely on, for findings of every kind and for none."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
from fixture_cases import run
from format_grammars import MACHINE_FORMATS, artifact, read, sarif
from hypothesis import given, settings
from hypothesis import strategies as st
from lint_process import leaky, lint, token
from markdown_it import MarkdownIt
from modal_lint.model import Confidence, Edit, Failure, Finding, Fix, Report, Severity, Span, Step
from modal_lint.report import FORMATS, Look, render
from modal_lint.report import sarif as sarif_format
from modal_lint.report.base import visible
from modal_lint.report.markdown import bounded

if TYPE_CHECKING:
    from pathlib import Path

_SPAN = Span(4, 10, 4, 20)
_SAFE = "from modal import Secret\nx = Secret.from_dotenv('.env.prod')\n"  # MS301, whose fix is safe


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("CI_PROJECT_DIR", "GITHUB_WORKSPACE", "WORKSPACE", "CI_COMMIT_SHA", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def _reported(form: str, *paths: str) -> Any:
    text = run("check", "--isolated", "-q", "--output-format", form, *(paths or (".",))).out
    return json.loads(text) if text.startswith(("{", "[")) else text


def _finding(**changes: Any) -> Finding:
    given: dict[str, Any] = {
        "path": "app.py",
        "span": _SPAN,
        "code": "MS101",
        "name": "hardcoded-env",
        "message": "HF_TOKEN is hardcoded",
        "severity": Severity.ERROR,
    }
    return Finding(**{**given, **changes})


# ---- all of them ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_the_status_is_the_same_in_every_format(here: Path, form: str) -> None:
    (here / "app.py").write_text(leaky())
    (here / "clean.py").write_text("import modal\n")
    assert run("check", "--isolated", "--output-format", form, "app.py").status == 1
    assert run("check", "--isolated", "--output-format", form, "clean.py").status == 0
    assert run("check", "--isolated", "--output-format", form, "--exit-zero", "app.py").status == 0


@pytest.mark.parametrize("form", MACHINE_FORMATS)
def test_nothing_found_is_a_valid_report(here: Path, form: str) -> None:
    (here / "clean.py").write_text("import modal\n")
    done = run("check", "--isolated", "--output-format", form, ".")
    assert read(form, done.out) == []
    assert "All checks passed" in done.err


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_is_not_checked_is_told(here: Path, form: str) -> None:
    (here / "bad.py").write_text("import modal\nx = (\n")
    done = run("check", "--isolated", "-q", "--output-format", form, "bad.py", "gone.py")
    assert done.status == 1
    if form == "gitlab-secrets":
        messages = json.loads(done.out)["scan"]["messages"]
        assert [(one["level"], one["value"].partition(" ")[0]) for one in messages] == [
            ("warn", "bad.py:2:5:"),
            ("warn", "gone.py:1:1:"),
        ]
    elif form in MACHINE_FORMATS:
        told = [(one.path, one.code) for one in read(form, done.out)]
        assert told == [("bad.py", "MS001"), ("gone.py", "MS001")]
    else:
        assert len(re.findall("MS001", done.out)) >= 2
        assert "not checked" in done.out


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.usefixtures("here")
def test_a_notebook_is_told_by_its_cell(form: str) -> None:
    flow = (Step("app.ipynb", _SPAN, "is written here", cell=2), Step("app.ipynb", _SPAN, "reaches env=", cell=3))
    text = render(form, Report((_finding(path="app.ipynb", cell=3, flow=flow),)), Look())
    if form in ("json", "json-lines"):
        assert '"cell": 3' in text
    else:
        assert "cell 3" in html.unescape(text)
    if form not in MACHINE_FORMATS:
        return
    (told,) = read(form, text)
    # A line of a cell is none of the file: ruff's `json` has the cell beside it, `junit` in its text.
    assert told.line == {"json": 4, "json-lines": 4, "junit": 4, "rdjson": None}.get(form, 1)


# ---- places -----------------------------------------------------------------------------------------------------


def test_paths_are_those_of_the_repository(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["git", "init", "-q", "."], check=True)
    (here / "src" / "a b").mkdir(parents=True)
    (here / "src" / "a b" / "größe#1.py").write_text(leaky())
    monkeypatch.chdir(here / "src")
    path = "src/a b/größe#1.py"
    assert _reported("gitlab")[0]["location"]["path"] == path
    assert _reported("gitlab-secrets")["vulnerabilities"][0]["location"]["file"] == path
    assert f"file={path}," in _reported("github")
    (result,) = _reported("sarif")["runs"][0]["results"]
    where = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert where == {"uri": "src/a%20b/gr%C3%B6%C3%9Fe%231.py", "uriBaseId": "%SRCROOT%"}
    assert artifact(result["locations"][0]) == path
    assert _reported("rdjson")["diagnostics"][0]["location"]["path"] == "a b/größe#1.py"
    assert f"sourcepath={here}/{path};" in _reported("azure")


def test_without_git_the_checkout_of_the_ci_service_is_the_top(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "src").mkdir()
    (here / "src" / "app.py").write_text(leaky())
    monkeypatch.chdir(here / "src")
    monkeypatch.setenv("CI_PROJECT_DIR", str(here))
    assert _reported("gitlab")[0]["location"]["path"] == "src/app.py"
    monkeypatch.setenv("CI_PROJECT_DIR", str(here / "elsewhere"))
    assert _reported("gitlab")[0]["location"]["path"] == "app.py"


@pytest.mark.usefixtures("here")
def test_a_file_outside_of_the_top_is_absolute(tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other") / "app.py"
    other.write_text(leaky())
    (result,) = sarif(run("check", "--isolated", "-q", "--output-format", "sarif", str(other)).out)
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": other.as_uri()}
    assert _reported("gitlab", str(other))[0]["location"]["path"] == str(other)


@pytest.mark.parametrize(
    ("data", "before"),
    [
        (leaky(before="x = 1; ").encode(), "x = 1; "),
        (leaky(before='"𐐀é🔑"; ').encode(), '"𐐀é🔑"; '),
        (leaky(before='"𐐀"; ').replace("\n", "\r\n").encode(), '"𐐀"; '),
        (b"# coding: latin-1\n" + leaky(before='"\xe9"; ').encode("latin-1"), '"é"; '),
        (b"\xef\xbb\xbf" + leaky(before='"é"; ').encode(), '"é"; '),
    ],
    ids=["ascii", "astral", "crlf", "latin-1", "bom"],
)
def test_columns_of_rdjson_count_bytes_of_utf8(here: Path, data: bytes, before: str) -> None:
    (here / "app.py").write_bytes(data)
    (found,) = _reported("rdjson")["diagnostics"]
    (plain,) = _reported("json")
    start, end = found["location"]["range"]["start"], found["location"]["range"]["end"]
    wider = len(before.encode()) - len(before)
    assert start == {"line": plain["location"]["row"], "column": plain["location"]["column"] + wider}
    assert end["column"] - start["column"] == plain["end_location"]["column"] - plain["location"]["column"]


def test_a_byte_order_mark_counts_on_the_first_line_only(here: Path) -> None:
    one_line = leaky().replace("\n\n", "; ").replace("\n", "; ").rstrip("; ")
    (here / "app.py").write_bytes(b"\xef\xbb\xbf" + one_line.encode())
    (found,), (plain,) = _reported("rdjson")["diagnostics"], _reported("json")
    assert found["location"]["range"]["start"]["column"] == plain["location"]["column"] + 3


def test_columns_of_standard_input_are_not_those_of_the_file_of_its_name(here: Path) -> None:
    (here / "app.py").write_text("x = 1\n")
    flags = ("check", "-", "--stdin-filename", "app.py", "--output-format", "rdjson")
    done = lint(*flags, cwd=here, stdin=leaky(before='"𐐀"; ').encode())
    (found,) = json.loads(done.out)["diagnostics"]
    assert found["location"]["range"]["start"]["column"] == leaky(before='"𐐀"; ').split("\n")[3].index('"hf_') + 1 + 3


@pytest.mark.usefixtures("here")
def test_a_line_that_is_gone_has_no_column() -> None:
    text = render("rdjson", Report((_finding(path="gone.py"),)), Look())
    (found,) = json.loads(text)["diagnostics"]
    assert found["location"]["range"] == {"start": {"line": 4}, "end": {"line": 4}}
    assert read("rdjson", text)[0].line == 4


# ---- what tells findings apart ----------------------------------------------------------------------------------


def _marks(form: str) -> list[str]:
    text = run("check", "--isolated", "-q", "--output-format", form, "app.py").out
    if form == "sarif":
        return [one["partialFingerprints"]["modalLint/v1"] for one in sarif(text)]
    assert read(form, text)
    if form == "gitlab":
        return [one["fingerprint"] for one in json.loads(text)]
    if form == "gitlab-secrets":
        return [one["id"] for one in json.loads(text)["vulnerabilities"]]
    root = ElementTree.fromstring(text)
    return [f"{case.get('classname')} {case.get('name')}" for case in root.iter("testcase")]


@pytest.mark.parametrize("form", ["sarif", "gitlab", "gitlab-secrets", "junit"])
def test_marks_are_unique_and_stay_when_lines_move(here: Path, form: str) -> None:
    twice = leaky(token(1)) + leaky(token(2)).split("\n")[3] + "\n"
    (here / "app.py").write_text(twice)
    marks = _marks(form)
    assert len(set(marks)) == len(marks) == 2
    (here / "app.py").write_text("# moved\n\n\n" + twice.replace("\n", "\r\n"))
    assert _marks(form) == marks
    (here / "app.py").write_text(leaky(token(3)) + leaky(token(4)).split("\n")[3] + "\n")
    assert _marks(form) == marks, "a mark says nothing of a value"
    (here / "app.py").write_text(leaky(token(1), key="OTHER_TOKEN"))
    assert form == "junit" or not set(_marks(form)) & set(marks)


# ---- sarif ------------------------------------------------------------------------------------------------------


def test_sarif_describes_each_rule_once(here: Path) -> None:
    (here / "app.py").write_text(leaky() + leaky(token(2)) + _SAFE)
    log = _reported("sarif")
    rules = {rule["id"]: rule for rule in log["runs"][0]["tool"]["driver"]["rules"]}
    assert len(sarif(json.dumps(log))) >= 3
    assert rules["MS101"]["properties"] == {
        "tags": ["security", "external/cwe/cwe-798"],
        "security-severity": "8.5",
    }
    assert rules["MS301"]["properties"] == {"tags": ["correctness"], "problem.severity": "error"}
    assert "# expect" not in rules["MS101"]["help"]["markdown"]
    assert "```python bad" not in rules["MS101"]["help"]["markdown"]
    assert log["runs"][0]["columnKind"] == "unicodeCodePoints"


def test_sarif_has_the_flow_and_no_fix_that_would_lose_a_value(here: Path) -> None:
    (here / "app.py").write_text(
        f'import modal\n\nKEY = "{token()}"\napp = modal.App("a")\n'
        'modal.Sandbox.create(app=app, env={"HF_TOKEN": KEY})\n' + _SAFE
    )
    by_rule = {one["ruleId"]: one for one in sarif(run("check", "--isolated", "--output-format=sarif", "app.py").out)}
    steps = by_rule["MS101"]["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [one["location"]["physicalLocation"]["region"]["startLine"] for one in steps][:2] == [3, 3]
    assert "fixes" not in by_rule["MS101"]
    (fix,) = by_rule["MS301"]["fixes"]
    assert fix["artifactChanges"][0]["replacements"]


def test_a_message_of_sarif_is_no_link_and_has_no_arguments() -> None:
    report = Report((_finding(message="a [b](http://x.org) [c] {0} {d}", help="pass secrets=[x]"),))
    (result,) = sarif(render("sarif", report, Look()))
    assert result["message"]["text"] == "a \\[b](http://x.org) [c] {{0}} {d}\npass secrets=[x]"


def test_sarif_keeps_to_the_limits_and_tells_what_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (sarif_format.MAX_RESULTS, sarif_format.MAX_STEPS) == (25_000, 1_000)
    monkeypatch.setattr(sarif_format, "MAX_RESULTS", 3)
    monkeypatch.setattr(sarif_format, "MAX_STEPS", 4)
    flow = tuple(Step("app.py", Span(n, 0, n, 1), f"step {n}") for n in range(1, 9))
    levels = [Severity.WARNING, Severity.ERROR, Severity.INFO, Severity.ERROR, Severity.WARNING]
    found = [_finding(span=Span(n + 1, 0, n + 1, 1), severity=one, flow=flow) for n, one in enumerate(levels)]
    text = render("sarif", Report(tuple(found)), Look())
    results = sarif(text)
    assert [one["level"] for one in results] == ["warning", "error", "error"]
    notes = json.loads(text)["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert notes[0]["message"]["text"].startswith("2 more findings are left out")
    steps = results[0]["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [one["location"]["message"]["text"] for one in steps] == ["step 1", "step 2", "step 3", "step 8"]


@pytest.mark.parametrize("form", ["sarif", "gitlab-secrets"])
def test_a_fault_of_ours_is_no_success(form: str) -> None:
    report = Report(failures=(Failure("app.py", "internal error (ValueError)"),))
    text = render(form, report, Look())
    read(form, text)
    assert '"executionSuccessful": false' in text or '"status": "failure"' in text


# ---- the others -------------------------------------------------------------------------------------------------


def test_github_commands_have_a_title_a_range_and_the_help(here: Path) -> None:
    (here / "app.py").write_text(leaky())
    line = _reported("github")
    assert line.startswith("::error file=app.py,line=4,col=")
    assert ",title=hardcoded-env (MS101)::app.py:4:" in line
    assert "%0Ahelp: " in line


def test_github_has_columns_only_within_one_line() -> None:
    text = render("github", Report((_finding(span=Span(4, 10, 6, 2)),)), Look())
    assert text.startswith("::error file=app.py,line=4,endLine=6,title=")
    assert read("github", text)[0].line == 4


@pytest.mark.parametrize("severity", Severity)
def test_every_severity_has_its_word(severity: Severity) -> None:
    report = Report((_finding(severity=severity, confidence=Confidence.LOW),))
    for form in MACHINE_FORMATS:
        assert len(read(form, render(form, report, Look()))) == 1


@pytest.mark.parametrize("form", ["github", "azure"])
@pytest.mark.usefixtures("here")
def test_what_looks_like_an_escape_is_none(form: str) -> None:
    text = "100%0A%2C%25%3A%AZP25%3B%5D"
    (told,) = read(form, render(form, Report((_finding(path=text, message=text),)), Look()))
    assert (told.path, told.message) == (text, text)


def test_azure_cannot_be_given_a_second_command() -> None:
    bad = "a]##vso[task.setvariable variable=x;isSecret=true]%\r\nb"
    text = render("azure", Report((_finding(path=bad, message=bad, help=bad),)), Look())
    (told,) = read("azure", text)
    assert told.path == bad
    assert text.count("\n") == 1


def test_secret_detection_is_about_values_in_the_source(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "app.py").write_text(leaky() + _SAFE)
    monkeypatch.setenv("CI_COMMIT_SHA", "c0ffee" * 6 + "c0de")
    report = _reported("gitlab-secrets")
    (found,) = report["vulnerabilities"]
    assert [one["value"] for one in found["identifiers"]] == ["MS101", "798"]
    assert found["location"]["commit"] == {"sha": "c0ffee" * 6 + "c0de"}
    assert found["severity"] == "Critical"
    (message,) = report["scan"]["messages"]
    assert "MS301" in message["value"]
    assert report["scan"]["start_time"] <= report["scan"]["end_time"]
    assert "raw_source_code_extract" not in json.dumps(report)
    monkeypatch.setenv("CI_COMMIT_SHA", "$(touch pwned)")
    assert _reported("gitlab-secrets")["vulnerabilities"][0]["location"]["commit"] == {"sha": "0000000"}


def test_rdjson_suggests_what_loses_nothing(here: Path) -> None:
    (here / "app.py").write_text(leaky() + "x = '𐐀'; " + _SAFE.replace("\n", "; ", 1))
    found = {one["code"]["value"]: one for one in _reported("rdjson")["diagnostics"]}
    assert "suggestions" not in found["MS101"]
    lines = (here / "app.py").read_text().split("\n")
    for suggestion in found["MS301"]["suggestions"]:
        start = suggestion["range"]["start"]
        data = lines[start["line"] - 1].encode()
        assert data[: start["column"] - 1].decode(), "not in the middle of a character"
    assert run("check", "--isolated", "--fix", "-q", "--select", "MS301", "app.py").status == 0
    assert any(one["text"] in (here / "app.py").read_text() for one in found["MS301"]["suggestions"])


def test_fixes_in_a_notebook_are_not_places_in_its_file() -> None:
    edit = Edit(_SPAN, "x", cell=2)
    report = Report((_finding(path="a.ipynb", cell=2, fix=Fix("Do it", (edit,), safe=True)),))
    assert "fixes" not in sarif(render("sarif", report, Look()))[0]
    assert "suggestions" not in render("rdjson", report, Look())


def test_grouped_has_each_file_once(here: Path) -> None:
    (here / "one.py").write_text(leaky() + leaky(token(2)))
    (here / "two.py").write_text(leaky(token(3)))
    text = run("check", "--isolated", "--output-format", "grouped", ".").out
    assert re.findall(r"^(\S+):$", text, re.MULTILINE) == ["one.py", "two.py"]
    assert re.findall(r"^  (\d+):\d+ +MS101 ", text, re.MULTILINE) == ["4", "8", "4"]
    assert "Found 3 findings" in text


# ---- markdown ---------------------------------------------------------------------------------------------------

_MARKUP = [
    *"`*_[]()<>|\\~&@#!:$^{}\n\r\t ",
    "http://x.org",
    "www.x.org",
    "me@x.org",
    ":tada:",
    "é",
    "𐐀",
    "<b>",
    "](",
    "&lt;",
]
_texts = st.lists(st.sampled_from([*_MARKUP, "a", "9"]), min_size=1, max_size=8).map("".join)


@settings(deadline=None)
@given(path=_texts, message=_texts, help_=_texts | st.none())
def test_markdown_shows_texts_as_they_are(path: str, message: str, help_: str | None) -> None:
    finding = _finding(path=path, message=message, help=help_)
    text = render("markdown", Report((finding,), checked=1), Look())
    assert not re.search(r":[\w+-]+:", text.partition("|---|")[2]), "an emoji, which this reader does not know"
    tokens = MarkdownIt("gfm-like").parse(text)
    kinds = [one.type for one in tokens]
    assert kinds.count("table_open") == 1
    assert kinds.count("tr_open") == 2
    cells = [one for at, one in enumerate(tokens) if kinds[at - 1] == "td_open"]
    assert len(cells) == 4
    for cell in cells:
        assert {one.type for one in cell.children or ()} <= {"text", "text_special", "html_inline"}
    breaks = [one.content for cell in cells for one in cell.children or () if one.type == "html_inline"]
    assert breaks == ([] if not help_ else ["<br>"])
    shown = ["".join(one.content for one in cell.children or () if one.type != "html_inline") for cell in cells]
    assert shown[0] == f"{visible(path)}:4:11".strip()
    assert shown[3].replace(" ", "") == (visible(message) + visible(help_ or "")).replace(" ", "")


@pytest.mark.parametrize("room", [0, 100, 500, 1_000, 5_000, 1 << 20])
def test_markdown_is_bounded(room: int) -> None:
    report = Report(tuple(_finding(span=Span(n, 0, n, 1), message="é" * 50) for n in range(1, 31)), checked=1)
    text = bounded(report, room)
    assert len(text.encode()) <= room
    rows = len(re.findall("^\\| app", text, re.MULTILINE))
    assert rows == 30 or room < 5_000
    if text and rows < 30:
        assert text.endswith(f"\n… and {30 - rows} more findings.\n")
    assert bool(text) is (room >= 500)


def test_no_format_is_loaded_that_is_not_asked_for(here: Path) -> None:
    (here / "app.py").write_text(leaky())
    code = (
        "import sys; from modal_lint.start import status; status(['check', '--isolated', 'app.py']);"
        "print('LOADED', *(name for name in sys.modules if name.startswith('modal_lint.report')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = next(line for line in done.stdout.splitlines() if line.startswith("LOADED")).split()[1:]
    assert set(loaded) <= {f"modal_lint.report{name}" for name in ("", ".base", ".full", ".summary", ".json")}
