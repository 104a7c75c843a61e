"""MS108: a credential in what Modal stores in clear: inputs, names, tags, dictionaries."""

from collections.abc import Iterator

from modal_lint import diagnosis
from modal_lint.model import Finding, Rule, Severity
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A credential stands in the source and is passed as an input, parameter, tag, name or entry of a Dict or Queue.

    Inputs of `remote`, `spawn` and `map`, class parameters, entries of `modal.Dict` and `modal.Queue`, names and tags
    are stored by Modal as they are; they are no place for a credential, and no Secret protects them.

    ```python bad
    import modal

    app = modal.App("jobs")


    @app.function()
    def crawl(token):
        pass


    @app.local_entrypoint()
    def main():
        crawl.remote("⟨github⟩")  # expect: MS108
    ```

    ```python good
    import modal

    app = modal.App("jobs")


    @app.function(secrets=[modal.Secret.from_name("github-secret", required_keys=["GITHUB_TOKEN"])])
    def crawl():
        pass


    @app.local_entrypoint()
    def main():
        crawl.remote()
    ```

    There is no fix: give the function a Secret and let it read the variable.
    """
    for exposure in file.exposures.all:
        if exposure.rule == RULE.code:
            message = f"{diagnosis.subject(exposure)} is hardcoded and stored in clear by {exposure.use.api.name}"
            help_text = "give the function secrets=[modal.Secret.from_name(…)] and read the variable inside"
            yield diagnosis.finding(exposure, RULE.code, RULE.name, message, help_text=help_text)


RULE = Rule(
    "MS108",
    "credential-in-payload",
    Severity.ERROR,
    check,
    fixable="hint",
    witness="sends the value to Modal in clear",
)
