"""Secrets of the environment on the command lines of processes: in containers, and of Modal's own tool here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modal_lint import leaks
from modal_lint.exposure import marked
from modal_lint.modal_api import Sink
from modal_lint.values import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.leaks import Leak
    from modal_lint.source import File
    from modal_lint.uses import Use

# Command lines of this machine that hand a credential to Modal.
_MODAL = re.compile(r"\bmodal\s+(?:secret\s+create|token\s+set|endpoint\s+create)\b")


def given_to_processes(file: File) -> Iterator[Leak]:
    """The secrets among the arguments of processes."""
    for leak in leaks.at(file, Sink.ARGV, Sink.HOST_ARGV):
        if leak.sink is Sink.ARGV or _MODAL.search(_line(leak.use)):
            yield leak


def _line(use: Use) -> str:
    """The words of a local command that are known."""
    words: list[str] = []
    for given in use.given(Sink.HOST_ARGV):
        values = given.values(use.file.project.evaluator)
        words += [
            marked(leaf.value) for leaf in leaks.leaves_of(use.file, None, values) if isinstance(leaf.value, Text)
        ]
    return " ".join(words)
