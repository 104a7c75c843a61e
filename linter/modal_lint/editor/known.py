"""The named Secrets that the open folders are known to need, kept up to date while they change."""

from __future__ import annotations

import asyncio
import gc
import os
from functools import partial
from typing import TYPE_CHECKING, cast

from modal_lint.editor.checks import absolute_path, real_path
from modal_lint.editor.protocol import log, place_of
from modal_lint.editor.worker import Worker
from modal_lint.inventory import merged
from modal_lint.inventory.model import Facts
from modal_lint.settings import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modal_lint.config import Source
    from modal_lint.editor.context import Context
    from modal_lint.editor.documents import Unit
    from modal_lint.inventory import Inventory

_PATIENCE = 2.0  # seconds that an answer waits for the first look at a folder


class Known:
    """What is known of named Secrets: of the files on the disk from one look at them, of open ones as they are.

    Args:
        context: of the server.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._worker = Worker()
        self._facts: dict[str, dict[str, Facts]] = {}  # by folder, by real path
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._stale: set[str] = set()

    def touched(self) -> None:
        """Note that files on the disk have changed."""
        self._stale.update(self._facts)

    def is_looking(self, unit: Unit) -> bool:
        """Whether the files on the disk are still being looked at."""
        return self._folder(unit) in self._looks

    async def inventory(self, unit: Unit) -> Inventory:
        """The Secrets of the folder that a document is in."""
        folder = self._folder(unit)
        if folder not in self._facts or folder in self._stale:
            look = self._looks.get(folder)
            if look is None:
                look = self._looks[folder] = asyncio.create_task(self._look(folder))
            if folder not in self._facts:  # else what was known before will do meanwhile
                await asyncio.wait([look], timeout=_PATIENCE)
        facts = dict(self._facts.get(folder, {}))
        for one in self._context.documents.units():
            latest = self._context.checks.latest(one)
            if latest is not None and latest.parsed and self._folder(one) == folder:
                facts[real_path(one)] = latest.facts or Facts()
        return merged(facts.values())

    def promised(self, unit: Unit) -> Mapping[str, tuple[str, ...]]:
        """What the configuration says that the workspace holds: keys by the names of Secrets."""
        configuration = self._context.checks.configuration
        try:
            target = configuration.target(absolute_path(unit, configuration), unit.name)
        except UserError:
            return {}  # told where the file is checked
        return target.settings.known_secrets if target is not None else {}

    def _folder(self, unit: Unit) -> str:
        configuration = self._context.checks.configuration
        path = os.path.abspath(unit.path) if unit.is_file else ""
        inside = configuration.folder(path) if path else next(iter(configuration.folders), None)
        return inside or os.path.dirname(path) or os.getcwd()

    async def _look(self, folder: str) -> None:
        self._stale.discard(folder)
        source = self._context.checks.configuration.source(folder)
        try:
            self._facts[folder] = await self._worker.run(partial(_facts_in, [folder], source))
        except UserError:
            self._facts.setdefault(folder, {})  # told where its files are checked
        except Exception as error:
            self._facts.setdefault(folder, {})
            log.warning("looking for Secrets: %s", place_of(error))
        finally:
            self._looks.pop(folder, None)


def _facts_in(paths: Sequence[str], source: Source) -> dict[str, Facts]:
    """What the files below ``paths`` say of named Secrets, by real path."""
    from modal_lint.engine import Session
    from modal_lint.inventory import visit

    session = Session(paths, source, rules=(), jobs=1, visit=visit)
    try:
        session.run()
    finally:
        gc.unfreeze()  # a run keeps its trees to its end; this process goes on
    return {os.path.realpath(path): cast("Facts", facts) for path, facts in session.facts.items()}
