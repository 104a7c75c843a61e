"""Clients of the runtime killed in the middle of what they do: Secrets, builds and sandboxes.

    PYTHONPATH=runtime python bench/runtime_kills.py [--rounds 200] [--seed N]

In every round a `ModalClient` creates, updates and deletes Secrets, builds an image with a Secret and starts sandboxes,
until it is killed (SIGKILL) at a random moment. Then everything it had acknowledged must be there, nothing half written
may be, and no process may run any longer; in the end no file and no value may be left. Prints a JSON object that says
what the kills interrupted. Ends with 1, and says what, when one of this does not hold. Without bubblewrap nothing is
built.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from modal_lint_runtime import ModalClient
from modal_lint_runtime.isolation import detect
from modal_lint_runtime.workspace import Workspace
from runtime_sandboxes import LeftError, running, until
from runtime_store import LostError, sound, values

if TYPE_CHECKING:
    from modal_lint_runtime import Image

FILES = 200
"""Files that the first layer of the image has; the second one counts them."""

TOKEN = "no-file-holds-this-value"  # made up


@dataclass
class Known:
    """What clients have acknowledged: the generation of each Secret, and the ids of images."""

    secrets: dict[str, int] = field(default_factory=dict)
    images: set[str] = field(default_factory=set)

    def take(self, said: list[object]) -> None:
        """Note a change that is acknowledged: a Secret's name and generation (None: deleted), or an image's id."""
        what, name, generation = said
        if what == "build":
            self.images.add(str(name))
        elif generation is None:
            self.secrets.pop(str(name), None)
        elif what == "secret":
            self.secrets[str(name)] = int(str(generation))


def main() -> int:
    """Run what the command line asks for; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    os.environ["MODAL_LINT_RUNTIME_KEYRING"] = "0"
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory:
        tempfile.tempdir = str(Path(directory) / "tmp")
        os.mkdir(tempfile.tempdir)
        try:
            measured = kills(Path(directory) / "workspace", options.rounds, random.Random(options.seed))
        except (LeftError, LostError) as error:
            print(f"seed {options.seed}: {error}", file=sys.stderr)
            return 1
    took = round(time.perf_counter() - began, 1)
    print(json.dumps({"seed": options.seed, "rounds": options.rounds, **measured, "took": took}, indent=1))
    return 0


def kills(root: Path, rounds: int, chance: random.Random) -> dict[str, object]:
    """Kill as many clients, and look at what each has left."""
    detect()  # once, and not in every client
    known, interrupted, acknowledged = Known(), collections.Counter[str](), collections.Counter[str]()
    for _ in range(rounds):
        marker = f"1{chance.randrange(10**9):09}"
        client, reader = _client(root, known, marker, chance.random())
        with open(reader, encoding="utf-8") as said:
            said.readline()  # it is open
            time.sleep(chance.uniform(0.0, 0.5))
            os.kill(client, signal.SIGKILL)
            os.waitpid(client, 0)
            lines = said.read().splitlines()
        begun = None
        for line in map(json.loads, (line for line in lines if line.endswith("]"))):
            if line[0] == "begin":
                begun = line[1:]
            elif line[0] == "done":
                known.take(line[1:])
                acknowledged[str(line[1])] += 1
                begun = None
        interrupted[str(begun[0]) if begun else "nothing"] += 1
        until(lambda marker=marker: not running(marker), "a process of a killed client runs")  # type: ignore[misc]
        _look(root, known, begun)
    _last(root, known)
    return {"acknowledged": dict(acknowledged), "interrupted": dict(interrupted)}


def _client(root: Path, known: Known, marker: str, seed: float) -> tuple[int, int]:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    try:
        _work(root, dict(known.secrets), marker, writer, random.Random(seed))
    except BaseException as error:
        print(f"the client failed: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(1)


def _work(root: Path, secrets: dict[str, int], marker: str, report: int, chance: random.Random) -> None:
    """Do one thing after another for ever; each is said before it is begun and when it is done."""

    def say(*what: object) -> None:
        os.write(report, json.dumps(what).encode() + b"\n")

    if chance.random() < 0.2:  # what it finds out once may be interrupted too
        detect.cache_clear()
        say("open")
        detect()
    modal = ModalClient(path=root)
    app = modal.apps.from_name("app", create_if_missing=True)
    token = modal.secrets.from_object({"TOKEN": TOKEN})
    say("open")
    kinds = ["secret"] * 20 + ["sandbox"] * 2 + ["build"] * 3 * detect().filesystem
    while True:
        kind = chance.choice(kinds)
        if kind == "secret":
            name = f"s-{chance.randrange(8)}"
            before = secrets.get(name)
            after = None if before is not None and chance.random() < 0.3 else (before or 0) + 1
            say("begin", kind, name, after)
            _change(modal, name, before, after, chance)
            secrets = {key: value for key, value in {**secrets, name: after}.items() if value is not None}
            say("done", kind, name, after)
        elif kind == "build":
            say("begin", kind, "", 0)
            built = _image(modal, marker, [token]).build(app)
            say("done", kind, built.image_id, 0)
        else:
            say("begin", kind, "", 0)
            command = ["sh", "-c", f"(setsid sleep {marker} &); sleep {marker}"]
            sandbox = modal.sandboxes.create(
                app, modal.images.from_registry("python:3.13"), secrets=[token], command=command
            )
            sandbox.exec(command)
            if chance.random() < 0.5:
                sandbox.terminate()
            say("done", kind, "", 0)


def _change(modal: ModalClient, name: str, before: int | None, after: int | None, chance: random.Random) -> None:
    if after is None:
        modal.secrets.delete(name)  # modal-lint: ignore[MS314] what is deleted is made again
    elif before is None:
        modal.secrets.create(name, values(name, after))
    elif chance.random() < 0.5:
        modal.secrets.update(name, values(name, after))
    else:
        modal.secrets.create(name, values(name, after), overwrite=True)


def _image(modal: ModalClient, marker: str, secrets: list[object]) -> Image:
    commands = [
        f"RUN test $TOKEN && mkdir -p /srv/t && cd /srv/t && seq {FILES} | xargs touch && : {marker}",
        f"RUN ls /srv/t | wc -l > /srv/n && : {marker}",
    ]
    return modal.images.from_registry("python:3.13").dockerfile_commands(commands, secrets=secrets, force_build=True)  # type: ignore[arg-type]


def _look(root: Path, known: Known, begun: list[object] | None) -> None:
    """Raise LostError unless the workspace holds what was acknowledged, with or without the change that had begun."""
    allowed = [known.secrets]
    if begun is not None and begun[0] == "secret":
        changed = Known(dict(known.secrets))
        changed.take(begun)
        allowed.append(changed.secrets)
    with Workspace(root) as workspace:
        found = {}
        for record in workspace.secret_list():
            generations = {value.rpartition("/")[2] for value in workspace.secret_values(record.id).values()}
            if len(generations) != 1:
                raise LostError(f"{record.name} is half written")
            found[str(record.name)] = int(generations.pop())
        if found not in allowed:
            raise LostError(f"found {found}, acknowledged {known.secrets}, begun {begun}")
        known.secrets = found
        status = workspace.status()
        if status["secrets"] != len(found) or status["running"]:
            raise LostError(f"a Secret without a name or a sandbox has outlived its client: {status}")
        built = {record.id: record for record in workspace.image_list()}
    sound(root)
    if missing := known.images - set(built):
        raise LostError(f"images are missing: {missing}")
    for layer in [root / "layers" / name for image in known.images for name in built[image].layers]:
        _whole(layer)
    for record in (root / "layers").glob("*/*"):
        _whole(record / "root")


def _whole(layer: Path) -> None:
    files, count = layer / "srv" / "t", layer / "srv" / "n"
    made = len(list(files.iterdir())) if files.exists() else int(count.read_text() or 0) if count.exists() else 0
    if made != FILES or not (layer.parent / "layer.json").exists():
        raise LostError(f"half a layer: {layer}")


def _last(root: Path, known: Known) -> None:
    """A client that nobody kills clears up what the others have left."""
    with ModalClient(path=root) as modal:
        app = modal.apps.from_name("app", create_if_missing=True)
        base = modal.images.from_registry("python:3.13")
        if detect().filesystem:
            base = _image(modal, "last", [modal.secrets.from_object({"TOKEN": TOKEN})]).build(app)
        with modal.sandboxes.create(app, base) as sandbox:
            sandbox.exec(["true"]).wait()
        if len(modal.secrets.list()) != len(known.secrets):
            raise LostError("the last client sees other Secrets")
    places = [root / "building", root / "scratch", root / "requests", Path(tempfile.gettempdir())]
    left = [str(path) for place in places for path in place.glob("*")]
    if left:
        raise LostError(f"files are left: {left}")
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink() and TOKEN.encode() in path.read_bytes():
            raise LostError(f"a value is in {path}")


if __name__ == "__main__":
    sys.exit(main())
