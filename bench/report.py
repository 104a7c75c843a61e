"""The results as Markdown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from targets import MEMORY_MIB, TARGETS, Target, growth_factor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_OURS = "modal-lint"
_OTHER = "modal-lint (other Python)"
_COMPILED = ("ruff", "gitleaks")
_GROWING = {"D": ("files", "files"), "lines": ("lines", "lines of one file"), "chain": ("lines", "steps of one Image")}


def markdown(results: Mapping[str, Any]) -> str:
    """RESULTS.md: the targets, every corpus, the gain of each step, growth, and what was measured."""
    parts = [_head(results), _targets(results)]
    parts += [_corpus(name, results) for name in results["measured"] if name.split()[0] not in ("lines", "chain")]
    parts += [_steps(results["steps"]), _growth(results), _tools(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def medians(results: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The median wall time by corpus and tool."""
    return {
        corpus: {label: row["median"] for label, row in rows.items() if "median" in row}
        for corpus, rows in results["measured"].items()
    }


def _head(results: Mapping[str, Any]) -> str:
    machine = results["machine"]
    return (
        "# Results\n\n"
        "Made by `python bench/run.py`; not to be edited. Ratios travel, seconds do not.\n\n"
        f"Machine: {machine['processors']} processors ({machine['model']}), {machine['system']}, "
        f"{_python(machine['python'])}; load {machine['load at start']} at the start."
        f"{_beside(results.get('beside'))}\n\n"
        "Whole processes, started as users start them, all of a corpus in one run and interleaved: "
        f"{results['runs']} timed runs of each after a warm-up, fewer where they would take over "
        f"{results['budget']:.0f} s together (the column says how many; where it is 1, the warm-up itself may be the "
        "one). Wall and CPU are medians. Files are in the page cache for all. Without a note a tool's own cache is "
        "off or it has none; *first* begins with an empty cache and fills it, *warm* finds it full. "
        "CPU counts all processes of a run. Peak memory is that of the largest process and, sampled, of the sum over "
        "all of them (pages that they share count in each); it is taken in the warm-up, not in timed runs."
        + _again(results.get("again", {}))
    )


def _python(about: Mapping[str, Any]) -> str:
    """Builds of one version differ: see interpreter.py."""
    return f"Python {about['version']} ({about['compiler']}), on which a loop of pure Python takes {about['loop']} ms"


def _beside(about: Mapping[str, Any] | None) -> str:
    if about is None:
        return ""
    return f" *{_OTHER}* runs on {_python(about)}; all other Python programs on the former."


def _again(loads: Mapping[str, float]) -> str:
    """Which corpora were measured in a later run, with all of their tools side by side again."""
    text = ""
    for load in dict.fromkeys(loads.values()):
        names = ", ".join(name for name, its_load in loads.items() if its_load == load)
        text += f" Measured in a later run than the rest (load {load} at its start): {names}."
    return text


def _targets(results: Mapping[str, Any]) -> str:
    measured = medians(results)
    rows = []
    for target in TARGETS:
        ratio = target.reached(measured)
        verdict = "not measured" if ratio is None else "yes" if ratio <= target.ratio else "**no**"
        against = f"{target.ours} / {target.other}"
        rows.append(
            (target.corpus, against, f"<= {target.ratio:g}", _number(ratio), verdict, _on_other(target, measured))
        )
    for corpus, tools in measured.items():
        if corpus.startswith("D") and _OURS in tools:
            peak = results["measured"][corpus][_OURS]["largest MiB"]
            verdict = "yes" if peak <= MEMORY_MIB else "**no**"
            rows.append((corpus, "modal-lint, peak MiB of a process", f"<= {MEMORY_MIB}", f"{peak:.0f}", verdict, ""))
    head = ["corpus", "ratio of", "target", "measured", "reached", "on the other Python"]
    width = len(head) if any(row[-1] for row in rows) else len(head) - 1
    return "## Targets\n\n" + _table(head[:width], [row[:width] for row in rows])


def _on_other(target: Target, measured: Mapping[str, Mapping[str, float]]) -> str:
    """The ratio with modal-lint on the other Python; empty where what it is compared with runs on Python, too."""
    if target.other not in _COMPILED or target.ours != _OURS:
        return ""
    return _number(replace(target, ours=_OTHER).reached(measured))


def _corpus(name: str, results: Mapping[str, Any]) -> str:
    size, rows = results["corpora"][name], results["measured"][name]
    base = rows.get(_OURS, {}).get("median")
    title = f"## {name}: {size['about']}\n\n"
    counts = f"{size['files']:,} files, {size['lines']:,} lines; {size['import modal']:,} files import Modal.\n\n"
    ordered = sorted(rows.items(), key=lambda item: item[1].get("median", float("inf")))
    return title + counts + _measured(ordered, base)


def _measured(rows: Iterable[tuple[str, Mapping[str, Any]]], base: float | None) -> str:
    table = []
    for label, row in rows:
        if "failure" in row:
            table.append((label, row["failure"], *[""] * 6))
            continue
        ratio = f"{row['median'] / base:.2f}" if base else ""
        bound = "< " if row["only bound"] else ""
        memory = (f"{bound}{row['largest MiB']:.0f}", f"{bound}{row['tree MiB']:.0f}")
        found = "" if row["findings"] is None else str(row["findings"])
        times = (_seconds(row["median"]), ratio, _seconds(row["cpu median"]))
        table.append((label, *times, *memory, found, str(len(row["wall"]))))
    head = ("tool", "wall s", "x modal-lint", "CPU s", "peak MiB", "all MiB", "findings", "runs")
    return _table(head, table)


def _steps(steps: Mapping[str, Any]) -> str:
    if not steps:
        return ""
    parts = [
        "## The gain of each step\n\nmodal-lint with one step of its pipeline switched off (`MODAL_LINT_DISABLE`)."
    ]
    for corpus, rows in steps.items():
        table = []
        for label, row in rows.items():
            state = " (warm)" if label.endswith("(warm)") else ""
            whole = rows.get(f"whole{state}", {}).get("median")
            if whole and "median" in row:
                memory = f"{row['largest MiB']:.0f}"
                table.append((label, _seconds(row["median"]), f"{row['median'] / whole:.2f}", memory))
        parts.append(f"On {corpus}:\n\n" + _table(("modal-lint", "wall s", "x whole", "peak MiB"), table))
    return "\n\n".join(parts)


def _growth(results: Mapping[str, Any]) -> str:
    parts = []
    for kind, (unit, title) in _GROWING.items():
        names = [name for name in results["measured"] if name.split()[0] == kind]
        labels = [label for label in ("modal-lint", "ruff") if all(_median(results, n, label) for n in names)]
        if not names or not labels:
            continue
        sizes = [float(results["corpora"][name][unit]) for name in names]
        rows = []
        for label in labels:
            seconds = [_median(results, name, label) or 0.0 for name in names]
            factor = growth_factor(sizes, seconds) if len(sizes) > 2 else None
            rows.append((label, *map(_seconds, seconds), _number(factor)))
        parts.append(_table((title, *(name.split()[1] for name in names), "last / earlier unit"), rows))
    if not parts:
        return ""
    about = (
        "Wall seconds. The last column is what one more unit costs between the last two sizes, over what it costs "
        "from the first to the last but one: about 1 (or less) is linear; empty where that cost too little to tell."
    )
    return "\n\n".join(("## Growth", about, *parts))


def _median(results: Mapping[str, Any], corpus: str, label: str) -> float | None:
    value = results["measured"][corpus].get(label, {}).get("median")
    return float(value) if value is not None else None


def _tools(results: Mapping[str, Any]) -> str:
    rows = [(label, tool["version"], tool["checks"]) for label, tool in results["tools"].items() if "(" not in label]
    text = "## What each tool really checks\n\n" + _table(("tool", "version", "checks"), rows)
    if results["missing"]:
        text += "\n\nNot measured: " + "; ".join(f"{name} ({why})" for name, why in results["missing"].items()) + "."
    return text


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _seconds(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"
