"""A finding that is not about a credential's value: its place, its words, its fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint import credentials
from modal_lint.diagnosis import sink_span
from modal_lint.excerpt import excerpt
from modal_lint.model import Confidence, Finding, Step
from modal_lint.moving import Stays

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterable

    from modal_lint.model import Edit, Fix, Rule, Severity
    from modal_lint.source import File
    from modal_lint.values import Place


def remark(
    rule: Rule,
    file: File,
    node: ast.AST,
    message: str,
    *,
    help_text: str | None = None,
    fix: Fix | None = None,
    key: str | None = None,
    severity: Severity | None = None,
    related: Iterable[tuple[Place, str]] = (),
    sink: ast.AST | None = None,
) -> Finding:
    """A finding of a rule at a node.

    Args:
        rule: whose.
        file: where.
        node: what is pointed at; of a call its name.
        message: one sentence; it names keys, never values.
        help_text: the remedy.
        fix: the change that removes it.
        key: the variable that it is about.
        severity: another than the rule's.
        related: other places that explain it, each with what happens there.
        sink: the call that it is about, where that is another statement of the file.
    """
    span = sink_span(file, node)
    steps = [Step(place.file.path, place.file.span(place.node), text) for place, text in related]
    return Finding(
        path=file.path,
        span=span,
        code=rule.code,
        name=rule.name,
        message=credentials.mask_text(message),
        severity=severity or rule.severity,
        confidence=Confidence.HIGH,
        key=None if key is None else credentials.mask_text(key),
        help=None if help_text is None else credentials.mask_text(help_text),
        excerpt=excerpt(file, span),
        flow=tuple(steps),
        fix=fix,
        statement=file.statement_span(node),
        sink=None if sink is None else file.statement_span(sink),
    )


def attempted(make: Callable[[], Fix | None]) -> Fix | None:
    """The fix, or None where it cannot be made with certainty."""
    from modal_lint.rewrite import CannotRewrite

    try:
        return make()
    except (CannotRewrite, Stays):
        return None


def joined(*edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Edits of several changes as those of one; raises CannotRewrite where two touch the same text."""
    from modal_lint.rewrite import combine

    return tuple(combine(*edits))
