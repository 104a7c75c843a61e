"""MS201: a local variable's secret that becomes part of an image."""

from collections.abc import Iterator

from modal_lint import leaks
from modal_lint.modal_api import Sink
from modal_lint.model import Finding, Rule, Severity
from modal_lint.source import File

_SINKS = (
    Sink.IMAGE_ENV,
    Sink.BUILD_ARGS,
    Sink.COMMAND,
    Sink.URL,
    Sink.PACKAGE,
    Sink.GIT_USER,
    Sink.IMAGE_ARGV,
)
_REMEDIES = {
    Sink.IMAGE_ENV: "give it to the functions that need it: secrets=[modal.Secret.from_name(…)]",
    Sink.BUILD_ARGS: "pass it to the step that needs it: secrets=[…] and $KEY in the command",
    Sink.COMMAND: "pass it to the step: secrets=[…], and let the shell read $KEY",
    Sink.URL: "put the whole URL into a Secret as PIP_EXTRA_INDEX_URL (or UV_INDEX) and pass it to the step",
    Sink.PACKAGE: "install it in a run_commands step with secrets=[…] and $KEY in the URL",
    Sink.GIT_USER: "pass GITHUB_TOKEN or GITLAB_TOKEN in secrets=[…]; git_user takes a user name only",
    Sink.IMAGE_ARGV: "read it from the environment of the process, from secrets=[…]",
}


def check(file: File) -> Iterator[Finding]:
    """A secret is read from the local environment and written into an image.

    The source does not hold it, but the image does: what `Image.env` sets, what is put into `build_args`, and what is
    interpolated into a build command is in the image's definition, in its layers and in every image derived from it,
    for everyone who can use or pull one. It also stays the value of the machine that built the image: rotating the
    credential changes nothing until the image is built anew.

    ```python bad
    import os

    import modal

    app = modal.App("train")
    image = modal.Image.debian_slim().env({"HF_TOKEN": os.environ["HF_TOKEN"]})  # expect: MS201


    @app.function(image=image)
    def train():
        pass
    ```

    ```python good
    import modal

    app = modal.App("train")
    image = modal.Image.debian_slim()


    @app.function(image=image, secrets=[modal.Secret.from_name("huggingface-secret", required_keys=["HF_TOKEN"])])
    def train():
        pass
    ```

    A step's own `env=` and `secrets=` are fine: they are there while the step runs and are not kept. There is no fix:
    the image has to be built anew, and the credential rotated where others could use the old one.
    """
    for leak in leaks.at(file, *_SINKS):
        if leaks.is_of_image(leak.use):
            name, where = leaks.called(leak.key), leaks.sink_name(leak)
            message = f"{name} is taken from the local environment and its value stays in the image: {where}"
            yield leaks.finding(leak, RULE, message, _REMEDIES[leak.sink])


RULE = Rule(
    "MS201",
    "secret-baked-into-image",
    Severity.ERROR,
    check,
    fixable="hint",
    witness="sends the value to Modal in clear",
)
