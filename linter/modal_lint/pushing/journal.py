"""What a push that was killed leaves to the next one: that it was about to make a Secret, where and when. No value."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from modal_lint.vault import RefusedError

if TYPE_CHECKING:
    from modal_lint.pushing.places import Existing, Place
    from modal_lint.vault import Folder

_SUFFIX = ".push"
# Clocks differ by so much, and making one Secret takes no longer than that, in seconds.
_SKEW, _PATIENCE = 120.0, 600.0


def begin(folder: Folder, name: str, place: Place) -> None:
    """Note, durably, that ``name`` was not there a moment ago and is about to be made."""
    note = {"place": place.identity, "started": time.time()}
    folder.replace(name + _SUFFIX, json.dumps(note).encode())


def end(folder: Folder, name: str) -> None:
    """Forget it."""
    folder.discard(name + _SUFFIX)


def explains(folder: Folder, name: str, place: Place, found: Existing) -> bool:
    """Whether an earlier push has made the Secret that was found."""
    try:
        note = json.loads(folder.read(name + _SUFFIX) or b"{}")
        started = float(note["started"])
        return note["place"] == place.identity and started - _SKEW <= found.created_at <= started + _PATIENCE
    except (RefusedError, ValueError, KeyError, TypeError):
        return False


def sweep(folder: Folder) -> None:
    """Forget the notes whose preserved files are gone."""
    names = folder.names()
    for entry in names:
        stem = entry.removesuffix(_SUFFIX)
        if stem != entry and not {f"{stem}.env", f"{stem}.json"}.intersection(names):
            folder.discard(entry)
