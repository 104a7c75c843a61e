"""What can be done at a place: fixes, all safe fixes, suppressions. Listing them writes nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.uris import to_fs_path

from modal_lint.editor import fixes
from modal_lint.editor.diagnostics import Places, diagnostic
from modal_lint.editor.protocol import Refusal
from modal_lint.editor.worker import Stop
from modal_lint.files import ReadError, read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from modal_lint.editor.checking import Checked
    from modal_lint.editor.context import Context
    from modal_lint.editor.documents import Document
    from modal_lint.editor.revision import Change
    from modal_lint.model import Finding, Fix, Span

FIX_ALL = "source.fixAll.modal-lint"
MOVE = "modal-lint.move"
APPLY_ALL = "modal-lint.fixAll"
KINDS = types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix, FIX_ALL])


class Actions:
    """The code actions and the commands behind them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def listed(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        """What can be done in a range of a document."""
        document = self._context.document(params.text_document.uri)
        if document is None or not document.is_python:
            return []
        checked = await self._context.checks.of(document)
        made: list[types.CodeAction] = []
        if _wants(params.context.only, types.CodeActionKind.QuickFix.value):
            here = document.text.span(params.range)
            near = [finding for finding in checked.findings if _touch(finding.span, here)]
            made += await self._quick(document, [one for one in fixes.fixable(checked) if one in near])
            made += await self._silencing(document, near) if checked.parsed else []
        if any(fixes.is_plain(fix) for fix in _fixes(fixes.fixable(checked))):
            made += await self._everything(document, checked, params.context.only)
        return made

    async def _quick(self, document: Document, findings: Sequence[Finding]) -> list[types.CodeAction]:
        source = document.source
        shared = {fix: [finding for finding in findings if finding.fix == fix] for fix in _fixes(findings)}
        good = await self._context.worker.run(
            lambda: [(fix, fixes.changes(source, fix.edits)) for fix in shared if fixes.works(source, fix.edits)]
        )
        return [self._action(document, fix, changes, shared[fix]) for fix, changes in good]

    def _action(
        self, document: Document, fix: Fix, changes: Sequence[Change], findings: Sequence[Finding]
    ) -> types.CodeAction:
        places = Places((), self._context.encoding)
        told = [diagnostic(finding, document, places) for finding in findings]
        action = types.CodeAction(_title(fix), kind=types.CodeActionKind.QuickFix, diagnostics=told)
        action.is_preferred = fix.safe or None
        if fix.moves:
            where = {"uri": document.uri, "code": findings[0].code, "span": list(findings[0].span)}
            action.command = types.Command(title=action.title, command=MOVE, arguments=[where])
        else:
            action.edit = self._edit(document, changes)
        return action

    async def _silencing(self, document: Document, findings: Sequence[Finding]) -> list[types.CodeAction]:
        good = await self._context.worker.run(partial(fixes.suppressions, document.source, findings))
        places = Places((), self._context.encoding)
        return [
            types.CodeAction(
                f"Ignore {finding.code} {finding.name} here, with a reason",
                kind=types.CodeActionKind.QuickFix,
                diagnostics=[diagnostic(finding, document, places)],
                edit=self._edit(document, changes),
            )
            for finding, changes in good
        ]

    async def _everything(
        self, document: Document, checked: Checked, only: Sequence[str] | None
    ) -> list[types.CodeAction]:
        if not _wants(only, FIX_ALL):
            return []
        action = types.CodeAction("Apply all safe fixes of modal-lint", kind=FIX_ALL)
        if only:
            # Asked for by itself, on saving say: then the edit is wanted at once.
            action.edit = self._edit(document, await self._all_safe(document, checked))
        else:
            action.command = types.Command(title=action.title, command=APPLY_ALL, arguments=[{"uri": document.uri}])
        return [action]

    async def _all_safe(self, document: Document, checked: Checked) -> list[Change]:
        work = partial(fixes.all_safe, document.source, self._context.checks.subject(document), checked, Stop())
        return await self._context.worker.run(work)

    def _edit(self, document: Document, changes: Iterable[Change]) -> types.WorkspaceEdit:
        text = document.text
        return self._context.edit(
            document, [types.TextEdit(text.between(one.start, one.end), one.text) for one in changes]
        )

    # ---- commands -------------------------------------------------------------------------------------------

    async def apply_all(self, arguments: Sequence[Any]) -> None:
        """Apply all safe fixes of a document.

        Raises:
            Refusal: the document is not open.
        """
        document = self._named(arguments)
        checked = await self._context.checks.of(document)
        await self._apply("Apply all safe fixes", document, await self._all_safe(document, checked))

    async def move(self, arguments: Sequence[Any]) -> None:
        """Preserve the values that a fix moves, then apply it.

        Raises:
            Refusal: the finding is no longer there, or the editor refuses.
            UserError: a value cannot be preserved; nothing is changed then.
        """
        document = self._named(arguments)
        checked = await self._context.checks.of(document)
        finding = _asked(fixes.fixable(checked), arguments[0])
        if finding is None or finding.fix is None:
            raise Refusal("the document has changed: ask for its fixes again")
        version = document.version
        lines = await self._context.worker.run(partial(fixes.move, finding, checked, self._holder(document, finding)))
        if document.version != version:
            raise Refusal("the document has changed: the value is preserved, ask for its fixes again")
        await self._apply(finding.fix.title, document, fixes.changes(document.source, finding.fix.edits))
        self._context.show("\n".join(lines))

    async def _apply(self, label: str, document: Document, changes: Sequence[Change]) -> None:
        if not changes:
            return
        edit = types.ApplyWorkspaceEditParams(self._edit(document, changes), label)
        answer = await self._context.server.workspace_apply_edit_async(edit)
        if not answer.applied:
            raise Refusal("the editor did not apply the change")

    def _named(self, arguments: Sequence[Any]) -> Document:
        asked = arguments[0] if arguments else None
        uri = asked.get("uri") if isinstance(asked, dict) else None
        document = self._context.document(uri) if isinstance(uri, str) else None
        if document is None:
            raise Refusal("the document is not open")
        return document

    def _holder(self, document: Document, finding: Finding) -> bytes:
        """The source that the value stands in."""
        if finding.origin is None or finding.origin[0] == finding.path:
            return document.data
        places = Places(self._context.documents.open_documents(), self._context.encoding)
        location = places.location(*finding.origin)
        other = self._context.document(location.uri)
        try:
            return other.data if other is not None else read_regular(to_fs_path(location.uri) or "")
        except ReadError:
            return b""


def _asked(findings: Iterable[Finding], asked: dict[str, Any]) -> Finding | None:
    wanted = (asked.get("code"), asked.get("span"))
    return next((one for one in findings if (one.code, list(one.span)) == wanted and one.fix and one.fix.moves), None)


def _fixes(findings: Iterable[Finding]) -> Iterator[Fix]:
    return iter(dict.fromkeys(finding.fix for finding in findings if finding.fix is not None))


def _title(fix: Fix) -> str:
    if fix.moves:
        return f"{fix.title} (preserves the value first{'' if fix.safe else '; unsafe until the Secret exists'})"
    return fix.title if fix.safe else f"{fix.title} (unsafe)"


def _wants(only: Sequence[str] | None, kind: str) -> bool:
    return not only or any(kind == one or kind.startswith(f"{one}.") or one == "" for one in map(_kind, only))


def _kind(kind: object) -> str:
    return str(kind.value) if isinstance(kind, types.CodeActionKind) else str(kind)


def _touch(one: Span, other: Span) -> bool:
    return one[:2] <= other[2:] and other[:2] <= one[2:]
