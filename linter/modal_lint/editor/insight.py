"""What can be told about the place of the cursor: a rule's page, a Secret; and what may be written there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from modal_lint import credentials
from modal_lint.editor.cursor import Kind, cursor_in
from modal_lint.editor.diagnostics import Places, findings_of
from modal_lint.selection import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from modal_lint.editor.context import Context
    from modal_lint.editor.cursor import Cursor
    from modal_lint.editor.documents import Document
    from modal_lint.editor.known import Known
    from modal_lint.inventory import Inventory, Location, Secret
    from modal_lint.model import Rule

COMPLETION = types.CompletionOptions(trigger_characters=['"', "'"])
_SHOWN = 8  # places named in a hover


class Insight:
    """Hover, completion, and the other places of a Secret. No value is ever told: none is known."""

    def __init__(self, context: Context, known: Known) -> None:
        self._context = context
        self._known = known

    async def hover(self, params: types.HoverParams) -> types.Hover | None:
        """The Secret whose name the cursor is in, and the rules of the diagnostics there."""
        found = self._context.found(params.text_document.uri)
        if found is None:
            return None
        unit, part, document = found
        parts: list[str] = []
        cursor = _cursor(document, params.position)
        if cursor is not None and cursor.kind is Kind.NAME and cursor.word:
            secret = (await self._known.inventory(unit)).get(cursor.word)
            parts.append(self._secret(cursor.word, secret, self._known.promised(unit)))
        checked = await self._context.checks.of(unit)
        here = document.text.span(types.Range(params.position, params.position))
        told = [one for one in findings_of(checked) if one.cell == part]
        codes = [one.code for one in told if one.span[:2] <= here[:2] <= one.span[2:]]
        rules = {rule.code: rule for rule in catalogue()}
        parts += [_page(rules[code]) for code in dict.fromkeys(codes) if code in rules]
        if not parts:
            return None
        # A source may have a credential in place of a name.
        text = credentials.mask_text("\n\n---\n\n".join(parts))
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text))

    async def complete(self, params: types.CompletionParams) -> types.CompletionList | None:
        """Names of Secrets, their keys, and variables that Secrets give."""
        found = self._context.found(params.text_document.uri)
        cursor = _cursor(found[2], params.position) if found is not None else None
        if found is None or cursor is None:
            return None
        unit, _, document = found
        range_ = document.text.between(cursor.start, cursor.end)
        inventory, promised = await self._known.inventory(unit), self._known.promised(unit)
        offers = _offers(cursor, inventory, promised)
        kind = types.CompletionItemKind.Module if cursor.kind is Kind.NAME else types.CompletionItemKind.Constant
        items = [
            types.CompletionItem(word, kind=kind, detail=detail, text_edit=types.TextEdit(range_, word))
            for word, detail in sorted((word, credentials.mask_text(told)) for word, told in offers.items())
            if word != cursor.word and not credentials.has_shape(word)
        ]
        return types.CompletionList(is_incomplete=self._known.is_looking(unit), items=items)

    async def others(self, params: types.DefinitionParams | types.ReferenceParams) -> list[types.Location] | None:
        """The other places that name the Secret that the cursor is at."""
        found = self._context.found(params.text_document.uri)
        cursor = _cursor(found[2], params.position) if found is not None else None
        if found is None or cursor is None or cursor.kind is not Kind.NAME:
            return None
        unit, _, document = found
        await self._context.checks.of(unit)
        secret = (await self._known.inventory(unit)).get(cursor.word)
        if secret is None:
            return None
        places = Places(self._context.documents.units(), self._context.encoding)
        named = [places.location(*place) for place in _named_at(secret)]
        at = params.position
        return [one for one in named if one.uri != document.uri or not _holds(one.range, at)]

    def _secret(self, name: str, secret: Secret | None, promised: Mapping[str, tuple[str, ...]]) -> str:
        """A Secret in Markdown."""
        lines = [f"**Secret** `{name}`"]
        keys = secret.keys if secret is not None else ()
        if keys:
            told = [f"`{key.name}`" + ("" if key.required else " (read, not in `required_keys`)") for key in keys]
            lines.append("Keys that the code needs: " + ", ".join(told))
        if name in promised:
            held = ", ".join(f"`{key}`" for key in promised[name]) or "no keys"
            lines.append(f"In the workspace, as `known-secrets` has it: {held}")
        users = [
            f"{user.kind.value} `{user.name}` ({_shown(user.location)})" if user.name else
            f"{user.kind.value} ({_shown(user.location)})"
            for user in (secret.users if secret is not None else ())
        ]  # fmt: skip
        lines += _listed("Used by", users)
        lines += _listed("Named at", [_shown(place) for place in _named_at(secret)] if secret is not None else [])
        return "\n\n".join(lines)


def _cursor(document: Document, position: types.Position) -> Cursor | None:
    text = document.text
    line = position.line
    offset = sum(map(len, text.lines[:line])) + text.column(position)
    return cursor_in(text, offset)


def _offers(cursor: Cursor, inventory: Inventory, promised: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """What may stand at the cursor, each word with what it is."""
    keys: dict[str, list[str]] = {name: list(held) for name, held in promised.items()}
    for secret in inventory.secrets:
        keys.setdefault(secret.name, []).extend(key for key in secret.key_names if key not in keys[secret.name])
        for creation in secret.creations:
            keys[secret.name] += [key for key in creation.keys if key not in keys[secret.name]]
    if cursor.kind is Kind.NAME:
        return {name: ", ".join(held) or "Secret" for name, held in keys.items()}
    if cursor.kind is Kind.KEY:
        return dict.fromkeys(keys.get(cursor.secret or "", ()), f"of {cursor.secret}")
    given: dict[str, list[str]] = {}
    for name, held in keys.items():
        for key in held:
            given.setdefault(key, []).append(name)
    return {key: f"from {', '.join(names)}" for key, names in given.items()}


def _named_at(secret: Secret) -> list[Location]:
    places = [one.location for one in secret.references] + [one.location for one in secret.creations]
    return list(dict.fromkeys(places))


def _listed(head: str, items: Iterable[str]) -> Iterator[str]:
    told = list(dict.fromkeys(items))
    if told:
        more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
        yield f"{head}: " + ", ".join(told[:_SHOWN]) + more


def _shown(location: Location) -> str:
    return location.line


def _page(rule: Rule) -> str:
    """The beginning of a rule's page, up to its example."""
    text = rule.page.partition("```")[0].strip()
    fix = f" · fix: {rule.fixable}" if rule.fixable != "none" else ""
    return f"**{rule.code}** {rule.name} · {rule.severity.value}{fix}\n\n{text}\n\n`modal-lint explain {rule.code}`"


def _holds(range_: types.Range, at: types.Position) -> bool:
    start, end = range_.start, range_.end
    return (start.line, start.character) <= (at.line, at.character) <= (end.line, end.character)
