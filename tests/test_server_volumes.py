"""Volumes through the local server, with the real Python SDK: what one container writes, the next one reads."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from modal_lint_runtime.errors import InvalidError, UnsupportedError
from modal_lint_runtime.isolation import PLAIN, detect
from modal_lint_runtime.processes import ContainerSpec, Mount, start
from modal_lint_runtime.workspace import Workspace

modal = pytest.importorskip("modal")

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from modal_lint_runtime.pytest_plugin import ModalWorkspace

    Run = Callable[..., tuple[int, str]]

pytest_plugins = ["modal_lint_runtime.pytest_plugin"]

layered = pytest.mark.skipif(not detect().filesystem, reason="needs a private file system")

PROGRAM = """
import json, modal

app = modal.App("program")
volume = modal.Volume.from_name("data", create_if_missing=True)

@app.function(volumes={"/data": volume})
def write(text):
    with open("/data/file", "w") as file:
        file.write(text)
    volume.commit()

@app.function(volumes={"/root/deeper/data": volume})
def read():
    volume.reload()
    return open("/root/deeper/data/file").read()

if __name__ == "__main__":
    with app.run():
        write.remote("of the function")
        print(json.dumps(read.remote()))
"""


@pytest.fixture(params=["1", "0"], ids=["v2", "v1"])
def run(request: pytest.FixtureRequest, modal_workspace: ModalWorkspace, monkeypatch: Any) -> Run:
    """Runs a shell line in a sandbox of its own, on one backend, and gives its exit code and output."""
    assert modal_workspace.url
    monkeypatch.setenv("MODAL_SANDBOX_V2", request.param)
    app = modal.App.lookup("volumes", create_if_missing=True)
    image = modal.Image.from_registry("python:3.13")

    def run(line: str, **volumes: Any) -> tuple[int, str]:
        paths = {f"/{name}": volume for name, volume in volumes.items()}
        sandbox = modal.Sandbox.create("sh", "-c", line, app=app, image=image, volumes=paths)
        sandbox.wait(raise_on_termination=False)
        return sandbox.returncode, sandbox.stdout.read() + sandbox.stderr.read()

    return run


@layered
def test_a_sandbox_sees_what_an_earlier_one_wrote(run: Run, modal_workspace: ModalWorkspace) -> None:
    data = modal.Volume.from_name("data", create_if_missing=True)
    other = modal.Volume.from_name("other", create_if_missing=True)
    assert run("mkdir /data/sub && echo written > /data/sub/file", data=data) == (0, "")
    assert run("cat /data/sub/file; ls /other", data=modal.Volume.from_name("data"), other=other) == (0, "written\n")
    directory = modal_workspace.workspace.volume_path(data.object_id)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert directory.parent.stat().st_mode & 0o777 == 0o700
    assert (directory / "sub" / "file").read_text() == "written\n"


@layered
def test_a_read_only_volume_is_not_written(run: Run) -> None:
    data = modal.Volume.from_name("data", create_if_missing=True)
    run("echo first > /data/file", data=data)
    code, output = run("echo second > /data/file", data=data.with_mount_options(read_only=True))
    assert code != 0
    assert "ead-only" in output
    assert run("cat /data/file", data=data) == (0, "first\n")


@layered
def test_what_cannot_be_mounted_is_said(run: Run) -> None:
    data = modal.Volume.from_name("data", create_if_missing=True)
    with pytest.raises(modal.exception.UnimplementedError, match="sub_path"):
        run("true", data=data.with_mount_options(sub_path="/sub"))
    with pytest.raises(modal.exception.NotFoundError):
        run("true", data=modal.Volume.from_name("missing"))
    for place in ("proc", "sys/x"):
        with pytest.raises(modal.exception.InvalidError, match="nothing can be mounted"):
            run("true", **{place: data})
    data.hydrate()
    modal.Volume.objects.delete("data")
    with pytest.raises(modal.exception.NotFoundError):
        run("true", data=data)


@layered
def test_a_running_sandbox_reloads(modal_workspace: ModalWorkspace) -> None:
    assert modal_workspace.url
    app = modal.App.lookup("volumes", create_if_missing=True)
    with modal.Volume.ephemeral() as volume:
        settings = {"app": app, "image": modal.Image.from_registry("python:3.13"), "volumes": {"/data": volume}}
        first, second = (modal.Sandbox.create(**settings) for _ in range(2))
        assert first.exec("sh", "-c", "echo x > /data/file").wait() == 0
        second.reload_volumes()
        assert second.exec("cat", "/data/file").stdout.read() == "x\n"
        first.terminate()
        second.terminate()


@layered
def test_functions_share_a_volume(modal_workspace: ModalWorkspace, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program)],
        env=modal_workspace.environment(),
        text=True,
        capture_output=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == "of the function"


def test_create_look_up_list_delete(modal_workspace: ModalWorkspace) -> None:
    volumes = modal.Volume.objects
    volumes.create("one", version=2)
    volumes.create("one", allow_existing=True)
    with pytest.raises(modal.exception.AlreadyExistsError):
        volumes.create("one")
    modal.Volume.from_name("two", create_if_missing=True).hydrate()
    assert [volume.name for volume in volumes.list()] == ["two", "one"]
    found = modal.Volume.from_name("one", version=2).hydrate()
    assert found.object_id.startswith("vo-")
    assert modal.Volume.from_id(found.object_id).hydrate().name == "one"
    path = modal_workspace.workspace.volume_path(found.object_id)
    (path / "file").write_text("x")
    volumes.delete("one")
    assert not path.exists()
    with pytest.raises(modal.exception.NotFoundError):
        modal.Volume.from_name("one").hydrate()
    volumes.delete("one", allow_missing=True)


def test_directories_go_with_their_volumes(tmp_path: Path) -> None:
    with Workspace(tmp_path / "w") as workspace:
        workspace.environment_create("dev")
        made = [workspace.volume_create("data"), workspace.volume_create("data", "dev"), workspace.volume_ephemeral()]
        kept, of_dev, ephemeral = (workspace.volume_path(each.id) for each in made)
        workspace.environment_delete("dev")
        assert (kept.exists(), of_dev.exists(), ephemeral.exists()) == (True, False, True)
    assert (kept.exists(), ephemeral.exists()) == (True, False)
    with Workspace(tmp_path / "w") as workspace:
        assert workspace.volume_path(workspace.volume_lookup("data").id) == kept
        workspace.reset()
    assert not kept.exists()


@pytest.mark.parametrize("target", ["relative", "/", "/a/../b", "//data", "/data/", "/dev/x", "/a\0b"])
def test_odd_targets_are_refused(tmp_path: Path, target: str) -> None:
    found = detect()
    mount = Mount(tmp_path, target)
    spec = ContainerSpec(id="x", args=("true",), env={}, scratch=tmp_path / "scratch", mounts=(mount,))
    with pytest.raises(InvalidError if found.filesystem else UnsupportedError):
        start(spec, found)
    with pytest.raises(UnsupportedError, match="private file system"):
        start(spec, PLAIN)
