"""MS309: a handler for an error that comes later."""

import ast
from collections.abc import Iterator

from modal_lint.modal_api import canonical
from modal_lint.model import Finding, Rule, Severity
from modal_lint.remarks import remark
from modal_lint.source import File
from modal_lint.uses import frame_at
from modal_lint.values import External, Function, Method, Values

_NOT_FOUND = frozenset(("modal.exception.NotFoundError", "modal.NotFoundError", "modal.exceptions.NotFoundError"))
# Constructors that ask nobody: what they name is looked for when it is first needed.
_LAZY = frozenset(("modal.Secret.from_name", "modal.Secret.from_dict", "modal.Secret.from_dotenv"))
_HARMLESS = frozenset(
    ("builtins.print", "builtins.str", "builtins.repr", "builtins.len", "builtins.list", "builtins.dict")
)
_LOGGERS = frozenset(("debug", "info", "warning", "error", "exception", "log", "append"))


def check(file: File) -> Iterator[Finding]:
    """`except NotFoundError` around `Secret.from_name`, which looks nothing up.

    A reference to a named Secret is lazy: whether there is such a Secret is found out when an App is deployed or a
    sandbox is created, far from this `try`. The handler never runs, and what it was to do is not done.

    ```python bad
    import modal
    from modal.exception import NotFoundError

    try:
        secret = modal.Secret.from_name("huggingface-secret")
    except NotFoundError:  # expect: MS309
        secret = modal.Secret.from_dict({})
    ```

    ```python good
    import modal
    from modal.exception import NotFoundError

    try:
        secret = modal.Secret.from_name("huggingface-secret").hydrate()
    except NotFoundError:
        secret = modal.Secret.from_dict({})
    ```

    `.hydrate()` looks the Secret up at once. Nothing is said where the `try` does anything else that may fail so.
    """
    if not file.says("NotFoundError") or not file.says("from_name"):
        return
    for node in [one for one in file.scopes.blocks if one.__class__ is ast.Try]:
        for caught in _dead(file, node):
            yield remark(
                RULE,
                file,
                caught,
                "Secret.from_name looks nothing up: NotFoundError is raised later, and never here",
                help_text="look it up at once: modal.Secret.from_name(…).hydrate()",
            )


def _dead(file: File, node: ast.Try) -> list[ast.expr]:
    """What is caught that its statements never raise."""
    caught = [handler.type for handler in node.handlers if handler.type is not None and _catches(file, handler.type)]
    return caught if caught and _is_lazy(file, node.body) else []


def _is_lazy(file: File, body: list[ast.stmt]) -> bool:
    """Whether statements make references to Secrets and do nothing that could find one missing."""
    if not any(isinstance(node, ast.Attribute) and node.attr == "from_name" for one in body for node in ast.walk(one)):
        return False
    references = 0
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, (ast.Await, ast.Yield, ast.YieldFrom, ast.Raise, ast.With, ast.AsyncWith, ast.For)):
                return False
            if isinstance(node, ast.Call):
                name = _called(file, node)
                references += name == "modal.Secret.from_name"
                if name not in _LAZY and name not in _HARMLESS and not _logs(file, node):
                    return False
    return references > 0


def _called(file: File, call: ast.Call) -> str | None:
    values = _values(file, call.func)
    return canonical(values[0].name) if len(values) == 1 and isinstance(values[0], External) else None


def _values(file: File, node: ast.AST) -> Values:
    ev = file.project.evaluator
    return ev.ask(node, frame_at(file, node))


def _logs(file: File, call: ast.Call) -> bool:
    """Whether a method of something that is not Modal's is called that only tells or keeps what it is given."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _LOGGERS:
        return False
    return not any(isinstance(value, (Method, Function)) for value in _values(file, call.func))


def _is_builtin(file: File, name: ast.Name) -> bool:
    """Whether a name is bound nowhere in the file."""
    return file.scopes.resolved(name)[0] is None and "*" not in file.scopes.module.bindings


def _catches(file: File, caught: ast.expr) -> bool:
    """Whether what a look-up raises is caught, perhaps among others: nothing is raised there at all."""
    if isinstance(caught, ast.Tuple):
        return any(_catches(file, one) for one in caught.elts)
    if isinstance(caught, ast.Name) and _is_builtin(file, caught):
        return False
    return any(isinstance(value, External) and value.name in _NOT_FOUND for value in _values(file, caught))


RULE = Rule(
    "MS309",
    "dead-handler",
    Severity.WARNING,
    check,
    fixable="hint",
    witness="raises NotFoundError later, past the handler",
)
