"""Who an ephemeral object belongs to: a process that may be dead, whose number may be another's by now."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def new_owner() -> str:
    """A mark for one open workspace of this process: process number, its start, and a random part."""
    return owner_of(os.getpid())


def owner_of(pid: int) -> str:
    """A mark for the process with that number."""
    return f"{pid}:{_started(pid)}:{secrets.token_hex(6)}"


def pid_of(owner: str) -> int:
    """The process number in a mark."""
    return int(owner.partition(":")[0])


def alive(owner: str) -> bool:
    """Whether the process that made the mark still runs."""
    pid, started, _ = owner.split(":")
    if not runs(int(pid)):
        return False
    now = _started(int(pid))
    return not started or not now or started == now


def runs(pid: int) -> bool:
    """Whether there is a process with that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True  # another user's, or a number that no process here can have: not ours to judge
    return True


def _started(pid: int) -> str:
    """Ticks from boot to the start of a process (proc(5), field 22); empty where there is no /proc or for a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return fields[19]
    except (OSError, IndexError):
        return ""
