"""Sources of a process's variables: Secrets by reference, and the variables of ``env=``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Union

from modal_lint_runtime import contract
from modal_lint_runtime.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modal_lint_runtime.contract import Site


class Variables(Mapping[str, str]):
    """The variables of ``env=``, which count as one more Secret (S30). Its text shows the keys only."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        self._entries = dict(entries)

    def __getitem__(self, key: str) -> str:
        return self._entries[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"Variables([{', '.join(self._entries)}])"


Source = Union[Secret, Variables]  # noqa: UP007  # evaluated when the module is run, on Python 3.10 too


def variables(env: object, site: Site) -> Variables | None:
    """The source that ``env=`` is, None when it holds nothing. Raises InvalidError naming ``env`` and the key."""
    entries = contract.env(env, "env", site=site)
    return Variables(entries) if entries else None


def sources(secrets: object, env: object, site: Site) -> tuple[Source, ...]:
    """The sources of a call in order, weakest first.

    Raises:
        InvalidError: ``secrets`` is no list of Secrets, or ``env`` no dict of strings.
    """
    given: Sequence[Source] = contract.secrets_list(secrets, "secrets", type_=Secret, site=site)
    extra = variables(env, site)
    return (*given, extra) if extra else tuple(given)
