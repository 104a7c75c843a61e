"""The environment in which a client's names are looked up."""

from __future__ import annotations

import os

from modal_lint_runtime import contract

ENVIRONMENT_VARIABLE = "MODAL_ENVIRONMENT"


class Scope:
    """What a client and the process's variables say about the environment (S19c).

    Args:
        environment: what the client says; None leaves it to ``$MODAL_ENVIRONMENT``, read now.
        default: the environment when neither says anything.

    Raises:
        InvalidError: not a string.
    """

    def __init__(self, environment: object = None, default: str = contract.DEFAULT_ENVIRONMENT) -> None:
        told = contract.environment_name(environment, default="") or os.environ.get(ENVIRONMENT_VARIABLE)
        self._client = told or None
        self._default = default

    def environment(self, explicit: object = None) -> str:
        """The environment that a call means. Raises InvalidError when what it says is no string."""
        return contract.environment_name(explicit, self._client, self._default)
