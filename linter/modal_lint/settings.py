"""What a run can be told: the keys, their types and defaults, and how layers of them merge."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from modal_lint.globs import Glob
from modal_lint.model import Confidence, Severity
from modal_lint.report import FORMATS
from modal_lint.selection import DEFAULT, Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from enum import Enum

    from modal_lint.interop.customs import Custom

# What ruff skips, plus the places where this tool keeps its own files.
DEFAULT_EXCLUDE = (
    ".bzr", ".direnv", ".eggs", ".git", ".git-rewrite", ".hg", ".ipynb_checkpoints", ".modal-lint",
    ".modal-lint-cache", ".mypy_cache", ".nox", ".pants.d", ".pyenv", ".pytest_cache", ".pytype", ".ruff_cache",
    ".svn", ".tox", ".venv", ".vscode", "__pycache__", "__pypackages__", "_build", "buck-out", "build", "dist",
    "node_modules", "site-packages", "venv",
)  # fmt: skip
_EXCLUDED = tuple(Glob(name, "") for name in DEFAULT_EXCLUDE)


class UserError(Exception):
    """A mistake of the user, told in one line: on the command line or in a configuration file."""


class Settings(NamedTuple):
    """Everything that decides what is checked in one directory, and what is done with the findings."""

    selections: tuple[Selection, ...] = (DEFAULT,)
    per_file_ignores: tuple[tuple[Glob, tuple[str, ...]], ...] = ()
    fixable: tuple[str, ...] = ("ALL",)
    unfixable: tuple[str, ...] = ()
    min_severity: Severity = Severity.INFO
    min_confidence: Confidence = Confidence.MEDIUM
    exclude: tuple[Glob, ...] = _EXCLUDED
    extend_exclude: tuple[Glob, ...] = ()
    force_exclude: bool = False
    respect_gitignore: bool = True
    include_markdown: bool = False
    respect_foreign_markers: bool = True
    ignore_suppressions: bool = False
    known_secrets: Mapping[str, tuple[str, ...]] = {}
    fix: bool = False
    unsafe_fixes: bool = False
    show_fixes: bool = False
    exposure: bool = False
    output_format: str = "full"
    jobs: int = 0  # 0: one for each processor
    custom: Custom | None = None  # what the project adds to the detection of credentials, and what it allows
    baseline: str | None = None  # the absolute path of the file of findings that are known

    def at(self, directory: str, names: Collection[str] | None = None) -> Settings:
        """These settings, wherever: what a run without configuration files uses in place of a `Resolver`."""
        del directory, names
        return self

    @property
    def excluded(self) -> tuple[Glob, ...]:
        """All patterns of files and directories to skip."""
        return self.exclude + self.extend_exclude


class Layer(NamedTuple):
    """Checked keys and values from one place: a configuration file, `--config`, or the command line."""

    values: Mapping[str, Any]
    base: str  # the directory its patterns are relative to


def _expected(value: object, kind: type, what: str) -> Any:
    # A bool is an int to Python, not to the user.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(what)
    return value


def _flag(value: object) -> bool:
    return bool(_expected(value, bool, "true or false"))


def _words(value: object) -> tuple[str, ...]:
    items = _expected(value, list, "a list of strings")
    return tuple(_expected(item, str, "a list of strings") for item in items)


def _lists(value: object) -> dict[str, tuple[str, ...]]:
    wanted = "a table of lists of strings"
    table = _expected(value, dict, wanted)
    try:
        return {str(key): _words(items) for key, items in table.items()}
    except TypeError:
        raise TypeError(wanted) from None


def _table(value: object) -> dict[str, Any]:
    return dict(_expected(value, dict, "a table"))


def _count(value: object) -> int:
    count = int(_expected(value, int, "a number, 0 or more"))
    if count < 0:
        raise TypeError("a number, 0 or more")
    return count


def _text(value: object) -> str:
    return str(_expected(value, str, "a string"))


def _one_of(choices: Iterable[str]) -> Callable[[object], str]:
    names = tuple(choices)

    def convert(value: object) -> str:
        if value not in names:
            raise TypeError("one of " + ", ".join(names))
        return str(value)

    return convert


_KINDS: dict[str, Callable[[object], Any]] = {
    "extend": _text,
    "select": _words,
    "extend-select": _words,
    "ignore": _words,
    "per-file-ignores": _lists,
    "fixable": _words,
    "unfixable": _words,
    "min-severity": _one_of(level.value for level in Severity),
    "min-confidence": _one_of(level.value for level in Confidence),
    "exclude": _words,
    "extend-exclude": _words,
    "force-exclude": _flag,
    "respect-gitignore": _flag,
    "include-markdown": _flag,
    "respect-foreign-markers": _flag,
    "ignore-suppressions": _flag,
    "known-secrets": _lists,
    "fix": _flag,
    "unsafe-fixes": _flag,
    "show-fixes": _flag,
    "exposure": _flag,
    "output-format": _one_of(FORMATS),
    "jobs": _count,
    "credentials": _table,
    "gitleaks-config": _text,
    "baseline": _text,
}

KEYS = tuple(_KINDS)
_CUSTOM = frozenset(("credentials", "gitleaks-config"))
_SELECTORS = ("select", "extend-select", "ignore", "fixable", "unfixable")
_CONVERTED: dict[str, Callable[[str], Enum]] = {"min-severity": Severity, "min-confidence": Confidence}


def layer(table: Mapping[str, object], base: str, where: str | None = None) -> Layer:
    """``table`` as a checked layer.

    Args:
        table: keys in kebab-case and their raw values.
        base: the directory that patterns in it are relative to.
        where: named in complaints: the file; None for options of the command line.

    Raises:
        UserError: an unknown key, a value of the wrong type, or an unknown rule.
    """
    values: dict[str, Any] = {}
    for key, raw in table.items():
        if key not in _KINDS:
            raise UserError(f"{where}: unknown key `{key}`{nearest(key, KEYS) or ': one of ' + ', '.join(KEYS)}")
        try:
            values[key] = _KINDS[key](raw)
        except TypeError as wrong:
            raise UserError(f"{_named(key, where)} must be {wrong}") from None
    for key in _SELECTORS:
        check_selectors(values.get(key, ()), _named(key, where))
    for selectors in values.get("per-file-ignores", {}).values():
        check_selectors(selectors, _named("per-file-ignores", where))
    for key in _CUSTOM.intersection(values):
        values[key] = _custom(key, values[key], base, where)
    return Layer(values, base)


def _custom(key: str, value: Any, base: str, where: str | None) -> Custom:
    """What a project's own detection says; what a checked tree names stays inside of it."""
    if key == "credentials":
        from modal_lint.interop import table

        return table.custom(value, base, f"{where}: `credentials`")
    from modal_lint.files import git_root, project_root
    from modal_lint.interop import gitleaks

    inside = None if where in (None, "--config") else git_root(base) or project_root(base)
    return gitleaks.load(os.path.normpath(os.path.join(base, value)), base, inside, _named(key, where).rstrip(":"))


def _named(key: str, where: str | None) -> str:
    return f"--{key}:" if where is None else f"{where}: `{key}`:"


def check_selectors(selectors: Iterable[str], where: str) -> None:
    """Raise `UserError` for a selector that names no rule; the rules are loaded only if there is one to check."""
    for selector in selectors:
        from modal_lint.selection import is_known, vocabulary

        if not is_known(selector):
            hint = nearest(selector, vocabulary()) or "; `modal-lint rules` lists them"
            raise UserError(f"{where} unknown rule `{selector}`{hint}")


def nearest(word: str, candidates: Iterable[str]) -> str:
    """A sentence end that suggests the candidate nearest to ``word``, or nothing."""
    import difflib

    known = {candidate.lower(): candidate for candidate in candidates}
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f"; did you mean `{known[close[0]]}`?" if close else ""


def merge(layers: Iterable[Layer]) -> Settings:
    """The settings that ``layers`` make together, the later ones winning.

    Excludes that extend, per-file ignores and known Secrets add up; everything else is replaced.
    """
    merged: dict[str, Any] = {}
    selections = [DEFAULT]
    for one in layers:
        selections.append(Selection.of(one.values))
        for key, value in one.values.items():
            _put(merged, key, value, one.base)
    if "custom" in merged:
        from modal_lint.credentials.custom import register

        register(merged["custom"])
    known = {key: value for key, value in merged.items() if key in Settings._fields}
    return Settings(selections=tuple(selections), **known)


def _put(merged: dict[str, Any], key: str, value: Any, base: str) -> None:
    name = key.replace("-", "_")
    if key == "per-file-ignores":
        merged[name] = merged.get(name, ()) + tuple((Glob(pattern, base), codes) for pattern, codes in value.items())
    elif key == "exclude":
        merged[name] = tuple(Glob(pattern, base) for pattern in value)
    elif key == "extend-exclude":
        merged[name] = merged.get(name, ()) + tuple(Glob(pattern, base) for pattern in value)
    elif key == "baseline":
        merged[name] = os.path.normpath(os.path.join(base, value)) if value else None
    elif key == "known-secrets":
        merged[name] = {**merged.get(name, {}), **value}
    elif key in _CUSTOM:
        merged["custom"] = merged["custom"].plus(value) if "custom" in merged else value
    else:
        merged[name] = _CONVERTED[key](value) if key in _CONVERTED else value
