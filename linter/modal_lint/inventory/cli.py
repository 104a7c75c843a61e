"""The command line of `modal-lint inventory`."""

from __future__ import annotations

from typing import Any

import click

from modal_lint.cli import layers_of, shared

FORMATS = ("full", "json", "markdown", "mermaid", "dotenv")
FILES = (
    *("exclude", "extend_exclude", "force_exclude", "respect_gitignore", "include_markdown"),
    *("config", "isolated", "jobs"),
)
"""The options of `check` that say which files are looked at, and how."""


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=shared("paths", "colour", *FILES),
)
@click.option(
    "--output-format", type=click.Choice(FORMATS), default="full", show_default=True, help="How to show the inventory."
)
@click.option(
    "-o",
    "--output-file",
    metavar="FILE|DIRECTORY",
    help="Write it to a file; in the format dotenv, each Secret to a new file in a directory.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print the inventory and nothing else.")
@click.option("--secret", "secrets", multiple=True, metavar="NAME", help="Show only this Secret; may be repeated.")
@click.option(
    "--write-known-secrets",
    is_flag=True,
    help="Add the Secrets and keys to `known-secrets` of the nearest configuration file instead of showing them.",
)
def inventory(**options: Any) -> int:
    """List the named Secrets that the code needs: their keys, and what uses them where.

    Names and places only: no value is read or shown, nothing is run, nobody is asked.
    """
    from modal_lint.inventory import command
    from modal_lint.settings import UserError

    if options["write_known_secrets"] and options["output_file"] is not None:
        raise UserError("--write-known-secrets writes the configuration, --output-file the inventory: choose")
    layers, config = layers_of({**options, "output_format": None})
    return command.inventory(
        command.Request(
            paths=tuple(options["paths"]) or (".",),
            overrides=layers,
            config=config,
            isolated=options["isolated"],
            secrets=tuple(options["secrets"]),
            output_format=options["output_format"],
            output_file=options["output_file"],
            write_known_secrets=options["write_known_secrets"],
            colour=options["colour"],
            quiet=options["quiet"],
        )
    )
