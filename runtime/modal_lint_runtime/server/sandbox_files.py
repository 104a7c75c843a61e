"""What the SDKs' `sandbox.filesystem` starts in a sandbox; Modal's own sandboxes have a program for it.

It runs alone in the sandbox and needs nothing but the standard library. Its argument is one command as JSON, the
content of a file goes over its standard streams, an error is JSON on standard error (P _utils/sandbox_fs_utils.py).
"""

from __future__ import annotations

import errno
import grp
import json
import os
import pwd
import shutil
import stat
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PATH = "/__modal/.bin/modal-sandbox-fs-tools"
"""The path of Modal's program, by which the SDKs start it (P sandbox/_filesystem.py)."""

_KINDS = {
    errno.ENOENT: "NotFound",
    errno.EISDIR: "IsDirectory",
    errno.ENOTDIR: "NotDirectory",
    errno.EEXIST: "PathAlreadyExists",
    errno.ENOTEMPTY: "DirectoryNotEmpty",
    errno.EACCES: "PermissionDenied",
    errno.EPERM: "PermissionDenied",
    errno.EROFS: "PermissionDenied",
}


class RefusedError(Exception):
    """A command that is not served."""


def main(argument: str) -> int:
    """Carry out one command and return the exit code."""
    try:
        ((name, options),) = json.loads(argument).items()
        if name not in _COMMANDS:
            raise RefusedError(f"{name} is not served by the local runtime of modal-lint")
        _COMMANDS[name](**options)
    except OSError as error:
        return _complain(_KINDS.get(error.errno or 0, "Other"), error.strerror or type(error).__name__)
    except RefusedError as error:
        return _complain("Unimplemented", str(error))
    except (ValueError, TypeError, AttributeError):
        return _complain("Other", "The command is not understood")
    return 0


def _complain(kind: str, message: str) -> int:
    json.dump({"error_kind": kind, "message": message}, sys.stderr)
    return 1


def _read(path: str) -> None:
    with open(path, "rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.buffer.flush()


def _write(path: str) -> None:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
    with open(path, "wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)


def _list(path: str) -> None:
    with os.scandir(path) as entries:
        found = [_described(os.path.join(path, entry.name)) for entry in entries]
    json.dump(sorted(found, key=lambda entry: str(entry["name"])), sys.stdout)


def _stat(path: str) -> None:
    json.dump(_described(path), sys.stdout)


def _make_directory(path: str, parents: bool) -> None:
    if parents:
        os.makedirs(path, exist_ok=True)
    else:
        os.mkdir(path)


def _remove(path: str, recursive: bool) -> None:
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        os.unlink(path)
    elif recursive:
        shutil.rmtree(path)
    else:
        os.rmdir(path)


def _described(path: str) -> dict[str, Any]:
    status = os.lstat(path)
    link = stat.S_ISLNK(status.st_mode)
    return {
        "name": os.path.basename(path.rstrip("/")) or "/",
        "path": path,
        "type": "symlink" if link else "directory" if stat.S_ISDIR(status.st_mode) else "file",
        "size": status.st_size,
        "mode": stat.S_IMODE(status.st_mode),
        "permissions": stat.filemode(status.st_mode)[1:],
        "owner": _named(lambda: pwd.getpwuid(status.st_uid).pw_name, status.st_uid),
        "group": _named(lambda: grp.getgrgid(status.st_gid).gr_name, status.st_gid),
        "modified_time": status.st_mtime,
        "symlink_target": os.readlink(path) if link else None,
    }


def _named(look_up: Callable[[], str], number: int) -> str:
    try:
        return look_up()
    except KeyError:
        return str(number)


_COMMANDS: dict[str, Callable[..., None]] = {
    "ReadFile": _read,
    "WriteFile": _write,
    "ListFiles": _list,
    "Stat": _stat,
    "MakeDirectory": _make_directory,
    "Remove": _remove,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
