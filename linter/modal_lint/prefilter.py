"""The cheap question that most files answer with no: can this file concern Modal at all?"""

from __future__ import annotations

import re

# A module may import an `app` and never say whose it is; then its decorators tell. A regular expression that begins
# with one fixed byte costs a third of lowering the file, one that ignores case five times as much.
_DECORATOR = re.compile(rb"@\s*\w+\.(?:function|cls|server)\(")


def concerns_modal(data: bytes) -> bool:
    """Whether ``data``, the bytes of a source file, may use Modal; False means that no rule can have a finding."""
    return b"modal" in data.lower() or _DECORATOR.search(data) is not None
