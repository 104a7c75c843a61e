"""The inventory's Secrets as `known-secrets` of a configuration file; whatever else is in it stays, byte for byte."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modal_lint.atomic import WriteError, write_atomic
from modal_lint.config import nearest_file
from modal_lint.files import ReadError, project_root, read_regular
from modal_lint.inventory.model import Kind
from modal_lint.report.summary import count
from modal_lint.settings import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modal_lint.inventory.model import Inventory, Secret

_KEY = "known-secrets"
_SHARED = "pyproject.toml"
_OWN = "modal-lint.toml"
_BOM = b"\xef\xbb\xbf"
_NO_LIBRARY = "--write-known-secrets needs tomlkit: pip install 'modal-lint[inventory]'"

Table = dict[str, list[str]]


def record(inventory: Inventory, paths: Sequence[str], *, config: str | None, isolated: bool) -> list[str]:
    """Add the Secrets and their keys to the nearest configuration file; what was done, in lines.

    Nothing is taken away: keys and Secrets that only the file knows stay. The rules take what stands there for what
    the workspace holds: a Secret is left out of which no key is known, which a registry uses, or which may have a key
    that code reads, as another Secret may.

    Args:
        inventory: of the project.
        paths: what was looked at: the file nearest to the first of them counts.
        config: the file to write instead.
        isolated: whether no file may be looked at.

    Raises:
        UserError: there is no library for it, or the file cannot be read, edited or replaced.
    """
    if isolated:
        raise UserError("--isolated reads no configuration file, --write-known-secrets writes one: choose")
    path = _file_for(paths) if config is None else os.path.abspath(config)
    old = _read(path)
    known = _table_in(old, path)
    reasons = {secret.name: why for secret in inventory.secrets if (why := _why_not(secret, inventory))}
    wanted = dict(known)
    for secret in inventory.secrets:
        if secret.name in known or secret.name not in reasons:
            wanted[secret.name] = sorted({*known.get(secret.name, ()), *secret.key_names})
    changed = {name: keys for name, keys in wanted.items() if sorted(known.get(name, ())) != keys and keys}
    lines = [f"left out: Secret {name} ({why})" for name, why in reasons.items() if name not in known]
    shown = os.path.relpath(path)
    if not changed:
        return [*lines, f"{shown}: {_KEY} has everything already"]
    _replace(path, old, _edited(old, path, changed, known))
    return [*lines, f"{shown}: {count(len(changed), 'Secret')} added to {_KEY}, or extended"]


def _why_not(secret: Secret, inventory: Inventory) -> str | None:
    """Why the rules would say too much if the Secret stood in the file with the keys that are known."""
    if not secret.keys:
        return "no key of it is known"
    if any(user.kind is Kind.REGISTRY for user in secret.users):
        return "a registry uses it: list all of its keys by hand"
    keys = sorted({one.key for one in inventory.undecided if secret.name in one.names})
    return f"it may also have {', '.join(keys)}: list its keys by hand" if keys else None


def _file_for(paths: Sequence[str]) -> str:
    first = os.path.abspath(paths[0])
    folder = first if os.path.isdir(first) else os.path.dirname(first)
    found = nearest_file(folder)
    if found is not None:
        return found
    root = project_root(folder)
    shared = os.path.join(root, _SHARED)
    return shared if os.path.lexists(shared) else os.path.join(root, _OWN)


def _read(path: str) -> bytes | None:
    if not os.path.lexists(path):
        return None
    try:
        return read_regular(path)
    except ReadError as trouble:
        raise UserError(f"{os.path.relpath(path)}: {trouble.reason}") from None


def _parsed(text: str, path: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except ValueError:
        raise UserError(f"{os.path.relpath(path)}: not valid TOML") from None


def _is_under_tool(path: str, document: Mapping[str, Any]) -> bool:
    """Whether the settings are in `[tool.modal-lint]`, as in every pyproject.toml."""
    tool = document.get("tool")
    return os.path.basename(path) == _SHARED or (isinstance(tool, dict) and "modal-lint" in tool)


def _section(document: Any, path: str) -> Any:
    if not _is_under_tool(path, document):
        return document
    return document.get("tool", {}).get("modal-lint", {})


def _table_in(data: bytes | None, path: str) -> Table:
    """What `known-secrets` of a file says."""
    if data is None:
        return {}
    found = _section(_parsed(_text(data, path), path), path).get(_KEY, {})
    if not isinstance(found, dict) or not all(isinstance(keys, list) for keys in found.values()):
        raise UserError(f"{os.path.relpath(path)}: `{_KEY}`: must be a table of lists of strings")
    return found


def _text(data: bytes, path: str) -> str:
    try:
        return data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{os.path.relpath(path)}: not valid UTF-8") from None


def _edited(data: bytes | None, path: str, changed: Table, known: Table) -> bytes:
    """The file with the changed entries.

    The library that edits it is held to its promise: whatever it reads it must write back as it was, and afterwards
    nothing but `known-secrets` may say something else.
    """
    try:
        import tomlkit
    except ImportError:
        raise UserError(_NO_LIBRARY) from None
    text = "" if data is None else _text(data, path)
    ending = "\r\n" if "\r\n" in text and "\n" not in text.replace("\r\n", "") else "\n"
    text = text.replace("\r\n", "\n") if ending == "\r\n" else text
    text = _ended(text) if text else text
    document = tomlkit.parse(text)
    is_faithful = tomlkit.dumps(document) == text
    if is_faithful:
        _put(document, path, changed)
        new = _ended(tomlkit.dumps(document))
        if _is_as_wanted(text, new, path, {**known, **changed}):
            return (_BOM if data is not None and data.startswith(_BOM) else b"") + new.replace("\n", ending).encode()
    lines = ", ".join(f'"{name}" = {keys}' for name, keys in changed.items()).replace("'", '"')
    raise UserError(f"{os.path.relpath(path)}: cannot be edited without changing the rest; add {_KEY} = {{ {lines} }}")


def _ended(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def _put(document: Any, path: str, changed: Table) -> None:
    import tomlkit

    section = document
    if _is_under_tool(path, document):
        if "tool" not in document:
            document["tool"] = tomlkit.table(is_super_table=True)
        if "modal-lint" not in document["tool"]:
            document["tool"]["modal-lint"] = tomlkit.table()
        section = document["tool"]["modal-lint"]
    if _KEY not in section:
        section[_KEY] = tomlkit.table()
    for name, keys in changed.items():
        section[_KEY][name] = keys


def _is_as_wanted(old: str, new: str, path: str, wanted: Table) -> bool:
    before, after = _parsed(old, path), _parsed(new, path)
    section = _section(after, path)
    if section.pop(_KEY, None) != wanted:
        return False
    _section(before, path).pop(_KEY, None)
    return _without_empty(before) == _without_empty(after)


def _without_empty(document: dict[str, Any]) -> dict[str, Any]:
    """A document without the sections that were made for the entry alone."""
    tool = document.get("tool")
    if isinstance(tool, dict):
        if tool.get("modal-lint") == {}:
            del tool["modal-lint"]
        if not tool:
            del document["tool"]
    return document


def _replace(path: str, old: bytes | None, new: bytes) -> None:
    try:
        if old is not None:
            write_atomic(Path(path), new, expected=old)
            return
        with open(path, "xb") as file:
            file.write(new)
    except WriteError as trouble:
        raise UserError(f"{os.path.relpath(path)}: cannot be replaced: {trouble}") from None
    except OSError as error:
        raise UserError(f"{os.path.relpath(path)}: {(error.strerror or 'cannot be written').lower()}") from None
