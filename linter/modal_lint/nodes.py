"""Questions about single nodes of a tree."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Fields that never hold a node with a place of its own: strings, flags, operators and contexts.
_PLAIN = frozenset(
    ("arg", "asname", "attr", "conversion", "ctx", "id", "is_async", "kind", "kwd_attrs", "level", "lineno", "module",
     "op", "ops", "rest", "simple", "str", "tag", "type_comment", "type_ignores")
)  # fmt: skip
_MAX_WRITTEN = 500  # characters or elements; the evaluator has bounds that are far larger
_CONSTANTS = (ast.Constant, ast.MatchSingleton, ast.Global, ast.Nonlocal)  # no node is in any field of these


class _Fields(dict[type[ast.AST], tuple[str, ...]]):
    """The fields of each kind of node in which other nodes may be, in order."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        plain = _PLAIN if kind.__name__ == "TypeAlias" else _PLAIN | {"name"}  # a string everywhere else
        fields = () if kind in _CONSTANTS else tuple(name for name in kind._fields if name not in plain)
        self[kind] = fields
        return fields


FIELDS = _Fields()


def parts(node: ast.AST) -> Iterator[ast.AST]:
    """The child nodes that have a place of their own, in the order of the fields; faster than the general way."""
    values = node.__dict__
    for name in FIELDS[node.__class__]:
        value = values.get(name)
        if value.__class__ is list:
            for item in value:
                if isinstance(item, ast.AST):
                    yield item
        elif isinstance(value, ast.AST):
            yield value


def last_name(node: ast.AST) -> str:
    """The last part of a dotted name; "" for any other node."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def written_text(node: ast.AST | None) -> str | None:
    """The string that a literal is: what the evaluator would find, too, in any run."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) <= _MAX_WRITTEN:
        return node.value
    return None


def written_texts(node: ast.AST | None) -> list[str] | None:
    """The strings of a list of nothing but such literals; None for anything else."""
    if not isinstance(node, ast.List) or len(node.elts) > _MAX_WRITTEN:
        return None
    found = [text for one in node.elts if (text := written_text(one)) is not None]
    return found if len(found) == len(node.elts) else None


def written_entries(node: ast.AST | None) -> list[tuple[str, str]] | None:
    """The entries of a mapping whose keys and values are nothing but such literals; None for anything else."""
    if not isinstance(node, ast.Dict) or len(node.keys) > _MAX_WRITTEN:
        return None
    found = []
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        key, value = written_text(key_node), written_text(value_node)
        if key is None or value is None:
            return None
        found.append((key, value))
    return found


def all_parameters(arguments: ast.arguments) -> list[ast.arg]:
    """Every parameter in the order of the signature."""
    found = [*arguments.posonlyargs, *arguments.args]
    if arguments.vararg is not None:
        found.append(arguments.vararg)
    found += arguments.kwonlyargs
    if arguments.kwarg is not None:
        found.append(arguments.kwarg)
    return found


def defaults_of(arguments: ast.arguments) -> dict[str, ast.expr]:
    """The defaults of parameters, by name."""
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = {arg.arg: one for arg, one in zip(reversed(positional), reversed(arguments.defaults), strict=False)}
    for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is not None:
            defaults[arg.arg] = default
    return defaults


def all_arguments(call: ast.Call) -> list[ast.expr]:
    """Every expression that a call hands over, those with a name last."""
    return [*call.args, *(keyword.value for keyword in call.keywords)]
