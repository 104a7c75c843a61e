"""MS202: a build step that writes its secret into the image."""

from collections.abc import Iterator

from modal_lint import leaks, written
from modal_lint.model import Finding, Rule, Severity
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A command of a build step stores a secret of the step in a file, and the file stays in the image.

    `secrets=` of a step are in its environment while it runs and leave nothing behind, unless a command writes them
    down. Many do: `git clone https://$TOKEN@…` keeps the URL in `.git/config`, `huggingface-cli login`, `wandb login`,
    `docker login` and `pip config set` keep the token for later, `echo $TOKEN > file` does what it says. Everyone who
    can use the image can read the file, and a later step that deletes it does not take it out of its layer.

    ```python bad
    import modal

    secret = modal.Secret.from_name("github-secret", required_keys=["GITHUB_TOKEN"])
    image = modal.Image.debian_slim().run_commands(
        "git clone https://$GITHUB_TOKEN@github.com/acme/private /src",  # expect: MS202
        secrets=[secret],
    )
    ```

    ```python good
    import modal

    secret = modal.Secret.from_name("github-secret", required_keys=["GITHUB_TOKEN"])
    image = modal.Image.debian_slim().run_commands(
        "git clone https://$GITHUB_TOKEN@github.com/acme/private /src && rm -rf /src/.git",
        secrets=[secret],
    )
    ```

    Remove the file in the same command, or use what stores nothing: `pip install git+https://$TOKEN@…`, a credential
    helper in single quotes, the variable itself. A Dockerfile's `ENV` with a step's secret never does what is meant:
    where it is filled in it stays in the image, and elsewhere it is empty. What a script or a function of
    `run_function` writes is not looked into.
    """
    for one in written.by_steps(file):
        what = (
            "the environment with its secrets" if one.variable is None else f"the value of {leaks.called(one.variable)}"
        )
        message = f"this command of {one.use.api.name} leaves {what} in the image: in {one.where}"
        help_text = "remove it in the same command, or let the tool read the variable itself"
        sink = file.statement_span(one.use.node)
        yield leaks.finding_at(file, one.node, RULE, message, help_text, key=one.variable, sink=sink)


RULE = Rule(
    "MS202",
    "secret-written-by-build-step",
    Severity.WARNING,
    check,
    fixable="hint",
    witness="leaves the value in a layer of the image",
)
