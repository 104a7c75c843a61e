"""MS311: one key from two sources."""

import ast
from collections.abc import Iterator

from modal_lint.environments import asking, containers
from modal_lint.environments.sources import Kind, Source
from modal_lint.lazy import contract
from modal_lint.modal_api import Sink
from modal_lint.model import Finding, Rule, Severity
from modal_lint.remarks import remark
from modal_lint.source import File
from modal_lint.uses import Use
from modal_lint.values import Sequence


def check(file: File) -> Iterator[Finding]:
    """Two sources of one call give the same variable, and only the last one counts.

    The Secrets of a list are laid over each other in its order, and `env=` over all of them. A variable of an earlier
    one is never seen, whatever it is rotated to.

    ```python bad
    import modal

    app = modal.App("agents")


    @app.function(
        secrets=[modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])],
        env={"OPENAI_API_KEY": "unused", "LOG_LEVEL": "info"},  # expect: MS311
    )
    def answer():
        pass
    ```

    ```python good
    import modal

    app = modal.App("agents")


    @app.function(
        secrets=[modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])],
        env={"LOG_LEVEL": "info"},
    )
    def answer():
        pass
    ```

    Leave the variable to one of the sources. Only keys that the code names are compared, and only those of one call:
    that a Function overrides what its App gives to all is how it is meant. Sandboxes before `modal` 1.6.2 laid
    `from_dict` over named Secrets whatever their order.
    """
    nodes = {use.node for use, _ in file.given(Sink.SECRETS) if _may_be_several(use)}
    if not nodes:
        return
    uses = [one for one in file.uses if one.node in nodes and one.api.with_sink(Sink.SECRETS) is not None]
    for use in containers.once(uses):
        if use.bound.named.get("secrets"):
            yield from _shadowed(file, use)


def _may_be_several(use: Use) -> bool:
    """Whether `secrets=` and `env=` can be more than one source."""
    if "env" in use.bound.named:
        return True
    written = asking.written(use, "secrets")
    if isinstance(written, ast.List) and len(written.elts) < 2 and not any(map(_is_starred, written.elts)):
        return False
    values = asking.parameter(use, "secrets") or ()
    return any(not isinstance(value, Sequence) or len(value.items) > 1 for value in values)


def _is_starred(node: ast.expr) -> bool:
    return isinstance(node, ast.Starred)


def _shadowed(file: File, use: Use) -> Iterator[Finding]:
    supply = containers.of_call(use)
    for key, positions in contract.shadowed([source.keys for source in supply.sources]).items():
        last = supply.sources[positions[-1]]
        others = [one for one in (supply.sources[at] for at in positions[:-1]) if one.identity != last.identity]
        if not others:
            continue
        yield remark(
            RULE,
            file,
            _place(file, use, last, key),
            f"{key} of {_told(others[-1])} is never seen: {_told(last)} gives it too and comes later",
            help_text="leave it out of one of them",
            key=key,
            related=[(one.place, f"{key} is given here") for one in others if one.place is not None],
            sink=use.node,
        )


def _place(file: File, use: Use, source: Source, key: str) -> ast.AST:
    """Where the later source gives the key, if that is written in this file."""
    places = (source.entries.get(key), source.place)
    return next((place.node for place in places if place is not None and place.file is file), use.node)


def _told(source: Source) -> str:
    if source.kind is Kind.ENV:
        return "env="
    return f"Secret {source.name}" if source.name is not None else "a Secret made of a dict"


RULE = Rule(
    "MS311",
    "shadowed-key",
    Severity.WARNING,
    check,
    fixable="hint",
    witness="gives the container another OPENAI_API_KEY",
)
