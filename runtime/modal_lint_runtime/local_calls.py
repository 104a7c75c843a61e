"""Calls of Functions on this machine: each in a fresh process with the declared variables and no others.

The call goes to the process through a pipe, and its answer comes back through one: neither is in anybody's arguments or
on the disk.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import pickle
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from modal_lint_runtime import function_child
from modal_lint_runtime.errors import ExecTimeoutError, ResourceExhaustedError, SandboxTerminatedError, UnsupportedError
from modal_lint_runtime.function_child import FAILURE, LENGTH, OUTPUT
from modal_lint_runtime.functions import RemoteError
from modal_lint_runtime.local_variables import environment, values
from modal_lint_runtime.masking import MaskedStream, Masker
from modal_lint_runtime.records import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from modal_lint_runtime.apps import App
    from modal_lint_runtime.backend import CallOrder
    from modal_lint_runtime.images import Image
    from modal_lint_runtime.local_backend import LocalBackend
    from modal_lint_runtime.output import Output
    from modal_lint_runtime.processes import Container

BOOTSTRAP = (
    "import sys; s = sys.stdin.buffer; n = {'__name__': 'modal_lint_function'}; "
    "exec(compile(s.read(int.from_bytes(s.read(8), 'big')), 'modal_lint_function', 'exec'), n); n['main'](s)"
)
"""The program of a Function's process: it reads the rest of itself, `function_child`, from standard input."""


class LocalCall:
    """A call that is under way."""

    def __init__(self, label: str, container: Container, masker: Masker) -> None:
        self._label = label
        self._container = container
        self._masker = masker
        self._cancelled = False
        self._errors = threading.Thread(target=self._show_errors, name="modal-lint function", daemon=True)
        self._errors.start()

    def result(self) -> object:
        """Wait for what the Function returns, or raise what it raised.

        What it prints meanwhile is printed here, values of its Secrets masked.

        Raises:
            RemoteError: its exception cannot be sent, its process died, or its result cannot be read here.
            ExecTimeoutError: it ran into its timeout.
            ResourceExhaustedError: it prints and returns more than is kept.
        """
        try:
            kind, data = self._answer()
        finally:
            self._container.close()
            self._errors.join()
        if kind == FAILURE:
            raise self._failure(data)
        try:
            return pickle.loads(data)
        except Exception as error:
            raise RemoteError(f"the result of {self._label} cannot be read here: {type(error).__name__}") from None

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when its process has ended."""
        self._container.main.on_end(callback)

    def cancel(self) -> None:
        """End its process now."""
        self._cancelled = True
        self._container.terminate()

    def _answer(self) -> tuple[bytes, bytes]:
        printed = MaskedStream(self._masker)
        try:
            for kind, data in frames(self._container.main.stdout):
                if kind != OUTPUT:
                    return kind, data
                _show(printed.feed(data), sys.stdout)
        finally:
            _show(printed.finish(), sys.stdout)
        raise self._no_answer(self._container.wait())

    def _no_answer(self, code: int) -> Exception:
        if self._container.timed_out:
            return ExecTimeoutError(f"{self._label} ran into its timeout")
        if self._cancelled:
            return SandboxTerminatedError(f"the call of {self._label} was cancelled")
        if self._container.main.stdout.truncated:
            return ResourceExhaustedError(f"{self._label} prints and returns more than is kept of a process")
        return RemoteError(f"the process of {self._label} ended with exit code {code} before it answered")

    def _failure(self, data: bytes) -> BaseException:
        name, text, pickled = pickle.loads(data)
        shown = self._masker.text(text)
        error: object = None
        if pickled is not None:
            with contextlib.suppress(Exception):
                error = pickle.loads(pickled)
        if isinstance(error, Exception):
            error.__cause__ = RemoteTraceback(shown)
            return error
        return RemoteError(f"{self._label} raised {name}, which cannot be sent here", shown)

    def _show_errors(self) -> None:
        printed = MaskedStream(self._masker)
        for chunk in self._container.main.stderr.drain():
            _show(printed.feed(chunk), sys.stderr)
        _show(printed.finish(), sys.stderr)


class RemoteTraceback(Exception):  # noqa: N818  # shown as it is, above the exception that it explains
    """The traceback in a Function's process, as text, for the traceback of the exception here."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'


def start_call(backend: LocalBackend, app: App, image: Image | None, order: CallOrder) -> LocalCall:
    """Start a call. Raises NotFoundError when a Secret has been deleted, and what an image's build raises."""
    from modal_lint_runtime.isolation import PLAIN, interpreter
    from modal_lint_runtime.processes import ContainerSpec, start

    if backend.engine != "local":
        raise UnsupportedError("Functions run with engine='local' only.")
    record = backend.running_app(app)
    built = None if image is None else image.built(app)
    sources = values(backend.workspace, order.sources)
    id_ = new_id("fc")
    own = {"MODAL_TASK_ID": id_, "MODAL_IS_REMOTE": "1", "MODAL_ENVIRONMENT": record.environment}
    if built is not None:
        own["MODAL_IMAGE_ID"] = built.id
    spec = ContainerSpec(
        id=id_,
        args=(interpreter(), "-c", BOOTSTRAP),
        env=environment({} if built is None else built.env, sources, own),
        workdir=None if built is None else built.workdir,
        layers=() if built is None else backend.builder.layer_paths(built),
        timeout=order.timeout,
        scratch=backend.scratch.path(id_),
        hidden=() if built is None else (backend.workspace.root,),
    )
    container = start(spec, PLAIN if built is None else backend.isolation)
    try:
        call = LocalCall(order.label, container, _masker(sources))
        with contextlib.suppress(BrokenPipeError):  # it died: `result` says so
            for part in (_child_source(), _header(), order.payload):
                container.main.write_stdin(len(part).to_bytes(LENGTH, "big") + part)
            container.main.close_stdin()
    except BaseException:
        container.close()
        raise
    return call


def frames(output: Output) -> Iterator[tuple[bytes, bytes]]:
    """The frames of an answer as they come: kind and data. What ends in the middle of one ends before it."""
    at = 0
    while True:
        head = _exactly(output, at, 1 + LENGTH)
        if head is None:
            return
        length = int.from_bytes(head[1:], "big")
        data = _exactly(output, at + len(head), length)
        if data is None:
            return
        at += len(head) + length
        output.forget(at)
        yield head[:1], data


def _exactly(output: Output, offset: int, length: int) -> bytes | None:
    parts: list[bytes] = []
    while length:
        part = output.read(offset, None, length)
        if not part:
            return None
        parts.append(part)
        offset += len(part)
        length -= len(part)
    return b"".join(parts)


def _masker(sources: Iterable[Mapping[str, str]]) -> Masker:
    return Masker(value for source in sources for value in source.values())


def _show(data: bytes, stream: TextIO) -> None:
    if data:
        with contextlib.suppress(OSError, ValueError):  # closed here
            stream.write(data.decode("utf-8", "replace"))
            stream.flush()


@functools.cache
def _child_source() -> bytes:
    return Path(function_child.__file__).read_bytes()


def _header() -> bytes:
    path = [os.path.abspath(place) for place in sys.path]
    return json.dumps({"path": path, "cloudpickle": _cloudpickle_source()}).encode()


@functools.cache
def _cloudpickle_source() -> str | None:
    """The source of cloudpickle, for an image whose Python does not have it."""
    from cloudpickle import cloudpickle

    try:
        return Path(cloudpickle.__file__ or "").read_text(encoding="utf-8")
    except OSError:
        return None
