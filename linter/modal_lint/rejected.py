"""Calls that Modal refuses: what the runtime's contract says of evaluated arguments, and the finding that it becomes.

Modal's checks stand in ``modal_lint_runtime.contract`` alone; ``rejected_calls`` asks it. An argument counts as refused
where every possibility of it is: what is not known is accepted.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint import credentials
from modal_lint.diagnosis import sink_span
from modal_lint.excerpt import excerpt
from modal_lint.model import Confidence, Finding, Severity, Span, Step
from modal_lint.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from modal_lint_runtime.contract import Verdict

    from modal_lint.model import Fix, Rule
    from modal_lint.source import File
    from modal_lint.uses import Use
    from modal_lint.values import Place, Steps, Values

_CHECKING = frozenset(("isinstance", "issubclass", "type", "callable", "hasattr"))
_EXPECTING = frozenset(("raises", "assertRaises", "assertRaisesRegex", "suppress", "xfail"))
_REFUSALS = frozenset(
    ("TypeError", "AttributeError", "ValueError", "InvalidError", "ConflictError", "NotFoundError", "ImportError",
     "ModuleNotFoundError", "DeprecationError")
)  # fmt: skip


@record
class Problem:
    """One argument, or one entry of it, that a call refuses.

    ``values`` are the possibilities, ``origin`` is where the first of them is written, ``node`` the expression of
    this file that gives it. ``sure`` says that it is refused on every run that gets there, ``part`` that it is an
    element of the argument.
    """

    use: Use
    verdict: Verdict
    argument: str
    values: Values
    origin: Place | None = None
    node: ast.expr | None = None
    key: str | None = None
    steps: Steps = ()
    sure: bool = True
    part: bool = False


# ---- what is not said -------------------------------------------------------------------------------------------


def is_settled(problem: Problem) -> bool:
    """Whether the refusal is neither expected by the code around it nor kept away by a check of types."""
    file, use = problem.use.file, problem.use
    if is_expected(file, use.node) or any(is_expected(step.place.file, step.place.node) for step in problem.steps):
        return False
    if use.frame.arguments is None and not use.frame.loops:
        return True
    return not _checks_types(file, file.scopes.scope(use.node).function.node)


def is_expected(file: File, node: ast.AST) -> bool:
    """Whether the code around a place waits for it to fail: a test, or another way for another version."""
    child, parent = node, file.scopes.parents.get(node)
    while parent is not None and not isinstance(parent, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        if isinstance(parent, (ast.With, ast.AsyncWith)) and any(_expects(item.context_expr) for item in parent.items):
            return True
        if isinstance(parent, ast.Try) and child in parent.body and any(map(_catches_refusal, parent.handlers)):
            return True
        child, parent = parent, file.scopes.parents.get(parent)
    return False


def _expects(context: ast.expr) -> bool:
    func = context.func if isinstance(context, ast.Call) else context
    name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
    return name in _EXPECTING


def _catches_refusal(handler: ast.ExceptHandler) -> bool:
    return handler.type is not None and not _REFUSALS.isdisjoint(names_in(handler.type))


def names_in(node: ast.AST) -> Iterator[str]:
    """The last names of everything that is named in an expression."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner.id
        elif isinstance(inner, ast.Attribute):
            yield inner.attr


def _checks_types(file: File, function: ast.AST) -> bool:
    return any(
        isinstance(call.func, ast.Name) and call.func.id in _CHECKING and file.scopes.within(call, function)
        for call in file.scopes.calls
    )


# ---- the finding ------------------------------------------------------------------------------------------------


def raising(verdict: Verdict) -> str:
    """What happens, in words: "raises InvalidError at deploy, run or first use"."""
    from modal_lint_runtime.contract import When

    name = (verdict.raises or "").rpartition(".")[2]
    if verdict.when is When.SERVER:
        return f"Modal's service refuses it ({name})"
    return f"raises {name}" if verdict.when is When.CALL else f"raises {name} {verdict.when.value}"


def findings(
    problems: Iterable[Problem],
    rule: Rule,
    say: Callable[[Problem], str],
    help_text: Callable[[Problem], str | None],
    fix: Callable[[Problem], Fix | None] = lambda _: None,
) -> Iterator[Finding]:
    """The findings of some problems, each once however many runs have it.

    Args:
        problems: what is refused.
        rule: of which rule.
        say: the message; it names keys, never values.
        help_text: the remedy.
        fix: the change that removes it.
    """
    told: set[tuple[object, ...]] = set()
    for problem in problems:
        place = _local_place(problem)
        key = (place, problem.key, problem.argument)
        if key in told or not is_settled(problem):
            continue
        told.add(key)
        yield _finding(problem, place, rule, say(problem), help_text(problem), fix(problem))


def _finding(
    problem: Problem, here: ast.AST, rule: Rule, message: str, help_text: str | None, fix: Fix | None
) -> Finding:
    made = finding_at(problem.use.file, here, problem.use.node, rule, message, help_text, fix)
    return made._replace(
        severity=rule.severity if problem.sure else Severity.WARNING,
        confidence=Confidence.HIGH if problem.sure else Confidence.MEDIUM,
        key=None if problem.key is None else credentials.mask_text(problem.key),
        flow=tuple(_flow(problem)),
    )


def finding_at(
    file: File, here: ast.AST, call: ast.AST, rule: Rule, message: str, help_text: str | None, fix: Fix | None
) -> Finding:
    """A finding at a place of a file, about a call of it. It has no origin: family 1 says its own of the same value."""
    span = sink_span(file, here) if here is call else _span(file, here)
    return Finding(
        path=file.path,
        span=span,
        code=rule.code,
        name=rule.name,
        message=credentials.mask_text(message),
        severity=rule.severity,
        help=help_text,
        excerpt=excerpt(file, span),
        fix=fix,
        statement=file.statement_span(here),
        sink=file.statement_span(call),
    )


def _span(file: File, node: ast.AST) -> Span:
    """Where a node stands; of an attribute in a chain over several lines, its name."""
    span = file.span(node)
    if isinstance(node, ast.Attribute) and span.line != span.end_line:
        return Span(span.end_line, max(span.end_column - len(node.attr), 0), span.end_line, span.end_column)
    return span


def _local_place(problem: Problem) -> ast.AST:
    """What brings the value in, or the literal where that stands inside of it: a constant may be right elsewhere."""
    file, origin, node = problem.use.file, problem.origin, problem.node
    if origin is not None and origin.file is file and (node is None or file.scopes.within(origin.node, node)):
        return origin.node
    return node or problem.use.node


def _flow(problem: Problem) -> Iterator[Step]:
    file, origin = problem.use.file, problem.origin
    if not problem.steps and (origin is None or origin.file is file):
        return
    if origin is not None:
        yield Step(origin.file.path, origin.file.span(origin.node), "the value is written here")
    for passage in problem.steps[:10]:
        place = passage.place
        yield Step(place.file.path, place.file.span(place.node), passage.text)
    yield Step(file.path, sink_span(file, problem.use.node), f"refused by {problem.use.api.name}")


def where(problem: Problem) -> str:
    """The argument of the call: ``env= of modal.Sandbox.create``."""
    api = problem.use.api
    return api.name if len(api.params) == 1 else f"{problem.argument}= of {api.name}"
