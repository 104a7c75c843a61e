"""The rules on a document: each of its modules is a file of its own, and findings are told where they stand in it."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from modal_lint import switches
from modal_lint.documents.base import PROMPTS, Document, Row, inside, through
from modal_lint.edits import EditError
from modal_lint.model import Edit, Fix, Outcome, Span, Step
from modal_lint.source import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from modal_lint.documents.base import Broken, Module
    from modal_lint.model import Failure, Finding
    from modal_lint.project import Project
    from modal_lint.source import File

NOTEBOOKS = (".ipynb",)


def read(path: str, data: bytes) -> Document:
    """The document of that name.

    Raises:
        Unreadable: it is not what its name says.
    """
    if path.endswith(NOTEBOOKS):
        from modal_lint.documents import notebook

        return notebook.read(data)
    from modal_lint.documents import markdown

    return markdown.read(data)


def outcome(
    path: str,
    data: bytes,
    project: Project,
    judge: Callable[[File], Outcome],
    failed: Callable[[Unreadable], Failure | None],
    visit: Callable[[File], Any] | None = None,
) -> Outcome:
    """What the rules find in a document.

    Args:
        path: as findings show it.
        data: the content.
        project: whose modules it may import.
        judge: what the rules find in one of its modules.
        failed: what is told of a part that cannot be parsed.
        visit: what else to ask of each module.

    Raises:
        Unreadable: it is not what its name says.
    """
    document = read(path, data)
    files = [project.open_module(path, module) for module in document.modules]
    if not _concerns(path, document, project) and not switches.is_off("prefilter"):
        return Outcome()
    found = [_located(judge(file), module) for file, module in zip(files, document.modules, strict=True)]
    return Outcome(
        findings=tuple(finding for one in found for finding in one.findings),
        suppressed=tuple(finding for one in found for finding in one.suppressed),
        below=tuple(finding for one in found for finding in one.below),
        failure=failed(_unreadable(document.broken)) if document.broken else None,
        facts=None if visit is None else _together([visit(file) for file in files]),
    )


def _together(facts: Sequence[Any]) -> Any:
    """The facts of several modules, tuples of lists each, as those of one; None where there are none."""
    told = [one for one in facts if one is not None]
    return told[0]._make(tuple(chain(*parts)) for parts in zip(*told, strict=True)) if told else None


def _concerns(path: str, document: Document, project: Project) -> bool:
    """Whether the code of a document, what cannot be parsed in it included, may use Modal or names our rules."""
    shown = "\n".join(line for module in document.modules for line in module.lines)
    data = b"\n".join((shown.encode("utf-8", "surrogatepass"), *(module.data for module in document.modules)))
    return b"modal-lint" in data or project.concerns(path, data)


def _located(outcome: Outcome, module: Module) -> Outcome:
    findings, suppressed, below = (
        tuple(_placed(finding, module) for finding in group)
        for group in (outcome.findings, outcome.suppressed, outcome.below)
    )
    return Outcome(findings, suppressed, below=below)


def _unreadable(broken: Sequence[Broken]) -> Unreadable:
    """What is told of the parts that cannot be parsed: the first, and how many there are."""
    first, row = broken[0], broken[0].row
    more = f", and {len(broken) - 1} more" if len(broken) > 1 else ""
    return Unreadable(first.reason + more, row.line, first.column + len(row.prefix), row.cell)


def _placed(finding: Finding, module: Module) -> Finding:
    """A finding whose lines count in the document."""
    if finding.cell is not None:  # it knows its place; 0 stands for none
        return finding._replace(cell=finding.cell or None)
    rows = module.rows
    cell, span = inside(rows, finding.span)
    return finding._replace(
        cell=cell,
        span=span,
        excerpt=tuple(line._replace(number=_line(rows, line.number)) for line in finding.excerpt),
        flow=tuple(_step(step, finding.path, rows) for step in finding.flow),
        fix=None if finding.fix is None else _fix(finding.fix, module),
        origin=_origin(finding, rows),
        statement=None if finding.statement is None else inside(rows, finding.statement)[1],
        sink=None if finding.sink is None else inside(rows, finding.sink)[1],
    )


def _line(rows: Sequence[Row], line: int) -> int:
    return inside(rows, Span(line, 0, line, 0))[1].line


def _step(step: Step, path: str, rows: Sequence[Row]) -> Step:
    if step.path != path:
        return step
    cell, span = inside(rows, step.span)
    return step._replace(span=span, cell=cell)


def _origin(finding: Finding, rows: Sequence[Row]) -> tuple[str, Span] | None:
    if finding.origin is None or finding.origin[0] != finding.path:
        return finding.origin
    return finding.path, through(rows, finding.origin[1])


def _fix(fix: Fix, module: Module) -> Fix:
    """The fix with its edits where they belong; as advice, if the document cannot take them."""
    if any(_is_session(edit, module.rows) for edit in fix.edits):
        return fix._replace(edits=(), moves=())
    return fix._replace(edits=tuple(_edit(edit, module.rows) for edit in fix.edits))


def _is_session(edit: Edit, rows: Sequence[Row]) -> bool:
    """Whether an edit changes lines behind prompts: there every line is one of a session, and no other fits in."""
    if "\n" not in edit.text and edit.span.line == edit.span.end_line:
        return False
    return any(row.prefix.endswith(PROMPTS) for row in rows[edit.span.line - 1 : edit.span.end_line])


def _edit(edit: Edit, rows: Sequence[Row]) -> Edit:
    """An edit inside one block; what would reach over the block's end stops there."""
    span, text = edit.span, edit.text
    first = rows[min(span.line, len(rows)) - 1]
    if span.column == 0 and span.line == span.end_line and span.end_column == 0 and _belongs_above(rows, span.line):
        # New lines between two blocks that belong to the one above.
        above = rows[span.line - 2]
        return _grown(above, len(above.shown), above, len(above.shown), "\n" + text.removesuffix("\n"))
    last = rows[span.end_line - 1] if span.end_line <= len(rows) else None
    if last is None or last.block != first.block:
        block = [row for row in rows if row.block == first.block]
        before = block[block.index(first) - 1] if first is not block[0] else None
        text = text.removesuffix("\n")
        if not text and span.column == 0 and before is not None:
            return _grown(before, len(before.shown), block[-1], len(block[-1].shown), "")
        return _grown(first, span.column, block[-1], len(block[-1].shown), text)
    return _grown(first, span.column, last, span.end_column, text)


def _belongs_above(rows: Sequence[Row], line: int) -> bool:
    """Whether what is put at the beginning of a line belongs to the end of the block before it."""
    if not 2 <= line <= len(rows) + 1:
        return False
    above = rows[line - 2]
    if line == len(rows) + 1:
        return True
    here = rows[line - 1]
    return here.block != above.block and (
        above.shown.lstrip().startswith(("import ", "from ")) or here.shown.lstrip().startswith("%%")
    )


def _grown(first: Row, column: int, last: Row, end_column: int, text: str) -> Edit:
    """An edit from one row to another; new lines begin as theirs do."""
    span = Span(first.line, column + len(first.prefix), last.line, end_column + len(last.prefix))
    head, *tail = text.replace("\r\n", "\n").split("\n")
    # An empty line takes no blanks along, but what follows the last one stands on a line with its prefix.
    grown = [
        first.prefix + line if line or at == len(tail) else first.prefix.rstrip() for at, line in enumerate(tail, 1)
    ]
    text = "\n".join([head, *grown])
    return Edit(span, text, first.cell)


def edited(path: str, data: bytes, edits: Sequence[Edit]) -> bytes:
    """A document with edits made.

    Raises:
        EditError: they do not fit, or more of it than before could not be parsed.
        Unreadable: it is not what its name says.
    """
    document = read(path, data)
    new = document.writer(edits)
    after = read(path, new)
    if len(after.broken) > len(document.broken) or after.parts < document.parts:
        raise EditError("the result would not be valid Python")
    return new
