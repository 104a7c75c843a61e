"""How the workspaces are opened that a project can be compared with and pushed to, and the options that name one."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from modal_lint.settings import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from modal_lint_runtime.modal_backend import ModalBackend
    from modal_lint_runtime.workspace import Workspace

F = TypeVar("F", bound="Callable[..., Any]")

_NO_RUNTIME = "the embedded runtime needs its extra: pip install 'modal-lint[runtime]'"
_NO_SDK = (
    "Modal's service needs the `modal` package: pip install 'modal-lint[server]', "
    "or take the embedded runtime: --workspace runtime"
)
_BROKEN_SDK = "Modal's configuration cannot be read: mend ~/.modal.toml, or move it away and run `modal setup`"
_NO_TOKEN = "Modal needs a token: run `modal setup`, or set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET"


class Service(NamedTuple):
    """Modal's service, or a server that speaks its protocol, as the SDK's own configuration says."""

    backend: ModalBackend
    url: str
    environment: str  # that the configuration names, empty for the account's default

    @property
    def host(self) -> str:
        """Where it is, without a user's name."""
        return self.url.partition("://")[2].rpartition("@")[2] or self.url


def options(environment_help: str) -> Callable[[F], F]:
    """The options that say which workspace is meant.

    Args:
        environment_help: what the environment is for.
    """
    declared = (
        click.option(
            "--workspace",
            type=click.Choice(("modal", "runtime")),
            default="modal",
            show_default=True,
            help="Modal's service, as the `modal` package is configured, or the workspace of the embedded runtime.",
        ),
        click.option("-e", "--env", "environment", envvar="MODAL_ENVIRONMENT", metavar="NAME", help=environment_help),
        click.option(
            "--path", type=click.Path(path_type=Path), help="The directory of the embedded runtime's workspace."
        ),
    )

    def decorate(command: F) -> F:
        for option in reversed(declared):
            command = option(command)
        return command

    return decorate


def open_runtime(path: Path | None) -> Workspace:
    """The workspace of the embedded runtime.

    Args:
        path: its directory, None for the usual one.

    Raises:
        UserError: the extra is not installed.
        ModalError: the workspace cannot be opened.
    """
    try:
        from modal_lint_runtime.workspace import Workspace

        return Workspace(path)
    except ModuleNotFoundError:
        raise UserError(_NO_RUNTIME) from None


def open_service() -> Service:
    """Modal's service through the SDK.

    Raises:
        UserError: the SDK is not installed, cannot be loaded, or has no token.
    """
    from modal_lint_runtime.errors import AuthError, UnsupportedError
    from modal_lint_runtime.modal_backend import ModalBackend

    _load_sdk()
    backend = ModalBackend()
    try:
        backend.open()
        _ = backend.client
    except UnsupportedError:
        raise UserError(_NO_SDK) from None
    except AuthError:
        raise UserError(_NO_TOKEN) from None
    from modal.config import config

    return Service(backend, str(config["server_url"]), str(config["environment"] or ""))


def _load_sdk() -> None:
    """Import the SDK; a broken configuration makes it print a banner and raise (modal/config.py)."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            import modal  # noqa: F401
    except ImportError:
        raise UserError(_NO_SDK) from None
    except Exception as error:  # its text may quote the configuration
        raise UserError(f"{_BROKEN_SDK} ({type(error).__name__})") from None


def import_nothing_of(*folders: str | os.PathLike[str]) -> None:
    """Keep files of the checked project from being taken for the packages that are imported from here on.

    Args:
        folders: of the project; the current one counts among them.
    """
    own = {os.path.realpath(folder) for folder in (os.curdir, *folders)}
    sys.path[:] = [entry for entry in sys.path if entry and os.path.realpath(entry) not in own]
