"""How a comparison with a workspace is shown: `full` for people, `json` for programs."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modal_lint.inventory.formats import words
from modal_lint.inventory.formats.json import place, user
from modal_lint.model import Report, Severity
from modal_lint.preflight import Kind
from modal_lint.report.base import SEVERITY_COLOUR, visible
from modal_lint.report.summary import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.inventory.model import Inventory
    from modal_lint.preflight import Problem, Result
    from modal_lint.report.base import Look

FORMATS = ("full", "json")


@dataclass(frozen=True, slots=True)
class Flight:
    """One comparison: what was asked, what was found in the code, and what the workspace said."""

    workspace: str  # "modal" or "runtime"
    title: str
    environment: str | None
    inventory: Inventory
    report: Report
    result: Result

    @property
    def is_ready(self) -> bool:
        """Whether nothing stands in the way that is known."""
        return not (self.result.problems or self.report.findings or self.report.failures)


def render(name: str, flight: Flight, look: Look) -> str:
    """A comparison in the format ``name``."""
    return _full(flight, look) if name == "full" else _json(flight)


def message(problem: Problem) -> str:
    """What is wrong, in one line."""
    secret, where = visible(problem.secret), _environment(problem.environment)
    if problem.kind is Kind.NO_ENVIRONMENT:
        return f"Secret {secret} is looked up in {where}, which does not exist"
    if problem.kind is Kind.NO_SECRET:
        created = "; the code creates it" if problem.severity is Severity.WARNING else ""
        return f"Secret {secret} does not exist in {where}{created}"
    keys = ", ".join(map(visible, problem.keys))
    read = ", which the code reads" if problem.severity is Severity.WARNING else ""
    return f"Secret {secret} of {where} lacks {keys}{read}"


def remedy(problem: Problem, workspace: str) -> str | None:
    """The command that helps; no value stands in it."""
    option = "" if problem.environment is None else f" --env {shlex.quote(visible(problem.environment))}"
    if problem.kind is Kind.NO_SECRET:
        program = "modal" if workspace == "modal" else "modal-lint runtime"
        keys = f"  # with {', '.join(problem.keys)}" if problem.keys else ""
        return f"{program} secret create {shlex.quote(visible(problem.secret))}{option} --from-dotenv FILE{keys}"
    if problem.kind is Kind.NO_ENVIRONMENT and workspace == "modal":
        return f"modal environment create {shlex.quote(visible(problem.environment or ''))}"
    return None


def _environment(name: str | None) -> str:
    return "the default environment" if name is None else f"environment {visible(name)}"


# ---- full -------------------------------------------------------------------------------------------------------


def _full(flight: Flight, look: Look) -> str:
    from modal_lint.report import full

    lines = [line for problem in flight.result.problems for line in (*_block(problem, flight.workspace, look), "")]
    findings = full.render(flight.report, look)
    return "".join(line + "\n" for line in lines) + findings + "".join(f"{line}\n" for line in _end(flight, look))


def _block(problem: Problem, workspace: str, look: Look) -> Iterator[str]:
    level = look.paint(problem.severity.value, "bold", SEVERITY_COLOUR[problem.severity])
    yield f"{level}: {look.paint(message(problem), 'bold')}"
    if problem.locations:
        yield f"  asked for  {words.places(problem.locations)}"
    for at, one in enumerate(problem.users):
        app = f" of App {visible(one.app)}" if one.app is not None and one.kind.value != "app" else ""
        yield f"  {'used by' if at == 0 else '':<9}  {words.user(one)}{app}, {words.place(one.location)}"
    command = remedy(problem, workspace)
    if command is not None:
        yield f"  {look.paint('help:', 'cyan')}      {command}"


def _end(flight: Flight, look: Look) -> Iterator[str]:
    result, inventory = flight.result, flight.inventory
    where = f"{_environment(flight.environment)} of {visible(flight.title)}"
    files = f"({count(inventory.checked, 'file')} checked)"
    if flight.is_ready:
        yield f"{look.paint('Ready', 'green')} for {where}: {count(result.compared, 'Secret')} compared {files}."
    else:
        number = len(result.problems) + len(flight.report.findings) + len(flight.report.failures)
        yield f"{look.paint('Found ' + count(number, 'problem'), 'bold')} for {where} {files}."
    if any(problem.kind is Kind.NO_SECRET for problem in result.problems):
        yield "Templates to fill in: modal-lint inventory --output-format dotenv --output-file DIRECTORY"
    if result.unknown:
        yield f"Not compared, because the environment is not known: {', '.join(map(visible, result.unknown))}."
    if inventory.unnamed:
        yield f"Not compared: {words.unnamed(inventory)}."
    if result.unused:
        unsure = ", as far as names are known" if inventory.unnamed else ""
        yield look.paint(f"Nothing here uses{unsure}: {', '.join(map(visible, result.unused))}.", "dim")


# ---- json -------------------------------------------------------------------------------------------------------


def _json(flight: Flight) -> str:
    from modal_lint.report.base import diagnostics
    from modal_lint.report.json import described, dump

    return dump(
        {
            "version": 1,
            "ready": flight.is_ready,
            "workspace": flight.workspace,
            "environment": flight.environment,
            "compared": flight.result.compared,
            "problems": [_problem(one) for one in flight.result.problems],
            "findings": [described(one) for one in diagnostics(flight.report)],
            "unused": list(flight.result.unused),
            "unknown_environment": list(flight.result.unknown),
            "unnamed": [place(one.location) for one in flight.inventory.unnamed],
            "checked": flight.inventory.checked,
        }
    )


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "kind": problem.kind.value,
        "severity": problem.severity.value,
        "message": message(problem),
        "secret": problem.secret,
        "environment": problem.environment,
        "keys": list(problem.keys),
        "locations": [place(one) for one in problem.locations],
        "users": [{**user(one), **place(one.location)} for one in problem.users],
    }
