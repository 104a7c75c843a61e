"""The rules' main question asked the way a first version would: whole trees, all metadata, a visitor.

Every file is parsed by libcst and wrapped with its metadata; every call's qualified name is looked up in modal-lint's
own table of Modal's API, and literals given to its sinks are judged by modal-lint's own credential detection. It does
less than modal-lint: it follows no name, constant or import of another file. Run with modal-lint's Python.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import libcst as cst
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider, QualifiedNameProvider, ScopeProvider
from modal_lint.credentials import classify, find_in_text
from modal_lint.modal_api import API, canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.api.schema import Api, Param

_BY_LAST_NAME: dict[str, list[Api]] = {}
for _row in API.values():
    if any(param.sink for param in _row.params):
        _BY_LAST_NAME.setdefault(_row.name.rpartition(".")[2], []).append(_row)


class Visitor(cst.CSTVisitor):
    """Collects where literals that are credentials are given to sinks."""

    METADATA_DEPENDENCIES = (QualifiedNameProvider, PositionProvider, ScopeProvider, ParentNodeProvider)

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.found: list[str] = []

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802 - the name is libcst's
        """Look at the arguments of one call."""
        seen: set[int] = set()
        for row in self._rows(node):
            for argument, param in _bound(node, row):
                if param.sink is not None and id(argument) not in seen:
                    seen.add(id(argument))
                    self._look(argument, param)

    def _rows(self, node: cst.Call) -> Iterator[Api]:
        for name in self.get_metadata(QualifiedNameProvider, node.func, set()):
            row = API.get(canonical(name.name))
            if row is not None:
                yield row
            else:  # a method of a value: its type is unknown here
                yield from _BY_LAST_NAME.get(name.name.rpartition(".")[2], ())

    def _look(self, value: cst.BaseExpression, param: Param) -> None:
        if isinstance(value, cst.Dict):
            for element in value.elements:
                if isinstance(element, cst.DictElement):
                    self._judge(element.value, _text(element.key))
        elif isinstance(value, cst.List | cst.Tuple):
            for item in value.elements:
                self._judge(item.value, None)
        else:
            self._judge(value, param.name)

    def _judge(self, value: cst.BaseExpression, key: str | None) -> None:
        text = _text(value)
        if text and (classify(key, text, path=str(self.path)) or list(find_in_text(text))):
            start = self.get_metadata(PositionProvider, value).start
            self.found.append(f"{self.path}:{start.line}:{start.column}: {key}")


def _bound(node: cst.Call, row: Api) -> Iterator[tuple[cst.BaseExpression, Param]]:
    named = {param.name: param for param in row.params}
    positional = [param for param in row.params if param.kind in ("positional", "both", "args")]
    for index, argument in enumerate(node.args):
        if argument.keyword is not None:
            param = named.get(argument.keyword.value)
        elif positional:
            param = positional[min(index, len(positional) - 1)]
        else:
            param = None
        if param is not None:
            yield argument.value, param


def _text(node: cst.BaseExpression) -> str | None:
    if isinstance(node, cst.SimpleString | cst.ConcatenatedString):
        value = node.evaluated_value
        return value if isinstance(value, str) else None
    return None


def main() -> None:
    """Check the files and directories named on the command line."""
    sys.setrecursionlimit(10_000)
    found = 0
    for name in sys.argv[1:]:
        top = Path(name)
        for path in [top] if top.is_file() else sorted(top.rglob("*.py")):
            try:
                module = cst.parse_module(path.read_bytes())
            except cst.ParserSyntaxError:
                print(f"{path}: unreadable", file=sys.stderr)
                continue
            visitor = Visitor(path)
            MetadataWrapper(module).visit(visitor)
            found += len(visitor.found)
            print(*visitor.found, sep="\n", end="\n" if visitor.found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
