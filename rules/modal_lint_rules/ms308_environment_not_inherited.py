"""MS308: a Secret of a sandbox, looked up in another environment than the sandbox's App."""

import ast
from collections.abc import Iterator

from modal_lint.environments import asking
from modal_lint.library import elements
from modal_lint.modal_api import Sink
from modal_lint.model import Finding, Fix, Rule, Severity
from modal_lint.remarks import attempted, remark
from modal_lint.source import File
from modal_lint.uses import Use
from modal_lint.values import Object

_LOOKUP, _FROM_NAME = "modal.App.lookup", "modal.Secret.from_name"
_CREATORS = ("modal.Sandbox.create", "modal.Sandbox._experimental_create")
_VARIABLE = "MODAL_ENVIRONMENT"


def check(file: File) -> Iterator[Finding]:
    """A sandbox runs in the environment of its App, and its Secrets are looked up in the default one.

    A Function's Secrets are looked up where the App is deployed. A sandbox's are not: `Secret.from_name` without
    `environment_name` means `MODAL_ENVIRONMENT`, the profile's or the workspace's default environment, whatever the
    App was looked up in. The sandbox then gets the other environment's values, or is not created.

    ```python bad
    import modal

    app = modal.App.lookup("agents", environment_name="prod", create_if_missing=True)
    sandbox = modal.Sandbox.create(
        app=app,
        secrets=[modal.Secret.from_name("openai-secret")],  # expect: MS308
    )
    ```

    ```python good
    import modal

    app = modal.App.lookup("agents", environment_name="prod", create_if_missing=True)
    sandbox = modal.Sandbox.create(
        app=app,
        secrets=[modal.Secret.from_name("openai-secret", environment_name="prod")],
    )
    ```

    The fix is safe where the reference stands in the call. Nothing is said in a file that sets `MODAL_ENVIRONMENT`.
    """
    if file.says(_VARIABLE) or all(use.api.name not in _CREATORS for use, _ in file.given(Sink.SECRETS)):
        return
    told: set[ast.AST] = set()
    for use in file.uses:
        if use.api.name not in _CREATORS:
            continue
        lookup = _lookup(use)
        if lookup is None:
            continue
        for reference in _references(use):
            place = reference.node if reference.file is file else use.node
            name = asking.text(reference, "name")
            if place in told:
                continue
            told.add(place)
            environment = asking.text(lookup, "environment_name")
            yield remark(
                RULE,
                file,
                place,
                f"Secret {name or '…'} is looked up in the default environment, the sandbox's App in {environment}",
                help_text=f"say environment_name={environment!r} here too",
                fix=attempted(lambda use=use, one=reference, at=lookup: _fix(use, one, at)),  # type: ignore[misc]
                sink=use.node,
            )


def _lookup(use: Use) -> Use | None:
    """The look-up of a sandbox's App in an environment that is known; None where it may be another one."""
    apps = asking.parameter(use, "app") or ()
    found = [one for app in apps if isinstance(app, Object) for one in asking.made_by(app, _LOOKUP)]
    if len(found) != 1 or len(apps) != 1 or asking.is_passed(use, "environment_name"):
        return None
    return found[0] if asking.text(found[0], "environment_name") else None


def _references(use: Use) -> Iterator[Use]:
    """The references to named Secrets of a call that say no environment."""
    ev = use.file.project.evaluator
    for given in use.given(Sink.SECRETS):
        for item in elements(ev, given.values(ev)) or ():
            made = [one for value in item if isinstance(value, Object) for one in asking.made_by(value, _FROM_NAME)]
            if (
                len(item) == len(made) == 1
                and not made[0].bound.open
                and not made[0].bound.named.get("environment_name")
            ):
                yield made[0]


def _fix(use: Use, reference: Use, lookup: Use) -> Fix | None:
    from modal_lint import rewrite

    file = use.file
    node = asking.written(lookup, "environment_name")
    if reference.file is not file or lookup.file is not file or not isinstance(node, ast.Constant):
        return None
    if not file.scopes.within(reference.node, use.node):
        return None
    edits = rewrite.rewrite_call(
        file.rewriting, file.span(reference.node), set_argument={"environment_name": file.segment(node)}
    )
    return Fix("Look the Secret up in the App's environment", tuple(edits), safe=True)


RULE = Rule(
    "MS308",
    "environment-not-inherited",
    Severity.WARNING,
    check,
    fixable="safe",
    witness="gives the container another OPENAI_API_KEY",
)
