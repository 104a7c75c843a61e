"""MS206: a variable's secret in what Modal stores in clear: inputs, names, tags, dictionaries."""

from collections.abc import Iterator

from modal_lint import leaks
from modal_lint.modal_api import Persists, Sink
from modal_lint.model import Finding, Rule, Severity
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A secret is read from the environment and passed as an input, parameter, tag, name or entry of a Dict or Queue.

    Inputs of `remote`, `spawn` and `map` and parameters of classes are stored with the call and shown to whoever can
    look at it; entries of `modal.Dict` and `modal.Queue` can be read by everything that runs in the environment;
    names and tags are plain text in the dashboard. A Secret of the function itself is stored encrypted and needs no
    passing on.

    ```python bad
    import os

    import modal

    app = modal.App("jobs")


    @app.function()
    def crawl(token):
        pass


    @app.local_entrypoint()
    def main():
        crawl.remote(os.environ["GITHUB_TOKEN"])  # expect: MS206
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

    What is written to the standard input of a process, or to a file of a sandbox, is not reported.
    """
    for leak in leaks.at(file, Sink.PAYLOAD, Sink.LABEL):
        if leak.use.api.persists is Persists.FILE or leak.use.api.name.endswith(".StreamWriter.write"):
            continue
        message = f"{leaks.called(leak.key)} is stored in clear by {leaks.sink_name(leak)}"
        help_text = "give the function secrets=[modal.Secret.from_name(…)] and read the variable inside"
        yield leaks.finding(leak, RULE, message, help_text)


RULE = Rule(
    "MS206",
    "secret-in-payload",
    Severity.WARNING,
    check,
    fixable="hint",
    witness="sends the value to Modal in clear",
)
