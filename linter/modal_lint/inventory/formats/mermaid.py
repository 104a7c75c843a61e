"""`mermaid`: a picture of which Secret goes to what, and to which App that belongs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint.inventory.formats import words
from modal_lint.inventory.model import Kind

if TYPE_CHECKING:
    from modal_lint.inventory.model import Inventory, User
    from modal_lint.report.base import Look

# Characters that no version of Mermaid takes for anything but themselves inside a quoted label.
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_.,:/")


def render(inventory: Inventory, look: Look) -> str:
    """A flowchart from left to right: Secrets, what uses them, Apps. A dashed line is what comes through the App."""
    del look
    chart = _Chart()
    for secret in inventory.secrets:
        label = [secret.name, *(key.name if key.required else f"{key.name} (read)" for key in secret.keys)]
        node = chart.node("s", secret.name, label, "[(", ")]")
        for one in secret.attachments:
            chart.use(node, one.user)
    return "flowchart LR\n" + "".join(f"    {line}\n" for line in [*chart.nodes, *chart.edges])


def escaped(text: str) -> str:
    """Text for a quoted label: whatever could be syntax becomes an entity code, and what would begin a list."""
    begins = (at == 0 and each in "-0123456789" for at, each in enumerate(text))
    return "".join(
        each if each in _PLAIN and not first else f"#{ord(each)};" for each, first in zip(text, begins, strict=True)
    )


class _Chart:
    def __init__(self) -> None:
        self.nodes: list[str] = []
        self.edges: dict[str, None] = {}
        self._known: dict[tuple[str, object], str] = {}

    def node(self, letter: str, key: object, lines: list[str], opening: str, closing: str) -> str:
        """The node of something, made when it is first asked for."""
        if (letter, key) not in self._known:
            name = f"{letter}{sum(1 for known, _ in self._known if known == letter) + 1}"
            self._known[letter, key] = name
            self.nodes.append(f'{name}{opening}"{"<br/>".join(map(escaped, lines))}"{closing}')
        return self._known[letter, key]

    def use(self, secret: str, user: User) -> None:
        """The edges from a Secret to what uses it, and on to the App."""
        if user.kind is Kind.APP:
            self.edges[f"{secret} --> {self._app(user.app, user)}"] = None
            return
        lines = [words.user(user), words.place(user.location)]
        node = self.node("u", (user.kind, user.name, user.location), lines, "[", "]")
        self.edges[f"{secret} {'-.->' if user.inherited else '-->'} {node}"] = None
        if user.app is not None:
            self.edges[f"{node} --> {self._app(user.app, user)}"] = None

    def _app(self, name: str | None, user: User) -> str:
        label = [f"App {name}"] if name is not None else ["App", words.place(user.location)]
        return self.node("a", name if name is not None else user.location, label, "([", "])")
