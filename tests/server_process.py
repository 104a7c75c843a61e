"""Helpers of the server's tests: raw calls that no SDK would make, and servers in processes of their own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from google.protobuf import message_factory
from grpclib.client import Channel
from grpclib.const import Cardinality, Handler
from grpclib.encoding.base import CodecBase

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from modal_lint_runtime.server.serving import Running

SERVE = "from modal_lint_runtime.command_serve import serve; serve()"
EXEC = "from modal_lint_runtime.command_serve import exec_; exec_()"


class Bytes(CodecBase):
    """Sends and receives messages as they are."""

    __content_subtype__ = "proto"

    def encode(self, message: Any, message_type: Any) -> bytes:  # noqa: ARG002
        return bytes(message)

    def decode(self, data: bytes, message_type: Any) -> bytes:  # noqa: ARG002
        return data


def mapping() -> dict[str, Handler]:
    """Every call of both services by its path."""
    from modal_proto.api_grpc import ModalClientBase
    from modal_proto.task_command_router_grpc import TaskCommandRouterBase

    found: dict[str, Handler] = {}
    for base in (ModalClientBase, TaskCommandRouterBase):
        empty = dict.fromkeys(base.__abstractmethods__)
        found.update(type("Empty", (base,), empty)().__mapping__())
    return found


def random_message(kind: type[Any], generator: random.Random, known: list[str], depth: int = 0) -> Any:
    """A valid message with contents by chance; strings are often those `known` ones that lead further in."""
    message = kind()
    for field in message.DESCRIPTOR.fields:
        if generator.random() < 0.3 or depth > 4:
            continue
        entry = field.message_type is not None and field.message_type.GetOptions().map_entry
        if field.is_repeated and not entry:
            target = getattr(message, field.name)
            values = [_random_value(field, generator, known, depth) for _ in range(generator.randrange(3))]
            target.extend(values)
        elif field.is_repeated:
            _fill_map(getattr(message, field.name), field, generator, known, depth)
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(_random_value(field, generator, known, depth))
        else:
            setattr(message, field.name, _random_value(field, generator, known, depth))
    return message


def _fill_map(target: Any, field: Any, generator: random.Random, known: list[str], depth: int) -> None:
    key_field, value_field = (field.message_type.fields_by_name[name] for name in ("key", "value"))
    for _ in range(generator.randrange(3)):
        key = _random_value(key_field, generator, known, depth)
        value = _random_value(value_field, generator, known, depth)
        if value_field.message_type is not None:
            target[key].CopyFrom(value)
        else:
            target[key] = value


def _random_value(field: Any, generator: random.Random, known: list[str], depth: int) -> Any:
    if field.message_type is not None:
        return random_message(message_factory.GetMessageClass(field.message_type), generator, known, depth + 1)
    if field.enum_type is not None:
        return generator.choice([value.number for value in field.enum_type.values])
    if field.cpp_type == field.CPPTYPE_STRING:
        text = generator.choice([*known, "".join(chr(generator.randrange(0x300)) for _ in range(20))])
        return text.encode() if field.type == field.TYPE_BYTES else text
    if field.cpp_type in (field.CPPTYPE_DOUBLE, field.CPPTYPE_FLOAT):
        return generator.choice([0.0, -1.0, 1e-9, 1e30, float("nan"), float("inf")])
    if field.cpp_type == field.CPPTYPE_BOOL:
        return generator.random() < 0.5
    signed = field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_INT64)
    return generator.choice([0, 1, 7, -1 if signed else 2, 2**31 - 1])


def token_metadata(server: Running, client_type: int = 1) -> dict[str, str]:
    credentials = server.credentials
    return {
        "x-modal-client-type": str(client_type),
        "x-modal-token-id": credentials.token_id,
        "x-modal-token-secret": credentials.token_secret,
    }


class Raw:
    """Calls with messages that are any bytes, on one connection."""

    def __init__(self, server: Running, metadata: Mapping[str, str] | None = None) -> None:
        self._channel = Channel("127.0.0.1", server.state.port, codec=Bytes())
        self._metadata = token_metadata(server) if metadata is None else metadata

    async def call(self, path: str, message: bytes, timeout: float = 2.0) -> list[bytes]:
        """The replies. Raises what grpclib raises."""
        replies = []
        request = self._channel.request(
            path, Cardinality.STREAM_STREAM, bytes, bytes, timeout=timeout, metadata=dict(self._metadata)
        )
        async with request as stream:
            await stream.send_message(message, end=True)
            async for reply in stream:
                replies.append(reply)
        return replies

    def close(self) -> None:
        self._channel.close()


def raw_call(server: Running, path: str, message: bytes, metadata: Mapping[str, str] | None = None) -> list[bytes]:
    """One call on a connection of its own."""

    async def call() -> list[bytes]:
        raw = Raw(server, metadata)
        try:
            return await raw.call(path, message)
        finally:
            raw.close()

    return asyncio.run(call())


@contextlib.contextmanager
def serving(
    path: Path, *arguments: str, python: str = sys.executable, cwd: Path | None = None
) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A server in a process of its own, and the environment for its clients."""
    command = [python, "-c", SERVE, "--path", str(path), *arguments]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, env=environment(), cwd=cwd, text=True, stdout=pipe, stderr=pipe)
    try:
        yield process, {**environment(), **_exports(process)}
    finally:
        process.kill()
        process.communicate()


def _exports(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    found = {}
    for line in process.stdout:
        command, _, rest = line.strip().partition(" ")
        name, _, value = rest.partition("=")
        if command == "export":
            found[name] = value.strip("'")
        if name == "no_proxy":
            return found
    raise AssertionError("the server ended before it was ready")


def environment() -> dict[str, str]:
    """This process's environment with the test's import path and nothing of Modal's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MODAL_")}
    return {**kept, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
