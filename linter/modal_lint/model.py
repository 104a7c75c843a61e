"""The nouns of modal-lint: plain frozen data that every room shares. Standard library only."""

from collections.abc import Callable, Iterable
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from modal_lint.source import File

# Annotations are no strings here: a named tuple would compile each of them, in every run.

INTERNAL = "internal error"  # so begins the reason of a failure that is ours


class _Ranked(str, Enum):
    """A string enum whose members compare by their order of definition, lowest first."""

    @property
    def rank(self) -> int:
        return list(type(self)).index(self)


class Severity(_Ranked):
    """How bad a finding is: ``error`` exposes a credential or fails for certain."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Confidence(_Ranked):
    """How sure we are that a value is a credential (detection.md, "The verdict")."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Hidden:
    """A credential's value on its way to the preserved file; it cannot be printed by accident."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The raw value. Only the code that preserves it may ask."""
        return self._value

    def __repr__(self) -> str:
        return "Hidden(••••)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hidden) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __format__(self, spec: str) -> str:
        return repr(self)


class Span(NamedTuple):
    """A half-open range of text: 1-based lines, 0-based columns counted in code points (libcst's convention)."""

    line: int
    column: int
    end_line: int
    end_column: int

    def contains(self, other: "Span") -> bool:
        """Whether ``other`` lies inside this span."""
        return (self.line, self.column) <= (other.line, other.column) and (other.end_line, other.end_column) <= (
            self.end_line,
            self.end_column,
        )


class Edit(NamedTuple):
    """Replace the text of ``span`` by ``text``; an empty span inserts. In a notebook it is the span of a ``cell``."""

    span: Span
    text: str
    cell: int | None = None


class Move(NamedTuple):
    """One credential that a fix takes out of the source: where its value has to be preserved."""

    secret: str  # name of the Secret that will hold it
    key: str  # environment variable
    value: Hidden


class Fix(NamedTuple):
    """A change of one file, applied whole or not at all.

    ``safe`` keeps the behaviour; an unsafe fix changes what the container sees until the named Secrets exist.
    ``moves`` are preserved before the file is touched. ``notes`` are told to the user after the fix.
    """

    title: str
    edits: tuple[Edit, ...]
    safe: bool = False
    moves: tuple[Move, ...] = ()
    notes: tuple[str, ...] = ()


class Committed(NamedTuple):
    """Whether a credential's value is in git, as far as the local objects tell.

    ``state`` is "pushed", "local", "stashed", "unreachable" (no branch has it), "found" (where is not known), "staged",
    "never" or "unknown"; ``verdict`` says it and what to do in one sentence. ``commit``, ``date`` and ``ref`` are the
    first commit with it, abbreviated, its day, and a branch that has it. ``complete``: nothing was left unsearched.
    """

    state: str
    verdict: str
    commit: str | None = None
    date: str | None = None
    ref: str | None = None
    complete: bool = False


class ExcerptLine(NamedTuple):
    """One line of source shown to a person, every credential in it already masked."""

    number: int
    text: str
    # Columns of the underlined part in the masked text; equal where nothing is underlined.
    start: int = 0
    end: int = 0


class Step(NamedTuple):
    """One step of a value's flow, from the literal to the sink: where, and what happens there."""

    path: str
    span: Span
    text: str
    cell: int | None = None  # of a notebook; its span counts inside the cell


class Finding(NamedTuple):
    """One diagnostic. What is shown of it never holds a credential's value: messages name keys, excerpts are masked.

    ``secret`` is the value itself, for the baseline to hash: it is never printed or written.

    In a notebook ``cell`` is the number of the cell among all of them, from 1, and every span and line number counts
    inside its cell. ``origin`` is where the credential's literal stands, as (path, span): the same credential is
    reported once. It alone counts the lines of a notebook through all of its cells.
    """

    path: str
    span: Span
    code: str
    name: str
    message: str
    severity: Severity
    confidence: Confidence = Confidence.HIGH
    key: str | None = None
    provider: str | None = None
    help: str | None = None  # the remedy, one or two sentences
    excerpt: tuple[ExcerptLine, ...] = ()
    flow: tuple[Step, ...] = ()
    fix: Fix | None = None
    origin: tuple[str, Span] | None = None
    statement: Span | None = None  # the whole statement flagged: a suppression on any of its lines counts
    sink: Span | None = None  # the statement of the sink, where that is another one of the same file: there too
    cell: int | None = None
    symbol: str | None = None  # the function or class around it, where a baseline asks
    secret: Hidden | None = None
    committed: Committed | None = None  # where that was asked

    @property
    def sort_key(self) -> tuple[str, int, Span, str, str]:
        return (self.path, self.cell or 0, self.span, self.code, self.message)


class Failure(NamedTuple):
    """A file that could not be analysed; never the same as clean. ``reason`` quotes no source."""

    path: str
    reason: str
    line: int = 1
    column: int = 0
    cell: int | None = None  # of a notebook

    @property
    def is_internal(self) -> bool:
        """Whether we, not the file, are to blame."""
        return self.reason.startswith(INTERNAL)


class Outcome(NamedTuple):
    """What one file gave: findings to report, findings that comments silence, or why there are none.

    ``facts`` is what else was asked of the file (`engine.Session`, ``visit``). ``below`` are findings that the levels
    in the settings leave out, where a baseline asks: what it holds of them is not stale.
    """

    findings: tuple[Finding, ...] = ()
    suppressed: tuple[Finding, ...] = ()
    failure: Failure | None = None
    facts: object = None
    below: tuple[Finding, ...] = ()


class Report(NamedTuple):
    """What one run found."""

    findings: tuple[Finding, ...] = ()
    failures: tuple[Failure, ...] = ()
    checked: int = 0  # files that were read and, where they concern Modal, analysed
    suppressed: int = 0
    fixed: int = 0
    baselined: int = 0  # findings that a baseline hides
    outside: int = 0  # findings and failures where nothing has changed, where only changes count
    seconds: float = 0.0  # how long the run took

    @property
    def is_broken(self) -> bool:
        """Whether we, not the checked files, are to blame for a failure."""
        return any(failure.is_internal for failure in self.failures)


class Rule(NamedTuple):
    """One rule: ``check`` yields the findings of a file; its docstring is the rule's page.

    How its claim is known: ``witness`` is the outcome of the page's bad example where ``tests/test_witness.py`` runs it
    (a claim's ``says`` there); ``source`` is what it rests on, and has to be there where no client can show it.
    """

    code: str
    name: str
    severity: Severity
    check: Callable[["File"], Iterable[Finding]]
    fixable: str = "none"  # "safe", "unsafe", "hint" or "none": what the catalogue promises
    witness: str = ""
    source: str = ""

    @property
    def page(self) -> str:
        """The rule's documentation in Markdown."""
        import inspect

        return inspect.getdoc(self.check) or ""
