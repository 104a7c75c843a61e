"""MS204: a secret that is printed or logged."""

from collections.abc import Iterator

from modal_lint import leaks, printing
from modal_lint.diagnosis import sink_span
from modal_lint.model import Finding, Rule, Severity, Step
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """The value of a secret variable, the whole environment, or an object that shows its token is printed or logged.

    What a container prints is in the App's logs, for everyone in the workspace and wherever the logs are sent to. Some
    objects tell more than they seem to: the repr of `modal.config.config`, of a `TokenData`, of the credentials of a
    sandbox's connect token and of a stream's token shows the token.

    ```python bad
    import os

    import modal

    app = modal.App("report")


    @app.function(secrets=[modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])])
    def report():
        print("using", os.environ["OPENAI_API_KEY"])  # expect: MS204
    ```

    ```python good
    import os

    import modal

    app = modal.App("report")


    @app.function(secrets=[modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])])
    def report():
        print("a key is set:", "OPENAI_API_KEY" in os.environ)
    ```

    A file that Modal does not ship prints on its user's own screen: variables printed there are not reported.
    Lengths, hashes, slices and tests of a secret are not reported, nor are names of variables.
    """
    for one in printing.printed(file):
        reached = Step(file.path, sink_span(file, one.call), "is printed here")
        flow = () if one.read is None else leaks.flow_of(one.read, one.steps, reached)
        message = f"{one.what} is printed or logged"
        help_text = "print whether it is set, not what it is"
        yield leaks.finding_at(file, one.node, RULE, message, help_text, key=one.key, flow=flow)


RULE = Rule("MS204", "secret-printed", Severity.WARNING, check, fixable="hint", witness="prints the value into the log")
