"""The run as a whole: many processes, crashes, one finding for one credential."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from lint_process import leaky
from modal_lint import engine, forked, pool, spawned, workers
from modal_lint.config import Resolver
from modal_lint.model import Finding, Rule, Severity, Span
from modal_lint.project import Project
from modal_lint.settings import Settings, UserError
from modal_lint.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from modal_lint.source import File


_FORKING = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere processes are spawned")


def _temperamental(file: File) -> Iterator[Finding]:
    if "die" in file.text:
        os._exit(9)
    if "raise" in file.text:
        raise KeyError(file.text)
    if "recurse" in file.text:
        _temperamental(file)
    if "report" in file.text:
        yield _finding(file.path, "MS101")


def _deep(file: File) -> Iterator[Finding]:
    def down(depth: int) -> int:
        return down(depth - 1) + 1 if depth else 0

    if down(20_000) and "endless" in file.text:
        down(-1)
    yield from ()


def _finding(path: str, code: str, line: int = 1, origin: tuple[str, Span] | None = None) -> Finding:
    return Finding(path, Span(line, 0, line, 1), code, "name", "message", Severity.ERROR, origin=origin)


def _rule(check: object) -> Rule:
    return Rule("MS101", "hardcoded-env", Severity.ERROR, check)  # type: ignore[arg-type]


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Thirty files that each have a finding, in the current directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PRE_COMMIT", raising=False)
    names = [f"m{number:02}.py" for number in range(30)]
    for name in names:
        (tmp_path / name).write_text("import modal  # report\n")
    return names


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the rule of this test is not importable")
def test_a_process_that_dies_costs_only_its_file(many: list[str], tmp_path: Path) -> None:
    for name in ("m03.py", "m17.py", "m29.py"):
        (tmp_path / name).write_text("import modal  # die\n")
    report = engine.run(["."], Settings(), rules=[_rule(_temperamental)], jobs=2)
    assert [failure.path for failure in report.failures] == ["m03.py", "m17.py", "m29.py"]
    assert all(failure.reason.startswith("internal error") for failure in report.failures)
    assert [finding.path for finding in report.findings] == [
        name for name in many if name[1:3] not in ("03", "17", "29")
    ]
    assert report.checked == 27


def test_an_error_in_a_rule_is_told_without_its_text(many: list[str], tmp_path: Path) -> None:
    (tmp_path / "m03.py").write_text("import modal  # raise secret-text\n")
    report = engine.run(["."], Settings(), rules=[_rule(_temperamental)], jobs=1)
    (failure,) = report.failures
    assert failure.reason.startswith("internal error (KeyError in test_engine.py:")
    assert "secret-text" not in failure.reason
    assert len(report.findings) == len(many) - 1


def test_deep_recursion_has_room_and_an_end(many: list[str], tmp_path: Path) -> None:
    limit = sys.getrecursionlimit()
    (tmp_path / "m03.py").write_text("import modal  # endless\n")
    report = engine.run(["."], Settings(), rules=[_rule(_deep)], jobs=1)
    assert [(one.path, one.reason) for one in report.failures] == [("m03.py", "nested too deeply to be analysed")]
    assert sys.getrecursionlimit() == limit
    assert report.checked == len(many) - 1


def test_few_files_and_pre_commit_start_no_process(many: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> list[object]:
        raise AssertionError("processes were started")

    monkeypatch.setattr(pool, "answers", refuse)
    rules = [_rule(_temperamental)]
    with pytest.raises(AssertionError):
        engine.run(["."], Settings(), rules=rules, jobs=2)
    assert len(engine.run(many[:5], Settings(), rules=rules, jobs=2).findings) == 5
    monkeypatch.setenv("PRE_COMMIT", "1")
    assert len(engine.run(["."], Settings(), rules=rules, jobs=2).findings) == 30


@pytest.mark.parametrize("jobs", [1, 2])
def test_progress_counts_to_the_end(many: list[str], jobs: int) -> None:
    seen: list[tuple[int, int]] = []
    engine.run(["."], Settings(), rules=[_rule(_temperamental)], jobs=jobs, progress=lambda *at: seen.append(at))
    assert seen == [(done, len(many)) for done in range(1, len(many) + 1)]


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        ("MS101 MS106", "MS106"),
        ("MS105 MS101", "MS105"),
        ("MS105 MS106", "MS106"),
        ("MS110 MS103", "MS103"),
        ("MS110", "MS110"),
        ("MS101 MS103", "MS101"),
    ],
)
def test_one_credential_is_told_by_the_first_rule_that_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codes: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    origin = ("keys.py", Span(1, 0, 1, 9))
    for number, _ in enumerate(codes.split()):
        (tmp_path / f"f{number}.py").write_text("import modal\n")

    def check(file: File) -> Iterator[Finding]:
        yield _finding(file.path, codes.split()[int(file.path[1])], origin=origin)

    report = engine.run(["."], Settings(), rules=[_rule(check)])
    assert [finding.code for finding in report.findings] == [told]


def test_files_that_do_not_concern_modal_are_counted_and_not_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain.py").write_text("print 'this is no Python 3'\n")
    report = engine.run(["."], Settings(), rules=[_rule(_temperamental)])
    assert (report.checked, report.failures) == (1, ())


def test_a_changed_file_is_looked_at_again(many: list[str], tmp_path: Path) -> None:
    session = engine.Session(["."], Settings(), rules=[_rule(_temperamental)])
    assert len(session.run().findings) == len(many)
    (tmp_path / "m03.py").write_text("import modal\n")
    assert "m03.py" not in {finding.path for finding in session.recheck(["m03.py"]).findings}
    again = session.recheck(["m04.py"], {"m04.py": b"import modal\n"})
    assert {"m03.py", "m04.py"}.isdisjoint(finding.path for finding in again.findings)
    assert len(again.findings) == len(many) - 2


@pytest.fixture
def crowd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory with 1,500 files in folders, of which every 50th has a finding, and a very large one.

    Folder by folder is another order than that of the paths: `f07-x/` comes before `f07/`, and `z.py` after all.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PRE_COMMIT", raising=False)
    for number in range(30):
        folder = tmp_path / (f"f{number:02}" if number % 5 != 1 else f"f{number + 1:02}-x")
        folder.mkdir()
        for at in range(50):
            (folder / f"m{at}.py").write_text("import modal  # report\n" if at == number else "print(1)\n")
    (tmp_path / "f07" / "large.py").write_text("#" * 300_000 + "\nimport modal  # report\n")
    (tmp_path / "z.py").write_text("import modal  # report\n")
    return tmp_path


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("jobs", [1, 2, 4])
@pytest.mark.parametrize("paths", [["."], ["z.py", ".", "f02", "f07-x"]])
def test_reading_files_while_others_are_looked_for_finds_the_same(jobs: int, paths: list[str]) -> None:
    session = engine.Session(paths, Settings(), rules=[_rule(_temperamental)], jobs=jobs)
    found = session.begin()
    assert [target.path for target in found.targets] == sorted(target.path for target in found.targets)
    report = session.run()
    assert report == engine.run(["."], Settings(), rules=[_rule(_temperamental)], jobs=1)
    assert (len(report.findings), report.checked) == (32, 1_502)
    places = [finding.path for finding in report.findings]
    assert {"f07-x/m6.py", "f07/large.py", "f07/m7.py", "z.py"} <= set(places)
    assert session.recheck(["f07/large.py"]) == report


def test_what_changes_while_others_are_looked_for_is_not_remembered_as_it_was(
    crowd: Path, tmp_path_factory: Any
) -> None:
    folder = str(tmp_path_factory.mktemp("cache"))
    session = engine.Session(["."], Settings(), jobs=2, cache_folder=folder)
    session.begin()
    time.sleep(0.1)  # more than a file system's clock may be behind
    (crowd / "f00" / "m49.py").write_text(leaky())
    session.run()
    seen = [len(engine.run(["."], Settings(), jobs=2, cache_folder=folder).findings) for _ in range(2)]
    assert seen == [1, 1]


def test_processes_that_read_ahead_end_where_a_cache_has_been_filled_meanwhile(
    crowd: Path, tmp_path_factory: Any
) -> None:
    folder = str(tmp_path_factory.mktemp("cache"))
    for path in crowd.rglob("*.py"):
        os.utime(path, (1e9, 1e9))
    time.sleep(0.1)
    session = engine.Session(["."], Settings(), jobs=2, cache_folder=folder)
    session.begin()
    first = engine.run(["."], Settings(), jobs=2, cache_folder=folder)
    assert session.run() == first
    (crowd / "f00" / "m49.py").write_text(leaky())
    assert len(session.recheck(["f00/m49.py"]).findings) == 1


def test_nothing_outside_of_the_project_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.py").write_text("import modal\n")
    home = tmp_path / "project"
    home.mkdir()
    project = Project(home)
    text = b"import modal\nfrom ..outside import x\nfrom ....etc import y\nmodal.Sandbox.create(env=x.ENV, app=y)\n"
    file = project.open(str(home / "a.py"), text)
    assert [*file.uses]
    assert file.exposures.all == []
    assert all(path == str(home) or path.startswith(f"{home}{os.sep}") for path in project.looked_at())


def test_no_process_is_left_if_the_settings_of_a_folder_are_wrong(crowd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[forked.Process] = []
    monkeypatch.setattr(workers.Worker, "hand", lambda worker, _: begun.append(worker.process))
    (crowd / "f29" / "modal-lint.toml").write_text("nonsense = 1\n")
    session = engine.Session(["."], Resolver(), jobs=2)
    with pytest.raises(UserError, match="nonsense"):
        session.begin()
    workers.see_off()
    assert begun
    assert all(process.has_ended() for process in begun)


class _Doubling:
    """Doubles a number; some kill the process."""

    def perform(self, task: int) -> int:
        if task % 200 == 7:
            os._exit(9)
        return 2 * task

    def crashed(self, task: int) -> int:
        return -task

    def finish(self) -> str:
        return "done"


_DOUBLED = [-task if task % 200 == 7 else 2 * task for task in range(900)]


@pytest.mark.parametrize("together", [0, 20])
def test_a_crash_costs_one_task_also_of_those_handed_out_at_once(together: int) -> None:
    done, told = pool.answers(_Doubling(), [1] * 900, 2, together=together)
    assert done == dict(enumerate(_DOUBLED))
    assert told == ["done", "done"]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[forked.Process]:
    """The processes that a test forks."""
    processes: list[forked.Process] = []

    class Noted(forked.Process):
        def __init__(self, serve: Callable[[Any, Any], None], work: object) -> None:
            super().__init__(serve, work)
            processes.append(self)

    monkeypatch.setattr(workers, "Process", Noted)
    return processes


@_FORKING
def test_an_interruption_in_the_middle_of_an_answer_ends_all_processes(
    monkeypatch: pytest.MonkeyPatch, begun: list[forked.Process]
) -> None:
    read, calls = forked.Pipe._read, iter(range(1_000))

    def interrupted(pipe: forked.Pipe, size: int) -> bytearray:
        if os.getpid() == parent and next(calls) == 3:
            raise KeyboardInterrupt
        return read(pipe, size)

    parent = os.getpid()
    monkeypatch.setattr(forked.Pipe, "_read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pool.answers(_Doubling(), [1] * 50, 2)
    workers.see_off()
    assert len(begun) == 2
    assert all(process.has_ended() for process in begun)


@_FORKING
@pytest.mark.parametrize("start", [lambda: pool.answers(_Doubling(), [1] * 60, 4), lambda: Stream(_Doubling(), 5)])
def test_where_no_more_processes_can_be_had_those_that_began_end(
    monkeypatch: pytest.MonkeyPatch, begun: list[forked.Process], start: Callable[[], object]
) -> None:
    fork, calls = os.fork, iter(range(4))

    def scarce() -> int:
        if next(calls) == 2:
            raise BlockingIOError
        return fork()

    monkeypatch.setattr(os, "fork", scarce)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(BlockingIOError):
        start()
    workers.see_off()
    assert len(begun) == 2
    assert all(process.has_ended() for process in begun)
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_where_memory_is_scarce_nothing_but_time_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_LARGE", 1 << 60)
    done, _ = pool.answers(_Doubling(), [1] * 20, 2)
    assert done == dict(enumerate(_DOUBLED[:20]))


def test_where_forking_is_not_safe_processes_are_spawned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "Process", spawned.Process)
    monkeypatch.setattr(workers, "wait", spawned.wait)
    done, told = pool.answers(_Doubling(), [1] * 20, 2)
    workers.see_off()
    assert done == dict(enumerate(_DOUBLED[:20]))
    assert told == ["done", "done"]


class _Fleeting(_Doubling):
    """Doubles a number; some kill any process but the first."""

    def __init__(self) -> None:
        self.process = os.getpid()

    def perform(self, task: int) -> int:
        return 2 * task if os.getpid() == self.process else super().perform(task)


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_a_stream_answers_in_order_whatever_its_processes_die_at(jobs: int) -> None:
    numbers: Stream[int, int] = Stream(_Fleeting(), jobs)
    seen: list[int] = []
    for number in range(900):
        numbers.offer(number)
    assert numbers.answers(seen.append) == [2 * number for number in range(900)]
    assert sorted(seen) == [*range(0, 1800, 2)]


class _Verbose:
    """Answers at length."""

    def perform(self, task: str) -> str:
        return task * 2

    def finish(self) -> None:
        return None


def test_a_stream_that_sends_and_receives_more_than_a_pipe_holds_never_stands_still() -> None:
    texts: Stream[str, str] = Stream(_Verbose(), 2)
    tasks = [f"{number:9}" * 1_000 for number in range(400)]
    for task in tasks:
        texts.offer(task)
    assert texts.answers() == [task * 2 for task in tasks]


def test_a_stream_that_nothing_is_offered_to_ends() -> None:
    assert Stream(_Doubling(), 2).answers() == []
