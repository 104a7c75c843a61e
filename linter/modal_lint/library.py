"""What Python's own library does to values: ``os.environ``, ``dict``, ``base64``, ``json``, and methods of values."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

from modal_lint import defaults, mutate, objects, operators, textlib
from modal_lint.calls import Frame, effective, values_of
from modal_lint.records import replace
from modal_lint.values import (
    UNKNOWN,
    Argument,
    Arguments,
    Bag,
    Builtin,
    Class,
    Const,
    EnvRead,
    External,
    Fallback,
    Mapping,
    Object,
    Partial,
    Place,
    Sequence,
    Text,
    Unknown,
    Value,
    Values,
    known_texts,
    text,
    unite,
    with_steps,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from modal_lint.evaluate import Evaluator

ENVIRON = frozenset(("os.environ", "os.environb"))
STARRED = frozenset(("os.environ", "os.getenv"))  # what ``from … import *`` may bring
GETENV = frozenset(
    ("os.getenv", "os.environ.get", "os.environ.pop", "os.environ.setdefault", "os.environ.__getitem__", "os.getenvb")
)
# Readers of other libraries that take (name, default): python-decouple, environs, starlette, django-environ.
CONFIG_READERS = frozenset(("decouple.config", "decouple.AutoConfig", "starlette.config.Config"))
CONFIG_OBJECTS = frozenset(("environs.Env", "environ.Env", "starlette.config.Config", "decouple.Config"))
_SAME = frozenset(
    (
        "copy.copy", "copy.deepcopy", "typing.cast", "asyncio.run", "asyncio.wait_for", "asyncio.ensure_future",
        "asyncio.create_task", "pydantic.SecretStr", "pydantic.SecretBytes", "pydantic.types.SecretStr",
        "types.MappingProxyType", "collections.OrderedDict.copy", "sys.intern", "pathlib.Path", "pathlib.PurePath",
        "io.StringIO", "shlex.quote", "inspect.cleandoc", "markupsafe.escape", "modal.functions.gather",
    )
)  # fmt: skip
_DICTS = frozenset(("builtins.dict", "collections.OrderedDict", "collections.UserDict", "collections.ChainMap"))
_SEQUENCES = frozenset(
    ("builtins.list", "builtins.tuple", "builtins.set", "builtins.frozenset", "builtins.sorted", "builtins.reversed",
     "builtins.iter", "itertools.chain.from_iterable", "collections.deque")
)  # fmt: skip
_COPYING = "os.environ.copy"
_BAGS = frozenset(("types.SimpleNamespace", "argparse.Namespace"))
_SHORT = 8  # numbers of a range that are looked at one by one
_FORWARDERS = {"functools.partial": 0, "functools.partialmethod": 0}
# Callables that run another one: where it stands among their arguments.
RUNNERS = {"asyncio.to_thread": 0, "anyio.to_thread.run_sync": 0, "trio.to_thread.run_sync": 0}


class Site:
    """One call, for the functions below: its arguments, evaluated as they are asked for."""

    def __init__(self, ev: Evaluator, arguments: Arguments, node: ast.Call, frame: Frame) -> None:
        self.ev, self.arguments, self.node, self.frame = ev, arguments, node, frame

    def arg(self, index: int, name: str = "") -> Values | None:
        """What an argument may be; None if it is not given."""
        for keyword, argument in self.arguments.keywords:
            if keyword is not None and keyword == name:
                return values_of(argument, self.ev.evaluate)
        plain = [argument for starred, argument in self.arguments.positional if not starred]
        if 0 <= index < len(plain):
            return values_of(plain[index], self.ev.evaluate)
        return None

    @property
    def positional(self) -> list[Values]:
        found: list[Values] = []
        for starred, argument in self.arguments.positional:
            values = values_of(argument, self.ev.evaluate)
            found += (elements(self.ev, values) or [UNKNOWN]) if starred else [values]
        return found

    @property
    def place(self) -> Place:
        return Place(self.frame.file, self.node)


# ---- collections --------------------------------------------------------------------------------------------


def elements(ev: Evaluator, values: Values) -> list[Values] | None:
    """The elements of a collection whose contents are known; None otherwise."""
    found: list[Values] = []
    known = False
    for value in values:
        if isinstance(value, Sequence):
            steps = value.steps
            found += [tuple(with_steps(one, steps) for one in item) for item in value.items] if steps else value.items
        elif isinstance(value, Mapping):
            found += [(entry.key,) for entry in effective(value)]
        elif isinstance(value, Class):
            members = objects.enum_members(ev, value)
            if members is None:
                continue
            found += members
        else:
            continue
        known = True
    return found if known else None


def project(ev: Evaluator, values: Values, path: tuple[int | str, ...]) -> Values:
    """The part of a value that tuple unpacking gives to one target."""
    for step in path:
        groups: list[Values] = []
        for value in values:
            items = elements(ev, (value,))
            if items is None:
                groups.append(UNKNOWN)
            elif isinstance(step, str):
                start, count = (int(part) for part in step.split(":"))
                groups.append((Sequence(tuple(items[start : len(items) - (count - start - 1)])),))
            else:
                groups.append(items[step] if -len(items) <= step < len(items) else UNKNOWN)
        values = unite(*groups)
    return values


def subscript(ev: Evaluator, node: ast.Subscript, frame: Frame) -> Values:
    """``value[index]``."""
    bases = ev.evaluate(node.value, frame)
    if isinstance(node.slice, ast.Slice):
        return unite(*(_sliced(base, node.slice) for base in bases))
    keys = ev.evaluate(node.slice, frame)
    place = Place(frame.file, node)
    return unite(*(_item(ev, base, keys, place, frame) for base in bases))


def _item(ev: Evaluator, base: Value, keys: Values, place: Place, frame: Frame) -> Values:
    if isinstance(base, External):
        if base.name in ENVIRON:
            return environment(ev, next(iter(known_texts(keys)), None), place, frame)
        return (base,) if base.name[:1].islower() and "." in base.name else UNKNOWN
    if isinstance(base, Mapping):
        return _looked_up(base, keys, place)
    if isinstance(base, Sequence):
        return _indexed(base, keys)
    if isinstance(base, Class):
        name = next(iter(known_texts(keys)), None)
        return objects.attribute(ev, (base,), name) if name else (base,)
    if isinstance(base, Text) and base.known is not None:
        index = next((key.value for key in keys if isinstance(key, Const) and isinstance(key.value, int)), None)
        if index is not None and -len(base.known) <= index < len(base.known):
            return (text(base.known[index], base.origin, base.steps),)
    return UNKNOWN


def _looked_up(base: Mapping, keys: Values, place: Place) -> Values:
    groups: list[Values] = []
    for key in keys:
        if (isinstance(key, Text) and key.known is not None) or isinstance(key, Const):
            wanted = key.known if isinstance(key, Text) else key.value
            rest = (EnvRead(wanted, place),) if base.environ and isinstance(wanted, str) else UNKNOWN
            groups.append(base.get(wanted) or rest)  # type: ignore[arg-type]
        else:
            groups += [tuple(with_steps(v, e.steps + base.steps) for v in e.value) for e in effective(base)]
            groups.append(UNKNOWN)
    return unite(*groups)


def _indexed(base: Sequence, keys: Values) -> Values:
    groups: list[Values] = []
    for key in keys:
        index = key.value if isinstance(key, Const) else None
        if isinstance(index, int):
            groups.append(base.items[index] if -len(base.items) <= index < len(base.items) else UNKNOWN)
        else:
            groups += [*base.items, UNKNOWN]
    return tuple(with_steps(value, base.steps) for value in unite(*groups))


def _sliced(base: Value, node: ast.Slice) -> Values:
    bounds: list[int | None] = []
    for part in (node.lower, node.upper, node.step):
        if part is None:
            bounds.append(None)
            continue
        try:
            number = ast.literal_eval(part)
        except (ValueError, TypeError, SyntaxError, RecursionError):
            return UNKNOWN
        if not isinstance(number, int) or isinstance(number, bool):
            return UNKNOWN
        bounds.append(number)
    cut = slice(*bounds)
    if bounds[2] == 0:
        return UNKNOWN
    if isinstance(base, Sequence):
        return (replace(base, items=base.items[cut]),)
    if isinstance(base, Text):
        return textlib.transform((base,), lambda string: string[cut])
    return UNKNOWN


# ---- the environment ----------------------------------------------------------------------------------------


def environment(ev: Evaluator, key: str | None, place: Place, frame: Frame, default: Values | None = None) -> Values:
    """The value of a local environment variable: what this module sets it to, the outer one, or the default."""
    read: Values = (EnvRead(key, place),)
    assigned = defaults.environment_assignments(ev, key, place, frame) if key else ()
    if default is not None:
        read = unite(read, operators.mark(default, Fallback(key, place, place)))
    return unite(read, assigned) if assigned else read


def is_environ(values: Values) -> bool:
    """Whether a mapping is the environment, or holds its variables among others."""
    return any(
        value.environ if isinstance(value, Mapping) else isinstance(value, External) and value.name in ENVIRON
        for value in values
    )


def _getenv(site: Site) -> Values:
    key = next(iter(known_texts(site.arg(0, "key") or ())), None)
    default = site.arg(1, "default")
    return environment(site.ev, key, site.place, site.frame, default)


# ---- functions by name --------------------------------------------------------------------------------------


def external(ev: Evaluator, name: str, arguments: Arguments, node: ast.Call, frame: Frame) -> Values:
    """What calling something outside the project gives that is not of Modal's API, and not `unlearned`."""
    site = Site(ev, arguments, node, frame)
    if name in GETENV or name in CONFIG_READERS or _reads_config(name):
        return _getenv(site)
    if name == _COPYING:
        return (Mapping((), False, site.place, environ=True),)
    if name in _SAME:
        return _last_same(site, name)
    if name in _DICTS:
        entries, complete = mutate.updates(ev, node, frame)
        return (Mapping(tuple(entries), complete, site.place, environ=is_environ(site.arg(0) or ())),)
    if name in _SEQUENCES:
        return _sequence(site)
    if name in _BAGS:
        entries, complete = mutate.updates(ev, node, frame)
        return (Bag(Mapping(tuple(entries), complete)),)
    if name in _FORWARDERS:
        return _partial(site)
    if name in RUNNERS:
        return _run(site, RUNNERS[name])
    return _FUNCTIONS[name](site)


def unlearned(name: str) -> Values | None:
    """What calling something outside the project gives of which nothing is known but its name; None of any other."""
    made = _name_of_made(name)
    if not made:
        return None if made is None else UNKNOWN
    return (External(made),)


@lru_cache(maxsize=4096)
def _name_of_made(name: str) -> str | None:
    """What to call the result of a callable that is not `_LEARNED`, nothing where it is one of Python's own."""
    if name in _LEARNED or _reads_config(name):
        return None
    if name.startswith("builtins.") and not name.startswith("builtins.__file__."):
        return ""
    return f"{name}()"


def _reads_config(name: str) -> bool:
    """Whether a callable belongs to an object of configuration, and reads a variable."""
    return name.partition("()")[0] in CONFIG_OBJECTS and name not in CONFIG_OBJECTS


def _last_same(site: Site, name: str) -> Values:
    values = site.arg(1 if name == "typing.cast" else 0)
    if name.startswith("pathlib.") and len(site.arguments.positional) > 1:
        return operators.join_texts(site.positional, text("/", None))
    return values if values is not None else UNKNOWN


def _sequence(site: Site) -> Values:
    values = site.arg(0)
    if values is None:
        return (Sequence((), True, site.place),)
    items = elements(site.ev, values)
    return UNKNOWN if items is None else (Sequence(tuple(items), len(values) == 1, site.place),)


def _partial(site: Site) -> Values:
    functions = site.arg(0, "func")
    if functions is None:
        return UNKNOWN
    rest = Arguments(site.arguments.positional[1:], site.arguments.keywords)
    return tuple(Partial(function, rest) for function in functions)


def _run(site: Site, index: int) -> Values:
    functions = site.arg(index)
    if functions is None:
        return UNKNOWN
    rest = Arguments(site.arguments.positional[index + 1 :], site.arguments.keywords)
    return unite(*(site.ev.apply(function, rest, site.node, site.frame) for function in functions))


def _zip(site: Site) -> Values:
    groups = [elements(site.ev, values) for values in site.positional]
    if not groups or any(group is None for group in groups):
        return UNKNOWN
    rows = zip(*[group or [] for group in groups], strict=False)
    return (Sequence(tuple((Sequence(tuple(row)),) for row in rows), True, site.place),)


def _enumerate(site: Site) -> Values:
    items = elements(site.ev, site.arg(0) or UNKNOWN)
    if items is None:
        return UNKNOWN
    return (Sequence(tuple((Sequence(((Const(i),), item)),) for i, item in enumerate(items)), True, site.place),)


def _range(site: Site) -> Values:
    """The numbers of a short ``range(…)``."""
    bounds: list[int] = []
    for values in site.positional:
        bound = values[0].value if len(values) == 1 and isinstance(values[0], Const) else None
        if not isinstance(bound, int) or isinstance(bound, bool):
            return UNKNOWN
        bounds.append(bound)
    try:
        numbers = range(*bounds)
    except (TypeError, ValueError):
        return UNKNOWN
    if len(numbers) > _SHORT:
        return UNKNOWN
    return (Sequence(tuple((Const(number, site.place),) for number in numbers), True, site.place),)


def _map(site: Site) -> Values:
    items = elements(site.ev, site.arg(1) or UNKNOWN)
    functions = site.arg(0)
    if items is None or functions is None:
        return UNKNOWN
    made = []
    for item in items[:100]:
        arguments = Arguments(((False, Argument(None, None, item)),))
        made.append(unite(*(site.ev.apply(f, arguments, site.node, site.frame) for f in functions)))
    return (Sequence(tuple(made), True, site.place),)


def _chain(site: Site) -> Values:
    groups = [elements(site.ev, values) for values in site.positional]
    items = [item for group in groups if group is not None for item in group]
    return (Sequence(tuple(items), None not in groups, site.place),)


def _getattr(site: Site) -> Values:
    names = list(known_texts(site.arg(1) or ()))
    found = [objects.attribute(site.ev, site.arg(0) or UNKNOWN, name) for name in names]
    default = site.arg(2)
    return unite(*found, *([default] if default is not None else []))


def _setdefault_text(site: Site) -> Values:
    return tuple(operators.as_text(value) for value in site.arg(0) or (text("", site.place),))


def _imported(site: Site) -> Values:
    names = list(known_texts(site.arg(0, "name") or ()))
    return tuple(External(name) for name in names if name.split(".")[0] in ("modal", "os")) or UNKNOWN


def _fromkeys(site: Site) -> Values:
    from modal_lint.values import Entry

    keys = elements(site.ev, site.arg(0) or UNKNOWN)
    values = site.arg(1) or (Const(None),)
    if keys is None:
        return UNKNOWN
    return (Mapping(tuple(Entry(key, values, site.place) for item in keys for key in item), True, site.place),)


def piped(ev: Evaluator, owner: Object, arguments: Arguments, node: ast.Call, frame: Frame) -> Values:
    """``image.pipe(function, …)``: what the function makes of the image."""
    site = Site(ev, arguments, node, frame)
    functions = site.arg(0, "func") or UNKNOWN
    first = ((False, Argument(None, None, (owner,))),)
    rest = Arguments(first + arguments.positional[1:], arguments.keywords)
    made = unite(*(ev.apply(function, rest, node, frame) for function in functions))
    return made if any(isinstance(value, Object) for value in made) else (owner,)


def image_piped_to(ev: Evaluator, node: ast.Lambda, frame: Frame) -> Values | None:
    """The image that ``image.pipe(lambda it: …)`` gives to a lambda; None where it stands elsewhere."""
    call = frame.file.scopes.parents.get(node)
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr != "pipe":
        return None
    images = ev.evaluate(call.func.value, frame) if call.args[:1] == [node] else ()
    return images if images and all(isinstance(one, Object) for one in images) else None


def builtin(ev: Evaluator, function: Builtin, arguments: Arguments, node: ast.Call, frame: Frame) -> Values:
    """What calling a method of a known value gives."""
    site = Site(ev, arguments, node, frame)
    return unite(*(_method(site, owner, function.name) for owner in function.owner))


def _method(site: Site, owner: Value, name: str) -> Values:
    if isinstance(owner, Text):
        return textlib.method(site, owner, name)
    if isinstance(owner, Mapping):
        return _mapping_method(site, owner, name)
    if isinstance(owner, Sequence):
        if name in ("copy", "__iter__"):
            return (owner,)
        if name == "pop":
            return _indexed(owner, site.arg(0) or (Const(-1),))
    if isinstance(owner, Bag) and name in ("parse_args", "parse_known_args"):
        return (defaults.parsed_arguments(site.ev, site.frame),)
    if isinstance(owner, EnvRead):
        # What is done to the text of a variable leaves it the text of a variable.
        return (owner,) if name in textlib.SHAPING or name in textlib.CODING else UNKNOWN
    return UNKNOWN


def _mapping_method(site: Site, owner: Mapping, name: str) -> Values:
    if name in ("copy", "model_copy", "__copy__"):
        return (owner,)
    if name in ("get", "pop", "setdefault", "__getitem__"):
        found = _looked_up(owner, site.arg(0, "key") or UNKNOWN, site.place)
        default = site.arg(1, "default")
        sure = owner.complete and all(not isinstance(value, Unknown) for value in found)
        return found if default is None or sure else unite(found, default)
    shown = effective(owner)
    if name == "items":
        rows = tuple(
            (Sequence(((e.key,), tuple(with_steps(v, e.steps + owner.steps) for v in e.value)), True, e.place),)
            for e in shown
        )
        return (Sequence(rows, owner.complete, owner.place),)
    if name == "values":
        columns = tuple(tuple(with_steps(v, e.steps + owner.steps) for v in e.value) for e in shown)
        return (Sequence(columns, owner.complete, owner.place),)
    if name == "keys":
        return (Sequence(tuple((entry.key,) for entry in shown), owner.complete, owner.place),)
    return UNKNOWN


_FUNCTIONS: dict[str, Callable[[Site], Values]] = {
    "importlib.import_module": lambda site: _imported(site),
    "builtins.__import__": lambda site: _imported(site),
    "builtins.str": _setdefault_text,
    "builtins.bytes": lambda site: site.arg(0) or UNKNOWN,
    "builtins.repr": _setdefault_text,
    "builtins.zip": _zip,
    "builtins.enumerate": _enumerate,
    "builtins.range": _range,
    "builtins.map": _map,
    "builtins.getattr": _getattr,
    "builtins.vars": lambda site: objects.as_mapping(site.ev, site.arg(0) or UNKNOWN),
    "builtins.next": lambda site: unite(*(elements(site.ev, site.arg(0) or UNKNOWN) or [UNKNOWN])[:1]),
    "builtins.dict.fromkeys": _fromkeys,
    "itertools.chain": _chain,
    "dataclasses.asdict": lambda site: objects.as_mapping(site.ev, site.arg(0) or UNKNOWN),
    "dataclasses.replace": lambda site: objects.replaced(site.ev, site.arg(0) or UNKNOWN, site),
    "attr.asdict": lambda site: objects.as_mapping(site.ev, site.arg(0) or UNKNOWN),
    "attrs.asdict": lambda site: objects.as_mapping(site.ev, site.arg(0) or UNKNOWN),
    "string.Template": lambda site: site.arg(0, "template") or UNKNOWN,
    "argparse.ArgumentParser": lambda site: (Bag(Mapping((), False, site.place)),),
    **textlib.FUNCTIONS,
}
_LEARNED = frozenset(
    (*GETENV, *CONFIG_READERS, *_SAME, *_DICTS, *_SEQUENCES, *_BAGS, *_FORWARDERS, *RUNNERS, *_FUNCTIONS, _COPYING)
)
