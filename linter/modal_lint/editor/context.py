"""What the handlers of one server share."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lsprotocol import types

from modal_lint.editor.checks import Checks
from modal_lint.editor.worker import Worker

if TYPE_CHECKING:
    from modal_lint.editor.documents import Document, Documents
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

    def document(self, uri: str) -> Document | None:
        """The open document with this address."""
        return self.documents.document(uri)

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
    def versions_edits(self) -> bool:
        """Whether an edit may say for which version of a document it is."""
        workspace = self.client.workspace
        edits = workspace.workspace_edit if workspace is not None else None
        return edits is not None and bool(edits.document_changes)

    def show(self, text: str, level: types.MessageType = types.MessageType.Info) -> None:
        """Show a message to the user."""
        self.server.window_show_message(types.ShowMessageParams(level, text))

    def edit(self, document: Document, edits: list[types.TextEdit]) -> types.WorkspaceEdit:
        """Changes of one document, as it is now."""
        if not self.versions_edits:
            return types.WorkspaceEdit(changes={document.uri: edits})
        named = types.OptionalVersionedTextDocumentIdentifier(document.uri, document.version)
        return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(named, list(edits))])
