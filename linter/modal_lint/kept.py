"""What is concluded about an object, kept for as long as the object itself."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Kept(Generic[K, V]):
    """A mapping by identity whose entries go with their keys, even where a value refers to its key.

    A `weakref.WeakKeyDictionary` holds such a key for ever: its value keeps it alive. Here the value is held by the
    key, so that both are an ordinary ring for Python to find. A process that goes on, an editor's, lives on that.
    """

    __slots__ = ("_name",)

    def __init__(self) -> None:
        self._name = f"_kept_{id(self)}"

    def get(self, key: K) -> V | None:
        """What is kept of ``key``; None if nothing is."""
        kept: V | None = self._held(key).get(self._name)
        return kept

    def setdefault(self, key: K, value: V) -> V:
        """What is kept of ``key``; ``value`` from now on, if nothing is."""
        kept: V = self._held(key).setdefault(self._name, value)
        return kept

    def __contains__(self, key: K) -> bool:
        return self._name in self._held(key)

    def __getitem__(self, key: K) -> V:
        kept: V = self._held(key)[self._name]
        return kept

    def __setitem__(self, key: K, value: V) -> None:
        self._held(key)[self._name] = value

    def _held(self, key: K) -> dict[str, Any]:
        return key.__dict__
