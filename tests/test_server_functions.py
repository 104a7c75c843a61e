"""Functions through the local server: programs in the shape people write, run with the real Python SDK.

Each asserts what the process that ran the function really saw.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

modal = pytest.importorskip("modal")

from modal_proto import api_pb2  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

    from modal_lint_runtime.pytest_plugin import ModalWorkspace

pytest_plugins = ["modal_lint_runtime.pytest_plugin"]

PROGRAM = """
import json, os, sys
import modal

app = modal.App("program", secrets=[modal.Secret.from_name("of-app")])

def seen(keys="ABCDEF"):
    return {key: os.environ[key] for key in keys if key in os.environ}

@app.function(
    secrets=[modal.Secret.from_name("first"), modal.Secret.from_dict({"C": "dict", "D": "dict"})], env={"D": "env"}
)
def show():
    return seen()

@app.function()
def plain(*keys):
    print("printed in the container")
    return dict(os.environ) if not keys else seen(keys)

@app.function()
def fails(text):
    raise ValueError(text)

@app.function()
def count(n):
    yield from range(n)

@app.function(timeout=1)
def slow():
    import time
    time.sleep(100)

@app.function(restrict_modal_access=True)
def restricted():
    try:
        return [secret.name for secret in modal.Secret.objects.list()]
    except modal.exception.PermissionDeniedError as error:
        return str(error)

@app.function()
def unrestricted():
    return sorted(secret.name for secret in modal.Secret.objects.list())

tried = []

@app.function(retries=modal.Retries(max_retries=1, initial_delay=0.0), max_containers=1)
def second_time(key):
    tried.append(key)
    if tried.count(key) < 2:
        raise RuntimeError("once more")
    return key

@app.function()
def dies():
    os._exit(9)

@app.cls(secrets=[modal.Secret.from_name("first")])
class Greeter:
    name: str = modal.parameter(default="nobody")

    @modal.method()
    def greet(self):
        return f"{self.name} {os.environ['A']}"

def run():
    with app.run():
        BODY

if __name__ == "__main__":
    run()
"""


@pytest.fixture
def run(modal_workspace: ModalWorkspace, tmp_path: Path) -> Any:
    """Run the program with these lines in its `app.run()`; the last line it prints is JSON."""
    modal_workspace.secret("of-app", {"A": "app", "B": "app"})
    modal_workspace.secret("first", {"A": "first", "C": "first", "D": "first"})

    def run(*lines: str) -> Any:
        program = tmp_path / "program.py"
        body = textwrap.indent("\n".join(lines), " " * 8).strip()
        program.write_text(PROGRAM.replace("BODY", body), encoding="utf-8")
        command = [sys.executable, str(program)]
        environment = modal_workspace.environment()
        done = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=90, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_app_secrets_then_the_functions_then_env(run: Any) -> None:
    assert run("print(json.dumps(show.remote()))") == {"A": "first", "B": "app", "C": "dict", "D": "env"}


def test_nothing_else_of_the_callers_environment(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_THE_HOST", "visible")
    monkeypatch.setenv("MODAL_TOKEN_SECRET", "as-this-is-the-callers")
    seen = run("print(json.dumps(plain.remote()))")
    assert seen["A"] == "app"
    assert seen["MODAL_IS_REMOTE"] == "1"
    assert not {"FROM_THE_HOST", "MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"} & set(seen)


def test_map_generators_and_many_inputs(run: Any) -> None:
    lines = ["values = [len(each) for each in plain.map(['A'] * 20)]", "items = list(count.remote_gen(5))"]
    assert run(*lines, "print(json.dumps([values, items]))") == [[1] * 20, [0, 1, 2, 3, 4]]


def test_spawn_and_get(run: Any) -> None:
    assert run("call = plain.spawn('A')", "print(json.dumps(call.get(timeout=30)))") == {"A": "app"}


@pytest.mark.parametrize(
    "how", ["second_time.remote(1)", "*second_time.map([1])", "second_time.spawn(1).get(timeout=30)"]
)
def test_a_failed_input_is_tried_again(run: Any, how: str) -> None:
    assert run(f"print(json.dumps([{how}]))") == [1]


def test_a_cancelled_call_says_so(run: Any) -> None:
    lines = ["call = slow.spawn()", "call.cancel()", "try:", "    call.get(timeout=30)"]
    assert run(*lines, "except modal.exception.Error as error:", "    print(json.dumps(str(error)))") == (
        "The call was cancelled."
    )


def test_exceptions_come_back_with_their_type(run: Any) -> None:
    lines = ["try:", "    fails.remote('the text')", "except ValueError as error:", "    print(json.dumps(str(error)))"]
    assert run(*lines) == "the text"


def test_an_input_times_out(run: Any) -> None:
    lines = ["try:", "    slow.remote()", "except modal.exception.FunctionTimeoutError:", "    print('1')"]
    assert run(*lines) == 1


def test_a_restricted_function_may_only_work(run: Any) -> None:
    restricted, unrestricted = run("print(json.dumps([restricted.remote(), unrestricted.remote()]))")
    assert restricted == "A restricted Function may not call SecretList."
    assert unrestricted == ["first", "of-app"]


def test_a_container_that_dies_fails_its_input(run: Any) -> None:
    lines = ["try:", "    dies.remote()", "except modal.exception.Error as error:", "    print(json.dumps(str(error)))"]
    assert run(*lines) == "The container exited with code 9."


def test_options_replace_all_secrets(run: Any) -> None:
    lines = ["changed = show.with_options(env={'E': 'option'})", "print(json.dumps([show.remote(), changed.remote()]))"]
    assert run(*lines) == [{"A": "first", "B": "app", "C": "dict", "D": "env"}, {"E": "option"}]


def test_classes_with_parameters(run: Any) -> None:
    assert run("print(json.dumps(Greeter(name='you').greet.remote()))") == "you first"


def test_an_update_is_seen_by_containers_started_afterwards(run: Any, modal_workspace: ModalWorkspace) -> None:
    run("app.deploy()", "print(1)")
    show = modal.Function.from_name("program", "show")
    assert show.remote()["A"] == "first"
    modal.Secret.from_name("first").update({"A": "updated"})
    assert show.remote()["A"] == "first"
    stop_containers(modal_workspace)
    assert show.remote()["A"] == "updated"


def test_a_deploy_counts_when_it_has_been_published(modal_workspace: ModalWorkspace, tmp_path: Path) -> None:
    """One that fails half way leaves what was deployed before."""

    def deploy(value: str, more: str = "") -> int:
        text = (
            "import modal, os\n"
            "app = modal.App('again')\n"
            f"@app.function(env={{'VALUE': '{value}'}})\n"
            "def show():\n    return os.environ['VALUE']\n"
            f"{more}\nif __name__ == '__main__':\n    app.deploy()\n"
        )
        (tmp_path / "again.py").write_text(text, encoding="utf-8")
        command = [sys.executable, str(tmp_path / "again.py")]
        return subprocess.run(command, env=modal_workspace.environment(), capture_output=True, timeout=60).returncode

    assert deploy("first") == 0
    show = modal.Function.from_name("again", "show")
    assert show.remote() == "first"
    assert deploy("second") == 0
    assert show.remote() == "second"
    assert deploy("third", "@app.function(gpu='T4')\ndef heavy():\n    pass") != 0
    stop_containers(modal_workspace)
    assert show.remote() == "second"


def test_a_deleted_secret_fails_the_next_start(run: Any, modal_workspace: ModalWorkspace) -> None:
    run("app.deploy()", "print(1)")
    show = modal.Function.from_name("program", "show")
    assert show.remote()["A"] == "first"
    modal.Secret.objects.delete("first")
    stop_containers(modal_workspace)
    with pytest.raises(modal.exception.RemoteError, match="NotFoundError"):
        show.remote()


def stop_containers(workspace: ModalWorkspace) -> None:
    for worker in list(workspace.server.state.deployed.workers.values()):
        workspace.server.state.end_worker(worker)
        assert worker.container is not None
        worker.container.wait(10)


def test_modal_run_shows_what_the_container_prints(run: Any, modal_workspace: ModalWorkspace, tmp_path: Path) -> None:
    run("print(1)")
    command = [sys.executable, "-m", "modal", "run", f"{tmp_path / 'program.py'}::plain"]
    environment = modal_workspace.environment()
    done = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=90, check=False)
    assert "printed in the container" in done.stdout, done.stderr


def test_the_output_of_an_app_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest output is kept, of the Apps that ended last."""
    from modal_lint_runtime.server import deployed

    monkeypatch.setattr(deployed, "MAX_LOG_BYTES", 4096)
    monkeypatch.setattr(deployed, "MAX_ENDED_LOGS", 2)
    log = deployed.AppLog()
    for number in range(100):
        log.add(api_pb2.TaskLogsBatch(items=[api_pb2.TaskLogs(data=f"{number:0100}")]))
    kept = [int(batch.items[0].data) for batch in log.batches]
    assert kept == list(range(log.dropped, 100))
    assert 30 < len(kept) < 41
    assert [batch.entry_id for batch in log.batches] == [f"{number + 1}-0" for number in kept]
    assert log.size == sum(batch.ByteSize() for batch in log.batches)
    found = deployed.Deployed()
    for number in range(5):
        found.end_log(f"ap-{number}")
    assert list(found.logs) == ["ap-3", "ap-4"]


def test_web_endpoints_are_refused(modal_workspace: ModalWorkspace) -> None:
    app = modal.App("web")

    @app.function(serialized=True)  # type: ignore[untyped-decorator]
    @modal.fastapi_endpoint()  # type: ignore[untyped-decorator]
    def page() -> str:
        return ""

    with pytest.raises(modal.exception.UnimplementedError, match="web endpoints"):
        app.deploy()
    assert modal_workspace.url.startswith("http://127.0.0.1:")


WEB_CLASS = """
import modal

app = modal.App("web")

@app.cls()
class Pages:
    @modal.fastapi_endpoint()
    def page(self):
        return ""

@app.function()
def plain():
    pass

if __name__ == "__main__":
    app.deploy()
"""


def test_web_endpoints_of_classes_are_refused(modal_workspace: ModalWorkspace, tmp_path: Path) -> None:
    (tmp_path / "pages.py").write_text(WEB_CLASS, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "pages.py")]
    environment = modal_workspace.environment()
    done = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "web endpoints" in done.stderr


def test_options_that_cannot_be_had_are_refused(run: Any) -> None:
    lines = ["try:", "    plain.with_options(gpu='T4').remote()", "except modal.exception.UnimplementedError as error:"]
    assert "GPU" in run(*lines, "    print(json.dumps(str(error)))")
