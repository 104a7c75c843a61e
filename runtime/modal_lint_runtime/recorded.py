"""What a sandbox is called, whoever runs it: told by its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modal_lint_runtime.records import SandboxRecord


class Recorded:
    """A sandbox with a record in the workspace."""

    _record: SandboxRecord

    @property
    def id(self) -> str:
        """Its id."""
        return self._record.id

    @property
    def app_id(self) -> str:
        """The id of its App."""
        return self._record.app_id

    @property
    def name(self) -> str | None:
        """Its name."""
        return self._record.name

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags."""
        return self._record.tags
