"""What a program sends to Modal, seen as Modal would see it: a recorder between the SDK and the server."""

from __future__ import annotations

import contextlib
import socket
import threading
from urllib.parse import urlsplit


class Wire:
    """Passes connections on to a server and keeps what clients send."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.sent = bytearray()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                for source, target, keep in ((client, server, self.sent), (server, client, None)):
                    threading.Thread(target=_pass_on, args=(source, target, keep), daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()


def _pass_on(source: socket.socket, target: socket.socket, keep: bytearray | None) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            if keep is not None:
                keep += data
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
