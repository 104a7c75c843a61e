"""MS502: a Secret that is called like a variable."""

from collections.abc import Iterator

from modal_lint.credentials.keys import is_credential_key
from modal_lint.environments import asking
from modal_lint.environments.sources import NAMED
from modal_lint.lazy import lazy
from modal_lint.model import Finding, Rule, Severity
from modal_lint.remarks import remark
from modal_lint.source import File
from modal_lint.uses import Use

_VARIABLE = lazy(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\Z")
# ``PROD_SECRETS`` names a group; ``CLIENT_SECRET`` one value.
_GROUP = lazy(r".*(?:SECRETS|CREDENTIALS|CREDS|(?<!CLIENT)(?<!WEBHOOK)(?<!SIGNING)(?<!JWT)(?<!API)_SECRET)\Z")


def check(file: File) -> Iterator[Finding]:
    """A Secret is looked up by what looks like the name of one of its keys.

    `Secret.from_name` takes the name that a Secret has in the workspace, not that of a variable: a Secret holds several
    keys, and the container gets each under its own name. Where no Secret is called so, the deployment fails.

    ```python bad
    import modal

    app = modal.App("search")


    @app.function(secrets=[modal.Secret.from_name("PINECONE_API_KEY")])  # expect: MS502
    def index():
        return "done"
    ```

    ```python good
    import modal

    app = modal.App("search")


    @app.function(secrets=[modal.Secret.from_name("pinecone-secret", required_keys=["PINECONE_API_KEY"])])
    def index():
        return "done"
    ```

    Only names in capitals that name a credential count. Nothing is said where `required_keys` or the configuration
    (`known-secrets`) show that a Secret of this name is meant.
    """
    seen = set()
    for use in asking.calls(file, *NAMED):
        name = asking.text(use, "name")
        if name is None or not _looks_like_key(name) or asking.is_passed(use, "required_keys"):
            continue
        if name not in file.project.known_secrets and (use.node, name) not in seen:
            seen.add((use.node, name))
            yield _finding(file, use, name)


def _looks_like_key(name: str) -> bool:
    return bool(_VARIABLE.match(name)) and is_credential_key(name) and not _GROUP.match(name)


def _finding(file: File, use: Use, name: str) -> Finding:
    from modal_lint.credentials import secret_name

    suggested = next(iter(secret_name([name], app=file.app_name)))
    return remark(
        RULE,
        file,
        use.node,
        f"{name} looks like the name of a variable, and from_name takes the name of a Secret",
        help_text=f'call the Secret after what its keys are for: from_name("{suggested}", required_keys=["{name}"])',
        key=name,
    )


RULE = Rule(
    "MS502",
    "name-looks-like-key",
    Severity.INFO,
    check,
    fixable="hint",
    source="modal 1.6.4, Secret.from_name: the name is that of the object in the workspace; "
    "what public code calls its Secrets",
    witness="raises NotFoundError when it is deployed",
)
