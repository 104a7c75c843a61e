"""Running the command line as users do: as a process, with nothing of the test run's environment that it looks at."""

from __future__ import annotations

import ctypes
import os
import random
import string
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

_LOOKED_AT = (
    *("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "PRE_COMMIT", "MODAL_LINT_OUTPUT_FORMAT", "CI"),
    *("GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "CI_PROJECT_DIR", "CI_COMMIT_SHA", "WORKSPACE"),
)
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
    *arguments: str | Path,
    cwd: Path,
    stdin: bytes = b"",
    humble: bool = False,
    environment: dict[str, str] | None = None,
) -> Done:
    """Run modal-lint in ``cwd``; ``environment`` adds variables, ``humble`` makes permissions count for root."""
    kept = {name: value for name, value in os.environ.items() if name not in _LOOKED_AT}
    done = subprocess.run(
        [sys.executable, "-m", "modal_lint", *map(str, arguments)],
        cwd=cwd,
        env={**kept, "PYTHONPATH": SOURCES, "PYTHONIOENCODING": "utf-8", **(environment or {})},
        input=stdin,
        capture_output=True,
        timeout=60,
        preexec_fn=_without_privileges if humble else None,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))


_LOADED = """
import sys
from modal_lint.start import status
status(sys.argv[1:])
print("LOADED", *sorted(sys.modules))
"""


def modules_after(*arguments: str, cwd: Path, environment: dict[str, str] | None = None) -> set[str]:
    """The modules that a run of modal-lint in ``cwd`` has loaded; ``environment`` adds variables."""
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": SOURCES, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("LOADED"))
    return set(line.split()[1:])


def _without_privileges() -> None:
    """Give up, over the coming exec, what lets root read everything."""
    prctl = ctypes.CDLL(None).prctl
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


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
