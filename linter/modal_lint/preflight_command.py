"""`modal-lint preflight`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from modal_lint import workspaces
from modal_lint.cli import layers_of, shared
from modal_lint.inventory.cli import FILES
from modal_lint.model import Severity
from modal_lint.preflight import NoEnvironmentError
from modal_lint.report.base import UNREADABLE

if TYPE_CHECKING:
    from pathlib import Path

    from modal_lint.engine import Session
    from modal_lint.model import Report
    from modal_lint.preflight_formats import Flight
    from modal_lint.preflight_places import Runtime, Service

_FAMILY = "MS4"  # what is rejected: the call raises


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=shared("paths", "colour", *FILES),
)
@workspaces.options("The environment to deploy to; by default that of the profile, or `main`.")
@click.option("--output-format", type=click.Choice(("full", "json")), default="full", help="How to show the result.")
@click.option("-o", "--output-file", metavar="FILE", help="Write the result to a file instead of standard output.")
@click.option("-q", "--quiet", is_flag=True, help="Print the result and nothing else.")
def preflight(**options: Any) -> int:
    """Compare what the code needs with what a workspace has, before it is deployed.

    Missing Secrets and keys, calls that would raise, and Secrets that nothing uses. Only names of Secrets and keys are
    asked for: no value is read. Exits with 1 where something is missing or would raise.
    """
    from modal_lint.inventory.command import put
    from modal_lint.preflight_formats import render
    from modal_lint.terminal import look

    flight = _flown(options)
    path = options["output_file"]
    colour = "never" if path is not None and options["colour"] == "auto" else options["colour"]
    put(render(options["output_format"], flight, look(colour, sys.stdout)), path)
    if flight.report.is_broken:
        return 2
    return 0 if flight.is_ready else 1


def _flown(options: dict[str, Any]) -> Flight:
    from modal_lint_runtime.errors import ModalError

    from modal_lint.inventory import of_run
    from modal_lint.preflight import compared
    from modal_lint.preflight_formats import Flight
    from modal_lint.settings import UserError

    if options["path"] is not None and options["workspace"] != "runtime":
        raise UserError("--path is about the embedded runtime: say --workspace runtime")
    # The code first: processes must not be forked once the SDK runs its threads.
    session = _session(options)
    report = _run(session, quiet=options["quiet"])
    inventory = of_run(session, report)
    place: Runtime | Service | None = None
    try:
        place = _place(options["workspace"], options["path"])
        environment = options["environment"] or place.default
        result = compared(inventory, place, environment)
    except NoEnvironmentError:
        assert place is not None
        raise UserError(f"--env: {place.title} has no environment {options['environment'] or place.default}") from None
    except (ModalError, OSError) as error:
        what = options["workspace"] if place is None else place.title
        why = str(error).rstrip(".")
        raise UserError(f"{what} cannot be asked: {why}; run it again when that is settled") from None
    finally:
        if place is not None:
            place.close()
    return Flight(options["workspace"], place.title, environment, inventory, report, result)


def _session(options: dict[str, Any]) -> Session:
    from modal_lint import selection
    from modal_lint.config import Resolver
    from modal_lint.discover import STDIN
    from modal_lint.engine import Session
    from modal_lint.inventory import visit
    from modal_lint.settings import UserError

    paths = tuple(options["paths"]) or (".",)
    if STDIN in paths:
        raise UserError("standard input is no project: name files or directories")
    layers, config = layers_of({**options, "output_format": None})
    source = Resolver(layers, isolated=options["isolated"], explicit=config)
    rules = tuple(
        rule
        for rule in selection.catalogue()
        if rule.code == UNREADABLE or (rule.code.startswith(_FAMILY) and rule.severity is Severity.ERROR)
    )
    return Session(paths, source, rules=rules, jobs=source.at(os.getcwd()).jobs, visit=visit)


def _run(session: Session, *, quiet: bool) -> Report:
    from modal_lint.terminal import Progress

    with Progress(wanted=not quiet) as progress:
        session.progress = progress
        return session.run()


def _place(workspace: str, path: Path | None) -> Runtime | Service:
    from modal_lint.preflight_places import Runtime, Service

    return Runtime(path) if workspace == "runtime" else Service()
