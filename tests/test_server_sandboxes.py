"""Sandboxes through the local server, with the real Python SDK, on both of its backends."""

from __future__ import annotations

import json
import re
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

modal = pytest.importorskip("modal")

from modal_lint_runtime.isolation import detect  # noqa: E402
from modal_lint_runtime.output import Output  # noqa: E402
from modal_lint_runtime.server.tokens import Signer  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from modal_lint_runtime.pytest_plugin import ModalWorkspace

    Create = Callable[..., Any]

pytest_plugins = ["modal_lint_runtime.pytest_plugin"]

needs_roots = pytest.mark.skipif(not detect().filesystem, reason="would write to this machine's own files")

SHOW_ENV = "import json, os; print(json.dumps(dict(os.environ)))"


@pytest.fixture(params=["1", "0"], ids=["v2", "v1"])
def create(request: pytest.FixtureRequest, modal_workspace: ModalWorkspace, monkeypatch: Any) -> Iterator[Create]:
    """`Sandbox.create` with an app and an image, on one backend; ends what it made."""
    assert modal_workspace.url
    monkeypatch.setenv("MODAL_SANDBOX_V2", request.param)
    app = modal.App.lookup("sandboxes", create_if_missing=True)
    image = modal.Image.from_registry("python:3.13")
    made = []

    def create(*args: str, **kwargs: Any) -> Any:
        made.append(modal.Sandbox.create(*args, app=app, image=image, **kwargs))
        return made[-1]

    yield create
    for sandbox in made:
        sandbox.terminate()


def env_of(sandbox: Any, **kwargs: Any) -> dict[str, str]:
    """The environment that a process in the sandbox really sees."""
    process = sandbox.exec(sys.executable, "-c", SHOW_ENV, **kwargs)
    env: dict[str, str] = json.loads(process.stdout.read())
    return env


def test_exec_streams_output_and_gives_the_exit_code(create: Create) -> None:
    sandbox = create()
    process = sandbox.exec("sh", "-c", "echo out; echo err >&2; exit 3")
    assert (process.stdout.read(), process.stderr.read(), process.wait()) == ("out\n", "err\n", 3)
    assert process.poll() == 3


def test_output_comes_while_the_process_runs(create: Create) -> None:
    process = create().exec("sh", "-c", "echo first; read line; echo got $line")
    lines = iter(process.stdout)
    assert next(lines) == "first\n"
    assert process.poll() is None
    process.stdin.write(b"more\n")
    process.stdin.drain()
    assert next(lines) == "got more\n"
    assert process.wait() == 0


def test_stdin_in_parts_and_its_end(create: Create) -> None:
    process = create().exec("cat")
    for part in ("one ", "two ", "three"):
        process.stdin.write(part)
        process.stdin.drain()
    process.stdin.write_eof()
    process.stdin.drain()
    assert process.stdout.read() == "one two three"
    assert process.wait() == 0


def test_large_binary_output_is_complete(create: Create) -> None:
    code = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 12000)"
    process = create().exec(sys.executable, "-c", code, text=False)
    assert process.stdout.read() == bytes(range(256)) * 12000


def test_output_that_was_too_much_to_keep_does_not_end_silently(
    create: Create, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Output.__init__, "__kwdefaults__", {"closed": False, "limit": 1024 * 1024})
    much = "head -c 2000000 /dev/zero | tr '\\0' x"
    sandbox = create("sh", "-c", much)
    with pytest.raises(modal.exception.ConflictError, match="more than"):
        sandbox.stdout.read()
    with pytest.raises(modal.exception.ConflictError, match="more than"):
        create().exec("sh", "-c", much).stdout.read()


def test_the_environment_is_secrets_in_order_then_env(create: Create, modal_workspace: ModalWorkspace) -> None:
    modal_workspace.secret("first", {"A": "first", "B": "first", "C": "first", "D": "first"})
    modal_workspace.secret("second", {"B": "second", "C": "second", "D": "second"})
    named = [modal.Secret.from_name("first"), modal.Secret.from_name("second")]
    sandbox = create(secrets=[*named, modal.Secret.from_dict({"C": "dict", "D": "dict"})], env={"D": "env"})
    seen = env_of(sandbox)
    assert {key: seen[key] for key in "ABCD"} == {"A": "first", "B": "second", "C": "dict", "D": "env"}


def test_a_dict_before_a_name_loses(create: Create, modal_workspace: ModalWorkspace) -> None:
    modal_workspace.secret("named", {"A": "named"})
    sandbox = create(secrets=[modal.Secret.from_dict({"A": "dict"}), modal.Secret.from_name("named")])
    assert env_of(sandbox)["A"] == "named"


def test_the_servers_own_environment_does_not_get_in(create: Create, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_THE_HOST", "visible")
    seen = env_of(create(env={"MINE": "1"}))
    assert seen["MINE"] == "1"
    assert "FROM_THE_HOST" not in seen
    assert "MODAL_TOKEN_SECRET" not in seen


def test_exec_env_is_laid_over_for_that_process_alone(create: Create, modal_workspace: ModalWorkspace) -> None:
    modal_workspace.secret("extra", {"A": "extra", "B": "extra"})
    sandbox = create(env={"A": "sandbox", "KEPT": "yes"})
    seen = env_of(sandbox, secrets=[modal.Secret.from_name("extra")], env={"B": "env"})
    assert (seen["A"], seen["B"], seen["KEPT"]) == ("extra", "env", "yes")
    later = env_of(sandbox)
    assert later["A"] == "sandbox"
    assert "B" not in later


def test_the_entrypoint_gets_stdin_and_gives_output(create: Create) -> None:
    sandbox = create("sh", "-c", "read line; echo got $line; echo é; echo oops >&2; exit 4", env={"X": "1"})
    sandbox.stdin.write(b"input\n")
    sandbox.stdin.write_eof()
    sandbox.stdin.drain()
    sandbox.wait(raise_on_termination=False)
    assert (sandbox.stdout.read(), sandbox.stderr.read()) == ("got input\né\n", "oops\n")
    assert sandbox.returncode == sandbox.poll() == 4


def test_tokens_that_have_expired_are_renewed(create: Create, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sandbox may live longer than the tokens that it is reached with."""
    issue = Signer.issue

    def issue_short_lived(signer: Signer, audience: Any, subject: str = "", lifetime: float = 2.0) -> str:
        return issue(signer, audience, subject, lifetime)

    monkeypatch.setattr(Signer, "issue", issue_short_lived)
    sandbox = create()
    process = sandbox.exec("sh", "-c", "read line; echo got $line")
    time.sleep(2.2)
    assert sandbox.exec("echo", "later").stdout.read() == "later\n"
    process.stdin.write("more\n")
    process.stdin.drain()
    assert (process.stdout.read(), process.wait()) == ("got more\n", 0)


def test_terminate_ends_every_process(create: Create) -> None:
    sandbox = create("sleep", "1000")
    process = sandbox.exec("sleep", "1000")
    assert sandbox.poll() is None
    assert sandbox.terminate(wait=True) == 137
    assert sandbox.poll() == 137
    assert process.wait() != 0


def test_a_sandbox_times_out(create: Create) -> None:
    sandbox = create("sleep", "1000", timeout=1)
    with pytest.raises(modal.exception.SandboxTimeoutError):
        sandbox.wait()
    assert sandbox.poll() == 124


def test_a_process_times_out(create: Create) -> None:
    started = time.monotonic()
    process = create().exec("sleep", "1000", timeout=1)
    assert process.wait() != 0
    assert time.monotonic() - started < 20


def test_names_are_unique_among_running_sandboxes_of_an_app(create: Create) -> None:
    sandbox = create(name="one")
    assert modal.Sandbox.from_name("sandboxes", "one").object_id == sandbox.object_id
    with pytest.raises(modal.exception.AlreadyExistsError):
        create(name="one")
    sandbox.terminate(wait=True)
    with pytest.raises(modal.exception.NotFoundError):
        modal.Sandbox.from_name("sandboxes", "one")
    create(name="one")


def test_from_id_reaches_the_same_sandbox(create: Create) -> None:
    sandbox = create()
    shape = r"sb-[0-9A-Za-z]{22}$" if is_v1(sandbox.object_id) else r"sb-[0-9A-HJKMNP-TV-Z]{26}$"
    assert re.match(shape, sandbox.object_id)
    again = modal.Sandbox.from_id(sandbox.object_id)
    assert again.exec("echo", "same").stdout.read() == "same\n"
    with pytest.raises(modal.exception.NotFoundError):
        modal.Sandbox.from_id("sb-01ARZ3NDEKTSV4RRFFQ69G5FAV")


def app_id() -> str:
    found: str = modal.App.lookup("sandboxes").app_id
    return found


def is_v1(sandbox_id: str) -> bool:
    return len(sandbox_id) == len("sb-") + 22


def test_tags_and_list(create: Create) -> None:
    one, two = create(tags={"kind": "a", "n": "1"}), create()
    two.set_tags({"kind": "b"})
    assert one.get_tags() == {"kind": "a", "n": "1"}
    assert two.get_tags() == {"kind": "b"}
    assert {each.object_id for each in modal.Sandbox.list(app_id=app_id())} == {one.object_id, two.object_id}
    assert [each.object_id for each in modal.Sandbox.list(app_id=app_id(), tags={"kind": "b"})] == [two.object_id]
    one.terminate(wait=True)
    assert [each.object_id for each in modal.Sandbox.list(app_id=app_id())] == [two.object_id]


@needs_roots
def test_files_are_written_and_read(create: Create) -> None:
    sandbox = create()
    files = sandbox.filesystem
    files.write_text("é\n", "/opt/made/here/text")
    assert sandbox.exec("cat", "/opt/made/here/text").stdout.read() == "é\n"
    files.write_bytes(bytes(range(256)) * 20_000, "/opt/made/bytes")
    assert files.read_bytes("/opt/made/bytes") == bytes(range(256)) * 20_000
    assert [(one.name, one.is_dir(), one.size) for one in files.list_files("/opt/made")] == [
        ("bytes", False, 5_120_000),
        ("here", True, files.stat("/opt/made/here").size),
    ]
    files.make_directory("/opt/made/more/deep")
    files.remove("/opt/made/more", recursive=True)
    files.remove("/opt/made/bytes")
    assert [one.path for one in files.list_files("/opt/made")] == ["/opt/made/here"]


@needs_roots
def test_what_cannot_be_done_with_a_file_is_said(create: Create) -> None:
    files = create().filesystem
    files.write_text("x", "/opt/made/text")
    error = modal.exception
    with pytest.raises(error.SandboxFilesystemNotFoundError, match="/opt/missing"):
        files.read_text("/opt/missing")
    with pytest.raises(error.SandboxFilesystemIsADirectoryError):
        files.read_text("/opt/made")
    with pytest.raises(error.SandboxFilesystemNotADirectoryError):
        files.write_text("x", "/opt/made/text/below")
    with pytest.raises(error.SandboxFilesystemPathAlreadyExistsError):
        files.make_directory("/opt/made", create_parents=False)
    with pytest.raises(error.SandboxFilesystemDirectoryNotEmptyError):
        files.remove("/opt/made")
    with pytest.raises(error.SandboxFilesystemError, match="Watch is not served"):
        list(files.watch("/opt", timeout=1))


def test_a_terminal_for_the_entrypoint(create: Create) -> None:
    sandbox = create("sh", "-c", "test -t 0 && test -t 1 && echo terminal; read line; echo got $line", pty=True)
    sandbox.stdin.write("typed\n")
    sandbox.stdin.drain()
    sandbox.wait()
    assert {"terminal", "typed", "got typed"} <= set(sandbox.stdout.read().split("\r\n"))


def test_workdir(create: Create) -> None:
    sandbox = create(workdir="/usr")
    assert sandbox.exec("pwd").stdout.read() == "/usr\n"
    assert sandbox.exec("pwd", workdir="/etc").stdout.read() == "/etc\n"


def test_a_deleted_secret_cannot_be_used(create: Create) -> None:
    modal.Secret.objects.create("gone", {"A": "1"})
    secret = modal.Secret.from_name("gone").hydrate()
    modal.Secret.objects.delete("gone")
    with pytest.raises(modal.exception.NotFoundError):
        create(secrets=[secret])


def test_what_a_local_sandbox_cannot_do_is_said(create: Create) -> None:
    with pytest.raises(modal.exception.UnimplementedError, match="open ports"):
        create(encrypted_ports=[8000])


def test_an_idle_sandbox_ends(create: Create) -> None:
    sandbox = create(idle_timeout=1)
    sandbox.wait(raise_on_termination=False)
    assert sandbox.poll() is not None


def test_the_in_process_client_sees_and_ends_a_servers_sandbox(create: Create, modal_workspace: ModalWorkspace) -> None:
    from modal_lint_runtime.other_sandbox import OtherSandbox

    sandbox = create("sleep", "1000")
    record = modal_workspace.workspace.sandbox_get(sandbox.object_id)
    assert OtherSandbox(modal_workspace.workspace, record).terminate() == 137
    assert sandbox.poll() == 137


def test_the_server_sees_and_ends_the_in_process_clients_sandbox(modal_workspace: ModalWorkspace) -> None:
    from modal_lint_runtime.client import ModalClient

    with ModalClient(path=modal_workspace.workspace.root) as client:
        app = client.apps.from_name("shared", create_if_missing=True)
        own = client.sandboxes.create(app, client.images.from_registry("python:3.13"), command=["sleep", "1000"])
        seen = modal.Sandbox.from_id(own.sandbox_id)
        assert seen.poll() is None
        seen.terminate()
        assert own.wait(raise_on_termination=False) == 137
        assert seen.poll() == 137


def test_an_apps_sandboxes_end_with_it(create: Create, modal_workspace: ModalWorkspace) -> None:
    app = modal.App("short")
    with app.run():
        mine = modal.Sandbox.create("sleep", "1000", app=app, image=modal.Image.from_registry("python:3.13"))
    assert mine.poll() == 137
    modal.Environment.objects.create("dev")
    place = modal.App.lookup("in-dev", environment_name="dev", create_if_missing=True)
    gone = modal.Sandbox.create("sleep", "1000", app=place, image=modal.Image.from_registry("python:3.13"))
    task = modal_workspace.server.state.tasks.of_sandbox(gone.object_id)
    kept = create("sleep", "1000")
    modal.Environment.objects.delete("dev")
    assert task is not None
    assert task.container.poll() == 137
    assert kept.poll() is None
