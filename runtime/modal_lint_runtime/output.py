"""What a process has written so far: kept in memory, readable from any thread, never on disk."""

from __future__ import annotations

import codecs
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LIMIT = 256 * 1024 * 1024
"""Bytes kept of one stream until they are forgotten. What comes when it is full, and all after that, is read, so that
the process does not stall, and dropped."""


class Output:
    """One stream of a process, growing while the process runs.

    Readers say from which byte on they want to read, so any number of them can follow the same stream.
    ``write`` and ``close`` belong to whoever fills it.
    """

    def __init__(self, *, closed: bool = False, limit: int = LIMIT) -> None:
        self._data = bytearray()
        self._forgotten = 0
        self._limit = limit
        self._closed = closed
        self._truncated = False
        self._changed = threading.Condition()
        self._listeners: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"<Output {len(self)} bytes, {'closed' if self.closed else 'open'}>"

    def __len__(self) -> int:
        """Bytes that have come and were kept, also those that are forgotten."""
        with self._changed:
            return self._forgotten + len(self._data)

    @property
    def closed(self) -> bool:
        """Whether nothing more will come. What has come can still be read."""
        with self._changed:
            return self._closed

    @property
    def truncated(self) -> bool:
        """Whether the process wrote more than is kept (`LIMIT`)."""
        with self._changed:
            return self._truncated

    def write(self, data: bytes) -> None:
        """Append ``data``; without effect once closed."""
        with self._changed:
            if self._closed or self._truncated:
                return
            room = self._limit - len(self._data)
            if len(data) > room:
                self._truncated = True
                data = data[:room]
            self._data += data
            self._changed.notify_all()
            listeners = tuple(self._listeners)
        self._tell(listeners)

    def close(self) -> None:
        """Say that nothing more will come. Closing twice is fine."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
            listeners = tuple(self._listeners)
            self._listeners.clear()
        self._tell(listeners)

    def let_go(self) -> None:
        """In a forked child: end here; the parent goes on. Its lock may be held by a thread that is not here."""
        self._changed = threading.Condition()
        self._closed = True
        self._listeners = []

    def _tell(self, listeners: Iterable[Callable[[], None]]) -> None:
        for listener in listeners:
            try:
                listener()
            except Exception:  # the thread that calls it serves the whole container
                self._forget(listener)

    def read(self, offset: int = 0, timeout: float | None = None, limit: int | None = None) -> bytes:
        """Return what there is from byte ``offset`` on, waiting until there is something.

        Args:
            offset: how many bytes the reader already has; what is forgotten is passed over.
            timeout: seconds to wait at most; ``None`` waits until the stream is closed, 0 does not wait.
            limit: bytes to return at most; ``None`` returns all there is.

        Returns:
            At least one byte, or ``b""`` when the stream ended at ``offset`` or the time is over
            (`closed` tells which).
        """
        return self.take(offset, timeout, limit)[0]

    def take(self, offset: int, timeout: float | None, limit: int | None) -> tuple[bytes, int]:
        """What `read` returns, and the byte to go on from."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._data) > max(0, offset - self._forgotten), timeout)
            begin = max(0, offset - self._forgotten)
            end = len(self._data) if limit is None else min(len(self._data), begin + limit)
            with memoryview(self._data) as view:
                data = bytes(view[begin:end])
            return data, max(offset, self._forgotten + begin + len(data))

    def forget(self, offset: int) -> None:
        """Keep nothing of what came before byte ``offset``: nobody will read it again. Makes room for more."""
        with self._changed:
            count = min(offset - self._forgotten, len(self._data))
            if count > 0:
                del self._data[:count]
                self._forgotten += count

    def wait_closed(self, timeout: float | None = None) -> bool:
        """Wait ``timeout`` seconds at most until the stream is closed and return whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed, timeout)

    def read_all(self, timeout: float | None = None) -> bytes:
        """Wait until the stream is closed and return all of it.

        Raises:
            TimeoutError: it is still open after ``timeout`` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed, timeout):
                raise TimeoutError(f"the output is still open after {timeout} s")
            return bytes(self._data)

    def read_text(self, timeout: float | None = None) -> str:
        """`read_all` as text: UTF-8, where bytes that are none become U+FFFD."""
        return self.read_all(timeout).decode("utf-8", "replace")

    def chunks(
        self, offset: int = 0, timeout: float | None = None, limit: int = 1 << 20, *, once: bool = False
    ) -> Iterator[bytes]:
        """Yield the stream piece by piece as it comes, until it is closed.

        Args:
            offset: the byte to begin with.
            timeout: seconds for the whole of it; ``None`` for no limit.
            limit: bytes in one piece at most.
            once: there is no other reader, so that what was yielded is forgotten.

        Raises:
            TimeoutError: it is still open after ``timeout`` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            chunk, offset = self.take(offset, left, limit)
            if chunk:
                if once:
                    self.forget(offset)
                yield chunk
            elif self.closed and len(self) <= offset:
                return
            elif left == 0.0:
                raise TimeoutError(f"the output is still open after {timeout} s")

    def drain(self) -> Iterator[bytes]:
        """`chunks` for who is the only reader: what was yielded is forgotten."""
        return self.chunks(once=True)

    def text_chunks(self, timeout: float | None = None) -> Iterator[str]:
        """`chunks` as text, with characters never cut in two and bytes that are no UTF-8 as U+FFFD."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for chunk in self.chunks(timeout=timeout):
            text = decoder.decode(chunk)
            if text:
                yield text
        rest = decoder.decode(b"", final=True)
        if rest:
            yield rest

    def lines(self, timeout: float | None = None) -> Iterator[str]:
        r"""Yield line after line with its ``\n``; the last one may lack it."""
        rest = ""
        for text in self.text_chunks(timeout):
            *whole, rest = (rest + text).split("\n")
            for line in whole:
                yield line + "\n"
        if rest:
            yield rest

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have ``listener`` called, from another thread, whenever bytes came or the stream was closed.

        It must return at once, and is forgotten when it raises. A stream that is closed already calls it once, here.

        Returns:
            A function that ends this.
        """
        with self._changed:
            if not self._closed:
                self._listeners.append(listener)
                return lambda: self._forget(listener)
        listener()
        return lambda: None

    def _forget(self, listener: Callable[[], None]) -> None:
        with self._changed:
            if listener in self._listeners:
                self._listeners.remove(listener)
