"""`modal-lint baseline import`: what a baseline of the real detect-secrets knows is known to ours, and nothing more."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from lint_process import lint, token

SOURCE = """import modal

from keys import SHARED

app = modal.App("x")


@app.function(
    env={{
        "DB_PASSWORD": "n1ghtOwlish",
        "HF_API_KEY": "{token}",
        "DATABASE_URL": "postgres://deploy:gate5mArb1e@db.internal/x",
        "SHARED_TOKEN": SHARED,
    }},
    secrets=[modal.Secret.from_name("s")],
)
def f(): ...
"""
KEYS = ["DB_PASSWORD", "HF_API_KEY", "DATABASE_URL", "SHARED_TOKEN"]


FILES = {
    "pyproject.toml": '[tool.modal-lint]\nbaseline = "known.json"\n',
    "app.py": SOURCE.format(token=token()),
    "keys.py": 'SHARED = API_KEY = "w1nterGardenPath9"\n',
}


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What detect-secrets writes for the project."""
    folder = tmp_path_factory.mktemp("scanned")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    program = str(Path(sys.executable).parent / "detect-secrets")
    done = subprocess.run([program, "scan", "--all-files", "."], cwd=folder, check=True, capture_output=True)
    return done.stdout


@pytest.fixture
def project(tmp_path: Path, scanned: bytes) -> Path:
    """A project with a baseline of detect-secrets in `.secrets.baseline`."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / ".secrets.baseline").write_bytes(scanned)
    return tmp_path


def keys(folder: Path, *arguments: str) -> list[str]:
    done = lint("check", "--output-format", "json", *arguments, ".", cwd=folder)
    assert done.status < 2, done.err
    return [found["key"] for found in json.loads(done.out)]


def test_what_detect_secrets_knows_is_hidden_and_a_new_value_is_not(project: Path) -> None:
    assert keys(project, "--config", "baseline=''") == KEYS
    done = lint("baseline", "import", ".secrets.baseline", cwd=project)
    assert done.status == 0, done
    assert "known.json holds 4 entries now (4 new, 0 gone)" in done.out
    assert keys(project) == []
    (project / "app.py").write_text((project / "app.py").read_text().replace("n1ghtOwlish", "n3wNightOwl"))
    assert keys(project) == ["DB_PASSWORD"]


def test_no_value_and_no_quick_hash_of_one_is_written(project: Path) -> None:
    done = lint("baseline", "import", ".secrets.baseline", cwd=project)
    written = (project / "known.json").read_text()
    for value in (token(), "n1ghtOwlish", "w1nterGardenPath9"):
        for text in (value, hashlib.sha1(value.encode()).hexdigest()):
            assert text not in written + done.said


def test_what_it_does_not_know_stays(project: Path) -> None:
    content = json.loads((project / ".secrets.baseline").read_text())
    wanted = hashlib.sha1(token().encode()).hexdigest()
    content["results"] = {
        name: [one for one in entries if one["hashed_secret"] == wanted] for name, entries in content["results"].items()
    }
    (project / ".secrets.baseline").write_text(json.dumps(content))
    done = lint("baseline", "import", ".secrets.baseline", cwd=project)
    assert "1 of 1 entry of .secrets.baseline is a finding of modal-lint here" in done.err
    assert keys(project) == [key for key in KEYS if key != "HF_API_KEY"]


def test_entries_that_are_there_already_stay(project: Path) -> None:
    assert lint("check", "--update-baseline", ".", cwd=project).status == 0
    before = (project / "known.json").read_text()
    (project / ".secrets.baseline").write_text(json.dumps({"results": {}}))
    assert lint("baseline", "import", ".secrets.baseline", cwd=project).status == 0
    assert (project / "known.json").read_text() == before


def test_audited_as_real_is_told(project: Path) -> None:
    content = json.loads((project / ".secrets.baseline").read_text())
    for entries in content["results"].values():
        for entry in entries:
            entry["is_secret"] = entry["hashed_secret"] == hashlib.sha1(b"n1ghtOwlish").hexdigest()
    (project / ".secrets.baseline").write_text(json.dumps(content))
    done = lint("baseline", "import", ".secrets.baseline", cwd=project)
    assert "note: app.py:10:24 was audited as a real secret" in done.err
    assert done.err.count("audited") == 1


def test_from_another_folder(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    place = os.path.relpath(project / ".secrets.baseline", elsewhere)
    assert lint("baseline", "import", place, cwd=elsewhere).status == 0
    assert keys(project) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file or directory"),
        ("tellnobody", "is no baseline of detect-secrets; `detect-secrets scan` writes one"),
        ("[]", "is no baseline of detect-secrets"),
        ('{"results": {"a.py": [{"hashed_secret": "tellnobody"}]}}', "is no baseline of detect-secrets"),
        ('{"results": {"a.py": 1}}', "is no baseline of detect-secrets"),
        ("[" * 100_000, "is no baseline of detect-secrets"),
    ],
)
def test_mistakes_are_told_in_one_line(project: Path, content: str | None, said: str) -> None:
    place = project / ".secrets.baseline"
    place.unlink() if content is None else place.write_text(content)
    done = lint("baseline", "import", ".secrets.baseline", cwd=project)
    assert done.status == 2
    assert said in done.err
    assert done.err.count("\n") == 1
    assert "tellnobody" not in done.said
    assert not (project / "known.json").exists()


def test_no_place_to_write_to(project: Path) -> None:
    (project / "pyproject.toml").write_text("")
    done = lint("baseline", "import", ".secrets.baseline", cwd=project)
    assert done.status == 2
    assert "say where to: --baseline FILE" in done.err
    assert lint("baseline", "import", ".secrets.baseline", "--baseline", "b.json", cwd=project).status == 0
    assert keys(project, "--baseline", "b.json") == []
