"""The root of a container: image layers over this machine's files, in a mount namespace of its own.

Linux only, and only in the small program beside the client (`bubblewrap.py`): what is mounted here is seen by that
program and by the container. Bubblewrap mounts overlays itself from version 0.11 on; Debian 12 has 0.8.

Root has two overlays, because the kernel refuses a layer that lies below another one, and everything lies below ``/``:
the lower one is ``/`` without what must not be seen, the upper one puts the layers on it. Others have one for each
directory of ``/``, because in a user namespace the kernel refuses a layer that has mounts below it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os

from modal_lint_runtime.mask import HIDDEN, Mask, mirror
from modal_lint_runtime.plain import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NEW_MOUNTS, _NEW_USER = 0x00020000, 0x10000000  # linux/sched.h: CLONE_NEWNS, CLONE_NEWUSER
_NOSUID, _NODEV, _RECURSIVE, _PRIVATE = 2, 4, 1 << 14, 1 << 18  # linux/mount.h
_DETACH = 2
_OF_BUBBLEWRAP = {"dev", "proc", "sys"}
_MAX_OPTIONS = 4000  # the kernel takes one page


class MountError(OSError):
    """The kernel refused."""


def enter_namespace() -> bool:
    """Give this process mounts of its own, and where it needs that, a user namespace in which it is root.

    Returns:
        Whether there is such a user namespace.

    Raises:
        MountError: neither is allowed.
    """
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    mapped = user != 0 or libc.unshare(_NEW_MOUNTS) != 0
    if mapped:
        if libc.unshare(_NEW_MOUNTS | _NEW_USER) != 0:
            raise MountError(f"no mount namespace: {os.strerror(ctypes.get_errno())}")
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"0 {user} 1")
        _write("/proc/self/gid_map", f"0 {group} 1")
    _mount("none", "/", "", _RECURSIVE | _PRIVATE, "")
    return mapped


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w") as file:
            file.write(text)
    except OSError as error:
        raise MountError(f"no user namespace: {path}: {error.strerror}") from error


def _mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = (os.fsencode(source), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), options.encode())
    if libc.mount(*arguments) != 0:
        raise MountError(f"cannot mount {kind or 'private'} on {target}: {os.strerror(ctypes.get_errno())}")


class Root:
    """The file system of one container.

    Attributes:
        path: its root directory, once made.
        bare: directories of ``/`` that could not be put in, to be shown as they are, for reading only.

    Args:
        scratch: a directory for all that is needed.
        layers: directories, the top one last.
        upper: a directory that receives the changes and stays; None throws them away.
        hidden: directories of this machine that are not seen, besides `HIDDEN`.
        visible: directories that are seen although they lie in such ones.
        mapped: whether this is root in a user namespace only.
    """

    def __init__(
        self,
        scratch: str,
        layers: Sequence[str],
        upper: str | None,
        hidden: Iterable[str],
        visible: Iterable[str],
        *,
        mapped: bool,
    ) -> None:
        self.path = os.path.join(scratch, "root")
        self._scratch = scratch
        self._layers = tuple(layers)
        self._upper = upper
        self._hidden = sorted({*HIDDEN, *hidden})
        self._visible = tuple(visible)
        self._mapped = mapped
        self.bare: list[str] = []
        self._made: list[str] = []
        self._memory = os.path.join(scratch, "memory")
        self._base = os.path.join(scratch, "base")
        self._in_memory = False
        self._mounts: list[str] = []

    def make(self) -> None:
        """Mount it. Raises OSError."""
        for place in (self.path, self._memory, self._base):
            os.mkdir(place, 0o755)
        self._mount("tmpfs", self._memory, _NOSUID | _NODEV, "mode=0700")
        skeleton, mask = (self._memory_directory(name) for name in ("skeleton", "mask"))
        Mask(mask, skeleton, self._visible).hide(self._hidden)
        if self._mapped:
            self._make_piecewise(skeleton, mask)
            return
        try:
            self._overlay([mask, "/"], self._base)
            lowers = [*reversed(self._layers), skeleton, self._base]
            upper = self._upper or self._directory("upper")
            self._overlay(lowers, self.path, upper, self._directory("work"), volatile=self._upper is None)
        except MountError:
            self._make_in_memory(skeleton, mask)

    def _make_piecewise(self, skeleton: str, mask: str) -> None:
        upper, work = self._upper or self._directory("upper"), self._directory("work")
        above = (*reversed(self._layers), skeleton)
        pieces = []
        for name in _OF_BUBBLEWRAP:  # or it would make them in what is kept
            os.mkdir(os.path.join(skeleton, name), 0o755)
        for name in sorted(set(os.listdir("/")) - _OF_BUBBLEWRAP):
            if os.path.islink(f"/{name}"):
                os.symlink(os.readlink(f"/{name}"), os.path.join(skeleton, name))
            elif os.path.isdir(f"/{name}") and not _replaced(name, above) and not _replaced(name, [mask]):
                pieces.append(name)
                self._made += [] if os.path.lexists(f"{upper}/{name}") else [f"{upper}/{name}"]
                mirror(upper, f"/{name}")
        self._overlay([*reversed(self._layers), skeleton], self.path, upper, work)
        for name in pieces:
            lowers = [path for each in (*above, mask) if os.path.isdir(path := f"{each}/{name}")]
            try:
                target = os.path.join(self.path, name)
                self._overlay([*lowers, f"/{name}"], target, f"{upper}/{name}", self._directory(f"work-{name}"))
            except MountError:
                self.bare.append(f"/{name}")

    def _make_in_memory(self, skeleton: str, mask: str) -> None:
        """Where the scratch directory cannot carry an overlay (it lies on one, say), memory can."""
        self._in_memory = True
        copies = []
        for number, layer in enumerate(reversed(self._layers)):
            copies.append(self._memory_directory(f"layer{number}"))
            _copy(layer, copies[-1])
        upper, work = (self._memory_directory(name) for name in ("upper", "work"))
        self._overlay([*copies, skeleton, mask, "/"], self.path, upper, work)

    def _directory(self, name: str) -> str:
        path = os.path.join(self._scratch, name)
        os.mkdir(path, 0o755)
        return path

    def _memory_directory(self, name: str) -> str:
        path = os.path.join(self._memory, name)
        os.mkdir(path, 0o755)
        return path

    def _overlay(
        self,
        lowers: Sequence[str],
        target: str,
        upper: str | None = None,
        work: str | None = None,
        *,
        volatile: bool = False,
    ) -> None:
        with contextlib.ExitStack() as opened:
            # Descriptors instead of paths: short, and free of the characters that options cannot hold.
            names = [_opened(opened, path) for path in (*lowers, *filter(None, (upper, work)))]
            options = "lowerdir=" + ":".join(names[: len(lowers)])
            if upper:
                options += f",upperdir={names[-2]},workdir={names[-1]}"
            if self._mapped:
                options += ",userxattr"
            if len(options) > _MAX_OPTIONS:
                raise MountError(f"{len(lowers)} layers are too many for one mount")
            try:
                self._mount("overlay", target, _NODEV, options + (",volatile" if volatile else ""))
            except MountError:
                if not volatile:  # which kernels before 5.10 do not know
                    raise
                self._mount("overlay", target, _NODEV, options)

    def _mount(self, kind: str, target: str, flags: int, options: str) -> None:
        _mount("modal-lint", target, kind, flags, options)
        self._mounts.append(target)

    def dispose(self) -> None:
        """Take it down once nobody uses it any more; what shall stay is in its place afterwards. Raises OSError."""
        try:
            if self._in_memory and self._upper and self.path in self._mounts:
                _copy(os.path.join(self._memory, "upper"), self._upper)
        finally:
            libc = ctypes.CDLL(None, use_errno=True)
            while self._mounts:
                libc.umount2(os.fsencode(self._mounts.pop()), _DETACH)
            for directory in self._made:
                with contextlib.suppress(OSError):  # not empty: something was written there
                    os.rmdir(directory)

    @property
    def mounted(self) -> bool:
        """Whether anything of it is still mounted."""
        return any(os.path.ismount(place) for place in (self.path, self._base, self._memory))


def _replaced(name: str, above: Iterable[str]) -> bool:
    """Whether an entry of ``/`` is deleted, or no directory any more, in the topmost directory that has it."""
    for directory in above:
        if os.path.lexists(f"{directory}/{name}"):
            return os.path.islink(f"{directory}/{name}") or not os.path.isdir(f"{directory}/{name}")
    return False


def _opened(opened: contextlib.ExitStack, path: str) -> str:
    descriptor = os.open(path, os.O_PATH | os.O_DIRECTORY)
    opened.callback(os.close, descriptor)
    return f"/proc/self/fd/{descriptor}"


def _copy(source: str, target: str) -> None:
    if run("cp", "-a", "--", f"{source}/.", target) != 0:
        raise OSError(f"cannot copy {source} to {target}; an overlay cannot hold what was deleted from another one")
