"""MS307: a variable that nothing replaces."""

import ast
from collections.abc import Iterator

from modal_lint.environments import asking
from modal_lint.exposure import HOLE_MARK, marked
from modal_lint.lazy import contract
from modal_lint.modal_api import Sink
from modal_lint.model import Finding, Fix, Rule, Severity
from modal_lint.remarks import attempted, remark
from modal_lint.source import File
from modal_lint.uses import Given, Use
from modal_lint.values import Mapping, Place, Sequence, Text, Values

_IMAGE = "modal.Image."


def check(file: File) -> Iterator[Finding]:
    """A `$VARIABLE` is written where it is sent as it is, and not replaced by a Secret's value.

    `pip_install` and its like quote index URLs and packages for the shell, so that pip asks a host for
    `https://$TOKEN@…` by these very letters. In the headers of an outbound policy `$KEY` is replaced, `${KEY}` is not.

    ```python bad
    import modal
    import modal.experimental

    secret = modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])
    policy = modal.experimental.OutboundPolicy().with_header_replacement(
        domain="api.openai.com",
        headers={"Authorization": "Bearer ${OPENAI_API_KEY}"},  # expect: MS307
        secret=secret,
    )
    ```

    ```python good
    import modal
    import modal.experimental

    secret = modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])
    policy = modal.experimental.OutboundPolicy().with_header_replacement(
        domain="api.openai.com",
        headers={"Authorization": "Bearer $OPENAI_API_KEY"},
        secret=secret,
    )
    ```

    The fix is safe, and there is one for headers. For an index, put `PIP_EXTRA_INDEX_URL` or `UV_INDEX` into a Secret
    of the step, or pass the option in `extra_options=`, which the shell does read. uv replaces `${NAME}` in a
    package's URL itself: nothing is said of that.
    """
    told: set[ast.AST] = set()
    for use, given in file.given(Sink.URL, Sink.PACKAGE, Sink.HEADER):
        node = given.argument.node
        if isinstance(node, ast.Constant) and "$" not in str(node.value):
            continue
        if given.param.sink is Sink.HEADER:
            yield from _headers(use, given, told)
        elif use.api.name.startswith(_IMAGE):
            yield from _installing(use, given, told)


def _installing(use: Use, given: Given, told: set[ast.AST]) -> Iterator[Finding]:
    step = use.api.name.removeprefix(_IMAGE)
    for text in _texts(given.values(use.file.project.evaluator)):
        names = [name for name in contract.literal_variables(step, given.param.name, marked(text)) if name.isupper()]
        place = _place(use, given, text) if names else None
        if place is not None and place not in told:
            told.add(place)
            yield remark(
                RULE,
                use.file,
                place,
                f"${names[0]} in {given.param.name} of {use.api.name} is quoted for the shell and never replaced",
                help_text="set PIP_EXTRA_INDEX_URL or UV_INDEX in a Secret of the step, or use extra_options=",
                key=names[0],
                sink=use.node,
            )


def _texts(values: Values, depth: int = 0) -> Iterator[Text]:
    for value in values if depth < 3 else ():
        if isinstance(value, Text):
            yield value
        elif isinstance(value, Sequence):
            for item in value.items:
                yield from _texts(item, depth + 1)


def _headers(use: Use, given: Given, told: set[ast.AST]) -> Iterator[Finding]:
    if not asking.is_passed(use, "secret"):
        return
    for value in given.values(use.file.project.evaluator):
        if not isinstance(value, Mapping):
            continue
        for text in (one for entry in value.entries for one in entry.value if isinstance(one, Text)):
            names = [name for name in contract.literal_braces(marked(text)) if contract.is_key(name)]
            place = _place(use, given, text)
            if names and place not in told:
                told.add(place)
                yield remark(
                    RULE,
                    use.file,
                    place,
                    f"${{{names[0]}}} in a header of {use.api.name} is sent as it is: only ${names[0]} is replaced",
                    help_text="leave the braces out",
                    fix=attempted(lambda: _fix(use, place, names)),  # noqa: B023 - called at once
                    key=names[0],
                    sink=use.node,
                )


def _place(use: Use, given: Given, text: Text) -> ast.AST:
    """The literal with the variable, where it stands in this file."""
    origins: list[Place | None] = [getattr(part, "origin", None) for part in text.parts if "$" in _text_of(part)]
    origin = next((origin for origin in origins if origin is not None and origin.file is use.file), None)
    if origin is not None:
        return origin.node
    node = given.argument.node
    return node if node is not None and use.file.scopes.within(node, use.node) else use.node


def _text_of(part: object) -> str:
    return getattr(part, "text", HOLE_MARK)


def _fix(use: Use, place: ast.AST, names: list[str]) -> Fix | None:
    from modal_lint import rewrite

    file = use.file
    if not isinstance(place, ast.Constant):
        return None
    written = file.segment(place)
    text = written
    for name in names:
        end = text.find(f"${{{name}}}") + len(name) + 3
        if end < len(name) + 3 or text[end : end + 1].isalnum() or text[end : end + 1] == "_":
            return None  # what follows would become part of the name
        text = text.replace(f"${{{name}}}", f"${name}", 1)
    edits = rewrite.replace(file.rewriting, file.span(place), text)
    return Fix("Write $KEY without braces", tuple(edits), safe=True)


RULE = Rule(
    "MS307",
    "unexpanded-variable",
    Severity.ERROR,
    check,
    fixable="safe",
    witness="goes through with a reference that is taken for plain text",
)
