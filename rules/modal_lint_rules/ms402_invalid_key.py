"""MS402: a key that cannot name an environment variable."""

from collections.abc import Iterator

from modal_lint import rejected, rejected_calls
from modal_lint.model import Finding, Rule, Severity
from modal_lint.rejected import Problem
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A key of a Secret or of `env=` cannot name an environment variable.

    A key has letters, digits and underscores, and does not begin with a digit. `Sandbox.create(env=)` and sidecars
    check this at the call; in all other places the SDK sends the key as it is and Modal's service has to refuse it.
    A line end after the key passes the SDK's check and is still no part of a name.

    ```python bad
    import modal

    app = modal.App.lookup("agents", create_if_missing=True)
    sandbox = modal.Sandbox.create(app=app, env={"log-level": "debug"})  # expect: MS402
    ```

    ```python good
    import modal

    app = modal.App.lookup("agents", create_if_missing=True)
    sandbox = modal.Sandbox.create(app=app, env={"LOG_LEVEL": "debug"})
    ```

    It is an error where the SDK itself raises, and a warning where only the service can. There is no fix: the code
    that reads the variable has to change along.
    """
    return rejected.findings(file.refusals.keys, RULE, _message, _help)


def _message(problem: Problem) -> str:
    return f"{_what(problem)} cannot name a variable: {rejected.where(problem)}: {rejected.raising(problem.verdict)}"


def _what(problem: Problem) -> str:
    key = problem.values[0]
    if rejected_calls.has_holes(key) or problem.key is None:
        return "a key"
    return f"the key {problem.key!r}" if len(problem.key) <= 80 else f"the key {problem.key[:80]!r}…"


def _help(problem: Problem) -> str:
    del problem
    return "use letters, digits and underscores, and no digit first"


RULE = Rule("MS402", "invalid-key", Severity.ERROR, check, fixable="hint", witness="raises InvalidError")
