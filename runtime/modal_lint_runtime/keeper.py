"""What looks after the sandboxes of a client: writes down how they end, and ends them when another process asks."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from typing import TYPE_CHECKING

from modal_lint_runtime.errors import ModalError, WorkspaceError
from modal_lint_runtime.other_sandbox import REQUESTS

if TYPE_CHECKING:
    from modal_lint_runtime.own_sandbox import OwnSandbox
    from modal_lint_runtime.workspace import Workspace

LOOK_EVERY = 0.2
"""Seconds between two looks at the requests, while sandboxes run."""


class Keeper:
    """Looks after the sandboxes that one client runs, in a thread that exists while there are any."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._running: dict[str, OwnSandbox] = {}
        self._ended: queue.SimpleQueue[OwnSandbox | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    def keep(self, sandbox: OwnSandbox) -> None:
        """Look after a sandbox until it has ended. Raises WorkspaceError when this is closed."""
        with self._lock:
            if self._closed:
                raise WorkspaceError("The client is closed.")
            self._running[sandbox.id] = sandbox
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="modal-lint sandboxes", daemon=True)
                self._thread.start()
        sandbox.on_end(lambda: self._ended.put(sandbox))

    def close(self) -> None:
        """Terminate all of them."""
        with self._lock:
            self._closed = True
            sandboxes = tuple(self._running.values())
        for sandbox in sandboxes:
            sandbox.terminate()
        self._ended.put(None)

    def _run(self) -> None:
        while True:
            with contextlib.suppress(queue.Empty):
                ended = self._ended.get(timeout=LOOK_EVERY)
                if ended is None:
                    return
                with contextlib.suppress(ModalError):
                    ended.finish()
                if self._forget(ended):
                    return
            self._answer()

    def _forget(self, sandbox: OwnSandbox) -> bool:
        """Drop a sandbox that has ended; whether it was the last and the thread goes."""
        with self._lock:
            self._running.pop(sandbox.id, None)
            if not self._running:
                self._thread = None
            return not self._running

    def _answer(self) -> None:
        try:
            asked = os.listdir(self._workspace.root / REQUESTS)
        except FileNotFoundError:
            return
        with self._lock:
            mine = [self._running[name] for name in asked if name in self._running]
        for sandbox in mine:
            sandbox.terminate()
