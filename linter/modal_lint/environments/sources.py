"""Where a container's variables come from: Secrets, `env=`, the App, the image, each with the keys it is known to give.

The order is Modal's (`modal_lint_runtime.contract`, S30): the image first, then the App's Secrets, those of the call in
the order of its list, and `env=` last; a later source wins.
"""

from __future__ import annotations

import ast
import re
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from modal_lint.calls import effective
from modal_lint.credentials.keys import is_credential_key
from modal_lint.environments import asking
from modal_lint.library import elements
from modal_lint.records import made, record
from modal_lint.values import Const, EnvRead, External, Mapping, Object, Place, Sequence, Text, Unknown, Value, Values

if TYPE_CHECKING:
    from modal_lint.uses import Use

NAMED = ("modal.Secret.from_name", "modal_lint_runtime.Secrets.from_name")
"""The look-ups of a Secret by its name."""
_FROM_DICT = ("modal.Secret.from_dict", "modal_lint_runtime.Secrets.from_object")
_FROM_LOCAL = ("modal.Secret.from_local_environ",)
_HYDRATE = "modal.Secret.hydrate"
_BASES = frozenset(("modal.Image.debian_slim", "modal.Image.micromamba", "modal.Image.from_scratch"))
_REGISTRIES = frozenset(
    ("modal.Image.from_registry", "modal.Image.from_aws_ecr", "modal.Image.from_gcp_artifact_registry")
)
_ELSEWHERE = frozenset(("modal.Image.from_dockerfile", "modal.Image.from_id", "modal.Image.from_name"))
_DOCKERFILE_COMMANDS = ("modal.Image.dockerfile_commands", "modal_lint_runtime.Image.dockerfile_commands")
_ENV_LINE = re.compile(r"(?im)^\s*(?:ENV|FROM)\b")
_MAX_STEPS = 400
GIVEN = frozenset(
    (
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "OLDPWD", "HOSTNAME", "LANG", "LC_ALL", "LC_CTYPE", "TERM",
        "TZ", "TMPDIR", "PYTHONPATH", "PYTHONHASHSEED", "PYTHONUNBUFFERED", "VIRTUAL_ENV", "LD_LIBRARY_PATH",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "DEBIAN_FRONTEND", "CUDA_VISIBLE_DEVICES", "CUDA_HOME", "CUDA_PATH",
        "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR",
        "MASTER_PORT", "NODE_RANK",
    )
)  # fmt: skip
"""Variables that a container may have by itself, from its image, its hardware or a launcher; `MODAL_*` is Modal's."""


class Kind(Enum):
    """What a source is."""

    IMAGE = "the image"
    APP = "a Secret of the App"
    SECRET = "a Secret"
    ENV = "env="


@record
class Source:
    """One source of variables.

    ``keys`` are those that it gives for certain, ``maybe`` those that it gives on some paths. ``known`` says that it
    gives no others, as far as code can say: a named Secret with ``required_keys`` may hold more than those, which
    ``promised`` tells. ``public`` is an image of which only credentials are known not to be in it.
    """

    kind: Kind
    keys: frozenset[str] = frozenset()
    maybe: frozenset[str] = frozenset()
    known: bool = False
    promised: bool = False
    public: bool = False
    name: str | None = None
    place: Place | None = None
    entries: dict[str, Place | None] = made(default_factory=dict)  # where each key is written

    def lacks(self, key: str) -> bool:
        """Whether the source does not give a key, as far as code can say."""
        if key in self.keys or key in self.maybe:
            return False
        return self.known or (self.public and is_credential_key(key))

    @property
    def identity(self) -> object:
        """What two references to the same source have in common."""
        if self.name is not None:
            return self.name
        return self if self.place is None else self.place.node


@record
class Supply:
    """The sources of one container, weakest first; ``open`` says that there may be others."""

    sources: tuple[Source, ...] = ()
    open: bool = False

    def lacks(self, key: str) -> bool:
        """Whether no source gives a key, as far as code can say."""
        return not self.open and all(source.lacks(key) for source in self.sources)

    def gives(self, key: str) -> bool:
        """Whether a source gives a key for certain."""
        return any(key in source.keys for source in self.sources)

    def may_give(self, key: str) -> bool:
        """Whether a source is seen to give a key, perhaps on some paths only."""
        return any(key in source.keys or key in source.maybe for source in self.sources)

    @property
    def secrets(self) -> tuple[Source, ...]:
        """The sources without the image."""
        return tuple(source for source in self.sources if source.kind is not Kind.IMAGE)

    def __add__(self, other: Supply) -> Supply:
        if other is NOTHING:
            return self
        if self is NOTHING:
            return other
        return Supply(self.sources + other.sources, self.open or other.open)


NOTHING = Supply()
ANYTHING = Supply((), True)


# ---- Secrets and mappings -----------------------------------------------------------------------------------


def of_secrets(use: Use, kind: Kind = Kind.SECRET) -> Supply:
    """What ``secrets=`` of a call gives."""
    values = asking.parameter(use, "secrets")
    if values is None:
        return ANYTHING if use.bound.open else NOTHING
    if len(values) != 1:
        return ANYTHING
    value = values[0]
    if isinstance(value, Const) and value.value is None:
        return NOTHING
    if not isinstance(value, Sequence):
        return ANYTHING
    sources = []
    for item in value.items:
        one = item[0] if len(item) == 1 else None
        sources.append(secret(one, kind) if isinstance(one, Object) else Source(kind))
    return Supply(tuple(sources), not value.complete)


def of_env(use: Use) -> Supply:
    """What ``env=`` of a call gives."""
    values = asking.parameter(use, "env")
    if values is None:
        return ANYTHING if use.bound.open else NOTHING
    if all(isinstance(value, Const) and value.value is None for value in values):
        return NOTHING
    if len(values) != 1 or not isinstance(values[0], Mapping):
        return ANYTHING
    return NOTHING if _is_empty(values[0]) else Supply((mapping(values, Kind.ENV),))


def _is_empty(value: Mapping) -> bool:
    return value.complete and not value.entries


def secret(value: Object, kind: Kind = Kind.SECRET) -> Source:
    """What one Secret gives."""
    while value.previous is not None and asking.made_by(value, _HYDRATE):
        value = value.previous
    for use in (uses := asking.made_by(value, *NAMED)):
        return _named(use, kind) if len(uses) == 1 else Source(kind, place=value.call)
    for use in (uses := asking.made_by(value, *_FROM_DICT)):
        values = asking.parameter(use, "env_dict") or asking.parameter(use, "entries") or ()
        return mapping(values, kind, value.call) if len(uses) == 1 else Source(kind, place=value.call)
    for use in asking.made_by(value, *_FROM_LOCAL):
        keys = asking.texts(use, "env_keys")
        return Source(kind, frozenset(keys or ()), known=keys is not None, place=value.call)
    return Source(kind, place=value.call)


def _named(use: Use, kind: Kind) -> Source:
    name = asking.text(use, "name")
    keys = None if use.bound.open else asking.texts(use, "required_keys")
    promised = bool(keys)
    held = use.file.project.known_secrets.get(name or "")  # the configuration says what the workspace holds
    return Source(
        kind,
        frozenset((*(keys or ()), *(held or ()))),
        known=promised or held is not None,
        promised=promised,
        name=name,
        place=Place(use.file, use.node),
    )


def mapping(values: Values, kind: Kind, place: Place | None = None) -> Source:
    """What a mapping gives: entries that are None are left out (S3)."""
    if len(values) != 1 or not isinstance(values[0], Mapping):
        return Source(kind, place=place)
    value = values[0]
    keys: set[str] = set()
    maybe: set[str] = set()
    known = value.complete
    entries: dict[str, Place | None] = {}
    for entry in effective(value):
        key = entry.key.known if isinstance(entry.key, Text) else None
        if key is None:
            known = False
            continue
        entries[key] = entry.place
        if all(_is_none(one) for one in entry.value):
            continue
        (maybe if entry.maybe or any(map(_may_be_none, entry.value)) else keys).add(key)
    return Source(kind, frozenset(keys), frozenset(maybe - keys), known, place=place or value.place, entries=entries)


def _is_none(value: Value) -> bool:
    return isinstance(value, Const) and value.value is None


def _may_be_none(value: Value) -> bool:
    """Whether an entry's value may be None: a look-up of a variable, or what is not known."""
    return _is_none(value) or isinstance(value, (Unknown, External)) or may_miss(value)


def may_miss(value: Value) -> bool:
    """Whether a value is that of a look-up of a variable that gives None where it is not set."""
    if not isinstance(value, EnvRead) or not isinstance(value.place.node, ast.Call):
        return False
    call = value.place.node
    func = call.func
    name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    return name in ("get", "getenv", "getenvb") and len(call.args) == 1 and not call.keywords


# ---- images ---------------------------------------------------------------------------------------------------


def of_image(values: Values | None) -> Supply:
    """What an image gives to its containers; None is the default one, which has no variables of its own."""
    if values is None or all(_is_none(value) for value in values):
        return NOTHING
    if len(values) != 1 or not isinstance(values[0], Object):
        return ANYTHING
    found: list[Source] = []
    step: Object | None = values[0]
    for _ in range(_MAX_STEPS):
        if step is None:
            return ANYTHING
        uses = asking.made_by(step, *_names(step.type))
        if len(uses) != 1:
            return ANYTHING
        source, is_base = _step(uses[0])
        if source is not None:
            found.append(source)
        if is_base:
            return Supply(tuple(reversed(found)))
        step = step.previous
    return ANYTHING


@lru_cache(maxsize=64)
def _names(of_type: str) -> tuple[str, ...]:
    """The methods of a type of Modal's."""
    from modal_lint.modal_api import API

    return tuple(name for name in API if name.startswith(f"{of_type}."))


def _step(use: Use) -> tuple[Source | None, bool]:
    """What one step of an image adds, and whether it is the first one."""
    name = use.api.name
    if name in _BASES:
        return None, True
    if name in _REGISTRIES or name == "modal_lint_runtime.Images.from_registry":
        return Source(Kind.IMAGE, public=True), True
    if name in _ELSEWHERE:
        return Source(Kind.IMAGE), True
    if name == "modal.Image.env":
        return mapping(asking.parameter(use, "vars") or (), Kind.IMAGE), False
    if name in _DOCKERFILE_COMMANDS and _sets_variables(use):
        return Source(Kind.IMAGE), False
    return None, False


def _sets_variables(use: Use) -> bool:
    """Whether Dockerfile commands may set variables: what is not known may."""
    ev = use.file.project.evaluator
    arguments = [*use.bound.extra, *(one for name in ("commands",) for one in use.bound.named.get(name, ()))]
    for argument in arguments:
        for value in asking.asked(use.file, argument):
            items = [(value,)] if isinstance(value, Text) else elements(ev, (value,))
            texts = [asking.one_text(item) for item in items or [()]]
            if any(text is None or _ENV_LINE.search(text) for text in texts):
                return True
    return False
