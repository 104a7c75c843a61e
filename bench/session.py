"""Measuring many commands side by side: one warm-up each, then rounds in which each runs once."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from measure import Samples, WrongExitError, timed, watched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from corpora import Corpus
    from tools import Tool


@dataclass(frozen=True, slots=True)
class Effort:
    """How often: ``runs`` times each, fewer where these would take longer than ``budget`` seconds a command."""

    runs: int
    budget: float

    def rounds(self, warm_up: float) -> int:
        """The number of timed runs of something whose warm-up took so long."""
        return max(1, min(self.runs, int(self.budget // max(warm_up, 1e-3))))


@dataclass(slots=True)
class Row:
    """One tool on one corpus."""

    tool: Tool
    samples: Samples
    findings: int | None = None
    failure: str = ""

    def as_json(self) -> dict[str, object]:
        """For the results file."""
        if self.failure:
            return {"failure": self.failure}
        return {**self.samples.as_json(), "findings": self.findings}


def side_by_side(corpus: Corpus, tools: Sequence[Tool], effort: Effort) -> list[Row]:
    """Measure the tools on a corpus, interleaved, each round beginning with another tool.

    The warm-up is the run that is watched for memory and findings; its time counts only where a second run would
    take more than the budget. It also brings the files into the page cache, and fills the tool's own cache.
    """
    rows = [Row(tool, Samples()) for tool in tools]
    plan = {id(row): _warm_up(row, corpus, effort) for row in rows}
    for number in range(effort.runs):
        for row in rows[number % len(rows) :] + rows[: number % len(rows)]:
            if not row.failure and len(row.samples.wall) < plan[id(row)]:
                row.tool.forget(corpus)
                timed(row.tool.command(corpus), row.samples)
    return rows


def _warm_up(row: Row, corpus: Corpus, effort: Effort) -> int:
    """Run once; returns how many timed runs are to follow."""
    probe = Samples()
    row.tool.forget(corpus)
    try:
        output = watched(row.tool.command(corpus), row.samples, probe)
    except WrongExitError as wrong:
        row.failure = wrong.reason
        print(f"{corpus.name}: {row.tool.label}: {wrong}", file=sys.stderr)
        return 0
    row.findings = row.tool.findings(output)
    if row.tool.state == "warm" and probe.wall[0] < effort.budget:
        row.findings = row.tool.findings(watched(row.tool.command(corpus), row.samples, Samples()))
    rounds = effort.rounds(probe.wall[0])
    if probe.wall[0] > effort.budget:
        row.samples.wall, row.samples.cpu = probe.wall, probe.cpu
    print(f"{corpus.name}: {row.tool.label}: {probe.wall[0]:.2f} s, {rounds} runs", file=sys.stderr)
    return rounds
