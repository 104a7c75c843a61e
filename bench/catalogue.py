"""The tools that are measured: modal-lint, its peers, and floors that no linter gets under."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import install
from tools import Tool

_HERE = Path(__file__).resolve().parent
_ALL = ("A", "B", "C", "D")
_SINGLE = ("C",)
_GROWTH = ("lines", "chain")
_RUFF_LINE = r"^\S.*:\d+:\d+: S10"
_OUR_LINE = r"^\S.*:\d+:\d+:? .*?\bMS\d{3}\b"
_KEYS = "literals under a telling key in a mapping given to Modal in place; one rule"


def available(gitleaks_missing: str) -> tuple[list[Tool], dict[str, str]]:
    """The tools that are installed, quick ones first, and why the others are not there.

    Args:
        gitleaks_missing: what to say of gitleaks where it is not on the PATH either.
    """
    mine = ours()
    tools = [*_floors(), *mine, *_beside(mine[0]), *_ruff(), *_scanners(), *_linters()]
    missing = {tool.name: "not installed" for tool in tools if shutil.which(tool.argv[0]) is None}
    if "gitleaks" in missing:
        missing["gitleaks"] = gitleaks_missing
    return [tool for tool in tools if tool.name not in missing], missing


def ours() -> list[Tool]:
    """modal-lint as its users start it: with no cache, with an empty one, with a full one.

    Before it has a cache, only the first of them.
    """
    program = _program(install.OURS, "modal-lint")
    options = subprocess.run([program, "check", "--help"], capture_output=True, text=True, check=True).stdout
    checks = "all its rules: credentials that reach Modal, followed through names, calls and files"
    version = (program, "--version")
    start = (program, "check")

    def tool(state: str, *arguments: str, on: tuple[str, ...]) -> Tool:
        return Tool("modal-lint", checks, (*start, *arguments), version, state, _OUR_LINE, on, cache="ours")

    if "--cache-dir" not in options:
        return [tool("cold", on=(*_ALL, *_GROWTH))]
    cached = ("--cache-dir", "{cache}")
    return [
        tool("cold", "--no-cache", on=(*_ALL, *_GROWTH)),
        tool("first", *cached, on=("A", "B")),
        tool("warm", *cached, on=_ALL),
    ]


def _beside(cold: Tool) -> list[Tool]:
    """modal-lint on another Python, where one was asked for."""
    program = install.program(install.BESIDE, "modal-lint")
    if program is None:
        return []
    return [replace(cold, argv=(str(program), *cold.argv[1:]), state="other Python")]


def _program(environment: str, name: str) -> str:
    found = install.program(environment, name)
    return str(found) if found else f"{environment}/{name}"


def _floors() -> list[Tool]:
    ours, python = install.program(install.OURS, "python"), "reads no file"
    rg, git = _program("common", "rg"), shutil.which("git") or "git"
    name = "files that hold the word modal"
    starts = [
        Tool(f"python -c {what!r}", python, (str(ours), "-c", what), (), on=_SINGLE, source=False)
        for what in ("pass", "import click", "import libcst")
    ]
    return [
        *starts,
        Tool("ripgrep", name, (rg, "-l", "modal"), (rg, "--version"), count=r"^.+$", on=_ALL),
        Tool("git grep", name, (git, "grep", "-l", "modal", "--"), (git, "--version"), count=r"^.+$", on=_ALL),
    ]


def _ruff() -> list[Tool]:
    ruff = _program("common", "ruff")
    start = (ruff, "check", "--select", "S105,S106,S107", "--output-format", "concise")
    checks = "literals assigned, given or defaulted to names like password (S105 to S107)"

    def tool(state: str, *arguments: str, on: tuple[str, ...] = _ALL) -> Tool:
        return Tool("ruff", checks, (*start, *arguments), (ruff, "--version"), state, _RUFF_LINE, on, cache="ruff")

    cached = ("--cache-dir", "{cache}")
    return [
        tool("cold", "--no-cache"),
        tool("first", *cached, on=("A", "B")),
        tool("warm", *cached),
    ]


def _scanners() -> list[Tool]:
    kingfisher = _program("kingfisher", "kingfisher")
    found = install.program("gitleaks", "gitleaks")
    gitleaks = str(found) if found else shutil.which("gitleaks") or "gitleaks"
    bandit, detect = _program("common", "bandit"), _program("common", "detect-secrets")
    return [
        Tool(
            "kingfisher",
            "providers' token shapes in any file, no validation; its compiled rules are always cached",
            (kingfisher, "scan", "--no-validate", "--no-update-check", "--git-history", "none", "--format", "jsonl"),
            (kingfisher, "--no-update-check", "--version"),
            count=r'"rule"\s*:',
            statuses=(0, 200, 205),
        ),
        Tool(
            "gitleaks",
            "providers' token shapes and high entropy near telling names in any file, by regular expressions",
            (gitleaks, "dir", "--no-banner", "--log-level", "error", "--redact", "-v"),
            (gitleaks, "version"),
            count=r"^Finding:",
        ),
        Tool(
            "bandit",
            "literals assigned, given or defaulted to names like password (B105 to B107)",
            (bandit, "-q", "-t", "B105,B106,B107", "-f", "custom", "--msg-template", "{relpath}:{line}", "-r"),
            (bandit, "--version"),
            count=r"^.+:\d+$",
        ),
        Tool(
            "detect-secrets",
            "all its plugins: token shapes, telling names and entropy, by line; no verification",
            (detect, "scan", "--no-verify"),
            (detect, "--version"),
            count=r'"hashed_secret"',
            slow=True,
        ),
    ]


def _linters() -> list[Tool]:
    ast_grep, fixit = _program("common", "ast-grep"), _program("common", "fixit")
    semgrep, rules = _program("semgrep", "semgrep"), _HERE / "peers"
    quiet = ("--metrics", "off", "--disable-version-check", "--quiet", "--json")
    return [
        Tool(
            "ast-grep",
            _KEYS,
            (ast_grep, "scan", "--rule", str(rules / "ast-grep.yml"), "--json=stream"),
            (ast_grep, "--version"),
            count=r'"ruleId"',
        ),
        Tool(
            "semgrep",
            _KEYS,
            (semgrep, "scan", "--config", str(rules / "semgrep.yml"), *quiet),
            (semgrep, "--version"),
            count=r'"check_id"',
        ),
        Tool(
            "fixit",
            _KEYS,
            (fixit, "--quiet", "--rules", "bench_rules.hardcoded_env", "lint"),
            (fixit, "--version"),
            count=r"HardcodedEnv",
            slow=True,
            on=("B", "C"),
            env={"PYTHONPATH": str(rules)},
        ),
        Tool(
            "naive",
            "modal-lint's table and credential detection on whole libcst trees with all metadata; follows nothing",
            (_program(install.OURS, "python"), str(_HERE / "naive.py")),
            (),
            count=r"^.+:\d+:\d+: ",
            slow=True,
            on=("B", "C"),
        ),
    ]
