"""MS302: a file of variables that is not there."""

from collections.abc import Iterator

from modal_lint.environments import asking, dotenv
from modal_lint.model import Finding, Rule, Severity
from modal_lint.remarks import remark
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """`Secret.from_dotenv` looks for a file that the project does not have.

    Where no `.env` is found, from the folder where the program is started (or the given one) upwards, the Secret is
    empty and nobody says so: the container starts without the variables.

    ```python bad
    import modal

    app = modal.App("billing")


    @app.function(secrets=[modal.Secret.from_dotenv()])  # expect: MS302
    def charge():
        pass
    ```

    ```python good
    import modal

    app = modal.App("billing")


    @app.function(secrets=[modal.Secret.from_name("stripe-secret", required_keys=["STRIPE_API_KEY"])])
    def charge():
        pass
    ```

    The folders from this file's own one up to the project's are searched. A file that `.gitignore` names may be on the
    machine that deploys, so nothing is said then. A named Secret with `required_keys=` stops the deployment where a
    key is missing.
    """
    told = set()
    for use in asking.calls(file, "modal.Secret.from_dotenv"):
        if use.node in told or dotenv.mistaken_name(use) is not None:
            continue
        name = dotenv.missing_file(use)
        if name is not None:
            told.add(use.node)
            yield remark(
                RULE,
                file,
                use.node,
                f"no file {name} in the project: from_dotenv makes an empty Secret, without an error",
                help_text="use a named Secret with required_keys=[…], or say where the file is",
            )


RULE = Rule(
    "MS302",
    "dotenv-missing",
    Severity.WARNING,
    check,
    fixable="hint",
    witness="starts the container without STRIPE_API_KEY",
)
