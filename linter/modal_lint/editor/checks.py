"""Which open documents have to be looked at again, and what was found in the others. Lives in the loop's thread."""

from __future__ import annotations

import asyncio
import os
import time
from functools import partial
from typing import TYPE_CHECKING

from modal_lint.discover import shown_path
from modal_lint.editor.checking import Checked, Subject, check
from modal_lint.editor.configuration import Configuration
from modal_lint.editor.worker import Stop, Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from modal_lint.editor.documents import Document, Documents

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

    async def of(self, document: Document) -> Checked:
        """What is found in a document as it is when this returns."""
        uri = document.uri
        while (found := self._fresh.get(uri)) is None:
            if self._documents().document(uri) is not document:
                return Checked()  # closed meanwhile
            if uri not in self._runs:
                self._runs[uri] = asyncio.create_task(self._run(document))
            run = self._runs[uri]
            await asyncio.wait([run])  # whoever waits may be cancelled, the run goes on for the others
            if not run.cancelled() and (error := run.exception()) is not None:
                raise error
        return found

    def latest(self, document: Document) -> Checked | None:
        """What was found in a document last, even if it has changed since."""
        return self._latest.get(document.uri)

    def typed(self, document: Document) -> list[Document]:
        """Note that a document has been typed in; the open documents that have to be looked at again."""
        self._typed = time.monotonic()
        return self.touched(real_path(document), document)

    def touched(self, path: str, document: Document | None = None, *, is_new: bool = False) -> list[Document]:
        """Note that a file may have changed; the open documents that have to be looked at again.

        Args:
            path: the real path.
            document: that of the file, if it is open.
            is_new: the file may have come or gone.
        """
        folder = os.path.dirname(path) if is_new else path
        return self._stale([
            one for one in self._checked()
            if one is document or (known := self._latest.get(one.uri)) is None
            or path in known.looked_at or folder in known.looked_at
        ])  # fmt: skip

    def configured(self, configuration: Configuration) -> list[Document]:
        """Take over settings; the documents that have to be looked at again."""
        self.configuration = configuration
        return self._stale(self._checked())

    def closed(self, uri: str) -> None:
        """Forget a document."""
        self._latest.pop(uri, None)
        self._drop(uri)

    def subject(self, document: Document) -> Subject:
        """A document as something to analyse."""
        path = absolute_path(document, self.configuration)
        return Subject(
            name=name_of(document),
            path=path,
            data=document.data,
            configuration=self.configuration,
            contents={real_path(one): one.data for one in self._documents().open_documents() if one.is_file},
            virtual=not document.is_file,
        )

    def _checked(self) -> list[Document]:
        return [document for document in self._documents().open_documents() if document.is_python]

    def _stale(self, documents: list[Document]) -> list[Document]:
        for document in documents:
            self._drop(document.uri)
        return documents

    def _drop(self, uri: str) -> None:
        self._fresh.pop(uri, None)
        stop = self._stops.pop(uri, None)
        if stop is not None:
            stop.set()

    async def _run(self, document: Document) -> None:
        uri = document.uri
        try:
            while (rest := self._typed + self._pause - time.monotonic()) > 0:
                await asyncio.sleep(rest)
            if not document.is_python:
                self._fresh[uri] = Checked()
                return
            stop = self._stops[uri] = Stop()
            found = await self.worker.run(partial(check, self.subject(document), stop))
            if not stop.is_set():
                self._fresh[uri] = self._latest[uri] = found
        finally:
            self._stops.pop(uri, None)
            self._runs.pop(uri, None)


def absolute_path(document: Document, configuration: Configuration) -> str:
    """Where a document is, or where it would be if it were saved in the first open folder."""
    if document.is_file:
        return os.path.abspath(document.path)
    folder = configuration.folders[0] if configuration.folders else os.getcwd()
    return os.path.join(folder, os.path.basename(document.path) or "untitled")


def real_path(document: Document) -> str:
    """The path by which the analysis knows a document."""
    return os.path.realpath(document.path if document.is_file else document.uri)


def name_of(document: Document) -> str:
    """What findings call a document."""
    return shown_path(os.path.abspath(document.path)) if document.is_file else document.uri
