"""MS301: the name of a file where `from_dotenv` wants to know where to begin."""

import ast
from collections.abc import Iterator

from modal_lint.environments import asking, dotenv
from modal_lint.model import Edit, Finding, Fix, Rule, Severity
from modal_lint.remarks import attempted, joined, remark
from modal_lint.source import File
from modal_lint.uses import Use


def check(file: File) -> Iterator[Finding]:
    """`Secret.from_dotenv` is given the name of a file, and loads another one.

    Its first argument says where the search for `.env` begins: a folder, or a file in it. `from_dotenv(".env.prod")`
    looks beside `.env.prod` for a file called `.env` and loads that, without a word; where `.env.prod` is not there,
    the deployment stops. What to look for is said by `filename=`.

    ```python bad
    import modal

    app = modal.App("billing")


    @app.function(secrets=[modal.Secret.from_dotenv(".env.prod")])  # expect: MS301
    def charge():
        pass
    ```

    ```python good
    import modal

    app = modal.App("billing")


    @app.function(secrets=[modal.Secret.from_dotenv(filename=".env.prod")])
    def charge():
        pass
    ```

    The fix is safe: it makes the call do what it says. A path that only the running program knows is not judged.
    """
    told: set[ast.AST] = set()
    for use in asking.calls(file, "modal.Secret.from_dotenv"):
        name = dotenv.mistaken_name(use)
        if name is None or use.node in told:
            continue
        told.add(use.node)
        yield remark(
            RULE,
            file,
            asking.written(use, "path") or use.node,
            f"from_dotenv takes {name} for the place where its search begins and loads the .env beside it",
            help_text="say which file with filename=",
            fix=attempted(lambda use=use: _fix(use)),  # type: ignore[misc]
            sink=use.node,
        )


def _fix(use: Use) -> Fix | None:
    from modal_lint import rewrite

    file, node = use.file, asking.written(use, "path")
    call = file.span(use.node)
    source = file.rewriting
    argument = None if node is None else asking.keyword_of(use, node)
    if node is None or argument is None:
        return None
    folder: str | None = None
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        above, slash, name = node.value.rpartition("/")
        filename = rewrite.string_literal(name, source.quote)
        folder = rewrite.string_literal(above, source.quote) if slash and above else None
        if "\\" in node.value or (slash and not above):
            return None
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and isinstance(node.right, ast.Constant):
        folder, filename = file.segment(node.left), file.segment(node.right)
    elif isinstance(node, ast.JoinedStr) and "/" not in file.segment(node):
        filename = file.segment(node)
    else:
        return None
    edits: list[Edit]
    if folder is None:
        edits = rewrite.rewrite_call(source, call, drop_arguments=(argument,), set_argument={"filename": filename})
    else:
        edits = rewrite.replace(source, file.span(node), folder)
        edits += rewrite.add_argument(source, call, f"filename={filename}")
    return Fix("Name the file with filename=", joined(edits), safe=True)


RULE = Rule(
    "MS301",
    "dotenv-path-is-not-a-filename",
    Severity.ERROR,
    check,
    fixable="safe",
    witness="gives the container another STAGE",
)
