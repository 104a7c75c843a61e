"""The files that a run writes: reports beside the one on standard output, and the summary of a job on GitHub."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.report import FORMATS, Look, render
from modal_lint.settings import UserError, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from modal_lint.model import Report

STDOUT = "-"
SUMMARY = "GITHUB_STEP_SUMMARY"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
# Names of open streams: what they lead to is written into, not replaced.
_STREAMS = ("/dev/", "/proc/")


class Output(NamedTuple):
    """A report to write: its format and its file; ``-`` is standard output."""

    format: str
    path: str


def parsed(texts: Sequence[str]) -> tuple[Output, ...]:
    """What the values of `--output` ask for.

    Raises:
        UserError: not ``FORMAT=PATH``, no such format, or standard output or a file twice.
    """
    outputs = tuple(map(_parsed, texts))
    places = [place(output.path) for output in outputs]
    for output, where in zip(outputs, places, strict=True):
        if places.count(where) > 1:
            what = "standard output" if output.path == STDOUT else f"`{output.path}`"
            raise UserError(f"--output: {what} can take one format only")
    return outputs


def _parsed(text: str) -> Output:
    name, equals, path = text.partition("=")
    if not equals or not path:
        raise UserError(f"--output: write FORMAT=PATH, with `-` for standard output, not `{text}`")
    if name not in FORMATS:
        hint = nearest(name, FORMATS) or ": one of " + ", ".join(FORMATS)
        raise UserError(f"--output: no such format `{name}`{hint}")
    return Output(name, path)


def place(path: str) -> str:
    """The file that ``path`` leads to; standard output as it is."""
    return path if path == STDOUT else os.path.realpath(path)


def refuse_useless(path: str, flag: str, checked: Collection[str], taken: str | None = None) -> None:
    """Raise `UserError` where ``path`` cannot be written: before the work, not after it.

    Args:
        path: where a report is to go.
        flag: the option that says so.
        checked: the files that are checked: a report on them must not replace one.
        taken: the file of another report.
    """
    where = place(path)
    if taken is not None and where == place(taken):
        raise UserError(f"{flag}: `{path}` can take one format only")
    if where in checked:
        raise UserError(f"{flag}: `{path}` is a file that is checked; name another one")
    folder = os.path.dirname(where) or "."
    if os.path.isdir(where):
        raise _refusal(flag, path, "it is a directory")
    if not os.path.isdir(folder):
        raise _refusal(flag, path, "there is no such directory; make it first")


def write_report(path: str, text: str, flag: str) -> None:
    """Put ``text`` into the file ``path`` in one step: whoever looks sees the old report or the new one.

    Args:
        path: a file, there or not; the permissions of one that is there stay. What is no regular file is written into.
        text: the report.
        flag: the option that named the file, for the complaint.

    Raises:
        UserError: it cannot be written.
    """
    data = text.encode("utf-8", "backslashreplace")
    try:
        status = _status(path)
        if path.startswith(_STREAMS) or (status is not None and not stat.S_ISREG(status.st_mode)):
            with open(path, "wb") as stream:
                stream.write(data)
        else:
            _replace(os.path.realpath(path), data, status)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise _refusal(flag, path, (reason or "not a usable path").lower()) from None


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _replace(target: str, data: bytes, status: os.stat_result | None) -> None:
    if status is not None and not os.access(target, os.W_OK):
        raise PermissionError(13, os.strerror(13))
    temporary = os.path.join(os.path.dirname(target), f".modal-lint-{secrets.token_hex(8)}.tmp")
    descriptor = os.open(temporary, _NEW, 0o666)
    try:
        with open(descriptor, "wb") as file:
            if status is not None and hasattr(os, "fchmod"):
                os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
            file.write(data)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _refusal(flag: str, path: str, reason: str) -> UserError:
    return UserError(f"{flag}: `{path}` cannot be written: {reason}")


def write_files(outputs: Sequence[Output], report: Report, look: Look) -> None:
    """Write all of ``outputs`` that are files.

    Raises:
        UserError: one cannot be written.
    """
    plain = Look(colour=False, unsafe=look.unsafe, contents=look.contents)
    for output in outputs:
        if output.path != STDOUT:
            write_report(output.path, render(output.format, report, plain), f"--output {output.format}")


def append_summary(report: Report) -> str | None:
    """Append the findings as Markdown to the summary of a GitHub job, if there is one.

    Returns:
        Why it could not be done, for a warning: a summary never decides on a run.
    """
    path = os.environ.get(SUMMARY)
    if not path:
        return None
    from modal_lint.report.markdown import MAX_BYTES, bounded

    try:
        descriptor = os.open(path, _APPEND, 0o666)
        with open(descriptor, "ab") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return f"{SUMMARY} cannot be written: not a regular file"
            text = bounded(report, MAX_BYTES - status.st_size)
            file.write(text.encode("utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        return f"{SUMMARY} cannot be written: {(reason or 'not a usable path').lower()}"
    return None if text else f"{SUMMARY} has no room left"
