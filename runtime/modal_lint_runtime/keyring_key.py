"""The workspace's key in the operating system's keyring, where there is one that answers without asking anybody."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyring.backend import KeyringBackend

SERVICE = "modal-lint-runtime"
SWITCH = "MODAL_LINT_RUNTIME_KEYRING"
PATIENCE = 3.0
"""Seconds that a keyring has for an answer; one that waits for a person takes longer."""

_SILENT = ("keyring.backends.macOS", "keyring.backends.Windows", "keyring.backends.SecretService")
"""Backends that are known to answer without a dialog, the last one when it is unlocked. Others (KWallet opens a dialog,
alternatives keep plain text) count only when the user chose them."""


def enabled() -> bool:
    """Whether the user lets the keyring be used: ``MODAL_LINT_RUNTIME_KEYRING=0`` says no."""
    return os.environ.get(SWITCH, "") not in ("0", "false", "no", "off")


def fetch(account: str) -> str | None:
    """The key kept for ``account``; None when there is none or no keyring answers in time."""
    answer = _in_time(lambda: _fetch(account))
    return answer if isinstance(answer, str) else None


def keep(account: str, key: str) -> bool:
    """Keep the key; True when it is there and can be read again."""
    return _in_time(lambda: _keep(account, key)) is True


def _fetch(account: str) -> str | None:
    backend = _backend()
    return backend.get_password(SERVICE, account) if backend else None


def _keep(account: str, key: str) -> bool:
    backend = _backend()
    if backend is None:
        return False
    backend.set_password(SERVICE, account, key)
    return backend.get_password(SERVICE, account) == key


def _in_time(call: Callable[[], Any]) -> Any:
    """What ``call`` returns; None when keyrings are off, it raises, or it does not return in time."""
    if not enabled():
        return None
    answers: list[Any] = []

    def run() -> None:
        try:
            answers.append(call())
        except Exception:  # A keyring's backends raise whatever their system libraries do.
            answers.append(None)

    thread = threading.Thread(target=run, name="keyring", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return answers[0] if answers else None


def _backend() -> KeyringBackend | None:
    import keyring
    from keyring.backends import chainer, fail, null

    found: Any = keyring.get_keyring()
    if isinstance(found, (fail.Keyring, null.Keyring)):
        return None
    if _chosen():
        return found  # type: ignore[no-any-return]
    candidates = found.backends if isinstance(found, chainer.ChainerBackend) else [found]
    return next((each for each in candidates if _answers_silently(each)), None)


def _chosen() -> bool:
    from keyring.util import platform_

    return "PYTHON_KEYRING_BACKEND" in os.environ or os.path.exists(
        os.path.join(platform_.config_root(), "keyringrc.cfg")
    )


def _answers_silently(backend: KeyringBackend) -> bool:
    module = type(backend).__module__
    if not module.startswith(_SILENT):
        return False
    return not module.startswith("keyring.backends.SecretService") or _unlocked()


def _unlocked() -> bool:
    """Whether the Secret Service's collection is open: unlocking it would ask the user."""
    import secretstorage

    connection = secretstorage.dbus_init()
    try:
        return not secretstorage.get_default_collection(connection).is_locked()
    finally:
        connection.close()
