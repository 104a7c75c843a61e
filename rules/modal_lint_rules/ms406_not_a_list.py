"""MS406: Secrets that are given as no list."""

from collections.abc import Iterator

from modal_lint import rejected, rejected_fixes, rejected_secrets
from modal_lint.model import Finding, Rule, Severity
from modal_lint.rejected import Problem
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """`secrets=` gets a Secret alone, a generator, a set or, where that is refused, None.

    It takes a list or tuple of Secrets. Of a generator, `map`, `filter`, a set or the values of a dict, the SDK does
    not unwrap the Secrets: build steps, sandboxes and `with_options` raise at once, decorators accept it and the
    deployment fails. `None` is nothing everywhere but in `App`.

    ```python bad
    import modal

    app = modal.App("train")


    @app.function(secrets=modal.Secret.from_name("huggingface-secret"))  # expect: MS406
    def train():
        pass
    ```

    ```python good
    import modal

    app = modal.App("train")


    @app.function(secrets=[modal.Secret.from_name("huggingface-secret")])
    def train():
        pass
    ```

    The fix is safe: the call could not work. It puts brackets around a Secret and makes a list of everything else.
    """
    return rejected.findings(rejected_secrets.of_containers(file), RULE, _message, _help, rejected_fixes.as_list)


def _message(problem: Problem) -> str:
    return (
        f"{rejected.where(problem)} gets {rejected_secrets.container_name(problem)} instead of a list: "
        f"it {rejected.raising(problem.verdict)}"
    )


def _help(problem: Problem) -> str:
    del problem
    return "pass a list of Secrets"


RULE = Rule("MS406", "not-a-list", Severity.ERROR, check, fixable="safe", witness="raises TypeError")
