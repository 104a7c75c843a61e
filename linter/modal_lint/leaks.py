"""Secrets that the source does not hold and that get out all the same: what family 2 is about.

A value counts as a secret where it is read from an environment variable whose name names a credential, or which the
code itself lists among the keys of a named Secret.
"""

from __future__ import annotations

import ast
from itertools import islice
from typing import TYPE_CHECKING

from modal_lint import credentials
from modal_lint.calls import effective
from modal_lint.credentials.keys import words
from modal_lint.diagnosis import MAX_FLOW, sink_span
from modal_lint.excerpt import excerpt
from modal_lint.kept import Kept
from modal_lint.lazy import vocabulary
from modal_lint.modal_api import Sink
from modal_lint.model import Confidence, Finding, Span, Step
from modal_lint.reads import reads_in
from modal_lint.records import record
from modal_lint.values import Bag, Const, Entry, EnvRead, Instance, Mapping, Place, Sequence, Steps, Text, Value, Values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.model import Fix, Rule
    from modal_lint.source import File
    from modal_lint.uses import Given, Use

MAX_NESTED = 6
MAX_LEAVES = 5_000  # values inside one argument that are looked at
MAPPINGS = frozenset((Sink.IMAGE_ENV, Sink.BUILD_ARGS))
SINKS = (
    Sink.IMAGE_ENV,
    Sink.BUILD_ARGS,
    Sink.COMMAND,
    Sink.URL,
    Sink.PACKAGE,
    Sink.GIT_USER,
    Sink.IMAGE_ARGV,
    Sink.BUILD_PAYLOAD,
    Sink.ARGV,
    Sink.HOST_ARGV,
    Sink.PAYLOAD,
    Sink.LABEL,
)
# Words that make a name one of a setting, also where it is a key of a Secret.
_SETTINGS = vocabulary(
    """
    host hostname port user username name names region zone database db bucket url uri endpoint base home path dir file
    folder mode level env environment model models id ids version org organization project team debug log workers
    timeout repo branch domain address email ip locale lang size count type enabled scheme protocol schema sslmode
    """
)


@record
class Leak:
    """A secret variable's value that one use of the API gets.

    ``key`` is the name under which it is told: the variable's, or that of the entry or parameter it becomes.
    """

    use: Use
    given: Given
    key: str
    read: EnvRead
    entry: Entry | None = None
    steps: Steps = ()

    @property
    def sink(self) -> Sink:
        sink = self.given.param.sink
        assert sink is not None
        return sink


def at(file: File, *sinks: Sink) -> Iterator[Leak]:
    """The leaks of a file into these sinks that family 1 does not report."""
    if file not in _FOUND:
        _FOUND[file] = list(_leaks(file))
    return (leak for leak in _FOUND[file] if leak.sink in sinks)


_FOUND: Kept[File, list[Leak]] = Kept()


def _leaks(file: File) -> Iterator[Leak]:
    reported = {(one.use.node, one.given.param.name, one.key) for one in file.exposures.all}
    seen: set[tuple[object, ...]] = set()
    for use, given in file.given(*SINKS):
        if isinstance(given.argument.node, ast.Constant):  # read from nowhere
            continue
        for leak in _of(use, given):
            kept = leak.entry.key if leak.entry is not None else None
            name = kept.known if isinstance(kept, Text) else None
            if {(use.node, given.param.name, one) for one in (leak.key, leak.read.key, name)} & reported:
                continue
            where = (place_of(leak), leak.sink, leak.key)
            if where not in seen:
                seen.add(where)
                yield leak


def _of(use: Use, given: Given) -> Iterator[Leak]:
    name = given.name if given.param.kind in ("kwargs", "keyword", "both") else None
    leaves = leaves_of(use.file, name, given.values(use.file.project.evaluator))
    for leaf in islice(leaves, MAX_LEAVES):
        for read, whole in reads_in((leaf.value,)):
            key = secret_name(use.file, read, leaf.key if whole else None)
            if key is not None:
                yield Leak(use, given, key, read, leaf.entry, (*read.steps, *_steps(leaf)))


# ---- what is a secret -----------------------------------------------------------------------------------------


def secret_name(file: File, read: EnvRead, key: str | None = None) -> str | None:
    """The name of the secret that a variable's value is; None where it is none.

    Args:
        file: where the value ends up.
        read: the variable.
        key: what it is called there: the entry, parameter or header that it is the value of.
    """
    if is_secret_variable(file, read.key) or is_secret_variable(read.place.file, read.key):
        return read.key
    if key is not None and credentials.is_credential_key(key) and not (read.key and _is_setting(read.key)):
        return key
    return None


def is_secret_variable(file: File, key: str | None) -> bool:
    """Whether a variable holds a secret: it is called like one, or a named Secret of the file has it."""
    if key is None:
        return False
    if credentials.is_credential_key(key):
        return True
    return not _is_setting(key) and any(key in keys for keys in file.known_secrets.values())


def _is_setting(key: str) -> bool:
    """Whether a name is one of a plain setting: ``AUTH_MODE``, ``PGHOST``."""
    parts = words(key)
    last = parts[-1] if parts else ""
    return not credentials.is_credential_key(key) and (last in _SETTINGS or last.removeprefix("pg") in _SETTINGS)


# ---- what is inside a value -----------------------------------------------------------------------------------


@record
class Leaf:
    """One value inside an argument, the name it has there, and the entry it stands in."""

    key: str | None
    value: Value
    entry: Entry | None = None
    steps: Steps = ()


def leaves_of(
    file: File, key: str | None, values: Values, entry: Entry | None = None, steps: Steps = (), depth: int = 0
) -> Iterator[Leaf]:
    """The values inside possibilities that are no collections themselves."""
    for value in values if depth <= MAX_NESTED else ():
        passed = (*value.steps, *steps)
        if isinstance(value, Mapping):
            for inner in effective(value):
                onward = (*inner.steps, *passed)
                yield from leaves_of(file, _key(inner.key), inner.value, inner, onward, depth + 1)
        elif isinstance(value, Sequence):
            for item in value.items:
                yield from leaves_of(file, key, item, entry, passed, depth + 1)
        elif isinstance(value, Bag):
            yield from leaves_of(file, key, (value.attributes,), entry, passed, depth + 1)
        elif isinstance(value, Instance):  # what a payload is made of; its text need not show it
            yield from leaves_of(file, None, _fields(file, value), None, passed, depth + 1)
        else:
            yield Leaf(key, value, entry, steps)


def _fields(file: File, value: Instance) -> Values:
    from modal_lint import objects

    return objects.as_mapping(file.project.evaluator, (value,))


def _key(value: Value) -> str | None:
    if isinstance(value, Text):
        return value.known
    return str(value.value) if isinstance(value, Const) else None


def _steps(leaf: Leaf) -> Steps:
    return (*leaf.value.steps, *leaf.steps) if isinstance(leaf.value, Text) else leaf.steps


# ---- the finding ----------------------------------------------------------------------------------------------


def finding(leak: Leak, rule: Rule, message: str, help_text: str, *, fix: Fix | None = None) -> Finding:
    """The finding of a leak: it points at the sink, the flow begins at the read.

    Args:
        leak: what was found.
        rule: whose finding it is.
        message: one sentence.
        help_text: the remedy.
        fix: the change that removes it.
    """
    sink = leak.use.file.statement_span(leak.use.node)
    where, flow = place_of(leak), _flow(leak)
    return finding_at(leak.use.file, where, rule, message, help_text, key=leak.key, flow=flow, fix=fix, sink=sink)


def finding_at(
    file: File,
    node: ast.AST | Span,
    rule: Rule,
    message: str,
    help_text: str,
    *,
    key: str | None = None,
    flow: tuple[Step, ...] = (),
    fix: Fix | None = None,
    sink: Span | None = None,
) -> Finding:
    """A finding at a node or span of a file; the other arguments as in ``finding`` and ``Finding``."""
    span, statement = (node, node) if isinstance(node, Span) else (file.span(node), file.statement_span(node))
    return Finding(
        path=file.path,
        span=span,
        code=rule.code,
        name=rule.name,
        message=message,
        severity=rule.severity,
        confidence=Confidence.HIGH,
        key=None if key is None else credentials.mask_text(key),
        help=help_text,
        excerpt=excerpt(file, span),
        flow=flow,
        fix=fix,
        statement=statement,
        sink=sink,
    )


def place_of(leak: Leak) -> ast.AST:
    """Where the secret goes in: the read inside the call, the entry, the argument, or the call."""
    file, node = leak.use.file, leak.use.node
    read, entry, argument = leak.read.place, leak.entry, leak.given.argument
    if read.file is file and file.span(node).contains(file.span(read.node)):
        return read.node
    if entry is not None and entry.place is not None and entry.place.file is file:
        return entry.place.node
    if argument.node is not None and argument.frame is not None and argument.frame.file is file:
        return argument.node
    return node  # type: ignore[no-any-return]


def is_of_image(use: Use) -> bool:
    """Whether a call makes an image: what it gets stays there."""
    return (use.api.returns or "").endswith(".Image")


def called(key: str) -> str:
    """A secret's name as it may be shown."""
    return credentials.mask_text(key)


def sink_name(leak: Leak) -> str:
    """Where it goes: ``build_args= of modal.Image.dockerfile_commands``."""
    given, api = leak.given, leak.use.api
    if given.param.kind in ("positional", "args", "kwargs") or len(api.params) == 1:
        return api.name
    return f"{given.name}= of {api.name}"


def _flow(leak: Leak) -> tuple[Step, ...]:
    use = leak.use
    reached = Step(use.file.path, sink_span(use.file, use.node), f"reaches {sink_name(leak)}")
    return flow_of(leak.read, leak.steps, reached)


def flow_of(read: EnvRead, passages: Steps, reached: Step) -> tuple[Step, ...]:
    """The way of a variable's value, from where it is read."""
    place = read.place
    steps = [Step(place.file.path, _span(place), f"{called(read.key or 'the variable')} is read here")]
    for passage in passages:
        step = Step(passage.place.file.path, _span(passage.place), passage.text)
        if step not in steps:
            steps.append(step)
    return (*steps[: MAX_FLOW - 1], reached)


def _span(place: Place) -> Span:
    return place.file.span(place.node)
