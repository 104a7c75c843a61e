"""Functions: Python functions that run in a process of their own, with the variables they declare and no others."""

from __future__ import annotations

import collections.abc
import contextlib
import inspect
import threading
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from modal_lint_runtime import contract
from modal_lint_runtime.apps import App
from modal_lint_runtime.arguments import instance, seconds, yes_or_no
from modal_lint_runtime.backend import CallOrder
from modal_lint_runtime.contract.verdict import kind_of
from modal_lint_runtime.errors import InvalidError, ModalError, UnsupportedError
from modal_lint_runtime.images import Image
from modal_lint_runtime.variables import sources

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence

    from modal_lint_runtime.backend import Backend, Call
    from modal_lint_runtime.secrets import Secret
    from modal_lint_runtime.variables import Source

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

MAX_AT_ONCE = 8
"""Processes that one `Function.map` has at a time."""

_by_value = threading.Lock()


class RemoteError(ModalError):
    """A Function failed in a way that cannot be raised here as it was.

    Attributes:
        remote_traceback: the traceback in its process as text, values of its Secrets masked; empty when there is none.
    """

    def __init__(self, message: str, remote_traceback: str = "") -> None:
        self.remote_traceback = remote_traceback
        super().__init__(message + (f"\n{remote_traceback}" if remote_traceback else ""))
        self._message = message

    def __reduce__(self) -> tuple[type[RemoteError], tuple[str, str]]:
        return RemoteError, (self._message, self.remote_traceback)


class Function(Generic[P, R]):
    """A function of an App. Made by the decorator `client.functions.define`.

    Attributes:
        raw: the function itself.
        sources: where its variables come from, weakest first: Secrets of the App, its own, and its ``env``.
    """

    def __init__(
        self,
        backend: Backend | None,
        app: App,
        raw: Callable[P, R],
        sources: tuple[Source, ...],
        image: Image | None = None,
        timeout: float | None = None,
    ) -> None:
        self._backend = backend
        self._app = app
        self._image = image
        self._timeout = timeout
        self.raw = raw
        self.sources = sources
        self.__name__ = str(getattr(raw, "__name__", "function"))
        self.__doc__ = raw.__doc__

    def __repr__(self) -> str:
        return f"Function({self.__name__!r})"

    def __getstate__(self) -> dict[str, object]:
        """What a Function that names itself, or another one, takes along into its process: it can be `local` there."""
        return {**self.__dict__, "_backend": None, "_image": None}

    def local(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function here: without a process, and without the variables that it declares."""
        return self.raw(*args, **kwargs)

    @overload
    def remote(self: Function[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T: ...

    @overload
    def remote(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

    def remote(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Call the function in a fresh process that has the declared variables, PATH, HOME, LANG, and no others.

        Arguments and result are pickled and go through pipes. What it prints is printed here, values of its Secrets
        masked. A coroutine function is run to its end.

        Raises:
            Exception: what the function raises, as it was where that can be pickled.
            RemoteError: what it raises cannot be, its process died, or its result cannot be sent.
            NotFoundError: one of its Secrets has been deleted.
            InvalidError: an argument cannot be pickled.
            ExecTimeoutError: it ran into its timeout.
        """
        return self.start(args, kwargs).result()

    def map(self, *inputs: Iterable[Any], return_exceptions: bool = False) -> Iterator[Any]:
        """Call the function for each input, several at a time; yields the results in the order of the inputs.

        Args:
            inputs: iterables, one for each argument; the shortest says how many calls there are.
            return_exceptions: yield an exception in the place of its result; otherwise the first one is raised.

        Raises:
            InvalidError: no iterables.
        """
        from modal_lint_runtime.mapping import mapped

        keep, arguments = rows(inputs, return_exceptions)
        return mapped(lambda args: self.start(args, {}), arguments, keep, MAX_AT_ONCE)

    def with_options(
        self, *, secrets: Sequence[Secret] | None = None, env: Mapping[str, str | None] | None = None
    ) -> Function[P, R]:
        """The Function with other variables: they replace those of the decorator and of the App altogether (S20).

        Args:
            secrets: the Secrets that it has instead.
            env: variables over them. Even ``env`` alone drops all Secrets.

        Nothing, or empty ones, change nothing. Raises InvalidError for an argument of the wrong type or content.
        """
        given = sources(secrets, env, contract.Site.WITH_OPTIONS)
        replaced: tuple[Source, ...] = contract.with_options(self.sources, given)
        return Function(self._backend, self._app, self.raw, replaced, self._image, self._timeout)

    def start(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Call:
        """Start a call in a process of its own, and do not wait for it."""
        if self._backend is None:
            raise UnsupportedError(f"{self.__name__}: a Function's process cannot start others; call it with `local`")
        order = CallOrder(self.__name__, self._payload(args, kwargs), self.sources, self._timeout)
        return self._backend.call(self._app, self._image, order)

    def _payload(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bytes:
        try:
            import cloudpickle
        except ImportError:
            raise UnsupportedError("Functions need the extra: pip install 'modal-lint[runtime]'.") from None
        try:
            with _module_by_value(self.raw):
                data: bytes = cloudpickle.dumps((self.raw, tuple(args), dict(kwargs)))
        except ModalError:
            raise
        except Exception as error:  # whatever an object raises when it is pickled; its text may hold anything
            raise InvalidError(
                f"`args`: {self.__name__}, what it refers to or its arguments cannot be sent: {type(error).__name__}"
            ) from None
        return data


class Functions:
    """`client.functions`."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def define(
        self,
        app: App,
        *,
        secrets: Sequence[Secret] | None = None,
        env: Mapping[str, str | None] | None = None,
        image: Image | None = None,
        timeout: float | None = None,
    ) -> Callable[[Callable[P, R]], Function[P, R]]:
        """A decorator that makes a function a `Function` of an App.

        Args:
            app: the App it belongs to; the App's Secrets come first.
            secrets: its Secrets; later ones win.
            env: variables over the Secrets.
            image: what it runs in. Without one it runs in this Python, with this machine's files.
            timeout: seconds until a call is ended.

        Raises:
            InvalidError: an argument of the wrong type or content, or no function is decorated.
            UnsupportedError: the function is a generator.
        """
        owner = instance(app, App, "app")
        given = (*owner.secrets, *sources(secrets, env, contract.Site.FUNCTION))
        base = None if image is None else instance(image, Image, "image")
        limit = seconds(timeout, "timeout")

        def decorate(function: Callable[P, R]) -> Function[P, R]:
            return Function(self._backend, owner, checked(function), given, base, limit)

        return decorate


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """A function that can be a `Function`. Raises InvalidError for anything else, UnsupportedError for a generator."""
    if not inspect.isfunction(function):
        raise InvalidError(f"`function`: only functions can be defined, got {kind_of(function)}")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise UnsupportedError(f"{function.__name__}: Functions that yield are not supported")
    return function


def rows(inputs: tuple[object, ...], return_exceptions: object) -> tuple[bool, Iterator[tuple[Any, ...]]]:
    """The arguments of `Function.map`: whether exceptions are kept, and the arguments of each call.

    Raises InvalidError for inputs that are no iterables, or none at all.
    """
    keep = yes_or_no(return_exceptions, "return_exceptions")
    given: list[Iterable[Any]] = []
    for each in inputs:
        if not isinstance(each, collections.abc.Iterable):
            raise InvalidError(f"`inputs` must be iterables, got {kind_of(each)}")
        given.append(each)
    if not given:
        raise InvalidError("`inputs` must be at least one iterable")
    return keep, zip(*given, strict=False)


@contextlib.contextmanager
def _module_by_value(function: Callable[..., object]) -> Iterator[None]:
    """Send what is defined in the function's own module, which its process shall not import, along with it."""
    import sys

    import cloudpickle

    name = getattr(function, "__module__", None) or ""
    module = sys.modules.get(name)
    with _by_value:
        mine = module is not None and name != "__main__" and name not in cloudpickle.list_registry_pickle_by_value()
        if mine:
            cloudpickle.register_pickle_by_value(module)
        try:
            yield
        finally:
            if mine:
                cloudpickle.unregister_pickle_by_value(module)
