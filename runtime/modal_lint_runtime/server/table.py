"""The table of served calls in docs/server.md, made from the services themselves.

`python -m modal_lint_runtime.server.table docs/server.md` rewrites it.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import version
from pathlib import Path

from modal_proto.api_grpc import ModalClientBase
from modal_proto.task_command_router_grpc import TaskCommandRouterBase

from modal_lint_runtime.server.rpc import handlers
from modal_lint_runtime.server.serving import control_classes, router_classes

BEGIN, END = "<!-- calls: generated -->", "<!-- calls: end -->"


def table() -> str:
    """Markdown: every served call with what it does, then the names of those that are not served."""
    rest = [_unserved(ModalClientBase, control_classes()), _unserved(TaskCommandRouterBase, router_classes())]
    return "\n\n".join([served(), f"### Not served (of `modal` {version('modal')})", *rest])


def served() -> str:
    """Markdown: every served call with what it does; the same for every version of the `modal` package."""
    control = _served("Control plane (`modal.client.ModalClient`)", control_classes())
    router = _served("Task command router (`modal.task_command_router.TaskCommandRouter`)", router_classes())
    return f"{control}\n\n{router}"


def renewed(page: str) -> str:
    """The page with the table as it should be. Raises ValueError when the page has no place for it."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has no markers for the table of calls")
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def _served(title: str, classes: list[type]) -> str:
    lines = [f"### {title}", "", "| call | what it does here |", "|---|---|"]
    methods: dict[object, list[str]] = {}
    for name, method in handlers(classes).items():
        methods.setdefault(method, []).append(name)
    rows = [(sorted(names), _summary(method)) for method, names in methods.items()]
    lines += [f"| {', '.join(f'`{name}`' for name in names)} | {summary} |" for names, summary in sorted(rows)]
    return "\n".join(lines)


def _summary(method: object) -> str:
    first = (method.__doc__ or "").strip().partition("\n\n")[0]
    return re.sub(r"\s+", " ", first).replace("|", "\\|")


def _unserved(base: type, classes: list[type]) -> str:
    names: frozenset[str] = base.__abstractmethods__  # type: ignore[attr-defined]
    missing = sorted(names - set(handlers(classes)))
    listed = ", ".join(f"`{name}`" for name in missing)
    return f"`{base.__name__.removesuffix('Base')}`, {len(missing)} of {len(names)} calls: {listed}."


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
