"""MS303: `with_options` that takes a function's Secrets away."""

import ast
from collections.abc import Iterator

from modal_lint.environments import asking, containers, options
from modal_lint.environments.containers import Container
from modal_lint.environments.sources import Kind, Source
from modal_lint.model import Finding, Fix, Rule, Severity
from modal_lint.remarks import attempted, remark
from modal_lint.source import File
from modal_lint.uses import Use
from modal_lint.values import Place


def check(file: File) -> Iterator[Finding]:
    """`with_options(env=…)` or `with_options(secrets=…)` replaces every Secret that a Function had.

    `env=` is sent as one more Secret, and a call that gives any Secret replaces them all: those of the decorator, its
    `env=`, and those of the App. A Function that only was to get `DEBUG=1` runs without its credentials.

    ```python bad
    import modal

    app = modal.App("agents")


    @app.function(secrets=[modal.Secret.from_name("openai-secret")])
    def answer(question: str):
        pass


    debugging = answer.with_options(env={"DEBUG": "1"})  # expect: MS303
    ```

    ```python good
    import modal

    app = modal.App("agents")


    @app.function(secrets=[modal.Secret.from_name("openai-secret")])
    def answer(question: str):
        pass


    debugging = answer.with_options(env={"DEBUG": "1"}, secrets=[modal.Secret.from_name("openai-secret")])
    ```

    The fix is unsafe, since the Function then gets the Secrets that it did not have: it lists them again. A call with
    `secrets=` means to replace them, and is reported only where the Function's code reads a variable that gets lost.
    """
    for use in containers.once(one for one in file.uses if one.api.name in containers.OPTIONS):
        container = None if use.owner is None else containers.container_behind(use.owner)
        if container is None or any(map(containers.gives, containers.earlier_options(use))):
            continue
        base = containers.base_of(use)
        gone = [] if base is None else options.lost(base, use)
        if not gone:
            continue
        secrets = asking.is_passed(use, "secrets")
        missing = _missing(container, use, gone) if secrets else None
        if secrets and missing is None:
            continue
        message = f"{use.api.name} replaces all sources of {container.name} and takes away {options.told(gone)}"
        yield remark(
            RULE,
            file,
            use.node,
            message + (f", of which it reads {missing}" if missing else ""),
            help_text="list the Secrets again in secrets=[…]",
            key=missing,
            fix=None if secrets else attempted(lambda one=use, lost=gone: _fix(one, lost)),  # type: ignore[misc]
            related=[(Place(container.use.file, container.use.node), "the Function is declared here")],
        )


def _missing(container: Container, use: Use, gone: list[Source]) -> str | None:
    """A variable that the function surely reads, that it had, and that it no longer gets."""
    new = containers.of_call(use)
    for need in container.use.file.environments.needs_of(container):
        if any(need.key in source.keys for source in gone) and new.lacks(need.key):
            return need.key
    return None


def _fix(use: Use, gone: list[Source]) -> Fix | None:
    from modal_lint import rewrite

    file = use.file
    if asking.parameter(use, "secrets") is not None or use.bound.open:
        return None
    texts = [_text(file, use, source) for source in gone]
    if not texts or None in texts:
        return None
    secrets = f"[{', '.join(text for text in texts if text is not None)}]"
    edits = rewrite.rewrite_call(file.rewriting, file.span(use.node), set_argument={"secrets": secrets})
    return Fix("List the Function's Secrets again", tuple(edits))


def _text(file: File, use: Use, source: Source) -> str | None:
    """How a Secret is spelled: the name that holds it, or a reference by constants."""
    place = source.place
    if source.kind is Kind.ENV or place is None or place.file is not file or not isinstance(place.node, ast.Call):
        return None
    statement = file.scopes.parents.get(place.node)
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
        name = statement.targets[0].id
        home = file.scopes.lookup(name, file.scopes.scope(use.node))
        return name if home is file.scopes.module and len(home.bindings[name]) == 1 else None
    constant = all(isinstance(one, (ast.Constant, ast.List)) for one in _given(place.node))
    return file.segment(place.node) if source.name is not None and constant else None


def _given(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


RULE = Rule(
    "MS303",
    "with-options-drops-secrets",
    Severity.ERROR,
    check,
    fixable="unsafe",
    witness="starts the container without OPENAI_API_KEY",
)
