"""`modal-lint inventory`: which named Secrets a project needs, with which keys, where."""

from __future__ import annotations

import itertools
import json
import os
import stat
import string
from typing import TYPE_CHECKING

import pytest
from fixture_cases import run
from lint_process import lint, modules_after
from modal_lint.inventory import Environment, Inventory, Secret, collect
from modal_lint.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "import os\nimport modal\n"
APP = HEAD + 'app = modal.App("train")\n'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project that is the current directory."""
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)


def of(folder: Path, *paths: str, **files: str) -> Inventory:
    write(folder, **files)
    return collect(paths or ["."], Settings())


def secret(found: Inventory, name: str) -> Secret:
    one = found.get(name)
    assert one is not None, [each.name for each in found.secrets]
    return one


def keys(one: Secret) -> dict[str, bool]:
    return {key.name: key.required for key in one.keys}


def users(one: Secret) -> list[tuple[str, str | None, str | None]]:
    return [(each.kind.value, each.name, each.app) for each in one.users]


class TestWhatUsesASecret:
    @pytest.mark.parametrize(
        ("code", "user"),
        [
            ("@app.function(secrets=[S])\ndef work(): ...\n", ("function", "work", "train")),
            ("def work(): ...\nf = app.function(secrets=[S])(work)\n", ("function", "work", "train")),
            ("@app.cls(secrets=(S,))\nclass Model: ...\n", ("class", "Model", "train")),
            ("@app.server(secrets=[S], port=80)\nclass Web: ...\n", ("server", "Web", "train")),
            ('modal.Sandbox.create(app=app, secrets=[S], name="box")\n', ("sandbox", "box", "train")),
            ('modal.Sandbox.create(app=app).exec("ls", secrets=[S])\n', ("process", "exec", None)),
            ('modal.App("other", secrets=[S])\n', ("app", "other", "other")),
            ('modal.Image.debian_slim().pip_install("x", secrets=[S])\n', ("build step", "pip_install", None)),
            ('modal.Image.from_registry("x", secret=S)\n', ("registry", "from_registry", None)),
            ('modal.CloudBucketMount("data", secret=S)\n', ("bucket", "data", None)),
            (
                "@app.function()\ndef work(): ...\nwork.with_options(secrets=[S])\n",
                ("options", "work", None),
            ),
            (
                'modal.experimental.OutboundPolicy().with_header_replacement(domain="x.org", headers={}, secret=S)\n',
                ("policy", "x.org", None),
            ),
        ],
    )
    def test_each_kind(self, here: Path, code: str, user: tuple[str, str, str | None]) -> None:
        found = of(here, app=APP + "import modal.experimental\n" + 'S = modal.Secret.from_name("mine")\n' + code)
        assert users(secret(found, "mine")) == [user]
        assert found.unnamed == ()

    def test_a_function_has_what_its_app_has(self, here: Path) -> None:
        code = 'app = modal.App("all", secrets=[modal.Secret.from_name("shared")])\n'
        code += '@app.function(secrets=[modal.Secret.from_name("shared")])\ndef own(): ...\n'
        code += "@app.function()\ndef other(): ...\nmodal.Sandbox.create(app=app)\n"
        one = secret(of(here, app=HEAD + code), "shared")
        assert [(user.name, user.inherited) for user in one.users] == [("all", False), ("own", False), ("other", True)]

    def test_places_are_those_of_the_calls(self, here: Path) -> None:
        one = secret(of(here, app=APP + '@app.function(secrets=[modal.Secret.from_name("x")])\ndef f(): ...\n'), "x")
        assert [(user.location.path, user.location.span.line) for user in one.users] == [("app.py", 4)]
        assert [(ref.location.path, ref.location.span.line) for ref in one.references] == [("app.py", 4)]

    def test_a_secret_that_nothing_uses_is_there_too(self, here: Path) -> None:
        one = secret(of(here, app=HEAD + 'modal.Secret.from_name("alone", required_keys=["A"]).hydrate()\n'), "alone")
        assert (one.users, keys(one)) == ((), {"A": True})

    def test_a_hydrated_secret_keeps_its_name(self, here: Path) -> None:
        code = 'S = modal.Secret.from_name("mine").hydrate()\nmodal.Sandbox.create(app=app, secrets=[S])\n'
        assert users(secret(of(here, app=APP + code), "mine")) == [("sandbox", None, "train")]

    def test_what_creates_it(self, here: Path) -> None:
        code = 'modal.Secret.objects.create("made", {"A": os.environ["A"], "B": ""})\n'
        code += 'modal.Secret.from_name("made").update({"C": os.environ["C"]})\n'
        one = secret(of(here, app=HEAD + code), "made")
        assert [each.keys for each in one.creations] == [("A", "B"), ("C",)]
        assert one.keys == ()

    def test_the_reference_client(self, here: Path) -> None:
        code = """
from modal_lint_runtime import ModalClient
client = ModalClient(environment="dev")
app = client.apps.from_name("agents", create_if_missing=True)
keys = client.secrets.from_name("api-keys", required_keys=["API_KEY"])
box = client.sandboxes.create(app, client.images.from_registry("python"), secrets=[keys])
box.exec(["true"], secrets=[client.secrets.from_name("other", environment="prod")])
"""
        found = of(here, app=code)
        assert users(secret(found, "api-keys")) == [("sandbox", None, "agents")]
        assert keys(secret(found, "api-keys")) == {"API_KEY": True}
        assert secret(found, "api-keys").environments == (Environment("dev"),)
        assert secret(found, "other").environments == (Environment("prod"),)


class TestAcrossFiles:
    DEFINED = (
        HEAD
        + """
OPENAI = modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])

def named(name, *keys):
    return modal.Secret.from_name(f"team-{name}", required_keys=list(keys))

def listed(*names):
    return [OPENAI, *(named(name) for name in names)]

class Config:
    def __init__(self, stage):
        self.secrets = [modal.Secret.from_name("db", environment_name=stage, required_keys=["DB_URL"])]
"""
    )
    USED = (
        APP
        + """
from defined import OPENAI, Config, listed, named
config = Config("prod")

@app.function(secrets=[OPENAI, named("hf", "HF_TOKEN")])
def first(): ...

@app.function(secrets=listed("a", "b"))
def second(): ...

@app.function(secrets=config.secrets + [named("c")])
def third(): ...
"""
    )

    def test_definitions_helpers_and_configurations(self, here: Path) -> None:
        found = of(here, defined=self.DEFINED, used=self.USED)
        by = {one.name: [user.name for user in one.users] for one in found.secrets}
        assert by == {
            "db": ["third"],
            "openai-secret": ["first", "second"],
            "team-a": ["second"],
            "team-b": ["second"],
            "team-c": ["third"],
            "team-hf": ["first"],
        }
        assert keys(secret(found, "team-hf")) == {"HF_TOKEN": True}
        assert keys(secret(found, "team-a")) == {}
        assert secret(found, "db").environments == (Environment("prod"),)
        assert found.unnamed == ()

    def test_one_file_alone_tells_what_its_helpers_require(self, here: Path) -> None:
        write(here, defined=self.DEFINED)
        found = of(here, "used.py", used=self.USED)
        assert keys(secret(found, "openai-secret")) == {"OPENAI_API_KEY": True}
        assert [one.location.path for one in secret(found, "team-hf").references] == ["defined.py"]

    def test_a_helper_that_is_called_with_secrets(self, here: Path) -> None:
        box = APP + "def box(secrets):\n    return modal.Sandbox.create(app=app, secrets=secrets)\n"
        call = HEAD + 'from box import box\nbox([modal.Secret.from_name("mine")])\n'
        found = of(here, box=box, call=call)
        assert users(secret(found, "mine")) == [("sandbox", None, "train")]
        assert found.unnamed == ()

    def test_processes_change_nothing(self, here: Path) -> None:
        files = {f"used{number}": self.USED for number in range(30)}
        write(here, defined=self.DEFINED, **files)
        assert collect(["."], Settings(jobs=1)) == collect(["."], Settings(jobs=2))


class TestDocuments:
    def test_a_notebook(self, here: Path) -> None:
        cells = [
            'import os\nimport modal\napp = modal.App("nb")\nS = modal.Secret.from_name("mine", required_keys=["A"])\n',
            '@app.function(secrets=[S])\ndef f():\n    return os.environ["B"]\n',
        ]
        about: dict[str, object] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        notebook = {"cells": [{**about, "source": cell} for cell in cells], "metadata": {}, "nbformat": 4}
        (here / "a.ipynb").write_text(json.dumps({**notebook, "nbformat_minor": 4}))
        out = run("inventory").out
        assert "A  required  a.ipynb:cell 1:4\n" in out
        assert "B  read      a.ipynb:cell 2:3\n" in out
        assert "function  f  App nb  a.ipynb:cell 2:1\n" in out

    def test_markdown(self, here: Path) -> None:
        (here / "README.md").write_text('# How\n\n```python\nimport modal\nmodal.Secret.from_name("mine")\n```\n')
        assert "README.md:5" in run("inventory", "--include-markdown").out
        assert "README.md" not in run("inventory").out


class TestEnvironments:
    @pytest.mark.parametrize(
        ("argument", "expected"),
        [
            ("", [Environment()]),
            (", environment_name=None", [Environment()]),
            (', environment_name="prod"', [Environment("prod")]),
            (', environment_name=os.environ["STAGE"]', [Environment(None, False)]),
            (', environment_name=os.environ.get("STAGE", "dev")', [Environment("dev"), Environment(None, False)]),
            (', environment_name="a" if flag() else "b"', [Environment("a"), Environment("b")]),
            (", **options()", [Environment(None, False)]),
        ],
    )
    def test_where_a_secret_is_looked_up(self, here: Path, argument: str, expected: list[Environment]) -> None:
        code = "from elsewhere import flag, options\n" + f'modal.Secret.from_name("mine"{argument})\n'
        assert list(secret(of(here, app=HEAD + code), "mine").environments) == expected

    def test_several_places(self, here: Path) -> None:
        code = 'A = modal.Secret.from_name("mine", required_keys=["A"])\n'
        code += 'B = modal.Secret.from_name("mine", required_keys=["B"], environment_name="prod")\n'
        one = secret(of(here, app=HEAD + code), "mine")
        assert {key.name: key.environments for key in one.keys} == {
            "A": (Environment(),),
            "B": (Environment("prod"),),
        }


class TestReadKeys:
    @staticmethod
    def keys(here: Path, secrets: str, body: str, more: str = "") -> dict[str, bool]:
        code = APP + f"@app.function(secrets=[{secrets}]{more})\ndef f():\n    {body}\n"
        return keys(secret(of(here, app=code), "mine"))

    MINE = 'modal.Secret.from_name("mine")'

    def test_what_fails_without_it(self, here: Path) -> None:
        assert self.keys(here, self.MINE, 'return os.environ["PORTAL"]') == {"PORTAL": False}

    def test_a_credential_with_a_default(self, here: Path) -> None:
        assert self.keys(here, self.MINE, 'return os.environ.get("API_TOKEN")') == {"API_TOKEN": False}

    def test_a_client_that_reads_it(self, here: Path) -> None:
        assert self.keys(here, self.MINE, "import openai; openai.OpenAI()") == {"OPENAI_API_KEY": False}

    def test_in_a_function_that_is_called(self, here: Path) -> None:
        write(here, helper='import os\ndef read():\n    return os.environ["DEEP"]\n')
        assert self.keys(here, self.MINE, "from helper import read; read()") == {"DEEP": False}

    def test_while_the_module_is_imported(self, here: Path) -> None:
        code = f'KEY = os.environ["FIRST"]\n@app.function(secrets=[{self.MINE}])\ndef f(): ...\n'
        assert keys(secret(of(here, app=APP + code), "mine")) == {"FIRST": False}
        guarded = code.replace("KEY =", "if modal.is_local(): KEY =")
        assert keys(secret(of(here, app=APP + guarded), "mine")) == {}
        pickled = code.replace("secrets=", "serialized=True, secrets=")
        assert keys(secret(of(here, app=APP + pickled), "mine")) == {}

    def test_required_wins(self, here: Path) -> None:
        mine = 'modal.Secret.from_name("mine", required_keys=["A"])'
        assert self.keys(here, mine, 'return os.environ["A"], os.environ["B"]') == {"A": True, "B": False}

    @pytest.mark.parametrize(
        ("secrets", "body", "more"),
        [
            (MINE, 'return os.environ.get("LOG_LEVEL", "info")', ""),
            (MINE, 'return os.environ["PATH"], os.environ["MODAL_TASK_ID"]', ""),
            (MINE + ', modal.Secret.from_dict({"A": "1"})', 'return os.environ["A"]', ""),
            (MINE + ", unknown()", 'return os.environ["A"]', ""),
            (MINE, 'return os.environ["A"]', ', env={"A": "1"}'),
            (MINE, 'return os.environ["A"]', ", image=unknown()"),
            (MINE, 'os.environ["A"] = "1"; return os.environ["A"]', ""),
            (MINE, "from dotenv import load_dotenv; load_dotenv(); return os.environ['A']", ""),
        ],
    )
    def test_what_another_source_may_give_is_not_told(self, here: Path, secrets: str, body: str, more: str) -> None:
        write(here, elsewhere="")
        assert self.keys(here, secrets, body, more) == {}

    def test_what_several_secrets_may_give_is_undecided(self, here: Path) -> None:
        code = APP + f'@app.function(secrets=[{self.MINE}, modal.Secret.from_name("second")])\ndef f():\n'
        code += '    return os.environ["A"], os.environ.get("API_TOKEN")\n'
        found = of(here, app=code)
        assert [(one.names, one.key, one.location.span.line) for one in found.undecided] == [
            (("mine", "second"), "A", 6)
        ]
        assert "A is read at app.py:6: which Secret has it? mine or second\n" in run("inventory").out
        (one,) = json.loads(run("inventory", "--output-format", "json").out)["undecided"]
        assert (one["key"], one["secrets"], one["location"]["row"]) == ("A", ["mine", "second"], 6)
        assert run("inventory", "--secret", "mine").out.count("which Secret") == 1

    def test_it_is_decided_where_one_of_them_has_it_elsewhere(self, here: Path) -> None:
        code = APP + f'@app.function(secrets=[{self.MINE}, modal.Secret.from_name("second")])\n'
        code += 'def f():\n    return os.environ["A"]\n'
        other = APP + f'@app.function(secrets=[{self.MINE}])\ndef g():\n    return os.environ["A"]\n'
        found = of(here, app=code, other=other)
        assert (found.undecided, keys(secret(found, "mine"))) == ((), {"A": False})

    def test_the_configuration_decides(self, here: Path) -> None:
        (here / "pyproject.toml").write_text('[tool.modal-lint.known-secrets]\nmine = ["A"]\n')
        code = APP + f'@app.function(secrets=[{self.MINE}, modal.Secret.from_name("second")])\n'
        write(here, app=code + 'def f():\n    return os.environ["A"], os.environ["B"]\n')
        out = run("inventory").out
        assert "A  read" in out
        assert "B is read at app.py:6: which Secret has it? mine or second\n" in out  # it may hold more

    def test_nothing_of_a_function_that_is_also_started_otherwise(self, here: Path) -> None:
        code = APP + f'@app.function(secrets=[{self.MINE}])\ndef f():\n    return os.environ["A"]\n'
        code += 'f.with_options(secrets=[modal.Secret.from_name("other")]).remote()\n'
        assert keys(secret(of(here, app=code), "mine")) == {}


class TestUnknownNames:
    @pytest.mark.parametrize(
        "code",
        [
            'modal.Sandbox.create(secrets=[modal.Secret.from_name(os.environ["NAME"])])\n',
            "modal.Sandbox.create(secrets=[given()])\n",
            "modal.Sandbox.create(secrets=given())\n",
            'modal.Secret.from_name(os.environ["NAME"]).hydrate()\n',
            "def make(name):\n    return modal.Secret.from_name(name)\n",
            "def make(secret: modal.Secret):\n    modal.Sandbox.create(secrets=[secret])\n",
        ],
    )
    def test_one_place_is_counted_once(self, here: Path, code: str) -> None:
        found = of(here, app=HEAD + "from elsewhere import given\n" + code)
        assert (len(found.unnamed), found.secrets) == (1, ())

    @pytest.mark.parametrize(
        "code",
        [
            'modal.Sandbox.create(secrets=[modal.Secret.from_dict({"A": "1"})], env={"B": "2"})\n',
            'modal.Sandbox.create(secrets=[modal.Secret.from_dotenv(), modal.Secret.from_local_environ(["A"])])\n',
            "modal.Sandbox.create(secrets=None)\nmodal.Sandbox.create(secrets=[])\n",
        ],
    )
    def test_secrets_without_names_are_not_counted(self, here: Path, code: str) -> None:
        assert of(here, app=HEAD + code).unnamed == ()

    def test_known_and_unknown_possibilities_are_both_told(self, here: Path) -> None:
        code = 'S = modal.Secret.from_name(os.environ.get("NAME", "usual"))\nmodal.Sandbox.create(secrets=[S])\n'
        found = of(here, app=HEAD + code)
        assert [one.name for one in found.secrets] == ["usual"]
        assert len(found.unnamed) == 1

    def test_the_user_is_told(self, here: Path) -> None:
        write(here, app=APP + "from elsewhere import given\n@app.function(secrets=[given()])\ndef work(): ...\n")
        done = run("inventory")
        assert done.out.endswith("1 place attaches a Secret whose name is not known: app.py:5.\n")
        assert done.status == 0
        done = run("inventory", "--output-format", "json")
        (one,) = json.loads(done.out)["unnamed"]
        assert (one["user"]["name"], one["location"]) == ("work", {"row": 5, "column": 2})
        assert "1 place attaches" in done.err
        assert run("inventory", "--output-format", "json", "-q").err == ""


class TestTheCommand:
    @pytest.fixture(autouse=True)
    def project(self, here: Path) -> None:
        code = '@app.function(secrets=[modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])])\n'
        write(here, app=APP + code + 'def work():\n    return os.environ["OPENAI_ORG"]\n')

    def test_full(self, here: Path) -> None:
        done = lint("inventory", cwd=here)
        assert (done.status, done.err) == (0, "")
        assert done.out == (
            "openai-secret\n"
            "  keys        OPENAI_API_KEY  required  app.py:4\n"
            "              OPENAI_ORG      read      app.py:6\n"
            "  used by     function  work  App train  app.py:4\n"
            "  looked up   app.py:4\n"
            "\n"
            "1 Secret, 2 keys in 1 file.\n"
        )
        assert "\x1b[" in lint("inventory", "--color", "always", cwd=here).out

    def test_json_has_the_documented_keys(self, here: Path) -> None:
        found = json.loads(run("inventory", "--output-format", "json").out)
        assert set(found) == {"version", "secrets", "unnamed", "undecided", "not_checked", "checked"}
        (one,) = found["secrets"]
        default = {"status": "default", "name": None}
        place = {
            "filename": str(here / "app.py"),
            "location": {"row": 4, "column": 2},
            "end_location": {"row": 4, "column": 99},
        }
        assert one["environments"] == [default]
        assert one["keys"][0]["name"] == "OPENAI_API_KEY"
        assert [key["status"] for key in one["keys"]] == ["required", "read"]
        assert set(one["keys"][0]) == {"name", "status", "environments", "locations"}
        user = {"kind": "function", "name": "work", "app": "train", "inherited": False, "environment": default}
        assert one["users"] == [{**user, **place}]
        assert set(one["references"][0]) == {"environment", "required_keys", *place}
        assert one["written"] == []

    def test_what_cannot_be_read_is_told_and_fails(self, here: Path) -> None:
        write(here, broken="import modal\ndef (:\n")
        done = run("inventory")
        assert done.status == 1
        assert "broken.py:2:5: not checked: syntax error" in done.err
        assert "openai-secret" in done.out
        assert "1 file not checked" in done.out

    def test_files_are_chosen_as_for_check(self, here: Path) -> None:
        (here / "sub").mkdir()
        (here / "sub" / "more.py").write_text(HEAD + 'modal.Secret.from_name("more")\n')
        assert "more" in run("inventory").out
        assert "more" not in run("inventory", "--exclude", "sub").out
        assert "more" not in run("inventory", "app.py").out
        (here / "pyproject.toml").write_text('[tool.modal-lint]\nextend-exclude = ["sub"]\n')
        assert "more" not in run("inventory").out
        assert "more" in run("inventory", "--isolated").out
        assert "more" in run("inventory", "--config", "extend-exclude=[]", "--isolated").out

    def test_an_output_format_of_check_in_the_configuration_is_none_of_ours(self, here: Path) -> None:
        (here / "pyproject.toml").write_text('[tool.modal-lint]\noutput-format = "concise"\n')
        assert run("inventory").status == 0

    def test_one_secret(self, here: Path) -> None:
        write(here, more=HEAD + 'modal.Secret.from_name("more")\n')
        done = run("inventory", "--secret", "more")
        assert "more" in done.out
        assert "openai" not in done.out
        done = run("inventory", "--secret", "openai-secrets")
        assert (done.status, done.out) == (2, "")
        assert "did you mean `openai-secret`?" in done.err

    def test_to_a_file(self, here: Path) -> None:
        done = run("inventory", "--output-format", "markdown", "-o", "SECRETS.md")
        assert (done.status, done.out) == (0, "")
        assert "openai" in (here / "SECRETS.md").read_text()

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("-",), "standard input is no project"),
            (("--output-format", "yaml"), "yaml"),
            (("-o", "nowhere/x"), "--output-file"),
            (("--write-known-secrets", "-o", "x"), "choose"),
            (("--write-known-secrets", "--isolated"), "choose"),
            (("--secrt", "x"), "did you mean `--secret`?"),
        ],
    )
    @pytest.mark.usefixtures("here")
    def test_mistakes_are_one_line(self, arguments: tuple[str, ...], words: str) -> None:
        done = run("inventory", *arguments)
        assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
        assert words in done.err

    def test_help_loads_no_analysis(self, here: Path) -> None:
        for word in ("inventory", "preflight"):
            loaded = modules_after(word, "--help", cwd=here)
            assert loaded.isdisjoint({"libcst", "modal", "tomlkit", "modal_lint.source", "modal_lint_rules", "sqlite3"})


class TestTemplates:
    @pytest.fixture(autouse=True)
    def project(self, here: Path) -> None:
        code = 'modal.Secret.from_name("one", required_keys=["A", "B"])\n'
        code += 'modal.Secret.from_name("two", required_keys=["C"], environment_name="prod")\n'
        write(here, app=HEAD + code)

    def test_they_are_read_by_python_dotenv(self, here: Path) -> None:
        from dotenv import dotenv_values

        assert run("inventory", "--output-format", "dotenv", "-o", "templates").status == 0
        folder = here / "templates"
        assert sorted(os.listdir(folder)) == ["one.env", "two.env"]
        assert dotenv_values(folder / "one.env") == {"A": "", "B": ""}
        assert "modal secret create one --from-dotenv one.env" in (folder / "one.env").read_text()
        assert "modal secret create two --env prod --from-dotenv two.env" in (folder / "two.env").read_text()
        for name in os.listdir(folder):
            assert stat.S_IMODE(os.stat(folder / name).st_mode) == 0o600
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700

    def test_a_file_that_is_there_may_hold_values_and_stays(self, here: Path) -> None:
        run("inventory", "--output-format", "dotenv", "-o", "templates")
        (here / "templates" / "one.env").write_text("A=filled\n")
        done = run("inventory", "--output-format", "dotenv", "-o", "templates")
        assert done.status == 0
        assert "left as it is: templates/one.env" in done.err
        assert (here / "templates" / "one.env").read_text() == "A=filled\n"
        done = run("inventory", "--output-format", "dotenv", "--secret", "one", "-o", "templates/one.env")
        assert done.status == 2
        assert (here / "templates" / "one.env").read_text() == "A=filled\n"

    def test_one_secret_is_one_file(self, here: Path) -> None:
        assert run("inventory", "--output-format", "dotenv", "--secret", "one", "-o", "x.env").status == 0
        assert (here / "x.env").read_text().endswith("\nA=\nB=\n")

    def test_no_name_leads_out_of_the_directory(self, here: Path) -> None:
        write(here, app=HEAD + 'modal.Secret.from_name("../evil", required_keys=["A"])\n')
        done = run("inventory", "--output-format", "dotenv", "-o", "templates/")
        assert "left out" in done.err
        assert not (here / "evil.env").exists()
        assert os.listdir(here / "templates") == []


def test_long_lists_are_cut_for_people(here: Path) -> None:
    lines = itertools.repeat('modal.Secret.from_name("mine", required_keys=["A"])\n', 5)
    write(here, app=HEAD + "".join(lines))
    assert "app.py:3, app.py:4, app.py:5 and 2 more" in run("inventory").out


def test_an_empty_project(here: Path) -> None:
    write(here, app=HEAD)
    for form in ("full", "json", "markdown", "mermaid", "dotenv"):
        assert run("inventory", "--output-format", form).status == 0
    assert run("inventory", "--output-format", "mermaid").out == "flowchart LR\n"
    assert set(string.printable) > set(run("inventory").out)
