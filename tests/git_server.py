"""A git server on the loopback interface that wants a token as its user's name, as GitHub accepts it."""

from __future__ import annotations

import base64
import contextlib
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A build backend that needs no package: pip's isolated builds work offline with it.
BACKEND = """
import os, zipfile

NAME, INFO = "privatepkg-1.0-py3-none-any.whl", "privatepkg-1.0.dist-info"

def build_editable(directory, config_settings=None, metadata_directory=None):
    files = {
        "privatepkg.pth": os.getcwd() + "\\n",
        f"{INFO}/METADATA": "Metadata-Version: 2.1\\nName: privatepkg\\nVersion: 1.0\\n",
        f"{INFO}/WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    files[f"{INFO}/RECORD"] = "".join(f"{name},,\\n" for name in [*files, f"{INFO}/RECORD"])
    with zipfile.ZipFile(os.path.join(directory, NAME), "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    return NAME

build_wheel = build_editable
"""

FILES = {
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    '[project]\nname = "privatepkg"\nversion = "1.0"\n',
    "backend.py": BACKEND,
    "privatepkg.py": 'WHERE = "from the private repository"\n',
}


def make_repository(directory: Path) -> None:
    """A bare repository ``private-repo.git`` with an installable package."""
    work = directory / "work"
    work.mkdir(parents=True)
    for name, text in FILES.items():
        (work / name).write_text(text)
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    for command in (("init", "-q"), ("add", "."), (*who, "commit", "-q", "-m", "first")):
        subprocess.run(["git", *command], cwd=work, check=True, capture_output=True)
    subprocess.run(["git", "clone", "-q", "--bare", "work", "private-repo.git"], cwd=directory, check=True)


@contextlib.contextmanager
def serve_git(directory: Path, token: str) -> Iterator[int]:
    """Serve the repositories of a directory by ``git http-backend`` to who knows ``token``; the port."""
    wanted = "Basic " + base64.b64encode(f"{token}:".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            self._serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

        def log_message(self, *_: Any) -> None:
            pass

        def _serve(self, body: bytes) -> None:
            if self.headers.get("Authorization") != wanted:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            answer = subprocess.run(["git", "http-backend"], input=body, env=self._environment(), capture_output=True)
            head, _, content = answer.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self.send_response(int(headers.pop("Status", "200").split()[0]))
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def _environment(self) -> dict[str, str]:
            path, _, query = self.path.partition("?")
            return {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(directory),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "safe.directory",
                "GIT_CONFIG_VALUE_0": "*",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_USER": "somebody",
            }

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
