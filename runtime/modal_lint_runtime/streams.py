"""The streams of a process: its output to read while it comes, its input to write."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from modal_lint_runtime.contract.verdict import kind_of
from modal_lint_runtime.errors import InvalidError, ResourceExhaustedError, SandboxTerminatedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint_runtime.backend import Runs
    from modal_lint_runtime.output import Output

MAX_WRITE = 256 * 1024 * 1024
"""Bytes of one write to a process."""

_PIECE = 1 << 20


class Cursor:
    """A position in a stream: what one reader has read once, it does not read again."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self._at = 0
        self._buffer = bytearray()
        self._searched = 0

    @property
    def taken(self) -> int:
        """Bytes taken from the stream so far."""
        return self._at

    def fetch(self, timeout: float | None = 0.0) -> bool:
        """Take what has come since the last time; whether the stream has ended, so that nothing more will come.

        Waits for something to come for ``timeout`` seconds, None for ever. Raises ResourceExhaustedError at the end of
        a stream of which something was not kept.
        """
        closed = self.output.closed
        data, self._at = self.output.take(self._at, timeout, _PIECE)
        self._buffer += data
        self.output.forget(self._at)
        ended = not data and (closed or (self.output.closed and len(self.output) <= self._at))
        if ended and self.output.truncated:
            raise ResourceExhaustedError("the process wrote more than is kept until it is read: the rest is lost")
        return ended

    def line(self, *, ended: bool) -> str | None:
        """The next whole line, with its end; at the end of the stream the rest; None when there is none."""
        found = self._buffer.find(b"\n", self._searched)
        if found < 0 and not (ended and self._buffer):
            self._searched = len(self._buffer)
            return None
        return _text(self._cut(len(self._buffer) if found < 0 else found + 1))

    def text(self, *, ended: bool) -> str:
        """What has been taken, as text; a character that is not whole yet is kept back."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        data = self._cut(len(self._buffer))
        text = decoder.decode(data, ended)
        self._buffer += decoder.getstate()[0]
        return text

    def rest(self) -> bytes:
        """All that has been taken."""
        return self._cut(len(self._buffer))

    def _cut(self, end: int) -> bytes:
        data = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._searched = 0
        return data


class Reader:
    """A stream that a process writes. It can be read while the process runs; what has been read is not read again.

    Iterating gives line after line, with their ends. Text is UTF-8, where bytes that are none become U+FFFD.

    256 MiB are kept until they are read. Where more came than that, reading raises ResourceExhaustedError at the end.
    """

    def __init__(self, output: Output) -> None:
        self._cursor = Cursor(output)

    def __repr__(self) -> str:
        return f"Reader({self._cursor.output!r})"

    def read_text(self) -> str:
        """Wait for the end of the stream and return it as text."""
        return _text(self.read_bytes())

    def read_bytes(self) -> bytes:
        """Wait for the end of the stream and return it."""
        while not self._cursor.fetch(None):
            pass
        return self._cursor.rest()

    def chunks(self) -> Iterator[str]:
        """Yield text as it comes, until the stream ends."""
        ended = False
        while not ended:
            ended = self._cursor.fetch(None)
            text = self._cursor.text(ended=ended)
            if text:
                yield text

    def __iter__(self) -> Iterator[str]:
        ended = False
        while not ended:
            ended = self._cursor.fetch(None)
            while (line := self._cursor.line(ended=ended)) is not None:
                yield line


class Writer:
    """The standard input of a process."""

    def __init__(self, process: Runs) -> None:
        self._process = process

    def __repr__(self) -> str:
        return "Writer()"

    def write(self, data: str | bytes) -> None:
        """Write text (as UTF-8) or bytes; it is on its way when this returns.

        Raises:
            InvalidError: neither text nor bytes.
            SandboxTerminatedError: the process has ended, or its input is closed.
        """
        content = encoded(data)
        try:
            self._process.write_stdin(content)
        except BrokenPipeError:
            raise closed_input() from None

    def close(self) -> None:
        """Say that nothing more will come. Closing twice is fine."""
        self._process.close_stdin()


def encoded(data: object) -> bytes:
    """What is written for ``data``. Raises InvalidError when it is neither text nor bytes, or huge."""
    if isinstance(data, str):
        try:
            data = data.encode()
        except UnicodeEncodeError:
            raise InvalidError("`data` has a lone surrogate, which UTF-8 cannot hold") from None
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise InvalidError(f"`data` must be a string or bytes, got {kind_of(data)}")
    if len(data) > MAX_WRITE:
        raise InvalidError(f"`data` must be at most {MAX_WRITE} bytes")
    return bytes(data)


def closed_input() -> SandboxTerminatedError:
    """The error for writing to what does not read any more."""
    return SandboxTerminatedError("The process has ended, or its standard input is closed.")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
