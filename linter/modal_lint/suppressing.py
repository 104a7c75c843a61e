"""Writing suppressions: the comment that silences a finding, where its line can take one, else on a line above it."""

from __future__ import annotations

import ast
import io
import json
import os
import tokenize
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from modal_lint import suppress
from modal_lint.atomic import WriteError, write_atomic
from modal_lint.edits import EditError, apply_edits
from modal_lint.model import Edit, Span
from modal_lint.settings import UserError
from modal_lint.source import Unreadable, decode, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from modal_lint.documents.base import Command
    from modal_lint.model import Finding, Report

_ROUNDS = 20  # silencing a finding lets the next sink of the same credential be told
_BLANKS = " \t\f"
_NOTEBOOK, _MARKDOWN = ".ipynb", (".md", ".markdown")
_OPENING = tuple(getattr(tokenize, name) for name in ("FSTRING_START", "TSTRING_START") if hasattr(tokenize, name))
_CLOSING = tuple(getattr(tokenize, name) for name in ("FSTRING_END", "TSTRING_END") if hasattr(tokenize, name))


@dataclass(slots=True)
class Added:
    """What was written: the report of what is left, and for how many findings in which files."""

    report: Report
    number: int = 0
    files: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)  # why, by path

    def lines(self) -> Iterator[str]:
        """What to tell of it."""
        from modal_lint.report.summary import count

        yield f"Added suppressions for {count(self.number, 'finding')} in {count(len(self.files), 'file')}."
        for path, reason in sorted(self.refused.items()):
            yield f"{path}: not changed: {reason}"
        unused = sum(one.code == suppress.UNUSED for one in self.report.findings)
        if unused:
            number = count(unused, "suppression")
            yield f"{number} {'is' if unused == 1 else 'are'} unused already: `modal-lint fix` removes what is"


def checked_reason(text: str) -> str:
    """The reason to write behind each suppression.

    Raises:
        UserError: it would not be one comment.
    """
    reason = text.strip()
    if "#" in reason or any(ord(one) < 32 or one in "\x7f\x85\u2028\u2029" for one in reason):
        raise UserError("--add-suppressions: the reason must be one line without `#`")
    return reason


def add(report: Report, recheck: Callable[[Sequence[str]], Report], reason: str, roots: dict[str, str]) -> Added:
    """Silence every finding of ``report`` by a comment; files are replaced in one step each.

    An unused suppression (MS002) is left: the comment is to go, not to be silenced.

    Args:
        report: what the check found.
        recheck: called with the paths changed; returns the whole run's report as it is now.
        reason: what to write behind the codes, or nothing.
        roots: the project's folder of each file; one that a link leads out of it is not touched.
    """
    added = Added(report)
    for _ in range(_ROUNDS):
        changed = []
        for path, findings in _by_path(added.report, added.refused).items():
            try:
                _write(path, findings, reason, roots.get(path))
            except (WriteError, EditError, Unreadable, OSError) as error:
                added.refused[path] = _why(error)
            else:
                changed.append(path)
                added.files[path] = added.files.get(path, 0) + len(findings)
        if not changed:
            break
        added.report = recheck(changed)
    added.number = sum(added.files.values())
    return added


def _by_path(report: Report, refused: Iterable[str]) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = defaultdict(list)
    for one in report.findings:
        if one.code != suppress.UNUSED and one.path not in refused:
            found[one.path].append(one)
    return found


def _write(path: str, findings: Sequence[Finding], reason: str, root: str | None) -> None:
    real, top = os.path.realpath(path), os.path.realpath(root or os.path.dirname(path) or ".")
    if root is None or not real.startswith(top.rstrip(os.sep) + os.sep):
        raise WriteError("it is not a file of the project")
    old = Path(path).read_bytes()
    new = suppressed(path, old, findings, reason)
    if new == old:
        raise EditError("no comment can stand there")
    write_atomic(Path(path), new, expected=old)


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return (error.strerror or type(error).__name__).lower()
    return error.reason if isinstance(error, Unreadable) else str(error)


def suppressed(path: str, data: bytes, findings: Sequence[Finding], reason: str) -> bytes:
    """A file's content with comments that silence ``findings``, which are all of it.

    Raises:
        EditError: there is no place for one, the encoding cannot take the reason, or the code would not stay the same.
        Unreadable: the file is not what its name says.
    """
    if path.endswith(_MARKDOWN):
        raise EditError("put the comment into the Markdown by hand")
    if path.endswith(_NOTEBOOK):
        return _in_notebook(path, data, findings, reason)
    text = decode(data)
    new = apply_edits(data, Comments(text, reason).edits(findings))
    if ast.dump(parse(decode(new))) != ast.dump(parse(text)):
        raise EditError("a comment would change the code")
    return new


def _in_notebook(path: str, data: bytes, findings: Sequence[Finding], reason: str) -> bytes:
    from modal_lint.documents.checking import edited
    from modal_lint.documents.magics import python_of

    cells = json.loads(data)["cells"]
    edits: list[Edit] = []
    by_cell: dict[int, list[Finding]] = defaultdict(list)
    for one in findings:
        by_cell[one.cell or 0].append(one)
    for number, mine in by_cell.items():
        if not 1 <= number <= len(cells):
            raise EditError("put the comment into the notebook by hand")
        source = cells[number - 1]["source"]
        text, commands = python_of(source if isinstance(source, str) else "".join(source))
        made = Comments(text, reason, commands).edits(mine)
        edits += (edit._replace(cell=number) for edit in made)
    return edited(path, data, edits)


class Comments:
    """The lines of a source, which of them can take a comment, and the comments to write."""

    def __init__(self, text: str, reason: str, commands: Iterable[Command] = ()) -> None:
        self._lines = io.StringIO(text, newline=None).read().split("\n")
        self._ours = [one for one in suppress.parse(text).ours if one.codes and one.kind.startswith("ignore")]
        self._reason = f" {reason}" if reason else ""
        # Of a notebook: to Python they are comments, and what stands behind one may be a part of it.
        self._commands = frozenset(command.line for command in commands)
        self._held = _held(text, self._lines).union(*(range(one.line, one.end_line) for one in commands))

    def edits(self, findings: Iterable[Finding]) -> list[Edit]:
        """The edits that silence ``findings``, as far as there is a place for a comment."""
        merged: dict[suppress.Suppression, set[str]] = defaultdict(set)
        behind: dict[int, set[str]] = defaultdict(set)
        above: dict[int, set[str]] = defaultdict(set)
        for one in findings:
            lines = _preferred(one)
            if (known := self._present(lines)) is not None:
                merged[known].add(one.code)
            elif (line := self._taking(lines)) is not None:
                behind[line].add(one.code)
            elif (line := self._below(lines)) is not None:
                above[line].add(one.code)
        return [
            *(edit for known, codes in merged.items() for edit in self._merged(known, codes)),
            *(self._behind(line, codes) for line, codes in behind.items()),
            *(self._above(line, codes) for line, codes in above.items()),
        ]

    def _present(self, lines: Sequence[int]) -> suppress.Suppression | None:
        """The comment of ours that speaks of one of ``lines`` already: the nearest."""
        spoken = [one for one in self._ours if one.line in lines]
        return min(spoken, key=lambda one: lines.index(one.line or 0), default=None)

    def _taking(self, lines: Sequence[int]) -> int | None:
        """The first of ``lines`` behind which a comment can stand."""
        closed = self._held | self._commands
        return next((line for line in lines if self._says_something(line) and line not in closed), None)

    def _below(self, lines: Sequence[int]) -> int | None:
        """The first of ``lines`` above which a line of comment can stand that speaks of it."""
        found = (line for line in lines if self._says_something(line) and line - 1 not in self._held)
        return min(found, default=None)

    def _says_something(self, line: int) -> bool:
        text = self._lines[line - 1].strip(_BLANKS) if line <= len(self._lines) else ""
        return bool(text) and (not text.startswith("#") or line in self._commands)

    def _merged(self, known: suppress.Suppression, codes: set[str]) -> Iterator[Edit]:
        listed = [code.text for code in known.codes]
        new = [code for code in sorted(codes) if code not in listed]
        if new:
            wanted = sorted(listed + new) if listed == sorted(listed) else listed + new
            line, start, end = known.span.line, known.codes[0].span.column, known.codes[-1].span.end_column
            yield Edit(Span(line, start, line, end), ", ".join(wanted))

    def _behind(self, line: int, codes: set[str]) -> Edit:
        text = self._lines[line - 1]
        end = len(text.rstrip(_BLANKS))
        comment = f"  # modal-lint: ignore[{', '.join(sorted(codes))}]{self._reason}"
        return Edit(Span(line, end, line, len(text)), comment)

    def _above(self, line: int, codes: set[str]) -> Edit:
        text = self._lines[line - 1]
        indent = text[: len(text) - len(text.lstrip(_BLANKS))]
        comment = f"{indent}# modal-lint: ignore-next-line[{', '.join(sorted(codes))}]{self._reason}\n"
        return Edit(Span(line, 0, line, 0), comment)


def _preferred(finding: Finding) -> list[int]:
    """The lines on which a comment counts, the best first: of what is flagged, its statement, the sink's statement."""
    lines = [finding.span.line, finding.span.end_line]
    for span in (finding.span, finding.statement, finding.sink):
        if span is not None:
            lines += [span.line, span.end_line, *range(span.line, span.end_line + 1)]
    return list(dict.fromkeys(lines))


def _held(text: str, lines: Sequence[str]) -> frozenset[int]:
    """The lines whose end is inside of something: a string of several lines, or a statement that goes on after ``\\``.

    Raises:
        EditError: the tokens of the text cannot be told.
    """
    held: set[int] = set()
    commented: set[int] = set()
    opened: list[int] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text, newline=None).readline):
            first, last = token.start[0], token.end[0]
            if token.type == tokenize.COMMENT:
                commented.add(first)
            elif token.type == tokenize.STRING:
                held.update(range(first, last))
            elif token.type in _OPENING:
                opened.append(first)
            elif token.type in _CLOSING:
                held.update(range(opened.pop(), last))
    except (tokenize.TokenError, SyntaxError):
        raise EditError("where comments can stand in it cannot be told") from None
    held.update(at for at, line in enumerate(lines, 1) if line.endswith("\\") and at not in commented)
    return frozenset(held)
