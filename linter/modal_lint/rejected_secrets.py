"""What stands in ``secrets=`` and ``secret=`` and is no list of Secrets, or no Secret."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.kept import Kept
from modal_lint.lazy import contract
from modal_lint.modal_api import Sink
from modal_lint.rejected import Problem
from modal_lint.rejected_calls import argument_node, asked, kind_of, origin_of, sdk_of, site_of
from modal_lint.rejected_keys import SECRET_TYPES
from modal_lint.values import (
    Const,
    EnvRead,
    External,
    Function,
    Mapping,
    Object,
    Sequence,
    Text,
    Value,
    Values,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint_runtime.contract import Kind, Site, Verdict

    from modal_lint.calls import Frame
    from modal_lint.evaluate import Evaluator
    from modal_lint.source import File
    from modal_lint.uses import Given, Use

_ORDERED = frozenset((ast.List, ast.ListComp, ast.Tuple))
_LISTS = frozenset(("builtins.list", "builtins.sorted"))
_TUPLES = frozenset(("builtins.tuple",))
_SETS = frozenset(("builtins.set", "builtins.frozenset"))
_ITERATORS = frozenset(
    ("builtins.map", "builtins.filter", "builtins.iter", "builtins.reversed", "builtins.zip", "itertools.chain",
     "itertools.chain.from_iterable")
)  # fmt: skip


class Shape(NamedTuple):
    """A possibility of ``secrets=``: what it is, and what its elements are, as far as they are known."""

    container: Kind
    elements: tuple[Kind, ...]
    value: Value
    wrong: int | None = None  # the first element that is surely no Secret
    items: tuple[Values, ...] = ()


def of_elements(file: File) -> Iterator[Problem]:
    """What stands for a Secret and is none: in ``secrets=``, instead of the list, or as ``secret=``."""
    yield from (problem for problem, shape in _refused_lists(file) if _is_about_elements(shape))
    for use, given, site in _given(file, Sink.SECRET_REF):
        values = asked(file.project.evaluator, given.argument)
        kinds = [_kind(value, given.argument.node) for value in values]
        verdicts = [
            None if kind is None or kind is contract.Kind.SECRET else _one(use, given, site, kind) for kind in kinds
        ]
        if verdicts and verdicts[0] is not None and all(verdicts):
            node = argument_node(use, given.param.name)
            yield Problem(use, verdicts[0], given.name, values, origin_of(values[0]), node, None, values[0].steps)


def of_containers(file: File) -> Iterator[Problem]:
    """What is given as ``secrets=`` and is neither a list nor a tuple, though it is about Secrets."""
    yield from (problem for problem, shape in _refused_lists(file) if not _is_about_elements(shape))


def _refused_lists(file: File) -> list[tuple[Problem, Shape]]:
    """The problems of ``secrets=``, found once for all rules."""
    known = _REFUSED.get(file)
    if known is None:
        found = (_problem(use, given, site) for use, given, site in _given(file, Sink.SECRETS))
        known = _REFUSED[file] = [one for one in found if one is not None]
    return known


_REFUSED: Kept[File, list[tuple[Problem, Shape]]] = Kept()


def _given(file: File, sink: Sink) -> Iterator[tuple[Use, Given, Site]]:
    ev = file.project.evaluator
    for use, given in file.given(sink):
        site = site_of(use, ev)
        if site is None or (site is contract.Site.IMAGE_STEP and _does_nothing(use)):
            continue
        if sink is Sink.SECRET_REF and site is contract.Site.IMAGE_STEP:
            site = contract.Site.REGISTRY
        yield use, given, site


def _does_nothing(use: Use) -> bool:
    """Whether a build step has nothing to install or run: it then returns before it looks at anything."""
    starred = any(param.kind == "args" for param in use.api.params)
    return starred and not use.bound.extra and not use.bound.open and "requirements" not in use.bound.named


def _one(use: Use, given: Given, site: Site, kind: Kind) -> Verdict | None:
    if site is contract.Site.POLICY:
        headers = {"A": "A"}
        return contract.verdict_of(contract.header_replacement, "*", headers, kind, sdk=sdk_of(use))
    return contract.secret_verdict(kind, site, given.name, sdk=sdk_of(use))


def _is_about_elements(shape: Shape) -> bool:
    return shape.wrong is not None or shape.container in (contract.Kind.STRING, contract.Kind.MAPPING)


def _problem(use: Use, given: Given, site: Site) -> tuple[Problem, Shape] | None:
    """The problem of a ``secrets=`` argument, where every possibility is refused, and its first shape."""
    ev = use.file.project.evaluator
    values = asked(ev, given.argument)
    if any(map(_is_right, values)):
        return None
    shapes: list[Shape] = []
    first: Verdict | None = None
    for value in values:
        shape = _shape(ev, value, given)
        if shape is None:
            return None
        verdict = contract.secrets_verdict(shape.container, shape.elements, site, given.name, sdk=sdk_of(use))
        if verdict is None or not verdict.raises:
            return None
        shapes.append(shape)
        first = first or verdict
    if first is None:
        return None
    shape = shapes[0]
    element = None if shape.wrong is None else shape.items[shape.wrong][0]
    written = None if shape.wrong is None else _element_node(use.file, shape, shape.wrong)
    node = written or argument_node(use, given.param.name)
    value = shape.value if element is None else element
    steps = (*value.steps, *shape.value.steps) if element is not None else value.steps
    held = (value,) if element is not None else tuple(one.value for one in shapes)
    problem = Problem(use, first, given.name, held, origin_of(value), node, None, steps, part=element is not None)
    return problem, shape


def _is_right(value: Value) -> bool:
    """Whether a possibility is a list or tuple of Secrets, which every SDK accepts: nearly all of them are."""
    return (
        isinstance(value, Sequence)
        and value.complete
        and value.place is not None
        and value.place.node.__class__ in _ORDERED
        and all(any(isinstance(one, Object) and one.type in SECRET_TYPES for one in item) for item in value.items)
    )


def _element_node(file: File, shape: Shape, at: int) -> ast.expr | None:
    """The expression of an element, where it is written in a display of this file."""
    place = shape.value.place if isinstance(shape.value, Sequence) else None
    if place is None or place.file is not file or not isinstance(place.node, (ast.List, ast.Tuple, ast.Set)):
        return None
    written = [element for element in place.node.elts if not isinstance(element, ast.Starred)]
    return written[at] if len(written) == len(shape.items) else None


def container_name(problem: Problem) -> str:
    """What a problem's ``secrets=`` is, in words."""
    value = problem.values[0]
    if isinstance(value, Object):
        return "a Secret alone" if value.type in SECRET_TYPES else kind_of(value)
    place = value.place if isinstance(value, Sequence) else None
    node = place.node if place is not None else problem.node
    if isinstance(node, (ast.Set, ast.SetComp)):
        return "a set"
    if isinstance(node, ast.Dict):
        return "a view of a dict"
    if isinstance(node, (ast.GeneratorExp, ast.FunctionDef)):
        return "a generator"
    if isinstance(node, ast.Call) and (place is None or place.file is problem.use.file):
        return f"what {problem.use.file.segment(node.func)}() gives"
    return kind_of(value)


# ---- shapes -----------------------------------------------------------------------------------------------------


def _shape(ev: Evaluator, value: Value, given: Given) -> Shape | None:
    argument = given.argument
    if not isinstance(value, Sequence):
        kind = _kind(value, argument.node)
        if kind is None and argument.node is not None and argument.frame is not None:
            kind = _made_by_call(ev, argument.node, argument.frame)
        if kind is None:
            return None
        elements = {
            contract.Kind.STRING: (contract.Kind.STRING,),
            contract.Kind.MAPPING: (contract.Kind.STRING,),
            contract.Kind.ITERATOR: (contract.Kind.SECRET,),
        }
        return Shape(kind, () if _is_empty(value) else elements.get(kind, ()), value)
    container = _container(ev, value, argument.frame)
    if container is None:
        return None
    items = _items(ev, value, argument.node, argument.frame)
    kinds = [_element(item) for item in items]
    wrong = next((at for at, kind in enumerate(kinds) if kind is not contract.Kind.SECRET), None)
    if container is contract.Kind.ITERATOR and not kinds:
        kinds = [contract.Kind.SECRET]
    return Shape(container, tuple(kinds), value, wrong, tuple(items))


def _is_empty(value: Value) -> bool:
    return (isinstance(value, Text) and value.known == "") or (isinstance(value, Mapping) and not value.entries)


def _items(ev: Evaluator, value: Sequence, node: ast.expr | None, frame: Frame | None) -> list[Values]:
    """The elements that are surely there."""
    if value.complete:
        return list(value.items)
    if frame is None or value.place is None or value.place.node is not node:
        return []
    if not isinstance(node, (ast.List, ast.Tuple)):
        return []
    return [ev.ask(element, frame) for element in node.elts if not isinstance(element, ast.Starred)]


def _element(values: Values) -> Kind:
    """What an element is; a Secret, unless every possibility is something else."""
    kinds = [_kind(value, None) for value in values]
    wrong = [kind for kind in kinds if kind is not None and kind is not contract.Kind.SECRET]
    return wrong[0] if wrong and len(wrong) == len(kinds) else contract.Kind.SECRET


def _kind(value: Value, node: ast.expr | None) -> Kind | None:
    if isinstance(value, (Text, EnvRead)):
        return contract.Kind.STRING
    if isinstance(value, Const):
        return contract.Kind.NONE if value.value is None else contract.Kind.OTHER
    if isinstance(value, Mapping):
        return contract.Kind.MAPPING
    if isinstance(value, Sequence):
        return contract.Kind.LIST
    if isinstance(value, Function):
        return contract.Kind.OTHER
    if isinstance(value, Object):
        # An annotation may promise a Secret where a list of them, or None, is given.
        surely = value.call is not None or node is None
        return (contract.Kind.SECRET if value.type in SECRET_TYPES else contract.Kind.OTHER) if surely else None
    return None


def _container(ev: Evaluator, value: Sequence, frame: Frame | None) -> Kind | None:
    """Which collection a sequence of known elements is."""
    node = value.place.node if value.place is not None else None
    kind = _displays().get(type(node))
    if kind is not None:
        return kind
    if isinstance(node, ast.FunctionDef) and not node.decorator_list:
        return contract.Kind.ITERATOR
    if isinstance(node, ast.Call) and value.place is not None:
        inside = frame if frame is not None and frame.file is value.place.file else ev.module_frame(value.place.file)
        return _made_by_call(ev, node, inside)
    return None


@lru_cache(maxsize=1)
def _displays() -> dict[type, Kind]:
    """What each kind of display makes."""
    kinds = contract.Kind
    return {
        ast.List: kinds.LIST,
        ast.ListComp: kinds.LIST,
        ast.Tuple: kinds.TUPLE,
        ast.Set: kinds.SET,
        ast.SetComp: kinds.SET,
        ast.GeneratorExp: kinds.ITERATOR,
        ast.Dict: kinds.SET,  # the keys, values or items of one
    }


def _made_by_call(ev: Evaluator, node: ast.expr, frame: Frame) -> Kind | None:
    """What a call of Python's own library makes."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, (ast.Name, ast.Attribute)):
        return None
    for function in ev.ask(node.func, frame):
        name = function.name if isinstance(function, External) else ""
        for names, kind in (
            (_LISTS, contract.Kind.LIST),
            (_TUPLES, contract.Kind.TUPLE),
            (_SETS, contract.Kind.SET),
            (_ITERATORS, contract.Kind.ITERATOR),
        ):
            if name in names:
                return kind
    return None
