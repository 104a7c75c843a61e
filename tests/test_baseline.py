"""Baselines: what was there before is hidden, what is new is told, and the file does not churn."""

from __future__ import annotations

import json
import os
import pickle
import stat
from typing import TYPE_CHECKING, Any

import pytest
from fixture_cases import check, run
from git_tree import Repository
from hypothesis import given, settings
from hypothesis import strategies as st
from lint_process import leaky, lint, token
from modal_lint.baseline_file import Entry, Hasher, Known, Place, parse
from modal_lint.model import Hidden

if TYPE_CHECKING:
    from pathlib import Path

    from fixture_cases import Done

_FILE = "known.json"
_PRINTED = """import os

import modal

app = modal.App("a")


@app.function(secrets=[modal.Secret.from_name("hf", required_keys=["HF_TOKEN"])])
def work():
    print(os.environ["HF_TOKEN"])
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").touch()


def _check(*arguments: str) -> Done:
    return run("check", "--baseline", _FILE, "--output-format", "concise", "--color", "never", *arguments)


def _update(*arguments: str) -> Done:
    done = _check("--update-baseline", *arguments)
    assert done.status == 0, done.said
    return done


def _entries(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((path / _FILE).read_text())["findings"]
    return found


def _function(name: str, value: str, key: str = "HF_TOKEN") -> str:
    return f'def {name}():\n    return modal.Sandbox.create(env={{"{key}": "{value}"}})\n\n\n'


def test_what_is_known_is_hidden_and_counted(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(leaky())
    told = _update()
    assert "known.json holds 1 entry now (1 new, 0 gone)" in told.err
    done = _check()
    assert (done.status, done.out) == (0, "All checks passed! (1 file checked, 1 in the baseline)\n")
    (entry,) = _entries(tmp_path)
    assert {**entry, "value": None} == {"path": "app.py", "code": "MS101", "key": "HF_TOKEN", "value": None}


def test_a_new_value_under_an_old_key_is_told_and_an_old_one_may_move(tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text("import modal\n" + _function("one", token(1)) + _function("two", token(2)))
    _update()
    app.write_text("import modal\n\n# moved\n\n" + _function("two", token(2)) + _function("one", token(1)))
    assert _check().status == 0
    app.write_text("import modal\n" + _function("one", token(1)) + _function("two", token(3)))
    done = _check()
    assert done.status == 1
    assert done.out.startswith("app.py:7:")
    assert "Found 1 finding in 1 file checked, 1 in the baseline." in done.out


@pytest.mark.parametrize(
    "text",
    [
        _function("other", token(1)),
        _function("one", token(1), "HUGGING_FACE_TOKEN"),
        "class Box:\n    " + _function("one", token(1)).replace("\n", "\n    ").rstrip() + "\n",
    ],
)
def test_another_function_class_or_key_is_another_place(tmp_path: Path, text: str) -> None:
    app = tmp_path / "app.py"
    app.write_text("import modal\n" + _function("one", token(1)))
    _update()
    app.write_text("import modal\n" + text)
    assert _check().status == 1


def test_a_renamed_file_stays_known_and_a_copied_one_is_new(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "a.py").write_text("import modal\n" + _function("one", token(1)))
    (tmp_path / "b.py").write_text("import modal\n" + _function("one", token(2)))
    (tmp_path / "c.py").write_text(_PRINTED)
    _update()
    for old, new in {"a.py": "pkg/a.py", "b.py": "pkg/other.py", "c.py": "pkg/c.py"}.items():
        (tmp_path / old).rename(tmp_path / new)
    done = _check()
    assert done.status == 0, done.said
    assert "3 entries of known.json match nothing any more" in done.err
    (tmp_path / "pkg/a.py").write_text("import modal\n" + _function("one", token(3)))
    assert _check().out.startswith("pkg/a.py:3:")
    (tmp_path / "pkg/a.py").write_text("import modal\n" + _function("one", token(1)))
    _update()
    assert [entry["path"] for entry in _entries(tmp_path)] == ["pkg/a.py", "pkg/c.py", "pkg/other.py"]
    assert _check().err == ""
    (tmp_path / "copy.py").write_text((tmp_path / "pkg/a.py").read_text())
    assert _check().out.startswith("copy.py:3:")


def test_the_function_of_a_decorator_is_the_decorated_one(tmp_path: Path) -> None:
    function = f'@app.function(env={{"HF_TOKEN": "{token()}"}})\ndef work():\n    pass\n'
    (tmp_path / "app.py").write_text('import modal\napp = modal.App("a")\n' + function)
    _update()
    assert [entry["symbol"] for entry in _entries(tmp_path)] == ["work"]


def test_where_there_is_no_value_findings_are_counted(tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text(_PRINTED)
    _update()
    (entry,) = _entries(tmp_path)
    assert (entry["code"], entry["symbol"], entry["key"], entry["count"]) == ("MS204", "work", "HF_TOKEN", 1)
    app.write_text(_PRINTED.replace("def work():\n", 'def work():\n    "A docstring."\n'))
    assert _check().status == 0
    app.write_text(_PRINTED + '    print("again", os.environ["HF_TOKEN"])\n')
    done = _check()
    assert done.out.count("MS204") == 2, "nobody knows which of the two is the new one"


def test_entries_that_match_nothing_are_told_and_pruned(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.py").write_text(leaky(token(ord(name))))
    _update()
    (tmp_path / "a.py").write_text("import modal\n")
    (tmp_path / "b.py").unlink()
    done = _check("-v")
    assert done.status == 0
    assert "2 entries of known.json match nothing any more; --update-baseline removes them" in done.err
    assert "a.py MS101 HF_TOKEN" in done.err
    assert "(0 new, 2 gone)" in _update().err
    assert [entry["path"] for entry in _entries(tmp_path)] == ["c.py"]
    assert "match" not in _check().err
    (tmp_path / "c.py").unlink()
    (tmp_path / "sub").mkdir()
    for elsewhere in ("sub", "a.py"):
        assert "match" not in _check(elsewhere).err, "what lies elsewhere was not looked for"
    assert "1 entry of known.json matches nothing" in _check().err


def test_fewer_findings_than_counted_are_stale(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(_PRINTED + '    print("again", os.environ["HF_TOKEN"])\n')
    _update()
    (tmp_path / "app.py").write_text(_PRINTED)
    assert "1 entry of known.json matches nothing" in _check().err
    _update()
    assert [entry["count"] for entry in _entries(tmp_path)] == [1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["b.py"],
        ["--select", "MS2"],
        ["--ignore", "MS101"],
        ["--per-file-ignores", "a.py:MS1"],
        ["--min-severity", "error", "--min-confidence", "high"],
        ["--exclude", "a.py"],
    ],
)
def test_what_a_run_does_not_judge_it_neither_calls_stale_nor_drops(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "a.py").write_text(leaky("Zq8!kfW2mLx0", "DB_PASSWORD"))
    (tmp_path / "b.py").write_text("import modal\n")
    _update()
    before = (tmp_path / _FILE).read_bytes()
    assert "match" not in _check(*arguments).err
    _update(*arguments)
    assert (tmp_path / _FILE).read_bytes() == before


def test_a_file_that_cannot_be_checked_keeps_its_entries_and_its_failure(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(leaky())
    _update()
    (tmp_path / "a.py").write_text("import modal\n(\n")
    done = _check("--update-baseline")
    assert done.status == 1
    assert "MS001" in done.out
    assert len(_entries(tmp_path)) == 1


def test_what_a_comment_silences_is_not_in_the_baseline(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(leaky(after="  # modal-lint: ignore[MS101] ours"))
    _update()
    assert _entries(tmp_path) == []


def test_a_suppression_that_silences_nothing_is_known_like_anything_else(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import modal  # modal-lint: ignore[MS101]\n")
    _update()
    assert _check().status == 0


def test_one_file_of_a_project_is_as_green_as_all_of_it(tmp_path: Path) -> None:
    """One credential is told once, for the first of its sinks; the baseline knows the others, too."""
    (tmp_path / "keys.py").write_text(f'HF = "{token()}"\n')
    for name in ("a", "b"):
        (tmp_path / f"{name}.py").write_text("import modal\nfrom keys import HF\n" + _function("f", "x"))
        text = (tmp_path / f"{name}.py").read_text().replace('"x"', "HF")
        (tmp_path / f"{name}.py").write_text(text)
    assert run("check", "--color", "never", "--output-format", "concise").out.count("MS101") == 1
    _update()
    for paths in ([], ["a.py"], ["b.py"], ["keys.py"]):
        assert _check(*paths).status == 0, paths
    (tmp_path / "c.py").write_text((tmp_path / "b.py").read_text())
    assert _check().out.startswith("c.py:4:"), "another sink is another decision"


def test_a_lesser_rule_does_not_speak_for_a_known_finding(tmp_path: Path) -> None:
    """Where a value stands is MS110 in a module that Modal ships, unless MS101 tells of where it goes."""
    (tmp_path / "common.py").write_text('import modal\napp = modal.App("a")\n')
    (tmp_path / "keys.py").write_text(f'import modal\nfrom common import app\nHF = "{token()}"\n')
    (tmp_path / "main.py").write_text('import modal\nfrom keys import HF\nmodal.Sandbox.create(env={"HF_TOKEN": HF})\n')
    _update("main.py")
    assert [entry["code"] for entry in _entries(tmp_path)] == ["MS101"]
    assert run("check", "keys.py", "--color", "never", "--output-format", "concise").out.startswith(
        "keys.py:3:6: MS110"
    )
    assert _check().status == 0


def test_fixes_leave_alone_what_is_known(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(leaky())
    _update()
    assert run("fix", "--unsafe-fixes", "--baseline", _FILE, "--color", "never").status == 0
    assert (tmp_path / "app.py").read_text() == leaky()


# ---- the file -------------------------------------------------------------------------------------------------


def test_the_file_does_not_churn_and_grows_by_lines(tmp_path: Path) -> None:
    for name in ("b", "d"):
        (tmp_path / f"{name}.py").write_text(leaky(token(ord(name))))
    _update()
    before = (tmp_path / _FILE).read_text()
    stamp = os.stat(tmp_path / _FILE).st_mtime_ns
    _update()
    assert os.stat(tmp_path / _FILE).st_mtime_ns == stamp, "nothing new: not written"
    (tmp_path / "c.py").write_text(leaky(token(7)))
    _update()
    after = (tmp_path / _FILE).read_text()
    new = [line for line in after.splitlines() if line not in before.splitlines()]
    assert len(new) == 1
    assert '"c.py"' in new[0]
    assert [entry["path"] for entry in _entries(tmp_path)] == ["b.py", "c.py", "d.py"]


def test_the_file_holds_no_value_and_neither_does_what_is_said(tmp_path: Path) -> None:
    values = [token(1), "Zq8!kfW2mLx0"]
    (tmp_path / "app.py").write_text(leaky(values[0]) + _function("f", values[1], "DB_PASSWORD"))
    said = _update("-v").said + _check("-v").said + (tmp_path / _FILE).read_text()
    assert not any(value in said for value in values)
    findings = check(["app.py"]).findings
    assert [one.secret.reveal() for one in findings if one.secret is not None] == values
    for finding in findings:
        shown = f"{finding} {finding!r} {finding.secret} {finding.secret:>40} {finding.secret!r}"
        assert not any(value in shown for value in values)
        assert pickle.loads(pickle.dumps(finding)).secret == finding.secret


def test_values_are_known_from_worker_processes(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"m{number}.py").write_text(leaky(token(number)))
    done = lint("check", "--baseline", _FILE, "--update-baseline", "-j", "2", cwd=tmp_path)
    assert done.status == 0, done.said
    assert lint("check", "--baseline", _FILE, "-j", "2", cwd=tmp_path).status == 0
    (tmp_path / "m7.py").write_text(leaky(token(99)))
    done = lint("check", "--baseline", _FILE, "-j", "2", "--output-format", "concise", "-q", cwd=tmp_path)
    assert [line.split(":")[0] for line in done.out.splitlines()] == ["m7.py"]


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(leaky())
    mask = os.umask(0o027)
    try:
        _update()
    finally:
        os.umask(mask)
    real = tmp_path / "real.json"
    assert stat.S_IMODE((tmp_path / _FILE).stat().st_mode) == 0o640
    (tmp_path / _FILE).rename(real)
    real.chmod(0o600)
    (tmp_path / _FILE).symlink_to("real.json")
    (tmp_path / "b.py").write_text(leaky(token(2)))
    _update()
    assert (tmp_path / _FILE).is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert len(_entries(tmp_path)) == 2


_SCRYPT = '"scrypt": {"n": 2048, "r": 8, "p": 1, "salt": "00"}'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file; write it with --update-baseline"),
        ("", "is not JSON"),
        ("\xff", "is not JSON"),
        ("[]", "is no baseline of modal-lint"),
        ('{"findings": []}', "has no usable `scrypt`"),
        ('{"scrypt": {"n": 1073741824, "r": 8, "p": 1, "salt": "00"}, "findings": []}', "has no usable `scrypt`"),
        (f'{{{_SCRYPT}, "findings": [{{"path": "a"}}]}}', "has a mistake in entry 1 of its findings"),
        (f'{{{_SCRYPT}, "findings": [{{"path": "a", "code": "MS101", "count": 0}}]}}', "mistake in entry 1"),
        ('{\n<<<<<<< HEAD\n"a": 1\n=======\n', "has an unresolved merge conflict (line 2)"),
        ("import modal\n", "is not JSON (line 1)"),
        ("[" * 5000, "is not JSON"),
    ],
)
def test_a_file_that_is_no_baseline_is_one_line_and_never_overwritten(
    tmp_path: Path, content: str | None, message: str
) -> None:
    (tmp_path / "app.py").write_text(leaky())
    if content is not None:
        (tmp_path / _FILE).write_bytes(content.encode("latin-1"))
    commands = [[], ["--update-baseline"]] if content is not None else [[]]
    for more in commands:
        done = _check(*more)
        assert done.status == 2
        assert done.err.startswith("error: baseline known.json")
        assert message in done.err
        assert len(done.err.splitlines()) == 1
        if content is not None:
            assert (tmp_path / _FILE).read_bytes() == content.encode("latin-1")


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(leaky())
    (tmp_path / "folder").mkdir()
    for path in ("no/such/folder.json", "folder"):
        done = run("check", "--baseline", path, "--update-baseline")
        assert (done.status, len(done.err.splitlines())) == (2, 1)
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".tmp"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--update-baseline"], "--update-baseline: say where: --baseline FILE"),
        (["--update-baseline", "--baseline", _FILE, "--fix"], "--update-baseline: does not go with --fix"),
        (["--update-baseline", "--baseline", _FILE, "--diff"], "--update-baseline: does not go with --diff"),
        (["--update-baseline", "--baseline", _FILE, "-"], "is for files, not for standard input"),
        (["--update-baseline", "--baseline", _FILE, "--add-suppressions"], "choose"),
    ],
)
def test_what_does_not_go_together(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "app.py").write_text(leaky())
    done = lint("check", *arguments, cwd=tmp_path)
    assert done.status == 2
    assert message in done.err
    assert len(done.err.splitlines()) == 1


def test_branches_merge(tmp_path: Path) -> None:
    """Also where both have added an entry at the end: git is told to take both lines."""
    tree = Repository(tmp_path)
    tree.stage(".gitattributes", f"{_FILE} merge=union\n")
    (tmp_path / "m.py").write_text(leaky(token(1)))
    _update()
    tree.git("add", ".")
    tree.git("commit", "-qm", "begin")
    for branch, names in {"one": "ax", "two": "nz"}.items():
        tree.git("checkout", "-q", "-b", branch, "main")
        for name in names:
            (tmp_path / f"{name}.py").write_text(leaky(token(ord(name))))
        _update()
        tree.git("add", ".")
        tree.git("commit", "-qm", branch)
    tree.git("merge", "-q", "--no-edit", "one")
    assert "<<<" not in (tmp_path / _FILE).read_text()
    assert _check().out == "All checks passed! (5 files checked, 5 in the baseline)\n"
    _update()
    assert [entry["path"] for entry in _entries(tmp_path)] == ["a.py", "m.py", "n.py", "x.py", "z.py"]


# ---- configuration --------------------------------------------------------------------------------------------


def test_the_configuration_names_a_baseline_beside_itself(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for folder in (tmp_path, tmp_path / "sub"):
        (folder / "app.py").write_text(leaky(token(len(folder.name))))
        (folder / "modal-lint.toml").write_text(f"baseline = '{_FILE}'\n")
    assert run("check", "--update-baseline").status == 0
    assert [entry["path"] for entry in _entries(tmp_path)] == ["app.py"]
    assert [entry["path"] for entry in _entries(tmp_path / "sub")] == ["app.py"]
    assert run("check", "--color", "never").status == 0
    assert run("check", "--config", "baseline=''", "--color", "never").status == 1
    assert run("check", "--isolated", "--color", "never").status == 1


@pytest.mark.parametrize("target", ["../outside.json", "{folder}/outside.json", "link.json"])
def test_a_checked_tree_cannot_name_a_baseline_outside_of_it(tmp_path: Path, target: str) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "app.py").write_text(leaky())
    (tmp_path / "outside.json").write_text("untouched")
    (project / "link.json").symlink_to(tmp_path / "outside.json")
    (project / "pyproject.toml").write_text(f"[tool.modal-lint]\nbaseline = '{target.format(folder=tmp_path)}'\n")
    done = lint("check", "--update-baseline", cwd=project)
    assert done.status == 2
    assert "`baseline` points outside the project" in done.err
    assert (tmp_path / "outside.json").read_text() == "untouched"


# ---- properties -----------------------------------------------------------------------------------------------

_TEXTS = st.text(max_size=12)
_NAMES = st.none() | _TEXTS
_PLACES = st.builds(Place, _TEXTS, _TEXTS, _NAMES, _NAMES)
_ENTRIES = st.builds(lambda place, value: Entry(place, value), _PLACES, st.text("0123456789abcdef", min_size=1)) | (
    st.builds(lambda place, number: Entry(place, number=number), _PLACES, st.integers(1, 99))
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_ENTRIES, max_size=12), st.randoms(use_true_random=False))
def test_a_baseline_is_read_as_it_was_written_in_any_order(entries: list[Entry], random: Any) -> None:
    hasher = Hasher(b"salt")
    data = Known(tuple(dict.fromkeys(entries)), hasher).render()
    assert set(parse(data).entries) == set(entries)
    random.shuffle(entries)
    assert Known(tuple(dict.fromkeys(entries)), hasher).render() == data
    assert Known(parse(data).entries, hasher).render() == data


def test_hashes_depend_on_the_salt_and_on_the_value() -> None:
    one, other = Hasher(b"one"), Hasher(b"other")
    values = [Hidden(f"value {number}") for number in range(9)]
    assert len(set(one.hashes(values).values())) == 9
    assert not set(one.hashes(values).values()) & set(other.hashes(values).values())
    assert one.hashes(values) == Hasher(b"one").hashes(values)
