"""The program beside the client of a container that is nothing but processes."""

from __future__ import annotations

import os
import sys

from modal_lint_runtime import warden


def main(control: str, client: str, scratch: str) -> None:
    """Look after the container until it ends, then remove ``scratch``.

    Args:
        control: descriptor of the client's socket.
        client: process id of the client.
        scratch: the container's own directory.
    """
    if not make_scratch(scratch, "home"):
        return
    warden.main(control, client)
    remove_tree(scratch)


def make_scratch(path: str, *names: str) -> bool:
    """Make a container's own directory, and some in it; whether that worked, and why not on standard error.

    It is made here and not by the client, which may be killed before it has started who removes it.
    """
    try:
        os.makedirs(path, 0o700, exist_ok=True)
        for name in names:
            os.makedirs(os.path.join(path, name), 0o700, exist_ok=True)
    except OSError as error:
        sys.stderr.write(f"{path}: {error.strerror}\n")
        remove_tree(path)
        return False
    return True


def remove_tree(path: str) -> None:
    """Remove a directory with all it holds, however deep, and directories without permissions too."""
    remove = ("rm", "-rf", "--", path)
    if run(*remove) != 0:
        run("chmod", "-R", "u+rwX", "--", path)
        run(*remove)


def run(*command: str) -> int:
    """Run a command without showing anything of it and return its exit code; -1 when it does not exist."""
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
    try:
        pid = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except OSError:
        return -1
    finally:
        os.close(null)
