"""What a project needs of its named Secrets: plain frozen data, without any value.

Per file there are `Facts`; `merge.merged` makes the `Inventory` of a project of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from modal_lint.model import Failure, Span


class Location(NamedTuple):
    """A place in a source, by the path as in findings. In a notebook the span counts inside the ``cell``."""

    path: str
    span: Span
    cell: int | None = None

    @property
    def line(self) -> str:
        """``path:line``; ``path:cell 3:line`` in a notebook."""
        return (
            f"{self.path}:{self.span.line}" if self.cell is None else f"{self.path}:cell {self.cell}:{self.span.line}"
        )


class Environment(NamedTuple):
    """The Modal environment in which a Secret is looked up.

    ``name`` is None where the code names none: then it is that of the deployment, of `MODAL_ENVIRONMENT` or of the
    profile. With ``known`` False the code names one, and it is not known which.
    """

    name: str | None = None
    known: bool = True

    @property
    def sort_key(self) -> tuple[bool, str]:
        """The default one first, the unknown one last."""
        return not self.known, self.name or ""


DEFAULT_ENVIRONMENT = Environment()
UNKNOWN_ENVIRONMENT = Environment(None, False)


class Kind(str, Enum):
    """What uses a Secret."""

    APP = "app"
    FUNCTION = "function"
    CLASS = "class"
    SERVER = "server"
    OPTIONS = "options"  # `with_options` of a Function or class
    SANDBOX = "sandbox"
    SIDECAR = "sidecar"
    PROCESS = "process"
    BUILD_STEP = "build step"
    REGISTRY = "registry"  # the registry that an image is pulled from
    BUCKET = "bucket"
    POLICY = "policy"  # an outbound policy, which keeps the Secret out of the sandbox


class User(NamedTuple):
    """What uses a Secret.

    ``name`` is that of the function or class, of the App, of the sandbox where it has one, of the image's method, the
    bucket or the policy's domain. ``app`` is the name of the App that it belongs to, None where one of the two is not
    known. ``inherited`` says that it has the Secret from its App.
    """

    kind: Kind
    name: str | None
    app: str | None
    location: Location
    inherited: bool = False


class Reference(NamedTuple):
    """One call that looks a Secret up by its name. ``keys`` are its ``required_keys``, as far as they are known."""

    name: str
    environment: Environment
    keys: tuple[str, ...]
    location: Location


class Attachment(NamedTuple):
    """One user of a Secret."""

    name: str
    environment: Environment
    user: User


class Read(NamedTuple):
    """A variable that the code which runs with a Secret reads, and that only this Secret can give."""

    name: str
    environment: Environment
    key: str
    location: Location


class Undecided(NamedTuple):
    """A variable that code reads and that any of several Secrets may give: which one, only the workspace knows."""

    names: tuple[str, ...]
    key: str
    location: Location


class Creation(NamedTuple):
    """One call that creates a Secret or changes its entries, with the keys that it is known to write."""

    name: str
    environment: Environment
    keys: tuple[str, ...]
    location: Location


class Unnamed(NamedTuple):
    """A place that uses a Secret, or may use one, whose name is not known statically.

    ``user`` is None where a Secret is looked up and nothing is known to use it; ``lookup`` is where the user's Secret
    is looked up, where that is known.
    """

    user: User | None
    location: Location
    lookup: Location | None = None


class Facts(NamedTuple):
    """What one file says of named Secrets. Locations may lie in other files: where a helper stands, say."""

    references: tuple[Reference, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    reads: tuple[Read, ...] = ()
    creations: tuple[Creation, ...] = ()
    unnamed: tuple[Unnamed, ...] = ()
    undecided: tuple[Undecided, ...] = ()


@dataclass(frozen=True, slots=True)
class Key:
    """One key that a Secret must have.

    ``required`` says that some ``required_keys`` lists it; otherwise the code is only known to read it. ``locations``
    are those of the look-ups, or of the reads. ``environments`` are those in which it is needed.
    """

    name: str
    required: bool
    locations: tuple[Location, ...]
    environments: tuple[Environment, ...]


@dataclass(frozen=True, slots=True)
class Secret:
    """One named Secret, in all environments in which the project looks it up."""

    name: str
    keys: tuple[Key, ...] = ()
    environments: tuple[Environment, ...] = ()
    references: tuple[Reference, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    creations: tuple[Creation, ...] = ()

    @property
    def users(self) -> tuple[User, ...]:
        """What uses it, by place."""
        return tuple(dict.fromkeys(one.user for one in self.attachments))

    @property
    def key_names(self) -> tuple[str, ...]:
        """The names of its keys: those required, and those that are only read."""
        return tuple(key.name for key in self.keys)


@dataclass(frozen=True, slots=True)
class Inventory:
    """The named Secrets of a project, by name, and what could not be told of it."""

    secrets: tuple[Secret, ...] = ()
    unnamed: tuple[Unnamed, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    failures: tuple[Failure, ...] = ()
    checked: int = 0  # files that were looked at

    def get(self, name: str) -> Secret | None:
        """The Secret of this name."""
        return next((one for one in self.secrets if one.name == name), None)
