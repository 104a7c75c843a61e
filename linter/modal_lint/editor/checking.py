"""One document, checked: what happens in the worker's thread."""

from __future__ import annotations

import gc
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from modal_lint.model import Finding, Outcome, Rule
from modal_lint.settings import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modal_lint.discover import Target
    from modal_lint.editor.configuration import Configuration
    from modal_lint.editor.worker import Stop
    from modal_lint.inventory import Facts
    from modal_lint.source import File

_NOTHING = Outcome()


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be checked: a document at one moment, and what the others hold at the same moment.

    ``name`` is what findings call it. ``contents`` holds the open documents by real path.
    """

    name: str
    path: str  # absolute
    data: bytes
    configuration: Configuration
    contents: Mapping[str, bytes] = field(default_factory=dict)
    virtual: bool = False  # on no disk


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found, and what it depends on.

    ``trouble`` is what is wrong with the configuration. ``target`` is None where nothing is to be checked.
    ``versions`` are those of the documents that were looked at, by URI: they may have changed since.
    """

    target: Target | None = None
    outcome: Outcome = _NOTHING
    findings: tuple[Finding, ...] = ()
    looked_at: frozenset[str] = frozenset()
    trouble: str | None = None
    versions: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def facts(self) -> Facts | None:
        """What the document says of named Secrets."""
        return cast("Facts | None", self.outcome.facts)

    @property
    def parsed(self) -> bool:
        """Whether the document could be read as Python."""
        return self.outcome.failure is None


def check(subject: Subject, stop: Stop) -> Checked:
    """Look at one document.

    Raises:
        Superseded: ``stop`` was set meanwhile.
    """
    try:
        target = subject.configuration.target(subject.path, subject.name, virtual=subject.virtual)
    except UserError as error:
        return Checked(trouble=str(error))
    return Checked() if target is None else analysed(target, subject, stop)


def analysed(target: Target, subject: Subject, stop: Stop) -> Checked:
    """What the rules say of ``subject``, whose settings are known.

    Raises:
        Superseded: ``stop`` was set meanwhile.
    """
    stop.heed()
    from modal_lint import selection
    from modal_lint.analysis import Analysis
    from modal_lint.inventory import visit

    rules = [_stoppable(rule, stop) for rule in selection.catalogue()]
    task = Analysis([target], {target.path: subject.data}, rules, visit=visit, contents=subject.contents)
    gc.disable()  # as in a whole run: trees are many objects and little garbage
    try:
        outcome = task.perform(0)
    finally:
        gc.enable()
    try:
        return Checked(target, outcome, _told(target, outcome), task.finish())
    except UserError as error:
        return Checked(target, outcome, outcome.findings, task.finish(), str(error))


def _told(target: Target, outcome: Outcome) -> tuple[Finding, ...]:
    """The findings to tell: each credential once, none that the baseline knows.

    Raises:
        UserError: the baseline is missing or broken.
    """
    from modal_lint.engine import once

    known: frozenset[int] = frozenset()
    if target.settings.baseline is not None:
        from modal_lint.baseline import Baselines

        known = Baselines().hidden([target], {target.path: outcome})
    seen = [finding for finding in outcome.findings if id(finding) not in known]
    unseen = [finding for finding in outcome.findings if id(finding) in known]
    return tuple(once(seen, [*outcome.suppressed, *unseen]))


def _stoppable(rule: Rule, stop: Stop) -> Rule:
    def check(file: File) -> Iterable[Finding]:
        stop.heed()
        for finding in rule.check(file):
            stop.heed()
            yield finding

    return rule._replace(check=check)
