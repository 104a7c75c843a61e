"""The ratios that issue and design ask for, and whether a run reached them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Medians = dict[str, dict[str, float]]  # corpus, tool's label: seconds


@dataclass(frozen=True, slots=True)
class Target:
    """``ours`` on a corpus may take at most ``ratio`` times as long as ``other``."""

    corpus: str
    ours: str
    other: str
    ratio: float

    def reached(self, medians: Mapping[str, Mapping[str, float]]) -> float | None:
        """The ratio that was measured, or None where one of the two was not."""
        row = medians.get(self.corpus, {})
        if self.ours not in row or self.other not in row:
            return None
        return row[self.ours] / row[self.other]


TARGETS = (
    Target("A", "modal-lint", "ruff", 0.4),
    Target("A", "modal-lint (warm)", "ruff (warm)", 2),
    Target("A/10", "modal-lint", "ruff", 2),
    Target("B", "modal-lint", "bandit", 0.25),
    Target("B", "modal-lint", "gitleaks", 1),
    Target("B", "modal-lint", "naive", 0.05),
    Target("B", "modal-lint (warm)", "ruff (warm)", 6),
    Target("C plain", "modal-lint", "python -c 'import click'", 1.2),
    Target("C findings", "modal-lint", "python -c 'import libcst'", 1.3),
    Target("D 100k", "modal-lint", "ruff", 1),
)
# On D: of the parent and of each worker.
MEMORY_MIB = 150
STEPS = ("prefilter", "cache", "processes", "focus", "spelling")


def growth_factor(sizes: list[float], seconds: list[float]) -> float | None:
    """How much dearer a unit is at the end than before: about 1 where cost grows in proportion to size.

    The cost of one more unit between the last two sizes over that from the first size to the last but one; the
    start-up cancels out. None where the small sizes cost too little to tell.
    """
    before = (seconds[-2] - seconds[0]) / (sizes[-2] - sizes[0])
    last = (seconds[-1] - seconds[-2]) / (sizes[-1] - sizes[-2])
    return last / before if seconds[-2] > 1.05 * seconds[0] else None
