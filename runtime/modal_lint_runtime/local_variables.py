"""The variables of a process on this machine: fetched when it starts, given to it, and kept nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint_runtime import contract
from modal_lint_runtime.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modal_lint_runtime.variables import Source
    from modal_lint_runtime.workspace import Workspace


def values(workspace: Workspace, sources: Iterable[Source]) -> list[Mapping[str, str]]:
    """What each source holds now. Raises NotFoundError when a Secret has been deleted."""
    return [
        workspace.secret_values(source.secret_id) if isinstance(source, Secret) else dict(source) for source in sources
    ]


def environment(
    image: Mapping[str, str], sources: Iterable[Mapping[str, str]], own: Mapping[str, str]
) -> dict[str, str]:
    """The variables of a process, besides PATH, HOME and LANG.

    Args:
        image: those baked into its image, the weakest.
        sources: those of its Secrets and ``env``, later ones winning (S30).
        own: those that Modal sets itself; nothing overrides them (S9).
    """
    merged = contract.merge([image, *sources])
    reserved = set(contract.reserved_keys(merged))
    return {key: value for key, value in merged.items() if key not in reserved} | dict(own)
