"""Containers and their processes, in every isolation that this machine has."""

from __future__ import annotations

import ast
import contextlib
import errno
import hashlib
import os
import resource
import secrets
import signal
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from boxes import PROC, PYTHON, Boxes, children, descriptors, eventually, modes, running
from modal_lint_runtime.errors import InvalidError, ModalError, ResourceExhaustedError, SandboxTerminatedError
from modal_lint_runtime.isolation import PLAIN, Isolation, search_path
from modal_lint_runtime.output import Output
from modal_lint_runtime.processes import ContainerSpec, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint_runtime.processes import Process

RUNTIME = str(Path(__file__).resolve().parent.parent / "runtime")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="containers need Linux or macOS")
needs_proc = pytest.mark.skipif(not PROC.is_dir(), reason="looks at processes in /proc")

DAEMON = """
import os, sys
if os.fork() == 0:
    os.setsid()
    os.closerange(0, 3)
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", sys.argv[1]])
    os._exit(0)
os.wait()
"""
"""Leaves a process behind that has another session and has lost its parent."""


@pytest.fixture(params=modes(), ids=lambda isolation: isolation.kind)
def boxes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Boxes]:
    made = Boxes(tmp_path, request.param)
    yield made
    made.close()


def _a_second() -> str:
    """A duration for sleep that no other process has."""
    return f"1{secrets.randbelow(10**9):09}"


def test_the_environment_is_made_from_scratch(boxes: Boxes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THE_HOST", "1")
    box = boxes.python("import os; print(dict(os.environ))", env={"NAME": "wörth\n=1", "LANG": "C"})
    assert box.wait(20) == 0
    env = ast.literal_eval(box.main.stdout.read_text())
    env.pop("LC_CTYPE", None)  # Python's own, for LANG=C
    home = env.pop("HOME")
    assert env == {"PATH": search_path(), "LANG": "C", "NAME": "wörth\n=1"}
    assert home != os.path.expanduser("~") or boxes.isolation.filesystem


def test_an_exec_has_the_containers_environment_and_its_own_over_it(boxes: Boxes) -> None:
    box = boxes(env={"A": "container", "B": "container"})
    process = box.exec(["sh", "-c", 'echo "$A $B $C"'], env={"B": "exec", "C": "exec"})
    assert (process.wait(20), process.stdout.read_text()) == (0, "container exec exec\n")
    assert box.exec(["sh", "-c", 'echo "$A $B $C"']).stdout.read_text(20) == "container container \n"


def test_an_exec_sees_the_containers_files_and_processes(boxes: Boxes) -> None:
    box = boxes("sh", "-c", "echo made > here; echo ready; exec sleep 60")
    assert next(box.main.stdout.lines()) == "ready\n"
    process = box.exec(["sh", "-c", f"cat here; kill -0 {box.main.pid} && echo there"])
    assert (process.wait(20), process.stdout.read_text()) == (0, "made\nthere\n")


def test_the_first_working_directory_is_the_home(boxes: Boxes) -> None:
    box = boxes("sh", "-c", '[ "$(pwd)" = "$HOME" ] && ls -A | grep -v -e .pyenv')
    assert (box.wait(20), box.main.stdout.read_text()) == (1, "")


@pytest.mark.parametrize("workdir", ["sub/directory", "/not-there-on-any-machine/deep"])
def test_a_missing_working_directory_is_made(boxes: Boxes, workdir: str) -> None:
    box = boxes("pwd", workdir=workdir)
    assert (box.wait(20), box.main.stdout.read_text().endswith(f"/{workdir.lstrip('/')}\n")) == (0, True)
    assert not Path("/not-there-on-any-machine").exists()
    assert box.poll() == 0


def test_a_working_directory_that_exists(boxes: Boxes) -> None:
    assert boxes("pwd", workdir="/usr").main.stdout.read_text(20) == "/usr\n"
    assert boxes().exec(["pwd"], workdir="/etc").stdout.read_text(20) == "/etc\n"


def test_output_comes_while_the_process_runs(boxes: Boxes) -> None:
    box = boxes("sh", "-c", "echo first; read line; echo $line >&2; sleep 60")
    assert box.main.stdout.read(0, 20) == b"first\n"
    box.main.write_stdin(b"second\n")
    assert box.main.stderr.read(0, 20) == b"second\n"
    assert box.main.stdout.read(6, 0) == b""
    assert not box.main.stdout.closed
    assert box.poll() is None


def test_much_output_on_both_streams_does_not_stall(boxes: Boxes) -> None:
    program = """
import os, threading
piece = bytes(range(256)) * 4096
def fill(descriptor):
    with open(descriptor, "wb") as file:
        for _ in range(25):
            file.write(piece)
threading.Thread(target=fill, args=[2]).start()
fill(1)
"""
    box = boxes.python(program)
    assert box.wait(60) == 0
    expected = hashlib.sha256(bytes(range(256)) * 4096 * 25).digest()
    for output in (box.main.stdout, box.main.stderr):
        assert len(output) == 25 << 20
        assert hashlib.sha256(output.read_all()).digest() == expected


def test_bytes_that_are_no_text(boxes: Boxes) -> None:
    box = boxes("printf", r"a\000\377\376b\303")
    assert box.main.stdout.read_all(20) == b"a\0\xff\xfeb\xc3"
    assert box.main.stdout.read_text() == "a\0��b�"


def test_standard_input(boxes: Boxes) -> None:
    box = boxes("cat")
    data = os.urandom(1 << 20) * 8
    for start_ in range(0, len(data), 100_000):
        box.main.write_stdin(data[start_ : start_ + 100_000])
    assert box.poll() is None
    box.main.close_stdin()
    assert box.wait(30) == 0
    assert box.main.stdout.read_all() == data
    with pytest.raises(BrokenPipeError):
        box.main.write_stdin(b"more")


def test_a_process_that_does_not_read_stalls_nobody(boxes: Boxes) -> None:
    box = boxes("sleep", "60")
    box.main.write_stdin(b"x" * (8 << 20))
    process = box.exec(["echo", "fine"])
    assert process.stdout.read_text(20) == "fine\n"
    writer = threading.Thread(target=_write_until_it_breaks, args=[box.main])
    writer.start()
    box.terminate()
    writer.join(20)
    assert not writer.is_alive()


def _write_until_it_breaks(process: Process) -> None:
    with contextlib.suppress(BrokenPipeError):
        while True:
            process.write_stdin(b"x" * (8 << 20))


@pytest.mark.parametrize(
    ("command", "code"),
    [("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -TERM $$", 143), ("kill -KILL $$", 137)],
)
def test_exit_codes(boxes: Boxes, command: str, code: int) -> None:
    box = boxes("sh", "-c", f"read go; {command}")
    process = box.exec(["sh", "-c", command])
    assert process.wait(20) == process.poll() == code
    box.main.write_stdin(b"go\n")
    assert box.wait(20) == box.poll() == box.terminate() == code


@needs_proc
def test_no_signal_is_ignored_or_blocked(boxes: Boxes) -> None:
    box = boxes("grep", "-E", "SigIgn|SigBlk", "/proc/self/status")
    masks = [int(line.split()[1], 16) for line in box.main.stdout.lines(20)]
    # Python ignores SIGPIPE, which a child would inherit. 32 and 33 belong to the C library.
    assert [mask & 0x7FFFFFFF for mask in masks] == [0, 0]


def test_termination(boxes: Boxes) -> None:
    box = boxes("sleep", "60")
    process = box.exec(["sleep", "60"])
    began = time.monotonic()
    assert box.terminate() == 137
    assert time.monotonic() - began < 10
    assert (box.poll(), process.wait(5), box.timed_out) == (137, 137, False)
    assert box.terminate() == 137


def test_an_idle_container_lives_until_it_is_terminated(boxes: Boxes) -> None:
    box = boxes()
    with pytest.raises(TimeoutError):
        box.wait(0.2)
    assert box.terminate() == 137
    assert box.main.stdout.read_all(1) == b""


def test_timeouts(boxes: Boxes) -> None:
    began = time.monotonic()
    box = boxes("sleep", "60", timeout=0.6)
    process = box.exec(["sh", "-c", "sleep 60 & sleep 60"], timeout=0.2)
    assert (process.wait(20), process.timed_out, box.poll()) == (124, True, None)
    assert (box.wait(20), box.timed_out) == (124, True)
    assert 0.6 <= time.monotonic() - began < 15
    assert boxes(timeout=0.1).wait(20) == 124
    fast = boxes("true", timeout=30)
    assert (fast.wait(20), fast.timed_out) == (0, False)


def test_a_timeout_ends_descendants_too(boxes: Boxes) -> None:
    second = _a_second()
    process = boxes().exec(["sh", "-c", f"sh -c 'sleep {second}; true' & wait"], timeout=0.3)
    assert process.wait(20) == 124
    assert eventually(lambda: not running(second))


def test_signals_to_a_process(boxes: Boxes) -> None:
    box = boxes()
    process = box.exec(["sh", "-c", "trap 'echo caught; exit 5' USR1; echo ready; while :; do sleep 0.05; done"])
    assert process.stdout.read(0, 20) == b"ready\n"
    process.kill(signal.SIGUSR1)
    assert (process.wait(20), process.stdout.read_text()) == (5, "ready\ncaught\n")
    other = box.exec(["sleep", "60"])
    other.kill()
    assert other.wait(20) == 137
    other.kill()
    assert box.poll() is None


def test_commands_that_cannot_be_run(boxes: Boxes) -> None:
    box = boxes("no-such-command", "--argument")
    assert (box.wait(20), box.main.stderr.read_text()) == (127, "no-such-command: command not found\n")
    idle = boxes()
    process = idle.exec(["/etc"])
    assert (process.wait(20), process.stderr.read_text()) == (126, "/etc: Permission denied\n")
    process = idle.exec(["true"], workdir="/etc/passwd")
    assert process.wait(20) == 126
    assert process.stderr.read_text().startswith("cannot enter /etc/passwd")


@pytest.mark.parametrize(
    "arguments",
    [
        {"args": []},
        {"args": "echo"},
        {"args": None},
        {"args": ["echo", 1]},
        {"args": ["echo", "a\0b"]},
        {"args": ["echo", "\ud800"]},
        {"args": ["true"], "env": {"A": 1}},
        {"args": ["true"], "env": {"A=B": "x"}},
        {"args": ["true"], "env": {"": "x"}},
        {"args": ["true"], "env": "A=1"},
        {"args": ["true"], "env": ["A"]},
        {"args": ["true"], "env": {1: "x"}},
        {"args": ["true"], "env": {"A": "canary\0"}},
        {"args": ["true"], "env": {"A": "canary\ud800"}},
        {"args": ["true"], "timeout": 0},
        {"args": ["true"], "timeout": -1.0},
        {"args": ["true"], "timeout": float("nan")},
        {"args": ["true"], "timeout": "1"},
        {"args": ["true"], "workdir": "a\0"},
        {"args": ["true"], "workdir": 3},
    ],
)
def test_arguments_that_no_process_can_have(tmp_path: Path, arguments: dict[str, Any]) -> None:
    boxes = Boxes(tmp_path, PLAIN)
    box = boxes()
    with pytest.raises(InvalidError, match=r"args|env|timeout|workdir") as raised:
        box.exec(**arguments)
    assert "canary" not in str(raised.value)
    assert raised.value.__cause__ is None
    boxes.close()


def test_too_many_arguments(boxes: Boxes) -> None:
    process = boxes().exec(["true", "x" * (5 << 20)])
    assert (process.wait(20), process.stderr.read_text()) == (126, "true: Argument list too long\n")


def test_no_exec_after_the_end(boxes: Boxes) -> None:
    box = boxes("true")
    box.wait(20)
    box.close()
    with pytest.raises(SandboxTerminatedError):
        box.exec(["true"])
    box.close()


def test_a_terminal(boxes: Boxes) -> None:
    process = boxes().exec(["sh", "-c", "test -t 0 && test -t 2 && read line && echo got $line >&2"], pty=True)
    process.write_stdin(b"hello\n")
    assert process.wait(20) == 0
    assert process.stdout.read_text().endswith("got hello\r\n")
    assert process.stderr.read_all(1) == b""


def test_something_left_behind_does_not_hold_up_the_end(boxes: Boxes) -> None:
    process = boxes().exec(["sh", "-c", "sleep 60 & echo done"])
    began = time.monotonic()
    assert process.wait(20) == 0
    assert time.monotonic() - began < 6
    assert process.stdout.read_text(1) == "done\n"


@needs_proc
@pytest.mark.parametrize("how", ["exit", "terminate", "timeout", "close"])
def test_daemons_go_with_the_container(boxes: Boxes, how: str) -> None:
    second = _a_second()
    box = boxes("sh", "-c", "read line", timeout=2.0 if how == "timeout" else None)
    assert box.exec([PYTHON, "-c", DAEMON, second]).wait(20) == 0
    assert eventually(lambda: running(second))
    if how == "exit":
        box.main.close_stdin()
    elif how == "terminate":
        box.terminate()
    elif how == "close":
        box.close()
    box.wait(20)
    assert not running(second)


CLIENT = """
import os, sys, time
from pathlib import Path
from modal_lint_runtime.processes import *
from modal_lint_runtime.isolation import PLAIN, detect
spec = ContainerSpec(id="victim", args=("sleep", sys.argv[2]), env={}, scratch=Path(sys.argv[3]))
box = start(spec, PLAIN if sys.argv[1] == "none" else detect())
assert box.exec(["python3", "-c", sys.argv[4], sys.argv[2]]).wait(30) == 0
if os.fork() == 0:
    time.sleep(60)
print("ready", flush=True)
time.sleep(60)
"""


@needs_proc
def test_nothing_survives_a_killed_client(boxes: Boxes) -> None:
    second, scratch = _a_second(), boxes.root / "scratch"
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, boxes.isolation.kind, second, str(scratch), DAEMON],
        env={**os.environ, "PYTHONPATH": RUNTIME},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert client.stdout is not None
    try:
        assert client.stdout.readline() == b"ready\n"
        assert len(running(second)) >= 2 + 1  # the client has it among its arguments
        client.kill()
        client.wait()
        # The client's forked child still holds its end of the socket, and has the argument too.
        assert eventually(lambda: len(running(second)) <= 1)
        assert eventually(lambda: not scratch.exists())
    finally:
        os.killpg(client.pid, signal.SIGKILL)
        client.stdout.close()


@needs_proc
def test_a_killed_warden_ends_the_container(boxes: Boxes) -> None:
    second = _a_second()
    box = boxes("sleep", second)
    assert eventually(lambda: running(second))
    os.kill(box._warden.pid, signal.SIGKILL)
    assert box.wait(20) == 137
    assert eventually(lambda: not running(second))
    box.close()
    assert not (boxes.root / "box-0").exists()


def test_a_stopped_process_ends_too(boxes: Boxes) -> None:
    box = boxes("sh", "-c", "kill -STOP $$")
    time.sleep(0.2)
    assert box.poll() is None
    assert box.terminate() == 137


@needs_proc
def test_no_value_is_an_argument_or_a_file(boxes: Boxes) -> None:
    value = f"canary-{secrets.token_hex(16)}"
    box = boxes("sleep", "60", env={"TOKEN": value})
    process = box.exec(["sleep", "60"], env={"OTHER": f"{value}-2"})
    lines = [path.read_bytes() for path in PROC.glob("[0-9]*/cmdline") if path.exists()]
    assert not [line for line in lines if value.encode() in line]
    found = subprocess.run(["grep", "-rl", value, str(boxes.root)], capture_output=True, check=False)
    assert found.stdout == b""
    spec = ContainerSpec(id="x", args=("sh", value), env={"TOKEN": value}, scratch=boxes.root)
    assert value not in repr((box, process, process.stdout, spec, box.isolation))


def test_the_scratch_directory_goes(boxes: Boxes) -> None:
    box = boxes("sh", "-c", "mkdir -p a/b; echo x > a/b/c; chmod 0 a/b a; ls")
    assert (box.wait(20), stat.S_IMODE((boxes.root / "box-0").stat().st_mode) if box.poll() is None else 0) == (0, 0)
    box.close()
    assert list(boxes.root.iterdir()) == []


def test_many_at_once_and_nothing_left(boxes: Boxes) -> None:
    boxes("true").close()
    before = descriptors(), children(), threading.active_count()

    def live(number: int) -> tuple[int, str]:
        box = boxes("sh", "-c", f"read line; echo $line; exit {number}")
        box.main.write_stdin(f"line {number}\n".encode())
        box.wait(60)
        box.close()
        return box.main.wait(), box.main.stdout.read_text()

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(live, range(32))) == [(number, f"line {number}\n") for number in range(32)]
    assert (descriptors(), children(), threading.active_count()) == before
    assert list(boxes.root.iterdir()) == []


def test_execs_at_once(boxes: Boxes) -> None:
    box = boxes()
    with ThreadPoolExecutor(8) as pool:
        processes = list(pool.map(lambda number: box.exec(["sh", "-c", f"echo {number}; exit {number}"]), range(40)))
    assert [process.wait(30) for process in processes] == list(range(40))
    assert [process.stdout.read_text() for process in processes] == [f"{number}\n" for number in range(40)]


def test_others_are_told_of_the_end(boxes: Boxes) -> None:
    told = threading.Event()
    box = boxes("sh", "-c", "read line")
    box.main.on_end(told.set)
    assert not told.is_set()
    box.main.close_stdin()
    assert told.wait(20)
    late = threading.Event()
    box.main.on_end(late.set)
    assert late.is_set()


def test_a_container_is_named_when_it_cannot_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    spec = ContainerSpec(id="x", args=("true",), env={}, scratch=tmp_path / "file" / "below")
    with pytest.raises(ModalError, match=r"container x did not start: .*: Not a directory"):
        start(spec, PLAIN)


def test_nothing_is_made_before_there_is_who_removes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[bool] = []

    def launch(spec: ContainerSpec, *_: object) -> None:
        made.append(spec.scratch.exists())  # what a client would leave that is killed now
        raise OSError(errno.EAGAIN, "too busy")

    monkeypatch.setattr("modal_lint_runtime.processes.launch", launch)
    with pytest.raises(ResourceExhaustedError, match="too busy"):
        start(ContainerSpec(id="x", args=("true",), env={}, scratch=tmp_path / "scratch"), PLAIN)
    assert made == [False]
    assert not (tmp_path / "scratch").exists()


@pytest.mark.parametrize(
    "field", [{"args": ()}, {"args": ("a\0",)}, {"env": {"A": 1}}, {"workdir": 1}, {"timeout": -1}]
)
def test_a_container_that_cannot_be_is_not_begun(tmp_path: Path, field: dict[str, Any]) -> None:
    before = descriptors(), threading.active_count()
    with pytest.raises(InvalidError, match=r"args|env|workdir|timeout"):
        start(ContainerSpec(**{"id": "x", "args": None, "env": {}, "scratch": tmp_path / "scratch", **field}), PLAIN)
    assert not (tmp_path / "scratch").exists()
    assert (descriptors(), threading.active_count()) == before


def test_no_room_for_more_descriptors(boxes: Boxes) -> None:
    box = boxes("cat")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = descriptors()
    for room in range(14):
        resource.setrlimit(resource.RLIMIT_NOFILE, (_lowest_free() + room, limits[1]))
        try:
            for begin in (lambda: box.exec(["true"]).wait(20), lambda: boxes("true").close()):
                with contextlib.suppress(ResourceExhaustedError):
                    begin()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert eventually(lambda: descriptors() == before), room
    box.main.close_stdin()
    assert box.wait(20) == 0
    box.close()
    assert list(boxes.root.iterdir()) == []


def _lowest_free() -> int:
    descriptor = os.open(os.devnull, os.O_RDONLY)
    os.close(descriptor)
    return descriptor


def test_listeners_that_fail_harm_nobody(boxes: Boxes) -> None:
    def fail() -> None:
        raise RuntimeError

    box = boxes("sh", "-c", "read line; echo $line; read line; echo $line")
    box.main.stdout.listen(fail)
    box.main.on_end(fail)
    box.main.write_stdin(b"one\n")
    assert box.main.stdout.read(0, 20) == b"one\n"
    box.main.write_stdin(b"two\n")
    assert (box.wait(20), box.main.stdout.read_text()) == (0, "one\ntwo\n")


class TestOutput:
    def test_readers_have_their_own_place(self) -> None:
        output = Output()
        output.write(b"abc")
        output.write(b"def")
        assert (output.read(0), output.read(2), output.read(2, limit=2), len(output)) == (b"abcdef", b"cdef", b"cd", 6)
        assert output.read(6, timeout=0.01) == b""
        output.close()
        output.write(b"late")
        assert (output.read(6), output.read(99), output.closed) == (b"", b"", True)

    def test_lines_and_characters_in_pieces(self) -> None:
        output = Output()
        for byte in "zwölf\nBoxkämpfer 🥊\nEnde".encode():
            output.write(bytes([byte]))
        output.close()
        assert list(output.lines()) == ["zwölf\n", "Boxkämpfer 🥊\n", "Ende"]
        assert "".join(output.text_chunks()) == output.read_text()

    def test_waiting_for_more_than_comes(self) -> None:
        output = Output()
        output.write(b"x")
        with pytest.raises(TimeoutError):
            output.read_all(0.01)
        with pytest.raises(TimeoutError):
            list(output.chunks(timeout=0.01))

    def test_only_so_much_is_kept(self) -> None:
        output = Output(limit=5)
        output.write(b"1234")
        assert not output.truncated
        output.write(b"5678")
        assert (output.read(0), output.truncated) == (b"12345", True)

    def test_what_is_forgotten_makes_room(self) -> None:
        output = Output(limit=5)
        for piece in (b"1234", b"5678", b"9"):
            output.write(piece)
            output.forget(len(output))
        assert (len(output), output.truncated, output.read(0, 0.0)) == (9, False, b"")
        output.write(b"ab")
        assert output.read(9) == output.read(0) == b"ab"
        output.write(b"cdef")
        output.forget(13)
        output.write(b"no hole in what is kept")
        assert (output.truncated, len(output), output.read(13, 0.0)) == (True, 14, b"e")
        output.close()
        assert list(output.drain()) == [b"e"]
        assert (len(output), output.read(0)) == (14, b"")

    def test_listeners(self) -> None:
        output = Output()
        calls: list[int] = []
        stop = output.listen(lambda: calls.append(len(output)))
        output.write(b"12")
        output.write(b"3")
        stop()
        output.write(b"4")
        output.listen(lambda: calls.append(-1))
        output.close()
        output.listen(lambda: calls.append(-2))()
        assert calls == [2, 3, -1, -2]


def test_isolation_says_what_it_is() -> None:
    assert str(PLAIN) == "none (private: nothing)"
    full = Isolation("bubblewrap", filesystem=True, pids=True, network=False, reason="as asked")
    assert str(full) == "bubblewrap (private: filesystem, processes, network): as asked"
