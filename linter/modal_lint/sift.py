"""The first look at every file: what can be read, what says Modal. Nothing is kept of a file but the verdict."""

from __future__ import annotations

import os
import sys
import time
from operator import attrgetter, eq
from typing import TYPE_CHECKING, Generic, TypeVar

from modal_lint import switches
from modal_lint.discover import DOCUMENTS
from modal_lint.files import ReadError, read_into, read_regular
from modal_lint.prefilter import concerns_modal, may_concern_modal, names_module, names_module_in_text, uses_modal
from modal_lint.records import made, record

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from modal_lint.discover import Target
    from modal_lint.stream import Stream

T = TypeVar("T")

# A verdict is the size in bytes of a file that uses Modal, or why it could not be read; for others it is MENTIONS if
# they say Modal, SILENT if they do not, ALONE if they do not import anything either.
MENTIONS, SILENT, ALONE = 0, -1, -2

_WORTH_PROCESSES = 1_000  # files; reading fewer takes no longer than starting a process
_BUFFER = 1 << 18  # bytes; larger sources are rare
_CAN_READ_INTO = hasattr(os, "readv")
_BLOCK = 128  # files that one process reads in a row


@record
class _Reader(Generic[T]):
    """Blocks of files by their absolute paths, as tasks for several processes: each is read, asked about, forgotten.

    Args:
        ask: the question: the path, the bytes, and how many of them count.
        unread: the answer for a file that could not be read, from the reason.
        given: contents to take instead of those on the disk, by absolute path.
    """

    ask: Callable[[str, bytes | bytearray, int], T]
    unread: Callable[[str], T]
    given: Mapping[str, bytes] = made(default_factory=dict)
    _buffer: bytearray | None = None  # made where it is used: it would be long on its way to another process

    def perform(self, task: Sequence[str]) -> list[T]:
        return [self.answer(path) for path in task]

    def finish(self) -> object:
        return None

    def answer(self, path: str) -> T:
        data = self.given.get(path)
        try:
            if data is None and _CAN_READ_INTO:
                buffer = self.buffer()
                size = read_into(path, buffer)
                if size >= 0:
                    return self.ask(path, buffer, size)
            if data is None:
                data = read_regular(path)
        except ReadError as trouble:
            return self.unread(trouble.reason)
        return self.ask(path, data, len(data))

    def buffer(self) -> bytearray:
        """What is read into."""
        if self._buffer is None:
            self._buffer = bytearray(_BUFFER)
        return self._buffer


class _Sifter(_Reader["int | str"]):
    """Verdicts on blocks of files. Small ones are read one behind the other and looked through at once."""

    def __init__(self, given: Mapping[str, bytes]) -> None:
        super().__init__(_verdict, sys.intern, given)  # in an answer to many files, a reason that recurs is sent once

    def perform(self, task: Sequence[str]) -> list[int | str]:
        verdicts: list[int | str] = []
        while len(verdicts) < len(task):
            verdicts += self._some(task[len(verdicts) : len(verdicts) + _BLOCK])
        return verdicts

    def _some(self, paths: Sequence[str]) -> list[int | str]:
        """Verdicts on one or more of the files, the first ones."""
        ends = self._read(paths) if _CAN_READ_INTO and not self.given else []
        if not ends:
            return [self.answer(paths[0])]
        data, starts = self.buffer(), [0, *ends]
        verdicts: list[int | str] = [_aside(data, *place) for place in zip(starts, ends, strict=False)]
        for which in may_concern_modal(data, ends):
            source = bytes(data[starts[which] : ends[which]])
            verdicts[which] = _verdict(paths[which], source, len(source))
        return verdicts

    def _read(self, paths: Sequence[str]) -> list[int]:
        """Read files into the buffer, up to one that is unreadable or too large, and tell where each of them ends."""
        view = memoryview(self.buffer())
        ends: list[int] = []
        at = 0
        for path in paths:
            if at > _BUFFER // 2:  # the next one may not fit, and would be read twice
                break
            try:
                size = read_into(path, view[at:])
            except ReadError:
                break
            if size < 0:
                break
            at += size
            ends.append(at)
        return ends


class Ahead:
    """Verdicts on files that are read by several processes while others are still being looked for.

    Args:
        jobs: how many processes may be used, seen from one of the files.
    """

    def __init__(self, jobs: Callable[[Target], int]) -> None:
        self.began = time.time_ns()
        self._jobs = jobs
        self._paths: list[str] = []
        self._stream: Stream[Sequence[str], list[int | str]] | None = None
        self._offered = 0

    def take(self, targets: Sequence[Target]) -> None:
        """Have some more files read, now or a little later."""
        self._paths += [target.absolute for target in targets]
        if self._stream is None and len(self._paths) >= _WORTH_PROCESSES and (jobs := self._jobs(targets[0])) > 1:
            from modal_lint.stream import Stream

            self._stream = Stream(_sifter({}), jobs)
        if self._stream is not None:
            while len(self._paths) - self._offered >= _BLOCK:
                self._offer()

    def verdicts(self, targets: Sequence[Target]) -> list[int | str]:
        """A verdict on each of the files, now that all have been taken."""
        if self._stream is None:
            return sift(targets, {}, 1)
        self._offer()
        found = [verdict for block in self._stream.answers(_prepare) for verdict in block]
        if len(targets) == len(found) and all(map(eq, self._paths, map(attrgetter("absolute"), targets))):
            return found
        known = dict(zip(self._paths, found, strict=True))
        return [known[target.absolute] for target in targets]

    def close(self) -> None:
        """Read no more."""
        if self._stream is not None:
            self._stream.close()

    def _offer(self) -> None:
        assert self._stream is not None
        self._stream.offer(self._paths[self._offered : self._offered + _BLOCK])
        self._offered += _BLOCK


def sift(targets: Sequence[Target], given: Mapping[str, bytes], jobs: int) -> list[int | str]:
    """A verdict on each of ``targets``.

    Args:
        targets: the files.
        given: contents to take instead of those on the disk, by path as in findings.
        jobs: how many processes may be used.
    """
    return _answers(_sifter(_by_place(targets, given)), targets, jobs, _prepare)


def _sifter(given: Mapping[str, bytes]) -> _Reader[int | str]:
    return _Reader(_size, sys.intern, given) if switches.is_off("prefilter") else _Sifter(given)


def _answers(
    reader: _Reader[T], targets: Sequence[Target], jobs: int, seen: Callable[[list[T]], None] | None = None
) -> list[T]:
    """The answers for some files, from ``jobs`` processes if that is worth it; ``seen`` is told blocks of them."""
    paths = [target.absolute for target in targets]
    if jobs < 2 or len(paths) < _WORTH_PROCESSES:
        return reader.perform(paths)
    from modal_lint.stream import Stream

    stream = Stream(reader, jobs)
    for start in range(0, len(paths), _BLOCK):
        stream.offer(paths[start : start + _BLOCK])
    return [answer for block in stream.answers(seen) for answer in block]


def _by_place(targets: Sequence[Target], given: Mapping[str, bytes]) -> dict[str, bytes]:
    """What is given instead of files, by absolute path."""
    return {target.absolute: given[target.path] for target in targets if target.path in given} if given else {}


def _prepare(verdicts: list[int | str]) -> None:
    """Load what an analysis needs as soon as there is something to analyse, while other processes still read."""
    if any(isinstance(verdict, int) and verdict > MENTIONS for verdict in verdicts):
        from modal_lint import analysis

        analysis.load()


def naming(
    targets: Sequence[Target], modules: Mapping[str, Collection[bytes]], given: Mapping[str, bytes], jobs: int
) -> list[Target]:
    """Those of ``targets`` with an import statement that names one of the ``modules`` of their folder."""
    folders = {os.path.join(folder, "") for folder in modules}
    asked = [target for target in targets if target.absolute[: target.absolute.rfind(os.sep) + 1] in folders]
    found = _answers(_Reader(_Names(modules), _never, _by_place(asked, given)), asked, jobs)
    return [target for target, is_one in zip(asked, found, strict=True) if is_one]


def _size(path: str, data: bytes | bytearray, size: int) -> int:
    del path, data
    return size


def _verdict(path: str, data: bytes | bytearray, size: int) -> int:
    if concerns_modal(data, size):
        is_user = path.endswith(DOCUMENTS) or uses_modal(bytes(data[:size]))
        return size if is_user else MENTIONS
    return _aside(data, 0, size)


def _aside(data: bytes | bytearray, start: int, stop: int) -> int:
    """The verdict on a source that does not say Modal."""
    return SILENT if data.find(b"import", start, stop) >= 0 else ALONE


def _never(reason: str) -> bool:
    del reason
    return False


@record
class _Names:
    modules: Mapping[str, Collection[bytes]]

    def __call__(self, path: str, data: bytes | bytearray, size: int) -> bool:
        stems = self.modules[os.path.dirname(path)]
        said = [stem for stem in stems if data.find(stem, 0, size) >= 0]
        if path.endswith(DOCUMENTS):
            return any(names_module_in_text(data, stem, size) for stem in said)
        return bool(said) and any(names_module(bytes(data[:size]), stem) for stem in said)
