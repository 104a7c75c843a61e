"""What stands in ``secrets=`` and ``secret=`` and is no list of Secrets, or no Secret; and which keys a Secret has."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from modal_lint import library
from modal_lint.modal_api import Sink
from modal_lint.rejected import Problem, argument_node, asked, is_reference, kind_of, origin_of, sdk_of, site_of
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
    known_texts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint_runtime.contract import Kind, Site, Verdict

    from modal_lint.calls import Frame
    from modal_lint.evaluate import Evaluator
    from modal_lint.source import File
    from modal_lint.uses import Given, Use

_SECRET_TYPES = frozenset(("modal.Secret", "modal_lint_runtime.Secret"))
_LISTS = frozenset(("builtins.list", "builtins.sorted"))
_TUPLES = frozenset(("builtins.tuple",))
_SETS = frozenset(("builtins.set", "builtins.frozenset"))
_ITERATORS = frozenset(
    ("builtins.map", "builtins.filter", "builtins.iter", "builtins.reversed", "builtins.zip", "itertools.chain",
     "itertools.chain.from_iterable")
)  # fmt: skip
_DICT_MAKERS = frozenset(("modal.Secret.from_dict", "modal_lint_runtime.Secrets.from_object"))
_LOCAL = "modal.Secret.from_local_environ"
_UNNAMED = _DICT_MAKERS | {_LOCAL, "modal.Secret.from_dotenv"}
_NAMED = frozenset(("modal.Secret.from_name", "modal_lint_runtime.Secrets.from_name"))


class Shape(NamedTuple):
    """A possibility of ``secrets=``: what it is, and what its elements are, as far as they are known."""

    container: Kind
    elements: tuple[Kind, ...]
    value: Value
    wrong: int | None = None  # the first element that is surely no Secret
    items: tuple[Values, ...] = ()


def of_elements(file: File) -> Iterator[Problem]:
    """What stands for a Secret and is none: in ``secrets=``, instead of the list, or as ``secret=``."""
    from modal_lint_runtime.contract import Kind

    for use, given, site in _given(file, Sink.SECRETS):
        problem, shape = _problem(use, given, site)
        if problem is not None and shape is not None and _is_about_elements(shape):
            yield problem
    for use, given, site in _given(file, Sink.SECRET_REF):
        values = asked(file.project.evaluator, given.argument)
        kinds = [_kind(value, given.argument.node) for value in values]
        verdicts = [None if kind is None or kind is Kind.SECRET else _one(use, given, site, kind) for kind in kinds]
        if verdicts and verdicts[0] is not None and all(verdicts):
            node = argument_node(use, given.param.name)
            yield Problem(use, verdicts[0], given.name, values, origin_of(values[0]), node, None, values[0].steps)


def of_containers(file: File) -> Iterator[Problem]:
    """What is given as ``secrets=`` and is neither a list nor a tuple, though it is about Secrets."""
    for use, given, site in _given(file, Sink.SECRETS):
        problem, shape = _problem(use, given, site)
        if problem is not None and shape is not None and not _is_about_elements(shape):
            yield problem


def _given(file: File, sink: Sink) -> Iterator[tuple[Use, Given, Site]]:
    from modal_lint_runtime.contract import Site

    ev = file.project.evaluator
    for use in file.uses:
        for given in use.given(sink):
            site = site_of(use, ev)
            if site is None or (site is Site.IMAGE_STEP and _does_nothing(use)):
                continue
            yield use, given, Site.REGISTRY if sink is Sink.SECRET_REF and site is Site.IMAGE_STEP else site


def _does_nothing(use: Use) -> bool:
    """Whether a build step has nothing to install or run: it then returns before it looks at anything."""
    starred = any(param.kind == "args" for param in use.api.params)
    return starred and not use.bound.extra and not use.bound.open and "requirements" not in use.bound.named


def _one(use: Use, given: Given, site: Site, kind: Kind) -> Verdict | None:
    from modal_lint_runtime import contract

    if site is contract.Site.POLICY:
        headers = {"A": "A"}
        return contract.verdict_of(contract.header_replacement, "*", headers, kind, sdk=sdk_of(use))
    return contract.secret_verdict(kind, site, given.name, sdk=sdk_of(use))


def _is_about_elements(shape: Shape) -> bool:
    from modal_lint_runtime.contract import Kind

    return shape.wrong is not None or shape.container in (Kind.STRING, Kind.MAPPING)


def _problem(use: Use, given: Given, site: Site) -> tuple[Problem | None, Shape | None]:
    """The problem of a ``secrets=`` argument, where every possibility is refused, and its first shape."""
    from modal_lint_runtime.contract import secrets_verdict

    ev = use.file.project.evaluator
    values = asked(ev, given.argument)
    shapes = [_shape(ev, value, given) for value in values]
    verdicts = [
        None if shape is None else secrets_verdict(shape.container, shape.elements, site, given.name, sdk=sdk_of(use))
        for shape in shapes
    ]
    if not verdicts or not all(verdict is not None and verdict.raises for verdict in verdicts):
        return None, None
    shape, verdict = shapes[0], verdicts[0]
    assert shape is not None
    assert verdict is not None
    element = None if shape.wrong is None else shape.items[shape.wrong][0]
    written = None if shape.wrong is None else _element_node(use.file, shape, shape.wrong)
    node = written or argument_node(use, given.param.name)
    value = shape.value if element is None else element
    steps = (*value.steps, *shape.value.steps) if element is not None else value.steps
    held = (value,) if element is not None else tuple(one.value for one in shapes if one is not None)
    problem = Problem(use, verdict, given.name, held, origin_of(value), node, None, steps, part=element is not None)
    return problem, shape


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
        return "a Secret alone" if value.type in _SECRET_TYPES else kind_of(value)
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
    from modal_lint_runtime.contract import Kind

    argument = given.argument
    if not isinstance(value, Sequence):
        kind = _kind(value, argument.node)
        if kind is None and argument.node is not None and argument.frame is not None:
            kind = _made_by_call(ev, argument.node, argument.frame)
        if kind is None:
            return None
        elements = {Kind.STRING: (Kind.STRING,), Kind.MAPPING: (Kind.STRING,), Kind.ITERATOR: (Kind.SECRET,)}
        return Shape(kind, () if _is_empty(value) else elements.get(kind, ()), value)
    container = _container(ev, value, argument.frame)
    if container is None:
        return None
    items = _items(ev, value, argument.node, argument.frame)
    kinds = [_element(item) for item in items]
    wrong = next((at for at, kind in enumerate(kinds) if kind is not Kind.SECRET), None)
    if container is Kind.ITERATOR and not kinds:
        kinds = [Kind.SECRET]
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
    from modal_lint_runtime.contract import Kind

    kinds = [_kind(value, None) for value in values]
    wrong = [kind for kind in kinds if kind is not None and kind is not Kind.SECRET]
    return wrong[0] if wrong and len(wrong) == len(kinds) else Kind.SECRET


def _kind(value: Value, node: ast.expr | None) -> Kind | None:
    from modal_lint_runtime.contract import Kind

    if isinstance(value, (Text, EnvRead)):
        return Kind.STRING
    if isinstance(value, Const):
        return Kind.NONE if value.value is None else Kind.OTHER
    if isinstance(value, Mapping):
        return Kind.MAPPING
    if isinstance(value, Sequence):
        return Kind.LIST
    if isinstance(value, Function):
        return Kind.OTHER
    if isinstance(value, Object):
        # An annotation may promise a Secret where a list of them, or None, is given.
        surely = value.call is not None or node is None
        return (Kind.SECRET if value.type in _SECRET_TYPES else Kind.OTHER) if surely else None
    return None


def _container(ev: Evaluator, value: Sequence, frame: Frame | None) -> Kind | None:
    """Which collection a sequence of known elements is."""
    from modal_lint_runtime.contract import Kind

    node = value.place.node if value.place is not None else None
    kinds: dict[type, Kind] = {
        ast.List: Kind.LIST,
        ast.ListComp: Kind.LIST,
        ast.Tuple: Kind.TUPLE,
        ast.Set: Kind.SET,
        ast.SetComp: Kind.SET,
        ast.GeneratorExp: Kind.ITERATOR,
        ast.Dict: Kind.SET,  # the keys, values or items of one
    }
    if type(node) in kinds:
        return kinds[type(node)]
    if isinstance(node, ast.FunctionDef) and not node.decorator_list:
        return Kind.ITERATOR
    if isinstance(node, ast.Call) and value.place is not None:
        inside = frame if frame is not None and frame.file is value.place.file else ev.module_frame(value.place.file)
        return _made_by_call(ev, node, inside)
    return None


def _made_by_call(ev: Evaluator, node: ast.expr, frame: Frame) -> Kind | None:
    """What a call of Python's own library makes."""
    from modal_lint_runtime.contract import Kind

    if not isinstance(node, ast.Call) or not isinstance(node.func, (ast.Name, ast.Attribute)):
        return None
    for function in ev.ask(node.func, frame):
        name = function.name if isinstance(function, External) else ""
        for names, kind in ((_LISTS, Kind.LIST), (_TUPLES, Kind.TUPLE), (_SETS, Kind.SET), (_ITERATORS, Kind.ITERATOR)):
            if name in names:
                return kind
    return None


# ---- keys -------------------------------------------------------------------------------------------------------


class Keys(NamedTuple):
    """The keys that a Secret is known to have; ``complete`` says that it has no others."""

    names: frozenset[str]
    complete: bool


def keys_of(secret: Value) -> Keys | None:
    """The keys of a Secret, where something is known of them on every run that makes it."""
    found = [_keys(use) for use in _makers(secret)]
    return found[0] if found and all(keys == found[0] for keys in found) else None


def is_ephemeral(secret: Value) -> bool:
    """Whether a Secret is made of a dict, a file or local variables, and has no name."""
    makers = _makers(secret)
    return bool(makers) and all(use.api.name in _UNNAMED for use in makers)


def _makers(secret: Value) -> list[Use]:
    if not isinstance(secret, Object) or secret.type not in _SECRET_TYPES or secret.call is None:
        return []
    return [use for use in secret.call.file.uses if use.node is secret.call.node]


def _keys(use: Use) -> Keys | None:
    name = use.api.name
    if name in _DICT_MAKERS:
        return _keys_of_mapping(use)
    if name == _LOCAL or name in _NAMED:
        listed = _listed(use, "env_keys" if name == _LOCAL else "required_keys")
        if listed is None or name == _LOCAL:
            return None if listed is None else Keys(listed, True)
        known = _configured(use)
        return Keys(listed, False) if known is None else Keys(known | listed, True)
    return None


def _keys_of_mapping(use: Use) -> Keys | None:
    for given in use.given(Sink.SECRET):
        values = asked(use.file.project.evaluator, given.argument)
        mapping = values[0] if len(values) == 1 else None
        if not isinstance(mapping, Mapping) or not mapping.complete:
            return None
        names = [entry.key.known if isinstance(entry.key, Text) else None for entry in mapping.entries]
        sure = all(not entry.maybe and not _may_be_dropped(entry.value) for entry in mapping.entries)
        return Keys(frozenset(name for name in names if name), True) if sure and None not in names else None
    return None


def _may_be_dropped(values: Values) -> bool:
    """Whether an entry may be None, and so not there: a variable that is asked for by ``get`` may be."""
    read = (isinstance(value, EnvRead) and isinstance(value.place.node, ast.Subscript) for value in values)
    return not all(isinstance(value, Text) or sure for value, sure in zip(values, read, strict=True))


def _listed(use: Use, parameter: str) -> frozenset[str] | None:
    given = use.bound.named.get(parameter)
    if given is None:
        return None if use.bound.open else frozenset()
    ev = use.file.project.evaluator
    values = asked(ev, given[0])
    items = library.elements(ev, values) if len(values) == 1 and isinstance(values[0], Sequence) else None
    if items is None or not all(len(list(known_texts(item))) == 1 == len(item) for item in items):
        return None
    return frozenset(text for item in items for text in known_texts(item))


def _configured(use: Use) -> frozenset[str] | None:
    """The keys that the configuration gives the Secret of this name."""
    given = use.bound.named.get("name")
    names = list(known_texts(asked(use.file.project.evaluator, given[0]))) if given else []
    found = use.file.project.known_secrets.get(names[0]) if len(names) == 1 and not is_reference(use) else None
    return None if found is None else frozenset(found)
