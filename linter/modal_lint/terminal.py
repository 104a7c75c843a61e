"""Where text goes: results to standard output, everything else to standard error, with or without colour."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING, TextIO

from modal_lint.report.base import Look

if TYPE_CHECKING:
    from types import TracebackType

    from click._termui_impl import ProgressBar

_PATIENCE = 1.0  # seconds after which a progress bar is welcome


def wants_colour(choice: str, stream: TextIO) -> bool:
    """Whether to colour ``stream``: the option, then NO_COLOR, then FORCE_COLOR, then whether it is a terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if any(os.environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return _is_terminal(stream) and os.environ.get("TERM") != "dumb"


def look(choice: str, stream: TextIO, *, unsafe: bool = False) -> Look:
    """How text on ``stream`` looks."""
    return Look(wants_colour(choice, stream), _width(stream), unsafe)


def _width(stream: TextIO) -> int:
    if not _is_terminal(stream):
        return 100
    import shutil

    return min(shutil.get_terminal_size((100, 24)).columns, 160)


def write(text: str, stream: TextIO | None = None) -> None:
    """Write ``text`` whole to ``stream`` (standard output), whatever characters it can take."""
    stream = stream or sys.stdout
    if not text or stream is None:
        return
    encoding = stream.encoding or "utf-8"
    safe = text.encode(encoding, "backslashreplace").decode(encoding)
    stream.write(safe)
    stream.flush()


def tell(text: str) -> None:
    """Write a line to standard error."""
    write(text + "\n", sys.stderr)


def complain(message: str) -> int:
    """Write a mistake of the user's as one line to standard error and return its exit status."""
    with contextlib.suppress(OSError):  # the status tells, where nothing can be written
        tell("error: " + " ".join(message.split()))
    return 2


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):
        return False


class Progress:
    """A progress bar on standard error, only on a terminal and only if the work takes long."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted and _is_terminal(sys.stderr)
        self._began = time.monotonic()
        self._bar: ProgressBar[int] | None = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, error, at)

    def __call__(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` files are done."""
        if not self._wanted or time.monotonic() - self._began < _PATIENCE:
            return
        if self._bar is None:
            import click

            self._bar = click.progressbar(length=total, label="Checking", file=sys.stderr, show_pos=True)
            self._bar.__enter__()
        self._bar.update(done - self._bar.pos)
