"""Syntax newer than the running Python's, rewritten in place to what it can parse.

libcst parses every Python's syntax with any Python. What the running one lacks (type parameters, ``type`` statements,
quotes inside f-strings, ``except*``) is blanked or respelled so that everything else keeps its line and column.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import libcst as cst
    from libcst.metadata import CodeRange

MAX_LENGTH = 1 << 20
MAX_NESTING = 90  # libcst recurses with every bracket
_HINTS = re.compile(
    r"^[ \t]*(?:type[ \t]+\w+|(?:async[ \t]+)?def[ \t]+\w+[ \t]*\[|class[ \t]+\w+[ \t]*\[|except[ \t]*\*)"
    r"|\b[fF][rR]?['\"]|\b[rR][fF]['\"]",
    re.MULTILINE,
)
_BRACKETS = re.compile(r"[()\[\]{}]")
Change = tuple[tuple[int, int], tuple[int, int], str]  # start and end as (line, column), text of the same extent


def lower(text: str) -> str | None:
    """The text in older syntax, every line as long as it was; None if that cannot be had."""
    if len(text) > MAX_LENGTH or not _HINTS.search(text) or _nesting(text) > MAX_NESTING:
        return None
    import libcst as cst

    try:
        wrapper = cst.MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
        return _rewritten(text, _changes(wrapper))
    except (cst.ParserSyntaxError, RecursionError, ValueError):
        return None


def _nesting(text: str) -> int:
    depth = deepest = 0
    for match in _BRACKETS.finditer(text):
        depth += 1 if match[0] in "([{" else -1
        deepest = max(deepest, depth)
    return deepest


def _changes(wrapper: cst.MetadataWrapper) -> list[Change]:
    import libcst as cst
    from libcst.metadata import PositionProvider

    class Newer(cst.CSTVisitor):
        """Collects the nodes that an older Python cannot parse."""

        METADATA_DEPENDENCIES = (PositionProvider,)

        def __init__(self) -> None:
            super().__init__()
            self.changes: list[Change] = []
            self.quotes: list[str] = []

        def _range(self, node: cst.CSTNode) -> CodeRange:
            return self.get_metadata(PositionProvider, node)

        def _replace(self, first: cst.CSTNode, last: cst.CSTNode, new: str | None) -> None:
            start, end = self._range(first).start, self._range(last).end
            self.changes.append(((start.line, start.column), (end.line, end.column), new or ""))

        def visit_FunctionDef(self, node: cst.FunctionDef) -> None:  # noqa: N802
            if node.type_parameters is not None:
                self._replace(node.type_parameters, node.type_parameters, None)

        def visit_ClassDef(self, node: cst.ClassDef) -> None:  # noqa: N802
            if node.type_parameters is not None:
                self._replace(node.type_parameters, node.type_parameters, None)

        def visit_TypeAlias(self, node: cst.TypeAlias) -> None:  # noqa: N802
            self._replace(node, node.type_parameters or node.name, node.name.value)

        def visit_FormattedString(self, node: cst.FormattedString) -> None:  # noqa: N802
            if self.quotes and node.quote == self.quotes[-1]:
                self._respell(node, node.start, node.quote)
            self.quotes.append(node.quote)

        def leave_FormattedString(self, original_node: cst.FormattedString) -> None:  # noqa: N802, ARG002
            self.quotes.pop()

        def visit_SimpleString(self, node: cst.SimpleString) -> None:  # noqa: N802
            if self.quotes and node.quote == self.quotes[-1]:
                self._respell(node, node.prefix + node.quote, node.quote)

        def _respell(self, node: cst.CSTNode, opening: str, quote: str) -> None:
            other = "'" if quote[0] == '"' else '"'
            if len(quote) != 1 or other in self.quotes:
                raise ValueError("no quote is left")
            place = self._range(node)
            start = (place.start.line, place.start.column + len(opening) - 1)
            self.changes.append((start, (start[0], start[1] + 1), other))
            end = (place.end.line, place.end.column)
            self.changes.append(((end[0], end[1] - 1), end, other))

    visitor = Newer()
    wrapper.visit(visitor)
    return visitor.changes


def _rewritten(text: str, changes: list[Change]) -> str:
    lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", text)
    for (line, column), (end_line, end_column), new in sorted(changes, reverse=True):
        if line == end_line:
            old = lines[line - 1]
            lines[line - 1] = old[:column] + new.ljust(end_column - column) + old[end_column:]
            continue
        lines[line - 1] = lines[line - 1][:column] + "\\\n"
        for between in range(line, end_line - 1):
            lines[between] = "\\\n"
        lines[end_line - 1] = " " * end_column + lines[end_line - 1][end_column:]
    return "".join(lines)
