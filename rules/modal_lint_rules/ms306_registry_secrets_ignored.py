"""MS306: `secrets=` where a registry wants `secret=`."""

import ast
from collections.abc import Iterator

from modal_lint.environments import asking
from modal_lint.lazy import contract
from modal_lint.model import Finding, Fix, Rule, Severity
from modal_lint.remarks import attempted, remark
from modal_lint.source import File
from modal_lint.uses import Use
from modal_lint.values import Const, Sequence, Values


def check(file: File) -> Iterator[Finding]:
    """`Image.from_registry(…, secrets=[…])` pulls the image without the credentials.

    The credentials of a registry are `secret=`, one Secret. `secrets=` is taken without complaint for the environment
    of the build: the image is pulled anonymously, and a private one is not found.

    ```python bad
    import modal

    registry = modal.Secret.from_name("registry", required_keys=["REGISTRY_USERNAME", "REGISTRY_PASSWORD"])
    image = modal.Image.from_registry("ghcr.io/acme/base:1.4", secrets=[registry])  # expect: MS306
    ```

    ```python good
    import modal

    registry = modal.Secret.from_name("registry", required_keys=["REGISTRY_USERNAME", "REGISTRY_PASSWORD"])
    image = modal.Image.from_registry("ghcr.io/acme/base:1.4", secret=registry)
    ```

    The fix is safe, and given where there is one Secret in the list. Nothing is said where `secret=` is given too, or
    where `setup_dockerfile_commands=` may want the variables.
    """
    told = set()
    for use in file.given_uses:
        if use.api.name != "modal.Image.from_registry" or use.node in told:
            continue
        given = next((argument for name, argument in use.bound.keywords if name == "secrets"), None)
        if given is None or asking.is_passed(use, "secret") or "setup_dockerfile_commands" in use.bound.named:
            continue
        if _is_empty(asking.asked(file, given)) or contract.environment_of_registry(given) is None:
            continue
        told.add(use.node)
        node = next((keyword for keyword in use.node.keywords if keyword.arg == "secrets"), use.node)
        yield remark(
            RULE,
            file,
            node,
            "secrets= of modal.Image.from_registry is no registry authentication: the image is pulled anonymously",
            help_text="pass the one Secret as secret=",
            fix=attempted(lambda use=use: _fix(use)),  # type: ignore[misc]
            sink=use.node,
        )


def _is_empty(values: Values) -> bool:
    """Whether nothing may be given: None, or an empty list."""
    return all(
        (isinstance(value, Const) and value.value is None)
        or (isinstance(value, Sequence) and value.complete and not value.items)
        for value in values
    )


def _fix(use: Use) -> Fix | None:
    from modal_lint import rewrite

    file = use.file
    value = next((keyword.value for keyword in use.node.keywords if keyword.arg == "secrets"), None)
    if not isinstance(value, (ast.List, ast.Tuple)) or len(value.elts) != 1 or isinstance(value.elts[0], ast.Starred):
        return None
    secret = {"secret": file.segment(value.elts[0])}
    edits = rewrite.rewrite_call(file.rewriting, file.span(use.node), drop_arguments=("secrets",), set_argument=secret)
    return Fix("Pass the registry's Secret as secret=", tuple(edits), safe=True)


RULE = Rule(
    "MS306",
    "registry-secrets-ignored",
    Severity.ERROR,
    check,
    fixable="safe",
    witness="goes through with credentials that are never looked at",
)
