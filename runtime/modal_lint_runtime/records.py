"""What the workspace knows about its objects. No record holds a Secret's value."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

AppState = Literal["initializing", "ephemeral", "detached", "deployed", "stopped"]
SandboxState = Literal["running", "finished", "terminated", "timeout", "failed", "lost"]
"""``lost``: the process that ran the sandbox died without saying how the sandbox ended."""

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 22


def new_id(prefix: str) -> str:
    """A fresh id of Modal's shape: the prefix of the object's kind, a dash, 22 letters and digits (S17)."""
    return f"{prefix}-" + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


@dataclass(frozen=True, slots=True)
class EnvironmentRecord:
    """An environment; ``created_at`` is in seconds since the epoch, as everywhere below."""

    id: str
    name: str
    created_at: float = 0.0


@dataclass(frozen=True, slots=True)
class SecretRecord:
    """A Secret; ``name`` is None for an ephemeral one, ``app_id`` names the App that owns an ephemeral one."""

    id: str
    name: str | None
    environment: str
    keys: tuple[str, ...]
    created_at: float
    updated_at: float
    last_used_at: float | None = None
    app_id: str | None = None


@dataclass(frozen=True, slots=True)
class AppRecord:
    """An App; ``name`` is None for an anonymous one."""

    id: str
    name: str | None
    environment: str
    state: AppState
    created_at: float = 0.0
    stopped_at: float | None = None


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """A built image.

    ``content_key`` is what makes two builds the same; ``definition`` is JSON-able and holds no value; ``layers`` are
    names of directories, lowest first; ``warnings`` are what the build found amiss.
    """

    id: str
    content_key: str = ""
    definition: Mapping[str, Any] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    workdir: str | None = None
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    shell: tuple[str, ...] | None = None
    user: str | None = None
    warnings: tuple[str, ...] = ()
    created_at: float = 0.0


@dataclass(frozen=True, slots=True)
class VolumeRecord:
    """A Volume; ``name`` is None for an ephemeral one, ``version`` is the file system's that was asked for, or 0."""

    id: str
    name: str | None
    environment: str
    version: int = 0
    created_at: float = 0.0


@dataclass(frozen=True, slots=True)
class SandboxRecord:
    """A sandbox; ``timeout`` is in seconds, ``returncode`` is None while it runs."""

    id: str
    app_id: str
    name: str | None = None
    image_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    state: SandboxState = "running"
    returncode: int | None = None
    created_at: float = 0.0
    finished_at: float | None = None
    owner_pid: int = 0
    timeout: float | None = None
