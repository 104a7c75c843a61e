"""Mappings of variable names to values: the contents of a Secret, `env=` of every call, `Image.env`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from modal_lint_runtime.contract.keys import is_key, passes_python
from modal_lint_runtime.contract.limits import MAX_KEY, MAX_VALUE
from modal_lint_runtime.contract.verdict import (
    ATTRIBUTE,
    ENCODE,
    INVALID,
    TYPE,
    Sdk,
    Site,
    Verdict,
    When,
    kind_of,
    refuse,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIKE_FROM_DICT = (
    Site.FROM_DICT,
    Site.FUNCTION,
    Site.SERVER,
    Site.WITH_OPTIONS,
    Site.IMAGE_STEP,
    Site.RUN_FUNCTION,
    Site.SANDBOX_V1,
)
_SECRETS = (Site.FROM_DICT, Site.CREATE, Site.UPDATE)
_BREAKS_ENV_LINE = frozenset(" \t\n\r\v\f\0=\"'\\$#")


class _Call(NamedTuple):
    argument: str
    site: Site
    sdk: Sdk


def entries(
    entries: object, argument: str = "entries", *, sdk: Sdk = Sdk.REFERENCE, site: Site = Site.FROM_DICT
) -> dict[str, str]:
    """The contents of a Secret that is to be made (S1 to S10, S19d).

    Args:
        entries: a dict of strings to strings.
        argument: its name, for the message.
        sdk: whose behaviour; the Python SDK drops entries that are None, the others refuse them.
        site: `FROM_DICT` or `CREATE`, which check differently in the Python SDK.

    Raises:
        InvalidError: not a dict (`os.environ` is none), a key that is no string or no name of a variable, a value
            that is not a string (None too), a character that no environment can hold (NUL, a lone surrogate), a key
            over 16,384 or a value over 32,768 characters. The message names the argument and key, never the value.
    """
    return _checked(entries, _Call(argument, site, sdk))


def update_entries(entries: object, argument: str = "entries", *, sdk: Sdk = Sdk.REFERENCE) -> dict[str, str]:
    """The entries that an update adds or replaces: as `entries`; None is refused everywhere (S19f, P secret.py:574).

    An update merges: it cannot remove a key, and an empty one is still sent.
    """
    return _checked(entries, _Call(argument, Site.UPDATE, sdk))


def env(env: object, argument: str = "env", *, sdk: Sdk = Sdk.REFERENCE, site: Site = Site.SANDBOX) -> dict[str, str]:
    """The variables of `env=`: as `entries`, but entries that are None are left out, and None is an empty dict (S28).

    Args:
        env: a dict of strings to strings or None.
        argument: its name, for the message.
        sdk: whose behaviour.
        site: the call; in the Python SDK every one checks differently.

    Raises:
        InvalidError: as `entries`.
    """
    if not env and (env is None or sdk is Sdk.PYTHON):  # the SDK tests `if env:` first
        return {}
    return _checked(env, _Call(argument, site, sdk))


def entry(key: object, value: object, argument: str, site: Site, *, sdk: Sdk = Sdk.REFERENCE) -> None:
    """Check one entry of a mapping of which not everything is known.

    Raises:
        InvalidError: as `entries`, `update_entries`, `env` or `image_env`, whichever the `site` calls for.
    """
    call = _Call(argument, site, sdk)
    if isinstance(key, (list, dict, set, bytearray)):  # no dict can have such a key
        raise _verdict(call, "S4", INVALID, f"must have keys that are strings, got {kind_of(key)}").error()
    if site is Site.IMAGE_ENV:
        image_env({key: value}, argument, sdk=sdk)
    else:
        _checked({key: value}, call)


def image_env(vars: object, argument: str = "vars", *, sdk: Sdk = Sdk.REFERENCE) -> dict[str, str]:
    """The variables that `Image.env` bakes into an image: they stay in every derived one (S29, P _image.py:3025-3053).

    Raises:
        InvalidError: a value that is not a string, None too (unlike `env=`); in this runtime also a key that would
            break the `ENV` line, which the SDK writes without a check, and whatever else is no dict of strings.
    """
    call = _Call(argument, Site.IMAGE_ENV, sdk)
    if not isinstance(vars, Mapping):
        raises = INVALID if sdk is Sdk.REFERENCE else ATTRIBUTE
        raise _verdict(call, "S29", raises, f"must be a dict of strings, got {kind_of(vars)}").error()
    if sdk is Sdk.REFERENCE:
        _first(_strings(vars, call, "S29"), _unfit_keys(vars, call), _characters(vars, call))
    else:
        _first(_values(vars, call, "S29", INVALID), _encodes(vars, call))
    return dict(vars)


def _checked(values: object, call: _Call) -> dict[str, str]:
    if call.sdk is Sdk.PYTHON:
        return _python(values, call)
    if call.sdk in (Sdk.JS, Sdk.GO):
        return _other(values, call)
    if not isinstance(values, dict):
        raise _verdict(call, "S1", INVALID, f"must be a dict of strings, got {kind_of(values)}").error()
    kept = values if call.site in _SECRETS else _given(values)
    _first(
        _keys(values, call, "S4", INVALID),
        _values(kept, call, "S2", INVALID),
        _names(values, call),
        _characters(kept, call),
        _lengths(kept, call),
    )
    return dict(kept)


def _given(values: Mapping[object, object]) -> dict[object, object]:
    return {key: value for key, value in values.items() if value is not None}


def _python(values: object, call: _Call) -> dict[str, str]:
    if call.site in _LIKE_FROM_DICT:
        kept = _from_dict(values, call)
    elif call.site is Site.UPDATE:
        kept = _update(values, call)
    elif call.site is Site.SANDBOX:
        kept = _sandbox(values, call)
    else:
        kept = _sent(values, call)
    _first(_encodes(kept, call), _names(kept, call, When.SERVER), _lengths(kept, call))
    return {_text(key): _text(value) for key, value in kept.items()}


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _from_dict(values: object, call: _Call) -> dict[object, object]:
    """P secret.py:318-332."""
    if not isinstance(values, dict):
        raise _verdict(call, "S1", INVALID, f"has to be a dict of strings, got {kind_of(values)}").error()
    kept = _given(values)
    _first(_keys(kept, call, "S4", INVALID), _values(kept, call, "S2", INVALID), _keys(values, call, "S4", TYPE))
    return kept


def _update(values: object, call: _Call) -> dict[object, object]:
    """P secret.py:580-586."""
    if not isinstance(values, dict):
        raise _verdict(call, "S19f", INVALID, f"must be a dict of strings, got {kind_of(values)}").error()
    _first(_strings(values, call, "S19f"))
    return dict(values)


def _sandbox(values: object, call: _Call) -> dict[object, object]:
    """P sandbox/_impl_v2.py:166-176."""
    if not isinstance(values, dict):
        raise _verdict(call, "S28", INVALID, f"must be a dict of strings, got {kind_of(values)}").error()
    kept = _given(values)
    _first(_strings(kept, call, "S28"), _names(kept, call, When.CALL))
    return kept


def _sent(values: object, call: _Call) -> dict[object, object]:
    """What is not checked and goes into a message: `objects.create`, `exec`, sidecars (S19d, S28)."""
    if values is None and call.site is Site.CREATE:
        return {}
    raises = ATTRIBUTE if call.site is Site.EXEC else TYPE
    if call.site is Site.CREATE:
        values, raises = pairs(values)
    if not isinstance(values, Mapping):
        raise _verdict(call, "S28", raises, f"must be a dict of strings, got {kind_of(values)}").error()
    kept = _given(values) if call.site is Site.EXEC else dict(values)
    if call.site is Site.SIDECAR:
        _first(_keys(kept, call, "S28", TYPE), _names(kept, call, When.CALL))
    _first(_message(kept, call))
    return kept


def pairs(values: object) -> tuple[object, str]:
    """The dict that a mapping or a collection of pairs makes; else `values` itself, and what making one raises."""
    try:
        return dict(values), TYPE  # type: ignore[call-overload]  # what is no pair raises
    except (TypeError, ValueError) as error:
        return values, type(error).__name__


def _other(values: object, call: _Call) -> dict[str, str]:
    """JavaScript: any object, null refused, keys checked, values only by `fromObject`. Go: what compiles (S1 to S6)."""
    raises, when = (INVALID, When.CALL) if call.sdk is Sdk.JS else ("compile error", When.COMPILE)
    if not isinstance(values, Mapping):
        raises = TYPE if values is None and call.sdk is Sdk.JS else raises
        text = f"must be a mapping of strings, got {kind_of(values)}"
        raise _verdict(call, "S1", raises, text, when=when).error()
    unchecked = call.sdk is Sdk.JS and call.site in (Site.SANDBOX, Site.EXEC, Site.SIDECAR)
    typed = () if unchecked else _values(values, call, "S2", raises, when=when)
    _first(_keys(values, call, "S4", raises, when=when), typed, _names(values, call), _lengths(values, call))
    return {str(key): str(value) for key, value in values.items()}


def _first(*checks: Iterator[Verdict] | tuple[Verdict, ...]) -> None:
    for check in checks:
        for verdict in check:
            refuse(verdict)


def _strings(values: Mapping[object, object], call: _Call, code: str) -> Iterator[Verdict]:
    yield from _keys(values, call, code, INVALID)
    yield from _values(values, call, code, INVALID)


def _keys(
    values: Mapping[object, object],
    call: _Call,
    code: str,
    raises: str,
    also: type = str,
    when: When = When.CALL,
) -> Iterator[Verdict]:
    for key in values:
        if not isinstance(key, (str, also)):
            yield _verdict(call, code, raises, f"must have keys that are strings, got {kind_of(key)}", when=when)


def _values(
    values: Mapping[object, object],
    call: _Call,
    code: str,
    raises: str,
    also: type = str,
    when: When = When.CALL,
) -> Iterator[Verdict]:
    for key, value in values.items():
        if not isinstance(value, (str, also)):
            text = f"must have values that are strings: that of key {shown(key)} is {kind_of(value)}"
            yield _verdict(call, code, raises, text, key, when)


def _names(values: Mapping[object, object], call: _Call, when: When = When.CALL) -> Iterator[Verdict]:
    at_the_call = call.sdk is Sdk.PYTHON and when is When.CALL
    for key in values:
        if isinstance(key, str) and not (passes_python(key) if at_the_call else is_key(key)):
            code = "S5" if key else "S6"
            code = "S7" if is_key(key.removesuffix("\n")) else code
            text = f"has an invalid key, {shown(key)}: letters, digits and underscores, and no digit first"
            yield _verdict(call, code, INVALID, text, key, when)


def _unfit_keys(values: Mapping[object, object], call: _Call) -> Iterator[Verdict]:
    for key in values:
        if isinstance(key, str) and (not key or not _BREAKS_ENV_LINE.isdisjoint(key)):
            yield _verdict(call, "S29", INVALID, f"has a key that breaks the image's ENV line, {shown(key)}", key)


def _characters(values: Mapping[object, object], call: _Call) -> Iterator[Verdict]:
    for key, value in values.items():
        for what, part in (("key", key), ("value of key", value)):
            if isinstance(part, str) and ("\0" in part or not _encodable(part)):
                text = f"has a NUL or a lone surrogate in the {what} {shown(key)}"
                yield _verdict(call, "S10", INVALID, text, key)


def _message(values: Mapping[object, object], call: _Call) -> Iterator[Verdict]:
    """What fails entry by entry while a message is filled: bytes are taken when they are UTF-8."""
    code = "S19d" if call.site is Site.CREATE else "S28"
    for key, value in values.items():
        for what, part in (("key", key), ("value of key", value)):
            if isinstance(part, str):
                raises = "" if _encodable(part) else ENCODE
            else:
                raises = ("" if _decodable(part) else "UnicodeDecodeError") if isinstance(part, bytes) else TYPE
            if raises:
                text = f"must hold strings: the {what} {shown(key)} cannot be sent"
                yield _verdict(call, code, raises, text, key)


def _encodes(values: Mapping[object, object], call: _Call) -> Iterator[Verdict]:
    """A lone surrogate fails when the message to the service is built; NUL passes (S10)."""
    for key, value in values.items():
        for what, part in (("key", key), ("value of key", value)):
            if isinstance(part, str) and not _encodable(part):
                text = f"has a lone surrogate in the {what} {shown(key)}"
                yield _verdict(call, "S10", ENCODE, text, key, When.LOAD)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _decodable(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _lengths(values: Mapping[object, object], call: _Call) -> Iterator[Verdict]:
    when = When.CALL if call.sdk is Sdk.REFERENCE else When.SERVER
    for key, value in values.items():
        if isinstance(key, str) and len(key) > MAX_KEY:
            yield _verdict(call, "S8", INVALID, f"has a key over {MAX_KEY} characters, {shown(key)}", key, when)
        if isinstance(value, str) and len(value) > MAX_VALUE:
            text = f"has a value over {MAX_VALUE} characters, of key {shown(key)}"
            yield _verdict(call, "S8", INVALID, text, key, when)


def _verdict(call: _Call, code: str, raises: str, text: str, key: object = None, when: When = When.CALL) -> Verdict:
    name = key if isinstance(key, str) else None
    return Verdict(code, raises, when, call.argument, f"`{call.argument}` {text}", name)
