"""Load on the local server with the real Python SDK: many clients at once, many processes in one sandbox.

    PYTHONPATH=runtime python bench/server_load.py [--clients 100] [--execs 1000] [--at-once 20]

Prints one line per measurement: what, how many, seconds, per second, resident memory of this process in MiB.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Run the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--execs", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=20)
    options = parser.parse_args()

    from modal_lint_runtime.server.serving import Running
    from modal_lint_runtime.workspace import Workspace

    with tempfile.TemporaryDirectory() as path, Workspace(path) as workspace, Running(workspace) as server:
        os.environ.update(server.environment({}))
        measure("clients that create and look up a Secret", options.clients, lambda: clients(options.clients))
        for backend in ("1", "0"):
            os.environ["MODAL_SANDBOX_V2"] = backend
            name = f"processes in a V{int(backend) + 1} sandbox, {options.at_once} at once"
            measure(name, options.execs, lambda: execs(options.execs, options.at_once))


def measure(what: str, count: int, work: Callable[[], None]) -> None:
    """Time `work` and print a line."""
    started = time.monotonic()
    work()
    seconds = time.monotonic() - started
    with open("/proc/self/status", encoding="utf-8") as status:
        resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1024
    print(f"{what}: {count} in {seconds:.1f} s, {count / seconds:.0f} per second, {resident} MiB")


def clients(count: int) -> None:
    """So many SDK clients, each on a connection of its own."""
    import modal

    def client(number: int) -> None:
        own = modal.Client.from_credentials(os.environ["MODAL_TOKEN_ID"], os.environ["MODAL_TOKEN_SECRET"])
        modal.Secret.objects.create(f"secret-{number}", {"A": str(number)}, client=own)
        modal.Secret.from_name(f"secret-{number}", required_keys=["A"]).hydrate(own)
        own.close()

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(client, range(count)))


def execs(count: int, at_once: int) -> None:
    """So many processes, each with its output read and its exit code checked."""
    import modal

    app = modal.App.lookup("load", create_if_missing=True)
    sandbox: Any = modal.Sandbox.create(app=app, image=modal.Image.from_registry("python:3.13"))

    async def run(number: int, gate: asyncio.Semaphore) -> None:
        async with gate:
            process = await sandbox.exec.aio("echo", str(number))
            assert await process.stdout.read.aio() == f"{number}\n"
            assert await process.wait.aio() == 0

    async def run_all() -> None:
        gate = asyncio.Semaphore(at_once)
        await asyncio.gather(*(run(number, gate) for number in range(count)))

    asyncio.run(run_all())
    sandbox.terminate()


if __name__ == "__main__":
    main()
