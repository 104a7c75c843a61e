"""What of this machine's files a container does not see."""

from __future__ import annotations

import contextlib
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN = ("/root", "/home", "/tmp", "/var/tmp", "/run", "/mnt", "/media")
"""Directories of this machine that are empty in a container."""

_RESOLVER = "/etc/resolv.conf"


class Mask:
    """What is laid over ``/`` so that parts of it are not seen.

    Args:
        mask: a directory for whiteouts: character devices 0/0, which an overlay takes for "not there".
        skeleton: a directory for the empty ones that stand in for the hidden ones.
        visible: directories to spare.
    """

    def __init__(self, mask: str, skeleton: str, visible: Iterable[str]) -> None:
        self._mask = mask
        self._skeleton = skeleton
        self._visible = tuple(visible)
        for root in (mask, skeleton):
            os.chmod(root, stat.S_IMODE(os.stat("/").st_mode))

    def hide(self, directories: Iterable[str]) -> None:
        """Hide the content of ``directories``, and keep DNS working where its settings are among it."""
        for directory in directories:
            if os.path.isdir(directory) and not os.path.islink(directory) and not self._gone(directory):
                self._hide(directory)
                mirror(self._skeleton, directory)
        resolver = os.path.realpath(_RESOLVER)
        if self._gone(resolver) and os.path.isfile(resolver):
            mirror(self._skeleton, os.path.dirname(resolver))
            with open(resolver, "rb") as source, open(self._skeleton + resolver, "wb") as target:
                target.write(source.read())

    def _hide(self, path: str) -> None:
        if path in self._visible:
            return
        if not any(each.startswith(path + "/") for each in self._visible):
            mirror(self._mask, os.path.dirname(path))
            os.mknod(self._mask + path, stat.S_IFCHR, os.makedev(0, 0))
        elif not os.path.islink(path):
            for name in os.listdir(path):
                self._hide(os.path.join(path, name))

    def _gone(self, path: str) -> bool:
        while path != "/":
            with contextlib.suppress(OSError):
                if stat.S_ISCHR(os.lstat(self._mask + path).st_mode):
                    return True
            path = os.path.dirname(path)
        return False


def mirror(root: str, path: str) -> None:
    """Make a directory as it is here, and those above it: an overlay shows the topmost one's owner and mode."""
    if path == "/" or os.path.isdir(root + path):
        return
    mirror(root, os.path.dirname(path))
    there = os.stat(path)
    os.mkdir(root + path)
    with contextlib.suppress(OSError):  # an owner that the user namespace does not know
        os.chown(root + path, there.st_uid, there.st_gid)
    os.chmod(root + path, stat.S_IMODE(there.st_mode))
