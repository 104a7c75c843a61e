"""The one place where a credential's value becomes something that may be shown."""

from __future__ import annotations

import re

from modal_lint.credentials.blocks import private_keys, service_account
from modal_lint.credentials.shapes import public_prefix
from modal_lint.credentials.urls import userinfos
from modal_lint.lazy import lazy

HIDDEN = "••••"
SCHEME = lazy(r"(?P<scheme>Bearer|Basic|Token|Bot|ApiKey|Key|Digest)\s+(?P<value>\S[^\n]*)", re.IGNORECASE)
_LONG = 24
_TAIL = lazy(r"[A-Za-z0-9_+/=.-]{4}")


def mask(value: str, provider: str | None = None) -> str:
    """What may be shown of a value: ``sk-proj-…9fQa``, ``postgres://••••@host``, ``••••(8+)``.

    A provider's public prefix and at most the last four characters of a value of 24 or more; of a shorter one only
    how long it is, roughly.
    """
    text = value.strip()
    keys = private_keys(text)
    if service_account(text):
        return f"{HIDDEN}(service account)"
    if keys:
        return f"{keys[0].header}…"
    urls = userinfos(text)
    if urls:
        return f"{urls[0].scheme}://{HIDDEN}@{urls[0].host}" if text.count("@") == 1 else f"{urls[0].scheme}://{HIDDEN}"
    scheme = SCHEME.fullmatch(text)
    if scheme:
        return f"{scheme['scheme']} {_shown(scheme['value'].strip(), provider)}"
    return _shown(text, provider)


def _shown(text: str, provider: str | None) -> str:
    if len(text) < _LONG:
        return HIDDEN + length_class(len(text))
    prefix = public_prefix(text, provider)
    tail = text[-4:]
    if len(text) - len(prefix) < 12 or not _TAIL.fullmatch(tail):
        tail = ""
    return f"{prefix}…{tail}" if prefix or tail else HIDDEN + length_class(len(text))


def length_class(size: int) -> str:
    """How long a hidden value is, without saying it exactly."""
    for least in (64, 24, 16, 8):
        if size >= least:
            return f"({least}+)"
    return ""
