"""MS404: keys that are no list of strings."""

from collections.abc import Iterator

from modal_lint import rejected, rejected_calls, rejected_fixes, rejected_names
from modal_lint.model import Finding, Fix, Rule, Severity
from modal_lint.rejected import Problem
from modal_lint.source import File
from modal_lint.values import Text


def check(file: File) -> Iterator[Finding]:
    """The keys of a Secret are given as one string, or as something else than a list of strings.

    A string is taken letter by letter: `required_keys="HF_TOKEN"` asks for keys named `H`, `F`, `_` and so on, and the
    Secret is refused for not having them; `from_local_environ("HF_TOKEN")` looks for a local variable `H`.

    ```python bad
    import modal

    app = modal.App("train")
    hugging_face = modal.Secret.from_name("huggingface-secret", required_keys="HF_TOKEN")  # expect: MS404


    @app.function(secrets=[hugging_face])
    def train():
        pass
    ```

    ```python good
    import modal

    app = modal.App("train")
    hugging_face = modal.Secret.from_name("huggingface-secret", required_keys=["HF_TOKEN"])


    @app.function(secrets=[hugging_face])
    def train():
        pass
    ```

    The fix is safe: the call could not work. It puts brackets around a key, and makes a list of a string with commas.
    """
    return rejected.findings(rejected_names.of_keys(file), RULE, _message, _help, _fix)


def _message(problem: Problem) -> str:
    name = problem.use.api.name
    raising = rejected.raising(problem.verdict)
    if problem.argument == rejected_names.SEVERAL:
        return f"{name} takes one list of keys and gets several arguments: it {raising}"
    kind = rejected_calls.kind_of(problem.values[0])
    if kind == "a string":
        return f"{problem.argument} is a string, which is taken letter by letter: {name} {raising}"
    return f"{problem.argument} has to be a list of strings and has {kind}: {name} {raising}"


def _help(problem: Problem) -> str:
    del problem
    return "pass a list of strings"


def _fix(problem: Problem) -> Fix | None:
    if problem.argument == rejected_names.SEVERAL:
        return rejected_fixes.as_arguments_list(problem.use)
    value = problem.values[0]
    known = value.known if isinstance(value, Text) and len(problem.values) == 1 else None
    return None if known is None else rejected_fixes.as_keys(problem, known)


RULE = Rule(
    "MS404",
    "keys-not-a-list",
    Severity.ERROR,
    check,
    fixable="safe",
    witness="raises ConflictError when it is deployed",
)
