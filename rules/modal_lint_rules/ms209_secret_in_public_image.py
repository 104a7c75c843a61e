"""MS209: an image with a secret in it that is published for everyone."""

from collections.abc import Iterator

from modal_lint import leaks, published
from modal_lint.diagnosis import sink_span
from modal_lint.model import Finding, Rule, Severity, Step
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """An image that holds a credential is published with `is_public`: everyone can pull its layers.

    `Image.publish` with `experimental_options={"is_public": True}` makes all layers of an image public. A step of this
    one puts a secret into it: see the finding at that step (MS103, MS201, MS202 or MS203). A layer on top that removes
    it changes nothing.

    ```python bad
    import modal

    secret = modal.Secret.from_name("github-secret", required_keys=["GITHUB_TOKEN"])
    image = modal.Image.debian_slim().run_commands(
        "echo $GITHUB_TOKEN > /root/.token && make -C /src",  # expect: MS202
        secrets=[secret],
    )
    image.publish("tools", experimental_options={"is_public": True})  # expect: MS209
    ```

    ```python good
    import modal

    secret = modal.Secret.from_name("github-secret", required_keys=["GITHUB_TOKEN"])
    image = modal.Image.debian_slim().run_commands(
        "make -C /src",
        secrets=[secret],
    )
    image.publish("tools", experimental_options={"is_public": True})
    ```

    There is no fix. If the image was ever public, rotate the credential: it has to count as known.
    """
    seen: set[object] = set()
    for one in published.with_secrets(file):
        if one.use.node in seen:
            continue
        seen.add(one.use.node)
        span = sink_span(file, one.use.node)
        flow = (
            Step(one.step.file.path, sink_span(one.step.file, one.step.node), f"{one.what} goes into the image here"),
            Step(file.path, span, "published for everyone"),
        )
        message = f"{one.what} is in a layer of this image, which is published for everyone"
        help_text = "take it out of the step that puts it in, build anew, and rotate the credential"
        yield leaks.finding_at(file, span, RULE, message, help_text, flow=flow, sink=file.statement_span(one.use.node))


RULE = Rule(
    "MS209",
    "secret-in-public-image",
    Severity.ERROR,
    check,
    fixable="hint",
    source="modal 1.6.4, Image.publish: is_public shows all layers; no image can be pulled from Modal's registry here",
)
