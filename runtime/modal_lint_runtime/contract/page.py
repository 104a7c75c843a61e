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
    from modal_lint_runtime.contract.vanished import Removed

_INTRODUCTION = """\
# Semantics: what Modal does, and where its SDKs differ

This page is printed by `python -m modal_lint_runtime.contract`; a test holds it current. Every row of its first table
is a fact that [rules](rules/README.md) and the [embedded runtime](runtime.md) rest on.
"""
_FACTS = """\
## Facts

- **Code** is the fact's name: the rules' pages and the code refer to it, and so does `error.verdict.code` of an
  exception that the embedded runtime raises. S1 to S19g are about making Secrets and looking them up, the others
  about passing them and variables to calls.
- **Python** is `modal` 1.6.4 from PyPI, **JavaScript** `modal` 0.11.1 from npm, **Go** is 0.9.0. A name that ends in
  `Error` is what is raised; "when loaded" is when the SDK first needs the Secret or image from Modal, "no such call"
  that the SDK has nothing of the kind. V1 and V2 are Modal's two backends of sandboxes (the last row).
- **Embedded runtime** is what it does: what Modal documents, else what Python does; where only Modal's service
  refuses, it refuses at once. It has no `from_local_environ`, buckets, private repositories, outbound policies and
  keys of snapshots: an error there is what the function of the last column raises.
- **Source** is where the fact can be read: `P` the `modal` package of 1.6.4 (file and line), `J` and `G` the
  JavaScript and Go SDKs of Modal's public repository, modal-labs/modal-client, at 0.9.0, `D` a page of
  <https://modal.com/docs>.
- **Functions** are those of `modal_lint_runtime.contract` that express the fact.

"""
_PLACES = """\
## Where a value ends up

What the function `persistence` answers about a value that is given to a call.

"""
_NEEDED = """\
## Keys that a call needs

The Secret that is given to the call must have all keys of a row; where there are two sets, all of one (S33, S35).

"""
_REMOVED = """\
## Removed from the Python SDK

What 1.6.4 raises when the name is used or the argument is given. `from modal import` of the first three names is an
ImportError. `modal.Secret` itself is still there, but cannot be called.

"""
_HEAD = ("Code", "What", "Python", "JavaScript", "Go", "Embedded runtime", "Source", "Functions")
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
        _FACTS + _table(_HEAD, map(_row, FACTS)),
        _PLACES + _table(("Code", "Place"), ((k.value, v) for k, v in _PERSISTENCE.items())),
        _NEEDED + _table(("For", "Keys"), _keys()),
        _REMOVED + _table(("Name", "Raises", "Instead"), map(_gone, REMOVED)),
    )
    return "\n".join(sections)


def _row(fact: Fact) -> tuple[str, ...]:
    cells = (fact.code, fact.what, fact.python, fact.js, fact.go, fact.reference, _source(fact.source))
    return (*cells, ", ".join(f"`{name}`" for name in fact.checks))


def _source(text: str) -> str:
    """A source with its files as code: `__init__.py` would be bold."""
    places = (place.partition(" ") for place in text.split("; "))
    return "; ".join(f"{letter} `{where}`" if where else letter for letter, _, where in places)


def _gone(row: Removed) -> tuple[str, str, str]:
    name = f"`{row.name}({row.keyword}=)`" if row.keyword else f"`{row.name}`"
    return name, row.raises, f"`{row.instead}`" if row.instead else "nothing"


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
