"""The outcomes that a rule can claim. ``says`` is what the rule's file repeats as its ``witness``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from witness.stage import Ran

Secrets = Mapping[str, Mapping[str, str]]
NOT_SERVED = "UnimplementedError"  # the call got past the SDK's checks, to what the local server does not have


class Place(str, Enum):
    """Where a value can be found that should not be there."""

    SENT = "sends the value to Modal in clear"
    IMAGE = "leaves the value in a layer of the image"
    ARGUMENTS = "shows the value among the arguments of a process"
    PICKLE = "pickles the value along with the function"
    LOG = "prints the value into the log"
    CONTAINER = "gives the container a value that it is not to have"

    def holds(self, ran: Ran, value: str) -> bool:
        """Whether it is there, after a program has run."""
        if self is Place.SENT:
            return value.encode() in ran.sent
        if self is Place.IMAGE:
            return bool(ran.layers)
        return value in (ran.printed if self is Place.LOG else str(ran.seen))


@dataclass(frozen=True)
class Claim:
    """What the bad form of an example shows and the good form does not; ``judge`` says what is not so."""

    @property
    def says(self) -> str:
        """The claim in words."""
        raise NotImplementedError

    def judge(self, bad: Ran, good: Ran, value: str) -> list[str]:
        """What is wrong, empty where the claim is seen to be true. It quotes no value."""
        raise NotImplementedError


@dataclass(frozen=True)
class Leaks(Claim):
    """The value gets where it should not be."""

    place: Place

    @property
    def says(self) -> str:
        return self.place.value

    def judge(self, bad: Ran, good: Ran, value: str) -> list[str]:
        wrong = [] if self.place.holds(bad, value) else [f"it is not so: {self.says}"]
        return wrong + ([f"also when fixed: {self.says}"] if self.place.holds(good, value) else [])


@dataclass(frozen=True)
class Hardcoded(Claim):
    """The container has the value without any Secret; fixed, it has the same from one, or the program stops."""

    stops: str | None = None

    @property
    def says(self) -> str:
        return "gives the container the value that stands in the source"

    def judge(self, bad: Ran, good: Ran, value: str) -> list[str]:
        wrong = [] if value in str(bad.seen) else ["the container does not have the value"]
        if self.stops is not None:
            return wrong + ([] if good.raised == self.stops else [f"fixed, raises {good.raised}"])
        return wrong + ([] if value in str(good.seen) else ["fixed, the container has lost the value"])


@dataclass(frozen=True)
class Opens(Claim):
    """The token in the source opens the workspace to whoever has the source."""

    @property
    def says(self) -> str:
        return "opens the workspace to whoever has the source"

    def judge(self, bad: Ran, good: Ran, value: str) -> list[str]:
        del value
        wrong = [] if bad.raised is None else [f"raises {bad.raised}"]
        return wrong + ([] if good.raised == "AuthError" else ["the good form has the token as well"])


@dataclass(frozen=True)
class Raises(Claim):
    """An exception of this class ends the program, or comes out of the call that the example is about."""

    name: str
    when: str = ""

    @property
    def says(self) -> str:
        return f"raises {self.name}{self.when and ' ' + self.when}"

    def judge(self, bad: Ran, good: Ran, value: str) -> list[str]:
        del value
        wrong = [] if bad.raised == self.name else [f"raises {bad.raised} instead of {self.name}"]
        return wrong + ([] if good.raised in (None, NOT_SERVED) else [f"fixed, raises {good.raised}"])


@dataclass(frozen=True)
class Container(Claim):
    """What a container sees under a key is not what was meant; None is nothing."""

    key: str
    bad: str | None
    good: str | None

    @property
    def says(self) -> str:
        if self.bad is None:
            return f"starts the container without {self.key}"
        if self.good is None:
            return f"leaves {self.key} in the container"
        return f"gives the container another {self.key}"

    def judge(self, bad: Ran, good: Ran, value: str) -> list[str]:
        del value
        return [
            f"the container sees another {self.key} in the {kind} form"
            for kind, ran, wanted in (("bad", bad, self.bad), ("good", good, self.good))
            if ran.raised or _seen(ran).get(self.key) != wanted
        ]


def _seen(ran: Ran) -> Mapping[str, Any]:
    return ran.seen if isinstance(ran.seen, Mapping) else {}


@dataclass(frozen=True)
class Ignored(Claim):
    """What is given under a key is not what the container sees: the same as when nothing is given."""

    key: str
    given: str

    @property
    def says(self) -> str:
        return f"gives the container no such {self.key}"

    def judge(self, bad: Ran, good: Ran, value: str) -> list[str]:
        del value
        if bad.raised or good.raised:
            return [f"raises {bad.raised or good.raised}"]
        return [f"{self.key} counts"] if _seen(bad).get(self.key) == self.given else []


@dataclass(frozen=True)
class Silent(Claim):
    """The call goes through where it should have been refused: the good form raises."""

    what: str
    raises: str

    @property
    def says(self) -> str:
        return f"goes through {self.what}"

    def judge(self, bad: Ran, good: Ran, value: str) -> list[str]:
        del value
        wrong = [] if bad.raised in (None, NOT_SERVED) else [f"raises {bad.raised}"]
        return wrong + ([] if good.raised == self.raises else [f"fixed, raises {good.raised}"])


@dataclass(frozen=True)
class Later(Claim):
    """The handler in the program does not run: the exception comes where the object is used."""

    name: str

    @property
    def says(self) -> str:
        return f"raises {self.name} later, past the handler"

    def judge(self, bad: Ran, good: Ran, value: str) -> list[str]:
        return Raises(self.name).judge(bad, good, value)


FIX = "the fix"
"""In the place of a good form: what the linter's own fix makes of the bad one."""


@dataclass(frozen=True)
class Witness:
    """One run of a rule's claim.

    Attributes:
        code: the rule.
        claim: what it shows.
        bad: the program; None is the bad example of the rule's page.
        good: its fixed form; None is the good example of the page, `FIX` what the fix makes of ``bad``.
        change: texts replaced in both forms; each must be in the bad one.
        after: text that comes after both, where only this process runs it: it calls, looks, and sets ``seen``.
        secrets: Secrets that exist. In all texts ``{value}`` is the value that nobody should see.
        then: Secrets that exist besides, or otherwise, when the good form runs.
        variables: variables of the machine.
        files: files beside the program.
        layers: it needs a file system of its own for the images that it builds.
        around: what has to be there while it runs, such as a server: gets a folder, and what stands for ``{value}``.
    """

    code: str
    claim: Claim
    bad: str | None = None
    good: str | None = None
    change: tuple[tuple[str, str], ...] = ()
    after: str = ""
    secrets: Secrets = field(default_factory=dict)
    then: Secrets = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    layers: bool = False
    around: Callable[[Path, dict[str, str]], AbstractContextManager[None]] | None = None
