"""Modal's API as data: which callable and which parameter is which sink, and what becomes of what goes in.

Facts are those of the Python SDK ``modal`` 1.6.4 (proved against ``inspect.signature`` by the tests) and of the
reference client in ``modal_lint_runtime``. A row's parameters are written as in a Python signature, each with its
sink behind a colon: ``"*args:argv, app, *, env:env, secrets:secrets"``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Sink(str, Enum):
    """What a parameter does with a value that goes in."""

    ENV = "env"  # mapping: environment of a container
    BUILD_ENV = "build-env"  # mapping: environment of one build step
    SECRET = "secret-dict"  # mapping: becomes an anonymous Secret
    STORED_SECRET = "stored-secret"  # mapping: written to a named Secret
    IMAGE_ENV = "image-env"  # mapping: baked into the image
    BUILD_ARGS = "build-args"  # mapping: kept in the image's definition
    COMMAND = "command"  # text or list of texts: shell or Dockerfile lines
    URL = "url"  # text or list of texts: index and channel URLs
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


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter. ``kind`` is "positional", "keyword", "both", "args" or "kwargs"."""

    name: str
    kind: str
    sink: Sink | None = None


@dataclass(frozen=True, slots=True)
class Api:
    """One callable.

    ``name`` is canonical (``modal.Sandbox.create``); ``returns`` is the canonical type of the result, ``owner`` the
    canonical type a method is called on (its ``self`` is not among the parameters). ``since`` is the first version
    that has it, ``until`` the first that does not. ``binds_image`` names the parameter that takes the Image.
    """

    name: str
    params: tuple[Param, ...]
    returns: str | None = None
    persists: Persists = Persists.DEFINITION
    since: str | None = None
    until: str | None = None
    decorator: bool = False

    def param(self, name: str) -> Param | None:
        return next((p for p in self.params if p.name == name), None)

    def with_sink(self, *sinks: Sink) -> Param | None:
        """The first parameter that is one of these sinks."""
        return next((p for p in self.params if p.sink in sinks), None)


def _params(signature: str) -> tuple[Param, ...]:
    params: list[Param] = []
    kind = "both"
    for part in filter(None, (piece.strip() for piece in signature.split(","))):
        if part == "*":
            kind = "keyword"
            continue
        name, _, sink = part.partition(":")
        this = kind
        if name.startswith("**"):
            this, name = "kwargs", name[2:]
        elif name.startswith("*"):
            this, name, kind = "args", name[1:], "keyword"
        params.append(Param(name, this, Sink(sink.strip()) if sink else None))
    return tuple(params)


def _api(name: str, signature: str, returns: str | None = None, **facts: object) -> Api:
    return Api(name, _params(signature), returns, **facts)  # type: ignore[arg-type]
