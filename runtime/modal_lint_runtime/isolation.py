"""How far a container's processes are kept from the rest of the machine, and what this machine allows."""

from __future__ import annotations

import functools
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from modal_lint_runtime.errors import ModalError

DIRECTORIES = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""The PATH of a container, after the directory of the Python that runs the client."""

LANGUAGE = "C.UTF-8"


@dataclass(frozen=True)
class Isolation:
    """What a container's processes have for themselves.

    Attributes:
        kind: ``bubblewrap``, or ``none`` for plain processes of this machine.
        filesystem: a root of their own: layers over the machine's files, writes thrown away at the end.
        pids: they see their own processes only.
        network: they have a network: the machine's.
        reason: why there is not more, for people to read.
    """

    kind: Literal["bubblewrap", "none"]
    filesystem: bool
    pids: bool
    network: bool = True
    reason: str = ""

    def __str__(self) -> str:
        has = {"filesystem": self.filesystem, "processes": self.pids, "network": not self.network}
        private = ", ".join(name for name, there in has.items() if there) or "nothing"
        return f"{self.kind} (private: {private})" + (f": {self.reason}" if self.reason else "")


PLAIN = Isolation("none", filesystem=False, pids=False)
"""Plain processes: their own session, environment, working directory and home, and nothing else."""


_CANDIDATES = (
    Isolation("bubblewrap", filesystem=True, pids=True),
    Isolation("bubblewrap", filesystem=False, pids=True),
)


@functools.cache
def detect() -> Isolation:
    """Return the most that this machine allows. Found out once in a process, by running ``true`` in it."""
    if sys.platform != "linux":
        return replace(PLAIN, reason="bubblewrap is for Linux")
    if shutil.which("bwrap") is None:
        return replace(PLAIN, reason="bubblewrap is not installed")
    reasons: list[str] = []
    for candidate in _CANDIDATES:
        problem = _problem(candidate)
        if problem is None:
            return replace(candidate, reason="; ".join(reasons))
        reasons.append(problem)
    return replace(PLAIN, reason="; ".join(dict.fromkeys(reasons)))


def _problem(isolation: Isolation) -> str | None:
    from modal_lint_runtime import processes  # above this module, and needed for the trial only

    # Not made here: what makes it removes it, also when this process is killed.
    scratch = Path(tempfile.gettempdir()) / f"modal-lint-{os.urandom(16).hex()}"
    spec = processes.ContainerSpec(id="trial", args=("true",), env={}, timeout=30.0, scratch=scratch)
    try:
        with processes.start(spec, isolation) as container:
            code = container.wait()
    except (ModalError, OSError) as error:
        return str(error)
    return None if code == 0 else f"`true` exited with {code}"


def interpreter() -> str:
    """Return the path of this Python without `..`, which may lead through a directory that a container does not see."""
    return os.path.abspath(sys.executable) if sys.executable else ""


def search_path() -> str:
    """Return the PATH of a container: this Python's directories, then the usual ones."""
    own = [os.path.dirname(interpreter()), os.path.dirname(os.path.realpath(sys.executable))]
    return os.pathsep.join(dict.fromkeys([*filter(None, own), *DIRECTORIES]))


def base_environment(home: str) -> dict[str, str]:
    """Return all that a container's processes have in their environment besides what they are given."""
    return {"PATH": search_path(), "HOME": home, "LANG": LANGUAGE}
