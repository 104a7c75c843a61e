"""MS503: a key that is not called what its provider's tools look for."""

from collections.abc import Iterator

from modal_lint.environments import asking, conventions
from modal_lint.environments.conventions import Convention
from modal_lint.environments.sources import NAMED
from modal_lint.library import elements
from modal_lint.model import Finding, Rule, Severity
from modal_lint.remarks import remark
from modal_lint.source import File
from modal_lint.uses import Use


def check(file: File) -> Iterator[Finding]:
    """A provider's Secret is asked for a key that is not called what the provider's own tools look for.

    Modal's templates, and the libraries in the container, have one name for each credential: `huggingface_hub` reads
    `HF_TOKEN`. Under another name it is there and nothing finds it, and a Secret made from the template does not have
    it: the deployment fails with ConflictError.

    ```python bad
    import modal

    app = modal.App("models")


    @app.function(
        secrets=[modal.Secret.from_name("huggingface-secret", required_keys=["HUGGINGFACE_TOKEN"])]  # expect: MS503
    )
    def download():
        return "done"
    ```

    ```python good
    import modal

    app = modal.App("models")


    @app.function(
        secrets=[modal.Secret.from_name("huggingface-secret", required_keys=["HF_TOKEN"])]
    )
    def download():
        return "done"
    ```

    The Secret has to be called after the provider. Nothing is said where the conventional key is asked for as well, or
    where the configuration (`known-secrets`) says that the Secret holds the key.
    """
    seen = set()
    for use in asking.calls(file, *NAMED):
        name = asking.text(use, "name")
        held = file.project.known_secrets.get(name or "", ())
        for key, (wanted, convention) in conventions.meant(name or "", _keys(file, use)).items():
            if key not in held and (use.node, key) not in seen:
                seen.add((use.node, key))
                yield _finding(file, use, name or "", key, wanted, convention)


def _keys(file: File, use: Use) -> tuple[str, ...]:
    """The keys that a call asks for; none where one of them is not known."""
    items = elements(file.project.evaluator, asking.parameter(use, "required_keys") or ())
    keys = [asking.one_text(item) for item in items or ()]
    return () if None in keys else tuple(key for key in keys if key is not None)


def _finding(file: File, use: Use, name: str, key: str, wanted: str, convention: Convention) -> Finding:
    return remark(
        RULE,
        file,
        asking.written(use, "required_keys") or use.node,
        f"Secret {name} is asked for {key}; {convention.reader} calls it {wanted}",
        help_text=f"hold it under {wanted}, and read it by that name",
        key=key,
        sink=use.node,
    )


RULE = Rule(
    "MS503",
    "conventional-key",
    Severity.INFO,
    check,
    fixable="hint",
    source="the keys that public code has in such Secrets; the documentation of the providers' packages",
    witness="raises ConflictError when it is deployed",
)
