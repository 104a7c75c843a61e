"""What a Python is: its version, its compiler and how fast it runs. Builds of one version differ by a third.

Distributions, python.org and container images build with profile-guided optimisation; ``configure && make`` does not,
and no setting that an interpreter tells of itself shows it on all systems. So a loop is timed.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time

_ROUNDS = 9
_TURNS = 300


class _Node:
    def __init__(self, parts: list[object]) -> None:
        self.parts = parts
        self.seen = 0


def _walk(node: _Node, found: dict[object, list[_Node]]) -> None:
    for part in node.parts:
        node.seen += 1
        if isinstance(part, _Node):
            _walk(part, found)
        else:
            found.setdefault(part, []).append(node)


def _loop() -> float:
    """The best of some rounds of a loop of pure Python over a tree of objects, in milliseconds."""
    parts: list[object] = [f"name{number}" for number in range(12)]
    for _ in range(3):
        parts = [_Node(parts), *(f"word{number}" for number in range(6)), _Node(list(parts)), _Node(parts)]
    times = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        for _ in range(_TURNS):
            _walk(_Node(parts), {})
        times.append(time.perf_counter() - began)
    return min(times) * 1000


def describe(python: str = sys.executable) -> dict[str, object]:
    """Version, compiler and speed of an interpreter.

    Raises:
        subprocess.CalledProcessError: it does not run.
    """
    done = subprocess.run([python, __file__], capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    about = {"version": platform.python_version(), "compiler": platform.python_compiler(), "loop": round(_loop(), 1)}
    print(json.dumps(about))
