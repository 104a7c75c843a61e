"""`modal-lint runtime sandbox`: a command in a sandbox with Secrets, from the command line."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

import click

from modal_lint_runtime.command_common import ENVIRONMENT, PATH

if TYPE_CHECKING:
    from pathlib import Path

    from modal_lint_runtime.backend import Runs
    from modal_lint_runtime.output import Output

INTERRUPTED = 130
"""Exit status after Ctrl-C, as a shell has it."""

_PIECE = 1 << 16


@click.group()
def sandbox() -> None:
    """Run commands in sandboxes."""


@sandbox.command(context_settings={"ignore_unknown_options": True})
@PATH
@ENVIRONMENT
@click.option(
    "--secret", "secrets", multiple=True, metavar="NAME", help="A Secret whose variables it gets; repeatable."
)
@click.option("--image", default="python:3.13", show_default=True, metavar="TAG", help="The image it runs in.")
@click.option("--app", default="sandbox-run", show_default=True, metavar="NAME", help="The App; made when missing.")
@click.option("--workdir", metavar="PATH", help="Where it starts, an absolute path.")
@click.option("--timeout", type=float, default=300.0, show_default=True, metavar="SECONDS", help="When it is killed.")
@click.option("--block-network", is_flag=True, help="Without a network.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(
    path: Path | None,
    environment: str,
    secrets: tuple[str, ...],
    image: str,
    app: str,
    workdir: str | None,
    timeout: float,
    block_network: bool,
    command: tuple[str, ...],
) -> None:
    """Run COMMAND in a fresh sandbox; its exit status is this one's.

    It gets the variables of the Secrets and none of this shell's. Write -- before a COMMAND with options.
    """
    from modal_lint_runtime.client import ModalClient
    from modal_lint_runtime.errors import SandboxTimeoutError

    with ModalClient(path=path, environment=environment) as modal:
        given = [modal.secrets.from_name(name) for name in secrets]
        sandbox = modal.sandboxes.create(
            modal.apps.from_name(app, create_if_missing=True),
            modal.images.from_registry(image),
            secrets=given,
            command=list(command),
            workdir=workdir,
            timeout=timeout,
            block_network=block_network,
        )
        try:
            code = _attended(sandbox.core.main())
            sandbox.wait(raise_on_termination=False)
        except SandboxTimeoutError:
            click.echo(f"killed after {timeout:g} seconds; --timeout gives it more", err=True)
        except KeyboardInterrupt:
            code = INTERRUPTED
        sandbox.terminate()
    sys.exit(code)


def _attended(main: Runs) -> int:
    """Pass input and output on until the process ends; its exit code."""
    threading.Thread(target=_feed, args=(main,), name="modal-lint stdin", daemon=True).start()
    errors = threading.Thread(target=_show, args=(main.stderr, 2), name="modal-lint stderr", daemon=True)
    errors.start()
    _show(main.stdout, 1)
    errors.join()
    return main.wait()


def _feed(main: Runs) -> None:
    try:
        while data := os.read(0, _PIECE):
            main.write_stdin(data)
    except OSError:
        pass  # it does not read any more, or there is no standard input here
    main.close_stdin()


def _show(output: Output, descriptor: int) -> None:
    try:
        for data in output.drain():
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
    except OSError:
        pass  # nobody reads it here: the process goes on to its end
    else:
        if output.truncated:
            click.echo("output came faster than it was read here: some of it is lost", err=True)
