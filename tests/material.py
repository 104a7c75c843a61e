"""Credentials for tests, made at run time from a seed: no file holds what a scanner reports.

``make("openai")`` gives a valid shape with a valid checksum; ``fill`` puts such values in place of ``⟨openai⟩``.
"""

from __future__ import annotations

import base64
import json
import random
import re
import string
from typing import TYPE_CHECKING

from modal_lint.credentials.checksums import crc62, crc_hex_grafana
from modal_lint.credentials.placeholders import is_filler, is_sequence
from modal_lint.credentials.providers import SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable

_ALPHABETS = {
    "n": string.ascii_letters + string.digits,
    "a": string.ascii_letters,
    "z": string.ascii_lowercase,
    "d": string.digits,
    "h": "0123456789abcdef",
    "H": "0123456789ABCDEF",
    "u": string.ascii_uppercase + string.digits,
    "l": string.ascii_lowercase + string.digits,
    "w": string.ascii_letters + string.digits + "_-",
    "b": string.ascii_letters + string.digits + "+/",
    "B": string.ascii_uppercase + "234567",
    "2": string.ascii_lowercase + "234567",
    "q": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",  # bech32
}
_RECIPES = {shape.id: shape.example for shape in SHAPES}
_HINTED = {shape.id: shape.hints for shape in SHAPES if shape.hints}
_ALIASES = {"hf": "huggingface", "aws-key-id": "aws-access-key-id", "aws-secret": "aws-secret-access-key"}
_PART = re.compile(r"\{(\w)(\d+)\}|\{(uuid|crc|grafana|jwt|discord)\}")
_PLACEHOLDER = re.compile(r"⟨([\w-]+)(?::(\d+))?⟩")


def provider_ids() -> list[str]:
    """Every id that ``make`` knows from the providers' table."""
    return list(_RECIPES)


def key_for(provider_id: str) -> str:
    """A name under which this shape counts."""
    hints = _HINTED.get(provider_id)
    return "SOME_TOKEN" if hints is None else f"{hints[0].upper()}_SECRET"


def make(provider_id: str, seed: int = 0) -> str:
    """A credential of the given kind, the same for the same seed.

    Raises:
        KeyError: no such kind.
    """
    name = _ALIASES.get(provider_id, provider_id)
    rng = random.Random(f"{name}/{seed}")
    if name in _OTHERS:
        return _OTHERS[name](rng)
    while True:
        recipe = _RECIPES[name]
        value = _from_recipe(recipe, rng)
        body = value[len(recipe.partition("{")[0]) :]
        if not is_filler(body) and not is_sequence(body) and _mixed_enough(value, recipe):
            return value


def fill(text: str, seed: int = 0) -> str:
    """``text`` with ``⟨kind⟩`` replaced by values: the same placeholder by the same value, ``⟨kind:2⟩`` by another."""
    return _PLACEHOLDER.sub(lambda found: make(found[1], seed * 1000 + int(found[2] or 0)), text)


def _mixed_enough(value: str, recipe: str) -> bool:
    letters_only = all((part[1] or "-") in "az" for part in _PART.finditer(recipe))
    return len(set(value)) >= 6 and (letters_only or any(char.isdigit() for char in value))


def _from_recipe(recipe: str, rng: random.Random) -> str:
    result, last = "", 0
    for part in _PART.finditer(recipe):
        result += recipe[last : part.start()]
        result += _random(part[1], int(part[2]), rng) if part[1] else _special(part[3], result, rng)
        last = part.end()
    return result + recipe[last:]


def _random(alphabet: str, size: int, rng: random.Random) -> str:
    return "".join(rng.choice(_ALPHABETS[alphabet]) for _ in range(size))


def _special(name: str, before: str, rng: random.Random) -> str:
    """What depends on the part before it, or has an inner form."""
    if name == "crc":
        return crc62(before.partition("_")[2])
    if name == "grafana":
        return crc_hex_grafana(before.removesuffix("_"))
    if name == "uuid":
        return "-".join(_random("h", size, rng) for size in (8, 4, 4, 4, 12))
    return _jwt(rng) if name == "jwt" else _discord(rng)


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _jwt(rng: random.Random, **claims: str) -> str:
    header = json.dumps({"alg": "HS256", "typ": "JWT"}).encode()
    body = json.dumps({"sub": _random("h", 24, rng), **claims}).encode()
    return f"{_b64(header)}.{_b64(body)}.{_b64(rng.randbytes(32))}"


def _discord(rng: random.Random) -> str:
    head = _b64(("1" + _random("d", 17, rng)).encode())
    return f"{head}.G{_random('n', 5, rng)}.{_random('n', 38, rng)}"


def _pem(rng: random.Random) -> str:
    body = base64.b64encode(rng.randbytes(1190)).decode()
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    kind = "PRIVATE" + " KEY"
    return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----"


def _service_account(rng: random.Random) -> str:
    return json.dumps({
        "type": "service_account",
        "project_id": "media-prod",
        "private_key_id": _random("h", 40, rng),
        "private_key": _pem(rng) + "\n",
        "client_email": "worker@media-prod.iam.gserviceaccount.com",
    })  # fmt: skip


def _password(rng: random.Random) -> str:
    """Something a person or a generator would choose: mixed, without a provider's shape."""
    return _random("a", 3, rng) + _random("d", 2, rng) + rng.choice("!#*+") + _random("n", 8, rng) + "7q"


def _url_password(rng: random.Random) -> str:
    return "Zq" + _random("n", 12, rng) + "4v"


_OTHERS: dict[str, Callable[[random.Random], str]] = {
    "pem": _pem,
    "service-account": _service_account,
    "password": _password,
    "url-password": _url_password,
    "weak-password": lambda rng: rng.choice(["postgres", "admin", "password", "secret123", "hunter2"]),
    "postgres-url": lambda rng: f"postgres://worker:{_url_password(rng)}@db.acme-media.io:5432/jobs",
    "mongodb-url": lambda rng: f"mongodb+srv://worker:{_url_password(rng)}@cluster0.ab1cd.mongodb.net/jobs",
    "redis-url": lambda rng: f"redis://:{_url_password(rng)}@cache.acme-media.io:6379/0",
    "git-url": lambda rng: f"https://oauth2:{make('github', rng.randrange(10**6))}@github.com/acme/private.git",
    "index-url": lambda rng: f"https://ci:{_url_password(rng)}@pypi.acme-media.io/simple",
    "supabase-anon": lambda rng: _jwt(rng, iss="supabase", role="anon"),
    "supabase-service": lambda rng: _jwt(rng, iss="supabase", role="service_role"),
    "commit": lambda rng: _random("h", 40, rng),
    "digest": lambda rng: _random("h", 64, rng),
    "uuid": lambda rng: _special("uuid", "", rng),
    "modal-object": lambda rng: rng.choice(["st-", "ap-", "im-", "sb-"]) + _random("n", 22, rng),
    "stripe-publishable": lambda rng: "pk_live_" + _random("n", 24, rng),
    "random": lambda rng: _random("n", 32, rng),
}
