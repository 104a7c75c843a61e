"""Family 4 against the real Python SDK: what a rule reports raises the class that it says, and fixed it does not.

What only Modal's service can refuse (keys that the SDK sends as they are, lengths) is not shown here: no client can.
"""

from __future__ import annotations

import importlib
import textwrap
import warnings
from typing import TYPE_CHECKING, NamedTuple

import pytest
from fixture_cases import blocks, check, fix, without_expectations, write
from modal_lint_rules import RULES

modal = pytest.importorskip("modal")

if TYPE_CHECKING:
    from pathlib import Path

    from modal_lint_runtime.pytest_plugin import ModalWorkspace

pytest_plugins = ["modal_lint_runtime.pytest_plugin"]


class Case(NamedTuple):
    """A program that raises, and how it is right; None where the fix has to find that."""

    code: str
    raises: str
    bad: str
    good: str | None = None


_NOT_SERVED = "UnimplementedError"  # the call got past the SDK's checks, to what the local server does not have
APP = "app = modal.App('family4', include_source=False)\n"
FUNCTION = "\ndef work():\n    pass\n"
CLASS = "\nclass Model:\n    pass\n"
IMAGE = "image = modal.Image.debian_slim()\n"
PLAIN = "plain = modal.Secret.from_name('plain')\n"

# Refused at the call: nothing of it reaches a network.
AT_ONCE = (
    Case("MS401", "InvalidError", "modal.Secret.from_dict({'PORT': 8080, 'RATIO': 0.5})"),
    Case("MS401", "InvalidError", "modal.Secret.from_dict({'DEBUG': True})"),
    Case("MS401", "InvalidError", "modal.Secret.from_dict({'DATA': b'abc'})"),
    Case("MS401", "InvalidError", "modal.Secret.from_dict({'A': ['x']})", "modal.Secret.from_dict({'A': 'x'})"),
    Case("MS401", "InvalidError", "modal.Secret.from_dict(['A=1'])", "modal.Secret.from_dict({'A': '1'})"),
    Case("MS401", "InvalidError", "modal.Secret.from_dict(None)", "modal.Secret.from_dict({})"),
    Case("MS401", "InvalidError", APP + "@app.function(env={'PORT': 8080})" + FUNCTION),
    Case("MS401", "InvalidError", APP + "@app.cls(env={'PORT': 8080})" + CLASS),
    Case("MS401", "InvalidError", "PORT = 8080\n" + IMAGE + "image.env({'PORT': PORT})"),
    Case("MS401", "InvalidError", IMAGE + "image.env({'A': None})", IMAGE + "image.env({})"),
    Case("MS401", "AttributeError", IMAGE + "image.env('A=1')", IMAGE + "image.env({'A': '1'})"),
    Case("MS401", "InvalidError", IMAGE + "image.run_commands('env', env={'PORT': 8080})"),
    Case("MS402", "InvalidError", "modal.Secret.from_dict({1: 'x'})", "modal.Secret.from_dict({'ONE': 'x'})"),
    Case("MS404", "InvalidError", "modal.Secret.from_local_environ('PATH')"),
    Case("MS404", "TypeError", "modal.Secret.from_local_environ('PATH', 'PATH')"),
    Case("MS404", "TypeError", "modal.Secret.from_local_environ(None)", "modal.Secret.from_local_environ([])"),
    Case("MS405", "InvalidError", "modal.App('a', secrets=['plain'])"),
    Case("MS405", "InvalidError", IMAGE + "image.run_commands('env', secrets=['plain'])"),
    Case("MS406", "InvalidError", PLAIN + "modal.App('a', secrets=plain)"),
    Case("MS406", "InvalidError", "modal.App('a', secrets=None)"),
    Case("MS406", "InvalidError", PLAIN + "modal.App('a', secrets={plain})"),
    Case("MS406", "TypeError", PLAIN + APP + "@app.function(secrets=plain)" + FUNCTION),
    Case("MS406", "TypeError", PLAIN + APP + "@app.cls(secrets=plain)" + CLASS),
    Case("MS406", "TypeError", PLAIN + IMAGE + "image.run_commands('env', secrets=plain)"),
    Case("MS406", "InvalidError", PLAIN + IMAGE + "image.run_commands('env', secrets=(one for one in [plain]))"),
    Case("MS406", "InvalidError", PLAIN + IMAGE + "image.run_commands('env', secrets={'a': plain}.values())"),
    Case(
        "MS409",
        "InvalidError",
        IMAGE + "image.pip_install_private_repos('github.com/a/b', git_user='bot')",
        PLAIN + IMAGE + "image.pip_install_private_repos('github.com/a/b', git_user='bot', secrets=[plain])",
    ),
    Case(
        "MS409",
        "InvalidError",
        PLAIN + IMAGE + "image.pip_install_private_repos('https://github.com/a/b', git_user='x', secrets=[plain])",
        PLAIN + IMAGE + "image.pip_install_private_repos('github.com/a/b', git_user='x', secrets=[plain])",
    ),
    Case("MS410", "AttributeError", "modal.Stub('old')"),
    Case("MS410", "ImportError", "from modal import Stub\nStub('old')"),
    Case("MS410", "ImportError", "from modal import App, Stub as Old\nOld('old')\nApp('new')"),
    Case("MS410", "AttributeError", "modal.Secret.lookup('plain')"),
    Case("MS410", "AttributeError", "modal.Volume.lookup('plain', create_if_missing=True)"),
    Case("MS410", "AttributeError", "modal.Function.lookup('app', 'function')"),
    Case("MS410", "InvalidError", "modal.Secret({'A': '1'})"),
    Case("MS410", "TypeError", "modal.Secret.from_name('plain', namespace='x')"),
    Case("MS410", "TypeError", "modal.Secret.from_name(label='plain')"),
    Case("MS410", "TypeError", PLAIN + APP + "@app.function(secret=plain)" + FUNCTION),
    Case("MS410", "TypeError", PLAIN + APP + "@app.cls(secret=plain)" + CLASS),
    Case("MS410", "TypeError", PLAIN + "modal.CloudBucketMount('data', secrets=[plain])"),
    Case("MS410", "TypeError", PLAIN + "modal.Image.from_aws_ecr('x', secrets=[plain])"),
    Case("MS410", "DeprecationError", APP + "@app.function()\n@modal.web_endpoint(method='POST')" + FUNCTION),
    Case(
        "MS410",
        "DeprecationError",
        "from modal import web_endpoint\n" + APP + "@app.function()\n@web_endpoint()" + FUNCTION,
    ),
    Case(
        "MS410",
        "AttributeError",
        IMAGE + "image.copy_local_file('a', '/a')",
        IMAGE + "image.add_local_file('a', '/a')",
    ),
)

LOOKED_UP = "app = modal.App.lookup('family4', create_if_missing=True)\n"
DEPLOY = "\n\napp.deploy()\n"
POLICY = "import modal.experimental\npolicy = modal.experimental.OutboundPolicy().with_header_replacement("
GIVEN = ")\nmodal.Sandbox.create(app=app, _experimental_outbound_policy=policy).terminate()"
BUCKET = "@app.function(volumes={'/data': bucket})" + FUNCTION + DEPLOY
DOCKER, REGISTRY = "DOCKER_USERNAME", "REGISTRY_USERNAME"
LOGIN = "login = modal.Secret.from_dict({'%s': 'a', '%s': 'b'})\n"
PULL = "modal.Image.from_registry('python:3.12', secret=login).build(app)"

# Refused when it is deployed, run or used; the service behind it is this project's own.
AT_USE = (
    Case("MS401", "TypeError", "modal.Secret.objects.create('new-1', {'PORT': 8080})"),
    Case("MS401", "TypeError", "modal.Secret.objects.create('new-2', {'A': None})", "1"),
    Case("MS401", "InvalidError", PLAIN + "plain.update({'PORT': 8080})"),
    Case("MS401", "InvalidError", PLAIN + "plain.update({'A': None})", "1"),
    Case("MS401", "InvalidError", LOOKED_UP + "modal.Sandbox.create(app=app, env={'PORT': 8080}).terminate()"),
    Case("MS402", "InvalidError", LOOKED_UP + "modal.Sandbox.create(app=app, env={'my-key': '1'})", "1"),
    Case("MS402", "InvalidError", LOOKED_UP + "modal.Sandbox.create(app=app, env={'': '1'})", "1"),
    Case(
        "MS401",
        "TypeError",
        LOOKED_UP + "box = modal.Sandbox.create(app=app)\nbox.exec('true', env={'PORT': 8080})\nbox.terminate()",
    ),
    Case("MS403", "InvalidError", "modal.Secret.objects.create('my secret', {'A': '1'})", "1"),
    Case("MS403", "NotFoundError", "modal.Secret.from_name('my secret').hydrate()", "1"),
    Case("MS403", "TypeError", "modal.Secret.from_name(5).hydrate()", "1"),
    Case("MS404", "ConflictError", "modal.Secret.from_name('plain', required_keys='TOKEN').hydrate()"),
    Case("MS404", "ConflictError", "modal.Secret.from_name('plain', required_keys='TOKEN, OTHER').hydrate()"),
    Case("MS404", "TypeError", "modal.Secret.from_name('plain', required_keys=[1]).hydrate()", "1"),
    Case("MS405", "AttributeError", APP + "@app.function(secrets=['plain'])" + FUNCTION + DEPLOY),
    Case("MS405", "AttributeError", APP + "@app.function(secrets='plain')" + FUNCTION + DEPLOY),
    Case("MS405", "AttributeError", APP + "@app.function(secrets={'LEVEL': 'debug'})" + FUNCTION + DEPLOY),
    Case("MS405", "AttributeError", LOOKED_UP + "modal.Sandbox.create(app=app, secrets=['plain']).terminate()"),
    Case(
        "MS405",
        "AttributeError",
        APP + "bucket = modal.CloudBucketMount('data', secret='plain')\n" + BUCKET,
    ),
    Case(
        "MS405",
        "AttributeError",
        LOOKED_UP + "modal.Image.from_registry('python:3.12', secret='plain').build(app)",
        "1",
    ),
    Case(
        "MS406", "AttributeError", PLAIN + APP + "@app.function(secrets=(one for one in [plain]))" + FUNCTION + DEPLOY
    ),
    Case("MS406", "AttributeError", PLAIN + APP + "@app.function(secrets={plain})" + FUNCTION + DEPLOY),
    Case("MS406", "TypeError", PLAIN + LOOKED_UP + "modal.Sandbox.create(app=app, secrets=plain).terminate()"),
    Case("MS406", "AttributeError", PLAIN + LOOKED_UP + "modal.Sandbox.create(app=app, secrets={plain}).terminate()"),
    Case("MS408", "InvalidError", LOOKED_UP + LOGIN % (DOCKER, "DOCKER_PASSWORD") + PULL, "1"),
    Case("MS408", "InvalidError", LOOKED_UP + LOGIN % (REGISTRY, "OTHER") + PULL, "1"),
    Case(
        "MS409",
        "ValueError",
        APP + "bucket = modal.CloudBucketMount('data', requester_pays=True)\n" + BUCKET,
        PLAIN + APP + "bucket = modal.CloudBucketMount('data', requester_pays=True, secret=plain)\n" + BUCKET,
    ),
    Case(
        "MS409",
        "InvalidError",
        LOOKED_UP + POLICY + "domain='a.example.com', headers={'A': '$TOKEN'}" + GIVEN,
        PLAIN + LOOKED_UP + POLICY + "domain='a.example.com', headers={'A': '$TOKEN'}, secret=plain" + GIVEN,
    ),
    Case(
        "MS409",
        "InvalidError",
        "values = modal.Secret.from_dict({'TOKEN': 'x'})\n"
        + LOOKED_UP
        + POLICY
        + "domain='a.example.com', headers={'A': '$TOKEN'}, secret=values"
        + GIVEN,
        "1",
    ),
    Case("MS409", "InvalidError", LOOKED_UP + POLICY + "domain='https://a.b', headers={'A': 'b'}" + GIVEN, "1"),
    Case(
        "MS409",
        "InvalidError",
        LOOKED_UP + "modal.Sandbox.create(app=app, _experimental_persistent=True, env={'A': '1'})",
        "1",
    ),
)


def _text(source: str) -> str:
    return f"import modal\n\n{textwrap.dedent(source)}\n"


def _found(folder: Path, text: str) -> list[str]:
    write(folder, {"program.py": text})
    return [one.code for one in check([str(folder)]).findings if one.code.startswith("MS4")]


def _run(folder: Path, name: str, text: str) -> str | None:
    """The class that a program raises, None where it runs to its end."""
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    importlib.invalidate_caches()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            importlib.import_module(name)
        except Exception as error:
            return type(error).__name__
    return None


def _fixed(folder: Path, text: str) -> str:
    write(folder, {"program.py": text})
    fix(str(folder))
    return (folder / "program.py").read_text(encoding="utf-8")


def _judge(case: Case, number: int, folder: Path) -> list[str]:
    """What is wrong with a case: empty where the rule, the SDK and the fix agree."""
    bad, name = _text(case.bad), f"family4_{case.code.lower()}_{number}"
    good = _fixed(folder / name, bad) if case.good is None else _text(case.good)
    wrong = []
    if set(_found(folder / f"{name}_bad", bad)) != {case.code}:
        wrong.append(f"{bad}: not found")
    if (raised := _run(folder, f"{name}_raises", bad)) != case.raises:
        wrong.append(f"{bad}: raises {raised}")
    if _found(folder / f"{name}_good", good):
        wrong.append(f"{good}: found")
    if (raised := _run(folder, f"{name}_runs", good)) not in (None, _NOT_SERVED):
        wrong.append(f"{good}: raises {raised}")
    return wrong


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize("code", sorted({case.code for case in AT_ONCE}))
def test_refused_at_the_call(code: str, folder: Path) -> None:
    wrong = [one for number, case in enumerate(AT_ONCE) if case.code == code for one in _judge(case, number, folder)]
    assert wrong == []


def test_refused_when_it_is_used(modal_workspace: ModalWorkspace, folder: Path) -> None:
    modal_workspace.secret("plain", {"TOKEN": "x", "OTHER": "y", "A": "1"})
    numbered = enumerate(AT_USE, 100)
    assert [one for number, case in numbered for one in _judge(case, number, folder)] == []


def test_every_rule_that_a_client_can_show_has_a_case() -> None:
    shown = {case.code for case in (*AT_ONCE, *AT_USE)}
    assert shown == {rule.code for rule in RULES if rule.code.startswith("MS4")} - {"MS407"}


def test_too_long_is_refused_by_the_service_alone(modal_workspace: ModalWorkspace) -> None:
    del modal_workspace
    (page,) = [rule.page for rule in RULES if rule.code == "MS407"]
    assert "no client can show it" in " ".join(page.split())
    assert "0123456789abcdef" in without_expectations(blocks(page, "bad")[0])
    with pytest.raises(modal.exception.InvalidError):
        modal.Secret.objects.create("long", {"TABLE": "0" * 32_769})
