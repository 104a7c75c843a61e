"""Runs the cases of `precedence_cases.py` for real and prints `docs/precedence.md`.

    python tests/precedence_page.py > docs/precedence.md

Needs `modal-lint[server]`, npm, and a machine whose containers have a file system of their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import node
from modal_lint_runtime import ModalClient, Workspace
from modal_lint_runtime.contract import Sdk
from modal_lint_runtime.server.serving import Running
from precedence_cases import BASE, ENV, NAMED, ON_BACKENDS, Case, cases, contents, order, seen
from precedence_client import ClientRuns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PYTHON_PROGRAM = Path(__file__).with_name("precedence_python.py")
JS_PROGRAM = node.JS / "precedence.ts"
TIMEOUT = 600
"""Seconds for all cases of one column."""

Observed = dict[str, dict[str, str]]
"""What the processes saw of the cases' variables, by the case's id."""

TITLES = {
    "create": "A sandbox's main process",
    "exec": "A process started in a sandbox by `exec`",
    "build": "A `RUN` command of an image build",
    "function": "A Function",
    "options": "A Function after `with_options(secrets=, env=)`",
    "chained": "A Function after `with_options(secrets=).with_options(env=)`",
}
NOTES = {
    "create": "The image has variables of its own.",
    "exec": "The image and the sandbox have variables of their own.",
    "build": "An earlier `ENV` of the image has variables of its own.",
    "function": "The App has a Secret of its own, and the image variables. The JavaScript SDK defines no Functions.",
    "options": "The App and the decorator have a Secret each, the image has variables. What is given replaces both "
    "Secrets, which is why no cell has them, and not the image's variables. JavaScript calls the Function that Python "
    "has deployed.",
    "chained": "As before, in two calls. In Python the second call's `env` drops the first call's Secrets, in "
    "JavaScript each argument replaces itself alone ([fact S20](semantics.md#facts)); the embedded runtime does "
    "as Python.",
}
INTRODUCTION = """\
# Precedence: which source of a variable wins

This page is printed by `tests/precedence_page.py` from real runs: the Python SDK (`modal` {python} from PyPI) and the
JavaScript SDK (`modal` {js} from npm) against the [local server](server.md), on both of its sandbox backends, and the
client of the [embedded runtime](runtime.md), which needs no server. Every cell is what a process inside really saw.
Tests compare all of the page with what `modal_lint_runtime.contract` says, and run some rows of each table anew.

The short answer: of the list `secrets=` the last one wins, `env=` wins over the list, and both win over what the
image, the App or the sandbox has. All three clients agree, but for `with_options` called twice (the last table).

An SDK decides which sources it sends, in which order and by which call; the local server, not Modal's, lays them over
each other. So the page shows what the SDKs do. Where Modal's service itself decides (a Secret over the image's own
variables), it shows what the local server does. What the SDKs' sources say is [fact S30](semantics.md#facts).

How to read the tables:

- **secrets** is the list that is given as `secrets=`, in its order. "named" is a Secret that was looked up by name
  (`from_name`, `fromName`), "dict" one made of a dict or an object (`from_dict`, `fromObject`); A and B are two of a
  kind.
- **env** says whether `env=` is given too.
- The other columns are the clients: **Python** and **JavaScript** are Modal's SDKs, V1 and V2 its two backends of
  sandboxes, **client** is that of the embedded runtime.
- A cell names the sources from the strongest to the weakest: in every pair the first one has won. "image", "sandbox"
  and "app" are the variables or Secrets that these have of their own. What is not named was dropped.

Each two sources share a key, and one key is in all of them; every source gives its own value. So a row tells of each
pair which of the two wins.
"""


class Servers(NamedTuple):
    """What the columns run against."""

    path: Path
    environment: Mapping[str, str]
    programs: node.Node


class Column(NamedTuple):
    """A column of the page: a client on a backend."""

    title: str
    sdk: Sdk
    run: Callable[[Servers, Sequence[Case]], Observed]


def columns(target: str) -> list[Column]:
    """The columns of a target's table."""
    found = []
    backends = {"1": " V2", "0": " V1"} if target in ON_BACKENDS else {"1": ""}
    for backend, name in backends.items():
        found.append(Column(f"Python{name}", Sdk.PYTHON, _python(backend)))
    if target != "function":
        for backend, name in backends.items():
            found.append(Column(f"JavaScript{name}", Sdk.JS, _javascript(backend)))
    return [*found, Column("client", Sdk.REFERENCE, run_client)]


def _python(backend: str) -> Callable[[Servers, Sequence[Case]], Observed]:
    def run(servers: Servers, some: Sequence[Case]) -> Observed:
        done = subprocess.run(
            [sys.executable, str(PYTHON_PROGRAM)],
            input=_asked(some, deploy=False),
            env={**servers.environment, "MODAL_SANDBOX_V2": backend},
            text=True,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return _observed(done.stdout)

    return run


def _javascript(backend: str) -> Callable[[Servers, Sequence[Case]], Observed]:
    def run(servers: Servers, some: Sequence[Case]) -> Observed:
        env = {**servers.environment, "MODAL_SANDBOX_V2": backend}
        return _observed(servers.programs.output(JS_PROGRAM.read_text(encoding="utf-8"), env, stdin=_asked(some)))

    return run


def run_client(servers: Servers, some: Sequence[Case]) -> Observed:
    """The cases with the in-process client."""
    with ModalClient(path=servers.path) as client:
        runs = ClientRuns(client)
        return {case.id: seen(runs.run(case)) for case in some}


def deploy(servers: Servers) -> None:
    """Deploy the Function that JavaScript calls."""
    env = dict(servers.environment)
    command = [sys.executable, str(PYTHON_PROGRAM)]
    subprocess.run(command, input=_asked((), deploy=True), env=env, text=True, capture_output=True, check=True)


def plant(workspace: Workspace) -> None:
    """Create the named Secrets."""
    for label in NAMED:
        workspace.secret_create(label.replace(" ", "-"), contents()[label], on_conflict="overwrite")


def _asked(some: Sequence[Case], *, deploy: bool = False) -> str:
    plain = [case.plain() for case in some]
    return json.dumps({"contents": contents(), "named": NAMED, "cases": plain, "deploy": deploy})


def _observed(output: str) -> Observed:
    return {case: seen(environment) for case, environment in json.loads(output).items()}


def row(case: Case, cells: Sequence[Mapping[str, str]]) -> str:
    """A row of the page."""
    secrets = ", ".join(case.secrets) or "none"
    return " | ".join(["", secrets, "yes" if case.env else "no", *map(order, cells), ""]).strip()


def table(target: str, servers: Servers) -> str:
    """A target's section."""
    chosen, some = columns(target), cases(target)
    results = [column.run(servers, some) for column in chosen]
    head = ["", "secrets", ENV, *(column.title for column in chosen), ""]
    lines = [" | ".join(head).strip(), "|" + " --- |" * (len(head) - 2)]
    lines += [row(case, [result[case.id] for result in results]) for case in some]
    return f"## {TITLES[target]}\n\n{NOTES[target]}\n\n" + "\n".join(lines) + "\n"


def introduction() -> str:
    """The page's beginning, with the versions that run here."""
    package = json.loads((node.JS / "package.json").read_text(encoding="utf-8"))
    return INTRODUCTION.format(python=metadata.version("modal"), js=package["dependencies"]["modal"])


def main() -> None:
    """Print the page."""
    node.install()
    os.environ["MODAL_LINT_RUNTIME_KEYRING"] = "0"
    with tempfile.TemporaryDirectory() as directory:
        path, programs = Path(directory) / "workspace", Path(directory) / "programs"
        programs.mkdir()
        with Workspace(path) as workspace, Running(workspace) as server:
            plant(workspace)
            servers = Servers(path, server.environment(os.environ), node.Node(programs))
            deploy(servers)
            page = "\n".join([introduction(), *(table(target, servers) for target in BASE)])
    sys.stdout.write(page)


if __name__ == "__main__":
    main()
