"""Calls: frames in which code is evaluated, and which argument goes to which parameter."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.nodes import defaults_of
from modal_lint.values import (
    UNKNOWN,
    Argument,
    Arguments,
    Const,
    Entry,
    Mapping,
    Sequence,
    Text,
    Value,
    Values,
    moved,
    text,
    unite,
    with_steps,
)

if TYPE_CHECKING:
    from modal_lint.scopes import Binding, FunctionNode
    from modal_lint.source import File

Evaluate = Callable[[ast.AST, "Frame"], Values]


class Frame:
    """One run of a module's, class's or function's body.

    Args:
        file: the file of the code.
        node: the module, class or function.
        arguments: what a function was called with; None when that is not known.
        outer: the frame around its definition.
        receiver: what ``self`` or ``cls`` is.
        caller: the frame that called, for bounding recursion.
        loops: what the target of a loop is in this run: loop node ▸ one element.
    """

    __slots__ = ("arguments", "bound", "caller", "depth", "file", "held", "loops", "memo", "needy", "node",
                 "outer", "receiver")  # fmt: skip

    def __init__(
        self,
        file: File,
        node: ast.AST,
        *,
        arguments: Arguments | None = None,
        outer: Frame | None = None,
        receiver: Value | None = None,
        caller: Frame | None = None,
        loops: dict[ast.AST, Values] | None = None,
    ) -> None:
        self.file, self.node, self.arguments, self.outer = file, node, arguments, outer
        self.receiver, self.caller, self.loops = receiver, caller, loops or {}
        self.depth: int = caller.depth + 1 if caller is not None else 0
        self.memo: dict[ast.AST, Values] = {}  # of expressions
        self.held: dict[Binding, Values] = {}  # of bindings
        self.needy: set[object] = set()  # those of both that depend on how the function is called
        self.bound: Bound | None = None

    def looping(self, loop: ast.AST, element: Values) -> Frame:
        """This run, at one element of a loop."""
        frame = Frame(
            self.file,
            self.node,
            arguments=self.arguments,
            outer=self.outer,
            receiver=self.receiver,
            caller=self.caller,
            loops={**self.loops, loop: element},
        )
        frame.depth = self.depth
        return frame

    def of(self, node: ast.AST) -> Frame | None:
        """The frame of an enclosing module, class or function."""
        frame: Frame | None = self
        while frame is not None and frame.node is not node:
            frame = frame.outer
        return frame

    def calls_of(self, node: ast.AST) -> int:
        """How many runs of this function are under way."""
        count, frame = 0, self
        while frame is not None:
            count += frame.node is node
            frame = frame.caller  # type: ignore[assignment]
        return count


class Bound:
    """The arguments of a call, by parameter. ``open`` says that unknown further keywords may be there."""

    __slots__ = ("extra", "keywords", "named", "open")

    def __init__(self, *, is_open: bool = False) -> None:
        self.named: dict[str, list[Argument]] = {}
        self.extra: list[Argument] = []  # what goes to ``*args``
        self.keywords: list[tuple[str, Argument]] = []  # what goes to ``**kwargs``
        self.open = is_open


def arguments_of(call: ast.Call, frame: Frame, skip: int = 0) -> Arguments:
    """The arguments written in a call, without the first ``skip`` positional ones."""
    positional = [
        (True, Argument(node.value, frame)) if isinstance(node, ast.Starred) else (False, Argument(node, frame))
        for node in call.args[skip:]
    ]
    keywords = [(keyword.arg, Argument(keyword.value, frame)) for keyword in call.keywords]
    return Arguments(tuple(positional), tuple(keywords))


def join_arguments(first: Arguments, second: Arguments) -> Arguments:
    """Arguments of a partial, then those of its call; a keyword of the latter replaces one of the former."""
    names = {name for name, _ in second.keywords if name is not None}
    kept = tuple((name, argument) for name, argument in first.keywords if name not in names)
    return Arguments(first.positional + second.positional, kept + second.keywords)


def values_of(argument: Argument, evaluate: Evaluate) -> Values:
    """What an argument may be."""
    if argument.node is None or argument.frame is None:
        return argument.values or UNKNOWN
    return evaluate(argument.node, argument.frame)


def handed(argument: Argument, evaluate: Evaluate, how: str) -> Values:
    """What an argument may be for who gets it: one step further, where it is an expression."""
    values = values_of(argument, evaluate)
    if argument.node is None or argument.frame is None:
        return values
    return moved(values, argument.frame.file, argument.node, how)


class Signature(NamedTuple):
    """The names of a callable's parameters."""

    positional: tuple[str, ...]  # those that take an argument by its place
    all: frozenset[str]  # and those that take one by name alone; ``*`` and ``**`` are not named


def bind(arguments: Arguments, parameters: Signature, evaluate: Evaluate) -> Bound:
    """Give each argument to its parameter; ``evaluate`` is used for splats only."""
    bound = Bound()
    if arguments.positional:
        given = _positionals(arguments, evaluate, bound)
        for name, argument in zip(parameters.positional, given, strict=False):
            bound.named[name] = [argument]
        bound.extra = given[len(parameters.positional) :]
    if arguments.keywords:
        for keyword, argument in _keywords(arguments, evaluate, bound):
            if keyword in parameters.all:
                bound.named.setdefault(keyword, []).append(argument)
            else:
                bound.keywords.append((keyword, argument))
    return bound


def has_splats(arguments: Arguments) -> bool:
    """Whether there is a ``*x`` or ``**x`` among the arguments, without which binding them evaluates nothing."""
    return any(starred for starred, _ in arguments.positional) or any(name is None for name, _ in arguments.keywords)


def _positionals(arguments: Arguments, evaluate: Evaluate, bound: Bound) -> list[Argument]:
    given: list[Argument] = []
    for starred, argument in arguments.positional:
        if not starred:
            given.append(argument)
            continue
        sequences = [v for v in values_of(argument, evaluate) if isinstance(v, Sequence)]
        if not sequences:
            bound.open = True
            continue
        longest = max(sequences, key=lambda s: len(s.items))
        for index in range(len(longest.items)):
            items = unite(
                *(tuple(with_steps(v, s.steps) for v in s.items[index]) for s in sequences if index < len(s.items))
            )
            given.append(Argument(None, None, items))
        bound.open = bound.open or not all(s.complete for s in sequences)
    return given


def _keywords(arguments: Arguments, evaluate: Evaluate, bound: Bound) -> list[tuple[str, Argument]]:
    found: list[tuple[str, Argument]] = []
    for name, argument in arguments.keywords:
        if name is not None:
            found.append((name, argument))
            continue
        values = values_of(argument, evaluate)
        mappings = [value for value in values if isinstance(value, Mapping)]
        bound.open = bound.open or len(mappings) < len(values) or not all(m.complete for m in mappings)
        for mapping in mappings:
            for entry in effective(mapping):
                key = entry.key.known if isinstance(entry.key, Text) else None
                if key is None:
                    bound.open = True
                    continue
                passed = tuple(with_steps(value, entry.steps + mapping.steps) for value in entry.value)
                found.append((key, Argument(None, None, passed, entry)))
    return found


def effective(mapping: Mapping) -> list[Entry]:
    """The entries that a reader of the mapping can see: one that a later entry surely replaces is dropped."""
    shown: list[Entry] = []
    replaced: set[object] = set()
    for entry in reversed(mapping.entries):
        key = entry.key.known if isinstance(entry.key, Text) else None
        if key is None and isinstance(entry.key, Const):
            key = entry.key.value  # type: ignore[assignment]
        if key is not None and key in replaced:
            continue
        shown.append(entry)
        if key is not None and not entry.maybe:
            replaced.add(key)
    return shown[::-1]


class Parameters(NamedTuple):
    """What is written of the parameters of a function."""

    first: str | None  # that takes an argument by its place: ``self``, in a method
    annotations: dict[str, ast.expr | None]
    defaults: dict[str, ast.expr]
    signature: Signature
    bound_signature: Signature  # without the first, as one sees it who calls a method of an instance


def parameters_of(node: FunctionNode) -> Parameters:
    """A function's parameters; what ``*`` and ``**`` take is none of them."""
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    named = [*positional, *arguments.kwonlyargs]
    places = tuple([arg.arg for arg in positional])
    by_name = [arg.arg for arg in arguments.kwonlyargs]
    return Parameters(
        places[0] if places else None,
        {arg.arg: arg.annotation for arg in named},
        defaults_of(arguments),
        Signature(places, frozenset((*places, *by_name))),
        Signature(places[1:], frozenset((*places[1:], *by_name))),
    )


def extra_mapping(keywords: list[tuple[str, Argument]], evaluate: Evaluate, complete: bool) -> Mapping:
    """The mapping that ``**kwargs`` is."""
    entries = tuple(
        Entry(text(name, None), values_of(argument, evaluate), argument.entry.place if argument.entry else None)
        for name, argument in keywords
    )
    return Mapping(entries, complete)
