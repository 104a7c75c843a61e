"""MS304: `with_options` that clears nothing, or undoes the one before."""

from collections.abc import Iterator

from modal_lint.environments import asking, containers, options
from modal_lint.environments.sources import Kind
from modal_lint.model import Finding, Rule, Severity
from modal_lint.remarks import remark
from modal_lint.source import File
from modal_lint.uses import Use
from modal_lint.values import Mapping, Place, Sequence, Values


def check(file: File) -> Iterator[Finding]:
    """`with_options(secrets=[])` changes nothing, and a second `with_options` undoes the first.

    An empty list or dict is as good as none: the Function keeps the Secrets of its decorator and its App. And each
    call replaces the sources of the one before, so that `.with_options(secrets=[s]).with_options(env=…)` loses `s`.

    ```python bad
    import modal

    app = modal.App("agents")


    @app.function(secrets=[modal.Secret.from_name("openai-secret")])
    def answer(question: str):
        pass


    untrusted = answer.with_options(secrets=[])  # expect: MS304
    ```

    ```python good
    import modal

    app = modal.App("agents")


    @app.function(secrets=[modal.Secret.from_name("openai-secret")])
    def answer(question: str):
        pass


    @app.function()
    def untrusted(question: str):
        pass
    ```

    Declare a second Function without the Secrets; give `secrets=` and `env=` in one call. Nothing is said of a
    Function that has no Secrets.
    """
    for use in containers.once(one for one in file.uses if one.api.name in containers.OPTIONS):
        if not containers.gives(use):
            yield from _clearing(use)
        else:
            yield from _stacked(use)


def _clearing(use: Use) -> Iterator[Finding]:
    base = containers.base_of(use)
    if base is not None and not base.open and not base.sources:
        return
    for name in ("secrets", "env"):
        values = asking.parameter(use, name)
        if values is not None and _is_empty(values):
            given = asking.argument(use.bound, name)
            inside = given is not None and given.node is not None and use.file.scopes.within(given.node, use.node)
            node = given.node if inside and given is not None and given.node is not None else use.node
            yield remark(
                RULE,
                use.file,
                node,
                f"an empty {name}= of {use.api.name} changes nothing: what the Function had stays",
                help_text="declare a Function without the Secrets",
                sink=use.node,
            )


def _is_empty(values: Values) -> bool:
    return all(
        (isinstance(value, Sequence) and value.complete and not value.items)
        or (isinstance(value, Mapping) and value.complete and not value.entries)
        for value in values
    )


def _stacked(use: Use) -> Iterator[Finding]:
    earlier = next((one for one in containers.earlier_options(use) if containers.gives(one)), None)
    if earlier is None:
        return
    named = {source.kind for source in containers.of_call(use).sources}
    gone = [one for one in options.lost(containers.of_call(earlier), use) if one.kind not in named]
    if gone:
        kept = "secrets=" if Kind.ENV not in named else "env="
        yield remark(
            RULE,
            use.file,
            use.node,
            f"this {use.api.name} replaces what the one before gave, and takes away {options.told(gone)}",
            help_text=f"give both in one call, beside {kept}",
            related=[(Place(earlier.file, earlier.node), "given here")],
        )


RULE = Rule(
    "MS304",
    "with-options-cannot-clear",
    Severity.WARNING,
    check,
    fixable="hint",
    witness="leaves OPENAI_API_KEY in the container",
)
