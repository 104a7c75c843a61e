"""The long tail: every fixture gives what its comments announce, suppressed nothing, and fixed it loses nothing."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fixture_cases import (
    alike,
    check,
    expected,
    extended,
    fix,
    planted,
    preserved,
    sources,
    suppressing,
    told,
    without_expectations,
    write,
)
from material import fill
from modal_lint_rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIXTURES = Path(__file__).parent / "fixtures"
_MISSED = re.compile(r"# miss: (MS\d{3}) \w+ .{10,}")

Case = dict[str, str]  # path ▸ text


def cases(group: str) -> Iterator[tuple[str, Case]]:
    """The projects of one folder: single files, and folders of several; ``dot_env`` stands for ``.env``."""
    for entry in sorted((FIXTURES / group).iterdir()):
        if entry.is_dir():
            files = [path for path in sorted(entry.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
            yield entry.name, {_placed(path.relative_to(entry)): path.read_text(encoding="utf-8") for path in files}
        else:
            yield entry.stem, {entry.name: entry.read_text(encoding="utf-8")}


def _placed(path: Path) -> str:
    return "/".join(re.sub(r"^dot_", ".", part) for part in path.parts)


def _write_all(folder: Path, change: Callable[[str], str] = str) -> dict[str, Case]:
    written = {}
    for rule in RULES:
        for name, case in cases(rule.code):
            place = f"{rule.code}/{name}"
            changed = {path: change(text) if path.endswith((".py", ".ipynb")) else text for path, text in case.items()}
            write(folder / place, changed)
            written[place] = changed
    return written


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[tuple[str, int, str]], dict[str, Case]]:
    """What one run over all fixtures tells, and the fixtures."""
    folder = tmp_path_factory.mktemp("fixtures")
    written = _write_all(folder)
    before = Path.cwd()
    os.chdir(folder)
    try:
        return _told_of_all(), written
    finally:
        os.chdir(before)


def _told_of_all() -> list[tuple[str, int, str]]:
    """What the rules say of every fixture; the family that is off by default is selected for its own."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for rule in RULES:
        groups.setdefault(extended(rule.code), []).append(rule.code)
    return sorted(one for extend, paths in groups.items() for one in told(check(paths, extend=extend)))


@pytest.mark.parametrize("place", [f"{rule.code}/{name}" for rule in RULES for name, _ in cases(rule.code)])
def test_fixture_gives_what_it_announces(
    place: str, results: tuple[list[tuple[str, int, str]], dict[str, Case]]
) -> None:
    found, written = results
    wanted = [one for path, text in written[place].items() for one in expected(f"{place}/{path}", text)]
    assert [one for one in found if one[0].startswith(f"{place}/")] == sorted(wanted)


def test_every_rule_announces_something_and_some_silence() -> None:
    for rule in RULES:
        texts = [text for _, case in cases(rule.code) for text in case.values()]
        assert any(f"# expect: {rule.code}" in text for text in texts), rule.code


def test_suppressed_fixtures_give_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _write_all(tmp_path, suppressing)
    left = [one for one in _told_of_all() if not one[0].startswith(("MS001/", "MS002/"))]
    assert left == []


@pytest.mark.parametrize("change", [without_expectations, lambda text: alike(without_expectations(text))])
def test_fixed_fixtures_compile_are_stable_and_lose_no_value(
    change: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for place, case in _write_all(tmp_path, change).items():
        found = _kinds(place)
        fix(place, extend=extended(place))
        after = dict(sources(tmp_path / place))
        if not place.startswith("MS001/"):
            _compile(after)
        _keeps_values({path: case[path] for path in after}, after, preserved(tmp_path / place))
        assert not _kinds(place) - found, f"fixing {place} makes new findings"
        fix(place, extend=extended(place))
        assert dict(sources(tmp_path / place)) == after, f"{place} changes when fixed again"


def _kinds(place: str) -> Counter[tuple[str, str | None]]:
    """The findings without their places; a constant that nothing uses any more is one of MS110, and no new one."""
    return Counter(
        (one.code, one.key) for one in check([place], extend=extended(place)).findings if one.code != "MS110"
    )


def _compile(texts: dict[str, str]) -> None:
    for path, text in texts.items():
        compile(text, path, "exec", dont_inherit=True)


def _keeps_values(before: Case, after: Case, kept: list[str]) -> None:
    for path, text in before.items():
        gone = [value for value in planted(text) if value in fill(text) and value not in after[path]]
        assert [value for value in gone if not any(value in one for one in kept)] == [], path


@pytest.mark.parametrize("name", [name for name, _ in cases("known_misses")])
def test_known_misses_are_still_missed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = dict(cases("known_misses"))[name]
    monkeypatch.chdir(tmp_path)
    write(tmp_path, case)
    missed = [code for text in case.values() for code in _MISSED.findall(text)]
    assert missed, "say in one sentence what is missed and why"
    extend = tuple(one for code in missed for one in extended(code))
    assert told(check(["."], extend=extend)) == [], "found now: make it a fixture of its rule"
