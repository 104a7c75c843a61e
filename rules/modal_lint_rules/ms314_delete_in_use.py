"""MS314: a Secret that is deleted while it is used."""

import ast
from collections.abc import Iterator

from modal_lint.environments import asking
from modal_lint.model import Finding, Rule, Severity
from modal_lint.remarks import remark
from modal_lint.source import File
from modal_lint.uses import Use
from modal_lint.values import Place

_DELETE = ("modal.Secret.objects.delete", "modal_lint_runtime.Secrets.delete")
_CREATE = (
    "modal.Secret.objects.create",
    "modal.Secret._create_deployed",
    "modal.Secret.create_deployed",
    "modal_lint_runtime.Secrets.create",
)
_REFERENCE = ("modal.Secret.from_name", "modal_lint_runtime.Secrets.from_name")
_ENVIRONMENT = ("environment_name", "environment")


def check(file: File) -> Iterator[Finding]:
    """A named Secret is deleted that the project refers to.

    Deployed Functions hold the Secret by its id. Once it is deleted they keep a dead id, also where a new Secret of
    the same name is created right after: delete and create is no rotation, and cannot be undone.

    ```python bad
    import modal

    app = modal.App("billing", secrets=[modal.Secret.from_name("stripe-secret")])


    @app.local_entrypoint()
    def rotate(key: str):
        modal.Secret.objects.delete("stripe-secret")  # expect: MS314
        modal.Secret.objects.create("stripe-secret", {"STRIPE_API_KEY": key})
    ```

    ```python good
    import modal

    app = modal.App("billing", secrets=[modal.Secret.from_name("stripe-secret")])


    @app.local_entrypoint()
    def rotate(key: str):
        modal.Secret.from_name("stripe-secret").update({"STRIPE_API_KEY": key})
    ```

    `update` changes the values under the same id, for containers that are started afterwards. Nothing is said where
    the same function has created the Secret before or deploys the App anew, or where the environments may differ.
    """
    told = set()
    for use in _deletions(file):
        if use.node in told or _created(use, before=True) or _deploys(use):
            continue
        name = asking.text(use, "name")
        message, other = None, None if name is None else _reference(use, name)
        if _created(use, before=False):
            message = f"Secret {name or '…'} is deleted and created anew: what is deployed keeps the dead one"
        elif other is not None:
            message = f"Secret {name} is deleted, and {other.file.path} refers to it"
        if message is not None:
            told.add(use.node)
            yield remark(
                RULE,
                file,
                use.node,
                message,
                help_text="change its values: modal.Secret.from_name(…).update({…})",
                related=() if other is None else [(Place(other.file, other.node), "it is referred to here")],
            )


def _deletions(file: File) -> Iterator[Use]:
    if file.says(".delete") and file.says("objects", "secrets"):
        yield from asking.calls(file, *_DELETE)


def _deploys(use: Use) -> bool:
    """Whether the function that deletes a Secret deploys something too, which then finds the new one."""
    function = use.file.scopes.scope(use.node).function
    calls = asking.calls(use.file, "modal.App.deploy")
    return any(use.file.scopes.scope(one.node).function is function for one in calls)


def _created(use: Use, *, before: bool) -> bool:
    """Whether the function that deletes a Secret creates it before, or after."""
    scopes = use.file.scopes
    function = scopes.scope(use.node).function
    for other in use.file.uses:
        if other.api.name in _CREATE and scopes.scope(other.node).function is function and _is_same(use, other):
            is_before = (other.node.lineno, other.node.col_offset) < (use.node.lineno, use.node.col_offset)
            if is_before is before:
                return True
    return False


def _is_same(use: Use, other: Use) -> bool:
    """Whether two calls name the same Secret: by the same text, or by the same variable."""
    name = asking.text(use, "name")
    for parameter in ("name", "deployment_name"):
        if name is not None and asking.text(other, parameter) == name:
            return True
        one, another = asking.written(use, "name"), asking.written(other, parameter)
        if isinstance(one, ast.Name) and isinstance(another, ast.Name) and one.id == another.id:
            return True
    return False


def _reference(use: Use, name: str) -> Use | None:
    """A reference to the Secret, outside of the function that deletes it, that means the same environment."""
    function = use.file.scopes.scope(use.node).function
    for file in dict.fromkeys((use.file, *use.file.project.saying(name, "from_name"))):
        for other in file.uses:
            if other.api.name not in _REFERENCE or asking.text(other, "name") != name:
                continue
            if file is use.file and file.scopes.scope(other.node).function is function and function.parent is not None:
                continue
            if _environment(other) == _environment(use) and _environment(use) is not None:
                return other
    return None


def _environment(use: Use) -> str | None:
    """The environment that a call names, "" where it names none, None where it is not known."""
    values = [values for name in _ENVIRONMENT if (values := asking.parameter(use, name)) is not None]
    return asking.one_text(values[0]) if values else "" if not use.bound.open else None


RULE = Rule(
    "MS314",
    "delete-in-use",
    Severity.ERROR,
    check,
    fixable="hint",
    witness="raises RemoteError in what is deployed",
)
