"""The cheap question before an expression is evaluated: can it hold a secret at all?

Names are followed backwards by their spelling alone, through assignments, calls, returns and imports, to where a
secret can come from. The answer errs to yes; what it rules out need not be evaluated.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint import leaks
from modal_lint.kept import Kept
from modal_lint.scopes import MUTATORS, all_parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modal_lint.evaluate import Evaluator
    from modal_lint.project import Project
    from modal_lint.source import File

SOURCE = "<a secret>"
_NONE: frozenset[str] = frozenset()
MAX_IMPORTS = 3  # files behind files that names are followed into
_ENVIRON = frozenset(("environ", "environb", "getenv"))
_TOKENS = frozenset(("create_connect_token", "create_token", "proxy_tokens", "service_users"))
_READERS = frozenset(("decouple", "environs", "environ", "starlette.config"))
# One of these stands wherever a secret comes from.
_WORDS = tuple(
    word.encode()
    for word in ("environ", "getenv", "decouple", "starlette.config", "modal.config", "config.config", *_TOKENS)
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_FUNCTION_NODES = (*_FUNCTIONS, ast.Lambda)
_FLOWING = frozenset(
    (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr, ast.For, ast.AsyncFor, ast.comprehension, ast.withitem,
     *_FUNCTION_NODES, ast.Call, ast.Import, ast.ImportFrom)
)  # fmt: skip


def may_carry(file: File, nodes: Iterable[ast.expr]) -> bool:
    """Whether one of some expressions may hold a secret."""
    names = {name for node in nodes for name in _identifiers(file, node)}
    return _reaches(file, names, 0)


def _reaches(file: File, names: set[str], depth: int) -> bool:
    if file not in _DRY:
        _DRY[file] = not any(word in file.data for word in _WORDS)
    if _DRY[file] and all(_dry(file.project, one, depth + 1) for one in file.project.imported_by(file.real, file.data)):
        return False
    if file not in _GRAPHS:
        _GRAPHS[file] = _Graph(file)
    graph = _GRAPHS[file]
    seen = graph.names & names
    pending, brought = [*seen], {"*"}
    while pending:
        name = pending.pop()
        if name == SOURCE:
            return True
        fresh = graph.edges.get(name, _NONE) - seen
        seen |= fresh
        pending += fresh
        brought.add(name)
    if depth >= MAX_IMPORTS:
        return False
    wanted: dict[File, set[str]] = {}
    for name in brought & graph.imports.keys():
        for other, alias in graph.behind(name):
            wanted.setdefault(other, set()).add(alias)
    return any(_reaches(other, names | seen | aliases, depth + 1) for other, aliases in wanted.items())


def _dry(project: Project, path: str, depth: int) -> bool:
    """Whether nothing in a file and behind its imports can be a secret, whatever the names: no word there says so."""
    known = _DRY_BEHIND.setdefault(project.evaluator, {})
    key = (path, depth)
    if key not in known:
        known[key] = not project.says(path, _WORDS) and (
            depth >= MAX_IMPORTS or all(_dry(project, one, depth + 1) for one in project.imported_by(path))
        )
    return known[key]


class _Graph:
    """Which spelling may hold what another one holds, in one file."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.edges: dict[str, set[str]] = {}
        self.imports: dict[str, list[tuple[ast.Import | ast.ImportFrom, str]]] = {}
        self._behind: dict[str, list[tuple[File, str]]] = {}
        functions: dict[str, list[ast.arguments]] = {}
        for scope in file.scopes.of.values():
            node = scope.node
            if isinstance(node, _FUNCTIONS):
                owner = scope.parent.node if scope.parent is not None else None
                makes = node.name == "__init__" and isinstance(owner, ast.ClassDef)
                name = owner.name if makes and isinstance(owner, ast.ClassDef) else node.name
                functions.setdefault(name, []).append(node.args)
        for each in file.scopes.parents:
            if each.__class__ in _FLOWING:
                self._visit(each, functions)
        self.names = {SOURCE, *self.edges, *self.imports}

    def behind(self, bound: str) -> list[tuple[File, str]]:
        """The files of the project that a name is imported from, and what it is called there."""
        if bound not in self._behind:
            found = [(other, name) for statement, name in self.imports[bound] for other in self._files(statement, name)]
            self._behind[bound] = found
        return self._behind[bound]

    def _files(self, statement: ast.Import | ast.ImportFrom, name: str) -> list[File]:
        file = self.file
        if isinstance(statement, ast.Import):
            found = [file.project.module(name, file)]
        else:
            module = statement.module or ""
            inner = f"{module}.{name}" if module else name
            found = [file.project.module(one, file, statement.level) for one in (module, inner)]
        return [other for other in found if other is not None and other is not file]

    def _flow(self, targets: Iterable[str], value: ast.AST | None) -> None:
        if value is not None:
            sources = set(_identifiers(self.file, value))
            for target in targets:
                self.edges.setdefault(target, set()).update(sources)

    def _visit(self, node: ast.AST, functions: dict[str, list[ast.arguments]]) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._flow(_names(target), node.value)
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)):
            self._flow(_names(node.target), node.value)
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
            self._flow(_names(node.target), node.iter)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            self._flow(_names(node.optional_vars), node.context_expr)
        elif isinstance(node, _FUNCTION_NODES):
            self._defined(node)
        elif isinstance(node, ast.Call):
            self._called(node, functions)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._imported(node)

    def _defined(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        arguments = node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        for arg, default in zip(reversed(positional), reversed(arguments.defaults), strict=False):
            self._flow([arg.arg], default)
        for arg, keyword_default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            self._flow([arg.arg], keyword_default)
        if not isinstance(node, ast.Lambda):
            for leaving in self.file.scopes.of[node].returns:
                self._flow([node.name], getattr(leaving, "value", None))

    def _called(self, node: ast.Call, functions: dict[str, list[ast.arguments]]) -> None:
        for keyword in node.keywords:
            if keyword.arg is not None:
                self._flow([keyword.arg], keyword.value)
        func = node.func
        if isinstance(func, ast.Attribute) and func.attr in MUTATORS:  # ``d.update(…)``, ``names.append(…)``
            for value in (*node.args, *(keyword.value for keyword in node.keywords)):
                self._flow(_names(func.value), value)
        name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
        if name in ("remote", "spawn", "local", "map") and isinstance(func, ast.Attribute):
            name = next(iter(_names(func.value)), "")
        for arguments in functions.get(name, ()):
            taken = [arg.arg for arg in all_parameters(arguments)]
            for index, value in enumerate(node.args):
                starred = isinstance(value, ast.Starred) or arguments.vararg is not None
                self._flow(taken if starred else taken[index : index + 2], value)  # the first may be ``self``
            for keyword in node.keywords:
                if keyword.arg is None:
                    self._flow(taken, keyword.value)

    def _imported(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            bound = alias.asname or (alias.name.split(".")[0] if isinstance(node, ast.Import) else alias.name)
            module = alias.name if isinstance(node, ast.Import) else node.module or ""
            if module in _READERS or (module, alias.name) == ("modal.config", "config"):
                self.edges.setdefault(bound, set()).add(SOURCE)
            self.imports.setdefault(bound, []).append((node, alias.name))


_GRAPHS: Kept[File, _Graph] = Kept()
_DRY: Kept[File, bool] = Kept()
_DRY_BEHIND: Kept[Evaluator, dict[tuple[str, int], bool]] = Kept()  # by real path and depth


def _names(target: ast.AST) -> list[str]:
    """The names that an assignment to a target changes: of ``self.a["b"]``, ``a``."""
    if isinstance(target, ast.Name):
        return [target.id]
    if isinstance(target, ast.Attribute):
        return [target.attr]
    if isinstance(target, (ast.Subscript, ast.Starred)):
        return _names(target.value)
    if isinstance(target, (ast.Tuple, ast.List)):
        return [name for item in target.elts for name in _names(item)]
    return []


def _identifiers(file: File, node: ast.AST) -> Iterator[str]:
    """The names in an expression, and ``SOURCE`` where a secret can be read in it."""
    pending = [node]
    while pending:
        current = pending.pop()
        kind = current.__class__
        if kind is ast.Constant:
            continue
        if kind is ast.Name or kind is ast.Attribute:
            name: str = current.id if kind is ast.Name else current.attr  # type: ignore[attr-defined]
            yield SOURCE if name in _ENVIRON or name in _TOKENS or _is_configuration(current) else name
            if kind is ast.Name:
                continue
        elif (kind is ast.Subscript or kind is ast.Call) and _reads_setting(file, current):
            pending += getattr(current, "args", [])[1:]  # the default
            continue
        pending += ast.iter_child_nodes(current)


def _reads_setting(file: File, node: ast.AST) -> bool:
    """``os.environ["PORT"]``, ``os.getenv("PORT")``: a variable that is no secret."""
    key: ast.expr | None = None
    if isinstance(node, ast.Subscript) and _last(node.value) in _ENVIRON:
        key = node.slice
    elif isinstance(node, ast.Call) and node.args:
        func = node.func
        reading = _last(func) == "getenv" or (
            isinstance(func, ast.Attribute) and func.attr in ("get", "pop") and _last(func.value) in _ENVIRON
        )
        key = node.args[0] if reading else None
    if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
        return False
    return not leaks.is_secret_variable(file, key.value)


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_configuration(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "config" and _last(node.value) in ("modal", "config")
