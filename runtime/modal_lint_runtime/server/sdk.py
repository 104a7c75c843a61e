"""The Python SDK of this process, which talks to a local server for a while."""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def one_server(url: str) -> Iterator[None]:
    """Let the `modal` package of this process talk to the server at `url`, as its environment says, and then forget it.

    Objects that outlive the block, those of a program's modules, are looked up or made anew when they are used next.
    """
    _forget_client()
    try:
        with _no_user_configuration():
            yield
    finally:
        forget_objects(url)
        _forget_client()


@contextlib.contextmanager
def _no_user_configuration() -> Iterator[None]:
    """Let the SDK see nothing of `~/.modal.toml`, which it has read when it was imported."""
    import modal.config

    config: Any = modal.config
    read = config._user_config
    config._user_config = {}
    try:
        yield
    finally:
        config._user_config = read


def _forget_client() -> None:
    """Make the SDK read its configuration anew: it keeps one client per process, made from the environment."""
    import modal.client
    from modal._utils.async_utils import synchronizer

    client_class: Any = modal.client._Client
    client = client_class._client_from_env
    client_class._set_env_client(None)
    if client is not None:

        async def close() -> None:
            await client.close()

        synchronizer.create_blocking(close)()


def forget_objects(url: str) -> None:
    """Make the SDK's live objects forget what they are on the server at `url`.

    An object keeps its id and its client for good, so a Secret, an Image or a Function of a module would be looked for
    in the workspace of an earlier test. Objects that were found by their id stay as they are.
    """
    from modal._object import _Object

    # `type` and not `isinstance`: that would ask objects of the program, some of which make themselves when asked.
    for one in [one for one in gc.get_objects() if issubclass(type(one), _Object)]:
        _forget(one, url)


def _forget(one: Any, url: str) -> None:
    context = getattr(one, "_load_context_overrides", None)
    if context is not None and _is_of(context._client, url):
        context._client = None
    if getattr(one, "_load", None) is not None and _is_of(one._client, url):
        one._unhydrate()
    variants = getattr(one, "_bind_params_cache", None)
    if variants:
        variants.clear()


def _is_of(client: Any, url: str) -> bool:
    return client is not None and client.server_url == url
