"""Which open documents have to be looked at again, and what was found in the others. Lives in the loop's thread."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from modal_lint.editor.checking import Checked, Subject, check
from modal_lint.editor.configuration import Configuration
from modal_lint.editor.worker import Stop, Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from modal_lint.editor.documents import Documents, Unit

QUIET = 0.15  # seconds without a change after which an analysis begins


class Checks:
    """The findings of the open documents: each is analysed when someone asks, and again when it may have changed.

    Args:
        documents: gives the open documents.
        worker: the thread that analyses.
        quiet: seconds without a change before an analysis begins.
    """

    def __init__(self, documents: Callable[[], Documents], worker: Worker, quiet: float = QUIET) -> None:
        self.configuration = Configuration()
        self.worker = worker
        self._documents = documents
        self._pause = quiet
        self._typed = 0.0
        self._fresh: dict[str, Checked] = {}
        self._latest: dict[str, Checked] = {}  # also of what has changed since
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._stops: dict[str, Stop] = {}

    async def of(self, unit: Unit) -> Checked:
        """What is found in a document as it is when this returns."""
        uri = unit.uri
        while (found := self._fresh.get(uri)) is None:
            if self._documents().unit(uri) is not unit:
                return Checked()  # closed meanwhile
            if uri not in self._runs:
                self._runs[uri] = asyncio.create_task(self._run(unit))
            run = self._runs[uri]
            await asyncio.wait([run])  # whoever waits may be cancelled, the run goes on for the others
            if not run.cancelled() and (error := run.exception()) is not None:
                raise error
        return found

    def latest(self, unit: Unit) -> Checked | None:
        """What was found in a document last, even if it has changed since."""
        return self._latest.get(unit.uri)

    def typed(self, unit: Unit) -> list[Unit]:
        """Note that a document has been typed in; the open documents that have to be looked at again."""
        self._typed = time.monotonic()
        return self.touched(real_path(unit), unit)

    def touched(self, path: str, unit: Unit | None = None, *, is_new: bool = False) -> list[Unit]:
        """Note that a file may have changed; the open documents that have to be looked at again.

        Args:
            path: the real path.
            unit: that of the file, if it is open.
            is_new: the file may have come or gone.
        """
        folder = os.path.dirname(path) if is_new else path
        return self._stale([
            one for one in self._checked()
            if one is unit or (known := self._latest.get(one.uri)) is None
            or path in known.looked_at or folder in known.looked_at
        ])  # fmt: skip

    def configured(self, configuration: Configuration) -> list[Unit]:
        """Take over settings; the documents that have to be looked at again."""
        self.configuration = configuration
        return self._stale(self._checked())

    def closed(self, uri: str) -> None:
        """Forget a document."""
        self._latest.pop(uri, None)
        self._drop(uri)

    def subject(self, unit: Unit) -> Subject:
        """A document as something to analyse."""
        path = absolute_path(unit, self.configuration)
        return Subject(
            name=unit.name,
            path=path,
            data=unit.data,
            configuration=self.configuration,
            contents={real_path(one): one.data for one in self._documents().units() if one.is_file},
            virtual=not unit.is_file,
        )

    def _checked(self) -> list[Unit]:
        return [unit for unit in self._documents().units() if unit.is_checked]

    def _stale(self, units: list[Unit]) -> list[Unit]:
        for unit in units:
            self._drop(unit.uri)
        return units

    def _drop(self, uri: str) -> None:
        self._fresh.pop(uri, None)
        stop = self._stops.pop(uri, None)
        if stop is not None:
            stop.set()

    async def _run(self, unit: Unit) -> None:
        uri = unit.uri
        try:
            while (rest := self._typed + self._pause - time.monotonic()) > 0:
                await asyncio.sleep(rest)
            if not unit.is_checked:
                self._fresh[uri] = Checked()
                return
            stop = self._stops[uri] = Stop()
            versions = {one.uri: one.version for one in unit.parts.values()}
            found = await self.worker.run(partial(check, self.subject(unit), stop))
            if not stop.is_set():
                self._fresh[uri] = self._latest[uri] = replace(found, versions=versions)
        finally:
            self._stops.pop(uri, None)
            self._runs.pop(uri, None)


def absolute_path(unit: Unit, configuration: Configuration) -> str:
    """Where a document is, or where it would be if it were saved in the first open folder."""
    if unit.is_file:
        return os.path.abspath(unit.path)
    folder = configuration.folders[0] if configuration.folders else os.getcwd()
    return os.path.join(folder, os.path.basename(unit.path) or "untitled")


def real_path(unit: Unit) -> str:
    """The path by which the analysis knows a document."""
    return os.path.realpath(unit.path if unit.is_file else unit.uri)
