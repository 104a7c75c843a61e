"""What the formats share: the list of diagnostics, how text is made safe for a terminal, and the choice of a format."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.model import Failure, Finding, Report, Severity, Span, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

UNREADABLE = "MS001"
UNREADABLE_NAME = "unreadable-source"

_KNOW_GIT = ("full", "json", "json-lines")  # formats that say apart what git knows
_ESCAPES = {"\n": "\\n", "\r": "\\r"}
_SGR = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}
SEVERITY_COLOUR = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


class Look(NamedTuple):
    """How text for people looks.

    ``unsafe`` says that unsafe fixes are switched on; ``contents`` is what to take for files instead of reading them,
    by path as in findings.
    """

    colour: bool = False
    width: int = 100
    unsafe: bool = False
    contents: Mapping[str, bytes] = {}

    def paint(self, text: str, *styles: str) -> str:
        """``text`` in ``styles``, plain where there is no colour."""
        if not self.colour or not text:
            return text
        return f"\x1b[{';'.join(_SGR[style] for style in styles)}m{text}\x1b[0m"


def render(name: str, report: Report, look: Look) -> str:
    """``report`` in the format ``name``; only that format's module is loaded."""
    module = import_module(f"modal_lint.report.{name.replace('-', '_')}")
    told = report if name in _KNOW_GIT else report._replace(findings=tuple(map(_with_git, report.findings)))
    text: str = module.render(told, look)
    return text


def _with_git(finding: Finding) -> Finding:
    """What git knows of a credential, as a part of the remedy: most formats have no place of its own for it."""
    if finding.committed is None:
        return finding
    verdict = f"git: {finding.committed.verdict}"
    return finding._replace(help=f"{finding.help} ({verdict})" if finding.help else verdict)


def diagnostics(report: Report) -> list[Finding]:
    """The findings and, as MS001, the files that could not be analysed, in the order of paths and places."""
    everything = [*report.findings, *map(from_failure, report.failures)]
    return sorted(everything, key=lambda finding: finding.sort_key)


def from_failure(failure: Failure) -> Finding:
    """A failure as the finding that users see."""
    from modal_lint.report.remedies import remedy

    span = Span(failure.line, failure.column, failure.line, failure.column)
    return Finding(
        path=failure.path,
        span=span,
        code=UNREADABLE,
        name=UNREADABLE_NAME,
        message=f"not checked: {failure.reason}",
        severity=Severity.ERROR,
        help=remedy(failure.reason),
        cell=failure.cell,
    )


def visible(text: str) -> str:
    """``text`` with nothing in it that could steer a terminal or break a line."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character == "\t":
        return "    "
    import unicodedata

    # Controls, format characters (they can reorder a line), surrogates, line separators.
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return _ESCAPES.get(character) or (f"\\x{ord(character):02x}" if ord(character) < 256 else _escape(character))
    return character


def _escape(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode()


def width(text: str) -> int:
    """How many columns of a terminal ``text`` takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    import unicodedata

    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def place(where: Finding | Step) -> str:
    """``path:line:column`` as editors and terminals make links of it; ``path:cell 3:line:column`` in a notebook."""
    cell = "" if where.cell is None else f"cell {where.cell}:"
    return f"{visible(where.path)}:{cell}{where.span.line}:{where.span.column + 1}"


def fix_mark(finding: Finding, look: Look) -> str:
    """``[*] `` where a fix would be applied as things are, ``[-] `` where only with unsafe fixes, else nothing."""
    if finding.fix is None or not finding.fix.edits:
        return ""
    if finding.fix.safe or look.unsafe:
        return look.paint("[*]", "cyan") + " "
    return look.paint("[-]", "dim") + " "
