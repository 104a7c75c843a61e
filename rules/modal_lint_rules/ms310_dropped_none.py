"""MS310: an entry that disappears where a variable is not set."""

import ast
from collections.abc import Iterator
from functools import cache

from modal_lint.environments import local
from modal_lint.modal_api import Sink
from modal_lint.model import Finding, Fix, Rule, Severity
from modal_lint.remarks import attempted, remark
from modal_lint.source import File
from modal_lint.uses import Use


def check(file: File) -> Iterator[Finding]:
    """A Secret or `env=` is filled with `os.environ.get(…)`, which may be None.

    Modal leaves entries out that are None, without a word. Where the variable is not set on the machine that deploys,
    the container starts without the key, and fails when it is first needed.

    ```python bad
    import os

    import modal

    secret = modal.Secret.from_dict({"HF_TOKEN": os.environ.get("HF_TOKEN")})  # expect: MS310
    ```

    ```python good
    import os

    import modal

    secret = modal.Secret.from_local_environ(["HF_TOKEN"])
    ```

    The fix is safe: `from_local_environ` (or, inside a function, `os.environ["HF_TOKEN"]`) stops where the variable is
    missing. A look-up with a default is fine, and so is one whose result a condition asks about.
    """
    told: set[ast.AST] = set()
    for use, given in file.given(Sink.SECRET, Sink.ENV, Sink.BUILD_ENV):
        for one in local.missing(use, given) if _drops_none(use.api.name) else ():
            if one.place in told:
                continue
            told.add(one.place)
            yield remark(
                RULE,
                file,
                one.place,
                f"{one.key} is left out of {use.api.name} where the variable is not set: its value may be None",
                help_text='use Secret.from_local_environ([…]) or os.environ["…"], which fail where it is missing',
                key=one.key,
                fix=attempted(lambda use=use, at=one.lookup: _fix(use, at)),  # type: ignore[misc]
                sink=use.node,
            )


_SITES = {
    "modal.Secret.from_dict": "FROM_DICT",
    "modal.App.function": "FUNCTION",
    "modal.App.cls": "FUNCTION",
    "modal.App.server": "SERVER",
    "modal.Function.with_options": "WITH_OPTIONS",
    "modal.Cls.with_options": "WITH_OPTIONS",
    "modal.Sandbox.create": "SANDBOX",
    "modal.Sandbox._experimental_create": "SANDBOX",
    "modal.Sandbox.exec": "EXEC",
    "modal.SidecarContainer.exec": "EXEC",
    "modal.SidecarManager.create": "SIDECAR",
    "modal_lint_runtime.Secrets.from_object": "FROM_DICT",
    "modal_lint_runtime.Functions.define": "FUNCTION",
    "modal_lint_runtime.Function.with_options": "WITH_OPTIONS",
    "modal_lint_runtime.Sandboxes.create": "SANDBOX",
    "modal_lint_runtime.Sandbox.exec": "EXEC",
    "modal_lint_runtime.Image.dockerfile_commands": "IMAGE_STEP",
}


@cache
def _drops_none(name: str) -> bool:
    """Whether a callable leaves entries out that are None, rather than refusing them."""
    from modal_lint_runtime.contract import Sdk, Site, entries, env, verdict_of

    site = _SITES.get(name, "IMAGE_STEP" if name.startswith("modal.Image.") else "")
    if not site:
        return False
    sdk = Sdk.REFERENCE if name.startswith("modal_lint_runtime.") else Sdk.PYTHON
    ask = entries if site == "FROM_DICT" else env
    return verdict_of(ask, {"KEY": None}, sdk=sdk, site=Site[site]) is None


def _fix(use: Use, lookup: ast.Call) -> Fix | None:
    return local.from_local_environ(use) or local.required(use.file, lookup)


RULE = Rule(
    "MS310",
    "dropped-none",
    Severity.WARNING,
    check,
    fixable="safe",
    witness="goes through without the variable",
)
