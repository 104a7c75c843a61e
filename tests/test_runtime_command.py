"""`modal-lint runtime`: Secrets from the command line, where no value may be given and none is shown."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest
from lint_process import SOURCES
from modal_lint_runtime.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

RUNTIME = "from modal_lint_runtime.command import runtime; runtime(prog_name='modal-lint runtime')"
VALUE = "quite-" + "private"


class Done(NamedTuple):
    """What a command said."""

    status: int
    out: str
    err: str


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


def _environment(root: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MODAL_")}
    return {
        **kept,
        "PYTHONPATH": SOURCES,
        "MODAL_LINT_RUNTIME_DIR": str(root),
        "MODAL_LINT_RUNTIME_KEYRING": "0",
    }


def _run(root: Path, *arguments: str | Path, stdin: str | bytes = "") -> Done:
    done = subprocess.run(
        [sys.executable, "-c", RUNTIME, *map(str, arguments)],
        env=_environment(root),
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        timeout=60,
        check=False,
    )
    said = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert VALUE not in said.out + said.err
    assert "Traceback" not in said.err
    return said


def _at_a_terminal(root: Path, *arguments: str, answers: tuple[str, ...]) -> Done:
    """Run with a terminal, giving one answer to each question; what the terminal showed is in ``out``."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, "-c", RUNTIME, *arguments], _environment(root))
    shown, waiting, deadline = b"", list(answers), time.monotonic() + 60
    asked = 0
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 1)
        try:
            shown += os.read(terminal, 4096) if ready else b""
        except OSError:  # the other side is closed
            break
        if waiting and shown.count(b": ") > asked:
            asked = shown.count(b": ")
            time.sleep(0.1)  # the question is shown before the echo is switched off
            os.write(terminal, waiting.pop(0).encode() + b"\n")
    os.close(terminal)
    return Done(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode(), "")


def _entries(root: Path, name: str, environment: str = "main") -> dict[str, str]:
    with Workspace(root) as workspace:
        return workspace.secret_values(workspace.secret_lookup(name, environment).id)


def _mistake(done: Done) -> str:
    assert done.status == 2, done
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    return done.err


def test_a_secret_from_a_dotenv_file(root: Path, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(f"# comment\nexport DB_HOST=localhost\nDB_PASSWORD='{VALUE}'\nEMPTY=\nURL=http://${{DB_HOST}}/\n")
    done = _run(root, "secret", "create", "database", "--from-dotenv", file)
    assert (done.status, done.out) == (0, "Created the Secret 'database': DB_HOST, DB_PASSWORD, EMPTY, URL\n")
    assert _entries(root, "database") == {
        "DB_HOST": "localhost",
        "DB_PASSWORD": VALUE,
        "EMPTY": "",
        "URL": "http://localhost/",
    }


def test_a_secret_from_json_and_from_standard_input(root: Path, tmp_path: Path) -> None:
    (tmp_path / "values.json").write_text(json.dumps({"A": VALUE, "B": "two\nlines"}))
    assert _run(root, "secret", "create", "one", "--from-json", tmp_path / "values.json").status == 0
    assert _run(root, "secret", "create", "two", "--from-json", "-", stdin=json.dumps({"A": VALUE})).status == 0
    assert _run(root, "secret", "create", "three", "--from-dotenv", "-", stdin=f"A={VALUE}\n").status == 0
    assert _run(root, "secret", "create", "four", "A=-", stdin=f"{VALUE}\n").status == 0
    assert _entries(root, "one") == {"A": VALUE, "B": "two\nlines"}
    for name in ("two", "three", "four"):
        assert _entries(root, name) == {"A": VALUE}


def test_a_value_that_is_asked_for_is_not_shown(root: Path) -> None:
    done = _at_a_terminal(root, "secret", "create", "asked", "TOKEN", "OTHER", answers=(VALUE, "second"))
    assert done.status == 0, done.out
    assert VALUE not in done.out
    assert "TOKEN" in done.out
    assert _entries(root, "asked") == {"TOKEN": VALUE, "OTHER": "second"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("secret", "create", "name", f"KEY={VALUE}"),
        ("secret", "create", "name", VALUE),
        ("secret", "update", "name", f"KEY={VALUE}"),
        ("secret", "update", "name", "--remove", f"KEY={VALUE}"),
        ("secret", "create", "name", f"={VALUE}"),
    ],
)
def test_a_value_among_the_arguments_is_refused_and_not_repeated(arguments: tuple[str, ...], root: Path) -> None:
    _mistake(_run(root, *arguments))
    assert not root.exists()


def test_a_name_that_is_taken(root: Path) -> None:
    assert _run(root, "secret", "create", "name", "A=-", stdin="1").status == 0
    assert "already exists" in _mistake(_run(root, "secret", "create", "name", "B=-", stdin="2"))
    assert _run(root, "secret", "create", "name", "B=-", "--force", stdin="2").status == 0
    assert _entries(root, "name") == {"B": "2"}


def test_an_update_adds_and_removes(root: Path) -> None:
    assert _run(root, "secret", "create", "name", "--from-json", "-", stdin='{"A": "1", "B": "2"}').status == 0
    done = _run(root, "secret", "update", "name", "--remove", "A", "C=-", stdin="3")
    assert done.out == "Updated the Secret 'name': B, C\n"
    assert _entries(root, "name") == {"B": "2", "C": "3"}
    assert "removed" in _mistake(_run(root, "secret", "update", "name", "--remove", "C", "C=-", stdin="4"))
    assert "no entries" in _mistake(_run(root, "secret", "update", "name"))
    assert "not found" in _mistake(_run(root, "secret", "update", "other", "--remove", "A"))


def test_the_list_shows_keys_and_no_values(root: Path) -> None:
    assert _run(root, "secret", "list").out == "Name  Keys  Created  Last used\n"
    _run(root, "secret", "create", "first", "--from-json", "-", stdin=json.dumps({"A": VALUE, "B": VALUE}))
    _run(root, "secret", "create", "second", "C=-", stdin=VALUE)
    lines = _run(root, "secret", "list").out.splitlines()
    assert [line.split()[0] for line in lines] == ["Name", "second", "first"]
    assert "A, B" in lines[2]
    listed = json.loads(_run(root, "secret", "list", "--json").out)
    assert [(each["name"], each["keys"], each["environment"]) for each in listed] == [
        ("second", ["C"], "main"),
        ("first", ["A", "B"], "main"),
    ]


def test_a_deletion_is_asked_about(root: Path) -> None:
    _run(root, "secret", "create", "name", "A=-", stdin=VALUE)
    assert "--yes" in _mistake(_run(root, "secret", "delete", "name"))
    assert _at_a_terminal(root, "secret", "delete", "name", answers=("n",)).status == 2
    assert _entries(root, "name") == {"A": VALUE}
    assert _at_a_terminal(root, "secret", "delete", "name", answers=("y",)).status == 0
    assert "not found" in _mistake(_run(root, "secret", "delete", "name", "--yes"))
    assert _run(root, "secret", "delete", "name", "--yes", "--allow-missing").status == 0


def test_environments(root: Path) -> None:
    with Workspace(root) as workspace:
        workspace.environment_create("dev")
    assert _run(root, "secret", "create", "name", "A=-", "-e", "dev", stdin="1").status == 0
    assert _entries(root, "name", "dev") == {"A": "1"}
    assert "not found" in _mistake(_run(root, "secret", "delete", "name", "--yes"))
    assert "'nowhere' not found" in _mistake(_run(root, "secret", "list", "--env", "nowhere"))


def test_the_status_tells_where_things_are(root: Path) -> None:
    _run(root, "secret", "create", "name", "A=-", stdin=VALUE)
    assert f"path: {root}" in _run(root, "status").out
    found = json.loads(_run(root, "status", "--json").out)
    assert (found["key"], found["secrets"]) == ("file", 1)
    assert json.loads(_run(root, "status", "--json", "--path", root.parent / "other").out)["secrets"] == 0


def test_a_reset(root: Path) -> None:
    assert "no workspace" in _mistake(_run(root, "reset", "--yes"))
    _run(root, "secret", "create", "name", "A=-", stdin=VALUE)
    assert "--yes" in _mistake(_run(root, "reset"))
    assert _run(root, "reset", "--yes").status == 0
    assert json.loads(_run(root, "secret", "list", "--json").out) == []


@pytest.mark.parametrize("spoilt", ["workspace.db", "workspace.key"])
def test_a_reset_of_a_workspace_that_cannot_be_used(spoilt: str, root: Path) -> None:
    _run(root, "secret", "create", "name", "A=-", stdin=VALUE)
    (root / spoilt).write_text("spoilt " * 50)
    assert "damaged" in _mistake(_run(root, "secret", "create", "more", "A=-", stdin=VALUE))
    assert _run(root, "reset", "--yes").status == 0
    assert _run(root, "secret", "create", "name", "A=-", stdin=VALUE).status == 0


def test_a_reset_leaves_other_directories_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    _mistake(_run(tmp_path, "reset", "--yes"))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


FILES = {
    "--from-json": {
        b"": "no JSON",
        b"{": "line 1",
        b"[1]": "object",
        b'"text"': "object",
        b'{"A": 1}': "'A'",
        b'{"A": null}': "'A'",
        b'{"A-B": "x"}': "'A-B'",
        b'{"A": "\\ud800"}': "surrogate",
        b"\xff\xfe": "UTF-8",
        b"{}": "no entries",
        b'{"A": "' + VALUE.encode(): "no JSON",
        b"[" * 100_000: "no JSON",
        b'{"A": "' + VALUE.encode() * 9999 + b'"}': "32768",
        b'{"A": ' + b"9" * 5000 + b"}": "",
    },
    "--from-dotenv": {
        b"": "no entries",
        f"A=1\n{VALUE} and more\n".encode(): "line 2",
        f"A=1\n{VALUE}\n".encode(): "line 2",
        f"A='{VALUE}".encode(): "line 1",
        b"A-B=1": "'A-B'",
        b"\xff": "UTF-8",
        b"A=x\0y": "NUL",
    },
}


@pytest.mark.parametrize(
    ("option", "content"), [(option, content) for option, each in FILES.items() for content in each]
)
def test_files_that_make_no_sense(option: str, content: bytes, root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    assert FILES[option][content] in _mistake(_run(root, "secret", "create", "name", option, tmp_path / "file"))
    assert not root.exists() or json.loads(_run(root, "secret", "list", "--json").out) == []


def test_mistakes_on_the_command_line(root: Path, tmp_path: Path) -> None:
    for option in ("--from-json", "--from-dotenv"):
        assert "cannot be read" in _mistake(_run(root, "secret", "create", "name", option, tmp_path / "missing"))
        assert "cannot be read" in _mistake(_run(root, "secret", "create", "name", option, tmp_path))
    assert "no entries" in _mistake(_run(root, "secret", "create", "name"))
    assert "terminal" in _mistake(_run(root, "secret", "create", "name", "A"))
    assert "once" in _mistake(_run(root, "secret", "create", "name", "A=-", "B=-", stdin="1"))
    assert "once" in _mistake(_run(root, "secret", "create", "name", "A=-", "--from-json", "-", stdin="1"))
    assert "Invalid Secret name" in _mistake(_run(root, "secret", "create", "has space", "A=-", stdin="1"))
    (tmp_path / "file").write_text("mine")
    assert "no directory" in _mistake(_run(tmp_path / "file", "secret", "list"))
    for wrong in (("secret", "creat"), ("secret", "create"), ("status", "--nope"), ("nope",)):
        assert _run(root, *wrong).status == 2


def test_help_says_where_values_come_from(root: Path) -> None:
    for arguments in (("-h",), ("secret", "-h"), ("secret", "create", "--help"), ("status", "-h"), ("reset", "-h")):
        assert _run(root, *arguments).status == 0
    text = " ".join(_run(root, "secret", "create", "-h").out.split())
    assert all(word in text for word in ("--from-dotenv", "--from-json", "hidden", "standard input"))
