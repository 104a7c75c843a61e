"""Environments: separate sets of Secrets and Apps in one workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint_runtime import contract

if TYPE_CHECKING:
    from modal_lint_runtime.backend import Backend


class Environments:
    """`client.environments`. One called ``main`` is always there."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def list(self) -> list[str]:
        """The names of all environments, sorted."""
        return self._backend.environment_list()

    def create(self, name: str) -> None:
        """Create an environment.

        Raises AlreadyExistsError when the name is taken, InvalidError when it is impossible.
        """
        self._backend.environment_create(contract.new_environment_name(name, argument="name"))

    def delete(self, name: str) -> None:
        """Delete an environment and everything in it, for good.

        Raises NotFoundError when there is none, InvalidError for ``main`` and for no string.
        """
        self._backend.environment_delete(contract.lookup_name(name, "Environment"))
