"""What the commands of `modal-lint runtime` share: options, mistakes, questions, and the workspace."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from modal_lint_runtime.workspace import Workspace

PATH = click.option(
    "--path",
    type=click.Path(path_type=Path),
    help="The workspace's directory (default: $MODAL_LINT_RUNTIME_DIR, or the user's own).",
)
ENVIRONMENT = click.option(
    "-e",
    "--env",
    "environment",
    envvar="MODAL_ENVIRONMENT",
    default="main",
    show_default=True,
    help="The environment in the workspace.",
)


class UserError(click.ClickException):
    """A mistake of the user: one line on standard error, status 2."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line."""
        click.echo(f"error: {self.format_message()}", file=file, err=file is None)


def opened(path: Path | None) -> Workspace:
    """The workspace at ``path``, which must be one to be closed. Raises WorkspaceError when it cannot be opened."""
    from modal_lint_runtime.workspace import Workspace

    return Workspace(path)


def confirm(question: str, yes: bool) -> None:
    """Ask before something that cannot be undone.

    Raises:
        UserError: the answer is no, or there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UserError("there is no terminal to ask at: say --yes to do it.")
    if not click.confirm(question, err=True):
        raise UserError("nothing was deleted.")
