"""The same mistake with the reference client: `env` is no place for a key."""

from modal_lint_runtime import ModalClient

modal = ModalClient()
app = modal.apps.from_name("web-app", create_if_missing=True)
image = modal.images.from_registry("python:3.13").dockerfile_commands(["RUN pip install requests"])

database = modal.secrets.from_object(
    {
        "DB_HOST": "postgres.example.com",
        "DB_USER": "admin",
        "DB_PASSWORD": "secret123",
    }
)

sandbox = modal.sandboxes.create(
    app,
    image,
    secrets=[database],
    env={
        "PORT": "8080",
        "API_KEY": "jn35aNv1lsffr0n",
    },
)
