"""MS313: a Secret that keeps its old values."""

import ast
from collections.abc import Iterator

from modal_lint import moving
from modal_lint.environments import asking
from modal_lint.model import Finding, Rule, Severity
from modal_lint.nodes import last_name
from modal_lint.remarks import remark
from modal_lint.source import File
from modal_lint.uses import Use
from modal_lint.values import Const, Entry, Mapping

_CREATE, _UPDATE = "modal.Secret.objects.create", "modal.Secret.update"

_RANDOM = ("token_urlsafe", "token_hex", "token_bytes", "uuid", "urandom", "generate_", "randbytes", "getrandbits")


def check(file: File) -> Iterator[Finding]:
    """`Secret.objects.create(…, allow_existing=True)` does not change a Secret that is there.

    Where the name is taken, nothing is written and nothing is said: the Secret keeps the values of its first creation,
    and whoever runs this to rotate a key goes on with the old one.

    ```python bad
    import os

    import modal

    values = {"STRIPE_API_KEY": os.environ["STRIPE_API_KEY"]}
    modal.Secret.objects.create("stripe-secret", values, allow_existing=True)  # expect: MS313
    ```

    ```python good
    import os

    import modal

    values = {"STRIPE_API_KEY": os.environ["STRIPE_API_KEY"]}
    modal.Secret.objects.create("stripe-secret", {}, allow_existing=True)
    modal.Secret.from_name("stripe-secret").update(values)
    ```

    `update` adds and replaces keys, for containers that are started afterwards. Nothing is said where the file calls
    `update` too, where nothing is to be stored, or where the values are made up on the spot: those are to stay.
    """
    if any(one.api.name == _UPDATE for one in file.uses):
        return
    told: set[ast.AST] = set()
    for use in file.uses:
        if use.api.name != _CREATE or use.node in told:
            continue
        if not _is_true(use) or _stores_nothing(use):
            continue
        told.add(use.node)
        name = asking.text(use, "name")
        yield remark(
            RULE,
            file,
            use.node,
            f"allow_existing=True keeps the old values of Secret {name or '…'} where it exists",
            help_text="to change it, call modal.Secret.from_name(…).update({…})",
        )


def _is_true(use: Use) -> bool:
    values = asking.parameter(use, "allow_existing") or ()
    return bool(values) and all(isinstance(value, Const) and value.value is True for value in values)


def _stores_nothing(use: Use) -> bool:
    values = asking.parameter(use, "env_dict") or ()
    return any(
        isinstance(value, Mapping) and value.complete and all(_is_made_up(entry) for entry in value.entries)
        for value in values
    )


def _is_made_up(entry: Entry) -> bool:
    """Whether an entry's value is random: each run would store another one."""
    place = entry.place
    value = None if place is None else moving.value_of(place.file, place.node)
    calls = (node for node in ast.walk(value) if isinstance(node, ast.Call)) if value is not None else ()
    return any(last_name(call.func).startswith(_RANDOM) for call in calls)


RULE = Rule(
    "MS313",
    "stale-upsert",
    Severity.WARNING,
    check,
    fixable="hint",
    witness="gives the container another STRIPE_API_KEY",
)
