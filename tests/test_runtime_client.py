"""The client: Secrets, environments, images and sandboxes, with and without await, alone and among processes."""

# modal-lint: ignore-file[MS311,MS315] which value wins is what is tested

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from modal_lint_runtime import (
    AlreadyExistsError,
    AsyncModalClient,
    AuthError,
    ConflictError,
    InvalidError,
    ModalClient,
    NotFoundError,
    ResourceExhaustedError,
    SandboxTerminatedError,
    SandboxTimeoutError,
    UnsupportedError,
    WorkspaceError,
)
from runtime_world import files_holding, needs_layers, needs_parser, value

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from modal_lint_runtime import App, Image, Sandbox

SOURCES = str(Path(__file__).resolve().parent.parent / "runtime")


@pytest.fixture(params=["auto", "none"])
def modal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ModalClient]:
    with ModalClient(path=tmp_path / "workspace", isolation=request.param) as client:
        yield client


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[ModalClient]:
    with ModalClient(path=tmp_path / "workspace", isolation="none") as client:
        yield client


@pytest.fixture
def app(tmp_path: Path) -> App:
    with ModalClient(path=tmp_path / "workspace") as client:
        return client.apps.from_name("tests", create_if_missing=True)


def image(modal: ModalClient) -> Image:
    return modal.images.from_registry("python:3.13")


def output(sandbox: Sandbox, *command: str, **options: object) -> str:
    process = sandbox.exec(command, **options)  # type: ignore[arg-type]
    text = process.stdout.read_text()
    assert process.wait() == 0, process.stderr.read_text()
    return text


def test_nothing_of_the_host_reaches_a_sandbox(modal: ModalClient, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_CREDENTIAL", value())
    with modal.sandboxes.create(app, image(modal), env={"MINE": "1"}) as sandbox:
        seen = dict(line.split("=", 1) for line in output(sandbox, "env").splitlines())
    assert seen.pop("MINE") == "1"
    assert seen.pop("MODAL_SANDBOX_ID") == sandbox.sandbox_id
    assert seen.pop("MODAL_ENVIRONMENT") == "main"
    assert seen.pop("MODAL_IMAGE_ID").startswith("im-")
    assert set(seen) == {"PATH", "HOME", "LANG"}


def test_later_sources_win_and_env_wins_over_all(modal: ModalClient, app: App) -> None:
    first = modal.secrets.from_object({"A": "first", "B": "first", "C": "first"})
    second = modal.secrets.from_object({"B": "second", "C": "second"})
    with modal.sandboxes.create(app, image(modal), secrets=[first, second], env={"C": "env", "NONE": None}) as sandbox:
        assert output(sandbox, "printenv", "A", "B", "C") == "first\nsecond\nenv\n"
        assert output(sandbox, "printenv", "A", "B", "C", secrets=[first]) == "first\nfirst\nfirst\n"
        assert output(sandbox, "printenv", "A", "C", secrets=[second], env={"A": "exec"}) == "exec\nsecond\n"
        assert sandbox.exec(["printenv", "NONE"]).wait() == 1


_names = st.text("abXY_01", min_size=1, max_size=6).map("V".__add__)
_values = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40),
    st.text("\\n\n'\"$` \t\r%&;=", max_size=12),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(_names, _values, max_size=4), max_size=3), st.dictionaries(_names, _values, max_size=3))
def test_a_process_has_what_is_given_and_nothing_else(
    plain: ModalClient, app: App, given_: list[dict[str, str]], env: dict[str, str]
) -> None:
    secrets_ = [plain.secrets.from_object(entries) for entries in given_]
    with plain.sandboxes.create(app, image(plain), command=["env", "-0"], secrets=secrets_, env=env) as sandbox:
        found = sandbox.stdout.read_bytes().decode().split("\0")[:-1]
    declared = {key: text for entries in (*given_, env) for key, text in entries.items()}
    seen = dict(line.split("=", 1) for line in found)
    assert {key: text for key, text in seen.items() if key.startswith("V")} == declared


def test_reserved_variables_are_modals_own(modal: ModalClient, app: App) -> None:
    mine = {"MODAL_ENVIRONMENT": "mine", "MODAL_REGION": "mine"}
    with modal.sandboxes.create(app, image(modal), env=mine) as sandbox:
        assert output(sandbox, "printenv", "MODAL_ENVIRONMENT", env=mine) == "main\n"
        assert sandbox.exec(["printenv", "MODAL_REGION"]).wait() == 1


def test_output_is_read_while_it_comes(modal: ModalClient, app: App) -> None:
    script = "echo one; read x; echo two $x; printf three >&2; exit 7"
    with modal.sandboxes.create(app, image(modal)) as sandbox:
        process = sandbox.exec(["sh", "-c", script])
        lines = iter(process.stdout)
        assert next(lines) == "one\n"
        assert process.poll() is None
        process.stdin.write("words\n")
        process.stdin.close()
        assert process.stdout.read_text() == "two words\n"
        assert process.stderr.read_bytes() == b"three"
        assert process.wait() == process.poll() == process.returncode == 7


def test_more_than_is_kept_can_be_read_while_it_comes_and_is_missed_where_it_was_not(
    plain: ModalClient, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modal_lint_runtime.output.Output.__init__.__kwdefaults__", {"closed": False, "limit": 100_000})
    sandbox = plain.sandboxes.create(app, image(plain))
    process = sandbox.exec(["sh", "-c", "for i in 1 2 3 4; do read go; head -c 50000 /dev/zero | tr '\\0' x; done"])
    read, chunks = 0, process.stdout.chunks()
    for number in range(1, 5):
        process.stdin.write("go\n")
        while read < number * 50_000:
            read += len(next(chunks))
    assert (process.wait(), list(chunks)) == (0, [])
    main = plain.sandboxes.create(app, image(plain), command=["echo", "once"])
    assert main.stdout.read_text() == "once\n"
    assert plain.sandboxes.from_id(main.sandbox_id).stdout.read_text() == ""
    unread = sandbox.exec(["head", "-c", "200000", "/dev/zero"])
    assert unread.wait() == 0
    with pytest.raises(ResourceExhaustedError, match="more than is kept"):
        unread.stdout.read_bytes()


def test_bytes_and_halves_of_characters(modal: ModalClient, app: App) -> None:
    script = (
        "import sys,time; o=sys.stdout.buffer; o.write(b'\\xc3'); o.flush(); time.sleep(.1); o.write(b'\\xa9\\xff\\n')"
    )
    with modal.sandboxes.create(app, image(modal)) as sandbox:
        assert sandbox.exec(["python", "-c", script]).stdout.read_bytes() == b"\xc3\xa9\xff\n"
        assert list(sandbox.exec(["python", "-c", script]).stdout) == ["é�\n"]
        assert "".join(sandbox.exec(["python", "-c", script]).stdout.chunks()) == "é�\n"


def test_a_main_process_and_its_exit_code(modal: ModalClient, app: App) -> None:
    sandbox = modal.sandboxes.create(app, image(modal), command=["sh", "-c", "cat; echo bad >&2; exit 3"])
    sandbox.stdin.write(b"hello ")
    sandbox.stdin.write("world")
    assert sandbox.state == "running"
    sandbox.stdin.close()
    assert sandbox.wait() == 3
    assert (sandbox.stdout.read_text(), sandbox.stderr.read_text()) == ("hello world", "bad\n")
    assert (sandbox.poll(), sandbox.state) == (3, "finished")
    assert sandbox.terminate() == 3
    with pytest.raises(SandboxTerminatedError):
        sandbox.exec(["true"])
    with pytest.raises(SandboxTerminatedError):
        sandbox.stdin.write("more")


def test_a_timeout_is_124(modal: ModalClient, app: App) -> None:
    sandbox = modal.sandboxes.create(app, image(modal), timeout=1.5)
    assert sandbox.exec(["sleep", "60"], timeout=0.1).wait() == 124
    with pytest.raises(SandboxTimeoutError):
        sandbox.wait()
    assert (sandbox.poll(), sandbox.returncode, sandbox.state) == (124, 124, "timeout")
    with pytest.raises(SandboxTimeoutError):
        sandbox.exec(["true"])


def test_termination_is_137(modal: ModalClient, app: App) -> None:
    sandbox = modal.sandboxes.create(app, image(modal))
    process = sandbox.exec(["sleep", "60"])
    assert sandbox.terminate() == 137
    assert process.wait() == 137
    assert (sandbox.poll(), sandbox.state) == (137, "terminated")
    assert sandbox.wait(raise_on_termination=False) == 137
    with pytest.raises(SandboxTerminatedError):
        sandbox.wait()


def test_working_directories(modal: ModalClient, app: App) -> None:
    with modal.sandboxes.create(app, image(modal), workdir="/") as sandbox:
        assert output(sandbox, "pwd") == "/\n"
        assert output(sandbox, "pwd", workdir="/usr") == "/usr\n"


def test_commands_that_do_not_exist(modal: ModalClient, app: App) -> None:
    with modal.sandboxes.create(app, image(modal)) as sandbox:
        process = sandbox.exec(["no-such-command"])
        assert process.wait() == 127
        assert "no-such-command" in process.stderr.read_text()


def test_names_tags_and_lists(plain: ModalClient, app: App) -> None:
    one = plain.sandboxes.create(app, image(plain), name="one", tags={"role": "worker", "n": "1"})
    two = plain.sandboxes.create(app, image(plain), tags={"role": "worker"})
    other = plain.sandboxes.create(plain.apps.from_name("other", create_if_missing=True), image(plain), name="one")
    with pytest.raises(AlreadyExistsError, match="one"):
        plain.sandboxes.create(app, image(plain), name="one")

    def ids(**options: object) -> list[str]:
        return [each.sandbox_id for each in plain.sandboxes.list(**options)]  # type: ignore[arg-type]

    assert ids() == [other.sandbox_id, two.sandbox_id, one.sandbox_id]
    assert ids(app=app) == [two.sandbox_id, one.sandbox_id]
    assert ids(tags={"n": "1"}) == [one.sandbox_id]
    assert plain.sandboxes.from_id(one.sandbox_id).name == "one"
    one.terminate()
    assert ids(app=app) == [two.sandbox_id]
    assert one.sandbox_id in ids(app=app, include_finished=True)
    assert plain.sandboxes.from_id(one.sandbox_id).poll() == 137
    plain.sandboxes.create(app, image(plain), name="one").terminate()
    plain.apps.stop(app)
    assert two.state == "terminated"
    with pytest.raises(ConflictError):
        plain.sandboxes.create(app, image(plain))
    with pytest.raises(NotFoundError):
        plain.sandboxes.from_id("sb-nothing")


def test_isolation_is_told(tmp_path: Path, app: App) -> None:
    for name in ("auto", "none"):
        with ModalClient(path=tmp_path / "workspace", isolation=name) as modal:
            sandbox = modal.sandboxes.create(app, image(modal))
            isolation = sandbox.isolation
            assert isolation is not None
            marker = tmp_path / name
            sandbox.exec(["touch", str(marker)]).wait()
            assert marker.exists() != isolation.filesystem
            assert (output(sandbox, "sh", "-c", "echo $$") in ("2\n", "3\n", "4\n")) == isolation.pids


def test_without_a_network(modal: ModalClient, app: App) -> None:
    try:
        sandbox = modal.sandboxes.create(app, image(modal), block_network=True)
    except UnsupportedError:
        isolation = modal.sandboxes.create(app, image(modal)).isolation
        assert isolation is not None
        assert isolation.kind == "none"
        return
    connect = "import socket; socket.create_connection(('127.0.0.1', 9), 1)"
    process = sandbox.exec(["python", "-c", connect])
    assert process.wait() == 1
    links = output(sandbox, "python", "-c", "import socket; print(len(socket.if_nameindex()))")
    assert links == "1\n"


def test_images_bake_what_they_are_told_to(plain: ModalClient, tmp_path: Path, app: App) -> None:
    needs_layers()
    context = tmp_path / "context"
    context.mkdir()
    (context / "data.txt").write_text("content\n")
    token = value()
    with ModalClient(path=tmp_path / "workspace") as modal:
        log: list[str] = []
        described = (
            image(modal)
            .env({"BAKED": "it's $HOME"})
            .dockerfile_commands("WORKDIR /srv/app", "COPY data.txt .", context_dir=context)
            .dockerfile_commands(["RUN test -n $TOKEN && echo log $TOKEN && cat data.txt"], env={"TOKEN": token})
        )
        assert described.image_id is None
        built = described.build(app, on_log=log.append)
        assert built.image_id == described.build(app).image_id
        assert modal.images.from_id(str(built.image_id)).image_id == built.image_id
        assert "content" in "".join(log)
        assert token not in "".join(log)
        for each in (built, described):
            with modal.sandboxes.create(app, each, env={"OTHER": "1"}) as sandbox:
                assert output(sandbox, "printenv", "BAKED") == "it's $HOME\n"
                assert output(sandbox, "cat", "data.txt") == "content\n"
                assert output(sandbox, "pwd") == "/srv/app\n"
                assert sandbox.exec(["printenv", "TOKEN"]).wait() == 1
        with modal.sandboxes.create(app, built, env={"BAKED": "env"}) as sandbox:
            assert output(sandbox, "printenv", "BAKED") == "env\n"
        modal.images.delete(str(built.image_id))
        with pytest.raises(NotFoundError):
            modal.images.from_id(str(built.image_id))
    assert files_holding(tmp_path / "workspace", token) == []
    assert plain.images.from_registry("node:20").dockerfile_commands([]).steps == ()


def test_without_isolation_builds_are_refused(plain: ModalClient, tmp_path: Path, app: App) -> None:
    needs_parser()
    described = image(plain).dockerfile_commands([f"RUN touch {tmp_path}/built"])
    with pytest.raises(UnsupportedError, match="allow_host_builds"):
        described.build(app)
    with ModalClient(path=tmp_path / "workspace", isolation="none", allow_host_builds=True) as modal:
        image(modal).dockerfile_commands([f"RUN touch {tmp_path}/built"]).build(app)
    assert (tmp_path / "built").exists()


def test_registry_secrets_have_one_kind_of_keys(plain: ModalClient) -> None:
    good = plain.secrets.from_object({"REGISTRY_USERNAME": "u", "REGISTRY_PASSWORD": value()})
    assert plain.images.from_registry("example.com/image:1", secret=good).registry_secret == good
    with pytest.raises(InvalidError, match="secret"):
        plain.images.from_registry("example.com/image:1", secret=plain.secrets.from_object({"TOKEN": value()}))


def test_secrets_show_keys_and_no_values(plain: ModalClient) -> None:
    hidden = value()
    named = plain.secrets.create("database", {"PASSWORD": hidden, "HOST": "h"})
    assert repr(named) == "Secret('database', keys=[PASSWORD, HOST])"
    assert repr(plain.secrets.from_object({"PASSWORD": hidden})) == "Secret(keys=[PASSWORD])"
    assert plain.secrets.from_name("database") == named
    with pytest.raises(AlreadyExistsError):
        plain.secrets.create("database", {"PASSWORD": hidden})
    replaced = plain.secrets.create("database", {"ONLY": hidden}, overwrite=True)
    assert (replaced.secret_id, replaced.keys) == (named.secret_id, ("ONLY",))
    assert set(plain.secrets.update("database", {"MORE": "1"}).keys) == {"ONLY", "MORE"}
    assert set(plain.secrets.update(named, {"MORE": "2"}).keys) == {"ONLY", "MORE"}
    assert [each.name for each in plain.secrets.list()] == ["database"]
    assert plain.secrets.list(limit=0) == plain.secrets.list(created_before=0) == []
    assert repr(plain) == "ModalClient()"


def test_what_runs_keeps_its_values(plain: ModalClient, app: App) -> None:
    secret = plain.secrets.create("changing", {"KEY": "old"})
    with plain.sandboxes.create(app, image(plain), secrets=[secret]) as sandbox:
        plain.secrets.update("changing", {"KEY": "new"})
        assert output(sandbox, "printenv", "KEY") == "old\n"
    with plain.sandboxes.create(app, image(plain), secrets=[secret]) as sandbox:
        assert output(sandbox, "printenv", "KEY") == "new\n"


def test_environments_are_apart(plain: ModalClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain.environments.create("dev")
    assert plain.environments.list() == ["dev", "main"]
    plain.secrets.create("key", {"A": "1"})
    plain.secrets.create("key", {"B": "1"}, environment="dev")
    with ModalClient(path=tmp_path / "workspace", environment="dev") as dev:
        assert dev.secrets.from_name("key").keys == ("B",)
        assert dev.secrets.from_name("key", environment="main").keys == ("A",)
        assert dev.apps.from_name("app", create_if_missing=True).environment == "dev"
    monkeypatch.setenv("MODAL_ENVIRONMENT", "dev")
    with ModalClient(path=tmp_path / "workspace") as told:
        assert told.secrets.from_name("key", environment="").keys == ("B",)
        assert [each.name for each in told.apps.list()] == ["app"]
    with ModalClient(path=tmp_path / "workspace", environment="no-such") as lost, pytest.raises(NotFoundError):
        lost.secrets.from_name("key")
    plain.environments.delete("dev")
    with pytest.raises(NotFoundError, match="dev"):
        plain.secrets.from_name("key", environment="dev")


def test_tokens_are_whole_or_none(tmp_path: Path) -> None:
    hidden = value()
    with pytest.raises(AuthError, match="token_secret") as caught:
        ModalClient(token_id=hidden, path=tmp_path / "w")
    assert hidden not in str(caught.value)
    with ModalClient(token_id=hidden, token_secret=hidden, path=tmp_path / "w") as modal:
        assert hidden not in repr(modal) + repr(vars(modal))


def test_a_closed_client_says_so(tmp_path: Path, app: App) -> None:
    modal = ModalClient(path=tmp_path / "workspace", isolation="none")
    sandbox = modal.sandboxes.create(app, image(modal))
    ephemeral = modal.secrets.from_object({"A": "1"})
    modal.close()
    modal.close()
    assert sandbox.state == "terminated"
    with pytest.raises(WorkspaceError, match="closed"):
        modal.secrets.list()
    with ModalClient(path=tmp_path / "workspace", isolation="none") as again:
        with pytest.raises(NotFoundError):
            again.sandboxes.create(app, image(again), secrets=[ephemeral])
        assert again.sandboxes.list() == []
        assert again.sandboxes.from_id(sandbox.sandbox_id).state == "terminated"
    assert not any((tmp_path / "workspace" / "scratch").iterdir())


_HOLDER = """
import sys, time
from modal_lint_runtime import ModalClient
modal = ModalClient(path=sys.argv[1], isolation="none")
app = modal.apps.from_name("tests", create_if_missing=True)
sandbox = modal.sandboxes.create(app, modal.images.from_registry("python:3.13"), command=["sleep", sys.argv[2]])
print(sandbox.sandbox_id, flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def holder(workspace: Path, seconds: str = "600") -> Iterator[tuple[str, subprocess.Popen[str]]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(workspace), seconds],
        env={**os.environ, "PYTHONPATH": SOURCES},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        try:
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()


def test_another_process_sees_and_terminates_a_sandbox(plain: ModalClient, tmp_path: Path) -> None:
    with holder(tmp_path / "workspace") as (sandbox_id, process):
        sandbox = plain.sandboxes.from_id(sandbox_id)
        assert [each.sandbox_id for each in plain.sandboxes.list()] == [sandbox_id]
        assert (sandbox.poll(), sandbox.state) == (None, "running")
        for use in (lambda: sandbox.exec(["true"]), lambda: sandbox.stdout):
            with pytest.raises(UnsupportedError, match=f"process {process.pid}"):
                use()
        assert sandbox.terminate() == 137
        assert (sandbox.state, plain.sandboxes.list()) == ("terminated", [])
        with pytest.raises(SandboxTerminatedError):
            sandbox.exec(["true"])


def test_a_killed_owner_leaves_nothing(plain: ModalClient, tmp_path: Path) -> None:
    seconds = some_seconds()
    with holder(tmp_path / "workspace", seconds) as (sandbox_id, process):
        sandbox = plain.sandboxes.from_id(sandbox_id)
        process.send_signal(signal.SIGKILL)
        process.wait()
        with pytest.raises(SandboxTerminatedError):
            sandbox.wait()
        assert (sandbox.poll(), sandbox.state) == (137, "lost")
        deadline = time.monotonic() + 10
        while _sleepers(seconds) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not _sleepers(seconds)
    assert plain.sandboxes.list() == []
    with ModalClient(path=tmp_path / "workspace") as modal:
        modal.sandboxes.create(modal.apps.from_name("tests"), image(modal)).terminate()
    assert not any((tmp_path / "workspace" / "scratch").iterdir())


def some_seconds() -> str:
    """A time to sleep that no other test has: tests run at once."""
    return f"1{secrets.randbelow(10**9):09}"


def _sleepers(seconds: str) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (path / "cmdline").read_bytes() == f"sleep\0{seconds}\0".encode():
                found.append(int(path.name))
    return found


def test_a_program_that_closes_nothing_ends_its_sandboxes(plain: ModalClient, tmp_path: Path) -> None:
    seconds = some_seconds()
    with holder(tmp_path / "workspace", seconds) as (sandbox_id, process):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0
    assert plain.sandboxes.from_id(sandbox_id).state == "terminated"
    assert not _sleepers(seconds)


_FORKING = """
import os, sys
from modal_lint_runtime import ModalClient, UnsupportedError
modal = ModalClient(path=sys.argv[1], isolation=sys.argv[2])
app = modal.apps.from_name("tests", create_if_missing=True)
image = modal.images.from_registry("python:3.13")
sandbox = modal.sandboxes.create(app, image)
process = sandbox.exec(["cat"])
end, begin = os.pipe()
child = os.fork()
if child == 0:
    os.close(begin)
    for use in (lambda: sandbox.exec(["true"]), lambda: sandbox.stdout, process.wait):
        try:
            use()
        except UnsupportedError as error:
            assert str(os.getppid()) in str(error)
        else:
            raise AssertionError
    assert (sandbox.state, sandbox.poll(), process.stdout.read_text()) == ("running", None, "")
    with modal.sandboxes.create(app, image) as own:
        assert own.exec(["echo", "own"]).stdout.read_text() == "own\\n"
    print("child", flush=True)
    os.read(end, 1)
    sys.exit()  # and what is registered for the end of a program runs
process.stdin.write("to the parent")
process.stdin.close()
print(process.stdout.read_text(), process.wait(), flush=True)  # although the child is there
os.write(begin, b".")
assert os.waitpid(child, 0)[1] == 0
print(sandbox.poll(), sandbox.exec(["echo", "still there"]).stdout.read_text(), end="")
"""


@pytest.mark.parametrize("isolation", ["auto", "none"])
def test_a_child_that_is_forked_leaves_its_parents_sandboxes_alone(isolation: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FORKING, str(tmp_path / "workspace"), isolation],
        env={**os.environ, "PYTHONPATH": SOURCES},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == ["None still there", "child", "to the parent 0"]
    assert done.stderr == ""


def test_many_sandboxes_at_once_and_one_after_another(modal: ModalClient, app: App) -> None:
    def one(number: int) -> str:
        with modal.sandboxes.create(app, image(modal), env={"NUMBER": str(number)}) as sandbox:
            return output(sandbox, "printenv", "NUMBER")

    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(one, range(32))) == [f"{number}\n" for number in range(32)]
    for number in range(8):
        assert one(number) == f"{number}\n"
    assert modal.sandboxes.list() == []


def run(path: Path, use: Callable[[AsyncModalClient], Coroutine[object, object, None]]) -> None:
    async def main() -> None:
        async with AsyncModalClient(path=path, isolation="none") as client:
            await use(client)

    asyncio.run(main())


def test_async_sandboxes(tmp_path: Path) -> None:
    async def use(modal: AsyncModalClient) -> None:
        app = await modal.apps.from_name("tests", create_if_missing=True)
        base = modal.images.from_registry("python:3.13")
        async with await modal.sandboxes.create(app, base, name="one") as sandbox:
            process = await sandbox.exec(["sh", "-c", "read x; echo $x; echo rest; printf tail; exit 5"])
            assert await process.poll() is None
            await process.stdin.write("first\n")
            lines = process.stdout.__aiter__()
            assert await lines.__anext__() == "first\n"
            assert await process.stdout.read_text() == "rest\ntail"
            assert (await process.wait(), process.returncode) == (5, 5)
            assert [each.name for each in await modal.sandboxes.list()] == ["one"]
            assert await (await modal.sandboxes.from_id(sandbox.sandbox_id)).poll() is None
        assert await sandbox.state() == "terminated"
        with pytest.raises(SandboxTerminatedError):
            await sandbox.wait()
        ended = await modal.sandboxes.create(app, base, command=["echo", "hello"], timeout=None)
        assert await ended.wait() == 0
        assert "".join([part async for part in ended.stdout.chunks()]) == "hello\n"
        late = await modal.sandboxes.create(app, base, timeout=0.2)
        with pytest.raises(SandboxTimeoutError):
            await late.wait()

    run(tmp_path / "workspace", use)


def test_async_waiting_can_be_cancelled(tmp_path: Path) -> None:
    async def use(modal: AsyncModalClient) -> None:
        app = await modal.apps.from_name("tests", create_if_missing=True)
        sandbox = await modal.sandboxes.create(app, modal.images.from_registry("python:3.13"))
        process = await sandbox.exec(["sh", "-c", "echo early; sleep 60"])
        await asyncio.sleep(0.3)
        for wait in (process.stdout.read_text, process.wait, sandbox.wait):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(wait(), 0.2)
        await sandbox.terminate()
        assert await process.stdout.read_text() == "early\n"  # what was cancelled has taken nothing

    run(tmp_path / "workspace", use)


def test_async_creating_can_be_cancelled(tmp_path: Path) -> None:
    async def use(modal: AsyncModalClient) -> None:
        app = await modal.apps.from_name("tests", create_if_missing=True)
        base = modal.images.from_registry("python:3.13")
        made = 0
        for delay in (0.0, 0.005, 0.02, 0.05, 0.1):
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(modal.sandboxes.create(app, base), delay)
                made += 1
                break
        deadline = time.monotonic() + 10
        while len(await modal.sandboxes.list()) > made and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        assert len(await modal.sandboxes.list()) == made

    run(tmp_path / "workspace", use)


def test_the_event_loop_is_never_blocked(tmp_path: Path) -> None:
    async def use(modal: AsyncModalClient) -> None:
        longest = 0.0

        async def tick() -> None:
            nonlocal longest
            while True:
                start = time.monotonic()
                await asyncio.sleep(0.001)
                longest = max(longest, time.monotonic() - start)

        ticking = asyncio.create_task(tick())
        app = await modal.apps.from_name("tests", create_if_missing=True)
        sandbox = await modal.sandboxes.create(app, modal.images.from_registry("python:3.13"))
        process = await sandbox.exec(["sleep", "1.5"])
        await process.stdout.read_text()
        await process.wait()
        await sandbox.terminate()
        ticking.cancel()
        assert longest < 1.4  # a call that blocks takes 1.5

    run(tmp_path / "workspace", use)


def test_async_clients_raise_late(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    async def main() -> None:
        async with AsyncModalClient(path=tmp_path / "file") as modal:
            with pytest.raises(WorkspaceError):
                await modal.secrets.list()

    asyncio.run(main())
    with pytest.raises(WorkspaceError):
        ModalClient(path=tmp_path / "file")
