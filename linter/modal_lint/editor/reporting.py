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
    from modal_lint.editor.documents import Document, Unit

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

    def stale(self, units: Iterable[Unit], *, elsewhere: bool = False) -> None:
        """Tell of documents again; ``elsewhere`` if the editor cannot know that they have to be looked at."""
        if self._context.pulls:
            if elsewhere and self._context.refreshes:
                self._context.server.workspace_diagnostic_refresh(None)
            return
        for unit in units:
            if unit.uri not in self._tasks:
                self._tasks[unit.uri] = asyncio.create_task(self._push(unit))

    def closed(self, uri: str, documents: Iterable[str]) -> None:
        """Forget what is analysed as ``uri``, and what was told of its documents."""
        task = self._tasks.pop(uri, None)
        if task is not None:
            task.cancel()
        for one in documents:
            if self._told.pop(one, None) is not None and not self._context.pulls:
                self._context.server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(one, []))

    async def pull(self, params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
        """The answer to an editor that asks."""
        found = self._context.found(params.text_document.uri)
        if found is None:
            return types.RelatedFullDocumentDiagnosticReport(items=[])
        unit, part, document = found
        checked = await self._context.checks.of(unit)
        number, items = self._answer(unit, part, document, checked)
        if params.previous_result_id == number:
            return types.RelatedUnchangedDocumentDiagnosticReport(result_id=number)
        return types.RelatedFullDocumentDiagnosticReport(items=items, result_id=number)

    def forgive(self) -> None:
        """The configuration has changed: what is still wrong with it is told again."""
        self._complaints.clear()

    async def _push(self, unit: Unit) -> None:
        try:
            checked = await self._context.checks.of(unit)
            if self._context.documents.unit(unit.uri) is unit and (checked.parsed or unit.settled):
                for part, document in unit.parts.items():
                    _, items = self._answer(unit, part, document, checked)
                    version = checked.versions.get(document.uri, document.version)
                    told = types.PublishDiagnosticsParams(document.uri, items, version)
                    self._context.server.text_document_publish_diagnostics(told)
        except Exception as error:
            log.warning("publishing: %s", place_of(error))
        finally:
            if self._tasks.get(unit.uri) is asyncio.current_task():
                del self._tasks[unit.uri]

    def _answer(
        self, unit: Unit, part: int | None, document: Document, checked: Checked
    ) -> tuple[str, list[types.Diagnostic]]:
        """What to tell of a document; the same object as the last time if nothing has changed."""
        self._complain(checked.trouble)
        before = self._told.get(document.uri)
        if before is not None and not checked.parsed and not unit.settled:
            return before
        context = self._context
        places = Places(context.documents.units(), context.encoding) if context.shows_related else None
        found = findings_of(checked) if checked.parsed or unit.settled else ()
        items = [diagnostic(finding, document, places) for finding in found if finding.cell == part]
        if before is not None and before[1] == items:
            return before
        self._number += 1
        self._told[document.uri] = (str(self._number), items)
        return self._told[document.uri]

    def _complain(self, trouble: str | None) -> None:
        """Tell a mistake in the configuration once."""
        if trouble is not None and trouble not in self._complaints:
            self._complaints.add(trouble)
            self._context.show(trouble, types.MessageType.Error)
