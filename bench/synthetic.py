"""Sources made by a seeded generator: single files (C), many small files (D) and files that grow.

Credentials are made here, at build time, from pieces: nothing that a scanner would take for one is committed.
"""

from __future__ import annotations

import random
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LETTERS = string.ascii_letters + string.digits
_KINDS = (
    ("OPENAI_API_KEY", ("sk", "-proj-"), 48),
    ("HF_TOKEN", ("h", "f_"), 34),
    ("DATABASE_PASSWORD", ("", ""), 24),
)
# The parts of D: each is as many files as the parts up to it must hold less those before.
PARTS = (("part0", 1_000), ("part1", 9_000), ("part2", 90_000))
LINES = (1_000, 5_000, 10_000, 20_000)
STEPS = (50, 100, 250, 500)
_FOLDER = 100  # files a folder


@dataclass(frozen=True, slots=True)
class Sample:
    """One generated credential and the variable it is for."""

    key: str
    value: str


def credential(rng: random.Random) -> Sample:
    """A made-up credential of a random kind."""
    key, pieces, length = rng.choice(_KINDS)
    return Sample(key, "".join(pieces) + "".join(rng.choices(_LETTERS, k=length)))


def write_singles(target: Path) -> None:
    """Three files of 60 lines: ``plain/app.py`` without Modal, ``clean/app.py`` with it, ``findings/app.py``."""
    rng = random.Random(60)
    for name, head in (("plain", _PLAIN), ("clean", _CLEAN), ("findings", _findings(rng))):
        lines = [*head.splitlines()]
        number = 0
        while len(lines) < 60:
            lines += _function(number, rng)
            number += 1
        _write(target / name / "app.py", lines[:60])


def write_many(target: Path, parts: int) -> None:
    """The first ``parts`` parts of D: small files, one in a hundred uses Modal and one in a thousand has a finding."""
    rng = random.Random(100_000)
    for name, size in PARTS[:parts]:
        for number in range(size):
            _write(target / name / f"d{number // _FOLDER:03}" / f"m{number % _FOLDER:02}.py", _small(number, rng))


def write_growing(target: Path) -> None:
    """``lines<N>/app.py`` with sinks all over, and ``chain<N>/app.py`` with one Image of N steps."""
    for count in LINES:
        _write(target / f"lines{count}" / "app.py", list(_long(count)))
    for count in STEPS:
        _write(target / f"chain{count}" / "app.py", _chain(count))


_PLAIN = '''"""Totals of orders."""

import json
from pathlib import Path

'''
_CLEAN = '''"""A worker."""

import modal

app = modal.App("worker", image=modal.Image.debian_slim().pip_install("requests"))


@app.function(secrets=[modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])])
def work(text: str) -> str:
    return text.upper()


@app.local_entrypoint()
def main() -> None:
    sandbox = modal.Sandbox.create("sleep", "60", app=app, env={"LOG_LEVEL": "debug"})
    print(work.remote("hello"), sandbox.object_id)

'''


def _findings(rng: random.Random) -> str:
    first, second = credential(rng), credential(rng)
    return (
        _CLEAN.replace('{"LOG_LEVEL": "debug"}', f'{{"{first.key}": "{first.value}"}}')
        + f'secret = modal.Secret.from_dict({{"{second.key}": "{second.value}"}})\n\n'
    )


def _function(number: int, rng: random.Random) -> list[str]:
    return [
        "",
        f"def total_{number}(orders: list[dict[str, int]]) -> int:",
        f'    """The sum of what is over {rng.randrange(100)}."""',
        f"    kept = [order for order in orders if order['price'] > {rng.randrange(100)}]",
        "    return sum(order['price'] * order['count'] for order in kept)",
        "",
    ]


def _small(number: int, rng: random.Random) -> list[str]:
    lines: list[str] = [f'"""Module {number}."""', ""]
    if number % 100 == 0:
        lines += [*_CLEAN.splitlines()[2:]]
    if number % 1_000 == 0:
        sample = credential(rng)
        lines += [f'secret = modal.Secret.from_dict({{"{sample.key}": "{sample.value}"}})']
    for index in range(rng.randrange(1, 4)):
        lines += _function(index, rng)
    return lines


def _long(count: int) -> Iterator[str]:
    rng = random.Random(count)
    yield from _CLEAN.splitlines()
    written, number = len(_CLEAN.splitlines()), 0
    while written < count:
        block = _sink(number, rng)
        yield from block
        written += len(block)
        number += 1


def _sink(number: int, rng: random.Random) -> list[str]:
    """A function with a sink; one in ten is given a credential."""
    sample = credential(rng) if number % 10 == 0 else Sample("LOG_LEVEL", "debug")
    return [
        "",
        f"def start_{number}(size: int) -> modal.Sandbox:",
        f"    settings = {{'{sample.key}': '{sample.value}', 'SIZE': str(size)}}",
        "    if size > 10:",
        "        settings['LARGE'] = '1'",
        "    return modal.Sandbox.create(",
        f"        'python', '-m', 'job{number}',",
        "        app=app,",
        "        env=settings,",
        "    )",
        "",
    ]


def _chain(count: int) -> list[str]:
    rng = random.Random(count)
    lines = ["import modal", "", "image = (", "    modal.Image.debian_slim()"]
    for number in range(count):
        if number % 50 == 49:
            sample = credential(rng)
            lines.append(f"    .env({{'{sample.key}_{number}': '{sample.value}'}})")
        elif number % 3:
            lines.append(f"    .pip_install('package-{number}')")
        else:
            lines.append(f"    .run_commands('echo {number}')")
    return [*lines, ")", "app = modal.App('chain', image=image)"]


def _write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
