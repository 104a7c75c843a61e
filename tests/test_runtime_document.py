"""Every code block of the documents on Secrets (their JavaScript), line by line in Python, run for real; and async.

What the blocks refer to is there: the named Secrets, and in the place of github.com and PyPI a server on this machine
that wants the token for the private repository.
"""

# modal-lint: ignore-file[MS314] deleting a Secret that is in use is what is tested

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from modal_lint_runtime import AsyncModalClient, InvalidError, MissingKeysError, ModalClient, NotFoundError
from runtime_world import Server, files_holding, needs_layers, value

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

TOKEN = value()
KEY = value()
DATABASE_PASSWORD = value()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("server"), TOKEN) as running:
        yield running


@pytest.fixture
def modal(tmp_path: Path) -> Iterator[ModalClient]:
    with ModalClient(path=tmp_path / "workspace") as client:
        client.secrets.create("my-secret", {"KEY": KEY})
        client.secrets.create("api-keys", {"API_KEY": KEY})
        client.secrets.create("database-creds", {"DB_HOST": "h", "DB_PASSWORD": DATABASE_PASSWORD})
        client.secrets.create("old-credentials", {"KEY": KEY})
        client.secrets.create("github-token", {"GITHUB_TOKEN": TOKEN})
        client.secrets.create("aws-credentials", {"AWS_ACCESS_KEY_ID": value(), "NODE_ENV": "development"})
        yield client


def in_async(path: Path, use: Callable[[AsyncModalClient], Coroutine[object, object, None]]) -> None:
    async def run() -> None:
        async with AsyncModalClient(path=path) as client:
            await use(client)

    asyncio.run(run())


def test_access_the_secrets_api(modal: ModalClient) -> None:
    secret = modal.secrets.from_name("my-secret")
    assert secret.name == "my-secret"


def test_from_name(modal: ModalClient) -> None:
    secret = modal.secrets.from_name("api-keys")
    assert secret.secret_id.startswith("st-")

    # Ensure specific keys exist
    secret = modal.secrets.from_name("database-creds", required_keys=["DB_HOST", "DB_PASSWORD"])
    assert secret.name == "database-creds"


def test_from_name_throws(modal: ModalClient) -> None:
    with pytest.raises(NotFoundError, match="no-such-secret"):
        modal.secrets.from_name("no-such-secret")
    with pytest.raises(NotFoundError, match="DB_PORT") as caught:
        modal.secrets.from_name("database-creds", required_keys=["DB_HOST", "DB_PORT"])
    assert isinstance(caught.value, MissingKeysError)
    assert caught.value.keys == ("DB_PORT",)


def test_from_object(modal: ModalClient) -> None:
    secret = modal.secrets.from_object({"API_KEY": "sk-...", "API_ENDPOINT": "https://api.example.com"})
    assert secret.secret_id.startswith("st-")
    assert secret.name is None


def test_from_object_throws(modal: ModalClient) -> None:
    with pytest.raises(InvalidError, match="PORT") as caught:
        modal.secrets.from_object({"API_KEY": KEY, "PORT": 8080})  # type: ignore[dict-item]
    assert KEY not in str(caught.value)
    assert "8080" not in str(caught.value)


def test_delete(modal: ModalClient) -> None:
    modal.secrets.delete("old-credentials")
    with pytest.raises(NotFoundError):
        modal.secrets.from_name("old-credentials")


def test_deletion_affects_apps_that_use_the_secret(modal: ModalClient) -> None:
    app = modal.apps.from_name("app", create_if_missing=True)
    secret = modal.secrets.from_name("api-keys")
    image = modal.images.from_registry("python:3.13")

    @modal.functions.define(app, secrets=[secret])
    def job() -> str:
        import os

        return os.environ["API_KEY"]

    assert job.remote() == KEY
    modal.secrets.delete("api-keys")
    modal.secrets.create("api-keys", {"API_KEY": value()})  # not the one that the App refers to (S19g)
    with pytest.raises(NotFoundError):
        job.remote()
    with pytest.raises(NotFoundError):
        modal.sandboxes.create(app, image, secrets=[secret])
    needs_layers()
    with pytest.raises(NotFoundError):
        image.dockerfile_commands(["RUN true"], secrets=[secret]).build(app)


def test_use_secrets_in_a_sandbox(modal: ModalClient, server: Server) -> None:
    needs_layers()
    app = modal.apps.from_name("api-client", create_if_missing=True)

    # Reference an existing secret
    api_secret = modal.secrets.from_name("api-keys")

    # Or create an ephemeral secret
    db_secret = modal.secrets.from_object(
        {"DB_HOST": "postgres.example.com", "DB_USER": "admin", "DB_PASSWORD": DATABASE_PASSWORD}
    )

    image = modal.images.from_registry("python:3.13").dockerfile_commands(
        [server.local("RUN pip install requests psycopg2")]
    )

    sandbox = modal.sandboxes.create(app, image, secrets=[api_secret, db_secret])

    # Environment variables from secrets are now available
    proc = sandbox.exec(["python", "-c", "import os; print(os.environ.get('DB_HOST'))"])

    output = proc.stdout.read_text()
    assert output == "postgres.example.com\n"
    assert proc.wait() == 0

    check = "import os, requests, psycopg2; print(os.environ['API_KEY'] + requests.NAME + psycopg2.NAME)"
    assert sandbox.exec(["python", "-c", check]).stdout.read_text() == f"{KEY}requestspsycopg2\n"

    sandbox.terminate()
    assert sandbox.poll() == 137


def test_build_an_image_with_secrets(modal: ModalClient, server: Server, tmp_path: Path) -> None:
    needs_layers()
    app = modal.apps.from_name("private-deps", create_if_missing=True)

    # Secret for accessing private Git repo
    git_secret = modal.secrets.from_name("github-token")

    image = modal.images.from_registry("python:3.13").dockerfile_commands(
        [
            server.local("RUN git clone https://${GITHUB_TOKEN}@github.com/myorg/private-repo.git"),
            server.local("RUN cd private-repo && pip install -e ."),
        ],
        secrets=[git_secret],  # Secret available during build
    )

    log: list[str] = []
    built_image = image.build(app, on_log=log.append)
    assert str(built_image.image_id).startswith("im-")

    # The clone keeps the URL, token and all, in its own configuration: the document's command leaks, and we say so.
    assert any("/.git/config" in warning and "GITHUB_TOKEN" in warning for warning in built_image.warnings)
    leaks = files_holding(tmp_path / "workspace", TOKEN)
    assert leaks
    assert all(path.endswith("private-repo/.git/config") for path in leaks)
    assert "=> RUN git clone" in "".join(log)
    assert TOKEN not in "".join(log)

    with modal.sandboxes.create(app, built_image) as sandbox:
        seen = sandbox.exec(["python", "-c", "import os, private_repo; print(private_repo.ANSWER, dict(os.environ))"])
        text = seen.stdout.read_text()
    assert text.startswith("42 ")
    assert "GITHUB_TOKEN" not in text


def test_a_build_without_the_secret_is_refused_by_the_repository(modal: ModalClient, server: Server) -> None:
    from modal_lint_runtime import ImageBuildError

    needs_layers()
    app = modal.apps.from_name("private-deps", create_if_missing=True)
    clone = server.local(
        "RUN GIT_TERMINAL_PROMPT=0 git clone https://${GITHUB_TOKEN}@github.com/myorg/private-repo.git"
    )
    wrong = value()
    image = modal.images.from_registry("python:3.13").dockerfile_commands([clone], env={"GITHUB_TOKEN": wrong})
    with pytest.raises(ImageBuildError, match="git clone") as caught:
        image.build(app)
    assert wrong not in str(caught.value)
    assert caught.value.exit_code == 128


def test_combine_environment_variables_and_secrets(modal: ModalClient) -> None:
    app = modal.apps.from_name("web-app", create_if_missing=True)

    # Reference a named secret
    aws_secret = modal.secrets.from_name("aws-credentials")

    # Create ephemeral secret for environment-specific config
    config_secret = modal.secrets.from_object({"ENVIRONMENT": "production", "LOG_LEVEL": "info"})

    image = modal.images.from_registry("node:20")

    sandbox = modal.sandboxes.create(
        app,
        image,
        secrets=[aws_secret, config_secret],
        # Additional env vars (will be merged into a secret automatically)
        env={"PORT": "8080", "NODE_ENV": "production"},
    )

    seen = dict(line.split("=", 1) for line in sandbox.exec(["env"]).stdout.read_text().splitlines())
    assert {"PORT": "8080", "NODE_ENV": "production", "LOG_LEVEL": "info"}.items() <= seen.items()
    assert "AWS_ACCESS_KEY_ID" in seen
    sandbox.terminate()


def test_security_best_practices(modal: ModalClient) -> None:
    app = modal.apps.from_name("web-app", create_if_missing=True)
    image = modal.images.from_registry("python:3.13")

    # Don't do this: it runs, which is why it is a linter that finds it
    hardcoded = value()
    sandbox = modal.sandboxes.create(app, image, env={"API_KEY": hardcoded})
    assert sandbox.exec(["printenv", "API_KEY"]).stdout.read_text() == f"{hardcoded}\n"
    sandbox.terminate()

    # Do this instead
    secret = modal.secrets.from_name("api-keys")
    sandbox = modal.sandboxes.create(app, image, secrets=[secret])
    assert sandbox.exec(["printenv", "API_KEY"]).stdout.read_text() == f"{KEY}\n"
    sandbox.terminate()


def test_async_access_and_methods(modal: ModalClient, tmp_path: Path) -> None:
    async def use(modal: AsyncModalClient) -> None:
        secret = await modal.secrets.from_name("my-secret")
        assert secret.name == "my-secret"

        secret = await modal.secrets.from_name("database-creds", required_keys=["DB_HOST", "DB_PASSWORD"])
        assert secret.name == "database-creds"
        with pytest.raises(NotFoundError):
            await modal.secrets.from_name("database-creds", required_keys=["DB_PORT"])
        with pytest.raises(NotFoundError):
            await modal.secrets.from_name("no-such-secret")

        secret = await modal.secrets.from_object({"API_KEY": "sk-...", "API_ENDPOINT": "https://api.example.com"})
        assert secret.name is None
        with pytest.raises(InvalidError):
            await modal.secrets.from_object({"PORT": 8080})  # type: ignore[dict-item]

        await modal.secrets.delete("old-credentials")
        with pytest.raises(NotFoundError):
            await modal.secrets.delete("old-credentials")
        await modal.secrets.delete("old-credentials", allow_missing=True)

    in_async(tmp_path / "workspace", use)
    assert modal.secrets.from_name("my-secret")


@pytest.mark.usefixtures("modal")
def test_async_use_secrets_in_a_sandbox(server: Server, tmp_path: Path) -> None:
    needs_layers()

    async def use(modal: AsyncModalClient) -> None:
        app = await modal.apps.from_name("api-client", create_if_missing=True)

        # Reference an existing secret
        api_secret = await modal.secrets.from_name("api-keys")

        # Or create an ephemeral secret
        db_secret = await modal.secrets.from_object(
            {"DB_HOST": "postgres.example.com", "DB_USER": "admin", "DB_PASSWORD": DATABASE_PASSWORD}
        )

        image = modal.images.from_registry("python:3.13").dockerfile_commands(
            [server.local("RUN pip install requests psycopg2")]
        )

        sandbox = await modal.sandboxes.create(app, image, secrets=[api_secret, db_secret])

        # Environment variables from secrets are now available
        proc = await sandbox.exec(["python", "-c", "import os; print(os.environ.get('DB_HOST'))"])

        output = await proc.stdout.read_text()
        assert output == "postgres.example.com\n"

        await sandbox.terminate()
        assert await sandbox.poll() == 137

    in_async(tmp_path / "workspace", use)


@pytest.mark.usefixtures("modal")
def test_async_build_an_image_with_secrets(server: Server, tmp_path: Path) -> None:
    needs_layers()

    async def use(modal: AsyncModalClient) -> None:
        app = await modal.apps.from_name("private-deps", create_if_missing=True)

        # Secret for accessing private Git repo
        git_secret = await modal.secrets.from_name("github-token")

        image = modal.images.from_registry("python:3.13").dockerfile_commands(
            [
                server.local("RUN git clone https://${GITHUB_TOKEN}@github.com/myorg/private-repo.git"),
                server.local("RUN cd private-repo && pip install -e ."),
            ],
            secrets=[git_secret],  # Secret available during build
        )

        built_image = await image.build(app)
        assert str(built_image.image_id).startswith("im-")
        assert built_image.warnings

    in_async(tmp_path / "workspace", use)


@pytest.mark.usefixtures("modal")
def test_async_combine_environment_variables_and_secrets(tmp_path: Path) -> None:
    async def use(modal: AsyncModalClient) -> None:
        app = await modal.apps.from_name("web-app", create_if_missing=True)

        # Reference a named secret
        aws_secret = await modal.secrets.from_name("aws-credentials")

        # Create ephemeral secret for environment-specific config
        config_secret = await modal.secrets.from_object({"ENVIRONMENT": "production", "LOG_LEVEL": "info"})

        image = modal.images.from_registry("node:20")

        sandbox = await modal.sandboxes.create(
            app,
            image,
            secrets=[aws_secret, config_secret],
            # Additional env vars (will be merged into a secret automatically)
            env={"PORT": "8080", "NODE_ENV": "production"},
        )

        proc = await sandbox.exec(["printenv", "PORT", "NODE_ENV", "LOG_LEVEL", "ENVIRONMENT"])
        assert [line async for line in proc.stdout] == ["8080\n", "production\n", "info\n", "production\n"]

        # Do this instead of a value in the code
        secret = await modal.secrets.from_name("api-keys")
        other = await modal.sandboxes.create(app, image, secrets=[secret])
        assert await (await other.exec(["printenv", "API_KEY"])).stdout.read_text() == f"{KEY}\n"

    in_async(tmp_path / "workspace", use)
