"""The public face as such: its names, what importing it costs, and what every method says to nonsense."""

# modal-lint: ignore-file[MS314] deleting a Secret that is in use is what is tested

from __future__ import annotations

import asyncio
import inspect
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import modal_lint_runtime
import pytest
from modal_lint_runtime import AsyncModalClient, InvalidError, ModalClient, ModalError, NotFoundError
from runtime_world import value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOURCES = str(Path(modal_lint_runtime.__file__).resolve().parent.parent)
MARKER = value()
NOT_TEXT: tuple[Any, ...] = (0, 1.5, b"bytes", ["list"], {"d": 1}, object(), True)
NOT_A_SWITCH: tuple[Any, ...] = ("yes", 1, None, [])
NOT_SECRETS: tuple[Any, ...] = (MARKER, {"a": MARKER}, [MARKER], [None], 5, iter([]), {1}, object())
NOT_AN_OBJECT: tuple[Any, ...] = (None, "name", 5, [], {}, object())
NOT_ENTRIES: tuple[Any, ...] = (
    None,
    MARKER,
    [("A", MARKER)],
    os.environ,
    {"A": 5},
    {"A": MARKER, "B": None},
    {"A": [MARKER]},
    {5: MARKER},
    {"": MARKER},
    {"a-b": MARKER},
    {"1a": MARKER},
    {"A": MARKER + "\0"},
    {"A": MARKER + "\ud800"},
    {"A": MARKER * 5000},
    {"A" * 20_000: MARKER},
)
NOT_ENV: tuple[Any, ...] = tuple(each for each in NOT_ENTRIES if each is not None and each != {"A": MARKER, "B": None})
NOT_SECONDS: tuple[Any, ...] = ("5", 0, -1, float("nan"), float("inf"), 10**400, True, [])
NOT_A_COMMAND: tuple[Any, ...] = ("ls", [], [""], [5], ["a", None], [MARKER + "\0"], ["\ud800"], ["x" * 70_000], {"a"})
NOT_A_NAME: tuple[Any, ...] = (*NOT_TEXT, "", "a b", "ä", "x" * 65, "x" * 100_000, "\ud800", "ap-" + "a" * 22)
NOT_AN_ENVIRONMENT: tuple[Any, ...] = (0, b"b", [], object(), "no-such-environment", "x" * 100_000, "\ud800", "a\0b")
NOT_TAGS: tuple[Any, ...] = ("a", [("a", "b")], {"a": 1}, {1: "a"}, {"a": "b c"}, {"a": "x" * 64}, {"": "a"}, 5)
NOT_A_WORKDIR: tuple[Any, ...] = (5, "relative", "", b"/", ["/"])
NOT_A_DIRECTORY: tuple[Any, ...] = (5, "/no/such/directory", "a\0b", "x" * 100_000, b"/", [], "~nobody-like-this/x")

_Use = tuple["Callable[..., Any]", dict[str, Any], dict[str, tuple[Any, ...]]]


@pytest.fixture(scope="module")
def modal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModalClient]:
    with ModalClient(path=tmp_path_factory.mktemp("surface") / "workspace", isolation="none") as client:
        client.secrets.create("there", {"KEY": MARKER})
        yield client


def uses(modal: ModalClient) -> dict[str, _Use]:
    """Every public method: a call of it that works, and for each argument values that it must refuse."""
    app = modal.apps.from_name("app", create_if_missing=True)
    image = modal.images.from_registry("python:3.13")
    secret = modal.secrets.from_object({"KEY": MARKER})
    sandbox = modal.sandboxes.create(app, image)
    process = sandbox.exec(["cat"])
    function = modal.functions.define(app)(work)
    numbers: tuple[Any, ...] = (-1, "5", 1.5, True, [])
    where = {"environment": NOT_AN_ENVIRONMENT}
    variables: dict[str, tuple[Any, ...]] = {"secrets": NOT_SECRETS, "env": NOT_ENV}
    return {
        "secrets.from_name": (
            modal.secrets.from_name,
            {"name": "there"},
            {
                "name": (*NOT_TEXT, "", "x" * 100_000, "no\ud800"),
                "required_keys": ("KEY", 5, [5], [None], iter(["KEY"]), ["x" * 100_000]),
                **where,
            },
        ),
        "secrets.from_object": (modal.secrets.from_object, {"entries": {}}, {"entries": NOT_ENTRIES, **where}),
        "secrets.create": (
            modal.secrets.create,
            {"name": "made", "entries": {}, "overwrite": True},
            {"name": NOT_A_NAME, "entries": NOT_ENTRIES, "overwrite": NOT_A_SWITCH, **where},
        ),
        "secrets.update": (
            modal.secrets.update,
            {"secret": "there", "entries": {}},
            {"secret": (None, 5, [], {}, "", "x" * 100_000, object()), "entries": NOT_ENTRIES, **where},
        ),
        "secrets.list": (
            modal.secrets.list,
            {},
            {"limit": numbers, "created_before": ("5", True, [], float("nan")), **where},
        ),
        "secrets.delete": (
            modal.secrets.delete,
            {"name": "no-such", "allow_missing": True},
            {"name": NOT_TEXT, "allow_missing": NOT_A_SWITCH},
        ),
        "environments.create": (modal.environments.create, {"name": "new"}, {"name": (*NOT_A_NAME[:-1], "en-x")}),
        "environments.delete": (
            modal.environments.delete,
            {"name": "new"},
            {"name": (*NOT_TEXT, "", "no-such", "main", "x" * 100_000)},
        ),
        "environments.list": (modal.environments.list, {}, {}),
        "apps.from_name": (
            modal.apps.from_name,
            {"name": "app", "create_if_missing": True},
            {"name": NOT_A_NAME, "create_if_missing": NOT_A_SWITCH, "secrets": (None, *NOT_SECRETS), **where},
        ),
        "apps.list": (modal.apps.list, {}, where),
        "apps.stop": (
            modal.apps.stop,
            {"app": modal.apps.from_name("to-stop", create_if_missing=True)},
            {"app": NOT_AN_OBJECT},
        ),
        "images.from_registry": (
            modal.images.from_registry,
            {"tag": "python:3.13"},
            {
                "tag": (*NOT_TEXT, "", "a b", "-x", "a\nb", "x" * 10_000),
                "secret": ("name", [secret], 5, {"a": MARKER}, secret),
            },
        ),
        "images.from_id": (
            modal.images.from_id,
            {"image_id": image.build(app).image_id},
            {"image_id": (*NOT_TEXT, "", "im-x", "x" * 100_000)},
        ),
        "images.delete": (
            modal.images.delete,
            {"image_id": modal.images.from_registry("node:20").build(app).image_id},
            {"image_id": (*NOT_TEXT, "", "im-x", "x" * 100_000)},
        ),
        "Image.dockerfile_commands": (
            image.dockerfile_commands,
            {"commands": ["RUN true"]},
            {
                "commands": (5, None, b"RUN", {"RUN": 1}, [5], [None], ["x" * 2_000_000]),
                "context_dir": NOT_A_DIRECTORY,
                "build_args": NOT_ENV,
                "force_build": NOT_A_SWITCH,
                **variables,
            },
        ),
        "Image.env": (
            image.env,
            {"vars": {}},
            {
                "vars": (
                    None,
                    MARKER,
                    [],
                    5,
                    {"A": None},
                    {"A": 5},
                    {5: MARKER},
                    {"a b": MARKER},
                    {"A": MARKER + "\n"},
                    {"A": MARKER + "\0"},
                    {"A": MARKER + "\ud800"},
                )
            },
        ),
        "Image.build": (image.build, {"app": app}, {"app": NOT_AN_OBJECT, "on_log": ("print", 5, [])}),
        "sandboxes.create": (
            modal.sandboxes.create,
            {"app": app, "image": image, "command": ["true"]},
            {
                "app": NOT_AN_OBJECT,
                "image": NOT_AN_OBJECT,
                "command": NOT_A_COMMAND,
                "name": NOT_A_NAME,
                "tags": NOT_TAGS,
                "timeout": NOT_SECONDS,
                "workdir": NOT_A_WORKDIR,
                "block_network": NOT_A_SWITCH,
                **variables,
            },
        ),
        "sandboxes.from_id": (
            modal.sandboxes.from_id,
            {"sandbox_id": sandbox.sandbox_id},
            {"sandbox_id": (*NOT_TEXT, "", "sb-x", "x" * 100_000, "\ud800")},
        ),
        "sandboxes.list": (
            modal.sandboxes.list,
            {},
            {"app": NOT_AN_OBJECT[1:], "tags": NOT_TAGS, "include_finished": NOT_A_SWITCH, **where},
        ),
        "Sandbox.exec": (
            sandbox.exec,
            {"command": ["true"]},
            {
                "command": (*NOT_A_COMMAND, None),
                "workdir": NOT_A_WORKDIR,
                "timeout": NOT_SECONDS,
                "pty": NOT_A_SWITCH,
                **variables,
            },
        ),
        "Sandbox.wait": (
            modal.sandboxes.create(app, image, command=["true"]).wait,
            {},
            {"raise_on_termination": NOT_A_SWITCH},
        ),
        "Sandbox.poll": (sandbox.poll, {}, {}),
        "Sandbox.terminate": (modal.sandboxes.create(app, image).terminate, {}, {}),
        "Process.poll": (process.poll, {}, {}),
        "Process.wait": (sandbox.exec(["true"]).wait, {}, {}),
        "Writer.write": (
            process.stdin.write,
            {"data": ""},
            {"data": (None, 5, [b"x"], {"a": 1}, "\ud800" + MARKER, object())},
        ),
        "Writer.close": (sandbox.exec(["cat"]).stdin.close, {}, {}),
        "Reader.read_text": (sandbox.exec(["true"]).stdout.read_text, {}, {}),
        "Reader.read_bytes": (sandbox.exec(["true"]).stdout.read_bytes, {}, {}),
        "Reader.chunks": (sandbox.exec(["true"]).stdout.chunks, {}, {}),
        "functions.define": (
            modal.functions.define,
            {"app": app},
            {"app": NOT_AN_OBJECT, "image": NOT_AN_OBJECT[1:], "timeout": NOT_SECONDS, **variables},
        ),
        "Function.with_options": (function.with_options, {}, variables),
        "Function.map": (
            lambda inputs=((),), **options: function.map(*inputs, **options),
            {},
            {"inputs": ((5,), (None,), ()), "return_exceptions": NOT_A_SWITCH},
        ),
        "Function.local": (function.local, {}, {}),
        "Function.remote": (function.remote, {}, {}),
    }


def work() -> int:
    return 1


def check(call: Callable[..., Any], good: dict[str, Any], argument: str, bad: Any) -> str | None:
    """What is wrong with how a method refuses a value; None when nothing is."""
    try:
        call(**{**good, argument: bad})
    except InvalidError as error:
        text = str(error)
        wrong = "no argument" if argument not in text and argument.rstrip("s") not in text else None
    except NotFoundError as error:
        text, wrong = str(error), None if isinstance(bad, (str, list)) else "not found"
    except ModalError as error:
        text, wrong = str(error), type(error).__name__
    except Exception as error:
        return type(error).__name__
    else:
        return "accepted"
    if MARKER in text:
        return "value shown"
    return wrong or ("long" if len(text) > 2000 else None)


def test_every_method_refuses_nonsense_with_one_error_that_names_the_argument(modal: ModalClient) -> None:
    problems = []
    for name, (call, good, arguments) in uses(modal).items():
        for argument, values in arguments.items():
            for bad in values:
                problem = check(call, good, argument, bad)
                if problem is not None:
                    problems.append((name, argument, f"{type(bad).__name__} {bad!r:.60}", problem))
        call(**good)
    assert problems == []


def test_every_public_method_is_in_the_table(modal: ModalClient) -> None:
    from modal_lint_runtime.streams import Reader, Writer

    covered = set(uses(modal))
    parts = ("secrets", "environments", "apps", "images", "sandboxes", "functions")
    found = {f"{part}.{name}" for part in parts for name in methods(type(getattr(modal, part)))}
    runtime = modal_lint_runtime
    for class_ in (runtime.Image, runtime.Sandbox, runtime.Process, runtime.Function, Reader, Writer):
        found |= {f"{class_.__name__}.{name}" for name in methods(class_)}
    assert found - covered == {"Image.built", "Sandbox.outcome", "Sandbox.start", "Function.start"}


def methods(class_: type) -> set[str]:
    return {name for name, member in vars(class_).items() if inspect.isfunction(member) and not name.startswith("_")}


_CLIENTS: dict[str, tuple[Any, ...]] = {
    "token_id": (5, b"x", []),
    "token_secret": (5, b"x", []),
    "environment": (5, b"x", []),
    "path": (5, b"x", [], "", "a\0b", "\ud800"),
    "backend": ("cloud", None, 5),
    "engine": ("podman", None, 5),
    "isolation": ("bubblewrap", None, True),
    "allow_host_builds": NOT_A_SWITCH,
}


@pytest.mark.parametrize(("argument", "bad"), [(name, bad) for name, values in _CLIENTS.items() for bad in values])
def test_clients_refuse_nonsense(argument: str, bad: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match=argument):
        ModalClient(**{"path": tmp_path / "w", argument: bad})

    async def use() -> None:
        async with AsyncModalClient(**{"path": tmp_path / "w", argument: bad}) as modal:
            await modal.secrets.list()

    with pytest.raises(InvalidError, match=argument):
        asyncio.run(use())


def test_the_async_face_is_the_same() -> None:
    from modal_lint_runtime import (
        aio,
        aio_functions,
        aio_images,
        aio_sandboxes,
        apps,
        environments,
        functions,
        images,
        sandbox_process,
        sandboxes,
        secrets,
        streams,
    )

    pairs: list[tuple[type, type]] = [
        (secrets.Secrets, aio.AsyncSecrets),
        (apps.Apps, aio.AsyncApps),
        (environments.Environments, aio.AsyncEnvironments),
        (images.Images, aio_images.AsyncImages),
        (images.Image, aio_images.AsyncImage),
        (sandboxes.Sandboxes, aio_sandboxes.AsyncSandboxes),
        (sandboxes.Sandbox, aio_sandboxes.AsyncSandbox),
        (sandbox_process.Process, aio_sandboxes.AsyncProcess),
        (streams.Reader, aio_sandboxes.AsyncReader),
        (streams.Writer, aio_sandboxes.AsyncWriter),
        (functions.Functions, aio_functions.AsyncFunctions),
        (functions.Function, aio_functions.AsyncFunction),
        (ModalClient, AsyncModalClient),
    ]
    for blocking, awaited in pairs:
        for name in methods(blocking) - {"built", "outcome", "start"}:
            ours, theirs = inspect.signature(getattr(blocking, name)), inspect.signature(getattr(awaited, name))
            assert list(ours.parameters) == list(theirs.parameters), (blocking, name)
            defaults = [(each.kind, each.default) for each in ours.parameters.values()]
            assert defaults == [(each.kind, each.default) for each in theirs.parameters.values()], (blocking, name)
    assert str(inspect.signature(ModalClient)) == str(inspect.signature(AsyncModalClient))


def test_the_public_names() -> None:
    assert sorted(modal_lint_runtime.__all__) == modal_lint_runtime.__all__
    for name in modal_lint_runtime.__all__:
        assert getattr(modal_lint_runtime, name).__doc__, name
    assert set(modal_lint_runtime.__all__) <= set(dir(modal_lint_runtime))
    assert modal_lint_runtime._HOMES.keys() == set(modal_lint_runtime.__all__)
    with pytest.raises(AttributeError, match="Stub"):
        _ = modal_lint_runtime.Stub
    errors = [each for each in modal_lint_runtime.__all__ if each.endswith("Error")]
    assert all(issubclass(getattr(modal_lint_runtime, each), ModalError) for each in errors)
    assert len(errors) >= 15


def loaded(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        env={**os.environ, "PYTHONPATH": SOURCES},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stdout.split())


HEAVY = {
    "sqlite3",
    "cryptography",
    "keyring",
    "click",
    "cloudpickle",
    "grpclib",
    "modal",
    "e2b_dockerfile_utils",
    "libcst",
}


def test_importing_loads_nothing_heavy() -> None:
    ours = {name for name in loaded("import modal_lint_runtime") if name.startswith("modal_lint")}
    assert ours == {"modal_lint_runtime"}
    for name in ("ModalClient", "AsyncModalClient", "Secret", "Sandbox", "Function", "ModalError"):
        names = loaded(f"from modal_lint_runtime import {name}")
        assert names.isdisjoint(HEAVY)
        assert not any(each.split(".")[0] in ("modal_lint", "modal_lint_rules") for each in names)


def test_importing_takes_no_time() -> None:
    def seconds(code: str) -> float:
        def used() -> float:
            usage = resource.getrusage(resource.RUSAGE_CHILDREN)  # of the processor: others may be using it too
            return usage.ru_utime + usage.ru_stime

        def once() -> float:
            before = used()
            subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": SOURCES}, check=True)
            return used() - before

        return min(once() for _ in range(5))

    assert seconds("import modal_lint_runtime") - seconds("pass") < 0.060


def test_the_service_as_a_backend_can_be_made_and_says_what_it_cannot(tmp_path: Path) -> None:
    """Against a server that speaks Modal's protocol it is tested elsewhere."""
    pytest.importorskip("modal")
    from modal_lint_runtime import App, UnsupportedError

    hidden = value()
    modal = ModalClient(backend="modal", token_id=hidden, token_secret=hidden, path=tmp_path)
    app = App("ap-1", "app")
    for use in (
        modal.environments.list,
        lambda: modal.environments.create("new"),
        lambda: modal.environments.delete("new"),
        lambda: modal.apps.list(),
        lambda: modal.apps.stop(app),
        lambda: modal.secrets.create("name", {"A": hidden}, overwrite=True),
        lambda: modal.sandboxes.list(include_finished=True),
        lambda: modal.images.from_registry("python:3.13").build(app, on_log=print),
        lambda: modal.functions.define(app)(work).remote(),
    ):
        with pytest.raises(UnsupportedError, match="modal") as caught:
            use()
        assert hidden not in str(caught.value)
    assert hidden not in repr(modal) + repr(vars(modal))
    modal.close()
    with pytest.raises(InvalidError, match="engine"):
        ModalClient(backend="modal", engine="docker")
