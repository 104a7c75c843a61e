"""The streams of a process: its output to read while it comes, its input to write."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, NamedTuple

from modal_lint_runtime.contract.verdict import kind_of
from modal_lint_runtime.errors import InvalidError, SandboxTerminatedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint_runtime.backend import Runs
    from modal_lint_runtime.output import Output

MAX_WRITE = 256 * 1024 * 1024
"""Bytes of one write to a process."""


class Piece(NamedTuple):
    """What a reader found, and whether the stream has ended."""

    data: bytes
    ended: bool


class Cursor:
    """A position in a stream that others read too: what has been read once is not read again."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self._at = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def take(self, timeout: float | None = 0.0) -> Piece:
        """What has come since the last time, waiting for something for ``timeout`` seconds (None: for ever)."""
        closed = self.output.closed
        data = self.output.read(self._at, timeout)
        self._at += len(data)
        return Piece(data, ended=not data and (closed or (self.output.closed and len(self.output) <= self._at)))

    def text(self, piece: Piece) -> str:
        """A piece as text: UTF-8, where bytes that are none become U+FFFD and no character is cut in two."""
        return self._decoder.decode(piece.data, final=piece.ended)

    def lines(self, piece: Piece) -> list[str]:
        """The lines that a piece completes, with their ends; at the end of the stream the last one too."""
        *whole, self._rest = (self._rest + self.text(piece)).split("\n")
        found = [line + "\n" for line in whole]
        if piece.ended and self._rest:
            found.append(self._rest)
            self._rest = ""
        return found

    def leftover(self) -> str:
        """The beginning of a line that `lines` holds back, which it then forgets."""
        rest, self._rest = self._rest, ""
        return rest


class Reader:
    """A stream that a process writes. It can be read while the process runs; what has been read is not read again."""

    def __init__(self, output: Output) -> None:
        self._cursor = Cursor(output)

    def __repr__(self) -> str:
        return f"Reader({self._cursor.output!r})"

    def read_text(self) -> str:
        """Wait for the end of the stream and return it as text (UTF-8; bytes that are none become U+FFFD)."""
        return "".join(self.chunks())

    def read_bytes(self) -> bytes:
        """Wait for the end of the stream and return it."""
        parts = [self._cursor.leftover().encode()]
        while not (piece := self._cursor.take(None)).ended:
            parts.append(piece.data)
        return b"".join(parts)

    def chunks(self) -> Iterator[str]:
        """Yield text as it comes, until the stream ends."""
        rest = self._cursor.leftover()
        if rest:
            yield rest
        ended = False
        while not ended:
            piece = self._cursor.take(None)
            ended = piece.ended
            part = self._cursor.text(piece)
            if part:
                yield part

    def __iter__(self) -> Iterator[str]:
        ended = False
        while not ended:
            piece = self._cursor.take(None)
            ended = piece.ended
            yield from self._cursor.lines(piece)


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
