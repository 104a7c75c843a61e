"""``classify``: is this value, given to this name, a credential?"""

from __future__ import annotations

import re

from modal_lint.credentials import custom, keys, placeholders
from modal_lint.credentials.blocks import private_keys, service_account
from modal_lint.credentials.entropy import is_random
from modal_lint.credentials.masking import SCHEME, mask
from modal_lint.credentials.records import Credential, Shape
from modal_lint.credentials.shapes import MIN_LENGTH, identify, is_made_up, is_public
from modal_lint.credentials.urls import pairs, strength, userinfos
from modal_lint.lazy import lazy
from modal_lint.model import Confidence

_LONGEST = 20_000
_SOME_SECRET = "API_SECRET"  # a name that names a credential
_TEST_FILE = lazy(r"(?:^|[/\\])(?:tests?[/\\]|test_[^/\\]*\.\w+$|[^/\\]*_test\.py$|conftest\.py$)")
_TOKEN = lazy(r"[A-Za-z0-9+/_=.~-]+")
_NOT_ISSUED = lazy(r"[\\\[\]{}<>|\"`]")  # a pattern, markup, code
_WEB_KEY = frozenset({"firebase", "maps", "map", "recaptcha", "public"})
_QUERY = lazy(r"[?&]([A-Za-z_][\w.-]{0,60})=([^&\s#\"']{1,2000})")


def classify(key: str | None, value: str, *, path: str = "") -> Credential | None:
    """The verdict on one value, or None when it is no credential.

    ``key`` is the environment variable, header or parameter that it is given to (None when unknown), ``path`` the file
    it stands in: in a test file a medium verdict is one level lower. The result holds the mask, never the value.
    """
    found = _verdict(key, value.strip())
    if custom.current():
        found = _with_additions(found, key, value.strip(), path)
    if found is not None and found.confidence is Confidence.MEDIUM and is_test_file(path):
        return found._replace(confidence=Confidence.LOW)
    return found


def is_plain(key: str | None, value: str) -> bool:
    """Whether a value is a short word under a name that says nothing: no credential, nor is one inside it."""
    return (
        len(value) < MIN_LENGTH
        and value.replace("-", "").replace("_", "").isalnum()
        and (key is None or keys.family(key) not in (keys.PASSWORD, keys.SECRET))
        and not custom.current()
    )


def _with_additions(found: Credential | None, key: str | None, text: str, path: str) -> Credential | None:
    """The verdict, where the project says more than we know."""
    if (found is not None and found.confidence is Confidence.HIGH) or placeholders.is_placeholder(text):
        return found
    told = custom.verdict(key, text, path)
    if told is None and key is not None and (found is None or found.confidence is Confidence.LOW):
        told = _verdict(_SOME_SECRET, text) if custom.names(key) else None
    return told or found


def is_test_file(path: str) -> bool:
    """Whether a path is that of a test: under ``tests/``, ``test_*.py``, ``*_test.py``, ``conftest.py``."""
    return _TEST_FILE.search(path) is not None


def _verdict(key: str | None, text: str) -> Credential | None:
    if not text:
        return None
    block = _block(text)
    if block is not None or len(text) > _LONGEST:
        return block
    scheme = SCHEME.fullmatch(text)
    if scheme is not None and (key is None or keys.is_credential_key(key) or scheme["scheme"].lower() != "key"):
        return _header(key, scheme["scheme"].lower(), scheme["value"].strip(), text)
    shape = identify(text, key)
    if shape is not None:
        return _shaped(key, text, shape)
    inside = _url(text) or _connection(text)
    if inside is not None:
        return inside
    family = keys.family(key) if key is not None else None
    if family not in (keys.PASSWORD, keys.SECRET) and not _unclear(key, text):
        return None
    if placeholders.is_placeholder(text) or is_public(text):
        return None
    return _by_name(key, text, family)


def _block(text: str) -> Credential | None:
    if service_account(text):
        return _credential(Confidence.HIGH, "google", "service account key", text)
    return _credential(Confidence.HIGH, None, "private key", text) if private_keys(text) else None


def _header(key: str | None, scheme: str, value: str, text: str) -> Credential | None:
    """The value of an Authorization header."""
    if scheme == "basic":
        value = _basic_password(value) or ""
    name = key if key is not None and keys.is_credential_key(key) else "Authorization"
    found = _verdict(name, value) if value and not SCHEME.fullmatch(value) else None
    return found._replace(mask=mask(text)) if found is not None else None


def _basic_password(value: str) -> str | None:
    import base64

    try:
        decoded = base64.b64decode(value, validate=True).decode()
    except ValueError:
        return None
    return decoded.partition(":")[2]


def _url(text: str) -> Credential | None:
    for found in userinfos(text):
        secret = found.password or found.user
        if is_public(secret):
            continue
        shape = None if placeholders.is_placeholder(secret) else identify(secret, None)
        if shape is not None and not is_made_up(shape, secret):
            return Credential(Confidence.HIGH, shape.provider or None, shape.kind, False, mask(text))
        how = strength(found)
        if how is not None:
            sure = Confidence.HIGH if how == "strong" else Confidence.MEDIUM
            kind = "password in a URL" if found.password else "token in a URL"
            return Credential(sure, _URL_PROVIDERS.get(found.scheme.partition("+")[0]), kind, how == "weak", mask(text))
    return _query(text) if "://" in text else None


_URL_PROVIDERS = {
    "postgres": "postgres",
    "postgresql": "postgres",
    "mongodb": "mongodb",
    "mysql": "mysql",
    "redis": "redis",
    "rediss": "redis",
    "amqp": "rabbitmq",
    "amqps": "rabbitmq",
}


def _query(text: str) -> Credential | None:
    """A credential among a URL's query parameters."""
    for name, value in _QUERY.findall(text[:4_000]):
        if keys.family(name) in (keys.PASSWORD, keys.SECRET):
            found = _verdict(name, value)
            if found is not None:
                return found._replace(mask=text.partition("?")[0].partition("@")[2] or "…?" + name + "=••••")
    return None


def _connection(text: str) -> Credential | None:
    for name, value, _, _ in pairs(text):
        found = _verdict("password" if name.lower() in ("password", "pwd") else "account_key", value)
        if found is not None:
            return found._replace(kind="connection string", mask=mask(text))
    return None


def _shaped(key: str | None, text: str, shape: Shape) -> Credential | None:
    if is_made_up(shape, text):
        named = key is not None and keys.is_credential_key(key) and not placeholders.is_filler(text)
        return _credential(Confidence.MEDIUM, shape.provider, shape.kind, text, weak=True) if named else None
    if shape.id == "jwt":
        return _jwt(text)
    if shape.id == "gemini" and key is not None and _WEB_KEY.intersection(keys.words(key)):
        return None
    return _credential(Confidence.MEDIUM if shape.medium else Confidence.HIGH, shape.provider, shape.kind, text)


def _jwt(text: str) -> Credential | None:
    """A JSON web token, unless its claims say that it is meant to be seen or comes from the documentation."""
    from modal_lint.credentials.checksums import decoded_json

    claims = decoded_json(text.split(".")[1]) or {}
    if claims.get("role") == "anon" or claims.get("iss") == "supabase-demo" or claims.get("sub") == "1234567890":
        return None
    supabase = claims.get("iss") == "supabase" or claims.get("role") == "service_role"
    return _credential(Confidence.HIGH, "supabase" if supabase else None, "JSON web token", text)


def _by_name(key: str | None, text: str, family: str | None) -> Credential | None:
    """The verdict on a value that its name makes a credential, or that is unclear."""
    if family == keys.PASSWORD:
        return _password(key or "", text)
    if placeholders.is_configuration(text):
        return None
    if family == keys.SECRET:
        return _secret(key or "", text)
    return _credential(Confidence.LOW, None, "high-entropy string", text)


def _unclear(key: str | None, text: str) -> bool:
    """Whether a value under a name that says nothing looks generated."""
    if not is_random(text) or not _TOKEN.fullmatch(text):
        return False
    if key is not None and (keys.family(key) or "public" in keys.words(key)):
        return False
    return not placeholders.is_identifier(text) and not placeholders.is_wordy(text)


def _password(key: str, text: str) -> Credential | None:
    number = re.fullmatch(r"\d{4,}", text) is not None
    if not number and placeholders.is_configuration(text):
        return None
    parts = len(re.split(r"[-_./:\s]+", text))
    # ``pwd`` is also a directory and ``pass`` a filter: alone they say too little for a plain word.
    short = keys.words(key) in (("pwd",), ("pass",), ("pw",))
    if (parts > 1 or short) and placeholders.is_wordy(text) and not placeholders.is_common(text):
        return None
    return _credential(Confidence.MEDIUM, None, "password", text, weak=placeholders.is_weak(text))


def _secret(key: str, text: str) -> Credential | None:
    telling = placeholders.is_key_like(text) or (len(text) > 4 and placeholders.is_common(text))
    if not telling and (len(text) < 6 or placeholders.is_wordy(text) or _NOT_ISSUED.search(text)):
        return None
    from modal_lint.credentials.names import provider_of

    return _credential(Confidence.MEDIUM, provider_of(key), "secret", text, weak=placeholders.is_weak(text))


def _credential(sure: Confidence, provider: str | None, kind: str, text: str, *, weak: bool = False) -> Credential:
    return Credential(sure, provider or None, kind, weak, mask(text, provider))
