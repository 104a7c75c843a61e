"""The image of the support bot: whatever `Image.env` holds is baked into every layer on top of it."""

import modal

image = (
    modal.Image.debian_slim(python_version="3.12")
    .apt_install("git")
    .env({"HF_HOME": "/cache", "HF_TOKEN": "maple19Kvtundra"})
    .pip_install("httpx", "transformers", extra_index_url="https://deploy:c0pperMead0w58@pypi.support-bot.internal/simple")
)
