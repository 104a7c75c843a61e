"""Values from outside that have a default in the source: command-line options, environment variables set here."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint import objects
from modal_lint.calls import Frame
from modal_lint.values import Bag, Entry, Mapping, Passage, Place, Text, Values, known_texts, passed, text

if TYPE_CHECKING:
    from modal_lint.evaluate import Evaluator


def option_default(ev: Evaluator, node: ast.AST, name: str, frame: Frame) -> Values | None:
    """The default that ``@click.option("--name", default=…)`` gives a parameter."""
    for decorator in getattr(node, "decorator_list", ()):
        if not isinstance(decorator, ast.Call) or objects.decorator_name(decorator) not in ("option", "argument"):
            continue
        spelled = [arg.value for arg in decorator.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        if not any(word.lstrip("-").replace("-", "_") == name for word in spelled):
            continue
        default = next((keyword.value for keyword in decorator.keywords if keyword.arg == "default"), None)
        if default is not None:
            values = ev.evaluate(default, frame.outer or ev.module_frame(frame.file))
            return passed(values, Passage(Place(frame.file, default), f"default of option {name}"))
    return None


def parsed_arguments(ev: Evaluator, frame: Frame) -> Bag:
    """The result of ``parser.parse_args()``: every option of the file that has a default."""
    entries: list[Entry] = []
    for call in frame.file.scopes.calls:
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "add_argument":
            continue
        names = [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        keywords = {keyword.arg: keyword.value for keyword in call.keywords}
        destination = keywords.get("dest")
        if isinstance(destination, ast.Constant) and isinstance(destination.value, str):
            name = destination.value
        else:
            long = next((word for word in names if word.startswith("--")), names[0] if names else "")
            name = long.lstrip("-").replace("-", "_")
        if name and "default" in keywords:
            here = frame.file.scopes.scope(call).function
            run = frame.of(here.node) or ev.module_frame(frame.file)
            step = Passage(Place(frame.file, call), f"default of option {name}")
            entries.append(Entry(text(name, None), passed(ev.evaluate(keywords["default"], run), step)))
    return Bag(Mapping(tuple(entries), False))


def environment_assignments(ev: Evaluator, key: str | None, place: Place, frame: Frame) -> Values:
    """What the same module assigns to ``os.environ[key]``."""
    groups: list[Values] = []
    for statement in place.file.scopes.subscripts:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        if not isinstance(target, ast.Subscript) or statement.value is None:
            continue
        if not isinstance(target.value, (ast.Name, ast.Attribute)):
            continue
        if (target.value.attr if isinstance(target.value, ast.Attribute) else target.value.id) != "environ":
            continue
        here = place.file.scopes.scope(statement).function
        run = frame.of(here.node) or Frame(place.file, here.node, outer=ev.module_frame(place.file))
        if not any(name == key for name in known_texts(ev.evaluate(target.slice, run))):
            continue
        step = Passage(Place(place.file, statement), f"assigned to os.environ[{key!r}]")
        values = tuple(v for v in ev.evaluate(statement.value, run) if isinstance(v, Text))
        groups.append(passed(values, step))
    return tuple(value for group in groups for value in group)
