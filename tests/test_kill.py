"""A fix that is killed, at every point where it calls the system: nothing half written, nothing lost.

This file is also the program that the test runs (``python test_kill.py FOLDER``). For N = 1, 2, … it makes a small
project, forks, and the child fixes it but kills itself with SIGKILL at its Nth system call; a write is cut in half.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modal_lint.fix import FixResult, fix_files
from modal_lint.model import Edit, Finding, Fix, Hidden, Move, Report, Severity, Span

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = (
    "open", "close", "write", "fsync", "replace", "rename", "link", "unlink", "mkdir", "stat", "fstat",
    "fchmod", "fchown", "listdir", "access", "truncate", "ftruncate",
)  # fmt: skip
ENTRY = re.compile(r'env=\{"(?P<key>\w+)": "(?P<value>\w+)"\}')
SOURCES = {
    "a.py": "import modal\n\nf(env={{{0}}})\ng(env={{{1}}})\n",
    "sub/b.py": "f(env={{{2}}})",
    "sub/c.py": "f(env={{{3}}})\r\n",
}
VALUES = {f"KEY_{number}": f"value{number}" * 40 for number in range(4)}
NEW = re.compile(r'secrets=\[from_name\("s-(?P<key>\w+)"\)\]')


def texts() -> dict[str, bytes]:
    """The project's files before the fix."""
    entries = [f'"{key}": "{value}"' for key, value in VALUES.items()]
    return {name: text.format(*entries).encode() for name, text in SOURCES.items()}


def fixed() -> dict[str, bytes]:
    """The project's files after the fix."""
    return {
        name: ENTRY.sub(lambda match: replacement(match["key"]), data.decode()).encode()
        for name, data in texts().items()
    }


def replacement(key: str) -> str:
    return f'secrets=[from_name("s-{key}")]'


def make(root: Path) -> None:
    for name, data in texts().items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


def check(root: Path) -> Report:
    findings = []
    for path in sorted(root.rglob("*.py")):
        for number, line in enumerate(path.read_bytes().decode().split("\n"), 1):
            if match := ENTRY.search(line):
                key = match["key"]
                span = Span(number, match.start(), number, match.end())
                # Two keys share one Secret, so that a preserved file is also replaced by a longer one.
                secret = "shared" if key in ("KEY_0", "KEY_2") else f"s-{key}"
                fix = Fix("move", (Edit(span, replacement(key)),), moves=(Move(secret, key, Hidden(match["value"])),))
                name = path.relative_to(root).as_posix()
                findings.append(
                    Finding(name, span, "MS101", "hardcoded-env", "found", Severity.ERROR, key=key, fix=fix)
                )
    return Report(tuple(findings))


def fix(root: Path) -> FixResult:
    return fix_files(check(root), lambda _: check(root), unsafe=True, root=root)


def arm(point: int) -> None:
    """Make this process kill itself at its system call number ``point``."""
    count = 0

    def guarded(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count == point:
                if name == "write":
                    descriptor, data = arguments
                    call(descriptor, bytes(data)[: len(data) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return run

    for name in CALLS:
        setattr(os, name, guarded(name, getattr(os, name)))


def main(folder: Path) -> None:
    """One project for every point, until a child gets through alive; print how many were killed."""
    point = 0
    while True:
        point += 1
        root = folder / f"{point:04}"
        make(root)
        child = os.fork()
        if child == 0:
            arm(point)
            fix(root)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            print(point - 1)
            sys.exit(status)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
else:
    import dotenv
    import pytest

    @pytest.fixture(scope="module")
    def killed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
        """The projects whose fix was killed."""
        folder = tmp_path_factory.mktemp("killed")
        # Calls to git are not what is tested here.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PATH": ""}
        run = subprocess.run(
            [sys.executable, __file__, str(folder)], env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
        count = int(run.stdout)
        assert {name: (folder / f"{count + 1:04}" / name).read_bytes() for name in SOURCES} == fixed()
        return [folder / f"{point:04}" for point in range(1, count + 1)]

    def preserved(root: Path) -> dict[str, str | None]:
        return {
            key: value
            for path in (root / ".modal-lint/secrets").glob("*.env")
            for key, value in dotenv.dotenv_values(path).items()
        }

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
    class TestKilled:
        def test_there_were_many_points(self, killed: list[Path]) -> None:
            assert len(killed) > 50

        def test_every_source_is_old_or_new(self, killed: list[Path]) -> None:
            old, new = texts(), fixed()
            seen = set()
            for root in killed:
                states = tuple((root / name).read_bytes() for name in SOURCES)
                assert all(state in (old[name], new[name]) for name, state in zip(SOURCES, states, strict=True)), root
                seen.add(states)
            # The points lie before, between and after the three files.
            assert len(seen) == len(SOURCES) + 1

        def test_every_removed_value_is_preserved(self, killed: list[Path]) -> None:
            for root in killed:
                held = preserved(root)
                removed = {match["key"] for name in SOURCES for match in NEW.finditer((root / name).read_text())}
                assert all(held.get(key) == VALUES[key] for key in removed), root

        def test_no_preserved_file_is_half_written(self, killed: list[Path]) -> None:
            for root in killed:
                assert preserved(root).items() <= VALUES.items(), root

        def test_git_would_never_add_a_value_that_was_written_aside(self, killed: list[Path]) -> None:
            for root in killed:
                files = [path for path in (root / ".modal-lint").rglob("*") if path.is_file()]
                if any(path.parent.name == "secrets" for path in files):
                    assert (root / ".modal-lint/.gitignore").read_text() == "*\n"

        def test_running_again_completes_the_job_and_clears_up(self, killed: list[Path]) -> None:
            for root in killed:
                fix(root)
                assert {name: (root / name).read_bytes() for name in SOURCES} == fixed()
                assert preserved(root) == VALUES
                files = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
                secrets = {f".modal-lint/secrets/{name}.env" for name in ("shared", "s-KEY_1", "s-KEY_3")}
                assert files <= {*SOURCES, *secrets, ".modal-lint/.gitignore"}, root
