"""Load and faults of the runtime's workspace: many Secrets, many processes, and processes killed while they write.

    python bench/runtime_store.py [--secrets 10000] [--lookups 1000] [--processes 8] [--kills 200] [--starts 50]

Prints a JSON object with what was measured (times in seconds). Ends with 1, and says what, when something acknowledged
was lost, something half written was seen, or a file was left.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from modal_lint_runtime.errors import AlreadyExistsError, NotFoundError
from modal_lint_runtime.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS = tuple(f"KEY_{number}" for number in range(5))
KEPT_FILES = {"workspace.db", "workspace.db-wal", "workspace.db-shm", "workspace.key", "workspace.lock"}
State = dict[str, int]  # the generation of each Secret that exists


class LostError(Exception):
    """The workspace is not what it must be."""


def values(name: str, generation: int) -> dict[str, str]:
    """The entries of one generation: a mixture of two generations is seen at once."""
    return {key: f"{name}/{key}/{generation}" for key in KEYS}


def main() -> int:
    """Run what the command line asks for; the exit status."""
    options = _options()
    os.environ.setdefault("MODAL_LINT_RUNTIME_KEYRING", "0")
    measured: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as directory:
        try:
            for name, run in _runs(options).items():
                began = time.perf_counter()
                measured[name] = {**run(Path(directory) / name), "took": round(time.perf_counter() - began, 2)}
        except LostError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
    print(json.dumps(measured, indent=2))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--secrets", type=int, default=10_000)
    parser.add_argument("--lookups", type=int, default=1_000)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--starts", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    return parser.parse_args()


def _runs(options: argparse.Namespace) -> dict[str, Callable[[Path], dict[str, object]]]:
    chance = random.Random(options.seed)
    runs: dict[str, Callable[[Path], dict[str, object]]] = {}
    if options.secrets:
        runs["many"] = lambda root: many(root, options.secrets)
    if options.lookups:
        runs["lookups"] = lambda root: lookups(root, options.lookups, options.processes)
    if options.kills:
        runs["kills"] = lambda root: {"seed": options.seed, **kills(root, options.kills, chance)}
    if options.starts:
        runs["starts"] = lambda root: {"seed": options.seed, **starts(root, options.starts, options.processes, chance)}
    return runs


def many(root: Path, count: int) -> dict[str, object]:
    """Create, list, look up and delete `count` Secrets, one after another."""
    with Workspace(root) as workspace:
        created = _times(lambda n: workspace.secret_create(f"secret-{n}", values(f"secret-{n}", 0)), range(count))
        began = time.perf_counter()
        listed = workspace.secret_list()
        listing = time.perf_counter() - began
        if [record.name for record in listed] != [f"secret-{n}" for n in reversed(range(count))]:
            raise LostError("the list is not what was created")
        some = random.Random(0).sample(range(count), min(count, 1000))
        found = _times(lambda n: workspace.secret_lookup(f"secret-{n}", required_keys=KEYS), some)
        read = _times(lambda n: workspace.secret_values(listed[n].id), some)
        deleted = _times(lambda n: workspace.secret_delete(listed[n].id), some)
        size = int(str(workspace.status()["bytes"]))
    return {
        "create": created,
        "list_all": round(listing, 4),
        "lookup": found,
        "values": read,
        "delete": deleted,
        "mib": round(size / 2**20, 1),
    }


def _times(call: Callable[[int], object], numbers: object) -> dict[str, float]:
    taken = []
    for number in numbers:  # type: ignore[attr-defined]
        began = time.perf_counter()
        call(number)
        taken.append(time.perf_counter() - began)
    taken.sort()
    return {"median": round(statistics.median(taken), 6), "p99": round(taken[int(len(taken) * 0.99)], 6)}


def lookups(root: Path, count: int, processes: int) -> dict[str, object]:
    """Have `processes` processes look up Secrets `count` times in all, while two others write."""
    names = [f"stable-{number}" for number in range(100)]
    with Workspace(root) as workspace:
        for name in names:
            workspace.secret_create(name, values(name, 0))
    stop = root.parent / "stop"
    writers = [_forked(lambda mine=mine: _write_until(root, stop, mine)) for mine in range(2)]
    began = time.perf_counter()
    readers = [_forked(lambda mine=mine: _look_up(root, names, count // processes, mine)) for mine in range(processes)]
    failed = sum(_status(reader) != 0 for reader in readers)
    took = time.perf_counter() - began
    stop.touch()
    failed += sum(_status(writer) != 0 for writer in writers)
    if failed:
        raise LostError(f"{failed} processes failed")
    with Workspace(root) as workspace:
        written = sum(int(path.read_text()) for path in root.parent.glob("written-*"))
        if len(workspace.secret_list()) != len(names) + written:
            raise LostError("a Secret is missing that a writer created")
    return {"lookups_per_second": round(count / took), "written_meanwhile": written}


def _look_up(root: Path, names: list[str], count: int, seed: int) -> None:
    chance = random.Random(seed)
    with Workspace(root) as workspace:
        for number in range(count):
            record = workspace.secret_lookup(chance.choice(names), required_keys=KEYS)
            if number % 20 == 0 and workspace.secret_values(record.id) != values(str(record.name), 0):
                raise LostError("another value")


def _write_until(root: Path, stop: Path, mine: int) -> None:
    written = 0
    with Workspace(root) as workspace:
        while not stop.exists():
            record = workspace.secret_create(f"written-{mine}-{written}", values("written", 0))
            workspace.secret_update(record.id, values("written", 1))
            temporary = workspace.secret_create(f"temporary-{mine}", values("temporary", 0))
            workspace.secret_delete(temporary.id)
            written += 1
    (root.parent / f"written-{mine}").write_text(str(written))


def kills(root: Path, rounds: int, chance: random.Random) -> dict[str, object]:
    """Kill two writers at a random moment, `rounds` times, and look at what they left."""
    states: list[State] = [{}, {}]
    acknowledged = unfinished = 0
    with Workspace(root) as workspace:
        workspace.secret_create("first", values("first", 0))
    for _ in range(rounds):
        writers = [_start_writer(root, mine, states[mine], chance.random()) for mine in range(2)]
        time.sleep(chance.uniform(0.0, 0.06))
        for pid, _reader in writers:
            os.kill(pid, signal.SIGKILL)
        # Both must be gone first: with a process left, SQLite goes by its shared index, and finds a commit of the other
        # that is in the log but not yet in the index only when the last one has ended.
        for pid, _reader in writers:
            os.waitpid(pid, 0)
        for mine, (_pid, reader) in enumerate(writers):
            done, begun = _replay(reader, states[mine])
            acknowledged += done
            unfinished += begun is not None
            states[mine] = _settled(root, mine, states[mine], begun)
        sound(root, KEPT_FILES)
    return {"rounds": rounds, "acknowledged": acknowledged, "killed_in_a_write": unfinished}


def _start_writer(root: Path, mine: int, state: State, seed: float) -> tuple[int, int]:
    reader, writer = os.pipe()

    def run() -> None:
        os.close(reader)
        _write(root, mine, dict(state), writer, random.Random(seed))

    pid = _forked(run)
    os.close(writer)
    return pid, reader


def _write(root: Path, mine: int, state: State, report: int, chance: random.Random) -> None:
    """Create, update and delete for ever; each change is said before it is made and after it is acknowledged."""
    workspace = Workspace(root)
    while True:
        name = f"w{mine}-{chance.randrange(8)}"
        before = state.get(name)
        after = None if before is not None and chance.random() < 0.3 else (before or 0) + 1
        os.write(report, json.dumps([name, after]).encode() + b"\n")
        if before is None:
            workspace.secret_create(name, values(name, after or 1))
        elif after is None:
            workspace.secret_delete(workspace.secret_lookup(name).id)
        else:
            _change(workspace, name, after)
        _advance(state, name, after)
        os.write(report, b"done\n")


def _change(workspace: Workspace, name: str, generation: int) -> None:
    if generation % 2:
        workspace.secret_update(workspace.secret_lookup(name).id, dict(values(name, generation)))
    else:
        workspace.secret_create(name, values(name, generation), on_conflict="overwrite")


def _advance(state: State, name: str, generation: int | None) -> None:
    if generation is None:
        state.pop(name, None)
    else:
        state[name] = generation


def _replay(reader: int, state: State) -> tuple[int, tuple[str, int | None] | None]:
    """Bring `state` to what was acknowledged; how much that was, and the change that was not."""
    with open(reader, encoding="utf-8") as file:
        lines = file.read().split("\n")
    done, begun = 0, None
    for line in lines:
        if line == "done" and begun is not None:
            _advance(state, *begun)
            done, begun = done + 1, None
        elif line.endswith("]"):
            name, generation = json.loads(line)
            begun = (name, generation)
    return done, begun


def _settled(root: Path, mine: int, state: State, begun: tuple[str, int | None] | None) -> State:
    """The state that is there, which must be the acknowledged one, with or without the change that had begun."""
    allowed = [state]
    if begun is not None:
        changed = dict(state)
        _advance(changed, *begun)
        allowed.append(changed)
    with Workspace(root) as workspace:
        found: State = {}
        for record in workspace.secret_list():
            name = str(record.name)
            if not name.startswith(f"w{mine}-"):
                continue
            generations = {value.rpartition("/")[2] for value in workspace.secret_values(record.id).values()}
            if len(generations) != 1 or record.keys != KEYS:
                raise LostError(f"{name} is half written")
            found[name] = int(generations.pop())
    if found not in allowed:
        raise LostError(f"found {found}, acknowledged {state}, begun {begun}")
    return found


def sound(root: Path, files: set[str] | None = None) -> None:
    """Raise LostError when the database is damaged, or when there are other files than these."""
    left = set() if files is None else set(os.listdir(root)) - files
    if left:
        raise LostError(f"files were left: {sorted(left)}")
    import sqlite3

    with contextlib.closing(sqlite3.connect(root / "workspace.db")) as connection:
        if connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            raise LostError("the database is damaged")
        if connection.execute("PRAGMA foreign_key_check").fetchone():
            raise LostError("an entry has no Secret")


def starts(root: Path, rounds: int, processes: int, chance: random.Random) -> dict[str, object]:
    """Open a new workspace from several processes at once, some of them killed; the others agree on one key."""
    for number in range(rounds):
        path = root / str(number)
        pids = [_forked(lambda mine=mine, path=path: _first(path, mine)) for mine in range(processes)]
        time.sleep(chance.uniform(0.0, 0.05))
        for pid in pids[::2]:
            os.kill(pid, signal.SIGKILL)
        if any(_status(pid) for pid in pids[1::2]):
            raise LostError("a process could not start")
        with Workspace(path) as workspace:
            for mine in range(1, processes, 2):
                record = workspace.secret_lookup(f"first-{mine}")
                if workspace.secret_values(record.id) != values("first", mine):
                    raise LostError("another value")
            for record in workspace.secret_list():
                workspace.secret_values(record.id)
        sound(path, KEPT_FILES)
    return {"rounds": rounds}


def _first(root: Path, mine: int) -> None:
    with Workspace(root) as workspace, contextlib.suppress(AlreadyExistsError, NotFoundError):
        workspace.secret_create(f"first-{mine}", values("first", mine))


def _forked(run: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        run()
        status = 0
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(status)


def _status(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    sys.exit(main())
