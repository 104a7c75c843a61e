"""A push that is killed: nothing is lost, nothing is overwritten, and the same command again completes it.

This file is also the program that the test runs (``python test_secrets_kill.py PLACE FOLDER``). For N = 1, 2, … it
makes a project, forks, and the child pushes it but kills itself with SIGKILL at its Nth change of the disk or call of
the place.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modal_lint.migrate import preserve
from modal_lint.model import Hidden, Move
from modal_lint.pushing import journal
from modal_lint.pushing.held import read_all
from modal_lint.pushing.places import Runtime, Service
from modal_lint.pushing.push import Conflict, Push, Result
from modal_lint.vault import open_vault

if TYPE_CHECKING:
    from collections.abc import Callable

    from modal_lint.pushing.places import Place

VALUES = {"one": {"A": "first" * 50, "B": "second" * 50}, "two": {"C": "third" * 50}}
DISK = {"runtime": ("rename", "replace", "unlink", "write", "fsync"), "modal": ("rename", "unlink")}


def make(root: Path, suffix: str) -> None:
    moves = [
        Move(name + suffix, key, Hidden(value)) for name, entries in VALUES.items() for key, value in entries.items()
    ]
    preserve(root, moves)


def push(root: Path, place: Place) -> list[Result]:
    with open_vault(root) as folder:
        journal.sweep(folder)
        run = Push(folder, place, Conflict.STOP, keep=False)
        return [run.perform(run.plan(held)) for held in read_all(folder)]


def arm(place: Place, disk: tuple[str, ...], point: int) -> None:
    """Make this process kill itself at its change number ``point``; calls of the place count before and after."""
    count = 0

    def step() -> bool:
        nonlocal count
        count += 1
        return count == point

    def guarded(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            if step():
                if name == "write":
                    call(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            result = call(*arguments, **options)
            if name in ("create", "find") and step():
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return run

    for name in disk:
        setattr(os, name, guarded(name, getattr(os, name)))
    for name in ("create", "find", "merge"):
        setattr(place, name, guarded(name, getattr(place, name)))


def main(where: str, folder: Path) -> None:
    """One project for every point, until a child gets through alive; print how many were killed."""
    # What every child needs is loaded before they are forked.
    __import__("modal" if where == "modal" else "cryptography.hazmat.primitives.ciphers.aead")
    point = 0
    while True:
        point += 1
        root = folder / f"{point:04}"
        root.mkdir()
        make(root, f"-{point}")
        child = os.fork()
        if child == 0:
            place = Runtime(folder / "workspace", None) if where == "runtime" else Service(None)
            arm(place, DISK[where], point)
            push(root, place)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            print(point - 1)
            sys.exit(status)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
else:
    import pytest
    from modal_lint_runtime.workspace import Workspace

    pytest.importorskip("modal")
    pytest_plugins = ["modal_lint_runtime.pytest_plugin"]

    def killed(where: str, folder: Path, environment: dict[str, str]) -> list[Path]:
        """The projects whose push was killed."""
        # Calls to git are not what is tested here.
        env = {**environment, "PYTHONPATH": os.pathsep.join(sys.path), "PATH": ""}
        run = subprocess.run(
            [sys.executable, __file__, where, str(folder)], env=env, check=True, stdout=subprocess.PIPE, text=True
        )
        return [folder / f"{point:04}" for point in range(1, int(run.stdout) + 1)]

    def held(root: Path) -> dict[str, dict[str, str]]:
        with open_vault(root) as folder:
            return {one.name: dict(one.entries) for one in read_all(folder)}

    def pushed(path: Path, suffix: str) -> dict[str, dict[str, str]]:
        with Workspace(path) as workspace:
            names = [f"{name}{suffix}" for name in VALUES]
            return {
                record.name or "": workspace.secret_values(record.id)
                for record in workspace.secret_list()
                if record.name in names
            }

    def check(roots: list[Path], workspace: Path, place: Place) -> None:
        states = set()
        for root in roots:
            suffix = f"-{int(root.name)}"
            want = {name + suffix: entries for name, entries in VALUES.items()}
            here, there = held(root), pushed(workspace, suffix)
            assert {**here, **there} == want, root
            states.add((len(here), len(there)))
            push(root, place)
            assert held(root) == {}, root
            assert pushed(workspace, suffix) == want, root
            assert os.listdir(root / ".modal-lint/secrets") == [], root
        # Before anything, between making and deleting, after one, after both.
        assert states >= {(2, 0), (2, 1), (1, 1), (1, 2), (0, 2)}

    def test_the_embedded_runtime(tmp_path: Path) -> None:
        roots = killed("runtime", tmp_path, dict(os.environ))
        assert len(roots) > 30
        place = Runtime(tmp_path / "workspace", None)
        check(roots, tmp_path / "workspace", place)
        place.close()

    def test_the_service(tmp_path: Path, modal_workspace: Any) -> None:
        roots = killed("modal", tmp_path, modal_workspace.environment())
        assert len(roots) > 12
        check(roots, modal_workspace.workspace.root, Service(None))
