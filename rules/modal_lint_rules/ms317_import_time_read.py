"""MS317: a variable that is read while a module is imported into a container without it."""

import ast
from collections.abc import Iterator

from modal_lint.environments import imported, local
from modal_lint.environments.imported import Read
from modal_lint.model import Finding, Fix, Rule, Severity
from modal_lint.remarks import attempted, remark
from modal_lint.source import File
from modal_lint.values import Place


def check(file: File) -> Iterator[Finding]:
    """`os.environ["X"]` stands at module level, and a container that imports the module has no `X`.

    Modal imports the module of a Function in its container, line by line: what was meant for the machine that deploys
    runs there too. A container that is not given `X` stops with KeyError before the Function is called.

    ```python bad
    import os

    import modal

    app = modal.App("agents")
    key = modal.Secret.from_dict({"OPENAI_API_KEY": os.environ["OPENAI_API_KEY"]})  # expect: MS317


    @app.function(secrets=[key])
    def answer(question: str):
        pass


    @app.function()
    def clean_up():
        pass
    ```

    ```python good
    import os

    import modal

    app = modal.App("agents")
    key = modal.Secret.from_local_environ(["OPENAI_API_KEY"])


    @app.function(secrets=[key])
    def answer(question: str):
        pass


    @app.function()
    def clean_up():
        pass
    ```

    `from_local_environ` reads where the App is deployed, and does nothing in a container; that fix is safe. Reads under
    a condition (`if modal.is_local():`), in a `try`, or in a module whose Functions are all given the variable are
    fine. A settings class of pydantic, and a client that wants its key at once (`OpenAI()`), read at module level too.
    """
    if file.module is not None and file.module.is_interactive:
        return
    for read in imported.reads(file) if file.environments.containers and imported.may_have(file) else ():
        lacking = [one for one in file.environments.containers if imported.fails(one, read)]
        if lacking:
            yield remark(
                RULE,
                file,
                read.node,
                f"{read.key} is read{_by(read)} while the module is imported: "
                f"{_raised(read)} in the container of {lacking[0].name}, which is not given it",
                help_text="use Secret.from_local_environ([…]), or read it inside of a function or if modal.is_local():",
                key=read.key,
                fix=attempted(lambda node=read.node: _fix(file, node)),  # type: ignore[misc]
                related=[(Place(one.use.file, one.use.node), f"{one.name} is declared here") for one in lacking[:3]],
            )


def _by(read: Read) -> str:
    return "" if read.reader == "os.environ" else f" by {read.reader}"


def _raised(read: Read) -> str:
    return "KeyError" if read.reader == "os.environ" else "an exception"


def _fix(file: File, node: ast.AST) -> Fix | None:
    """The fix of the `Secret.from_dict` that a read is written in."""
    parent = file.scopes.parents.get(node)
    while parent is not None and not isinstance(parent, ast.stmt):
        uses = file.environments.uses_of(parent)
        if len(uses) == 1 and uses[0].api.name == "modal.Secret.from_dict":
            return local.from_local_environ(uses[0])
        parent = file.scopes.parents.get(parent)
    return None


RULE = Rule(
    "MS317",
    "import-time-read",
    Severity.WARNING,
    check,
    fixable="safe",
    witness="raises KeyError in the container",
)
