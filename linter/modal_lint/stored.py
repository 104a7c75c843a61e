"""Outcomes as JSON, for the cache: those of which every text may be shown, and that hold no value.

The cache may lie where a checked tree could bring it along, so nothing of it is trusted: it is read as data, and what
does not fit is as good as not there.
"""

from __future__ import annotations

from typing import Any

from modal_lint.model import Confidence, Edit, ExcerptLine, Finding, Fix, Outcome, Severity, Span, Step

_LEFT_OUT = frozenset(("secret", "committed"))
_NAMES = tuple(name for name in Finding._fields if name not in _LEFT_OUT)


def written(outcome: Outcome) -> list[Any] | None:
    """``outcome`` as data for JSON; None where it must not, or cannot, be kept."""
    findings = (*outcome.findings, *outcome.suppressed)
    if outcome.failure is not None or outcome.facts is not None or outcome.below or not all(map(_is_plain, findings)):
        return None
    return [[_written(one) for one in group] for group in (outcome.findings, outcome.suppressed)]


def outcome_of(data: Any) -> Outcome:
    """The outcome that was ``written``.

    Raises:
        ValueError: this was not.
    """
    try:
        findings, suppressed = data
        return Outcome(tuple(map(_finding, findings)), tuple(map(_finding, suppressed)))
    except (TypeError, KeyError, ValueError, AttributeError):
        raise ValueError("no outcome") from None


def _is_plain(finding: Finding) -> bool:
    moves = finding.fix is not None and bool(finding.fix.moves)
    return finding.secret is None and finding.committed is None and not moves


def _written(finding: Finding) -> dict[str, Any]:
    data = {name: value for name in _NAMES if (value := getattr(finding, name)) not in (None, ())}
    if finding.fix is not None:
        fix = finding.fix
        data["fix"] = [fix.title, fix.edits, fix.safe, fix.notes]
    return data


def _finding(data: Any) -> Finding:
    known: dict[str, Any] = {name: _READERS.get(name, _text)(value) for name, value in data.items()}
    return Finding(**known)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int):
        raise ValueError("no number")
    return value


def _span(value: Any) -> Span:
    return Span(*map(_number, value))


def _fix(value: Any) -> Fix:
    title, edits, safe, notes = value
    made = tuple(Edit(_span(span), _text(text), _cell(cell)) for span, text, cell in edits)
    return Fix(_text(title), made, bool(safe), notes=tuple(map(_text, notes)))


def _cell(value: Any) -> int | None:
    return value if value is None else _number(value)


def _step(value: Any) -> Step:
    path, span, text, cell = value
    return Step(_text(path), _span(span), _text(text), _cell(cell))


def _line(value: Any) -> ExcerptLine:
    number, text, start, end = value
    return ExcerptLine(_number(number), _text(text), _number(start), _number(end))


_READERS: dict[str, Any] = {
    "span": _span,
    "severity": Severity,
    "confidence": Confidence,
    "excerpt": lambda value: tuple(map(_line, value)),
    "flow": lambda value: tuple(map(_step, value)),
    "fix": _fix,
    "origin": lambda value: (_text(value[0]), _span(value[1])),
    "statement": _span,
    "sink": _span,
    "cell": _number,
}
