"""The reference of configuration and command line: ``python -m modal_lint.reference`` writes ``docs/configuration.md``.

Everything in it is taken from the code: the keys and their types, the defaults, the options and their help.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modal_lint import settings
from modal_lint.cli import cli
from modal_lint.config import FILES
from modal_lint.model import Confidence, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = Path("docs") / "configuration.md"
_SHOWN = 4  # items of a default list
_TYPES: dict[Callable[..., object], str] = {
    settings._text: "string",
    settings._words: "list of strings",
    settings._flag: "true or false",
    settings._lists: "table of lists",
    settings._count: "number",
    settings._table: "table",
}
# What only a file can say, or is not said by an option's own help.
_MEANINGS = {
    "extend": "Another configuration file whose settings count where this one says nothing; inside the project.",
    "known-secrets": "Secrets that the workspace holds, and their keys: fixes use them, and completion knows them.",
    "respect-foreign-markers": "Let the markers of other scanners silence the rules MS1.",
    "credentials": "What else is a credential, and what is none: see [interoperation](interop.md).",
}
_INTRODUCTION = f"""\
# Configuration

This page is written by `python -m modal_lint.reference` from the code; a test holds it current.

## Files

The settings of a file are those of the closest configuration file beside or above it: `{FILES[0]}`,
`{FILES[1]}`, or a `pyproject.toml` with a section `[tool.modal-lint]`. One without such a section is passed over.
`extend` merges another file below its own settings; what extends (`extend-exclude`, `per-file-ignores`,
`known-secrets`) adds up, everything else is replaced. The command line wins over all. Patterns and paths are relative
to the file that they stand in.

An unknown key or a value of the wrong type ends the run with status 2 and names the file, the key and the nearest valid
one. Nothing in a configuration makes modal-lint run code or read outside of the project.

```toml
# pyproject.toml
[tool.modal-lint]
extend-exclude = ["vendor"]
min-confidence = "high"
per-file-ignores = {{ "tests/*" = ["MS1"] }}
known-secrets = {{ "openai-secret" = ["OPENAI_API_KEY"] }}
```

## Keys
"""
_ENVIRONMENT = """\
## Environment variables

| Variable | Meaning |
| --- | --- |
| `MODAL_LINT_OUTPUT_FORMAT` | the same as `--output-format` |
| `MODAL_LINT_CACHE_DIR` | the same as `--cache-dir` |
| `NO_COLOR`, `FORCE_COLOR`, `CLICOLOR_FORCE` | whether to use colour; the first wins |
| `PRE_COMMIT` | set by pre-commit, which starts several processes itself: one is used |
| `MODAL_ENVIRONMENT` | the same as `--env` |
| `MODAL_LINT_RUNTIME_DIR` | the same as `--path`: the directory of the embedded runtime's workspace |
| `GITHUB_STEP_SUMMARY` | a summary in Markdown is appended to that file |

## Exit status

| Status | Meaning |
| --- | --- |
| 0 | clean, or everything was fixed |
| 1 | findings, or files that could not be checked (MS001) |
| 2 | a mistake in the call or the configuration, or an internal error |
"""


def page() -> str:
    """The whole page, in Markdown."""
    return "\n".join((_INTRODUCTION, *_keys(), "", *_commands(), _ENVIRONMENT))


def _keys() -> Iterator[str]:
    options = _options(cli.commands["check"])
    yield "| Key | Type | Default | Meaning |"
    yield "| --- | --- | --- | --- |"
    for key in settings.KEYS:
        yield f"| `{key}` | {_type(key)} | {_default(key)} | {_meaning(key, options)} |"


def _options(command: click.Command) -> dict[str, str]:
    """The help of each option, by its long name."""
    return {
        name.removeprefix("--"): option.help or ""
        for option in command.params
        if isinstance(option, click.Option)
        for name in option.opts
        if name.startswith("--")
    }


def _meaning(key: str, options: dict[str, str]) -> str:
    return _cell(_MEANINGS[key] if key in _MEANINGS else options[key])


def _type(key: str) -> str:
    kind = settings._KINDS[key]
    if kind in _TYPES:
        return _TYPES[kind]
    levels: dict[str, list[str]] = {
        "min-severity": [level.value for level in Severity],
        "min-confidence": [level.value for level in Confidence],
    }
    if key in levels:
        return " or ".join(f'`"{level}"`' for level in levels[key])
    return "a format of [Output](output.md)"


def _default(key: str) -> str:
    name = key.replace("-", "_")
    value = getattr(settings.Settings(), name, None)
    if key in ("select", "extend-select", "ignore"):
        return "all rules but those that are opt-in" if key == "select" else "none"
    if key == "exclude":
        names = list(settings.DEFAULT_EXCLUDE)
        return ", ".join(f"`{one}`" for one in names[:_SHOWN]) + f" and {len(names) - _SHOWN} more"
    if value is None or value == () or value == {}:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{one}"' for one in value) + "]`"
    return f'`"{value.value}"`' if hasattr(value, "value") else f"`{value!r}`".replace("'", '"')


def _commands() -> Iterator[str]:
    yield "## Commands"
    yield ""
    context = click.Context(cli, info_name="modal-lint")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        if command is not None:
            yield f"### modal-lint {name}"
            yield ""
            yield (command.help or "").split("\f")[0].strip()
            yield ""
            yield from _table(command)


def _table(command: click.Command) -> Iterator[str]:
    if isinstance(command, click.Group):
        yield from (f"- `{name}`: {inner.get_short_help_str(200)}" for name, inner in sorted(command.commands.items()))
        yield ""
        return
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    if not options:
        return
    yield "| Option | Meaning |"
    yield "| --- | --- |"
    for option in options:
        yield f"| {_spelled(option)} | {_cell(option.help or '')} |"
    yield ""


def _spelled(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    return names if option.is_flag else f"{names} {_cell(option.make_metavar(click.Context(cli)))}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
