"""Checks that tell an issued credential from a made-up one. Each takes the whole value and says whether it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def base62(number: int, width: int) -> str:
    """``number`` in base 62 (digits, upper case, lower case), zero-padded to ``width``."""
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return digits.rjust(width, "0")


def crc62(text: str) -> str:
    """The six base-62 digits of the CRC-32 of ``text`` that GitHub and npm append to their tokens."""
    from zlib import crc32

    return base62(crc32(text.encode()), 6)


def crc62_suffix(value: str) -> bool:
    """GitHub and npm: ``prefix_`` + entropy + the checksum of the entropy."""
    body = value.partition("_")[2]
    return crc62(body[:-6]) == body[-6:]


def crc_hex_grafana(text: str) -> str:
    """The CRC-32 of ``text``, little-endian, as eight hexadecimal digits."""
    from zlib import crc32

    return crc32(text.encode()).to_bytes(4, "little").hex()


def grafana_suffix(value: str) -> bool:
    """Grafana service accounts: ``glsa_secret_checksum``, the checksum being that of everything before it."""
    head, _, tail = value.rpartition("_")
    return crc_hex_grafana(head) == tail


def decoded_json(part: str) -> dict[str, Any] | None:
    """The JSON object in a base64 (standard or URL-safe, padded or not) text, or None."""
    import base64
    import json

    try:
        raw = base64.b64decode(part.replace("-", "+").replace("_", "/") + "=" * (-len(part) % 4))
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def jwt_header(value: str) -> bool:
    """Whether the first part of a JWT decodes to a header with an algorithm."""
    header = decoded_json(value.partition(".")[0])
    return header is not None and isinstance(header.get("alg"), str)


def telegram_id(value: str) -> bool:
    """A bot's token starts with the bot's number, which never starts with zero."""
    return not value.startswith("0")


def discord_id(value: str) -> bool:
    """The first part of a Discord token is the bot's numeric id in base64."""
    import base64

    head = value.partition(".")[0]
    try:
        return base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)).decode().isdigit()
    except ValueError:
        return False


def mixed(value: str) -> bool:
    """For shapes without a telling prefix: the value mixes letters and digits as a random one does."""
    return any(c.isdigit() for c in value) and any(c.isalpha() for c in value) and len(set(value)) >= 8


CHECKS: dict[str, Callable[[str], bool]] = {
    "crc62": crc62_suffix,
    "grafana": grafana_suffix,
    "jwt": jwt_header,
    "telegram": telegram_id,
    "discord": discord_id,
    "mixed": mixed,
}
