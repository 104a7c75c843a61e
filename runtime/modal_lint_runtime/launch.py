"""Making a container's warden: what is asked of it is checked here, and the program is started."""

from __future__ import annotations

import math
import os
import posixpath
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from modal_lint_runtime.errors import InvalidError, UnsupportedError
from modal_lint_runtime.isolation import search_path
from modal_lint_runtime.wire import PROGRAM

if TYPE_CHECKING:
    import socket

    from modal_lint_runtime.isolation import Isolation

ROOT_HOME = "/root"
"""Home and first working directory in a container with a file system of its own, as in Modal's images."""

SYSTEM_DIRECTORIES = frozenset({"dev", "proc", "sys"})
"""Directories of ``/`` that the kernel fills."""

PACKAGE_PARENT = str(Path(__file__).resolve().parent.parent)
"""The directory that this package can be imported from."""


@dataclass(frozen=True)
class Mount:
    """A directory of this machine that a container sees, and writes to unless it is ``read_only``, at ``target``."""

    source: Path
    target: str
    read_only: bool = False


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """What a container is made of.

    Attributes:
        id: its name for people.
        args: program and arguments of the main process; None for a container that idles until it is terminated.
        env: variables of all its processes, besides PATH, HOME and LANG; these can be replaced too.
        workdir: where its processes start, made when missing; None for its home. Without a file system of its own a
            directory that this machine lacks is made below ``scratch``.
        layers: directories laid over this machine's files, the top one last.
        timeout: seconds until everything is killed and the exit code is 124; None for never.
        network: False for no network at all.
        scratch: a directory that belongs to this container alone: made when missing, removed with all it holds at
            the end.
        hidden: directories of this machine that it must not see, besides the homes and the temporary ones.
        visible: directories of this machine that it sees although they lie in such ones. This Python's and this
            package's always are.
        upper: a directory that receives what the container writes to its file system, and stays; None throws that away.
        mounts: directories that are put into its file system as they are; what it writes there stays.
        pty: its main process has a terminal for its input and output.
    """

    id: str
    args: tuple[str, ...] | None = field(repr=False)
    env: Mapping[str, str] = field(repr=False)
    workdir: str | None = None
    layers: tuple[Path, ...] = ()
    timeout: float | None = None
    network: bool = True
    scratch: Path
    hidden: tuple[Path, ...] = ()
    visible: tuple[Path, ...] = ()
    upper: Path | None = None
    mounts: tuple[Mount, ...] = ()
    pty: bool = False


def check_spec(spec: ContainerSpec, isolation: Isolation) -> None:
    """Raise InvalidError or UnsupportedError, naming the field, when ``spec`` cannot be had."""
    if spec.args is not None:
        encoded_args(spec.args)
    encoded_env(spec.env)
    seconds(spec.timeout)
    if sys.platform == "win32":
        raise UnsupportedError("containers need Linux or macOS")
    if (spec.layers or spec.upper) and not isolation.filesystem:
        raise UnsupportedError(f"image layers need a private file system; this is {isolation}")
    if spec.mounts and not isolation.filesystem:
        raise UnsupportedError(f"mounts need a private file system; this is {isolation}")
    _check_targets([mount.target for mount in spec.mounts])
    if not spec.network and isolation.kind == "none":
        raise UnsupportedError(f"a container without network needs bubblewrap; this is {isolation}")


def _check_targets(targets: Sequence[str]) -> None:
    for target in targets:
        _encoded(target, "the target of a mount")
        if target != posixpath.abspath(target) or target.startswith("//") or target == "/":
            raise InvalidError("the target of a mount must be an absolute path below / without . and ..")
        if target.split("/")[1] in SYSTEM_DIRECTORIES:
            raise InvalidError(f"nothing can be mounted in /{target.split('/')[1]}")
    if len(set(targets)) < len(targets):
        raise InvalidError("two mounts have the same target")


def encoded_args(args: Sequence[str]) -> list[bytes]:
    """Return the arguments as bytes. Raises InvalidError unless they are one non-empty str or more without NUL."""
    if isinstance(args, str) or not isinstance(args, Sequence) or not args:
        raise InvalidError("args must be a list of at least one str: the program and its arguments")
    return [_encoded(arg, f"args[{index}]") for index, arg in enumerate(args)]


def encoded_env(env: Mapping[str, str]) -> dict[bytes, bytes]:
    """Return the variables as bytes. Raises InvalidError, naming the variable, for what no environment can hold."""
    if not isinstance(env, Mapping):
        raise InvalidError("env must be a dict of str to str")
    for name in env:
        if not isinstance(name, str) or not name or "=" in name:
            raise InvalidError("env: the name of a variable must be a non-empty str without '='")
    return {_encoded(name, "env name"): _encoded(value, f"env[{name!r}]") for name, value in env.items()}


def _encoded(text: str, what: str) -> bytes:
    if not isinstance(text, str):
        raise InvalidError(f"{what} must be a str, not {type(text).__name__}")
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # its message would carry the text
        raise InvalidError(f"{what} cannot be encoded as UTF-8") from None
    if b"\0" in data:
        raise InvalidError(f"{what} must not contain a NUL character")
    return data


def seconds(timeout: float | None) -> float:
    """Return a timeout as the warden takes it: 0 for none. Raises InvalidError unless it is above 0 or None."""
    if timeout is None or timeout == math.inf:
        return 0.0
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout > 0:
        raise InvalidError("timeout must be a number of seconds above 0, or None")
    return float(timeout)


@dataclass(frozen=True)
class Places:
    """Where a container's processes live.

    Attributes:
        home: HOME, and what relative working directories are relative to.
        spare: for containers without a file system of their own, what stands in for the root of this machine when a
            working directory does not exist there; None otherwise.
    """

    home: str
    spare: str | None

    def workdir(self, wanted: str | None) -> bytes:
        """Return the absolute working directory. Raises InvalidError for one that no path can name."""
        if wanted is not None and not isinstance(wanted, str):
            raise InvalidError(f"workdir must be a str, not {type(wanted).__name__}")
        path = posixpath.normpath(posixpath.join(self.home, wanted or ""))
        if self.spare is not None and not os.path.lexists(path) and not path.startswith(self.home):
            path = self.spare + path
        return _encoded(path, "workdir")


def places(spec: ContainerSpec, isolation: Isolation) -> Places:
    """Return the places of a container."""
    scratch = spec.scratch.absolute()
    if isolation.filesystem:
        return Places(ROOT_HOME, None)
    return Places(str(scratch / "home"), str(scratch / "root"))


def launch(spec: ContainerSpec, isolation: Isolation, control: socket.socket) -> subprocess.Popen[bytes]:
    """Start the program beside this one, with its end of the socket. Raises UnsupportedError, OSError."""
    if not sys.executable:
        raise UnsupportedError("containers need the path of a Python interpreter, and sys.executable is empty")
    module = "plain" if isolation.kind == "none" else "bubblewrap"
    settings = [] if isolation.kind == "none" else _bubblewrap_settings(spec, isolation)
    arguments = [str(control.fileno()), str(os.getpid()), str(spec.scratch.absolute()), *settings]
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", PROGRAM.format(module), PACKAGE_PARENT, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=[control.fileno()],
        cwd="/",
        env=_warden_environment(),
        start_new_session=True,
    )


def _bubblewrap_settings(spec: ContainerSpec, isolation: Isolation) -> list[str]:
    settings = [f"python={os.path.realpath(sys.executable)}", f"source={PACKAGE_PARENT}"]
    settings.append("root=overlay" if isolation.filesystem else "root=host")
    if not spec.network:
        settings.append("network=off")
    if spec.upper is not None:
        settings.append(f"upper={spec.upper.absolute()}")
    settings += [f"layer={path.absolute()}" for path in spec.layers]
    settings += [f"hide={path.absolute()}" for path in spec.hidden]
    settings += [f"show={path}" for path in visible_directories(spec.visible)]
    for mount in sorted(spec.mounts, key=lambda mount: mount.target):  # what lies in another one comes after it
        settings.append(f"mount={'--ro-bind' if mount.read_only else '--bind'}")
        settings += [f"from={mount.source.absolute()}", f"at={mount.target}"]
    return settings


def visible_directories(more: Iterable[Path] = ()) -> list[str]:
    """Return the directories that a container sees wherever they are: this Python's, this package's and ``more``."""
    executable = os.path.realpath(sys.executable)
    python = [sys.prefix, sys.base_prefix, os.path.dirname(os.path.dirname(executable))]
    named = [os.path.abspath(path) for path in (*python, PACKAGE_PARENT, *map(str, more))]
    return list(dict.fromkeys(path for each in named for path in (each, os.path.realpath(each)) if path != "/"))


def _warden_environment() -> dict[str, str]:
    own = {"PATH": search_path(), "LANG": "C.UTF-8"}
    # Some Pythons find their own library this way only. The container's processes do not get it.
    return own | {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
