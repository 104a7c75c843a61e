"""Outbound policies: headers that are put into a sandbox's requests from outside it, and templates in them."""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_letters, digits
from typing import TYPE_CHECKING, NamedTuple

from modal_lint_runtime.contract.limits import MAX_HEADER_REPLACEMENTS
from modal_lint_runtime.contract.mappings import pairs
from modal_lint_runtime.contract.secrets import Kind
from modal_lint_runtime.contract.verdict import (
    ATTRIBUTE,
    INVALID,
    TYPE,
    Sdk,
    Verdict,
    When,
    collection_argument,
    kind_of,
    refuse,
    shown,
    text_argument,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ALPHANUMERIC = frozenset(ascii_letters + digits)
_LABEL = _ALPHANUMERIC | {"-"}
_HEADER = _ALPHANUMERIC | frozenset("!#$%&'*+.^_`|~-")
_FIRST = frozenset(ascii_letters + "_")
_REST = _FIRST | frozenset(digits)
_MAX_LABEL = 63


class Replacement(NamedTuple):
    """One `with_header_replacement` call."""

    domain: object
    headers: object
    secret: Kind = Kind.NONE
    ephemeral: bool = False
    """Whether the Secret is made of a dict, a file or local variables, rather than named."""


def template_keys(value: str) -> tuple[str, ...]:
    """The keys that a header's value refers to: `$KEY`; `$$` is a dollar sign (S37, P _outbound_policy.py:28-40)."""
    return tuple(name for name in _references(text_argument(value, "value", "S37")) if name)


def literal_braces(value: str) -> tuple[str, ...]:
    """What looks like a reference and is sent as it is: the keys in `${KEY}` (S37)."""
    found = []
    for position in _dollars(text_argument(value, "value", "S37")):
        end = value.find("}", position)
        if value[position + 1 : position + 2] == "{" and end > 0:
            found.append(value[position + 2 : end])
    return tuple(found)


def _dollars(value: str) -> Iterator[int]:
    position = value.find("$")
    while position != -1 and position + 1 < len(value):
        doubled = value[position + 1] == "$"
        if not doubled:
            yield position
        position = value.find("$", position + (2 if doubled else 1))


def _references(value: str) -> Iterator[str]:
    for position in _dollars(value):
        end = start = position + 1
        if value[start] in _FIRST:
            while end < len(value) and value[end] in _REST:
                end += 1
        yield value[start:end]


def is_domain(domain: str) -> bool:
    """Whether a policy accepts the domain: `*`, a name with a dot in it, or such a name after `*.`."""
    if not isinstance(domain, str):
        return False
    labels = domain.removeprefix("*.").split(".")
    return domain == "*" or (len(labels) > 1 and all(_is_label(label) for label in labels))


def _is_label(label: str) -> bool:
    return 0 < len(label) <= _MAX_LABEL and _LABEL.issuperset(label) and "-" not in (label[0], label[-1])


def outbound_policy(
    replacements: Sequence[Replacement],
    *,
    block_network: bool = False,
    outbound_domain_allowlist: Sequence[str] | None = None,
    sdk: Sdk = Sdk.REFERENCE,
) -> None:
    """Check an outbound policy and the sandbox arguments that it excludes (S37, P _outbound_policy.py:113-172).

    Args:
        replacements: the header replacements, in order.
        block_network, outbound_domain_allowlist: the arguments of `Sandbox.create`.
        sdk: whose behaviour.

    Raises:
        InvalidError: a domain that is a URL or has no dot, no headers, a header's name or value with characters that
            no header may have, a `$KEY` without a Secret, a Secret that is not named, over 25 headers, or networking
            that is blocked or limited to domains. The message names the header, never its value.
    """
    collection_argument(replacements, "replacements", "S37")
    total = 0
    for replacement in replacements:
        for verdict in _replacement(replacement, sdk):
            refuse(verdict)
        total += len(replacement.headers) if isinstance(replacement.headers, Mapping) else 0
    if total > MAX_HEADER_REPLACEMENTS:
        refuse(_verdict("headers", f"must be at most {MAX_HEADER_REPLACEMENTS} in a policy, got {total}"))
    if block_network:
        refuse(_verdict("block_network", "cannot be used with an outbound policy"))
    if outbound_domain_allowlist:
        refuse(_verdict("outbound_domain_allowlist", "cannot be used with an outbound policy"))


def header_replacement(
    domain: object, headers: object, secret: Kind = Kind.NONE, *, ephemeral: bool = False, sdk: Sdk = Sdk.REFERENCE
) -> None:
    """Check one header replacement alone; raises InvalidError as `outbound_policy`."""
    outbound_policy([Replacement(domain, headers, secret, ephemeral)], sdk=sdk)


def _replacement(replacement: Replacement, sdk: Sdk) -> Iterator[Verdict]:
    domain, headers, secret, ephemeral = replacement
    wrong_type = TYPE if sdk is Sdk.PYTHON else INVALID
    if sdk is Sdk.PYTHON:
        headers, wrong_type = pairs(headers)
    if not isinstance(headers, Mapping):
        yield _verdict("headers", f"must be a dict of strings, got {kind_of(headers)}", wrong_type)
        return
    if not isinstance(domain, str):
        yield _verdict("domain", f"must be a string, got {kind_of(domain)}", wrong_type)
    elif not is_domain(domain):
        yield _verdict("domain", "must be '*' or a full domain name")
    if not headers:
        yield _verdict("headers", "must have at least one header")
    for name, value in headers.items():
        yield from _header(name, value, secret, wrong_type)
    if secret not in (Kind.NONE, Kind.SECRET):
        raises = ATTRIBUTE if sdk is Sdk.PYTHON else INVALID
        yield _verdict("secret", f"must be a Secret, got {secret.value}", raises)
    if ephemeral:
        yield _verdict("secret", "must be a named Secret: one made of a dict is not supported here")


def _header(name: object, value: object, secret: Kind, wrong_type: str) -> Iterator[Verdict]:
    if not isinstance(name, str):
        yield _verdict("headers", f"must have names that are strings, got {kind_of(name)}", wrong_type)
        return
    if not name or not _HEADER.issuperset(name):
        yield _verdict("headers", f"has an invalid header name, {shown(name)}")
    if not isinstance(value, str):
        yield _verdict("headers", f"must have strings: {shown(name)} is {kind_of(value)}", wrong_type)
        return
    if any((ord(char) < 0x20 and char != "\t") or ord(char) == 0x7F for char in value):
        yield _verdict("headers", f"has a control character in the value of {shown(name)}")
    if secret is Kind.NONE and template_keys(value):
        yield _verdict("headers", f"refers to a key of a Secret in {shown(name)}, and `secret` is missing")


def _verdict(argument: str, text: str, raises: str = INVALID) -> Verdict:
    return Verdict("S37", raises, When.CALL, argument, f"`{argument}` {text}")
