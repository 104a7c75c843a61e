"""Podman with a store of its own, and a base image made of busybox; every call of it is written down."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE = "docker.io/library/python:3.13"
SETTINGS = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
netns = "host"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


class Podman:
    """What a test has of it: the places of its files, and what it was told."""

    def __init__(self, place: Path, program: str, environment: dict[str, str]) -> None:
        self.place = place
        self.environment = environment
        self._program = program

    def __call__(self, *arguments: str) -> str:
        """What a command of Podman's prints; it must not fail."""
        done = subprocess.run(
            [self._program, *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def calls(self) -> str:
        """The arguments of all calls that the engine has made."""
        return (self.place / "calls").read_text()

    def files_with(self, *texts: str) -> list[Path]:
        """The files of Podman's in which one of these texts stands."""
        wanted = [text.encode() for text in texts]
        return [
            path
            for path in self.place.rglob("*")
            if path.is_file() and not path.is_symlink() and any(each in path.read_bytes() for each in wanted)
        ]


@contextmanager
def podman() -> Iterator[Podman]:
    """Skips the test where there is no Podman that runs a container, or no busybox without libraries."""
    program, busybox = shutil.which("podman"), shutil.which("busybox")
    if program is None or busybox is None:
        pytest.skip("neither Docker nor Podman is tried: podman and busybox-static are not installed")
    place = Path(tempfile.mkdtemp(prefix="ml"))  # Podman's sockets have short paths only
    runtime = 'runtime = "runc"\n' if shutil.which("runc") else ""
    (place / "containers.conf").write_text(SETTINGS + runtime)
    (place / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{place}/graph"\nrunroot = "{place}/run"\n'
    )
    shim = place / "bin" / "podman"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{place}/calls\nexec {program} "$@"\n')
    shim.chmod(0o755)
    (place / "calls").touch()
    environment = {
        "CONTAINERS_CONF": str(place / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(place / "storage.conf"),
        "PATH": f"{shim.parent}{os.pathsep}{os.environ['PATH']}",
    }
    found = Podman(place, program, environment)
    try:
        _make_base(found, Path(busybox))
        yield found
    finally:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            subprocess.run([program, "rm", "--all", "--force"], capture_output=True, check=False)
        shutil.rmtree(place, ignore_errors=True)


def _make_base(podman: Podman, busybox: Path) -> None:
    root = podman.place / "root"
    (root / "bin").mkdir(parents=True)
    shutil.copy(busybox, root / "bin" / "busybox")
    names = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    for name in set(names) - {"busybox"}:
        (root / "bin" / name).symlink_to("busybox")
    subprocess.run(["tar", "-C", root, "-cf", podman.place / "root.tar", "."], check=True)
    try:
        podman("import", "--change", "ENV PATH=/bin", str(podman.place / "root.tar"), BASE)
        podman("run", "--rm", BASE, "true")
    except AssertionError as error:
        pytest.skip(f"this machine's Podman runs no containers: {error}")
    shutil.rmtree(root)
    (podman.place / "root.tar").unlink()
