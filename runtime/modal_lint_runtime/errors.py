"""The exceptions of the runtime, one tree under `ModalError`.

```
ModalError
├── NotFoundError                an object that does not exist, or was deleted
│   └── MissingKeysError         a Secret that lacks keys the caller requires
├── InvalidError                 an argument that cannot be accepted
│   └── ConflictError            an argument that contradicts the state of the workspace
├── AlreadyExistsError           a name that is taken
├── AuthError                    credentials that are missing, partial or wrong
├── PermissionDeniedError        credentials that do not allow the call
├── ResourceExhaustedError       a limit of the machine or of the workspace
├── SandboxTimeoutError          a sandbox that outlived its timeout
├── SandboxTerminatedError       a sandbox that was terminated
├── ExecTimeoutError             a process in a sandbox that outlived its timeout
├── ImageBuildError              a build step that failed
├── UnsupportedError             a call that this engine or backend cannot make
└── WorkspaceError               a workspace that is damaged, locked or without its key
```

The names are those of `modal.exception` where it has one. No message carries the value of a Secret or of a
variable: only names, keys, types and counts. Every exception can be pickled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modal_lint_runtime.contract.verdict import Verdict

__all__ = [
    "AlreadyExistsError",
    "AuthError",
    "ConflictError",
    "ExecTimeoutError",
    "ImageBuildError",
    "InvalidError",
    "MissingKeysError",
    "ModalError",
    "NotFoundError",
    "PermissionDeniedError",
    "ResourceExhaustedError",
    "SandboxTerminatedError",
    "SandboxTimeoutError",
    "UnsupportedError",
    "WorkspaceError",
]


_MAX_SHOWN_KEYS, _MAX_SHOWN = 20, 80


class ModalError(Exception):
    """The base of everything that the runtime raises on purpose.

    `verdict` is there when a check of the contract refused an argument: which fact, and what the real SDKs raise.
    """

    verdict: Verdict | None = None


class NotFoundError(ModalError):
    """The object does not exist, or has been deleted."""


class MissingKeysError(NotFoundError):
    """The Secret exists and lacks keys that the caller requires.

    A `NotFoundError`, as documented for `secrets.from_name`; the real Python SDK raises its `ConflictError` here.

    Args:
        keys: the keys that are missing.
        secret_name: the name of the Secret, None when it has none.
    """

    def __init__(self, keys: Iterable[str], secret_name: str | None = None) -> None:
        self.keys = tuple(keys)
        self.secret_name = secret_name
        shown = ", ".join(key[:_MAX_SHOWN] for key in self.keys[:_MAX_SHOWN_KEYS]) + (
            ", ..." if len(self.keys) > _MAX_SHOWN_KEYS else ""
        )
        of = "" if secret_name is None else f" (Secret {secret_name[:_MAX_SHOWN]!r})"
        super().__init__(f"Secret is missing key(s): {shown}{of}")

    def __reduce__(self) -> tuple[type[MissingKeysError], tuple[object, ...], dict[str, object]]:
        return MissingKeysError, (self.keys, self.secret_name), self.__dict__


class InvalidError(ModalError):
    """An argument has a type or a content that cannot be accepted."""


class ConflictError(InvalidError):
    """The call contradicts the present state of the object."""


class AlreadyExistsError(ModalError):
    """The name is taken."""


class AuthError(ModalError):
    """Credentials are missing, partial or wrong."""


class PermissionDeniedError(ModalError):
    """The credentials do not allow the call."""


class ResourceExhaustedError(ModalError):
    """A limit of the machine or of the workspace is reached."""


class SandboxTimeoutError(ModalError):
    """The sandbox outlived its timeout and was killed."""


class SandboxTerminatedError(ModalError):
    """The sandbox was terminated before the call or during it."""


class ExecTimeoutError(ModalError):
    """A process in a sandbox outlived its timeout and was killed."""


class ImageBuildError(ModalError):
    """A step of an image build failed.

    Args:
        step: the Dockerfile command, as written; it never holds a value that came from a Secret.
        exit_code: what the command exited with.
        log: the end of the build's output, values of Secrets masked.
    """

    def __init__(self, step: str, exit_code: int, log: str = "") -> None:
        self.step = step
        self.exit_code = exit_code
        self.log = log
        super().__init__(f"image build failed with exit code {exit_code} at: {step}" + (f"\n{log}" if log else ""))

    def __reduce__(self) -> tuple[type[ImageBuildError], tuple[object, ...], dict[str, object]]:
        return ImageBuildError, (self.step, self.exit_code, self.log), self.__dict__


class UnsupportedError(ModalError):
    """This engine or backend cannot do what is asked."""


class WorkspaceError(ModalError):
    """The workspace is damaged, locked, of a newer version, or its key is missing."""
