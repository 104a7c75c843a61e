"""Uses of Modal's API in a file: which calls reach which callable, with which arguments, on which runs."""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from modal_lint import imports, library
from modal_lint.calls import Bound, Frame, Signature, arguments_of, bind, join_arguments, values_of
from modal_lint.kept import Kept
from modal_lint.modal_api import API, CALL_NAMES, Api, Param, Sink, canonical, method
from modal_lint.nodes import all_arguments
from modal_lint.values import (
    Argument,
    Arguments,
    Class,
    External,
    Function,
    Instance,
    Method,
    Object,
    Partial,
    Place,
    Value,
    Values,
    is_known,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modal_lint.evaluate import Evaluator
    from modal_lint.scopes import Binding, Scope
    from modal_lint.source import File

MAX_RUNS = 48  # ways in which one call is looked at: callers times loop elements
MAX_CALLERS = 24
MAX_NESTING = 4  # callers of callers
FUEL = 250_000  # nodes evaluated in one file before callers are no longer followed
# Callables that run another one; where that one stands among the arguments.
_RUNNERS = {**library.RUNNERS, "functools.partial": 0}
_RUNNER_METHODS = {"submit": 0, "run_in_executor": 1, "run_sync": 0, "start_soon": 0, "to_thread": 0, "partial": 0}
# Names of methods that hardly anything but Modal has, and keywords that lead to a sink.
_TELLING = frozenset(
    name.rpartition(".")[2] for name, row in API.items() if row.returns == "modal.Image" or name.endswith(".exec")
) - {"pipe", "copy", "cmd", "shell"}
_SINK_KEYWORDS = frozenset(
    param.name
    for row in API.values()
    for param in row.params
    if param.sink in (Sink.ENV, Sink.BUILD_ENV, Sink.SECRET, Sink.SECRETS, Sink.BUILD_ARGS)
)
_NAMING = frozenset(("name", "required_keys", "environment_name", "environment"))  # what says which App or Secret
_PLAIN = frozenset((ast.Dict, ast.DictComp, ast.List, ast.ListComp, ast.Set, ast.SetComp, ast.Constant, ast.JoinedStr))
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_CALLED = frozenset((*_FUNCTIONS, ast.Lambda))  # what has callers: a module and the body of a class are run by nobody


@dataclass(slots=True, eq=False, repr=False)
class Given:
    """What one parameter of the API gets in one call."""

    param: Param
    argument: Argument
    name: str  # of the keyword, or the parameter

    def values(self, ev: Evaluator) -> Values:
        """What it may be; a question of its own."""
        return values_of(self.argument, ev.ask)


@dataclass(slots=True, eq=False, repr=False)
class Use:
    """One call of Modal's API, on one run of the code around it."""

    file: File
    api: Api
    node: Any  # the call; an assignment, where that is what reaches the API
    frame: Frame
    owner: Object | None  # the object it is a method of
    arguments: Arguments
    bound: Bound = field(default_factory=Bound)
    sunk: tuple[Given, ...] = ()  # what goes to a parameter with a sink

    def given(self, *sinks: Sink) -> list[Given]:
        """The arguments that go to parameters of these kinds."""
        return [given for given in self.sunk if given.param.sink in sinks] if self.sunk else []

    def argument(self, sink: Sink) -> Argument | None:
        """The first argument of a kind."""
        return next((given.argument for given in self.sunk if given.param.sink is sink), None)


def by_sink(uses: Iterable[Use]) -> dict[Sink, list[tuple[int, Use, Given]]]:
    """What goes to each kind of parameter, numbered in the order of the uses."""
    found: dict[Sink, list[tuple[int, Use, Given]]] = {}
    number = 0
    for use in uses:
        for given in use.sunk:
            assert given.param.sink is not None
            found.setdefault(given.param.sink, []).append((number, use, given))
            number += 1
    return found


class Uses:
    """All uses in a file.

    Args:
        file: where to look.
    """

    def __init__(self, file: File) -> None:
        self.file = file
        self.ev = file.project.evaluator
        self._frames: dict[ast.AST, list[Frame]] = {}
        self._busy: set[ast.AST] = set()
        self._foreign: dict[Binding, bool] = {}  # of names that are bound once, whether they are nothing of Modal's
        self._found = _FOUND.setdefault(file, {})
        self._start = self.ev.spent
        # The last arguments bound, and what of them goes to sinks: many owners may share them.
        self._bound: tuple[Arguments, Api, Bound, tuple[Given, ...]] | None = None

    def all(self) -> list[Use]:
        """The uses in source order."""
        found: list[Use] = []
        if not self.file.project.concerns(self.file.path, self.file.data):
            return found
        # Inner calls first: a chain of any length then never recurses more than a step.
        for call in reversed(self.file.scopes.calls):
            if self._promising(call):
                found += self.of(call)
        found.reverse()
        return found + [use for statement in self.file.scopes.subscripts for use in self._stored(statement)]

    def _stored(self, statement: ast.Assign | ast.AnnAssign) -> Iterator[Use]:
        """``a_dict[key] = value`` of a ``modal.Dict``."""
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        if not isinstance(target, ast.Subscript) or statement.value is None:
            return
        frame = frame_at(self.file, statement)
        if isinstance(target.value, ast.Name) and not self._may_hold_object(target.value, frame):
            return
        for owner in self.ev.ask(target.value, frame):
            row = method(owner.type, "__setitem__") if isinstance(owner, Object) else None
            if row is not None and isinstance(owner, Object):
                given = ((False, Argument(target.slice, frame)), (False, Argument(statement.value, frame)))
                yield self._use(row, Arguments(given), statement, frame, owner)

    def _may_hold_object(self, name: ast.Name, frame: Frame) -> bool:
        """Whether a name may hold one of Modal's; no change makes an object of what was none when it was bound."""
        return not self._is_plain(name) and any(
            isinstance(value, Object) for value in self.ev.before_changes(name, frame)
        )

    def _is_plain(self, node: ast.expr) -> bool:
        """Whether an expression is a name for nothing but displays, comprehensions or literals."""
        if not isinstance(node, ast.Name):
            return False
        home = self.file.scopes.resolved(node)[0]
        return home is not None and all(map(_binds_plainly, home.bindings[node.id]))

    def of(self, call: ast.Call) -> list[Use]:
        """The uses that one call is: none, one, or one for each way the code around it is run."""
        found = self._found.get(call)
        if found is None:
            found = self._of(call)
            if not self._exhausted():  # else who asks anew may have more to spend
                self._found[call] = found
        return found

    def _of(self, call: ast.Call) -> list[Use]:
        scope = self.file.scopes.scope(call)
        found: list[Use] = []
        default = default_frame(self.ev, self.file, scope)
        self.ev.needed_caller = False
        functions = self.ev.ask(call.func, default)
        if not self.ev.needed_caller and self._is_foreign(call, functions):
            return found
        is_called = default.node.__class__ in _CALLED
        for frame in self._looped(call, default):
            uses = self._calling(functions, call, frame) if frame is default else self.on(call, frame)
            if uses and is_called:
                self._ask_arguments(call, uses, frame)
            found += uses
        if is_called and self.ev.needed_caller and not self._exhausted() and (found or _telling(call)):
            for caller in self.frames(scope)[:MAX_RUNS]:
                if self._exhausted():
                    break
                for frame in self._looped(call, caller):
                    found += self.on(call, frame)
        return found[: MAX_RUNS * 2]

    def _is_foreign(self, call: ast.Call, functions: Values) -> bool:
        """Whether what is called is nothing of Modal's in any turn of the loops around."""
        func = call.func
        if func.__class__ is ast.Attribute and func.attr in _RUNNER_METHODS:
            return False
        if not all(map(_is_other, functions)):
            return False
        # What is unknown at once may be known in one turn of a loop.
        scopes = self.file.scopes
        return is_known(functions) or not (scopes.loops(call) or scopes.comprehensions(call))

    def _exhausted(self) -> bool:
        return self.ev.spent - self._start > FUEL

    def _promising(self, call: ast.Call) -> bool:
        """Whether a call can be one of Modal's API, seen from its name alone."""
        func = call.func
        if isinstance(func, ast.Attribute):
            name = func.attr
            if name == "aio" and isinstance(func.value, ast.Attribute):
                name = func.value.attr
            return name in _RUNNER_METHODS or (name in CALL_NAMES and not self._is_plain(func.value))
        if isinstance(func, ast.Name):
            if func.id in CALL_NAMES or func.id in _RUNNER_METHODS:
                return True
            return self._bound_to_value(func)
        return not isinstance(func, (ast.Constant, ast.Lambda))

    def _bound_to_value(self, name: ast.Name) -> bool:
        """Whether a called name is bound by an assignment or an import, and not merely by ``def`` or ``class``."""
        scopes = self.file.scopes
        home, _, sole = scopes.resolved(name)
        if home is None:
            return "*" in scopes.module.bindings
        bindings = home.bindings[name.id]
        if len(bindings) == 1 and bindings[0].kind == "import":
            return not self._brings_something_else(bindings[0], sole is not None)
        return any(b.kind != "def" or getattr(b.node, "decorator_list", None) for b in bindings)

    def _brings_something_else(self, binding: Binding, sole: bool) -> bool:
        """Whether what a name is imported as is nothing of Modal's, wherever it is called."""
        foreign = self._foreign.get(binding)
        if foreign is None:
            foreign = imports.brings_definition(binding.node, self.file)
            if not foreign:
                # An import brings the same in every scope. What is unknown stays so where nothing changes it.
                values = self.ev.binding_value(binding, self.ev.module_frame(self.file))
                foreign = (sole or is_known(values)) and all(map(_is_other, values))
            self._foreign[binding] = foreign
        return foreign

    def _looped(self, node: ast.AST, frame: Frame) -> list[Frame]:
        """The runs of a node inside loops and comprehensions over known collections."""
        frames = [frame]
        scopes = self.file.scopes
        if not scopes.may_repeat(scopes.scope(node)):
            return frames
        for loop in scopes.loops(node):
            following: list[Frame] = []
            for run in frames:
                elements = library.elements(self.ev, self.ev.ask(loop.iter, run))
                following += [run] if elements is None else [run.looping(loop, e) for e in elements[:MAX_RUNS]]
            frames = following[:MAX_RUNS]
        for comprehension in scopes.comprehensions(node):
            runs = [self.ev.runs(comprehension.generators, frame)[0] for frame in frames]
            frames = [run for group in runs for run, _ in group][:MAX_RUNS] or frames
        return frames

    def on(self, call: ast.Call, frame: Frame) -> list[Use]:
        """The uses that one call is on one run of the code around it."""
        return self._calling(self.ev.ask(call.func, frame), call, frame)

    def _calling(self, functions: Values, call: ast.Call, frame: Frame) -> list[Use]:
        found = []
        arguments = arguments_of(call, frame)
        for function in functions:
            use = self._resolved(function, arguments, call, frame)
            if use is not None:
                found.append(use)
        return found

    def _ask_arguments(self, call: ast.Call, uses: list[Use], frame: Frame) -> None:
        """Find out whether what is handed over depends on how the code around is run."""
        asked = [] if self.ev.needed_caller else [one for one in all_arguments(call) if not _is_literal(one)]
        if asked:
            idle = _idle(uses[0])
            for use in uses[1:]:
                idle &= _idle(use)
            self._ask_until_needy([argument for argument in asked if argument not in idle], frame)

    def _ask_until_needy(self, arguments: list[ast.expr], frame: Frame) -> None:
        """Find out whether one of some expressions depends on how the code around is run."""
        for argument in sorted(arguments, key=_is_composed):  # parameters, which are quickly told, first
            if self.ev.needed_caller:
                return
            self.ev.ask(argument, frame)

    def _resolved(self, function: Value, arguments: Arguments, call: ast.Call, frame: Frame) -> Use | None:
        if isinstance(function, Partial):
            return self._resolved(function.function, join_arguments(function.arguments, arguments), call, frame)
        if isinstance(function, External):
            name = canonical(function.name)
            row = API.get(name)
            if row is not None:
                return self._use(row, arguments, call, frame, None)
            return self._run_by(_RUNNERS.get(name), arguments, call, frame)
        if isinstance(function, Method):
            row = method(function.owner.type, function.name)
            if row is not None:
                return self._use(row, arguments, call, frame, function.owner)
        if isinstance(function, Object):
            row = method(function.type, "__call__")
            return None if row is None else self._use(row, arguments, call, frame, function)
        func = call.func
        name = func.attr if isinstance(func, ast.Attribute) else ""
        return self._run_by(_RUNNER_METHODS.get(name), arguments, call, frame)

    def _run_by(self, index: int | None, arguments: Arguments, call: ast.Call, frame: Frame) -> Use | None:
        """``run(Sandbox.create, env=…)``: the callable handed over, with the arguments that follow it."""
        if index is None or len(arguments.positional) <= index:
            return None
        starred, handed = arguments.positional[index]
        if starred:
            return None
        rest = Arguments(arguments.positional[index + 1 :], arguments.keywords)
        for function in values_of(handed, self.ev.evaluate):
            if isinstance(function, (External, Method)):
                use = self._resolved(function, rest, call, frame)
                if use is not None:
                    return use
        return None

    def _use(self, row: Api, arguments: Arguments, call: ast.AST, frame: Frame, owner: Object | None) -> Use:
        if self._bound is None or self._bound[0] is not arguments or self._bound[1] is not row:
            bound = bind(arguments, _signature(row.name), self.ev.evaluate)
            self._bound = arguments, row, bound, _sunk(row.name, bound)
        return Use(self.file, row, call, frame, owner, arguments, self._bound[2], self._bound[3])

    # ---- how functions are run ------------------------------------------------------------------------------

    def frames(self, scope: Scope, nesting: int = 0) -> list[Frame]:
        """The runs of the function of a scope: one for each call of it that is known."""
        node = scope.function.node
        if node in self._frames:
            return self._frames[node]
        if node in self._busy or nesting > MAX_NESTING or self._exhausted():
            return []
        self._busy.add(node)
        try:
            found = self._callers(scope.function, nesting)
        finally:
            self._busy.discard(node)
        self._frames[node] = found
        return found

    def _callers(self, scope: Scope, nesting: int) -> list[Frame]:
        if scope.node.__class__ not in _CALLED:
            return []
        base = default_frame(self.ev, self.file, scope)
        found: list[Frame] = []
        for site in call_sites(self.ev, self.file, scope)[:MAX_CALLERS]:
            found += self._runs_of(site, scope, base, nesting)
        if base.receiver is None or found:
            around = scope.parent
            if around is not None and isinstance(around.function.node, _FUNCTIONS):
                found += self._closures(scope, around, nesting)
            return found[:MAX_RUNS]
        return [self._received(base, instance) for instance in self._instances(base.receiver, nesting)][:MAX_RUNS]

    def _closures(self, scope: Scope, around: Scope, nesting: int) -> list[Frame]:
        return [Frame(self.file, scope.node, outer=outer) for outer in self.frames(around, nesting + 1)]

    def _runs_of(self, site: Site, scope: Scope, base: Frame, nesting: int) -> list[Frame]:
        caller_scope = site.file.scopes.scope(site.call)
        uses = self if site.file is self.file else Uses(site.file)
        uses._busy |= self._busy
        callers = [default_frame(self.ev, site.file, caller_scope)]
        if caller_scope.function.node.__class__ in _CALLED:
            self.ev.needed_caller = False
            self._ask_until_needy(all_arguments(site.call), callers[0])
            if self.ev.needed_caller:
                callers += uses.frames(caller_scope, nesting + 1)
        found = []
        for caller in callers[:MAX_CALLERS]:
            for run in uses._looped(site.call, caller):
                arguments = arguments_of(site.call, run, site.skip)
                for receiver in self._receivers(site, run, base, nesting):
                    found.append(Frame(self.file, scope.node, arguments=arguments, outer=base.outer, receiver=receiver))
        return found

    def _receivers(self, site: Site, run: Frame, base: Frame, nesting: int) -> Iterable[Value | None]:
        if base.receiver is None:
            return [None]
        if not isinstance(site.call.func, ast.Attribute):
            return [base.receiver]
        owners = self.ev.ask(site.call.func.value, run)
        instances: list[Value | None] = [value for value in owners if isinstance(value, Instance) and value.arguments]
        if instances:
            return instances
        return [base.receiver, *self._instances(base.receiver, nesting)][:4]

    def _instances(self, receiver: Value, nesting: int) -> list[Value]:
        """The instances of a class that the project makes."""
        if not isinstance(receiver, Instance) or nesting > MAX_NESTING:
            return []
        cls = receiver.cls
        key = cls.place.node
        if key in self._busy:
            return []
        self._busy.add(key)
        try:
            found: list[Value] = []
            for site in call_sites(self.ev, cls.place.file, cls.place.file.scopes.of[key])[:MAX_CALLERS]:
                caller_scope = site.file.scopes.scope(site.call)
                callers = [default_frame(self.ev, site.file, caller_scope)]
                if isinstance(caller_scope.function.node, _FUNCTIONS) and site.file is self.file:
                    callers += self.frames(caller_scope, nesting + 1)
                for caller in callers[:8]:
                    found.append(Instance(cls, arguments_of(site.call, caller, site.skip)))
            return found[:MAX_CALLERS]
        finally:
            self._busy.discard(key)

    def _received(self, base: Frame, receiver: Value) -> Frame:
        return Frame(base.file, base.node, outer=base.outer, receiver=receiver)


_FOUND: Kept[File, dict[ast.Call, list[Use]]] = Kept()


def _idle(use: Use) -> set[ast.AST]:
    """The arguments that lead nowhere: what they are is asked by nobody."""
    idle = _idle_names(use.api.name)
    named = use.bound.named
    return {one.node for name in named if name in idle for one in named[name] if one.node is not None}


def _is_literal(node: ast.expr) -> bool:
    """Whether an expression is a constant or a display of some, which is the same on every run."""
    if isinstance(node, ast.Dict):
        return all(map(_is_constant, node.keys)) and all(map(_is_constant, node.values))
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return all(map(_is_constant, node.elts))
    return _is_constant(node)


def _is_constant(node: ast.expr | None) -> bool:
    return node.__class__ is ast.Constant


def _sunk(name: str, bound: Bound) -> tuple[Given, ...]:
    """The arguments of a callable of Modal's that go to a sink, in the order of its parameters."""
    found: list[Given] = []
    for param in _sinks(name):
        if param.kind == "args":
            found += [Given(param, argument, param.name) for argument in bound.extra]
        elif param.kind == "kwargs":
            found += [Given(param, argument, keyword) for keyword, argument in bound.keywords]
        elif param.name in bound.named:
            found += [Given(param, argument, param.name) for argument in bound.named[param.name]]
    return tuple(found)


@cache
def _sinks(name: str) -> tuple[Param, ...]:
    return tuple(param for param in API[name].params if param.sink is not None)


@cache
def _idle_names(name: str) -> frozenset[str]:
    return frozenset(param.name for param in API[name].params if param.sink is None and param.name not in _NAMING)


@cache
def _signature(name: str) -> Signature:
    params = API[name].params
    return Signature(
        tuple(param.name for param in params if param.kind in ("both", "positional")),
        frozenset(param.name for param in params if param.kind in ("both", "positional", "keyword")),
    )


def _binds_plainly(binding: Binding) -> bool:
    """Whether a name is assigned a display, comprehension or literal, which no evaluation makes an object of."""
    return binding.kind == "assign" and not binding.path and binding.value.__class__ in _PLAIN


def _is_other(value: Value) -> bool:
    """Whether calling a value is nothing of Modal's, by whatever expression; what is unknown may become another."""
    if isinstance(value, External):
        name = canonical(value.name)
        return name not in API and name not in _RUNNERS
    return not isinstance(value, (Method, Object, Partial))


def _telling(call: ast.Call) -> bool:
    """Whether a call of who knows what looks like one of Modal's API, so that its callers are worth following."""
    func = call.func
    if isinstance(func, ast.Attribute) and func.attr in _TELLING:
        return True
    return any(keyword.arg in _SINK_KEYWORDS for keyword in call.keywords)


def _is_composed(node: ast.expr) -> bool:
    return node.__class__ is not ast.Name


@dataclass(slots=True, eq=False, repr=False)
class Site:
    """A call of a function of the project; ``skip`` positional arguments come before its own."""

    file: File
    call: ast.Call
    skip: int = 0


def default_frame(ev: Evaluator, file: File, scope: Scope) -> Frame:
    """A run of the function around a scope of which only the code itself is known."""
    node = scope.function.node
    known = ev.defaults.get(node)
    if known is None:
        known = ev.defaults[node] = _default_frame(ev, file, scope.function)
    return known


def _default_frame(ev: Evaluator, file: File, scope: Scope) -> Frame:
    node, parent = scope.node, scope.parent
    if parent is None:
        return ev.module_frame(file)
    outer = default_frame(ev, file, parent)
    receiver: Value | None = None
    if parent.is_class and isinstance(node, _FUNCTIONS):
        cls = Class(Place(file, parent.node), outer.outer)
        names = {d.id for d in node.decorator_list if isinstance(d, ast.Name)}
        if "classmethod" in names:
            receiver = cls
        elif "staticmethod" not in names:
            receiver = Instance(cls)
    return Frame(file, node, outer=outer, receiver=receiver)


def frame_at(file: File, node: ast.AST) -> Frame:
    """A run of the function around a node of which only the code itself is known."""
    return default_frame(file.project.evaluator, file, file.scopes.scope(node))


def call_sites(ev: Evaluator, file: File, scope: Scope) -> list[Site]:
    """The calls of a function or class in its own file and in the files that import it."""
    node = scope.node
    name = imported = getattr(node, "name", "") or _assigned_name(file, node)
    if scope.parent is not None and scope.parent.is_class:  # who calls a method imports its class
        imported = getattr(scope.parent.node, "name", "")
        if name == "__init__":
            node, name = scope.parent.node, imported
    if not name:
        return []
    found = [*_running(ev, file, name).get(node, ())]
    if scope.parent is None or not isinstance(scope.parent.function.node, _FUNCTIONS):
        for other in file.project.mentioning(imported, file, name):
            found += _running(ev, other, name).get(node, ())
    return found


def _assigned_name(file: File, node: ast.AST) -> str:
    """The name that a lambda is assigned to."""
    parent = file.scopes.parents.get(node)
    target = parent.targets[0] if isinstance(parent, ast.Assign) and isinstance(node, ast.Lambda) else None
    return target.id if isinstance(target, ast.Name) else ""


def _named(file: File, name: str) -> list[Site]:
    """The calls in a file whose callee, or whose first handed-over callable, may have this name."""
    index = call_index(file)
    names = (name, *index.aliases.get(name, ()))
    return [Site(file, call, skip) for spelled in names for call, skip in index.calls.get(spelled, ())]


@dataclass(slots=True, eq=False, repr=False)
class _Index:
    """The calls of a file by the last name of what they call, and other names for things.

    With each call stands how many of its positional arguments come before the function's own.
    """

    calls: defaultdict[str, list[tuple[ast.Call, int]]] = field(default_factory=lambda: defaultdict(list))
    aliases: dict[str, dict[str, None]] = field(default_factory=dict)  # name ▸ other names, in order


def call_index(file: File) -> _Index:
    """The index of a file, made once."""
    index = _INDEXES.get(file)
    if index is None:
        index = _INDEXES[file] = _Index()
        calls = index.calls
        for call in file.scopes.calls:
            func = call.func
            name = func.id if isinstance(func, ast.Name) else _last_name(func)
            calls[name].append((call, 0))
            at = _RUNNER_METHODS.get(name)
            if at is not None and len(call.args) > at:
                calls[_last_name(call.args[at])].append((call, at + 1))
        for scope in file.scopes.of.values():
            for bound, bindings in scope.bindings.items():
                for binding in bindings:
                    meant = _meant(binding) if binding.kind in _MEANING else None
                    if meant is not None:
                        index.aliases.setdefault(meant, {})[bound] = None
    return index


_INDEXES: Kept[File, _Index] = Kept()
_MEANING = frozenset(("assign", "import"))  # kinds of bindings that may make another name for something
_WAYS = frozenset(("aio", "remote", "spawn", "local"))  # to call one and the same function


def _meant(binding: Binding) -> str | None:
    """The name that a binding is another name for."""
    node = binding.node
    if isinstance(node, ast.alias):
        return node.name if node.asname else None
    if isinstance(binding.value, (ast.Name, ast.Attribute)):
        return _last_name(binding.value)
    return None


def _last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr if node.attr not in _WAYS else _last_name(node.value)
    return node.id if isinstance(node, ast.Name) else ""


def _running(ev: Evaluator, file: File, name: str) -> dict[ast.AST, list[Site]]:
    """The calls in a file of what has this name, by the function or class that they really run."""
    key = (file, name)
    if key not in ev.sites:
        found = ev.sites[key] = {}
        for site in _named(file, name):
            for node in _called(ev, site):
                found.setdefault(node, []).append(site)
    return ev.sites[key]


def _called(ev: Evaluator, site: Site) -> dict[ast.AST, None]:
    """The functions and classes of the project that a call may run, each once."""
    frame = frame_at(site.file, site.call)
    callee: ast.AST = site.call.func if site.skip == 0 else site.call.args[site.skip - 1]
    found: dict[ast.AST, None] = {}
    for value in ev.ask(callee, frame):
        while isinstance(value, Partial):
            value = value.function
        if isinstance(value, Object) and value.wraps is not None:
            value = value.wraps
        if isinstance(value, Method) and value.owner.wraps is not None:
            value = value.owner.wraps
        if isinstance(value, (Function, Class)):
            found[value.place.node] = None
    return found
