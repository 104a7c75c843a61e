"""Encryption of values at rest: AES-256-GCM of the ``cryptography`` package, each value bound to its place."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from modal_lint_runtime.errors import WorkspaceError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12  # NIST SP 800-38D, 8.2.2: 96 random bits serve for 2^32 messages under one key
_FORMAT = b"\x01"


class Cipher:
    """Seals values with one key of 32 bytes.

    Raises:
        WorkspaceError: the ``cryptography`` package is not installed.
    """

    def __init__(self, key: bytes) -> None:
        self._aead = _aead(key)

    def __repr__(self) -> str:
        return "Cipher()"

    def seal(self, value: str, *place: str) -> bytes:
        """The ciphertext of ``value``, which opens only at the same ``place`` (such as Secret id and key)."""
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + nonce + self._aead.encrypt(nonce, value.encode("utf-8"), _bound(place))

    def open(self, sealed: bytes, *place: str) -> str:
        """The value of a ciphertext.

        Raises:
            WorkspaceError: it was made with another key or for another place, or it is damaged.
        """
        from cryptography.exceptions import InvalidTag

        try:
            if not isinstance(sealed, bytes) or not sealed.startswith(_FORMAT):
                raise ValueError
            nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
            return self._aead.decrypt(nonce, body, _bound(place)).decode("utf-8")
        except (InvalidTag, ValueError):
            raise WorkspaceError("A stored value cannot be decrypted: it is damaged or the key is another.") from None


def new_key() -> bytes:
    """A random key."""
    return os.urandom(KEY_BYTES)


def _bound(place: tuple[str, ...]) -> bytes:
    return json.dumps(place).encode()


def _aead(key: bytes) -> AESGCM:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise WorkspaceError("The runtime needs its extra: pip install 'modal-lint[runtime]'.") from None
    return AESGCM(key)
