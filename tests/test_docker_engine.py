"""Docker and Podman as builders, tried with Podman: what the image gets, and where values go."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from modal_lint_runtime.builder import Builder, Definition, Step
from modal_lint_runtime.docker_engine import DockerEngine
from modal_lint_runtime.errors import ImageBuildError, UnsupportedError
from modal_lint_runtime.isolation import PLAIN
from modal_lint_runtime.workspace import Workspace
from podman import BASE, Podman, podman
from runtime_world import value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def engine() -> Iterator[Podman]:
    with podman() as found:
        yield found


@pytest.fixture
def workspace(engine: Podman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("MODAL_LINT_RUNTIME_KEYRING", "0")
    for name, text in engine.environment.items():
        monkeypatch.setenv(name, text)
    _silent(tmp_path / "first", monkeypatch)
    return Workspace(tmp_path / "workspace")


def _silent(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ``docker`` without a daemon, before everything else in PATH."""
    directory.mkdir()
    program = directory / "docker"
    program.write_text(f"#!{sys.executable}\nraise SystemExit(1)\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")


def build(workspace: Workspace, *steps: Step, base: str = BASE) -> tuple[str, str]:
    """The id of a built image, and the log."""
    log: list[str] = []
    image = Builder(workspace, PLAIN, "docker").build(Definition(base, steps), on_log=log.append)
    return image.id, "".join(log)


def test_no_daemon_and_no_tool_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnsupportedError, match="neither is installed"):
        DockerEngine()
    _silent(tmp_path / "bin", monkeypatch)
    with pytest.raises(UnsupportedError, match="docker is there, but no daemon answers"):
        DockerEngine()


def test_the_one_that_answers_is_taken(workspace: Workspace) -> None:
    assert workspace.root.exists()
    assert DockerEngine().name == "podman"


def test_a_build_sees_the_secrets_of_its_step_and_keeps_no_value(
    engine: Podman, workspace: Workspace, tmp_path: Path
) -> None:
    token, key = value(), f"first line {value()}\nsecond \\n 'line' $HOME\n"
    secret = workspace.secret_create("token", {"TOKEN": token, "KEY": key, "PATH": "/nowhere:/bin"})
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "file").write_text("copied")
    image, log = build(
        workspace,
        Step(
            (
                "ARG A",
                'RUN echo "shell $A ${#TOKEN} ${#PATH} $TOKEN"',
                'RUN ["sh", "-c", "echo exec ${#KEY}; printf %s \\"$KEY\\" | tail -n 1"]',
                "RUN <<EOF\necho document ${#TOKEN}\nEOF",
                'SHELL ["/bin/sh", "-u", "-c"]',
                'RUN echo "options $-"',
            ),
            (secret.id,),
            build_args=(("A", "it's"),),
        ),
        Step(("COPY file /srv/file", "RUN cat /srv/file; echo later[${TOKEN-}]"), context=tmp_path / "context"),
    )
    assert f"shell it's {len(token)} 13 ***\n" in log
    assert f"exec {len(key)}\n" in log
    assert f"document {len(token)}\n" in log
    assert any(line.startswith("options") and "u" in line for line in log.splitlines())
    assert "copiedlater[]" in log
    hidden = (token, *key.splitlines())
    assert engine.files_with(*hidden) == []
    tag = str(workspace.image_get(image).definition["tag"])
    shown = log + engine.calls + engine("history", "--no-trunc", tag) + engine("image", "inspect", tag)
    assert not [each for each in hidden if each in shown]
    based, log = build(workspace, Step(("RUN echo again[${TOKEN-}] $-",)), base=image)
    assert based != image
    assert "again[]" in log


def test_an_image_is_built_once_unless_it_is_forced(workspace: Workspace) -> None:
    commands = ("RUN date +%s%N > /srv", "ENTRYPOINT echo")
    first, _ = build(workspace, Step(commands))
    assert build(workspace, Step(commands))[0] == first
    assert build(workspace, Step(commands, force=True))[0] != first
    with pytest.raises(UnsupportedError, match="not built by engine='docker'"):
        DockerEngine().start(workspace.image_get(local_image(workspace)), "name")


def local_image(workspace: Workspace) -> str:
    return Builder(workspace, PLAIN).build(Definition("python:3.13", (Step(("ENV A=b",)),))).id


def test_a_failed_build_is_masked(workspace: Workspace) -> None:
    token = value()
    secret = workspace.secret_create("token", {"TOKEN": token})
    with pytest.raises(ImageBuildError, match="podman build") as caught:
        build(workspace, Step(('RUN echo "failing with $TOKEN"; exit 9',), (secret.id,)))
    assert caught.value.exit_code != 0
    assert "failing with ***" in caught.value.log
    assert token not in str(caught.value)


def test_contexts_that_one_build_cannot_have_are_told(workspace: Workspace, tmp_path: Path) -> None:
    steps = tuple(Step(("COPY a b",), context=tmp_path / name) for name in "ab")
    with pytest.raises(UnsupportedError, match="one context"):
        build(workspace, *steps)
