"""The environment variables that point the SDKs at a local server and at nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modal_lint_runtime.server.tokens import Credentials

CONFIG_PATH = "/nonexistent/modal.toml"
"""Where no configuration is, so that a user's own `~/.modal.toml` cannot be used."""

CLEARED = (
    "MODAL_PROFILE",
    "MODAL_ENVIRONMENT",
    "MODAL_OAUTH_REFRESH_TOKEN",
    "MODAL_OAUTH_CLIENT_ID",
    "MODAL_OAUTH_CLIENT_SECRET",
    "MODAL_OAUTH_JWT_KEY",
    "MODAL_OVERRIDE_HEADERS",
    "MODAL_IMAGE_BUILDER_VERSION",
)
"""Settings that would send the user's real credentials along, or ask the local server for what it does not have."""


def exports(url: str, credentials: Credentials) -> dict[str, str]:
    """What to set so that `modal` and the `modal` npm package talk to the server at `url`."""
    return {
        "MODAL_SERVER_URL": url,
        "MODAL_TOKEN_ID": credentials.token_id,
        "MODAL_TOKEN_SECRET": credentials.token_secret,
        "MODAL_CONFIG_PATH": CONFIG_PATH,
        # The SDKs would send even loopback calls through a proxy (P _utils/proxy_support.py; grpc-js `http_proxy`).
        "MODAL_DISABLE_API_PROXY": "1",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def environment(base: Mapping[str, str], url: str, credentials: Credentials) -> dict[str, str]:
    """`base` for a program that shall talk to the server at `url` alone."""
    kept = {name: value for name, value in base.items() if name not in CLEARED}
    merged = {**kept, **exports(url, credentials)}
    for name in ("NO_PROXY", "no_proxy"):
        if base.get(name):
            merged[name] = f"{base[name]},{merged[name]}"
    return merged
