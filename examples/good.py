"""How it should be: named Secrets, checked keys, and plain configuration where plain configuration belongs."""

import os

import modal

app = modal.App("support-bot-good")
image = modal.Image.debian_slim().env({"HF_HOME": "/cache", "TOKENIZERS_PARALLELISM": "false"})
mail = modal.Secret.from_name("smtp-secret", required_keys=["SMTP_USER", "SMTP_PASSWORD"])


@app.function(image=image, secrets=[mail], env={"LOG_LEVEL": "info"})
def send(to: str) -> str:
    return f"{os.environ['SMTP_USER']} to {to}"
