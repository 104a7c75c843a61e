"""MS207: the whole local environment handed to Modal."""

from collections.abc import Iterator

from modal_lint import environ_copies, leaks
from modal_lint.model import Finding, Rule, Severity
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """Every variable of the machine that runs the code is given to a container, an image, a Secret or an input.

    `os.environ` holds what the shell, the CI or the container around has in it: cloud credentials, registry tokens,
    Modal's own token. With `dict(os.environ)` all of them go along, today's and those that are added later, and
    `PATH` and `HOME` of one machine overwrite those of the other. `Secret.objects.create` takes even `os.environ`
    itself. Name the variables that are needed.

    ```python bad
    import os

    import modal

    app = modal.App.lookup("agents", create_if_missing=True)
    sandbox = modal.Sandbox.create(app=app, env={**os.environ, "MODE": "fast"})  # expect: MS207
    ```

    ```python good
    import modal

    app = modal.App.lookup("agents", create_if_missing=True)
    secret = modal.Secret.from_local_environ(["OPENAI_API_KEY"])
    sandbox = modal.Sandbox.create(app=app, env={"MODE": "fast"}, secrets=[secret])
    ```

    A copy from which a condition picks variables is not reported, nor is the environment of a local process. Some
    calls refuse `os.environ` itself (`from_dict` wants a dict); what is meant is reported all the same.
    """
    for copy in environ_copies.given_to_modal(file):
        message = f"the whole local environment is given to {copy.use.api.name}, with every credential in it"
        help_text = "name what is needed: modal.Secret.from_local_environ([…]), or a named Secret"
        sink = file.statement_span(copy.use.node)
        yield leaks.finding_at(file, copy.node, RULE, message, help_text, sink=sink)


RULE = Rule(
    "MS207",
    "whole-environment",
    Severity.ERROR,
    check,
    fixable="hint",
    witness="gives the container a value that it is not to have",
)
