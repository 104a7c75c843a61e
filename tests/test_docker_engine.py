"""Docker and Podman: which commands they are given, and where values go. There is no daemon: a program stands in
for the command line tool, which writes down how it was called."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from modal_lint_runtime.builder import Builder, Definition, Step
from modal_lint_runtime.docker_engine import DockerEngine
from modal_lint_runtime.errors import ImageBuildError, UnsupportedError
from modal_lint_runtime.isolation import PLAIN
from modal_lint_runtime.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

RECORDER = """
    #!{python}
    import json, os, sys
    call = {{"args": sys.argv[1:], "env": dict(os.environ), "stdin": "", "file": ""}}
    if sys.argv[1] == "build":
        call["stdin"] = sys.stdin.read()
    for option in sys.argv:
        if option.startswith("--env-file="):
            call["file"] = open(option.partition("=")[2]).read()
    with open({log!r}, "a") as file:
        file.write(json.dumps(call) + "\\n")
    if sys.argv[1] == "build":
        print("leaking", *os.environ.values())
    if sys.argv[1] == "run":
        print("container-id")
    sys.exit({code} if sys.argv[1] in ("build", "ps") else 0)
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("MODAL_LINT_RUNTIME_KEYRING", "0")
    return Workspace(tmp_path / "workspace")


def stand_in(directory: Path, code: int = 0) -> Path:
    """A recording ``docker`` in a directory, which exits with ``code``; the file it writes to."""
    directory.mkdir()
    log, program = directory / "calls", directory / "docker"
    program.write_text(textwrap.dedent(RECORDER).lstrip().format(python=sys.executable, log=str(log), code=code))
    program.chmod(0o755)
    log.touch()
    return log


def calls(log: Path, command: str) -> list[dict[str, Any]]:
    """The recorded calls of one command of docker's."""
    return [call for call in map(json.loads, log.read_text().splitlines()) if call["args"][0] == command]


def test_no_daemon_and_no_tool_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path / "bin", code=1)
    with pytest.raises(UnsupportedError, match="no daemon answers"):
        DockerEngine(str(tmp_path / "bin" / "docker"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnsupportedError, match="neither is installed"):
        DockerEngine()


def test_a_build_mounts_secrets_and_puts_no_value_in_its_arguments(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = stand_in(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("UNRELATED", "not-for-docker")
    (tmp_path / "context").mkdir()
    secret = workspace.secret_create("token", {"TOKEN": "value-of-token"})
    definition = Definition(
        "python:3.13",
        (
            Step(
                ("RUN echo $TOKEN", 'RUN ["a", "b"]', "RUN <<EOF\necho two\nEOF"),
                (secret.id,),
                build_args=(("A", "it's"),),
            ),
            Step(("COPY . /srv", "RUN true"), context=tmp_path / "context"),
        ),
    )
    shown: list[str] = []
    image = Builder(workspace, PLAIN, "docker").build(definition, on_log=shown.append)
    (call,) = calls(log, "build")
    mount = "--mount=type=secret,id=s0-TOKEN,env=TOKEN,required=true"
    assert call["stdin"].splitlines() == [
        "FROM python:3.13",
        "ARG A='it'\"'\"'s'",
        f"RUN {mount} echo $TOKEN",
        f'RUN {mount} ["a", "b"]',
        f"RUN {mount} <<EOF",
        "echo two",
        "EOF",
        "COPY . /srv",
        "RUN true",
    ]
    assert "--secret=id=s0-TOKEN,env=MODAL_LINT_0_TOKEN" in call["args"]
    assert call["args"][-1] == str(tmp_path / "context")
    assert call["env"]["MODAL_LINT_0_TOKEN"] == "value-of-token"
    assert "UNRELATED" not in call["env"]
    assert "value-of-token" not in json.dumps([call["args"], call["stdin"]]) + "".join(shown) + repr(image)
    assert "***" in "".join(shown)
    child = Builder(workspace, PLAIN, "docker").build(Definition(image.id, (Step(("RUN true",), force=True),)))
    second = calls(log, "build")[1]
    assert second["stdin"].startswith(f"FROM {image.definition['tag']}\n")
    assert "--no-cache" in second["args"]
    assert child.id != image.id


def test_a_failed_build_is_masked(workspace: Workspace, tmp_path: Path) -> None:
    stand_in(tmp_path / "bin")
    engine = DockerEngine(str(tmp_path / "bin" / "docker"))
    (tmp_path / "bin" / "docker").write_text(
        f"#!{sys.executable}\nimport os\nprint(*os.environ.values())\nraise SystemExit(9)\n"
    )
    with pytest.raises(ImageBuildError) as caught:
        engine.build(workspace, Definition("x", (Step(("RUN a",)),)), [{"TOKEN": "value-of-token"}])
    assert caught.value.exit_code == 9
    assert "value-of-token" not in str(caught.value)
    assert "***" in caught.value.log


def test_contexts_that_one_build_cannot_have_are_told(workspace: Workspace, tmp_path: Path) -> None:
    stand_in(tmp_path / "bin")
    engine = DockerEngine(str(tmp_path / "bin" / "docker"))
    steps = tuple(Step(("COPY a b",), context=tmp_path / name) for name in "ab")
    with pytest.raises(UnsupportedError, match="one context"):
        engine.build(workspace, Definition("x", steps), [{}, {}])


def test_processes_get_their_variables_through_a_pipe(workspace: Workspace, tmp_path: Path) -> None:
    log = stand_in(tmp_path / "bin")
    engine = DockerEngine(str(tmp_path / "bin" / "docker"))
    image = engine.build(workspace, Definition("x", (Step(("RUN true",)),)), [{}])
    variables = {"TOKEN": "value-of-token", "KEY": "line-one\nline-two", "DOCKER_HOST": "elsewhere"}
    container = engine.start(image, None, variables, "/srv")
    process = engine.exec(container, ["env"], variables)
    process.communicate(timeout=30)
    engine.remove(container)
    for call in (*calls(log, "run"), *calls(log, "exec")):
        assert call["file"] == "TOKEN=value-of-token\nDOCKER_HOST=elsewhere\n"
        assert call["env"]["KEY"] == "line-one\nline-two"
        assert "TOKEN" not in call["env"]
        assert "elsewhere" not in call["env"].values()
        assert not [part for part in call["args"] if "value-of" in part or "line-" in part or "elsewhere" in part]
    assert calls(log, "run")[0]["args"][-4:] == ["--entrypoint", "sleep", image.definition["tag"], "infinity"]
    assert calls(log, "rm")[0]["args"][-1] == "container-id"
    with pytest.raises(UnsupportedError, match="several lines"):
        engine.exec(container, ["env"], {"DOCKER_CONFIG": "a\nb"})
