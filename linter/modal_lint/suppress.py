"""Comments that silence findings: ours, `# noqa: MS…`, and the markers of other scanners."""

from __future__ import annotations

import re
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.bytesearch import says
from modal_lint.lazy import lazy
from modal_lint.model import Edit, Finding, Fix, Rule, Severity, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from modal_lint.source import File

UNUSED = "MS002"
UNUSED_NAME = "unused-suppression"

# A cheap look at the whole text before the tokenizer is asked where the comments are. Each part of a line is looked at
# from the last # before it alone: else a line of nothing but # would take as many looks as it is long, squared.
_HINT = lazy(
    r"#[^\n\r#]*?(?:modal-lint:|noqa|allowlist secret|allowlist nextline|gitleaks:allow|nosec|trufflehog:ignore)", re.I
)
_OURS = lazy(r"#\s*modal-lint:\s*(?P<kind>ignore(?:-next-line|-file)?)(?:\s*\[(?P<codes>[^\]#]*)\])?", re.I)
_NOQA = lazy(r"#\s*noqa\s*:\s*(?P<codes>[A-Z]+[0-9]+(?:(?:\s*,\s*|\s+)[A-Z]+[0-9]+)*)", re.I)
_FOREIGN = lazy(r"pragma:\s*(?:allow|white)list[ -]secret|gitleaks:allow|#\s*nosec\b|trufflehog:ignore", re.I)
_FOREIGN_NEXT = lazy(r"pragma:\s*(?:allow|white)list nextline secret", re.I)
_CODE = lazy(r"[^\s,]+")
_NEXT_COMMENT = lazy(r"\s+#\s")

_IN_NOQA = (b"oq", b"OQ", b"oQ", b"Oq")  # what is rare in it, in whatever letters
# In a text of small letters; the long s is one of `S`, too.
_FROM_NOQA = lazy(r"noqa[^\n]*")
_OUR_CODE = lazy("\\bm[s\u017f]\\d")


class Code(NamedTuple):
    """One code, prefix or name in a suppression, and where it stands."""

    text: str
    span: Span

    def names(self, code: str, name: str) -> bool:
        """Whether this is the rule ``code`` with ``name``, or its prefix."""
        return self.text == name or (bool(self.text) and code.startswith(self.text.upper()))


class Suppression(NamedTuple):
    """One comment of ours: what it silences, and on which lines (the whole file if None)."""

    kind: str  # "ignore", "ignore-next-line", "ignore-file" or "noqa"
    codes: tuple[Code, ...]
    span: Span
    line: int | None
    whole_line: bool  # nothing but the comment stands on its line


class Suppressions(NamedTuple):
    """All suppressions of one file; ``foreign`` holds the lines silenced by markers of other tools."""

    ours: tuple[Suppression, ...] = ()
    foreign: frozenset[int] = frozenset()

    def silences(self, finding: Finding) -> bool:
        """Whether a comment of ours silences ``finding``, which is one of this file."""
        return any(_silences(comment, code, finding) for comment in self.ours for code in comment.codes)

    def silences_foreign(self, finding: Finding, lines: Iterable[int]) -> bool:
        """Whether another tool's marker on one of ``lines`` silences ``finding``: literal credentials only."""
        return bool(self.foreign) and finding.code.startswith("MS1") and not self.foreign.isdisjoint(lines)


NONE = Suppressions()


def parse(text: str, commands: Iterable[int] = ()) -> Suppressions:
    """The suppressions written in ``text``; the tokenizer runs only if there may be one.

    Args:
        text: of a source.
        commands: the lines of it that are comments to Python and commands to a notebook.
    """
    if not _HINT.search(text):
        return NONE
    ours: list[Suppression] = []
    foreign: set[int] = set()
    comments = _Comments(text, commands)
    for comment in comments.all:
        if _FOREIGN.search(comment.text):
            foreign.add(comment.line)
        if _FOREIGN_NEXT.search(comment.text):
            foreign.add(comments.next_code_line(comment.line))
        ours += _ours(comment, comments)
    return Suppressions(tuple(ours), frozenset(foreign))


def speaks_to_us(text: str) -> bool:
    """Whether a comment may name one of our rules: else, without findings, none has to be read."""
    coded = text.encode("utf-8", "surrogatepass")  # words are found faster among bytes
    if says(coded, (b"modal-lint",)):
        return True
    return says(coded, _IN_NOQA) and any(map(_OUR_CODE.search, _FROM_NOQA.findall(text.lower())))


def lines_of(finding: Finding) -> Iterator[int]:
    """The lines of the statement that ``finding`` flags, and of the one with the sink; some come twice."""
    return chain.from_iterable(range(span.line, span.end_line + 1) for span in _spans(finding))


def _spans(finding: Finding) -> list[Span]:
    return [span for span in (finding.span, finding.statement, finding.sink) if span]


def unused(file: File, findings: Sequence[Finding], rules: Sequence[Rule]) -> Iterator[Finding]:
    """A finding for each code in a comment of ours that silences none of ``findings``.

    Args:
        file: the file whose comments are looked at.
        findings: everything the rules found in it, before suppression.
        rules: the rules that ran; a code of a rule that did not run is left alone.
    """
    for comment in file.suppressions.ours:
        if not comment.codes:
            yield _finding(file.path, comment, "it names no rule: write the codes in brackets, `ignore[MS101]`", None)
            continue
        idle = [code for code in comment.codes if _is_idle(code, comment, findings, rules)]
        if idle:
            yield _finding(file.path, comment, _why(idle, comment), _removal(file.text, comment, idle))


class _Comment(NamedTuple):
    text: str
    line: int
    column: int
    whole_line: bool


class _Comments:
    def __init__(self, text: str, commands: Iterable[int]) -> None:
        self._text = text
        self._code_lines = set(commands)

    @cached_property
    def all(self) -> list[_Comment]:
        import io
        import tokenize

        found: list[_Comment] = []
        silent = (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
        try:
            for token in tokenize.generate_tokens(io.StringIO(self._text, newline=None).readline):
                line, column = token.start
                if token.type == tokenize.COMMENT:
                    found.append(_Comment(token.string, line, column, not token.line[:column].strip()))
                elif token.type not in silent:
                    self._code_lines.add(line)
        except (tokenize.TokenError, SyntaxError):
            pass  # the parser has its own word on such a file; comments up to here count
        return found

    def next_code_line(self, line: int) -> int:
        """The first line after ``line`` that holds more than a comment."""
        return min((one for one in self._code_lines if one > line), default=line + 1)


def _ours(comment: _Comment, comments: _Comments) -> Iterator[Suppression]:
    for found in _OURS.finditer(comment.text):
        kind = found["kind"].lower()
        line = {"ignore": comment.line, "ignore-file": None}.get(kind, comments.next_code_line(comment.line))
        yield _suppression(comment, kind, found, line, _end(comment.text, found.end()))
    for found in _NOQA.finditer(comment.text):
        # Codes of other linters in the same list are not ours to judge.
        made = _suppression(comment, "noqa", found, comment.line, found.end())
        codes = tuple(code for code in made.codes if code.text.upper().startswith("MS"))
        if codes:
            yield Suppression(made.kind, codes, made.span, made.line, made.whole_line)


def _suppression(comment: _Comment, kind: str, found: re.Match[str], line: int | None, end: int) -> Suppression:
    codes: tuple[Code, ...] = ()
    if found["codes"] is not None:
        start = comment.column + found.start("codes")
        codes = tuple(
            Code(one[0], Span(comment.line, start + one.start(), comment.line, start + one.end()))
            for one in _CODE.finditer(found["codes"])
        )
    span = Span(comment.line, comment.column + found.start(), comment.line, comment.column + end)
    return Suppression(kind, codes, span, line, comment.whole_line)


def _end(text: str, start: int) -> int:
    """Where the reason after ``start`` ends: at the end of the comment, or where another begins on the same line."""
    following = _NEXT_COMMENT.search(text, start)
    return following.start() if following else len(text.rstrip())


def _silences(comment: Suppression, code: Code, finding: Finding) -> bool:
    if not code.names(finding.code, finding.name):
        return False
    return comment.line is None or any(span.line <= comment.line <= span.end_line for span in _spans(finding))


def _is_idle(code: Code, comment: Suppression, findings: Sequence[Finding], rules: Sequence[Rule]) -> bool:
    from modal_lint.selection import catalogue

    ran = {rule.code for rule in rules}
    named = [rule.code for rule in (*rules, *catalogue()) if code.names(rule.code, rule.name)]
    if not named:
        return comment.kind != "noqa"  # a noqa may mean another linter's rule
    if not ran.issuperset(named):
        return False
    return not any(_silences(comment, code, finding) for finding in findings)


# What may be repeated: a code or a name, also a mistyped one, but not whatever else stands in the brackets.
_SELECTOR = lazy(r"[A-Za-z]{1,4}\d{0,4}|[a-z]{1,16}(?:-[a-z]{1,16}){1,5}")


def _why(idle: Sequence[Code], comment: Suppression) -> str:
    names = ", ".join(f"`{code.text}`" if _SELECTOR.fullmatch(code.text) else "what is no rule" for code in idle)
    if len(idle) == len(comment.codes):
        return f"{names} silences nothing here" if len(idle) == 1 else f"{names} silence nothing here"
    return f"{names} silences nothing here, the rest of the comment does"


def _removal(text: str, comment: Suppression, idle: Sequence[Code]) -> Fix | None:
    if len(idle) < len(comment.codes) or comment.kind == "noqa":
        return _without_codes(text, comment, idle)
    return Fix("Remove the unused suppression", (_without_comment(text, comment),), safe=True)


def _line(text: str, number: int) -> str:
    import io

    return next((line for at, line in enumerate(io.StringIO(text, newline=""), 1) if at == number), "")


def _without_comment(text: str, comment: Suppression) -> Edit:
    line = _line(text, comment.span.line)
    body = line.rstrip("\r\n")
    before, after = body[: comment.span.column], body[comment.span.end_column :]
    if not before.strip() and not after.strip():
        if body != line:
            return Edit(Span(comment.span.line, 0, comment.span.line + 1, 0), "")
        return Edit(Span(comment.span.line, 0, comment.span.line, len(body)), "")
    if not before.strip():  # another comment follows: keep the indentation
        end = len(body) - len(after.lstrip())
        return Edit(Span(comment.span.line, comment.span.column, comment.span.line, end), "")
    start = len(before.rstrip())
    return Edit(Span(comment.span.line, start, comment.span.line, comment.span.end_column), "")


def _without_codes(text: str, comment: Suppression, idle: Sequence[Code]) -> Fix | None:
    line = _line(text, comment.span.line).rstrip("\r\n")
    listed = list(_CODE.finditer(line, *_list_range(comment, line)))
    gone = {code.span.column for code in idle}
    kept = [one[0] for one in listed if one.start() not in gone]
    if not listed:
        return None
    if not kept:
        return Fix("Remove the unused suppression", (_without_comment(text, comment),), safe=True)
    span = Span(comment.span.line, listed[0].start(), comment.span.line, listed[-1].end())
    return Fix("Remove the unused code from the suppression", (Edit(span, ", ".join(kept)),), safe=True)


def _list_range(comment: Suppression, line: str) -> tuple[int, int]:
    """Where the list of codes stands in ``line``, other linters' codes included."""
    pattern = _NOQA if comment.kind == "noqa" else _OURS
    found = pattern.match(line, comment.span.column)
    return found.span("codes") if found else (0, 0)


def _finding(path: str, comment: Suppression, message: str, fix: Fix | None) -> Finding:
    return Finding(
        path=path,
        span=comment.span,
        code=UNUSED,
        name=UNUSED_NAME,
        message=f"unused suppression: {message}",
        severity=Severity.WARNING,
        help="Remove it, so that it cannot hide a finding later.",
        fix=fix,
        statement=comment.span,
    )
