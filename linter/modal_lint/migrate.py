"""Moving values out of the source: preserve them under ``.modal-lint/secrets`` and say what to run next.

One Secret is one file, ``<name>.env``, in the form that ``modal secret create <name> --from-dotenv`` reads back
exactly. What that form cannot hold (a key that is no identifier, a lone surrogate) goes to ``<name>.json`` for
``--from-json``.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modal_lint import dotenv_format
from modal_lint.committed.plumbing import tracks
from modal_lint.vault import NAME, SECRETS, RefusedError, closest, open_vault

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from modal_lint.model import Committed, Move
    from modal_lint.vault import Folder

_SECRET_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CREATE = "Create the Secrets and delete the preserved files (this shows what it would do; add --apply to do it):"
_BY_HAND = "or one by one, and delete the files yourself (add --force to replace a Secret that exists):"
_OPTIONS = {"env": "--from-dotenv", "json": "--from-json"}


@dataclass(frozen=True, slots=True)
class Preserved:
    """One file of preserved values. ``path`` is relative to the root, with forward slashes."""

    secret: str
    path: str
    keys: tuple[str, ...]  # every key that the file holds
    new_keys: tuple[str, ...]  # those that this call added


class ConflictError(Exception):
    """Another value is preserved under the same Secret and key already; it is never overwritten."""

    def __init__(self, secret: str, key: str) -> None:
        super().__init__(f"another value is preserved as {key} of {secret}")
        self.secret = secret
        self.key = key


def preserve(root: Path, moves: Iterable[Move]) -> tuple[Preserved, ...]:
    """Write the values of ``moves`` to disk, durably, merged with what is preserved already.

    Conflicts are found before anything is written.

    Args:
        root: the project's root; nothing outside ``root/.modal-lint`` is written.
        moves: a value that is preserved already is no change.

    Returns:
        Every file of every Secret in ``moves``, in the order of first mention.

    Raises:
        ConflictError: another value has the same Secret and key.
        RefusedError: the folder cannot be trusted, or a file in it has a form that we do not write.
        OSError: the system refused. No exception carries a value.
    """
    wanted = tuple(moves)
    if not wanted:
        return ()
    with open_vault(root) as folder:
        held: dict[str, _Secret] = {}
        for move in wanted:
            if move.secret not in held:
                held[move.secret] = _Secret.read(folder, move.secret)
            held[move.secret].add(move)
        for secret in held.values():
            secret.write(folder)
        return tuple(entry for secret in held.values() for entry in secret.preserved())


class _Secret:
    """The preserved entries of one Secret, by the kind of file that holds them."""

    def __init__(self, name: str, files: dict[str, dict[str, str]]) -> None:
        self.name = name
        self.files = files
        self.new: dict[str, dict[str, str]] = {kind: {} for kind in _OPTIONS}

    @classmethod
    def read(cls, folder: Folder, name: str) -> _Secret:
        if not _SECRET_NAME.fullmatch(name):
            raise RefusedError("the name of a Secret is not one that Modal accepts")
        return cls(name, {kind: _load(folder, f"{name}.{kind}", kind) for kind in _OPTIONS})

    def add(self, move: Move) -> None:
        value = move.value.reveal()
        for entries in (*self.files.values(), *self.new.values()):
            if move.key in entries:
                if entries[move.key] != value:
                    raise ConflictError(self.name, move.key)
                return
        self.new["env" if dotenv_format.representable(move.key, value) else "json"][move.key] = value

    def write(self, folder: Folder) -> None:
        for kind, entries in self.new.items():
            if not entries:
                continue
            name = f"{self.name}.{kind}"
            old = folder.read(name)
            if old is not None and tracks(folder.path, name):
                raise RefusedError(f"{folder.path / name} is tracked by git")
            folder.replace(name, _merge(old, kind, entries))
            if _load(folder, name, kind) != self.files[kind] | entries:
                raise RefusedError(f"{folder.path / name} does not read back as it was written")

    def preserved(self) -> tuple[Preserved, ...]:
        return tuple(
            Preserved(
                self.name, f"{NAME}/{SECRETS}/{self.name}.{kind}", (*entries, *self.new[kind]), (*self.new[kind],)
            )
            for kind, entries in self.files.items()
            if entries or self.new[kind]
        )


def _load(folder: Folder, name: str, kind: str) -> dict[str, str]:
    data = folder.read(name)
    if data is None:
        return {}
    try:
        entries = dotenv_format.load(data.decode()) if kind == "env" else json.loads(data)
        if isinstance(entries, dict) and all(isinstance(value, str) for value in entries.values()):
            return entries
    except ValueError:
        pass
    raise RefusedError(f"{folder.path / name} is not as modal-lint wrote it; move it away and run again") from None


def _merge(old: bytes | None, kind: str, new: dict[str, str]) -> bytes:
    if kind == "json":
        return (json.dumps({**json.loads(old or b"{}"), **new}, indent=2) + "\n").encode()
    text = dotenv_format.HEADER if old is None else old.decode()
    return (text + ("" if text.endswith("\n") or not text else "\n") + dotenv_format.dump(new)).encode()


def commands(preserved: Iterable[Preserved], *, root: Path | None = None) -> list[str]:
    """The command that creates each Secret from its preserved values, ready for a shell.

    Args:
        preserved: what `preserve` returned, also of several calls.
        root: where the preserved files are, to show paths as seen from the current folder; by default they are shown
            from the root.
    """
    files: dict[str, dict[str, None]] = {}
    for entry in preserved:
        files.setdefault(entry.secret, {})[entry.path] = None
    return [_command(secret, paths, root) for secret, paths in files.items()]


def _push(root: Path | None) -> str:
    """The command that creates all of them; without an option it takes the closest folder upwards."""
    elsewhere = root is not None and closest(os.getcwd()) != os.path.realpath(root)
    options = ["--project", os.path.relpath(root)] if root is not None and elsewhere else []
    return shlex.join(["modal-lint", "secrets", "push", *options])


def _command(secret: str, paths: Iterable[str], root: Path | None) -> str:
    options = [word for path in paths for word in (_OPTIONS[path.rpartition(".")[2]], _shown(path, root))]
    # A name that starts with a dash would be taken for an option.
    words = [*options, "--", secret] if secret.startswith("-") else [secret, *options]
    return shlex.join(["modal", "secret", "create", *words])


def _shown(path: str, root: Path | None) -> str:
    return path if root is None else os.path.relpath(root / path)


def report_lines(
    preserved: Iterable[Preserved],
    *,
    committed: Iterable[tuple[str, Committed]] = (),
    notes: Iterable[str] = (),
    root: Path | None = None,
) -> list[str]:
    """What to tell the user after a fix: where the values are, what to run next, what to rotate.

    Args:
        preserved: what `preserve` returned.
        committed: keys and what git knows of their values.
        notes: remarks of the fixes, such as the constants and files that still hold a value.
        root: as for `commands`.
    """
    files = {entry.path: entry for entry in preserved}
    lines = [f"Preserved {', '.join(entry.keys)} in {_shown(path, root)}" for path, entry in files.items()]
    if files:
        lines += [_CREATE, f"  {_push(root)}", _BY_HAND]
        lines += [f"  {command}" for command in commands(files.values(), root=root)]
    verdicts: dict[str, set[str]] = {}
    for key, told in sorted(committed):
        verdicts.setdefault(told.verdict, set()).add(key)
    lines += [f"{', '.join(sorted(keys))}: {verdict}" for verdict, keys in verdicts.items()]
    return lines + [f"Note: {note}" for note in dict.fromkeys(notes)]
