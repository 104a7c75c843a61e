"""MS203: a secret that is pickled along with a function."""

from collections.abc import Iterator

from modal_lint import leaks, pickled
from modal_lint.diagnosis import sink_span
from modal_lint.model import Finding, Rule, Severity, Step
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A function that Modal pickles reads a secret from a name around it, or gets one as an argument of a build.

    `Image.run_function` puts the module's globals that its function reads, and its `args` and `kwargs`, into the
    definition of the image: with their values, as they are on the machine that builds. `serialized=True` pickles a
    function with the globals and variables around it that it reads. What was read from the environment once, at
    import, is then stored in clear and in use until the next build. Read it inside the function.

    ```python bad
    import os

    import modal

    TOKEN = os.environ["HF_TOKEN"]


    def download():
        return len(TOKEN)  # expect: MS203


    image = modal.Image.debian_slim().run_function(download)
    ```

    ```python good
    import os

    import modal


    def download():
        return len(os.environ["HF_TOKEN"])


    secret = modal.Secret.from_name("huggingface-secret", required_keys=["HF_TOKEN"])
    image = modal.Image.debian_slim().run_function(download, secrets=[secret])
    ```

    A function that Modal imports in the container (without `serialized=True`) pickles nothing and is not reported.
    """
    for leak in pickled.built_with(file):
        message = f"{leaks.called(leak.key)} is pickled into the image by {leaks.sink_name(leak)}"
        yield leaks.finding(leak, RULE, message, _HELP)
    for one in pickled.captured(file):
        node = one.name if one.function.place.file is file else one.use.node
        where = "into the image" if one.use.api.name == pickled.BUILDING else "with the function"
        message = f"{one.name.id} holds the value of {leaks.called(one.key)} and is pickled {where}"
        reached = Step(file.path, sink_span(file, one.use.node), f"is pickled by {one.use.api.name}")
        flow = leaks.flow_of(one.read, one.steps, reached)
        sink = file.statement_span(one.use.node)
        yield leaks.finding_at(file, node, RULE, message, _HELP, key=one.key, flow=flow, sink=sink)


_HELP = "read the variable inside the function, from secrets=[…]"

RULE = Rule(
    "MS203",
    "secret-pickled",
    Severity.ERROR,
    check,
    fixable="hint",
    witness="pickles the value along with the function",
)
