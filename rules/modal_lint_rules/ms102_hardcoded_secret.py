"""MS102: a credential in the dict that a Secret is made of."""

from collections.abc import Iterator

from modal_lint import diagnosis, plans
from modal_lint.modal_api import Sink
from modal_lint.model import Finding, Rule, Severity
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A Secret is made from a credential that stands in the source.

    `Secret.from_dict`, `from_object` and `Secret.objects.create` protect a value on its way to the container, not the
    file that it is written in. Create the Secret once, from a file that is not committed, and refer to it by name.

    ```python bad
    import modal

    app = modal.App("reports")


    @app.function(secrets=[modal.Secret.from_dict({"HF_TOKEN": "⟨huggingface⟩"})])  # expect: MS102
    def download():
        pass
    ```

    ```python good
    import modal

    app = modal.App("reports")


    @app.function(secrets=[modal.Secret.from_name("huggingface-secret", required_keys=["HF_TOKEN"])])
    def download():
        pass
    ```

    The fix is unsafe: the App fails to deploy until the Secret exists. The value is preserved first. Plain settings
    stay in `from_dict`; where the Secret is not an item of a list they move along. A call that creates or updates a
    named Secret has no fix: run `modal secret create NAME --from-dotenv FILE` instead.
    """
    ours = [exposure for exposure in file.exposures.all if exposure.rule == RULE.code]
    stored = [exposure for exposure in ours if exposure.sink is Sink.STORED_SECRET]
    for exposure in stored:
        yield _finding(exposure, None, diagnosis.remedy(_CREATE, ""))
    made = (exposure for exposure in ours if exposure.sink is Sink.SECRET)
    for exposure, fix, reason in plans.planned(made, plans.move_secret):
        yield _finding(exposure, fix, diagnosis.remedy("refer to it by name: modal.Secret.from_name(…)", reason))


_CREATE = "create it outside of the code: modal secret create NAME --from-dotenv FILE"


def _finding(exposure: diagnosis.Exposure, fix: diagnosis.Fix | None, help_text: str) -> Finding:
    message = f"{diagnosis.subject(exposure)} is hardcoded and reaches {exposure.use.api.name}"
    return diagnosis.finding(exposure, RULE.code, RULE.name, message, help_text=help_text, fix=fix)


RULE = Rule(
    "MS102",
    "hardcoded-secret",
    Severity.ERROR,
    check,
    fixable="unsafe",
    witness="gives the container the value that stands in the source",
)
