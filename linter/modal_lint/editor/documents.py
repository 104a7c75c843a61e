"""What is open in the editor: documents, and notebooks, whose cells are documents."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING
from urllib.parse import unquote

from lsprotocol import types
from pygls.uris import to_fs_path, uri_scheme
from pygls.workspace import TextDocument, Workspace

from modal_lint.discover import MARKDOWN, NOTEBOOK, shown_path
from modal_lint.editor.text import Text, encoded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PYTHON = (".py", ".pyi")
_SCHEMES = ("file", "untitled")


class Document(TextDocument):
    """One open document, or one cell of an open notebook."""

    settled = True  # as it was opened or saved; False while it is being typed in
    _text: Text | None = None

    @property
    def text(self) -> Text:
        """The document as it is now."""
        source = self.source
        if self._text is None or self._text.source is not source:
            self._text = Text(source, self.position_codec.encoding or types.PositionEncodingKind.Utf16)
        return self._text

    @property
    def is_file(self) -> bool:
        """Whether it has, or will have, a file on the disk."""
        return bool(uri_scheme(self.uri) == "file")

    @property
    def is_checked(self) -> bool:
        """Whether it is of a kind that can be checked: Python, or Markdown with Python in it."""
        is_python = self.language_id == "python" or self.path.endswith(_PYTHON)
        return uri_scheme(self.uri) in _SCHEMES and (is_python or self.path.endswith(MARKDOWN))

    @property
    def name(self) -> str:
        """What findings call it."""
        return shown_path(os.path.abspath(self.path)) if self.is_file else self.uri

    @property
    def parts(self) -> Mapping[int | None, Document]:
        """The documents that findings are told in, by the number of the cell."""
        return {None: self}

    @property
    def lines(self) -> Sequence[str]:
        """The lines with their endings."""
        return self.text.lines

    @property
    def data(self) -> bytes:
        """The bytes that the file would have."""
        return encoded(self.source)

    def data_with(self, sources: Mapping[int | None, str]) -> bytes:
        """The bytes that the file would have with other texts in its parts."""
        return encoded(sources[None])

    def apply_change(self, change: types.TextDocumentContentChangeEvent) -> None:
        """Take over one change of the editor's."""
        if isinstance(change, types.TextDocumentContentChangePartial):
            self._source = self.text.replaced(change.range, change.text)
        else:
            self._source = change.text
        self.settled = False


class Notebook:
    """One open notebook: its cells are analysed as one module.

    Args:
        notebook: as the editor has it.
        documents: where its cells are.
    """

    is_checked = True

    def __init__(self, notebook: types.NotebookDocument, documents: Documents) -> None:
        self.uri = notebook.uri
        self.settled = True
        self._notebook = notebook
        self._documents = documents

    @property
    def version(self) -> int | None:
        """Counted by the editor."""
        return self._notebook.version

    @property
    def path(self) -> str:
        """Where it is, or what it is called where it has no file."""
        return str(to_fs_path(self.uri) or unquote(self.uri.partition(":")[2]))

    @property
    def is_file(self) -> bool:
        """Whether it has, or will have, a file on the disk."""
        return bool(uri_scheme(self.uri) == "file")

    @property
    def name(self) -> str:
        """What findings call it."""
        name = shown_path(os.path.abspath(self.path)) if self.is_file else self.uri
        return name if name.endswith(NOTEBOOK) else name + NOTEBOOK

    @property
    def parts(self) -> Mapping[int | None, Document]:
        """The cells, by their numbers."""
        found = {number: self._documents.document(cell.document) for number, cell in enumerate(self._cells, 1)}
        return {number: cell for number, cell in found.items() if cell is not None}

    @property
    def data(self) -> bytes:
        """The bytes that the file would have, as far as they matter here."""
        return self.data_with({number: cell.source for number, cell in self.parts.items()})

    def data_with(self, sources: Mapping[int | None, str]) -> bytes:
        """The bytes that the file would have with other texts in its cells."""
        cells = [
            {"cell_type": "code", "metadata": {}, "outputs": [], "source": sources.get(number, "")}
            if cell.kind == types.NotebookCellKind.Code
            else {"cell_type": "markdown", "metadata": {}, "source": ""}
            for number, cell in enumerate(self._cells, 1)
        ]
        metadata = {"language_info": {"name": "python"}}
        return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": cells}).encode()

    @property
    def _cells(self) -> Sequence[types.NotebookCell]:
        return self._notebook.cells


Unit = Document | Notebook  # what is analysed as a whole


class Documents(Workspace):
    """The open documents, notebooks and folders."""

    _notebooks: dict[str, Notebook] | None = None

    def _create_text_document(
        self, doc_uri: str, source: str | None = None, version: int | None = None, language_id: str | None = None
    ) -> TextDocument:
        return Document(
            doc_uri,
            source=source or "",
            version=version,
            language_id=language_id,
            sync_kind=self._sync_kind,
            position_codec=self.position_codec,
        )

    def update_text_document(
        self, text_doc: types.VersionedTextDocumentIdentifier, change: types.TextDocumentContentChangeEvent
    ) -> None:
        """Take over one change; one of a document that is not open is none of ours."""
        if self.document(text_doc.uri) is not None:
            super().update_text_document(text_doc, change)

    def update_notebook_document(self, params: types.DidChangeNotebookDocumentParams) -> None:
        """Take over changes of a notebook and its cells."""
        unit = self.unit(params.notebook_document.uri)
        if isinstance(unit, Notebook):
            super().update_notebook_document(params)
            unit.settled = False

    def remove_notebook_document(self, params: types.DidCloseNotebookDocumentParams) -> None:
        """Forget a notebook and its cells."""
        super().remove_notebook_document(params)
        (self._notebooks or {}).pop(params.notebook_document.uri, None)

    def document(self, uri: str) -> Document | None:
        """The open document or cell with this address."""
        found = self.text_documents.get(unquote(uri))
        return found if isinstance(found, Document) else None

    def unit(self, uri: str) -> Unit | None:
        """The open document or notebook with this address, or with this cell."""
        notebook = self.get_notebook_document(notebook_uri=uri) or self.get_notebook_document(cell_uri=uri)
        return self.document(uri) if notebook is None else self._notebook(notebook)

    def units(self) -> list[Unit]:
        """All open documents and notebooks."""
        plain = [one for one in self.text_documents.values() if self.get_notebook_document(cell_uri=one.uri) is None]
        notebooks = [self._notebook(one) for one in self.notebook_documents.values()]
        return [*(one for one in plain if isinstance(one, Document)), *notebooks]

    def _notebook(self, notebook: types.NotebookDocument) -> Notebook:
        if self._notebooks is None:
            self._notebooks = {}
        known = self._notebooks.get(notebook.uri)
        if known is None or known._notebook is not notebook:
            known = self._notebooks[notebook.uri] = Notebook(notebook, self)
        return known
