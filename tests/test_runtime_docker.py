"""`ModalClient(engine="docker")`, tried with Podman."""

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
from modal_lint_runtime import (
    ImageBuildError,
    ModalClient,
    NotFoundError,
    SandboxTerminatedError,
    SandboxTimeoutError,
    UnsupportedError,
)
from podman import Podman, podman
from runtime_world import needs_parser, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint_runtime import App, Image

SOURCES = str(Path(modal_lint_runtime.__file__).resolve().parent.parent)


@pytest.fixture(scope="module")
def engine() -> Iterator[Podman]:
    needs_parser()
    with podman() as found:
        yield found


@pytest.fixture
def modal(engine: Podman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModalClient]:
    (tmp_path / "docker").symlink_to(engine.place / "bin" / "podman")  # whichever this machine has is not asked
    for name, text in engine.environment.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with ModalClient(path=tmp_path / "workspace", engine="docker") as client:
        yield client


@pytest.fixture
def app(modal: ModalClient) -> App:
    return modal.apps.from_name("app", create_if_missing=True)


@pytest.fixture
def image(modal: ModalClient) -> Image:
    return modal.images.from_registry("python:3.13")


def running(engine: Podman) -> list[str]:
    """The containers that there are."""
    return engine("ps", "--all", "--format", "{{.Names}}").split()


def none_runs(engine: Podman) -> bool:
    deadline = time.monotonic() + 20
    while running(engine) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not running(engine)


def test_processes(modal: ModalClient, app: App, image: Image, engine: Podman) -> None:
    key, lines = value(), f"one\ntwo \\n 'three' {value()}\n"
    secret = modal.secrets.from_object({"KEY": key, "LINES": lines, "DOCKER_HOST": "elsewhere", "EMPTY": ""})
    sandbox = modal.sandboxes.create(app, image, secrets=[secret], env={"A": "1"})
    command = 'read x; echo "$x $KEY $A $B"; printf %s "$LINES"; echo "$DOCKER_HOST[$EMPTY]" >&2; exit 3'
    process = sandbox.exec(["sh", "-c", command], env={"B": "2"}, workdir="/made/when missing")
    process.stdin.write("in\n")
    assert process.stdout.read_text() == f"in {key} 1 2\n{lines}"
    assert process.stderr.read_text() == "elsewhere[]\n"
    assert process.wait() == process.poll() == 3
    assert sandbox.exec(["pwd"], workdir="/made/when missing").stdout.read_text() == "/made/when missing\n"
    assert sandbox.exec(["no-such-program"]).wait() == 127
    assert sandbox.exec(["sleep", "60"], timeout=0.2).wait() != 0
    assert sandbox.isolation is None
    shown = engine("inspect", *running(engine)) + engine.calls
    hidden = (key, *filter(None, lines.splitlines()[1:]))
    assert not [each for each in hidden if each in shown]
    assert engine.files_with(*hidden) == []
    assert sandbox.terminate() == 137
    assert running(engine) == []
    with pytest.raises(SandboxTerminatedError):
        sandbox.exec(["true"])


def test_a_main_process_and_how_it_ends(modal: ModalClient, app: App, image: Image, engine: Podman) -> None:
    late = modal.sandboxes.create(app, image, command=["sleep", "60"], timeout=0.3)
    with pytest.raises(SandboxTimeoutError):
        late.wait()
    greeting = image.dockerfile_commands(['ENTRYPOINT ["sh", "-c", "echo $0 $1; cat; exit 4"]', "WORKDIR /srv"])
    ended = modal.sandboxes.create(app, greeting, command=["hello", "world"])
    ended.stdin.write("main")
    ended.stdin.close()
    assert ended.wait() == 4
    assert ended.stdout.read_text() == "hello world\nmain"
    with pytest.raises(SandboxTerminatedError):
        ended.stdin.write("more")
    removed = modal.sandboxes.create(app, greeting)
    assert removed.exec(["pwd"]).stdout.read_text() == "/srv\n"
    engine("kill", *running(engine))
    assert removed.wait() == 137
    left = modal.sandboxes.create(app, image)
    assert [each.sandbox_id for each in modal.sandboxes.list()] == [left.sandbox_id]
    modal.close()
    assert left.state == "terminated"
    assert none_runs(engine)


def test_without_a_network(modal: ModalClient, app: App, image: Image) -> None:
    with modal.sandboxes.create(app, image, block_network=True) as sandbox:
        assert sandbox.exec(["ls", "/sys/class/net"]).stdout.read_text().split() == ["lo"]


def test_an_image_that_is_deleted(modal: ModalClient, app: App, image: Image, engine: Podman) -> None:
    built = image.dockerfile_commands(["RUN echo 1 > /one"]).build(app)
    assert built.image_id is not None
    before = engine("images", "--format", "{{.Repository}}")
    modal.images.delete(built.image_id)
    assert engine("images", "--format", "{{.Repository}}").count("modal-lint") == before.count("modal-lint") - 1
    with pytest.raises(NotFoundError):
        modal.images.from_id(built.image_id)


OWNER = """
import sys, time
from modal_lint_runtime import ModalClient
modal = ModalClient(path=sys.argv[1], engine="docker")
app = modal.apps.from_name("app", create_if_missing=True)
sandbox = modal.sandboxes.create(app, modal.images.from_registry("python:3.13"), command=["sleep", "1000"])
sandbox.exec(["sleep", "1000"])
print("made", flush=True)
time.sleep(1000)
"""


def test_a_killed_client_leaves_no_container(modal: ModalClient, engine: Podman, tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path / "workspace")],
        env={**os.environ, "PYTHONPATH": SOURCES},
        stdout=subprocess.PIPE,
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"made\n"
    assert len(running(engine)) == 1
    owner.send_signal(signal.SIGKILL)
    owner.communicate(timeout=20)
    assert none_runs(engine)
    assert modal.sandboxes.list() == []


def test_what_it_cannot(modal: ModalClient, app: App, image: Image) -> None:
    with pytest.raises(UnsupportedError, match="terminal"):
        modal.sandboxes.create(app, image).exec(["true"], pty=True)
    with pytest.raises(UnsupportedError, match="engine"):
        modal.functions.define(app)(os_name).remote()
    login = modal.secrets.from_object({"REGISTRY_USERNAME": "me", "REGISTRY_PASSWORD": value()})
    with pytest.raises(UnsupportedError, match="docker login"):
        modal.images.from_registry("python:3.13", secret=login).build(app)
    with pytest.raises(ImageBuildError):
        image.dockerfile_commands(["RUN exit 7"]).build(app)
    bare = image.dockerfile_commands(["RUN rm /bin/sh"]).build(app)
    with pytest.raises(UnsupportedError, match=r"does not start: docker says: .*sh"):
        modal.sandboxes.create(app, bare)


def os_name() -> str:
    return os.name
