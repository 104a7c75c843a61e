"""What statements do to a value after it was made: ``d["k"] = v``, ``d.update(…)``, ``self.x = …``, ``fill(d)``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint import library, objects, operators
from modal_lint.calls import Frame, arguments_of
from modal_lint.records import replace
from modal_lint.scopes import MAX_CHANGES, Changes, Mutation
from modal_lint.values import (
    UNKNOWN,
    Bag,
    Const,
    Entry,
    Function,
    Instance,
    Mapping,
    Passage,
    Place,
    Sequence,
    Text,
    Unknown,
    Value,
    Values,
    passed,
    text,
    unite,
    with_steps,
)

if TYPE_CHECKING:
    from modal_lint.evaluate import Evaluator

MAX_FILLING = 4  # functions inside functions that fill a mapping handed to them
Path = tuple["ast.expr | str", ...]


def apply(ev: Evaluator, values: Values, changes: Changes, frames: tuple[Frame, Frame]) -> Values:
    """The values after the changes; ``frames`` are the runs in which the changes may stand, the binder's first."""
    for mutation, maybe in changes[:MAX_CHANGES]:
        frame = _frame_for(ev, mutation, frames)
        for run, certain in _runs(ev, mutation, frame):
            change = _Change(ev, mutation, run, maybe or not certain)
            values = unite(*(change.at(value, mutation.path) for value in values))
    return values


def _frame_for(ev: Evaluator, mutation: Mutation, frames: tuple[Frame, Frame]) -> Frame:
    file = frames[0].file
    owner = file.scopes.scope(mutation.node).function.node
    for frame in (frames[1], frames[0]):
        found = frame.of(owner)
        if found is not None:
            return found
    return Frame(file, owner, outer=ev.module_frame(file))


def _runs(ev: Evaluator, mutation: Mutation, frame: Frame) -> list[tuple[Frame, bool]]:
    """The runs of a mutation inside loops over known collections, each with whether it surely happens."""
    runs = [(frame, True)]
    for loop in frame.file.scopes.loops(mutation.node):
        if loop in frame.loops:
            continue
        following = []
        for run, certain in runs:
            elements = library.elements(ev, ev.evaluate(loop.iter, run))
            if elements is None:
                following.append((run, False))
            else:
                following += [(run.looping(loop, element), certain) for element in elements[:100]]
        runs = following[:100]
    return runs


class _Change:
    """One mutation in one run."""

    def __init__(self, ev: Evaluator, mutation: Mutation, frame: Frame, maybe: bool) -> None:
        self.ev, self.mutation, self.frame, self.maybe = ev, mutation, frame, maybe
        self.place = Place(frame.file, mutation.node)

    def at(self, value: Value, path: Path) -> Values:
        """The value after the change of what lies at ``path`` below it."""
        kind = self.mutation.kind
        if not path:
            return self._here(value)
        if len(path) == 1 and kind == "set":
            return self._set(value, path[0])
        if len(path) == 1 and kind == "delete":
            return (self._without(value, self._keys(path[0])),)
        return self._below(value, path)

    def _keys(self, step: ast.expr | str) -> Values:
        return (text(step, None),) if isinstance(step, str) else self.ev.evaluate(step, self.frame)

    def _below(self, value: Value, path: Path) -> Values:
        step = path[0]
        if isinstance(step, str):
            if not isinstance(value, (Instance, Bag)):
                return (value,)
            current = objects.attribute(self.ev, (value,), step)
            return (self._with_attribute(value, step, unite(*(self.at(one, path[1:]) for one in current))),)
        if isinstance(value, Unknown):
            value = Mapping((), complete=False)
        if isinstance(value, Sequence):
            return (self._item_below(value, path),)
        if not isinstance(value, Mapping):
            return (value,)
        for key in self._keys(step):
            name = key.known if isinstance(key, Text) else None
            if name is None:
                continue
            held = value.get(name)
            if held is None and value.environ:
                continue  # a variable is a text: nothing below it changes
            current = held or UNKNOWN
            changed = unite(*(self.at(one, path[1:]) for one in current))
            value = value.holding((*value.entries, Entry(key, changed, self.place, None, self.maybe)))
        return (value,)

    def _item_below(self, value: Sequence, path: Path) -> Sequence:
        index = next((k.value for k in self._keys(path[0]) if isinstance(k, Const) and isinstance(k.value, int)), None)
        if index is None or not -len(value.items) <= index < len(value.items):
            return value
        items = list(value.items)
        items[index] = unite(*(self.at(one, path[1:]) for one in items[index]))
        return replace(value, items=tuple(items))

    def _with_attribute(self, value: Instance | Bag, name: str, values: Values) -> Instance | Bag:
        if isinstance(value, Bag):
            entry = Entry(text(name, None), values, self.place)
            return replace(value, attributes=value.attributes.holding((*value.attributes.entries, entry)))
        return replace(value, attributes=(*value.attributes, (name, values)), made=value.original)

    def _set(self, value: Value, step: ast.expr | str) -> Values:
        assert self.mutation.value is not None
        assigned = self.ev.evaluate(self.mutation.value, self.frame)
        if isinstance(step, str):
            if not isinstance(value, (Instance, Bag)):
                return (value,)
            assigned = passed(assigned, Passage(self.place, f"assigned to .{step}"))
            if self.maybe:
                assigned = unite(assigned, objects.attribute(self.ev, (value,), step))
            return (self._with_attribute(value, step, assigned),)
        if isinstance(value, Unknown):
            value = Mapping((), complete=False)
        keys = self._keys(step)
        if isinstance(value, Sequence):
            return (value,)
        if not isinstance(value, Mapping):
            return (value,)
        maybe = self.maybe or len(keys) > 1
        entries = tuple(Entry(key, assigned, self.place, None, maybe) for key in keys)
        return (value.holding(value.entries + entries),)

    def _without(self, value: Value, keys: Values) -> Value:
        if not isinstance(value, Mapping) or self.maybe:
            return value
        names = {key.known for key in keys if isinstance(key, Text)}
        kept = tuple(e for e in value.entries if not (isinstance(e.key, Text) and e.key.known in names))
        return value.holding(kept)

    def _here(self, value: Value) -> Values:
        kind = self.mutation.kind
        if kind == "call":
            return self._called(value)
        if kind == "argument" and isinstance(value, (Mapping, Sequence, Unknown)):
            return self._handed(value)
        if kind == "aug" and self.mutation.value is not None:
            node = self.mutation.node
            assert isinstance(node, ast.AugAssign)
            added = self.ev.evaluate(self.mutation.value, self.frame)
            result = unite(*(operators.combine(node.op, value, one) for one in added))
            return unite(result, (value,)) if self.maybe else result
        return (value,)

    def _called(self, value: Value) -> Values:
        call = self.mutation.node
        assert isinstance(call, ast.Call)
        assert isinstance(call.func, ast.Attribute)
        name = call.func.attr
        if isinstance(value, Unknown) and name in ("update", "setdefault"):
            value = Mapping((), complete=False)
        if isinstance(value, Mapping):
            return (self._mapping_called(value, name, call),)
        if isinstance(value, Sequence):
            return (self._sequence_called(value, name, call),)
        return (value,)

    def _mapping_called(self, value: Mapping, name: str, call: ast.Call) -> Mapping:
        arguments = [self.ev.evaluate(node, self.frame) for node in call.args]
        if name == "update":
            entries, complete = updates(self.ev, call, self.frame)
            if self.maybe:
                entries = [replace(entry, maybe=True) for entry in entries]
            return value.holding((*value.entries, *entries), value.complete and complete)
        if name in ("setdefault", "__setitem__") and len(arguments) == 2:
            present = name == "setdefault" and any(value.get(key) for key in _texts(arguments[0]))
            if present:
                return value
            maybe = self.maybe or (not value.complete and name == "setdefault") or len(arguments[0]) > 1
            added = tuple(Entry(key, arguments[1], Place(self.frame.file, call), None, maybe) for key in arguments[0])
            return value.holding(value.entries + added)
        if name == "pop" and arguments:
            popped = self._without(value, arguments[0])
            assert isinstance(popped, Mapping)
            return popped
        if name == "clear" and not self.maybe:
            return value.holding(())
        return value

    def _sequence_called(self, value: Sequence, name: str, call: ast.Call) -> Sequence:
        arguments = [self.ev.evaluate(node, self.frame) for node in call.args]
        if name in ("append", "add", "appendleft") and arguments:
            return replace(value, items=(*value.items, arguments[0]))
        if name == "insert" and len(arguments) == 2:
            return replace(value, items=(arguments[1], *value.items))
        if name in ("extend", "update") and arguments:
            more = library.elements(self.ev, arguments[0])
            return replace(value, items=(*value.items, *(more or ())), complete=value.complete and more is not None)
        return value

    def _handed(self, value: Value) -> Values:
        """``fill(value)``: what the project's function does to its parameter."""
        call = self.mutation.node
        assert isinstance(call, ast.Call)
        for function in self.ev.evaluate(call.func, self.frame):
            if isinstance(function, Function) and not isinstance(function.place.node, ast.Lambda):
                return self._filled(value, function, call)
        return (value,)

    def _filled(self, value: Value, function: Function, call: ast.Call) -> Values:
        file, node = function.place.file, function.place.node
        assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        frame = Frame(
            file,
            node,
            arguments=arguments_of(call, self.frame),
            outer=function.frame,
            receiver=function.receiver,
            caller=self.frame,
        )
        if frame.depth > MAX_FILLING or self.frame.calls_of(node):
            return (value,)
        assert frame.arguments is not None
        bound = self.ev.bind(node, frame, frame.arguments)
        names = [name for name, given in bound.named.items() if any(one.node is self.mutation.value for one in given)]
        scope = file.scopes.of[node]
        step = Passage(self.place, f"filled by {node.name}()")
        if not names or names[0] not in scope.mutations:
            return (value,)
        changes = file.scopes.changes(scope, names[0], (0, 0), None)
        if self.maybe:
            changes = tuple((mutation, True) for mutation, _ in changes)
        return tuple(with_steps(one, (step,)) for one in apply(self.ev, (value,), changes, (frame, frame)))


def merged(values: Values) -> tuple[list[Entry], bool]:
    """The entries that ``**values`` or ``update(values)`` brings, and whether these are all."""
    mappings = [value for value in values if isinstance(value, Mapping)]
    complete = len(mappings) == len(values) and all(mapping.complete for mapping in mappings)
    alternative = len(values) > 1
    entries = [
        Entry(
            entry.key,
            entry.value,
            entry.place,
            entry.display,
            entry.maybe or alternative,
            entry.steps + mapping.steps,
        )
        for mapping in mappings
        for entry in mapping.entries
    ]
    return entries, complete


def updates(ev: Evaluator, call: ast.Call, frame: Frame) -> tuple[list[Entry], bool]:
    """The entries that ``dict(…)`` or ``d.update(…)`` with these arguments brings, and whether these are all."""
    entries: list[Entry] = []
    complete = True
    for node in call.args:
        values = ev.evaluate(node, frame)
        mapped = tuple(pairs(ev, value) if isinstance(value, Sequence) else value for value in values)
        more, whole = merged(mapped)
        entries += more
        complete = complete and whole
    for keyword in call.keywords:
        values = ev.evaluate(keyword.value, frame)
        if keyword.arg is None:
            more, whole = merged(values)
            entries += more
            complete = complete and whole
        else:
            key = text(keyword.arg, None)
            entries.append(Entry(key, values, Place(frame.file, keyword), Place(frame.file, call)))
    return entries, complete


def pairs(ev: Evaluator, value: Sequence) -> Mapping:
    """The mapping made of a sequence of pairs."""
    entries: list[Entry] = []
    complete = value.complete
    for item in value.items:
        parts = [part for part in (library.elements(ev, (one,)) for one in item) if part is not None and len(part) == 2]
        complete = complete and bool(parts)
        for part in parts:
            place = next((one.place for one in item if isinstance(one, Sequence) and one.place), value.place)
            entries += [Entry(key, part[1], place, None, len(part[0]) > 1) for key in part[0]]
    return Mapping(tuple(entries), complete, value.place, value.steps)


def _texts(values: Values) -> list[str]:
    return [value.known for value in values if isinstance(value, Text) and value.known is not None]
