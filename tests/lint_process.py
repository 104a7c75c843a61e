"""Running the command line as users do: as a process, with nothing of the test run's environment that it looks at."""

from __future__ import annotations

import os
import random
import string
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

_LOOKED_AT = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "PRE_COMMIT", "MODAL_LINT_OUTPUT_FORMAT", "CI")
# Where this process finds the packages under test, wherever the child runs.
SOURCES = os.pathsep.join(os.path.abspath(path) for path in sys.path if path)


class Done(NamedTuple):
    """What a process said."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


def lint(
    *arguments: str | Path, cwd: Path, stdin: bytes = b"", user: int | None = None, **environment: str
) -> Done:
    """Run modal-lint in ``cwd``; ``environment`` adds variables, ``user`` is whom to run as."""
    kept = {name: value for name, value in os.environ.items() if name not in _LOOKED_AT}
    done = subprocess.run(
        [sys.executable, "-m", "modal_lint", *map(str, arguments)],
        cwd=cwd,
        env={**kept, "PYTHONPATH": SOURCES, "PYTHONIOENCODING": "utf-8", **environment},
        input=stdin,
        capture_output=True,
        timeout=60,
        user=user,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))


def token(seed: int = 1) -> str:
    """A value with the shape of a Hugging Face token; made here so that no scanner finds one in a file."""
    letters = random.Random(seed).choices(string.ascii_letters, k=34)
    return "hf" + "_" + "".join(letters)


def leaky(value: str | None = None, key: str = "HF_TOKEN", before: str = "", after: str = "") -> str:
    """A module with one credential hardcoded into a Modal call, after the line ``before`` and before ``after``."""
    return (
        "import modal\n\n"
        'app = modal.App("demo")\n'
        f"{before}"
        f'sandbox = modal.Sandbox.create(app=app, env={{"{key}": "{value or token()}"}}){after}\n'
    )
