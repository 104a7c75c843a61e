"""`modal-lint runtime secret`: create, list, update and delete the workspace's Secrets."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from modal_lint_runtime.command_common import ENVIRONMENT, PATH, UserError, confirm, opened
from modal_lint_runtime.command_values import checked_key, gathered
from modal_lint_runtime.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from modal_lint_runtime.records import SecretRecord

_COLUMNS = ("Name", "Keys", "Created", "Last used")


def _values(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--from-json", "json_file", metavar="FILE", help="Take entries from a JSON object; - is stdin."),
        click.option("--from-dotenv", "dotenv", metavar="FILE", help="Take entries from a .env file; - is stdin."),
        click.argument("keys", nargs=-1, metavar="[KEY | KEY=-]..."),
        click.argument("name"),
    ):
        command = option(command)
    return command


@click.group()
def secret() -> None:
    """Create, list, update and delete Secrets."""


@secret.command()
@_values
@ENVIRONMENT
@PATH
@click.option("--force", is_flag=True, help="Replace all entries of a Secret that exists.")
def create(
    name: str,
    keys: tuple[str, ...],
    dotenv: str | None,
    json_file: str | None,
    environment: str,
    path: Path | None,
    force: bool,
) -> None:
    """Create a Secret.

    The value of KEY is asked for, hidden; that of KEY=- is read from standard input.
    """
    entries = _some(gathered(keys, dotenv, json_file))
    with opened(path) as workspace:
        record = workspace.secret_create(name, entries, environment, on_conflict="overwrite" if force else "fail")
    click.echo(_told("Created", record))


@secret.command()
@_values
@ENVIRONMENT
@PATH
@click.option("--remove", multiple=True, metavar="KEY", help="Remove this key; may be repeated.")
def update(
    name: str,
    keys: tuple[str, ...],
    dotenv: str | None,
    json_file: str | None,
    environment: str,
    path: Path | None,
    remove: tuple[str, ...],
) -> None:
    """Add, replace and remove entries of a Secret; the others stay."""
    removed = dict.fromkeys(checked_key(key) for key in remove)
    entries = _some({**removed, **gathered(keys, dotenv, json_file)}, removed=remove)
    with opened(path) as workspace:
        record = workspace.secret_update(workspace.secret_lookup(name, environment).id, entries)
    click.echo(_told("Updated", record))


@secret.command(name="list")
@ENVIRONMENT
@PATH
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def list_(environment: str, path: Path | None, as_json: bool) -> None:
    """List Secrets and their keys, newest first. Values are never shown."""
    with opened(path) as workspace:
        records = workspace.secret_list(environment)
    if as_json:
        click.echo(json.dumps([_public(record) for record in records], indent=2))
    else:
        _table([_COLUMNS, *(_row(record) for record in records)])


@secret.command()
@click.argument("name")
@ENVIRONMENT
@PATH
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--allow-missing", is_flag=True, help="It is no mistake if there is no such Secret.")
def delete(name: str, environment: str, path: Path | None, yes: bool, allow_missing: bool) -> None:
    """Delete a Secret for good."""
    with opened(path) as workspace:
        try:
            record = workspace.secret_lookup(name, environment)
            confirm(f"Delete the Secret {record.name!r} for good?", yes)
            workspace.secret_delete(record.id)
        except NotFoundError:
            if not allow_missing:
                raise
            click.echo("There is no such Secret.", err=True)
            return
    click.echo(f"Deleted the Secret {record.name!r}.")


def _some(entries: dict[str, Any], removed: tuple[str, ...] = ()) -> dict[str, Any]:
    twice = [key for key in removed if entries.get(key) is not None]
    if twice:
        raise UserError("a key cannot be given a value and removed at once.")
    if not entries:
        raise UserError("no entries: name a KEY to be asked for, or use --from-dotenv or --from-json.")
    return entries


def _told(what: str, record: SecretRecord) -> str:
    keys = ", ".join(record.keys) or "no keys"
    return f"{what} the Secret {record.name!r}: {keys}"


def _public(record: SecretRecord) -> dict[str, object]:
    return {
        "id": record.id,
        "name": record.name,
        "environment": record.environment,
        "keys": list(record.keys),
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "last_used_at": record.last_used_at,
    }


def _row(record: SecretRecord) -> tuple[str, ...]:
    return (record.name or "", ", ".join(record.keys), _when(record.created_at), _when(record.last_used_at))


def _when(seconds: float | None) -> str:
    return "-" if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
