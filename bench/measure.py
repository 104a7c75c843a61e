"""Run one command and say what it took: wall time, CPU time of all its processes, and peak memory."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_POLL = 0.004
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_MIB = 1024 * 1024
_FEW_LOOKS = 5  # fewer, and the process may not have been seen at its largest


@dataclass(frozen=True, slots=True)
class Command:
    """What is run: ``statuses`` are the exit statuses of a run that did its work."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    statuses: tuple[int, ...] = (0, 1)


class WrongExitError(Exception):
    """A command ended with a status that says it did not do its work; its output is in the message.

    ``reason`` says so without the output.
    """

    def __init__(self, command: Command, status: int, output: str) -> None:
        self.reason = f"{Path(command.argv[0]).name} ended with status {status}"
        super().__init__(f"{self.reason}: {output[-2000:]}")


@dataclass(slots=True)
class Samples:
    """The runs of one command, in seconds and MiB."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    largest: float = 0.0  # peak memory of the largest process
    only_bound: bool = False  # the peak is below what is said: it ended before it could be looked at
    tree: float = 0.0  # peak of the sum over its processes; shared pages count in each

    @property
    def median(self) -> float:
        """The median wall time."""
        return statistics.median(self.wall)

    def as_json(self) -> dict[str, object]:
        """Rounded, for the results file."""
        return {
            "wall": [round(value, 5) for value in self.wall],
            "cpu": [round(value, 5) for value in self.cpu],
            "median": round(self.median, 5),
            "cpu median": round(statistics.median(self.cpu), 5),
            "largest MiB": round(self.largest, 1),
            "only bound": self.only_bound,
            "tree MiB": round(self.tree, 1),
        }


def timed(command: Command, samples: Samples) -> None:
    """Run once and add the times.

    Raises:
        WrongExitError: see `WrongExitError`.
    """
    started = time.perf_counter()
    process = _start(command, subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    samples.wall.append(time.perf_counter() - started)
    samples.cpu.append(usage.ru_utime + usage.ru_stime)
    _require(command, process, status, "")


def watched(command: Command, samples: Samples, times: Samples) -> str:
    """Run once and give back what was written to standard output.

    Args:
        command: what to run.
        samples: the peak memory is added to these.
        times: the times are added to these: being watched takes time.

    Raises:
        WrongExitError: see `WrongExitError`.
    """
    read, write = os.pipe()
    started = time.perf_counter()
    process = _start(command, write)
    os.close(write)
    os.set_blocking(read, False)
    chunks: list[bytes] = []
    looks = 0
    while True:
        _drain(read, chunks)
        _look(process.pid, samples)
        looks += 1
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(_POLL)
    _drain(read, chunks)
    os.close(read)
    times.wall.append(time.perf_counter() - started)
    times.cpu.append(usage.ru_utime + usage.ru_stime)
    _settle(usage.ru_maxrss, looks, samples)
    samples.tree = max(samples.tree, samples.largest)
    output = b"".join(chunks).decode("utf-8", "replace")
    _require(command, process, status, output)
    return output


def _start(command: Command, output: int) -> subprocess.Popen[bytes]:
    env = {**os.environ, **command.env}
    return subprocess.Popen(
        command.argv, cwd=command.cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL
    )


def _require(command: Command, process: subprocess.Popen[bytes], status: int, output: str) -> None:
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in command.statuses:
        raise WrongExitError(command, process.returncode, output)


def _drain(descriptor: int, chunks: list[bytes]) -> None:
    try:
        while chunk := os.read(descriptor, 1 << 20):
            chunks.append(chunk)
    except BlockingIOError:
        pass


def _settle(reported: int, looks: int, samples: Samples) -> None:
    """Choose between what we saw and what the kernel reports, which counts us too before the child became itself."""
    unit = _MIB if sys.platform == "darwin" else 1024
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if reported > ours or looks < _FEW_LOOKS:
        samples.only_bound = reported <= ours
        samples.largest = max(samples.largest, reported / unit)


def _look(pid: int, samples: Samples) -> None:
    total = 0.0
    for member in _family(pid):
        try:
            pages = int(Path(f"/proc/{member}/statm").read_text(encoding="ascii").split()[1])
            status = Path(f"/proc/{member}/status").read_text(encoding="ascii", errors="replace")
        except (OSError, IndexError):
            continue
        total += pages * _PAGE / _MIB
        peak = status.partition("VmHWM:")[2].split()
        if peak:
            samples.largest = max(samples.largest, int(peak[0]) / 1024)
    samples.tree = max(samples.tree, total)


def _family(pid: int) -> list[int]:
    found, pending = [], [pid]
    while pending:
        member = pending.pop()
        found.append(member)
        try:
            children = [task / "children" for task in Path(f"/proc/{member}/task").iterdir()]
            pending += [int(child) for path in children for child in path.read_text(encoding="ascii").split()]
        except OSError:
            continue
    return found
