"""Family 3 against the real Python SDK: what a rule says happens, silently, does, and does not once it is fixed.

Programs run through the local server; what a container sees is what its process really sees.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from fixture_cases import check, expected, told, without_expectations, write
from modal_lint_rules import RULES

modal = pytest.importorskip("modal")

from modal_lint_runtime import contract  # noqa: E402
from modal_lint_runtime.isolation import detect  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

    from modal_lint_runtime.pytest_plugin import ModalWorkspace

pytest_plugins = ["modal_lint_runtime.pytest_plugin"]

OURS = [rule for rule in RULES if rule.code.startswith("MS3")]
PROGRAM = """
import json, os
import modal

app = modal.App("program")
given = modal.Secret.from_name("given", required_keys=["KEY"])


def see(*keys):
    return {key: os.environ[key] for key in keys if key in os.environ}


@app.function(secrets=[modal.Secret.from_dotenv(".env.prod")])  # expect: MS301
def ms301(): return see("STAGE")
@app.function(secrets=[modal.Secret.from_dotenv(filename=".env.prod")])
def ms301_fixed(): return see("STAGE")

@app.function(secrets=[modal.Secret.from_dotenv(filename=".env.absent")])  # expect: MS302
def ms302(): return see("STAGE")

@app.function(secrets=[given], env={"LEVEL": "1"})
def base(): return see("KEY", "LEVEL", "DEBUG")
ms303 = base.with_options(env={"DEBUG": "1"})  # expect: MS303
ms303_fixed = base.with_options(env={"DEBUG": "1", "LEVEL": "1"}, secrets=[given])

ms304 = base.with_options(secrets=[])  # expect: MS304
ms304_stacked = base.with_options(secrets=[given]).with_options(env={"DEBUG": "1"})  # expect: MS304
ms304_fixed = base.with_options(secrets=[given], env={"DEBUG": "1"})

@app.function(secrets=[modal.Secret.from_dict({"NOT_SET_HERE": os.environ.get("NOT_SET_HERE")})])  # expect: MS310
def ms310(): return see("NOT_SET_HERE")

@app.function(secrets=[given], env={"KEY": "of env"})  # expect: MS311
def ms311(): return see("KEY")

@app.function(secrets=[given])
def ms312(): return os.environ["OTHER"]  # expect: MS312
@app.function(secrets=[modal.Secret.from_name("fuller", required_keys=["KEY", "OTHER"])])
def ms312_fixed(): return os.environ["OTHER"]

@app.function(env={"MODAL_IS_REMOTE": "0", "MODAL_TASK_ID": "mine"})  # expect: MS315, MS315
def ms315(): return see("MODAL_IS_REMOTE", "MODAL_TASK_ID")

@app.function(secrets=[given])
def ms316(): return os.environ["KEY"] and see("KEY")


def outcome(function):
    try:
        return function.remote()
    except Exception as error:
        return type(error).__name__


@app.local_entrypoint()
def main():
    seen = {name: outcome(one) for name, one in globals().copy().items() if name.startswith(("ms", "base"))}
    try:
        seen["ms316_local"] = ms316.local()  # expect: MS316
    except KeyError:
        seen["ms316_local"] = "KeyError"
    print(json.dumps(seen))


if __name__ == "__main__":
    with app.run():
        main()
"""

SEEN = {
    "ms301": {"STAGE": "of .env"},
    "ms301_fixed": {"STAGE": "of .env.prod"},
    "ms302": {},
    "base": {"KEY": "given", "LEVEL": "1"},
    "ms303": {"DEBUG": "1"},
    "ms303_fixed": {"KEY": "given", "LEVEL": "1", "DEBUG": "1"},
    "ms304": {"KEY": "given", "LEVEL": "1"},
    "ms304_stacked": {"DEBUG": "1"},
    "ms304_fixed": {"KEY": "given", "DEBUG": "1"},
    "ms310": {},
    "ms311": {"KEY": "of env"},
    "ms312": "KeyError",
    "ms312_fixed": "other",
    "ms316": {"KEY": "given"},
    "ms316_local": "KeyError",
}

IMPORTED = """
import os
import modal

app = modal.App("imported")
secret = modal.Secret.from_dict({"ONLY_HERE": os.environ["ONLY_HERE"]})  # expect: MS317


@app.function(secrets=[secret])
def carries():
    return os.environ["ONLY_HERE"]


@app.function()
def lacks():
    return "imported"


if __name__ == "__main__":
    with app.run():
        try:
            print(carries.remote(), lacks.remote())
        except Exception as error:
            print("raised", type(error).__name__)
"""


def ran(workspace: ModalWorkspace, folder: Path, name: str, **variables: str) -> str:
    """The last line that a program prints."""
    done = subprocess.run(
        [sys.executable, name],
        cwd=folder,
        env=workspace.environment() | variables,
        text=True,
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def announced(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch, **files: str) -> Path:
    """Write a program of which the rules tell what its comments announce."""
    write(folder, {"program.py": text, **{f".{name}": content for name, content in files.items()}})
    monkeypatch.chdir(folder)
    assert told(check(["."], OURS)) == expected("program.py", text)
    (folder / "program.py").write_text(without_expectations(text), encoding="utf-8")
    return folder


def test_what_containers_see(modal_workspace: ModalWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modal_workspace.secret("given", {"KEY": "given"})
    modal_workspace.secret("fuller", {"KEY": "given", "OTHER": "other"})
    files = {"env": "STAGE='of .env'\n", "env.prod": "STAGE='of .env.prod'\n"}
    folder = announced(tmp_path, PROGRAM, monkeypatch, **files)
    seen: dict[str, Any] = json.loads(ran(modal_workspace, folder, "program.py"))
    ms315 = seen.pop("ms315")
    assert ms315["MODAL_IS_REMOTE"] == "1"
    assert ms315["MODAL_TASK_ID"] != "mine"
    assert seen == SEEN


def test_a_module_is_imported_where_the_variable_is_not(
    modal_workspace: ModalWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = announced(tmp_path, IMPORTED, monkeypatch)
    assert ran(modal_workspace, folder, "program.py", ONLY_HERE="here").startswith("raised ")
    fixed = IMPORTED.replace('from_dict({"ONLY_HERE": os.environ["ONLY_HERE"]})', 'from_local_environ(["ONLY_HERE"])')
    (folder / "program.py").write_text(without_expectations(fixed), encoding="utf-8")
    assert told(check(["."], OURS)) == []
    assert ran(modal_workspace, folder, "program.py", ONLY_HERE="here") == "here imported"


def test_a_sandboxs_secrets_are_looked_up_in_the_default_environment(modal_workspace: ModalWorkspace) -> None:
    """MS308."""
    modal_workspace.workspace.environment_create("prod")
    modal_workspace.secret("only-in-prod", {"KEY": "prod"}, environment="prod")
    app = modal.App.lookup("agents", environment_name="prod", create_if_missing=True)
    image = modal.Image.from_registry("python:3.13")
    with pytest.raises(modal.exception.NotFoundError, match="only-in-prod"):
        modal.Sandbox.create("true", app=app, image=image, secrets=[modal.Secret.from_name("only-in-prod")])
    secret = modal.Secret.from_name("only-in-prod", environment_name="prod")
    sandbox = modal.Sandbox.create("true", app=app, image=image, secrets=[secret])
    sandbox.terminate()


def test_a_reference_looks_nothing_up(modal_workspace: ModalWorkspace) -> None:
    """MS309."""
    assert modal_workspace.url
    secret = modal.Secret.from_name("no-such-secret")
    with pytest.raises(modal.exception.NotFoundError):
        secret.hydrate()


def test_allow_existing_keeps_what_is_there(modal_workspace: ModalWorkspace) -> None:
    """MS313."""
    modal.Secret.objects.create("stripe-secret", {"KEY": "old"})
    modal.Secret.objects.create("stripe-secret", {"KEY": "new"}, allow_existing=True)
    assert values(modal_workspace, "stripe-secret") == {"KEY": "old"}
    modal.Secret.from_name("stripe-secret").update({"KEY": "new"})
    assert values(modal_workspace, "stripe-secret") == {"KEY": "new"}


def values(workspace: ModalWorkspace, name: str) -> dict[str, str]:
    """What a sandbox sees of a Secret's KEY."""
    app = modal.App.lookup("look", create_if_missing=True)
    image = modal.Image.from_registry("python:3.13")
    sandbox = modal.Sandbox.create(app=app, image=image, secrets=[modal.Secret.from_name(name)])
    seen = sandbox.exec("printenv", "KEY").stdout.read().strip()
    sandbox.terminate()
    assert workspace.url
    return {"KEY": seen}


def test_a_secret_created_anew_is_another_one(modal_workspace: ModalWorkspace) -> None:
    """MS314: what holds the id of the deleted Secret does not find the new one."""
    modal_workspace.secret("rotated", {"KEY": "old"})
    held = modal.Secret.from_name("rotated").hydrate()
    modal.Secret.objects.delete("rotated")
    modal.Secret.objects.create("rotated", {"KEY": "new"})
    assert modal.Secret.from_name("rotated").hydrate().object_id != held.object_id
    app = modal.App.lookup("look", create_if_missing=True)
    image = modal.Image.from_registry("python:3.13")
    with pytest.raises(modal.exception.NotFoundError):
        modal.Sandbox.create("true", app=app, image=image, secrets=[held])


def test_a_registry_is_asked_without_what_secrets_holds(modal_workspace: ModalWorkspace) -> None:
    """MS306: keys that a registry's Secret may not have are refused in `secret=`, and not looked at in `secrets=`."""
    modal_workspace.secret("wrong-keys", {"DOCKER_USERNAME": "u", "DOCKER_PASSWORD": "p"})
    app = modal.App.lookup("images", create_if_missing=True)
    wrong = modal.Secret.from_name("wrong-keys")
    modal.Image.from_registry("python:3.13", secrets=[wrong]).build(app)
    with pytest.raises(modal.exception.InvalidError, match="Registry Secret must include"):
        modal.Image.from_registry("python:3.13", secret=wrong).build(app)


@pytest.mark.skipif(not detect().filesystem, reason="builds need a private file system")
def test_pip_gets_the_variable_as_it_is_written(modal_workspace: ModalWorkspace) -> None:
    """MS307: quoted in an index URL, replaced in `extra_options`."""
    modal_workspace.secret("index", {"INDEX_TOKEN": "of-the-secret"})
    secret = modal.Secret.from_name("index")
    base = modal.Image.debian_slim()
    env = {"PIP_RETRIES": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    quoted = base.pip_install("acme", index_url="http://127.0.0.1:1/$INDEX_TOKEN/simple", secrets=[secret], env=env)
    raw = base.pip_install(
        "acme", extra_options="--index-url http://127.0.0.1:1/$INDEX_TOKEN/simple", secrets=[secret], env=env
    )
    assert "indexes: http://127.0.0.1:1/$INDEX_TOKEN/simple" in failure(quoted)
    assert "indexes: http://127.0.0.1:1/***/simple" in failure(raw)  # the server masks the value


def failure(image: Any) -> str:
    """What a build says that fails."""
    with pytest.raises(modal.exception.ImageBuildError) as error:
        image.build(modal.App.lookup("images", create_if_missing=True))
    return str(error.value)


def test_braces_are_no_template(modal_workspace: ModalWorkspace) -> None:
    """MS307: the SDK wants a Secret for `$KEY` and none for `${KEY}`, which it does not take for a reference."""
    assert modal_workspace.url
    assert "references a secret key" in refusal("$KEY")
    assert "references a secret key" not in refusal("${KEY}")


def refusal(header: str) -> str:
    """Why a sandbox with such a header and no Secret is not created, if it is not."""
    policy = modal.experimental.OutboundPolicy()
    policy = policy.with_header_replacement(domain="api.acme.dev", headers={"Authorization": header})
    app = modal.App.lookup("policies", create_if_missing=True)
    image = modal.Image.from_registry("python:3.13")
    try:
        modal.Sandbox.create("true", app=app, image=image, _experimental_outbound_policy=policy).terminate()
    except modal.exception.Error as error:
        return str(error)
    return ""


@pytest.mark.parametrize("step", contract.QUOTED_ARGUMENTS)
def test_the_contract_names_parameters_of_the_sdk(step: str) -> None:
    import inspect

    parameters = inspect.signature(getattr(modal.Image, step)).parameters
    assert set(parameters) >= contract.QUOTED_ARGUMENTS[step]


def test_literal_variables() -> None:
    assert contract.literal_variables("pip_install", "index_url", "https://$A@h/${B}") == ("A", "B")
    assert contract.literal_variables("pip_install", "extra_options", "https://$A@h") == ()
    assert contract.literal_variables("run_commands", "commands", "echo $A") == ()
    assert contract.literal_variables("uv_pip_install", "packages", "p @ git+https://${A}@h/$B") == ("B",)
    assert contract.literal_variables("uv_pip_install", "index_url", "https://${A}@h") == ("A",)
