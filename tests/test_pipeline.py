"""The steps that make a run fast change nothing of what it finds; the cache forgets nothing and holds no value."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lint_process import SOURCES, leaky, modules_after
from material import make
from modal_lint import stored
from modal_lint.engine import Session
from modal_lint.settings import Settings
from modal_lint.switches import STEPS

_FIXTURES = Path(__file__).parent / "fixtures"
_OFF = [*STEPS, ",".join(STEPS)]


def _said(top: Path, *arguments: str, off: str = "", cache: Path | None = None) -> tuple[int, str, str]:
    """Status and output of a run in a process of its own."""
    environ = {**os.environ, "PYTHONPATH": SOURCES, "MODAL_LINT_DISABLE": off}
    environ["MODAL_LINT_CACHE_DIR"] = str(cache or top.parent / "cache")
    done = subprocess.run(
        [sys.executable, "-m", "modal_lint", "check", "--output-format", "json", *arguments],
        cwd=top,
        env=environ,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("off", _OFF)
def test_fixtures_give_the_same_without_a_step(tmp_path: Path, off: str) -> None:
    top = tmp_path / "project"
    shutil.copytree(_FIXTURES, top)
    plain = _said(top, "-j", "2", "--no-cache", "--isolated", "--select", "ALL", ".")
    assert plain[0] == 1
    assert _said(top, "-j", "2", "--isolated", "--select", "ALL", ".", off=off) == plain


def test_the_sdk_itself_gives_the_same_without_any_step(tmp_path: Path) -> None:
    import modal

    top = tmp_path / "project"
    shutil.copytree(Path(modal.__file__).parent, top, ignore=shutil.ignore_patterns("__pycache__"))
    plain = _said(top, "--no-cache", "--select", "ALL", ".")
    assert _said(top, "--select", "ALL", ".", off="prefilter,processes") == plain


_LINES = st.sampled_from(
    [
        *(
            "import modal",
            "import os",
            "from modal import Secret, Image",
            "app = modal.App()",
            "import helper",
            "x = 1",
        ),
        *("from helper import TOKEN, image", "# nothing of interest", "@app.function()\ndef work(): ...", "K = {"),
        *("modal.Secret.from_dict({'A_TOKEN': TOKEN})", "TOKEN = VALUE", "image = modal.Image.debian_slim()"),
        *("image.env({'API_KEY': VALUE})", "class modality: pass", "MODAL_TOKEN_SECRET = VALUE", "\tbad = 1\n  x"),
        *("modal.Secret.from_dict(dict(B_TOKEN=VALUE))", "# modal-lint: ignore[MS101]", "os.environ['A_KEY'] = VALUE"),
    ]
)
_PROGRAM = st.lists(_LINES, max_size=9).map("\n".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["app.py", "helper.py", "sub/app.py", "sub/helper.py"]), _PROGRAM, min_size=1))
def test_generated_programs_give_the_same_without_any_step(tmp_path: Path, programs: dict[str, str]) -> None:
    from fixture_cases import run

    top = tmp_path / "generated"
    shutil.rmtree(top, ignore_errors=True)
    for name, text in programs.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text.replace("VALUE", repr(make("openai", len(name)))))
    arguments = ("check", "--no-cache", "--output-format", "json", "--select", "ALL", str(top))
    plain = run(*arguments).said
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODAL_LINT_DISABLE", ",".join(STEPS))
        assert run(*arguments).said == plain


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Many files, two of them with findings, all of them old enough to be known by their times."""
    top = tmp_path / "project"
    top.mkdir()
    for number in range(60):
        (top / f"plain_{number}.py").write_text(f"x = {number}\n")
    (top / "clean.py").write_text("import modal  #".ljust(len(leaky()), "."))
    (top / "leak.py").write_text(leaky())
    (top / "values.py").write_text(f"TOKEN = {make('openai', 1)!r}\n")
    (top / "uses.py").write_text(
        "import modal\nfrom values import TOKEN\nmodal.Secret.from_dict({'OPENAI_API_KEY': TOKEN})\n"
    )
    return _aged(top)


def _aged(top: Path) -> Path:
    """Wait until a change of now cannot be mistaken for one of before."""
    import time

    time.sleep(0.12)
    return top


def test_a_second_run_says_the_same(project: Path) -> None:
    first = _said(project, ".")
    assert first[0] == 1
    assert len(json.loads(first[1])) == 2
    assert _said(project, ".") == first


def test_a_change_is_seen_that_hides_its_size_and_time(project: Path) -> None:
    first = _said(project, ".")
    plain = project / "clean.py"
    before = plain.stat()
    plain.write_text(leaky())
    os.utime(plain, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (plain.stat().st_size, plain.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert len(json.loads(_said(project, ".")[1])) == len(json.loads(first[1])) + 1


def test_the_cache_is_used(project: Path) -> None:
    _said(project, ".")
    for name in ("leak.py", "uses.py"):
        (project / name).write_text("x = 1\n")
    _aged(project)
    cache = {"MODAL_LINT_CACHE_DIR": str(project.parent / "cache")}
    said = []
    for _ in range(2):
        said.append("modal_lint_rules" in modules_after("check", ".", cwd=project, environment=cache))
    assert said == [True, False]


@pytest.mark.parametrize(("text", "loaded"), [("show(modal)\n", False), ("import modal\n", True)])
def test_rules_loaded_for_files_that_use_modal_not_for_those_that_say_it(
    tmp_path: Path, text: str, loaded: bool
) -> None:
    for number in range(30):
        (tmp_path / f"m{number}.py").write_text(f"# a modal window\n{text}")
    assert ("modal_lint_rules" in modules_after("check", ".", "--no-cache", cwd=tmp_path)) is loaded


def test_what_holds_no_value_is_kept_and_not_analysed_again(project: Path) -> None:
    for name in ("leak.py", "uses.py"):
        (project / name).write_text("x = 1\n")
    (project / "kept.py").write_text(
        "import modal\n\nmodal.Image.from_registry('a', secrets=[modal.Secret.from_name('b')])\n"
    )
    _aged(project)
    first = _said(project, ".")
    assert [one["code"] for one in json.loads(first[1])] == ["MS306"]
    loads = "modal_lint_rules"
    script = f"import sys; from modal_lint import start; start.status(sys.argv[1:]); sys.exit({loads!r} in sys.modules)"
    environ = {**os.environ, "PYTHONPATH": SOURCES, "MODAL_LINT_CACHE_DIR": str(project.parent / "cache")}
    command = [sys.executable, "-c", script, "check", "--output-format", "json", "."]
    assert subprocess.run(command, cwd=project, env=environ, timeout=60, check=False).returncode == 0
    assert _said(project, ".") == first
    fixed = subprocess.run(
        [sys.executable, "-m", "modal_lint", "fix", "."],
        cwd=project,
        env=environ,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert fixed.returncode == 0
    assert "secret=modal" in (project / "kept.py").read_text()


def test_an_outcome_comes_back_as_it_was() -> None:
    session = Session([str(_FIXTURES)], Settings(), jobs=1)
    session.run()
    kept = {path: data for path, one in session.outcomes.items() if (data := stored.written(one)) is not None}
    assert len(kept) > 50
    for path, data in kept.items():
        assert stored.outcome_of(json.loads(json.dumps(data))) == session.outcomes[path]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["span", "fix", "x", "code"]), inner),
)


@given(_JSON)
def test_what_was_not_written_is_no_outcome(data: object) -> None:
    try:
        outcome = stored.outcome_of(data)
    except ValueError:
        return
    assert stored.written(outcome) == [list(group) for group in data]  # type: ignore[attr-defined]


@pytest.mark.parametrize("change", ["value", "new", "gone", "touched", "settings", "outside"])
def test_every_change_is_seen(project: Path, change: str) -> None:
    paths = ["."] if change != "outside" else [*(f"plain_{number}.py" for number in range(50)), "uses.py"]
    _said(project, *paths)
    if change in ("value", "outside"):
        (project / "values.py").write_text("TOKEN = None\n")
    elif change == "new":
        (project / "more.py").write_text(leaky())
    elif change == "gone":
        (project / "values.py").unlink()
    elif change == "touched":
        (project / "plain_3.py").write_text(leaky())
    else:
        (project / "pyproject.toml").write_text('[tool.modal-lint]\nignore = ["MS102"]\n')
    assert _said(project, *paths) == _said(project, "--no-cache", *paths)


def test_a_damaged_cache_is_as_good_as_none(project: Path) -> None:
    first = _said(project, ".")
    cache = project.parent / "cache"
    (file,) = cache.iterdir()
    for content in (b"", b"[]", b"{", b'{"format": 2, "run": 3, "told": {}, "silent": "x"}', b"\xff\xfe"):
        file.write_bytes(content)
        assert _said(project, ".") == first
    shutil.rmtree(cache)
    cache.write_text("in the way")
    assert _said(project, ".") == first


def test_the_cache_is_private_and_holds_no_value(project: Path) -> None:
    _said(project, ".")
    cache = project.parent / "cache"
    (file,) = cache.iterdir()
    assert cache.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600
    assert make("openai", 1) not in file.read_text()
    assert "sk-" not in file.read_text()


def test_nothing_is_kept_if_that_is_not_wanted(project: Path) -> None:
    _said(project, "--no-cache", ".")
    assert not (project.parent / "cache").exists()
