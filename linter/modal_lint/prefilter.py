"""The cheap question that most files answer with no: can this file concern Modal at all?"""

from __future__ import annotations

# Lower-case: one pass lowers the bytes (three times as fast as a case-insensitive regular expression), then each
# mark is one search in C. The decorators are there for modules that import an `app` and never say whose it is.
MARKS = (b"modal", b".function(", b".cls(")


def concerns_modal(data: bytes) -> bool:
    """Whether ``data``, the bytes of a source file, may use Modal; False means that no rule can have a finding."""
    lowered = data.lower()
    return any(mark in lowered for mark in MARKS)
