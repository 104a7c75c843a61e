"""The image of the support bot: whatever `Image.env` holds is baked into every layer on top of it."""

import modal

image = (
    modal.Image.debian_slim(python_version="3.12")
    .apt_install("git")
    .env({"HF_HOME": "/cache", "HF_TOKEN": "maple-Quiver-19-tundra"})
    .pip_install("httpx", "transformers", extra_index_url="https://deploy:copper-Meadow-58-flint@pypi.support-bot.internal/simple")
)
