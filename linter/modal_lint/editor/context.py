"""What the handlers of one server share."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lsprotocol import types

from modal_lint.editor.checks import Checks
from modal_lint.editor.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modal_lint.editor.documents import Document, Documents, Unit
    from modal_lint.editor.protocol import Server


class Context:
    """The server, the open documents and what is found in them.

    Args:
        server: the connection to the editor.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.client = types.ClientCapabilities()
        self.ready = False
        self.worker = Worker()
        self.checks = Checks(lambda: self.documents, self.worker)

    @property
    def documents(self) -> Documents:
        """The open documents."""
        return cast("Documents", self.server.workspace)

    @property
    def encoding(self) -> str:
        """The units of columns that were agreed upon."""
        return types.PositionEncodingKind(self.documents.position_encoding or types.PositionEncodingKind.Utf16).value

    def found(self, uri: str) -> tuple[Unit, int | None, Document] | None:
        """What is open with this address: what is analysed, which part of it that is, and the part's document."""
        unit = self.documents.unit(uri)
        document = self.documents.document(uri)
        if unit is None or document is None or not unit.is_checked:
            return None
        number = next((number for number, part in unit.parts.items() if part is document), None)
        return unit, number, document

    @property
    def pulls(self) -> bool:
        """Whether the editor fetches diagnostics."""
        return self.client.text_document is not None and self.client.text_document.diagnostic is not None

    @property
    def refreshes(self) -> bool:
        """Whether the editor can be told to fetch all diagnostics again."""
        workspace = self.client.workspace
        return (
            workspace is not None and workspace.diagnostics is not None and bool(workspace.diagnostics.refresh_support)
        )

    @property
    def shows_related(self) -> bool:
        """Whether the editor shows places beside a diagnostic's own."""
        text = self.client.text_document
        offers = (text.publish_diagnostics, text.diagnostic) if text is not None else ()
        return any(offer is not None and bool(offer.related_information) for offer in offers)

    @property
    def applies_edits(self) -> bool:
        """Whether the editor makes the changes that a command asks for."""
        return self.client.workspace is not None and bool(self.client.workspace.apply_edit)

    @property
    def versions_edits(self) -> bool:
        """Whether an edit may say for which version of a document it is."""
        workspace = self.client.workspace
        edits = workspace.workspace_edit if workspace is not None else None
        return edits is not None and bool(edits.document_changes)

    def show(self, text: str, level: types.MessageType = types.MessageType.Info) -> None:
        """Show a message to the user."""
        self.server.window_show_message(types.ShowMessageParams(level, text))

    def edit(self, changes: Iterable[tuple[Document, list[types.TextEdit]]]) -> types.WorkspaceEdit:
        """Changes of documents as they are now."""
        listed = list(changes)
        if not self.versions_edits:
            return types.WorkspaceEdit(changes={document.uri: edits for document, edits in listed})
        return types.WorkspaceEdit(
            document_changes=[
                types.TextDocumentEdit(
                    types.OptionalVersionedTextDocumentIdentifier(document.uri, document.version), list(edits)
                )
                for document, edits in listed
            ]
        )
