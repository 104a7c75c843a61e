"""MS001: a file that cannot be read, decoded or parsed."""

from collections.abc import Iterator

from modal_lint.model import Finding, Rule, Severity
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """The file cannot be read, decoded or parsed, so nothing in it was checked.

    A file that was not checked must never look clean. Each one is named with the reason and, where there is one, the
    line; the others are checked all the same. The engine reports this rule itself, for files that never become a tree.

    Typical reasons: a syntax error, Python 2, bytes that are not of the declared encoding, NUL bytes, nesting too
    deep to be parsed, a dangling link, no permission, a pipe or device, a file that vanished. What to do stands with
    the finding. A file that is not meant to be Python code is left out with `extend-exclude`. Syntax that is newer than
    the Python that runs modal-lint needs a newer one there.
    """
    del file
    yield from ()


RULE = Rule("MS001", "unreadable-source", Severity.ERROR, check, source="it is about the linter itself")
