"""Credentials inside longer text: shell commands, Dockerfile lines, URLs, headers, configuration files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modal_lint.credentials import custom, keys, shapes
from modal_lint.credentials.blocks import private_keys
from modal_lint.credentials.masking import SCHEME, mask
from modal_lint.credentials.records import Credential, Match
from modal_lint.credentials.urls import pairs, userinfos
from modal_lint.credentials.verdict import classify
from modal_lint.lazy import lazy
from modal_lint.model import Confidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_VALUE = (
    r"""(?:\\?"(?P<double>(?:[^"\\\n]|\\[^"\n]){0,4000})\\?"|'(?P<single>[^'\n]{0,4000})'"""
    r"""|(?P<bare>[^\s;&|<>()"'`,\]}]{1,4000}))"""
)
_NAME = r"(?P<key>[A-Za-z_][\w.-]{0,80})"
# Each finds a name and the value given to it, in a text that holds one of the signs.
_FORMS = tuple(
    (signs, lazy(form, flags))
    for signs, form, flags in (
        (("=",), r"(?<![\w.$-])(?:--)?" + _NAME + "=" + _VALUE, 0),
        (("=",), r"(?<![\w.$-])" + _NAME + r"""["']?\s{1,3}=\s{1,3}(?=["'])""" + _VALUE, 0),
        (
            ("env ", "env\t"),
            r"^[ \t]{0,20}ENV[ \t]{1,20}" + _NAME + r"[ \t]{1,20}(?!\S*=)" + _VALUE,
            re.MULTILINE | re.IGNORECASE,
        ),
        (("--",), r"(?<![\w-])--" + _NAME + r"[ \t]{1,8}(?!-)" + _VALUE, 0),
        (
            ("set", "add", "login"),
            r"(?<![\w.$-])(?:set|add|login)[ \t]{1,8}" + _NAME + r"[ \t]{1,8}(?!-)" + _VALUE,
            0,
        ),
    )
)
_COLON = lazy(
    r"(?<![\w.$-])" + _NAME + r"""\\?["']?\s{0,3}:\s{0,3}(?:(?=\\?["'])""" + _VALUE
    + r"""|(?P<header>(?:(?:Bearer|Basic|Token|Bot)[ ]+)?[^\s"',;]{6,4000}))""", re.IGNORECASE,
)  # fmt: skip
_QUOTED = r"(?P<quote>[\"']?)(?P<value>[^\s\"']{1,400})"
_CLIENT = r"\b(?:docker|podman|az|helm|oras)\s"
# Short options: (the option and its value, the program that has it, the name the value goes by).
_OPTIONS = (
    (
        lazy(
            r"\s(?:-u|--user|--proxy-user|-U)[ =]?\s{0,3}(?P<quote>[\"']?)[^\s:\"']{1,100}:"
            r"(?P<value>[^\s\"']{1,400})(?P=quote)"
        ),
        lazy(r"\b(?:curl|wget|https?)\s"),
        "password",
    ),
    (lazy(r"\s-p\s{0,3}" + _QUOTED), lazy(r"\bsshpass\b"), "password"),
    (lazy(r"\s-p" + _QUOTED), lazy(r"\b(?:mysql|mysqldump|mariadb|mysqladmin)\b"), "password"),
    (lazy(r"\s-p\s{1,4}" + _QUOTED), lazy(_CLIENT + r"(?:(?!" + _CLIENT + r").)*\blogin\b"), "password"),
    (lazy(r"\s-a\s{1,4}" + _QUOTED), lazy(r"\bredis-cli\b"), "password"),
    (lazy(r"\blogin\s{1,4}(?:--\S{1,30}\s{1,4}){0,3}(?P<value>[\w-]{30,200})"), lazy(r"\bwandb\s"), "WANDB_API_KEY"),
    (lazy(r"\spassword\s{1,4}(?P<value>(?!%)\S{1,400})"), lazy(r"\blogin\s"), "password"),
)
_SEPARATOR = lazy(r"\n|;|\||&&")


def find_in_text(text: str, *, path: str = "") -> list[Match]:
    """The credentials in a text, in order and without overlaps; each with the name that it is given to, if any.

    ``path`` is the file the text stands in (see ``classify``). References (``$VAR``, ``$(command)``) are none.
    """
    found: list[Match] = []
    if _gives(text):
        found += _given(text, path)
        found += _in_urls(text)
        found += _in_commands(text, path)
    found += shape_matches(text)
    found += custom.matches(text, path)
    found += _blocks(text)
    return _merged(found) if found else found


def may_hold(text: str) -> bool:
    """Whether ``find_in_text`` may find anything in a text; it errs to yes."""
    return shapes.may_hold(text) or _gives(text) or bool(custom.current())


def _gives(text: str) -> bool:
    """Whether a text may give a value to a name, a URL or a program; what does has one of these signs."""
    if ":" in text or "=" in text or "--" in text or " -" in text or "login" in text:
        return True
    return " " in text and ("set" in text or "add" in text or "env" in text.lower())


def mask_text(text: str) -> str:
    """``text`` with every credential in it masked, whatever the confidence."""
    parts: list[str] = []
    last = 0
    for match in find_in_text(text):
        parts += (text[last : match.start], match.credential.mask)
        last = match.end
    return "".join((*parts, text[last:]))


def shapes_in(text: str) -> list[Match]:
    """The values in a text that are credentials by their shape alone, with high confidence."""
    return _merged(_shaped(text))


def has_shape(text: str) -> bool:
    """Whether ``shapes_in`` would find anything."""
    return next(_shaped(text), None) is not None


def _shaped(text: str) -> Iterator[Match]:
    for match in shape_matches(text):
        if match.credential.confidence is Confidence.HIGH:
            yield match
    yield from custom.matches(text)
    yield from _blocks(text)


def _blocks(text: str) -> list[Match]:
    return [
        Match(b.start, b.end, None, Credential(Confidence.HIGH, None, "private key", False, f"{b.header}…"))
        for b in private_keys(text)
    ]


def shape_matches(text: str) -> Iterator[Match]:
    """The shapes that need no name, judged as whole values."""
    for hit in shapes.search(text):
        credential = classify(None, text[hit.start : hit.end])
        if credential is not None and credential.confidence is not Confidence.LOW:
            yield Match(hit.start, hit.end, None, credential)


def _given(text: str, path: str) -> Iterator[Match]:
    """Values given to a name: ``KEY=value``, ``ENV KEY value``, ``--key value``, ``Header: value``."""
    if "=" in text or "--" in text or " " in text:
        lower = text.lower()
        for signs, form in _FORMS:
            for found in form.finditer(text) if any(sign in lower for sign in signs) else ():
                group = found.lastgroup if found.lastgroup in ("double", "single", "bare") else "bare"
                # ``secret=secret`` passes a variable on.
                if group != "bare" or not (found["key"].islower() and found["key"].endswith(found["bare"])):
                    yield from _judged(found["key"], found[group], found.start(group), path)
    if ":" in text:
        for found in _COLON.finditer(text):
            group = found.lastgroup or "header"
            if keys.family(found["key"]) in (keys.PASSWORD, keys.SECRET) and not _is_code(found[group], group):
                for match in _judged(found["key"], found[group], found.start(group), path):
                    if not match.credential.weak or group != "header":
                        yield match


def _is_code(value: str, group: str) -> bool:
    """Whether what stands unquoted after a colon is an expression or a type and no value."""
    return group == "header" and re.fullmatch(r"[`*]*[A-Za-z_][A-Za-z_.]*[`*]*(?:[(\[].*)?", value) is not None


def _judged(key: str, value: str, start: int, path: str) -> Iterator[Match]:
    if len(value) < 20 and keys.family(key) is None:
        return
    credential = classify(key, value, path=path)
    if credential is not None:
        for first, last in _secret_parts(value):
            shown = credential.mask if last - first == len(value) else mask(value[first:last], credential.provider)
            yield Match(start + first, start + last, key, credential._replace(mask=shown))


def _secret_parts(value: str) -> list[tuple[int, int]]:
    """Where the secret stands in a value: after ``Bearer``, in a URL's userinfo, or all of it."""
    urls = userinfos(value)
    if urls:
        return [(url.start, url.end) for url in urls if url.start < url.end]
    lead = len(value) - len(value.lstrip())
    scheme = SCHEME.fullmatch(value.strip())
    return [(lead + (scheme.start("value") if scheme else 0), len(value.rstrip()))]


def _in_urls(text: str) -> Iterator[Match]:
    for url in userinfos(text):
        whole = text[url.url_start : url.end + 1 + len(url.host)]
        credential = classify(None, whole)
        if credential is not None and url.start < url.end:
            secret = text[url.start : url.end]
            yield Match(url.start, url.end, None, credential._replace(mask=mask(secret, credential.provider)))
    for name, value, start, end in pairs(text):
        credential = classify("password" if name.lower() in ("password", "pwd") else "account_key", value)
        if credential is not None:
            yield Match(start, end, name, credential)


def _in_commands(text: str, path: str) -> Iterator[Match]:
    """Values of short options, where the program before them in the same command has such an option."""
    if " -" not in text and "login" not in text:
        return
    for option, program, key in _OPTIONS:
        for found in option.finditer(text):
            before = _SEPARATOR.split(text[max(0, found.start() - 600) : found.start() + 1])[-1]
            if program.search(before):
                yield from _judged(key, found["value"], found.start("value"), path)


def _merged(found: Iterable[Match]) -> list[Match]:
    """In order, overlaps joined: the surest verdict over all of the text that any of them covers."""
    result: list[Match] = []
    for match in sorted(found, key=lambda match: (match.start, -match.end)):
        if not result or match.start >= result[-1].end:
            result.append(match)
            continue
        last = result.pop()
        best = max(
            last, match, key=lambda one: (one.credential.confidence.rank, one.key is not None, one.end - one.start)
        )
        result.append(
            best._replace(start=last.start, end=max(last.end, match.end), key=best.key or last.key or match.key)
        )
    return result
