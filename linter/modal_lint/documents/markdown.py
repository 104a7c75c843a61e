"""Markdown: the Python in its fenced blocks, in one module, at its own lines and columns.

The blocks are found by markdown-it-py, which follows CommonMark (https://spec.commonmark.org/0.31.2/). Documentation
shows fragments: a block that cannot be parsed is passed over.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.documents.base import NEWLINE, Command, Document, Module, Row, is_python
from modal_lint.documents.magics import as_python
from modal_lint.edits import apply_edits
from modal_lint.source import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from modal_lint.model import Edit

_PYTHON = frozenset(("python", "python3", "py", "py3", "ipython", "ipython3", "jupyter-python"))
_CONSOLES = frozenset(("pycon", "python-console", "python-repl", "python-traceback", "doctest"))
_DIRECTIVES = frozenset(("code-cell", "code-block", "code", "sourcecode"))  # of MyST: their argument is the language
_WORD = re.compile(r"[\w-]+")
_PROMPT = re.compile(r"(?:>>>|\.\.\.)(?: |$)")
_OPTION = re.compile(r":[\w-]+:")


class _Block(NamedTuple):
    rows: tuple[Row, ...]
    code: list[str]
    commands: list[Command]


def read(data: bytes) -> Document:
    """Markdown from its bytes.

    Raises:
        Unreadable: it is not valid UTF-8.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("not valid UTF-8", data.count(b"\n", 0, error.start) + 1) from None

    def written(edits: Iterable[Edit]) -> bytes:
        return apply_edits(data, edits, encoding="utf-8")

    blocks = [block for block in _blocks(text) if is_python("\n".join(block.code))]
    return Document((_module(blocks),), written, parts=len(blocks))


def _blocks(text: str) -> Iterator[_Block]:
    """The blocks of Python in a text."""
    from markdown_it import MarkdownIt

    lines = NEWLINE.split(text)
    for number, token in enumerate(MarkdownIt("commonmark").parse(text)):
        if token.type == "fence" and token.map is not None and (kind := _kind(token.info)) is not None:
            rows = _rows(token.content, lines, token.map[0] + 2, number)
            if rows:
                yield _block(rows, kind in _CONSOLES or rows[0].shown.startswith(">>> "))


def _kind(info: str) -> str | None:
    """The Python that the words behind a fence name: ``python``, ``{.python}``, ``{code-cell} ipython3``."""
    words = _WORD.findall(info.lower())
    if words and words[0] in _DIRECTIVES and info.lstrip().startswith("{"):
        words = words[1:] or ["python"]
    return words[0] if words and words[0] in _PYTHON | _CONSOLES else None


def _rows(content: str, lines: Sequence[str], first: int, block: int) -> tuple[Row, ...]:
    """The lines of a block where they stand; none if they do not stand in the file as they are, say for tabs."""
    code = content.split("\n")[:-1]
    wide = min((len(_space(line)) for line in code if line.strip()), default=0)
    rows = []
    for number, line in enumerate(code, first):
        whole = lines[number - 1]
        shown = line[wide:] if line.strip() else ""
        if not whole.endswith(shown):
            return ()
        rows.append(Row(number, None, number, block, whole[: len(whole) - len(shown)], shown))
    return tuple(rows)


def _space(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _block(rows: Sequence[Row], is_console: bool) -> _Block:
    """A block as Python: of a console what follows the prompts, else what follows the options of a directive."""
    if is_console:
        found = [(row, _PROMPT.match(row.shown)) for row in rows]
        rows = [_behind(row, prompt.end()) for row, prompt in found if prompt is not None]
    else:
        start = next((at for at, row in enumerate(rows) if not _OPTION.match(row.shown)), len(rows))
        rows = rows[start:]
    cell = as_python([row.shown for row in rows])
    return _Block(tuple(rows), cell.lines, cell.commands)


def _behind(row: Row, column: int) -> Row:
    return replace(row, prefix=row.prefix + row.shown[:column], shown=row.shown[column:])


def _module(blocks: Sequence[_Block]) -> Module:
    """The blocks as one module, in their order."""
    rows: list[Row] = []
    lines: list[str] = []
    commands: list[Command] = []
    for block in blocks:
        start = len(rows)
        commands += [replace(one, line=one.line + start, end_line=one.end_line + start) for one in block.commands]
        rows += block.rows
        lines += block.code
    return Module("\n".join(lines), tuple(rows), tuple(commands))
