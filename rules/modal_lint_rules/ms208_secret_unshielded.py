"""MS208: a Secret that an outbound policy keeps out of a sandbox, and that gets in all the same."""

from collections.abc import Iterator

from modal_lint import leaks, shielding
from modal_lint.model import Finding, Rule, Severity
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A sandbox has the Secret of its outbound policy in its environment too, or the policy sends it to every host.

    A policy fills `$KEY` into headers outside of the sandbox, so that code in it can use a service and never see the
    credential. With the same Secret in `secrets=` the value is back in the environment of that code. With `domain="*"`
    it is sent to whatever host the code chooses to call.

    ```python bad
    import modal
    from modal.experimental import OutboundPolicy

    secret = modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])
    policy = OutboundPolicy().with_header_replacement(
        domain="api.openai.com",
        headers={"Authorization": "Bearer $OPENAI_API_KEY"},
        secret=secret,
    )
    sandbox = modal.Sandbox.create(
        secrets=[secret],  # expect: MS208
        _experimental_outbound_policy=policy,
    )
    ```

    ```python good
    import modal
    from modal.experimental import OutboundPolicy

    secret = modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])
    policy = OutboundPolicy().with_header_replacement(
        domain="api.openai.com",
        headers={"Authorization": "Bearer $OPENAI_API_KEY"},
        secret=secret,
    )
    sandbox = modal.Sandbox.create(
        _experimental_outbound_policy=policy,
    )
    ```

    The fix takes the Secret out of `secrets=`. It is safe where every key that the Secret is known to hold is filled in
    by the policy, and unsafe otherwise: code in the sandbox may read another key. Secrets are the same where their
    names are.
    """
    seen: set[object] = set()
    for one in shielding.unshielded(file):
        node = one.item if one.item is not None else one.use.node
        if node not in seen:
            seen.add(node)
            message = f"Secret {one.name} is in the sandbox's environment although its outbound policy keeps it out"
            help_text = "drop it from secrets=: the policy has it"
            yield leaks.finding_at(file, node, RULE, message, help_text, fix=shielding.without(one))
    for use in shielding.to_any_host(file):
        node = next((given.node for given in use.bound.named["domain"] if given.node is not None), use.node)
        if node not in seen:
            seen.add(node)
            message = "the policy sends its Secret to every host that code in the sandbox calls"
            yield leaks.finding_at(file, node, RULE, message, "name the host that the credential is for")


RULE = Rule(
    "MS208",
    "secret-unshielded",
    Severity.WARNING,
    check,
    fixable="safe",
    witness="gives the container a value that it is not to have",
)
