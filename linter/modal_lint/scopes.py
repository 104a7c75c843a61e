"""Scopes of a file: who binds a name, who changes what it holds, and which of it can reach a use.

Reaching definitions are block-structured: a binding in a block around the use ends the search, one in a branch is
a possibility, one in the other branch of the same ``if`` is none.
"""

from __future__ import annotations

import ast
from bisect import bisect_left, bisect_right
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

from modal_lint.nodes import FIELDS, all_arguments, all_parameters, parts
from modal_lint.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Set

    from modal_lint.source import File

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_COMPREHENSIONS = frozenset(COMPREHENSIONS)
_STORED = frozenset((ast.Name, ast.Attribute, ast.Subscript))  # what holds something that may be changed
MUTATORS = frozenset(
    ("update", "setdefault", "append", "extend", "insert", "add", "pop", "clear", "__setitem__", "appendleft")
)
_BLOCKS = frozenset(("body", "orelse", "finalbody"))
_BODIES = frozenset((ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda))  # the rest runs outside
_LEAVES = frozenset((ast.Name, ast.Constant, ast.alias))  # nothing is to be learnt from walking into them
_HOLDERS = frozenset((ast.Attribute, ast.keyword, ast.Await, ast.Starred))  # nor here: all is in their one field
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
Position = tuple[int, int]
Block = tuple[ast.AST, str]
MAX_CHANGES = 400  # mutations of one name that are followed
_END: Position = (1 << 30, 0)  # after everything


@record
class Binding:
    """One place that binds a name. ``path`` says which part of the value: ``a, (b, c) = value`` gives c (1, 1)."""

    name: str
    kind: str  # assign, aug, for, with, import, def, param, walrus, global-use, other
    node: ast.AST
    value: ast.expr | None = None
    path: tuple[int | str, ...] = ()
    position: Position = (0, 0)


@record
class Mutation:
    """One place that changes what a name holds, at ``path`` below it (subscripts as nodes, attributes as strings)."""

    name: str
    kind: str  # set, aug, call, delete, argument
    path: tuple[ast.expr | str, ...]
    node: ast.AST  # the statement's target, or the call
    value: ast.expr | None
    position: Position


class Scope:
    """A module, class, function, lambda or comprehension."""

    __slots__ = ("bindings", "children", "function", "is_class", "is_comprehension", "mutations", "node",
                 "outer_names", "parent", "returns")  # fmt: skip

    def __init__(self, node: ast.AST, parent: Scope | None) -> None:
        self.node, self.parent = node, parent
        self.bindings: dict[str, list[Binding]] = {}
        self.mutations: dict[str, list[Mutation]] = {}
        self.outer_names: frozenset[str] = frozenset()  # declared global or nonlocal
        self.returns: list[ast.AST] = []  # Return and Yield nodes
        self.children: list[Scope] = []
        kind = node.__class__
        self.is_class = kind is ast.ClassDef
        self.is_comprehension = kind in _COMPREHENSIONS
        # Whose frame this one runs in: comprehensions run in the one around them.
        self.function: Scope = parent.function if self.is_comprehension and parent is not None else self


# The bindings of a name that can reach a use, and its mutations before it, each with whether it only may happen.
Reaching = tuple[tuple[Binding, bool], ...]
Changes = tuple[tuple[Mutation, bool], ...]
# The scope that binds a name (None: nobody in the file), whether it runs where the name stands, and the binding where a
# name is bound once and never changed.
Resolved = tuple["Scope | None", bool, "Binding | None"]


class _Ordered:
    """The bindings of one name, the latest first."""

    def __init__(self, bindings: list[Binding]) -> None:
        self._ranks = sorted(range(len(bindings)), key=lambda at: bindings[at].position, reverse=True)
        self._bindings = bindings
        self._positions = sorted(binding.position for binding in bindings)

    def before(self, moment: Position) -> Iterator[Binding]:
        """Those up to a moment, the latest first."""
        count = len(self._ranks)
        for index in range(count - bisect_right(self._positions, moment), count):
            yield self._bindings[self._ranks[index]]

    def between(self, moment: Position, end: Position) -> list[Binding]:
        """Those after a moment and no later than ``end``, in the order in which they were found."""
        count = len(self._ranks)
        first = count - bisect_right(self._positions, end)
        return [self._bindings[at] for at in sorted(self._ranks[first : count - bisect_right(self._positions, moment)])]


class Scopes:
    """All scopes of a file, made in one walk."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.parents: dict[ast.AST, ast.AST] = {}
        self.blocks: dict[ast.AST, Block] = {}  # statement ▸ the block it stands in
        # Node ▸ the scope that it is evaluated in; of what is left out it is the same as its parent's.
        self._homes: dict[ast.AST, Scope] = {}
        self.strings: list[ast.Constant] = []  # the literals, in no order
        self._looping: set[Scope] = set()  # functions with a ``for`` statement
        self.of: dict[ast.AST, Scope] = {}  # the node that opens a scope ▸ the scope
        self.calls: list[ast.Call] = []
        # The numbers of those that call something by the name of its attribute, by a name, and by neither.
        self.methods: defaultdict[str, list[int]] = defaultdict(list)
        self.functions: defaultdict[str, list[int]] = defaultdict(list)
        self.others: list[int] = []
        self.passed: set[str] = set()  # the attributes on the way to what is called
        self.valued: set[str] = set()  # the names that anything binds other than a plain ``def`` or ``class``
        self.displays: list[ast.Dict] = []
        self.additions: list[ast.AugAssign] = []
        self.imports: list[ast.Import | ast.ImportFrom] = []
        self.subscripts: list[ast.Assign | ast.AnnAssign] = []  # assignments to a subscript
        self._resolved: dict[ast.Name, Resolved] = {}
        self._bound: dict[tuple[Scope, str], _Ordered] = {}
        self._changed: dict[tuple[Scope, str], tuple[list[Position], list[Mutation]]] = {}
        self._reaching: dict[tuple[Scope, str, ast.AST | None], Reaching] = {}
        self._changes: dict[tuple[Scope, str, Position, ast.AST | None], Changes] = {}
        self._readers: dict[str, dict[Scope | None, list[ast.Name]]] = {}
        self.module = self._open(file.tree, None)
        self._walk()

    def scope(self, node: ast.AST) -> Scope:
        """The scope in which the node is evaluated (defaults and decorators belong to the scope around)."""
        homes, parents = self._homes, self.parents
        above: ast.AST | None = node
        while above is not None:
            home = homes.get(above)
            if home is not None:
                return home
            above = parents.get(above)
        return self.module

    @cached_property
    def at_import(self) -> list[ast.AST]:
        """The nodes that are evaluated while the module is imported: everything but the bodies of functions."""
        found: list[ast.AST] = []
        pending: list[ast.AST] = [self.file.tree]
        while pending:
            node = pending.pop()
            for name in reversed(FIELDS[node.__class__]):
                value = node.__dict__[name]
                if value and not (name == "body" and isinstance(node, FunctionNode)):
                    inner = [one for one in reversed(value) if one is not None] if isinstance(value, list) else [value]
                    found += inner
                    pending += inner
        return found

    def defines_plainly(self, name: str) -> bool:
        """Whether one definition of the module's, without a decorator, is all that binds a name there."""
        bindings = self.module.bindings.get(name, ())
        return len(bindings) == 1 and _is_plain_definition(bindings[0])

    # ---- building -------------------------------------------------------------------------------------------

    def _open(self, node: ast.AST, parent: Scope | None) -> Scope:
        scope = Scope(node, parent)
        self.of[node] = scope
        if parent is not None:
            parent.children.append(scope)
        return scope

    def _walk(self) -> None:
        """Visit every node once with the scope it is evaluated in; no recursion, for trees of any depth."""
        parents, blocks, homes, strings = self.parents, self.blocks, self._homes, self.strings
        visits, leaves, holders, constant = _VISITS, _LEAVES, _HOLDERS, ast.Constant
        scope = self.module
        homes[self.file.tree] = scope
        # Nodes; or of one that opens a scope some fields, and the scope in which they and what follows are evaluated.
        stack: list[Any] = [self.file.tree]
        pop, push = stack.pop, stack.append
        while stack:
            node = pop()
            kind = type(node)
            if kind is tuple:
                node, fields, scope = node
            else:
                handler, fields = visits[kind]
                inner = None if handler is None else handler(self, node, scope)
                if inner is not None:
                    for is_inside, group in fields:
                        push((node, group, inner if is_inside else scope))
                    continue
            values = node.__dict__
            for name, is_block in fields:  # from the last to the first: the stack turns them round
                value = values[name]
                if not value:
                    continue
                above, kind = node, type(value)
                if kind is not list:
                    while kind in holders:
                        parents[value] = above
                        above, value = value, value.value
                        kind = type(value)
                    parents[value] = above
                    if kind not in leaves:
                        homes[value] = scope
                        push(value)
                    elif kind is constant and type(value.value) is str:
                        strings.append(value)
                elif is_block:
                    block = (node, name)
                    for item in reversed(value):
                        parents[item] = node
                        homes[item] = scope
                        blocks[item] = block
                        push(item)
                else:
                    for item in reversed(value):
                        above, kind = node, type(item)
                        while kind in holders:
                            parents[item] = above
                            above, item = item, item.value
                            kind = type(item)
                        if kind not in leaves:
                            if item is not None:  # the key of ``**mapping``, a parameter without a default
                                parents[item] = above
                                homes[item] = scope
                                push(item)
                            continue
                        parents[item] = above
                        if kind is constant and type(item.value) is str:
                            strings.append(item)

    def _function(self, node: FunctionNode, scope: Scope) -> Scope:
        inner = self._open(node, scope)
        if isinstance(node, ast.Lambda):
            self._homes[node.body] = inner  # a leaf may be all that it is
        else:
            # Bound once its header has run; recursion inside sees it too.
            self._bind(scope, Binding(node.name, "def", node, None, (), _start(node)))
        for arg in all_parameters(node.args):
            inner.bindings.setdefault(arg.arg, []).append(Binding(arg.arg, "param", arg))
        self.valued.update(inner.bindings)
        return inner

    def _class(self, node: ast.ClassDef, scope: Scope) -> Scope:
        self._bind(scope, Binding(node.name, "def", node, None, (), _start(node)))
        return self._open(node, scope)

    def _comprehension(self, node: Comprehension, scope: Scope) -> Scope:
        inner = self._open(node, scope)
        for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):  # as above
            self._homes[part] = inner
        for generator in node.generators:
            self._target(inner, generator.target, generator.iter, "for", generator, ())
        return inner

    def _assign(self, node: ast.Assign, scope: Scope) -> None:
        for target in node.targets:
            self._target(scope, target, node.value, "assign", node, ())

    def _annotated(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            self._target(scope, node.target, node.value, "assign", node, ())

    def _target(
        self, scope: Scope, target: ast.expr, value: ast.expr, kind: str, node: ast.AST, path: tuple[int | str, ...]
    ) -> None:
        if isinstance(target, ast.Name):
            place: Any = target if kind in ("for", "with") else node  # of these the statement ends far below
            position = (place.end_lineno, place.end_col_offset)
            self._bind(scope, Binding(target.id, kind, node, value, path, position))
        elif isinstance(target, (ast.Tuple, ast.List)):
            starred = False
            for index, item in enumerate(target.elts):
                if isinstance(item, ast.Starred):
                    starred = True
                    self._target(scope, item.value, value, kind, node, (*path, f"{index}:{len(target.elts)}"))
                else:
                    step = index - len(target.elts) if starred else index
                    self._target(scope, item, value, kind, node, (*path, step))
        elif isinstance(target, (ast.Subscript, ast.Attribute)):
            if kind == "assign" and isinstance(target, ast.Subscript):
                self.subscripts.append(node)  # type: ignore[arg-type]
            if not path:
                self._mutate(scope, target, "set", target, value, _end(node))

    def _aug(self, node: ast.AugAssign, scope: Scope) -> None:
        self.additions.append(node)
        if isinstance(node.target, ast.Name):
            self._bind(scope, Binding(node.target.id, "aug", node, node.value, (), _end(node)))
        else:
            self._mutate(scope, node.target, "aug", node, node.value, _end(node))

    def _walrus(self, node: ast.NamedExpr, scope: Scope) -> None:
        self._target(scope.function, node.target, node.value, "walrus", node, ())

    def _for(self, node: ast.For | ast.AsyncFor, scope: Scope) -> None:
        self._looping.add(scope.function)
        self._target(scope, node.target, node.iter, "for", node, ())

    def _with(self, node: ast.With | ast.AsyncWith, scope: Scope) -> None:
        for item in node.items:
            if item.optional_vars is not None:
                self._target(scope, item.optional_vars, item.context_expr, "with", item, ())

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        self.imports.append(node)
        position = _end(node)
        for alias in node.names:
            name = alias.asname or (alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name)
            self._bind(scope, Binding(name, "import", alias, None, (), position))

    def _outer(self, node: ast.Global | ast.Nonlocal, scope: Scope) -> None:
        scope.outer_names |= frozenset(node.names)

    def _call(self, node: ast.Call, scope: Scope) -> None:
        number = len(self.calls)
        self.calls.append(node)
        func = node.func
        if isinstance(func, ast.Attribute):
            self.methods[func.attr].append(number)
            owner = func.value
            while isinstance(owner, ast.Attribute):
                self.passed.add(owner.attr)
                owner = owner.value
            if func.attr in MUTATORS:
                self._mutate(scope, func.value, "call", node, None, _end(node))
        elif isinstance(func, ast.Name):
            self.functions[func.id].append(number)
        else:
            self.others.append(number)
        statement = self.parents[node]
        if type(statement) is ast.Await:
            statement = self.parents[statement]
        if type(statement) is ast.Expr:
            for argument in all_arguments(node):
                if type(argument) in _STORED:
                    self._mutate(scope, argument, "argument", node, argument, _end(node))

    def _delete(self, node: ast.Delete, scope: Scope) -> None:
        for target in node.targets:
            if isinstance(target, (ast.Subscript, ast.Attribute)):
                self._mutate(scope, target, "delete", target, None, _end(node))

    def _return(self, node: ast.Return | ast.Yield, scope: Scope) -> None:
        scope.function.returns.append(node)

    def _display(self, node: ast.Dict, scope: Scope) -> None:  # noqa: ARG002
        self.displays.append(node)

    def _other(self, node: ast.AST, scope: Scope) -> None:
        name = getattr(node, "name", None) or getattr(node, "rest", None)
        if isinstance(name, str):
            self._bind(scope, Binding(name, "other", node, position=(getattr(node, "lineno", 0), 0)))

    def _bind(self, scope: Scope, binding: Binding) -> None:
        home = scope
        if scope.outer_names and binding.name in scope.outer_names:
            outer = scope.parent
            while outer is not None and (outer.is_class or outer.is_comprehension):
                outer = outer.parent
            home = outer or self.module
            if binding.name not in home.bindings:
                home = self.module
        home.bindings.setdefault(binding.name, []).append(binding)
        if not _is_plain_definition(binding):
            self.valued.add(binding.name)

    def _mutate(
        self, scope: Scope, target: ast.expr, kind: str, node: ast.AST, value: ast.expr | None, position: Position
    ) -> None:
        path: list[ast.expr | str] = []
        while not isinstance(target, ast.Name):
            if isinstance(target, ast.Attribute):
                path.append(target.attr)
                target = target.value
            elif isinstance(target, ast.Subscript):
                path.append(target.slice)
                target = target.value
            elif isinstance(target, ast.Call) and _reaches_entry(target):  # ``d.setdefault("k", {})`` is ``d["k"]``
                path.append(target.args[0])
                assert isinstance(target.func, ast.Attribute)
                target = target.func.value
            else:
                return
        mutation = Mutation(target.id, kind, tuple(path[::-1]), node, value, position)
        scope.function.mutations.setdefault(target.id, []).append(mutation)

    @cached_property
    def mutating(self) -> dict[str, list[Scope]]:
        """The scopes in which what a name holds is changed."""
        found: dict[str, list[Scope]] = {}
        for scope in self.of.values():
            for name in scope.mutations:
                found.setdefault(name, []).append(scope)
        return found

    # ---- asking ---------------------------------------------------------------------------------------------

    def called(self, names: Set[str]) -> list[ast.Call]:
        """The calls of what has one of some last names, in the order of `calls`."""
        numbers: list[int] = []
        for by_name in (self.methods, self.functions):
            for name in names & by_name.keys():
                numbers += by_name[name]
        return [self.calls[number] for number in sorted(numbers)]

    def lookup(self, name: str, scope: Scope) -> Scope | None:
        """The scope that binds the name as seen from ``scope``; None for a builtin or an unknown name."""
        start: Scope | None = scope
        current = scope
        while True:
            if (
                name in current.bindings
                and name not in current.outer_names
                and (not current.is_class or current is start)
            ):
                return current
            if current.parent is None:
                return None
            current = current.parent
            if start is not None and not start.is_comprehension:
                start = None

    def resolved(self, name: ast.Name) -> Resolved:
        """Who binds a name, as seen from where it stands; the same in every run, and asked for in each."""
        known = self._resolved.get(name)
        if known is None:
            scope = self.scope(name)
            home = self.lookup(name.id, scope)
            here, sole = False, None
            if home is not None:
                here = home.function is scope.function
                bindings = home.bindings[name.id]
                if len(bindings) == 1 and name.id not in self.mutating:
                    sole = bindings[0] if not here or bindings[0].position <= _start(name) else None
            known = self._resolved[name] = home, here, sole
        return known

    def reaching(self, scope: Scope, name: str, use: ast.AST | None) -> Reaching:
        """The bindings of ``name`` in ``scope`` that can reach ``use``, latest first, each with whether it is only
        a possibility. ``use`` None means the end of the scope, as a function called later sees it."""
        key = (scope, name, use)
        known = self._reaching.get(key)
        if known is None:
            known = self._reaching[key] = self._that_reach(scope, name, use)
        return known

    def _that_reach(self, scope: Scope, name: str, use: ast.AST | None) -> Reaching:
        bindings = scope.bindings.get(name, [])
        if scope.is_comprehension:
            return tuple((binding, False) for binding in bindings)
        moment = _start(use) if use is not None else _END
        if len(bindings) == 1 and bindings[0].position <= moment:
            return ((bindings[0], False),)
        around = self._around(use) if use is not None else {(scope.node, "body")}
        owners = {block[0] for block in around}
        found: list[tuple[Binding, bool]] = []
        covered: set[Block] = set()
        ordered = self._in_order(scope, name, bindings)
        done = False
        for binding in ordered.before(moment):
            relation = self._relation(binding.node, around, owners, scope)
            if relation == "never":
                continue
            found.append((binding, relation == "maybe"))
            if relation == "always" or self._covers(binding.node, covered, around):
                done = True
                break
        if use is not None and not (done and len(found) == 1 and found[0][0].kind == "for"):
            loops = [owner for owner in owners if isinstance(owner, (ast.For, ast.AsyncFor, ast.While))]
            if loops:
                later = ordered.between(moment, max(_end(loop) for loop in loops))
                found += [(b, True) for b in later if any(self.within(b.node, loop) for loop in loops)]
        return tuple(found)

    def _in_order(self, scope: Scope, name: str, bindings: list[Binding]) -> _Ordered:
        key = (scope, name)
        if key not in self._bound:
            self._bound[key] = _Ordered(bindings)
        return self._bound[key]

    def changes(self, scope: Scope, name: str, since: Position, use: ast.AST | None) -> Changes:
        """The first MAX_CHANGES mutations of a name between ``since`` and ``use``, in order, each with whether it
        only may happen."""
        if name not in scope.mutations:
            return ()
        key = (scope, name, since, use)
        known = self._changes.get(key)
        if known is None:
            known = self._changes[key] = self._that_change(scope, name, since, use)
        return known

    def _that_change(self, scope: Scope, name: str, since: Position, use: ast.AST | None) -> Changes:
        key = (scope, name)
        if key not in self._changed:
            ordered = sorted(scope.mutations[name], key=lambda m: m.position)
            self._changed[key] = [mutation.position for mutation in ordered], ordered
        positions, ordered = self._changed[key]
        first = bisect_left(positions, since)
        last = bisect_right(positions, _start(use) if use is not None else _END)
        if first >= last:
            return ()
        around = self._around(use) if use is not None else {(scope.node, "body")}
        owners = {block[0] for block in around}
        inside = set(self._upwards(use))
        found: list[tuple[Mutation, bool]] = []
        for index in range(first, last):
            mutation = ordered[index]
            if mutation.node in inside:
                continue
            relation = self._relation(mutation.node, around, owners, scope)
            if relation != "never":
                found.append((mutation, relation == "maybe"))
                if len(found) == MAX_CHANGES:
                    break
        return tuple(found)

    def readers(self, name: str, home: Scope) -> list[ast.Name]:
        """The places that read or delete what a scope binds to a name."""
        if name not in self._readers:
            found: dict[Scope | None, list[ast.Name]] = {}
            for node in self.file.names.get(name, ()):
                if not isinstance(node.ctx, ast.Store):
                    found.setdefault(self.lookup(name, self.scope(node)), []).append(node)
            self._readers[name] = found
        return self._readers[name].get(home, [])

    def _upwards(self, node: ast.AST | None) -> Iterator[ast.AST]:
        """A node and what it stands in."""
        while node is not None:
            yield node
            node = self.parents.get(node)

    def may_repeat(self, scope: Scope) -> bool:
        """Whether there may be loops or comprehensions around what stands in a scope, inside its function."""
        return scope.is_comprehension or scope.function in self._looping

    def loops(self, node: ast.AST) -> list[ast.For]:
        """The ``for`` statements around a node inside its function, outermost first."""
        if self.scope(node).function not in self._looping:
            return []
        found = []
        child, parent = node, self.parents.get(node)
        while parent is not None and not isinstance(parent, (*_NAMED, ast.Lambda)):
            if isinstance(parent, ast.For) and self.blocks.get(child, (None, ""))[1] == "body":
                found.append(parent)
            child, parent = parent, self.parents.get(parent)
        return found[::-1]

    def comprehensions(self, node: ast.AST) -> list[Comprehension]:
        """The comprehensions whose body a node is part of, outermost first."""
        if not self.scope(node).is_comprehension:
            return []
        found: list[Comprehension] = []
        child, parent = node, self.parents.get(node)
        while parent is not None and not isinstance(parent, (*_NAMED, ast.Lambda)):
            if isinstance(parent, COMPREHENSIONS) and not isinstance(child, ast.comprehension):
                found.append(parent)
            child, parent = parent, self.parents.get(parent)
        return found[::-1]

    def within(self, node: ast.AST | None, ancestor: ast.AST) -> bool:
        """Whether the node is ``ancestor`` or stands inside it."""
        while node is not None:
            if node is ancestor:
                return True
            node = self.parents.get(node)
        return False

    def _around(self, node: ast.AST) -> set[Block]:
        blocks: set[Block] = set()
        current: ast.AST | None = node
        while current is not None:
            block = self.blocks.get(current)
            if block is not None:
                blocks.add(block)
            current = self.parents.get(current)
        blocks.add((self.file.tree, "body"))
        return blocks

    def _relation(self, node: ast.AST, around: set[Block], owners: set[ast.AST], scope: Scope) -> str:
        """Whether what happens at ``node`` has happened for sure ("always"), perhaps, or "never" at the use."""
        if isinstance(node, ast.arg):
            return "always"
        relation = "always"
        current: ast.AST | None = node
        while current is not None and current is not scope.node:
            parent = self.parents.get(current)
            if _is_conditional_part(current, parent):
                relation = "maybe"
            block = self.blocks.get(current)
            if block is not None:
                if block in around:
                    return relation
                owner, field_name = block
                if _leaves(getattr(owner, field_name)):
                    return "never"
                if isinstance(owner, ast.If) and owner in owners:
                    return "never"  # the other branch
                if isinstance(owner, ast.match_case) and any(
                    isinstance(n, ast.match_case) and self.parents.get(n) is self.parents.get(owner) for n in owners
                ):
                    return "never"
                if not _always_runs(owner, field_name):
                    relation = "maybe"
            if isinstance(current, (*_NAMED, ast.Lambda)) and current is not node:
                relation = "maybe"
            current = parent
        return relation

    def _covers(self, node: ast.AST, covered: set[Block], around: set[Block]) -> bool:
        """Whether, with this binding, every branch of some ``if`` or ``try`` before the use has bound the name."""
        current: ast.AST | None = node
        while current is not None and current not in self.blocks:
            current = self.parents.get(current)
        if current is None:
            return False
        covered.add(self.blocks[current])
        owner = self.blocks[current][0]
        while owner is not None:
            statement = self.parents.get(owner) if isinstance(owner, ast.ExceptHandler) else owner
            if statement is None or not _all_branches(statement, covered):
                return False
            block = self.blocks.get(statement)
            if block is None:
                return False
            if block in around:
                return True
            covered.add(block)
            owner = block[0]
        return False


def _is_plain_definition(binding: Binding) -> bool:
    return binding.kind == "def" and not binding.node.decorator_list  # type: ignore[attr-defined]


def _all_branches(statement: ast.AST, covered: set[Block]) -> bool:
    if isinstance(statement, ast.If):
        return all((statement, name) in covered or _leaves(getattr(statement, name)) for name in ("body", "orelse"))
    if isinstance(statement, ast.Try):
        handlers = all((handler, "body") in covered or _leaves(handler.body) for handler in statement.handlers)
        return bool(statement.handlers) and handlers and (statement, "body") in covered
    return isinstance(statement, (ast.With, ast.AsyncWith))


def _reaches_entry(call: ast.Call) -> bool:
    return bool(call.args) and isinstance(call.func, ast.Attribute) and call.func.attr in ("setdefault", "get")


def _is_conditional_part(node: ast.AST, parent: ast.AST | None) -> bool:
    """Whether an expression may not be evaluated although the one around it is."""
    if isinstance(parent, ast.IfExp):
        return node is not parent.test
    return isinstance(parent, ast.BoolOp) and node is not parent.values[0]


def _always_runs(owner: ast.AST, field_name: str) -> bool:
    return isinstance(owner, (ast.With, ast.AsyncWith, ast.Module)) or field_name == "finalbody"


def _leaves(block: list[ast.stmt]) -> bool:
    return bool(block) and isinstance(block[-1], (ast.Return, ast.Raise))


def _start(node: ast.AST) -> Position:
    return (node.lineno, node.col_offset)  # type: ignore[attr-defined]


def _end(node: ast.AST) -> Position:
    line = getattr(node, "end_lineno", None)
    if line is None:
        ends = [_end(child) for child in parts(node)]
        return max(ends, default=(0, 0))
    return (line, node.end_col_offset)  # type: ignore[attr-defined]


_HANDLERS = {
    ast.FunctionDef: Scopes._function,
    ast.AsyncFunctionDef: Scopes._function,
    ast.Lambda: Scopes._function,
    ast.ClassDef: Scopes._class,
    ast.ListComp: Scopes._comprehension,
    ast.SetComp: Scopes._comprehension,
    ast.DictComp: Scopes._comprehension,
    ast.GeneratorExp: Scopes._comprehension,
    ast.Assign: Scopes._assign,
    ast.AnnAssign: Scopes._annotated,
    ast.AugAssign: Scopes._aug,
    ast.NamedExpr: Scopes._walrus,
    ast.For: Scopes._for,
    ast.AsyncFor: Scopes._for,
    ast.With: Scopes._with,
    ast.AsyncWith: Scopes._with,
    ast.Import: Scopes._import,
    ast.ImportFrom: Scopes._import,
    ast.Global: Scopes._outer,
    ast.Nonlocal: Scopes._outer,
    ast.Call: Scopes._call,
    ast.Delete: Scopes._delete,
    ast.Return: Scopes._return,
    ast.Yield: Scopes._return,
    ast.Dict: Scopes._display,
    ast.ExceptHandler: Scopes._other,
    ast.MatchAs: Scopes._other,
    ast.MatchStar: Scopes._other,
    ast.MatchMapping: Scopes._other,
}


_OPENERS = frozenset((*_BODIES, *COMPREHENSIONS))


class _Visits(dict[type[ast.AST], tuple[Any, tuple[Any, ...]]]):
    """What the walk does at each kind of node.

    What handles it, and its fields from the last to the first, with whether each is a block. Of a node that opens a
    scope they are in groups, with whether a group runs in that scope; the last to run is one that does not.
    """

    def __missing__(self, kind: type[ast.AST]) -> tuple[Any, tuple[Any, ...]]:
        fields = [(name, name in _BLOCKS) for name in reversed(FIELDS[kind])]
        groups: list[tuple[bool, list[tuple[str, bool]]]] = [(False, [])]
        for field in fields if kind in _OPENERS else ():
            is_inside = field[0] == "body" or kind not in _BODIES
            if groups[-1][0] is not is_inside:
                groups.append((is_inside, []))
            groups[-1][1].append(field)
        self[kind] = _HANDLERS.get(kind), tuple(groups if kind in _OPENERS else fields)
        return self[kind]


_VISITS = _Visits()
