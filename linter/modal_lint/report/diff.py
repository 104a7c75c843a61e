"""Unified diffs of fixes in which no value of a credential stands, neither in removed lines nor around them."""

from __future__ import annotations

import difflib
import io
import tokenize
from typing import TYPE_CHECKING

from modal_lint.discover import DOCUMENTS
from modal_lint.report.base import Look, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from modal_lint.model import Finding, Span

HIDDEN = "••••"
_TELLING = 6  # characters; what is shorter is told from its neighbours by its quotes only
_LITERALS = tuple(
    getattr(tokenize, name)
    for name in ("STRING", "FSTRING_MIDDLE", "TSTRING_MIDDLE", "NUMBER")
    if hasattr(tokenize, name)
)


def unified(path: str, old: bytes, new: bytes, findings: Iterable[Finding], look: Look) -> str:
    """The diff of one file.

    Args:
        path: as findings name it.
        old: the file before.
        new: the file after.
        findings: everything found in the run: what they touch is hidden.
        look: for the colours.
    """
    if path.endswith(DOCUMENTS):
        from modal_lint.documents import changes

        return changes.unified(path, old, new, findings, look)
    seen = list(findings)
    hider = Hider([span for finding in seen for span in _spans_in(path, finding)], seen)
    try:
        before, after = _decoded(old), _decoded(new)
        secret = hider.touched(before)
        lines = [hider.masked(text, secret).split("\n") for text in (before, after)]
    except (SyntaxError, tokenize.TokenError, UnicodeDecodeError, LookupError):
        return unshown(path)
    return painted(path, lines[0], lines[1], look)


def unshown(path: str) -> str:
    """What stands for a diff that may not be shown."""
    return f"{visible(path)}: changes, but cannot be shown with its values masked\n"


def painted(name: str, before: Sequence[str], after: Sequence[str], look: Look) -> str:
    """The diff of masked lines."""
    named = visible(name)
    diff = difflib.unified_diff(before, after, fromfile=named, tofile=named, lineterm="")
    return "".join(_painted(visible(line), look) + "\n" for line in diff)


def _painted(line: str, look: Look) -> str:
    if line.startswith(("---", "+++")):
        return look.paint(line, "bold")
    return {"+": look.paint(line, "green"), "-": look.paint(line, "red"), "@": look.paint(line, "cyan")}.get(
        line[:1], line
    )


def _decoded(data: bytes) -> str:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return io.StringIO(data.decode(encoding), newline=None).read()


class Hider:
    """Hides values in a text.

    Args:
        spans: the places in it that findings point at.
        findings: everything found.
    """

    def __init__(self, spans: Sequence[Span], findings: Iterable[Finding]) -> None:
        self._spans = spans
        self._values: set[str] = set()
        self._public: set[str] = set()
        for finding in findings:
            self._public |= {finding.key} if finding.key else set()
            if finding.secret is not None and len(finding.secret.reveal()) >= _TELLING:
                self._values.add(finding.secret.reveal())
            for move in finding.fix.moves if finding.fix else ():
                self._values.add(move.value.reveal())
                self._public |= {move.key, move.secret}

    def touched(self, text: str) -> set[str]:
        """The literals, as written, on a place that a finding points at; their contents are hidden anywhere."""
        found = {
            token.string
            for token in _literals(text)
            if any(_overlap(span, token) for span in self._spans) and _content(token.string) not in self._public
        }
        self._values |= {content for content in map(_content, found) if len(content) >= _TELLING}
        return found

    def masked(self, text: str, secret: set[str]) -> str:
        """``text`` with the literals in ``secret`` and everything that looks like a credential hidden."""
        lines = text.split("\n")
        for token in reversed(list(_literals(text))):
            if token.string in secret:
                _hide(lines, token)
        return _without_credentials(self.without_values("\n".join(lines)))

    def without_values(self, text: str) -> str:
        """``text`` with the contents of touched literals and the values that fixes move hidden."""
        for value in sorted(self._values, key=len, reverse=True):
            if len(value) > 3:
                text = text.replace(value, HIDDEN)
        return text


def _spans_in(path: str, finding: Finding) -> Iterator[Span]:
    if finding.path == path:
        yield finding.span
        yield from (edit.span for edit in (finding.fix.edits if finding.fix else ()))
    if finding.origin is not None and finding.origin[0] == path:
        yield finding.origin[1]
    yield from (step.span for step in finding.flow if step.path == path)


def _literals(text: str) -> Iterator[tokenize.TokenInfo]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in _LITERALS and token.string:
            yield token


def _without_credentials(text: str) -> str:
    """``text`` with what looks like a credential hidden, in literals and comments: code itself holds none."""
    from modal_lint.credentials import find_in_text

    starts = [0, *(at + 1 for at, character in enumerate(text) if character == "\n")]
    quoted = [
        (starts[token.start[0] - 1] + token.start[1], starts[token.end[0] - 1] + token.end[1])
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type in _LITERALS or token.type == tokenize.COMMENT
    ]
    for match in reversed(find_in_text(text)):
        for low, high in reversed(quoted):
            start, end = max(low, match.start), min(high, match.end)
            if start < end:
                hidden = HIDDEN + "\n" * text.count("\n", start, end)
                text = text[:start] + hidden + text[end:]
    return text


def _overlap(span: Span, token: tokenize.TokenInfo) -> bool:
    return (span.line, span.column) < token.end and token.start < (span.end_line, span.end_column)


def _content(literal: str) -> str:
    return literal.lstrip("rRbBuUfFtT").strip("\"'")


def _hide(lines: list[str], token: tokenize.TokenInfo) -> None:
    """Replace the content of ``token`` in ``lines``; the number of lines stays."""
    (first, start), (last, end) = token.start, token.end
    opening, closing = _quotes(token)
    if first == last:
        line = lines[first - 1]
        lines[first - 1] = f"{line[:start]}{opening}{HIDDEN}{closing}{line[end:]}"
        return
    lines[first - 1] = lines[first - 1][:start] + opening + HIDDEN
    lines[first : last - 1] = [HIDDEN] * (last - first - 1)
    lines[last - 1] = HIDDEN + closing + lines[last - 1][end:]


def _quotes(token: tokenize.TokenInfo) -> tuple[str, str]:
    if token.type != tokenize.STRING:
        return "", ""
    body = token.string.lstrip("rRbBuUfFtT")
    prefix = token.string[: len(token.string) - len(body)]
    quote = body[:3] if body[:3] in ('"""', "'''") else body[:1]
    return prefix + quote, quote
