"""Functions: in a process of their own, with exactly the variables they declare."""

# modal-lint: ignore-file[MS315] which value wins is what is tested

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from modal_lint_runtime import (
    AsyncModalClient,
    ExecTimeoutError,
    InvalidError,
    ModalClient,
    ModalError,
    NotFoundError,
    RemoteError,
    SandboxTerminatedError,
    UnsupportedError,
)
from runtime_world import needs_layers, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint_runtime import App

OFFSET = 100


class CustomError(Exception):
    """An exception of this module."""


class UnloadableError(Exception):
    """One that can be pickled, and not loaded."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


@pytest.fixture
def modal(tmp_path: Path) -> Iterator[ModalClient]:
    with ModalClient(path=tmp_path / "workspace") as client:
        yield client


@pytest.fixture
def app(modal: ModalClient) -> App:
    return modal.apps.from_name("functions", create_if_missing=True)


def environment() -> dict[str, str]:
    return dict(os.environ)


def test_the_environment_is_exactly_what_is_declared(
    modal: ModalClient, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOST_CREDENTIAL", value())
    secret = modal.secrets.create("declared", {"A": "secret", "B": "secret"})
    declared = modal.functions.define(app, secrets=[secret], env={"B": "env", "MODAL_REGION": "mine"})(environment)
    seen = declared.remote()
    assert (seen.pop("A"), seen.pop("B")) == ("secret", "env")
    assert (seen.pop("MODAL_ENVIRONMENT"), seen.pop("MODAL_IS_REMOTE")) == ("main", "1")
    assert seen.pop("MODAL_TASK_ID").startswith("fc-")
    assert set(seen) == {"PATH", "HOME", "LANG"}
    assert declared.local() == dict(os.environ)


def test_secrets_of_the_app_come_first(modal: ModalClient) -> None:
    shared = modal.secrets.from_object({"A": "app", "B": "app"})
    own = modal.secrets.from_object({"B": "own"})
    app = modal.apps.from_name("with-secrets", create_if_missing=True, secrets=[shared])
    seen = modal.functions.define(app, secrets=[own])(environment).remote()
    assert (seen["A"], seen["B"]) == ("app", "own")
    with modal.sandboxes.create(app, modal.images.from_registry("python:3.13")) as sandbox:
        assert sandbox.exec(["printenv", "A"]).wait() == 1


def test_with_options_replaces_all(modal: ModalClient) -> None:
    shared, own, other = (modal.secrets.from_object({name: name}) for name in ("APP", "OWN", "OTHER"))
    app = modal.apps.from_name("with-secrets", create_if_missing=True, secrets=[shared])
    base = modal.functions.define(app, secrets=[own], env={"ENV": "1"})(environment)

    def has(function: Any) -> set[str]:
        return {"APP", "OWN", "OTHER", "ENV", "MORE"} & set(function.remote())

    assert has(base) == {"APP", "OWN", "ENV"}
    assert has(base.with_options(secrets=[other])) == {"OTHER"}
    assert has(base.with_options(env={"MORE": "1"})) == {"MORE"}
    assert has(base.with_options(secrets=[other]).with_options(env={"MORE": "1"})) == {"MORE"}
    assert has(base.with_options(secrets=[], env={})) == {"APP", "OWN", "ENV"}


def test_arguments_and_results_travel(modal: ModalClient, app: App) -> None:
    @modal.functions.define(app)
    def combine(first: int, *rest: object, **named: object) -> tuple[int, object, object, object]:
        return first + OFFSET, rest, named, sys.argv

    large = b"x" * 5_000_000
    total, rest, named, argv = combine.remote(1, large, key={"nested": [1, 2]})
    assert (total, rest, named) == (101, (large,), {"key": {"nested": [1, 2]}})
    assert argv == ["-c"]


def test_a_function_that_names_itself_and_others(modal: ModalClient, app: App) -> None:
    @modal.functions.define(app)
    def inner(number: int) -> int:
        return number + 1

    @modal.functions.define(app)
    def outer(number: int) -> int:
        return inner.local(number) if number == 0 else outer.local(number - 1)

    @modal.functions.define(app)
    def nested() -> int:
        return inner.remote(1)

    assert outer.remote(3) == 1
    with pytest.raises(UnsupportedError, match="inner"):
        nested.remote()


def test_exceptions_come_back_as_they_were(modal: ModalClient, app: App) -> None:
    hidden = value()

    @modal.functions.define(app, env={"HIDDEN": hidden})
    def fail(how: str) -> None:
        if how == "custom":
            raise CustomError("text", 7)
        if how == "unloadable":
            raise UnloadableError("a", os.environ["HIDDEN"])
        if how == "exit":
            sys.exit(4)
        if how == "vanish":
            os._exit(5)
        dict[str, int]()["key"]

    with pytest.raises(CustomError) as caught:
        fail.remote("custom")
    assert caught.value.args == ("text", 7)
    assert "in fail" in str(caught.value.__cause__)
    with pytest.raises(KeyError):
        fail.remote("")
    with pytest.raises(RemoteError, match="UnloadableError") as remote:
        fail.remote("unloadable")
    assert "in fail" in remote.value.remote_traceback
    assert hidden not in str(remote.value) + remote.value.remote_traceback
    assert pickle.loads(pickle.dumps(remote.value)).remote_traceback == remote.value.remote_traceback
    with pytest.raises(RemoteError, match="SystemExit"):
        fail.remote("exit")
    with pytest.raises(RemoteError, match="exit code 5"):
        fail.remote("vanish")


def test_what_is_printed_shows_here_without_values(
    modal: ModalClient, app: App, capfd: pytest.CaptureFixture[str]
) -> None:
    hidden = value()

    @modal.functions.define(app, secrets=[modal.secrets.from_object({"HIDDEN": hidden})])
    def talk() -> str:
        print("to stdout", os.environ["HIDDEN"])
        print("to stderr", os.environ["HIDDEN"], file=sys.stderr)
        os.system("echo from a shell")
        return os.environ["HIDDEN"]

    assert talk.remote() == hidden
    out, err = capfd.readouterr()
    assert out == "to stdout ***\nfrom a shell\n" or out == "from a shell\nto stdout ***\n"
    assert err == "to stderr ***\n"


def test_what_cannot_travel_is_said_without_its_content(modal: ModalClient, app: App) -> None:
    hidden = value()

    class Stubborn:
        def __reduce__(self) -> str:
            raise RuntimeError(hidden)

    @modal.functions.define(app)
    def give(item: object) -> object:
        return item

    @modal.functions.define(app)
    def return_a_lock() -> object:
        return threading.Lock()

    @modal.functions.define(app)
    def use_the_client() -> object:
        return modal.secrets.list()

    with pytest.raises(InvalidError, match=r"give.*RuntimeError") as caught:
        give.remote(Stubborn())
    assert hidden not in str(caught.value)
    with pytest.raises(TypeError, match="pickle"):
        return_a_lock.remote()
    with pytest.raises(UnsupportedError, match="client"):
        use_the_client.remote()


def test_timeouts(modal: ModalClient, app: App) -> None:
    @modal.functions.define(app, timeout=0.5)
    def sleep() -> None:
        time.sleep(60)

    start = time.monotonic()
    with pytest.raises(ExecTimeoutError, match="sleep"):
        sleep.remote()
    assert time.monotonic() - start < 10


def test_coroutine_functions(modal: ModalClient, app: App) -> None:
    @modal.functions.define(app)
    async def double(number: int) -> int:
        await asyncio.sleep(0)
        return number * 2

    assert double.remote(4) == 8


def test_map(modal: ModalClient, app: App) -> None:
    @modal.functions.define(app)
    def divide(number: int, by: int = 1) -> float:
        return number / by

    assert list(divide.map([1, 2, 3])) == [1, 2, 3]
    assert list(divide.map(range(10, 13), [1, 2])) == [10, 5.5]
    results = list(divide.map([1, 1], [0, 1], return_exceptions=True))
    assert isinstance(results[0], ZeroDivisionError)
    assert results[1] == 1
    with pytest.raises(ZeroDivisionError):
        list(divide.map([1], [0]))
    first = divide.map(iter(int, 1))  # endless
    assert next(first) == 0
    first.close()  # type: ignore[attr-defined]


def test_functions_in_an_image(modal: ModalClient, app: App) -> None:
    needs_layers()
    image = modal.images.from_registry("python:3.13").dockerfile_commands(
        ["ENV BAKED=1", "WORKDIR /srv", "RUN echo content > /srv/file"]
    )

    @modal.functions.define(app, image=image, env={"DECLARED": "1"})
    def look() -> tuple[str, str, bool, int]:
        return Path("file").read_text(), os.environ["BAKED"], "DECLARED" in os.environ, OFFSET

    assert look.remote() == ("content\n", "1", True, 100)
    assert not Path("/srv/file").exists()


def test_cloudpickle_is_taken_along_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from modal_lint_runtime import function_child
    from modal_lint_runtime.local_calls import _cloudpickle_source

    source = _cloudpickle_source()
    for name in [name for name in sys.modules if name.partition(".")[0] == "cloudpickle"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "meta_path", [])
    function_child.provide_cloudpickle(source)
    provided = sys.modules["cloudpickle"]
    assert pickle.loads(provided.dumps(lambda: 7))() == 7
    for name in ("cloudpickle", "cloudpickle.cloudpickle"):
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError):
        function_child.provide_cloudpickle(None)


def test_deleted_secrets_are_felt(modal: ModalClient, app: App) -> None:
    secret = modal.secrets.create("gone", {"A": "1"})
    function = modal.functions.define(app, secrets=[secret])(environment)
    assert function.remote()["A"] == "1"
    modal.secrets.delete("gone")
    with pytest.raises(NotFoundError):
        function.remote()


def test_what_cannot_be_a_function(modal: ModalClient, app: App) -> None:
    def generate() -> Iterator[int]:
        yield 1

    with pytest.raises(UnsupportedError, match="generate"):
        modal.functions.define(app)(generate)
    with pytest.raises(InvalidError, match="function"):
        modal.functions.define(app)(CustomError)
    with pytest.raises(InvalidError, match="inputs"):
        modal.functions.define(app)(environment).map()
    with pytest.raises(InvalidError, match="inputs"):
        modal.functions.define(app)(environment).map(5)  # type: ignore[arg-type]


def test_closing_the_client_ends_its_calls(tmp_path: Path) -> None:
    modal = ModalClient(path=tmp_path / "workspace")
    app = modal.apps.from_name("functions", create_if_missing=True)

    marker = tmp_path / "marker"

    @modal.functions.define(app)
    def sleep(path: str) -> None:
        Path(path).touch()
        time.sleep(60)

    raised: list[BaseException] = []

    def call() -> None:
        try:
            sleep.remote(str(marker))
        except ModalError as error:
            raised.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    while not marker.exists() and thread.is_alive():
        time.sleep(0.02)
    modal.close()
    thread.join(20)
    assert [type(error) for error in raised] == [SandboxTerminatedError]


def test_async_functions(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncModalClient(path=tmp_path / "workspace") as modal:
            secret = await modal.secrets.from_object({"A": "1"})
            app = await modal.apps.from_name("functions", create_if_missing=True)

            @modal.functions.define(app, secrets=[secret])
            def read(name: str) -> str | None:
                return os.environ.get(name)

            assert await read.remote("A") == "1"
            assert read.local("NO_SUCH_VARIABLE") is None
            assert [each async for each in read.map(["A", "B"])] == ["1", None]
            assert await read.with_options(env={"B": "2"}).remote("B") == "2"
            with pytest.raises(TypeError):
                await read.remote()  # type: ignore[call-arg]

    asyncio.run(main())


def test_a_cancelled_call_ends_its_process(tmp_path: Path) -> None:
    marker = tmp_path / "marker"

    async def main() -> None:
        async with AsyncModalClient(path=tmp_path / "workspace") as modal:
            app = await modal.apps.from_name("functions", create_if_missing=True)

            @modal.functions.define(app)
            def work(path: str) -> None:
                Path(path).write_text(str(os.getpid()))
                time.sleep(60)

            task = asyncio.create_task(work.remote(str(marker)))
            while not marker.exists() or not marker.read_text():
                await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with pytest.raises(ProcessLookupError):
                os.kill(int(marker.read_text()), 0)

    asyncio.run(asyncio.wait_for(main(), 30))


def test_nothing_of_a_call_is_on_the_disk_or_among_arguments(modal: ModalClient, app: App, tmp_path: Path) -> None:
    hidden = value()

    @modal.functions.define(app, env={"HIDDEN": hidden})
    def arguments(given: str) -> bool:
        everything = b""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                everything += path.read_bytes()
        return given.encode() in everything or os.environ["HIDDEN"].encode() in everything

    assert not arguments.remote(value())
    for path in (tmp_path / "workspace").rglob("*"):
        assert not path.is_file() or hidden.encode() not in path.read_bytes()
