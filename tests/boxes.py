"""What the tests of containers share: making them, and looking for what they may have left."""

from __future__ import annotations

import itertools
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modal_lint_runtime.isolation import PLAIN, Isolation, detect
from modal_lint_runtime.processes import Container, ContainerSpec, start

if TYPE_CHECKING:
    from collections.abc import Callable

PYTHON = "python3"
"""Works in every container: the directory of the Python that runs the tests is first on its PATH."""

PROC = Path("/proc")


def modes() -> list[Isolation]:
    """Plain processes, and what this machine has besides."""
    return list(dict.fromkeys([PLAIN, detect()])) if detect().kind != "none" else [PLAIN]


@dataclass
class Boxes:
    """Makes containers of one isolation, with scratch directories below ``root``, and ends them."""

    root: Path
    isolation: Isolation
    made: list[Container] = field(default_factory=list)
    _numbers: Any = field(default_factory=itertools.count)

    def __call__(self, *args: str, env: dict[str, str] | None = None, **settings: Any) -> Container:
        """Start one that runs ``args``, or idles without."""
        name = f"box-{next(self._numbers)}"
        spec = ContainerSpec(id=name, args=args or None, env=env or {}, scratch=self.root / name, **settings)
        self.made.append(start(spec, self.isolation))
        return self.made[-1]

    def python(self, program: str, **settings: Any) -> Container:
        """Start one that runs a Python program."""
        return self(PYTHON, "-c", program, **settings)

    def close(self) -> None:
        """End all of them."""
        for container in self.made:
            container.close()


def running(word: str) -> list[int]:
    """The processes of this machine that have ``word`` as an argument."""
    found = []
    for entry in PROC.iterdir():
        with suppress(OSError, ValueError):
            if word.encode() in (entry / "cmdline").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def children() -> set[int]:
    """The processes started by this one, zombies too."""
    found = set()
    for entry in PROC.iterdir():
        with suppress(OSError, ValueError):
            if int((entry / "stat").read_bytes().rpartition(b")")[2].split()[1]) == os.getpid():
                found.add(int(entry.name))
    return found


def descriptors() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir("/dev/fd"))


def eventually(condition: Callable[[], object], seconds: float = 10.0) -> bool:
    """Whether ``condition`` came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
