"""Load and faults of the runtime's containers: one after another, at once, with much output, with killed clients.

    PYTHONPATH=runtime python bench/runtime_sandboxes.py [--after 200] [--at-once 32] [--megabytes 500] [--kills 20]

Runs in plain processes and in what else this machine has. Prints a JSON object (times in milliseconds). Ends with 1,
and says what, when a process, a zombie, a thread, a descriptor or a file was left.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from modal_lint_runtime.isolation import PLAIN, Isolation, detect
from modal_lint_runtime.processes import Container, ContainerSpec, start

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 20.0
CLIENT = """
import sys, threading
from pathlib import Path
from modal_lint_runtime.isolation import PLAIN, detect
from modal_lint_runtime.processes import ContainerSpec, start
kind, scratch, second = sys.argv[1:]
daemon = f"(setsid sleep {second} &); sleep {second}"
for number in range(4):
    spec = ContainerSpec(id="x", args=("sh", "-c", daemon), env={}, scratch=Path(scratch) / str(number))
    box = start(spec, PLAIN if kind == "none" else detect())
    box.exec(["sh", "-c", daemon])
    print("started", flush=True)
threading.Event().wait()
"""


class LeftError(Exception):
    """Something was left behind."""


def main() -> int:
    """Run what the command line asks for; the exit status."""
    options = _options()
    measured: dict[str, dict[str, object]] = {}
    for isolation in [PLAIN] if detect().kind == "none" else [PLAIN, detect()]:
        with tempfile.TemporaryDirectory() as directory:
            try:
                measured[str(isolation)] = _measure(Path(directory), isolation, options)
            except LeftError as error:
                print(f"{isolation}: {error}", file=sys.stderr)
                return 1
    print(json.dumps(measured, indent=2))
    return 0


def _measure(root: Path, isolation: Isolation, options: argparse.Namespace) -> dict[str, object]:
    load = Load(root, isolation)
    load.whole_life()
    runs: dict[str, Callable[[], dict[str, float]]] = {
        f"{options.after} containers one after another": lambda: load.one_after_another(options.after),
        f"{options.at_once} containers at once": lambda: load.at_once(options.at_once),
        f"{options.after} processes in one container": lambda: load.processes(options.after),
        f"{options.megabytes} MB of output": lambda: load.output(options.megabytes),
        f"{options.kills} killed clients": lambda: load.killed_clients(options.kills),
    }
    measured: dict[str, object] = {}
    for name, run in runs.items():
        before = _held()
        measured[name] = run()
        until(lambda before=before: _held() == before, f"{name}: held {before} before, {_held()} after")  # type: ignore[misc]
        until(lambda: not list(root.iterdir()), f"{name}: files are left")
    return measured


class Load:
    """Containers of one isolation, with their scratch directories below ``root``."""

    def __init__(self, root: Path, isolation: Isolation) -> None:
        self._root = root
        self._isolation = isolation
        self._number = 0
        self._lock = threading.Lock()

    def whole_life(self, *args: str) -> float:
        """Milliseconds from the start of a container to when nothing of it is left."""
        began = time.perf_counter()
        with self._start(*(args or ("true",))) as container:
            if container.wait(PATIENCE) != 0:
                raise LeftError("a container failed")
        return (time.perf_counter() - began) * 1000

    def one_after_another(self, count: int) -> dict[str, float]:
        """One container at a time."""
        return _summary([self.whole_life() for _ in range(count)])

    def at_once(self, count: int) -> dict[str, float]:
        """As many containers as that, alive at the same time."""
        barrier = threading.Barrier(count)

        def live(_: int) -> float:
            began = time.perf_counter()
            with self._start("sh", "-c", "read line") as container:
                barrier.wait(PATIENCE * 3)
                container.main.close_stdin()
                container.wait(PATIENCE)
            return (time.perf_counter() - began) * 1000

        with ThreadPoolExecutor(count) as pool:
            return _summary(list(pool.map(live, range(count))))

    def processes(self, count: int) -> dict[str, float]:
        """Processes one after another in a container that idles."""
        times = []
        with self._start() as container:
            for _ in range(count):
                began = time.perf_counter()
                container.exec(["true"]).wait(PATIENCE)
                times.append((time.perf_counter() - began) * 1000)
        return _summary(times)

    def output(self, megabytes: int) -> dict[str, float]:
        """A process that writes as fast as it can; what is more than an `Output` keeps is dropped."""
        taken = self.whole_life("head", "-c", str(megabytes * 1_000_000), "/dev/zero")
        return {"took": round(taken, 1), "MB/s": round(megabytes / taken * 1000, 1)}

    def killed_clients(self, count: int) -> dict[str, float]:
        """Clients killed with four containers, at a random moment of starting them or of their life."""
        times = []
        for _ in range(count):
            second = f"1{random.randrange(10**9):09}"
            scratch = self._root / "victim"
            command = [sys.executable, "-c", CLIENT, self._isolation.kind, str(scratch), second]
            client = subprocess.Popen(command, stdout=subprocess.PIPE)
            assert client.stdout is not None
            for _ in range(random.randrange(5)):
                client.stdout.readline()
            time.sleep(random.random() / 10)
            os.kill(client.pid, signal.SIGKILL)
            client.wait()
            client.stdout.close()
            began = time.perf_counter()
            until(lambda second=second: not running(second), "processes of a killed client are left")  # type: ignore[misc]
            until(lambda scratch=scratch: not any(scratch.glob("*")), "files of a killed client are left")  # type: ignore[misc]
            times.append((time.perf_counter() - began) * 1000)
            if scratch.exists():
                scratch.rmdir()
        return _summary(times)

    def _start(self, *args: str) -> Container:
        with self._lock:
            self._number += 1
            name = str(self._number)
        return start(ContainerSpec(id=name, args=args or None, env={}, scratch=self._root / name), self._isolation)


def _summary(times: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(times), 1), "max": round(max(times), 1), "all": round(sum(times), 1)}


def _held() -> tuple[int, int, int]:
    """Descriptors, threads and children (zombies too) of this process."""
    own = Path("/proc/self/task").glob("*/children")
    return (
        len(os.listdir("/proc/self/fd")),
        threading.active_count(),
        sum(len(path.read_text().split()) for path in own),
    )


def running(word: str) -> bool:
    """Whether a process has a word among its arguments; a zombie has none."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in path.read_bytes():
                return True
        except OSError:
            continue
    return False


def until(condition: Callable[[], bool], otherwise: str) -> None:
    """Wait until a condition holds; raises ``LeftError`` with what to say ``otherwise``."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise LeftError(otherwise)
        time.sleep(0.005)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--after", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--kills", type=int, default=20)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
