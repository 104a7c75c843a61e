"""What holds code without being Python: its code as modules, and where each line of a module stands in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modal_lint.model import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from modal_lint.model import Edit

PROMPTS = (">>> ", "... ", "]: ", "...: ")  # what a prompt ends with
NEWLINE = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of code, and where it stands.

    Args:
        number: the line in the document; in a notebook counted through all of its cells.
        cell: the cell of a notebook, from 1, among all cells.
        line: the line in the cell, or in the file where there are no cells.
        block: a cell, or what else holds lines that follow each other.
        prefix: what stands before the code on the line, say the marks of a quotation.
        shown: the code as it stands there.
    """

    number: int
    cell: int | None
    line: int
    block: int
    prefix: str
    shown: str


@dataclass(frozen=True, slots=True)
class Command:
    """A line for the shell, or a variable that a magic sets, as it stands in a module.

    Args:
        line, column: where its text begins, as in spans.
        end_line, end_column: where it ends.
        text: the command, the value of the variable, or the Python that a magic stands for.
        key: the variable; None for anything else.
        expands: whether ``{name}`` and ``$name`` in it mean Python's.
        is_python: whether the text is Python.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    text: str
    key: str | None = None
    expands: bool = True
    is_python: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """What a notebook displays besides its code: texts of a cell's outputs or metadata, or of the notebook's."""

    cell: int | None
    what: str  # "the output of this cell"
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Module:
    """Code that runs together.

    Args:
        code: Python, line by line beside ``rows``; what is not Python in them is a comment here, or as wide.
        rows: where each line stands.
        commands: what the comments stand for.
        shown: what is displayed with it.
        is_interactive: whether it is run in a session, where functions have no file to be imported from.
    """

    code: str
    rows: tuple[Row, ...]
    commands: tuple[Command, ...] = ()
    shown: tuple[Shown, ...] = ()
    is_interactive: bool = False

    @property
    def lines(self) -> list[str]:
        """The lines as they stand in the document."""
        return [row.shown for row in self.rows] or [""]

    @property
    def data(self) -> bytes:
        """The code as bytes that say Modal wherever a magic of Modal's is."""
        magic = "\nimport modal" if any(command.is_python for command in self.commands) else ""
        return (self.code + magic).encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Broken:
    """A part of the code that cannot be parsed; ``row`` is where."""

    reason: str
    row: Row
    column: int


@dataclass(frozen=True, slots=True)
class Document:
    """A file that holds code.

    Args:
        modules: the code of it that can be parsed; the first one is what the document itself runs.
        broken: the parts that cannot.
        parts: how many parts can.
        writer: what edits make of the file; it raises `EditError`.
    """

    modules: tuple[Module, ...]
    writer: Callable[[Iterable[Edit]], bytes] = field(repr=False)
    broken: tuple[Broken, ...] = ()
    parts: int = 0


def is_python(code: str) -> bool:
    """Whether a text can be parsed."""
    from modal_lint.source import Unreadable, parse

    try:
        parse(code)
    except Unreadable:
        return False
    return True


def through(rows: Sequence[Row], span: Span) -> Span:
    """A span of a module with the document's own line numbers."""
    first, last = _row(rows, span.line), _row(rows, span.end_line)
    if first is None or last is None:
        return span
    return Span(first.number, span.column + len(first.prefix), last.number, span.end_column + len(last.prefix))


def inside(rows: Sequence[Row], span: Span) -> tuple[int | None, Span]:
    """The cell that a span of a module begins in, and the span there; what reaches over the cell's end ends there."""
    first = _row(rows, span.line)
    if first is None:
        return (None, span) if not rows else inside(rows, Span(len(rows), 0, len(rows), len(rows[-1].shown)))
    last, column = _row(rows, span.end_line), span.end_column
    if last is None or last.block != first.block:
        last = next(row for row in reversed(rows) if row.block == first.block)
        column = len(last.shown)
    return first.cell, Span(first.line, span.column + len(first.prefix), last.line, column + len(last.prefix))


def _row(rows: Sequence[Row], line: int) -> Row | None:
    return rows[line - 1] if 1 <= line <= len(rows) else None
