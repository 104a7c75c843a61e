"""Names of objects, environments and tags."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from string import ascii_letters, digits

from modal_lint_runtime.contract.limits import MAX_NAME, MAX_TAG
from modal_lint_runtime.contract.verdict import INVALID, NOT_FOUND, TYPE, Sdk, Verdict, When, kind_of, refuse, shown

_ALPHANUMERIC = frozenset(ascii_letters + digits)
_NAME = _ALPHANUMERIC | frozenset("-_.")
_ENVIRONMENT = _ALPHANUMERIC | frozenset("-_")
_APP_ID = "ap-"
_APP_ID_LENGTH = 25
DEFAULT_ENVIRONMENT = "main"
"""The environment that every workspace starts with."""


def is_object_name(name: str) -> bool:
    """Whether an object can have this name (S17, P _utils/name_utils.py:26-34).

    A line end after the name is accepted, as the SDK's pattern does.
    """
    if not isinstance(name, str):
        return False
    body = name.removesuffix("\n")
    return len(name) <= MAX_NAME and bool(body) and _NAME.issuperset(body) and not _is_app_id(body)


def _is_app_id(name: str) -> bool:
    return len(name) == _APP_ID_LENGTH and name.startswith(_APP_ID) and _ALPHANUMERIC.issuperset(name[3:])


def object_name(name: object, kind: str = "Secret", *, argument: str = "name", sdk: Sdk = Sdk.REFERENCE) -> str:
    """The name of an object that is to be created (S17, P _utils/name_utils.py:69-76).

    Args:
        name: what was given.
        kind: what is named, for the message: "Secret", "App", "Sandbox".
        argument: the argument's name, for the message.
        sdk: whose behaviour; JavaScript and Go cannot create Secrets and check no name.

    Raises:
        InvalidError: not a string, empty, over 64 characters, with other characters than letters, digits, `-`, `_`
            and `.`, or of the shape of an App's id. Where the name is no string, the Python SDK has a TypeError.
    """
    if not isinstance(name, str):
        refuse(_not_a_name(name, kind, argument, sdk))
    elif sdk in (Sdk.REFERENCE, Sdk.PYTHON) and not is_object_name(name):
        refuse(Verdict("S17", INVALID, When.CALL, argument, _name_text(name, kind)))
    return str(name)


def _not_a_name(name: object, kind: str, argument: str, sdk: Sdk) -> Verdict:
    text = f"`{argument}` of a {kind} must be a string, got {kind_of(name)}"
    if sdk in (Sdk.JS, Sdk.GO):
        return Verdict("S17", TYPE, When.COMPILE, argument, text)
    too_long = isinstance(name, Sized) and len(name) > MAX_NAME  # the SDK looks at the length before the type
    return Verdict("S17", INVALID if sdk is Sdk.REFERENCE or too_long else TYPE, When.CALL, argument, text)


def _name_text(name: str, kind: str) -> str:
    return (
        f"Invalid {kind} name: {shown(name)}. A name has 1 to {MAX_NAME} letters, digits, dashes, periods and "
        "underscores, and not the shape of an App's id."
    )


def lookup_name(name: object, kind: str = "Secret", *, argument: str = "name", sdk: Sdk = Sdk.REFERENCE) -> str:
    """The name of an object that is looked up: any string, no SDK checks it (S17), the lookup fails.

    Raises:
        InvalidError: not a string (in the Python SDK a TypeError when the Secret is loaded).
    """
    if not isinstance(name, str):
        raises, when = (INVALID, When.CALL) if sdk is Sdk.REFERENCE else (TYPE, When.LOAD)
        text = f"`{argument}` of a {kind} must be a string, got {kind_of(name)}"
        refuse(Verdict("S17", raises, when, argument, text))
    return str(name)


def findable_name(name: object, kind: str = "Secret", *, argument: str = "name") -> str:
    """The name of an object that is looked up, if one can exist under it (S17).

    Raises:
        NotFoundError: none can. No SDK says so at the call; the lookup fails when the object is loaded.
    """
    if not isinstance(name, str) or not is_object_name(name):
        refuse(Verdict("S17", NOT_FOUND, When.LOAD, argument, _name_text(str(name), kind)))
    return str(name)


def environment_name(
    explicit: object = None, client: object = None, default: str = DEFAULT_ENVIRONMENT, *, app: object = None
) -> str:
    """The environment in which a name is looked up (S19c, P _object.py:23-38, _load_context.py:61-82).

    Args:
        explicit: what the call says.
        client: what the client or its profile says, `MODAL_ENVIRONMENT` included.
        default: the workspace's own.
        app: that of the App whose Function is deployed. `Sandbox.create` and `exec` do not inherit it: leave it out.

    An empty string counts as unset. Raises InvalidError for anything that is neither a string nor None.
    """
    given = {"environment": explicit, "environment of the App": app, "environment of the client": client}
    for argument, name in given.items():
        if name is not None and not isinstance(name, str):
            text = f"`{argument}` must be a string or None, got {kind_of(name)}"
            refuse(Verdict("S19c", INVALID, When.CALL, argument, text))
    return next((str(name) for name in given.values() if name), default)


def new_environment_name(name: object, *, argument: str = "environment") -> str:
    """The name of an environment that is to be created (P _utils/name_utils.py:37-47, 79-88).

    Raises:
        InvalidError: not a string, or not 1 to 64 letters, digits, dashes and underscores starting with a letter or
            digit, or starting with `en-`, which is for ids.
    """
    if not isinstance(name, str):
        text = f"`{argument}` must be a string, got {kind_of(name)}"
        raise Verdict("S19c", INVALID, When.CALL, argument, text).error()
    body = name.removesuffix("\n")
    fits = len(name) <= MAX_NAME and bool(body) and _ENVIRONMENT.issuperset(body) and body[0] in _ALPHANUMERIC
    if not fits or body.lower().startswith("en-"):
        text = (
            f"Invalid Environment name: {shown(name)}. A name has 1 to {MAX_NAME} letters, digits, dashes and "
            "underscores, starts with a letter or digit, and not with 'en-'."
        )
        refuse(Verdict("S19c", INVALID, When.CALL, argument, text))
    return str(name)


def tags(tags: object, argument: str = "tags") -> dict[str, str]:
    """The tags of an App or sandbox: they are kept in clear (P _utils/name_utils.py:50-66).

    Raises:
        InvalidError: not a dict, or a key or value that is not 1 to 63 letters, digits, `-`, `_` and `.`.
    """
    if tags is None:
        return {}
    if not isinstance(tags, Mapping):
        text = f"`{argument}` must be a dict of strings, got {kind_of(tags)}"
        raise Verdict("tags", INVALID, When.CALL, argument, text).error()
    for key, value in tags.items():
        for what, part in (("key", key), ("value of the key", value)):
            if not isinstance(part, str) or not _is_tag(part):
                text = f"`{argument}`: invalid tag, {what} {shown(key)} must be 1 to {MAX_TAG} letters, digits, - _ ."
                refuse(Verdict("tags", INVALID, When.CALL, argument, text, key if isinstance(key, str) else None))
    return dict(tags)


def _is_tag(text: str) -> bool:
    body = text.removesuffix("\n")
    return 0 < len(body) <= MAX_TAG and _NAME.issuperset(body)
