"""Work grows no faster than a file: executed lines of the linter are counted, never time."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import modal_lint
import pytest
from material import make
from modal_lint.engine import Session
from modal_lint.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_HOME = str(Path(modal_lint.__file__).parent)
_HEAD = "import modal\n\napp = modal.App('grown')\n"
_UNITS = 100
# Twice the work for twice the file, and room for tables that are searched by halves.
_MOST = 2.1


def _values(count: int) -> Iterator[tuple[int, str]]:
    """Numbers with credentials that all begin alike."""
    return ((number, make("openai", number)) for number in range(count))


def _functions(count: int) -> str:
    return "\n".join(
        f"def start_{number}():\n    settings = {{'API_KEY': '{value}'}}  # not 'that'\n"
        "    return modal.Sandbox.create(app=app, env=settings)\n"
        for number, value in _values(count)
    )


def _secrets(count: int) -> str:
    listed = ",\n".join(f"    modal.Secret.from_dict({{'API_KEY': '{value}'}})" for _, value in _values(count))
    return f"@app.function(secrets=[\n{listed}\n])\ndef work():\n    pass\n"


def _one_line(count: int) -> str:
    calls = (f"modal.Sandbox.create(app=app, env={{'API_KEY': '{value}'}})" for _, value in _values(count))
    return f"boxes = [{', '.join(calls)}]  # on one line\n"


def _comments(count: int) -> str:
    lines = "\n".join(f"x_{number} = 'a # {number}'  # {number}" for number in range(count))
    return f"{lines}\n{_functions(count // 10)}"


def _filled(count: int) -> str:
    lines = (f"    settings['K_{number}'] = str(x)" for number in range(count))
    return "def start(x):\n    settings = {}\n" + "\n".join(lines) + "\n    return settings\n"


def _bound_again(count: int) -> str:
    return "\n".join(
        f"settings = {{'A': '{number}'}}\nbox = modal.Sandbox.create(app=app, env=settings)" for number in range(count)
    )


def _branches(count: int) -> str:
    lines = (
        f"    if x == {number}:\n        settings['A'] = 'b'\n    else:\n        settings['K_{number}'] = 'x'"
        for number in range(count)
    )
    return "def start(x):\n    settings = {}\n" + "\n".join(lines) + "\n    return settings\n"


def _methods(count: int) -> str:
    lines = (
        f"    def start_{number}(self):\n        self.key_{number} = 'x'\n"
        f"        return modal.Sandbox.create(app=app, env={{'API_KEY': self.key_{number}}})\n"
        for number in range(count)
    )
    return "class Work:\n" + "\n".join(lines)


def _same_names(count: int) -> str:
    return "\n".join(
        f"class Work{number}:\n    def run(self, x):\n        return self.create(x, env=x)\n"
        "    def create(self, x, env):\n        return x.exec(env)\n"
        for number in range(count)
    )


def _steps(count: int) -> str:
    lines = "".join(f"    .pip_install('package-{number}')\n" for number in range(count))
    key = make("openai")
    return f"image = (\n    modal.Image.debian_slim()\n    .env({{'API_KEY': '{key}'}})\n{lines})\n" + (
        "@app.function(image=image)\ndef work():\n    pass\n"
    )


def _reassigned(count: int) -> str:
    lines = "\n".join(f"image = image.pip_install('package-{number}')" for number in range(count))
    return f"image = modal.Image.debian_slim()\n{lines}\n@app.function(image=image)\ndef work():\n    pass\n"


def _words(count: int) -> str:
    lines = "\n".join(f"box.exec('curl', '-H', 'X-Number: {number}', env={{'A': 'b'}})" for number in range(count))
    return f"box = modal.Sandbox.create(app=app)\n{lines}\n"


def _lines_run(path: Path, text: str) -> int:
    """How many lines of the linter a check of one file executes."""
    path.write_text(_HEAD + text, encoding="utf-8")
    count = 0

    def line(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return line

    def call(frame: FrameType, _event: str, _argument: object) -> Any:
        return line if frame.f_code.co_filename.startswith(_HOME) else None

    threading.settrace(call)  # a check runs in a thread of its own
    try:
        report = Session([str(path)], Settings(), jobs=1).run()
    finally:
        threading.settrace(None)
    assert not report.failures
    return count


@pytest.mark.parametrize(
    "shape",
    [
        _functions,
        _secrets,
        _one_line,
        _comments,
        _filled,
        _bound_again,
        _branches,
        _methods,
        _same_names,
        _steps,
        _reassigned,
        _words,
    ],
    ids=lambda shape: shape.__name__.strip("_"),
)
def test_work_grows_no_faster_than_the_file(shape: Callable[[int], str], tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    _lines_run(path, shape(1))  # what is made once in a process
    once, twice = (_lines_run(path, shape(count)) for count in (_UNITS, 2 * _UNITS))
    assert once > _UNITS
    assert twice <= _MOST * once, (once, twice)
