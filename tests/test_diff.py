"""Differences show what a fix changes and never a value, wherever in the file it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lint_process import leaky, lint, token

if TYPE_CHECKING:
    from pathlib import Path

_PLAIN = "vT4k" + "Qz81mPw" + "Lr0"  # a credential by its name only


@pytest.mark.parametrize(
    "around",
    [
        "# it was {value} before\n",
        "spare = '{value}'\n",
        "spare = f'{{app}} {value}'\n",
        'spare = """\n  first\n  {value}\n"""\n',
        "command = 'curl -H \"Authorization: Bearer {value}\"'\n",
        "password = '{value}'  # and {value}\n",
        "url = 'https://me:{value}@example.org'\n",
    ],
)
def test_values_around_the_change(tmp_path: Path, around: str) -> None:
    (tmp_path / "app.py").write_text(leaky(before=around.format(value=token(5))))
    done = lint("check", "--diff", "--unsafe-fixes", cwd=tmp_path)
    assert done.status == 1
    assert "+sandbox = " in done.out
    for value in (token(), token(5)):
        assert value not in done.said
        assert value[6:] not in done.said


@pytest.mark.parametrize(
    "written",
    [
        '"{value}"',
        "'{value}'",
        '"""{value}"""',
        'r"{value}"',
        '"{head}" "{tail}"',
        '("{head}"\n        "{tail}")',
        '"{head}" + "{tail}"',
        'f"{value}"',
        'f"{{head}}{tail}"',
        '"\\x{first:x}{rest}"',
    ],
)
@pytest.mark.parametrize("value", [token(), _PLAIN])
def test_values_however_they_are_written(tmp_path: Path, written: str, value: str) -> None:
    parts = {"head": value[:8], "tail": value[8:], "first": ord(value[0]), "rest": value[1:], "value": value}
    literal = written.format(**parts)
    (tmp_path / "app.py").write_text(
        f'import modal\n\nhead = "{value[:8]}"\napp = modal.App("demo")\n'
        f'sandbox = modal.Sandbox.create(app=app, env={{"DB_PASSWORD": {literal}}})\n'
    )
    for flags in ([], ["--diff", "--unsafe-fixes"], ["--output-format", "json"], ["--fix", "--unsafe-fixes", "-v"]):
        said = lint("check", *flags, cwd=tmp_path).said
        assert "DB_PASSWORD" in said or "--diff" in flags
        assert value not in said
        assert value[8:] not in said


def test_only_literals_and_comments_are_hidden(tmp_path: Path) -> None:
    text = leaky(before="API_TOKEN = make_the_token_from_somewhere()\n")
    (tmp_path / "app.py").write_text(text)
    done = lint("check", "--diff", "--unsafe-fixes", cwd=tmp_path)
    assert " API_TOKEN = make_the_token_from_somewhere()\n" in done.out
    assert '"HF_TOKEN": "••••"' in done.out


def test_crlf_and_bom(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_bytes(b"\xef\xbb\xbf" + leaky().replace("\n", "\r\n").encode())
    done = lint("check", "--diff", "--unsafe-fixes", cwd=tmp_path)
    assert done.status == 1
    assert "\r" not in done.out
    assert [line for line in done.out.splitlines() if line.startswith("-s")]
