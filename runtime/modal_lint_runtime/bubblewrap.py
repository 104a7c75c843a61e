"""The program beside the client of a container in bubblewrap.

It mounts the container's root, starts bubblewrap with the warden as process 1 of a PID namespace, kills that when the
client dies, and cleans up. Only paths and switches are in its arguments and in bubblewrap's.
"""

from __future__ import annotations

import os
import sys

from modal_lint_runtime import wire
from modal_lint_runtime.family import adopt_orphans, kill_family
from modal_lint_runtime.plain import make_scratch, remove_tree
from modal_lint_runtime.warden import Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

CAPABILITIES = (
    "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID",
    "SYS_CHROOT",
)  # fmt: skip
"""What root may do in a container: Docker's default without raw sockets, device nodes and the audit log."""

_PSEUDO = {
    *("autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs"),
    *("fuse.lxcfs", "fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs", "securityfs", "sysfs"),
    *("tmpfs", "tracefs"),
}
_SYSTEM = ("/proc", "/sys", "/dev", "/boot")


def main(control: str, client: str, scratch: str, *settings: str) -> None:
    """Look after the container until it ends, then remove ``scratch``.

    Args:
        control: descriptor of the client's socket.
        client: process id of the client.
        scratch: the container's own directory.
        settings: ``python=PATH``; ``source=DIRECTORY`` of this package; ``root=overlay`` or ``root=host``;
            ``network=off``; ``upper=PATH``; any number of ``layer=``, ``hide=`` and ``show=PATH``; and any number of
            ``mount=SWITCH`` of bubblewrap's, each with ``from=PATH`` of this machine and ``at=PATH`` in the container.
    """
    adopt_orphans()
    given: dict[str, list[str]] = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        given.setdefault(name, []).append(value)
    names = [] if given["root"] == ["overlay"] else ["home"]
    if not make_scratch(scratch, *names):
        sys.exit(True)
    program = _Bubblewrap(int(control), scratch, given)
    program.run(Watch(None, int(client)))
    if not program.mounted:
        remove_tree(scratch)
    sys.exit(program.failed)


class _Bubblewrap:
    """The life of one container.

    Attributes:
        failed: whether it could not be started, or what it should leave could not be kept; why is on standard error.
        mounted: whether anything is mounted below the scratch directory, which then must not be removed.
    """

    def __init__(self, control: int, scratch: str, given: dict[str, list[str]]) -> None:
        self.failed = False
        self.mounted = False
        self._control = control
        self._scratch = scratch
        self._given = given
        self._hidden: tuple[str, ...] = ()

    def run(self, watch: Watch) -> None:
        try:
            if self._given["root"] == ["overlay"]:
                self._over_layers(watch)
            else:
                self._wrap(watch, self._on_host())
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        self.failed = True
        sys.stderr.write(f"{error}\n")

    def _over_layers(self, watch: Watch) -> None:
        from modal_lint_runtime import mask, overlay

        given = self._given
        hidden, visible = given.get("hide", []), given.get("show", [])
        self._hidden = (*mask.HIDDEN, *hidden)
        mapped = overlay.enter_namespace()
        upper = given.get("upper", [None])[0]
        root = overlay.Root(self._scratch, given.get("layer", []), upper, hidden, visible, mapped=mapped)
        try:
            root.make()
            self._wrap(
                watch, ["--bind", root.path, "/", *_SYSTEM_MOUNTS, *self._other_mounts(root.bare), *self._asked()]
            )
        except OSError as error:
            self._fail(error)
        kill_family()
        try:
            root.dispose()
        finally:
            self.mounted = root.mounted

    def _on_host(self) -> list[str]:
        """This machine's files, to be read only, with a /tmp of its own."""
        temporary = os.path.join(self._scratch, "tmp")
        os.mkdir(temporary, 0o1777)
        shown = [path for path in self._given.get("show", ()) if path.startswith("/tmp/")]
        binds = [word for path in shown for word in ("--ro-bind", path, path)]
        own = ["--bind", temporary, "/tmp", *binds, "--bind", self._scratch, self._scratch]
        return ["--ro-bind", "/", "/", *_SYSTEM_MOUNTS, *own]

    def _other_mounts(self, bare: Sequence[str]) -> list[str]:
        """What else is mounted here and belongs to the machine's files: an overlay stops at mounts."""
        empty = [path for path in self._hidden if _below(path, bare)]
        mounts = [path for path in _mount_points() if not _below(path, (*_SYSTEM, *self._hidden, *bare, self._scratch))]
        device = os.stat("/").st_dev
        shown = [path for path in self._given.get("show", ()) if _below(path, self._hidden)]
        lost = [path for path in shown if _below(path, bare) or _device(path) != device]
        words = [word for path in bare for word in ("--ro-bind", path, path)]
        words += [word for path in empty for word in ("--tmpfs", path)]
        return words + [word for path in (*mounts, *lost) for word in ("--ro-bind-try", path, path)]

    def _asked(self) -> list[str]:
        """The mounts that the client asks for."""
        asked = zip(*(self._given.get(name, ()) for name in ("mount", "from", "at")), strict=True)
        return [word for mount in asked for word in mount]

    def _wrap(self, watch: Watch, mounts: Sequence[str]) -> None:
        source = os.open(self._given["source"][0], os.O_RDONLY | os.O_DIRECTORY)
        for descriptor in (source, self._control):
            os.set_inheritable(descriptor, True)
        namespaces = ["--unshare-pid", "--unshare-ipc"]
        if self._given.get("network") == ["off"]:
            namespaces.append("--unshare-net")
        capabilities = [word for name in CAPABILITIES for word in ("--cap-add", f"CAP_{name}")]
        if os.geteuid() == 0:
            capabilities[:0] = ["--cap-drop", "ALL"]
        else:
            capabilities = []
        # The package is imported through a descriptor: no need for its path to exist inside.
        program = [
            self._given["python"][0],
            "-I",
            "-S",
            "-B",
            "-c",
            wire.PROGRAM.format("warden"),
            f"/proc/self/fd/{source}",
        ]
        arguments = [str(self._control), "0", str(source)]
        life = ["--die-with-parent", "--as-pid-1", "--chdir", "/"]
        command = ["bwrap", *mounts, *namespaces, *capabilities, *life, "--", *program, *arguments]
        pid = os.posix_spawnp("bwrap", command, os.environ)
        os.close(source)
        os.close(self._control)
        _wait(watch, pid)


_SYSTEM_MOUNTS = ("--dev", "/dev", "--proc", "/proc", "--ro-bind-try", "/sys", "/sys")


def _wait(watch: Watch, pid: int) -> None:
    """Wait for bubblewrap's end, and bring it about when the client is gone."""
    while True:
        done, _ = os.waitpid(pid, os.WNOHANG)
        if done:
            return
        try:
            watch.wait(None)
        except wire.ClientGoneError:
            kill_family()
            return


def _mount_points() -> list[str]:
    """Return where file systems with files of the machine are mounted, besides ``/``."""
    found = []
    with open("/proc/self/mountinfo", "rb") as file:
        for line in file:
            fields, _, rest = line.partition(b" - ")
            path = os.fsdecode(fields.split()[4].decode("unicode_escape").encode("latin-1"))
            if os.fsdecode(rest.split()[0]) not in _PSEUDO and path != "/":
                found.append(path)
    return found


def _below(path: str, directories: Sequence[str]) -> bool:
    return any(path == each or path.startswith(each + "/") for each in directories)


def _device(path: str) -> int | None:
    try:
        return os.stat(path).st_dev
    except OSError:
        return None
