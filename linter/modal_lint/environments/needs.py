"""What code reads from its environment: `os.environ`, settings classes, clients, and the functions that it calls.

The functions of the project that code calls are followed, also into other files, as far as the bounds allow. Code
that runs in another container (`f.remote()`) is not.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modal_lint import objects, switches
from modal_lint.calls import Frame, arguments_of
from modal_lint.environments import settings
from modal_lint.environments.clients import CLIENTS, LAST_NAMES
from modal_lint.imports import SDKS
from modal_lint.kept import Kept
from modal_lint.library import ENVIRON, GETENV
from modal_lint.modal_api import API, TYPES, canonical
from modal_lint.nodes import last_name
from modal_lint.uses import default_frame
from modal_lint.values import Class, External, Function, Method, Place, Text, Value, Values

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modal_lint.evaluate import Evaluator
    from modal_lint.source import File

MAX_RUNS = 80  # functions that are followed from one container
MAX_DEPTH = 5  # calls inside calls
_GETTERS = frozenset(("get", "getenv", "getenvb", "pop", "setdefault", "__getitem__"))
_LOADERS = frozenset(("load_dotenv", "update", "read_env", "putenv", "clear", "dotenv_values"))


@dataclass(slots=True, eq=False, repr=False)
class Need:
    """One variable that code reads.

    ``required`` says that the read happens whenever the code runs, and fails where the variable is not set.
    ``reader`` is what reads it, in words; ``calls`` lead from the container's code to the place. An ``alternative`` is
    one that its reader looks for where it does not find another one.
    """

    key: str
    place: Place
    required: bool
    reader: str = "os.environ"
    calls: tuple[Place, ...] = ()
    alternative: bool = False


@dataclass(slots=True)
class Reads:
    """What some code reads, what it sets itself, and whether it may get variables in a way that is not followed.

    ``code`` are the functions that were looked through.
    """

    needs: list[Need] = field(default_factory=list)
    assigned: set[str] = field(default_factory=set)
    open: bool = False
    code: list[Place] = field(default_factory=list)

    @property
    def keys(self) -> frozenset[str]:
        """The variables that are read, however."""
        return frozenset(need.key for need in self.needs)


class Reading:
    """One look through the code of a container.

    Args:
        ev: evaluates keys and callees.
    """

    def __init__(self, ev: Evaluator) -> None:
        self.ev = ev
        self.found = Reads()
        self._seen: set[tuple[object, ...]] = set()
        self._runs = 0

    def of(self, places: Iterable[Place]) -> Reads:
        """What functions of the project read when they run."""
        for place in places:
            file = place.file
            frame = default_frame(self.ev, file, file.scopes.of[place.node])
            self._run(file, place.node, frame, (), certain=True)
        return self.found

    def _run(self, file: File, node: ast.AST, frame: Frame, calls: tuple[Place, ...], *, certain: bool) -> None:
        key = (node, None if frame.arguments is None or not calls else calls[-1].node)
        if key in self._seen:
            return
        self._seen.add(key)
        self._runs += 1
        if self._runs > MAX_RUNS or len(calls) > MAX_DEPTH:
            self.found.open = True
            return
        if (file, "module") not in self._seen:
            self._seen.add((file, "module"))
            own = file.environments.set_at_import
            self.found.assigned |= own.assigned
            self.found.open = self.found.open or own.open
        self.found.code.append(Place(file, node))
        look = _Look(self, file, node, frame, calls, certain)
        body = getattr(node, "body", [])
        for statement in body if isinstance(body, list) else [body]:
            for inner in ast.walk(statement):
                look.at(inner)

    def module(self, file: File) -> Reads:
        """What a module sets while it is imported; that counts for its functions."""
        if _sets_variables(file):
            look = _Look(self, file, file.tree, self.ev.module_frame(file), (), False)
            for node in file.scopes.at_import:
                look.sets(node)
        return self.found

    def follow(
        self, function: Function, call: ast.Call, frame: Frame, calls: tuple[Place, ...], *, certain: bool
    ) -> None:
        """A call of a function of the project."""
        place = function.place
        inner = Frame(
            place.file,
            place.node,
            arguments=arguments_of(call, frame),
            outer=function.frame,
            receiver=function.receiver,
            caller=frame,
        )
        steps = (*calls, Place(frame.file, call))
        self._run(place.file, place.node, inner, steps, certain=certain)


class _Look:
    """A look at the nodes of one function in one run."""

    def __init__(
        self, reading: Reading, file: File, node: ast.AST, frame: Frame, calls: tuple[Place, ...], certain: bool
    ) -> None:
        self.reading, self.file, self.node, self.frame = reading, file, node, frame
        self.ev, self.found = reading.ev, reading.found
        self.calls, self.certain = calls, certain
        self.guards = file.environments.guards(node)

    def at(self, node: ast.AST) -> None:
        """Note what a node reads or sets."""
        if isinstance(node, ast.Subscript):
            if self._is_environment(node.value):
                self._subscript(node)
        elif isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, ast.AugAssign) and self._is_environment(node.target):
            self.found.open = True

    def sets(self, node: ast.AST) -> None:
        """Note only what a node sets."""
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and self._is_environment(node.value):
            self._subscript(node)
        elif isinstance(node, ast.AugAssign) and self._is_environment(node.target):
            self.found.open = True
        elif isinstance(node, ast.Call):
            name = last_name(node.func)
            if name == "setdefault":
                self._looked_up(node, name)
            elif name in _LOADERS:
                self._loaded(node, name)

    def _ask(self, node: ast.AST) -> Values:
        """What an expression is in this run; in a function inside, whoever calls that."""
        scope = self.file.scopes.scope(node).function
        frame = self.frame if scope.node is self.node else default_frame(self.ev, self.file, scope)
        return self.ev.ask(node, frame)

    def _is_environment(self, node: ast.expr) -> bool:
        """Whether an expression is the environment; only what is called so is asked for."""
        name = last_name(node)
        if "env" not in name.lower():
            return False
        return any(isinstance(value, External) and value.name in ENVIRON for value in self._ask(node))

    def _subscript(self, node: ast.Subscript) -> None:
        keys = [value.known if isinstance(value, Text) else None for value in self._ask(node.slice)]
        if isinstance(node.ctx, ast.Store):
            self._set(keys)
        elif isinstance(node.ctx, ast.Load):
            for key in keys:
                if key is not None:
                    required = len(keys) == 1 and self._is_sure(node, key)
                    self._note(key, node, required, "os.environ")

    def _set(self, keys: list[str | None]) -> None:
        self.found.assigned.update(key for key in keys if key is not None)
        self.found.open = self.found.open or None in keys

    def _is_sure(self, node: ast.AST, key: str) -> bool:
        """Whether a read happens whenever the container's code runs, and nothing looks for the variable before."""
        return self.certain and self.guards.always(node) and not self.guards.mentions(key)

    def _note(self, key: str, node: ast.AST, required: bool, reader: str, alternative: bool = False) -> None:
        need = Need(key, Place(self.file, node), required, reader, self.calls, alternative)
        self.found.needs.append(need)

    def _call(self, node: ast.Call) -> None:
        func = node.func
        name = last_name(func)
        if name in _GETTERS and self._looked_up(node, name):
            return
        if name in _LOADERS:
            self._loaded(node, name)
        for value in self._ask(func):
            self._called(value, node, name)

    def _looked_up(self, node: ast.Call, name: str) -> bool:
        """``os.environ.get(…)`` and the like; whether it is one."""
        names = {canonical(value.name) for value in self._ask(node.func) if isinstance(value, External)}
        if names.isdisjoint(GETENV):
            return False
        keys = [one.known if isinstance(one, Text) else None for one in (self._ask(node.args[0]) if node.args else ())]
        if name == "setdefault":
            self._set(keys)
        for key in keys:
            if key is not None:
                self._note(key, node, False, "os.environ")
        return True

    def _loaded(self, node: ast.Call, name: str) -> None:
        """What fills the environment from elsewhere."""
        func = node.func
        if name in ("update", "clear"):
            self.found.open |= isinstance(func, ast.Attribute) and self._is_environment(func.value)
        else:
            self.found.open = True

    def _called(self, value: Value, node: ast.Call, name: str) -> None:
        certain = self.certain and self.guards.always(node)
        if isinstance(value, External):
            client = CLIENTS.get(value.name) if name in LAST_NAMES or value.name in CLIENTS else None
            if client is not None:
                self._client(value.name, node)
        elif isinstance(value, Function):
            self.reading.follow(value, node, self._frame_at(node), self.calls, certain=certain)
        elif isinstance(value, Class):
            self._constructed(value, node, certain)
        elif isinstance(value, Method) and value.name == "local" and isinstance(value.owner.wraps, Function):
            self.reading.follow(value.owner.wraps, node, self._frame_at(node), self.calls, certain=certain)

    def _frame_at(self, node: ast.AST) -> Frame:
        scope = self.file.scopes.scope(node).function
        return self.frame if scope.node is self.node else default_frame(self.ev, self.file, scope)

    def _client(self, name: str, node: ast.Call) -> None:
        client = CLIENTS[name]
        given = {keyword.arg for keyword in node.keywords}
        if None in given or given & set(client.unless) or any(isinstance(one, ast.Starred) for one in node.args):
            return
        for key in client.keys:
            sure = client.strict and not client.any_of and not node.args and self._is_sure(node, key)
            self._note(key, node, sure, f"{name}()", client.any_of and key != client.keys[0])

    def _constructed(self, cls: Class, node: ast.Call, certain: bool) -> None:
        fields = settings.fields(self.ev, cls, node)
        if fields is not None:
            for key, required in fields:
                self._note(key, node, required and certain and not self.guards.mentions(key), f"{_name(cls)}()")
            return
        for function in objects.class_attribute(self.ev, cls, "__init__"):
            if isinstance(function, Function):
                self.reading.follow(function, node, self._frame_at(node), self.calls, certain=certain)


def _name(cls: Class) -> str:
    return str(getattr(cls.place.node, "name", "a class"))


_READERS = frozenset(name.partition(".")[0] for name in (*CLIENTS, *settings.BASES))  # the packages of what reads
_SPELLED = ("environ", "getenv", "getattr")  # what of `os` reads, and what may stand for it


def may_read(file: File) -> bool:
    """Whether code of a file may need variables, by itself or by what it calls in other files of the project.

    Whatever reads them is a name of `os`, or is brought by an import, from a package that reads or from the project.
    """
    known = _MAY_READ.get(file)
    if known is None:
        spelled = file.spells(*_SPELLED) or switches.is_off("spelling")
        known = _MAY_READ[file] = spelled or any(_may_bring_reader(file, one) for one in file.scopes.imports)
    return known


_MAY_READ: Kept[File, bool] = Kept()


def _may_bring_reader(file: File, statement: ast.Import | ast.ImportFrom) -> bool:
    if isinstance(statement, ast.Import):
        dotted = (alias.name if alias.asname else alias.name.partition(".")[0] for alias in statement.names)
        names = [name for name in dotted if name not in SDKS]
    elif statement.level or statement.module is None:
        return True
    else:
        names = [f"{statement.module}.{alias.name}" for alias in statement.names]
        names = [name for name in names if not _is_of_sdk(name)]
        names += [statement.module] if names else []
    return any(name.partition(".")[0] in _READERS or file.project.has_module(name, file) for name in names)


def _is_of_sdk(dotted: str) -> bool:
    """Whether a name is one of Modal's, even where a folder of the project is called so."""
    return dotted.partition(".")[0] in SDKS and ((known := canonical(dotted)) in API or known in TYPES)


def _sets_variables(file: File) -> bool:
    return file.says("environ", "dotenv", "putenv")
