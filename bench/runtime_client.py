"""Load on the runtime's client: sandboxes one after another and at once, calls of a Function, with and without await.

    PYTHONPATH=runtime python bench/runtime_client.py [--after 200] [--at-once 32] [--calls 50]

Prints a JSON object (times in milliseconds, for each isolation that this machine has). Ends with 1, and says what, when
a record, a process, a thread or a file was left.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from modal_lint_runtime import AsyncModalClient, ModalClient
from modal_lint_runtime.isolation import detect

if TYPE_CHECKING:
    from collections.abc import Callable

IsolationName = Literal["auto", "none"]


def main() -> int:
    """Run what the command line asks for; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--after", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--calls", type=int, default=50)
    options = parser.parse_args()
    names: tuple[IsolationName, ...] = ("none",) if detect().kind == "none" else ("none", "auto")
    measured, left = {}, list[str]()
    for name in names:
        with tempfile.TemporaryDirectory() as directory:
            workspace = Path(directory) / "workspace"
            measured[name] = _measure(workspace, name, options)
            left += [f"{name}: {each}" for each in _left(workspace)]
    print(json.dumps(measured, indent=1))
    for each in left:
        print(f"left behind: {each}", file=sys.stderr)
    return 1 if left else 0


def _measure(workspace: Path, isolation: IsolationName, options: argparse.Namespace) -> dict[str, object]:
    with ModalClient(path=workspace, isolation=isolation) as modal:
        app = modal.apps.from_name("bench", create_if_missing=True)
        image = modal.images.from_registry("python:3.13")
        secret = modal.secrets.from_object({"KEY": "value"})

        def sandbox() -> None:
            with modal.sandboxes.create(app, image, secrets=[secret]) as made:
                assert made.exec(["printenv", "KEY"]).stdout.read_text() == "value\n"

        @modal.functions.define(app, secrets=[secret])
        def function(number: int) -> tuple[int, str]:
            return number, os.environ["KEY"]

        after = [_time(sandbox) for _ in range(options.after)]
        with ThreadPoolExecutor(options.at_once) as pool:
            at_once = list(pool.map(lambda _: _time(sandbox), range(options.at_once)))
        calls = [_time(lambda: function.remote(1)) for _ in range(options.calls)]
        start = time.perf_counter()
        assert list(function.map(range(options.calls))) == [(number, "value") for number in range(options.calls)]
        mapped = (time.perf_counter() - start) * 1000
    return {
        "sandboxes one after another": _summary(after),
        "sandboxes at once": _summary(at_once),
        "sandboxes at once, with await": _summary(asyncio.run(_with_await(workspace, isolation, options.at_once))),
        "calls one after another": _summary(calls),
        "calls by map, all": round(mapped),
    }


async def _with_await(workspace: Path, isolation: IsolationName, number: int) -> list[float]:
    async with AsyncModalClient(path=workspace, isolation=isolation) as modal:
        app = await modal.apps.from_name("bench", create_if_missing=True)
        image = modal.images.from_registry("python:3.13")

        async def sandbox() -> float:
            start = time.perf_counter()
            async with await modal.sandboxes.create(app, image, env={"KEY": "value"}) as made:
                process = await made.exec(["printenv", "KEY"])
                assert await process.stdout.read_text() == "value\n"
            return (time.perf_counter() - start) * 1000

        return list(await asyncio.gather(*(sandbox() for _ in range(number))))


def _time(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def _summary(times: list[float]) -> dict[str, int]:
    return {"number": len(times), "median": round(statistics.median(times)), "worst": round(max(times))}


def _left(workspace: Path) -> list[str]:
    """What is still there of all that ran, after a moment's patience."""
    deadline = time.monotonic() + 10
    while (found := _found(workspace)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def _found(workspace: Path) -> list[str]:
    with ModalClient(path=workspace) as modal:
        found = [f"sandbox {each.sandbox_id} runs" for each in modal.sandboxes.list()]
    found += [f"process {pid}" for pid in _children()]
    found += [f"thread {each.name}" for each in threading.enumerate() if each.name.startswith("modal-lint")]
    return found + [f"file {path}" for path in (workspace / "scratch").glob("*")]


def _children() -> list[str]:
    tasks = Path(f"/proc/{os.getpid()}/task")
    return " ".join((each / "children").read_text() for each in tasks.iterdir()).split() if tasks.exists() else []


if __name__ == "__main__":
    sys.exit(main())
