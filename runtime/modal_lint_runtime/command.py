"""`modal-lint runtime`: the commands about the local workspace.

Values come from a file, from standard input or from a hidden prompt; none is taken from the command line, where other
users and the shell's history would see it.
"""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

import click

from modal_lint_runtime.command_common import PATH, UserError, confirm, opened
from modal_lint_runtime.errors import AlreadyExistsError, ModalError, NotFoundError, WorkspaceError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["runtime"]

_LAZY = {
    "secret": ("modal_lint_runtime.command_secret", "secret"),
    "serve": ("modal_lint_runtime.command_serve", "serve"),
    "exec": ("modal_lint_runtime.command_serve", "exec_"),
    "sandbox": ("modal_lint_runtime.command_sandbox", "sandbox"),
}
"""Commands that are imported when they are asked for: module and name."""


def _advised(error: ModalError) -> str:
    """What went wrong, and what to do where that is not said."""
    text = str(error)
    if isinstance(error, AlreadyExistsError):
        return f"{text}: --force replaces its entries, `modal-lint runtime secret update` changes some"
    if isinstance(error, NotFoundError) and text.startswith("Secret "):
        return f"{text}: `modal-lint runtime secret list` shows what there is"
    if isinstance(error, NotFoundError) and text.startswith("Environment "):
        return f"{text}: leave --env out for `main`"
    if isinstance(error, WorkspaceError) and text.endswith(("Permission denied.", "is no directory.")):
        return f"{text} Name another one with --path or MODAL_LINT_RUNTIME_DIR."
    return text


class _Commands(click.Group):
    """Imports commands late, and turns the runtime's exceptions into one line and status 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        found = [name for name in _LAZY if self.get_command(ctx, name) is not None]
        return sorted({*super().list_commands(ctx), *found})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _LAZY:
            return super().get_command(ctx, cmd_name)
        module, name = _LAZY[cmd_name]
        try:
            command: click.Command = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            if error.name == module:
                return None
            raise
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModalError as error:
            raise UserError(_advised(error)) from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def runtime() -> None:
    """Try Secrets locally: a workspace in a directory, without an account."""


@runtime.command()
@PATH
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def status(path: Path | None, as_json: bool) -> None:
    """Show where the workspace is, where its key is, and what it holds."""
    with opened(path) as workspace:
        found = workspace.status()
    if as_json:
        click.echo(json.dumps(found))
        return
    for name, value in found.items():
        click.echo(f"{name}: {'none yet' if value is None else value}")


@runtime.command()
@PATH
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def reset(path: Path | None, yes: bool) -> None:
    """Delete everything in the workspace for good.

    One that cannot be opened (damaged, without its key) is removed whole: let nothing use it meanwhile.
    """
    from modal_lint_runtime.errors import WorkspaceError
    from modal_lint_runtime.workspace import Workspace, default_path, erase

    where = path or default_path()
    if not where.exists():
        raise UserError(f"{where} holds no workspace.")
    confirm(f"Delete everything in the workspace {where} for good?", yes)
    try:
        with Workspace(where) as workspace:
            workspace.check()
            workspace.reset()
    except WorkspaceError:
        erase(where)
    click.echo(f"The workspace {where} is empty.")
