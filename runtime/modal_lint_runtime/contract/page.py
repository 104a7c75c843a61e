"""The documentation page of the facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint_runtime.contract.facts import FACTS
from modal_lint_runtime.contract.precedence import Persistence
from modal_lint_runtime.contract.registry import BUCKET_KEYS, REGISTRY_KEYS, REPOSITORY_KEYS
from modal_lint_runtime.contract.vanished import REMOVED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modal_lint_runtime.contract.row import Fact

_INTRODUCTION = """\
# Semantics: what Modal does, and where its SDKs differ

This page is printed by `python -m modal_lint_runtime.contract`; a test holds it current. Every row is a fact that rules
and the runtime rest on. Python is `modal` 1.6.4, JavaScript is `modal` 0.11.1 of npm, Go is 0.9.0. The runtime does
what is documented first, and else what Python does; where only Modal's service refuses, it refuses at once.

Sources: `P` is the Python SDK (file and line), `J` and `G` the JavaScript and Go SDKs of the public repository, `D`
Modal's documentation. The functions are those of `modal_lint_runtime.contract`.
"""
_HEAD = ("Code", "What", "Python", "JavaScript", "Go", "This runtime", "Source", "Functions")
_PERSISTENCE = {
    Persistence.SECRET: "a Secret object, referred to by its id; no call gives values back",
    Persistence.INLINE: "sent with the call and not kept",
    Persistence.IMAGE: "the image's definition or a layer: in the cache and in every derived image",
    Persistence.DEFINITION: "the definition of a Function, Sandbox or App, in clear",
    Persistence.INPUT: "the input or output of a Function",
    Persistence.FILE: "a file that is shipped",
    Persistence.LOCAL: "the local process alone",
}


def page() -> str:
    """The page, Markdown, with a line end at its end."""
    sections = (
        _INTRODUCTION,
        "## Facts\n\n" + _table(_HEAD, map(_row, FACTS)),
        "## Where a value ends up\n\n" + _table(("Code", "Place"), ((k.value, v) for k, v in _PERSISTENCE.items())),
        "## Keys that a call needs\n\n" + _table(("For", "Keys"), _keys()),
        "## Removed from the Python SDK\n\n"
        + _table(("Name", "Raises", "Instead"), ((_name(r.name, r.keyword), r.raises, r.instead) for r in REMOVED)),
    )
    return "\n".join(sections)


def _row(fact: Fact) -> tuple[str, ...]:
    cells = (fact.code, fact.what, fact.python, fact.js, fact.go, fact.reference, fact.source)
    return (*cells, ", ".join(f"`{name}`" for name in fact.checks))


def _name(name: str, keyword: str | None) -> str:
    return f"`{name}({keyword}=)`" if keyword else f"`{name}`"


def _keys() -> Iterator[tuple[str, str]]:
    for auth, sets in REGISTRY_KEYS.items():
        yield f"a registry: {auth.value}", "; or ".join(", ".join(sorted(keys)) for keys in sets)
    for bucket, keys in BUCKET_KEYS.items():
        yield f"a bucket: {bucket.value}", ", ".join(sorted(keys))
    for host, key in REPOSITORY_KEYS.items():
        yield f"private repositories on {host}", key


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *map(list, rows)]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
