"""What `modal-lint inventory` does once the command line is understood."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modal_lint.config import Resolver
from modal_lint.discover import STDIN
from modal_lint.inventory.collect import collect
from modal_lint.inventory.formats import render, words
from modal_lint.report.base import from_failure, place, visible
from modal_lint.settings import UserError, nearest
from modal_lint.terminal import Progress, look, tell, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modal_lint.inventory.model import Inventory, Secret
    from modal_lint.model import Failure
    from modal_lint.settings import Layer

_PRIVATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for, beyond what `Settings` say."""

    paths: tuple[str, ...]
    overrides: tuple[Layer, ...] = ()
    config: str | None = None
    isolated: bool = False
    secrets: tuple[str, ...] = ()  # the only ones to show; none: all
    output_format: str = "full"
    output_file: str | None = None
    write_known_secrets: bool = False
    colour: str = "auto"
    quiet: bool = False


def inventory(request: Request) -> int:
    """Show the inventory and return the exit status: 1 where a file could not be looked at.

    Raises:
        UserError: of the user, on the command line or in a configuration file.
    """
    found = _chosen(collected(request), request.secrets)
    if request.write_known_secrets:
        from modal_lint.inventory.configuration import record

        for line in record(found, request.paths, config=request.config, isolated=request.isolated):
            tell(visible(line))
    else:
        _deliver(found, request)
    return told(found.failures)


def collected(request: Request) -> Inventory:
    """The inventory of the request's paths.

    Raises:
        UserError: standard input is among them, or a configuration file is wrong.
    """
    if STDIN in request.paths:
        raise UserError("standard input is no project: name files or directories")
    source = Resolver(request.overrides, isolated=request.isolated, explicit=request.config)
    with Progress(wanted=not request.quiet) as progress:
        return collect(request.paths, source, jobs=source.at(os.getcwd()).jobs, progress=progress)


def told(failures: Iterable[Failure]) -> int:
    """Say which files could not be looked at; the exit status."""
    status = 0
    for one in failures:
        tell(f"{place(from_failure(one))}: not checked: {visible(one.reason)}")
        status = max(status, 2 if one.is_internal else 1)
    return status


def _chosen(found: Inventory, names: Sequence[str]) -> Inventory:
    for name in names:
        if found.get(name) is None:
            known = [secret.name for secret in found.secrets]
            raise UserError(f"--secret: nothing uses a Secret {visible(name)}{nearest(name, known)}")
    if not names:
        return found
    return replace(
        found,
        secrets=tuple(secret for secret in found.secrets if secret.name in names),
        unnamed=(),
        undecided=tuple(one for one in found.undecided if not set(names).isdisjoint(one.names)),
    )


def _deliver(found: Inventory, request: Request) -> None:
    if request.output_format == "dotenv" and request.output_file is not None:
        _write_templates(found, request.output_file)
        return
    colour = "never" if request.output_file and request.colour == "auto" else request.colour
    text = render(request.output_format, found, look(colour, sys.stdout))
    put(text, request.output_file)
    unnamed = words.unnamed(found)
    if unnamed and not request.quiet and (request.output_format != "full" or request.output_file is not None):
        tell(unnamed)


def put(text: str, path: str | None) -> None:
    """Write a result to a file, or to standard output where there is none.

    Raises:
        UserError: the file cannot be written.
    """
    if path is None:
        write(text)
    else:
        from modal_lint.report.outputs import write_report

        write_report(path, text, "--output-file")


def _write_templates(found: Inventory, path: str) -> None:
    """Each Secret's template as a file of its own: beside each other in a directory, or the one in the file named."""
    from modal_lint.inventory.formats import dotenv

    is_folder = os.path.isdir(path) or path.endswith(os.sep)
    if not is_folder and len(found.secrets) == 1:
        _write_template(path, dotenv.template(found.secrets[0]))
        return
    if not is_folder and os.path.lexists(path):
        raise UserError("--output-file: each Secret is a file: name a directory, or one Secret with --secret")
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
    except OSError as error:
        raise UserError(f"--output-file: cannot be made: {(error.strerror or 'unknown').lower()}") from None
    for secret in found.secrets:
        _write_into(path, secret)


def _write_into(folder: str, secret: Secret) -> None:
    from modal_lint.inventory.formats import dotenv

    name = dotenv.filename(secret)
    if name is None:
        tell(f"left out: Secret {visible(secret.name)} (no file can have this name)")
    elif os.path.lexists(os.path.join(folder, name)):
        tell(f"left as it is: {visible(os.path.join(folder, name))}")
    else:
        _write_template(os.path.join(folder, name), dotenv.template(secret))


def _write_template(path: str, text: str) -> None:
    """A new file that only its owner can read: values will be written into it."""
    try:
        descriptor = os.open(path, _PRIVATE, 0o600)
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise UserError("--output-file: there is such a file, and it may hold values: name another one") from None
    except OSError as error:
        raise UserError(f"--output-file: cannot be written: {(error.strerror or 'unknown').lower()}") from None
