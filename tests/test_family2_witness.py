"""Family 2, witnessed: the examples of the rules' pages run, and what they leak is looked for where it gets out.

A recorder stands between the program and the local server: what the real SDK sends is seen as Modal would see it. What
stays in an image is found by the builder's own scan. MS209's claim, that ``is_public`` shows all layers to everyone, is
the SDK's word alone (``modal/_image.py``, ``Image.publish``): nothing here can pull an image from Modal's registry.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from fixture_cases import blocks, without_expectations
from git_server import make_repository, serve_git
from modal_lint.shell import stored
from modal_lint_rules import RULES
from modal_lint_runtime import ModalClient
from modal_lint_runtime.isolation import detect
from runtime_world import needs_layers

modal = pytest.importorskip("modal")

if TYPE_CHECKING:
    from pathlib import Path

    from modal_lint_runtime.pytest_plugin import ModalWorkspace

pytest_plugins = ["modal_lint_runtime.pytest_plugin"]
_PAGES = {rule.code: rule.page for rule in RULES}
_ROOTS = pytest.mark.skipif(not detect().filesystem, reason="builds need a private file system")


def example(code: str, kind: str) -> str:
    """The bad or good example of a rule's page."""
    return without_expectations(blocks(_PAGES[code], kind)[0])


@pytest.fixture
def value() -> str:
    return secrets.token_hex(16)


class Wire:
    """Passes connections on to a server and keeps what clients send."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.sent = bytearray()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                for source, target, keep in ((client, server, self.sent), (server, client, None)):
                    threading.Thread(target=_pass_on, args=(source, target, keep), daemon=True).start()

    def close(self) -> None:
        self._listener.close()


def _pass_on(source: socket.socket, target: socket.socket, keep: bytearray | None) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            if keep is not None:
                keep += data
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


class Ran(NamedTuple):
    """A program that ran to its end: what it printed, and what it sent."""

    output: str
    sent: bytes


class Runner:
    """Runs programs against the workspace, through a recorder."""

    def __init__(self, workspace: ModalWorkspace, folder: Path) -> None:
        self.workspace, self.folder = workspace, folder

    def __call__(self, program: str, *, command: str = "python", **variables: str) -> Ran:
        path = self.folder / "program.py"
        path.write_text(program, encoding="utf-8")
        wire = Wire(self.workspace.url)
        environment = {**self.workspace.environment(), "MODAL_SERVER_URL": wire.url, **variables}
        arguments = (
            [sys.executable, str(path)] if command == "python" else [sys.executable, "-m", "modal", "run", str(path)]
        )
        try:
            done = subprocess.run(
                arguments, env=environment, cwd=self.folder, text=True, capture_output=True, timeout=100, check=False
            )
        finally:
            wire.close()
        assert done.returncode == 0, done.stderr[-2000:]
        return Ran(done.stdout + done.stderr, bytes(wire.sent))


@pytest.fixture
def run(modal_workspace: ModalWorkspace, tmp_path: Path) -> Runner:
    return Runner(modal_workspace, tmp_path)


_BUILD = '\nimage.build(modal.App.lookup("witness", create_if_missing=True))\n'


@_ROOTS
def test_ms201_the_value_is_sent_with_the_image_and_is_in_it(run: Runner, value: str) -> None:
    run.workspace.secret("huggingface-secret", {"HF_TOKEN": value})
    ask = _BUILD + (
        'sandbox = modal.Sandbox.create("printenv", "HF_TOKEN", app=modal.App.lookup("witness"), image=image)\n'
        "sandbox.wait()\nprint(sandbox.stdout.read())\n"
    )
    bad = run(example("MS201", "bad") + ask, HF_TOKEN=value)
    assert value.encode() in bad.sent
    assert value in bad.output  # in a sandbox that was given nothing but the image
    good = run(example("MS201", "good") + ask)
    assert value.encode() not in good.sent
    assert value not in good.output


@_ROOTS
@pytest.mark.parametrize("kind", ["bad", "good"])
def test_ms202_a_clone_keeps_the_token(run: Runner, value: str, tmp_path: Path, kind: str) -> None:
    make_repository(tmp_path / "git")
    run.workspace.secret("github-secret", {"GITHUB_TOKEN": value})
    with serve_git(tmp_path / "git", value) as port:
        program = example("MS202", kind).replace(
            "https://$GITHUB_TOKEN@github.com/acme/private", f"http://$GITHUB_TOKEN@127.0.0.1:{port}/private-repo.git"
        )
        run(program + _BUILD)
    warnings = [warning for image in run.workspace.workspace.image_list() for warning in image.warnings]
    assert all(".git/config" in one and "GITHUB_TOKEN" in one for one in warnings)
    assert bool(warnings) is (kind == "bad")


_KEEPING = (
    "echo $TOKEN > /root/.token",
    'echo "token=${TOKEN}" >> /etc/app.conf',
    "printf '%s' \"$TOKEN\" | tee /root/.token",
    "env > /root/.env",
    "printenv TOKEN > /root/.token",
    "cat > /root/.netrc <<EOF\nmachine github.com login x password $TOKEN\nEOF",
    'git config --global url."https://$TOKEN@github.com/".insteadOf https://github.com/',
    "git init -q /r && cd /r && git remote add origin https://$TOKEN@github.com/acme/a",
    'echo here: TOKEN > /root/conf && sed -i "s/TOKEN/$TOKEN/" /root/conf',
    "pip config set global.index-url https://u:$TOKEN@pypi.invalid/simple",
)
_KEEPING_NOTHING = (
    "echo 'export TOKEN=$TOKEN' >> /root/.bashrc",
    'echo "export TOKEN=\\$TOKEN" >> /root/.bashrc',
    "cat > /root/start.sh <<'EOF'\nserve --token $TOKEN\nEOF",
    "echo $TOKEN > /dev/null && echo ${#TOKEN} > /root/length",
    "echo password $TOKEN > /root/.netrc && true && rm /root/.netrc",
    "git config --global credential.helper '!f() { echo password=$TOKEN; }; f'",
    "git init -q /r && cd /r && git remote add origin https://$TOKEN@github.com/a/b && cd / && rm -rf /r/.git",
)


@_ROOTS
@pytest.mark.parametrize("command", [*_KEEPING, *_KEEPING_NOTHING])
def test_ms202_says_of_a_command_what_the_builder_finds(command: str, tmp_path: Path, value: str) -> None:
    needs_layers()
    said = stored(command, "TOKEN".__eq__) is not None
    with ModalClient(path=tmp_path / "workspace") as client:
        secret = client.secrets.create("token", {"TOKEN": value})
        image = client.images.from_registry("python:3.13").dockerfile_commands(
            [f"RUN <<'WITNESS'\nset -e\nexport HOME=/root\n{command}\nWITNESS"], secrets=[secret]
        )
        built = image.build(client.apps.from_name("witness", create_if_missing=True))
        assert said is bool(built.warnings) is (command in _KEEPING)


_SERIALIZED = """
import os

import modal

app = modal.App("witness")
TOKEN = os.environ.get("HF_TOKEN", "")


@app.function(serialized={})
def work():
    return len(TOKEN)


@app.local_entrypoint()
def main():
    print(work.remote())
"""


def test_ms203_a_build_function_takes_its_globals_along(
    monkeypatch: pytest.MonkeyPatch, value: str, tmp_path: Path
) -> None:
    """The local server has no builds by functions: asked is the SDK's code that collects what it pickles for one."""
    from modal._utils.function_utils import FunctionSourceInfo

    monkeypatch.setenv("HF_TOKEN", value)
    for kind in ("bad", "good"):
        names: dict[str, Any] = {"__name__": "witness"}
        exec(compile(example("MS203", kind), str(tmp_path / "program.py"), "exec"), names)
        collected = FunctionSourceInfo(names["download"], serialized=True).get_globals()
        assert (value in collected.values()) is (kind == "bad")


def test_ms203_a_serialized_function_too_and_an_imported_one_not(run: Runner, value: str) -> None:
    assert value.encode() in run(_SERIALIZED.format(True), command="modal", HF_TOKEN=value).sent
    assert value.encode() not in run(_SERIALIZED.format(False), command="modal", HF_TOKEN=value).sent


def test_ms204_the_value_is_in_the_log(run: Runner, value: str) -> None:
    run.workspace.secret("openai-secret", {"OPENAI_API_KEY": value})
    assert value in run(example("MS204", "bad"), command="modal").output
    good = run(example("MS204", "good"), command="modal").output
    assert value not in good
    assert "a key is set: True" in good


def test_ms204_objects_show_their_tokens(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from modal.config import Config
    from modal.types import SandboxConnectCredentials, TokenData

    monkeypatch.setenv("MODAL_TOKEN_SECRET", value)
    assert value in repr(Config())  # type: ignore[no-untyped-call]
    assert value in repr(TokenData(token_id="id", token_secret=value))
    assert value in repr(SandboxConnectCredentials(url="https://example.com", token=value))


def test_ms205_a_process_shows_its_arguments(value: str, tmp_path: Path) -> None:
    look = 'tr "\\0" " " < /proc/$$/cmdline; echo'
    with ModalClient(path=tmp_path / "workspace", isolation="none") as client:
        app = client.apps.from_name("witness", create_if_missing=True)
        with client.sandboxes.create(app, client.images.from_registry("python:3.13")) as sandbox:
            bad = sandbox.exec(["sh", "-c", look, "serve", f"--key={value}"]).stdout.read_text()
            good = sandbox.exec(["sh", "-c", look, "serve"], env={"KEY": value}).stdout.read_text()
    assert value in bad
    assert "serve" in good
    assert value not in good


def test_ms206_an_input_is_sent_in_clear(run: Runner, value: str) -> None:
    run.workspace.secret("github-secret", {"GITHUB_TOKEN": value})
    assert value.encode() in run(example("MS206", "bad"), command="modal", GITHUB_TOKEN=value).sent
    assert value.encode() not in run(example("MS206", "good"), command="modal", GITHUB_TOKEN=value).sent


def test_ms207_everything_goes_along(run: Runner, value: str) -> None:
    look = '\nprint(sandbox.exec("printenv", "UNRELATED").stdout.read())\n'
    bad = run(example("MS207", "bad") + look, UNRELATED=value)
    assert value.encode() in bad.sent
    assert value in bad.output
    good = run(example("MS207", "good") + look, UNRELATED=value, OPENAI_API_KEY="x" * 12)
    assert value.encode() not in good.sent
    assert value not in good.output


def test_ms207_a_secret_is_made_of_os_environ_itself(
    modal_workspace: ModalWorkspace, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("UNRELATED", value)
    modal.Secret.objects.create("mine", os.environ)
    record = modal_workspace.workspace.secret_lookup("mine")
    assert modal_workspace.workspace.secret_values(record.id)["UNRELATED"] == value
    with pytest.raises(modal.exception.InvalidError):
        modal.Secret.from_dict(os.environ)


def test_ms208_a_shielded_secret_is_in_the_environment(run: Runner, value: str) -> None:
    """The local server has no outbound policies: without that argument both forms run."""
    run.workspace.secret("openai-secret", {"OPENAI_API_KEY": value})
    look = '\nprint(sandbox.exec("printenv", "OPENAI_API_KEY").stdout.read())\n'
    for kind in ("bad", "good"):
        program = example("MS208", kind).replace(
            "_experimental_outbound_policy=policy", 'app=modal.App.lookup("witness", create_if_missing=True)'
        )
        assert (value in run(program + look).output) is (kind == "bad")
