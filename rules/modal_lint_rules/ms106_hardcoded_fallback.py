"""MS106: a credential as the fallback of an environment variable."""

from collections.abc import Iterator

from modal_lint import diagnosis, fallbacks
from modal_lint.model import Finding, Rule, Severity
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A credential is the default of an environment lookup whose value goes to Modal.

    `os.environ.get("HF_TOKEN", "hf_…")` looks as if the credential came from outside, and works on every machine where
    nobody has set the variable, with the one in the repository.

    ```python bad
    import os

    import modal

    app = modal.App("train")


    def main():
        token = os.environ.get("HF_TOKEN", "⟨huggingface⟩")  # expect: MS106
        return modal.Sandbox.create(app=app, env={"HF_TOKEN": token})
    ```

    ```python good
    import os

    import modal

    app = modal.App("train")


    def main():
        token = os.environ["HF_TOKEN"]
        return modal.Sandbox.create(app=app, env={"HF_TOKEN": token})
    ```

    The fix takes the fallback away and preserves its value. It is safe inside a function; at module level it is unsafe,
    since a container that imports the module without the variable then stops with a KeyError.
    """
    for exposure in file.exposures.all:
        if exposure.rule != RULE.code or exposure.fallback is None:
            continue
        variable = exposure.fallback.key or "an environment variable"
        message = (
            f"{diagnosis.subject(exposure)} is hardcoded as the fallback of {variable} "
            f"and reaches {diagnosis.sink_name(exposure)}"
        )
        fix, reason = fallbacks.without(exposure)
        help_text = diagnosis.remedy("let it fail where the variable is missing: os.environ[…]", reason)
        yield diagnosis.finding(exposure, RULE.code, RULE.name, message, help_text=help_text, fix=fix)


RULE = Rule(
    "MS106",
    "hardcoded-fallback",
    Severity.ERROR,
    check,
    fixable="unsafe",
    witness="gives the container the value that stands in the source",
)
