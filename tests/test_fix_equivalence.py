"""What fixes change: programs run before and after, and their containers see the same, or what was meant.

The programs are made by chance, in both dialects; those of Modal run with the real SDK against a local workspace. The
Secrets that a fix asks for are created from the files that it preserved.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from dotenv import dotenv_values
from fixture_cases import run, without_expectations, write
from hypothesis import HealthCheck, example, given, settings

pytest.importorskip("modal")

from modal_lint_rules import RULES
from modal_lint_runtime.pytest_plugin import serve_workspace
from test_fixtures import cases
from witness.driving import Driver
from witness.making import CREDENTIALS, KEYS, NAMED, function_programs, sandbox_programs
from witness.meaning import FILES, FUNCTIONS, REJECTED, SILENT, VARIABLES, Pair
from witness.stage import Ran, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with serve_workspace(tmp_path_factory.mktemp("workspace")) as made:
        stage = Stage(made, tmp_path_factory.mktemp("programs"))
        yield stage
        stage.close()


def environments(seen: object) -> list[dict[str, str]]:
    """What containers have seen of the variables that the programs are about."""
    assert isinstance(seen, list)
    found = []
    for one in seen:
        pairs = (
            one.items() if isinstance(one, dict) else (line.split("=", 1) for line in one.splitlines() if "=" in line)
        )
        found.append({key: value for key, value in pairs if key in KEYS})
    return found


class Change:
    """A program, and what a selection of fixes makes of it."""

    def __init__(self, stage: Stage, text: str, select: str, **variables: str) -> None:
        self.stage, self.variables = stage, variables
        self._folder = stage.folder / "project"
        shutil.rmtree(self._folder, ignore_errors=True)
        write(self._folder, {"program.py": text, **FILES})
        forget_secrets(stage)
        stage.secrets(NAMED)
        stage.secrets({f"prod/{name}": {key: f"{key} of prod" for key in held} for name, held in NAMED.items()})
        self.old = self._text()
        self.before = stage.run(self.old, variables)
        run("check", "--isolated", "--select", select, "--fix", "--unsafe-fixes", str(self._folder))
        self.new = self._text()

    def after(self) -> Ran:
        """Run the fixed program, with the Secrets that the fix has preserved."""
        assert NAMED.keys().isdisjoint(create_preserved(self.stage, self._folder)), "a Secret of other keys is replaced"
        return self.stage.run(self.new, self.variables)

    def _text(self) -> str:
        return (self._folder / "program.py").read_text(encoding="utf-8")


def create_preserved(stage: Stage, folder: Path) -> list[str]:
    """Create the Secrets whose values fixes have preserved; their names."""
    paths = sorted(folder.glob(".modal-lint/secrets/*.env"))
    for path in paths:
        values = dotenv_values(path, interpolate=False)
        stage.secrets({path.stem: {key: value or "" for key, value in values.items()}})
    return [path.stem for path in paths]


def forget_secrets(stage: Stage) -> None:
    """Delete the Secrets of the programs before."""
    workspace = stage.workspace.workspace
    for secret in workspace.secret_list():
        workspace.secret_delete(secret.id)


_SETTINGS = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def same(change: Change) -> None:
    """The containers of the fixed program see what those of the old one have seen."""
    assert change.before.raised is None, change.stage.told_error()
    after = change.after()
    assert after.raised is None, f"{change.stage.told_error()}\n{change.new}"
    assert environments(after.seen) == environments(change.before.seen), change.new


@settings(_SETTINGS, max_examples=30)
@given(text=sandbox_programs())
def test_family_1_in_sandboxes(stage: Stage, text: str) -> None:
    same(Change(stage, text, "MS1", **dict.fromkeys(CREDENTIALS, "of the machine")))


_APP_WINS = """
import os

import modal

app = modal.App("equivalence", secrets=[modal.Secret.from_name("base")])
image = modal.Image.debian_slim().env({"OPENAI_API_KEY": "⟨openai⟩"})


@app.function(image=image)
def see():
    return dict(os.environ)


if modal.is_local():
    with app.run():
        seen = [see.remote()]
"""


@settings(_SETTINGS, max_examples=6)
@example(text=_APP_WINS)
@given(text=function_programs())
def test_family_1_in_functions(stage: Stage, text: str) -> None:
    same(Change(stage, text, "MS1"))


def meant(stage: Stage, pair: Pair) -> None:
    """The fixed program's containers see what those of the program see that was meant."""
    for name, text in FILES.items():
        (stage.folder / name).write_text(text, encoding="utf-8")
    change = Change(stage, pair.wrong, pair.code, **VARIABLES)
    right = stage.run(pair.right, VARIABLES)
    assert right.raised is None, f"{stage.told_error()}\n{pair.right}"
    after = change.after()
    assert after.raised is None, f"{stage.told_error()}\n{change.new}"
    assert environments(after.seen) == environments(right.seen), change.new
    if pair.code.startswith("MS4"):
        assert change.before.raised is not None, change.old


@settings(_SETTINGS, max_examples=30)
@given(pair=REJECTED)
def test_family_4_writes_what_was_meant(stage: Stage, pair: Pair) -> None:
    meant(stage, pair)


@settings(_SETTINGS, max_examples=20)
@given(pair=SILENT)
def test_family_3_in_sandboxes(stage: Stage, pair: Pair) -> None:
    meant(stage, pair)


@settings(_SETTINGS, max_examples=4)
@given(pair=FUNCTIONS)
def test_family_3_in_functions(stage: Stage, pair: Pair) -> None:
    meant(stage, pair)


_NOTED = ("MS101", "MS102", "MS106")  # what containers are given is wholly in the calls that are noted


@pytest.mark.parametrize("code", _NOTED)
def test_fixtures_of_family_1(stage: Stage, code: str, tmp_path: Path) -> None:
    """Calls of the fixtures give the same variables before and after, and no statement breaks that did not."""
    wrong = {}
    for name, case in cases(code):
        old, new = before_and_after(stage, case, "MS1", tmp_path / name)
        if problems := old.compared(new):
            wrong[name] = problems
    assert wrong == {}


_FIXED = [rule.code for rule in RULES if rule.fixable in ("safe", "unsafe") and rule.code not in _NOTED]


@pytest.mark.parametrize("code", _FIXED)
def test_fixtures_break_by_no_fix(stage: Stage, code: str, tmp_path: Path) -> None:
    """No statement of a fixture fails that did not: the fix writes what is there to be called, with names that are."""
    wrong = {}
    for name, case in cases(code):
        old, new = before_and_after(stage, case, code, tmp_path / name)
        if problems := old.failing(new):
            wrong[name] = problems
    assert wrong == {}


def before_and_after(stage: Stage, case: dict[str, str], select: str, folder: Path) -> tuple[Driver, Driver]:
    """What was noted of a project, and what when it is fixed and the preserved Secrets exist."""
    for name in ("before", "after"):
        write(folder / name, {path: without_expectations(text) for path, text in case.items()})
    run("check", "--isolated", "--select", select, "--fix", "--unsafe-fixes", str(folder / "after"))
    forget_secrets(stage)
    create_preserved(stage, folder / "after")
    return driven(stage, folder / "before"), driven(stage, folder / "after")


def driven(stage: Stage, folder: Path) -> Driver:
    """What was noted of a project."""
    driver = Driver(stage)
    with pytest.MonkeyPatch.context() as patch:
        driver.drive(folder, patch)
    return driver
