"""What a check says of an argument, and the exception that it becomes."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from modal_lint_runtime import errors

if TYPE_CHECKING:
    from collections.abc import Callable

INVALID = "modal.exception.InvalidError"
NOT_FOUND = "modal.exception.NotFoundError"
CONFLICT = "modal.exception.ConflictError"
AUTH = "modal.exception.AuthError"
TYPE = "TypeError"
ATTRIBUTE = "AttributeError"
VALUE = "ValueError"
ENCODE = "UnicodeEncodeError"

_MAX_SHOWN = 80
_CLASSES: dict[str | None, type[errors.ModalError]] = {
    NOT_FOUND: errors.NotFoundError,
    CONFLICT: errors.ConflictError,
    AUTH: errors.AuthError,
}


class Sdk(str, Enum):
    """Whose behaviour is asked for.

    `REFERENCE` is this runtime: the documented behaviour first, then that of the Python SDK, and what only Modal's
    service can refuse is refused at once. `PYTHON` is `modal` 1.6.4, `JS` is `modal` 0.11.1 of npm, `GO` is 0.9.0.
    """

    REFERENCE = "reference"
    PYTHON = "python"
    JS = "js"
    GO = "go"


class When(str, Enum):
    """At which moment a wrong argument is noticed."""

    CALL = "at the call"
    LOAD = "at deploy, run or first use"
    SERVER = "by the service"
    COMPILE = "at compilation"
    NEVER = "never"


class Site(str, Enum):
    """Where a mapping, or a list of Secrets, is given to the SDK."""

    FROM_DICT = "Secret.from_dict"
    CREATE = "Secret.objects.create"
    UPDATE = "Secret.update"
    APP = "App"
    FUNCTION = "App.function"  # and App.cls
    SERVER = "App.server"
    WITH_OPTIONS = "with_options"
    IMAGE_STEP = "a build step of Image"
    RUN_FUNCTION = "Image.run_function"
    IMAGE_ENV = "Image.env"
    SANDBOX = "Sandbox.create"
    SANDBOX_V1 = "Sandbox.create on the V1 backend"
    EXEC = "Sandbox.exec"
    SIDECAR = "sidecars.create"
    REGISTRY = "Image.from_registry"
    BUCKET = "CloudBucketMount"
    POLICY = "OutboundPolicy.with_header_replacement"


class Verdict(NamedTuple):
    """Why an argument is refused, or, when it `raises` nothing, why it does not do what it says.

    Nothing in it holds the value of a Secret or of a variable.
    """

    code: str
    """The fact, as in `FACTS`: "S2"."""
    raises: str | None
    """The dotted name of the class that the SDK in question raises; None when it raises nothing."""
    when: When
    argument: str
    """The name of the argument."""
    message: str
    key: str | None = None
    """The entry that is wrong, when it is one entry."""

    def error(self) -> errors.ModalError:
        """The runtime's exception for it: of the class with the same name where there is one, else `InvalidError`."""
        error = _CLASSES.get(self.raises, errors.InvalidError)(self.message)
        error.verdict = self
        return error


def verdict_of(check: Callable[..., Any], *args: Any, **kwargs: Any) -> Verdict | None:
    """What `check`, a function of the contract that raises, says of these arguments; None when it accepts them."""
    try:
        check(*args, **kwargs)
    except errors.ModalError as error:
        return error.verdict
    return None


def refuse(verdict: Verdict | None) -> None:
    """Raise what `verdict` stands for; nothing when there is none, or when it raises nothing."""
    if verdict is not None and verdict.raises is not None:
        raise verdict.error()


def shown(name: object) -> str:
    """A name for a message: quoted, escaped, and cut when it is long."""
    if not isinstance(name, str):
        return f"of type {kind_of(name)}"
    return repr(name) if len(name) <= _MAX_SHOWN else f"{name[:_MAX_SHOWN]!r}..."


def kind_of(value: object) -> str:
    """The type of a value for a message."""
    return "None" if value is None else type(value).__name__[:_MAX_SHOWN]


def collection_argument(value: object, argument: str, code: str) -> None:
    """Raise InvalidError naming `argument` unless `value` can be gone through and is no text."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        refuse(Verdict(code, INVALID, When.CALL, argument, f"`{argument}` must be a list, got {kind_of(value)}"))


def text_argument(value: object, argument: str, code: str) -> str:
    """`value` if it is a string; raises InvalidError naming `argument` if not."""
    if not isinstance(value, str):
        refuse(Verdict(code, INVALID, When.CALL, argument, f"`{argument}` must be a string, got {kind_of(value)}"))
    return str(value)
