"""`modal-lint preflight`: what code needs against what a workspace has, in the embedded runtime and through the SDK."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from fixture_cases import Done, run
from hypothesis import given, settings
from hypothesis import strategies as st
from lint_process import SOURCES, lint, token
from modal_lint.inventory import Environment, Facts, Location, Reference, merged
from modal_lint.model import Span
from modal_lint.preflight import Kind, compared
from modal_lint.preflight_places import Runtime
from modal_lint_runtime.vault import Vault
from modal_lint_runtime.workspace import Workspace

pytest.importorskip("modal")

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modal_lint_runtime.pytest_plugin import ModalWorkspace

pytest_plugins = ["modal_lint_runtime.pytest_plugin"]

HEAD = 'import os\nimport modal\napp = modal.App("train")\n'
NEEDS = HEAD + (
    '@app.function(secrets=[modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY", "KEY"])])\n'
    'def work():\n    return os.environ["OPENAI_ORG"]\n'
)
VALUE = "tellnobody-9f3a"


class Project:
    """A project, and a workspace of the embedded runtime beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root / "project"
        self.root.mkdir()
        self.workspace = root / "workspace"
        self.write(pyproject="", app=NEEDS)

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.root / (f"{name}.toml" if name == "pyproject" else f"{name}.py")).write_text(text)

    def holds(self, name: str, *keys: str, environment: str = "main") -> None:
        with Workspace(self.workspace) as workspace:
            if environment not in [one.name for one in workspace.environments()]:
                workspace.environment_create(environment)
            workspace.secret_create(name, dict.fromkeys(keys, VALUE), environment)

    def preflight(self, *arguments: str) -> Done:
        return run("preflight", "--workspace", "runtime", "--path", str(self.workspace), *arguments)

    def problems(self, *arguments: str) -> list[tuple[str, str, str, list[str]]]:
        found = json.loads(self.preflight("--output-format", "json", *arguments).out)
        return [(one["kind"], one["severity"], one["secret"], one["keys"]) for one in found["problems"]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("MODAL_ENVIRONMENT", raising=False)
    made = Project(tmp_path)
    monkeypatch.chdir(made.root)
    return made


class TestEmbeddedRuntime:
    def test_ready(self, project: Project) -> None:
        project.holds("openai-secret", "OPENAI_API_KEY", "KEY", "OPENAI_ORG", "MORE")
        done = project.preflight()
        where = f"environment main of the runtime's workspace {project.workspace}"
        assert done == (0, f"Ready for {where}: 1 Secret compared (1 file checked).\n", "")

    def test_a_missing_secret(self, project: Project) -> None:
        done = project.preflight()
        assert done.status == 1
        assert done.out.startswith(
            "error: Secret openai-secret does not exist in environment main\n"
            "  asked for  app.py:4\n"
            "  used by    function work of App train, app.py:4\n"
            "  help:      modal-lint runtime secret create openai-secret --env main --from-dotenv FILE"
            "  # with KEY, OPENAI_API_KEY, OPENAI_ORG\n"
        )
        assert "Found 1 problem for environment main" in done.out

    def test_missing_keys_are_errors_and_what_is_only_read_a_warning(self, project: Project) -> None:
        project.holds("openai-secret", "KEY")
        assert project.problems() == [
            ("missing-key", "error", "openai-secret", ["OPENAI_API_KEY"]),
            ("missing-key", "warning", "openai-secret", ["OPENAI_ORG"]),
        ]
        done = project.preflight()
        assert done.status == 1
        assert (
            "error: Secret openai-secret of environment main lacks OPENAI_API_KEY\n  asked for  app.py:4\n" in done.out
        )
        assert "lacks OPENAI_ORG, which the code reads\n  asked for  app.py:6\n" in done.out

    def test_what_the_code_creates_is_a_warning(self, project: Project) -> None:
        project.write(setup=HEAD + 'modal.Secret.objects.create("openai-secret", {"KEY": os.environ["KEY"]})\n')
        ((kind, severity, _, _),) = project.problems()
        assert (kind, severity) == ("missing-secret", "warning")
        assert "; the code creates it" in project.preflight().out

    def test_environments(self, project: Project) -> None:
        code = 'modal.Secret.from_name("fixed", environment_name="prod", required_keys=["A"])\n'
        project.write(app=HEAD + code + 'modal.Secret.from_name("where")\n')
        assert project.problems() == [
            ("missing-environment", "error", "fixed", []),
            ("missing-secret", "error", "where", []),
        ]
        project.holds("fixed", "A", environment="prod")
        project.holds("where", "A", environment="dev")
        assert project.problems("--env", "dev") == []
        assert project.problems("--env", "prod") == [("missing-secret", "error", "where", [])]
        assert project.problems() == [("missing-secret", "error", "where", [])]

    def test_each_environment_needs_its_own_keys(self, project: Project) -> None:
        code = 'modal.Secret.from_name("both", required_keys=["A"])\n'
        code += 'modal.Secret.from_name("both", environment_name="prod", required_keys=["B"])\n'
        project.write(app=HEAD + code)
        project.holds("both", "A")
        project.holds("both", "B", environment="prod")
        assert project.problems() == []
        assert project.problems("--env", "prod") == [("missing-key", "error", "both", ["A"])]

    def test_the_environment_of_the_variable(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        project.holds("openai-secret", "OPENAI_API_KEY", "KEY", "OPENAI_ORG", environment="dev")
        monkeypatch.setenv("MODAL_ENVIRONMENT", "dev")
        assert project.preflight().status == 0

    def test_what_is_not_known_is_told_and_does_not_fail(self, project: Project) -> None:
        code = 'modal.Secret.from_name("somewhere", environment_name=os.environ["STAGE"])\n'
        code += 'modal.Sandbox.create(app=app, secrets=[modal.Secret.from_name(os.environ["NAME"])])\n'
        project.write(app=HEAD + code)
        project.holds("unused", "A")
        done = project.preflight()
        assert done.status == 0
        assert "Not compared, because the environment is not known: somewhere.\n" in done.out
        assert "Not compared: 1 place attaches a Secret whose name is not known: app.py:5.\n" in done.out
        assert "Nothing here uses, as far as names are known: unused.\n" in done.out

    def test_what_nothing_uses_does_not_fail(self, project: Project) -> None:
        project.holds("openai-secret", "OPENAI_API_KEY", "KEY", "OPENAI_ORG")
        project.holds("b-old", "A")
        project.holds("a-old", "A")
        done = project.preflight()
        assert done.status == 0
        assert done.out.endswith("Nothing here uses: a-old, b-old.\n")

    def test_calls_that_would_raise(self, project: Project) -> None:
        project.holds("openai-secret", "OPENAI_API_KEY", "KEY", "OPENAI_ORG")
        project.write(other=HEAD + f'modal.Sandbox.create(app=app, env={{"PORT": 80, "HF_TOKEN": "{token()}"}})\n')
        done = project.preflight("--output-format", "json")
        assert done.status == 1
        assert [one["code"] for one in json.loads(done.out)["findings"]] == ["MS401"]
        assert "other.py:4:" in project.preflight().out
        assert project.preflight("--exclude", "other.py").status == 0
        project.write(pyproject='[tool.modal-lint]\nignore = ["MS401"]\n')
        assert project.preflight().status == 0

    def test_a_file_that_cannot_be_read_fails(self, project: Project) -> None:
        project.holds("openai-secret", "OPENAI_API_KEY", "KEY", "OPENAI_ORG")
        project.write(broken="import modal\ndef (:\n")
        done = project.preflight()
        assert done.status == 1
        assert "broken.py:2:5" in done.out
        assert "not checked" in done.out

    def test_json_has_the_documented_keys(self, project: Project) -> None:
        project.holds("openai-secret", "KEY")
        assert project.preflight("--output-format", "json", "-o", "report.json").out == ""
        found = json.loads((project.root / "report.json").read_text())
        assert set(found) == {
            *("version", "ready", "workspace", "environment", "compared", "problems", "findings", "unused"),
            *("unknown_environment", "unnamed", "checked"),
        }
        assert (found["ready"], found["workspace"], found["environment"]) == (False, "runtime", "main")
        problem = found["problems"][0]
        assert set(problem) == {
            *("kind", "severity", "message", "secret", "environment", "keys", "locations", "users"),
        }
        assert problem["locations"][0]["location"] == {"row": 4, "column": 24}
        assert problem["users"][0]["name"] == "work"

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("--env", "nowhere"), "has no environment nowhere"),
            (("--env", "no such name!"), "has no environment no such name!"),
            (("-",), "standard input is no project"),
            (("--output-format", "markdown"), "markdown"),
            (("--wrkspace", "x"), "did you mean `--workspace`?"),
            (("--workspace", "modal"), "--path is about the embedded runtime"),
        ],
    )
    def test_mistakes_are_one_line(self, project: Project, arguments: tuple[str, ...], words: str) -> None:
        done = project.preflight(*arguments)
        assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
        assert words in done.err

    def test_a_directory_that_is_no_workspace(self, project: Project) -> None:
        project.workspace.mkdir()
        (project.workspace / "other").touch()
        done = project.preflight()
        assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)

    def test_no_value_is_read_or_shown(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        project.holds("openai-secret", "KEY")

        def refuse(*_: object) -> NoReturn:
            raise AssertionError("a value was asked for")

        monkeypatch.setattr(Workspace, "secret_values", refuse)
        monkeypatch.setattr(Vault, "cipher", refuse)
        for form in ("full", "json"):
            done = project.preflight("--output-format", form)
            assert done.status == 1
            assert VALUE not in done.said


_words = st.sampled_from(["a", "b"])
_environments = st.sampled_from(["main", "dev", None])


@settings(max_examples=40, deadline=None)
@given(
    held=st.dictionaries(st.tuples(st.sampled_from(["main", "dev"]), _words), st.sets(_words, min_size=1), max_size=5),
    needed=st.lists(st.tuples(_words, _environments, st.sets(_words)), max_size=5),
    asked=st.sampled_from(["main", "dev"]),
)
def test_it_is_what_sets_say(
    held: Mapping[tuple[str, str], set[str]], needed: list[tuple[str, str | None, set[str]]], asked: str
) -> None:
    """A comparison with a real workspace, against the same comparison in sets."""
    place = Location("app.py", Span(1, 0, 1, 1))
    references = [Reference(name, Environment(where), tuple(sorted(keys)), place) for name, where, keys in needed]
    wanted: dict[tuple[str, str], set[str]] = {}
    for name, where, keys in needed:
        wanted.setdefault((where or asked, name), set()).update(keys)
    with tempfile.TemporaryDirectory() as folder:
        with Workspace(folder) as workspace:
            workspace.environment_create("dev")
            for (where, name), keys in held.items():
                workspace.secret_create(name, dict.fromkeys(keys, VALUE), where)
        runtime = Runtime(Path(folder))
        found = compared(merged([Facts(references=tuple(references))]), runtime, asked)
        runtime.close()
    missing = {(one.environment, one.secret) for one in found.problems if one.kind is Kind.NO_SECRET}
    lacking = {(one.environment, one.secret): {*one.keys} for one in found.problems if one.kind is Kind.NO_KEY}
    assert missing == {one for one in wanted if one not in held}
    assert lacking == {one: wanted[one] - held[one] for one in wanted if one in held and wanted[one] - held[one]}
    assert {*found.unused} == {name for where, name in held if where == asked and (where, name) not in wanted}
    assert found.compared == len(wanted)


class TestThroughTheSdk:
    """Modal's own SDK, against a server that speaks its protocol."""

    @staticmethod
    def preflight(project: Project, environment: Mapping[str, str], *arguments: str) -> Done:
        done = lint("preflight", *arguments, cwd=project.root, environment=dict(environment))
        return Done(done.status, done.out, done.err)

    def test_secrets_and_keys(self, project: Project, modal_workspace: ModalWorkspace) -> None:
        variables = modal_workspace.environment({})
        modal_workspace.secret("other", {"A": VALUE})
        done = self.preflight(project, variables)
        assert (done.status, done.err) == (1, "")
        assert "Secret openai-secret does not exist in" in done.out
        assert "modal secret create openai-secret" in done.out
        assert "Nothing here uses: other.\n" in done.out

        # KEY is there and also the end of a key that is not.
        modal_workspace.secret("openai-secret", {"KEY": VALUE})
        done = self.preflight(project, variables, "--output-format", "json")
        found = json.loads(done.out)
        assert [(one["kind"], one["severity"], one["keys"]) for one in found["problems"]] == [
            ("missing-key", "error", ["OPENAI_API_KEY"]),
            ("missing-key", "warning", ["OPENAI_ORG"]),
        ]
        assert (found["workspace"], VALUE in done.said) == ("modal", False)

    def test_environments(self, project: Project, modal_workspace: ModalWorkspace) -> None:
        done = self.preflight(project, modal_workspace.environment({}), "--env", "dev")
        assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
        assert "has no environment dev" in done.err
        modal_workspace.workspace.environment_create("dev")
        entries = dict.fromkeys(("OPENAI_API_KEY", "KEY", "OPENAI_ORG"), VALUE)
        modal_workspace.secret("openai-secret", entries, "dev")
        done = self.preflight(project, modal_workspace.environment({}), "--env", "dev")
        assert done.status == 0
        assert "Ready for environment dev of Modal at 127.0.0.1:" in done.out

    def test_from_the_template_to_a_deployment(self, project: Project, modal_workspace: ModalWorkspace) -> None:
        variables = modal_workspace.environment()
        assert run("inventory", "--output-format", "dotenv", "-o", "templates/").status == 0
        template = project.root / "templates" / "openai-secret.env"
        template.write_text(template.read_text().replace("=\n", "=filled\n"))
        create = ["secret", "create", "openai-secret", "--from-dotenv", str(template)]
        subprocess.run(
            [sys.executable, "-m", "modal", *create], env=variables, check=True, capture_output=True, timeout=60
        )
        secret_id = modal_workspace.workspace.secret_lookup("openai-secret").id
        assert modal_workspace.workspace.secret_values(secret_id) == dict.fromkeys(
            ("KEY", "OPENAI_API_KEY", "OPENAI_ORG"), "filled"
        )
        assert self.preflight(project, modal_workspace.environment({})).status == 0

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"MODAL_TOKEN_ID": "", "MODAL_TOKEN_SECRET": ""}, "run `modal setup`"),
            ({"MODAL_TOKEN_SECRET": "as-wrong"}, "cannot be asked"),
        ],
    )
    def test_without_a_usable_token(
        self, project: Project, modal_workspace: ModalWorkspace, changed: dict[str, str], words: str
    ) -> None:
        done = self.preflight(project, {**modal_workspace.environment({}), **changed})
        assert (done.status, done.out, done.err.count("\n")) == (2, "", 1), done.said
        assert words in done.err

    def test_a_file_of_the_project_is_not_taken_for_the_sdk(
        self, project: Project, modal_workspace: ModalWorkspace
    ) -> None:
        project.write(modal="raise SystemExit('imported')\n", app="print('nothing')\n")
        done = self.preflight(project, modal_workspace.environment({}))
        assert (done.status, "imported" in done.said) == (0, False), done.said

    @pytest.mark.parametrize(
        ("workspace", "package", "extra"),
        [("modal", "modal", "modal-lint[server]"), ("runtime", "platformdirs", "modal-lint[runtime]")],
    )
    def test_without_the_extra(self, project: Project, workspace: str, package: str, extra: str) -> None:
        code = f"import sys; sys.modules[{package!r}] = None; from modal_lint.start import main; main(sys.argv[1:])"
        done = subprocess.run(
            [sys.executable, "-c", code, "preflight", "--workspace", workspace],
            cwd=project.root,
            env={**os.environ, "PYTHONPATH": SOURCES, "MODAL_LINT_RUNTIME_DIR": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert extra in done.stderr
