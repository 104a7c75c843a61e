"""Measure modal-lint beside its peers: ``python bench/run.py``. See README.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import catalogue
import corpora
import install
import interpreter
import report
import synthetic
from session import Effort, Row, side_by_side
from targets import STEPS
from tools import Tool, disabled, version_of

HERE = Path(__file__).resolve().parent
GROUPS = ("A", "A/10", "B", "C", "D", "steps", "growth")
_GITLEAKS = "its project publishes no package on PyPI; install it and put it on the PATH, or say --unofficial"


def main() -> None:
    """Build, install, measure, write."""
    options = _options()
    groups = [name for name in GROUPS if name in options.only]
    parts = 1 if options.quick else len(synthetic.PARTS)
    step_corpora = ("A/10" if options.quick else "A", "B") if "steps" in groups else ()
    wanted = {*groups, *step_corpora} - {"steps"}
    with ProcessPoolExecutor(1) as apart:  # to stay small: a process starts with the peak memory of its parent
        names = [name for name in GROUPS if name in wanted]
        built, sizes = apart.submit(corpora.build_and_count, names, parts).result()
    failed = install.install_peers(unofficial=options.unofficial)
    install.install_ours()
    if options.beside:
        install.install_ours(install.BESIDE, options.beside)
    else:
        install.remove(install.BESIDE)
    tools, missing = catalogue.available(failed.get("gitleaks", _GITLEAKS))
    tools = [tool for tool in tools if _wanted(tool, options)]
    effort = Effort(options.runs, options.budget)
    partial = options.quick or options.peers or set(groups) != set(GROUPS)
    folder = options.out or (HERE / ".last" if partial and not options.again else HERE)

    results: dict[str, Any] = {
        "machine": _machine(),
        "beside": interpreter.describe(options.beside) if options.beside else None,
        "runs": options.runs,
        "budget": options.budget,
        "tools": {tool.label: {"version": version_of(tool), "checks": tool.checks} for tool in tools},
        "missing": missing,
        "corpora": {name: {**sizes[name], "about": corpus.about} for name, corpus in built.items()},
        "measured": {},
        "steps": {},
        "again": {},
    }
    if options.again:
        results = _with_earlier(results, folder)
    for corpus in built.values():
        chosen = [tool for tool in tools if tool.runs_on(corpus)]
        if chosen and _group(corpus.name) in groups:
            results["measured"][corpus.name] = _json(side_by_side(corpus, chosen, effort))
            _write(results, folder)
    for name in step_corpora:
        results["steps"][name] = _json(side_by_side(built[name], _steps(), effort))
    _write(results, folder)
    _plot(folder)
    print(folder / "RESULTS.md", file=sys.stderr)


def _with_earlier(results: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What an earlier run found out, with the corpora of this one to be measured again."""
    earlier: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    load = results["machine"]["load at start"]
    return {
        **earlier,
        "beside": results["beside"] or earlier.get("beside"),
        "tools": {**earlier["tools"], **results["tools"]},
        "corpora": {**earlier["corpora"], **results["corpora"]},
        "again": {**earlier.get("again", {}), **dict.fromkeys(results["corpora"], load)},
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help=f"parts to measure, separated by commas: {', '.join(GROUPS)}")
    parser.add_argument("--peers", help="tools to measure modal-lint beside, separated by commas (default: all)")
    parser.add_argument("--runs", type=int, help="timed runs of each command (default: 7; quick: 2)")
    parser.add_argument("--budget", type=float, help="seconds that a command may take on a corpus, all its runs")
    parser.add_argument("--again", action="store_true", help="keep what the last whole run measured of other parts")
    parser.add_argument("--quick", action="store_true", help="small corpora, few runs, no slow tools")
    parser.add_argument("--unofficial", action="store_true", help="also install repackaged binaries (see pins.json)")
    parser.add_argument("--beside", metavar="PYTHON", help="also measure modal-lint on another Python")
    parser.add_argument("--out", type=Path, help="folder to write to (default: bench/, partial runs bench/.last/)")
    options = parser.parse_args()
    everything = ("A/10", "B", "C", "D", "steps", "growth") if options.quick else GROUPS
    options.only = options.only.split(",") if options.only else list(everything)
    unknown = set(options.only) - set(GROUPS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    options.peers = options.peers.split(",") if options.peers else None
    options.runs = options.runs or (2 if options.quick else 7)
    options.budget = options.budget or (20.0 if options.quick else 150.0)
    return options


def _group(corpus: str) -> str:
    first = corpus.split()[0]
    return "growth" if first in ("lines", "chain") else first


def _wanted(tool: Tool, options: argparse.Namespace) -> bool:
    if tool.name == install.OURS or tool.name.startswith("python"):
        return True
    if options.peers is not None:
        return tool.name in options.peers
    return not (options.quick and tool.slow)


def _steps() -> list[Tool]:
    """modal-lint whole, without each of its steps, and without all of them, on a cold cache and on a full one."""
    tools = []
    for tool in catalogue.ours():
        if tool.state == "first":
            continue
        without = [step for step in STEPS if (step == "cache") == (tool.state == "warm")]
        tools += [replace(tool, name="whole"), *(replace(disabled(s, tool), name=f"without {s}") for s in without)]
    return [*tools, replace(disabled(",".join(STEPS), catalogue.ours()[0]), name="without all")]


def _json(rows: list[Row]) -> dict[str, object]:
    return {row.tool.label: row.as_json() for row in rows}


def _machine() -> dict[str, object]:
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    models = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    return {
        "python": interpreter.describe(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": processors,
        "model": models[0] if models else platform.processor(),
        "load at start": round(os.getloadavg()[0], 1),
    }


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []


def _write(results: dict[str, Any], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (folder / "RESULTS.md").write_text(report.markdown(results), encoding="utf-8")


def _plot(folder: Path) -> None:
    python = install.program("common", "python")
    if python is not None:
        subprocess.run([str(python), str(HERE / "plot.py"), str(folder)], check=False)


if __name__ == "__main__":
    main()
