"""Classes that are their fields, as dataclasses with slots are; to declare one takes a third of the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: object) -> Callable[[T], T]:
        return lambda decorator: decorator


T = TypeVar("T")


class _Made:
    def __init__(self, make: Callable[[], object]) -> None:
        self.make = make


def made(*, default_factory: Callable[[], T]) -> T:
    """The default of a field that is made anew for each record."""
    default: Any = _Made(default_factory)
    return default  # type: ignore[no-any-return]


@dataclass_transform(eq_default=False, field_specifiers=(made,))
def record(cls: type[T]) -> type[T]:
    """Give a class slots for the fields that it declares, and an ``__init__`` that takes them in their order.

    Records are compared by identity, and have no repr, which could show a value that nobody is to see. What they
    inherit from has no fields.
    """
    space = dict(vars(cls))
    names = tuple(cls.__annotations__)
    defaults = {f"_{name}": space.pop(name) for name in names if name in space}
    parameters = ["self", *(f"{name}=_{name}" if f"_{name}" in defaults else name for name in names)]
    body = [f"self.{name} = {_given(name, defaults.get(f'_{name}'))}" for name in names]
    if "__post_init__" in space:
        body.append("self.__post_init__()")
    exec(f"def __init__({', '.join(parameters)}):\n " + "\n ".join(body or ["pass"]), defaults, space)
    for kept_in_slots in ("__dict__", "__weakref__"):
        space.pop(kept_in_slots, None)
    space |= {"__slots__": names, "__qualname__": cls.__qualname__}
    metaclass: Any = type(cls)
    with_slots: type[T] = metaclass(cls.__name__, cls.__bases__, space)
    return with_slots


def _given(name: str, default: object) -> str:
    return f"_{name}.make() if {name} is _{name} else {name}" if isinstance(default, _Made) else name


def fields(kind: type[object]) -> tuple[str, ...]:
    """The names of the fields of a class of records."""
    names: tuple[str, ...] = vars(kind)["__slots__"]
    return names


def replace(changed: T, **values: object) -> T:
    """A record like another one but for some fields."""
    kind: Any = changed.__class__
    same = {name: getattr(changed, name) for name in fields(kind) if name not in values}
    another: T = kind(**same, **values)
    return another
