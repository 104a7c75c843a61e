"""Starting and stopping the server."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from typing import TYPE_CHECKING

from modal_lint_runtime.errors import WorkspaceError
from modal_lint_runtime.server import rpc, variables
from modal_lint_runtime.server.requests import answer_requests
from modal_lint_runtime.server.state import HOST, State
from modal_lint_runtime.server.tokens import Credentials, Gate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from grpclib.server import Server as GrpcServer

    from modal_lint_runtime.workspace import Workspace

START_TIMEOUT = 30.0
"""Seconds until a server that does not come up is given up."""

STOP_TIMEOUT = 10.0
"""Seconds that sandboxes get to end when the server stops."""

CLOSE_TIMEOUT = 2.0
"""Seconds that calls get to end then; since Python 3.12 this also waits for clients to hang up."""

BACKLOG = 1024
"""Connections that may wait to be accepted."""


def control_services(state: State) -> list[object]:
    """The services of the control plane over one state."""
    return [service(state) for service in control_classes()]


def control_classes() -> list[type]:
    """The service classes of the control plane, one per noun."""
    from modal_lint_runtime.server.apps import Apps
    from modal_lint_runtime.server.calls import Calls
    from modal_lint_runtime.server.containers import Containers
    from modal_lint_runtime.server.environments import Environments
    from modal_lint_runtime.server.functions import Functions
    from modal_lint_runtime.server.images import Images
    from modal_lint_runtime.server.logs import SandboxLogs
    from modal_lint_runtime.server.mounts import Mounts
    from modal_lint_runtime.server.publishing import Publishing
    from modal_lint_runtime.server.sandboxes import Sandboxes
    from modal_lint_runtime.server.secrets import Secrets
    from modal_lint_runtime.server.volumes import Volumes

    return [
        *(Environments, Secrets, Apps, Publishing, Mounts, Images, Sandboxes, SandboxLogs),
        *(Functions, Calls, Containers, Volumes),
    ]


def router_classes() -> list[type]:
    """The service classes of the task command router."""
    from modal_lint_runtime.server.router import Router

    return [Router]


class Server:
    """A server of one workspace on 127.0.0.1.

    `credentials` is the token that callers must show; None admits any token. `port` 0 takes a free one.
    """

    def __init__(self, workspace: Workspace, *, port: int = 0, credentials: Credentials | None = None) -> None:
        from modal_lint_runtime.builder import Builder
        from modal_lint_runtime.isolation import detect

        isolation = detect()
        self._port = port
        self.state = State(workspace, Builder(workspace, isolation), isolation, credentials)

    @property
    def url(self) -> str:
        """Where it is served, once it is."""
        return self.state.url()

    async def run(self, stop: asyncio.Event, started: Callable[[], None]) -> None:
        """Serve until `stop` is set, then end every sandbox. Calls `started` once calls are answered.

        Raises OSError when the port is taken.
        """
        server = await self._start()
        requests = asyncio.get_running_loop().create_task(answer_requests(self.state))
        started()
        try:
            await stop.wait()
        finally:
            requests.cancel()
            server.close()
            await self.state.end_all(STOP_TIMEOUT)
            _hang_up(server)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(server.wait_closed(), CLOSE_TIMEOUT)

    async def _start(self) -> GrpcServer:
        from grpclib.server import Server as GrpcServer

        state = self.state
        gate = Gate(state.signer, state.credentials, state.deployed)
        control = rpc.control_plane(control_services(state), gate.control, state.executor)
        router = rpc.command_router([service(state) for service in router_classes()], gate.router, state.executor)
        server = GrpcServer([control, router])
        await server.start(HOST, self._port, backlog=BACKLOG)
        state.port = _bound_port(server)
        return server


def _hang_up(server: GrpcServer) -> None:
    """Close the connections, which Python 3.13 would otherwise complain about when the event loop is gone."""
    close_clients = getattr(server._server, "close_clients", None)
    if close_clients is not None:
        close_clients()


def _bound_port(server: GrpcServer) -> int:
    listening = server._server
    assert isinstance(listening, asyncio.Server), "called after the start"
    port: int = listening.sockets[0].getsockname()[1]
    return port


class Running:
    """A server in a thread of this process; `stop` or the end of a `with` block stops it."""

    def __init__(self, workspace: Workspace, *, port: int = 0, credentials: Credentials | None = None) -> None:
        self.credentials = credentials or Credentials.generate()
        self._server = Server(workspace, port=port, credentials=self.credentials)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._started = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="modal-lint-server", daemon=True)

    def start(self) -> Running:
        """Start and wait until calls are answered. Raises OSError when the port is taken."""
        self._thread.start()
        if not self._started.wait(START_TIMEOUT):
            raise WorkspaceError("The server did not start in time.")
        if self._error is not None:
            raise self._error
        return self

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._server.run(self._stop, self._started.set))
        except BaseException as error:
            self._error = error
        finally:
            self._started.set()
            self._loop.close()

    def stop(self) -> None:
        """Stop the server and end its sandboxes. May be called twice."""
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(2 * STOP_TIMEOUT)

    @property
    def state(self) -> State:
        """What runs; for tests."""
        return self._server.state

    @property
    def url(self) -> str:
        """Where it is served."""
        return self._server.url

    @property
    def exports(self) -> dict[str, str]:
        """The variables that point the SDKs at this server."""
        return variables.exports(self.url, self.credentials)

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """`base` for a program that shall talk to this server alone."""
        return variables.environment(base, self.url, self.credentials)

    def __enter__(self) -> Running:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


@contextlib.contextmanager
def running(workspace: Workspace, *, port: int = 0, credentials: Credentials | None = None) -> Iterator[Running]:
    """A server of `workspace` for the time of a `with` block, in a thread of this process."""
    with Running(workspace, port=port, credentials=credentials) as server:
        yield server


def serve_until_signal(server: Server, announce: Callable[[], None]) -> None:
    """Serve in this thread until SIGINT or SIGTERM; `announce` is called once calls are answered.

    Raises OSError when the port is taken.
    """

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await server.run(stop, announce)

    asyncio.run(main())
