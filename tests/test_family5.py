"""Family 5: it is off unless it is selected, and what its rules say of Modal's SDK is so."""

from __future__ import annotations

import contextlib
import inspect
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from fixture_cases import blocks, run
from modal_lint.environments import endpoints
from modal_lint_rules import RULES

if TYPE_CHECKING:
    from pathlib import Path

    from modal_lint_runtime.pytest_plugin import ModalWorkspace

pytest_plugins = ["modal_lint_runtime.pytest_plugin"]

FAMILY = [rule for rule in RULES if rule.code.startswith("MS5")]
UNCHECKED = next(rule for rule in RULES if rule.code == "MS501")
SUPPRESSED = re.compile(r"# expect: (MS501)")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a finding of MS501 and nothing else."""
    (tmp_path / "app.py").write_text(blocks(UNCHECKED.page, "bad")[0], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _codes(*arguments: str) -> list[str]:
    done = run("check", "--output-format", "json", *arguments)
    return [one["code"] for one in json.loads(done.out)]


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        ((), []),
        (("--select", "MS1,MS2,MS3,MS4"), []),
        (("--extend-select", "MS5"), ["MS501"]),
        (("--extend-select", "unchecked-secret"), ["MS501"]),
        (("--select", "MS501"), ["MS501"]),
        (("--select", "ALL"), ["MS501"]),
        (("--extend-select", "MS5", "--ignore", "MS501"), []),
        (("--extend-select", "MS5", "--min-severity", "warning"), []),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("project")
def test_it_is_selected_on_the_command_line(arguments: tuple[str, ...], codes: list[str]) -> None:
    assert _codes(*arguments) == codes


def test_it_is_selected_in_the_configuration(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.modal-lint]\nextend-select = ["MS5"]\n', encoding="utf-8")
    assert _codes() == ["MS501"]


@pytest.mark.parametrize("code", ["MS501", "MS5", "unchecked-secret", "MS501, MS503"])
def test_a_suppression_of_a_rule_that_is_off_is_not_unused(project: Path, code: str) -> None:
    text = SUPPRESSED.sub(f"# modal-lint: ignore[{code}]", blocks(UNCHECKED.page, "bad")[0])
    (project / "app.py").write_text(text, encoding="utf-8")
    assert _codes() == []


@pytest.mark.usefixtures("project")
def test_the_catalogue_says_what_is_off() -> None:
    listed = json.loads(run("rules", "--output-format", "json").out)
    assert {one["code"] for one in listed if one["opt_in"]} == {rule.code for rule in FAMILY}
    for line in run("rules").out.splitlines():
        assert ("(opt-in)" in line) is line.startswith("MS5")
    assert '--extend-select MS504 or extend-select = ["MS504"]' in run("explain", "MS504").out
    assert "Opt-in" not in run("explain", "MS101").out


def test_it_is_all_info() -> None:
    assert {rule.severity.value for rule in FAMILY} == {"info"}


# ---- what the rules say of the SDK ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", endpoints.WEB)
def test_an_endpoint_is_public_unless_it_asks_for_a_token(name: str) -> None:
    modal = pytest.importorskip("modal")
    from modal._utils.async_utils import synchronizer

    def serve() -> None: ...

    decorator = getattr(modal, name.removeprefix("modal."))
    port = (8000,) if name == "modal.web_server" else ()
    made = [decorator(*port, **more)(serve) for more in ({}, {"requires_proxy_auth": True})]
    inner: Any = synchronizer
    told = [inner._translate_in(one).params.webhook_config.requires_proxy_auth for one in made]
    assert told == [False, True]


def test_a_server_asks_for_a_token_by_default() -> None:
    modal = pytest.importorskip("modal")
    assert inspect.signature(modal.App.server).parameters["unauthenticated"].default is False


def test_a_missing_key_stops_the_deployment_where_it_is_required(modal_workspace: ModalWorkspace) -> None:
    modal = pytest.importorskip("modal")
    modal_workspace.secret("openai-secret", {"OTHER": "1"})
    for required, raised in (([], None), (["OPENAI_API_KEY"], modal.exception.InvalidError)):
        app = modal.App("chat")
        secret = modal.Secret.from_name("openai-secret", required_keys=required)
        app.function(serialized=True, secrets=[secret])(lambda: None)
        with pytest.raises(raised) if raised else contextlib.nullcontext():
            app.deploy()


_TWO_SECRETS = """
import os
import modal

app = modal.App("chat")


@app.function(secrets=[modal.Secret.from_name("openai-secret"), modal.Secret.from_name("team")])
def answer():
    return os.environ["OPENAI_API_KEY"]
"""


def test_a_key_that_another_secret_may_hold_is_required_by_an_unsafe_fix_only(project: Path) -> None:
    path = project / "app.py"
    path.write_text(_TWO_SECRETS, encoding="utf-8")
    run("fix", "--select", "MS501", ".")
    assert path.read_text(encoding="utf-8") == _TWO_SECRETS
    run("fix", "--select", "MS501", "--unsafe-fixes", ".")
    assert 'from_name("openai-secret", required_keys=["OPENAI_API_KEY"])' in path.read_text(encoding="utf-8")
