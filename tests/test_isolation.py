"""What a container has for itself where bubblewrap works, and what is said where it does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from boxes import PYTHON, Boxes, eventually
from modal_lint_runtime.errors import ModalError, UnsupportedError
from modal_lint_runtime.isolation import PLAIN, Isolation, detect
from modal_lint_runtime.processes import ContainerSpec, run_step, start

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNTIME = str(Path(__file__).resolve().parent.parent / "runtime")

FOUND = detect()

wrapped = pytest.mark.skipif(FOUND.kind == "none", reason=f"no bubblewrap: {FOUND.reason}")
layered = pytest.mark.skipif(not FOUND.filesystem, reason=f"no private file system: {FOUND}")
as_root = pytest.mark.skipif(not FOUND.filesystem or os.geteuid() != 0, reason=f"needs root and overlays: {FOUND}")


@pytest.fixture
def boxes(tmp_path: Path) -> Iterator[Boxes]:
    made = Boxes(tmp_path, FOUND)
    yield made
    made.close()


def _detected_by(path: str) -> str:
    program = "from modal_lint_runtime.isolation import detect; print(detect())"
    env = {"PATH": path, "PYTHONPATH": RUNTIME}
    return subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True).stdout


def test_a_machine_without_bubblewrap_says_so(tmp_path: Path) -> None:
    assert _detected_by(str(tmp_path)) == "none (private: nothing): bubblewrap is not installed\n" or (
        sys.platform != "linux"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is for Linux")
def test_a_bubblewrap_that_is_not_allowed_says_so(tmp_path: Path) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n")
    fake.chmod(0o755)
    # The program that starts it searches the container's PATH, in which the directory of this Python is first.
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    program = "from modal_lint_runtime.isolation import detect; print(detect())"
    env = {"PATH": str(tmp_path), "PYTHONPATH": RUNTIME, "PYTHONHOME": sys.base_prefix}
    done = subprocess.run([python, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("none (private: nothing): ")
    assert "uid map: Permission denied" in done.stdout


def test_plain_processes_refuse_what_they_cannot_do(tmp_path: Path) -> None:
    common: dict[str, Any] = {"id": "x", "args": ("true",), "env": {}, "scratch": tmp_path / "scratch"}
    with pytest.raises(UnsupportedError, match="network"):
        start(ContainerSpec(**common, network=False), PLAIN)
    with pytest.raises(UnsupportedError, match="layers"):
        start(ContainerSpec(**common, layers=(tmp_path,)), PLAIN)
    with pytest.raises(UnsupportedError, match="build step"):
        run_step(["true"], {}, None, [], tmp_path / "upper", print, isolation=PLAIN)
    assert list(tmp_path.iterdir()) == []


def test_a_build_step_on_the_host_itself(tmp_path: Path) -> None:
    output = bytearray()
    command = ["sh", "-c", "echo $A; echo err >&2; pwd; exit 3"]
    upper = tmp_path / "upper"
    arguments: Any = (command, {"A": "1"}, str(tmp_path), [], upper, output.extend)
    assert run_step(*arguments, isolation=PLAIN, allow_host=True) == 3
    assert output.decode().splitlines() == ["1", "err", str(tmp_path)]
    assert list(tmp_path.iterdir()) == []


@wrapped
def test_processes_of_the_machine_are_not_seen(boxes: Boxes) -> None:
    box = boxes("sh", "-c", "ls /proc | grep -c '^[0-9]'; sleep 60")
    assert int(next(box.main.stdout.lines(20))) <= 5
    assert (box.main.pid or 99) <= 5
    process = box.exec(["sh", "-c", "tr '\\0' ' ' < /proc/1/environ"])
    assert process.wait(20) == 0
    assert "PYTEST" not in process.stdout.read_text()


@wrapped
def test_no_network(boxes: Boxes) -> None:
    box = boxes.python("import socket; print(len(socket.if_nameindex()))", network=False)
    assert box.main.stdout.read_text(20) == "1\n"
    assert (box.isolation.network, boxes().isolation.network) == (False, True)


@wrapped
def test_only_the_host_is_to_be_read_without_overlays(tmp_path: Path) -> None:
    boxes = Boxes(tmp_path, Isolation("bubblewrap", filesystem=False, pids=True))
    canary = tmp_path / "canary"
    box = boxes("sh", "-c", f"touch {canary} /etc/canary; touch /tmp/own ~/own ./own; ls -a /tmp; echo $$; ls /etc")
    assert box.wait(20) == 0
    first, *_ = box.main.stdout.read_text().split("\n")
    assert (first, canary.exists(), Path("/tmp/own").exists()) == (".", False, False)
    assert box.main.stderr.read_text() == "touch: cannot touch '/etc/canary': Read-only file system\n"
    assert boxes(PYTHON, "-c", "print(1)").main.stdout.read_text(20) == "1\n"
    boxes.close()
    assert list(tmp_path.iterdir()) == []


@layered
def test_writes_stay_in_the_container(boxes: Boxes) -> None:
    box = boxes(
        "sh", "-c", "echo x > /etc/canary-of-a-test; rm /etc/passwd; mkdir /new; ls -d /new /etc/canary*; read x"
    )
    lines = box.main.stdout.lines(20)
    assert [next(lines), next(lines)] == ["/etc/canary-of-a-test\n", "/new\n"]
    assert box.exec(["cat", "/etc/canary-of-a-test"]).stdout.read_text(20) == "x\n"
    assert not Path("/etc/canary-of-a-test").exists()
    assert not Path("/new").exists()
    assert boxes("ls", "/etc/canary-of-a-test").wait(20) != 0
    assert boxes("ls", "/etc/passwd").wait(20) == 0


@layered
def test_homes_and_temporary_files_of_the_machine_are_not_seen(boxes: Boxes) -> None:
    (boxes.root / "of-the-host").write_text("secret")
    box = boxes(
        "sh", "-c", f"cat {boxes.root}/of-the-host; ls -A /home /run /var/tmp; stat -c %a /tmp ~; echo x > /tmp/x"
    )
    assert box.wait(20) == 0
    assert box.main.stdout.read_text().split()[-2:] == ["1777", "700"]
    assert "secret" not in box.main.stdout.read_text()
    hidden = boxes("ls", "-A", "/opt", hidden=(Path("/opt"),))
    assert (hidden.wait(20), hidden.main.stdout.read_text()) == (0, "")
    (boxes.root / "shown").mkdir()
    (boxes.root / "shown" / "file").write_text("seen")
    shown = boxes("sh", "-c", f"cat {boxes.root}/shown/file; ls {boxes.root}", visible=(boxes.root / "shown",))
    assert shown.main.stdout.read_text(20) == "seenshown\n"


@layered
def test_python_and_pip_are_there(boxes: Boxes) -> None:
    box = boxes("sh", "-c", "python3 -c 'import sys; print(sys.version_info[:2])'; python3 -m pip --version")
    assert (box.wait(60), box.main.stdout.read_text().splitlines()[0]) == (0, str(sys.version_info[:2]))


@layered
def test_names_can_be_resolved_as_outside(boxes: Boxes) -> None:
    resolver = Path("/etc/resolv.conf")
    expected = resolver.read_text() if resolver.exists() else ""
    assert boxes("cat", str(resolver)).main.stdout.read_text(20) == expected


@layered
def test_steps_build_layers(tmp_path: Path) -> None:
    uppers = [tmp_path / name for name in ("one", "two", "three")]
    steps = [
        "mkdir -p /opt/app && echo 1 > /opt/app/a && echo 1 > /opt/app/b && rm /etc/passwd; echo built",
        "rm /opt/app/a && echo 2 > /opt/app/b && echo err >&2",
        "rm -r /opt/app && mkdir /opt/app && touch /opt/app/c /srv/d && chown 7:8 /srv/d",
    ]
    outputs = []
    for number, step in enumerate(steps):
        uppers[number].mkdir()
        output = bytearray()
        assert run_step(["sh", "-c", step], {}, "/srv", uppers[:number], uppers[number], output.extend) == 0
        outputs.append(bytes(output))
    assert outputs == [b"built\n", b"err\n", b""]
    boxes = Boxes(tmp_path / "boxes", FOUND)
    look = "cd /opt/app; ls; cat a b; ls /etc/passwd; stat -c %u:%g /srv/d"
    shown = [boxes("sh", "-c", look, layers=tuple(uppers[: count + 1])).main.stdout.read_text(20) for count in range(3)]
    boxes.close()
    assert [text.split()[:4] for text in shown[:2]] == [["a", "b", "1", "1"], ["b", "2"]]
    assert shown[2].split()[0] == "c"
    assert not Path("/opt/app").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["boxes", "one", "three", "two"]


@layered
def test_a_failed_or_late_step(tmp_path: Path) -> None:
    upper = tmp_path / "upper"
    upper.mkdir()
    output = bytearray()
    assert run_step(["sh", "-c", "echo half > /srv/x; exit 9"], {}, None, [], upper, output.extend) == 9
    assert run_step(["sleep", "60"], {}, None, [], upper, output.extend, 0.3) == 124
    assert run_step(["no-such"], {}, None, [], upper, output.extend, network=False) == 127
    assert output == b"no-such: command not found\n"
    assert [path.name for path in tmp_path.iterdir()] == ["upper"]


@layered
def test_paths_that_mount_options_cannot_hold(tmp_path: Path) -> None:
    layers = []
    for number in range(60):
        layer = tmp_path / f"a:b,c\\d e{'x' * 100}{number}"
        (layer / "srv").mkdir(parents=True)
        (layer / "srv" / str(number)).write_text("")
        layers.append(layer)
    boxes = Boxes(tmp_path / "box:es,", FOUND)
    names = boxes("ls", "/srv", layers=tuple(layers)).main.stdout.read_text(20).split()
    assert set(map(str, range(60))) <= set(names)
    boxes.close()


@layered
def test_a_layer_that_is_not_there(boxes: Boxes, tmp_path: Path) -> None:
    with pytest.raises(ModalError, match=r"did not start.*no-layer"):
        boxes("true", layers=(tmp_path / "no-layer",))
    assert eventually(lambda: not list(tmp_path.iterdir()))


@as_root
def test_root_in_a_container_is_not_root_of_the_machine(boxes: Boxes) -> None:
    commands = [
        "mount -t tmpfs none /srv",
        "mknod /dev/canary b 8 0",
        "mount -o remount,rw /sys",
    ]
    box = boxes("sh", "-c", "; ".join(f"{command} && echo {index}" for index, command in enumerate(commands)))
    box.wait(20)
    assert box.main.stdout.read_text() == ""
    assert boxes("sh", "-c", "touch /srv/x; chown 7:8 /srv/x; chmod 4755 /srv/x; stat -c %u /srv/x").wait(20) == 0


ON_AN_OVERLAY = """
import os, shutil, subprocess, sys
from pathlib import Path
from modal_lint_runtime.processes import *
from modal_lint_runtime.errors import ModalError
from modal_lint_runtime.isolation import detect
root = Path(sys.argv[1])
lower, upper, work, place = (root / name for name in ("lower", "upper", "work", "place"))
for directory in (lower, upper, work, place):
    directory.mkdir()
options = f"lowerdir={lower},upperdir={upper},workdir={work}"
subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(place)], check=True)
first, second = place / "first", place / "second"
for directory in (first, second):
    directory.mkdir()
output = bytearray()
step = "mkdir /opt/one; echo 1 > /opt/one/a"
assert run_step(["sh", "-c", step], {}, None, [], first, output.extend, isolation=detect()) == 0, output
step = "cat /opt/one/a; echo 2 > /opt/one/b"
assert run_step(["sh", "-c", step], {}, None, [first], second, output.extend, isolation=detect()) == 0, output
spec = ContainerSpec(id="x", args=("ls", "/opt/one"), env={}, layers=(first, second), scratch=place / "scratch")
with start(spec, detect()) as box:
    box.wait(20)
third = place / "third"
third.mkdir()
try:
    run_step(["rm", "/etc/passwd"], {}, None, [], third, output.extend, isolation=detect())
except ModalError as error:
    print(error)
shutil.rmtree(third)
print(output.decode().splitlines(), box.main.stdout.read_text().split(), sorted(os.listdir(place)))
"""


@as_root
def test_where_the_disk_cannot_carry_an_overlay(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": RUNTIME}
    command = ["unshare", "-m", sys.executable, "-c", ON_AN_OVERLAY, str(tmp_path)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    refused, shown = done.stdout.splitlines()
    assert "an overlay cannot hold what was deleted from another one" in refused
    assert (shown, done.stderr) == ("['1'] ['a', 'b'] ['first', 'second']", "")


AS_A_USER = """
import sys
from pathlib import Path
from modal_lint_runtime.processes import *
from modal_lint_runtime.isolation import detect
if not detect().filesystem:
    sys.exit(f"skip: {detect()}")
root = Path(sys.argv[1])
first, second = root / "first", root / "second"
for directory in (first, second):
    directory.mkdir()
output = bytearray()
step = "id -u; echo 1 > /opt/one; rm /etc/passwd; mkdir -p /app /var/tmp/x; echo 1 > /root/file; echo ok"
assert run_step(["sh", "-c", step], {}, "/srv/there", [], first, output.extend) == 0, output
step = "cat /opt/one /root/file; ls /etc/passwd; ls /home; rm /opt/one; echo ok; sleep 0.1"
assert run_step(["sh", "-c", step], {}, None, [first], second, output.extend, network=False) == 0, output
spec = ContainerSpec(
    id="x", args=("sh", "-c", "ls -d /opt/one /app"), env={}, layers=(first, second), scratch=root / "scratch"
)
with start(spec, detect()) as box:
    box.wait(20)
print(output.decode().replace("\\n", " "), box.main.stdout.read_text().strip())
print(*sorted(path.name for path in root.iterdir()), *sorted(path.name for path in first.iterdir()))
"""


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="becomes another user")
def test_a_user_who_is_not_root() -> None:
    python = shutil.which("python3", path="/usr/local/bin:/usr/bin")
    if python is None or shutil.which("setpriv") is None:
        pytest.skip("no Python that every user may run, or no setpriv")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        place = Path(directory)
        shutil.copytree(RUNTIME, place / "runtime", ignore=shutil.ignore_patterns("__pycache__"))
        (place / "own").mkdir()
        shutil.chown(place / "own", 65534, 65534)
        subprocess.run(["chmod", "-R", "a+rX", str(place)], check=True)
        command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", python, "-B", "-c", AS_A_USER]
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(place / "runtime"), "HOME": "/nonexistent"}
        done = subprocess.run([*command, str(place / "own")], env=env, capture_output=True, text=True, check=False)
    if done.stderr.startswith("skip: "):
        pytest.skip(done.stderr)
    assert done.stderr == ""
    shown, left = done.stdout.splitlines()
    assert shown == "0 ok 1 1 ls: cannot access '/etc/passwd': No such file or directory ok  /app"
    assert left == "first second app etc opt root srv var"
