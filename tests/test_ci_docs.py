"""docs/ci.md and docs/output.md: the files of the recipes are valid, their commands run and write what they say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from fixture_cases import run
from format_grammars import MACHINE_FORMATS, read
from lint_process import SOURCES, leaky, token
from modal_lint.report import FORMATS

ROOT = Path(__file__).parent.parent
_CI = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
_OUTPUT = (ROOT / "docs" / "output.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SCHEMAS = {
    ".github/workflows/modal-lint.yml": "vendor.github-workflows",
    ".gitlab-ci.yml": "vendor.gitlab-ci",
    ".circleci/config.yml": "vendor.circle-ci",
    "azure-pipelines.yml": "vendor.azure-pipelines",
}
_ENVIRONMENT = "MODAL_LINT"


class Recipe(NamedTuple):
    """A block of the guide: what language, and what the file is called, if the first line says it."""

    language: str
    name: str
    text: str

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = yaml.safe_load(self.text)
        return document


def _recipes() -> list[Recipe]:
    recipes = []
    for language, text in _BLOCK.findall(_CI):
        first = text.partition("\n")[0]
        named = re.fullmatch(r"(?:#|//) (\S+)", first)
        recipes.append(Recipe(language, named[1] if named else "", text))
    return recipes


_RECIPES = _recipes()
_YAML = [one for one in _RECIPES if one.language == "yaml"]


def _name(recipe: Recipe) -> str:
    return recipe.name or recipe.language


def test_every_service_has_its_recipe() -> None:
    assert {one.name for one in _YAML} == {*_SCHEMAS, ".pre-commit-config.yaml"}
    assert len([one for one in _YAML if one.name.startswith(".github")]) == 3


@pytest.mark.parametrize("recipe", _YAML, ids=_name)
def test_the_file_is_one_that_the_service_takes(recipe: Recipe, tmp_path: Path) -> None:
    path = tmp_path / recipe.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(recipe.text, encoding="utf-8")
    if recipe.name in _SCHEMAS:
        command = ["check_jsonschema", "--builtin-schema", _SCHEMAS[recipe.name], str(path)]
        if "gitlab" in recipe.name:
            command[1:1] = ["--data-transform", "gitlab-ci"]
        if "azure" in recipe.name:
            command[1:1] = ["--data-transform", "azure-pipelines", "--regex-variant", "nonunicode"]
    else:
        command = ["pre_commit", "validate-config", str(path)]
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("recipe", [one for one in _YAML if one.name.startswith(".github")], ids=_name)
def test_a_workflow_is_one_that_a_security_linter_takes(recipe: Recipe, tmp_path: Path) -> None:
    path = tmp_path / recipe.name
    path.parent.mkdir(parents=True)
    path.write_text(recipe.text.replace("REVISION", "0" * 40), encoding="utf-8")
    zizmor = shutil.which("zizmor", path=os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]))
    assert zizmor is not None
    done = subprocess.run([zizmor, "--offline", "--quiet", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_action_is_one_that_a_security_linter_takes() -> None:
    zizmor = shutil.which("zizmor", path=os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]))
    assert zizmor is not None
    done = subprocess.run(
        [zizmor, "--offline", "--quiet", str(ROOT / "action.yml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_inputs_of_the_action_are_all_told_with_their_defaults() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    rows = re.findall(r"^\| `([\w-]+)` \| (?:`([^`]*)`)? ?\|", _CI, re.MULTILINE)
    assert rows == [(name, str(one["default"])) for name, one in action["inputs"].items()]
    given = {key for one in _YAML for step in _steps(one) for key in step.get("with", {}) if "OWNER" in step["uses"]}
    assert given <= set(action["inputs"])
    for name in action["outputs"]:
        assert f"`{name}`" in _CI


def _steps(recipe: Recipe) -> list[dict[str, Any]]:
    jobs = recipe.document.get("jobs", {}) if recipe.name.startswith(".github") else {}
    return [step for job in jobs.values() for step in job["steps"]]


def _commands(recipe: Recipe) -> list[str]:
    """The scripts of a recipe, in order."""
    if recipe.language == "sh":
        return [recipe.text]
    if recipe.language == "groovy":
        return re.findall(r"^ *sh '(.*)'$", recipe.text, re.MULTILINE)
    document = recipe.document
    if recipe.name == ".gitlab-ci.yml":
        return [str(line) for line in document["modal-lint"]["script"]]
    if recipe.name == "azure-pipelines.yml":
        return [step["bash"] for step in document["steps"] if "bash" in step]
    if recipe.name == ".circleci/config.yml":
        steps = document["jobs"]["modal-lint"]["steps"]
        return [step["run"] for step in steps if isinstance(step, dict) and "run" in step]
    return [step["run"] for step in _steps(recipe) if "run" in step]


_WITH_COMMANDS = [one for one in _RECIPES if _commands(one)]


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """An environment in which `pip` has already installed what it is asked for, and says what that was."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, script in (
        ("pip", f'#!/bin/sh\necho "$@" >>"{tmp_path}/installed"\n'),
        ("modal-lint", f'#!/bin/sh\nexec "{sys.executable}" -m modal_lint "$@"\n'),
        ("python", f'#!/bin/sh\nmkdir -p "$3/bin" && cp "{folder}"/* "$3/bin"\n'),
    ):
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    return {
        "PATH": os.pathsep.join([str(folder), os.environ["PATH"]]),
        "PYTHONPATH": SOURCES,
        "WORKSPACE_TMP": str(tmp_path / "jenkins"),
        _ENVIRONMENT: "git+https://example.org/OWNER/modal-lint@REVISION",
        "CI": "true",
    }


@pytest.mark.parametrize("recipe", _WITH_COMMANDS, ids=_name)
def test_the_commands_run_and_write_the_reports_that_are_collected(
    recipe: Recipe, tmp_path: Path, machine: dict[str, str]
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "app.py").write_text(leaky())
    scripts = _commands(recipe)
    said = ""
    for number, script in enumerate(scripts, 1):
        done = subprocess.run(
            ["bash", "-e", "-c", script], cwd=tree, env=machine, capture_output=True, text=True, check=False
        )
        last = number == len(scripts)
        assert done.returncode == (1 if last and "--exit-zero" not in script else 0), done.stderr
        said += done.stdout + done.stderr
    assert token() not in said
    if _ENVIRONMENT in "".join(scripts):
        assert (tmp_path / "installed").read_text() == f"install {machine[_ENVIRONMENT]}\n"
    text = "".join(scripts)
    for form, path in re.findall(r"--output ([\w-]+)=(\S+)", text):
        report = said if path == "-" else (tree / path).read_text(encoding="utf-8")
        if path == "-":
            report = "".join(line + "\n" for line in said.splitlines() if line.startswith(("::", "##vso")))
        assert form in MACHINE_FORMATS
        os.chdir(tree)
        assert [one.code for one in read(form, report)] == ["MS101"]
        if path != "-" and recipe.language != "sh":
            assert path in recipe.text.replace(f"={path}", "") or os.path.dirname(path), "nobody collects it"


def test_a_clean_tree_passes_in_every_recipe(tmp_path: Path, machine: dict[str, str]) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "app.py").write_text("import modal\n")
    for recipe in _WITH_COMMANDS:
        script = "\n".join(_commands(recipe))
        done = subprocess.run(["bash", "-e", "-c", script], cwd=tree, env=machine, capture_output=True, check=False)
        assert done.returncode == 0, (recipe.name, done.stderr)


# ---- output.md --------------------------------------------------------------------------------------------------


def test_every_format_has_a_place_in_the_guide() -> None:
    assert sorted(re.findall(r"^### (\S+)$", _OUTPUT, re.MULTILINE)) == sorted(FORMATS)


def test_the_guide_has_the_keys_of_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(leaky())
    (found,) = json.loads(run("check", "--isolated", "-q", "--output-format", "json", "app.py").out)
    table = _OUTPUT.partition("### json\n")[2].partition("### json-lines")[0]
    rows: list[str] = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == {*found, "exposure"}


def test_readme_leads_to_both_guides() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "(docs/ci.md)" in readme
    assert "(docs/output.md)" in readme
    section = readme.partition("### CI\n")[2].partition("\n## ")[0]
    for form in FORMATS:
        assert f"`{form}`" in section, form
