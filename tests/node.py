"""Node 22 and Modal's JavaScript SDK from npm, for tests against the local server.

They are installed once into `tests/js/node_modules`, which git ignores, and kept while `package.json` stays as it is.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

JS = Path(__file__).with_name("js")
DOCUMENT = JS / "document"
INSTALL_TIMEOUT, RUN_TIMEOUT = 240, 90
"""Seconds."""

_MODULES = JS / "node_modules"
_STAMP = _MODULES / ".installed"
_INSTALL = (
    "--no-package-lock",
    "--omit=optional",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--fetch-retries=2",
)
_NO_NETWORK = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "ERR_SOCKET_TIMEOUT")


class NoNodeError(Exception):
    """npm, or the network that it needs, is not there; the text says which."""


class Node:
    """Runs TypeScript programs: Node 22 strips the types itself."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        (directory / "package.json").write_text('{"type": "module"}', encoding="utf-8")
        (directory / "node_modules").symlink_to(_MODULES)

    def run(
        self, text: str, env: Mapping[str, str], *, prefix: tuple[str, ...] = (), stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a program's text; `prefix` is a command that runs commands. Raises TimeoutExpired."""
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        program = self._directory / f"program-{digest}.ts"
        program.write_text(text, encoding="utf-8")
        return subprocess.run(
            [*prefix, str(executable()), "--no-warnings", str(program)],
            cwd=self._directory,
            env=dict(env),
            input=stdin,
            text=True,
            capture_output=True,
            timeout=RUN_TIMEOUT,
            check=False,
        )

    def output(self, text: str, env: Mapping[str, str], *, stdin: str = "") -> str:
        """What a program prints; fails with its errors unless it ends well."""
        done = self.run(text, env, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout


def executable() -> Path:
    """The Node of the npm package."""
    return _MODULES / "node" / "bin" / "node"


@functools.cache
def install() -> None:
    """Install what `package.json` names, unless it is there. Raises NoNodeError."""
    wanted = hashlib.sha256((JS / "package.json").read_bytes()).hexdigest()
    with _alone():
        if _STAMP.is_file() and _STAMP.read_text(encoding="utf-8") == wanted:
            return
        npm = shutil.which("npm")
        if npm is None:
            raise NoNodeError("npm is not installed")
        done = subprocess.run(
            [npm, "install", *_INSTALL],
            cwd=JS,
            env={name: value for name, value in os.environ.items() if not name.startswith("MODAL_")},
            text=True,
            capture_output=True,
            timeout=INSTALL_TIMEOUT,
            check=False,
        )
        if any(sign in done.stderr for sign in _NO_NETWORK):
            raise NoNodeError("the npm registry cannot be reached")
        assert done.returncode == 0, done.stderr
        version = subprocess.run([str(executable()), "--version"], text=True, capture_output=True, check=True).stdout
        assert version.startswith("v22."), version
        _STAMP.write_text(wanted, encoding="utf-8")


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Only one process installs at a time: pytest-xdist's workers all want to."""
    with (JS / ".install-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
