"""MS105: Modal's own credentials in the source."""

from collections.abc import Iterator

from modal_lint import diagnosis, tokens
from modal_lint.model import Finding, Rule, Severity
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """Modal's own token stands in the source.

    Whoever has `ak-…` and `as-…` can run code, read every Secret from inside a container, and spend money in the
    workspace. The SDK reads a profile in `~/.modal.toml` or the variables `MODAL_TOKEN_ID` and `MODAL_TOKEN_SECRET`;
    in CI they belong into the CI's own secrets. In a container the token is ignored: it need not be there at all.

    ```python bad
    import modal

    client = modal.Client.from_credentials(
        "⟨modal-token-id⟩",  # expect: MS105
        "⟨modal-token-secret⟩",  # expect: MS105
    )
    ```

    ```python good
    import modal

    client = modal.Client.from_env()
    ```

    There is no fix: take the values out, run `modal token new`, and delete the old token in the workspace's settings.
    """
    for exposure in file.exposures.all:
        if exposure.rule == RULE.code:
            yield _finding(exposure)
    for exposure in tokens.assigned(file):
        yield _finding(exposure)


def _finding(exposure: diagnosis.Exposure) -> Finding:
    message = f"{diagnosis.subject(exposure)} is hardcoded and reaches {diagnosis.sink_name(exposure)}"
    help_text = "use a profile (modal token new), or set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET outside of the code"
    return diagnosis.finding(exposure, RULE.code, RULE.name, message, help_text=help_text)


RULE = Rule(
    "MS105",
    "hardcoded-modal-token",
    Severity.ERROR,
    check,
    fixable="hint",
    witness="opens the workspace to whoever has the source",
)
