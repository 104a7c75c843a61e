"""MS103: a credential that an image keeps."""

from collections.abc import Iterator

from modal_lint import diagnosis, plans
from modal_lint.modal_api import Sink
from modal_lint.model import Finding, Rule, Severity
from modal_lint.source import File

_REMEDIES = {
    Sink.IMAGE_ENV: "give it to the functions that need it: secrets=[modal.Secret.from_name(…)]",
    Sink.BUILD_ARGS: "pass it to the step that needs it: secrets=[…] and $KEY in the command",
    Sink.COMMAND: "pass it to the step: secrets=[…] and $KEY in the command",
    Sink.URL: "put the whole URL into a Secret as PIP_EXTRA_INDEX_URL (or UV_INDEX) and pass it to the step",
    Sink.PACKAGE: "clone or install it in a run_commands step with secrets=[…] and $KEY in the URL",
    Sink.GIT_USER: "pass GITHUB_TOKEN or GITLAB_TOKEN in secrets=[…]; git_user takes a user name only",
    Sink.BUILD_PAYLOAD: "read it inside the function, from secrets=[…]",
    Sink.IMAGE_ARGV: "read it from the environment of the process, from secrets=[…]",
}


def check(file: File) -> Iterator[Finding]:
    """A credential stands in the source and becomes part of an image.

    What `Image.env` sets, what a build command says, `build_args`, URLs with a password and arguments of
    `run_function` stay in the image's definition, in its layers and in every image derived from it, and they are shown
    in build logs. Removing the line later does not remove the layer.

    ```python bad
    import modal

    app = modal.App("train")
    image = modal.Image.debian_slim().pip_install("wandb").env({"WANDB_API_KEY": "⟨wandb⟩"})  # expect: MS103


    @app.function(image=image)
    def train():
        pass
    ```

    ```python good
    import modal

    app = modal.App("train")
    image = modal.Image.debian_slim().pip_install("wandb")


    @app.function(image=image, secrets=[modal.Secret.from_name("wandb-secret", required_keys=["WANDB_API_KEY"])])
    def train():
        pass
    ```

    The fix exists for `Image.env` and is unsafe: containers fail until the Secret exists. Every function, class, server
    and sandbox of the file that uses the image gets the Secret, and so does a later build step that runs code.
    Commands and URLs have to be rewritten by hand. Rotate the credential: the old layers still hold it.
    """
    ours = [exposure for exposure in file.exposures.all if exposure.rule == RULE.code]
    baked = (exposure for exposure in ours if exposure.sink is Sink.IMAGE_ENV)
    for exposure, fix, reason in plans.planned(baked, plans.move_image_env):
        yield _finding(exposure, fix, reason)
    for exposure in ours:
        if exposure.sink is not Sink.IMAGE_ENV:
            yield _finding(exposure, None, "")


def _finding(exposure: diagnosis.Exposure, fix: diagnosis.Fix | None, reason: str) -> Finding:
    message = f"{diagnosis.subject(exposure)} is hardcoded and stays in the image: {diagnosis.sink_name(exposure)}"
    help_text = diagnosis.remedy(_REMEDIES[exposure.sink], reason)
    return diagnosis.finding(exposure, RULE.code, RULE.name, message, help_text=help_text, fix=fix)


RULE = Rule(
    "MS103",
    "credential-in-image",
    Severity.ERROR,
    check,
    fixable="unsafe",
    witness="sends the value to Modal in clear",
)
