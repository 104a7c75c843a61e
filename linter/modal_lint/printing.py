"""What a program prints or logs: which calls do, and which secrets they are given."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint import carriers, environ_copies, leaks, library
from modal_lint.lazy import lazy, vocabulary
from modal_lint.literals import is_shipped
from modal_lint.nodes import all_arguments
from modal_lint.reads import reads_in
from modal_lint.records import record
from modal_lint.uses import Uses, frame_at
from modal_lint.values import External, Instance, Method, Object, Text, known_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.calls import Frame
    from modal_lint.evaluate import Evaluator
    from modal_lint.model import Span
    from modal_lint.source import File
    from modal_lint.values import EnvRead, Steps, Values

MAX_RUNS = 24  # callers times loop elements that one call is looked at in
MAX_DEPTH = 8  # expressions inside an argument
FUEL = 60_000  # nodes evaluated in one file before callers are no longer followed
CONFIG = "modal.config.config"
_LEVELS = "debug|info|warning|warn|error|critical|exception|fatal|log|trace|success|msg"
_LAST_NAMES = vocabulary(_LEVELS.replace("|", " ")) | {"print", "pprint", "pp", "write", "echo", "secho"}
_PRINTERS = frozenset(
    ("builtins.print", "pprint.pprint", "pprint.pp", "rich.print", "rich.pretty.pprint", "sys.stdout.write",
     "sys.stderr.write", "click.echo", "click.secho", "typer.echo", "typer.secho", "warnings.warn",
     "rich.console.Console().print", "rich.console.Console().log")
)  # fmt: skip
_LOGGERS = lazy(
    rf"(?:logging(?:\.getLogger\(\)|\.root)?(?:\.getChild\(\))?|loguru\.logger(?:\.\w+\(\))*"
    rf"|structlog\.(?:stdlib\.)?get_?[lL]ogger\(\)(?:\.bind\(\))*|multiprocessing\.get_logger\(\))\.(?:{_LEVELS})"
)
_STREAMS = frozenset(("sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__"))
# Functions that show all of what they are given.
_SHOWING = frozenset(
    ("builtins.str", "builtins.repr", "builtins.format", "builtins.dict", "json.dumps", "pprint.pformat")
)
# Objects whose repr shows a token, and the attributes that are one.
TOKENS = {
    "modal.TokenData": ("token_secret",),
    "modal.SandboxConnectCredentials": ("token",),
    "modal.experimental.StreamToken": ("token",),
}
_CONFIG_SECRETS = frozenset(("token_secret", "oauth_refresh_token", "oauth_client_secret", "oauth_jwt_key"))
_TOKEN_WORDS = ("modal.config", *carriers.TOKEN_MAKERS)
_IMPORTED_CONFIG = lazy(r"import config\b")
_MASKING = lazy(
    r"returned by \w*(?:mask|redact|obfuscat|hide|saniti[sz]|censor|scrub|shorten|truncat|fingerprint|hash)"
)


@record
class Printed:
    """A secret that a call prints: in words what it is, and the node that stands for it.

    ``read`` and ``steps`` are there for the value of a variable.
    """

    call: ast.Call
    node: ast.AST
    what: str
    key: str | None = None
    read: EnvRead | None = None
    steps: Steps = ()


def printed(file: File) -> Iterator[Printed]:
    """The secrets that a file prints or logs, each once.

    What runs on this machine alone is its user's to print: variables count in a file that Modal ships; in another one
    only the objects whose text shows a token do.
    """
    shipped = is_shipped(file)
    if not shipped and not _says_token(file):
        return
    calls = file.scopes.called(_LAST_NAMES)
    if not carriers.may_carry(file, [argument for call in calls for argument in call.args], variables=shipped):
        return
    uses = Uses(file)
    start = uses.ev.spent
    seen: set[tuple[ast.AST, str]] = set()
    for call in calls:
        if not _may_print(uses.ev, call, frame_at(file, call)):
            continue
        if not carriers.may_carry(file, call.args, variables=shipped):
            continue
        for frame in _runs(uses, call, follow=uses.ev.spent - start < FUEL):
            if not _prints(uses.ev, call, frame):
                continue
            for one in _secrets(uses.ev, call, frame, variables=shipped):
                if (one.node, one.what) not in seen:
                    seen.add((one.node, one.what))
                    yield one


def _says_token(file: File) -> bool:
    return file.says(*_TOKEN_WORDS) or (file.says("import config") and _IMPORTED_CONFIG.search(file.text) is not None)


# ---- calls that print --------------------------------------------------------------------------------------------


def _prints(ev: Evaluator, call: ast.Call, frame: Frame) -> bool:
    names = {value.name for value in ev.ask(call.func, frame) if isinstance(value, External)}
    if not any(name in _PRINTERS or _LOGGERS.fullmatch(name) for name in names):
        return False
    target = next((keyword.value for keyword in call.keywords if keyword.arg == "file"), None)
    if target is None:
        return True
    return any(isinstance(value, External) and value.name in _STREAMS for value in ev.ask(target, frame))


def _may_print(ev: Evaluator, call: ast.Call, frame: Frame) -> bool:
    """Whether a call prints, or may do so for some caller."""
    ev.needed_caller = False
    return _prints(ev, call, frame) or ev.needed_caller


def _runs(uses: Uses, call: ast.Call, *, follow: bool) -> list[Frame]:
    """The ways in which a call is looked at: by itself, and as its callers make it if these are to be followed."""
    ev, file = uses.ev, uses.file
    default = frame_at(file, call)
    ev.needed_caller = False
    for argument in all_arguments(call):
        ev.ask(argument, default)
    frames = [default, *(uses.frames(file.scopes.scope(call))[:MAX_RUNS] if follow and ev.needed_caller else ())]
    return [run for frame in frames for run in _looped(ev, call, frame)][: 2 * MAX_RUNS]


def _looped(ev: Evaluator, node: ast.AST, frame: Frame) -> list[Frame]:
    """The runs of a node inside loops over known collections."""
    frames = [frame]
    for loop in frame.file.scopes.loops(node):
        following: list[Frame] = []
        for run in frames:
            elements = library.elements(ev, ev.ask(loop.iter, run))
            following += [run] if elements is None else [run.looping(loop, one) for one in elements[:MAX_RUNS]]
        frames = following[:MAX_RUNS]
    return frames


# ---- what they are given -----------------------------------------------------------------------------------------


def _secrets(ev: Evaluator, call: ast.Call, frame: Frame, *, variables: bool) -> Iterator[Printed]:
    for argument in call.args:
        inner = argument.value if isinstance(argument, ast.Starred) else argument
        if variables:
            yield from _reads(ev, call, inner, frame)
        told: list[Span] = []
        for part in _shown(ev, inner, frame):
            what = _described(ev, part, frame, variables=variables)
            if what is not None and not any(one.contains(frame.file.span(part)) for one in told):
                told.append(frame.file.span(part))
                yield Printed(call, part, what)


def _reads(ev: Evaluator, call: ast.Call, argument: ast.expr, frame: Frame) -> Iterator[Printed]:
    """The secret variables whose values are in an argument."""
    file = frame.file
    if isinstance(argument, ast.Call) and getattr(argument.func, "attr", "") in ("replace", "translate"):
        return
    values = tuple(value for value in ev.ask(argument, frame) if not isinstance(value, Instance))  # a repr tells little
    for leaf in leaks.leaves_of(file, None, values):
        for read, _ in reads_in((leaf.value,)):
            steps = (*read.steps, *(leaf.value.steps if isinstance(leaf.value, Text) else ()), *leaf.steps)
            if not leaks.is_secret_variable(file, read.key) or any(_MASKING.match(one.text) for one in steps):
                continue
            inside = read.place.file is file and file.span(call).contains(file.span(read.place.node))
            node = read.place.node if inside else argument
            yield Printed(call, node, f"the value of {leaks.called(read.key or '')}", read.key, read, steps)


def _shown(ev: Evaluator, node: ast.expr, frame: Frame, depth: int = 0) -> Iterator[ast.expr]:
    """The expressions whose whole text an expression gives."""
    inner: list[ast.expr] = []
    if isinstance(node, ast.JoinedStr):
        inner = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mod, ast.Add)):
        inner = [node.left, node.right]
    elif isinstance(node, ast.IfExp):
        inner = [node.body, node.orelse]
    elif isinstance(node, (ast.Tuple, ast.List)):
        inner = node.elts
    elif isinstance(node, ast.Dict):
        inner = node.values
    elif isinstance(node, (ast.GeneratorExp, ast.ListComp)):
        inner = [node.elt]
    elif isinstance(node, ast.Call):
        names = {value.name for value in ev.ask(node.func, frame) if isinstance(value, External)}
        method = getattr(node.func, "attr", "")
        if method == "join":  # of a mapping it joins the names
            inner = [one for one in node.args if isinstance(one, (ast.GeneratorExp, ast.ListComp))]
        elif names & _SHOWING or method == "format":
            inner = [*node.args, *(keyword.value for keyword in node.keywords)]
    if not isinstance(node, ast.JoinedStr):
        yield node
    for part in inner if depth < MAX_DEPTH else ():
        yield from _shown(ev, part, frame, depth + 1)


def _described(ev: Evaluator, node: ast.expr, frame: Frame, *, variables: bool) -> str | None:
    """In words which secret an expression shows that is no variable's value; None for no secret."""
    values = ev.ask(node, frame)
    if variables and (environ_copies.is_whole(frame.file, node, frame) or _is_any_variable(node, frame)):
        return "the whole environment"
    for value in values:
        if isinstance(value, Object) and value.type in TOKENS and value.wraps is None:
            return f"{_article(value.type)}, whose repr shows its {TOKENS[value.type][0]},"
        if isinstance(value, Method) and value.name in TOKENS.get(value.owner.type, ()):
            return f"the {value.name} of {_article(value.owner.type)}"
    return _configuration(ev, node, values, frame)


def _article(name: str) -> str:
    return f"a {name.rpartition('.')[2]}"


def _is_any_variable(node: ast.expr, frame: Frame) -> bool:
    """``value`` right in ``for name, value in os.environ.items():``, ``os.environ[name]`` in ``for name in …``."""
    name: ast.expr = node
    path: tuple[int, ...] = (1,)
    if isinstance(node, ast.Subscript):
        name, path = node.slice, ()
    elif isinstance(node, ast.Call) and node.args:
        name, path = node.args[0], ()
    if not isinstance(name, ast.Name) or (name is not node and not environ_copies.looks_up(node, name.id)):
        return False
    over = _looped_over(name, path, frame)
    if over is None:
        return False
    if path:
        if not isinstance(over, ast.Call) or not isinstance(over.func, ast.Attribute) or over.func.attr != "items":
            return False
        over = over.func.value
    return environ_copies.is_whole(frame.file, over, frame)


def _looped_over(node: ast.Name, path: tuple[int, ...], frame: Frame) -> ast.expr | None:
    """What the loop right around a name goes over, if it binds the name so and leaves nothing out."""
    scopes = frame.file.scopes
    home = scopes.lookup(node.id, scopes.scope(node))
    reaching = scopes.reaching(home, node.id, node) if home is not None else []
    if len(reaching) != 1 or reaching[0][0].kind != "for" or reaching[0][0].path != path:
        return None
    loop, over = reaching[0][0].node, reaching[0][0].value
    if isinstance(loop, ast.comprehension):
        if loop.ifs:
            return None
    elif scopes.blocks.get(frame.file.statement_of(node), (None, ""))[0] is not loop:
        return None
    sorts = isinstance(over, ast.Call) and isinstance(over.func, ast.Name) and over.func.id in ("sorted", "list")
    return over.args[0] if sorts and isinstance(over, ast.Call) and over.args else over


def _configuration(ev: Evaluator, node: ast.expr, values: Values, frame: Frame) -> str | None:
    """Modal's configuration, or a token out of it."""
    key: ast.expr | None = None
    if isinstance(node, ast.Subscript):
        key = node.slice
        values = ev.ask(node.value, frame)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        key = node.args[0]
        values = ev.ask(node.func.value, frame)
    names = {value.name for value in values if isinstance(value, External)}
    if CONFIG not in names and f"{CONFIG}.to_dict()" not in names:
        return None
    if key is None:
        return "modal.config.config, whose repr shows the token,"
    found = _CONFIG_SECRETS.intersection(known_texts(ev.ask(key, frame)))
    return f"{min(found)} of modal.config.config" if found else None
