"""The entry point: turns mistakes into one line and status 2, and starts the plainest runs without a parser.

A pre-commit hook, an editor and a person mostly say ``check`` and paths. Loading click takes longer than such a run.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modal_lint.command import Request

_QUIET = ("-q", "--quiet")
_FORCE = "--force-exclude"
# These make click do more than parse.
_VARIABLES = ("MODAL_LINT_OUTPUT_FORMAT", "_MODAL_LINT_COMPLETE")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 clean, 1 findings, 2 a mistake or an internal error.

    Args:
        arguments: instead of those of the process.
    """
    sys.exit(status(sys.argv[1:] if arguments is None else arguments))


def status(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit status; never raises."""
    try:
        request = plain(arguments)
        if request is not None:
            from modal_lint import command

            return command.check(request)
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
    options = [word for word in arguments[1:] if word.startswith("-")]
    paths = tuple(word for word in arguments[1:] if not word.startswith("-"))
    if any(word != _FORCE and word not in _QUIET for word in options) or not all(map(os.path.lexists, paths)):
        return None
    from modal_lint.command import Request
    from modal_lint.settings import layer

    flags = layer({"force-exclude": True} if _FORCE in options else {}, os.getcwd())
    verbosity = -1 if any(word in _QUIET for word in options) else 0
    return Request(paths=paths or (".",), overrides=(flags,), verbosity=verbosity)


def _complain(error: Exception) -> int:
    from modal_lint.settings import UserError
    from modal_lint.terminal import complain

    if isinstance(error, UserError):
        return complain(str(error))
    # Its text may quote a checked file, so only its type and place are told.
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    return complain(f"internal error: {type(error).__name__}{place}; please report it")
