"""The cheap question before an expression is evaluated: can it hold a secret at all?

Names are followed backwards by how they are spelled, through assignments, calls, returns and imports, to where a
secret can come from; only what is asked for is looked at. The answer errs to yes; what it rules out need not be
evaluated.
"""

from __future__ import annotations

import ast
from functools import cached_property
from typing import TYPE_CHECKING, Any

from modal_lint import leaks, switches
from modal_lint.bytesearch import says
from modal_lint.kept import Kept
from modal_lint.nodes import FIELDS, all_arguments, all_parameters, defaults_of, last_name
from modal_lint.uses import call_index

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modal_lint.evaluate import Evaluator
    from modal_lint.project import Project
    from modal_lint.scopes import Binding, Mutation, Scope
    from modal_lint.source import File

MAX_IMPORTS = 3  # files behind files that names are followed into
_ENVIRON = frozenset(("environ", "environb", "getenv"))
_GETTERS = frozenset(("getenv", "get", "pop"))
TOKEN_MAKERS = frozenset(("create_connect_token", "create_token", "proxy_tokens", "service_users"))
_READERS = frozenset(("decouple", "environs", "environ", "starlette.config"))
# One of these stands wherever a secret comes from.
_TOKEN_WORDS = tuple(word.encode() for word in ("modal.config", "config.config", *sorted(TOKEN_MAKERS)))
_WORDS = (b"environ", b"getenv", b"decouple", b"starlette.config", *_TOKEN_WORDS)
# What is compared does not become part of the answer; nothing at all is the key of ``**mapping``.
_SILENT = frozenset((ast.Constant, ast.Compare, type(None)))
_READING = frozenset((ast.Call, ast.Subscript))
_CONFIGURED = frozenset(("modal", "config"))  # what Modal's configuration is an attribute of
_OVER_INPUTS = ("map", "starmap", "for_each", "spawn_map")  # methods that call a function with what they are given


class _Name:
    """What may hold a secret, and what it gets that from, once that was asked.

    A name that a scope of a file binds, or (without a scope) what a file puts into an attribute of whatever object, or
    what calls hand over by a name (then spelled ``name=``).
    """

    __slots__ = ("behind", "imported", "is_secret", "scope", "sources", "text")

    def __init__(self, sources: _Sources, scope: Scope | None, text: str) -> None:
        self.sources, self.scope, self.text = sources, scope, text
        self.is_secret = False  # as it stands there, or in what it holds
        self.behind: _Found | None = None  # None: that was not asked yet
        self.imported: tuple[tuple[File, str], ...] = ()  # of other files; "" stands for the whole module


# What an expression takes something from: names, and attributes of whatever object by how they are spelled.
_Found = dict["_Name | str", None]


def may_carry(file: File, nodes: Iterable[ast.expr], *, variables: bool = True) -> bool:
    """Whether one of some expressions may hold a secret: a token of Modal's, or (if they count) a variable."""
    return switches.is_off("spelling") or (
        not _is_dry(file, _words(variables)) and _Search(file, variables).finds_secret(nodes)
    )


def _words(variables: bool) -> tuple[bytes, ...]:
    return _WORDS if variables else _TOKEN_WORDS


def _is_dry(file: File, words: tuple[bytes, ...]) -> bool:
    """Whether nothing in a file and behind its imports can be a secret, whatever the names: no word there says so."""
    known = _DRY.setdefault(file, {})
    if words not in known:
        known[words] = not says(file.data, words) and all(
            _is_dry_behind(file.project, one, words, 1) for one in file.project.imported_by(file.real, file.data)
        )
    return known[words]


def _is_dry_behind(project: Project, path: str, words: tuple[bytes, ...], depth: int) -> bool:
    known = _DRY_BEHIND.setdefault(project.evaluator, {})
    key = (path, words, depth)
    if key not in known:
        known[key] = not project.says(path, words) and (
            depth >= MAX_IMPORTS
            or all(_is_dry_behind(project, one, words, depth + 1) for one in project.imported_by(path))
        )
    return known[key]


_DRY: Kept[File, dict[tuple[bytes, ...], bool]] = Kept()
_DRY_BEHIND: Kept[Evaluator, dict[tuple[str, tuple[bytes, ...], int], bool]] = Kept()  # by real path, words and depth


class _Search:
    """One search, from some expressions of a file back to a secret.

    An attribute is looked for in every file that the search comes to: which object it belongs to is not asked.
    """

    def __init__(self, file: File, variables: bool) -> None:
        self.variables = variables
        self.start = _sources(file, variables)
        self.depths = {self.start: 0}  # of the files come to, how many imports away they are
        self.attributes: set[str] = set()
        self.seen = set(self.start.barren)
        self.pending: list[_Name] = []

    def finds_secret(self, nodes: Iterable[ast.expr]) -> bool:
        found: _Found = {}
        if any(self.start.reads_secret(node, found) for node in nodes):
            return True
        self._goes_on(found, self.start)
        if self._follows():
            return True
        if len(self.depths) == 1:
            self.start.barren = self.seen
            self.start.barren_attributes |= self.attributes
        return False

    def _follows(self) -> bool:
        while self.pending:
            name = self.pending.pop()
            sources = name.sources
            if name.behind is None:
                name.behind = sources.behind(name)
            if name.is_secret:
                return True
            self._goes_on(name.behind, sources)
            for file, inner in name.imported:
                entered = self._enters(file, self.depths[sources] + 1)
                if entered is not None and inner:
                    self._follow_later(entered.name(file.scopes.module, inner))
        return False

    def _goes_on(self, found: _Found, sources: _Sources) -> None:
        """Have what was found in a file followed later."""
        for one in found:
            if isinstance(one, _Name):
                self._follow_later(one)
            elif one not in self.attributes and not (sources is self.start and one in sources.barren_attributes):
                self.attributes.add(one)
                for entered in self.depths:
                    if one in entered.attributes:
                        self._follow_later(entered.name(None, one))

    def _follow_later(self, name: _Name) -> None:
        if name not in self.seen:
            self.seen.add(name)
            self.pending.append(name)

    def _enters(self, file: File, depth: int) -> _Sources | None:
        """Where names are followed to in a file; None if they are not followed into it."""
        sources = _sources(file, self.variables)
        if sources not in self.depths:
            if depth > MAX_IMPORTS or _is_dry_behind(file.project, file.real, _words(self.variables), depth):
                return None
            self.depths[sources] = depth
            for attribute in self.attributes & sources.attributes:
                self._follow_later(sources.name(None, attribute))
        return sources


class _Sources:
    """Where the names of one file get what they hold, each found out when it is asked for.

    What asks for the names in something puts them into ``found``, and says whether a secret can be read there: then
    the names do not matter.
    """

    def __init__(self, file: File, variables: bool) -> None:
        self.file = file
        self.secrets = TOKEN_MAKERS | _ENVIRON if variables else TOKEN_MAKERS  # the names that are one by themselves
        self.readers = _READERS if variables else frozenset[str]()
        self._says_variable = file.spells("environ", "getenv")
        self.barren: set[_Name] = set()  # names behind which no secret was found, nor another file
        self.barren_attributes: set[str] = set()
        self._names: dict[Scope | None, dict[str, _Name]] = {None: {}}
        self._meant: dict[Scope, dict[str, _Name | None]] = {}  # by the scope that a name stands in
        self._signatures: dict[Scope, _Signature] = {}

    def name(self, scope: Scope | None, text: str) -> _Name:
        """The one object that stands for a name."""
        names = self._names.get(scope)
        if names is None:
            names = self._names[scope] = {}
        known = names.get(text)
        if known is None:
            known = names[text] = _Name(self, scope, text)
        return known

    def behind(self, name: _Name) -> _Found:
        """What a name may hold."""
        found: _Found = {}
        scope, text = name.scope, name.text
        if scope is None:
            name.is_secret = self._of_attribute(text, found)
        else:
            bindings = scope.bindings.get(text, [])
            name.is_secret = self._of_name(scope, text, bindings, found)
            if "*" in scope.bindings:
                bindings = bindings + scope.bindings["*"]
            for binding in bindings:
                if binding.kind == "import":
                    name.imported += (*self._files(binding.node, text),)
        return found

    def reads_secret(self, node: ast.AST | None, found: _Found) -> bool:
        """Whether a secret can be read in an expression."""
        secrets = self.secrets
        pending: list[Any] = [node]
        while pending:
            current = pending.pop()
            kind = current.__class__
            if kind is ast.Name:
                if current.id in secrets:
                    return True
                if (name := self._resolved(current)) is not None:
                    found[name] = None
            elif kind is ast.Attribute:
                if current.attr in secrets or (current.attr == "config" and last_name(current.value) in _CONFIGURED):
                    return True
                found[current.attr] = None
                pending.append(current.value)
            elif kind is ast.IfExp:
                pending += (current.body, current.orelse)
            elif kind is ast.comprehension:
                pending.append(current.iter)
            elif self._says_variable and kind in _READING and _reads_setting(self.file, current):
                pending += getattr(current, "args", [])[1:]  # the default
            elif kind is ast.Call:
                pending.append(current.func)
                pending += current.args
                pending += [keyword.value for keyword in current.keywords]
            elif kind not in _SILENT:
                if kind is ast.Lambda:
                    self._of_parameters(self.file.scopes.of[current], found)
                values = current.__dict__
                for field in FIELDS[kind]:
                    value = values[field]
                    if value.__class__ is list:
                        pending += value
                    else:
                        pending.append(value)
        return False

    def _resolved(self, node: ast.Name) -> _Name | None:
        """What a name stands for; None for a builtin."""
        scopes = self.file.scopes
        scope, text = scopes.scope(node), node.id
        meant = self._meant.get(scope)
        if meant is None:
            meant = self._meant[scope] = {}
        if text not in meant:
            home = scopes.lookup(text, scope) or scopes.module
            bound = text in home.bindings or "*" in home.bindings or text in scopes.mutating
            meant[text] = self.name(home, text) if bound else None
        return meant[text]

    # ---- names ----------------------------------------------------------------------------------------------

    def _of_name(self, scope: Scope, name: str, bindings: list[Binding], found: _Found) -> bool:
        for binding in bindings:
            if self._of_binding(binding, scope, found):
                return True
        if name not in self.file.scopes.mutating:
            return False
        return any(self.reads_secret(value, found) for value in self._changes(scope, name))

    def _of_binding(self, binding: Binding, scope: Scope, found: _Found) -> bool:
        if binding.value is not None:
            return self.reads_secret(binding.value, found)
        if binding.kind == "param":
            return self._of_parameter(scope, binding.name, found)
        if binding.kind == "def":
            for leaving in self.file.scopes.of[binding.node].returns:
                if self.reads_secret(getattr(leaving, "value", None), found):
                    return True
        if binding.kind == "import":
            alias, statement = binding.node, self.file.scopes.parents[binding.node]
            assert isinstance(alias, ast.alias)
            module = alias.name if isinstance(statement, ast.Import) else getattr(statement, "module", None) or ""
            return module in self.readers or (module, alias.name) == ("modal.config", "config")
        return False

    def _files(self, alias: ast.AST, name: str) -> Iterator[tuple[File, str]]:
        assert isinstance(alias, ast.alias)
        file, statement = self.file, self.file.scopes.parents[alias]
        found: list[tuple[File | None, str]]
        if isinstance(statement, ast.ImportFrom):
            module = statement.module or ""
            wanted = name if alias.name == "*" else alias.name
            inner = f"{module}.{wanted}" if module else wanted
            found = [
                (file.project.module(module, file, statement.level), wanted),
                (file.project.module(inner, file, statement.level), ""),
            ]
        else:
            found = [(file.project.module(alias.name, file), "")]
        return ((other, inner) for other, inner in found if other is not None and other is not file)

    # ---- parameters -----------------------------------------------------------------------------------------

    def _of_parameters(self, scope: Scope, found: _Found) -> None:
        for name, bindings in scope.bindings.items():
            if any(binding.kind == "param" for binding in bindings):
                found[self.name(scope, name)] = None

    def _of_parameter(self, scope: Scope, name: str, found: _Found) -> bool:
        """What a function's parameter gets: its default, and what calls of a function of that name hand over."""
        signature = self._signature(scope)
        if name in signature.defaults and self.reads_secret(signature.defaults[name], found):
            return True
        if name in self._keywords:
            found[self.name(None, f"{name}=")] = None
        at = signature.names.index(name)
        for call, skip in signature.calls:
            given = call.args[skip:] if skip else call.args
            if not signature.is_open and not any(one.__class__ is ast.Starred for one in given):
                given = given[max(at - 1, 0) : at + 1]  # the first may be ``self``
            for value in given:
                if self.reads_secret(value, found):
                    return True
            for keyword in call.keywords:
                if (keyword.arg is None or name == signature.rest) and self.reads_secret(keyword.value, found):
                    return True
        return False

    def _signature(self, scope: Scope) -> _Signature:
        known = self._signatures.get(scope)
        if known is None:
            known = self._signatures[scope] = _Signature(scope, self.file)
        return known

    # ---- attributes -----------------------------------------------------------------------------------------

    def _of_attribute(self, name: str, found: _Found) -> bool:
        for value in (*self._set.get(name, ()), *self._keywords.get(name.removesuffix("="), ())):
            if self.reads_secret(value, found):
                return True
        for scope in self._in_classes.get(name, ()):
            found[self.name(scope, name)] = None
        module = self.file.scopes.module
        if name in module.bindings:
            found[self.name(module, name)] = None
        return False

    @cached_property
    def attributes(self) -> frozenset[str]:
        """What may be put into attributes, by how they are spelled."""
        return frozenset((*self._set, *self._keywords, *self._in_classes, *self.file.scopes.module.bindings))

    @cached_property
    def _in_classes(self) -> dict[str, list[Scope]]:
        """The classes whose bodies bind a name."""
        found: dict[str, list[Scope]] = {}
        for scope in self.file.scopes.of.values():
            for name in scope.bindings if scope.is_class else ():
                found.setdefault(name, []).append(scope)
        return found

    @cached_property
    def _keywords(self) -> dict[str, list[ast.expr]]:
        """What calls hand over by a name."""
        found: dict[str, list[ast.expr]] = {}
        for call in self.file.scopes.calls:
            for keyword in call.keywords:
                if keyword.arg is not None:
                    found.setdefault(keyword.arg, []).append(keyword.value)
        return found

    @cached_property
    def _set(self) -> dict[str, list[ast.expr]]:
        """What is put into an attribute, of whatever object."""
        found: dict[str, list[ast.expr]] = {}
        for scope in self.file.scopes.of.values():
            for mutations in scope.mutations.values():
                for mutation in mutations:
                    if (attribute := _attribute(mutation)) is not None:
                        found.setdefault(attribute, []).extend(_given(mutation))
        return found

    def _changes(self, home: Scope, name: str) -> Iterator[ast.expr]:
        """What is put into what a name holds."""
        scopes = self.file.scopes
        for scope in scopes.mutating.get(name, ()):
            if (scopes.lookup(name, scope) or scopes.module) is home:
                for mutation in scope.mutations[name]:
                    if _attribute(mutation) is None:
                        yield from _given(mutation)


class _Signature:
    """What a function may be handed: its parameters, their defaults, and the calls of what has its name."""

    __slots__ = ("calls", "defaults", "is_open", "names", "rest")

    def __init__(self, scope: Scope, file: File) -> None:
        node: Any = scope.node
        arguments: ast.arguments = node.args
        self.names = [arg.arg for arg in all_parameters(arguments)]
        self.is_open = arguments.vararg is not None
        self.rest = None if arguments.kwarg is None else arguments.kwarg.arg
        self.defaults = defaults_of(arguments)
        self.calls = [] if isinstance(node, ast.Lambda) else [*_calls_of(scope, file)]


def _calls_of(scope: Scope, file: File) -> Iterator[tuple[ast.Call, int]]:
    """The calls of what has a function's name, each with how many arguments come before its own."""
    name = getattr(scope.node, "name", "")
    names = [name]
    if name == "__init__" and scope.parent is not None and scope.parent.is_class:
        names.append(getattr(scope.parent.node, "name", ""))
    index = call_index(file)
    for spelled in [other for one in names for other in (one, *index.aliases.get(one, ()))]:
        yield from index.calls.get(spelled, ())
    for method in _OVER_INPUTS:
        for call, _ in index.calls.get(method, ()):
            if isinstance(call.func, ast.Attribute) and last_name(call.func.value) in names:
                yield call, 0


def _attribute(mutation: Mutation) -> str | None:
    """The attribute that is changed, or something in it; None if the name itself is."""
    for part in reversed(mutation.path):
        if isinstance(part, str):
            return part
    return None


def _given(mutation: Mutation) -> list[ast.expr]:
    """What is put there."""
    if mutation.kind == "call" and isinstance(mutation.node, ast.Call):
        return all_arguments(mutation.node)
    return [] if mutation.kind == "argument" or mutation.value is None else [mutation.value]


_SOURCES: Kept[File, dict[bool, _Sources]] = Kept()


def _sources(file: File, variables: bool) -> _Sources:
    known = _SOURCES.setdefault(file, {})
    if variables not in known:
        known[variables] = _Sources(file, variables)
    return known[variables]


def _reads_setting(file: File, node: ast.Call | ast.Subscript) -> bool:
    """``os.environ["PORT"]``, ``os.getenv("PORT")``: a variable that is no secret."""
    if isinstance(node, ast.Subscript):
        if last_name(node.value) not in _ENVIRON:
            return False
        key = node.slice
    else:
        func = node.func
        name = last_name(func)
        if name not in _GETTERS or not node.args:
            return False
        if name != "getenv" and not (isinstance(func, ast.Attribute) and last_name(func.value) in _ENVIRON):
            return False
        key = node.args[0]
    if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
        return False
    return not leaks.is_secret_variable(file, key.value)
