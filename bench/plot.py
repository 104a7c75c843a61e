"""``results.svg``: how long each tool takes on A, B and D, on a logarithmic scale. Run with the peers' Python."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl  # type: ignore[import-not-found,unused-ignore]
from matplotlib import pyplot  # type: ignore[import-not-found,unused-ignore]

_SHOWN = ("A", "A/10", "B", "D 100k", "D 1k")


def main() -> None:
    """Draw the results of the folder named on the command line."""
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "bench"
    folder = Path(sys.argv[1])
    measured: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))["measured"]
    names = [name for name in _SHOWN if name in measured][:4]
    if not names:
        return
    figure, panels = pyplot.subplots(1, len(names), figsize=(4.6 * len(names), 5), squeeze=False)
    for panel, name in zip(panels[0], names, strict=True):
        _bars(panel, name, measured[name])
    figure.tight_layout()
    figure.savefig(folder / "results.svg", metadata={"Date": None})


def _bars(panel: Any, name: str, rows: dict[str, Any]) -> None:
    timed = sorted(((row["median"], label) for label, row in rows.items() if "median" in row), reverse=True)
    colours = ["#d9480f" if label.startswith("modal-lint") else "#868e96" for _, label in timed]
    panel.barh([label for _, label in timed], [seconds for seconds, _ in timed], color=colours)
    panel.set_xscale("log")
    panel.set_xlabel("seconds (log)")
    panel.set_title(name)
    for place, (seconds, _) in enumerate(timed):
        panel.annotate(f" {seconds:.3g}", (seconds, place), va="center", fontsize=8)
    panel.margins(x=0.2)
    panel.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main()
