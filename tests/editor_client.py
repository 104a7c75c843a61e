"""An editor for tests: pygls' client, over standard input and output of the real process, with buffers of its own."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar, Union

from lint_process import SOURCES
from lsprotocol import types
from pygls.lsp.client import LanguageClient
from pygls.protocol import default_converter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path
    from types import TracebackType

    from cattrs import Converter

T = TypeVar("T")

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$")
_PATIENCE = 60.0


def server_command() -> list[str]:
    """The command that starts the server under test."""
    return [sys.executable, "-m", "modal_lint", "server"]


def _units(text: str, encoding: str) -> int:
    codecs = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}
    codec, size = codecs[encoding]
    return len(text.encode(codec)) // size


def _converter() -> Converter:
    """pygls' converter, which takes an action with a command for a command."""
    converter: Converter = default_converter()  # type: ignore[no-untyped-call]

    def structure(data: Any, _: object) -> types.Command | types.CodeAction:
        kind: Any = types.Command if isinstance(data.get("command"), str) else types.CodeAction
        made: types.Command | types.CodeAction = converter.structure(data, kind)
        return made

    for union in (Union[types.Command, types.CodeAction], Union[types.CodeAction, types.Command]):  # noqa: UP007
        converter.register_structure_hook(union, structure)
    return converter


class Editor:
    """One editor with one server.

    Args:
        folders: the folders that are open.
        cwd: where the server starts; by default in the first folder.
        encoding: the only units of columns that it knows; None says nothing of them, which means UTF-16.
        pull: fetch diagnostics instead of getting them.
        settings: in the initialization options.
        command: instead of the usual one.
        capabilities: changes what the client says that it can do.
    """

    def __init__(
        self,
        *folders: Path,
        cwd: Path | None = None,
        encoding: str | None = None,
        pull: bool = False,
        settings: dict[str, Any] | None = None,
        command: list[str] | None = None,
        capabilities: Callable[[types.ClientCapabilities], None] | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.folders = folders
        self.base = cwd or folders[0]  # what names of files are relative to
        self._cwd = self.base
        self.encoding = encoding or "utf-16"
        self.pull = pull
        self.buffers: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.published: dict[str, types.PublishDiagnosticsParams] = {}
        self.messages: list[str] = []
        self.registered: list[str] = []
        self.configuration: dict[str, Any] | None = None
        self.refreshes = 0
        self._told = threading.Condition()
        self._settings = settings
        self._command = command or server_command()
        self._environment = {**os.environ, "PYTHONPATH": SOURCES, **(environment or {})}
        self._capabilities = self._offers(encoding)
        if capabilities is not None:
            capabilities(self._capabilities)
        self._loop = asyncio.new_event_loop()
        self.client = LanguageClient("tests", "1", converter_factory=_converter)
        self._answer()

    # ---- the connection -------------------------------------------------------------------------------------

    def __enter__(self) -> Editor:
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.wait(self.client.start_io(*self._command, cwd=self._cwd, env=self._environment))
        self.initialized = self.wait(
            self.client.initialize_async(
                types.InitializeParams(
                    capabilities=self._capabilities,
                    process_id=os.getpid(),
                    workspace_folders=[types.WorkspaceFolder(one.as_uri(), one.name) for one in self.folders],
                    initialization_options={"settings": self._settings} if self._settings is not None else None,
                )
            )
        )
        self._loop.call_soon_threadsafe(self.client.initialized, types.InitializedParams())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if self.process.returncode is None:
                self.wait(self.client.shutdown_async(None))
                self.exit()
        finally:
            if self.process.returncode is None:
                self.process.kill()
            self._loop.call_soon_threadsafe(self._loop.stop)

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The server."""
        assert self.client._server is not None
        return self.client._server

    def exit(self) -> int:
        """Say goodbye; the exit status."""
        self._loop.call_soon_threadsafe(self.client.exit, None)
        return self.wait(self.process.wait())

    def wait(self, awaited: Awaitable[T]) -> T:
        """What a coroutine of the client gives."""

        async def body() -> T:
            return await awaited

        return asyncio.run_coroutine_threadsafe(body(), self._loop).result(_PATIENCE)

    def until(self, happened: Callable[[], T | None]) -> T:
        """What ``happened`` gives, as soon as it is something."""
        deadline = time.monotonic() + _PATIENCE
        with self._told:
            while not (result := happened()):
                left = deadline - time.monotonic()
                assert left > 0, "the server said nothing of the kind"
                self._told.wait(left)
            return result

    def notify(self, method: str, params: Any) -> None:
        """Send a notification."""
        self._loop.call_soon_threadsafe(self.client.protocol.notify, method, params)

    def request(self, method: str, params: Any) -> Any:
        """Send a request; its result."""

        async def body() -> Any:
            return await self.client.protocol.send_request_async(method, params)

        return self.wait(body())

    def _offers(self, encoding: str | None) -> types.ClientCapabilities:
        offers = types.ClientCapabilities(
            workspace=types.WorkspaceClientCapabilities(
                apply_edit=True,
                configuration=True,
                workspace_folders=True,
                workspace_edit=types.WorkspaceEditClientCapabilities(document_changes=True),
                did_change_watched_files=types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True),
                diagnostics=types.DiagnosticWorkspaceClientCapabilities(refresh_support=True),
            ),
            text_document=types.TextDocumentClientCapabilities(
                publish_diagnostics=types.PublishDiagnosticsClientCapabilities(related_information=True),
            ),
        )
        if encoding is not None:
            kind = types.PositionEncodingKind(encoding)
            offers.general = types.GeneralClientCapabilities(position_encodings=[kind])
        if self.pull and offers.text_document is not None:
            offers.text_document.diagnostic = types.DiagnosticClientCapabilities()
        return offers

    def _answer(self) -> None:
        def published(params: types.PublishDiagnosticsParams) -> None:
            self._note(self.published.__setitem__, params.uri, params)

        def shown(params: types.ShowMessageParams) -> None:
            self._note(self.messages.append, params.message)

        def register(params: types.RegistrationParams) -> None:
            for one in params.registrations:
                self._note(self.registered.append, one.method)

        def configured(_: types.ConfigurationParams) -> list[Any]:
            return [self.configuration]

        def refresh(*_: object) -> None:
            self._note(setattr, self, "refreshes", self.refreshes + 1)

        def apply(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
            return types.ApplyWorkspaceEditResult(applied=self.apply(params.edit))

        answers: dict[str, Callable[..., object]] = {
            types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS: published,
            types.WINDOW_SHOW_MESSAGE: shown,
            types.CLIENT_REGISTER_CAPABILITY: register,
            types.WORKSPACE_CONFIGURATION: configured,
            types.WORKSPACE_DIAGNOSTIC_REFRESH: refresh,
            types.WORKSPACE_APPLY_EDIT: apply,
        }
        for method, answer in answers.items():
            self.client.feature(method)(answer)

    def _note(self, do: Callable[..., object], *arguments: object) -> None:
        with self._told:
            do(*arguments)
            self._told.notify_all()

    def enter(self, folder: Path) -> None:
        """Open a folder, and name files as there."""
        self.base = folder
        self._move(types.WorkspaceFoldersChangeEvent([types.WorkspaceFolder(folder.as_uri(), folder.name)], []))

    def leave(self, folder: Path) -> None:
        """Close a folder with all its documents, and forget what was told."""
        for uri in list(self.buffers):
            self.close(uri)
        self._move(types.WorkspaceFoldersChangeEvent([], [types.WorkspaceFolder(folder.as_uri(), folder.name)]))
        self.messages.clear()

    def _move(self, event: types.WorkspaceFoldersChangeEvent) -> None:
        params = types.DidChangeWorkspaceFoldersParams(event)
        self.notify(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS, params)

    def changed(self, path: Path, kind: types.FileChangeType = types.FileChangeType.Changed) -> None:
        """Say that a file on the disk has changed."""
        event = types.FileEvent(path.as_uri(), kind)
        self.notify(types.WORKSPACE_DID_CHANGE_WATCHED_FILES, types.DidChangeWatchedFilesParams([event]))

    def configure(self, settings: object) -> None:
        """Say that the editor's settings have changed."""
        self.notify(types.WORKSPACE_DID_CHANGE_CONFIGURATION, types.DidChangeConfigurationParams(settings))

    # ---- documents ------------------------------------------------------------------------------------------

    def uri(self, name: str) -> str:
        """The address of a file, or of what is no file."""
        return name if ":" in name else (self.base / name).as_uri()

    def open(self, name: str, text: str | None = None, language: str = "python") -> str:
        """Open a file with its content, or another one."""
        uri = self.uri(name)
        if text is None:
            text = (self.base / name).read_bytes().decode("utf-8")
        self.buffers[uri], self.versions[uri] = text, 1
        item = types.TextDocumentItem(uri, language, 1, text)
        self.notify(types.TEXT_DOCUMENT_DID_OPEN, types.DidOpenTextDocumentParams(item))
        return uri

    def open_notebook(self, name: str, *cells: str) -> list[str]:
        """Open a notebook with cells of Python; the addresses of these."""
        uri = self.uri(name)
        uris = [f"vscode-notebook-cell:{uri.partition(':')[2]}#{number}" for number in range(len(cells))]
        for cell, text in zip(uris, cells, strict=True):
            self.buffers[cell], self.versions[cell] = text, 1
        listed = [types.NotebookCell(types.NotebookCellKind.Code, cell) for cell in uris]
        items = [types.TextDocumentItem(cell, "python", 1, self.buffers[cell]) for cell in uris]
        notebook = types.NotebookDocument(uri, "jupyter-notebook", 1, listed)
        self.versions[uri] = 1
        self.notify(types.NOTEBOOK_DOCUMENT_DID_OPEN, types.DidOpenNotebookDocumentParams(notebook, items))
        return uris

    def type_in_cell(self, name: str, cell: str, old: str, new: str) -> None:
        """Replace the first ``old`` in a cell of a notebook."""
        uri = self.uri(name)
        text = self.buffers[cell]
        start = text.index(old)
        range_ = types.Range(self.position(text, start), self.position(text, start + len(old)))
        self.buffers[cell] = text.replace(old, new, 1)
        self.versions[cell] += 1
        self.versions[uri] += 1
        change = types.NotebookDocumentCellContentChanges(
            types.VersionedTextDocumentIdentifier(uri=cell, version=self.versions[cell]),
            [types.TextDocumentContentChangePartial(range=range_, text=new)],
        )
        self.notify(
            types.NOTEBOOK_DOCUMENT_DID_CHANGE,
            types.DidChangeNotebookDocumentParams(
                types.VersionedNotebookDocumentIdentifier(version=self.versions[uri], uri=uri),
                types.NotebookDocumentChangeEvent(cells=types.NotebookDocumentCellChanges(text_content=[change])),
            ),
        )

    def close_notebook(self, name: str, *cells: str) -> None:
        """Close a notebook."""
        for cell in cells:
            self.published.pop(cell, None)
            del self.buffers[cell]
        params = types.DidCloseNotebookDocumentParams(
            types.NotebookDocumentIdentifier(self.uri(name)), [types.TextDocumentIdentifier(cell) for cell in cells]
        )
        self.notify(types.NOTEBOOK_DOCUMENT_DID_CLOSE, params)

    def type(self, name: str, old: str, new: str) -> None:
        """Replace the first ``old`` in a buffer."""
        uri = self.uri(name)
        start = self.buffers[uri].index(old)
        self.replace(uri, start, start + len(old), new)

    def replace(self, uri: str, start: int, end: int, new: str) -> None:
        """Replace a part of a buffer, given by offsets."""
        text = self.buffers[uri]
        range_ = types.Range(self.position(text, start), self.position(text, end))
        self.buffers[uri] = text[:start] + new + text[end:]
        self.versions[uri] += 1
        change = types.TextDocumentContentChangePartial(range=range_, text=new)
        named = types.VersionedTextDocumentIdentifier(uri=uri, version=self.versions[uri])
        self.notify(types.TEXT_DOCUMENT_DID_CHANGE, types.DidChangeTextDocumentParams(named, [change]))

    def save(self, name: str) -> None:
        """Write a buffer to the disk."""
        uri = self.uri(name)
        (self.base / name).write_bytes(self.buffers[uri].encode())
        self.notify(types.TEXT_DOCUMENT_DID_SAVE, types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri)))

    def close(self, name: str) -> None:
        """Close a buffer; what was not saved is gone."""
        uri = self.uri(name)
        self.published.pop(uri, None)
        del self.buffers[uri]
        self.notify(types.TEXT_DOCUMENT_DID_CLOSE, types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))

    def position(self, text: str, offset: int) -> types.Position:
        """A place in a text as this editor writes it."""
        lines = _LINE.findall(text[:offset])
        if not lines or lines[-1].endswith(("\n", "\r")):
            return types.Position(len(lines), 0)
        return types.Position(len(lines) - 1, _units(lines[-1], self.encoding))

    def offset(self, text: str, position: types.Position) -> int:
        """The offset of a place that the server has written; it has to be one of this text."""
        lines = [*_LINE.findall(text), ""]
        before = sum(map(len, lines[: position.line]))
        for column in range(len(lines[position.line].rstrip("\r\n")) + 1):
            if _units(lines[position.line][:column], self.encoding) == position.character:
                return before + column
        raise AssertionError(f"no such place: {position}")

    def part(self, name: str, range_: types.Range) -> str:
        """The text of a range of a buffer."""
        text = self.buffers[self.uri(name)]
        return text[self.offset(text, range_.start) : self.offset(text, range_.end)]

    def apply(self, edit: types.WorkspaceEdit) -> bool:
        """Apply an edit to the buffers, whole or not at all."""
        changes: list[tuple[str, list[Any]]] = []
        for one in edit.document_changes or []:
            assert isinstance(one, types.TextDocumentEdit)
            if one.text_document.version != self.versions[one.text_document.uri]:
                return False
            changes.append((one.text_document.uri, list(one.edits)))
        changes += [(uri, list(edits)) for uri, edits in (edit.changes or {}).items()]
        for uri, edits in changes:
            text = self.buffers[uri]
            places = [(self.offset(text, e.range.start), self.offset(text, e.range.end), e.new_text) for e in edits]
            for start, end, new in sorted(places, key=lambda place: place[:2], reverse=True):
                text = text[:start] + new + text[end:]
            self.buffers[uri] = text
            self.versions[uri] += 1
            whole = types.TextDocumentContentChangeWholeDocument(text=text)
            named = types.VersionedTextDocumentIdentifier(uri=uri, version=self.versions[uri])
            self.notify(types.TEXT_DOCUMENT_DID_CHANGE, types.DidChangeTextDocumentParams(named, [whole]))
        return True

    # ---- questions ------------------------------------------------------------------------------------------

    def diagnostics(self, name: str) -> list[types.Diagnostic]:
        """The diagnostics of a buffer as it is."""
        uri = self.uri(name)
        if self.pull:
            params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri))
            return list(self.request(types.TEXT_DOCUMENT_DIAGNOSTIC, params).items)
        told = self.until(
            lambda: (one := self.published.get(uri)) and (one.version == self.versions[uri] or None) and one
        )
        return list(told.diagnostics)

    def codes(self, name: str) -> list[str]:
        """The codes of the diagnostics of a buffer."""
        return [str(one.code) for one in self.diagnostics(name)]

    def actions(self, name: str, diagnostic: types.Diagnostic | None = None, *only: str) -> list[types.CodeAction]:
        """What can be done at a diagnostic, or in the whole buffer."""
        uri = self.uri(name)
        text = self.buffers[uri]
        everywhere = types.Range(types.Position(0, 0), self.position(text, len(text)))
        context = types.CodeActionContext([diagnostic] if diagnostic else [], only=list(only) or None)
        params = types.CodeActionParams(
            types.TextDocumentIdentifier(uri), diagnostic.range if diagnostic else everywhere, context
        )
        return list(self.request(types.TEXT_DOCUMENT_CODE_ACTION, params) or [])

    def execute(self, command: types.Command) -> Any:
        """Run a command of the server's."""
        return self.request(
            types.WORKSPACE_EXECUTE_COMMAND, types.ExecuteCommandParams(command.command, command.arguments)
        )

    def at(self, name: str, marked: str) -> types.Position:
        """The place of `|` in a part of a buffer that is given with it."""
        text = self.buffers[self.uri(name)]
        before, _, after = marked.partition("|")
        return self.position(text, text.index(before + after) + len(before))

    def hover(self, name: str, place: str | types.Position) -> str:
        """What is told about a place; it may be given as in `at`."""
        params = types.HoverParams(types.TextDocumentIdentifier(self.uri(name)), self._place(name, place))
        told = self.request(types.TEXT_DOCUMENT_HOVER, params)
        return "" if told is None else str(told.contents.value)

    def complete(self, name: str, place: str | types.Position) -> dict[str, types.CompletionItem]:
        """What is offered at a place."""
        params = types.CompletionParams(types.TextDocumentIdentifier(self.uri(name)), self._place(name, place))
        offered = self.request(types.TEXT_DOCUMENT_COMPLETION, params)
        return {} if offered is None else {item.label: item for item in offered.items}

    def others(self, name: str, place: str | types.Position) -> list[types.Location]:
        """Where else the Secret at a place is named."""
        params = types.DefinitionParams(types.TextDocumentIdentifier(self.uri(name)), self._place(name, place))
        return list(self.request(types.TEXT_DOCUMENT_DEFINITION, params) or [])

    def _place(self, name: str, place: str | types.Position) -> types.Position:
        return self.at(name, place) if isinstance(place, str) else place
