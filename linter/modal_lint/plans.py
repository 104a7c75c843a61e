"""The fixes of family 1 for each kind of sink: ``env=``, ``Secret.from_dict``, ``Image.env``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint import moving, naming
from modal_lint.credentials import has_shape
from modal_lint.modal_api import Sink
from modal_lint.model import Edit, Fix, Span
from modal_lint.moving import Group, Stays
from modal_lint.values import Mapping, Object, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from modal_lint.exposure import Exposure
    from modal_lint.rewrite import Source
    from modal_lint.source import File
    from modal_lint.uses import Use
    from modal_lint.values import Value

MAX_TAKERS = 40  # calls that one fix gives a Secret to
_BUILD_SINKS = (Sink.COMMAND, Sink.BUILD_PAYLOAD, Sink.PACKAGE)


def plan(make: Callable[[Sequence[Exposure]], Fix], exposures: Sequence[Exposure]) -> Fix | str:
    """The fix of one call's exposures, or the reason why it has none."""
    from modal_lint.rewrite import CannotRewrite

    try:
        return make(exposures)
    except Stays as refusal:
        return str(refusal)
    except CannotRewrite as refusal:
        return refusal.reason


def planned(
    exposures: Iterable[Exposure], make: Callable[[Sequence[Exposure]], Fix]
) -> Iterator[tuple[Exposure, Fix | None, str]]:
    """Each exposure with the fix that it shares with the others of its call, or the reason why there is none."""
    calls: dict[ast.AST, list[Exposure]] = {}
    for exposure in exposures:
        calls.setdefault(exposure.use.node, []).append(exposure)
    for group in calls.values():
        outcome = plan(make, group)
        for exposure in group:
            if isinstance(outcome, Fix):
                yield exposure, outcome, ""
            else:
                yield exposure, None, outcome


def references(use: Use, names: dict[str, tuple[str, ...]], source: Source, place: ast.AST) -> tuple[str, list[Edit]]:
    """``Secret.from_name(…)`` for each Secret, separated by commas, and the import they need."""
    from modal_lint.rewrite import secret_reference

    spelled, edits = moving.spelling(use, source, place)
    texts = [
        moving.awaited(use, secret_reference(spelled, name, keys, quote=source.quote)) for name, keys in names.items()
    ]
    return ", ".join(texts), edits


def move_env(exposures: Sequence[Exposure]) -> Fix:
    """``env={…}`` of a call becomes ``secrets=[…]``, last in the list: ``env`` won over every Secret before."""
    from modal_lint import rewrite

    group = moving.gather(exposures)
    use = exposures[0].use
    moving.check_call(use)
    names = naming.grouped(use.file, group.moved)
    source = use.file.rewriting
    text, edits = references(use, names, source, use.node)
    call = use.file.span(use.node)
    extend: dict[str | int, tuple[str, bool]] = {"secrets": (text, False)}
    if group.display is group.argument:
        argument = _argument_name(use, group)
        spans = [use.file.span(node) for node in group.entries]
        edits += rewrite.rewrite_call(source, call, drop_entries={argument: spans}, extend_list=extend)
    else:
        edits += _emptied(group, source)
        edits += rewrite.rewrite_call(source, call, extend_list=extend)
    return _fix(group, names, edits)


def _emptied(group: Group, source: Source) -> list[Edit]:
    from modal_lint import rewrite

    spans = [group.file.span(node) for node in group.entries]
    edits = rewrite.remove_entries(source, group.file.span(group.display), spans) if spans else []
    return edits + moving.removals(group.file, group.statements)


def _argument_name(use: Use, group: Group) -> str | int:
    call = use.node
    assert isinstance(call, ast.Call)
    for keyword in call.keywords:
        if keyword.value is group.argument and keyword.arg is not None:
            return keyword.arg
    if group.argument in call.args:
        return call.args.index(group.argument)
    raise Stays("the mapping belongs to another call")


def _fix(group: Group, names: dict[str, tuple[str, ...]], edits: Sequence[Edit]) -> Fix:
    from modal_lint.rewrite import combine

    if any(map(has_shape, group.moved)):
        raise Stays("a key is itself a credential")
    title = f"Move {', '.join(sorted(group.moved))} to {_listed(names)}"
    moves = moving.moves_of(names, group.moved)
    idle = moving.idle_constants(group)
    removed = moving.removals(group.file, idle)
    return Fix(title, tuple(combine([*edits, *removed])), safe=False, moves=moves, notes=moving.leftovers(group, idle))


def _listed(names: dict[str, tuple[str, ...]]) -> str:
    quoted = [f"Secret {name}" for name in sorted(names)]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " and " + quoted[-1]


# ---- Secret.from_dict ---------------------------------------------------------------------------------------


def move_secret(exposures: Sequence[Exposure]) -> Fix:
    """``Secret.from_dict({…})`` becomes ``Secret.from_name(…)``, in the same place of the list."""
    from modal_lint import rewrite

    group = moving.gather(exposures)
    use = exposures[0].use
    if len(use.node.args) + len(use.node.keywords) != 1:
        raise Stays("the call has further arguments")
    source = use.file.rewriting
    span = use.file.span(use.node)
    listed = _in_list(use)
    rest = _rest(group)
    if rest and not listed:
        _take_all(group)
        rest = []
    if listed:
        names = naming.grouped(use.file, group.moved)
    else:
        name, keys = naming.single(use.file, group.moved)
        names = {name: keys}
    text, edits = references(use, names, source, use.node)
    if group.display is not group.argument:
        raise Stays("the mapping is also a variable: replace both by hand")
    if rest:
        entries = [use.file.span(node) for node in group.entries]
        edits += rewrite.remove_entries(source, use.file.span(group.display), entries)
        edits.append(_after(span, f", {text}"))
    else:
        edits += rewrite.replace(source, span, _bare(use, text))
    return _fix(group, names, edits)


def _bare(use: Use, text: str) -> str:
    """Without a second ``await`` where the call is awaited already."""
    parent = use.file.scopes.parents.get(use.node)
    return text.removeprefix("await ") if isinstance(parent, ast.Await) else text


def _after(span: Span, text: str) -> Edit:
    return Edit(Span(span.end_line, span.end_column, span.end_line, span.end_column), text)


def _in_list(use: Use) -> bool:
    parent = use.file.scopes.parents.get(use.node)
    return isinstance(parent, (ast.List, ast.Tuple)) and not isinstance(getattr(parent, "ctx", None), ast.Store)


def _rest(group: Group) -> list[ast.AST]:
    if isinstance(group.display, ast.Dict):
        return [key for key in group.display.keys if key is not None and key not in group.entries]
    assert isinstance(group.display, ast.Call)
    return [keyword for keyword in group.display.keywords if keyword not in group.entries]


def _take_all(group: Group) -> None:
    """Plain settings beside the credentials go into the same Secret, if their values are plain strings."""
    if not isinstance(group.display, ast.Dict):
        raise Stays("the other entries are not plain strings")
    for key, value in zip(group.display.keys, group.display.values, strict=True):
        if key in group.entries:
            continue
        name, text = getattr(key, "value", None), getattr(value, "value", None)
        plain = isinstance(key, ast.Constant) and isinstance(value, ast.Constant)
        if not plain or not isinstance(name, str) or not isinstance(text, str):
            raise Stays("the other entries are not plain strings")
        if not name.isidentifier():
            raise Stays("the other entries have keys that are no names of variables")
        group.moved[name] = text


# ---- Image.env ----------------------------------------------------------------------------------------------


def move_image_env(exposures: Sequence[Exposure]) -> Fix:
    """``.env({…})`` leaves the image; every container and later build step of the image gets the Secret.

    The Secret comes first in each list: what the image holds is what every Secret replaces.
    """
    from modal_lint import rewrite

    group = moving.gather(exposures)
    use = exposures[0].use
    if group.display is not group.argument:
        raise Stays("the mapping is also a variable: replace both by hand")
    takers = _takers(use, group)
    names = naming.grouped(use.file, group.moved)
    source = use.file.rewriting
    edits: list[Edit] = []
    for taker in takers:
        moving.check_call(taker)
        text, imported = references(taker, names, source, taker.node)
        edits += imported
        edits += rewrite.rewrite_call(source, use.file.span(taker.node), extend_list={"secrets": (text, True)})
    if _rest(group):
        entries = [use.file.span(node) for node in group.entries]
        edits += rewrite.remove_entries(source, use.file.span(group.display), entries)
    else:
        edits += rewrite.drop_chain_step(source, use.file.span(use.node))
    return _fix(group, names, edits)


def _takers(use: Use, group: Group) -> list[Use]:
    """The calls that must get the Secret: containers of the image, and later steps that run code."""
    file = use.file
    image = _Made(use)
    _check_later(image, group)
    containers: dict[ast.AST, Use] = {}
    steps: dict[ast.AST, Use] = {}
    for other in file.uses:
        if _uses_image(other, image):
            containers.update((taker.node, taker) for taker in _runs_in(other))
        elif _follows(other, image) and other.api.with_sink(Sink.SECRETS) and _may_read(other, group):
            steps[other.node] = other
    if not containers:
        raise Stays("no function, class, server or sandbox in this file uses the image")
    exported = _exported(file, use)
    if exported:
        raise Stays(f"other files use the image: give the Secret to what runs it ({exported})")
    if len(containers) + len(steps) > MAX_TAKERS:
        raise Stays(f"{len(containers) + len(steps)} calls would need the Secret")
    _check_apps(containers.values(), group)
    return [*containers.values(), *steps.values()]


def _check_apps(containers: Iterable[Use], group: Group) -> None:
    """The Secrets of an App win over its image, and would lose to a function's own."""
    from modal_lint.environments.containers import of_app

    for container in containers:
        supply = None if container.api.name == "modal.App" else of_app(container)
        for key in group.moved:
            if supply is not None and not supply.lacks(key):
                raise Stays(f"the Secrets of the App may hold {key} too, and win over the image")


def _check_later(image: _Made, group: Group) -> None:
    """Nothing may come after that a Secret would overrule, or that would drop the Secret."""
    file = image.use.file
    ev = file.project.evaluator
    for other in file.uses:
        if other.api.name.endswith(".with_options") and any(other.given(Sink.ENV, Sink.SECRETS)):
            raise Stays("with_options(…) in this file replaces the Secrets of a function")
        if _follows(other, image):
            for given in other.given(Sink.IMAGE_ENV):
                for value in given.values(ev):
                    names = {_known(entry.key) for entry in value.entries} if isinstance(value, Mapping) else {None}
                    if None in names or names & set(group.moved) or not getattr(value, "complete", False):
                        raise Stays("a later .env(…) of the image may set the same key")


def _known(value: Value) -> str | None:
    return value.known if isinstance(value, Text) else None


def _runs_in(container: Use) -> list[Use]:
    """What runs in an App's image: the App itself, or its functions where some have an image of their own."""
    if container.api.name != "modal.App":
        return [container]
    app = _Made(container)
    functions = [
        other
        for other in container.file.uses
        if other.api.binds_image and other.owner is not None and app.holds(other.owner)
    ]
    if all(other.argument(Sink.IMAGE) is None for other in functions):
        return [container]
    return [other for other in functions if other.argument(Sink.IMAGE) is None]


class _Made:
    """What one call has made, alone or as a step: each object is gone back from once."""

    def __init__(self, use: Use) -> None:
        self.use = use
        self._known: dict[Object, bool] = {}

    def holds(self, value: Object) -> bool:
        """Whether the call is among those that made an object."""
        passed: list[Object] = []
        current: Object | None = value
        while current is not None and current not in self._known:
            passed.append(current)
            if current.call is not None and current.call.node is self.use.node:
                self._known[current] = True
                break
            current = current.previous
        verdict = current is not None and self._known[current]
        self._known.update(dict.fromkeys(passed, verdict))
        return verdict


def _follows(other: Use, image: _Made) -> bool:
    """Whether one call is a later step of the image that another is a step of."""
    return other.owner is not None and other.node is not image.use.node and image.holds(other.owner)


def _uses_image(other: Use, image: _Made) -> bool:
    if other.api.binds_image is None:
        return False
    ev = image.use.file.project.evaluator
    for given in other.given(Sink.IMAGE):
        values = given.values(ev)
        made = [value for value in values if isinstance(value, Object) and image.holds(value)]
        if made and len(made) < len(values):
            raise Stays("the image is another one on some paths")
        if made:
            return True
    return False


def _may_read(step: Use, group: Group) -> bool:
    """Whether a build step runs code of the user's, or an installer that reads these variables."""
    if step.api.with_sink(*_BUILD_SINKS[:2]) is not None and step.api.name.endswith(
        ("run_commands", "dockerfile_commands", "run_function")
    ):
        return True
    return any(key.startswith(("PIP_", "UV_", "POETRY_", "NETRC", "GIT")) for key in group.moved)


def _exported(file: File, use: Use) -> str | None:
    """The path of another file that may use the image."""
    statement = file.statement_of(use.node)
    for name, bindings in file.scopes.module.bindings.items():
        if any(binding.node is statement for binding in bindings):
            others = file.project.mentioning(name, file)
            if others:
                return others[0].path
    return None
