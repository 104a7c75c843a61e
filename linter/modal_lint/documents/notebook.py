"""Jupyter's notebooks: their code cells as one module, what they display, and edits that leave the rest as it is.

The format is that of nbformat 4 (https://nbformat.readthedocs.io/en/latest/format_description.html) and, with its
worksheets, 3. All code cells of a notebook run in one module, in their order.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from modal_lint.documents import jsontext
from modal_lint.documents.base import NEWLINE, Broken, Command, Document, Module, Row
from modal_lint.documents.magics import Cell, as_python
from modal_lint.documents.outputs import displayed
from modal_lint.edits import EditError, apply_edits
from modal_lint.source import Unreadable, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from modal_lint.model import Edit

_BOM = b"\xef\xbb\xbf"
# The prompts of Python and of IPython (IPython 9, core/inputtransformer2.py).
_PROMPTED = re.compile(r">>>(?: |$)|In \[\d+\]: ")
_PROMPT = re.compile(r"(?:>>>|\.\.\.)(?: |$)|In \[\d+\]: |\s*\.{3,}: ?")
_PYTHON = ("python", "ipython", "sage")


def read(data: bytes) -> Document:
    """A notebook from its bytes.

    Raises:
        Unreadable: it is no JSON, or no notebook.
    """
    text = _decoded(data)
    notebook = _parsed(text)
    cells = _cells(notebook)
    writer = partial(_written, data)
    if not _is_python(notebook):
        return Document((), writer)
    parts = _Parts()
    for number, cell in enumerate(cells, 1):
        if _is_code(cell):
            parts.add(number, _source(cell))
    modules, broken = parts.modules()
    first = replace(modules[0], shown=tuple(displayed(notebook, cells)), is_interactive=True)
    return Document((first, *modules[1:]), writer, broken)


def _decoded(data: bytes) -> str:
    try:
        return data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable("not a notebook: not valid UTF-8", line) from None


def _parsed(text: str) -> dict[str, Any]:
    try:
        notebook = json.loads(text)
    except json.JSONDecodeError as error:
        reason = "not a notebook: its JSON is broken here" if text.strip() else "not a notebook: the file is empty"
        raise Unreadable(reason, error.lineno, error.colno - 1) from None
    except (RecursionError, ValueError):
        raise Unreadable("not a notebook: its JSON cannot be read") from None
    if not isinstance(notebook, dict) or not (isinstance(notebook.get("cells"), list) or "worksheets" in notebook):
        raise Unreadable("not a notebook: its JSON has no list of cells")
    return notebook


def _cells(notebook: Mapping[str, Any]) -> list[Any]:
    """The cells in order; those of version 3 lie on worksheets."""
    if isinstance(notebook.get("cells"), list):
        return list(notebook["cells"])
    sheets = notebook.get("worksheets")
    listed = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)] if isinstance(sheets, list) else []
    return [cell for cells in listed if isinstance(cells, list) for cell in cells]


def _is_python(notebook: Mapping[str, Any]) -> bool:
    """Whether the notebook's kernel runs Python, as far as the notebook says which it is."""
    metadata = notebook.get("metadata")
    for part, key in (("kernelspec", "language"), ("language_info", "name")):
        about = metadata.get(part) if isinstance(metadata, dict) else None
        language = about.get(key) if isinstance(about, dict) else None
        if isinstance(language, str):
            return language.lower().startswith(_PYTHON)
    return True


def _is_code(cell: Any) -> bool:
    if not isinstance(cell, dict) or cell.get("cell_type") != "code":
        return False
    # Editors let a single cell be of another language.
    metadata = cell.get("metadata")
    about = metadata.get("vscode") if isinstance(metadata, dict) else None
    language = about.get("languageId") if isinstance(about, dict) else cell.get("language")
    return not isinstance(language, str) or language.lower() in _PYTHON


def _source(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        return "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def _stripped(lines: Sequence[str]) -> list[tuple[str, str]]:
    """Each line of a cell behind what IPython takes off it: pasted prompts, or the indentation of the first line."""
    first = next((line for line in lines if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip(" \t"))]
    if _PROMPTED.match(first):
        starts = [found.end() if (found := _PROMPT.match(line)) else 0 for line in lines]
    else:
        starts = [len(indent) if line.startswith(indent) else 0 for line in lines]
    return [(line[:start], line[start:]) for line, start in zip(lines, starts, strict=True)]


class _Parts:
    """The code of the cells as it is put together to modules."""

    def __init__(self) -> None:
        self._main = _Lines()
        self._written: dict[str, _Lines] = {}  # the modules that cells write, by name
        self._alone: list[_Lines] = []
        self._number = 0

    def add(self, cell: int, source: str) -> None:
        """The next code cell."""
        lines = _stripped(NEWLINE.split(source))
        rows = [Row(self._number + at, cell, at, cell, prefix, text) for at, (prefix, text) in enumerate(lines, 1)]
        self._number += len(rows)
        code = as_python([text for _, text in lines])
        body = code.body if code.body is not None else len(rows)
        self._main.add(rows[:body], replace(code, lines=code.lines[:body]))
        if code.body is not None:
            self._module(code).add(rows[body:], Cell(code.lines[body:]))

    def _module(self, cell: Cell) -> _Lines:
        lines = _Lines()
        if cell.name is None:
            self._alone.append(lines)
        elif cell.appends:
            return self._written.setdefault(cell.name, lines)
        else:
            self._written[cell.name] = lines
            self._alone.append(lines)
        return lines

    def modules(self) -> tuple[tuple[Module, ...], tuple[Broken, ...]]:
        """The modules, the notebook's own first, and the cells that cannot be parsed."""
        made = [lines.module() for lines in (self._main, *self._alone)]
        return tuple(module for module, _ in made), tuple(one for _, broken in made for one in broken)


class _Lines:
    """The lines of one module."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._lines: list[str] = []
        self._commands: list[Command] = []
        self._starts: list[int] = []

    def add(self, rows: Sequence[Row], cell: Cell) -> None:
        """The lines of a cell."""
        start = len(self._rows)
        self._starts.append(start)
        self._rows += rows
        self._lines += cell.lines
        self._commands += [replace(one, line=one.line + start, end_line=one.end_line + start) for one in cell.commands]

    def module(self) -> tuple[Module, list[Broken]]:
        """The module, and the cells that cannot be parsed: they are left out of it."""
        broken: list[Broken] = []
        try:
            parse("\n".join(self._lines))
        except Unreadable as trouble:
            broken = list(self._broken())
            if not broken:  # each cell is Python, all of them are not
                broken = [Broken(trouble.reason, self._row(trouble.line), trouble.column)]
                self._leave_out(0, len(self._lines))
        return Module("\n".join(self._lines), tuple(self._rows), tuple(self._commands)), broken

    def _broken(self) -> Iterator[Broken]:
        for start, end in zip(self._starts, [*self._starts[1:], len(self._lines)], strict=True):
            try:
                parse("\n".join(self._lines[start:end]))
            except Unreadable as trouble:
                yield Broken(
                    f"{trouble.reason} (the other cells are checked)",
                    self._row(start + min(trouble.line, end - start)),
                    trouble.column,
                )
                self._leave_out(start, end)

    def _leave_out(self, start: int, end: int) -> None:
        """Make blanks of some lines: no comment in them is judged either."""
        self._lines[start:end] = [" " * len(line) for line in self._lines[start:end]]
        self._commands = [one for one in self._commands if not start < one.line <= end]

    def _row(self, line: int) -> Row:
        return self._rows[min(max(line, 1), len(self._rows)) - 1]


def _written(data: bytes, edits: Iterable[Edit]) -> bytes:
    """A notebook's bytes with edits made in the sources of its cells, and nothing else changed.

    Raises:
        EditError: a cell is not there, or an edit does not fit into it.
    """
    by_cell: dict[int, list[Edit]] = {}
    for edit in edits:
        if edit.cell is None:
            raise EditError("an edit names no cell")
        by_cell.setdefault(edit.cell, []).append(edit)
    text = _decoded(data)
    places = list(_sources(text))
    ascii_only = jsontext.writes_ascii(text)
    for number in sorted(by_cell, reverse=True):
        place = places[number - 1] if number <= len(places) else None
        if place is None:
            raise EditError("an edit names a cell that the notebook does not have")
        start, end = place
        raw = text[start:end]
        changed = _edited_list if raw.startswith("[") else _edited_string
        text = text[:start] + changed(raw, by_cell[number], ascii_only) + text[end:]
    return (_BOM if data.startswith(_BOM) else b"") + text.encode()


def _sources(text: str) -> Iterator[tuple[int, int] | None]:
    """Where the source of each cell stands."""
    for cell, _ in _cell_places(text):
        named = jsontext.member(text, cell, "source") if text[cell] == "{" else None
        yield named or (jsontext.member(text, cell, "input") if text[cell] == "{" else None)


def _cell_places(text: str) -> Iterator[tuple[int, int]]:
    top = jsontext.start_of(text)
    cells = jsontext.member(text, top, "cells")
    if cells is not None and text[cells[0]] == "[":
        yield from jsontext.items(text, cells[0])
        return
    sheets = jsontext.member(text, top, "worksheets")
    for sheet, _ in jsontext.items(text, sheets[0]) if sheets is not None else ():
        inner = jsontext.member(text, sheet, "cells") if text[sheet] == "{" else None
        if inner is not None and text[inner[0]] == "[":
            yield from jsontext.items(text, inner[0])


def _edited(source: str, edits: Iterable[Edit]) -> str:
    try:
        return apply_edits(source.encode(), edits, encoding="utf-8").decode()
    except UnicodeEncodeError:
        raise EditError("the cell cannot be encoded") from None


def _edited_string(raw: str, edits: Iterable[Edit], ascii_only: bool) -> str:
    """A source that is one string, edited; the characters around an edit keep their spelling."""
    inner = raw[1:-1]
    for edit in sorted(edits, key=lambda edit: edit.span)[::-1]:
        old = json.loads(f'"{inner}"')
        new = _edited(old, [edit])
        low = _shared(old, new)
        high = _shared(old[low:][::-1], new[low:][::-1])
        offsets = jsontext.raw_offsets(inner)
        middle = jsontext.spelled(new[low : len(new) - high], ascii_only=ascii_only)[1:-1]
        inner = inner[: offsets[low]] + middle + inner[offsets[len(old) - high] :]
    return f'"{inner}"'


def _edited_list(raw: str, edits: Iterable[Edit], ascii_only: bool) -> str:
    """A source that is a list of lines, edited; lines that stay keep their spelling."""
    places = list(jsontext.items(raw, 0))
    spelling = {json.loads(raw[start:end]): raw[start:end] for start, end in places}
    old = "".join(text for start, end in places if isinstance(text := json.loads(raw[start:end]), str))
    new = _edited(old, edits)
    lines = new.split("\n")
    listed = [*(line + "\n" for line in lines[:-1]), *lines[-1:]] if lines[-1] else [line + "\n" for line in lines[:-1]]
    words = [spelling.get(line) or jsontext.spelled(line, ascii_only=ascii_only) for line in listed]
    if not words:
        return "[]"
    lead = raw[1 : places[0][0]] if places else ""
    tail = raw[places[-1][1] : -1] if places else ""
    between = raw[places[0][1] : places[1][0]] if len(places) > 1 else f",{lead}" if lead.strip(" ") else ", "
    return f"[{lead}{between.join(words)}{tail}]"


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with together."""
    limit = min(len(one), len(other))
    return next((at for at in range(limit) if one[at] != other[at]), limit)
