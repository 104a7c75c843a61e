"""MS501: a Secret that is not asked for the keys that are read from it."""

from collections.abc import Iterator

from modal_lint.environments import unchecked
from modal_lint.environments.unchecked import Unchecked
from modal_lint.model import Finding, Fix, Rule, Severity
from modal_lint.remarks import attempted, remark
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A Secret is looked up without `required_keys`, and the code tells which keys it reads from it.

    A Secret is looked up by its name alone: that it lacks a key shows when a container fails with KeyError. With
    `required_keys` the deployment stops, names the key, and nothing that runs is replaced.

    ```python bad
    import os

    import modal

    app = modal.App("chat")


    @app.function(secrets=[modal.Secret.from_name("openai-secret")])  # expect: MS501
    def answer():
        return os.environ["OPENAI_API_KEY"]
    ```

    ```python good
    import os

    import modal

    app = modal.App("chat")


    @app.function(secrets=[modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])])
    def answer():
        return os.environ["OPENAI_API_KEY"]
    ```

    A key belongs to the one Secret that can give it, or to the one that is called like the key's provider; the fix of
    the latter is unsafe, since the key may be in another one. It asks for the keys without which the code fails on
    every run: one that is only looked up, or read by a client that does without, is named and left to you.
    """
    for one in unchecked.of(file):
        yield _finding(file, one)


def _finding(file: File, one: Unchecked) -> Finding:
    keys = list(one.required) or list(one.read)
    container, need = one.read[keys[0]]
    told = ", ".join(keys[:3]) + (", …" if len(keys) > 3 else "")
    return remark(
        RULE,
        file,
        one.place.node if one.place.file is file else container.use.node,
        f"Secret {one.name} is not asked for {told}, which {container.name} reads",
        help_text="name the keys: required_keys=[…]; a deployment then stops where one is missing",
        key=keys[0],
        fix=attempted(lambda: _fix(file, one)),
        related=[(need.place, f"{need.key} is read here")],
    )


def _fix(file: File, one: Unchecked) -> Fix | None:
    from modal_lint import rewrite

    if one.place.file is not file or not one.required or not unchecked.is_written_once(one):
        return None
    keys = ", ".join(rewrite.string_literal(key, file.rewriting.quote) for key in one.required)
    edits = rewrite.rewrite_call(file.rewriting, file.span(one.place.node), set_argument={"required_keys": f"[{keys}]"})
    return Fix(f"Require {', '.join(one.required)} of Secret {one.name}", tuple(edits), safe=one.only)


RULE = Rule(
    "MS501",
    "unchecked-secret",
    Severity.INFO,
    check,
    fixable="safe",
    source="semantics.md S18, S19b: keys are checked where a Secret is looked up, if required_keys names them",
    witness="goes through where the Secret lacks the key",
)
