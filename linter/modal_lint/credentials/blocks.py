"""Credentials that span lines: private key blocks and service-account JSON."""

from __future__ import annotations

import re
from typing import NamedTuple

from modal_lint.lazy import lazy

_BEGIN = lazy(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_LIMIT = 20_000
_BASE64_JSON = lazy(r"(?:eyJ|ewog|ewo|ewoJ)[A-Za-z0-9+/_-]{200,16000}={0,2}")


class Block(NamedTuple):
    """A private key block at ``text[start:end]``; its header alone is public."""

    start: int
    end: int
    header: str


def private_keys(text: str) -> list[Block]:
    """The private key blocks in a text. One whose body is a placeholder, or too short for a key, is none."""
    if "PRIVATE KEY" not in text:
        return []
    found = []
    for begin in _BEGIN.finditer(text):
        closing = begin.group().replace("BEGIN", "END")
        stop = text.find("-----", begin.end(), begin.end() + _LIMIT)
        closed = stop >= 0 and text.startswith(closing, stop)
        if stop < 0:
            stop = min(len(text), begin.end() + _LIMIT)
        if _is_key(text[begin.end() : stop]):
            found.append(Block(begin.start(), stop + len(closing) if closed else stop, begin.group()))
    return found


def _is_key(body: str) -> bool:
    flat = re.sub(r"\\+[nr]|\s", "", body[:6_000])
    run = re.search(r"[A-Za-z0-9+/=]{40,}", flat)
    return run is not None and len(set(run.group())) >= 16


def service_account(value: str) -> bool:
    """Whether a value is a service account's JSON, or its base64, with a private key in it."""
    if value.startswith("{"):
        return '"private_key"' in value and "service_account" in value and bool(private_keys(value))
    if len(value) > 400 and _BASE64_JSON.fullmatch(value):
        from modal_lint.credentials.checksums import decoded_json

        found = decoded_json(value)
        return (
            found is not None and isinstance(found.get("private_key"), str) and bool(private_keys(found["private_key"]))
        )
    return False
