"""`ModalClient(backend="modal")`: the same client over the real `modal` package, against the local server."""

# modal-lint: ignore-file[MS311] which value wins is what is tested

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("modal")

from modal_lint_runtime import (
    AlreadyExistsError,
    AsyncModalClient,
    AuthError,
    ImageBuildError,
    InvalidError,
    MissingKeysError,
    ModalClient,
    NotFoundError,
    SandboxTerminatedError,
    SandboxTimeoutError,
)
from runtime_world import needs_layers, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint_runtime.pytest_plugin import ModalWorkspace

pytest_plugins = ["modal_lint_runtime.pytest_plugin"]


@pytest.fixture
def modal(modal_workspace: ModalWorkspace) -> Iterator[ModalClient]:
    modal_workspace.secret("api-keys", {"API_KEY": "key", "B": "named"})
    token: Any = modal_workspace.server.credentials
    with ModalClient(backend="modal", token_id=token.token_id, token_secret=token.token_secret) as client:
        yield client


def test_secrets(modal: ModalClient) -> None:
    secret = modal.secrets.from_name("api-keys", required_keys=["API_KEY"])
    assert (secret.name, secret.keys) == ("api-keys", ("API_KEY",))
    with pytest.raises(NotFoundError):
        modal.secrets.from_name("no-such")
    with pytest.raises(MissingKeysError) as caught:
        modal.secrets.from_name("api-keys", required_keys=["API_KEY", "OTHER"])
    assert caught.value.keys == ("OTHER",)
    hidden = value()
    with pytest.raises(InvalidError, match="PORT") as refused:
        modal.secrets.from_object({"A": hidden, "PORT": 1})  # type: ignore[dict-item]
    assert hidden not in str(refused.value)
    made = modal.secrets.create("made", {"A": hidden})
    with pytest.raises(AlreadyExistsError):
        modal.secrets.create("made", {"A": hidden})
    assert modal.secrets.update("made", {"B": hidden}).secret_id == made.secret_id
    assert {each.name for each in modal.secrets.list()} == {"api-keys", "made"}
    modal.secrets.delete("made")
    with pytest.raises(NotFoundError):
        modal.secrets.delete("made")
    modal.secrets.delete("made", allow_missing=True)


def test_sandboxes(modal: ModalClient) -> None:
    app = modal.apps.from_name("app", create_if_missing=True)
    image = modal.images.from_registry("python:3.13")
    named = modal.secrets.from_name("api-keys")
    made = modal.secrets.from_object({"B": "made", "C": "made"})
    sandbox = modal.sandboxes.create(app, image, secrets=[named, made], env={"C": "env"}, name="one")
    script = "read x; echo $x $API_KEY $B $C $D; echo bad >&2; exit 3"
    process = sandbox.exec(["sh", "-c", script], env={"D": "exec"})
    process.stdin.write("in\n")
    process.stdin.close()
    assert process.stdout.read_text() == "in key made env exec\n"
    assert process.stderr.read_text() == "bad\n"
    assert process.wait() == process.poll() == 3
    assert [each.sandbox_id for each in modal.sandboxes.list(app)] == [sandbox.sandbox_id]
    assert modal.sandboxes.from_id(sandbox.sandbox_id).poll() is None
    assert sandbox.terminate() == 137
    with pytest.raises(SandboxTerminatedError):
        sandbox.wait()
    assert sandbox.wait(raise_on_termination=False) == 137
    late = modal.sandboxes.create(app, image, command=["sleep", "60"], timeout=1)
    with pytest.raises(SandboxTimeoutError):
        late.wait()
    ended = modal.sandboxes.create(app, image, command=["sh", "-c", "echo main; exit 4"])
    assert ended.wait() == 4
    assert ended.stdout.read_text() == "main\n"


def test_images(modal: ModalClient) -> None:
    needs_layers()
    app = modal.apps.from_name("app", create_if_missing=True)
    secret = modal.secrets.from_name("api-keys")
    base = modal.images.from_registry("python:3.13")
    built = base.dockerfile_commands(
        ["RUN test $API_KEY$X = key1 && echo made > /made"], secrets=[secret], env={"X": "1"}
    )
    built = built.build(app)
    assert modal.images.from_id(str(built.image_id)).image_id == built.image_id
    sandbox = modal.sandboxes.create(app, built)
    assert sandbox.exec(["cat", "/made"]).stdout.read_text() == "made\n"
    sandbox.terminate()
    modal.images.delete(str(built.image_id))
    with pytest.raises(NotFoundError):
        modal.images.delete(str(built.image_id))
    with pytest.raises(ImageBuildError):
        base.dockerfile_commands(["RUN exit 9"]).build(app)


def test_async(modal: ModalClient, modal_workspace: ModalWorkspace) -> None:
    token: Any = modal_workspace.server.credentials

    async def main() -> None:
        async with AsyncModalClient(
            backend="modal", token_id=token.token_id, token_secret=token.token_secret
        ) as client:
            app = await client.apps.from_name("app", create_if_missing=True)
            secret = await client.secrets.from_name("api-keys")
            image = client.images.from_registry("python:3.13")
            async with await client.sandboxes.create(app, image, secrets=[secret]) as sandbox:
                process = await sandbox.exec(["printenv", "API_KEY"])
                assert [line async for line in process.stdout] == ["key\n"]
                assert await process.wait() == 0

    asyncio.run(main())
    assert modal.secrets.from_name("api-keys")


def test_a_wrong_token(modal_workspace: ModalWorkspace) -> None:
    assert modal_workspace.url
    modal = ModalClient(backend="modal", token_id="ak-" + "0" * 22, token_secret="as-" + value())
    with pytest.raises(AuthError):
        modal.secrets.list()
