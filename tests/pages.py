"""Pages that are followed word by word: their blocks, the commands in them and what these are said to print."""

from __future__ import annotations

import re
from typing import NamedTuple

_BLOCK = re.compile(r"^```(\w*)(?: title=\"([^\"]+)\")?[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: its language, the file that it is said to be, and what stands in it."""

    kind: str
    title: str
    text: str


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page that begin at the margin, in order."""
    return [Block(*found) for found in _BLOCK.findall(text)]


def commands(text: str) -> list[tuple[str, str]]:
    """The commands of a ``console`` block, each with what it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found:
            found[-1][1].append(line)
    return [(command, "\n".join(said)) for command, said in found]


def says(said: str) -> re.Pattern[str]:
    """A pattern for an output; ``…`` stands for anything."""
    return re.compile(re.escape(said).replace("…", ".*"), re.DOTALL)
