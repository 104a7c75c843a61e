"""MS407: a key or value that is longer than Modal takes."""

from collections.abc import Iterator

from modal_lint import rejected
from modal_lint.model import Finding, Rule, Severity
from modal_lint.rejected import Problem
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A key or value of a Secret or of `env=` is longer than Modal takes.

    Modal's documentation limits a key to 16,384 characters and a value to 32,768. The SDK does not check it; the
    service refuses.

    ```python bad
    import modal

    TABLE = "0123456789abcdef" * 4096

    app = modal.App("reports")


    @app.function(env={"TABLE": TABLE})  # expect: MS407
    def report():
        pass
    ```

    ```python good
    import modal

    app = modal.App("reports")
    tables = modal.Volume.from_name("tables")


    @app.function(volumes={"/tables": tables})
    def report():
        pass
    ```

    There is no fix: put the text into a Volume or into the image. The claim rests on Modal's guide about Secrets; no
    client can show it.
    """
    return rejected.findings(file.refusals.lengths, RULE, _message, _help)


def _message(problem: Problem) -> str:
    name = "a variable" if problem.key is None else problem.key if len(problem.key) <= 80 else f"{problem.key[:40]}…"
    return f"{name} is too long for {rejected.where(problem)}: {rejected.raising(problem.verdict)}"


def _help(problem: Problem) -> str:
    del problem
    return "put it into a Volume, or into a file of the image"


RULE = Rule(
    "MS407",
    "too-long",
    Severity.ERROR,
    check,
    fixable="hint",
    source="Modal's guide to Secrets; the service refuses, no client does",
)
