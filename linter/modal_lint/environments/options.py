"""What `with_options` does to the sources of a Function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint.environments import containers
from modal_lint.environments.sources import Kind, Source, Supply

if TYPE_CHECKING:
    from modal_lint.uses import Use


def lost(base: Supply, use: Use) -> list[Source]:
    """The sources that a `with_options` call takes away, without those of which it gives every key anew."""
    from modal_lint_runtime.contract import Options, with_options

    new = containers.of_call(use)
    if new.open:
        return []
    secrets = [source for source in new.sources if source.kind is not Kind.ENV]
    env = next((source for source in new.sources if source.kind is Kind.ENV), None)
    left = with_options(base.sources, Options(secrets, env))
    kept = {source.identity for source in left}
    keys = {key for source in left for key in (*source.keys, *source.maybe)}
    return [source for source in base.sources if source.identity not in kept and not _is_replaced(source, keys)]


def _is_replaced(source: Source, keys: set[str]) -> bool:
    """Whether all that a source is known to give comes from another one now."""
    return source.known and {*source.keys, *source.maybe} <= keys


def told(sources: list[Source]) -> str:
    """Sources in words: "Secret openai-secret and the variables of env="."""
    names = [_told(source) for source in sources]
    unique = list(dict.fromkeys(names))
    return unique[0] if len(unique) == 1 else ", ".join(unique[:-1]) + " and " + unique[-1]


def _told(source: Source) -> str:
    if source.name is not None:
        return f"Secret {source.name}"
    if source.kind is Kind.ENV:
        return "the variables of env="
    keys = sorted({*source.keys, *source.maybe})
    return f"the Secret with {', '.join(keys[:3])}" if keys else "a Secret"
