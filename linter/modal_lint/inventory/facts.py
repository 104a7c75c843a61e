"""What one file says of named Secrets: which are looked up and created, what uses them, what its code reads of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint.environments import asking
from modal_lint.inventory.model import Attachment, Creation, Facts, Read, Reference, Undecided, Unnamed
from modal_lint.inventory.names import LOOKUPS, given_to, location, looked_up, of_object, variables
from modal_lint.inventory.reads import reads_of
from modal_lint.inventory.users import app_of, user_of
from modal_lint.modal_api import Sink
from modal_lint.values import Instance, Mapping

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable

    from modal_lint.calls import Frame
    from modal_lint.inventory.names import Meant
    from modal_lint.source import File
    from modal_lint.uses import Use

_UPDATE = "modal.Secret.update"
_CREATIONS = frozenset(
    (
        "modal.Secret.objects.create",
        "modal.Secret.create_deployed",
        "modal.Secret._create_deployed",
        _UPDATE,
        "modal_lint_runtime.Secrets.create",
        "modal_lint_runtime.Secrets.update",
    )
)
_CONTAINERS = frozenset(("modal.App.function", "modal.App.cls", "modal.App.server"))


def facts_of(file: File) -> Facts:
    """What a file says of named Secrets.

    Nothing is run or imported. What other files make and this one uses is found as far as the project reaches.
    """
    look = _Look()
    for uses in _by_call(file).values():
        name = uses[0].api.name
        if name in LOOKUPS:
            look.at_lookup(uses)
        elif name in _CREATIONS:
            look.at_creation(uses)
        else:
            look.at_call(uses)
    reads = dict.fromkeys(reads_of(file))
    return Facts(
        references=tuple(dict.fromkeys(look.references)),
        attachments=tuple(dict.fromkeys(look.attachments)),
        reads=tuple(one for one in reads if isinstance(one, Read)),
        creations=tuple(dict.fromkeys(look.creations)),
        unnamed=tuple(dict.fromkeys(look.unnamed)),
        undecided=tuple(one for one in reads if isinstance(one, Undecided)),
    )


def _by_call(file: File) -> dict[ast.AST, list[Use]]:
    found: dict[ast.AST, list[Use]] = {}
    for use in file.uses:
        found.setdefault(use.node, []).append(use)
    return {node: _called(uses) for node, uses in found.items()}


def _called(uses: list[Use]) -> list[Use]:
    """The runs of a call in a function of which the arguments are known; all of them where there are none such."""
    return [use for use in uses if _is_called(use.frame)] or uses


def _is_called(frame: Frame) -> bool:
    around: Frame | None = frame
    while around is not None:
        receiver = around.receiver
        if around.arguments is not None or (isinstance(receiver, Instance) and receiver.arguments is not None):
            return True
        around = around.outer
    return False


class _Look:
    """Notes what the calls of a file say; each call comes with all its runs."""

    def __init__(self) -> None:
        self.references: list[Reference] = []
        self.attachments: list[Attachment] = []
        self.creations: list[Creation] = []
        self.unnamed: list[Unnamed] = []

    def at_lookup(self, uses: list[Use]) -> None:
        """A call that names a Secret."""
        for meant in (meant for use in uses for meant in looked_up(use)):
            self._refer(meant)
            if meant.name is None and meant.lookup is not None:
                self.unnamed.append(Unnamed(None, meant.lookup))

    def at_creation(self, uses: list[Use]) -> None:
        """A call that creates a Secret or changes it."""
        for use in uses:
            for meant in _changed(use):
                if meant.name is not None:
                    self.creations.append(Creation(meant.name, meant.environment, _written(use), location(use)))

    def at_call(self, uses: list[Use]) -> None:
        """Any other call: what it gets, and what it gets from its App."""
        for use in uses:
            for sink, meant in given_to(use):
                self._refer(meant)
                user = user_of(use, sink)
                if meant.name is None:
                    self.unnamed.append(Unnamed(user, location(use), meant.lookup))
                else:
                    self.attachments.append(Attachment(meant.name, meant.environment, user))
            if use.api.name in _CONTAINERS:
                self._inherit(use)

    def _refer(self, meant: Meant) -> None:
        """Note a look-up, also one in another file: who calls a helper knows what the helper does not."""
        if meant.name is not None and meant.lookup is not None:
            self.references.append(Reference(meant.name, meant.environment, meant.keys, meant.lookup))

    def _inherit(self, use: Use) -> None:
        for app in app_of(use):
            for sink, meant in given_to(app):
                self._refer(meant)
                if meant.name is not None:
                    user = user_of(use, sink, inherited=True)
                    self.attachments.append(Attachment(meant.name, meant.environment, user))


def _changed(use: Use) -> Iterable[Meant]:
    if use.api.name != _UPDATE:
        return looked_up(use)
    return () if use.owner is None else of_object(use.owner)


def _written(use: Use) -> tuple[str, ...]:
    """The keys that a call is known to write."""
    values = [value for given in use.given(Sink.STORED_SECRET) for value in asking.asked(use.file, given.argument)]
    return variables(entry.key for value in values if isinstance(value, Mapping) for entry in value.entries)
