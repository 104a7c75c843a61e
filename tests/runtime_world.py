"""What the tests of the runtime need around it: a server of Git repositories and packages, and chance credentials.

The server is a real one on 127.0.0.1. It gives a repository to nobody but those who show the token as the user's name,
as GitHub does, and packages to everybody.
"""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from modal_lint_runtime.isolation import detect

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

os.environ["MODAL_LINT_RUNTIME_KEYRING"] = "0"  # the keyring of whoever runs the tests is none of their business

PACKAGES = ("requests", "psycopg2")
_PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "private-repo"
version = "1.0"
"""
_BACKEND = """\
import os, zipfile

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "private_repo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as wheel:
        info = "private_repo-1.0.dist-info/"
        wheel.writestr("private_repo.pth", os.getcwd())
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: private-repo\\nVersion: 1.0\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    return name

build_wheel = build_editable
"""


def value(length: int = 24) -> str:
    """A credential's value that no scanner knows, another one each time."""
    return secrets.token_hex(length // 2)


def needs_parser() -> None:
    """Skip the test where Dockerfile commands cannot be read: the parser wants Python 3.11."""
    pytest.importorskip("e2b_dockerfile_utils")


def needs_layers() -> None:
    """Skip the test where no image can be built with a root of its own."""
    needs_parser()
    if not detect().filesystem:
        pytest.skip(f"needs a private file system: {detect()}")


class Server:
    """Serves ``/packages/`` to all, and ``/myorg/private-repo.git`` to those who show the token."""

    def __init__(self, directory: Path, token: str) -> None:
        self._repository(directory / "myorg")
        self._packages(directory / "packages")
        wanted = base64.b64encode(f"{token}:".encode()).decode()

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *args: object) -> None:
                super().__init__(*args, directory=str(directory))  # type: ignore[arg-type]

            def do_GET(self) -> None:
                allowed = self.headers.get("Authorization", "").removeprefix("Basic ") == wanted
                if self.path.startswith("/packages/") or allowed:
                    super().do_GET()
                    return
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def host(self) -> str:
        """Where it listens: address and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def local(self, text: str) -> str:
        """A text with this server in the place of github.com and of PyPI."""
        # Ours also where the environment of the tests has real ones.
        packages = (
            "pip install --force-reinstall --no-deps --no-index "
            f"--find-links http://{self.host}/packages/ --trusted-host 127.0.0.1"
        )
        return (
            text.replace("https://${GITHUB_TOKEN}@github.com", "http://${GITHUB_TOKEN}@" + self.host)
            .replace("pip install requests", f"{packages} requests")
            .replace("pip install -e .", "pip install --no-index --no-build-isolation --no-deps -e .")
        )

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _repository(self, directory: Path) -> None:
        work = directory / "work"
        work.mkdir(parents=True)
        (work / "pyproject.toml").write_text(_PROJECT)
        (work / "backend.py").write_text(_BACKEND)
        (work / "private_repo.py").write_text("ANSWER = 42\n")
        bare = directory / "private-repo.git"
        for command in (
            ["git", "init", "--quiet", "--initial-branch=main", str(work)],
            ["git", "-C", str(work), "add", "."],
            ["git", "-C", str(work), "-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "-m", "first"],
            ["git", "clone", "--quiet", "--bare", str(work), str(bare)],
            ["git", "-C", str(bare), "update-server-info"],
        ):
            subprocess.run(command, check=True, capture_output=True, timeout=60)

    def _packages(self, directory: Path) -> None:
        directory.mkdir()
        for name in PACKAGES:
            with zipfile.ZipFile(directory / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
                info = f"{name}-1.0.dist-info"
                wheel.writestr(f"{name}.py", f"NAME = {name!r}\n")
                wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
                wheel.writestr(
                    f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
                )
                wheel.writestr(f"{info}/RECORD", "")


def files_holding(root: Path, text: str) -> list[str]:
    """The files below ``root`` that hold a text, as it is or in Base64."""
    forms = [text.encode(), *(base64.b64encode(b" " * pad + text.encode())[4 if pad else 0 : -4] for pad in range(3))]
    found = []
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            found += [str(path.relative_to(root))] if any(form in data for form in forms) else []
    return found
