"""Images that are published for everyone, and the steps of them that hold a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from modal_lint import leaks, pickled, written
from modal_lint.credentials import mask_text
from modal_lint.modal_api import Sink
from modal_lint.values import Const, Mapping

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from modal_lint.source import File
    from modal_lint.uses import Use
    from modal_lint.values import Place

PUBLISHING = "modal.Image.publish"
# What goes in there is in the image: not the environment of one step.
KEPT = (
    Sink.IMAGE_ENV, Sink.BUILD_ARGS, Sink.COMMAND, Sink.URL, Sink.PACKAGE, Sink.GIT_USER, Sink.IMAGE_ARGV,
    Sink.BUILD_PAYLOAD,
)  # fmt: skip


class Published(NamedTuple):
    """A public image, the step of it that holds a secret, and what that is called."""

    use: Use
    step: Place
    what: str


def with_secrets(file: File) -> Iterator[Published]:
    """The images that a file makes public with a secret in them, one step of each."""
    for use in file.uses:
        if use.api.name == PUBLISHING and use.owner is not None and _is_public(use):
            for step in use.owner.chain():
                what = _held(step.file).get(step.node)
                if what is not None:
                    yield Published(use, step, what)
                    break


def _is_public(use: Use) -> bool:
    """Whether ``experimental_options`` say ``is_public`` for certain."""
    for given in use.given(Sink.LABEL):
        if given.name == "experimental_options":
            values = given.values(use.file.project.evaluator)
            said = [value.get("is_public") if isinstance(value, Mapping) else None for value in values]
            return all(
                one is not None and all(isinstance(each, Const) and each.value is True for each in one) for one in said
            )
    return False


def _held(file: File) -> dict[ast.AST, str]:
    """The calls of a file that put a secret into an image, and which."""
    found: dict[ast.AST, str] = {}
    for exposure in file.exposures.all:
        if leaks.is_of_image(exposure.use) and exposure.sink in KEPT:
            found.setdefault(exposure.use.node, mask_text(exposure.key) if exposure.key else "a credential")
    for leak in leaks.at(file, *KEPT):
        if leaks.is_of_image(leak.use):
            found.setdefault(leak.use.node, leaks.called(leak.key))
    for one in written.by_steps(file):
        found.setdefault(one.use.node, leaks.called(one.variable) if one.variable else "the environment of a step")
    for name in pickled.captured(file):
        if name.use.api.name == pickled.BUILDING:
            found.setdefault(name.use.node, leaks.called(name.key))
    return found
