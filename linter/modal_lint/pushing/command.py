"""`modal-lint secrets push` and `modal-lint secrets list`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modal_lint import workspaces
from modal_lint.report.base import visible
from modal_lint.settings import UserError, nearest
from modal_lint.terminal import tell, write
from modal_lint.vault import NAME, SECRETS, RefusedError, closest, is_there, open_vault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modal_lint.pushing.held import Held
    from modal_lint.pushing.places import Place
    from modal_lint.pushing.push import Push, Result
    from modal_lint.vault import Folder

_CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_DELETED = (
    "Deleted files were overwritten first. Copies that the disk itself, a snapshot or a backup keeps are out of reach: "
    "rotate what must be gone for certain."
)
_PROJECT = click.option(
    "--project",
    type=click.Path(path_type=Path, file_okay=False),
    help=f"The project whose {NAME}/{SECRETS} is meant; by default the closest one from here upwards.",
)


@click.group(context_settings=_CONTEXT)
def secrets() -> None:
    """Create the Secrets that fixes have preserved values for."""


@secrets.command(name="list", context_settings=_CONTEXT)
@_PROJECT
def list_(project: Path | None) -> int:
    """List the preserved values by Secret and key. Asks nobody, shows no value."""
    from modal_lint.pushing.held import read_all

    root = _root(project)
    if root is None:
        tell("Nothing is preserved here.")
        return 0
    try:
        with open_vault(root) as folder:
            found = read_all(folder)
    except (RefusedError, OSError) as error:
        raise UserError(_refusal(error)) from None
    for held in found:
        _say(held.name, held.problem or ", ".join(held.keys))
        _warn(held)
    if not found:
        tell(f"Nothing is preserved in {visible(str(root / NAME / SECRETS))}.")
    return 1 if any(held.problem for held in found) else 0


@secrets.command(name="hash", context_settings=_CONTEXT)
def hash_() -> int:
    """Print the hash of a value that is no secret, for `allow-values` of the configuration.

    The value is asked for, hidden; without a terminal it is one line of standard input. The salt is the one that the
    configuration of this folder has already.
    """
    from modal_lint.baseline_file import Hasher
    from modal_lint.config import Resolver
    from modal_lint.model import Hidden

    terminal = sys.stdin is not None and sys.stdin.isatty()
    value = str(click.prompt("Value", hide_input=True, err=True)) if terminal else _line_of_stdin()
    if not value:
        raise UserError("there is no value; give it on standard input, never on the command line")
    custom = Resolver().at(os.getcwd()).custom
    hasher = Hasher(bytes.fromhex(custom.hashes[0][0])) if custom is not None and custom.hashes else Hasher()
    write(f"scrypt:{hasher.salt.hex()}:{hasher.hashes([Hidden(value)])[Hidden(value)]}\n")
    return 0


@secrets.command(context_settings=_CONTEXT)
@click.argument("names", nargs=-1, metavar="[SECRET]...")
@workspaces.options("The environment to create the Secrets in.")
@_PROJECT
@click.option("--apply", "--yes", "-y", "apply", is_flag=True, help="Do it. Without this, only say what would be done.")
@click.option("--merge", is_flag=True, help="Add and replace keys of Secrets that exist; their other keys stay.")
@click.option("--force", is_flag=True, help="Replace Secrets that exist, all their keys.")
@click.option("--keep", is_flag=True, help="Leave the preserved files where they are.")
def push(
    names: tuple[str, ...],
    workspace: str,
    environment: str | None,
    path: Path | None,
    project: Path | None,
    apply: bool,
    merge: bool,
    force: bool,
    keep: bool,
) -> int:
    """Create named Secrets from .modal-lint/secrets, verify them, and delete the preserved files.

    All of them, or the SECRETs named. Without --apply nothing is changed.
    """
    from modal_lint.pushing.push import Conflict, Push

    if merge and force:
        raise UserError("--merge keeps the keys that a Secret has, --force does not: choose")
    if path is not None and workspace != "runtime":
        raise UserError("--path is about the embedded runtime: say --workspace runtime")
    conflict = Conflict.MERGE if merge else Conflict.FORCE if force else Conflict.STOP
    root = _root(project)
    if root is None:
        if names:
            raise UserError(f"nothing is preserved here: no {NAME}/{SECRETS} from {Path.cwd()} upwards; say --project")
        tell("Nothing is preserved here: nothing to push.")
        return 0
    workspaces.import_nothing_of(root)
    try:
        with open_vault(root) as folder:
            held = _chosen(folder, names)
            if not held:
                tell(f"Nothing is preserved in {visible(str(root / NAME / SECRETS))}: nothing to push.")
                return 0
            place = _place(workspace, path, environment)
            try:
                return _run(Push(folder, place, conflict, keep=keep), place, held, apply=apply)
            finally:
                place.close()
    except (RefusedError, OSError) as error:
        raise UserError(_refusal(error)) from None


def _line_of_stdin() -> str:
    return "" if sys.stdin is None else sys.stdin.readline().rstrip("\r\n")


def _root(project: Path | None) -> Path | None:
    """The project that has preserved values."""
    if project is not None:
        if not is_there(project):
            raise UserError(f"--project: {visible(str(project))} has no {NAME}/{SECRETS}; fixes make it")
        return Path(os.path.abspath(project))
    found = closest(os.getcwd())
    return None if found is None else Path(found)


def _chosen(folder: Folder, names: Sequence[str]) -> list[Held]:
    from modal_lint.pushing import journal
    from modal_lint.pushing.held import read_all

    journal.sweep(folder)
    found = read_all(folder, names)
    there = {held.name for held in found}
    for name in names:
        if name not in there:
            known = [held.name for held in read_all(folder)]
            hint = nearest(os.path.basename(name).removesuffix(".env"), known)
            what = "is a path, not the name of a Secret" if os.sep in name else "has no preserved values"
            raise UserError(f"{visible(name)} {what}{hint or '; `modal-lint secrets list` shows what has'}")
    return found


def _place(workspace: str, path: Path | None, environment: str | None) -> Place:
    from modal_lint_runtime.errors import ModalError

    from modal_lint.pushing.places import Runtime, Service

    if workspace == "modal" and sys.stderr is not None and sys.stderr.isatty():
        tell("Connecting to Modal…")  # which it tries for a minute
    try:
        return Runtime(path, environment) if workspace == "runtime" else Service(environment)
    except ModalError as error:
        again = "nothing was changed; run it again when that is settled"
        raise UserError(f"--workspace {workspace}: {str(error).rstrip('.')}: {again}") from None


def _run(push_: Push, place: Place, held: Sequence[Held], *, apply: bool) -> int:
    tell(f"To {visible(place.title)}:")
    results: list[Result] = []
    for number, each in enumerate(held, 1):
        result, fatal = _one(push_, each, apply=apply)
        _say(each.name, result.text)
        _warn(each)
        results.append(result)
        if fatal:
            rest = [other.name for other in held[number:]]
            tell(
                f"error: {visible(place.title)} did not answer as it should"
                + (f"; not tried: {', '.join(rest)}" if rest else "")
            )
            return 2
    if any(result.destroyed for result in results):
        tell(_DELETED)
    if not apply and any(result.done for result in results):
        tell("Nothing was changed. Say --apply to do it.")
    return 0 if all(result.done for result in results) else 1


def _one(push_: Push, held: Held, *, apply: bool) -> tuple[Result, bool]:
    """Push one Secret, or say what would be done; and whether to go on is no use."""
    from modal_lint_runtime.errors import AlreadyExistsError, InvalidError, ModalError, NotFoundError

    from modal_lint.pushing.push import Act, Result, reason

    try:
        step = push_.plan(held)
        if apply:
            return push_.perform(step), False
        return Result(held.name, step.text, done=step.act is not Act.NOTHING), False
    except (AlreadyExistsError, InvalidError, NotFoundError) as error:
        return Result(held.name, f"failed: {reason(error, held)}; its preserved file stays", done=False), False
    except (ModalError, OSError) as error:
        again = "run the same command again when that is settled: it goes on where it stopped"
        return Result(held.name, f"failed: {reason(error, held)}; {again}", done=False), True


def _say(name: str, text: str) -> None:
    write(visible(f"{name}: {text}") + "\n")


def _warn(held: Held) -> None:
    if held.warning:
        tell(visible(f"warning: {held.name}: {held.warning}"))


def _refusal(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{visible(str(error.filename or NAME))}: {(error.strerror or type(error).__name__).lower()}"
    return f"{visible(str(error))}; look at who made it, and move it away"
