"""What a row of the API table is, and how its signature is written.

A row's parameters are written as in a Python signature, each with its sink behind a colon:
``"*args:argv, app, *, env:env, secrets:secrets"``. ``/`` and ``*`` stand alone and mean what they mean in Python.
"""

from __future__ import annotations

from enum import Enum
from functools import cache
from typing import NamedTuple


class Sink(str, Enum):
    """What a parameter does with a value that goes in."""

    __hash__ = str.__hash__  # an Enum's own is a call of Python, and every rule looks for sinks in sets

    ENV = "env"  # mapping: environment of a container
    BUILD_ENV = "build-env"  # mapping: environment of one build step
    SECRET = "secret-dict"  # mapping: becomes an anonymous Secret
    STORED_SECRET = "stored-secret"  # mapping: written to a named Secret
    IMAGE_ENV = "image-env"  # mapping: baked into the image
    BUILD_ARGS = "build-args"  # mapping: kept in the image's definition
    COMMAND = "command"  # text or list of texts: shell or Dockerfile lines
    URL = "url"  # text or list of texts: index and channel URLs, a bucket's endpoint
    PACKAGE = "package"  # text or list of texts: requirement specifiers
    GIT_USER = "git-user"  # text: interpolated into a clone URL
    BUILD_PAYLOAD = "build-payload"  # any: pickled into the image's definition
    IMAGE_ARGV = "image-argv"  # list of texts: entrypoint and cmd of an image
    ARGV = "argv"  # texts: arguments of a process in a container
    TOKEN = "token"  # text: Modal's own credentials
    FILE = "file"  # path of a local file that is shipped
    FILES = "files"  # mapping or list of local files that are shipped
    DIRECTORY = "directory"  # path of a local directory that is shipped
    IGNORE = "ignore"  # what a shipped directory leaves out
    PAYLOAD = "payload"  # any: input of a function, entry of a Dict or Queue
    LABEL = "label"  # text, or mapping of texts: names and tags, kept in clear
    HEADER = "header"  # mapping: header values of an outbound policy
    SECRETS = "secrets"  # list of Secret objects
    SECRET_REF = "secret"  # one Secret object
    KEYS = "keys"  # list of texts: names of variables
    IMAGE = "image"  # the Image whose environment the container has
    HOST_ENV = "host-env"  # mapping: environment of a local process
    HOST_ARGV = "host-argv"  # text or list of texts: command line of a local process


class Persists(str, Enum):
    """Where a value ends up (the codes of semantics.md)."""

    SECRET = "SEC"
    INLINE = "INL"
    IMAGE = "IMG"
    DEFINITION = "DEF"
    INPUT = "INP"
    FILE = "FILE"
    LOCAL = "LOC"


class Param(NamedTuple):
    """One parameter. ``kind`` is "positional", "keyword", "both", "args" or "kwargs"."""

    name: str
    kind: str
    sink: Sink | None = None


class Api(NamedTuple):
    """One callable.

    ``name`` is canonical (``modal.Sandbox.create``), a constructor's is that of its class. ``params`` leave out
    ``self``. ``returns`` is the canonical type of the result (of a decorator: of what it makes). ``persists`` says
    where the row's main sink ends up. ``since`` is the first version that has it, ``until`` the first one known to be
    without it.
    """

    name: str
    params: tuple[Param, ...]
    returns: str | None = None
    persists: Persists = Persists.DEFINITION
    since: str | None = None
    until: str | None = None
    decorator: bool = False

    def param(self, name: str) -> Param | None:
        """The parameter of this name (a keyword that only ``**kwargs`` would take has none)."""
        return next((p for p in self.params if p.name == name), None)

    def with_sink(self, *sinks: Sink) -> Param | None:
        """The first parameter that is one of these sinks."""
        return next((p for p in self.params if p.sink in sinks), None)

    @property
    def binds_image(self) -> Param | None:
        """The parameter that takes the Image of the container, where there is one."""
        return self.with_sink(Sink.IMAGE)

    @property
    def owner(self) -> str:
        """The canonical type a method is called on; for a function its module, for a constructor the package."""
        return self.name.rpartition(".")[0]


@cache
def _param(piece: str, kind: str) -> Param:
    name, _, sink = piece.partition(":")
    return Param(name, kind, Sink(sink) if sink else None)


def _params(signature: str) -> tuple[Param, ...]:
    params: list[Param] = []
    kind = "both"
    for piece in filter(None, (part.strip() for part in signature.split(","))):
        if piece == "*":
            kind = "keyword"
        elif piece == "/":
            params = [Param(p.name, "positional", p.sink) for p in params]
        elif piece.startswith("**"):
            params.append(_param(piece[2:], "kwargs"))
        elif piece.startswith("*"):
            params.append(_param(piece[1:], "args"))
            kind = "keyword"
        else:
            params.append(_param(piece, kind))
    return tuple(params)


def api(
    name: str,
    signature: str,
    returns: str | None = None,
    persists: Persists = Persists.DEFINITION,
    *,
    since: str | None = None,
    until: str | None = None,
    decorator: bool = False,
) -> Api:
    """A row. ``signature`` is in the mini-language of this module; the rest is as in `Api`.

    Raises:
        ValueError: a sink that does not exist.
    """
    return Api(name, _params(signature), returns, persists, since, until, decorator)
