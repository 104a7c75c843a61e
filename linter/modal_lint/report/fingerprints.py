"""What tells one finding from another over the runs: stable when lines move, unique within a run.

Made from the rule, the file, the key and the message, never from a value (detection.md, "Showing a credential").
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

from modal_lint.report.places import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modal_lint.model import Finding


def fingerprints(findings: Iterable[Finding]) -> list[str]:
    """A fingerprint of 64 hexadecimal digits for each of ``findings``, which are in the order of their places.

    Findings that are alike are numbered in that order: one more does not change those before it.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    made = []
    paths: dict[str, str] = {}
    for finding in findings:
        path = paths.setdefault(finding.path, "") or shown(finding.path)
        paths[finding.path] = path
        same = (path, finding.code, finding.key or "", finding.message)
        seen[same] += 1
        parts = "\0".join((*same, str(seen[same])))
        made.append(hashlib.sha256(parts.encode("utf-8", "backslashreplace")).hexdigest())
    return made
