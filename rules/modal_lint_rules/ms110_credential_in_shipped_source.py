"""MS110: a credential anywhere in a module that Modal ships."""

from collections.abc import Iterator

from modal_lint import literals
from modal_lint.model import Finding, Rule, Severity
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A literal has the shape of a provider's credential, in a module that Modal ships to its containers.

    Modal copies the module that defines the App's functions, and the package around it, into every container. A
    credential in it is there too, whatever the code does with it. Only literals that a provider's own format gives
    away are reported, and none that another rule reports already.

    ```python bad
    import modal

    app = modal.App("notify")
    SLACK = "⟨slack-bot⟩"  # expect: MS110


    @app.function()
    def notify():
        return len(SLACK)
    ```

    ```python good
    import os

    import modal

    app = modal.App("notify")


    @app.function(secrets=[modal.Secret.from_name("slack-secret", required_keys=["SLACK_BOT_TOKEN"])])
    def notify():
        return len(os.environ["SLACK_BOT_TOKEN"])
    ```

    There is no fix: put the value into a Secret and read the variable where it is used.
    """
    yield from literals.findings(file, RULE)


RULE = Rule(
    "MS110",
    "credential-in-shipped-source",
    Severity.WARNING,
    check,
    fixable="hint",
    witness="sends the value to Modal in clear",
)
