"""How random a value looks."""

from __future__ import annotations

from math import log2


def entropy(text: str) -> float:
    """Shannon entropy in bits a character."""
    size = len(text)
    return -sum(n / size * log2(n / size) for n in map(text.count, set(text))) if size else 0.0


def is_random(text: str) -> bool:
    """Whether a value of 20 characters or more mixes classes and is as unlike itself as a generated one."""
    if not 20 <= len(text) <= 400 or not text.isascii():
        return False
    lower, upper, digit = (any(test(c) for c in text) for test in (str.islower, str.isupper, str.isdigit))
    if not digit or not (lower or upper):
        return False
    return entropy(text) >= (3.9 if lower and upper else 3.6)
