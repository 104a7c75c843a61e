"""Notebooks of tests as text: cells behind `# %%`, an output of the cell above behind `# Out: `."""

from __future__ import annotations

import json
import re
from typing import Any

_CELL = re.compile(r"(?m)^# %%(?: \[(\w+)\])?.*\n")
_OUT = re.compile(r"(?m)^# Out: (.*)\n?")


def notebook(text: str, **metadata: Any) -> str:
    """The JSON of a notebook, as Jupyter writes it."""
    pieces = _CELL.split(text)
    found = [("code", pieces[0])] if pieces[0].strip() else []
    found += [(kind or "code", body) for kind, body in zip(pieces[1::2], pieces[2::2], strict=True)]
    document = {
        "cells": [cell(kind, body) for kind, body in found],
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, **metadata},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def cell(kind: str, body: str) -> dict[str, Any]:
    """One cell."""
    source = _OUT.sub("", body).rstrip("\n").splitlines(keepends=True)
    made: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": source}
    if kind == "code":
        outputs = [
            {"name": "stdout", "output_type": "stream", "text": [line.removesuffix("\n") + "\n"]}
            for line in _OUT.findall(body)
        ]
        made = {"cell_type": kind, "execution_count": None, "metadata": {}, "outputs": outputs, "source": source}
    return made


def rows(text: str) -> list[int]:
    """For each line of such a text its number in its cell."""
    numbers, number = [], 0
    for line in text.split("\n"):
        number = 0 if _CELL.match(line + "\n") else number + 1
        numbers.append(number)
    return numbers
