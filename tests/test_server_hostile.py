"""The local server against callers that mean no good: who gets in, what gets out, and what it survives."""

from __future__ import annotations

import asyncio
import hashlib
import random
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

modal = pytest.importorskip("modal")

from grpclib import GRPCError, Status  # noqa: E402
from grpclib.exceptions import StreamTerminatedError  # noqa: E402
from modal_lint_runtime.isolation import detect  # noqa: E402
from modal_lint_runtime.server.tokens import Credentials, Signer  # noqa: E402
from modal_proto import api_pb2  # noqa: E402
from modal_proto import task_command_router_pb2 as router_pb2  # noqa: E402
from server_process import Raw, mapping, random_message, raw_call, token_metadata  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

    from modal_lint_runtime.pytest_plugin import ModalWorkspace

pytest_plugins = ["modal_lint_runtime.pytest_plugin"]

CONTROL = "/modal.client.ModalClient"
ROUTER = "/modal.task_command_router.TaskCommandRouter"
CANARY = "canary-value-nobody-may-see"


def status_of(error: pytest.ExceptionInfo[GRPCError]) -> Status:
    return error.value.status


def test_listens_on_loopback_alone(modal_workspace: ModalWorkspace) -> None:
    port = modal_workspace.server.state.port
    socket.create_connection(("127.0.0.1", port), 5).close()
    for address in ("127.0.0.2", *own_addresses()):
        with pytest.raises(OSError, match=r"refused|unreachable|timed out"):
            socket.create_connection((address, port), 2).close()


def own_addresses() -> list[str]:
    """This machine's address towards the world, when it has one (nothing is sent)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return []
        return [probe.getsockname()[0]]


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"x-modal-token-id": "ak-x"},
        {"x-modal-token-id": "ak-x", "x-modal-token-secret": "as-x"},
        {"x-modal-lint-container": "x.y.z"},
        {"x-modal-lint-container": Signer().issue("container", "ta-x")},
    ],
)
def test_a_wrong_token_gets_nothing(modal_workspace: ModalWorkspace, metadata: dict[str, str]) -> None:
    modal_workspace.secret("there", {"A": CANARY})
    with pytest.raises(GRPCError) as error:
        raw_call(modal_workspace.server, f"{CONTROL}/SecretList", b"", metadata)
    assert status_of(error) is Status.UNAUTHENTICATED


def test_the_sdk_says_that_a_token_is_wrong(modal_workspace: ModalWorkspace) -> None:
    with pytest.raises(modal.exception.AuthError, match="not this server's"):
        modal.Client.from_credentials("ak-x", "as-x").hello()
    assert modal_workspace.server.credentials.token_secret not in repr(modal_workspace.server.credentials)


def task_of(workspace: ModalWorkspace, sandbox: Any) -> str:
    task = workspace.server.state.tasks.of_sandbox(sandbox.object_id)
    assert task is not None
    return task.id


def test_a_tasks_token_is_no_containers_and_no_accounts(modal_workspace: ModalWorkspace) -> None:
    mine = sandbox(modal_workspace)
    state = modal_workspace.server.state
    task_id = task_of(modal_workspace, mine)
    for token in (state.signer.issue("router", task_id), state.signer.issue("container", task_id)):
        with pytest.raises(GRPCError) as error:
            raw_call(modal_workspace.server, f"{CONTROL}/SecretList", b"", {"x-modal-lint-container": token})
        assert status_of(error) is Status.UNAUTHENTICATED
    mine.terminate()


def sandbox(workspace: ModalWorkspace, **kwargs: Any) -> Any:
    app = modal.App.lookup("hostile", create_if_missing=True)
    assert workspace.url
    return modal.Sandbox.create(app=app, image=modal.Image.from_registry("python:3.13"), **kwargs)


def test_a_task_token_opens_that_task_alone(modal_workspace: ModalWorkspace) -> None:
    mine, other = sandbox(modal_workspace), sandbox(modal_workspace, env={"A": CANARY})
    state = modal_workspace.server.state
    ids = [task_of(modal_workspace, each) for each in (mine, other)]
    request = router_pb2.TaskExecStartRequest(task_id=ids[1], exec_id="x", command_args=["env"])
    for token, status in (
        (state.signer.issue("router", ids[0]), Status.PERMISSION_DENIED),
        (state.signer.issue("router", ids[1], lifetime=-1), Status.UNAUTHENTICATED),
        (Signer().issue("router", ids[1]), Status.UNAUTHENTICATED),
        (state.signer.issue("container", ids[1]), Status.UNAUTHENTICATED),
        (f"{state.signer.issue('router', ids[1])}x", Status.UNAUTHENTICATED),
        ("", Status.UNAUTHENTICATED),
    ):
        metadata = {"authorization": f"Bearer {token}"}
        with pytest.raises(GRPCError) as error:
            raw_call(modal_workspace.server, f"{ROUTER}/TaskExecStart", request.SerializeToString(), metadata)
        assert status_of(error) is status
    for each in (mine, other):
        each.terminate()


def test_a_repeated_write_counts_once_and_a_gap_is_refused(modal_workspace: ModalWorkspace) -> None:
    mine = sandbox(modal_workspace)
    state, task_id = modal_workspace.server.state, task_of(modal_workspace, mine)
    metadata = {"authorization": f"Bearer {state.signer.issue('router', task_id)}"}

    def call(name: str, request: Any) -> None:
        raw_call(modal_workspace.server, f"{ROUTER}/{name}", request.SerializeToString(), metadata)

    def write(offset: int, data: bytes, eof: bool = False) -> None:
        fields: dict[str, Any] = {"task_id": task_id, "exec_id": "cat", "offset": offset, "data": data, "eof": eof}
        call("TaskExecStdinWrite", router_pb2.TaskExecStdinWriteRequest(**fields))

    for _ in range(2):
        call("TaskExecStart", router_pb2.TaskExecStartRequest(task_id=task_id, exec_id="cat", command_args=["cat"]))
    write(0, b"abc")
    write(0, b"abcd")
    with pytest.raises(GRPCError) as error:
        write(9, b"late")
    assert status_of(error) is Status.INVALID_ARGUMENT
    write(4, b"", eof=True)
    assert state.tasks.get(task_id).exec("cat").process.stdout.read_all(20) == b"abcd"
    mine.terminate()


def test_what_is_not_served_says_so(modal_workspace: ModalWorkspace) -> None:
    with pytest.raises(modal.exception.UnimplementedError, match="not served by the local runtime of modal-lint"):
        modal.Queue.objects.create("queue")
    assert modal_workspace.url


def test_random_bytes_kill_nothing_and_leak_nothing(modal_workspace: ModalWorkspace) -> None:
    modal_workspace.secret("victim", {"A": CANARY})
    mine = sandbox(modal_workspace, env={"B": CANARY})
    generator = random.Random(5)
    asyncio.run(fuzz(modal_workspace, mine, generator))
    mine = sandbox(modal_workspace)
    assert mine.exec("echo", "alive").stdout.read() == "alive\n"
    assert modal.Secret.objects.list() is not None
    mine.terminate()


async def fuzz(workspace: ModalWorkspace, mine: Any, generator: random.Random) -> None:
    server = workspace.server
    task_id = task_of(workspace, mine)
    app_id = server.state.tasks.get(task_id).app_id
    image_id = workspace.workspace.sandbox_get(mine.object_id).image_id or ""
    known = ["", "main", "victim", task_id, app_id, mine.object_id, image_id, "../../etc", "\0", "é" * 3000]
    raws = [Raw(server), Raw(server, {"authorization": f"Bearer {server.state.signer.issue('router', task_id)}"})]
    try:
        for path, handler in sorted(mapping().items()):
            messages = [generator.randbytes(size) for size in (0, 3, 40)]
            messages += [random_message(handler.request_type, generator, known).SerializeToString() for _ in range(4)]
            raw = raws[path.startswith(ROUTER)]
            await asyncio.gather(*(attack(raw, path, message) for message in messages))
    finally:
        for raw in raws:
            raw.close()


async def attack(raw: Raw, path: str, message: bytes) -> None:
    status, shown = await outcome(raw, path, message)
    assert CANARY.encode() not in shown
    assert status is not Status.INTERNAL, (path, shown)


async def outcome(raw: Raw, path: str, message: bytes) -> tuple[Status | None, bytes]:
    """How a call ends and all that it shows."""
    try:
        return Status.OK, b"".join(await raw.call(path, message, timeout=0.5))
    except GRPCError as error:
        return error.status, str(error).encode()
    except (StreamTerminatedError, asyncio.TimeoutError) as error:
        return None, str(error).encode()


def hostile_requests() -> list[tuple[str, Any]]:
    """Well-formed requests with contents that no SDK sends."""
    creation = api_pb2.ObjectCreationType.ValueType
    sources = [api_pb2.SecretSource(env=api_pb2.StringMap(contents={"A\0B": "x"}))]
    nul = [api_pb2.SecretSource(env=api_pb2.StringMap(contents={"A": "x\0y"}))]
    definition = api_pb2.Sandbox(image_id="im-x", entrypoint_args=["x\0y"], name="../../x")
    files = [api_pb2.MountFile(filename="../../../etc/cron.d/x", sha256_hex="0" * 64)]
    create = api_pb2.OBJECT_CREATION_TYPE_EPHEMERAL
    return [
        ("SecretGetOrCreate", api_pb2.SecretGetOrCreateRequest(object_creation_type=creation(99), deployment_name="x")),
        (
            "SecretGetOrCreate",
            api_pb2.SecretGetOrCreateRequest(object_creation_type=creation(2), deployment_name="../x"),
        ),
        (
            "SecretGetOrCreate",
            api_pb2.SecretGetOrCreateRequest(object_creation_type=creation(5), app_id="ap-'; DROP TABLE x"),
        ),
        ("SecretUpdate", api_pb2.SecretUpdateRequest(secret_id="st-x' OR '1'='1")),
        ("SecretList", api_pb2.SecretListRequest(pagination=api_pb2.ListPagination(max_objects=-(2**31)))),
        ("SandboxCreateV2", api_pb2.SandboxCreateV2Request(app_id="ap-x", definition=definition)),
        ("SandboxCreateV2", api_pb2.SandboxCreateV2Request(secret_sources=sources, definition=definition)),
        ("SandboxCreateV2", api_pb2.SandboxCreateV2Request(secret_sources=nul, definition=definition)),
        ("SandboxWaitV2", api_pb2.SandboxWaitRequest(sandbox_id="sb-x", timeout=float("nan"))),
        ("SandboxGetLogs", api_pb2.SandboxGetLogsRequest(sandbox_id="sb-x", last_entry_id="-1e99")),
        ("MountGetOrCreate", api_pb2.MountGetOrCreateRequest(files=files, object_creation_type=create)),
        ("MountPutFile", api_pb2.MountPutFileRequest(sha256_hex="../../x", data=b"x")),
        ("MountPutFile", api_pb2.MountPutFileRequest(sha256_hex="0" * 64, data=b"x")),
        ("ImageGetOrCreate", api_pb2.ImageGetOrCreateRequest()),
        (
            "FunctionPutOutputs",
            api_pb2.FunctionPutOutputsRequest(outputs=[api_pb2.FunctionPutOutputsItem(input_id="in-x")]),
        ),
        ("FunctionGetInputs", api_pb2.FunctionGetInputsRequest(function_id="fu-x")),
        ("FunctionBindParams", api_pb2.FunctionBindParamsRequest(function_id="fu-x")),
        ("AppPublish", api_pb2.AppPublishRequest(app_id="ap-x", function_ids={"f": "fu-x"})),
        ("AppClientDisconnect", api_pb2.AppClientDisconnectRequest(app_id="ap-x")),
        ("EnvironmentDelete", api_pb2.EnvironmentDeleteRequest(name="no'such")),
    ]


@pytest.mark.parametrize(
    ("name", "request_"), hostile_requests(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_odd_requests_get_a_plain_error(modal_workspace: ModalWorkspace, name: str, request_: Any) -> None:
    async def call() -> Status | None:
        raw = Raw(modal_workspace.server)
        status, _ = await outcome(raw, f"{CONTROL}/{name}", request_.SerializeToString())
        raw.close()
        return status

    assert asyncio.run(call()) not in (None, Status.INTERNAL, Status.UNKNOWN, Status.DEADLINE_EXCEEDED)
    assert modal.Secret.objects.list() == []


@pytest.mark.parametrize("name", ["../../escaped", "/a/../../escaped", "..", "", "/"])
def test_an_uploaded_file_stays_in_its_mount(modal_workspace: ModalWorkspace, name: str) -> None:
    digest = hashlib.sha256(b"content").hexdigest()
    put = api_pb2.MountPutFileRequest(sha256_hex=digest, data=b"content")
    raw_call(modal_workspace.server, f"{CONTROL}/MountPutFile", put.SerializeToString())
    kind = api_pb2.OBJECT_CREATION_TYPE_EPHEMERAL
    files = [api_pb2.MountFile(filename=name, sha256_hex=digest)]
    create = api_pb2.MountGetOrCreateRequest(object_creation_type=kind, files=files)
    with pytest.raises(GRPCError) as error:
        raw_call(modal_workspace.server, f"{CONTROL}/MountGetOrCreate", create.SerializeToString())
    assert status_of(error) is Status.INVALID_ARGUMENT
    assert list(modal_workspace.workspace.root.rglob("escaped")) == []


@pytest.mark.skipif(not detect().filesystem, reason="needs a private file system")
def test_a_sandbox_does_not_see_the_workspace(modal_workspace: ModalWorkspace) -> None:
    modal_workspace.secret("stored", {"A": CANARY})
    mine = sandbox(modal_workspace)
    process = mine.exec("sh", "-c", f"ls -A {modal_workspace.workspace.root} | head -1")
    assert process.stdout.read() == ""
    mine.terminate()


def test_a_huge_message_is_refused_before_it_is_read(modal_workspace: ModalWorkspace) -> None:
    class Announced(Raw):
        pass

    async def announce() -> None:
        raw = Announced(modal_workspace.server)
        channel = raw._channel
        from grpclib.const import Cardinality

        metadata = token_metadata(modal_workspace.server)
        path = f"{CONTROL}/SecretList"
        request = channel.request(path, Cardinality.UNARY_UNARY, bytes, bytes, timeout=5, metadata=metadata)
        async with request as stream:
            await stream.send_request()
            await stream._stream.send_data(b"\0\xff\xff\xff\xff" + b"x" * 1000)
            await stream.recv_message()

    with pytest.raises(GRPCError) as error:
        asyncio.run(announce())
    assert status_of(error) is Status.RESOURCE_EXHAUSTED


def test_garbage_on_the_wire(modal_workspace: ModalWorkspace) -> None:
    for opening in (
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 400,
        b"\0" * 1000,
    ):
        with socket.create_connection(("127.0.0.1", modal_workspace.server.state.port), 5) as connection:
            connection.sendall(opening)
    half_open = [socket.create_connection(("127.0.0.1", modal_workspace.server.state.port), 5) for _ in range(50)]
    assert modal.Secret.objects.list() == []
    for connection in half_open:
        connection.close()


PROGRAM = """
import json, os, socket, sys
connections = set()
def hook(event, arguments):
    if event == "socket.connect" and arguments[0].family in (socket.AF_INET, socket.AF_INET6):
        connections.add(tuple(arguments[1][:2]))
    elif event == "socket.getaddrinfo":
        connections.add((str(arguments[0]), arguments[1]))
sys.addaudithook(hook)
import modal
app = modal.App.lookup("proxied", create_if_missing=True)
sandbox = modal.Sandbox.create(app=app, image=modal.Image.debian_slim(), secrets=[modal.Secret.from_name("s")])
assert sandbox.exec("printenv", "A").stdout.read() == "1\\n"
sandbox.terminate()
print(json.dumps(sorted(connections)))
"""


def test_no_other_connection_is_made(modal_workspace: ModalWorkspace, tmp_path: Path) -> None:
    """A dead proxy for everything, a configuration file with another server: nothing is asked but this server."""
    import json

    modal_workspace.secret("s", {"A": "1"})
    (tmp_path / ".modal.toml").write_text(
        '[elsewhere]\nserver_url = "https://example.invalid"\nactive = true\ntoken_id = "ak-x"\ntoken_secret = "as-x"\n'
        'oauth_client_id = "oc-x"\nenvironment = "elsewhere"\n',
        encoding="utf-8",
    )
    proxies = dict.fromkeys(
        ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"
    )
    environment = {**modal_workspace.environment(), **proxies, "HOME": str(tmp_path)}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert {tuple(each) for each in json.loads(done.stdout.splitlines()[-1])} == {
        ("127.0.0.1", modal_workspace.server.state.port)
    }


def test_a_hundred_clients_at_once(modal_workspace: ModalWorkspace) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def client(number: int) -> str:
        own = modal.Client.from_credentials(*pair(modal_workspace.server.credentials))
        name = f"secret-{number}"
        modal.Secret.objects.create(name, {"A": str(number)}, client=own)
        secret_id: str = modal.Secret.from_name(name, required_keys=["A"]).hydrate(own).object_id
        own.close()
        return modal_workspace.workspace.secret_values(secret_id)["A"]

    started = time.monotonic()
    with ThreadPoolExecutor(100) as pool:
        assert list(pool.map(client, range(100))) == [str(number) for number in range(100)]
    assert time.monotonic() - started < 60


def pair(credentials: Credentials) -> tuple[str, str]:
    return credentials.token_id, credentials.token_secret


def test_a_thousand_execs(modal_workspace: ModalWorkspace) -> None:
    mine = sandbox(modal_workspace)

    async def run(number: int, gate: asyncio.Semaphore) -> str:
        async with gate:
            process = await mine.exec.aio("echo", str(number))
            text: str = await process.stdout.read.aio()
            assert await process.wait.aio() == 0
            return text

    async def run_all() -> list[str]:
        gate = asyncio.Semaphore(20)
        return await asyncio.gather(*(run(number, gate) for number in range(1000)))

    assert asyncio.run(run_all()) == [f"{number}\n" for number in range(1000)]
    mine.terminate()
