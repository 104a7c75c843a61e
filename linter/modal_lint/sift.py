"""The first look at every file: what can be read, what says Modal. Nothing is kept of a file but the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modal_lint import switches
from modal_lint.files import ReadError, read_regular
from modal_lint.prefilter import concerns_modal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modal_lint.discover import Target

# A verdict is the size in bytes of a file that says Modal, SILENT for one that does not, or why it could not be read.
SILENT = -1

_WORTH_PROCESSES = 2_000  # files; reading fewer takes no longer than starting a process
_BLOCK = 128  # files that one process reads in a row


@dataclass(frozen=True, slots=True)
class _Sieve:
    """Blocks of files, as tasks for several processes."""

    targets: Sequence[Target]
    given: Mapping[str, bytes]
    everything: bool

    def perform(self, task: int) -> list[int | str]:
        return [self.verdict(target) for target in self._block(task)]

    def crashed(self, task: int) -> list[int | str]:
        # Reading does not crash; if it did all the same, this process would be the next to go.
        return ["internal error (the reading crashed)" for _ in self._block(task)]

    def finish(self) -> object:
        return None

    def verdict(self, target: Target) -> int | str:
        try:
            data = content_of(target, self.given)
        except ReadError as trouble:
            return trouble.reason
        return len(data) if self.everything or concerns_modal(data) else SILENT

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
    sieve = _Sieve(targets, given, switches.is_off("prefilter"))
    if jobs < 2 or len(targets) < _WORTH_PROCESSES:
        return [sieve.verdict(target) for target in targets]
    from modal_lint import pool

    blocks = range(-(-len(targets) // _BLOCK))
    done, _ = pool.answers(sieve, blocks, jobs)
    return [verdict for block in blocks for verdict in done[block]]
