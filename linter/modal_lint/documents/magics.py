"""IPython's own syntax as Python of the same shape: what is not Python becomes a comment, or a call as wide as itself.

Every line keeps its length and its place. The syntax is that of IPython 9's documentation ("IPython magics", "System
shell access"); a magic that runs its cell as Python is one of `_RUNS_PYTHON`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modal_lint.documents.base import NEWLINE, Command

if TYPE_CHECKING:
    from collections.abc import Sequence

_RUNS_PYTHON = frozenset(
    (
        *("time", "timeit", "capture", "prun", "memit", "mprun", "lprun", "heat", "snakeviz", "pyinstrument"),
        *("scalene", "wandb", "px", "debug", "notify", "skip", "mlflow", "matplotlib_inline"),
    )
)
_ELSEWHERE = frozenset(("python", "python2", "python3", "pypy"))  # in a process of its own
_SHELLS = frozenset(("bash", "sh", "shell", "zsh", "system", "sx", "!"))
_WRITES = frozenset(("writefile", "file"))
_RUNS_STATEMENT = frozenset(("time", "timeit", "prun", "memit", "lprun", "mprun", "snakeviz", "heat", "pyinstrument"))
_SETS_VARIABLE = frozenset(("env", "set_env"))

_CELL_MAGIC = re.compile(r"%%(!|[\w.]+)[ \t]*(.*)")
_LINE_MAGIC = re.compile(r"%{1,2}([A-Za-z_][\w.]*)[ \t]*(.*)", re.S)
_HELP = re.compile(r"%{0,2}[A-Za-z_][\w.*]*(?:\[[^\]\n]*\][\w.*]*)?\?{1,2}\s*;?\s*$")
_ASSIGNED = re.compile(  # names, attributes and items: no call, and no string but a key
    r"(?P<target>(?:[\w.,*\s]|\[[^\[\]=]*\]|\([\w.,*\s]*\))+=\s*)(?P<mark>[!%])(?P<rest>\S.*)"
)
_ASSIGNING = re.compile(r"=[ \t]*[!%]")
_VARIABLE = re.compile(r"(?P<key>[A-Za-z_]\w*)(?:\s*=\s*|\s+)(?P<value>\S.*)")
_LOOKUP = re.compile(r"from\s+(?:(?P<environment>[\w.-]+)/)?(?P<app>[\w.-]+)\s+import\s+(?P<names>[\w\s,]+)")
_LOOKED_UP = re.compile(r"(\w+)(?:\s+as\s+(\w+))?\s*(?:,|$)")
_OPTIONS = re.compile(r"(?:-\w+(?:[ \t]+\d+)?[ \t]+)*")
_ANY = re.compile(r"(?m)^[ \t]*[%!?,;/]|=[ \t]*[!%]|\?[ \t;]*$")
_TOKEN = re.compile(r"\"\"\"|'''|\"(?:\\.|[^\"\\])*\"?|'(?:\\.|[^'\\])*'?|[()\[\]{}]|#|\\$")


@dataclass(slots=True)
class Cell:
    """One cell as Python.

    Args:
        lines: as long as those of the source.
        commands: those in it, with its own line numbers.
        body: the line at which a body begins that is a module of its own, from 0; None if there is none.
        name: the file that the body is written to; None where it runs in a process of its own.
        appends: whether the body is written to that file's end.
    """

    lines: list[str]
    commands: list[Command] = field(default_factory=list)
    body: int | None = None
    name: str | None = None
    appends: bool = False


def as_python(source: Sequence[str]) -> Cell:
    """A cell's lines as Python, and the commands in them."""
    cell = Cell(list(source))
    first = next((at for at, line in enumerate(source) if line.strip()), None)
    while first is not None and (magic := _CELL_MAGIC.match(source[first])) is not None:
        cell.lines[first] = _hidden(source[first])
        name, options = magic[1], magic[2].split()
        if name not in _RUNS_PYTHON:
            _foreign(cell, source, first + 1, name, options)
            return cell
        first = next((at for at in range(first + 1, len(source)) if source[at].strip()), None)
    if any(map(_ANY.search, source)):
        _Lines(cell, source, first or 0).hide()
    return cell


def python_of(source: str) -> tuple[str, list[Command]]:
    """A cell's text as Python of the same shape, and the commands in it."""
    cell = as_python(NEWLINE.split(source))
    return "\n".join(cell.lines), cell.commands


def _foreign(cell: Cell, source: Sequence[str], start: int, name: str, options: Sequence[str]) -> None:
    """A cell whose body is no part of the notebook's own code."""
    names = [word.strip("\"'") for word in options if not word.startswith("-")]
    if name == "script" and names:
        name = names[0].rpartition("/")[2]
    if name in _ELSEWHERE or (name in _WRITES and names and names[-1].endswith((".py", ".pyi"))):
        cell.body = start
        cell.name = names[-1] if name in _WRITES else None
        cell.appends = "-a" in options or "--append" in options
        return
    if name in _SHELLS:
        at = start
        while at < len(source):
            end = _last_of_command(source, at)
            if source[at].strip() and not source[at].lstrip().startswith("#"):
                cell.commands.append(_command(source, at, end, _indent(source[at]), expands=False))
            at = end + 1
    for at in range(start, len(source)):
        cell.lines[at] = _hidden(source[at])


class _Lines:
    """The lines of a cell that runs as Python."""

    def __init__(self, cell: Cell, source: Sequence[str], start: int) -> None:
        self._cell, self._source = cell, source
        self._at = start
        self._depth = 0
        self._quote = ""  # of the string that is open at the end of a line
        self._continued = False

    def hide(self) -> None:
        """Hide whatever stands where a statement begins and is none."""
        while self._at < len(self._source):
            line = self._source[self._at]
            begins = not self._quote and not self._continued and self._depth <= 0
            if begins and self._is_magic(line):
                continue
            self._scan(line)
            self._at += 1

    def _is_magic(self, line: str) -> bool:
        text = line.lstrip(" \t")
        indent = len(line) - len(text)
        if text.startswith("!"):
            self._shell(indent + len(text) - len(text.lstrip("!")), indent)
        elif (magic := _LINE_MAGIC.match(text)) is not None and not _HELP.match(text):
            self._magic(magic, indent)
        elif text[:1] in ("?", "%") or _HELP.match(text) or (text[:1] in (",", ";", "/") and text[1:2].isidentifier()):
            self._drop(self._at, indent)
        elif _ASSIGNING.search(line) is not None and (assigned := _ASSIGNED.match(line)) is not None:
            self._assign(assigned)
        else:
            return False
        return True

    def _shell(self, column: int, indent: int) -> None:
        end = _last_of_command(self._source, self._at)
        self._cell.commands.append(_command(self._source, self._at, end, column))
        self._drop(end, indent)

    def _magic(self, magic: re.Match[str], indent: int) -> None:
        end = _last_of_command(self._source, self._at)
        name, start = magic[1], indent + magic.start(2)
        line = self._source[self._at]
        if name in ("system", "sx") and start < len(line):
            self._cell.commands.append(_command(self._source, self._at, end, start))
        if name in _SETS_VARIABLE and end == self._at and (variable := _VARIABLE.match(line, start)) is not None:
            low = variable.start("value")
            high = low + len(variable["value"].rstrip())
            number = self._at + 1
            self._cell.commands.append(Command(number, low, number, high, line[low:high], variable["key"]))
        if name == "modal" and end == self._at and (looked_up := _lookups(line[start:])):
            number = self._at + 1
            self._cell.commands.append(Command(number, start, number, len(line), looked_up, is_python=True))
        statement = _timed(line, start) if name in _RUNS_STATEMENT and end == self._at else None
        if statement is None:
            self._drop(end, indent)
            return
        # A statement before it, so that it stands where it stood.
        self._cell.lines[self._at] = f"{line[:indent]}0;".ljust(statement) + line[statement:]
        self._at += 1

    def _assign(self, assigned: re.Match[str]) -> None:
        end = _last_of_command(self._source, self._at)
        line, mark = self._source[self._at], assigned.start("mark")
        magic = _LINE_MAGIC.match(line, mark)
        statement = None
        if assigned["mark"] == "!":
            self._cell.commands.append(_command(self._source, self._at, end, assigned.start("rest")))
        elif magic is not None and magic[1] in _RUNS_STATEMENT:
            statement = _timed(line, magic.start(2))
        if statement is not None:
            self._cell.lines[self._at] = line[:mark] + " " * (statement - mark) + line[statement:]
            self._at += 1
            return
        unknown = "_()" if len(line) - mark >= 3 else "_"
        self._cell.lines[self._at] = (line[:mark] + unknown).ljust(len(line))
        self._at += 1
        self._drop(end, 0)

    def _drop(self, end: int, indent: int) -> None:
        """Make comments of the lines up to ``end``; an indented one stays a statement."""
        for at in range(self._at, end + 1):
            line = self._source[at]
            first = at == self._at and indent > 0
            self._cell.lines[at] = _idle(line, indent) if first else _hidden(line)
        self._at = end + 1

    def _scan(self, line: str) -> None:
        """Follow strings and brackets through a line of Python."""
        at, self._continued = 0, False
        while at < len(line):
            if self._quote:
                at = self._in_string(line, at)
                continue
            found = _TOKEN.search(line, at)
            if found is None or found[0] == "#":
                return
            at = found.end()
            token = found[0]
            if token in ('"""', "'''"):
                self._quote = token
            elif token in "([{":
                self._depth += 1
            elif token in ")]}":
                self._depth -= 1
            elif token == "\\":
                self._continued = True
            elif line[at:] == "\\" and (len(token) == 1 or token[-1] != token[0]):
                self._quote = token[0]  # a string that goes on after the backslash
                return

    def _in_string(self, line: str, at: int) -> int:
        """Where the open string ends, or the line."""
        found = re.compile(rf"(?:\\.|[^\\])*?{re.escape(self._quote)}").match(line, at)
        if found is not None:
            self._quote = ""
            return found.end()
        if len(self._quote) == 1 and not line.endswith("\\"):
            self._quote = ""
        return len(line)


def _lookups(text: str) -> str:
    """What ``%modal from [env/]app import f, Cls as C`` does (modal 1.6.4, experimental/ipython.py), as Python.

    Which of the names are classes only Modal knows; they are taken to begin with a capital.
    """
    found = _LOOKUP.fullmatch(text.strip())
    if found is None:
        return ""
    statements = []
    for name, alias in _LOOKED_UP.findall(found["names"]):
        kind = "Cls" if name[:1].isupper() else "Function"
        place = f"{found['app']!r}, {name!r}, environment_name={found['environment']!r}"
        statements.append(f"{alias or name} = modal.{kind}.from_name({place})")
    return "\n".join(statements)


def _timed(line: str, start: int) -> int | None:
    """Where the statement begins that a magic times; None if what it times is no Python."""
    from modal_lint.documents.base import is_python

    options = _OPTIONS.match(line, start)
    at = options.end() if options is not None else start
    return at if line[at:].strip() and is_python(line[at:]) else None


def _command(source: Sequence[str], start: int, end: int, column: int, *, expands: bool = True) -> Command:
    """The command in some lines, from a column on."""
    lines = [source[start][column:], *source[start + 1 : end + 1]]
    text = "\n".join(lines)
    return Command(start + 1, column, end + 1, len(source[end]), text, expands=expands)


def _last_of_command(source: Sequence[str], at: int) -> int:
    """The last line of a command that backslashes continue."""
    while at + 1 < len(source) and source[at].endswith("\\"):
        at += 1
    return at


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _hidden(line: str) -> str:
    return "#" + line[1:] if line else line


def _idle(line: str, indent: int) -> str:
    """An indented line as a statement that does nothing, with the rest as its comment."""
    width = len(line) - indent
    if width < 5:
        return (line[:indent] + ("pass" if width == 4 else "0")).ljust(len(line))
    return f"{line[:indent]}pass#{line[indent + 5 :]}"
