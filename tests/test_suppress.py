"""Comments that silence findings, and those that silence nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lint_process import leaky, lint, token
from modal_lint import engine
from modal_lint.model import Finding, Severity, Span
from modal_lint.settings import Settings
from modal_lint.suppress import NONE, parse, speaks_to_us

if TYPE_CHECKING:
    from pathlib import Path

    from modal_lint.model import Report


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _check(tmp_path: Path, text: str, settings: Settings | None = None) -> Report:
    (tmp_path / "app.py").write_bytes(text.encode())
    return engine.run(["app.py"], settings or Settings())


def _codes(report: Report) -> list[str]:
    return [finding.code for finding in report.findings]


def _call(*comments: str) -> str:
    """A call over three lines with a credential on the second; ``comments`` stand behind the lines."""
    first, second, third = (*comments, "", "", "")[:3]
    return (
        'import modal\n\napp = modal.App("a")\n'
        f'box = modal.Sandbox.create({first}\n    app=app, env={{"HF_TOKEN": "{token()}"}},{second}\n){third}\n'
    )


@pytest.mark.parametrize("line", [0, 1, 2])
@pytest.mark.parametrize(
    "comment",
    [
        "# modal-lint: ignore[MS101] a reason",
        "# modal-lint: ignore[MS1]",
        "# modal-lint: ignore[hardcoded-env]",
        "# modal-lint:ignore[ MS105 , ms101 ]",
        "# noqa: MS101",
        "# NOQA:E501,MS101",
        "# noqa: E501 MS101",
        "# type: ignore  # modal-lint: ignore[MS101]",
        "# pragma: allowlist secret",
        "# nosec",
        "# gitleaks:allow",
        "# trufflehog:ignore",
    ],
)
def test_a_comment_counts_on_any_line_of_the_statement(tmp_path: Path, comment: str, line: int) -> None:
    comments = ["", "", ""]
    comments[line] = "  " + comment
    report = _check(tmp_path, _call(*comments))
    assert [code for code in _codes(report) if code != "MS002"] == []
    assert report.suppressed == 1


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "# modal-lint: ignore",
        "# modal-lint: ignore[MS102]",
        "# modal-lint: off[MS101]",
        "# noqa: S105",
        "# x",
    ],
)
def test_other_comments_silence_nothing(tmp_path: Path, comment: str) -> None:
    assert "MS101" in _codes(_check(tmp_path, _call(f"  {comment}")))


def test_a_marker_in_a_string_is_no_comment(tmp_path: Path) -> None:
    text = leaky(before='x = "# modal-lint: ignore-file[MS101]"\n')
    assert _codes(_check(tmp_path, text)) == ["MS101"]


def test_next_line_skips_blank_lines_and_comments(tmp_path: Path) -> None:
    comment = "# modal-lint: ignore-next-line[MS101] why\n"
    assert _codes(_check(tmp_path, leaky(before=comment))) == []
    assert _codes(_check(tmp_path, leaky(before=comment + "\n# more\n"))) == []
    assert sorted(_codes(_check(tmp_path, leaky(before=comment + "x = 1\n")))) == ["MS002", "MS101"]


def test_the_whole_file(tmp_path: Path) -> None:
    assert _codes(_check(tmp_path, leaky(after="\n# modal-lint: ignore-file[MS1] a fixture"))) == []


def test_the_whole_statement_is_the_limit(tmp_path: Path) -> None:
    assert "MS101" in _codes(_check(tmp_path, leaky(before="x = 1  # modal-lint: ignore[MS101]\n")))


def test_foreign_markers_count_where_the_literal_stands(tmp_path: Path) -> None:
    (tmp_path / "keys.py").write_text(f'HF = "{token()}"  # pragma: allowlist secret\n')
    text = 'import modal\nfrom keys import HF\nmodal.Sandbox.create(env={"HF_TOKEN": HF})\n'
    assert _codes(_check(tmp_path, text)) == []
    assert _codes(_check(tmp_path, text, Settings(respect_foreign_markers=False))) == ["MS101"]


def test_foreign_markers_silence_only_literal_credentials() -> None:
    marked = parse("x = 1  # nosec\n")
    span = Span(1, 0, 1, 5)
    kinds = {code: Finding("a.py", span, code, "n", "m", Severity.ERROR) for code in ("MS101", "MS301")}
    assert marked.silences_foreign(kinds["MS101"], [1])
    assert not marked.silences_foreign(kinds["MS301"], [1])


def test_suppressions_can_be_ignored(tmp_path: Path) -> None:
    text = _call("  # modal-lint: ignore[MS101]", "  # nosec")
    assert _codes(_check(tmp_path, text, Settings(ignore_suppressions=True))) == ["MS101"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1  # modal-lint: ignore[MS101] gone\n", "x = 1\n"),
        ("x = 1  # modal-lint: ignore[MS101, MS102]\n", "x = 1\n"),
        ("x = 1  # noqa: MS101\n", "x = 1\n"),
        ("x = 1  # noqa: E501, MS101, F401\n", "x = 1  # noqa: E501, F401\n"),
        ("x = 1  # modal-lint: ignore[MS101] gone  # keep me\n", "x = 1  # keep me\n"),
        ("x = 1  # keep me  # modal-lint: ignore[MS101]\n", "x = 1  # keep me\n"),
        ("# modal-lint: ignore-file[MS1] gone\nx = 1\n", "x = 1\n"),
        ("if x:\n    # modal-lint: ignore-next-line[MS101]\n    y = 1\n", "if x:\n    y = 1\n"),
        ("if x:\n    # modal-lint: ignore[MS101]  # keep me\n    y = 1\n", "if x:\n    # keep me\n    y = 1\n"),
        ("x = 1\r\n# modal-lint: ignore[MS101]\r\ny = 2\r\n", "x = 1\r\ny = 2\r\n"),
        ("x = 1\n# modal-lint: ignore[MS101]", "x = 1\n"),
        ("x = 'é'  # modal-lint: ignore[MS999]\n", "x = 'é'\n"),
    ],
)
def test_an_unused_suppression_is_found_and_removed(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "app.py"
    path.write_bytes(b"import modal\n" + before.encode())
    assert _codes(engine.run(["app.py"], Settings())) == ["MS002"]
    done = lint("fix", "app.py", cwd=tmp_path)
    assert done.status == 0, done.said
    assert path.read_bytes() == b"import modal\n" + after.encode()


def test_a_half_used_suppression_loses_only_the_idle_code(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_text(_call("  # modal-lint: ignore[MS104, MS101] reason"))
    assert _codes(engine.run(["app.py"], Settings())) == ["MS002"]
    assert lint("fix", "app.py", cwd=tmp_path).status == 0
    assert path.read_text() == _call("  # modal-lint: ignore[MS101] reason")


@pytest.mark.parametrize(
    "comment", ["# noqa", "# noqa: E501", "# noqa: MS999", "# nosec", "# modal-lint: ignore[MS002]"]
)
def test_what_is_not_ours_to_judge(tmp_path: Path, comment: str) -> None:
    assert _codes(_check(tmp_path, f"import modal  {comment}\n")) == []


def test_a_suppression_without_codes_is_told(tmp_path: Path) -> None:
    (finding,) = _check(tmp_path, "import modal  # modal-lint: ignore\n").findings
    assert finding.code == "MS002"
    assert "names no rule" in finding.message


def test_rules_that_did_not_run_are_not_held_against_a_comment(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import modal  # modal-lint: ignore[MS101]\n")
    assert lint("check", "--select", "MS002,MS102", cwd=tmp_path).status == 0


def test_silencing_a_rule_does_not_make_a_lesser_rule_speak(tmp_path: Path) -> None:
    report = _check(tmp_path, _call("  # modal-lint: ignore[MS101]"))
    assert _codes(report) == []


def test_one_credential_is_one_finding_and_each_sink_is_its_own_decision(tmp_path: Path) -> None:
    silent = "  # modal-lint: ignore[MS101]"
    (tmp_path / "keys.py").write_text(f'HF = "{token()}"\n')

    def lines(first: str, second: str) -> list[int]:
        call = 'modal.Sandbox.create(env={"HF_TOKEN": HF})'
        report = _check(tmp_path, f"import modal\nfrom keys import HF\n{call}{first}\n{call}{second}\n")
        return [finding.span.line for finding in report.findings]

    assert lines("", "") == [3]
    assert lines(silent, "") == [4]
    assert lines(silent, silent) == []


@pytest.mark.parametrize("text", ["", "x = 1\n", "# a comment\n", "'''\n# nothing'''\n"])
def test_nothing_is_tokenized_for_nothing(text: str) -> None:
    assert parse(text) is NONE


def test_comments_before_a_broken_token_still_count() -> None:
    assert parse("x = 1  # modal-lint: ignore[MS101]\ny = '''\n").ours


@pytest.mark.parametrize(
    "line", ["#" * 300_000, "# noqa: E501" + " " * 300_000, "# noqa" * 50_000, "#" + " " * 300_000]
)
def test_an_endless_comment_is_read_once(line: str) -> None:
    # Squared, each of these would take minutes.
    assert not parse(f"{line}.\nx = 1\n").ours
    assert not speaks_to_us(line)
