"""MS104: a credential on a command line."""

from collections.abc import Iterator

from modal_lint import diagnosis
from modal_lint.model import Finding, Rule, Severity
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A credential stands in the source and becomes an argument of a process.

    Arguments of `Sandbox.create` and of a probe are kept with the sandbox's definition; arguments of any process can
    be read by every other process of the machine, and end up in logs. The same holds for `modal secret create` and
    `modal token set` run from code.

    ```python bad
    import modal

    app = modal.App.lookup("agents", create_if_missing=True)
    sandbox = modal.Sandbox.create("serve", "--api-key", "⟨openai⟩", app=app)  # expect: MS104
    ```

    ```python good
    import modal

    app = modal.App.lookup("agents", create_if_missing=True)
    secret = modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])
    sandbox = modal.Sandbox.create("sh", "-c", "serve --api-key-env OPENAI_API_KEY", app=app, secrets=[secret])
    ```

    There is no fix: only you know whether the program can read the variable itself.
    """
    for exposure in file.exposures.all:
        if exposure.rule == RULE.code:
            message = f"{diagnosis.subject(exposure)} is hardcoded in the command line of {exposure.use.api.name}"
            help_text = "let the process read it from its environment, and pass secrets=[modal.Secret.from_name(…)]"
            yield diagnosis.finding(exposure, RULE.code, RULE.name, message, help_text=help_text)


RULE = Rule(
    "MS104",
    "credential-in-argv",
    Severity.ERROR,
    check,
    fixable="hint",
    witness="shows the value among the arguments of a process",
)
