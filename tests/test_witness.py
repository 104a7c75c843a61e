"""Every rule's claim, witnessed: its example runs and shows what the rule says, and its fixed form does not."""

from __future__ import annotations

import contextlib
import functools
import secrets
import textwrap
from typing import TYPE_CHECKING

import pytest
from dotenv import dotenv_values
from fixture_cases import blocks, check, extended, fix, planted, without_expectations, write
from material import fill
from modal_lint.shell import stored
from modal_lint_rules import RULES
from modal_lint_runtime import ModalClient
from modal_lint_runtime.isolation import detect

pytest.importorskip("modal")

from witness.claims import FIX, Witness
from witness.family2 import STORING, STORING_NOTHING
from witness.stage import Ran, Stage
from witness.table import NOT_SHOWN, WITNESSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from modal_lint.model import Rule
    from modal_lint_runtime.pytest_plugin import ModalWorkspace

pytest_plugins = ["modal_lint_runtime.pytest_plugin"]
_PAGES = {rule.code: rule.page for rule in RULES}
_RANDOM = secrets.token_hex(16)


@pytest.fixture
def stage(modal_workspace: ModalWorkspace, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(modal_workspace, tmp_path)
    yield made
    made.close()


class Play:
    """One witness on its stage."""

    def __init__(self, witness: Witness, stage: Stage) -> None:
        self.witness, self.stage = witness, stage
        self.bad_text = witness.bad if witness.bad is not None else _example(witness.code, "bad")
        self.value = next(iter(planted(self.bad_text)), _RANDOM)
        token = stage.workspace.server.credentials
        self.known = {"{value}": self.value, "{token_id}": token.token_id, "{token_secret}": token.token_secret}

    def bad(self) -> Ran:
        self.prepare()
        return self.run(self.bad_text)

    def good(self) -> Ran:
        self.prepare()
        self.create(self.witness.then)
        return self.run(self.good_text)

    def create(self, wanted: Mapping[str, Mapping[str, str]]) -> None:
        self.stage.secrets({name: self.filled(entries) for name, entries in wanted.items()})

    def prepare(self) -> None:
        witness = self.witness
        self.create(witness.secrets)
        for name, text in witness.files.items():
            (self.stage.folder / name).write_text(self.placed(text), encoding="utf-8")

    @functools.cached_property
    def good_text(self) -> str:
        if self.witness.good == FIX:
            return self.fixed()
        return self.witness.good if self.witness.good is not None else _example(self.witness.code, "good")

    def fixed(self) -> str:
        """What the linter's fix makes of the bad form; the Secrets that it asks for are created as it says."""
        folder = self.stage.folder / "fixed"
        write(folder, {"program.py": self.bad_text})
        fix(str(folder), extend=extended(self.witness.code))
        for path in folder.glob(".modal-lint/secrets/*.env"):
            values = dotenv_values(path, interpolate=False)
            self.stage.secrets({path.stem: {key: value or "" for key, value in values.items()}})
        return (folder / "program.py").read_text(encoding="utf-8")

    def told(self, text: str) -> set[str]:
        """The codes of what the linter reports in a text."""
        folder = self.stage.folder / f"checked-{secrets.token_hex(4)}"
        write(folder, {"program.py": text})
        return {one.code for one in check([str(folder)], extend=extended(self.witness.code)).findings}

    def run(self, text: str) -> Ran:
        for old, new in self.witness.change:
            text = text.replace(old, new)
        text = fill(text)
        after = textwrap.dedent(self.witness.after)
        if "import modal\n" in text:
            after = "\n\nif modal.is_local():\n" + textwrap.indent(after or "pass", "    ")
        whole = self.placed(f"{text}\n{after}\n").replace("{mark}", secrets.token_hex(4))
        return self.stage.run(whole, self.filled(self.witness.variables))

    def placed(self, text: str) -> str:
        for name, known in self.known.items():
            text = text.replace(name, known)
        return text

    def filled(self, texts: Mapping[str, str]) -> dict[str, str]:
        return {name: self.placed(text) for name, text in texts.items()}


def _example(code: str, kind: str) -> str:
    return without_expectations(blocks(_PAGES[code], kind)[0])


def _judged(play: Play) -> list[str]:
    """What is wrong with one witness."""
    witness = play.witness
    with contextlib.ExitStack() as stack:
        if witness.around is not None:
            stack.enter_context(witness.around(play.stage.folder, play.known))
        wrong = witness.claim.judge(play.bad(), play.good(), play.value)
    if witness.bad is not None:
        wrong += [] if witness.code in play.told(play.bad_text) else ["the rule does not report the bad form"]
        wrong += [] if witness.code not in play.told(play.good_text) else ["the rule reports the good form"]
    return wrong


@pytest.mark.parametrize("code", WITNESSES)
def test_claim(code: str, stage: Stage) -> None:
    for witness in WITNESSES[code]:
        if not witness.layers or detect().filesystem:
            wrong = _judged(Play(witness, stage))
            assert wrong == [], f"{witness.bad or 'the example of the page'}\n{stage.told_error()}"


@pytest.mark.parametrize("command", [*STORING, *STORING_NOTHING])
def test_ms202_says_of_a_command_what_the_builder_finds(command: str, tmp_path: Path) -> None:
    said = stored(command, "TOKEN".__eq__) is not None
    assert said is (command in STORING)
    if not detect().filesystem:
        return
    with ModalClient(path=tmp_path / "workspace") as client:
        secret = client.secrets.create("token", {"TOKEN": _RANDOM})
        image = client.images.from_registry("python:3.13").dockerfile_commands(
            [f"RUN <<'WITNESS'\nset -e\nexport HOME=/root\n{command}\nWITNESS"], secrets=[secret]
        )
        built = image.build(client.apps.from_name("witness", create_if_missing=True))
        assert bool(built.warnings) is said


def test_ms204_objects_show_their_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    from modal.config import Config
    from modal.types import SandboxConnectCredentials, TokenData

    monkeypatch.setenv("MODAL_TOKEN_SECRET", _RANDOM)
    assert _RANDOM in repr(Config())  # type: ignore[no-untyped-call]
    assert _RANDOM in repr(TokenData(token_id="id", token_secret=_RANDOM))
    assert _RANDOM in repr(SandboxConnectCredentials(url="https://example.com", token=_RANDOM))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_rule_says_how_its_claim_is_known(rule: Rule) -> None:
    """What the first witness shows is what the rule tells; one without has a source, and is in the one list of them."""
    shown = WITNESSES.get(rule.code)
    if shown is None:
        assert rule.witness == ""
        assert rule.source == NOT_SHOWN[rule.code]
    else:
        assert rule.code not in NOT_SHOWN
        assert rule.witness == shown[0].claim.says
        assert shown[0].bad is None, "the first one runs the example of the page"


def test_witnesses_are_of_rules() -> None:
    assert {*WITNESSES, *NOT_SHOWN} == {rule.code for rule in RULES}
