"""`modal-lint runtime serve` and `modal-lint runtime exec`: the local server for other programs."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modal_lint_runtime.command_common import PATH, UserError, opened
from modal_lint_runtime.errors import ModalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from modal_lint_runtime.workspace import Workspace

NO_EXTRA = "the server needs the 'server' extra: pip install 'modal-lint[server]'"

_SEED = click.option(
    "--seed",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help='Secrets to create first: a JSON file {"NAME": {"KEY": "value"}}; existing ones get these values.',
)
_PORT = click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="The port on 127.0.0.1 (default: a free one)."
)


@click.command()
@_PORT
@_SEED
@PATH
@click.option("--check-token", is_flag=True, help="Admit only the token that is printed (default: any token).")
def serve(port: int, seed: Path | None, path: Path | None, check_token: bool) -> None:
    """Serve the workspace over Modal's protocol on 127.0.0.1.

    Prints the variables to export, so that the real SDKs and the `modal` command talk to it.
    """
    require_extra()
    from modal_lint_runtime.server.serving import Server, serve_until_signal
    from modal_lint_runtime.server.tokens import Credentials
    from modal_lint_runtime.server.variables import CLEARED, exports

    credentials = Credentials.generate()
    with opened(path) as workspace:
        plant(workspace, seed)
        server = Server(workspace, port=port, credentials=credentials if check_token else None)

        def announce() -> None:
            click.echo(f"unset {' '.join(CLEARED)}")
            for name, value in exports(server.url, credentials).items():
                click.echo(f"export {name}={shlex.quote(value)}")
            click.echo(f"serving {workspace.root} at {server.url}, stop with Ctrl-C", err=True)
            sys.stdout.flush()

        try:
            serve_until_signal(server, announce)
        except OSError as error:
            hint = "leave --port out for a free one"
            reason = os.strerror(error.errno) if error.errno else type(error).__name__
            raise UserError(f"cannot listen on port {port}: {reason}; {hint}") from None


@click.command(name="exec", context_settings={"ignore_unknown_options": True})
@_SEED
@PATH
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(seed: Path | None, path: Path | None, command: tuple[str, ...]) -> None:
    """Run COMMAND with the SDKs' variables pointing at a server that lives as long as it."""
    require_extra()
    from modal_lint_runtime.server.serving import Running

    with opened(path) as workspace:
        plant(workspace, seed)
        with Running(workspace) as server:
            sys.exit(run(command, server.environment(os.environ)))


def run(command: tuple[str, ...], environment: Mapping[str, str]) -> int:
    """The exit status of `command`, as a shell gives it: 127 when there is no such program, 128 + N after signal N."""
    try:
        with _passing_on() as started, subprocess.Popen(command, env=dict(environment)) as process:
            started(process)
            return _wait(process)
    except FileNotFoundError:
        click.echo(f"{command[0]}: no such program", err=True)
        return 127
    except PermissionError:
        click.echo(f"{command[0]}: cannot be run", err=True)
        return 126


@contextlib.contextmanager
def _passing_on() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Pass on to the command what asks this process to end, so that a cancelled job leaves no command behind.

    Yields what has to be told the command's process; signals that come before that wait for it.
    """
    running: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def pass_on(number: int, _frame: object) -> None:
        if running:
            running[0].send_signal(number)
        else:
            early.append(number)

    def started(process: subprocess.Popen[bytes]) -> None:
        running.append(process)
        for number in early:
            process.send_signal(number)

    numbers = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) is not signal.SIG_IGN]
    before = {number: signal.signal(number, pass_on) for number in numbers}
    try:
        yield started
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(process: subprocess.Popen[bytes]) -> int:
    while True:
        try:
            status = process.wait()
        except KeyboardInterrupt:
            continue  # The terminal sent it to the command as well, which decides.
        return status if status >= 0 else 128 - status


def plant(workspace: Workspace, seed: Path | None) -> None:
    """Create the Secrets of a seed file. Raises UserError for a malformed one; its text shows no value."""
    if seed is None:
        return
    for name, entries in _read_seed(seed).items():
        try:
            workspace.secret_create(name, entries, on_conflict="overwrite")
        except ModalError as error:
            raise UserError(f"{seed}: {error}") from None


def _read_seed(seed: Path) -> dict[str, Any]:
    try:
        content = json.loads(seed.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError, RecursionError) as error:
        place = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise UserError(f"{seed} is not readable JSON{place}") from None
    if not isinstance(content, dict):
        raise UserError(f"{seed} must hold an object of Secrets by name")
    return content


def require_extra() -> None:
    """Raise UserError when the packages of the `server` extra are missing."""
    if any(importlib.util.find_spec(name) is None for name in ("modal", "grpclib", "modal_proto")):
        raise UserError(NO_EXTRA)
