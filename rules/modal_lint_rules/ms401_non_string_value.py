"""MS401: a variable's value that is no string."""

from collections.abc import Iterator

from modal_lint import rejected, rejected_calls, rejected_fixes
from modal_lint.model import Finding, Rule, Severity
from modal_lint.rejected import Problem
from modal_lint.source import File
from modal_lint.values import Const


def check(file: File) -> Iterator[Finding]:
    """A value of an environment variable is no string, or the variables are no dict.

    `env=`, `Secret.from_dict`, `Image.env` and the like take strings. A number or a flag is refused when the file is
    imported, deployed or run, wherever that happens first. `None` leaves an entry out of `env=` and `from_dict`, and
    is refused by `Image.env`, `Secret.update` and `Secret.objects.create`.

    ```python bad
    import modal

    app = modal.App("server")


    @app.function(
        env={
            "PORT": 8080,  # expect: MS401
            "DEBUG": True,  # expect: MS401
        }
    )
    def serve():
        pass
    ```

    ```python good
    import modal

    app = modal.App("server")


    @app.function(
        env={
            "PORT": "8080",
            "DEBUG": "1",
        }
    )
    def serve():
        pass
    ```

    The fix writes the string that was meant. For numbers it is safe; for flags it is unsafe, since the code that reads
    the variable may look for `true` instead of `1`, and since `"0"` is a true string to Python. Other types have no
    fix: `json.dumps` is right for one reader and wrong for another.

    Where only the fallback of a lookup is no string (`os.environ.get("PORT", 8080)`), the call fails on machines
    without the variable, and the finding is a warning.
    """
    return rejected.findings(file.refusals.values, RULE, _message, _help, rejected_fixes.as_string)


def _message(problem: Problem) -> str:
    kind = rejected_calls.kind_of(problem.values[0])
    raising = rejected.raising(problem.verdict)
    if problem.key is None and not _is_entry(problem):
        return f"{problem.argument} is {kind} and no dict of strings: {problem.use.api.name} {raising}"
    name = problem.key or "a variable"
    fallback = problem.values[0].fallback if isinstance(problem.values[0], Const) else None
    if fallback is not None:
        missing = fallback.key or "a variable"
        return f"{name} is {kind} and no string where {missing} is not set: {rejected.where(problem)} {raising}"
    return f"{name} is {kind} and no string: {rejected.where(problem)} {raising}"


def _is_entry(problem: Problem) -> bool:
    return problem.verdict.key is not None


def _help(problem: Problem) -> str:
    if problem.key is None and not _is_entry(problem):
        return "pass a dict of strings"
    return "write the string that the variable has to hold"


RULE = Rule("MS401", "non-string-value", Severity.ERROR, check, fixable="safe", witness="raises InvalidError")
