"""The fixes of family 4: what could not work is written as it was meant."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint import credentials, moving
from modal_lint.modal_api import API
from modal_lint.model import Edit, Fix, Span
from modal_lint.moving import Stays
from modal_lint.values import Const, Mapping, Object, Sequence, Text

if TYPE_CHECKING:
    from modal_lint.rejected import Problem
    from modal_lint.source import File
    from modal_lint.uses import Use
    from modal_lint.vanished import Gone

_NUMBERS = (int, float)
_ENDPOINT = "fastapi_endpoint"
_ADDED_ELSEWHERE = "objects.create"  # it refuses a name that is taken, where the old call replaced it


# ---- MS401 ------------------------------------------------------------------------------------------------------


def as_string(problem: Problem) -> Fix | None:
    """The number, flag or bytes as the string that the variable will hold."""
    node, value, file = problem.node, problem.values[0], problem.use.file
    if node is None or problem.key is None or len(problem.values) != 1:
        return None
    if isinstance(value, Text) and value.binary:
        return _without_prefix(file, node)
    number = value.value if isinstance(value, Const) else None
    if not isinstance(number, _NUMBERS):
        return None
    origin = value.origin if isinstance(value, Const) else None
    if origin is not None and isinstance(value, Const) and value.fallback is not None:
        inside = origin.file is file and file.scopes.within(origin.node, node)
        node = origin.node if inside and isinstance(origin.node, ast.Constant) else node
    written = origin is not None and origin.node is node
    if isinstance(node, ast.Constant) and written:
        if isinstance(number, bool):
            quoted = _quoted(file, "1" if number else "0")
            title = f"Write {problem.key} as {quoted}: how the reader spells a flag is not known"
            return Fix(title, (Edit(file.span(node), quoted),))
        return Fix(f"Write {problem.key} as a string", (Edit(file.span(node), _quoted(file, str(number))),), safe=True)
    if isinstance(number, bool) or not isinstance(node, (ast.Name, ast.Attribute)) or not _is_one_run(problem):
        return None
    if file.scopes.lookup("str", file.scopes.scope(node)) is not None:
        return None
    return Fix(f"Pass {problem.key} as a string", (Edit(file.span(node), f"str({file.segment(node)})"),), safe=True)


def _is_fixed(problem: Problem, node: ast.expr) -> bool:
    """Whether an expression gives the same on every run of the code around it."""
    return _is_one_run(problem) or not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript))


def _is_one_run(problem: Problem) -> bool:
    return problem.use.frame.arguments is None and not problem.use.frame.loops


def _without_prefix(file: File, node: ast.expr) -> Fix | None:
    """A bytes literal as a string: only its prefix changes, so that the value is not said anywhere."""
    source = file.segment(node)
    if not isinstance(node, ast.Constant) or source[:1] not in ("b", "B") or not source.isascii():
        return None
    if "\\" in source or source[1:2] not in ("'", '"'):
        return None
    span = file.span(node)
    return Fix("Write it as a string", (Edit(Span(span.line, span.column, span.line, span.column + 1), ""),), safe=True)


def _quoted(file: File, text: str) -> str:
    from modal_lint.rewrite import string_literal

    return string_literal(text, file.rewriting.quote)


# ---- MS404, MS406 -----------------------------------------------------------------------------------------------


def in_brackets(file: File, node: ast.expr | None, title: str) -> Fix | None:
    """``[value]``."""
    if node is None or isinstance(node, (ast.Starred, ast.NamedExpr, ast.Yield, ast.YieldFrom)):
        return None
    span = file.span(node)
    opening = Edit(Span(span.line, span.column, span.line, span.column), "[")
    closing = Edit(Span(span.end_line, span.end_column, span.end_line, span.end_column), "]")
    return Fix(title, (opening, closing), safe=True)


def as_keys(problem: Problem, text: str) -> Fix | None:
    """The list of keys that a string stands for: one, or several with commas between them."""
    from modal_lint_runtime.contract import is_key

    file, node = problem.use.file, problem.node
    if node is None or not _is_fixed(problem, node):
        return None
    if is_key(text):
        return in_brackets(file, node, f"Write [{text}]")
    keys = [part.strip() for part in text.split(",")]
    if not isinstance(node, ast.Constant) or not all(is_key(key) for key in keys):
        return None
    listed = ", ".join(_quoted(file, key) for key in keys)
    return Fix("Write a list of the keys", (Edit(file.span(node), f"[{listed}]"),), safe=True)


def as_arguments_list(use: Use) -> Fix | None:
    """``f("A", "B")`` as ``f(["A", "B"])``."""
    call = use.node
    if not isinstance(call, ast.Call) or len(call.args) < 2 or any(isinstance(arg, ast.Starred) for arg in call.args):
        return None
    first, last = use.file.span(call.args[0]), use.file.span(call.args[-1])
    opening = Edit(Span(first.line, first.column, first.line, first.column), "[")
    closing = Edit(Span(last.end_line, last.end_column, last.end_line, last.end_column), "]")
    return Fix("Pass the keys as a list", (opening, closing), safe=True)


def as_list(problem: Problem) -> Fix | None:
    """A list of what is given: brackets around a Secret or instead of others, ``list()`` around what yields."""
    file, node, value = problem.use.file, problem.node, problem.values[0]
    if node is None or len({type(value) for value in problem.values}) > 1 or not _is_fixed(problem, node):
        return None
    span = file.span(node)
    source = file.segment(node)
    if isinstance(node, ast.Constant) and node.value is None:
        return Fix("Write an empty list", (Edit(span, "[]"),), safe=True)
    if isinstance(node, (ast.Set, ast.SetComp)) or (isinstance(node, ast.GeneratorExp) and source[:1] == "("):
        opening = Edit(Span(span.line, span.column, span.line, span.column + 1), "[")
        closing = Edit(Span(span.end_line, span.end_column - 1, span.end_line, span.end_column), "]")
        return Fix("Make it a list", (opening, closing), safe=True)
    if isinstance(value, Object):
        return in_brackets(file, node, "Put the Secret into a list") if value.type.endswith(".Secret") else None
    makes = isinstance(value, Sequence) or isinstance(node, ast.Call)
    if not makes or file.scopes.lookup("list", file.scopes.scope(node)) is not None:
        return None
    opening = Edit(Span(span.line, span.column, span.line, span.column), "list(")
    closing = Edit(Span(span.end_line, span.end_column, span.end_line, span.end_column), ")")
    return Fix("Make it a list", (opening, closing), safe=True)


# ---- MS405 ------------------------------------------------------------------------------------------------------


def by_name(problem: Problem) -> Fix | None:
    """``Secret.from_name(…)`` for the name of a Secret, ``env=`` for a mapping of variables."""
    value = problem.values[0]
    try:
        if isinstance(value, Mapping):
            return _as_env(problem, value)
        if isinstance(value, Text):
            return _named(problem, value)
    except Stays:
        return None
    return None


def _named(problem: Problem, value: Text) -> Fix | None:
    from modal_lint_runtime.contract import is_object_name

    use, name = problem.use, value.known
    file = use.file
    if name is None or not is_object_name(name) or name.upper() == name or len(problem.values) != 1:
        return None  # written like a variable: from_local_environ may have been meant
    node = problem.node
    if not isinstance(node, (ast.Constant, ast.Name, ast.Attribute)) or not _is_one_run(problem):
        return None
    if problem.part and not _is_element(file, node):
        return None
    spelling, edits = moving.spelling(use, file.rewriting, node)
    reference = moving.awaited(use, f"{spelling}.from_name({file.segment(node)})")
    alone = problem.argument == "secrets" and not problem.part
    edit = Edit(file.span(node), f"[{reference}]" if alone else reference)
    return Fix(f"Refer to the Secret {name}", (*edits, edit), safe=True)


def _is_element(file: File, node: ast.expr) -> bool:
    return isinstance(file.scopes.parents.get(node), (ast.List, ast.Tuple, ast.Set))


def _as_env(problem: Problem, value: Mapping) -> Fix | None:
    from modal_lint_runtime import contract

    use = problem.use
    call, node = use.node, problem.node
    keyword = next((one for one in getattr(call, "keywords", ()) if one.value is node), None)
    if (
        problem.part
        or not _is_one_run(problem)
        or keyword is None
        or keyword.arg != "secrets"
        or use.api.param("env") is None
        or use.bound.open
    ):
        return None
    if "env" in use.bound.named or not value.complete or not _are_plain(use.file, value):
        return None
    known = {_text(entry.key): "" for entry in value.entries}
    if contract.verdict_of(contract.env, known) is not None:
        return None
    span = use.file.span(keyword)
    name = Span(span.line, span.column, span.line, span.column + len("secrets"))
    return Fix("Pass the variables as env=", (Edit(name, "env"),), safe=True)


def _text(value: object) -> str | None:
    return value.known if isinstance(value, Text) else None


def _are_plain(file: File, mapping: Mapping) -> bool:
    """Whether the variables are strings and no credentials: those would only be in the wrong place again."""
    for entry in mapping.entries:
        for value in entry.value:
            if not isinstance(value, Text) or value.known is None or value.binary:
                return False
            if credentials.classify(_text(entry.key), value.known, path=file.path) is not None:
                return False
    return True


# ---- MS410 ------------------------------------------------------------------------------------------------------


def renamed(file: File, one: Gone) -> Fix | None:
    """The new name, or the new argument, where the rest of the call fits it."""
    if one.row.keyword is not None:
        return _argument(file, one)
    if not one.row.rename:
        return None
    owner = one.row.name.rpartition(".")[0]
    new = one.row.instead.removeprefix(f"{owner}.")
    if isinstance(one.call, ast.Call) and not _fits(one.call, one.row.instead):
        return None
    parent = file.scopes.parents.get(one.node)
    if isinstance(parent, ast.Attribute) and parent.attr == "aio" and new == "from_name":
        return None  # it is lazy, and has nothing to wait for
    if new == _ENDPOINT and _is_bare(file, one.node):
        return None
    title = f"Use {one.row.instead}"
    if isinstance(one.node, ast.Attribute) and not one.of_object:
        return _attribute(file, one, one.node, new, title)
    if isinstance(one.node, ast.alias):
        return _import(file, one.node, new, title)
    if isinstance(one.node, ast.Name) and one.row.name == "modal.Secret":
        span = file.span(one.node)
        end = Span(span.end_line, span.end_column, span.end_line, span.end_column)
        return Fix(title, (Edit(end, ".from_dict"),), safe=True)
    if isinstance(one.node, ast.Name):
        alias = _alias_of(file, one.node)
        return None if alias is None else _import(file, alias, new, title)
    return None


def _is_bare(file: File, node: ast.AST) -> bool:
    """Whether a decorator is written without the call that it takes: it never worked, what it was to say is open."""
    return node in getattr(file.scopes.parents.get(node), "decorator_list", ())


def _attribute(file: File, one: Gone, node: ast.Attribute, new: str, title: str) -> Fix:
    span = file.span(node)
    end = (span.end_line, span.end_column)
    if one.row.name == "modal.Secret":
        return Fix(title, (Edit(Span(*end, *end), ".from_dict"),), safe=True)
    old = Span(span.end_line, span.end_column - len(node.attr), *end)
    return Fix(title, (Edit(old, new),), safe=new != _ADDED_ELSEWHERE)


def _fits(call: ast.Call, name: str) -> bool:
    """Whether the arguments of a call are ones of another callable."""
    row = API.get(name)
    if row is None or any(isinstance(arg, ast.Starred) for arg in call.args):
        return False
    positional = sum(param.kind in ("both", "positional") for param in row.params)
    named = {param.name for param in row.params}
    return len(call.args) <= positional and all(keyword.arg in named for keyword in call.keywords)


def _alias_of(file: File, name: ast.Name) -> ast.alias | None:
    home = file.scopes.lookup(name.id, file.scopes.scope(name))
    bindings = [] if home is None else home.bindings[name.id]
    node = bindings[0].node if len(bindings) == 1 else None
    return node if isinstance(node, ast.alias) else None


def _import(file: File, alias: ast.alias, new: str, title: str) -> Fix | None:
    """The import by the new name; what the file calls it changes along where nothing else has that name."""
    span = file.span(alias)
    name = Span(span.line, span.column, span.line, span.column + len(alias.name))
    if alias.asname is not None:
        return Fix(title, (Edit(name, new),), safe=True)
    old = alias.name
    if new == _ENDPOINT and any(_is_bare(file, use) for use in file.names.get(old, ())):
        return None
    scopes = file.scopes
    taken = any(new in scope.bindings for scope in scopes.of.values()) or new in file.names
    bound = sum(old in scope.bindings for scope in scopes.of.values())
    if taken or bound != 1 or f'"{old}"' in file.text or f"'{old}'" in file.text:
        return Fix(title, (Edit(name, f"{new} as {old}"),), safe=True)
    uses = (Edit(file.span(use), new) for use in file.names.get(old, ()))
    return Fix(title, (Edit(name, new), *uses), safe=True)


def _argument(file: File, one: Gone) -> Fix | None:
    from modal_lint import rewrite

    keyword, use, row = one.node, one.use, one.row
    if not isinstance(keyword, ast.keyword) or use is None or keyword.arg is None:
        return None
    if row.keyword == "namespace":
        try:
            edits = rewrite.remove_argument(file.rewriting, file.span(use.node), keyword.arg)
        except rewrite.CannotRewrite:
            return None
        return Fix("Leave namespace= out", tuple(edits), safe=True)
    if row.instead in use.bound.named or use.bound.open:
        return None
    span = file.span(keyword)
    name = Edit(Span(span.line, span.column, span.line, span.column + len(keyword.arg)), row.instead)
    title = f"Pass it as {row.instead}="
    if row.instead == "secrets" and row.keyword == "secret":
        brackets = in_brackets(file, keyword.value, title)
        return None if brackets is None else Fix(title, (name, *brackets.edits), safe=True)
    if row.instead == "name" or (row.instead == "required_keys" and isinstance(keyword.value, ast.List)):
        return Fix(title, (name,), safe=True)
    one_of = keyword.value.elts if isinstance(keyword.value, ast.List) else []
    if row.keyword == "secrets" and len(one_of) == 1 and not isinstance(one_of[0], ast.Starred):
        value = Edit(file.span(keyword.value), file.segment(one_of[0]))
        return Fix(title, (name, value), safe=True)
    return None
