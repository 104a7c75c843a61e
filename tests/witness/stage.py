"""Where the programs of the witnesses run: in this process, against a fresh local workspace.

Programs of Modal's dialect run with the real SDK over the wire, those of the reference dialect on the same workspace.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import os
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from modal_lint_runtime import AlreadyExistsError

from witness.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modal_lint_runtime.pytest_plugin import ModalWorkspace

_numbers = itertools.count()


class Ran(NamedTuple):
    """What a program did: the class that it raised, what it put into ``seen``, what it sent and printed."""

    raised: str | None
    seen: object
    sent: bytes
    printed: str
    layers: tuple[str, ...]  # what the builder found in the layers of the images that it made


class Stage:
    """A workspace of its own, which both dialects reach, and a folder for the programs."""

    def __init__(self, workspace: ModalWorkspace, folder: Path) -> None:
        self.workspace, self.folder = workspace, folder
        self.error: Exception | None = None  # the last one that a program raised
        self._wire = Wire(workspace.url)
        self._variables = {
            "MODAL_SERVER_URL": self._wire.url,
            "MODAL_LINT_RUNTIME_DIR": str(workspace.workspace.root),
        }

    def close(self) -> None:
        """Take the recorder away."""
        self._wire.close()

    def told_error(self) -> str:
        """The last exception that a program raised, in words."""
        return "" if self.error is None else f"{type(self.error).__name__}: {self.error}"

    def secrets(self, secrets: Mapping[str, Mapping[str, str]]) -> None:
        """Create Secrets, or give them these values; ``environment/name`` is one of another environment."""
        for name, entries in secrets.items():
            environment, _, own = name.rpartition("/")
            if environment:
                with contextlib.suppress(AlreadyExistsError):
                    self.workspace.workspace.environment_create(environment)
            self.workspace.secret(own, entries, environment or "main")

    def run(self, program: str, variables: Mapping[str, str]) -> Ran:
        """Run a program to its end, as a module that its containers import as well."""
        name = f"witness_{next(_numbers)}"
        (self.folder / f"{name}.py").write_text(program, encoding="utf-8")
        _forget_default_images()
        mark, printed = len(self._wire.sent), io.StringIO()
        images = {image.id for image in self.workspace.workspace.image_list()}
        with changed({**self._variables, **variables}), contextlib.redirect_stdout(printed):
            raised, seen = self._import(name)
        built = [image for image in self.workspace.workspace.image_list() if image.id not in images]
        layers = tuple(one for image in built for one in image.warnings)
        return Ran(raised, seen, bytes(self._wire.sent[mark:]), printed.getvalue(), layers)

    def _import(self, name: str) -> tuple[str | None, object]:
        importlib.invalidate_caches()
        with _importable(self.folder), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                module = importlib.import_module(name)
            except Exception as error:
                self.error = error
                return type(error).__name__, None
            finally:
                sys.modules.pop(name, None)
        return None, getattr(module, "seen", None)


def arguments(mark: str) -> list[str]:
    """The arguments of the process of this machine that has ``mark`` among them; waits until there is one."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                found = path.read_bytes().decode(errors="replace").split("\0")
                if mark in found:
                    return found
        time.sleep(0.02)
    raise AssertionError(f"no process has the argument {mark}")


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    sys.path.insert(0, str(folder))
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        sys.path.remove(str(folder))


@contextlib.contextmanager
def changed(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables, and set all of them back."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _forget_default_images() -> None:
    """Make the SDK build anew the image of calls that name none: it keeps one per process, of its workspace."""
    import modal.app
    import modal.sandbox._common

    owners: tuple[Any, ...] = (modal.app, modal.sandbox._common)
    for owner in owners:
        image = getattr(owner, "_default_image", None)  # private: another version may have none
        if image is not None:
            image._unhydrate()
