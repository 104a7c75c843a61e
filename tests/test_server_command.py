"""`runtime serve`, `runtime exec` and the pytest fixture, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("modal")

from server_process import EXEC, SERVE, environment, serving

if TYPE_CHECKING:
    from pathlib import Path

CLIENT = """
import modal, sys
modal.Secret.objects.create("made", {"A": "kept"})
app = modal.App.lookup("app", create_if_missing=True)
sandbox = modal.Sandbox.create("sleep", "1000", app=app, image=modal.Image.from_registry("python:3.13"))
process = sandbox.exec("sh", "-c", "sleep 1000 & echo $!; sleep 1000")
next(iter(process.stdout))
print("ready", flush=True)
"""
LIST = "import modal; print([s.name for s in modal.Secret.objects.list()])"


def run(code: str, env: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=env, text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def descendants(pid: int) -> set[int]:
    """The processes below one, as /proc has them now."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stat:
                    parents[int(name)] = int(stat.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in found | {pid}} - found:
        found |= more
    return found


def wait_gone(pids: set[int], seconds: float) -> set[int]:
    deadline = time.monotonic() + seconds
    while alive := {pid for pid in pids if running(pid)}:
        if time.monotonic() > deadline:
            return alive
        time.sleep(0.05)
    return set()


def running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_serve_prints_what_to_export(tmp_path: Path) -> None:
    with serving(tmp_path / "workspace") as (process, env):
        assert env["MODAL_SERVER_URL"].startswith("http://127.0.0.1:")
        assert run(LIST, env) == "[]\n"
        assert run(LIST, {**env, "MODAL_TOKEN_SECRET": "as-any-other"}) == "[]\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_a_shell_can_evaluate_what_serve_prints(tmp_path: Path) -> None:
    """Also one whose variables name another account, or an environment that is not here."""
    command = [sys.executable, "-c", SERVE, "--path", str(tmp_path / "workspace")]
    with subprocess.Popen(command, env=environment(), text=True, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        printed = ""
        while "no_proxy=" not in printed:
            printed += server.stdout.readline()
        before = {**environment(), "PRINTED": printed, "MODAL_ENVIRONMENT": "prod", "MODAL_OAUTH_CLIENT_ID": "oc-x"}
        shell = ["sh", "-euc", 'eval "$PRINTED"; exec "$0" "$@"', sys.executable, "-c", LIST]
        done = subprocess.run(shell, env=before, text=True, capture_output=True, timeout=60, check=False)
        server.terminate()
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


def test_serve_can_insist_on_its_token(tmp_path: Path) -> None:
    with serving(tmp_path / "workspace", "--check-token") as (_, env):
        assert run(LIST, env) == "[]\n"
        wrong = {**env, "MODAL_TOKEN_SECRET": "as-any-other"}
        done = subprocess.run([sys.executable, "-c", LIST], env=wrong, capture_output=True, timeout=60, check=False)
        assert done.returncode != 0


def test_seed(tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps({"one": {"A": "1"}, "two": {"B": "2"}}), encoding="utf-8")
    with serving(tmp_path / "workspace", "--seed", str(seed)) as (_, env):
        assert run(LIST, env) == "['two', 'one']\n"


@pytest.mark.parametrize(
    "content",
    ['{"one": {"A": shown', '["shown"]', '{"one": {"bad-key": "shown"}}', '{"one": "shown"}', "[" * 100_000],
    ids=["no JSON", "no object", "bad key", "no values", "too deep"],
)
def test_a_bad_seed_is_named_and_not_shown(tmp_path: Path, content: str) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(content, encoding="utf-8")
    command = [sys.executable, "-c", EXEC, "--path", str(tmp_path / "w"), "--seed", str(seed), "--", "true"]
    done = subprocess.run(command, env=environment(), text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "seed.json" in done.stderr
    assert "shown" not in done.stderr
    assert "Traceback" not in done.stderr


def test_exec_gives_the_variables_and_the_exit_status(tmp_path: Path) -> None:
    command = [sys.executable, "-c", EXEC, "--path", str(tmp_path / "workspace"), "--"]

    def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
        env = environment()
        return subprocess.run([*command, *arguments], env=env, text=True, capture_output=True, timeout=60, check=False)

    create = "import modal; modal.Secret.objects.create('s', {'A': '1'})"
    assert run_command(sys.executable, "-c", create).returncode == 0
    assert run_command(sys.executable, "-c", LIST).stdout == "['s']\n"
    assert run_command("sh", "-c", "exit 7").returncode == 7
    assert run_command("sh", "-c", "kill -TERM $$").returncode == 128 + 15
    missing = run_command("no-such-program")
    assert (missing.returncode, missing.stderr) == (127, "no-such-program: no such program\n")


FUNCTION = """
import modal, sys
app = modal.App("app")

@app.function(serialized=True)
def executable():
    import sys
    return sys.executable

with app.run():
    print(executable.remote())
sandbox = modal.Sandbox.create(
    "python", "-c", "import sys; print(sys.prefix)", app=modal.App.lookup("other", create_if_missing=True)
)
sandbox.wait()
print(sandbox.stdout.read(), end="")
"""


def test_a_python_that_was_called_by_a_path_with_dots(tmp_path: Path) -> None:
    """Containers do not see the directory that the path leads through."""
    with serving(tmp_path / "workspace", python=os.path.relpath(sys.executable, tmp_path), cwd=tmp_path) as (_, env):
        assert run(FUNCTION, env) == f"{sys.executable}\n{sys.prefix}\n"


def test_what_ends_exec_ends_its_command(tmp_path: Path) -> None:
    """As when a job is cancelled: the command is told, nothing of it or of the server stays."""
    command = [sys.executable, "-c", EXEC, "--path", str(tmp_path / "workspace"), "--", "sh", "-c"]
    script = "trap 'echo told; exit 9' TERM; echo ready; for i in $(seq 200); do sleep 0.05; done"
    with subprocess.Popen([*command, script], env=environment(), text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "told\n"
        assert process.wait(20) == 9
    assert list((tmp_path / "workspace" / "server").iterdir()) == []


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with serving(tmp_path / "one") as (_, env):
        port = env["MODAL_SERVER_URL"].rpartition(":")[2]
        command = [sys.executable, "-c", SERVE, "--path", str(tmp_path / "two"), "--port", port]
        done = subprocess.run(command, env=environment(), text=True, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"cannot listen on port {port}: Address already in use; leave --port out" in done.stderr


BUSY = """
import modal, sys, threading

app = modal.App.lookup("busy", create_if_missing=True)
image = modal.Image.from_registry("python:3.13")

def secrets(worker):
    for number in range(10_000):
        name = f"secret-{worker}-{number}"
        modal.Secret.objects.create(name, {"A": name})
        sys.stdout.write(name + "\\n")  # acknowledged

def processes():
    while True:
        sandbox = modal.Sandbox.create("sh", "-c", "sleep 1000 & sleep 1000", app=app, image=image)
        for _ in range(20):
            sandbox.exec("sh", "-c", "sleep 1000 & sleep 1000")

def builds():
    for number in range(10_000):
        modal.Image.debian_slim().run_commands(f"echo {number}; sleep 0.2").build(app)

work = [threading.Thread(target=secrets, args=(worker,), daemon=True) for worker in range(4)]
work += [threading.Thread(target=each, daemon=True) for each in (processes, processes, builds)]
for each in work:
    each.start()
threading.Event().wait()
"""


AFTER = """
import modal, sys
assert list(modal.Sandbox.list()) == []
app = modal.App.lookup("busy")
image = modal.Image.debian_slim().run_commands("echo again")
secret = modal.Secret.from_name(sys.argv[1])
sandbox = modal.Sandbox.create("printenv", "A", app=app, image=image, secrets=[secret])
sandbox.wait()
print(*sorted(secret.name for secret in modal.Secret.objects.list()), sandbox.stdout.read().strip(), sep="\\n")
"""


def test_a_server_killed_at_work_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    """Secrets, sandboxes, processes and builds by many threads; then SIGKILL; then everything goes on."""
    with serving(tmp_path / "workspace") as (process, env):
        command = [sys.executable, "-u", "-c", BUSY]
        with subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
            assert client.stdout is not None
            told, below, deadline = list[str](), set[int](), time.monotonic() + 30
            while len(below) < 20 and time.monotonic() < deadline:
                told += [client.stdout.readline().strip() for _ in range(20)]
                below = descendants(process.pid)
            process.kill()
            process.wait()
            client.kill()
            told += client.stdout.read().split("\n")[:-1]
        assert len(below) >= 20
        assert wait_gone(below, 10) == set()
    with serving(tmp_path / "workspace") as (process, env):
        *kept, seen = run(AFTER, env, told[-1]).split()
        assert set(told) <= set(kept)
        assert len(kept) - len(told) <= 4  # by each thread one that was stored, and killed before that was said
        assert seen == told[-1]
    left = [path for path in (tmp_path / "workspace" / "server").iterdir() if str(process.pid) not in path.name]
    assert left == []


def test_a_stopped_server_ends_its_sandboxes(tmp_path: Path) -> None:
    with serving(tmp_path / "workspace") as (process, env):
        run(CLIENT, env)
        below = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert wait_gone(below, 10) == set()
    assert list((tmp_path / "workspace" / "server").iterdir()) == []


CONFTEST = 'pytest_plugins = ["modal_lint_runtime.pytest_plugin"]'
PLUGIN_TEST = """
import os
import modal
import pytest

def test_one(modal_workspace):
    modal_workspace.secret("api-keys", {"API_KEY": "value"})
    app = modal.App.lookup("app", create_if_missing=True)
    image = modal.Image.from_registry("python:3.13")
    sandbox = modal.Sandbox.create(app=app, image=image, secrets=[modal.Secret.from_name("api-keys")])
    assert sandbox.exec("printenv", "API_KEY").stdout.read() == "value\\n"

def test_two_starts_empty(modal_workspace):
    assert modal.Secret.objects.list() == []

@pytest.mark.parametrize("time", [1, 2])
def test_images_that_nobody_names_are_of_each_workspace(modal_workspace, time):
    app = modal.App.lookup("app", create_if_missing=True)
    sandbox = modal.Sandbox.create("true", app=app)
    sandbox.wait()
    assert sandbox.returncode == 0

def test_three_is_as_before():
    assert "MODAL_SERVER_URL" not in os.environ
"""


PROGRAM = """
import os
import modal

app = modal.App("program")
secret = modal.Secret.from_name("api-keys", required_keys=["API_KEY"])
image = modal.Image.debian_slim().env({"LEVEL": "image"})

@app.function(secrets=[secret], image=image)
def key():
    return os.environ["API_KEY"]

@app.cls(secrets=[secret])
class Keys:
    @modal.method()
    def key(self):
        return os.environ["API_KEY"]

keys = Keys()
deployed = modal.Function.from_name("program", "key")

def in_sandbox():
    place = modal.App.lookup("sandboxes", create_if_missing=True)
    sandbox = modal.Sandbox.create("printenv", "API_KEY", app=place, image=image, secrets=[secret])
    sandbox.wait()
    return sandbox.stdout.read().strip()
"""
PROGRAM_TEST = """
import os
import program
import pytest
from modal_lint_runtime.pytest_plugin import serve_workspace

@pytest.mark.parametrize("value", ["one", "two"])
def test_a_program(modal_workspace, value):
    modal_workspace.secret("api-keys", {"API_KEY": value})
    assert program.in_sandbox() == value
    with program.app.run():
        assert [program.key.remote(), program.keys.key.remote()] == [value, value]
    program.app.deploy()
    assert program.deployed.remote() == value

@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with serve_workspace(tmp_path_factory.mktemp("shared")) as workspace:
        workspace.secret("api-keys", {"API_KEY": "shared"})
        yield workspace

@pytest.mark.parametrize("time", [1, 2])
def test_a_fixture_of_another_scope(shared, time):
    assert program.in_sandbox() == "shared"
    assert os.environ["MODAL_SERVER_URL"] == shared.url
"""


CONFIGURATION = """
[elsewhere]
active = true
server_url = "https://example.invalid"
environment = "elsewhere"
token_id = "ak-x"
token_secret = "as-x"
oauth_client_id = "oc-x"
oauth_refresh_token = "x"
"""


def test_the_fixture_in_a_users_suite(tmp_path: Path) -> None:
    """That of somebody with an account, whose configuration the SDK reads when it is imported."""
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (tmp_path / "test_user.py").write_text(PLUGIN_TEST, encoding="utf-8")
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "test_program.py").write_text(PROGRAM_TEST, encoding="utf-8")
    (tmp_path / ".modal.toml").write_text(CONFIGURATION, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**environment(), "HOME": str(tmp_path)},
        text=True,
        capture_output=True,
        timeout=90,
        check=False,
    )
    assert "9 passed" in done.stdout, done.stdout
