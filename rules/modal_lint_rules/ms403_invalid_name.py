"""MS403: a name that no Secret can have."""

from collections.abc import Iterator

from modal_lint import rejected, rejected_calls, rejected_names
from modal_lint.model import Finding, Rule, Severity
from modal_lint.rejected import Problem
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A Secret is created or looked up by a name that no Secret can have.

    A name has 1 to 64 letters, digits, dashes, periods and underscores, and not the shape of an App's id.
    `Secret.objects.create` checks it at once. `Secret.from_name` does not: it is accepted, and the Secret can never be
    found when the App is deployed or the sandbox is created.

    ```python bad
    import modal

    app = modal.App("reports")


    @app.function(secrets=[modal.Secret.from_name("openai secret")])  # expect: MS403
    def report():
        pass
    ```

    ```python good
    import modal

    app = modal.App("reports")


    @app.function(secrets=[modal.Secret.from_name("openai-secret")])
    def report():
        pass
    ```

    There is no fix: which Secret was meant is not in the source.
    """
    return rejected.findings(rejected_names.of_secrets(file), RULE, _message, _help)


def _message(problem: Problem) -> str:
    kind = rejected_calls.kind_of(problem.values[0])
    what = f"{problem.key[:80]!r}" if problem.key is not None else "this" if kind == "a string" else kind
    if problem.use.api.name in rejected_names.LOOKUPS and kind == "a string":
        return f"{what} cannot be the name of a Secret: {problem.use.api.name} can never find it"
    return f"{what} cannot be the name of a Secret: {problem.use.api.name} {rejected.raising(problem.verdict)}"


def _help(problem: Problem) -> str:
    del problem
    return "use 1 to 64 letters, digits, dashes, periods and underscores"


RULE = Rule(
    "MS403",
    "invalid-name",
    Severity.ERROR,
    check,
    fixable="hint",
    witness="raises NotFoundError when it is deployed",
)
