"""Expression ▸ what it may be, with the way each value came.

Demand-driven: a name is followed to the bindings that can reach it, a call into the function it runs, an import into
the file it names. Everything is remembered per frame, every cycle is cut, and a budget bounds the rest; what is cut or
not understood is Unknown, and from that nothing is reported.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from modal_lint import defaults, imports, library, mutate, objects, operators
from modal_lint.calls import (
    Bound,
    Frame,
    Parameters,
    Signature,
    arguments_of,
    bind,
    extra_mapping,
    handed,
    join_arguments,
    parameters_of,
    values_of,
)
from modal_lint.modal_api import API, canonical, method
from modal_lint.values import (
    UNKNOWN,
    Arguments,
    Builtin,
    Class,
    Const,
    Entry,
    EnvRead,
    External,
    Fallback,
    Function,
    Instance,
    Mapping,
    Method,
    Object,
    Partial,
    Piece,
    Place,
    Sequence,
    Text,
    Unknown,
    Value,
    Values,
    moved,
    truth,
    unite,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from modal_lint.project import Project
    from modal_lint.scopes import Binding, Changes, FunctionNode, Mutation, Reaching, Scope
    from modal_lint.source import File
    from modal_lint.uses import Site

FUEL = 25_000  # nodes evaluated for one question
MAX_DEPTH = 14  # calls inside calls
MAX_ELEMENTS = 200  # elements of a literal collection that a loop is followed through
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_TRANSPARENT_ENTER = frozenset(("modal.Sandbox", "modal.App", "modal_lint_runtime.ModalClient"))


class Evaluator:
    """Evaluates expressions of one project's files.

    Args:
        project: where imported names are found.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.spent = 0  # nodes evaluated so far, in all
        self.limit = FUEL  # how many of them there may be before the question under way is given up
        self.needed_caller = False  # set when a value depends on how a function is called
        self._modules: dict[File, Frame] = {}
        self.needy: set[object] = set()  # keys of ``attributes`` that depend on how a function is called
        self.attributes: dict[tuple[object, str], Values] = {}  # of instances and modules, once computed
        self.bases: dict[ast.AST, list[Class]] = {}  # of classes, in the order of look-up
        self.declared: dict[ast.AST, dict[str, ast.AnnAssign]] = {}  # in the body of a class
        self.fields: dict[tuple[ast.AST, ...], Signature] = {}  # of a class and its bases
        self.parameters: dict[FunctionNode, Parameters] = {}  # of functions
        self.given: dict[Instance, Bound] = {}  # the fields that a construction gives
        self.frames: dict[tuple[ast.AST, object], Frame] = {}  # the runs that are made once
        self.defaults: dict[ast.AST, Frame] = {}  # the runs of which only the code itself is known
        # What the methods of a class do to each attribute, and the calls of what is so named by what they run.
        self.mutated: dict[ast.AST, dict[str, list[tuple[Scope, list[Mutation]]]]] = {}
        self.sites: dict[tuple[File, str], dict[ast.AST, list[Site]]] = {}

    def module_frame(self, file: File) -> Frame:
        """The frame of a file's module."""
        if file not in self._modules:
            self._modules[file] = Frame(file, file.tree)
        return self._modules[file]

    def ask(self, node: ast.AST, frame: Frame) -> Values:
        """What an expression may be; a question of its own, with a fresh budget."""
        self.limit = self.spent + FUEL
        return self.evaluate(node, frame)

    def evaluate(self, node: ast.AST, frame: Frame) -> Values:
        """What an expression may be, within the budget of the question under way."""
        memo = frame.memo
        known = memo.get(node)
        if known is not None:
            if node in frame.needy:
                self.needed_caller = True
            return known
        kind = node.__class__
        handler = _HANDLERS.get(kind)
        self.spent = spent = self.spent + 1
        if handler is None or spent > self.limit:
            return UNKNOWN
        if kind is ast.Constant:
            values = memo[node] = handler(self, node, frame)
            return values
        memo[node] = UNKNOWN  # cuts cycles
        before, self.needed_caller = self.needed_caller, False
        try:
            values = handler(self, node, frame)
        except RecursionError:
            values = UNKNOWN
        if self.needed_caller:
            frame.needy.add(node)
        else:
            self.needed_caller = before
        memo[node] = values
        return values

    # ---- literals and displays ------------------------------------------------------------------------------

    def _constant(self, node: ast.Constant, frame: Frame) -> Values:
        value, place = node.value, Place(frame.file, node)
        if value.__class__ is str:
            return (Text((Piece(value, place),)),)
        if isinstance(value, bytes):
            return (Text((Piece(operators.decoded(value), place),), binary=True),)
        return (Const(value, place),)

    def _sequence(self, node: ast.List | ast.Tuple | ast.Set, frame: Frame) -> Values:
        items: list[Values] = []
        complete = True
        for element in node.elts:
            if isinstance(element, ast.Starred):
                spread = library.elements(self, self.evaluate(element.value, frame))
                complete = complete and spread is not None
                items += spread or []
            else:
                items.append(self.evaluate(element, frame))
        return (Sequence(tuple(items), complete, Place(frame.file, node)),)

    def _dict(self, node: ast.Dict, frame: Frame) -> Values:
        entries: list[Entry] = []
        complete = True
        environ = False
        display = Place(frame.file, node)
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                spread = self.evaluate(value, frame)
                merged, whole = mutate.merged(spread)
                entries += merged
                environ = environ or library.is_environ(spread)
                complete = complete and whole
                continue
            values = self.evaluate(value, frame)
            place = Place(frame.file, key)
            keys = self.evaluate(key, frame)
            entries += [Entry(one, values, place, display, len(keys) > 1) for one in keys]
        return (Mapping(tuple(entries), complete, display, environ=environ),)

    # ---- comprehensions -------------------------------------------------------------------------------------

    def runs(self, generators: list[ast.comprehension], frame: Frame) -> tuple[list[tuple[Frame, bool]], bool]:
        """The runs of a comprehension's body, each with whether a filter may leave it out; and if these are all."""
        runs: list[tuple[Frame, bool]] = [(frame, False)]
        complete = True
        for generator in generators:
            following: list[tuple[Frame, bool]] = []
            for run, maybe in runs:
                elements = library.elements(self, self.evaluate(generator.iter, run))
                if elements is None:
                    complete = False
                    following.append((run.looping(generator, UNKNOWN), True))
                    continue
                for element in elements[:MAX_ELEMENTS]:
                    inner = run.looping(generator, element)
                    verdicts = [operators.condition(self, test, inner) for test in generator.ifs]
                    if not any(verdict is False for verdict in verdicts):
                        following.append((inner, maybe or any(verdict is None for verdict in verdicts)))
            runs = following[:MAX_ELEMENTS]
        return runs, complete

    def _dict_comprehension(self, node: ast.DictComp, frame: Frame) -> Values:
        runs, complete = self.runs(node.generators, frame)
        place = Place(frame.file, node)
        entries: list[Entry] = []
        for run, maybe in runs:
            values = self.evaluate(node.value, run)
            keys = self.evaluate(node.key, run)
            entries += [Entry(key, values, Place(frame.file, node.key), None, maybe or len(keys) > 1) for key in keys]
        return (Mapping(tuple(entries), complete, place),)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, frame: Frame) -> Values:
        runs, complete = self.runs(node.generators, frame)
        items = tuple(self.evaluate(node.elt, run) for run, _ in runs)
        complete = complete and not any(maybe for _, maybe in runs)
        return (Sequence(items, complete, Place(frame.file, node)),)

    # ---- operators ------------------------------------------------------------------------------------------

    def _unary(self, node: ast.UnaryOp, frame: Frame) -> Values:
        verdict = operators.condition(self, node, frame) if isinstance(node.op, ast.Not) else None
        return UNKNOWN if verdict is None else (Const(verdict, Place(frame.file, node)),)

    def _compare(self, node: ast.Compare, frame: Frame) -> Values:
        verdict = operators.condition(self, node, frame)
        return UNKNOWN if verdict is None else (Const(verdict, Place(frame.file, node)),)

    def _walrus(self, node: ast.NamedExpr, frame: Frame) -> Values:
        return self.evaluate(node.value, frame)

    def _inner(self, node: ast.Await | ast.Starred, frame: Frame) -> Values:
        return self.evaluate(node.value, frame)

    def _lambda(self, node: ast.Lambda, frame: Frame) -> Values:
        return (Function(Place(frame.file, node), frame),)

    # ---- names ----------------------------------------------------------------------------------------------

    def _name(self, node: ast.Name, frame: Frame) -> Values:
        home, here, sole = frame.file.scopes.resolved(node)
        if home is None:
            starred = imports.starred(self, node.id, frame)
            return starred if starred is not None else (External(f"builtins.{node.id}"),)
        if frame.loops and (walrus := self._walrus_of_turn(node, home, frame)) is not None:
            return self.evaluate(walrus, frame)
        home_frame = frame if frame.node is home.function.node else self._frame_of(home, frame)
        if sole is not None:  # what nearly every name is
            return unite(self._binding(sole, home, home_frame))
        return self.bound(node.id, home, home_frame, node if here else None, node, frame)

    def _walrus_of_turn(self, node: ast.Name, home: Scope, frame: Frame) -> ast.expr | None:
        """What ``name := value`` in a filter of the comprehension around a name gives it in this turn."""
        walruses = [one for one in home.bindings[node.id] if one.kind == "walrus" and one.value is not None]
        for comprehension in frame.file.scopes.comprehensions(node) if walruses else ():
            tests = {
                inner for generator in comprehension.generators for test in generator.ifs for inner in ast.walk(test)
            }
            found = [one.value for one in walruses if one.node in tests]
            if found and any(generator in frame.loops for generator in comprehension.generators):
                return found[-1]
        return None

    def _frame_of(self, home: Scope, frame: Frame) -> Frame:
        owner = home.function.node
        found = frame.of(owner)
        if found is not None:
            return found
        if owner is frame.file.tree:
            return self.module_frame(frame.file)
        return Frame(frame.file, owner, outer=self.module_frame(frame.file))

    def bound(self, name: str, home: Scope, frame: Frame, use: ast.AST | None, node: ast.AST, asker: Frame) -> Values:
        """What a name holds at ``use`` in its own run (None: at the end of its scope), its mutations applied.

        ``frame`` runs the scope that binds the name, ``asker`` the code in which ``node`` asks for it.
        """
        scopes = frame.file.scopes
        asking = home.function if use is not None else scopes.scope(node).function
        reaching = scopes.reaching(home, name, use)
        is_changed = name in home.mutations and not home.is_comprehension
        is_changed_here = home.function is not asking and name in asking.mutations
        groups: list[Values] = []
        for binding, _ in reaching:
            values = self._binding(binding, home, frame)
            if values is UNKNOWN or (binding.kind == "param" and values == (frame.receiver,)):
                groups.append(values)  # what is assigned to ``self`` counts for the class, not for one place
                continue
            changes = scopes.changes(home, name, binding.position, use) if is_changed else ()
            if is_changed_here:
                changes += scopes.changes(asking, name, (0, 0), node)
            elif use is None and home is scopes.module:
                changes += self._foreign_changes(name, home, asking, frame)
            groups.append(mutate.apply(self, values, changes, (frame, asker)) if changes else values)
        fallback = self._guarded(reaching, groups, frame) if len(reaching) > 1 else None
        return fallback if fallback is not None else unite(*groups)

    def before_changes(self, node: ast.Name, frame: Frame) -> Values:
        """What a name may hold at ``node`` without what was done to it since it was bound."""
        scopes = frame.file.scopes
        scope = scopes.scope(node)
        home = scopes.lookup(node.id, scope)
        if home is None:
            return self.ask(node, frame)
        self.limit = self.spent + FUEL
        home_frame = self._frame_of(home, frame)
        use = node if home.function is scope.function else None
        reaching = scopes.reaching(home, node.id, use)
        return tuple(value for binding, _ in reaching for value in self._binding(binding, home, home_frame))

    def held_before(self, binding: Binding, home: Scope, frame: Frame) -> Values:
        """What a name held before a statement that binds it anew from itself."""
        scopes = frame.file.scopes
        groups = []
        for earlier, _ in scopes.reaching(home, binding.name, binding.node):
            if earlier is not binding:
                values = self._binding(earlier, home, frame)
                changes = scopes.changes(home, binding.name, earlier.position, binding.node)
                groups.append(mutate.apply(self, values, changes, (frame, frame)) if changes else values)
        return unite(*groups)

    def binding_value(self, binding: Binding, frame: Frame) -> Values:
        """What a binding of a module gives its name."""
        return self._binding(binding, frame.file.scopes.module, frame)

    def held_at_end(self, name: str, scope: Scope, frame: Frame) -> Values:
        """What a name of a class holds once the class is made."""
        groups = []
        for binding, _ in frame.file.scopes.reaching(scope, name, None):
            if isinstance(binding.node, (ast.Assign, ast.AnnAssign)) and binding.value is not None:
                values = library.project(self, objects.field_default(self, binding.value, frame), binding.path)
                groups.append(moved(values, frame.file, binding.node, f"assigned to {name}"))
            else:
                groups.append(self._binding(binding, scope, frame))
        changes = frame.file.scopes.changes(scope, name, (0, 0), None)
        values = unite(*groups)
        return mutate.apply(self, values, changes, (frame, frame)) if changes else values

    def _foreign_changes(self, name: str, home: Scope, asking: Scope, frame: Frame) -> Changes:
        """What functions of the module do to a module's name: may or may not have happened."""
        scopes = frame.file.scopes
        found: list[tuple[Mutation, bool]] = []
        for scope in scopes.mutating.get(name, ()):
            if scope is not home and scope is not asking and (scopes.lookup(name, scope) is home):
                found += [(mutation, True) for mutation in scope.mutations[name] if mutation.kind != "argument"]
        return tuple(found)

    def _guarded(self, reaching: Reaching, groups: list[Values], frame: Frame) -> Values | None:
        """``if not key: key = "…"`` after ``key = os.getenv(…)``: mark the literal as the fallback of the read."""
        reads = [value for values in groups for value in values if isinstance(value, EnvRead)]
        if not reads:
            return None
        marked: list[Values] = []
        for (binding, _), values in zip(reaching, groups, strict=True):
            if binding.kind == "assign" and operators.guards(frame.file.scopes, binding):
                place = Place(frame.file, binding.node)
                fallback = Fallback(reads[0].key, place, reads[0].place)
                values = operators.mark(values, fallback)
            marked.append(values)
        return unite(*marked)

    def _binding(self, binding: Binding, home: Scope, frame: Frame) -> Values:
        known = frame.held.get(binding)
        if known is not None:
            if binding in frame.needy:
                self.needed_caller = True
            return known
        frame.held[binding] = UNKNOWN  # cuts cycles
        before, self.needed_caller = self.needed_caller, False
        try:
            values = frame.held[binding] = self._given_by(binding, home, frame)
        finally:
            if self.needed_caller:
                frame.needy.add(binding)
            else:
                self.needed_caller = before
        return values

    def _given_by(self, binding: Binding, home: Scope, frame: Frame) -> Values:
        kind, node, value = binding.kind, binding.node, binding.value
        if kind == "param":
            return self._parameter(binding.name, home, frame)
        if kind == "import":
            return imports.imported(self, node, frame)
        if kind == "def":
            return self._definition(node, frame)
        if value is None:
            return UNKNOWN
        if kind == "aug":
            return operators.augmented(self, binding, home, frame)
        if kind == "for":
            return self._element(binding, frame)
        values = self.evaluate(value, frame)
        if kind == "with":
            values = self._entered(values)
        if binding.path:
            values = library.project(self, values, binding.path)
        if node.__class__ is ast.AnnAssign and all(isinstance(one, (Unknown, External)) for one in values):
            annotated = imports.promised(self, node.annotation, frame)
            if annotated:
                return annotated
        return moved(values, frame.file, node, f"assigned to {binding.name}")

    def _element(self, binding: Binding, frame: Frame) -> Values:
        """What the target of a loop is: the element of this run, or any of them."""
        element = frame.loops.get(binding.node)
        if element is None:
            assert binding.value is not None
            elements = library.elements(self, self.evaluate(binding.value, frame))
            element = UNKNOWN if elements is None else unite(*elements[:MAX_ELEMENTS])
        return library.project(self, element, binding.path)

    def _entered(self, values: Values) -> Values:
        """What ``with value as name`` gives."""
        found: list[Value] = []
        for value in values:
            if isinstance(value, Object):
                found.append(value)
            elif isinstance(value, Sequence) and value.items:  # a context manager written as a generator
                found += value.items[0]
            elif isinstance(value, Instance):
                found.append(value)
            else:
                found.append(Unknown())
        return tuple(found)

    def _parameter(self, name: str, home: Scope, frame: Frame) -> Values:
        node = home.node
        if not isinstance(node, _FUNCTIONS):
            return UNKNOWN
        parameters = self._parameters(node)
        if frame.receiver is not None and parameters.first == name:
            return (frame.receiver,)
        values = self._given(name, node, frame)
        if values is None and isinstance(node, ast.Lambda) and parameters.first == name:
            values = library.image_piped_to(self, node, frame.outer or self.module_frame(frame.file))
        if values is None:
            values = UNKNOWN
        if frame.arguments is None:
            self.needed_caller = True
        if all(map(_says_little, values)):
            annotation = parameters.annotations.get(name)
            if annotation is not None:
                return imports.promised(self, annotation, frame.outer or self.module_frame(frame.file)) or values
        return values

    def _parameters(self, node: FunctionNode) -> Parameters:
        known = self.parameters.get(node)
        if known is None:
            known = self.parameters[node] = parameters_of(node)
        return known

    def _given(self, name: str, node: FunctionNode, frame: Frame) -> Values | None:
        bound = frame.bound
        if bound is None and frame.arguments is not None:
            frame.bound = Bound(is_open=True)  # a splat that depends on itself
            bound = frame.bound = self.bind(node, frame, frame.arguments)
        if bound is not None:
            given = bound.named.get(name)
            if given:
                title = getattr(node, "name", "a lambda")
                how = f"passed to {title}({name}=…)"
                return unite(*[handed(argument, self.evaluate, how) for argument in given])
            if node.args.vararg is not None and node.args.vararg.arg == name:
                return (Sequence(tuple(values_of(a, self.evaluate) for a in bound.extra), not bound.open),)
            if node.args.kwarg is not None and node.args.kwarg.arg == name:
                return (extra_mapping(bound.keywords, self.evaluate, not bound.open),)
        default = self._parameters(node).defaults.get(name)
        if default is None:
            return defaults.option_default(self, node, name, frame)
        around = frame.outer or self.module_frame(frame.file)
        values = moved(self.evaluate(default, around), frame.file, default, f"default of parameter {name}")
        return unite(values, UNKNOWN) if bound is None or bound.open else values

    def bind(self, node: FunctionNode, frame: Frame, arguments: Arguments) -> Bound:
        """The arguments of a function by its parameters, without that for the receiver."""
        parameters = self._parameters(node)
        signature = parameters.signature if frame.receiver is None else parameters.bound_signature
        return bind(arguments, signature, self.evaluate)

    # ---- definitions ----------------------------------------------------------------------------------------

    def _definition(self, node: ast.AST, frame: Frame) -> Values:
        if isinstance(node, ast.ClassDef):
            defined: Value = Class(Place(frame.file, node), frame)
        else:
            defined = Function(Place(frame.file, node), frame)
        for decorator in reversed(node.decorator_list):  # type: ignore[attr-defined]
            if isinstance(decorator, ast.Call):
                for made in self.evaluate(decorator, frame):
                    if isinstance(made, Object) and made.type in ("modal.Function", "modal.Cls", "modal.Server"):
                        return (Object(made.type, made.call, None, defined),)
        return (defined,)

    # ---- attributes and calls -------------------------------------------------------------------------------

    def _attribute(self, node: ast.Attribute, frame: Frame) -> Values:
        return objects.attribute(self, self.evaluate(node.value, frame), node.attr)

    def _call(self, node: ast.Call, frame: Frame) -> Values:
        functions = self.evaluate(node.func, frame)
        if functions is UNKNOWN:
            return UNKNOWN
        if len(functions) == 1:
            values = self._made(functions[0], node, frame)
            if values is None:
                values = self._applied(functions[0], arguments_of(node, frame), node, frame)
            return unite(values)
        arguments = arguments_of(node, frame)
        return unite(*[self.apply(function, arguments, node, frame) for function in functions])

    def apply(self, function: Value, arguments: Arguments, node: ast.Call, frame: Frame) -> Values:
        """What a call gives."""
        made = self._made(function, node, frame)
        return self._applied(function, arguments, node, frame) if made is None else made

    def _made(self, function: Value, node: ast.Call, frame: Frame) -> Values | None:
        """What a call gives, whatever is handed over; None where that counts."""
        if isinstance(function, External):
            name = canonical(function.name)
            row = API.get(name)
            if row is None:
                return library.unlearned(name)
            return () if row.returns is None else (Object(row.returns, Place(frame.file, node), frame=frame),)
        if isinstance(function, Method) and not _asks_arguments(function):
            owner = function.owner
            row = method(owner.type, function.name)
            # A step that the table does not know still gives an image; of others nothing is known.
            unknown = "modal.Image" if owner.type == "modal.Image" else None
            made = row.returns if row is not None else unknown
            if made is None:
                return UNKNOWN
            if made == owner.type:
                return (Object(made, Place(frame.file, node), owner, owner.wraps, frame=frame),)
            return (Object(made, Place(frame.file, node), frame=frame),)
        return None

    def _applied(self, function: Value, arguments: Arguments, node: ast.Call, frame: Frame) -> Values:
        """What a call gives of which `_made` does not know it."""
        if isinstance(function, External):
            return library.external(self, canonical(function.name), arguments, node, frame)
        if isinstance(function, Function):
            return self.run(function, arguments, node, frame)
        if isinstance(function, Builtin):
            return library.builtin(self, function, arguments, node, frame)
        if isinstance(function, Class):
            return objects.construct(self, function, arguments)
        if isinstance(function, Method):
            if function.name == "pipe":
                return library.piped(self, function.owner, arguments, node, frame)
            assert function.owner.wraps is not None
            return self.apply(function.owner.wraps, arguments, node, frame)
        if isinstance(function, Partial):
            return self.apply(function.function, join_arguments(function.arguments, arguments), node, frame)
        if isinstance(function, Object):
            return self._object_called(function, arguments, node, frame)
        return UNKNOWN

    def _object_called(self, function: Object, arguments: Arguments, node: ast.Call, frame: Frame) -> Values:
        """``f(…)`` of a Modal function, ``Model(…)`` of a Modal class."""
        if function.wraps is None:
            row = method(function.type, "__call__")
            made = row.returns if row is not None else None
            return UNKNOWN if made is None else (Object(made, Place(frame.file, node), frame=frame),)
        result = self.apply(function.wraps, arguments, node, frame)
        if function.type == "modal.Cls":
            return tuple(Object("modal.Obj", Place(frame.file, node), None, value) for value in result)
        return result

    def run(self, function: Function, arguments: Arguments, call: ast.AST, frame: Frame) -> Values:
        """What a function of the project returns when called so."""
        node, file = function.place.node, function.place.file
        if frame.depth >= MAX_DEPTH or frame.calls_of(node) >= 2:
            return UNKNOWN
        inner = Frame(file, node, arguments=arguments, outer=function.frame, receiver=function.receiver, caller=frame)
        if isinstance(node, ast.Lambda):
            return self.evaluate(node.body, inner)
        scope = file.scopes.of[node]
        returned: list[Values] = []
        yielded: list[Values] = []
        for leaving in scope.returns:
            value = leaving.value  # type: ignore[attr-defined]
            values = UNKNOWN if value is None else self.evaluate(value, inner)
            (yielded if isinstance(leaving, ast.Yield) else returned).append(values)
        if yielded:
            return (Sequence(tuple(yielded), False, Place(file, node)),)
        if not returned:
            return (Const(None, Place(frame.file, call)),)
        title = node.name  # type: ignore[attr-defined]
        return moved(unite(*returned), frame.file, call, f"returned by {title}()")

    def truth(self, node: ast.AST, frame: Frame) -> bool | None:
        """Whether an expression is true, where every possibility agrees."""
        verdicts = {truth(value) for value in self.evaluate(node, frame)}
        return verdicts.pop() if len(verdicts) == 1 else None


_HANDLERS: dict[type[ast.AST], Callable[[Evaluator, Any, Frame], Values]] = {
    ast.Constant: Evaluator._constant,
    ast.JoinedStr: operators.fstring,
    ast.FormattedValue: operators.formatted,
    ast.List: Evaluator._sequence,
    ast.Tuple: Evaluator._sequence,
    ast.Set: Evaluator._sequence,
    ast.Dict: Evaluator._dict,
    ast.DictComp: Evaluator._dict_comprehension,
    ast.ListComp: Evaluator._comprehension,
    ast.SetComp: Evaluator._comprehension,
    ast.GeneratorExp: Evaluator._comprehension,
    ast.BinOp: operators.binary,
    ast.UnaryOp: Evaluator._unary,
    ast.BoolOp: operators.boolean,
    ast.IfExp: operators.conditional,
    ast.Compare: Evaluator._compare,
    ast.NamedExpr: Evaluator._walrus,
    ast.Await: Evaluator._inner,
    ast.Starred: Evaluator._inner,
    ast.Lambda: Evaluator._lambda,
    ast.Subscript: library.subscript,
    ast.Name: Evaluator._name,
    ast.Attribute: Evaluator._attribute,
    ast.Call: Evaluator._call,
}


def _asks_arguments(function: Method) -> bool:
    """Whether what a method gives depends on what it is given."""
    owner, name = function.owner, function.name
    if owner.wraps is not None and name in ("local", "remote", "get_raw_f"):
        return True
    return name == "pipe" and owner.type == "modal.Image"


def _says_little(value: Value) -> bool:
    """Whether an annotation may tell more of a parameter than a value does that it may have."""
    return isinstance(value, (Unknown, External)) or (isinstance(value, Const) and value.value is None)
