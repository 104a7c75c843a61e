"""What counts as a credential: ``classify`` one value, ``find_in_text`` a longer one, and how to show it.

Pure functions over data; nothing here reads a file. Patterns are compiled when they are first needed.
"""

from __future__ import annotations

from modal_lint.credentials.keys import is_credential_key
from modal_lint.credentials.masking import mask
from modal_lint.credentials.names import secret_name, variable_of
from modal_lint.credentials.placeholders import is_placeholder
from modal_lint.credentials.records import Credential, Match, Shape
from modal_lint.credentials.text import find_in_text, has_shape, mask_text, may_hold, shapes_in
from modal_lint.credentials.verdict import classify, is_plain

__all__ = [
    "Credential",
    "Match",
    "Shape",
    "classify",
    "find_in_text",
    "has_shape",
    "is_credential_key",
    "is_placeholder",
    "is_plain",
    "mask",
    "mask_text",
    "may_hold",
    "secret_name",
    "shapes_in",
    "variable_of",
]
