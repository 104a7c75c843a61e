"""The GitHub Action, run step by step from a clone of this repository, on work trees that mean well and others."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import requires
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from action_runner import Result, Runner
from filelock import FileLock
from format_grammars import read
from lint_process import leaky, token
from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
_REQUIREMENTS = ROOT / ".github" / "action-requirements.txt"

_LEAVES = ("colorama", "pyyaml-ft", "tomli")  # not there on every machine; need nothing
_MACHINES = [
    {"python_version": version, "python_full_version": f"{version}.0", "platform_system": system, "extra": ""}
    for version in ("3.10", "3.11", "3.12", "3.13", "3.14")
    for system in ("Linux", "Darwin", "Windows")
]

pytestmark = [
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs this repository's history, not only its files"),
    pytest.mark.skipif(shutil.which("git") is None or shutil.which("bash") is None, reason="needs git and bash"),
]


class Job:
    """A job of a workflow: the action from a clone, installed as it installs itself."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self.action, self.hostile = folder / "action", folder / "hostile"
        subprocess.run(["git", "clone", "-q", "--depth=1", ROOT.as_uri(), str(self.action)], check=True)
        self.hostile.mkdir()
        for name in ("modal_lint", "click", "json", "secrets", "pip", "venv", "sitecustomize", "hatchling"):
            (self.hostile / f"{name}.py").write_text("open('pwned', 'w').write('')\n")
        (self.hostile / "action.yml").write_text("runs: {using: composite, steps: []}\n")
        runner = self._runner(self.hostile)
        self.installed = runner.run({})
        self.known = {name: runner.steps[name] for name in ("python", "install")}

    def _runner(self, workspace: Path) -> Runner:
        return Runner(self.action, Path(tempfile.mkdtemp(dir=self._folder)), workspace)

    def run(self, workspace: Path, inputs: dict[str, str] | None = None) -> Result:
        return self._runner(workspace).run(inputs or {}, known=self.known)


@pytest.fixture(scope="session")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """One installation for all processes that run these tests."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    kept = shared / "job.pickle"
    with FileLock(shared / "job.lock"):
        if not kept.exists():
            kept.write_bytes(pickle.dumps(Job(shared / "job")))
        made: Job = pickle.loads(kept.read_bytes())
    return made


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A work tree with one finding."""
    (tmp_path / "app.py").write_text(leaky())
    return tmp_path


def test_the_document_is_one_that_github_takes() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_other_actions_are_pinned_and_no_script_holds_an_expression() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    steps = yaml.safe_load(text)["runs"]["steps"]
    assert [bool(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"])) for step in steps if "uses" in step] == [
        True,
        True,
    ]
    assert len(re.findall(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", text, re.MULTILINE)) == 2
    assert all("${{" not in step["run"] for step in steps if "run" in step)


def _needed(name: str) -> Iterator[Requirement]:
    """What a distribution needs on some machine that the action may run on; this one, as it is now."""
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for text in ours["dependencies"] if name == ours["name"] else requires(name) or ():
        one = Requirement(text)
        if one.marker is None or any(one.marker.evaluate(machine) for machine in _MACHINES):
            yield one


@pytest.mark.parametrize("name", ["modal-lint", "hatchling"])
def test_what_is_installed_is_pinned_whole(name: str) -> None:
    lines = [line for line in _REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]
    pins = {one.name: one.specifier for one in map(Requirement, lines)}
    assert all(re.fullmatch(r"==[\d.]+", str(pin)) for pin in pins.values())
    wanted, seen = [name], set()
    while wanted:
        for one in _needed(wanted.pop()):
            key = one.name.lower()
            assert key in pins, one
            assert one.specifier.contains(next(iter(pins[key])).version), one
            if key not in seen:
                seen.add(key)
                wanted += [key] if key not in _LEAVES else []
    assert seen


def test_a_clean_work_tree_passes_and_is_never_run(job: Job) -> None:
    assert job.installed.status == 0, job.installed.log
    assert job.installed.outputs == {"status": "0", "findings": "0", "sarif-file": ""}
    assert "All checks passed!" in job.installed.summary
    assert not (job.hostile / "pwned").exists()
    assert [name.partition("@")[0] for name, _ in job.installed.used] == ["actions/setup-python"]
    assert job.installed.used[0][1]["update-environment"] == "False"


def test_a_finding_is_annotated_summarised_and_fails_the_job(job: Job, tree: Path) -> None:
    result = job.run(tree)
    assert result.status == 1
    assert result.outputs == {"status": "1", "findings": "1", "sarif-file": ""}
    assert "Found 1 finding in 1 file checked." in result.log
    (command,) = result.commands
    assert command.startswith("::error file=app.py,line=4,col=")
    assert "app.py" in result.summary
    assert token() not in result.log + result.summary


def test_whether_findings_fail_or_are_annotated_is_said_by_inputs(job: Job, tree: Path) -> None:
    result = job.run(
        tree, {"fail": "false", "annotations": "false", "paths": "app.py\n", "args": "--min-severity\nerror"}
    )
    assert result.status == 0
    assert result.outputs["status"] == "1"
    assert result.commands == []
    assert job.run(tree, {"args": "--ignore MS101"}).outputs == {"status": "0", "findings": "0", "sarif-file": ""}


def test_a_log_is_uploaded_when_it_is_asked_for(job: Job, tree: Path) -> None:
    result = job.run(tree, {"upload-sarif": "true", "category": "mine"})
    name, told = result.used[-1]
    assert name.startswith("github/codeql-action/upload-sarif@")
    assert told == {"sarif_file": result.outputs["sarif-file"], "category": "mine"}
    assert [one.path for one in read("sarif", Path(told["sarif_file"]).read_text())] == ["app.py"]
    assert result.status == 1, "what is uploaded still fails the job"
    kept = job.run(tree, {"sarif-file": "reports.sarif", "fail": "false"})
    assert kept.outputs["sarif-file"] == "reports.sarif"
    assert json.loads((tree / "reports.sarif").read_text())["version"] == "2.1.0"
    assert kept.used == []


@pytest.mark.parametrize(
    ("inputs", "status"),
    [
        ({"paths": "$(touch pwned)"}, 1),
        ({"paths": "`touch pwned`; touch pwned"}, 1),
        ({"paths": "app.py\n$(touch pwned)\n\n'; touch pwned; '\r\n"}, 1),
        ({"paths": "--fix\n--unsafe-fixes\napp.py"}, 1),
        ({"paths": "*.py"}, 1),
        ({"args": "$(touch pwned) `touch pwned` ; touch pwned"}, 1),
        ({"args": "--output-file $(touch${IFS}pwned)"}, 1),
        ({"sarif-file": "$(touch pwned)\nfindings=0"}, 1),
        ({"sarif-file": 'a"; touch pwned; "'}, 1),
        ({"sarif-file": "no/such/folder"}, 2),
        ({"category": "$(touch pwned)", "upload-sarif": "true"}, 1),
        ({"fail": "$(touch pwned)"}, 2),
        ({"annotations": "yes\n::add-mask::x"}, 2),
        ({"args": "--no-such-option"}, 2),
    ],
)
def test_inputs_are_words_and_nothing_else(job: Job, tree: Path, inputs: dict[str, str], status: int) -> None:
    result = job.run(tree, inputs)
    assert result.status == status, result.log
    assert not (tree / "pwned").exists()
    assert (tree / "app.py").read_text() == leaky()
    assert token() not in result.log
    assert all(re.match("::(error|warning|notice) ", line) for line in result.commands), result.commands
    assert result.outputs["findings"] != "0", "no input can say that there is nothing"


def test_names_of_files_are_no_commands(job: Job, tree: Path) -> None:
    (tree / "app.py").unlink()
    for number, name in enumerate(("::stop-commands::x.py", "##[add-mask]app.py", "a\n::add-path::b.py", "::x::.py")):
        (tree / name).write_text(leaky(token(number)))
    result = job.run(tree)
    assert result.outputs["findings"] == "4"
    assert len(result.commands) == 4
    assert all(line.startswith("::error file=") for line in result.commands)


def test_nothing_of_the_action_lands_in_the_work_tree(job: Job, tree: Path) -> None:
    job.run(tree)
    assert os.listdir(tree) == ["app.py"]
    status = subprocess.run(
        ["git", "-C", str(job.action), "status", "--short"], capture_output=True, text=True, check=True
    )
    assert status.stdout == ""
