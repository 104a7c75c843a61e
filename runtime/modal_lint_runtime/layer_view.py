"""Files through a stack of layers, before anything mounts them."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from modal_lint_runtime.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_LINKS = 40  # as Linux (path_resolution(7))


class LayerView:
    """Files through a stack of layers, as the overlay will show them.

    Args:
        lowers: the layers, lowest first; the host's root among them if it is the base.
        upper: the layer that is being made.
        hidden: directories of the lowest layer that are shown empty.
    """

    def __init__(self, lowers: Iterable[Path], upper: Path, hidden: Iterable[str] = ()) -> None:
        self._stack = (upper, *reversed(tuple(lowers)))
        self._upper = upper
        self._hidden = frozenset(map(PurePosixPath, hidden))

    def find(self, path: PurePosixPath) -> Path | None:
        """Where the entry at an absolute path without links in its parents really is."""
        relative = path.relative_to("/")
        for layer in self._stack:
            if layer == self._stack[-1] and not self._hidden.isdisjoint(path.parents):
                return None
            hidden = False
            for part in (*reversed(relative.parents), relative):
                try:
                    status = (layer / part).lstat()
                except (FileNotFoundError, NotADirectoryError):
                    break
                hidden = _is_whiteout(status) or (part != relative and not stat.S_ISDIR(status.st_mode))
                if hidden:
                    break
            else:
                return layer / relative
            if hidden or _is_opaque(layer, relative):
                return None
        return None

    def resolve(self, path: PurePosixPath) -> PurePosixPath:
        """The absolute path with every link on it followed, inside the image; what does not exist is kept as it is.

        Raises:
            InvalidError: the links lead in a circle.
        """
        done, todo, links = PurePosixPath("/"), list(path.parts[1:]), 0
        while todo:
            part = todo.pop(0)
            if part == "..":
                done = done.parent
                continue
            found = self.find(done / part)
            if found is None or not found.is_symlink():
                done /= part
                continue
            links += 1
            if links > _MAX_LINKS:
                raise InvalidError("A path in the image leads through links in a circle.")
            target = PurePosixPath(os.readlink(found))
            done = PurePosixPath("/") if target.is_absolute() else done
            todo = [each for each in target.parts if each != "/"] + todo
        return done

    def is_dir(self, path: PurePosixPath) -> bool:
        """Whether a path, links followed, is a directory."""
        found = self.find(self.resolve(path))
        return found is not None and found.is_dir()

    def make_dir(self, path: PurePosixPath) -> Path:
        """The directory at a path (links followed) in the upper layer, made with those above it where missing.

        One that a lower layer has keeps its permissions and owner.

        Raises:
            InvalidError: something on the way is a file.
        """
        real = self.resolve(path)
        for part in (*reversed(real.parents), real):
            target = self._upper / part.relative_to("/")
            below = self.find(part)
            if below is not None and not below.is_dir():
                raise InvalidError(f"{part} in the image is not a directory.")
            if below == target:
                continue
            if target.is_symlink() or target.exists():  # a whiteout
                target.unlink()
            target.mkdir(mode=0o755)
            if below is not None:
                _copy_status(below, target)
        return self._upper / real.relative_to("/")


def absolute(path: str, workdir: str | None) -> PurePosixPath:
    """A path of an image as an absolute one, seen from a working directory, without ``.`` and ``..``."""
    whole = os.path.normpath(f"{workdir or '/'}/{path}" if not path.startswith("/") else path)
    return PurePosixPath("/" + whole.lstrip("/"))


def _copy_status(source: Path, target: Path) -> None:
    status = source.stat()
    target.chmod(stat.S_IMODE(status.st_mode))
    with contextlib.suppress(PermissionError):
        os.chown(target, status.st_uid, status.st_gid)


def _is_whiteout(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def _is_opaque(layer: Path, relative: PurePosixPath) -> bool:
    return any(_opaque(layer / part) for part in relative.parents)


def _opaque(directory: Path) -> bool:
    for name in ("trusted.overlay.opaque", "user.overlay.opaque"):
        with contextlib.suppress(OSError, AttributeError):
            if os.getxattr(directory, name, follow_symlinks=False) == b"y":
                return True
    return False
