"""The containers of a file: what runs in each, and where its variables come from."""

from __future__ import annotations

import ast
from functools import cached_property
from typing import TYPE_CHECKING

from modal_lint import objects
from modal_lint.environments import asking, sources
from modal_lint.environments.guards import Guards
from modal_lint.environments.needs import Reading, may_read
from modal_lint.environments.sources import ANYTHING, Kind, Supply
from modal_lint.nodes import last_name
from modal_lint.records import made, record
from modal_lint.uses import frame_at
from modal_lint.values import Class, Function, Instance, Object, Place, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modal_lint.environments.needs import Need, Reads
    from modal_lint.source import File
    from modal_lint.uses import Use

FUNCTIONS = frozenset(
    ("modal.App.function", "modal.App.cls", "modal.App.server", "modal_lint_runtime.Functions.define")
)
"""The decorators that make a container of a function or class."""
OPTIONS = ("modal.Function.with_options", "modal.Cls.with_options", "modal_lint_runtime.Function.with_options")
SANDBOXES = (
    "modal.Sandbox.create",
    "modal.Sandbox._experimental_create",
    "modal.SidecarManager.create",
    "modal_lint_runtime.Sandboxes.create",
)
PROCESSES = ("modal.Sandbox.exec", "modal.SidecarContainer.exec", "modal_lint_runtime.Sandbox.exec")
FOUND = ("modal.Function.from_name", "modal.Cls.from_name")
_PLAIN = frozenset(("staticmethod", "classmethod", "property", "cached_property", "setter", "cache", "lru_cache"))
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Container:
    """A Function, class or server: the call that declares it, the code that runs in it, and its variables.

    Args:
        use: the call.
        code: the function or class; None where it is not known.
        alone: whether there is no other way to declare it; else it is not known by which of them it is started.
    """

    def __init__(self, use: Use, code: Place | None, *, alone: bool) -> None:
        self.use, self.code, self._alone = use, code, alone

    @cached_property
    def supply(self) -> Supply:
        """The sources of its variables, the image first."""
        return _of_image(self.use) + self.given if self._alone else ANYTHING

    @cached_property
    def given(self) -> Supply:
        """The sources without the image: the App's Secrets, those of the call, `env=`."""
        use = self.use
        return _of_app(use, app_of(use)) + of_call(use) if self._alone else ANYTHING

    @property
    def name(self) -> str:
        """The name of the function or class."""
        return str(getattr(self.code.node, "name", "…")) if self.code is not None else "…"


@record
class Varied:
    """The calls of `with_options` in a file that give other sources, by the node or name of what they are calls of.

    ``anything`` says that it does so of something of which it is not known what it is.
    """

    nodes: dict[ast.AST, list[Use]] = made(default_factory=dict)
    names: dict[str, list[Use]] = made(default_factory=dict)
    anything: bool = False

    def has(self, container: Container, key: str | None) -> bool:
        """Whether a container may be among them, with sources that may give ``key`` (None: whatever they give)."""
        if self.anything or container.code is None:
            return True
        uses = (*self.nodes.get(container.code.node, ()), *self.names.get(container.name, ()))
        return any(key is None or not of_call(use).lacks(key) for use in uses)


def _varied(file: File) -> Varied:
    calls = [call for call in file.scopes.calls if last_name(call.func) == "with_options" and _may_give(call)]
    found = Varied()
    if not calls:
        return found
    resolved: set[ast.AST] = set()
    for use in file.uses:
        if use.api.name not in OPTIONS:
            continue
        resolved.add(use.node)
        owner = use.owner
        if not gives(use):
            continue
        if owner is not None and isinstance(owner.wraps, (Function, Class)):
            found.nodes.setdefault(owner.wraps.place.node, []).append(use)
            continue
        made = asking.made_by(owner, *FOUND) if owner is not None else []
        named = [asking.text(one, "name") for one in made]
        found.anything = found.anything or not named or None in named
        for name in named:
            found.names.setdefault(name or "", []).append(use)
    found.anything = found.anything or any(call not in resolved for call in calls)
    return found


def _may_give(call: ast.Call) -> bool:
    """Whether a call of `with_options` may name a source, from its keywords alone."""
    return any(keyword.arg in (None, "secrets", "env") for keyword in call.keywords)


class Environments:
    """What the code in a file's containers gets and needs; everything is found when it is asked for.

    Args:
        file: where the containers are declared.
    """

    def __init__(self, file: File) -> None:
        self.file = file
        self.ev = file.project.evaluator
        self._reads: dict[ast.AST, Reads] = {}
        self._guards: dict[ast.AST, Guards] = {}

    def guards(self, node: ast.AST) -> Guards:
        """The conditions inside a function of the file, or the module."""
        if node not in self._guards:
            self._guards[node] = Guards(self.file, node)
        return self._guards[node]

    def uses_of(self, node: ast.AST) -> list[Use]:
        """The calls of the API that a node is: none, one, or one for each run of the code around it."""
        return self._uses.get(node, [])

    @cached_property
    def _uses(self) -> dict[ast.AST, list[Use]]:
        found: dict[ast.AST, list[Use]] = {}
        for use in self.file.uses:
            found.setdefault(use.node, []).append(use)
        return found

    @cached_property
    def containers(self) -> tuple[Container, ...]:
        """The Functions, classes and servers that the file declares, in source order."""
        found: dict[ast.AST, list[Use]] = {}
        for use in self.file.uses:
            if use.api.name in FUNCTIONS:
                found.setdefault(use.node, []).append(use)
        return tuple(self._container(uses) for uses in found.values())

    def _container(self, uses: list[Use]) -> Container:
        return Container(uses[0], self._decorated(uses[0]), alone=len(uses) == 1)

    def _decorated(self, use: Use) -> Place | None:
        """What a decorator is applied to, by ``@`` or by a call."""
        parent = self.file.scopes.parents.get(use.node)
        if isinstance(parent, _DEFINITIONS) and use.node in parent.decorator_list:
            return Place(self.file, parent)
        if isinstance(parent, ast.Call) and parent.func is use.node and len(parent.args) == 1:
            frame = frame_at(self.file, parent)
            values = self.ev.ask(parent.args[0], frame)
            if len(values) == 1 and isinstance(values[0], (Function, Class)):
                return values[0].place
        return None

    def container_of(self, wraps: Value | None) -> Container | None:
        """The container that runs a function or class of this file."""
        return self._by_node.get(wraps.place.node) if isinstance(wraps, (Function, Class)) else None

    @cached_property
    def _by_node(self) -> dict[ast.AST, Container]:
        return {one.code.node: one for one in reversed(self.containers) if one.code is not None}

    def reads(self, container: Container) -> Reads:
        """What the code of a container reads from its environment."""
        if container.code is None:
            return Reading(self.ev).of(())
        node = container.code.node
        if node not in self._reads:
            self._reads[node] = Reading(self.ev).of(entry_points(container.code))
        return self._reads[node]

    def is_varied(self, container: Container, key: str | None = None) -> bool:
        """Whether a container may also be started with other sources: `with_options` somewhere in the project.

        Args:
            container: which one.
            key: a variable; sources that do not give it are not counted.
        """
        code = container.code
        if code is None:
            return True
        files = (self.file, code.file, *code.file.project.mentioning(container.name, code.file))
        return any(file.environments.varied.has(container, key) for file in dict.fromkeys(files))

    @cached_property
    def varied(self) -> Varied:
        """What the file calls `with_options` of."""
        return _varied(self.file)

    @cached_property
    def set_at_import(self) -> Reads:
        """What the module sets while it is imported."""
        return Reading(self.ev).module(self.file)

    def needs_of(self, container: Container) -> Iterator[Need]:
        """What a container surely needs of its environment: reads on every path that fail where it is missing."""
        if container.code is None or not may_read(container.code.file):
            return
        reads = self.reads(container)
        if not reads.open:
            yield from (need for need in reads.needs if need.required and need.key not in reads.assigned)


def entry_points(code: Place) -> list[Place]:
    """The code that a container runs by itself: the function, or the decorated methods of the class."""
    if not isinstance(code.node, ast.ClassDef):
        return [code]
    methods = [one for one in code.node.body if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return [Place(code.file, one) for one in methods if one.name == "__init__" or any(map(_runs, one.decorator_list))]


def _runs(decorator: ast.expr) -> bool:
    return objects.decorator_name(decorator) not in _PLAIN


def of_call(use: Use) -> Supply:
    """The sources that a call itself names: Secrets and `env=`."""
    return sources.of_secrets(use) + sources.of_env(use)


def app_of(use: Use) -> Use | None:
    """The construction of the App that a function is registered with."""
    found = asking.made_by(use.owner, "modal.App") if use.owner is not None else []
    return found[0] if len(found) == 1 else None


def of_app(use: Use) -> Supply:
    """What a function, class or server gets of its App's Secrets; a sandbox gets none."""
    return _of_app(use, app_of(use)) if use.api.name in FUNCTIONS else sources.NOTHING


def _of_app(use: Use, app: Use | None) -> Supply:
    if use.api.name.startswith("modal_lint_runtime."):
        return Supply()
    return ANYTHING if app is None else sources.of_secrets(app, Kind.APP)


def _of_image(use: Use) -> Supply:
    values = asking.parameter(use, "image")
    if values is None and use.bound.open:
        return sources.of_image(())
    app = app_of(use) if values is None else None
    return sources.of_image(values if app is None else asking.parameter(app, "image"))


def base_of(use: Use) -> Supply | None:
    """The sources that a `with_options` call replaces; None where they are not known."""
    owner = use.owner
    if owner is None:
        return None
    for earlier in earlier_options(use):
        if gives(earlier):
            return of_call(earlier)
    container = container_behind(owner)
    return None if container is None else Supply(container.supply.secrets, container.supply.open)


def earlier_options(use: Use) -> Iterator[Use]:
    """The `with_options` calls that a call goes on from, the latest first."""
    current: Object | None = use.owner
    while current is not None:
        found = asking.made_by(current, *OPTIONS)
        yield from found[:1]
        current = current.previous


def gives(use: Use) -> bool:
    """Whether a call names any source; what is not known may be one."""
    supply = of_call(use)
    return bool(supply.sources) or supply.open


def container_behind(value: Object) -> Container | None:
    """The container that an object of Modal's stands for, wherever it is declared."""
    wraps = value.wraps
    if not isinstance(wraps, (Function, Class)):
        return None
    found = wraps.place.file.environments.container_of(wraps)
    if found is None and isinstance(wraps, Function) and isinstance(wraps.receiver, Instance):
        cls = wraps.receiver.cls  # a method of a class
        found = cls.place.file.environments.container_of(cls)
    return found


def once(uses: Iterable[Use]) -> Iterator[Use]:
    """The uses, one for each call that is the same on every run of the code around it."""
    groups: dict[ast.AST, list[Use]] = {}
    for use in uses:
        groups.setdefault(use.node, []).append(use)
    yield from (group[0] for group in groups.values() if len(group) == 1 or _is_repeated(group))


def _is_repeated(uses: list[Use]) -> bool:
    """Whether the runs are turns of loops whose variables the call does not speak of."""
    first = uses[0]
    if any(use.frame.arguments is not first.frame.arguments or not use.frame.loops for use in uses):
        return False
    targets = {name for use in uses for loop in use.frame.loops for name in _names_in(getattr(loop, "target", loop))}
    return targets.isdisjoint(_names_in(first.node))


def _names_in(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
