"""What can be done at a place: fixes, all safe fixes, suppressions. Listing them writes nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcContentModified

from modal_lint.editor import fixes
from modal_lint.editor.diagnostics import Places, diagnostic
from modal_lint.editor.fixes import Draft
from modal_lint.editor.protocol import Refusal
from modal_lint.editor.worker import Stop
from modal_lint.files import ReadError, read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from modal_lint.editor.checking import Checked
    from modal_lint.editor.context import Context
    from modal_lint.editor.documents import Document, Unit
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
        found = self._context.found(params.text_document.uri)
        if found is None:
            return []
        unit, part, document = found
        checked = await self._context.checks.of(unit)
        draft = Draft.of(unit)
        made: list[types.CodeAction] = []
        if checked.parsed and _wants(params.context.only, types.CodeActionKind.QuickFix.value):
            here = document.text.span(params.range)
            near = [one for one in checked.findings if one.cell == part and _touch(one.span, here)]
            mine = [one for one in fixes.fixable(checked) if one in near]
            good = await self._context.worker.run(partial(_possible, draft, mine, near)) if near else ([], [])
            made += self._quick(unit, document, good[0], mine)
            made += self._silencing(unit, document, good[1])
        if any(fixes.is_plain(fix) for fix in _fixes(fixes.fixable(checked))):
            made += await self._everything(unit, checked, params.context.only)
        if draft.data != unit.data:
            raise JsonRpcContentModified
        return made

    def _quick(
        self, unit: Unit, document: Document, good: Iterable[tuple[Fix, Draft]], findings: Sequence[Finding]
    ) -> list[types.CodeAction]:
        return [
            self._action(unit, document, fix, after, [one for one in findings if one.fix == fix])
            for fix, after in good
            if not fix.moves or self._context.applies_edits
        ]

    def _action(
        self, unit: Unit, document: Document, fix: Fix, after: Draft, findings: Sequence[Finding]
    ) -> types.CodeAction:
        action = types.CodeAction(_title(fix), kind=types.CodeActionKind.QuickFix)
        action.diagnostics = [self._diagnostic(finding, document) for finding in findings]
        action.is_preferred = fix.safe or None
        if fix.moves:
            first = findings[0]
            where = {"uri": unit.uri, "code": first.code, "cell": first.cell, "span": list(first.span)}
            action.command = types.Command(title=action.title, command=MOVE, arguments=[where])
        else:
            action.edit = self._edit(unit, after)
        return action

    def _silencing(
        self, unit: Unit, document: Document, good: Iterable[tuple[Finding, Draft]]
    ) -> list[types.CodeAction]:
        return [
            types.CodeAction(
                f"Ignore {finding.code} {finding.name} here, with a reason",
                kind=types.CodeActionKind.QuickFix,
                diagnostics=[self._diagnostic(finding, document)],
                edit=self._edit(unit, after),
            )
            for finding, after in good
        ]

    async def _everything(self, unit: Unit, checked: Checked, only: Sequence[str] | None) -> list[types.CodeAction]:
        if not _wants(only, FIX_ALL):
            return []
        action = types.CodeAction("Apply all safe fixes of modal-lint", kind=FIX_ALL)
        if only or not self._context.applies_edits:
            # Asked for by itself, on saving say: then the edit is wanted at once.
            action.edit = self._edit(unit, await self._all_safe(unit, checked))
        else:
            action.command = types.Command(title=action.title, command=APPLY_ALL, arguments=[{"uri": unit.uri}])
        return [action]

    async def _all_safe(self, unit: Unit, checked: Checked) -> Draft:
        work = partial(fixes.all_safe, Draft.of(unit), self._context.checks.subject(unit), checked, Stop())
        return await self._context.worker.run(work)

    def _edit(self, unit: Unit, after: Draft) -> types.WorkspaceEdit:
        parts = unit.parts
        return self._context.edit(
            (part, [types.TextEdit(part.text.between(one.start, one.end), one.text) for one in changes])
            for number, changes in after.changes().items()
            if (part := parts.get(number)) is not None
        )

    def _diagnostic(self, finding: Finding, document: Document) -> types.Diagnostic:
        context = self._context
        places = Places(context.documents.units(), context.encoding) if context.shows_related else None
        return diagnostic(finding, document, places)

    # ---- commands -------------------------------------------------------------------------------------------

    async def apply_all(self, arguments: Sequence[Any]) -> None:
        """Apply all safe fixes of a document.

        Raises:
            Refusal: the document is not open.
        """
        unit = self._named(arguments)
        checked = await self._context.checks.of(unit)
        data = unit.data
        after = await self._all_safe(unit, checked)
        if unit.data != data:
            raise Refusal("the document has changed: try again")
        await self._apply("Apply all safe fixes", unit, after)

    async def move(self, arguments: Sequence[Any]) -> None:
        """Preserve the values that a fix moves, then apply it.

        Raises:
            Refusal: the finding is no longer there, or the editor refuses.
            UserError: a value cannot be preserved; nothing is changed then.
        """
        unit = self._named(arguments)
        checked = await self._context.checks.of(unit)
        finding = _asked(fixes.fixable(checked), arguments[0])
        if finding is None or finding.fix is None:
            raise Refusal("the document has changed: ask for its fixes again")
        before, data = Draft.of(unit), unit.data
        lines = await self._context.worker.run(partial(fixes.move, finding, checked, self._holder(unit, finding)))
        if unit.data != data:
            raise Refusal("the document has changed: the value is preserved, ask for its fixes again")
        await self._apply(finding.fix.title, unit, before.edited(finding.fix.edits))
        self._context.show("\n".join(lines))

    async def _apply(self, label: str, unit: Unit, after: Draft) -> None:
        if not after.changes():
            return
        edit = types.ApplyWorkspaceEditParams(self._edit(unit, after), label)
        answer = await self._context.server.workspace_apply_edit_async(edit)
        if not answer.applied:
            raise Refusal("the editor did not apply the change")

    def _named(self, arguments: Sequence[Any]) -> Unit:
        asked = arguments[0] if arguments else None
        uri = asked.get("uri") if isinstance(asked, dict) else None
        unit = self._context.documents.unit(uri) if isinstance(uri, str) else None
        if unit is None:
            raise Refusal("the document is not open")
        return unit

    def _holder(self, unit: Unit, finding: Finding) -> bytes:
        """The source that the value stands in."""
        if finding.origin is None or finding.origin[0] == finding.path:
            return unit.data
        path = finding.origin[0]
        other = Places(self._context.documents.units(), self._context.encoding).unit(path)
        try:
            return other.data if other is not None else read_regular(path)
        except ReadError:
            return b""


def _possible(
    draft: Draft, mine: Sequence[Finding], near: Sequence[Finding]
) -> tuple[list[tuple[Fix, Draft]], list[tuple[Finding, Draft]]]:
    return fixes.tried(draft, _fixes(mine)), fixes.suppressions(draft, near)


def _asked(findings: Iterable[Finding], asked: dict[str, Any]) -> Finding | None:
    wanted = (asked.get("code"), asked.get("cell"), asked.get("span"))
    moving = (one for one in findings if one.fix is not None and one.fix.moves)
    return next((one for one in moving if (one.code, one.cell, list(one.span)) == wanted), None)


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
