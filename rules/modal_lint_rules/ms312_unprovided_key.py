"""MS312: a variable that nothing gives."""

import ast
from collections.abc import Iterator

from modal_lint.environments.containers import Container
from modal_lint.environments.needs import Need, may_read
from modal_lint.environments.sources import GIVEN
from modal_lint.model import Finding, Fix, Rule, Severity
from modal_lint.remarks import attempted, remark
from modal_lint.source import File
from modal_lint.values import Place


def check(file: File) -> Iterator[Finding]:
    """A Function reads a variable that none of its sources is known to give.

    The sources are the Secrets of the Function and its App, `env=` and the image's own variables. A named Secret is
    known by its `required_keys`: it may hold more, and where it does, the key belongs into that list, so that a
    deployment stops where it is missing. Without it the container raises KeyError at its first call.

    ```python bad
    import os

    import modal

    app = modal.App("train")


    @app.function(secrets=[modal.Secret.from_name("wandb-secret", required_keys=["WANDB_API_KEY"])])
    def train():
        return os.environ["WANDB_API_KEY"], os.environ["WANDB_ENTITY"]  # expect: MS312
    ```

    ```python good
    import os

    import modal

    app = modal.App("train")


    @app.function(secrets=[modal.Secret.from_name("wandb-secret", required_keys=["WANDB_API_KEY", "WANDB_ENTITY"])])
    def train():
        return os.environ["WANDB_API_KEY"], os.environ["WANDB_ENTITY"]
    ```

    Functions that are called inside are followed, also into other files. Only reads are reported that happen on every
    run and that nothing catches. A Secret without `required_keys` may hold anything, and so may an image of a registry
    (but not a credential). The fix is unsafe: the App fails to deploy until the Secret has the key.
    """
    environments = file.environments
    if not environments.containers or not may_read(file):
        return
    told: set[tuple[ast.AST, str]] = set()
    for container in environments.containers:
        if container.code is None or container.code.file is not file or not _is_known(container):
            continue
        for need in environments.needs_of(container):
            node = next(place.node for place in (need.place, *reversed(need.calls)) if place.file is file)
            if need.key in GIVEN or need.key.startswith("MODAL_") or not container.supply.lacks(need.key):
                continue
            if (node, need.key) in told or environments.is_varied(container, need.key):
                continue
            told.add((node, need.key))
            yield _finding(file, container, need, node)


def _is_known(container: Container) -> bool:
    """Whether the sources may all be known, before anything is asked of the code."""
    supply = container.supply
    return not supply.open and all(source.known or source.public for source in supply.sources)


def _finding(file: File, container: Container, need: Need, node: ast.AST) -> Finding:
    promised = [source for source in container.supply.sources if source.promised]
    verb = "reads" if need.reader == "os.environ" else f"calls {need.reader}, which reads"
    message = f"{container.name} {verb} {need.key}, and none of its sources is known to give it"
    if promised:
        message += f" (Secret {promised[0].name or '…'} may hold more than its required_keys)"
        help_text = "add it to required_keys of the Secret that holds it"
    else:
        help_text = "give it with secrets=[…] or env="
    return remark(
        RULE,
        file,
        node,
        message,
        help_text=help_text,
        key=need.key,
        fix=attempted(lambda: _fix(file, container, need)),
        related=[
            (Place(container.use.file, container.use.node), f"{container.name} is declared here"),
            *((place, "it calls this") for place in need.calls),
            *([(need.place, f"{need.key} is read here")] if need.place.node is not node else []),
        ],
    )


def _fix(file: File, container: Container, need: Need) -> Fix | None:
    from modal_lint import rewrite

    promised = [source for source in container.supply.sources if source.promised]
    place = promised[0].place if len(promised) == 1 else None
    if place is None or place.file is not file or not isinstance(place.node, ast.Call):
        return None
    if not any(keyword.arg == "required_keys" for keyword in place.node.keywords):
        return None
    item = rewrite.string_literal(need.key, file.rewriting.quote)
    edits = rewrite.rewrite_call(file.rewriting, file.span(place.node), extend_list={"required_keys": (item, False)})
    return Fix(f"Require {need.key} of Secret {promised[0].name or ''}".rstrip(), tuple(edits))


RULE = Rule(
    "MS312",
    "unprovided-key",
    Severity.WARNING,
    check,
    fixable="unsafe",
    witness="raises KeyError in the container",
)
