"""What to do about a file that was not checked."""

from __future__ import annotations

_LEAVE_OUT = "or leave it out with `--extend-exclude`"
# By words of the reason, the first that fits.
_REMEDIES = (
    ("internal error", "please report it with this line, the version of modal-lint and, if you can, the file"),
    ("git's index: `git add`", ""),  # says it itself
    ("merge conflict", "resolve it and `git add` the file"),
    ("out of the project", "name the file itself to check it"),
    ("no such file", "check the path; `modal-lint -h` lists the commands"),
    ("dangling", f"mend or remove the link, {_LEAVE_OUT}"),
    ("symbolic links", f"mend or remove the link, {_LEAVE_OUT}"),
    ("permission denied", f"make it readable, {_LEAVE_OUT}"),
    ("not a regular file", "leave it out with `--extend-exclude`"),
    ("larger than", "leave it out with `--extend-exclude`"),
    ("name too long", "check the path"),
    ("cannot be decoded", f"save it as UTF-8, or declare its encoding in a coding comment, {_LEAVE_OUT}"),
    ("source encoding", f"mend it, {_LEAVE_OUT}"),
    ("not valid UTF-8", f"save it as UTF-8, {_LEAVE_OUT}"),
    ("UTF-16", ""),
    ("NUL bytes", f"save it as UTF-8 text, {_LEAVE_OUT}"),
    ("not a notebook", f"save it again with Jupyter, {_LEAVE_OUT}"),
    ("nested too deeply", f"split the statement, {_LEAVE_OUT}"),
    ("Python 2", f"port it to Python 3, {_LEAVE_OUT}"),
    ("syntax error", f"mend it, run modal-lint on the version of Python that it is written for, {_LEAVE_OUT}"),
)
_ELSE = f"mend it, {_LEAVE_OUT}"


def remedy(reason: str) -> str:
    """What to do about a file that could not be checked for ``reason``; empty where the reason says it."""
    return next((remedy for words, remedy in _REMEDIES if words in reason), _ELSE)
