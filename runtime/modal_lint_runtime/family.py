"""The descendants of a warden: adopting, stopping and reaping them, whatever they have done to get away."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_SET_DEATH_SIGNAL, _SET_SUBREAPER = 1, 36  # linux/prctl.h
_PATIENCE = 10.0  # seconds for what was killed to go; a process in the kernel's hands can stay for ever
_LOOK_AGAIN = 0.002


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(ImportError, OSError):  # a Python without ctypes
            import ctypes

            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def adopt_orphans() -> None:
    """Make this process the parent of every descendant that loses its own: none can slip away."""
    _prctl(_SET_SUBREAPER, 1)


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends."""
    _prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)


class Family:
    """The processes under this one, as the kernel sees them."""

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}
        self._sessions: dict[int, int] = {}
        with contextlib.suppress(FileNotFoundError):  # no /proc: not Linux
            for name in os.listdir("/proc"):
                if name.isdigit():
                    self._look_at(int(name))

    def _look_at(self, pid: int) -> None:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
            # The name in parentheses may hold anything, parentheses too.
            fields = file.read().rpartition(b")")[2].split()
            self._parents[pid], self._sessions[pid] = int(fields[1]), int(fields[3])

    def below(self, ancestor: int) -> set[int]:
        """Return the descendants of ``ancestor``."""
        found: set[int] = set()
        size = -1
        while len(found) > size:
            size = len(found)
            found.update(pid for pid, parent in self._parents.items() if parent == ancestor or parent in found)
        return found

    def tree(self, leader: int) -> set[int]:
        """Return ``leader``, its descendants, and those of its session that have lost it."""
        mine = self.below(os.getpid())
        session = {pid for pid, session in self._sessions.items() if session == leader}
        return {leader} | self.below(leader) | (session & mine)


def send_signal(pids: Iterable[int], number: int) -> None:
    """Send a signal to processes, some of which may be gone."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def kill_family(leaders: Iterable[int] = ()) -> dict[int, int]:
    """Kill every descendant of this process and reap them all.

    Args:
        leaders: leaders of process groups, which stand for their descendants where there is no ``/proc``.

    Returns:
        The wait status of those reaped.
    """
    for leader in leaders:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)
    me = os.getpid()
    # Stop them first, so that one which forks faster than we look cannot win.
    seen: set[int] = set()
    while me != 1 and (fresh := Family().below(me) - seen):
        send_signal(fresh, signal.SIGSTOP)
        seen |= fresh
    reaped: dict[int, int] = {}
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        # For process 1 of a PID namespace, -1 is exactly its descendants.
        send_signal([-1] if me == 1 else Family().below(me), signal.SIGKILL)
        if not reap(reaped):
            break
        time.sleep(_LOOK_AGAIN)
    return reaped


def reap(into: dict[int, int]) -> bool:
    """Collect the children that have ended. Returns False when there is no child left."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True
        into[pid] = status
