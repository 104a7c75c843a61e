"""The app: credentials from another file, from a literal, and from a fallback that never should have been."""

import os

import modal

from config import APP_NAME, MAIL_PASSWORD, worker_environment
from images import image

app = modal.App(APP_NAME, image=image)

mail = modal.Secret.from_dict({"SMTP_USER": "bot@support-bot.internal", "SMTP_PASSWORD": MAIL_PASSWORD})


@app.function(secrets=[mail], env=worker_environment())
def answer(ticket: str) -> str:
    return f"{os.environ['DB_HOST']}: {ticket}"


@app.function(
    secrets=[
        modal.Secret.from_name("wandb-secret"),
        modal.Secret.from_dict({"SEARCH_API_KEY": os.environ.get("SEARCH_API_KEY", "c3dar31mArb1e")}),
    ],
    env={"LOG_LEVEL": "debug"},
)
def index(path: str) -> None:
    print(path)


@app.local_entrypoint()
def main() -> None:
    print(answer.remote("my lamp is broken"))
