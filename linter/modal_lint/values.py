"""What an expression may be: known values, partly known texts, mappings, and references, each with its flow.

An evaluation answers with a tuple of possibilities. ``Unknown`` is a possibility like any other, and nothing is ever
reported from it. None of these has a repr: it would show the values. None is changed once it is made; that they are not
frozen is for speed, as they are made by the ten thousand.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from modal_lint.records import fields, record

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterable, Iterator

    from modal_lint.calls import Frame
    from modal_lint.source import File

# What a value may grow to: code can double it with every line. What is beyond is unknown.
MAX_PARTS = 256  # of a text
MAX_LENGTH = 1 << 20  # characters of a text
MAX_ENTRIES = 1_000  # of a mapping
MAX_ITEMS = 600  # of a sequence
MAX_OPTIONS = 24  # possibilities kept for one expression; the rest becomes Unknown


@record
class Place:
    """A node of a file: where a literal stands, or where a value passes."""

    file: File
    node: ast.AST


@record
class Passage:
    """One step of a value's way from its literal: the place, and in words what happens there."""

    place: Place
    text: str


Steps = tuple[Passage, ...]


@record
class Piece:
    """A known stretch of a text and the literal it comes from."""

    text: str
    origin: Place | None


@record
class Hole:
    """An unknown stretch of a text."""


HOLE = Hole()


@record
class Fallback:
    """Marks a value that is only used when an environment variable is not set."""

    key: str | None  # the variable, when known
    place: Place  # the whole expression: ``os.environ.get("K", "…")``
    read: Place | None = None  # the reading part alone: ``os.getenv("K")``


@record
class Text:
    """A string, or bytes (``binary``), perhaps with unknown stretches."""

    parts: tuple[Piece | Hole, ...]
    steps: Steps = ()
    fallback: Fallback | None = None
    binary: bool = False

    def __post_init__(self) -> None:
        parts = self.parts
        if len(parts) == 1 and isinstance(parts[0], Piece) and len(parts[0].text) <= MAX_LENGTH:
            return  # as nearly all are
        if len(parts) > MAX_PARTS or _length_of(parts) > MAX_LENGTH:
            self.parts = _bounded_parts(parts)

    @property
    def known(self) -> str | None:
        """The whole text, or None if any stretch is unknown."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Piece):
            return self.parts[0].text
        if any(isinstance(part, Hole) for part in self.parts):
            return None
        return "".join(part.text for part in self.parts if isinstance(part, Piece))

    @property
    def origin(self) -> Place | None:
        """The literal that most of the text comes from."""
        pieces = [part for part in self.parts if isinstance(part, Piece) and part.origin is not None]
        return max(pieces, key=lambda piece: len(piece.text)).origin if pieces else None


@record
class Const:
    """A constant that is no string: number, bool, None."""

    value: object
    origin: Place | None = None
    steps: Steps = ()
    fallback: Fallback | None = None


@record
class Entry:
    """One entry of a mapping. ``place`` is the key's node (or keyword, or assignment) that makes the entry.

    ``display`` is the dict display or call in which it is written, if it is. A ``maybe`` entry is there on some
    paths only.
    """

    key: Value
    value: Values
    place: Place | None = None
    display: Place | None = None
    maybe: bool = False
    steps: Steps = ()


@record
class Mapping:
    """A dict. ``complete`` says that it has no other entries than these; later entries win.

    What an ``environ`` holds besides them are variables of the machine: it is a copy of the environment, or of a
    `.env` file.
    """

    entries: tuple[Entry, ...] = ()
    complete: bool = True
    place: Place | None = None
    steps: Steps = ()
    environ: bool = False

    def __post_init__(self) -> None:
        if len(self.entries) > MAX_ENTRIES:
            kept = _bounded_entries(self.entries)
            self.entries = kept
            self.complete = self.complete and len(kept) < MAX_ENTRIES

    def holding(self, entries: tuple[Entry, ...], complete: bool | None = None) -> Mapping:
        """The same dict with other entries."""
        return Mapping(entries, self.complete if complete is None else complete, self.place, self.steps, self.environ)

    def get(self, key: str) -> Values | None:
        """What the key may hold; None if it is certainly or probably absent."""
        found: list[Value] = []
        for entry in reversed(self.entries):
            if (isinstance(entry.key, Text) and entry.key.known == key) or (
                isinstance(entry.key, Const) and (entry.key.value == key)
            ):
                found += [with_steps(value, entry.steps + self.steps) for value in entry.value]
                if not entry.maybe:
                    return tuple(found)
        return tuple(found) or None


@record
class Sequence:
    """A list, tuple or set; ``complete`` as in Mapping."""

    items: tuple[Values, ...] = ()
    complete: bool = True
    place: Place | None = None
    steps: Steps = ()

    def __post_init__(self) -> None:
        if len(self.items) > MAX_ITEMS:
            self.items = self.items[:MAX_ITEMS]
            self.complete = False


@record
class EnvRead:
    """The value of a local environment variable."""

    key: str | None
    place: Place
    steps: Steps = ()


@record
class External:
    """Something outside the project, by its dotted name: ``modal.Sandbox.create``, ``os.environ``."""

    name: str
    steps: Steps = ()


@record
class Object:
    """An instance of a Modal type: the call that made it, and the object of which that call was a method.

    ``wraps`` is the function or class of the project that a ``modal.Function`` or ``modal.Cls`` stands for, ``frame``
    the run in which the call was made.
    """

    type: str
    call: Place | None = None
    previous: Object | None = None
    wraps: Value | None = None
    steps: Steps = ()
    frame: Frame | None = None

    def chain(self) -> Iterator[Place]:
        """The calls that made it, the last first."""
        current: Object | None = self
        while current is not None:
            if current.call is not None:
                yield current.call
            current = current.previous


@record
class Method:
    """A method of an Object, not yet called: ``image.env``."""

    owner: Object
    name: str
    steps: Steps = ()


@record
class Function:
    """A function or lambda of the project; ``receiver`` is the instance or class it is bound to."""

    place: Place
    frame: Frame | None = None  # the frame in which it is defined, for closures
    receiver: Value | None = None
    steps: Steps = ()


@record
class Class:
    """A class of the project."""

    place: Place
    frame: Frame | None = None
    steps: Steps = ()


@record
class Instance:
    """An instance of a class of the project, with the arguments of its construction, if known."""

    cls: Class
    arguments: Arguments | None = None
    steps: Steps = ()
    attributes: tuple[tuple[str, Values], ...] = ()  # assigned from outside, latest last
    made: Instance | None = None  # the instance as it was constructed

    @property
    def original(self) -> Instance:
        """The instance before anything was assigned to it, the same one for all its later states."""
        return self.made or self


@record
class Bag:
    """An object with known attributes: a namespace, parsed command-line arguments."""

    attributes: Mapping
    steps: Steps = ()


@record
class Module:
    """A module of the project."""

    file: File
    steps: Steps = ()


@record
class Builtin:
    """A method of a known value, not yet called: ``"a".join``, ``d.get``. ``owner`` are its possibilities."""

    owner: Values
    name: str
    steps: Steps = ()


@record
class Arguments:
    """The arguments of one call, evaluated on demand; ``*x`` and ``**x`` stay apart until they are bound."""

    positional: tuple[tuple[bool, Argument], ...] = ()  # (starred, argument)
    keywords: tuple[tuple[str | None, Argument], ...] = ()  # a name of None is ``**x``


@record
class Argument:
    """One argument: an expression in a frame, or values already there."""

    node: ast.expr | None
    frame: Frame | None = None
    values: Values = ()
    entry: Entry | None = None  # the entry of a splatted mapping that it was


@record
class Partial:
    """``functools.partial(function, …)``."""

    function: Value
    arguments: Arguments
    steps: Steps = ()


@record
class Unknown:
    """Anything."""

    steps: Steps = ()


Value = (
    Text
    | Const
    | Mapping
    | Sequence
    | EnvRead
    | External
    | Object
    | Method
    | Function
    | Class
    | Instance
    | Bag
    | Module
    | Builtin
    | Partial
    | Unknown
)
Values = tuple[Value, ...]

UNKNOWN: Values = (Unknown(),)
V = TypeVar("V", bound=Value)
MAX_STEPS = 24


def with_steps(value: V, steps: Steps) -> V:
    """The same value, having gone on by these steps."""
    kind: Any = value.__class__
    if not steps or kind is Unknown:
        return value
    before = value.steps
    if len(before) > MAX_STEPS:
        return value
    # What `replace` would give, without its checks: this is called for every step of every value.
    changed: Any = kind.__new__(kind)
    if isinstance(value, Object):  # half of all
        changed.type, changed.call, changed.previous = value.type, value.call, value.previous
        changed.wraps, changed.frame = value.wraps, value.frame
    elif isinstance(value, Text):
        changed.parts, changed.fallback, changed.binary = value.parts, value.fallback, value.binary
    else:
        for get, put in _SLOTS[kind]:
            put(changed, get(value))
    changed.steps = before + steps
    return changed  # type: ignore[no-any-return]


_KINDS = (
    Text, Const, Mapping, Sequence, EnvRead, External, Object, Method, Function, Class, Instance, Bag, Module, Builtin,
    Partial,
)  # fmt: skip
_SLOTS: dict[type[object], list[tuple[Callable[[object], object], Callable[[object, object], None]]]] = {
    kind: [(vars(kind)[name].__get__, vars(kind)[name].__set__) for name in fields(kind) if name != "steps"]
    for kind in _KINDS
}


def passed(values: Values, step: Passage | None) -> Values:
    """The same possibilities, one step further."""
    if step is None:
        return values
    steps = (step,)
    return tuple([with_steps(value, steps) for value in values])


def moved(values: Values, file: File, node: ast.AST, text: str) -> Values:
    """The same possibilities, one step further at a node."""
    if len(values) == 1 and values[0].__class__ is Unknown:
        return (values[0],)  # not `UNKNOWN` itself, which is taken for what nothing was ever assigned to
    return passed(values, Passage(Place(file, node), text))


def unite(*groups: Values) -> Values:
    """All possibilities of several, each once, no more than MAX_OPTIONS."""
    if len(groups) == 1:
        values: Iterable[Value] = groups[0]
        if len(groups[0]) == 1:
            return UNKNOWN if groups[0][0].__class__ is Unknown else groups[0]
    else:
        values = chain.from_iterable(groups)
    options = dict.fromkeys(values)  # each is equal to itself alone
    known = tuple([value for value in options if value.__class__ is not Unknown])
    if len(known) > MAX_OPTIONS:
        return known[:MAX_OPTIONS] + UNKNOWN
    return known if known and len(known) == len(options) else known + UNKNOWN


def _length_of(parts: tuple[Piece | Hole, ...]) -> int:
    """How many characters of a text are known."""
    return sum([len(part.text) for part in parts if isinstance(part, Piece)])


def _bounded_parts(parts: tuple[Piece | Hole, ...]) -> tuple[Piece | Hole, ...]:
    """The parts of a text as one piece; a hole where the text is too long or not wholly known."""
    pieces = [part for part in parts if isinstance(part, Piece)]
    if len(pieces) < len(parts) or _length_of(parts) > MAX_LENGTH:
        return (HOLE,)
    longest = max(pieces, key=lambda piece: len(piece.text) if piece.origin is not None else -1)
    return (Piece("".join(piece.text for piece in pieces), longest.origin),)


def _bounded_entries(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The entries that no later one surely replaces, the last of them if these are too many."""
    kept: list[Entry] = []
    replaced: set[str] = set()
    for entry in reversed(entries):
        key = entry.key.known if isinstance(entry.key, Text) else None
        if key is None or key not in replaced:
            kept.append(entry)
            if key is not None and not entry.maybe:
                replaced.add(key)
        if len(kept) >= MAX_ENTRIES:
            break
    return tuple(reversed(kept))


def text(value: str, origin: Place | None, steps: Steps = ()) -> Text:
    """A wholly known string."""
    return Text((Piece(value, origin),), steps)


def concat(left: Text, right: Text) -> Text:
    """One text after the other; adjacent known pieces of one literal stay apart, so that each keeps its origin."""
    steps = merge_steps(left.steps, right.steps)
    return Text(left.parts + right.parts, steps, left.fallback or right.fallback, left.binary and right.binary)


# A text under way: its parts, how many characters of it are known, its steps and fallback.
Growing = tuple[tuple[Piece | Hole, ...], int, Steps, Fallback | None]


def longer(made: Growing, more: Text) -> Growing:
    """What `concat` gives, as long as it is no text yet."""
    parts, length, steps, fallback = made
    parts += more.parts
    length += _length_of(more.parts)
    if len(parts) > MAX_PARTS or length > MAX_LENGTH:
        parts = _bounded_parts(parts)
        length = _length_of(parts)
    if more.steps:
        steps = merge_steps(steps, more.steps)
    return parts, length, steps, fallback or more.fallback


def merge_steps(*groups: Steps) -> Steps:
    """Steps of several values that became one, in order, each once."""
    seen: dict[int, Passage] = {id(step): step for group in groups for step in group}
    return tuple(seen.values())[: MAX_STEPS + 8]


def known_texts(values: Values) -> Iterator[str]:
    """The strings among the possibilities."""
    for value in values:
        if isinstance(value, Text) and (string := value.known) is not None:
            yield string


def is_known(values: Values) -> bool:
    """Whether every possibility is something known."""
    return not any(isinstance(value, Unknown) for value in values)


def truth(value: Value) -> bool | None:
    """Whether the value is true, where that is certain."""
    if isinstance(value, Const):
        return bool(value.value)
    if isinstance(value, Text):
        if value.known is not None:
            return bool(value.known)
        return True if any(isinstance(part, Piece) and part.text for part in value.parts) else None
    if isinstance(value, (Object, Method, Function, Class, Module, Partial)):
        return True
    if isinstance(value, Mapping) and value.complete and not any(entry.maybe for entry in value.entries):
        return bool(value.entries)
    return None
