"""The runtime's typed errors as gRPC statuses (what the SDKs make of each: design/protocol.md section 4)."""

from __future__ import annotations

import logging
import traceback

from grpclib import GRPCError, Status

from modal_lint_runtime import errors

log = logging.getLogger(__name__)

STATUSES: tuple[tuple[type[Exception], Status], ...] = (
    # The Python SDK makes ConflictError of FAILED_PRECONDITION; JavaScript NotFoundError, by the text.
    (errors.MissingKeysError, Status.FAILED_PRECONDITION),
    (errors.NotFoundError, Status.NOT_FOUND),
    (errors.ConflictError, Status.FAILED_PRECONDITION),
    (errors.InvalidError, Status.INVALID_ARGUMENT),
    (errors.AlreadyExistsError, Status.ALREADY_EXISTS),
    (errors.AuthError, Status.UNAUTHENTICATED),
    (errors.PermissionDeniedError, Status.PERMISSION_DENIED),
    (errors.ResourceExhaustedError, Status.RESOURCE_EXHAUSTED),
    (errors.UnsupportedError, Status.UNIMPLEMENTED),
    (errors.SandboxTimeoutError, Status.FAILED_PRECONDITION),
    (errors.SandboxTerminatedError, Status.FAILED_PRECONDITION),
    (errors.ExecTimeoutError, Status.FAILED_PRECONDITION),
    (errors.ImageBuildError, Status.FAILED_PRECONDITION),
)
"""The first match counts, so subclasses stand before their bases."""


def as_status(name: str, error: Exception) -> GRPCError:
    """The status to answer when the handler of `name` raised `error`.

    The runtime's own errors keep their text, which never carries a value. Of anything else only the type and the place
    are told (to the log), because a foreign exception's text may quote what it was given.
    """
    for kind, status in STATUSES:
        if isinstance(error, kind):
            return GRPCError(status, missing_keys(error) if isinstance(error, errors.MissingKeysError) else str(error))
    if isinstance(error, errors.ModalError):
        return GRPCError(Status.FAILED_PRECONDITION, str(error))
    frames = traceback.extract_tb(error.__traceback__)
    place = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames[-6:]))
    log.error("%s failed: %s at %s", name, type(error).__name__, place)
    return GRPCError(Status.INTERNAL, f"{name} failed in the local runtime: {type(error).__name__}")


def missing_keys(error: errors.MissingKeysError) -> str:
    """The text that the JavaScript SDK recognises (J secret.ts 84-89)."""
    return f"Secret is missing key(s): {', '.join(error.keys)}"
