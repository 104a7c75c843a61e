"""MS408: a registry's Secret with keys that make no authentication."""

from collections.abc import Iterator

from modal_lint import rejected, rejected_credentials
from modal_lint.model import Finding, Rule, Severity
from modal_lint.rejected import Problem
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """The Secret for a registry has keys of which no kind of authentication can be made, or of more than one.

    Since 1.6.3 the SDK infers the kind from the keys: `REGISTRY_USERNAME` and `REGISTRY_PASSWORD`;
    `SERVICE_ACCOUNT_JSON`; `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_REGION`; or `AWS_ROLE_ARN` and
    `AWS_REGION`. With other keys, such as `DOCKER_USERNAME`, the image is refused when it is built.

    ```python bad
    import modal

    login = modal.Secret.from_local_environ(["DOCKER_USERNAME", "DOCKER_PASSWORD"])
    image = modal.Image.from_registry("registry.example.com/team/base:1", secret=login)  # expect: MS408
    ```

    ```python good
    import modal

    login = modal.Secret.from_local_environ(["REGISTRY_USERNAME", "REGISTRY_PASSWORD"])
    image = modal.Image.from_registry("registry.example.com/team/base:1", secret=login)
    ```

    Of a named Secret only the required keys are known: it may hold more, and the finding is a warning. There is no
    fix: the Secret has to be made anew.
    """
    return rejected.findings(rejected_credentials.of_registries(file), RULE, _message, _help)


def _message(problem: Problem) -> str:
    found = rejected_credentials.shown_keys(problem)
    more = "" if problem.sure else ", unless the Secret holds more"
    return (
        f"{rejected.where(problem)} cannot authenticate with the keys {found}: "
        f"it {rejected.raising(problem.verdict)}{more}"
    )


def _help(problem: Problem) -> str:
    del problem
    return "use the keys of one kind: REGISTRY_USERNAME and REGISTRY_PASSWORD, SERVICE_ACCOUNT_JSON, or those of AWS"


RULE = Rule(
    "MS408",
    "registry-keys",
    Severity.ERROR,
    check,
    fixable="hint",
    witness="raises InvalidError when the image is built",
)
