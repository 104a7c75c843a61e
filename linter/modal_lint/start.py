"""The entry point: turns mistakes into one line and status 2, and starts the plainest runs without a parser.

A pre-commit hook, an editor and a person mostly say ``check`` and paths. Loading click takes longer than such a run.
"""

from __future__ import annotations

import errno
import gc
import os
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modal_lint.command import Request

_QUIET = ("-q", "--quiet")
_FORCE = "--force-exclude"
# These make click do more than parse.
_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_VARIABLES = ("MODAL_LINT_OUTPUT_FORMAT", "_MODAL_LINT_COMPLETE")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 clean, 1 findings, 2 a mistake or an internal error.

    Args:
        arguments: instead of those of the process.
    """
    code = status(sys.argv[1:] if arguments is None else arguments)
    is_light = "click" not in sys.modules
    for stream in (sys.stdout, sys.stderr) if is_light else ():
        if stream is not None:
            stream.flush()
    if "modal_lint.workers" in sys.modules:
        from modal_lint import workers

        workers.see_off()
    if is_light:
        # Nothing that was loaded wants to be told of the end, and taking everything apart takes time.
        os._exit(code)
    sys.exit(code)


def status(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit status; never raises."""
    try:
        gc.disable()  # one run and an end: what is loaded is needed until then, and there is little else to collect
        request = plain(arguments)
        if request is not None:
            from modal_lint import command

            return command.check(request)
        gc.enable()
        from modal_lint import cli

        return cli.run(arguments)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; the interpreter would complain while it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return _complain(error)


def plain(arguments: Sequence[str]) -> Request | None:
    """What ``arguments`` ask for, if they are ``check``, paths that exist, and at most the options of a hook.

    None leaves them to the parser, which gives the same answer wherever this one gives any.
    """
    if not arguments or arguments[0] != "check" or os.name == "nt" or any(name in os.environ for name in _VARIABLES):
        return None
    paths: list[str] = []
    force, quiet, cache = False, False, True
    folder = os.environ.get("MODAL_LINT_CACHE_DIR") or None
    words = iter(arguments[1:])
    for word in words:
        if word == "--cache-dir":
            folder = next(words, "-")
            if folder.startswith("-"):
                return None
        elif word == _FORCE:
            force = True
        elif word in _QUIET:
            quiet = True
        elif word == "--no-cache":
            cache = False
        elif word.startswith("-") or not os.path.lexists(word):
            return None
        else:
            paths.append(word)
    from modal_lint.command import Request
    from modal_lint.settings import layer

    return Request(
        paths=tuple(paths) or (".",),
        overrides=(layer({"force-exclude": True} if force else {}, os.getcwd()),),
        cache=cache,
        cache_folder=folder,
        verbosity=-1 if quiet else 0,
    )


def _complain(error: Exception) -> int:
    from modal_lint.settings import UserError
    from modal_lint.terminal import complain

    if isinstance(error, UserError):
        return complain(str(error))
    if isinstance(error, OSError) and error.filename is None and error.errno in _UNWRITABLE:
        # No file has this error: it is standard output's.
        reason = os.strerror(error.errno).lower()
        return complain(f"standard output cannot be written: {reason}; make room, or write somewhere else")
    # Its text may quote a checked file, so only its type and place are told.
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    report = "please report it with this line and `modal-lint --version`"
    return complain(f"internal error: {type(error).__name__}{place}; {report}")
