"""What a run found out, kept for the next one: which files are known to have nothing to tell.

A file is known by a stamp of its path and of what the file system says of it. Nothing of a content is kept, and no
finding that knows a value: files with such a one are analysed again. The cache lies outside of what is checked, so that
nobody can bring a forged one along with the code.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from array import array
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from modal_lint import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from modal_lint.discover import Target
    from modal_lint.model import Outcome
    from modal_lint.settings import Settings

_BYTES = 16  # of a stamp: no two files will ever have the same
# What changed so shortly before the run may change again without the clock of the file system showing it.
_CLOCK = 50_000_000  # nanoseconds
_KEPT = 30 * 86_400  # seconds that a cache is kept which nobody uses
_FORMAT = 2
# Settings that say what is done with findings, not what they are.
_LATER = frozenset(("output_format", "jobs", "fix", "unsafe_fixes", "show_fixes"))


class Cache:
    """What the last run of the same kind left.

    Args:
        folder: where caches lie.
        paths: what was asked for on the command line.
        targets: the files of this run.
        began: before when none of them was read, in nanoseconds since 1970; what changed later may be known only half.
    """

    def __init__(self, folder: str, paths: Sequence[str], targets: Sequence[Target], began: int) -> None:
        self._folder = folder
        self._began = began - _CLOCK
        self._targets = targets
        self._moving = False  # something changed too shortly ago to be known by its stamp
        self._stamps = [self._stamp(target.absolute) for target in targets]
        about = _about(paths, targets)
        self._file = os.path.join(folder, blake2b(about, digest_size=_BYTES).hexdigest() + ".json")
        self._run = blake2b(b"".join((about, *self._stamps)), digest_size=_BYTES).hexdigest()
        self._last = _read(self._file)
        self._silent = frozenset(_cut(self._last.get("silent")))

    def left(self, *, known: bool = True) -> tuple[list[Target], dict[str, Outcome]] | None:
        """What had something to tell, if nothing at all has changed since; else None.

        Args:
            known: whether outcomes that were kept may be used.

        Returns:
            The files to analyse again, and the outcomes of the others by path as in findings.
        """
        told, watched = self._last.get("told"), self._last.get("watched")
        if self._last.get("run") != self._run or not isinstance(told, dict) or not isinstance(watched, dict):
            return None
        if any(self._stamp(path).hex() != stamp for path, stamp in watched.items()):
            return None
        with contextlib.suppress(OSError):
            os.utime(self._file)  # it is in use
        again = [target for target in self._targets if target.absolute in told]
        if not known:
            return again, {}
        outcomes = {target.path: one for target in again if (one := _outcome(told[target.absolute])) is not None}
        return [target for target in again if target.path not in outcomes], outcomes

    def is_silent(self, at: int) -> bool:
        """Whether the file of that number is known to say nothing of Modal."""
        return self._stamps[at] in self._silent

    def keep(self, silent: Iterable[int], told: Mapping[str, Outcome], looked_at: Iterable[str]) -> None:
        """Write down what this run found out.

        Args:
            silent: numbers of files that say nothing of Modal.
            told: the outcomes of files that had something to tell, by absolute path.
            looked_at: real paths of files and folders that were looked at on the way.
        """
        own = {target.absolute for target in self._targets}
        watched = {path: self._stamp(path).hex() for path in sorted(looked_at) if path not in own}
        stamps = sorted(self._stamps[at] for at in silent)
        content: dict[str, Any] = {"format": _FORMAT, "silent": b"".join(stamps).hex()}
        if not self._moving:
            content.update(run=self._run, told={path: _kept(told[path]) for path in sorted(told)}, watched=watched)
        with contextlib.suppress(OSError, ValueError):  # a cache is never worth a failure
            _write(self._folder, self._file, content)

    def _stamp(self, path: str) -> bytes:
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            return blake2b(path.encode("utf-8", "surrogateescape"), digest_size=_BYTES).digest()
        changed = status.st_ctime_ns
        if changed >= self._began or status.st_mtime_ns >= self._began:
            self._moving = True
            changed = time.perf_counter_ns()  # not to be met again
        text = f"{path}\0{status.st_mtime_ns}\0{changed}\0{status.st_size}\0{status.st_ino}\0{status.st_dev}"
        return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=_BYTES).digest()


def _about(paths: Sequence[str], targets: Sequence[Target]) -> bytes:
    """Whatever besides the files decides what a run finds: the program, the settings, and where they hold."""
    settings = {id(target.settings): target.settings for target in targets}
    numbers = {key: number for number, key in enumerate(settings)}
    held = [_written(one) for one in settings.values()]
    where = array("L", (numbers[id(target.settings)] for target in targets)).tobytes()
    what = (_FORMAT, __version__, sys.version_info[:3], _program(), os.getcwd(), *paths, *held)
    return repr(what).encode("utf-8", "surrogateescape") + where


def _written(settings: Settings) -> str:
    return repr([(name, value) for name, value in settings._asdict().items() if name not in _LATER])


def _program() -> int:
    """When this program's own sources changed last, for those who work on it."""
    here = os.path.dirname(os.path.abspath(__file__))
    newest = 0
    for top in (here, os.path.join(os.path.dirname(here), "modal_lint_rules")):
        for folder, _, names in os.walk(top):
            times = (os.stat(os.path.join(folder, name)).st_mtime_ns for name in names if name.endswith(".py"))
            newest = max(newest, *times, 0)
    return newest


def _kept(outcome: Outcome) -> list[Any] | None:
    from modal_lint import stored

    return stored.written(outcome)


def _outcome(data: object) -> Outcome | None:
    """The outcome that was kept; None where it may not be kept, or is not what was written."""
    if data is None:
        return None
    from modal_lint import stored

    try:
        return stored.outcome_of(data)
    except ValueError:
        return None


def _cut(text: object) -> list[bytes]:
    if not isinstance(text, str):
        return []
    try:
        data = bytes.fromhex(text)
    except ValueError:
        return []
    return [data[at : at + _BYTES] for at in range(0, len(data), _BYTES)]


def _read(file: str) -> dict[str, Any]:
    import json

    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as handle:
            content = json.load(handle)
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) and content.get("format") == _FORMAT else {}


def _write(folder: str, file: str, content: dict[str, Any]) -> None:
    import json

    os.makedirs(folder, mode=0o700, exist_ok=True)
    temporary = f"{file}.{os.getpid()}"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as handle:
        json.dump(content, handle)
    os.replace(temporary, file)
    _forget(folder)


def _forget(folder: str) -> None:
    """Remove caches that were not written for long, and what a crash left."""
    limit = time.time() - _KEPT
    for entry in list(os.scandir(folder)):
        is_ours = len(entry.name) >= 2 * _BYTES + 5 and entry.name[2 * _BYTES :].startswith(".json")
        if is_ours and entry.stat(follow_symlinks=False).st_mtime < limit:
            os.unlink(entry.path)
