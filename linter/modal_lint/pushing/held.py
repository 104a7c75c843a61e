"""What is preserved under ``.modal-lint/secrets``: one `Held` a Secret, or why its files cannot be used."""

from __future__ import annotations

import json
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modal_lint import dotenv_format
from modal_lint.committed.plumbing import tracks
from modal_lint.vault import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modal_lint.vault import Folder

KINDS = ("env", "json")
_OTHERS_READ = stat.S_IRGRP | stat.S_IROTH
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Held:
    """The preserved values of one Secret. It prints no value.

    Attributes:
        name: of the Secret.
        files: the names of its files, each with what it held when it was read.
        entries: keys and values, of all its files.
        problem: why it cannot be pushed and what to do, or None.
        warning: what else the user should know, or None.
    """

    name: str
    files: Mapping[str, bytes] = field(repr=False)
    entries: Mapping[str, str] = field(repr=False)
    problem: str | None = None
    warning: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """Its variables, in the order of the files."""
        return tuple(self.entries)


def read_all(folder: Folder, names: Iterable[str] = ()) -> list[Held]:
    """Every Secret that has preserved values, or those of ``names`` that have, sorted by name."""
    files: dict[str, list[str]] = {}
    wanted = set(names)
    for entry in folder.names():
        stem, _, kind = entry.rpartition(".")
        if stem and kind in KINDS and (not wanted or stem in wanted):
            files.setdefault(stem, []).append(entry)
    return [_read(folder, name, entries) for name, entries in sorted(files.items())]


def _read(folder: Folder, name: str, files: list[str]) -> Held:
    from modal_lint_runtime.contract import is_object_name  # the home of Modal's rules; late, for a quick start

    contents: dict[str, bytes] = {}
    entries: dict[str, str] = {}
    warning = None
    try:
        if not is_object_name(name) or "\n" in name:
            raise RefusedError("that is no name of a Secret; rename the file")
        for file in files:
            warning = _check(folder, file) or warning
            data = contents[file] = folder.read(file) or b""
            _add(entries, _parsed(data, file), file)
        if not entries:
            raise RefusedError(f"{files[0]} holds no entry; delete it")
        _acceptable(entries)
    except RefusedError as refused:
        return Held(name, contents, entries, problem=str(refused), warning=warning)
    return Held(name, contents, entries, warning=warning)


def _check(folder: Folder, file: str) -> str | None:
    """Refuse a file that others may have put there; a remark on one that they may have read."""
    mode = folder.status(file).st_mode
    if stat.S_ISLNK(mode):
        raise RefusedError(f"{file} is a link; put the file itself there")
    if tracks(folder.path, file):
        raise RefusedError(f"{file} is tracked by git, so its values are no secret: rotate them, then `git rm` it")
    if mode & _OTHERS_WRITE:
        raise RefusedError(f"{file} can be written by others: look at what it holds, then `chmod 600` it")
    if mode & _OTHERS_READ:
        return f"{file} could be read by others (mode {stat.S_IMODE(mode):04o}): consider to rotate its values"
    return None


def _parsed(data: bytes, file: str) -> dict[str, str]:
    place = ""
    try:
        text = data.decode()
        found = dotenv_format.load(text) if file.endswith(".env") else json.loads(text, object_pairs_hook=_once)
        if isinstance(found, dict) and all(isinstance(value, str) for value in found.values()):
            return found
    except dotenv_format.FormatError as error:
        place = f" ({error})"
    except (ValueError, RecursionError):
        pass  # its text quotes the file
    raise RefusedError(f"{file} is not as modal-lint wrote it{place}; create this Secret with `modal secret create`")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _add(entries: dict[str, str], more: Mapping[str, str], file: str) -> None:
    for key, value in more.items():
        if entries.setdefault(key, value) != value:
            raise RefusedError(f"{file} holds another value of {key} than the file beside it; delete the wrong one")


def _acceptable(entries: Mapping[str, str]) -> None:
    """Refuse what Modal would, before anybody is asked."""
    from modal_lint_runtime import contract
    from modal_lint_runtime.errors import InvalidError

    try:
        contract.entries(dict(entries), site=contract.Site.CREATE)
    except InvalidError as error:
        raise RefusedError(f"Modal cannot hold it: {error}") from None
