"""The command line. It decides nothing: it turns arguments into a request."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

from modal_lint import __version__
from modal_lint.report import FORMATS
from modal_lint.terminal import complain, tell

F = TypeVar("F", bound=Callable[..., Any])

_CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_SEVERITIES = ("info", "warning", "error")
# Programs of their own, loaded when they are asked for.
_LATE = {
    "runtime": ("modal_lint_runtime.command", "runtime"),
    "secrets": ("modal_lint.pushing.command", "secrets"),
    "baseline": ("modal_lint.interop.command", "baseline"),
    "inventory": ("modal_lint.inventory.cli", "inventory"),
    "preflight": ("modal_lint.preflight_command", "preflight"),
}
_CONFIDENCES = ("low", "medium", "high")


class _Commands(click.Group):
    """The commands; arguments that name none are paths to check."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_LATE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _LATE:
            return super().get_command(ctx, cmd_name)
        from importlib import import_module

        module, name = _LATE[cmd_name]
        command: click.Command = getattr(import_module(module), name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in ("-h", "--help", "--version") and args[0] not in (*self.commands, *_LATE):
            self._refuse_typos(args[0])
            args = ["check", *args]
        return super().parse_args(ctx, args)

    def _refuse_typos(self, word: str) -> None:
        """A bare word that is no file is meant as a command if it looks like one."""
        if word.startswith("-") or os.path.lexists(word) or os.sep in word or "." in word:
            return
        from modal_lint.settings import nearest

        hint = nearest(word, [*self.commands, *_LATE])
        if hint:
            raise click.UsageError(f"no such command or file `{word}`{hint}")


@click.group(cls=_Commands, context_settings=_CONTEXT, invoke_without_command=True)
@click.version_option(__version__, prog_name="modal-lint", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> int:
    """Find credentials hardcoded into Modal code, and move them into named Secrets.

    `modal-lint PATH...` is short for `modal-lint check PATH...`.
    """
    if ctx.invoked_subcommand is None:
        tell(ctx.get_help())
        return 2
    return 0


def _check_options(command: F) -> F:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _switch(name: str, text: str) -> Callable[[F], F]:
    return click.option(f"--{name}/--no-{name}", default=None, help=text)


_OPTIONS: list[Callable[[Any], Any]] = [
    click.argument("paths", nargs=-1, metavar="[PATHS]..."),
    _switch("unsafe-fixes", "Also apply fixes that change what the container sees until the named Secret exists."),
    _switch("show-fixes", "List what was fixed."),
    click.option("--diff", is_flag=True, help="Show what fixes would change, values masked, and write nothing."),
    click.option("--fix-only", is_flag=True, help="Apply fixes, say nothing of what is left, and exit with 0."),
    click.option("--exit-non-zero-on-fix", is_flag=True, help="Exit with 1 also if every finding was fixed."),
    click.option("--select", multiple=True, metavar="RULES", help="Rules to check: codes, prefixes, names, or ALL."),
    click.option("--extend-select", multiple=True, metavar="RULES", help="Rules to check besides those selected."),
    click.option("--ignore", multiple=True, metavar="RULES", help="Rules not to check."),
    click.option(
        "--per-file-ignores", multiple=True, metavar="GLOB:RULE,...", help="Rules not to check in some files."
    ),
    click.option("--fixable", multiple=True, metavar="RULES", help="Rules whose fixes may be applied."),
    click.option("--unfixable", multiple=True, metavar="RULES", help="Rules whose fixes must not be applied."),
    click.option("--min-severity", type=click.Choice(_SEVERITIES), help="Report only findings at least this severe."),
    click.option(
        "--min-confidence", type=click.Choice(_CONFIDENCES), help="Report only findings at least this certain."
    ),
    _switch("exposure", "Say of each hardcoded credential whether it is in git, since when, and on a pushed branch."),
    _switch("ignore-suppressions", "Report findings also where a comment silences them."),
    click.option("--baseline", metavar="FILE", help="Hide the findings that this file knows."),
    click.option("--update-baseline", is_flag=True, help="Write what is found now into the baseline."),
    click.option(
        "--add-suppressions",
        metavar="[=REASON]",
        help="Add a comment to each finding that silences it, with the reason.",
    ),
    click.option("--since", metavar="REV", help="Report only what has to do with changes since a revision of git."),
    click.option("--staged", is_flag=True, help="Check what is in git's index instead of the work tree."),
    click.option(
        "--output-format",
        type=click.Choice(FORMATS),
        envvar="MODAL_LINT_OUTPUT_FORMAT",
        show_envvar=True,
        help="How to show findings.",
    ),
    click.option("-o", "--output-file", metavar="FILE", help="Write findings to a file instead of standard output."),
    click.option(
        "--output",
        "outputs",
        multiple=True,
        metavar="FORMAT=PATH",
        help="Also write findings in this format to a file, or with `-` to standard output; may be repeated.",
    ),
    click.option(
        "--color", "colour", type=click.Choice(("auto", "always", "never")), default="auto", help="Use colour."
    ),
    click.option("--statistics", is_flag=True, help="Show how often each rule fired instead of the findings."),
    click.option("-q", "--quiet", is_flag=True, help="Print findings and nothing else."),
    click.option("-v", "--verbose", is_flag=True, help="Say more about the run on standard error."),
    click.option("-s", "--silent", is_flag=True, help="Print nothing; only the exit status tells."),
    click.option(
        "--exclude", multiple=True, metavar="GLOBS", help="Files and directories to skip, instead of the defaults."
    ),
    click.option("--extend-exclude", multiple=True, metavar="GLOBS", help="Files and directories to skip, too."),
    _switch("force-exclude", "Skip excluded files also if they are named on the command line."),
    _switch("respect-gitignore", "Skip what git ignores (on by default)."),
    _switch("include-markdown", "Check the Python in Markdown files too."),
    click.option("--stdin-filename", metavar="FILE", help="What to call standard input, given as `-`."),
    click.option("--show-files", is_flag=True, help="List the files that would be checked."),
    click.option("--show-settings", is_flag=True, help="Show the settings in use."),
    click.option(
        "--config", multiple=True, metavar="PATH|KEY=VALUE", help="A configuration file, or one setting as TOML."
    ),
    click.option(
        "--gitleaks-config", metavar="FILE", help="Use the rules and allowlists of this configuration of gitleaks, too."
    ),
    click.option("--isolated", is_flag=True, help="Read no configuration file."),
    click.option(
        "-j", "--jobs", type=click.IntRange(min=0), metavar="N", help="Processes to use; 0 is one per processor."
    ),
    click.option("--cache/--no-cache", default=True, help="Remember results, without values (on by default)."),
    click.option("--cache-dir", metavar="DIR", envvar="MODAL_LINT_CACHE_DIR", help="Where to remember results."),
    click.option("-e", "--exit-zero", is_flag=True, help="Exit with 0 also if there are findings."),
]


@cli.command(context_settings=_CONTEXT)
@_switch("fix", "Apply fixes.")
@_check_options
def check(**options: Any) -> int:
    """Check files and directories (the current one by default); `-` is standard input."""
    return _run(options)


@cli.command(context_settings=_CONTEXT)
@_check_options
def fix(**options: Any) -> int:
    """Check, and apply fixes: the same as `check --fix`."""
    return _run({**options, "fix": True})


@cli.command(context_settings=_CONTEXT)
@click.argument("rule")
@click.option("--output-format", type=click.Choice(("text", "json")), default="text", help="How to show the page.")
@click.option("--color", "colour", type=click.Choice(("auto", "always", "never")), default="auto", help="Use colour.")
def explain(rule: str, output_format: str, colour: str) -> int:
    """Show the page of a rule, named by its code or its name."""
    from modal_lint.report import pages
    from modal_lint.terminal import look, write

    write(pages.explain(rule, look(colour, sys.stdout), as_json=output_format == "json"))
    return 0


@cli.command(context_settings=_CONTEXT)
@click.option("--output-format", type=click.Choice(("text", "json")), default="text", help="How to show the list.")
@click.option("--color", "colour", type=click.Choice(("auto", "always", "never")), default="auto", help="Use colour.")
def rules(output_format: str, colour: str) -> int:
    """List all rules."""
    from modal_lint.report import pages
    from modal_lint.terminal import look, write

    write(pages.listing(look(colour, sys.stdout), as_json=output_format == "json"))
    return 0


@cli.command(context_settings=_CONTEXT)
@click.option("--stdio", is_flag=True, help="Talk over standard input and output (there is no other way).")
@click.option("--log-file", metavar="FILE", help="Note what is done; nothing of a document is noted.")
def server(stdio: bool, log_file: str | None) -> None:  # noqa: ARG001 - editors pass --stdio
    """Serve an editor: the language server (needs `pip install 'modal-lint[editor]'`)."""
    from modal_lint.settings import UserError

    try:
        from modal_lint.editor.server import serve
    except ImportError:
        raise UserError("the language server needs pygls 2: pip install 'modal-lint[editor]'") from None
    serve(log_file)


def _run(options: dict[str, Any]) -> int:
    from modal_lint import command

    paths = options["paths"] or (".",)
    layers, config = layers_of(options)
    levels = {"silent": -2, "quiet": -1, "verbose": 1}
    return command.check(
        command.Request(
            paths=tuple(paths),
            overrides=layers,
            config=config,
            isolated=options["isolated"],
            stdin_filename=options["stdin_filename"],
            diff=options["diff"],
            show_files=options["show_files"],
            show_settings=options["show_settings"],
            statistics=options["statistics"],
            exit_zero=options["exit_zero"],
            exit_non_zero_on_fix=options["exit_non_zero_on_fix"],
            fix_only=options["fix_only"],
            since=options["since"],
            staged=options["staged"],
            update_baseline=options["update_baseline"],
            add_suppressions=options["add_suppressions"],
            output_file=options["output_file"],
            outputs=_outputs(options),
            cache=options["cache"],
            cache_folder=options["cache_dir"],
            colour=options["colour"],
            verbosity=next((level for name, level in levels.items() if options[name]), 0),
        )
    )


def _outputs(options: dict[str, Any]) -> tuple[Any, ...]:
    """The reports to write besides the one on standard output."""
    if not options["outputs"]:
        return ()
    from modal_lint.report.outputs import STDOUT, parsed
    from modal_lint.settings import UserError

    outputs = parsed(options["outputs"])
    given = click.get_current_context().get_parameter_source("output_format")
    if given is click.core.ParameterSource.COMMANDLINE and options["output_file"] is None:
        for output in outputs:
            if output.path == STDOUT:
                raise UserError(
                    f"--output {output.format}=-: standard output is --output-format's; add --output-file to move that"
                )
    return outputs


def shared(*names: str) -> list[click.Parameter]:
    """Options of `check`, for commands that have them too."""
    declared = {str(parameter.name): parameter for parameter in check.params}
    return [declared[name] for name in names]


def layers_of(options: dict[str, Any]) -> tuple[tuple[Any, ...], str | None]:
    """The layers that options make, those of `check` or some of them, and the configuration file they name."""
    from modal_lint.config import inline
    from modal_lint.settings import UserError, layer

    files = [text for text in options["config"] if "=" not in text or os.path.lexists(text)]
    if len(files) > 1:
        raise UserError("--config: more than one file; name one, and let it `extend` the other")
    if files and options["isolated"]:
        raise UserError("--isolated reads no file, --config names one: choose")
    inlines = [inline(text) for text in options["config"] if text not in files]
    flags = layer(dict(_flags(options)), os.getcwd())
    return (*inlines, flags), files[0] if files else None


_LISTS = ("select", "extend_select", "ignore", "fixable", "unfixable", "exclude", "extend_exclude")
_VALUES = (
    "fix", "unsafe_fixes", "show_fixes", "exposure", "min_severity", "min_confidence", "ignore_suppressions",
    "output_format", "gitleaks_config",
    "force_exclude", "respect_gitignore", "include_markdown", "jobs",
)  # fmt: skip


def _flags(options: dict[str, Any]) -> Iterable[tuple[str, object]]:
    """The options that are settings, with the keys of the configuration."""
    for name in _LISTS:
        if options.get(name):
            yield name.replace("_", "-"), [word for text in options[name] for word in _words(text)]
    for name in _VALUES:
        if options.get(name) is not None:
            yield name.replace("_", "-"), options[name]
    if options.get("fix_only"):
        yield "fix", True
    if options.get("baseline") is not None:
        yield "baseline", options["baseline"]
    if options.get("per_file_ignores"):
        yield "per-file-ignores", _per_file(options["per_file_ignores"])


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _per_file(texts: Sequence[str]) -> dict[str, list[str]]:
    """`a.py:MS101,b.py:MS1` as a table; a pattern may come several times."""
    from modal_lint.settings import UserError

    table: dict[str, list[str]] = {}
    for word in (word for text in texts for word in _words(text)):
        pattern, colon, code = word.rpartition(":")
        if not colon or not pattern or not code:
            raise UserError("--per-file-ignores: write GLOB:RULE, with commas between several")
        table.setdefault(pattern, []).append(code)
    return table


def _valued(word: str) -> str:
    """An option whose value may be left out, with a value: the next word is none."""
    return f"{word}=" if word == "--add-suppressions" else word


def _refused(error: click.ClickException) -> int:
    """Tell a mistake that click found, and where to read on; the exit status."""
    message = error.format_message()
    if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):  # since click 8.2
        tell(message)
        return 2
    if not isinstance(error, click.UsageError):
        return complain(message)
    message = message[:1].lower() + message[1:].rstrip(".")
    if "did you mean" not in message.lower() and "one of" not in message:
        message += f"; see `{error.ctx.command_path if error.ctx else 'modal-lint'} -h`"
    return complain(message)


def run(arguments: Sequence[str]) -> int:
    """Parse ``arguments``, do what they say, and return the exit status.

    Raises:
        UserError: a mistake that only shows after parsing.
    """
    try:
        status = cli.main(args=[_valued(word) for word in arguments], prog_name="modal-lint", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.exceptions.NoSuchOption as error:
        from modal_lint.settings import nearest

        known = [
            name for one in (error.ctx.command.params if error.ctx else ()) for name in (*one.opts, *one.secondary_opts)
        ]
        where = error.ctx.command_path if error.ctx else "modal-lint"
        hint = nearest(error.option_name, known) or f"; see `{where} -h`"
        return complain(f"no such option `{error.option_name}`{hint}")
    except click.ClickException as error:
        return _refused(error)
    except click.Abort:
        return 130
