"""`ModalClient(engine="docker")`. There is no daemon here: a program stands in for the command line tool.

It runs on this machine what it is told to run in a container, so what is shown is the client's side of it.
"""

from __future__ import annotations

import os
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest
from modal_lint_runtime import (
    ImageBuildError,
    ModalClient,
    SandboxTerminatedError,
    SandboxTimeoutError,
    UnsupportedError,
)
from runtime_world import needs_parser, value

if TYPE_CHECKING:
    from pathlib import Path

STAND_IN = """
    #!{python}
    import os, signal, sys
    from pathlib import Path
    place = Path({place!r})
    command, *rest = sys.argv[1:]
    env = {{"PATH": os.environ["PATH"]}}
    options = []
    while rest and rest[0].startswith("--"):
        option = rest.pop(0)
        if option.startswith("--env-file="):
            lines = Path(option.partition("=")[2]).read_text().splitlines()
            env |= dict(line.split("=", 1) for line in lines)
        elif option in ("--workdir", "--entrypoint", "--tag", "--file"):
            options.append((option, rest.pop(0)))
    if command == "build":
        sys.exit(7 if "exit 7" in sys.stdin.read() else 0)
    if command == "run":
        print("the-container")
    if command == "exec":
        with open(place / "pids", "a") as file:
            file.write(str(os.getpid()) + "\\n")
        os.execvpe(rest[1], rest[1:], env)
    if command == "rm":
        for pid in (place / "pids").read_text().split() if (place / "pids").exists() else ():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        (place / "removed").touch()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the stand-in's notes."""
    place = tmp_path / "bin"
    place.mkdir()
    program = place / "docker"
    program.write_text(textwrap.dedent(STAND_IN).lstrip().format(python=sys.executable, place=str(place)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")
    return place


def test_sandboxes(place: Path, tmp_path: Path) -> None:
    needs_parser()
    key = value()
    with ModalClient(path=tmp_path / "workspace", engine="docker") as modal:
        app = modal.apps.from_name("app", create_if_missing=True)
        image = modal.images.from_registry("python:3.13").dockerfile_commands(["RUN true"])
        secret = modal.secrets.from_object({"KEY": key})
        sandbox = modal.sandboxes.create(app, image, secrets=[secret], env={"A": "1"})
        process = sandbox.exec(["sh", "-c", "read x; echo $x $KEY $A $B; echo bad >&2; exit 3"], env={"B": "2"})
        process.stdin.write("in\n")
        assert process.stdout.read_text() == f"in {key} 1 2\n"
        assert process.stderr.read_text() == "bad\n"
        assert process.wait() == process.poll() == 3
        assert sandbox.exec(["sleep", "60"], timeout=0.2).wait() == 124
        assert sandbox.isolation is None
        assert sandbox.terminate() == 137
        assert (place / "removed").exists()
        with pytest.raises(SandboxTerminatedError):
            sandbox.exec(["true"])
        late = modal.sandboxes.create(app, image, command=["sleep", "60"], timeout=0.3)
        with pytest.raises(SandboxTimeoutError):
            late.wait()
        ended = modal.sandboxes.create(app, image, command=["sh", "-c", "cat; exit 4"])
        ended.stdin.write("main")
        ended.stdin.close()
        assert ended.wait() == 4
        assert ended.stdout.read_text() == "main"
        with pytest.raises(SandboxTerminatedError):
            ended.stdin.write("more")
        left = modal.sandboxes.create(app, image)
        assert modal.sandboxes.list() != []
    assert left.state == "terminated"


def test_what_it_cannot(place: Path, tmp_path: Path) -> None:
    needs_parser()
    with ModalClient(path=tmp_path / "workspace", engine="docker") as modal:
        app = modal.apps.from_name("app", create_if_missing=True)
        image = modal.images.from_registry("python:3.13")
        with pytest.raises(UnsupportedError, match="network"):
            modal.sandboxes.create(app, image, block_network=True)
        with pytest.raises(UnsupportedError, match="terminal"):
            modal.sandboxes.create(app, image).exec(["true"], pty=True)
        with pytest.raises(UnsupportedError, match="engine"):
            modal.functions.define(app)(os_name).remote()
        with pytest.raises(ImageBuildError):
            image.dockerfile_commands(["RUN exit 7"]).build(app)
    assert place.exists()


def os_name() -> str:
    return os.name
