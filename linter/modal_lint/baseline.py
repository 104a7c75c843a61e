"""Findings that a project had before it began to look: known by a file, hidden until they change.

A credential is known by its place and its hash, so that a new value under an old key is told. Where there is no value,
the place is known by how many findings it has; one more, and all of them are told, since nobody can say which is new.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.atomic import WriteError, sync_folder, write_all, write_atomic
from modal_lint.baseline_file import BrokenError, Entry, Known, Place, parse
from modal_lint.files import ReadError, read_regular
from modal_lint.settings import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from modal_lint.discover import Target
    from modal_lint.model import Finding, Outcome

_MISSING = "no such file or directory"


class Update(NamedTuple):
    """What writing a baseline did."""

    path: str
    added: int
    removed: int
    held: int


@dataclass(slots=True)
class Baselines:
    """The baselines of one run: the settings of a folder say which file counts for it.

    Args:
        recording: the files are about to be written: a missing one is empty.
        read: gives the content of a file, by default from the disk.
    """

    recording: bool = False
    read: Callable[[str], bytes] = read_regular
    _known: dict[str, Known] = field(default_factory=dict)

    def hidden(self, targets: Sequence[Target], outcomes: Mapping[str, Outcome]) -> frozenset[int]:
        """The ids of the findings that are known.

        Args:
            targets: the files of the run.
            outcomes: what they gave, by path as in findings.

        Raises:
            UserError: a baseline is missing or broken.
        """
        return frozenset(
            id(finding)
            for path, mine in _by_baseline(targets).items()
            for finding in _Matching(path, self._load(path), mine, outcomes).hidden()
        )

    def stale(
        self, targets: Sequence[Target], outcomes: Mapping[str, Outcome], folders: Sequence[str]
    ) -> dict[str, list[Entry]]:
        """The entries that fit nothing any more, by baseline.

        Only what this run has judged counts: entries of its files, and of files that are gone from ``folders``, the
        absolute folders that were searched; of rules that ran there.
        """
        found = {}
        for path, mine in _by_baseline(targets).items():
            matching = _Matching(path, self._load(path), mine, outcomes)
            judged = _Judged(path, mine, targets, outcomes, folders)
            current = set(matching.current())
            old = [entry for entry in matching.known.entries if entry not in current and judged.covers(entry.place)]
            if old:
                found[path] = old
        return found

    def update(
        self, targets: Sequence[Target], outcomes: Mapping[str, Outcome], folders: Sequence[str]
    ) -> list[Update]:
        """Make the baselines say what this run has found; entries that it has not judged stay.

        Raises:
            UserError: a file cannot be written, or is no baseline.
        """
        done = []
        stale = self.stale(targets, outcomes, folders)
        for path, mine in _by_baseline(targets).items():
            matching = _Matching(path, self._load(path), mine, outcomes)
            before = matching.known.entries
            current = set(matching.current())
            places = {entry.place for entry in current if entry.value is None}
            kept = {one for one in before if one not in stale.get(path, ()) and (one.value or one.place not in places)}
            after = Known(tuple(kept | current), matching.known.hasher)
            _write(path, after.render())
            self._known[path] = after
            places_before, places_after = {_identity(one) for one in before}, {_identity(one) for one in after.entries}
            done.append(
                Update(path, len(places_after - places_before), len(places_before - places_after), len(after.entries))
            )
        return done

    def add(self, targets: Sequence[Target], outcomes: Mapping[str, Outcome]) -> list[Update]:
        """Make the baselines know what ``outcomes`` hold, besides all that they know.

        Raises:
            UserError: a file cannot be written, or is no baseline.
        """
        done = []
        for path, mine in _by_baseline(targets).items():
            matching = _Matching(path, self._load(path), mine, outcomes)
            before = set(matching.known.entries)
            after = Known(tuple(before | set(matching.current())), matching.known.hasher)
            _write(path, after.render())
            self._known[path] = after
            done.append(Update(path, len(after.entries) - len(before), 0, len(after.entries)))
        return done

    def _load(self, path: str) -> Known:
        if path not in self._known:
            self._known[path] = self._loaded(path)
        return self._known[path]

    def _loaded(self, path: str) -> Known:
        try:
            return parse(self.read(path))
        except ReadError as trouble:
            if trouble.reason != _MISSING:
                raise UserError(f"baseline {_shown(path)}: {trouble.reason}") from None
            if self.recording:
                return Known()
            raise UserError(
                f"baseline {_shown(path)}: there is no such file; write it with --update-baseline"
            ) from None
        except BrokenError as broken:
            raise UserError(f"baseline {_shown(path)}: {broken}; mend it or delete it") from None


@dataclass(slots=True)
class _Matching:
    """The findings of one baseline's files beside its entries."""

    path: str
    known: Known
    targets: Sequence[Target]
    outcomes: Mapping[str, Outcome]

    def hidden(self) -> Iterator[Finding]:
        values, counts = self._expected()
        everything = list(self._found(lambda outcome: outcome.findings))
        old = self._old_names(everything)
        everything = [(place._replace(path=old.get(place.path, place.path)), one) for place, one in everything]
        found = [(place, one) for place, one in everything if place in values]
        hashes = self.known.hasher.hashes(one.secret for place, one in found if one.secret is not None)
        for place, finding in found:
            if finding.secret is not None and hashes[finding.secret] in values[place]:
                yield finding
        found = [(place, one) for place, one in everything if place in counts]
        present = _counted((place, one) for place, one in found if one.secret is None)
        yield from (one for place, one in found if one.secret is None and present[place] <= counts[place])

    def current(self) -> Iterator[Entry]:
        """The entries that the findings make, and those that findings below the levels of the run still fit."""
        found = list(self._found(lambda outcome: outcome.findings))
        old = set(self.known.entries)
        places = {entry.place for entry in old}
        below = [pair for pair in self._found(lambda outcome: outcome.below) if pair[0] in places]
        hashes = self.known.hasher.hashes(one.secret for _, one in (*found, *below) if one.secret is not None)
        for place, one in found:
            if one.secret is not None:
                yield Entry(place, hashes[one.secret])
        for place, one in below:
            if one.secret is not None and (entry := Entry(place, hashes[one.secret])) in old:
                yield entry
        counts = _counted((place, one) for place, one in (*found, *below) if one.secret is None)
        yield from (Entry(place, number=count) for place, count in counts.items())

    def _old_names(self, found: Iterable[tuple[Place, Finding]]) -> dict[str, str]:
        """The old names of files that were renamed: one that is known is gone, a new one has no more than it had."""
        held, now = _kinds(entry.place for entry in self.known.entries), _kinds(place for place, _ in found)
        folder = os.path.dirname(self.path)
        gone = [name for name in sorted(held) if name not in now and not os.path.lexists(os.path.join(folder, name))]
        old: dict[str, str] = {}
        for name in sorted(now) if gone else ():
            fitting = [one for one in gone if name not in held and now[name] <= held[one]]
            if fitting:
                old[name] = min(fitting, key=lambda one: (held[one] != now[name], not _called_alike(one, name)))
                gone.remove(old[name])
        return old

    def _expected(self) -> tuple[dict[Place, set[str]], dict[Place, int]]:
        values: dict[Place, set[str]] = {}
        counts: dict[Place, int] = {}
        for entry in self.known.entries:
            if entry.value is not None:
                values.setdefault(entry.place, set()).add(entry.value)
            else:  # two branches may have counted differently
                counts[entry.place] = max(counts.get(entry.place, 0), entry.number)
        return values, counts

    def _found(self, which: Callable[[Outcome], Iterable[Finding]]) -> Iterator[tuple[Place, Finding]]:
        for target in self.targets:
            outcome = self.outcomes.get(target.path)
            if outcome is not None:
                name = _relative(target.absolute, self.path)
                for one in which(outcome):
                    yield Place(name, one.code, one.symbol, one.key), one


@dataclass(slots=True)
class _Judged:
    """Which entries of a baseline a run can say something about."""

    path: str
    mine: Sequence[Target]
    targets: Sequence[Target]
    outcomes: Mapping[str, Outcome]
    folders: Sequence[str]
    _files: dict[str, Target] = field(default_factory=dict)
    _others: set[str] = field(default_factory=set)
    _rules: dict[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._files = {_relative(target.absolute, self.path): target for target in self.mine}
        self._others = {_relative(target.absolute, self.path) for target in self.targets} - set(self._files)

    def covers(self, place: Place) -> bool:
        target = self._files.get(place.path)
        if target is None:
            return place.path in self._others or self._is_gone(place.path)
        outcome = self.outcomes.get(target.path)
        return (outcome is None or outcome.failure is None) and place.code in self._codes(target)

    def _is_gone(self, name: str) -> bool:
        absolute = os.path.normpath(os.path.join(os.path.dirname(self.path), *name.split("/")))
        searched = any(absolute.startswith(folder.rstrip(os.sep) + os.sep) for folder in self.folders)
        return searched and not os.path.lexists(absolute)

    def _codes(self, target: Target) -> frozenset[str]:
        if target.path not in self._rules:
            from modal_lint.analysis import enabled
            from modal_lint.selection import catalogue

            self._rules[target.path] = frozenset(rule.code for rule in enabled(target, catalogue()))
        return self._rules[target.path]


def stale_lines(stale: Mapping[str, Sequence[Entry]], *, listed: bool) -> Iterator[str]:
    """What to tell of stale entries, each of them if ``listed``."""
    from modal_lint.report.summary import count

    for path, entries in stale.items():
        verb = "matches nothing" if len(entries) == 1 else "match nothing"
        number = count(len(entries), "entry", "entries")
        yield f"note: {number} of {_shown(path)} {verb} any more; --update-baseline removes them"
        for entry in entries if listed else ():
            yield "  " + " ".join(part for part in entry.place if part)


def update_lines(updates: Iterable[Update]) -> Iterator[str]:
    """What to tell of written baselines."""
    from modal_lint.report.summary import count

    for one in updates:
        change = f"{one.added} new, {one.removed} gone"
        yield f"{_shown(one.path)} holds {count(one.held, 'entry', 'entries')} now ({change})"


def _by_baseline(targets: Iterable[Target]) -> dict[str, list[Target]]:
    found: dict[str, list[Target]] = {}
    for target in targets:
        if target.settings.baseline is not None:
            found.setdefault(target.settings.baseline, []).append(target)
    return found


def _counted(found: Iterable[tuple[Place, Finding]]) -> Counter[Place]:
    """How many findings each place has; equal ones are one."""
    return Counter(place for place, _ in dict.fromkeys(found))


def _kinds(places: Iterable[Place]) -> dict[str, set[tuple[str | None, ...]]]:
    """What each file has, wherever the file is."""
    found: dict[str, set[tuple[str | None, ...]]] = {}
    for place in places:
        found.setdefault(place.path, set()).add(place[1:])
    return found


def _called_alike(one: str, other: str) -> bool:
    return one.rpartition("/")[2] == other.rpartition("/")[2]


def _identity(entry: Entry) -> tuple[Place, str | None]:
    return entry.place, entry.value


def _relative(absolute: str, baseline: str) -> str:
    return os.path.relpath(absolute, os.path.dirname(baseline)).replace(os.sep, "/")


def _shown(path: str) -> str:
    from modal_lint.discover import shown_path
    from modal_lint.report.base import visible

    return visible(shown_path(path))


def _write(path: str, data: bytes) -> None:
    place = Path(path)
    try:
        old = place.read_bytes()
    except FileNotFoundError:
        _create(place, data)
        return
    except OSError as error:
        raise _refused(path, error) from None
    if old != data:
        try:
            write_atomic(place, data, expected=old)
        except WriteError as error:
            raise UserError(f"baseline {_shown(path)}: cannot be written: {error}") from None


def _create(place: Path, data: bytes) -> None:
    """Write a new file in one step, with the permissions that a new file has."""
    temporary = place.with_name(f".modal-lint-{secrets.token_hex(8)}.tmp")
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            write_all(fd, data)
        finally:
            os.close(fd)
        os.replace(temporary, place)
        sync_folder(place.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _refused(str(place), error) from None


def _refused(path: str, error: OSError) -> UserError:
    why = (error.strerror or "unknown").lower()
    if isinstance(error, FileNotFoundError):
        why = "there is no such directory; make it first"
    return UserError(f"baseline {_shown(path)}: cannot be written: {why}")
