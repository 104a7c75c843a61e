"""No output carries a credential: values planted everywhere, every command and format, every file that we write."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fixture_cases import run
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lint_process import lint
from material import make
from modal_lint import selection
from modal_lint.model import Finding, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.source import File

_KINDS = (
    *("openai", "huggingface", "github", "anthropic", "slack-bot", "stripe", "aws-access-key-id", "npm"),
    *("modal-token-secret", "postgres-url", "git-url", "sendgrid", "jwt", "pem", "gitlab", "groq"),
)
_SHAPELESS = ("password", "random", "wandb")  # only their key gives them away
_SHORTEST = 12  # characters of a value that must not be seen
# What stands in a module once for each value: V is the value as it is, Q as an escaped literal, B in base64.
_PLACES = (
    'modal.Sandbox.create(app=app, env={"API_KEY": Q, "A": "1"})',
    "modal.Sandbox.create(app=app, env={Q: 'value'})",
    "modal.Sandbox.create('serve', '--api-key', Q, app=app)",
    "modal.Sandbox.create(app=app, env={\"API_KEY\": f'{Q}'})",
    'modal.Sandbox.create(app=app, env={"API_KEY": ("" Q "")})',
    'modal.Sandbox.create(app=app, env={"API_KEY": Q[:9] + Q[9:]})',
    'modal.Sandbox.create(app=app, env={"API_KEY": base64.b64decode("B").decode()})',
    'modal.Sandbox.create(app=app, env={"CONFIG": json.dumps({"deep": [{"password": Q}]})})',
    'modal.Sandbox.create(app=app, env={"API_KEY": os.environ.get("API_KEY", Q)})',
    'modal.Sandbox.create(app=app, env={"API_KEY": os.environ.get("API_KEY") or Q})  # V',
    'modal.Sandbox.create(app=app, env={"LOG": "1"}, name=Q, tags={"token": Q})',
    'modal.Secret.from_dict({"API_TOKEN": Q, "MORE": "1"})',
    'modal.Secret.objects.create("name", {"API_TOKEN": Q})',
    'modal.Secret.from_dict(dict(zip(["A_TOKEN", "B_TOKEN"], [Q, "other"])))',
    'image = modal.Image.debian_slim().env({"API_KEY": Q})',
    "modal.Image.debian_slim().run_commands(\"export API_KEY=\" + Q, f'login --token {Q}')",
    'modal.Image.debian_slim().pip_install("x", extra_index_url="https://ci:" + Q + "@pypi.acme-media.io")',
    "modal.Client.from_credentials(Q, token_secret=Q)",
    'os.environ["MODAL_TOKEN_SECRET"] = Q',
    'modal.Dict.from_name("d")[Q] = Q',
    "work.remote(Q, token=Q)",
    "def helper(key=Q):\n    '''Says V.'''\n    return modal.Sandbox.create(env={'API_KEY': key})",
    "class Config:\n    key: str = Q\nmodal.Sandbox.create(env={'API_KEY': Config.key})",
    "KEYS = {\n    # V\n    'API_KEY': Q,  # V\n}\nmodal.Sandbox.create(env=KEYS)",
    "UNUSED = Q",
    '"""A docstring with V."""',
    "# A comment with V",
    "modal.Sandbox.create(env={'API_KEY': Q})  # modal-lint: ignore[V]",
    "modal.Sandbox.create(env={'A': '1'})  # modal-lint: ignore[MS103] V",
    "image.add_local_file('.env', Q)",
)
_KEYED = tuple(place for place in _PLACES if re.search(r"""(?:KEY|TOKEN)["']: Q""", place))
_BROKEN = ("", "", "", "def broken(:  # V\n    x = Q\n", "x = '''V\n", "print Q\n", "\tx = Q\n        y = Q\n")
_COMMANDS = (
    *(("check", "--output-format", form, "-v") for form in ("full", "concise", "json")),
    ("check", "--output-format", "full", "--color", "always", "--min-confidence", "low"),
    ("check", "--ignore-suppressions", "--config", "respect-foreign-markers=false", "--output-format", "json"),
    ("check", "--statistics"),
    ("check", "--diff", "--unsafe-fixes", "-v"),
    ("check", "-o", "report.txt", "--unsafe-fixes"),
    ("check", "--fix", "--show-fixes"),
    ("check", "--fix", "--unsafe-fixes", "--show-fixes", "-v"),
    ("check", "--update-baseline", "--baseline", "known.json", "-v"),
    ("check", "--baseline", "known.json", "--ignore", "MS1", "-v"),
    ("check", "--add-suppressions=a reason", "-v"),
    ("check", "--output-format", "json"),
)


def _quotes_the_source(file: File) -> Iterator[Finding]:
    yield from ()
    raise ValueError(f"cannot deal with {file.text!r}")


_QUOTING = Rule("MS199", "quotes-the-source", Severity.ERROR, _quotes_the_source)


def forbidden(value: str) -> set[str]:
    """The forms in which a value must not be seen: itself, its lines, its halves, and what base64 makes of them."""
    parts = {line for line in value.split("\n") if "-----" not in line}
    parts |= {half for part in parts for half in (part[: len(part) // 2], part[len(part) // 2 :])}
    encoded = {_core(value.encode(), start) for start in range(3)}
    return {part for part in parts | encoded if len(part) >= _SHORTEST}


def _core(data: bytes, start: int) -> str:
    """What base64 makes of bytes, wherever in a longer text they stand."""
    whole = data[start:]
    return base64.b64encode(whole[: len(whole) // 3 * 3]).decode()


def _module(places: list[tuple[str, str]], broken: str) -> str:
    lines = ["import base64, json, os", "import modal", 'app = modal.App("leaks")', "@app.function()"]
    lines += ["def work(*args, **kwargs): pass", "image = modal.Image.debian_slim()"]
    lines += [_planted(place, value) for place, value in places]
    lines += ["@app.function(image=image)", "def other(): pass", _planted(broken, places[0][1])]
    return "\n".join(lines) + "\n"


def _planted(place: str, value: str) -> str:
    forms = {
        "V": value.replace("\n", " "),
        "Q": '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"',
        "B": base64.b64encode(value.encode()).decode(),
    }
    return re.sub(r"\b[VQB]\b", lambda found: forms[found[0]], place)


@contextmanager
def _folder() -> Iterator[Path]:
    """A fresh current directory; pytest's is shared by the examples of a property."""
    before, path = Path.cwd(), Path(tempfile.mkdtemp())
    os.chdir(path)
    try:
        yield path
    finally:
        os.chdir(before)
        shutil.rmtree(path)


def _written(folder: Path, sources: set[str]) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in sources and ".modal-lint/secrets/" not in name:
            yield name, path.read_text(encoding="utf-8", errors="replace")


def _leaks(said: str, values: set[str]) -> list[str]:
    return [part for value in values for part in forbidden(value) if part in said]


_seeds = st.integers(0, 9)
_plants = st.lists(
    st.tuples(st.sampled_from(_PLACES), st.builds(make, st.sampled_from(_KINDS), _seeds))
    | st.tuples(st.sampled_from(_KEYED), st.builds(make, st.sampled_from(_SHAPELESS), _seeds)),
    min_size=1,
    max_size=7,
)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # an example takes long, and is small as it is
)
@given(
    plants=_plants,
    more=_plants,
    broken=st.sampled_from(_BROKEN),
    commands=st.lists(st.sampled_from(_COMMANDS), min_size=3, max_size=4, unique=True),
)
def test_no_output_and_no_file_carries_a_value(
    plants: list[tuple[str, str]], more: list[tuple[str, str]], broken: str, commands: list[tuple[str, ...]]
) -> None:
    values = {value for _, value in (*plants, *more)}
    with _folder() as folder:
        (folder / "pyproject.toml").touch()
        (folder / "app.py").write_text(_module(plants, broken), encoding="utf-8")
        (folder / "other.py").write_text(_module(more, ""), encoding="utf-8")
        for command in commands:
            done = run(*command, ".")
            assert "internal error" not in done.said
            assert _leaks(done.said, values) == [], (command, done.said)
        for name, text in _written(folder, {"app.py", "other.py"}):
            assert _leaks(text, values) == [], name


def test_crash_that_quotes_the_source_is_told_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    value = make("openai", 5)
    monkeypatch.chdir(tmp_path)
    everything = (*selection.catalogue(), _QUOTING)
    monkeypatch.setattr(selection, "catalogue", lambda: everything)
    (tmp_path / "app.py").write_text(_module([(_PLACES[0], value)], ""), encoding="utf-8")
    for command in _COMMANDS:
        done = run(*command, "--isolated", "--extend-select", "MS199", "-j", "1", ".")
        assert _leaks(done.said, {value}) == [], command
        assert done.status == 2
    assert "internal error" in done.said


@pytest.mark.parametrize("command", [_COMMANDS[0], _COMMANDS[6], _COMMANDS[9]], ids=" ".join)
def test_process_says_no_value(command: tuple[str, ...], tmp_path: Path) -> None:
    plants = [(place, make(_KINDS[number % len(_KINDS)], number)) for number, place in enumerate(_PLACES)]
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "app.py").write_text(_module(plants, ""), encoding="utf-8")
    (tmp_path / "broken.py").write_text(_module(plants, _BROKEN[3]), encoding="utf-8")
    done = lint(*command, ".", cwd=tmp_path)
    assert done.status == 1, done.said
    values = {value for _, value in plants}
    assert _leaks(done.said, values) == []
    for name, text in _written(tmp_path, {"app.py", "broken.py"}):
        assert _leaks(text, values) == [], name


def test_json_finds_what_was_planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The properties above would also hold for a linter that says nothing."""
    monkeypatch.chdir(tmp_path)
    plants = [(place, make("openai", number)) for number, place in enumerate(_PLACES)]
    (tmp_path / "app.py").write_text(_module(plants, ""), encoding="utf-8")
    found = json.loads(run("check", "--isolated", "--output-format", "json", "app.py").out)
    assert len({one["code"] for one in found}) >= 8
    assert len(found) >= 20
