"""From methods of the service classes to the handlers grpclib serves.

A service is a plain class whose served methods carry `@rpc("SecretList")`; `control_plane` and `command_router` put all
services on the server base classes that the `modal` package generates. A call that no service names answers
UNIMPLEMENTED, which the SDKs show at once instead of retrying.
"""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf.message import DecodeError
from grpclib import GRPCError, Status
from grpclib.exceptions import StreamTerminatedError
from modal_proto.api_grpc import ModalClientBase
from modal_proto.task_command_router_grpc import TaskCommandRouterBase

from modal_lint_runtime.server.statuses import as_status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from concurrent.futures import Executor

    from grpclib._typing import IServable
    from grpclib.server import Stream

    Admit = Callable[[Mapping[str, Any], str], "Caller"]

MAX_MESSAGE_BYTES = 100 * 1024 * 1024
"""The largest message that is read: Modal's own payload limit (P _functions.py, "maximum size 100 MiB")."""

_PYTHON_CLIENTS = frozenset({1, 2, 3, 5, 6})
_NAMES = "__rpc_names__"

Method = TypeVar("Method", bound="Callable[..., Any]")


@dataclass(frozen=True)
class Caller:
    """Who calls: the metadata `x-modal-client-type` and `x-modal-python-version`, and the task whose token is shown."""

    client_type: int
    task_id: str | None = None
    python_version: str = ""

    @property
    def scheme(self) -> str:
        """The URL scheme this client's router connection needs (design/protocol.md section 3).

        Python dials what the URL says; the JavaScript and Go clients insist on https and dial plaintext on loopback.
        """
        return "http" if self.client_type in _PYTHON_CLIENTS else "https"


def rpc(*names: str) -> Callable[[Method], Method]:
    """Mark a service's method as the handler of these calls (several when V1 and V2 share their messages).

    The method gets `(request, caller)`. A plain `def` runs in a worker thread; `async def` runs on the event loop and
    must not block; an async generator answers a streaming call.
    """

    def mark(method: Method) -> Method:
        setattr(method, _NAMES, names)
        return method

    return mark


def handlers(services: Iterable[object]) -> dict[str, Callable[..., Any]]:
    """The served calls of `services` by name. Raises ValueError when two methods claim one call."""
    found: dict[str, Callable[..., Any]] = {}
    for service in services:
        for _, method in inspect.getmembers(service, callable):
            for name in getattr(method, _NAMES, ()):
                if name in found:
                    raise ValueError(f"two handlers of {name}")
                found[name] = method
    return found


def served_names(classes: Iterable[type]) -> set[str]:
    """The names of all calls that these service classes serve (for the table in the docs)."""
    return set(handlers(classes))


def control_plane(services: Iterable[object], admit: Admit, executor: Executor) -> IServable:
    """`modal.client.ModalClient` over `services`; `admit` turns metadata into a Caller or raises GRPCError."""
    return _servable(ModalClientBase, handlers(services), admit, executor)


def command_router(services: Iterable[object], admit: Admit, executor: Executor) -> IServable:
    """`modal.task_command_router.TaskCommandRouter` over `services`, as `control_plane`."""
    return _servable(TaskCommandRouterBase, handlers(services), admit, executor)


def _servable(base: type, methods: Mapping[str, Callable[..., Any]], admit: Admit, executor: Executor) -> IServable:
    names: frozenset[str] = base.__abstractmethods__  # type: ignore[attr-defined]
    unknown = set(methods) - names
    if unknown:
        raise ValueError(f"{base.__name__} has no {', '.join(sorted(unknown))}")
    members = {name: _member(name, methods.get(name), admit, executor) for name in names}
    servable: IServable = type(base.__name__.removesuffix("Base"), (base,), members)()
    return servable


def _member(name: str, method: Callable[..., Any] | None, admit: Admit, executor: Executor) -> Any:
    async def serve(_self: object, stream: Stream[Any, Any]) -> None:
        if method is None:
            text = f"{name} is not served by the local runtime of modal-lint (docs/server.md lists what is)"
            raise GRPCError(Status.UNIMPLEMENTED, text)
        try:
            _bound_messages(stream)
            caller = admit(stream.metadata or {}, name)
            await _answer(method, stream, caller, executor)
        except (GRPCError, StreamTerminatedError, asyncio.TimeoutError):
            raise
        except DecodeError:
            raise GRPCError(Status.INVALID_ARGUMENT, "The request cannot be decoded.") from None
        except Exception as error:
            raise as_status(name, error) from None

    return serve


async def _answer(method: Callable[..., Any], stream: Stream[Any, Any], caller: Caller, executor: Executor) -> None:
    if stream._cardinality.client_streaming:
        await stream.send_message(await method(stream, caller))
        return
    request = await _receive(stream)
    if inspect.isasyncgenfunction(method):
        replies = method(request, caller)
        try:
            async for reply in replies:
                await stream.send_message(reply)
        finally:
            await replies.aclose()
    else:
        await stream.send_message(await _call(method, request, caller, executor))


def _call(method: Callable[..., Any], request: Any, caller: Caller, executor: Executor) -> Awaitable[Any]:
    if inspect.iscoroutinefunction(method):
        return method(request, caller)  # type: ignore[no-any-return]
    return asyncio.get_running_loop().run_in_executor(executor, method, request, caller)


async def _receive(stream: Stream[Any, Any]) -> Any:
    try:
        request = await stream.recv_message()
    except (NotImplementedError, AssertionError):  # compressed, or shorter than announced
        raise GRPCError(Status.INVALID_ARGUMENT, "The request cannot be decoded.") from None
    if request is None:
        raise GRPCError(Status.INVALID_ARGUMENT, "The request has no message.")
    return request


def _bound_messages(stream: Stream[Any, Any]) -> None:
    """Refuse a message by its announced length, before any of it is read: grpclib itself has no limit."""
    read = stream._stream.recv_data

    async def recv_data(size: int) -> bytes:
        if size > MAX_MESSAGE_BYTES:
            raise GRPCError(Status.RESOURCE_EXHAUSTED, f"The message is larger than {MAX_MESSAGE_BYTES} bytes.")
        return await read(size)

    stream._stream.recv_data = recv_data  # type: ignore[method-assign]
