"""An existing ``.gitleaks.toml``: its rules become patterns, its allowlists allowances.

Left out: what is about a commit, gitleaks' own default rules (our table of providers stands for them), rules that are
only about a path or only count beside others, and files from the network.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from modal_lint.config import parsed
from modal_lint.files import ReadError, read_regular
from modal_lint.interop.allowances import Allowance
from modal_lint.interop.customs import Custom
from modal_lint.interop.patterns import Pattern, PatternError
from modal_lint.settings import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_RULES = 500
_MOST_FILES = 8


class _MistakeError(Exception):
    """What is wrong in a file, without its name."""


def load(path: str, base: str, inside: str | None, where: str) -> Custom:
    """What the file adds and allows.

    Args:
        path: the file.
        base: the folder that paths in it are relative to.
        inside: the folder that neither it nor a file that it extends may leave; None where the user named it.
        where: who named it, for complaints.

    Raises:
        UserError: it cannot be read or understood, leaves the folder, or google-re2 is missing.
    """
    found = Custom()
    left: list[str] = [path]
    read: set[str] = set()
    while left:
        current = left.pop()
        real = os.path.realpath(current)
        if inside is not None and os.path.commonpath((real, os.path.realpath(inside))) != os.path.realpath(inside):
            raise UserError(f"{where} points outside the project; name the file on the command line instead")
        if real in read:
            continue
        read.add(real)
        if len(read) > _MOST_FILES:
            raise UserError(f"{where}: more than {_MOST_FILES} files extend one another")
        try:
            document = parsed(read_regular(current).decode("utf-8-sig"))
            found = found.plus(_custom(document, base))
            left += _extended(document, os.path.dirname(current))
        except ReadError as trouble:
            raise UserError(f"{where}: {_shown(current)}: {trouble.reason}") from None
        except (ValueError, RecursionError):
            raise UserError(f"{where}: {_shown(current)} is not valid TOML") from None
        except _MistakeError as mistake:
            raise UserError(f"{where}: {_shown(current)}: {mistake}") from None
    return found


def _custom(document: dict[str, Any], base: str) -> Custom:
    rules = _list(document, "rules")
    if len(rules) > _MOST_RULES:
        raise _MistakeError(f"more than {_MOST_RULES} rules")
    everywhere = list(_allowances(document, base))
    patterns = []
    for number, rule in enumerate(rules, 1):
        name = rule.get("id")
        label = f"rule {name if isinstance(name, str) and name.isprintable() else number}"
        try:
            pattern = _pattern(rule, base)
            if pattern is not None:
                pattern.check()
                own = tuple(_allowances(rule, base))
                patterns.append((pattern, own + tuple(each for each in everywhere if pattern.name in each.rules)))
        except PatternError as wrong:
            raise _MistakeError(f"{label}: its regex {wrong}") from None
        except TypeError as wrong:
            raise _MistakeError(f"{label}: {wrong}") from None
    return Custom(tuple(patterns), allowances=tuple(each for each in everywhere if not each.rules))


def _pattern(rule: dict[str, Any], base: str) -> Pattern | None:
    """The pattern of a rule; None for one that has none, is not to be reported, or counts only beside others."""
    regex = rule.get("regex")
    if not regex or rule.get("skipReport") or rule.get("required"):
        return None
    entropy = rule.get("entropy", 0.0)
    group = rule.get("secretGroup", 0)
    if not isinstance(entropy, int | float) or type(group) is not int or group < 0:
        raise TypeError("`entropy` must be a number, `secretGroup` a number, 0 or more")
    return Pattern(
        _text(rule, "id") or "credential",
        _text(rule, "regex") or "",
        group,
        float(entropy),
        tuple(word.lower() for word in _texts(rule, "keywords")),
        _text(rule, "path"),
        base,
    )


def _allowances(table: dict[str, Any], base: str) -> Iterator[Allowance]:
    """The allowlists of a rule or of the file; one that needs a certain commit never fits."""
    for each in (*_list(table, "allowlist"), *_list(table, "allowlists")):
        together = str(each.get("condition", "OR")).upper() in ("AND", "&&")
        allowance = Allowance(
            _texts(each, "paths"),
            _texts(each, "regexes"),
            _text(each, "regexTarget") in ("match", "line"),
            tuple(word.lower() for word in _texts(each, "stopwords")),
            together,
            _texts(each, "targetRules"),
            base,
        )
        try:
            allowance.check()
        except PatternError as wrong:
            raise _MistakeError(f"an allowlist: its regex {wrong}") from None
        if not (together and each.get("commits")):
            yield allowance


def _extended(document: dict[str, Any], folder: str) -> Iterator[str]:
    for each in _list(document, "extend"):
        path = _text(each, "path")
        if path:
            yield os.path.normpath(os.path.join(folder, path))


def _list(table: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The tables under a key: one, or a list of them."""
    found = table.get(key, [])
    tables = found if isinstance(found, list) else [found]
    if not all(isinstance(each, dict) for each in tables):
        raise _MistakeError(f"`{key}` must be a table or a list of tables")
    return tables


def _texts(table: dict[str, Any], key: str) -> tuple[str, ...]:
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise _MistakeError(f"`{key}` must be a list of strings")
    return tuple(each for each in found if each)


def _text(table: dict[str, Any], key: str) -> str | None:
    found = table.get(key)
    if found is not None and not isinstance(found, str):
        raise _MistakeError(f"`{key}` must be a string")
    return found


def _shown(path: str) -> str:
    from modal_lint.discover import shown_path
    from modal_lint.report.base import visible

    return visible(shown_path(path))
