"""`modal-lint runtime sandbox run`, as a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import modal_lint_runtime
import pytest
from modal_lint_runtime import ModalClient
from runtime_world import value

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCES = str(Path(modal_lint_runtime.__file__).resolve().parent.parent)
PROGRAM = [sys.executable, "-c", "from modal_lint_runtime.command import runtime; runtime(prog_name='runtime')"]
KEY = value()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    path = tmp_path / "workspace"
    with ModalClient(path=path) as modal:
        modal.secrets.create("api-keys", {"API_KEY": KEY})
        modal.environments.create("dev")
        modal.secrets.create("api-keys", {"API_KEY": "dev"}, environment="dev")
    return path


def environment(workspace: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": SOURCES, "MODAL_LINT_RUNTIME_DIR": str(workspace)}


def run(workspace: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, "sandbox", "run", *arguments],
        env=environment(workspace),
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_passes_everything_on(workspace: Path) -> None:
    script = "cat; echo $API_KEY; echo bad >&2; exit 3"
    done = run(workspace, "--secret", "api-keys", "--", "sh", "-c", script, given="input\n")
    assert (done.stdout, done.stderr, done.returncode) == (f"input\n{KEY}\n", "bad\n", 3)


@pytest.mark.parametrize("options", [("--env", "dev"), ("-e", "dev")])
def test_environments(workspace: Path, options: Sequence[str]) -> None:
    assert run(workspace, *options, "--secret", "api-keys", "printenv", "API_KEY").stdout == "dev\n"


def test_mistakes_are_one_line(workspace: Path) -> None:
    for arguments in (["--secret", "no-such", "true"], ["--workdir", "relative", "true"], ["--timeout", "-1", "true"]):
        done = run(workspace, *arguments)
        assert (done.stdout, done.returncode) == ("", 2)
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1
    assert run(workspace).returncode == 2
    late = run(workspace, "--timeout", "0.3", "sleep", "60")
    assert late.returncode == 124
    assert "killed after 0.3 seconds; --timeout gives it more" in late.stderr
    assert run(workspace, "no-such-command").returncode == 127


SMALL = "from modal_lint_runtime.output import Output; Output.__init__.__kwdefaults__['limit'] = 100_000; "


def test_output_is_passed_on_however_much_it_is(workspace: Path) -> None:
    script = "for i in 1 2 3 4; do read go; head -c 50000 /dev/zero; done"
    process = subprocess.Popen(
        [sys.executable, "-c", SMALL + PROGRAM[-1], "sandbox", "run", "--", "sh", "-c", script],
        env=environment(workspace),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(4):
            process.stdin.write(b"go\n")
            process.stdin.flush()
            assert len(process.stdout.read(50_000)) == 50_000
        assert process.communicate(timeout=20) == (b"", b"")
    assert process.returncode == 0


def test_output_comes_as_it_is_written_and_an_interrupt_ends_it(workspace: Path) -> None:
    process = subprocess.Popen(
        [*PROGRAM, "sandbox", "run", "--", "sh", "-c", "echo early; sleep 60"],
        env=environment(workspace),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "early\n"
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        assert process.wait(20) == 130
    assert time.monotonic() - start < 10
    with ModalClient(path=workspace) as modal:
        assert modal.sandboxes.list() == []
        assert [each.state for each in modal.sandboxes.list(include_finished=True)] == ["terminated"]
