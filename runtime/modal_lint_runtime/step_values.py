"""What a build's steps see of Secrets, and what the outside sees of the steps' output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from modal_lint_runtime.definition import secret_identity
from modal_lint_runtime.masking import Masker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from modal_lint_runtime.definition import Definition
    from modal_lint_runtime.workspace import Workspace

    Sources = Mapping[str, str] | Sequence[Mapping[str, str]]

_TAIL = 16 * 1024  # of the log, kept for the exception


class StepValues:
    """The values of each step's Secrets, fetched when a command first needs them."""

    def __init__(self, workspace: Workspace, definition: Definition, given: Sequence[Sources] | None) -> None:
        self._workspace = workspace
        self._steps = definition.steps
        self._given = given
        self._masker: Masker | None = None

    def of(self, number: int) -> dict[str, str]:
        """The variables of a step."""
        if self._given is None:
            sources: Iterable[Mapping[str, str]] = map(self._workspace.secret_values, self._steps[number].sources)
        else:
            each = self._given[number]
            sources = [each] if isinstance(each, Mapping) else each
        return {key: value for source in sources for key, value in source.items()}

    def identity(self, number: int) -> list[object]:
        """What of a step's Secrets counts for the cache. Raises NotFoundError when one does not exist."""
        ids = self._steps[number].sources
        if ids or self._given is None:
            return [secret_identity(self._workspace.secret_get(each)) for each in ids]
        return [sorted(self.of(number))]

    @property
    def masker(self) -> Masker:
        """Hides the values of all steps: a later step may print what an earlier one wrote."""
        if self._masker is None:
            self._masker = Masker(value for number in range(len(self._steps)) for value in self.of(number).values())
        return self._masker


class BuildLog:
    """Where a build's output goes: masked to the listener, its end kept."""

    def __init__(self, listener: Callable[[str], None] | None) -> None:
        self._listener = listener
        self._tail = b""

    def write(self, masked: bytes) -> None:
        """Take masked bytes."""
        if not masked:
            return
        self._tail = (self._tail + masked)[-_TAIL:]
        if self._listener is not None:
            self._listener(masked.decode("utf-8", "replace"))

    @property
    def tail(self) -> str:
        """The end of the log."""
        return self._tail.decode("utf-8", "replace")
