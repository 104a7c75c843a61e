"""Arguments of sandboxes that concern secrets or processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint_runtime.contract.limits import MAX_ARGUMENTS, MAX_ENCRYPTION_KEY, MIN_ENCRYPTION_KEY
from modal_lint_runtime.contract.verdict import (
    INVALID,
    TYPE,
    Sdk,
    Verdict,
    When,
    collection_argument,
    kind_of,
    refuse,
    text_argument,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def persistent_sandbox(
    *, env: object = None, tags: object = None, name: object = None, ephemeral: Iterable[bool] = ()
) -> None:
    """Check what a persistent sandbox refuses (S38, P sandbox/_impl_persistent.py:108-133).

    Args:
        env, tags, name: the arguments of `Sandbox.create`.
        ephemeral: of each of its Secrets whether it is made of a dict, a file or local variables.

    Raises:
        InvalidError: any of them is given, or a Secret is not a named one.
    """
    for argument, value in (("name", name), ("env", env), ("tags", tags)):
        if value is not None and (value or argument == "name"):
            text = f"`{argument}` is not supported by persistent sandboxes"
            refuse(Verdict("S38", INVALID, When.CALL, argument, text))
    collection_argument(ephemeral, "ephemeral", "S38")
    if any(ephemeral):
        text = "`secrets` of a persistent sandbox must be named Secrets"
        refuse(Verdict("S38", INVALID, When.LOAD, "secrets", text))


def arguments(arguments: object, argument: str = "command") -> tuple[str, ...]:
    """The arguments of a process in a sandbox (P sandbox/_common.py:225-234).

    Raises:
        InvalidError: not a list or tuple of strings, or together over 65,536 characters.
    """
    if not isinstance(arguments, (list, tuple)):
        text = f"`{argument}` must be a list of strings, got {kind_of(arguments)}"
        raise Verdict("argv", INVALID, When.CALL, argument, text).error()
    for number, one in enumerate(arguments, 1):
        if not isinstance(one, str):
            text = f"`{argument}`: number {number} must be a string, got {kind_of(one)}"
            refuse(Verdict("argv", INVALID, When.CALL, argument, text))
    total = sum(len(one) for one in arguments)
    if total > MAX_ARGUMENTS:
        text = f"`{argument}` must be at most {MAX_ARGUMENTS} characters together, got {total}"
        refuse(Verdict("argv", INVALID, When.CALL, argument, text))
    return tuple(arguments)


def workdir(path: object, argument: str = "workdir") -> str | None:
    """The working directory of a process: absolute, or None (P sandbox/_common.py:438).

    Raises:
        InvalidError: not a string, or not absolute.
    """
    if path is None:
        return None
    if not isinstance(path, str) or not path.startswith("/"):
        text = (
            f"`{argument}` must be an absolute path, got {'a relative one' if isinstance(path, str) else kind_of(path)}"
        )
        refuse(Verdict("argv", INVALID, When.CALL, argument, text))
    return str(path)


def encryption_key(
    key: object, argument: str = "_experimental_encryption_key", *, sdk: Sdk = Sdk.REFERENCE
) -> bytes | None:
    """A customer's key for a snapshot: 16 to 512 bytes, or None (P sandbox/_common.py:149-167).

    Raises:
        InvalidError: of another length, or not bytes (a TypeError in the Python SDK).
    """
    if key is None:
        return None
    if not isinstance(key, bytes):
        raises = TYPE if sdk is Sdk.PYTHON else INVALID
        text = f"`{argument}` must be bytes, got {kind_of(key)}"
        raise Verdict("key", raises, When.CALL, argument, text).error()
    if not MIN_ENCRYPTION_KEY <= len(key) <= MAX_ENCRYPTION_KEY:
        text = f"`{argument}` must be {MIN_ENCRYPTION_KEY} to {MAX_ENCRYPTION_KEY} bytes, got {len(key)}"
        refuse(Verdict("key", INVALID, When.CALL, argument, text))
    return key


def dotenv_path(path: object) -> Verdict | None:
    """Whether the first argument of `Secret.from_dotenv` is taken for a file's name (S14, P secret.py:408-417).

    It is where the search starts: a file called `.env.prod` there is not read, its sibling `.env` is. Answers with a
    verdict that raises nothing, or with None when the path does not end like the name of such a file; `.env` itself
    is harmless. Raises InvalidError for what is no path.
    """
    if path is None:
        return None
    from os import PathLike, fspath

    if not isinstance(path, (str, PathLike)):
        text = f"`path` must be a path, got {kind_of(path)}"
        raise Verdict("S14", TYPE, When.LOAD, "path", text).error()
    name = str(fspath(path)).replace("\\", "/").rpartition("/")[2]
    if name == ".env" or not (name.startswith(".env") or name.endswith(".env")):
        return None
    text = "`path` is where the search for `.env` starts, not the file to read: use `filename`"
    return Verdict("S14", None, When.NEVER, "path", text)


def unexpanded_variables(value: str) -> tuple[str, ...]:
    """The variables in a URL or package of `pip_install` and `uv_pip_install`, which the SDK quotes (S36).

    They reach pip as they stand here, `$NAME` or `${NAME}`, and are not replaced by a Secret's value; they are in
    `extra_options` and in commands.
    """
    found = []
    for part in text_argument(value, "value", "S36").split("$")[1:]:
        body = part.removeprefix("{")
        end = next(
            (at for at, char in enumerate(body) if not (char.isascii() and (char.isalnum() or char == "_"))), len(body)
        )
        if end and not body[0].isdigit() and (body is part or body[end : end + 1] in ("}", ":")):
            found.append(body[:end])
    return tuple(found)


def exclusive(secrets: Sequence[str], policy_secrets: Sequence[str]) -> tuple[str, ...]:
    """The Secrets that a sandbox has both in `secrets=` and in its outbound policy (S31).

    The policy keeps their values out of the sandbox, and `secrets=` puts them back into its variables.
    """
    collection_argument(secrets, "secrets", "S31")
    collection_argument(policy_secrets, "policy_secrets", "S31")
    names = (name for name in secrets if isinstance(name, str))
    return tuple(name for name in dict.fromkeys(names) if name in policy_secrets)
