"""`markdown`: a table of the findings; it is what the summary of a job on GitHub shows.

The text of findings is escaped, so that no name in a checked file becomes mark-up, a link or a mention.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from modal_lint.report.base import Look, diagnostics, place, visible
from modal_lint.report.places import encodable
from modal_lint.report.summary import count, summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modal_lint.model import Finding, Report

MAX_BYTES = 1 << 20  # what GitHub takes as the summary of a step
# What begins mark-up in GitHub's and GitLab's flavours: also mentions, references, formulas, addresses, emoji.
_MARKUP = re.compile(r"[\\`*\[\]<>|~&@#$]|(?<!\w)_|_(?!\w)|:(?=//|[\w+-]+:)|(?<=www)\.")


def render(report: Report, look: Look) -> str:
    """A heading, how often each rule fired, and a row a finding."""
    del look
    return bounded(report, None)


def bounded(report: Report, room: int | None = MAX_BYTES) -> str:
    """The text in at most ``room`` bytes of UTF-8: rows that have no place are counted instead."""
    found = diagnostics(report)
    head = "".join(line + "\n" for line in _head(report, found))
    rows = [_row(finding) + "\n" for finding in found]
    if room is None or _size(head) + sum(map(_size, rows)) <= room:
        return head + "".join(rows)
    left = room - _size(head) - _size(_more(len(rows)))
    kept = 0
    for row in rows:
        left -= _size(row)
        if left < 0:
            break
        kept += 1
    text = head + "".join(rows[:kept]) + _more(len(rows) - kept)
    return text if _size(text) <= room else ""


def _head(report: Report, found: Sequence[Finding]) -> Iterator[str]:
    yield "## modal-lint"
    yield ""
    yield _text(summary(report, Look()).partition("\n")[0])
    if not found:
        return
    counts = Counter((finding.code, finding.name) for finding in found)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    yield ""
    yield from (f"- {number} × {code} {_text(name)}" for (code, name), number in ordered)
    yield ""
    yield "| Place | Rule | Severity | What is wrong |"
    yield "|---|---|---|---|"


def _row(finding: Finding) -> str:
    told = _text(finding.message) + (f"<br>{_text(finding.help)}" if finding.help else "")
    return f"| {_text(place(finding))} | {finding.code} | {finding.severity.value} | {told} |"


def _more(number: int) -> str:
    return f"\n… and {count(number, 'more finding')}.\n"


def _text(text: str) -> str:
    """``text`` as Markdown that shows it as it is, on one line.

    As entities, which never begin mark-up: after a backslash some readers still make a mention or a link of a word.
    """
    return encodable(_MARKUP.sub(lambda found: f"&#{ord(found[0])};", visible(text)))


def _size(text: str) -> int:
    return len(text.encode("utf-8"))
