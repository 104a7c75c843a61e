"""One source file: its text, its tree, and where things are."""

from __future__ import annotations

import ast
import codecs
import io
import os
import re
import tokenize
import warnings
from functools import cached_property
from typing import TYPE_CHECKING

from modal_lint.bytesearch import says
from modal_lint.model import Span

if TYPE_CHECKING:
    from modal_lint.documents.base import Module
    from modal_lint.environments.containers import Environments
    from modal_lint.exposure import Exposures
    from modal_lint.modal_api import Sink
    from modal_lint.project import Project
    from modal_lint.rejected_values import Refusals
    from modal_lint.rewrite import Source
    from modal_lint.scopes import Scopes
    from modal_lint.suppress import Suppressions
    from modal_lint.uses import Given, Use

_NEWLINE = re.compile(r"\r\n|\n|\r")
_ASCII = bytes(range(128))
_IN_NAMES = re.compile("[A-Za-z0-9_]")


class Unreadable(Exception):  # noqa: N818 - a verdict on the file
    """A source that cannot be decoded or parsed. ``reason`` quotes no source."""

    def __init__(self, reason: str, line: int = 1, column: int = 0, cell: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.line, self.column, self.cell = reason, line, column, cell


def decode(data: bytes) -> str:
    """The text of a Python source, its line endings as they are, a BOM dropped.

    Raises:
        Unreadable: NUL bytes, an unknown encoding cookie, or bytes that are not of the encoding.
    """
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise Unreadable("is UTF-16, which Python does not read: save it as UTF-8")
    if b"\0" in data:
        raise Unreadable("contains NUL bytes: not a text file")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except SyntaxError:
        raise Unreadable("unknown or wrong source encoding: declare it in a coding comment, or save as UTF-8") from None
    except (UnicodeDecodeError, LookupError) as error:
        line = data.count(b"\n", 0, error.start) + 1 if isinstance(error, UnicodeDecodeError) else 1
        raise Unreadable("cannot be decoded: not valid in its encoding", line) from None


def parse(text: str) -> ast.Module:
    """The tree of a text.

    Raises:
        Unreadable: a syntax error, or nesting too deep for the parser.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        tree = _newer_syntax(text)
        if tree is not None:
            return tree
        raise Unreadable(_syntax_reason(error), error.lineno or 1, max((error.offset or 1) - 1, 0)) from None
    except (RecursionError, MemoryError):
        raise Unreadable("nested too deeply to be parsed") from None
    except ValueError:
        raise Unreadable("cannot be parsed") from None


def _newer_syntax(text: str) -> ast.Module | None:
    """The tree of a text in syntax newer than the running Python's, rewritten in place to what it can parse."""
    from modal_lint import newer

    lowered = newer.lower(text)
    if lowered is None:
        return None
    try:
        return ast.parse(lowered)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _syntax_reason(error: SyntaxError) -> str:
    """What is wrong, without the parser's own words: those may quote the source."""
    message = error.msg or ""
    if "too many nested" in message or "too deeply" in message:
        return "nested too deeply to be parsed"
    if "Missing parentheses in call to 'print'" in message or "Missing parentheses in call to 'exec'" in message:
        return "syntax error: this looks like Python 2"
    if isinstance(error, IndentationError):
        return "syntax error: indentation"
    return "syntax error: not Python that this version can parse"


class File:
    """A parsed source.

    Args:
        path: as it is shown to the user.
        data: the bytes as read.
        project: where names imported from other files are found.
        module: the part of a document that this is, say a notebook's cells; ``data`` is its code then.

    Raises:
        Unreadable: see decode and parse.
    """

    def __init__(self, path: str, data: bytes, project: Project, module: Module | None = None) -> None:
        self.path = path
        self.data = data
        self.project = project
        self.module = module
        if module is None:
            self.text = decode(data)
            self.tree = parse(self.text)
        else:
            from modal_lint.documents.grafts import tree_of

            self.text = module.code
            self.tree = tree_of(module)

    def __repr__(self) -> str:
        return f"File({self.path!r})"

    @cached_property
    def real(self) -> str:
        """The path with every link resolved."""
        return os.path.realpath(self.path)

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their endings, split where Python splits them; of a document, as they stand there."""
        return _NEWLINE.split(self.text) if self.module is None else self.module.lines

    @cached_property
    def _coded(self) -> bytes:
        """The text in UTF-8, whatever it was read from: words are found faster among bytes."""
        return self.text.encode("utf-8", "surrogatepass")

    def says(self, *words: str) -> bool:
        """Whether one of some words stands in the text."""
        return says(self._coded, map(str.encode, words))

    def spells(self, *names: str) -> bool:
        """Whether one of some names stands in the text as Python reads it: of other letters it makes those of ASCII."""
        return self.says(*names) or (self._respelled is not None and any(name in self._respelled for name in names))

    @cached_property
    def _respelled(self) -> str | None:
        """The text in the letters that Python makes of it (NFKC); None where it has none that become those of ASCII."""
        if self.text.isascii():
            return None
        import unicodedata

        others = self._coded.translate(None, _ASCII)
        # What is no letter of ASCII may become some, but neither goes away nor changes those beside it into others.
        decomposed = unicodedata.normalize("NFKD", others.decode("utf-8", "surrogatepass"))
        return unicodedata.normalize("NFKC", self.text) if _IN_NAMES.search(decomposed) else None

    @cached_property
    def scopes(self) -> Scopes:
        """Scopes, bindings and parents of the tree."""
        from modal_lint.scopes import Scopes

        return Scopes(self)

    @cached_property
    def names(self) -> dict[str, list[ast.Name]]:
        """Every place where a name stands, read or bound."""
        found: dict[str, list[ast.Name]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name):
                found.setdefault(node.id, []).append(node)
        return found

    @cached_property
    def rewriting(self) -> Source:
        """The text as the rewriter wants it."""
        from modal_lint.rewrite import Source

        return Source(self.text)

    @cached_property
    def app_name(self) -> str | None:
        """The name of the App that the file makes or looks up."""
        from modal_lint import moving

        return moving.app_name(self)

    @cached_property
    def known_secrets(self) -> dict[str, frozenset[str]]:
        """The Secrets that the file references or the configuration knows, each with its known keys."""
        from modal_lint import moving

        return moving.known_secrets(self)

    @cached_property
    def telling(self) -> dict[int, list[ast.AST]]:
        """The literals that hold a credential or part of one, by each line that they stand on."""
        from modal_lint import excerpt

        return excerpt.telling_literals(self)

    @cached_property
    def texts(self) -> list[ast.AST]:
        """The string, bytes and f-string literals."""
        return [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.JoinedStr)
            or (isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)))
        ]

    @cached_property
    def uses(self) -> list[Use]:
        """The calls of Modal's API, in source order."""
        from modal_lint.uses import Uses

        return Uses(self).all()

    @cached_property
    def given_uses(self) -> list[Use]:
        """The uses without those that differ from another in their owner alone: for who asks what a call is given."""
        found: dict[int, Use] = {}
        for use in self.uses:
            found.setdefault(id(use.bound), use)
        return list(found.values())

    def given(self, *sinks: Sink) -> list[tuple[Use, Given]]:
        """What `given_uses` hand over to parameters of these kinds, in the order of the source."""
        by_sink = self._by_sink
        groups = [by_sink[sink] for sink in sinks if sink in by_sink]
        if not groups:
            return []
        ordered = groups[0] if len(groups) == 1 else sorted(one for group in groups for one in group)
        return [(use, given) for _, use, given in ordered]

    @cached_property
    def _by_sink(self) -> dict[Sink, list[tuple[int, Use, Given]]]:
        from modal_lint.uses import by_sink

        return by_sink(self.given_uses)

    @cached_property
    def exposures(self) -> Exposures:
        """The credentials that reach a sink."""
        from modal_lint.exposure import Exposures

        return Exposures(self)

    @cached_property
    def refusals(self) -> Refusals:
        """The entries of mappings that a call refuses."""
        from modal_lint.rejected_values import Refusals

        return Refusals(self)

    @cached_property
    def environments(self) -> Environments:
        """What the code in the containers of the file gets and needs."""
        from modal_lint.environments.containers import Environments

        return Environments(self)

    @cached_property
    def suppressions(self) -> Suppressions:
        """The suppression comments."""
        from modal_lint import suppress

        commands = self.module.commands if self.module is not None else ()
        return suppress.parse(self.text, (command.line for command in commands))

    def span(self, node: ast.AST) -> Span:
        """Where the node stands, columns in code points."""
        line, column, end_line, end_column = _position(node)
        return Span(line, self._column(line, column), end_line, self._column(end_line, end_column))

    def _column(self, line: int, column: int) -> int:
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        if text.isascii():
            return column
        return len(text.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "ignore"))

    def placed(self, node: ast.AST) -> tuple[Span, int | None]:
        """Where the node stands for a reader: in a notebook inside of a cell, which comes second."""
        span = self.span(node)
        if self.module is None:
            return span, None
        from modal_lint.documents.base import inside

        cell, span = inside(self.module.rows, span)
        return span, cell

    def named(self, line: int) -> str:
        """How to call a line of the file: ``a.py:3``, ``a.ipynb:cell 2:3``."""
        row = None if self.module is None else self.module.rows[line - 1]
        if row is None:
            return f"{self.path}:{line}"
        return f"{self.path}:{row.line}" if row.cell is None else f"{self.path}:cell {row.cell}:{row.line}"

    def segment(self, node: ast.AST) -> str:
        """The source of the node."""
        span = self.span(node)
        lines = self.lines[span.line - 1 : span.end_line]
        if len(lines) == 1:
            return lines[0][span.column : span.end_column]
        return "\n".join([lines[0][span.column :], *lines[1:-1], lines[-1][: span.end_column]])

    def statement_of(self, node: ast.AST) -> ast.AST:
        """The innermost statement around the node."""
        while not isinstance(node, ast.stmt) and (parent := self.scopes.parents.get(node)) is not None:
            node = parent
        return node

    def statement_span(self, node: ast.AST) -> Span:
        """The lines of the statement around the node: the header of a compound one, decorators included."""
        statement = self.statement_of(node)
        span = self.span(statement)
        body = getattr(statement, "body", None)
        decorators = getattr(statement, "decorator_list", [])
        line = min([span.line, *(d.lineno for d in decorators)])
        if isinstance(body, list) and body:
            end = max(body[0].lineno - 1, span.line)
            return Span(line, 0, end, len(self.lines[end - 1]))
        return Span(line, span.column, span.end_line, span.end_column)


def _position(node: ast.AST) -> tuple[int, int, int, int]:
    """Line, byte column, end line and end byte column of any node."""
    line = getattr(node, "lineno", None)
    if line is None:
        children = [child for child in ast.walk(node) if getattr(child, "lineno", None) is not None]
        if not children:
            return 1, 0, 1, 0
        first, last = children[0], children[-1]
        return first.lineno, first.col_offset, last.end_lineno, last.end_col_offset  # type: ignore[attr-defined]
    return line, node.col_offset, node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]
