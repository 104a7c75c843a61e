"""The protocol as pygls speaks it, with nothing of a document in what is told of errors, and an answer to everything.

pygls answers a failed request with the exception's text, which may quote the document, and one that it cannot read with
nothing, so that the client waits for ever.
"""

from __future__ import annotations

import functools
import logging
import os
import select
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInternalError, JsonRpcServerNotInitialized
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol

from modal_lint.model import INTERNAL
from modal_lint.settings import UserError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

P = TypeVar("P")
R = TypeVar("R")

log = logging.getLogger("modal_lint.editor")
_POLL = 3.0  # seconds between two looks at the editor's process, where the system cannot tell of its end
_WORDS = {
    -32700: "the message is not JSON",
    -32600: "not a request",
    -32601: "no such method",
    -32602: "the parameters are not as the protocol has them",
    -32800: "cancelled",
    -32801: "the document has changed",
    -32002: "not initialized yet",
}


class Refusal(JsonRpcException):
    """A request that is answered with a reason; the reason quotes no document."""

    CODE = types.LSPErrorCodes.RequestFailed.value
    MESSAGE = "refused"


class Protocol(LanguageServerProtocol):
    """The protocol with errors that quote nothing."""

    def structure_message(self, data: dict[str, Any]) -> Any:
        """A message as an object; a request that is not as it should be is answered with an error."""
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            if "method" in data and isinstance(data.get("id"), (str, int)):
                self._send_response(data["id"], error=error.to_response_error())
            raise

    def _send_response(
        self, msg_id: str | int, result: Any | None = None, error: types.ResponseError | None = None
    ) -> None:
        if error is not None and error.code != Refusal.CODE:
            ours = error.code == JsonRpcInternalError.CODE and error.message.startswith(INTERNAL)
            message = error.message if ours else _WORDS.get(error.code, INTERNAL)
            error = types.ResponseError(code=error.code, message=message)
        super()._send_response(msg_id, result, error)


class Server(LanguageServer):
    """The server; an error that no request waits for is noted in the log."""

    def report_server_error(self, error: Exception, source: object) -> None:
        """Note an error, without its text."""
        del source
        log.warning("error: %s", place_of(error))


def guarded(handler: Callable[[P], Awaitable[R]], is_ready: Callable[[], bool]) -> Callable[[P], Awaitable[R]]:
    """A handler whose exceptions reach the client as a type and a place in this program."""

    @functools.wraps(handler)
    async def safe(params: P) -> R:
        if not is_ready():
            raise JsonRpcServerNotInitialized
        began = time.monotonic()
        try:
            result = await handler(params)
        except JsonRpcException:
            raise
        except UserError as error:
            raise Refusal(str(error)) from None
        except Exception as error:
            log.warning("%s: %s", handler.__name__, place_of(error))
            raise JsonRpcInternalError(f"{INTERNAL} ({place_of(error)})") from None
        log.info("%s in %.0f ms", handler.__name__, (time.monotonic() - began) * 1000)
        return result

    return safe


def place_of(error: BaseException) -> str:
    """An error's type, and where in this program it came up."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


def start_log(path: str | None) -> None:
    """Silence every logger, whose texts may quote a document, but ours, which writes to ``path`` if there is one.

    Raises:
        UserError: the file cannot be written.
    """
    logging.getLogger().setLevel(logging.CRITICAL + 1)
    logging.raiseExceptions = False
    threading.excepthook = lambda told: log.warning("thread: %s", told.exc_type.__name__)
    log.propagate = False
    log.setLevel(logging.INFO)
    handler: logging.Handler = logging.NullHandler()
    if path is not None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise UserError(f"--log-file: cannot be written: {(error.strerror or 'unknown').lower()}") from None
        handler = logging.StreamHandler(open(descriptor, "a", encoding="utf-8", errors="backslashreplace"))  # noqa: SIM115
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)


def watch(process: int, gone: Callable[[], None]) -> None:
    """Call ``gone`` when a process has ended. One that is not there, say in another container, is not watched."""
    if os.name == "nt":
        return  # a process cannot be looked at there without ending it; the closed pipe has to tell
    wait = _waiting(process)
    if wait is None:
        return

    def body() -> None:
        wait()
        gone()

    threading.Thread(target=body, daemon=True).start()


def _waiting(process: int) -> Callable[[], object] | None:
    try:
        os.kill(process, 0)
    except PermissionError:
        pass
    except (OSError, OverflowError):
        return None
    try:
        poll = select.poll()
        poll.register(os.pidfd_open(process), select.POLLIN)
    except (AttributeError, OSError):
        return functools.partial(_look_now_and_then, process)
    return poll.poll


def _look_now_and_then(process: int) -> None:
    while True:
        time.sleep(_POLL)
        try:
            os.kill(process, 0)
        except PermissionError:
            continue
        except OSError:
            return
