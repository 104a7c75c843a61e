"""Entry ids of streams: `<number>-0`, as a Redis stream has them; JavaScript starts from "0-0"."""

from __future__ import annotations


def entry_id(number: int) -> str:
    """The id of the entry that ends at `number`."""
    return f"{number}-0"


def position(entry: str) -> int:
    """The number in an id; 0 for "" and for what is no id."""
    number = entry.partition("-")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0
