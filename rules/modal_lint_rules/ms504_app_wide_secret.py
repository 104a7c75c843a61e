"""MS504: a Secret of the App that one of its Functions uses."""

from collections.abc import Iterator

from modal_lint.environments import sharing
from modal_lint.environments.sharing import Shared
from modal_lint.model import Finding, Rule, Severity
from modal_lint.remarks import remark
from modal_lint.source import File
from modal_lint.values import Place


def check(file: File) -> Iterator[Finding]:
    """Every Function of an App gets a Secret that only one of them reads.

    `App(secrets=[…])` puts the variables into the container of each Function, class and server of the App, where any
    package and any code that they run can read them.

    ```python bad
    import os

    import modal

    app = modal.App("shop", secrets=[modal.Secret.from_name("stripe", required_keys=["STRIPE_KEY"])])  # expect: MS504


    @app.function()
    def charge():
        return os.environ["STRIPE_KEY"]


    @app.function()
    def resize(picture: bytes):
        return len(picture)
    ```

    ```python good
    import os

    import modal

    app = modal.App("shop")


    @app.function(secrets=[modal.Secret.from_name("stripe", required_keys=["STRIPE_KEY"])])
    def charge():
        return os.environ["STRIPE_KEY"]


    @app.function()
    def resize(picture: bytes):
        return len(picture)
    ```

    Give the Secret to the Function that reads it. The keys have to be known, by `required_keys` or as those of a
    mapping, and so has all code of the App: a Function that starts processes, or uses a package of the key's provider,
    may read them too.
    """
    for shared in sharing.of(file):
        yield _finding(file, shared)


def _finding(file: File, shared: Shared) -> Finding:
    reader = shared.reader
    assert reader.code is not None
    name = "A Secret of the App" if shared.source.name is None else f"Secret {shared.source.name}"
    place = shared.source.place
    return remark(
        RULE,
        file,
        place.node if place is not None and place.file is file else shared.app.node,
        f"{name} is given to all {shared.functions} Functions of the App, and only {reader.name} reads it",
        help_text=f"give it to {reader.name} alone, with secrets=[…] in its decorator",
        related=[(Place(reader.use.file, reader.use.node), f"{reader.name} is declared here")],
        sink=shared.app.node,
    )


RULE = Rule(
    "MS504",
    "app-wide-secret",
    Severity.INFO,
    check,
    fixable="hint",
    source="modal 1.6.4, app.py: secrets of the App go to every Function, class and server",
    witness="leaves STRIPE_KEY in the container",
)
