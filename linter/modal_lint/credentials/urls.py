"""Credentials inside URLs and connection strings."""

from __future__ import annotations

import re
from typing import NamedTuple

from modal_lint.credentials.entropy import is_random
from modal_lint.credentials.placeholders import is_common, is_configuration, is_placeholder, is_weak, is_wordy
from modal_lint.lazy import lazy

_USERINFO = lazy(
    r"(?<![A-Za-z0-9+.-])(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{1,30})://"
    r"(?P<userinfo>[^\s/?#\"'<>`,;|]{1,600})@(?P<host>[A-Za-z0-9_.${}<>-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?P<port>:\d{1,5})?"
)
_PAIR = lazy(
    r"(?:^|[;\s])\s?(?P<key>password|pwd|accountkey|sharedaccesskey|sharedsecret)\s?=\s?(?P<value>[^;\s\"']{1,600})",
    re.I,
)
_LOCAL = frozenset({"localhost", "127.0.0.1", "0.0.0.0", "[::1]", "host.docker.internal", "::1", "host", "hostname"})
_ANYBODY = frozenset({"user", "username", "usr", "u", "name", "login", "me", "myuser", "your_user", "test", "foo"})
_OBVIOUS = frozenset({"pass", "password", "pwd", "passwd", "p", "pw", "pass123", "mypassword", "mypass", "secret"})


class UserInfo(NamedTuple):
    """The userinfo of a URL; ``text[start:end]`` is the secret part: the password, or else the user."""

    scheme: str
    user: str
    password: str
    host: str  # with its port
    start: int
    end: int
    url_start: int


def userinfos(text: str) -> list[UserInfo]:
    """The URLs with userinfo in a text, in order."""
    if "://" not in text or "@" not in text:
        return []
    found = []
    for url in _USERINFO.finditer(text):
        user, colon, password = url["userinfo"].partition(":")
        start, end = url.span("userinfo")
        if colon:
            start += len(user) + 1
        host = url["host"] + (url["port"] or "")
        found.append(UserInfo(url["scheme"].lower(), user, password, host, start, end, url.start()))
    return found


def pairs(text: str) -> list[tuple[str, str, int, int]]:
    """``Password=…`` and its like in a connection string of several ``name=value``: (name, value, start, end)."""
    if text.count("=") < 2:
        return []
    return [(m["key"], m["value"], *m.span("value")) for m in _PAIR.finditer(text)]


def strength(found: UserInfo) -> str | None:
    """How much the secret part of a URL is one: "strong", "plausible", "weak", or None when it is none."""
    if not found.password:
        return _token_alone(found)
    if (is_placeholder(found.password) and not is_common(found.password)) or is_placeholder(found.host):
        return None
    if found.password.startswith(("$", "%(", "{", "<")) or "{" in found.host or "$" in found.host:
        return None
    near = _is_near(found.host)
    obvious = found.password.lower() in _OBVIOUS or found.password == found.user
    if obvious and (near or found.user.lower() in _ANYBODY):
        return None
    if is_weak(found.password) or is_wordy(found.password):
        return None if near else "weak"
    return "plausible" if near and is_local(found.host) else "strong"


def _token_alone(found: UserInfo) -> str | None:
    """``https://token@host``: a user is a name unless it looks issued; Sentry's DSN key is public."""
    if ":" in found.user or "sentry" in found.host or not found.scheme.startswith(("http", "git+http")):
        return None
    if is_placeholder(found.user) or is_wordy(found.user) or is_configuration(found.user):
        return None
    return "plausible" if is_random(found.user) else None


def is_local(host: str) -> bool:
    """Whether a host is this machine."""
    return host.partition(":")[0].lower() in _LOCAL or host.startswith(("[::1]", "127."))


def _is_near(host: str) -> bool:
    """This machine, a container's name, or a host of the documentation."""
    name = re.sub(r":\d+$", "", host).lower()
    return (
        is_local(host)
        or "." not in name
        or name.endswith(("example.com", "example.org", "example.net", ".local", ".test", ".example", ".invalid"))
    )
