"""`full`: for people. The masked source with a caret, how the value got there, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint.report.base import SEVERITY_COLOUR, Look, diagnostics, fix_mark, place, visible, width

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.model import ExcerptLine, Finding, Report, Severity

_CUT = "…"


def render(report: Report, look: Look) -> str:
    """Every finding as a block of lines, blank lines between them."""
    blocks = ["\n".join(_block(finding, look)) + "\n" for finding in diagnostics(report)]
    return "\n".join(blocks) + ("\n" if blocks else "")


def _block(finding: Finding, look: Look) -> Iterator[str]:
    colour = SEVERITY_COLOUR[finding.severity]
    level = f"[{finding.severity.value}, {finding.confidence.value}]"
    code = f"{look.paint(finding.code, 'bold', colour)} {fix_mark(finding, look)}{look.paint(finding.name, 'bold')}"
    yield f"{look.paint(place(finding), 'bold')} {code} {look.paint(level, colour)}"
    yield f"  {visible(finding.message)}"
    gutter = len(str(max((line.number for line in finding.excerpt), default=0)))
    if finding.excerpt:
        yield from _excerpt(finding.excerpt, gutter, finding.severity, look)
    yield from _flow(finding, look)
    if finding.help:
        yield _note("help", finding.help, look)
    if finding.fix is not None and finding.fix.title:
        yield _note("fix", _fix(finding, look), look)
    if finding.committed is not None:
        yield _note("git", finding.committed.verdict, look)


def _excerpt(lines: tuple[ExcerptLine, ...], gutter: int, severity: Severity, look: Look) -> Iterator[str]:
    bar = look.paint("|", "blue")
    yield f"  {' ' * gutter} {bar}"
    for line in lines:
        text, start, end = _window(line, max(look.width - gutter - 6, 30))
        yield f"  {look.paint(str(line.number).rjust(gutter), 'blue')} {bar} {text}".rstrip()
        if end > start:
            carets = look.paint("^" * (end - start), "bold", SEVERITY_COLOUR[severity])
            yield f"  {' ' * gutter} {bar} {' ' * start}{carets}"
    yield f"  {' ' * gutter} {bar}"


def _window(line: ExcerptLine, room: int) -> tuple[str, int, int]:
    """The part of a line that fits, the underlined part in it, and its columns there."""
    before, marked, after = line.text[: line.start], line.text[line.start : line.end], line.text[line.end :]
    # Cut by characters first: a line may be megabytes long.
    parts = [visible(before[-room * 2 :]), visible(marked[: room * 2]), visible(after[: room * 2])]
    cut = len(before) > room * 2
    if width(parts[1]) > room - 8:
        parts[1] = _clipped(parts[1], room - 9) + _CUT
    spare = room - width(parts[1])
    left = spare - min(width(parts[2]), spare // 2)
    if cut or width(parts[0]) > left:
        parts[0] = _CUT + _clipped(parts[0][::-1], left - 1)[::-1]
    right = spare - width(parts[0])
    if width(parts[2]) > right:
        parts[2] = _clipped(parts[2], right - 1) + _CUT
    start = width(parts[0])
    return "".join(parts), start, start + width(parts[1])


def _clipped(text: str, columns: int) -> str:
    while width(text) > max(columns, 0):
        text = text[: len(text) - max((width(text) - columns) // 2, 1)]
    return text


def _flow(finding: Finding, look: Look) -> Iterator[str]:
    if len(finding.flow) < 2:
        return
    places = [place(step) for step in finding.flow]
    wide = min(max(map(width, places)), 50)
    yield f"  {look.paint('flow:', 'bold', 'cyan')}"
    for number, (where, step) in enumerate(zip(places, finding.flow, strict=True), 1):
        padded = where + " " * (wide - width(where))
        yield f"  {number:>3}. {look.paint(padded, 'dim')}  {visible(step.text)}"


def _fix(finding: Finding, look: Look) -> str:
    fix = finding.fix
    assert fix is not None
    if not fix.edits:
        return f"{fix.title} (by hand)"
    if fix.safe or look.unsafe:
        return f"{fix.title} (`--fix`)"
    return f"{fix.title} (`--fix --unsafe-fixes`)"


def _note(label: str, text: str, look: Look) -> str:
    first, *rest = text.splitlines() or [""]
    lines = [f"  {look.paint(label + ':', 'bold', 'cyan')} {visible(first)}"]
    return "\n".join(lines + [f"  {' ' * len(label)}  {visible(line)}" for line in rest])
