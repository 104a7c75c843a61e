"""Text in Python's library: methods of strings, base64, hex, json, shlex, paths."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint import formatting, operators
from modal_lint.reads import ReadHole, text_of
from modal_lint.values import (
    HOLE,
    UNKNOWN,
    Const,
    Entry,
    EnvRead,
    Mapping,
    Piece,
    Place,
    Sequence,
    Steps,
    Text,
    Unknown,
    Value,
    Values,
    concat,
    known_texts,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from modal_lint.library import Site

# Methods that give another text of the same origin and take only plain strings and numbers.
SHAPING = frozenset(
    (
        "strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "swapcase", "casefold", "replace",
        "removeprefix", "removesuffix", "zfill", "ljust", "rjust", "center", "expandtabs", "translate",
    )
)  # fmt: skip
CODING = frozenset(("encode", "decode", "__str__"))
_SAME = frozenset(
    ("__str__", "as_posix", "expanduser", "resolve", "absolute", "get_secret_value", "getvalue", "read", "tobytes")
)
_SPLITTING = frozenset(("split", "rsplit", "splitlines", "partition", "rpartition"))
_MAX_LENGTH = 200_000


def transform(
    values: Values, function: Callable[[str], str], binary: bool | None = None, *, reversible: bool = False
) -> Values:
    """Every known text changed by a function; what it refuses is unknown.

    A variable's value stays one where the change is ``reversible``.
    """
    made: list[Value] = []
    for value in values:
        if reversible and (kept := _read_in(value)) is not None:
            made.append(kept)
            continue
        known = value.known if isinstance(value, Text) else None
        if known is None or not isinstance(value, Text) or len(known) > _MAX_LENGTH:
            made.append(Unknown())
            continue
        try:
            result = function(known)
        except (ValueError, LookupError, TypeError, OverflowError):
            made.append(Unknown())
            continue
        piece = (Piece(result, value.origin),)
        made.append(Text(piece, value.steps, value.fallback, value.binary if binary is None else binary))
    return tuple(made) or UNKNOWN


def _read_in(value: Value) -> Value | None:
    """A variable's value, or what a text holds of some; None where it holds none."""
    if isinstance(value, EnvRead):
        return value
    holes = tuple(part for part in value.parts if isinstance(part, ReadHole)) if isinstance(value, Text) else ()
    return Text((HOLE, *holes), value.steps) if holes else None


def method(site: Site, owner: Text, name: str) -> Values:
    """What calling a method of a string gives."""
    if name in ("encode", "decode"):
        return (Text(owner.parts, owner.steps, owner.fallback, name == "encode"),)
    if name in _SAME:
        return (owner,)
    if name == "join":
        return _join(site, owner)
    if name == "format":
        return _format(site, owner)
    if name == "format_map":
        mapping = next((v for v in site.arg(0) or () if isinstance(v, Mapping)), Mapping((), False))
        return formatting.brace(owner, [], lambda key: mapping.get(key) or UNKNOWN)
    if name in ("substitute", "safe_substitute"):
        return _substitute(site, owner)
    if name == "joinpath":
        return operators.join_texts([(owner,), *site.positional], text("/", None))
    if name == "hex":
        return transform((owner,), lambda string: string.encode("latin-1").hex(), False)
    arguments = _plain(site)
    if arguments is None:
        return (owner,) if name in SHAPING and name != "replace" else UNKNOWN
    if name in SHAPING:
        if owner.known is None:
            return (owner,)
        return transform((owner,), lambda string: getattr(string, name)(*arguments))
    if name in _SPLITTING:
        return _split(owner, name, arguments)
    return UNKNOWN


def _plain(site: Site) -> list[object] | None:
    """The arguments as plain strings and numbers; None if one is not known."""
    found: list[object] = []
    for values in site.positional:
        value = values[0] if len(values) == 1 else None
        if isinstance(value, Text) and value.known is not None:
            found.append(value.known)
        elif isinstance(value, Const):
            found.append(value.value)
        else:
            return None
    return found


def _split(owner: Text, name: str, arguments: list[object]) -> Values:
    if owner.known is None:
        return UNKNOWN
    try:
        parts = getattr(owner.known, name)(*arguments)
    except (TypeError, ValueError):
        return UNKNOWN
    items = tuple((Text((Piece(part, owner.origin),), owner.steps, owner.fallback),) for part in parts[:500])
    return (Sequence(items, True, owner.origin),)


def _join(site: Site, separator: Text) -> Values:
    from modal_lint.library import elements

    items = elements(site.ev, site.arg(0) or UNKNOWN)
    if items is None:
        return (Text((HOLE,)),)
    return operators.join_texts([*items[:500]], separator)


def _format(site: Site, owner: Text) -> Values:
    named: dict[str, Values] = {}
    from modal_lint.calls import values_of

    for key, argument in site.arguments.keywords:
        values = values_of(argument, site.ev.evaluate)
        if key is not None:
            named[key] = values
            continue
        for mapping in values:
            if isinstance(mapping, Mapping):
                named.update({name: mapping.get(name) or UNKNOWN for name in _names(mapping)})
    return formatting.brace(owner, site.positional, lambda name: named.get(name, UNKNOWN))


def _names(mapping: Mapping) -> list[str]:
    return [e.key.known for e in mapping.entries if isinstance(e.key, Text) and e.key.known is not None]


def _substitute(site: Site, owner: Text) -> Values:
    mapping = next((v for v in site.arg(0) or () if isinstance(v, Mapping)), Mapping((), False))

    def named(name: str) -> Values:
        return site.arg(99, name) or mapping.get(name) or UNKNOWN

    return formatting.dollar(owner, named)


# ---- functions ----------------------------------------------------------------------------------------------


def _decode64(string: str) -> str:
    import base64
    import binascii

    data = string.encode("ascii", "ignore")
    data += b"=" * (-len(data) % 4)
    try:
        return operators.decoded(base64.urlsafe_b64decode(data.replace(b"+", b"-").replace(b"/", b"_")))
    except binascii.Error:
        raise ValueError from None


def _encode64(string: str) -> str:
    import base64

    return base64.b64encode(string.encode()).decode()


def _unhex(string: str) -> str:
    return operators.decoded(bytes.fromhex(string))


def _codec(site: Site) -> Values:
    codec = next(iter(known_texts(site.arg(1, "encoding") or ())), "")
    import codecs

    functions: dict[str, Callable[[str], str]] = {
        "rot13": lambda s: codecs.decode(s, "rot13"),
        "rot_13": lambda s: codecs.decode(s, "rot13"),
        "hex": _unhex,
        "base64": _decode64,
    }
    function = functions.get(codec)
    return transform(site.arg(0, "obj") or UNKNOWN, function) if function else UNKNOWN


MAX_DEPTH = 6  # of a value that is written as JSON


def _json(value: object) -> str:
    import json

    return json.dumps(value)


def _json_value(text: str) -> object:
    import json

    return json.loads(text)


def dumps(value: Value, depth: int = 0) -> Text:
    """The JSON text of a value, each known string keeping its origin."""
    if depth > MAX_DEPTH:
        return Text((HOLE,))
    if isinstance(value, Text):
        if value.known is not None:
            return Text((Piece(_json(value.known), value.origin),), value.steps, value.fallback)
        return Text(tuple(part for part in value.parts if isinstance(part, ReadHole)) or (HOLE,))
    if isinstance(value, EnvRead):
        return text_of(value)
    if isinstance(value, Const):
        try:
            return Text((Piece(_json(value.value), value.origin),), value.steps)
        except (TypeError, ValueError):
            return Text((HOLE,))
    if isinstance(value, Mapping):
        made = text("{", value.place)
        for index, entry in enumerate(value.entries):
            item = entry.value[0] if entry.value else Unknown()
            made = concat(made, text(", " if index else "", None))
            made = concat(concat(concat(made, dumps(entry.key)), text(": ", None)), dumps(item, depth + 1))
        return concat(made, text("}", None))
    if isinstance(value, Sequence):
        made = text("[", value.place)
        for index, possible in enumerate(value.items):
            made = concat(made, text(", " if index else "", None))
            made = concat(made, dumps(possible[0] if possible else Unknown(), depth + 1))
        return concat(made, text("]", None))
    return Text((HOLE,))


def plain(data: object, origin: Place | None, steps: Steps) -> Value:
    """The value of plain data parsed from a literal."""
    if isinstance(data, str):
        return text(data, origin, steps)
    if isinstance(data, dict):
        entries = tuple(
            Entry(plain(key, origin, steps), (plain(item, origin, steps),), origin) for key, item in data.items()
        )
        return Mapping(entries, True, origin, steps)
    if isinstance(data, (list, tuple, set)):
        return Sequence(tuple((plain(item, origin, steps),) for item in data), True, origin, steps)
    return Const(data, origin, steps)


def _recoded(site: Site, function: Callable[[str], str]) -> Values:
    """What base64 and hex make of the first argument, and back."""
    return transform(site.arg(0, "s") or UNKNOWN, function, True, reversible=True)


def _loaded(site: Site, parse: Callable[[str], object]) -> Values:
    """A value from its text; a secret variable's whole value stays the same secret."""
    values = site.arg(0, "s") or UNKNOWN
    reads = tuple(value for value in values if isinstance(value, EnvRead))
    return reads if len(reads) == len(values) else (*reads, *_parsed(site, parse))


def _parsed(site: Site, parse: Callable[[str], object]) -> Values:
    made: list[Value] = []
    for value in site.arg(0) or UNKNOWN:
        known = value.known if isinstance(value, Text) else None
        if known is None or len(known) > _MAX_LENGTH:
            made.append(Unknown())
            continue
        try:
            made.append(plain(parse(known), value.origin if isinstance(value, Text) else None, value.steps))
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            made.append(Unknown())
    return tuple(made) or UNKNOWN


def _dotenv(content: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in content.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            found[name.strip()] = value.strip().strip("'\"")
    return found


def _split_words(site: Site) -> Values:
    import shlex

    return _parsed(site, shlex.split)


def _join_words(site: Site) -> Values:
    from modal_lint.library import elements

    items = elements(site.ev, site.arg(0) or UNKNOWN)
    return UNKNOWN if items is None else operators.join_texts(items[:500], text(" ", None))


def _dedent(string: str) -> str:
    import textwrap

    return textwrap.dedent(string)


def _path_join(site: Site) -> Values:
    return operators.join_texts(site.positional, text("/", None))


FUNCTIONS: dict[str, Callable[[Site], Values]] = {
    "base64.b64decode": lambda s: _recoded(s, _decode64),
    "base64.standard_b64decode": lambda s: _recoded(s, _decode64),
    "base64.urlsafe_b64decode": lambda s: _recoded(s, _decode64),
    "base64.decodebytes": lambda s: _recoded(s, _decode64),
    "binascii.a2b_base64": lambda s: _recoded(s, _decode64),
    "base64.b64encode": lambda s: _recoded(s, _encode64),
    "base64.urlsafe_b64encode": lambda s: _recoded(s, _encode64),
    "base64.b16decode": lambda s: _recoded(s, _unhex),
    "binascii.unhexlify": lambda s: _recoded(s, _unhex),
    "binascii.a2b_hex": lambda s: _recoded(s, _unhex),
    "builtins.bytes.fromhex": lambda s: _recoded(s, _unhex),
    "builtins.bytearray.fromhex": lambda s: _recoded(s, _unhex),
    "codecs.decode": _codec,
    "urllib.parse.quote": lambda s: s.arg(0, "string") or UNKNOWN,
    "urllib.parse.quote_plus": lambda s: s.arg(0, "string") or UNKNOWN,
    "urllib.parse.unquote": lambda s: s.arg(0, "string") or UNKNOWN,
    "json.dumps": lambda s: tuple(dumps(value) for value in s.arg(0, "obj") or UNKNOWN),
    "json.loads": lambda s: _loaded(s, _json_value),
    "ast.literal_eval": lambda s: _loaded(s, ast.literal_eval),
    "dotenv.dotenv_values": lambda s: _dotenv_file(s) if s.arg(99, "stream") is None else _streamed(s),
    "textwrap.dedent": lambda s: transform(s.arg(0, "text") or UNKNOWN, _dedent),
    "shlex.split": _split_words,
    "shlex.join": _join_words,
    "os.path.join": _path_join,
    "posixpath.join": _path_join,
    "os.path.expanduser": lambda s: s.arg(0) or UNKNOWN,
    "os.path.abspath": lambda s: s.arg(0) or UNKNOWN,
    "pathlib.Path.home": lambda s: (text("~", s.place),),
    "os.fspath": lambda s: s.arg(0) or UNKNOWN,
    "builtins.chr": lambda s: tuple(
        text(chr(v.value), v.origin) if isinstance(v, Const) and isinstance(v.value, int) and 0 <= v.value < 0x110000
        else Unknown()
        for v in s.arg(0) or UNKNOWN
    ),
}  # fmt: skip


def _dotenv_file(site: Site) -> Values:
    """What a `.env` file holds is not read; it is a secret like what the environment holds."""
    return (Mapping((), False, site.place, environ=True),)


def _streamed(site: Site) -> Values:
    made: list[Value] = []
    for value in site.arg(99, "stream") or ():
        known = value.known if isinstance(value, Text) else None
        made.append(Unknown() if known is None else plain(_dotenv(known), value.origin, value.steps))  # type: ignore[union-attr]
    return tuple(made) or UNKNOWN
