"""MS109: a credential in the headers of an outbound policy."""

from collections.abc import Iterator

from modal_lint import diagnosis, headers
from modal_lint.model import Finding, Rule, Severity
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A credential stands in the source as a header that a sandbox's outbound policy sets.

    The policy exists so that sandboxed code never sees the credential: `$KEY` in a header is filled in outside of the
    sandbox from a named Secret. A literal is kept in the sandbox's definition in clear.

    ```python bad
    import modal
    import modal.experimental

    policy = modal.experimental.OutboundPolicy().with_header_replacement(
        domain="api.openai.com",
        headers={"Authorization": "Bearer ⟨openai⟩"},  # expect: MS109
    )
    ```

    ```python good
    import modal
    import modal.experimental

    policy = modal.experimental.OutboundPolicy().with_header_replacement(
        domain="api.openai.com",
        headers={"Authorization": "Bearer $OPENAI_API_KEY"},
        secret=modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"]),
    )
    ```

    The fix is unsafe: the sandbox is refused until the Secret exists. It preserves the value first.
    """
    ours = [exposure for exposure in file.exposures.all if exposure.rule == RULE.code]
    for exposure in ours:
        fix, reason = headers.templated(exposure, alone=len(ours) == 1)
        message = f"{diagnosis.subject(exposure)} is hardcoded in a header of {exposure.use.api.name}"
        help_text = diagnosis.remedy("write $KEY in the header and pass secret=modal.Secret.from_name(…)", reason)
        yield diagnosis.finding(exposure, RULE.code, RULE.name, message, help_text=help_text, fix=fix)


RULE = Rule(
    "MS109",
    "credential-in-policy-header",
    Severity.ERROR,
    check,
    fixable="unsafe",
    witness="sends the value to Modal in clear",
)
