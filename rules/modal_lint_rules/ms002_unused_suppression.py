"""MS002: a suppression comment that suppresses nothing."""

from collections.abc import Iterator

from modal_lint.model import Finding, Rule, Severity
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A `modal-lint: ignore` comment names a rule that finds nothing there.

    Such a comment outlives what it excused, and would silence the next real finding. The engine judges it after all
    rules have run; rules that are not selected are not held against a comment.

    ```python bad
    import modal

    app = modal.App("demo")  # modal-lint: ignore[MS101] once had a key  # expect: MS002
    ```

    ```python good
    import modal

    app = modal.App("demo")
    ```

    The fix is safe: it takes the comment, or the one code of it, away.
    """
    del file
    yield from ()


RULE = Rule(
    "MS002",
    "unused-suppression",
    Severity.WARNING,
    check,
    fixable="safe",
    source="it is about the linter itself",
)
