"""What fixes change: programs run before and after, and their containers see the same, or what was meant.

The programs are made by chance, in both dialects; those of Modal run with the real SDK against a local workspace. The
Secrets that a fix asks for are created from the files that it preserved.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from dotenv import dotenv_values
from fixture_cases import run, write
from hypothesis import HealthCheck, example, given, settings

pytest.importorskip("modal")

from witness.making import KEYS, NAMED, function_programs, sandbox_programs
from witness.serving import workspace
from witness.stage import Ran, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with workspace(tmp_path_factory.mktemp("workspace")) as made:
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
        write(self._folder, {"program.py": text})
        self._forget()
        stage.secrets(NAMED)
        self.old = self._text()
        self.before = stage.run(self.old, variables)
        run("check", "--isolated", "--select", select, "--fix", "--unsafe-fixes", str(self._folder))
        self.new = self._text()

    def after(self) -> Ran:
        """Run the fixed program, with the Secrets that the fix has preserved."""
        for path in sorted(self._folder.glob(".modal-lint/secrets/*.env")):
            assert path.stem not in NAMED, "a Secret of other keys is replaced"
            values = dotenv_values(path, interpolate=False)
            self.stage.secrets({path.stem: {key: value or "" for key, value in values.items()}})
        return self.stage.run(self.new, self.variables)

    def _text(self) -> str:
        return (self._folder / "program.py").read_text(encoding="utf-8")

    def _forget(self) -> None:
        """Delete the Secrets of the programs before."""
        workspace = self.stage.workspace.workspace
        for secret in workspace.secret_list():
            if secret.name:
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


@settings(_SETTINGS, max_examples=40)
@given(text=sandbox_programs())
def test_family_1_in_sandboxes(stage: Stage, text: str) -> None:
    same(Change(stage, text, "MS1"))


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


@settings(_SETTINGS, max_examples=10)
@example(text=_APP_WINS)
@given(text=function_programs())
def test_family_1_in_functions(stage: Stage, text: str) -> None:
    same(Change(stage, text, "MS1"))
