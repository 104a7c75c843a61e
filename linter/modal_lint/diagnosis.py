"""From an exposure to the finding that a person reads: place, message, excerpt, flow."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint import credentials
from modal_lint.excerpt import excerpt
from modal_lint.exposure import Exposure, marked
from modal_lint.model import Confidence, Finding, Fix, Hidden, Severity, Span, Step
from modal_lint.values import Place

if TYPE_CHECKING:
    from modal_lint.source import File

_SEVERITIES = {Confidence.HIGH: Severity.ERROR, Confidence.MEDIUM: Severity.WARNING, Confidence.LOW: Severity.INFO}
MAX_FLOW = 12
__all__ = [
    "Exposure",
    "Fix",
    "finding",
    "flow",
    "local_place",
    "named",
    "remedy",
    "severity_of",
    "sink_name",
    "subject",
]


def severity_of(confidence: Confidence) -> Severity:
    """Family 1 is an error where the credential is certain, a warning where it is likely."""
    return _SEVERITIES[confidence]


def subject(exposure: Exposure) -> str:
    """What is exposed, in words that carry no value: ``OPENAI_API_KEY (OpenAI)``."""
    return named(exposure.key, exposure.credential)


def named(key: str | None, credential: credentials.Credential) -> str:
    """The name of a credential in a message."""
    kind = credential.kind or "credential"
    provider = credential.provider
    what = kind if provider is None else provider if provider.lower() in kind.lower() else f"{provider} {kind}"
    label = f"{credentials.mask_text(key)} ({what})" if key else f"a {what}"
    return f"{label}, a weak value," if credential.weak else label


def sink_name(exposure: Exposure) -> str:
    """Where it goes: ``env= of modal.Sandbox.create``."""
    given, api = exposure.given, exposure.use.api
    if given.param.kind in ("positional", "args", "kwargs") or len(api.params) == 1:
        return api.name
    return f"{given.name}= of {api.name}"


def remedy(text: str, reason: str) -> str:
    """The remedy, and why it has to be done by hand, where it has."""
    return f"{text} (by hand: {reason})" if reason else text


def finding(
    exposure: Exposure,
    code: str,
    name: str,
    message: str,
    *,
    help_text: str | None = None,
    fix: Fix | None = None,
    place: Place | None = None,
) -> Finding:
    """The finding of one exposure.

    Args:
        exposure: what was found.
        code: the rule's code.
        name: the rule's name.
        message: one sentence; it names keys, never values.
        help_text: the remedy.
        fix: the change that removes it.
        place: where to point, instead of the literal or what stands for it in this file.
    """
    file = exposure.use.file
    here = place or local_place(exposure)
    span = file.span(here.node)
    origin = exposure.origin
    return Finding(
        path=file.path,
        span=span,
        code=code,
        name=name,
        message=message,
        severity=severity_of(exposure.credential.confidence),
        confidence=exposure.credential.confidence,
        key=None if exposure.key is None else credentials.mask_text(exposure.key),
        provider=exposure.credential.provider,
        help=help_text,
        excerpt=excerpt(file, span),
        flow=flow(exposure),
        fix=fix,
        origin=None if origin is None else (origin.file.path, origin.file.span(origin.node)),
        statement=file.statement_span(here.node),
        sink=file.statement_span(exposure.use.node),
        secret=Hidden(exposure.value.known or marked(exposure.value)),
    )


def local_place(exposure: Exposure) -> Place:
    """The literal, if it stands in the file of the sink; else what brings it in."""
    file = exposure.use.file
    candidates = [exposure.origin]
    if exposure.entry is not None:
        candidates.append(exposure.entry.place)
    if exposure.given.argument.node is not None and exposure.given.argument.frame is not None:
        candidates.append(Place(exposure.given.argument.frame.file, exposure.given.argument.node))
    for candidate in candidates:
        if candidate is not None and candidate.file is file:
            return candidate
    return Place(file, exposure.use.node)


def flow(exposure: Exposure) -> tuple[Step, ...]:
    """The way from the literal to the sink; empty where the literal stands in the sink."""
    steps: list[Step] = []
    origin = exposure.origin
    if origin is not None:
        steps.append(Step(origin.file.path, origin.file.span(origin.node), "the value is written here"))
    for passage in exposure.steps:
        place = passage.place
        steps.append(Step(place.file.path, place.file.span(place.node), passage.text))
    use = exposure.use
    steps.append(Step(use.file.path, sink_span(use.file, use.node), f"reaches {sink_name(exposure)}"))
    shortened = steps if len(steps) <= MAX_FLOW else [*steps[: MAX_FLOW - 1], steps[-1]]
    return tuple(_once(shortened))


def sink_span(file: File, call: ast.AST) -> Span:
    """The callee's own name in a chain, and not everything before it."""
    if not isinstance(call, ast.Call):
        return file.span(call)
    span = file.span(call.func)
    if isinstance(call.func, ast.Attribute):
        return Span(span.end_line, max(span.end_column - len(call.func.attr), 0), span.end_line, span.end_column)
    return span


def _once(steps: list[Step]) -> list[Step]:
    kept: list[Step] = []
    for step in steps:
        if not kept or (step.span, step.text, step.path) != (kept[-1].span, kept[-1].text, kept[-1].path):
            kept.append(step)
    return kept
