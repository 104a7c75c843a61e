"""MS405: something that is no Secret where one is expected."""

from collections.abc import Iterator

from modal_lint import rejected, rejected_calls, rejected_fixes, rejected_secrets
from modal_lint.model import Finding, Rule, Severity
from modal_lint.rejected import Problem
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A name, a dict or something else stands where a Secret is expected.

    `secrets=` takes Secret objects. Decorators do not look at them, so that a name in their place fails only when the
    App is deployed or run; sandboxes and build steps fail at the call. The same goes for `secret=` of registries,
    buckets and outbound policies.

    ```python bad
    import modal

    app = modal.App("train")


    @app.function(secrets=["huggingface-secret"])  # expect: MS405
    def train():
        pass


    @app.function(secrets={"LOG_LEVEL": "debug"})  # expect: MS405
    def evaluate():
        pass
    ```

    ```python good
    import modal

    app = modal.App("train")


    @app.function(secrets=[modal.Secret.from_name("huggingface-secret")])
    def train():
        pass


    @app.function(env={"LOG_LEVEL": "debug"})
    def evaluate():
        pass
    ```

    The fix is safe: the call could not work. It refers to the Secret of that name, which has to exist, and passes
    plain variables as `env=`. A text that is written like a variable (`secrets=["HF_TOKEN"]`) has no fix: the local
    variable may have been meant.
    """
    return rejected.findings(rejected_secrets.of_elements(file), RULE, _message, _help, rejected_fixes.by_name)


def _message(problem: Problem) -> str:
    kind = rejected_calls.kind_of(problem.values[0])
    return f"{rejected.where(problem)} gets {kind} instead of a Secret: it {rejected.raising(problem.verdict)}"


def _help(problem: Problem) -> str:
    del problem
    return "pass modal.Secret.from_name(…), or plain variables as env="


RULE = Rule(
    "MS405",
    "not-a-secret",
    Severity.ERROR,
    check,
    fixable="safe",
    witness="raises AttributeError when it is deployed",
)
