"""MS101: a credential in ``env=``."""

from collections.abc import Iterator

from modal_lint import diagnosis, plans
from modal_lint.model import Finding, Rule, Severity
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A credential stands in the source and goes into a container's, process's or build step's environment.

    `env=` of functions, classes, servers, sandboxes, `exec` and image steps takes plain settings. A credential in it is
    in the repository for everyone who can read it, and cannot be rotated without a release. A named Secret holds the
    value in the workspace; the code only says its name.

    ```python bad
    import modal

    app = modal.App.lookup("agents", create_if_missing=True)
    sandbox = modal.Sandbox.create(
        app=app,
        env={
            "OPENAI_API_KEY": "⟨openai⟩",  # expect: MS101
            "LOG_LEVEL": "info",
        },
    )
    ```

    ```python good
    import modal

    app = modal.App.lookup("agents", create_if_missing=True)
    sandbox = modal.Sandbox.create(
        app=app,
        env={
            "LOG_LEVEL": "info",
        },
        secrets=[modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])],
    )
    ```

    The fix is unsafe: the call fails until the Secret exists. It preserves the value in `.modal-lint/secrets/` and
    tells the command that creates the Secret. `env=` wins over every Secret of the call, so the new one comes last.
    """
    ours = (exposure for exposure in file.exposures.all if exposure.rule == RULE.code)
    for exposure, fix, reason in plans.planned(ours, plans.move_env):
        yield diagnosis.finding(
            exposure,
            RULE.code,
            RULE.name,
            f"{diagnosis.subject(exposure)} is hardcoded and reaches {diagnosis.sink_name(exposure)}",
            help_text=diagnosis.remedy("pass it as secrets=[modal.Secret.from_name(…)]", reason),
            fix=fix,
        )


RULE = Rule(
    "MS101",
    "hardcoded-env",
    Severity.ERROR,
    check,
    fixable="unsafe",
    witness="gives the container the value that stands in the source",
)
