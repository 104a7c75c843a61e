"""Attributes: of modules, classes, instances, dataclasses, enums, namespaces, and of Modal's own objects."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint import imports, library, mutate
from modal_lint.calls import Bound, Frame, Signature, arguments_of, bind, handed, has_splats, values_of
from modal_lint.modal_api import attribute_type, canonical
from modal_lint.records import replace
from modal_lint.scopes import Mutation
from modal_lint.values import (
    UNKNOWN,
    Arguments,
    Bag,
    Builtin,
    Class,
    Const,
    Entry,
    EnvRead,
    External,
    Function,
    Instance,
    Mapping,
    Method,
    Module,
    Object,
    Partial,
    Sequence,
    Text,
    Unknown,
    Value,
    Values,
    moved,
    text,
    unite,
    with_steps,
)

if TYPE_CHECKING:
    from modal_lint.evaluate import Evaluator
    from modal_lint.library import Site
    from modal_lint.scopes import Scope

MAX_BASES = 20
_METHODS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DUMPS = frozenset(("model_dump", "dict", "_asdict", "to_dict", "as_dict", "asdict"))
_CHANGED = frozenset(("model_copy", "_replace"))
_ENUMS = frozenset(("enum.Enum", "enum.StrEnum", "enum.IntEnum", "enum.Flag"))


def attribute(ev: Evaluator, values: Values, name: str) -> Values:
    """``value.name``."""
    if values is UNKNOWN:
        return UNKNOWN
    if len(values) == 1:
        return unite(_attribute(ev, values[0], name))
    return unite(*[_attribute(ev, value, name) for value in values])


def _attribute(ev: Evaluator, value: Value, name: str) -> Values:
    if isinstance(value, External):
        return (External(canonical(f"{value.name}.{name}"), value.steps),)
    if isinstance(value, Module):
        found = imports.member(ev, value.file, name)
        if found is not None:
            return found
        below = ev.project.below(value.file, name)
        return UNKNOWN if below is None else (Module(below),)
    if isinstance(value, Object):
        return _of_object(ev, value, name)
    if isinstance(value, Method) and name == "aio":
        return (value,)
    if isinstance(value, Class):
        return class_attribute(ev, value, name)
    if isinstance(value, Instance):
        return instance_attribute(ev, value, name)
    if isinstance(value, Bag):
        return _of_bag(value, name)
    if isinstance(value, (Text, Const)) and name in ("value", "_value_"):
        return (value,)
    if isinstance(value, (Text, Mapping, Sequence, EnvRead)):
        return (Builtin((value,), name),)
    if isinstance(value, Partial) and name == "keywords":
        entries = tuple(
            Entry(text(key, None), values_of(argument, ev.evaluate))
            for key, argument in value.arguments.keywords
            if key is not None
        )
        return (Mapping(entries, False),)
    return UNKNOWN


def _of_object(ev: Evaluator, value: Object, name: str) -> Values:
    if name == "aio":
        return (value,)
    if value.type == "modal.Obj" and isinstance(value.wraps, Instance):
        inner = instance_attribute(ev, value.wraps, name)
        return tuple(
            Object("modal.Function", value.call, None, one) if isinstance(one, Function) else one for one in inner
        )
    target = attribute_type(value.type, name)
    if target is not None:
        return (Object(target, value.call, value, frame=value.frame),)
    return (Method(value, name),)


def _of_bag(value: Bag, name: str) -> Values:
    found = value.attributes.get(name)
    if found is not None:
        return tuple(with_steps(one, value.steps) for one in found)
    if name in ("parse_args", "parse_known_args"):
        return (Builtin((value,), name),)
    return UNKNOWN


# ---- classes ------------------------------------------------------------------------------------------------


def bases(ev: Evaluator, cls: Class) -> list[Class]:
    """The class and its bases in the project, in the order of look-up."""
    key = cls.place.node
    if key in ev.bases:
        return ev.bases[key]
    found: list[Class] = []
    ev.bases[key] = [cls]  # cuts cycles
    waiting = [cls]
    while waiting and len(found) < MAX_BASES:
        current = waiting.pop(0)
        if any(current.place.node is known.place.node for known in found):
            continue
        found.append(current)
        node = current.place.node
        assert isinstance(node, ast.ClassDef)
        frame = current.frame or ev.module_frame(current.place.file)
        for base in node.bases:
            waiting += [value for value in ev.evaluate(base, frame) if isinstance(value, Class)]
    ev.bases[key] = found
    return found


def body_frame(ev: Evaluator, cls: Class) -> Frame:
    """The run of a class's body, the same one whenever it is asked for."""
    around = cls.frame or ev.module_frame(cls.place.file)
    key = (cls.place.node, "")
    known = ev.frames.get(key)
    if known is None or known.outer is not around:
        known = ev.frames[key] = Frame(cls.place.file, cls.place.node, outer=around)
    return known


def class_attribute(ev: Evaluator, cls: Class, name: str, receiver: Value | None = None) -> Values:
    """``Class.name``, or what an instance finds in its class."""
    for owner in bases(ev, cls):
        file, node = owner.place.file, owner.place.node
        scope = file.scopes.of[node]
        if name not in scope.bindings:
            continue
        frame = body_frame(ev, owner)
        values = ev.held_at_end(name, scope, frame)
        return unite(*(_bound_to(ev, value, receiver or cls, frame) for value in values))
    return UNKNOWN


def _bound_to(ev: Evaluator, value: Value, receiver: Value, frame: Frame) -> Values:
    if not isinstance(value, Function):
        return (value,)
    node = value.place.node
    names = {decorator_name(decorator) for decorator in getattr(node, "decorator_list", ())}
    if "staticmethod" in names:
        return (value,)
    instance = isinstance(receiver, Instance)
    if names & {"property", "cached_property", "computed_field"} and instance:
        assert isinstance(node, _METHODS)
        bound = replace(value, receiver=receiver)
        return ev.run(bound, Arguments(), node, frame)
    if "classmethod" in names and isinstance(receiver, Instance):
        return (replace(value, receiver=receiver.cls),)
    if instance or "classmethod" in names:
        return (replace(value, receiver=receiver),)
    return (value,)


def decorator_name(node: ast.expr) -> str:
    """The last name of a decorator, called or not."""
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def enum_members(ev: Evaluator, cls: Class) -> list[Values] | None:
    """The members of an enumeration; None if the class is none."""
    if not is_enum(ev, cls):
        return None
    scope = cls.place.file.scopes.of[cls.place.node]
    return [class_attribute(ev, cls, name) for name, bound in scope.bindings.items() if bound[-1].kind == "assign"]


def is_enum(ev: Evaluator, cls: Class) -> bool:
    """Whether a class is an enumeration."""
    node = cls.place.node
    assert isinstance(node, ast.ClassDef)
    frame = cls.frame or ev.module_frame(cls.place.file)
    return any(
        isinstance(value, External) and value.name in _ENUMS
        for base in node.bases
        for value in ev.evaluate(base, frame)
    )


def construct(ev: Evaluator, cls: Class, arguments: Arguments) -> Values:
    """``Class(…)``; an enumeration's call looks a member up."""
    if is_enum(ev, cls):
        return unite(*(enum_members(ev, cls) or [UNKNOWN]))
    return (Instance(cls, arguments),)


# ---- instances ----------------------------------------------------------------------------------------------


def instance_attribute(ev: Evaluator, instance: Instance, name: str) -> Values:
    """``instance.name``: assigned from outside, in a method, a field, or the class's."""
    assigned = [values for key, values in instance.attributes if key == name]
    if assigned:
        return assigned[-1]
    instance = instance.original
    key = (_identity(instance), name)
    if key in ev.attributes:
        ev.needed_caller = ev.needed_caller or key in ev.needy
        return ev.attributes[key]
    ev.attributes[key] = UNKNOWN  # cuts cycles
    before, ev.needed_caller = ev.needed_caller, False
    try:
        values = ev.attributes[key] = _instance_attribute(ev, instance, name)
    finally:
        if ev.needed_caller:
            ev.needy.add(key)
        else:
            ev.needed_caller = before
    return values


def _instance_attribute(ev: Evaluator, instance: Instance, name: str) -> Values:
    values = _from_methods(ev, instance, name)
    if values is None:
        values = _field(ev, instance, name)
    if values is None:
        if name in _DUMPS and not _defines(ev, instance.cls, name):
            values = (Builtin(as_mapping(ev, (instance,)), "copy"),)
        elif name in _CHANGED:
            values = (Builtin((Mapping((), False),), "copy"),)
        elif name == "__dict__":
            values = as_mapping(ev, (instance,))
        else:
            values = class_attribute(ev, instance.cls, name, instance)
    return values


def _identity(instance: Instance) -> object:
    """What instances of which the same is known have in common."""
    return instance.cls.place.node if instance.arguments is None else instance


def _defines(ev: Evaluator, cls: Class, name: str) -> bool:
    return any(name in owner.place.file.scopes.of[owner.place.node].bindings for owner in bases(ev, cls))


def _from_methods(ev: Evaluator, instance: Instance, name: str) -> Values | None:
    """What methods assign to ``self.name``; ``__init__`` first, the others are possibilities."""
    groups: list[Values] = []
    for owner in bases(ev, instance.cls):
        sets = _assignments(ev, owner, name)
        for method, found in sets:
            for mutation in found:
                groups.append(_assigned(ev, instance, owner, method, mutation, name))
        if groups:
            break
    if not groups:
        return None
    values = unite(*groups)
    return _changed(ev, instance, name, values)


def _assignments(ev: Evaluator, owner: Class, name: str) -> list[tuple[ast.AST, list[Mutation]]]:
    """The assignments to ``self.name`` in each method of a class, those in ``__init__`` alone if there are any."""
    found: list[tuple[ast.AST, list[Mutation]]] = []
    for scope, mutations in _done_to(ev, owner, name):
        sets = [m for m in mutations if m.kind == "set" and len(m.path) == 1]
        if sets:
            found.append((scope.node, sets))
    first = [pair for pair in found if getattr(pair[0], "name", "") in ("__init__", "__post_init__", "setup")]
    return first or found


def _done_to(ev: Evaluator, owner: Class, name: str) -> list[tuple[Scope, list[Mutation]]]:
    """What each method of a class does to ``self.name``; the methods are gone through once for all names."""
    key = owner.place.node
    if key not in ev.mutated:
        index: dict[str, dict[Scope, list[Mutation]]] = {}
        for scope in _methods(owner):
            assert isinstance(scope.node, _METHODS)
            for mutation in scope.mutations.get(_self_name(scope.node), []):
                if mutation.path and isinstance(mutation.path[0], str):
                    index.setdefault(mutation.path[0], {}).setdefault(scope, []).append(mutation)
        ev.mutated[key] = {attribute: list(found.items()) for attribute, found in index.items()}
    return ev.mutated[key].get(name, [])


def _self_name(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    arguments = [*node.args.posonlyargs, *node.args.args]
    return arguments[0].arg if arguments else ""


def method_frame(ev: Evaluator, instance: Instance, owner: Class, method: ast.AST) -> Frame:
    """A run of a method of this instance; of ``__init__``, with the arguments of its construction."""
    key = (method, _identity(instance))
    if key not in ev.frames:
        arguments = _init_arguments(ev, instance, owner) if getattr(method, "name", "") == "__init__" else None
        outer = body_frame(ev, owner)
        ev.frames[key] = Frame(owner.place.file, method, arguments=arguments, outer=outer, receiver=instance)
    return ev.frames[key]


def _init_arguments(ev: Evaluator, instance: Instance, owner: Class) -> Arguments | None:
    """What the ``__init__`` of a class gets: the construction's arguments, or those of ``super().__init__(…)``."""
    for cls in bases(ev, instance.cls):
        if cls.place.node is owner.place.node:
            return instance.arguments
        init = next((s.node for s in _methods(cls) if s.node.name == "__init__"), None)  # type: ignore[attr-defined]
        if init is not None:
            call = _super_call(init)
            return None if call is None else arguments_of(call, method_frame(ev, instance, cls, init))
    return None


def _methods(cls: Class) -> list[Scope]:
    return [s for s in cls.place.file.scopes.of[cls.place.node].children if isinstance(s.node, _METHODS)]


def _super_call(init: ast.AST) -> ast.Call | None:
    """``super().__init__(…)`` in a method."""
    for node in ast.walk(init):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "__init__":
            return node
    return None


def _assigned(
    ev: Evaluator, instance: Instance, owner: Class, method: ast.AST, mutation: Mutation, name: str
) -> Values:
    frame = method_frame(ev, instance, owner, method)
    assert mutation.value is not None
    values = ev.evaluate(mutation.value, frame)
    parent = owner.place.file.scopes.parents.get(mutation.node)
    if isinstance(parent, ast.AnnAssign):
        annotated = imports.promised(ev, parent.annotation, frame)
        if annotated is not None and all(isinstance(value, (Unknown, External)) for value in values):
            return annotated
    return moved(values, owner.place.file, mutation.node, f"assigned to self.{name}")


def _changed(ev: Evaluator, instance: Instance, name: str, values: Values) -> Values:
    """The values after what methods do to ``self.name``: ``self.env["k"] = …``, ``self.env.update(…)``."""
    for owner in bases(ev, instance.cls):
        for scope, mutations in _done_to(ev, owner, name):
            sure = getattr(scope.node, "name", "") in ("__init__", "__post_init__")
            changes = tuple(
                (replace_path(m), not sure) for m in mutations if len(m.path) > 1 or m.kind in ("call", "aug")
            )
            if changes:
                frame = method_frame(ev, instance, owner, scope.node)
                values = mutate.apply(ev, values, changes, (frame, frame))
    return values


def replace_path(mutation: Mutation) -> Mutation:
    """The same change as seen from the attribute that it goes through."""
    path = mutation.path[1:]
    return Mutation(mutation.name, mutation.kind, path, mutation.node, mutation.value, mutation.position)


def _field(ev: Evaluator, instance: Instance, name: str) -> Values | None:
    """A field of a dataclass, pydantic model, named tuple or attrs class: its argument, or its default."""
    for owner in bases(ev, instance.cls):
        file, node = owner.place.file, owner.place.node
        assert isinstance(node, ast.ClassDef)
        match = _declarations(ev, node).get(name)
        if match is None:
            continue
        given = _given(ev, instance, name)
        if given is not None:
            return given
        frame = body_frame(ev, owner)
        if match.value is None:
            if instance.arguments is None:
                ev.needed_caller = True
            return imports.promised(ev, match.annotation, frame) or UNKNOWN
        values = field_default(ev, match.value, frame)
        default = moved(values, file, match, f"default of {node.name}.{name}")
        if instance.arguments is None:
            ev.needed_caller = True
        return default
    return None


def _declarations(ev: Evaluator, node: ast.ClassDef) -> dict[str, ast.AnnAssign]:
    """The first declaration of each name in the body of a class."""
    known = ev.declared.get(node)
    if known is None:
        known = ev.declared[node] = {}
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                known.setdefault(statement.target.id, statement)
    return known


def field_default(ev: Evaluator, node: ast.expr, frame: Frame) -> Values:
    """What a field holds by default: ``field(default_factory=…)`` is called, ``Field("…")`` is looked into."""
    if isinstance(node, ast.Call):
        called = ev.evaluate(node.func, frame)
        names = {value.name.rpartition(".")[2] for value in called if isinstance(value, External)}
        if names & {"field", "Field", "ib", "attrib", "parameter", "PrivateAttr", "Factory"}:
            site = library.Site(ev, arguments_of(node, frame), node, frame)
            default = site.arg(0, "default")
            if default is not None:
                return default
            factory = site.arg(99, "default_factory") or site.arg(99, "factory")
            if factory is not None:
                return unite(*(ev.apply(function, Arguments(), node, frame) for function in factory))
            return UNKNOWN
    return ev.evaluate(node, frame)


def field_names(ev: Evaluator, cls: Class) -> list[str]:
    """The declared fields of a class, bases first, in order."""
    return [*_fields(ev, cls).positional]


def _fields(ev: Evaluator, cls: Class) -> Signature:
    """The declared fields of a class as parameters of its construction."""
    nodes = tuple(owner.place.node for owner in bases(ev, cls))
    if nodes not in ev.fields:
        names: dict[str, None] = {}
        for node in reversed(nodes):
            assert isinstance(node, ast.ClassDef)
            names.update(dict.fromkeys(_declarations(ev, node)))
        ev.fields[nodes] = Signature(tuple(names), frozenset(names))
    return ev.fields[nodes]


def _given(ev: Evaluator, instance: Instance, name: str) -> Values | None:
    """The argument of the construction that becomes this field."""
    if instance.arguments is None:
        return None
    bound = _bound_fields(ev, instance)
    given = bound.named.get(name)
    if not given:
        return None
    return unite(*(handed(argument, ev.evaluate, f"given as field {name}") for argument in given))


def _bound_fields(ev: Evaluator, instance: Instance) -> Bound:
    assert instance.arguments is not None
    known = ev.given.get(instance)
    if known is None:
        known = bind(instance.arguments, _fields(ev, instance.cls), ev.evaluate)
        if not has_splats(instance.arguments):  # what a splat holds may not be known yet
            ev.given[instance] = known
    return known


def as_mapping(ev: Evaluator, values: Values) -> Values:
    """An object's attributes as a mapping: ``vars(x)``, ``asdict(x)``, ``x.model_dump()``."""
    made: list[Value] = []
    for value in values:
        if isinstance(value, Bag):
            made.append(value.attributes)
        elif isinstance(value, Instance):
            names = field_names(ev, value.cls) or _assigned_names(value.cls)
            entries = tuple(Entry(text(name, None), instance_attribute(ev, value, name)) for name in names)
            made.append(Mapping(entries, bool(names), value.cls.place, value.steps))
        elif isinstance(value, Mapping):
            made.append(value)
        else:
            made.append(Unknown())
    return tuple(made)


def _assigned_names(cls: Class) -> list[str]:
    names: dict[str, None] = {}
    for scope in cls.place.file.scopes.of[cls.place.node].children:
        if isinstance(scope.node, _METHODS):
            for mutation in scope.mutations.get(_self_name(scope.node), []):
                if mutation.kind == "set" and isinstance(mutation.path[0], str):
                    names[mutation.path[0]] = None
    return list(names)


def replaced(ev: Evaluator, values: Values, site: Site) -> Values:
    """``dataclasses.replace(x, …)``."""
    made: list[Value] = []
    for value in values:
        if isinstance(value, Instance):
            more = tuple((name, values_of(argument, ev.evaluate)) for name, argument in site.arguments.keywords if name)
            made.append(replace(value, attributes=value.attributes + more, made=value.original))
        else:
            made.append(Unknown())
    return tuple(made) or UNKNOWN
