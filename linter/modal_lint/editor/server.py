"""The server's life: what the editor opens, changes and closes, and which handler answers which request."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from lsprotocol import types
from pygls.uris import to_fs_path

from modal_lint import __version__
from modal_lint.deep import with_deep_stack
from modal_lint.editor import actions, insight, reporting
from modal_lint.editor.actions import Actions
from modal_lint.editor.checks import real_path
from modal_lint.editor.configuration import NAMES, Configuration
from modal_lint.editor.context import Context
from modal_lint.editor.documents import Documents
from modal_lint.editor.insight import Insight
from modal_lint.editor.known import Known
from modal_lint.editor.protocol import Protocol, Server, guarded, log, start_log, watch
from modal_lint.editor.reporting import Reporting
from modal_lint.settings import UserError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from modal_lint.editor.documents import Unit

_SECTION = "modal-lint"
_WATCHED = ("**/*.py", "**/*.pyi", "**/*.ipynb", *(f"**/{name}" for name in NAMES))
_NOTEBOOKS = types.NotebookDocumentSyncOptions(
    notebook_selector=[types.NotebookDocumentFilterWithCells(cells=[types.NotebookCellLanguage(language="python")])],
    save=True,
)
_KINDS = (types.FileChangeType.Created, types.FileChangeType.Deleted)


def serve(log_file: str | None = None) -> NoReturn:
    """Serve the editor on standard input and output until it says goodbye or goes away, and exit.

    The status is 0 after a goodbye, else 1.

    Args:
        log_file: where to note what is done, without anything of a document.

    Raises:
        UserError: the log file cannot be written.
    """
    start_log(log_file)
    _leave_the_tree()
    try:
        status = with_deep_stack(_serve)  # recursion is as deep here as in the worker, since the limit is the process's
    except KeyboardInterrupt:
        status = 130
    # Threads may still read or analyse, and nothing that is left matters.
    os._exit(status)


def _leave_the_tree() -> None:
    """Import nothing from the current directory, which is the checked tree's, however this program was started."""
    ours = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    here = os.path.realpath(os.getcwd())
    if here != os.path.realpath(ours):
        sys.path[:] = [entry for entry in sys.path if entry and os.path.realpath(entry) != here]


def _serve() -> int:
    # Whatever prints must not get between the messages.
    with open(os.dup(1), "wb") as out, open(os.dup(0), "rb") as into:
        os.dup2(2, 1)
        service = Service()
        log.info("modal-lint %s serves", __version__)
        service.server.start_io(into, out)
    return 0 if service.said_goodbye else 1


class _Argument(dict[str, Any]):
    """What a command is given. pygls asks the annotation whether it is a server, so it has to be a class."""


class Service:
    """One server, its handlers in place."""

    def __init__(self) -> None:
        self.server = Server("modal-lint", __version__, notebook_document_sync=_NOTEBOOKS, protocol_cls=Protocol)
        self.context = Context(self.server)
        self.reporting = Reporting(self.context)
        self.actions = Actions(self.context)
        self.known = Known(self.context)
        self.insight = Insight(self.context, self.known)
        self.said_goodbye = False
        self._settings: dict[str, object] = {}
        self._refused = ""  # what was wrong with them
        for name, handler in self._notifications().items():
            self._feature(name, handler)
        for name, handler, options in self._requests():
            self._feature(name, handler, options)
        self._command(actions.MOVE, self.actions.move)
        self._command(actions.APPLY_ALL, self.actions.apply_all)
        self.server.feature(types.INITIALIZE)(lambda params: self._initialize(params))
        self.server.feature(types.SHUTDOWN)(lambda _: self._shutdown())

    def _notifications(self) -> dict[str, Callable[[Any], Awaitable[Any]]]:
        return {
            types.INITIALIZED: self._initialized,
            types.TEXT_DOCUMENT_DID_OPEN: self._opened,
            types.TEXT_DOCUMENT_DID_CHANGE: self._changed,
            types.TEXT_DOCUMENT_DID_SAVE: self._saved,
            types.TEXT_DOCUMENT_DID_CLOSE: self._closed,
            types.NOTEBOOK_DOCUMENT_DID_OPEN: self._opened,
            types.NOTEBOOK_DOCUMENT_DID_CHANGE: self._changed,
            types.NOTEBOOK_DOCUMENT_DID_SAVE: self._saved,
            types.NOTEBOOK_DOCUMENT_DID_CLOSE: self._closed,
            types.WORKSPACE_DID_CHANGE_CONFIGURATION: self._configured,
            types.WORKSPACE_DID_CHANGE_WATCHED_FILES: self._watched,
            types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: self._folders_changed,
        }

    def _requests(self) -> Iterable[tuple[str, Callable[[Any], Awaitable[Any]], Any]]:
        yield types.TEXT_DOCUMENT_DIAGNOSTIC, self.reporting.pull, reporting.OPTIONS
        yield types.TEXT_DOCUMENT_CODE_ACTION, self.actions.listed, actions.KINDS
        yield types.TEXT_DOCUMENT_HOVER, self.insight.hover, None
        yield types.TEXT_DOCUMENT_COMPLETION, self.insight.complete, insight.COMPLETION
        yield types.TEXT_DOCUMENT_DEFINITION, self.insight.others, None
        yield types.TEXT_DOCUMENT_REFERENCES, self.insight.others, None

    def _feature(self, name: str, handler: Callable[[Any], Awaitable[Any]], options: Any = None) -> None:
        safe = guarded(handler, lambda: self.context.ready)

        async def called(params: Any) -> Any:
            return await safe(params)

        self.server.feature(name, options)(called)

    def _command(self, name: str, handler: Callable[[Sequence[Any]], Awaitable[Any]]) -> None:
        safe = guarded(handler, lambda: self.context.ready)

        async def called(*arguments: _Argument) -> Any:
            return await safe(arguments)

        self.server.command(name)(called)

    # ---- beginning and end ----------------------------------------------------------------------------------

    def _initialize(self, params: types.InitializeParams) -> None:
        context = self.context
        context.client = params.capabilities
        old = self.server.workspace
        self.server.protocol._workspace = Documents(
            old.root_uri, types.TextDocumentSyncKind.Incremental, list(old.folders.values()), old.position_encoding
        )
        folders = self._folders()
        if folders:
            os.chdir(folders[0])  # paths in messages are then as on the command line
        options = params.initialization_options
        given = options.get("settings") if isinstance(options, dict) else None
        self._settings = dict(given) if isinstance(given, dict) else {}
        context.checks.configuration = self._configuration()
        if params.process_id is not None:
            watch(params.process_id, lambda: os._exit(1))
        context.ready = True

    async def _initialized(self, _: types.InitializedParams) -> None:
        workspace = self.context.client.workspace
        watches = workspace.did_change_watched_files if workspace is not None else None
        if watches is not None and watches.dynamic_registration:
            wanted = [types.FileSystemWatcher(pattern) for pattern in _WATCHED]
            options = types.DidChangeWatchedFilesRegistrationOptions(wanted)
            name = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
            self.server.client_register_capability(
                types.RegistrationParams([types.Registration("watched-files", name, options)])
            )

    def _shutdown(self) -> None:
        self.said_goodbye = True

    # ---- documents ------------------------------------------------------------------------------------------

    async def _opened(self, params: types.DidOpenTextDocumentParams | types.DidOpenNotebookDocumentParams) -> None:
        unit = self._unit(params)
        if unit is not None:
            self._tell(self.context.checks.touched(real_path(unit), unit, is_new=True), unit)

    async def _changed(self, params: types.DidChangeTextDocumentParams | types.DidChangeNotebookDocumentParams) -> None:
        unit = self._unit(params)
        if unit is not None:
            self._tell(self.context.checks.typed(unit), unit)

    async def _saved(self, params: types.DidSaveTextDocumentParams | types.DidSaveNotebookDocumentParams) -> None:
        unit = self._unit(params)
        if unit is None:
            return
        unit.settled = True
        stale = self.context.checks.touched(real_path(unit), unit)
        if os.path.basename(unit.path) in NAMES:
            stale = self._reconfigured()
        self.reporting.stale(stale, elsewhere=any(one is not unit for one in stale))

    async def _closed(self, params: types.DidCloseTextDocumentParams | types.DidCloseNotebookDocumentParams) -> None:
        if isinstance(params, types.DidCloseNotebookDocumentParams):
            uri, parts = params.notebook_document.uri, [cell.uri for cell in params.cell_text_documents]
        else:
            uri = params.text_document.uri
            parts = [uri]
        self.known.touched()  # so far it counted as it was open
        self.context.checks.closed(uri)
        self.reporting.closed(uri, parts)
        path = to_fs_path(uri)
        if path is not None:
            # What was not saved is gone: the file is again as the disk has it.
            self._tell(self.context.checks.touched(os.path.realpath(path), is_new=True))

    def _unit(self, params: Any) -> Unit | None:
        named = getattr(params, "notebook_document", None) or params.text_document
        return self.context.documents.unit(named.uri)

    def _tell(self, stale: list[Unit], unit: Unit | None = None) -> None:
        self.reporting.stale(stale, elsewhere=unit is None and bool(stale))

    # ---- settings and the disk ------------------------------------------------------------------------------

    async def _configured(self, params: types.DidChangeConfigurationParams) -> None:
        given = params.settings
        if isinstance(given, dict):
            given = given.get(_SECTION)
        workspace = self.context.client.workspace
        if not isinstance(given, dict) and workspace is not None and workspace.configuration:
            item = types.ConfigurationItem(section=_SECTION)
            answers = await self.server.workspace_configuration_async(types.ConfigurationParams([item]))
            given = answers[0] if answers else None
        if isinstance(given, dict):
            self._settings = given
        self.reporting.stale(self._reconfigured(), elsewhere=True)

    async def _watched(self, params: types.DidChangeWatchedFilesParams) -> None:
        stale: dict[str, Unit] = {}
        for change in params.changes:
            path = to_fs_path(change.uri)
            if path is None:
                continue
            if self.context.documents.unit(change.uri) is None:
                self.known.touched()
            found = (
                self._reconfigured()
                if os.path.basename(path) in NAMES
                else self.context.checks.touched(os.path.realpath(path), is_new=change.type in _KINDS)
            )
            stale.update({unit.uri: unit for unit in found})
        self.reporting.stale(stale.values(), elsewhere=bool(stale))

    async def _folders_changed(self, _: types.DidChangeWorkspaceFoldersParams) -> None:
        self.reporting.stale(self._reconfigured(), elsewhere=True)

    def _reconfigured(self) -> list[Unit]:
        self.reporting.forgive()
        self.known.touched()
        return self.context.checks.configured(self._configuration())

    def _configuration(self) -> Configuration:
        """The settings as they are now; what the editor says wrongly counts for nothing."""
        try:
            return Configuration(self._folders(), self._settings)
        except UserError as error:
            if str(error) != self._refused:
                self._refused = str(error)
                self.context.show(self._refused, types.MessageType.Error)
            return Configuration(self._folders())

    def _folders(self) -> list[str]:
        """The open folders, the first one first."""
        documents = self.context.documents
        uris = [folder.uri for folder in documents.folders.values()] or [documents.root_uri or ""]
        paths = [to_fs_path(uri) for uri in uris]
        return [os.path.abspath(path) for path in paths if path and os.path.isdir(path)]
