"""Findings with the answer whether their credential is in git."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modal_lint.committed.answers import Question, answers
from modal_lint.credentials import classify, find_in_text
from modal_lint.files import ReadError, read_regular
from modal_lint.model import Hidden

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modal_lint.model import Committed, Finding, Move, Report

_UNKNOWN = "\x00"  # stands for an unknown stretch of a value
_SHORTEST = 6
_AFTER_A_FIX = 10.0  # seconds


def annotated(report: Report, contents: Mapping[str, bytes]) -> Report:
    """The report, each finding about a hardcoded credential with what git knows of it.

    Args:
        report: what a run found.
        contents: what to take for files instead of reading them, by path as in findings.
    """
    known = committed(report.findings, contents)
    return report._replace(
        findings=tuple(one._replace(committed=known[one]) if one in known else one for one in report.findings)
    )


def committed(findings: Iterable[Finding], contents: Mapping[str, bytes]) -> dict[Finding, Committed]:
    """What git knows of each finding's credential; findings without one are left out."""
    asked = {one: credential_in(one.secret) for one in findings if one.secret is not None}
    return dict(zip(asked, answers(_questions(asked.items(), contents)), strict=True))


def moved(applied: Iterable[Finding], contents: Mapping[str, bytes]) -> list[tuple[str, Committed]]:
    """What git knows of the values that fixes have moved, by key; ``contents`` are the files before that."""
    moves = [(one, move) for one in applied if one.fix is not None for move in one.fix.moves if _is_secret(one, move)]
    told = answers(_questions([(one, move.value) for one, move in moves], contents), _AFTER_A_FIX)
    return [(move.key, each) for (_, move), each in zip(moves, told, strict=True)]


def holder(finding: Finding) -> str:
    """The file in which the credential's literal stands."""
    return finding.origin[0] if finding.origin is not None else finding.path


def _is_secret(finding: Finding, move: Move) -> bool:
    """Whether what is moved is a credential, and not only beside one."""
    return move.value == finding.secret or classify(move.key, move.value.reveal()) is not None


def _questions(asked: Iterable[tuple[Finding, Hidden]], contents: Mapping[str, bytes]) -> list[Question]:
    sources: dict[str, bytes] = {}
    questions = []
    for finding, value in asked:
        path = holder(finding)
        if path not in sources:
            sources[path] = contents[path] if path in contents else _read(path)
        questions.append(Question(os.path.abspath(path), value, sources[path]))
    return questions


def _read(path: str) -> bytes:
    try:
        return read_regular(path)
    except ReadError:
        return b""


def credential_in(secret: Hidden) -> Hidden:
    """What to look for: the credential inside a longer text, or the longest known stretch of it, or all."""
    text = secret.reveal()
    inside = [text[match.start : match.end] for match in find_in_text(text)]
    known = [part for part in inside if _UNKNOWN not in part and len(part) >= _SHORTEST]
    return Hidden(max(known or text.split(_UNKNOWN), key=len))
