"""The commands of a notebook as Python statements, so that rules see where they go: ``os.system``, ``os.environ``.

The statements stand where the commands stand. They reach ``os`` by a name that no code can take.
"""

from __future__ import annotations

import ast
import re
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.source import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modal_lint.documents.base import Command, Module

_OS, _MODAL = "%os", "%modal"
_EXPANDED = re.compile(r"\{(?P<braced>[^{}\n]+)\}|\$\$|\$(?P<name>[A-Za-z_]\w*)")


class _Graft(NamedTuple):
    line: int
    statements: list[ast.stmt]


def tree_of(module: Module) -> ast.Module:
    """The tree of a module, with a statement for each of its commands.

    Raises:
        Unreadable: the code cannot be parsed.
    """
    tree = parse(module.code)
    lines = module.lines
    ordered = sorted(module.commands, key=lambda command: command.line)
    pending = deque(_Graft(command.line, _statements(command, lines)) for command in ordered)
    tree.body = [*_woven(tree.body, pending), *(one for graft in pending for one in graft.statements)]
    return tree


def _statements(command: Command, lines: Sequence[str]) -> list[ast.stmt]:
    """A command as Python at its place."""
    place = _place(command, lines)
    if command.is_python:
        made = [ast.Import([ast.alias("modal", _MODAL)]), *_parsed(command.text)]
    elif command.key is None:
        made = [ast.Import([ast.alias("os", _OS)]), ast.Expr(ast.Call(_attribute("system"), [_text(command)], []))]
    else:
        target = ast.Subscript(_attribute("environ"), ast.Constant(command.key), ast.Store())
        made = [ast.Import([ast.alias("os", _OS)]), ast.Assign([target], _text(command))]
    for node in (node for statement in made for node in ast.walk(statement)):
        if not isinstance(node, (ast.expr_context, ast.operator)):
            _put(node, _called(place, lines) if isinstance(node, ast.Attribute) else place)
    for node in ast.walk(made[0]):  # before all else
        _put(node, (*place[:2], *place[:2]))
    return made


def _parsed(code: str) -> list[ast.stmt]:
    """Statements that reach Modal by the name that no code can take."""
    statements = ast.parse(code).body
    for node in (node for statement in statements for node in ast.walk(statement)):
        if isinstance(node, ast.Name) and node.id == "modal":
            node.id = _MODAL
    return statements


def _attribute(name: str) -> ast.Attribute:
    return ast.Attribute(ast.Name(_OS, ast.Load()), name, ast.Load())


def _called(place: tuple[int, int, int, int], lines: Sequence[str]) -> tuple[int, int, int, int]:
    """Where the called name is taken to stand: where a call is pointed at, it is at the last word of that."""
    line, low, _, _ = place
    return line, low, line, min(low + len("system"), len(lines[line - 1].encode("utf-8", "surrogatepass")))


def _place(command: Command, lines: Sequence[str]) -> tuple[int, int, int, int]:
    low = len(lines[command.line - 1][: command.column].encode("utf-8", "surrogatepass"))
    high = len(lines[command.end_line - 1][: command.end_column].encode("utf-8", "surrogatepass"))
    return command.line, low, command.end_line, high


def _put(node: ast.AST, place: tuple[int, int, int, int]) -> None:
    node.lineno, node.col_offset, node.end_lineno, node.end_col_offset = place  # type: ignore[attr-defined]


def _text(command: Command) -> ast.expr:
    """A command's text; what IPython puts into it is an f-string's hole."""
    text = command.text.replace("\\\n", " ")
    parts: list[ast.expr] = list(_parts(text)) if command.expands else []
    if any(isinstance(part, ast.FormattedValue) for part in parts):
        return ast.JoinedStr(parts)
    return ast.Constant(text)


def _parts(text: str) -> Iterator[ast.expr]:
    done = 0
    for found in _EXPANDED.finditer(text):
        hole = _expression(found)
        if hole is None:
            continue
        if found.start() > done:
            yield ast.Constant(text[done : found.start()])
        yield ast.FormattedValue(hole, -1, None)
        done = found.end()
    if done < len(text):
        yield ast.Constant(text[done:])


def _expression(found: re.Match[str]) -> ast.expr | None:
    if found["name"] is not None:
        return ast.Name(found["name"], ast.Load())
    if found["braced"] is None:
        return None
    try:
        return ast.parse(found["braced"].strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _woven(body: list[ast.stmt], pending: deque[_Graft]) -> list[ast.stmt]:
    """The statements of a block with those grafts among them that stand before its end; a ``pass`` gives way to one."""
    made: list[ast.stmt] = []
    for node in body:
        first, last = _first_line(node), node.end_lineno or node.lineno
        while pending and pending[0].line < first:
            made += pending.popleft().statements
        if pending and isinstance(node, ast.Pass) and pending[0].line == node.lineno:
            made += pending.popleft().statements
            continue
        made.append(node)
        inside: deque[_Graft] = deque()
        while pending and pending[0].line <= last:
            inside.append(pending.popleft())
        for holder, name in _blocks(node) if inside else ():
            setattr(holder, name, _woven(getattr(holder, name), inside))
        made += (statement for graft in inside for statement in graft.statements)
    return made


def _blocks(node: ast.stmt) -> Iterator[tuple[ast.AST, str]]:
    """The lists of statements in a compound one, in their order."""
    holders = [*getattr(node, "handlers", ()), *getattr(node, "cases", ())]
    for holder, name in ((node, "body"), *((one, "body") for one in holders), (node, "orelse"), (node, "finalbody")):
        if isinstance(getattr(holder, name, None), list) and getattr(holder, name):
            yield holder, name


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)])
