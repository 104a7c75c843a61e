"""MS506: a Secret of one environment, wherever the code is deployed."""

from collections.abc import Iterator

from modal_lint.environments import asking
from modal_lint.environments.sources import NAMED
from modal_lint.model import Finding, Rule, Severity
from modal_lint.remarks import remark
from modal_lint.source import File
from modal_lint.uses import Use

_APPS = ("modal.App.lookup", "modal.App.run", "modal.App.deploy", "modal_lint_runtime.Apps.from_name")
_PARAMETERS = ("environment_name", "environment")


def check(file: File) -> Iterator[Finding]:
    """A Secret is looked up in an environment that is written into the code.

    Without `environment_name` a Secret of a Function comes from the environment that the App is deployed to. With a
    fixed one, `modal deploy --env dev` still uses the credentials of `main`: what is tested works on production's data.

    ```python bad
    import modal

    app = modal.App("billing")


    @app.function(secrets=[modal.Secret.from_name("stripe-secret", environment_name="main")])  # expect: MS506
    def charge():
        return "done"
    ```

    ```python good
    import modal

    app = modal.App("billing")


    @app.function(secrets=[modal.Secret.from_name("stripe-secret")])
    def charge():
        return "done"
    ```

    An environment that comes from a variable, an option or a parameter is not fixed. Nothing is said where the file
    names the same environment for its App: a Secret of a sandbox has to repeat it (see MS308).
    """
    pinned = [(use, name) for use in asking.calls(file, *NAMED) if (name := _environment(use))]
    apps = {_environment(use) for use in asking.calls(file, *_APPS)} if pinned else set()
    seen = set()
    for use, name in pinned:
        if name not in apps and use.node not in seen:
            seen.add(use.node)
            yield _finding(file, use, name)


def _environment(use: Use) -> str | None:
    for parameter in _PARAMETERS:
        values = asking.parameter(use, parameter)
        if values is not None and len(values) == 1:
            return asking.one_text(values) or None
    return None


def _finding(file: File, use: Use, name: str) -> Finding:
    secret = asking.text(use, "name")
    return remark(
        RULE,
        file,
        next(filter(None, (asking.written(use, one) for one in _PARAMETERS)), use.node),
        f"Secret {secret or '…'} always comes from the environment {name}, wherever the App is deployed",
        help_text="leave environment_name out, or take it from the deployment",
        sink=use.node,
    )


RULE = Rule(
    "MS506",
    "pinned-environment",
    Severity.INFO,
    check,
    fixable="hint",
    source="semantics.md S19c: an explicit environment_name wins over that of the deployment",
    witness="gives the container another STRIPE_API_KEY",
)
