"""Diagnostics on their way to the editor: fetched by those that can, sent to the others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types

from modal_lint.editor.diagnostics import Places, diagnostic, findings_of
from modal_lint.editor.protocol import log, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modal_lint.editor.checking import Checked
    from modal_lint.editor.context import Context
    from modal_lint.editor.documents import Document

OPTIONS = types.DiagnosticOptions(inter_file_dependencies=True, workspace_diagnostics=False, identifier="modal-lint")


class Reporting:
    """What was told of each document.

    A document that is being typed in and is no Python at the moment keeps what was told before: only one that was
    opened or saved like that is told to be unreadable.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._told: dict[str, tuple[str, list[types.Diagnostic]]] = {}  # an id of the answer, and the answer
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._number = 0
        self._complaints: set[str] = set()

    def stale(self, documents: Iterable[Document], *, elsewhere: bool = False) -> None:
        """Tell of documents again; ``elsewhere`` if the editor cannot know that they have to be looked at."""
        if self._context.pulls:
            if elsewhere and self._context.refreshes:
                self._context.server.workspace_diagnostic_refresh(None)
            return
        for document in documents:
            if document.uri not in self._tasks:
                self._tasks[document.uri] = asyncio.create_task(self._push(document))

    def closed(self, uri: str) -> None:
        """Forget a document, and what was told of it."""
        task = self._tasks.pop(uri, None)
        if task is not None:
            task.cancel()
        if self._told.pop(uri, None) is not None and not self._context.pulls:
            self._context.server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    async def pull(self, params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
        """The answer to an editor that asks."""
        document = self._context.document(params.text_document.uri)
        if document is None:
            return types.RelatedFullDocumentDiagnosticReport(items=[])
        number, items = self._answer(document, await self._context.checks.of(document))
        if params.previous_result_id == number:
            return types.RelatedUnchangedDocumentDiagnosticReport(result_id=number)
        return types.RelatedFullDocumentDiagnosticReport(items=items, result_id=number)

    async def _push(self, document: Document) -> None:
        uri = document.uri
        try:
            checked = await self._context.checks.of(document)
            if self._context.document(uri) is document and (checked.parsed or document.settled):
                _, items = self._answer(document, checked)
                self._context.server.text_document_publish_diagnostics(
                    types.PublishDiagnosticsParams(uri, items, document.version)
                )
        except Exception as error:
            log.warning("publishing: %s", place_of(error))
        finally:
            if self._tasks.get(uri) is asyncio.current_task():
                del self._tasks[uri]

    def _answer(self, document: Document, checked: Checked) -> tuple[str, list[types.Diagnostic]]:
        """What to tell of a document; the same object as the last time if nothing has changed."""
        self._complain(checked.trouble)
        before = self._told.get(document.uri)
        if before is not None and not checked.parsed and not document.settled:
            return before
        context = self._context
        places = Places(context.documents.open_documents(), context.encoding) if context.shows_related else None
        found = findings_of(checked) if checked.parsed or document.settled else ()
        items = [diagnostic(finding, document, places) for finding in found]
        if before is not None and before[1] == items:
            return before
        self._number += 1
        self._told[document.uri] = (str(self._number), items)
        return self._told[document.uri]

    def _complain(self, trouble: str | None) -> None:
        """Tell a mistake in the configuration once."""
        if trouble is None:
            return
        if trouble not in self._complaints:
            self._complaints.add(trouble)
            self._context.show(trouble, types.MessageType.Error)

    def forgive(self) -> None:
        """The configuration has changed: what is still wrong with it is told again."""
        self._complaints.clear()
