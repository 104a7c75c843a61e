"""Calls that Modal refuses: what the runtime's contract says of evaluated arguments, and the finding that it becomes.

Modal's checks stand in ``modal_lint_runtime.contract`` alone; here is what turns evaluated values into questions that
it can answer. An argument counts as refused where every possibility of it is: what is not known is accepted.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from modal_lint import credentials
from modal_lint.diagnosis import sink_span
from modal_lint.excerpt import excerpt
from modal_lint.model import Confidence, Finding, Severity, Step
from modal_lint.values import (
    HOLE,
    Class,
    Const,
    EnvRead,
    Function,
    Hole,
    Mapping,
    Object,
    Place,
    Sequence,
    Steps,
    Text,
    Value,
    Values,
    unite,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from modal_lint_runtime.contract import Sdk, Site, Verdict

    from modal_lint.evaluate import Evaluator
    from modal_lint.model import Fix, Rule
    from modal_lint.source import File
    from modal_lint.uses import Use
    from modal_lint.values import Argument

REFERENCE = "modal_lint_runtime."
NOTHING = object()
"""Stands for a value of which nothing is known."""
FILLER = "A"
"""Stands for an unknown stretch of a text: fits wherever anything does."""
_MAX_DEPTH = 4
_CHECKING = frozenset(("isinstance", "issubclass", "type", "callable", "hasattr"))
_EXPECTING = frozenset(("raises", "assertRaises", "assertRaisesRegex", "suppress", "xfail"))
_REFUSALS = frozenset(
    ("TypeError", "AttributeError", "ValueError", "InvalidError", "ConflictError", "NotFoundError", "ImportError",
     "ModuleNotFoundError", "DeprecationError")
)  # fmt: skip
_SITES = {
    "modal.Secret.from_dict": "FROM_DICT",
    "modal.Secret.objects.create": "CREATE",
    "modal.Secret._create_deployed": "CREATE",
    "modal.Secret.update": "UPDATE",
    "modal.App": "APP",
    "modal.App.function": "FUNCTION",
    "modal.App.cls": "FUNCTION",
    "modal.App.server": "SERVER",
    "modal.Function.with_options": "WITH_OPTIONS",
    "modal.Cls.with_options": "WITH_OPTIONS",
    "modal.Image.env": "IMAGE_ENV",
    "modal.Image.run_function": "RUN_FUNCTION",
    "modal.Sandbox.create": "SANDBOX",
    "modal.Sandbox._experimental_create": "SANDBOX",
    "modal.Sandbox.exec": "EXEC",
    "modal.SidecarContainer.exec": "EXEC",
    "modal.SidecarManager.create": "SIDECAR",
    "modal.CloudBucketMount": "BUCKET",
    "modal.experimental.OutboundPolicy.with_header_replacement": "POLICY",
    f"{REFERENCE}Secrets.from_object": "FROM_DICT",
    f"{REFERENCE}Secrets.create": "CREATE",
    f"{REFERENCE}Secrets.update": "UPDATE",
    f"{REFERENCE}Functions.define": "FUNCTION",
    f"{REFERENCE}Function.with_options": "WITH_OPTIONS",
    f"{REFERENCE}Image.dockerfile_commands": "IMAGE_STEP",
    f"{REFERENCE}Images.from_registry": "REGISTRY",
    f"{REFERENCE}Sandboxes.create": "SANDBOX",
    f"{REFERENCE}Sandbox.exec": "EXEC",
}
_V1_ARGUMENTS = ("gpu", "network_file_systems", "pty_info")  # of Sandbox.create: they choose the older backend


@dataclass(frozen=True, slots=True, eq=False)
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


# ---- where a call stands in the contract ------------------------------------------------------------------------


def is_reference(use: Use) -> bool:
    """Whether a call is one of the reference client."""
    return use.api.name.startswith(REFERENCE)


def sdk_of(use: Use) -> Sdk:
    """Whose checks apply to a call."""
    from modal_lint_runtime.contract import Sdk

    return Sdk.REFERENCE if is_reference(use) else Sdk.PYTHON


def site_of(use: Use, ev: Evaluator) -> Site | None:
    """The contract's name of a call; None where it has none, and for what the SDK no longer has."""
    from modal_lint_runtime.contract import Site

    name = use.api.name
    if use.api.until is not None:
        return None
    found = _SITES.get(name)
    if found is None and name.startswith("modal.Image."):
        found = "IMAGE_STEP"
    if found == "SANDBOX" and not is_reference(use) and any(_is_given(use, ev, one) for one in _V1_ARGUMENTS):
        found = "SANDBOX_V1"
    return None if found is None else Site[found]


def _is_given(use: Use, ev: Evaluator, name: str) -> bool:
    values = argument_values(use, ev, name)
    return values is not None and not any(isinstance(value, Const) and value.value is None for value in values)


def argument_values(use: Use, ev: Evaluator, name: str) -> Values | None:
    """What a parameter gets; None where the call does not pass it."""
    given = use.bound.named.get(name)
    return unite(*(asked(ev, argument) for argument in given)) if given else None


def asked(ev: Evaluator, argument: Argument) -> Values:
    """What an argument may be; a question of its own."""
    if argument.node is None or argument.frame is None:
        return argument.values
    return ev.ask(argument.node, argument.frame)


# ---- values that the contract can look at -----------------------------------------------------------------------


def stand_in(value: Value, depth: int = 0) -> Any:
    """An object that is to the contract what the value would be, or NOTHING.

    Unknown stretches of a text are filled by what fits best, so that a refusal holds whatever they are.
    """
    if isinstance(value, Text):
        return _text(value)
    if isinstance(value, Const):
        return value.value
    if isinstance(value, EnvRead):
        return FILLER
    if isinstance(value, Sequence):
        return _items(value, depth)
    if isinstance(value, Mapping):
        return {}
    if isinstance(value, Object):
        return type(value.type.rpartition(".")[2], (), {})()
    if isinstance(value, (Function, Class)):
        return stand_in if isinstance(value, Function) else type
    return NOTHING


def _text(value: Text) -> str | bytes:
    known = "".join(FILLER if isinstance(part, Hole) else part.text for part in value.parts)
    return known.encode("utf-8", "surrogatepass") if value.binary else known


def _items(value: Sequence, depth: int) -> Any:
    if depth > _MAX_DEPTH or not value.complete:
        return NOTHING
    items = [stand_in(item[0], depth + 1) if len(item) == 1 else NOTHING for item in value.items]
    if any(item is NOTHING for item in items):
        return NOTHING
    node = value.place.node if value.place is not None else None
    return tuple(items) if isinstance(node, ast.Tuple) else items


def kind_of(value: Value) -> str:
    """What a value is, in words for a message: "an int", "None"."""
    if isinstance(value, EnvRead):
        return "a string"
    if isinstance(value, Mapping):
        return "a dict"
    if isinstance(value, Sequence):
        return "a tuple" if value.place is not None and isinstance(value.place.node, ast.Tuple) else "a list"
    if isinstance(value, Object):
        return article(value.type.rpartition(".")[2])
    if isinstance(value, Function):
        return "a function"
    if isinstance(value, Text):
        return "bytes" if value.binary else "a string"
    if isinstance(value, Const) and value.value is not None:
        return article(type(value.value).__name__)
    return "None" if isinstance(value, Const) else "of another type"


def article(noun: str) -> str:
    """The noun with "a" or "an"."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def refused(values: Values, check: Callable[[Any], Verdict | None]) -> Verdict | None:
    """What the contract says of the first possibility, where it refuses every one; None otherwise."""
    first: Verdict | None = None
    for value in values:
        given = NOTHING if _may_be_another(value) else stand_in(value)
        verdict = None if given is NOTHING else check(given)
        if verdict is None or verdict.raises is None:
            return None
        first = first or verdict
    return first


def _may_be_another(value: Value) -> bool:
    """Whether who runs the program may say otherwise: defaults of options, what a class leaves to its subclasses."""
    if any(step.text.startswith("default of option") for step in value.steps):
        return True
    if isinstance(value, Text) and value.binary and value.origin is not None:
        around = value.origin.file.scopes.parents.get(value.origin.node)
        return isinstance(around, (ast.Attribute, ast.Call))  # which make something else of the bytes
    if not isinstance(value, Const) or value.value is not None or value.origin is None:
        return False
    scopes, node = value.origin.file.scopes, value.origin.node
    return node in scopes.parents and scopes.scope(node).is_class


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
    return replace(
        made,
        severity=rule.severity if problem.sure else Severity.WARNING,
        confidence=Confidence.HIGH if problem.sure else Confidence.MEDIUM,
        key=None if problem.key is None else credentials.mask_text(problem.key),
        flow=tuple(_flow(problem)),
    )


def finding_at(
    file: File, here: ast.AST, call: ast.AST, rule: Rule, message: str, help_text: str | None, fix: Fix | None
) -> Finding:
    """A finding at a place of a file, about a call of it. It has no origin: family 1 says its own of the same value."""
    span = sink_span(file, here) if here is call else file.span(here)
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


def local_node(use: Use, place: Place | None) -> ast.expr | None:
    """The expression at a place, where that is in the file of the call."""
    if place is None or place.file is not use.file or not isinstance(place.node, ast.expr):
        return None
    return place.node


def argument_node(use: Use, name: str) -> ast.expr | None:
    """The expression that a parameter gets, where it is written in the call."""
    given = use.bound.named.get(name, ())
    node = given[0].node if len(given) == 1 else None
    return node if isinstance(node, ast.expr) and use.file.scopes.within(node, use.node) else None


def origin_of(value: Value) -> Place | None:
    """Where a value is written."""
    if isinstance(value, (Text, Const)):
        return value.origin
    if isinstance(value, Object):
        return value.call
    return value.place if isinstance(value, (Mapping, Sequence, Function, Class, EnvRead)) else None


def has_holes(value: Value) -> bool:
    """Whether not all of a text is known."""
    return isinstance(value, Text) and any(part is HOLE or isinstance(part, Hole) for part in value.parts)
