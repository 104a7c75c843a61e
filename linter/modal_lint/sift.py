"""The first look at every file: what can be read, what says Modal. Nothing is kept of a file but the verdict."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from modal_lint import switches
from modal_lint.discover import DOCUMENTS
from modal_lint.files import ReadError, read_into, read_regular
from modal_lint.prefilter import concerns_modal, names_module, names_module_in_text, uses_modal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from modal_lint.discover import Target

T = TypeVar("T")

# A verdict is the size in bytes of a file that uses Modal, or why it could not be read; for others it is MENTIONS if
# they say Modal, SILENT if they do not, ALONE if they do not import anything either.
MENTIONS, SILENT, ALONE = 0, -1, -2

_WORTH_PROCESSES = 2_000  # files; reading fewer takes no longer than starting a process
_BUFFER = 1 << 18  # bytes; larger sources are rare
_CAN_READ_INTO = hasattr(os, "readv")
_BLOCK = 128  # files that one process reads in a row


def _ignore(answers: object) -> None:
    del answers


@dataclass(slots=True, eq=False, repr=False)
class _Reader(Generic[T]):
    """Blocks of files, as tasks for several processes: each is read, asked about and forgotten.

    Args:
        targets: the files.
        given: contents to take instead of those on the disk, by path as in findings.
        ask: the question: the file, its bytes, and how many of them count.
        unread: the answer for a file that could not be read, from the reason.
    """

    targets: Sequence[Target]
    given: Mapping[str, bytes]
    ask: Callable[[Target, bytes | bytearray, int], T]
    unread: Callable[[str], T]
    buffer: bytearray = field(default_factory=lambda: bytearray(_BUFFER))

    def perform(self, task: int) -> list[T]:
        return [self.answer(target) for target in self._block(task)]

    def crashed(self, task: int) -> list[T]:
        # Reading does not crash; if it did all the same, this process would be the next to go.
        return [self.unread("internal error (the reading crashed)") for _ in self._block(task)]

    def finish(self) -> object:
        return None

    def answer(self, target: Target) -> T:
        try:
            if _CAN_READ_INTO and target.path not in self.given:
                size = read_into(target.absolute, self.buffer)
                if size >= 0:
                    return self.ask(target, self.buffer, size)
            data = content_of(target, self.given)
        except ReadError as trouble:
            return self.unread(trouble.reason)
        return self.ask(target, data, len(data))

    def answers(self, jobs: int, seen: Callable[[list[T]], None] = _ignore) -> list[T]:
        """The answers for all files, from ``jobs`` processes if that is worth it; ``seen`` is told some of them."""
        if jobs < 2 or len(self.targets) < _WORTH_PROCESSES:
            return [self.answer(target) for target in self.targets]
        from modal_lint import pool

        blocks = -(-len(self.targets) // _BLOCK)
        done, _ = pool.answers(self, [1] * blocks, jobs, seen=seen, light=True)
        return [answer for block in range(blocks) for answer in done[block]]

    def _block(self, task: int) -> Sequence[Target]:
        return self.targets[task * _BLOCK : (task + 1) * _BLOCK]


def content_of(target: Target, given: Mapping[str, bytes]) -> bytes:
    """The bytes of a file.

    Args:
        target: the file.
        given: contents to take instead of those on the disk, by path as in findings.

    Raises:
        ReadError: it cannot be read.
    """
    data = given.get(target.path)
    return read_regular(target.absolute) if data is None else data


def sift(targets: Sequence[Target], given: Mapping[str, bytes], jobs: int) -> list[int | str]:
    """A verdict on each of ``targets``.

    Args:
        targets: the files.
        given: contents to take instead of those on the disk, by path as in findings.
        jobs: how many processes may be used.
    """
    ask = _size if switches.is_off("prefilter") else _verdict
    reader: _Reader[int | str] = _Reader(targets, given, ask, str)
    return reader.answers(jobs, _prepare)


def _prepare(verdicts: list[int | str]) -> None:
    """Load what an analysis needs as soon as there is something to analyse, while other processes still read."""
    if any(isinstance(verdict, int) and verdict >= 0 for verdict in verdicts):
        from modal_lint import analysis

        analysis.load()


def naming(
    targets: Sequence[Target], modules: Mapping[str, Collection[bytes]], given: Mapping[str, bytes], jobs: int
) -> list[Target]:
    """Those of ``targets`` with an import statement that names one of the ``modules`` of their folder."""
    asked = [target for target in targets if os.path.dirname(target.absolute) in modules]
    found = _Reader(asked, given, _Names(modules), _never).answers(jobs)
    return [target for target, is_one in zip(asked, found, strict=True) if is_one]


def _size(target: Target, data: bytes | bytearray, size: int) -> int:
    del target, data
    return size


def _verdict(target: Target, data: bytes | bytearray, size: int) -> int:
    if concerns_modal(data, size):
        is_user = target.path.endswith(DOCUMENTS) or uses_modal(bytes(data[:size]))
        return size if is_user else MENTIONS
    return SILENT if data.find(b"import", 0, size) >= 0 else ALONE


def _never(reason: str) -> bool:
    del reason
    return False


@dataclass(slots=True, eq=False, repr=False)
class _Names:
    modules: Mapping[str, Collection[bytes]]

    def __call__(self, target: Target, data: bytes | bytearray, size: int) -> bool:
        stems = self.modules[os.path.dirname(target.absolute)]
        said = [stem for stem in stems if data.find(stem, 0, size) >= 0]
        if target.path.endswith(DOCUMENTS):
            return any(names_module_in_text(data, stem, size) for stem in said)
        return bool(said) and any(names_module(bytes(data[:size]), stem) for stem in said)
