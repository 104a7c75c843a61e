"""Where Secrets can be pushed to: the embedded runtime's workspace, and Modal's service through its own SDK."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from modal_lint import workspaces

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from modal_lint_runtime.records import SecretRecord
    from modal_lint_runtime.secrets import Secret

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Existing:
    """A Secret that is there already.

    Attributes:
        missing: the wanted keys that it lacks.
        extra: the keys that it has besides; None where that is not told.
        same: whether its values are the wanted ones; None where values cannot be read.
        created_at: when it was made, in seconds since the epoch.
    """

    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] | None = None
    same: bool | None = None
    created_at: float = 0.0


class Place(Protocol):
    """Takes Secrets. Every method raises `modal_lint_runtime.errors.ModalError` when it cannot do its work."""

    title: str
    identity: str  # tells this place from others, for a later run

    def find(self, name: str, entries: Mapping[str, str]) -> Existing | None:
        """What there is under a name, compared with ``entries``."""

    def create(self, name: str, entries: Mapping[str, str]) -> None:
        """Make a new Secret. Raises AlreadyExistsError."""

    def replace(self, name: str, entries: Mapping[str, str]) -> None:
        """Give a Secret exactly these entries."""

    def merge(self, name: str, entries: Mapping[str, str]) -> None:
        """Add and replace entries; the others stay."""

    def close(self) -> None:
        """Let go of it."""


class Runtime:
    """The workspace of the embedded runtime. It can compare values, so what it says of them is certain."""

    def __init__(self, path: Path | None, environment: str | None) -> None:
        self._workspace = workspaces.open_runtime(path)
        self._environment = environment or "main"
        self.title = f"the runtime's workspace {self._workspace.root}, environment {self._environment}"
        self.identity = f"runtime:{self._workspace.root}:{self._environment}"

    def find(self, name: str, entries: Mapping[str, str]) -> Existing | None:
        """What there is under a name, values compared too."""
        from modal_lint_runtime.errors import NotFoundError

        try:
            record = self._record(name)
        except NotFoundError:
            self._workspace.secret_list(self._environment, 1)  # an environment that is not there is a mistake
            return None
        held = self._workspace.secret_values(record.id)
        missing = tuple(key for key in entries if key not in held)
        extra = tuple(key for key in held if key not in entries)
        same = not missing and all(_equal(held[key], value) for key, value in entries.items())
        return Existing(missing, extra, same, record.created_at or 0.0)

    def create(self, name: str, entries: Mapping[str, str]) -> None:
        """Make a new Secret."""
        self._workspace.secret_create(name, entries, self._environment)

    def replace(self, name: str, entries: Mapping[str, str]) -> None:
        """Give a Secret exactly these entries."""
        self._workspace.secret_create(name, entries, self._environment, on_conflict="overwrite")

    def merge(self, name: str, entries: Mapping[str, str]) -> None:
        """Add and replace entries; the others stay."""
        self._workspace.secret_update(self._record(name).id, entries)

    def close(self) -> None:
        """Close the workspace."""
        self._workspace.close()

    def _record(self, name: str) -> SecretRecord:
        return self._workspace.secret_lookup(name, self._environment)


class Service:
    """Modal's service, or a server that speaks its protocol, as the SDK's own configuration says."""

    def __init__(self, environment: str | None) -> None:
        service = workspaces.open_service()
        self._backend = service.backend
        self._environment = environment or ""
        where = self._environment or service.environment
        self.title = f"Modal at {service.host}, " + (f"environment {where}" if where else "the default environment")
        self.identity = f"modal:{service.url}:{where}"

    def find(self, name: str, entries: Mapping[str, str]) -> Existing | None:
        """What there is under a name. The service tells no values."""
        from modal_lint_runtime.errors import NotFoundError
        from modal_lint_runtime.modal_backend import translated

        try:
            found = self._lookup(name)
        except NotFoundError:
            self._backend.secret_list(self._environment, 1, None)  # an environment that is not there is a mistake
            return None
        with translated():
            created = found.handle.info().created_at.timestamp()
        return Existing(self._missing(name, entries), created_at=created)

    def create(self, name: str, entries: Mapping[str, str]) -> None:
        """Make a new Secret."""
        from modal_lint_runtime.modal_backend import package, translated

        with translated():
            package().Secret.objects.create(
                name, dict(entries), environment_name=self._environment or None, client=self._backend.client
            )

    def replace(self, name: str, entries: Mapping[str, str]) -> None:
        """Give a Secret exactly these entries, by the call of `modal secret create --force`: no public one can."""
        from modal_lint_runtime.errors import UnsupportedError
        from modal_lint_runtime.modal_backend import package, translated

        call: Any = getattr(package().Secret, "_create_deployed", None)
        if call is None:
            raise UnsupportedError("this version of the `modal` package cannot replace a Secret")
        with translated():
            call(
                name,
                dict(entries),
                client=self._backend.client,
                environment_name=self._environment or None,
                overwrite=True,
            )

    def merge(self, name: str, entries: Mapping[str, str]) -> None:
        """Add and replace entries; the others stay."""
        self._backend.secret_update(self._lookup(name), entries)

    def close(self) -> None:
        """Nothing: the package closes its connection itself."""

    def _lookup(self, name: str, required: tuple[str, ...] = ()) -> Secret:
        return self._backend.secret_lookup(name, self._environment, required)

    def _missing(self, name: str, keys: Iterable[str]) -> tuple[str, ...]:
        """The keys that the service says are missing: all of them where its words name none."""
        from modal_lint_runtime.errors import ConflictError, MissingKeysError
        from modal_lint_runtime.modal_backend import package, translated

        wanted = tuple(keys)
        try:
            with translated():
                package().Secret.from_name(
                    name,
                    environment_name=self._environment or None,
                    required_keys=list(wanted),
                    client=self._backend.client,
                ).hydrate(self._backend.client)
        except (ConflictError, MissingKeysError) as error:
            words = set(_WORD.findall(str(error).rpartition(":")[2]))
            return tuple(key for key in wanted if key in words) or wanted
        return ()


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
