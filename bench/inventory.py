"""`modal-lint inventory` beside `modal-lint check`, on a made-up project of 800 files.

Secrets and helpers are defined in one module of each package and used in the others; a third of the files is plain.
The two commands run in turns; what counts is the ratio of their medians, and that the inventory finds every Secret.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PACKAGES, FILES = 20, 40
_SECRETS = """import modal

PROVIDER = modal.Secret.from_name("p{number}-provider", required_keys=["P{number}_TOKEN"])


def named(name, *keys):
    return modal.Secret.from_name(f"p{number}-{{name}}", required_keys=list(keys))


def listed(*names):
    return [PROVIDER, *(named(name) for name in names)]
"""
_USER = """import os

import modal

from .secrets import PROVIDER, listed, named

app = modal.App("p{number}-app{file}")
image = modal.Image.debian_slim().pip_install("requests").run_commands("make", secrets=[PROVIDER])


@app.function(image=image, secrets=[PROVIDER, named("database", "DATABASE_URL")])
def load(day: str) -> str:
    return os.environ["DATABASE_URL"] + day


@app.cls(image=image, secrets=listed("queue", "mail"))
class Worker:
    @modal.enter()
    def start(self) -> None:
        self.token = os.environ["P{number}_TOKEN"]

    @modal.method()
    def run(self, item: str) -> int:
        return len(self.token) + len(item)


def sandbox(extra):
    return modal.Sandbox.create("python", app=app, image=image, secrets=[named("sandbox"), *extra])


@app.local_entrypoint()
def main() -> None:
    sandbox([modal.Secret.from_name("p{number}-own{file}", required_keys=["OWN"])])
    load.remote("today")
"""
_PLAIN = '''"""Totals."""


def total{file}(orders: list[dict[str, int]]) -> int:
    return sum(order["price"] * order["count"] for order in orders)
'''


def write_project(root: Path) -> int:
    """Make the project; the number of named Secrets in it."""
    secrets = 0
    for number in range(PACKAGES):
        package = root / f"package{number}"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "secrets.py").write_text(_SECRETS.format(number=number))
        secrets += 5  # provider, database, queue, mail, sandbox
        for file in range(FILES - 2):
            is_plain = file % 3 == 2
            secrets += not is_plain
            text = (_PLAIN if is_plain else _USER).format(number=number, file=file)
            (package / f"module{file}.py").write_text(text)
    (root / "pyproject.toml").write_text("")
    return secrets


def seconds(root: Path, *arguments: str) -> tuple[float, str]:
    """How long one run takes, and what it says."""
    command = [sys.executable, "-m", "modal_lint", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MODAL_LINT_")}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    began = time.perf_counter()
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(arguments)}: {done.stderr}")
    return took, done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        expected = write_project(root)
        found = json.loads(seconds(root, "inventory", "--output-format", "json")[1])
        if len(found["secrets"]) != expected or found["unnamed"] or found["checked"] != PACKAGES * FILES:
            raise SystemExit(f"wrong: {len(found['secrets'])} Secrets of {expected}, unnamed: {len(found['unnamed'])}")
        commands = {"check": ("check", "--no-cache"), "inventory": ("inventory",)}
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(runs):
            for name, arguments in commands.items():
                times[name].append(seconds(root, *arguments)[0])
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    for name, median in medians.items():
        print(f"{name:<10} {median:6.2f} s  (median of {runs})")
    print(f"inventory / check = {medians['inventory'] / medians['check']:.2f}, {expected} Secrets found")


if __name__ == "__main__":
    main()
