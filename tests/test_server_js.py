"""The TypeScript of the user's document, run by Node 22 and Modal's JavaScript SDK against the local server.

`tests/js/document` holds the document's blocks as they are. Programs run as they stand. A block that is a part of a
program gets the lines it needs before it and a line after it that shows what it made; the block itself is not touched.
"""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

modal = pytest.importorskip("modal")

import node  # noqa: E402
from git_server import make_repository, serve_git  # noqa: E402
from modal_lint_runtime.isolation import detect  # noqa: E402
from python_home import PythonHome, make_python_home  # noqa: E402
from server_process import EXEC, environment, serving  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modal_lint_runtime.pytest_plugin import ModalWorkspace

pytest_plugins = ["modal_lint_runtime.pytest_plugin", "node_fixtures"]

needs_roots = pytest.mark.skipif(not detect().filesystem, reason="builds need a private file system")

CLIENT = 'import { ModalClient } from "modal";\n\nconst modal = new ModalClient();\n'
APP_AND_IMAGE = (
    'const app = await modal.apps.fromName("app", { createIfMissing: true });\n'
    'const image = modal.images.fromRegistry("python:3.13");\n'
)
SHOW_SECRET = "\nconsole.log(JSON.stringify({ id: secret.secretId, name: secret.name ?? null }));\n"
SHOW_ENV = (
    '\nconst shown = await sandbox.exec(["env", "-0"]);\n'
    'console.log(JSON.stringify((await shown.stdout.readText()).split("\\0")));\nawait sandbox.terminate();\n'
)


def block(name: str) -> str:
    """A block of the document."""
    return (node.DOCUMENT / f"{name}.ts").read_text(encoding="utf-8")


def parts(name: str) -> list[str]:
    """The parts of a block that declares the same name twice: they cannot be in one program."""
    first, *more = block(name).split("\n\n//")
    return [first, *(f"//{part}" for part in more)]


@pytest.fixture(params=["1", "0"], ids=["v2", "v1"])
def backend(request: pytest.FixtureRequest) -> str:
    """Which backend sandboxes run on, as both SDKs are told."""
    chosen: str = request.param
    return chosen


@pytest.fixture
def env(modal_workspace: ModalWorkspace) -> dict[str, str]:
    """The environment of programs that talk to this test's server alone."""
    return modal_workspace.environment()


def secret_shown(js: node.Node, text: str, env: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(js.output(text + SHOW_SECRET, env))
    return found


def env_shown(output: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in json.loads(output) if line)


# Secrets


def test_access(js: node.Node, modal_workspace: ModalWorkspace, env: dict[str, str]) -> None:
    modal_workspace.secret("my-secret", {"KEY": "value"})
    assert js.output(block("access"), env) == ""
    shown = secret_shown(js, block("access"), env)
    assert shown == {"id": modal_workspace.workspace.secret_lookup("my-secret").id, "name": "my-secret"}


def test_from_name(js: node.Node, modal_workspace: ModalWorkspace, env: dict[str, str]) -> None:
    modal_workspace.secret("api-keys", {"KEY": "value"})
    modal_workspace.secret("database-creds", {"DB_HOST": "host", "DB_PASSWORD": "word"})
    plain, required = parts("from-name")
    assert secret_shown(js, CLIENT + plain, env)["name"] == "api-keys"
    assert secret_shown(js, CLIENT + required, env)["name"] == "database-creds"


def test_from_object(js: node.Node, modal_workspace: ModalWorkspace, env: dict[str, str]) -> None:
    shown = secret_shown(js, CLIENT + block("from-object"), env)
    assert shown["name"] is None
    assert modal_workspace.workspace.secret_list() == []


def test_what_an_object_holds_is_in_the_sandbox(js: node.Node, env: dict[str, str], backend: str) -> None:
    text = CLIENT + APP_AND_IMAGE + block("from-object")
    text += "const sandbox = await modal.sandboxes.create(app, image, { secrets: [secret] });" + SHOW_ENV
    seen = env_shown(js.output(text, {**env, "MODAL_SANDBOX_V2": backend}))
    assert (seen["API_KEY"], seen["API_ENDPOINT"]) == ("sk-...", "https://api.example.com")


def test_delete(js: node.Node, modal_workspace: ModalWorkspace, env: dict[str, str]) -> None:
    modal_workspace.secret("old-credentials", {"KEY": "value"})
    modal_workspace.secret("others", {"KEY": "value"})
    assert js.output(CLIENT + block("delete"), env) == ""
    assert [secret.name for secret in modal_workspace.workspace.secret_list()] == ["others"]


def outcomes(js: node.Node, env: dict[str, str], *expressions: str) -> list[str]:
    """For each expression the class and the text of the error that awaiting it throws."""
    attempts = "".join(f"await outcome(async () => {expression});\n" for expression in expressions)
    shown = js.output(
        f"{CLIENT}{APP_AND_IMAGE}const shown: string[] = [];\n"
        "async function outcome(attempt: () => Promise<unknown>): Promise<void> {\n"
        '  try { await attempt(); shown.push("done"); }\n'
        "  catch (error) { shown.push(`${(error as Error).name}: ${(error as Error).message}`); }\n"
        f"}}\n{attempts}console.log(JSON.stringify(shown));\n",
        env,
    )
    found: list[str] = json.loads(shown)
    return found


def test_errors_are_of_the_classes_that_the_document_names(
    js: node.Node, modal_workspace: ModalWorkspace, env: dict[str, str]
) -> None:
    modal_workspace.secret("database-creds", {"DB_HOST": "host"})
    missing, keys, number, gone, quiet = outcomes(
        js,
        env,
        'modal.secrets.fromName("missing-secret")',
        'modal.secrets.fromName("database-creds", { requiredKeys: ["DB_HOST", "DB_PASSWORD"] })',
        "modal.secrets.fromObject({ PORT: 12345 as unknown as string })",
        'modal.secrets.delete("missing-secret")',
        'modal.secrets.delete("missing-secret", { allowMissing: true })',
    )
    assert missing.startswith("NotFoundError: Secret 'missing-secret' not found")
    assert keys.startswith("NotFoundError: ")
    assert "DB_PASSWORD" in keys
    assert "DB_HOST" not in keys
    assert number.startswith("InvalidError: ")
    assert "PORT" in number  # the SDK's own check, before any call; its text has the value too
    assert gone.startswith("NotFoundError: ")
    assert quiet == "done"


def test_deletion_affects_apps_that_use_the_secret(
    js: node.Node, modal_workspace: ModalWorkspace, env: dict[str, str], backend: str
) -> None:
    modal_workspace.secret("api-keys", {"KEY": "value"})
    create = "modal.sandboxes.create(app, image, { secrets: [secret] })"
    deletion = 'modal.secrets.delete("api-keys")'
    holding, deleted, failing = outcomes(
        js,
        {**env, "MODAL_SANDBOX_V2": backend},
        '{ globalThis.secret = await modal.secrets.fromName("api-keys"); }',
        deletion,
        create,
    )
    assert (holding, deleted) == ("done", "done")
    assert "NotFoundError" in failing or "NOT_FOUND" in failing


# Sandboxes


def running_env(modal_workspace: ModalWorkspace) -> list[dict[str, str]]:
    """What processes in the running sandboxes see, the oldest first; then they are ended."""
    records = sorted(modal_workspace.workspace.sandbox_list(), key=lambda record: record.created_at)
    found = []
    for record in records:
        sandbox = modal.Sandbox.from_id(record.id)
        lines = sandbox.exec("env", "-0").stdout.read().split("\0")
        found.append(dict(line.split("=", 1) for line in lines if line))
        sandbox.terminate()
    return found


def test_variables_and_secrets_combined(
    js: node.Node, modal_workspace: ModalWorkspace, env: dict[str, str], backend: str
) -> None:
    modal_workspace.secret("aws-credentials", {"AWS_REGION": "eu-central-1", "LOG_LEVEL": "debug", "PORT": "1"})
    assert js.output(block("combine"), {**env, "MODAL_SANDBOX_V2": backend}) == ""
    (seen,) = running_env(modal_workspace)
    expected = {
        "AWS_REGION": "eu-central-1",
        "ENVIRONMENT": "production",
        "LOG_LEVEL": "info",
        "PORT": "8080",
        "NODE_ENV": "production",
    }
    assert {key: seen[key] for key in expected} == expected


def test_best_practices(js: node.Node, modal_workspace: ModalWorkspace, env: dict[str, str], backend: str) -> None:
    modal_workspace.secret("api-keys", {"API_KEY": "from the Secret"})
    for part in parts("best-practices"):
        assert js.output(CLIENT + APP_AND_IMAGE + part, {**env, "MODAL_SANDBOX_V2": backend}) == ""
    hardcoded, kept = running_env(modal_workspace)
    assert (hardcoded["API_KEY"], kept["API_KEY"]) == ("sk-1234567890", "from the Secret")


@pytest.fixture(scope="module")
def python_home(tmp_path_factory: pytest.TempPathFactory) -> PythonHome:
    """A Python whose pip finds `requests` and `psycopg2` on this machine."""
    pytest.importorskip("pip")
    return make_python_home(tmp_path_factory.mktemp("python"), {"requests": "2.0", "psycopg2": "2.0"})


@needs_roots
def test_secrets_in_a_sandbox(js: node.Node, tmp_path: Path, python_home: PythonHome, backend: str) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps({"api-keys": {"API_KEY": "value"}}), encoding="utf-8")
    with serving(tmp_path / "workspace", "--seed", str(seed), python=python_home.python) as (_, env):
        assert js.output(block("sandbox"), {**env, "MODAL_SANDBOX_V2": backend}) == "postgres.example.com\n\n"


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap makes the network without a way out")
def test_nothing_but_the_loopback_interface_is_needed(js: node.Node, tmp_path: Path, backend: str) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps({"api-keys": {"API_KEY": "from the Secret"}}), encoding="utf-8")
    server = (sys.executable, "-c", EXEC, "--path", str(tmp_path / "workspace"), "--seed", str(seed), "--")
    prefix = ("bwrap", "--dev-bind", "/", "/", "--unshare-net", "--", *server)
    dead = dict.fromkeys(("http_proxy", "https_proxy", "grpc_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    (tmp_path / ".modal.toml").write_text(
        '[elsewhere]\nserver_url = "https://example.invalid"\nactive = true\nenvironment = "elsewhere"\n'
        'token_id = "ak-x"\ntoken_secret = "as-x"\n',
        encoding="utf-8",
    )
    text = CLIENT + APP_AND_IMAGE + parts("best-practices")[1] + SHOW_ENV
    variables = {**environment(), **dead, "HOME": str(tmp_path), "MODAL_SANDBOX_V2": backend}
    done = js.run(text, variables, prefix=prefix)
    assert done.returncode == 0, done.stderr
    assert env_shown(done.stdout)["API_KEY"] == "from the Secret"


# Functions


DEPLOYED = """
import os, modal
app = modal.App("deployed")

@app.function(secrets=[modal.Secret.from_name("api-keys")], env={"LEVEL": "env"})
def show(greeting, *, to):
    return {"said": f"{greeting} {to}", "key": os.environ["API_KEY"], "level": os.environ["LEVEL"]}

@app.cls()
class Greeter:
    name: str = modal.parameter(default="nobody")

    @modal.method()
    def greet(self, times):
        return self.name * times

if __name__ == "__main__":
    app.deploy()
"""
CALLING = """
const show = await modal.functions.fromName("deployed", "show");
const direct = await show.remote(["hello"], { to: "you" });
const spawned = await (await show.spawn(["bye"], { to: "you" })).get();
const greeter = await (await modal.cls.fromName("deployed", "Greeter")).instance({ name: "ab" });
console.log(JSON.stringify([direct, spawned, await greeter.method("greet").remote([2])]));
"""


def test_deployed_functions_are_called(
    js: node.Node, modal_workspace: ModalWorkspace, env: dict[str, str], tmp_path: Path
) -> None:
    modal_workspace.secret("api-keys", {"API_KEY": "from the Secret"})
    (tmp_path / "deployed.py").write_text(DEPLOYED, encoding="utf-8")
    subprocess.run([sys.executable, str(tmp_path / "deployed.py")], env=env, check=True, timeout=60)
    direct, spawned, greeted = json.loads(js.output(CLIENT + CALLING, env))
    assert direct == {"said": "hello you", "key": "from the Secret", "level": "env"}
    assert (spawned["said"], greeted) == ("bye you", "abab")


# Images


@pytest.fixture
def git_token() -> str:
    return "token-" + secrets.token_hex(16)


@pytest.fixture
def github(tmp_path: Path, git_token: str) -> Iterator[dict[str, str]]:
    """The contents of a Secret that make git ask a server of this machine, which wants the token, for GitHub's."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    make_repository(tmp_path / "git")
    with serve_git(tmp_path / "git", git_token) as port:
        yield {
            "GITHUB_TOKEN": git_token,
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.http://{git_token}@127.0.0.1:{port}/.insteadOf",
            "GIT_CONFIG_VALUE_0": f"https://{git_token}@github.com/myorg/",
            "PIP_BREAK_SYSTEM_PACKAGES": "1",
            "PIP_NO_INDEX": "1",
        }


READ_PACKAGE = "import os, privatepkg; print(privatepkg.WHERE, os.environ.get('GITHUB_TOKEN'))"


@needs_roots
def test_a_private_repository_in_an_image(
    js: node.Node, modal_workspace: ModalWorkspace, env: dict[str, str], github: dict[str, str], git_token: str
) -> None:
    modal_workspace.secret("github-token", github)
    done = js.run(block("build"), env)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert git_token not in done.stderr
    built = max(modal_workspace.workspace.image_list(), key=lambda image: image.created_at)
    app = modal.App.lookup("private-deps")
    sandbox = modal.Sandbox.create("python", "-c", READ_PACKAGE, app=app, image=modal.Image.from_id(built.id))
    assert sandbox.stdout.read() == "from the private repository None\n"


@needs_roots
def test_a_private_repository_without_the_right_token(
    js: node.Node, modal_workspace: ModalWorkspace, env: dict[str, str], github: dict[str, str], git_token: str
) -> None:
    wrong = git_token[::-1]
    modal_workspace.secret(
        "github-token",
        {key: value.replace(git_token, wrong) for key, value in github.items()} | {"GIT_TERMINAL_PROMPT": "0"},
    )
    done = js.run(block("build"), env)
    assert done.returncode == 1
    assert "git clone" in done.stderr
    assert wrong not in done.stderr + done.stdout
    assert "Authentication failed" in done.stderr or "could not read" in done.stderr
