"""What GitHub's runner does with a composite action, as far as ours needs it: inputs, steps, outputs, the log.

Steps that use other actions are noted, with what they are given; scripts run under the shell that the runner starts.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

_EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")
_INPUT = re.compile(r"inputs\.([\w-]+)")
_OUTPUT = re.compile(r"steps\.([\w-]+)\.outputs\.([\w-]+)")
_CONDITION = re.compile(r"(inputs\.[\w-]+) == '(\w*)'")
SHELL = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
_KEPT = re.compile(r"PATH|HOME|LANG|SSL_CERT_FILE|PIP_\w+|\w+_(?i:proxy)")  # what reaching a package index needs


@dataclass
class Result:
    """How an action went."""

    status: int = 0
    log: str = ""
    used: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""

    @property
    def commands(self) -> list[str]:
        """The lines of the log that the runner obeys."""
        obeyed: list[str] = []
        stopped: str | None = None
        for line in self.log.split("\n"):
            if stopped is not None:
                stopped = None if line == f"::{stopped}::" else stopped
            elif line.startswith("::stop-commands::"):
                stopped = line.removeprefix("::stop-commands::")
            elif line.lstrip().startswith("::") or "##[" in line:
                obeyed.append(line)
        return obeyed


class Runner:
    """A job on a work tree.

    Args:
        action: the folder of the action.
        temporary: for the runner's own files; an earlier runner's, to keep what it has installed.
        workspace: the work tree.
    """

    def __init__(self, action: Path, temporary: Path, workspace: Path) -> None:
        self._action = action
        self._temporary = temporary
        self._workspace = workspace
        self._document = yaml.safe_load((action / "action.yml").read_text(encoding="utf-8"))
        self._outputs: dict[str, dict[str, str]] = {}
        self.skipped: set[str] = set()

    def run(self, inputs: dict[str, str], *, known: dict[str, dict[str, str]] | None = None) -> Result:
        """Run the action.

        Args:
            inputs: what the workflow gives it; the rest are defaults.
            known: steps whose outputs are taken from an earlier run instead of running them again.
        """
        self._outputs = dict(known or {})
        given = {name: str(one.get("default", "")) for name, one in self._document["inputs"].items()} | inputs
        assert set(given) == set(self._document["inputs"])
        result = Result()
        summary = self._temporary / "summary.md"
        summary.write_text("")
        for step in self._document["runs"]["steps"]:
            if result.status == 0 and step.get("id") not in self._outputs and self._wanted(step, given):
                self._step(step, given, result, summary)
        result.outputs = {name: self._filled(one["value"], given) for name, one in self._document["outputs"].items()}
        result.summary = summary.read_text(encoding="utf-8")
        return result

    @property
    def steps(self) -> dict[str, dict[str, str]]:
        """The outputs of the steps that ran."""
        return self._outputs

    def _wanted(self, step: dict[str, Any], given: dict[str, str]) -> bool:
        if "if" not in step:
            return True
        found = _CONDITION.fullmatch(step["if"])
        assert found, step["if"]
        return self._filled("${{ %s }}" % found[1], given) == found[2]  # noqa: UP031 - braces

    def _step(self, step: dict[str, Any], given: dict[str, str], result: Result, summary: Path) -> None:
        if "uses" in step:
            told = {name: self._filled(str(value), given) for name, value in step["with"].items()}
            result.used.append((step["uses"], told))
            if "setup-python" in step["uses"]:
                self._outputs[step["id"]] = {"python-path": sys.executable}
            return
        outputs, script = self._temporary / "output", self._temporary / "script.sh"
        outputs.write_text("")
        script.write_text(step["run"], encoding="utf-8")
        variables = {name: self._filled(str(value), given) for name, value in step.get("env", {}).items()}
        environment = {
            **{name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)},
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(self._action),
            "GITHUB_OUTPUT": str(outputs),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_WORKSPACE": str(self._workspace),
            "RUNNER_TEMP": str(self._temporary),
            **variables,
        }
        done = subprocess.run(
            [*SHELL, str(script)],
            cwd=self._workspace,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=240,
            check=False,
        )
        result.status = done.returncode
        result.log += done.stdout.decode("utf-8")
        if "id" in step:
            self._outputs[step["id"]] = _read(outputs.read_text(encoding="utf-8"))

    def _filled(self, text: str, given: dict[str, str]) -> str:
        return _EXPRESSION.sub(lambda found: self._value(found[1], given), text)

    def _value(self, expression: str, given: dict[str, str]) -> str:
        if found := _INPUT.fullmatch(expression):
            return given[found[1]]
        found = _OUTPUT.fullmatch(expression)
        assert found, expression
        return self._outputs.get(found[1], {}).get(found[2], "")


def _read(text: str) -> dict[str, str]:
    """A file of outputs: ``name=value``, or ``name<<mark``, lines, and the mark."""
    told: dict[str, str] = {}
    lines = iter(text.split("\n")[:-1])
    for line in lines:
        name, mark, value = re.match(r"([\w-]+)(<<|=)(.*)", line).groups()  # type: ignore[union-attr]
        if mark == "<<":
            told[name] = "\n".join(iter(lambda: next(lines), value))
        else:
            told[name] = value
    return told
