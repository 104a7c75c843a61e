"""A property of all formats at once: each parses, all tell the same, and none carries a value in any spelling."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from fixture_cases import run
from format_grammars import MACHINE_FORMATS, Told, read
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from material import make
from modal_lint.engine import Session
from modal_lint.model import Edit, Finding, Fix, Rule, Severity, Step
from modal_lint.report import FORMATS, Look, render
from modal_lint.report.base import visible
from modal_lint.settings import Settings
from test_leaks import forbidden

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.source import File

# What is special to some format, to some terminal, or to none: names of files and keys are made of it.
_SPECIAL = [*"%:,;=|<>&'`*_[](){}#@!~$^\"\\ \t\n\r", "\x1b", "\x07", "é", "𐐀", "🔑", "\u202e", "\u2028", "\ufffe", "::"]
_BYTES = ["\udce9", "\udcff"]  # parts of names that are no text
_names = st.lists(st.sampled_from([*_SPECIAL, *_BYTES, "a", "b"]), max_size=6).map("".join)
_keys = st.lists(st.sampled_from([*_SPECIAL, "A", "b"]), max_size=4).map(
    lambda parts: "API_" + "".join(parts) + "_TOKEN"
)
_functions = st.sampled_from(["work", "größe", "деплой", "𝒇", "set_env", "error"])
_values = st.builds(
    make, st.sampled_from(["openai", "github", "postgres-url", "pem", "jwt", "git-url"]), st.integers(0, 9)
)
_endings = st.sampled_from(["\n", "\r\n", "\r"])

# Q is the value as a literal, K the key as one, F a name.
_PLACES = (
    "modal.Sandbox.create(app=app, env={K: Q, 'A': '1'})",
    "modal.Secret.from_dict({K: Q})",
    "modal.Sandbox.create('serve', '--api-key', Q, app=app)",
    "def F(key=Q):\n    return modal.Sandbox.create(env={K: key})",
    "@app.function(env={K: Q})\ndef F(): pass",
    'modal.Sandbox.create(app=app, env={K: os.environ.get("API_KEY", Q)})',
    'modal.Image.debian_slim().run_commands(f"login --token {Q}")',
    "x = {Q: 1}  # 🔑 Q\nmodal.Secret.from_dict({'🔑🔑': '1', 'PASSWORD': Q})",
    "modal.Secret.from_dict({Q: 'x', 'T_TOKEN': Q})",
    "modal.Secret.from_name(Q)",
    "# modal-lint: ignore[MS101] Q",
    "x = (",  # the whole file cannot be parsed
)


def _module(places: list[tuple[str, str, str]], function: str) -> str:
    lines = ["import os", "import modal", 'app = modal.App("formats")']
    for place, key, value in places:
        forms = {"Q": _literal(value), "K": _literal(key), "F": function}
        lines.append(re.sub(r"\b[QKF]\b", lambda found, forms=forms: forms[found[0]], place))  # type: ignore[misc]
    return "\n".join(lines) + "\n"


def _literal(text: str) -> str:
    return ascii(text) if "\n" in text or "'" in text else json.dumps(text, ensure_ascii=False)


@contextmanager
def _folder() -> Iterator[Path]:
    before, path = Path.cwd(), Path(tempfile.mkdtemp())
    os.chdir(path)
    try:
        yield path
    finally:
        os.chdir(before)
        shutil.rmtree(path)


def _spellings(text: str) -> Iterator[str]:
    """A report as it is, and with each escaping of a format undone, and lines joined."""
    undone = [text, html.unescape(text), unquote(text), unquote(text.replace("%AZP25", "%")), _unbackslashed(text)]
    for one in undone:
        yield one
        yield re.sub(r"\\r|\\n|[\r\n]", "", one)


def _unbackslashed(text: str) -> str:
    return re.sub(r"\\u([0-9a-f]{4})|\\(.)", lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)


def _leaks(text: str, values: set[str]) -> list[str]:
    parts = {part for value in values for part in forbidden(value)}
    return [part for spelling in _spellings(text) for part in parts if part in spelling]


def _same(form: str, mine: Told, theirs: Told) -> bool:
    """Whether two formats tell one finding: text for people is escaped, and paths that are no text are."""
    path = theirs.path
    if form == "junit":
        path = visible(path).replace("\ufffe", "\ufffd")
    elif form not in ("json", "json-lines", "sarif"):
        path = path.encode("utf-8", "backslashreplace").decode("utf-8")
    message = visible(theirs.message) if form in ("junit", "github", "azure") else theirs.message.partition("\n")[0]
    message = message.encode("utf-8", "backslashreplace").decode("utf-8").replace("\ufffe", "\ufffd")
    told = mine.message.replace("\ufffe", "\ufffd")
    if form == "sarif":
        told, message = told.replace("\\[", "["), message.replace("\\[", "[")
    return (
        (mine.path, mine.code) == (path, theirs.code) and told.startswith(message) and mine.line in (theirs.line, None)
    )


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # an example takes long, and is small as it is
)
@given(
    name=_names,
    places=st.lists(st.tuples(st.sampled_from(_PLACES), _keys, _values), min_size=1, max_size=6),
    function=_functions,
    ending=_endings,
)
def test_every_format_parses_tells_the_same_and_carries_no_value(
    name: str, places: list[tuple[str, str, str]], function: str, ending: str
) -> None:
    values = {value for _, _, value in places}
    with _folder() as folder:
        path = f"{name}.py" if name.strip("/") else "app.py"
        source = _module(places, function).replace("\n", ending)
        Path(path).write_bytes(source.encode("utf-8"))
        outputs = [f"--output={form}=reports/{form}" for form in FORMATS]
        (folder / "reports").mkdir()
        done = run("check", "--isolated", "--ignore-suppressions", "-q", *outputs, ".")
        assert "internal error" not in done.said
        reports = {form: (folder / "reports" / form).read_bytes().decode("utf-8") for form in FORMATS}
        assert reports["full"] == done.out
        for form, text in reports.items():
            assert _leaks(text, values) == [], (form, text)
        told = {form: read(form, reports[form]) for form in MACHINE_FORMATS}
        everything = told["json"]
        assert done.status == (1 if everything else 0)
        for form, findings in told.items():
            wanted = [one for one in everything if form != "gitlab-secrets" or one.code.startswith("MS1")]
            assert len(findings) == len(wanted), form
            for mine, theirs in zip(findings, wanted, strict=True):
                assert _same(form, mine, theirs), (form, mine, theirs)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _quoting(file: File) -> Iterator[Finding]:
    """What a rule would say that trusts the source to have names where names belong."""
    for node in file.scopes.strings:
        text = node.value
        span = file.span(node)
        if isinstance(text, str) and len(text) > 12:
            step = Step(file.path, span, f"assigned to {text}")
            fixes = (Fix(text, (Edit(span, "''"),)), Fix("a", (Edit(span, repr(text)),)), Fix("a", (), notes=(text,)))
            for number, fix in enumerate(fixes):
                finding = Finding(
                    file.path, span, "MS199", "quoting", f"{number}: {text!r} is {text[:40]}…", Severity.ERROR
                )
                yield finding._replace(key=text, help=f"not {text}", flow=(step, step), fix=fix)


@pytest.mark.parametrize("kind", ["openai", "jwt", "postgres-url", "password"])
def test_a_rule_that_quotes_the_source_quotes_no_value(here: Path, kind: str) -> None:
    value = make(kind, 4)
    (here / "app.py").write_text(f"import modal\nmodal.Secret.from_dict({{'DB_PASSWORD': {value!r}}})\n")
    report = Session(["."], Settings(), rules=[Rule("MS199", "quoting", Severity.ERROR, _quoting)], jobs=1).run()
    assert len(report.findings) == 3
    for form in FORMATS:
        assert _leaks(render(form, report, Look()), {value}) == [], form
    assert all(finding.fix is None for finding in report.findings)


def test_what_the_property_looks_at_is_there(here: Path) -> None:
    """It would also hold for reports that say nothing."""
    places = [(place, "API_TOKEN", make("openai", number)) for number, place in enumerate(_PLACES[:-1])]
    value = places[0][2]
    (here / "app.py").write_text(_module(places, "work"), encoding="utf-8")
    found = json.loads(run("check", "--isolated", "--output-format", "json", "app.py").out)
    assert len(found) >= 9
    for text in (value, html.escape(value), value.replace("-", "%2D"), json.dumps(value[:20] + "\n" + value[20:])):
        assert _leaks(f"before {text} after", {value}) != [], text
