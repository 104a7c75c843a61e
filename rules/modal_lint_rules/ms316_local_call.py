"""MS316: a Function that is run without its Secrets."""

import ast
from collections.abc import Iterator

from modal_lint.environments import asking, containers, options
from modal_lint.lazy import lazy
from modal_lint.model import Finding, Rule, Severity
from modal_lint.objects import decorator_name
from modal_lint.remarks import remark
from modal_lint.source import File
from modal_lint.uses import Use
from modal_lint.values import Place

_NAME = lazy(r"local\b")
_LOCAL = ("modal.Function.local", "modal_lint_runtime.Function.local")


def check(file: File) -> Iterator[Finding]:
    """`f.local()` runs a Function's code in the process that calls it, where its Secrets are not.

    Only a container gets the variables of `secrets=` and `env=`. Called from a local entrypoint or a script, the code
    sees the variables of the machine it runs on, and fails, or works with other credentials.

    ```python bad
    import os

    import modal

    app = modal.App("agents", secrets=[modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])])


    @app.function()
    def answer(question: str):
        return os.environ["OPENAI_API_KEY"]


    @app.local_entrypoint()
    def main():
        answer.local("why?")  # expect: MS316
    ```

    ```python good
    import os

    import modal

    app = modal.App("agents", secrets=[modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])])


    @app.function()
    def answer(question: str):
        return os.environ["OPENAI_API_KEY"]


    @app.local_entrypoint()
    def main():
        answer.remote("why?")
    ```

    Nothing is said inside of other Functions, whose container may have the same Secrets, nor in a file that loads a
    `.env` by itself, nor where the code is seen to read nothing that the Function is given.
    """
    if not file.says(".local") or file.says("load_dotenv") or not _NAME.search(file.text):
        return
    for use in containers.once(asking.calls(file, *_LOCAL)):
        container = None if use.owner is None else containers.container_behind(use.owner)
        if container is None or not _is_local(use):
            continue
        missing = [source for source in container.supply.secrets if source.keys or not source.known]
        keys = _read(container)
        if not missing or not keys or not any(not source.lacks(key) for source in missing for key in keys):
            continue
        given = [key for key in keys if any(not source.lacks(key) for source in missing)]
        yield remark(
            RULE,
            file,
            use.node,
            f"{container.name} reads {given[0]}, and runs here without {options.told(missing)}",
            help_text="call it with .remote(), or set the variables on this machine",
            key=given[0],
            related=[(Place(container.use.file, container.use.node), f"{container.name} is declared here")],
        )


def _read(container: containers.Container) -> list[str]:
    """The variables that the code surely reads."""
    environments = container.use.file.environments
    return [need.key for need in environments.needs_of(container)]


def _is_local(use: Use) -> bool:
    """Whether a call is surely made outside of a container: in a local entrypoint, or while a script runs."""
    scope = use.file.scopes.scope(use.node).function
    while scope.parent is not None:
        if any(decorator_name(one) == "local_entrypoint" for one in getattr(scope.node, "decorator_list", ())):
            return True
        scope = scope.parent.function
        if scope.node is use.file.tree:
            return False
    return _is_main(use)


def _is_main(use: Use) -> bool:
    """Whether a statement of a module is run by ``if __name__ == "__main__"``."""
    parent = use.file.scopes.parents.get(use.node)
    while parent is not None:
        if isinstance(parent, ast.If) and "__main__" in use.file.segment(parent.test):
            return True
        parent = use.file.scopes.parents.get(parent)
    return False


RULE = Rule("MS316", "local-call", Severity.WARNING, check, fixable="hint", witness="raises KeyError")
