"""Which Secret a key goes to: the name that people who use Modal would give it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modal_lint.credentials.keys import words
from modal_lint.lazy import lazy, vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# First words of a key ▸ what its Secret is called by convention.
_CONVENTIONS = {
    "hf": "huggingface", "huggingface": "huggingface", "hugging": "huggingface",
    "huggingfacehub": "huggingface", "wandb": "wandb", "openai": "openai", "anthropic": "anthropic",
    "claude": "anthropic", "aws": "aws", "s3": "aws", "r2": "r2", "gemini": "gemini", "google": "googlecloud",
    "gcp": "googlecloud", "gcs": "googlecloud", "service": "googlecloud", "pg": "postgres",
    "postgres": "postgres", "postgresql": "postgres", "pgpassword": "postgres", "pghost": "postgres",
    "pguser": "postgres", "pgport": "postgres", "pgdatabase": "postgres", "mongo": "mongodb",
    "mongodb": "mongodb", "langchain": "langsmith", "langsmith": "langsmith", "github": "github",
    "gh": "github", "ghcr": "github", "gitlab": "gitlab", "openweather": "weather", "openweathermap": "weather",
    "docker": "docker", "registry": "registry", "dockerhub": "docker", "cf": "cloudflare", "dd": "datadog",
    "datadog": "datadog", "ts": "tailscale", "sb": "supabase", "npm": "npm", "pypi": "pypi", "twine": "pypi",
    "redis": "redis", "rediscli": "redis", "mysql": "mysql", "dashscope": "dashscope", "mistral": "mistral",
    "groq": "groq", "togetherai": "together", "xai": "xai", "fal": "fal", "tg": "telegram", "mj": "mailjet",
    "sg": "sendgrid",
}  # fmt: skip
_EXACT = {
    "google_api_key": "gemini", "service_account_json": "googlecloud", "gpg_key": "gpg",
}  # fmt: skip
# Where ``<PROVIDER>_API_KEY`` is not the name.
_VARIABLES = {
    "huggingface": "HF_TOKEN", "github": "GITHUB_TOKEN", "gitlab": "GITLAB_TOKEN",
    "aws": "AWS_SECRET_ACCESS_KEY", "google": "GOOGLE_API_KEY", "azure": "AZURE_API_KEY",
    "slack": "SLACK_BOT_TOKEN", "discord": "DISCORD_BOT_TOKEN", "replicate": "REPLICATE_API_TOKEN",
    "npm": "NPM_TOKEN", "pypi": "PYPI_TOKEN", "cloudflare": "CLOUDFLARE_API_TOKEN",
    "stripe": "STRIPE_SECRET_KEY", "twilio": "TWILIO_AUTH_TOKEN", "kaggle": "KAGGLE_KEY",
    "databricks": "DATABRICKS_TOKEN", "digitalocean": "DIGITALOCEAN_TOKEN", "telegram": "TELEGRAM_BOT_TOKEN",
    "vault": "VAULT_TOKEN", "modal": "MODAL_TOKEN_SECRET", "tailscale": "TAILSCALE_AUTHKEY",
    "postgres": "PGPASSWORD", "supabase": "SUPABASE_SERVICE_KEY", "fly": "FLY_API_TOKEN",
    "vercel": "VERCEL_TOKEN", "netlify": "NETLIFY_AUTH_TOKEN", "doppler": "DOPPLER_TOKEN",
    "sentry": "SENTRY_AUTH_TOKEN", "pulumi": "PULUMI_ACCESS_TOKEN", "notion": "NOTION_TOKEN",
    "figma": "FIGMA_TOKEN", "docker": "DOCKER_PASSWORD", "terraform": "TFE_TOKEN", "linear": "LINEAR_API_KEY",
    "shopify": "SHOPIFY_ACCESS_TOKEN", "square": "SQUARE_ACCESS_TOKEN", "redis": "REDIS_PASSWORD",
    "mysql": "MYSQL_PASSWORD", "mongodb": "MONGO_PASSWORD", "rabbitmq": "RABBITMQ_PASSWORD",
    "airtable": "AIRTABLE_TOKEN", "circleci": "CIRCLE_TOKEN", "buildkite": "BUILDKITE_API_TOKEN",
    "snyk": "SNYK_TOKEN", "sonar": "SONAR_TOKEN", "codecov": "CODECOV_TOKEN", "ngrok": "NGROK_AUTHTOKEN",
    "onepassword": "OP_SERVICE_ACCOUNT_TOKEN",
}  # fmt: skip
# Words that say what a value is, not whose: they name no group.
_GENERIC = vocabulary(
    """
    api key keys token secret secrets password passwd pass pwd access auth client private public encryption
    signing master session license credential credentials bearer authorization my the app x service user
    username base url id main default prod dev test staging production env webhook refresh apikey cookie
    passphrase shared proxy next vite server host port our this local new old
    """
)
_APP_ID = lazy(r"ap-[a-zA-Z0-9]{22}")
_LONGEST = 64


def secret_name(
    keys: Iterable[str], *, app: str | None, taken: Mapping[str, frozenset[str]] | None = None
) -> dict[str, tuple[str, ...]]:
    """Group keys into Secrets: the name of each, and its keys in the order given.

    ``app`` is the App's name. ``taken`` holds the Secrets that the project already refers to, with the keys known of
    each: one that holds a key is where this key goes; one of other keys is never chosen (a number is added). One of
    which no key is known may be chosen, since its conventional name says that the key is there.
    """
    taken = taken or {}
    groups: dict[str, list[str]] = {}
    for key in dict.fromkeys(keys):
        held = next((name for name in sorted(taken) if key in taken[name]), None)
        groups.setdefault(held or _free(_wanted(key, app), key, taken), []).append(key)
    return {name: tuple(group) for name, group in groups.items()}


def _wanted(key: str, app: str | None) -> str:
    """The best name for one key, valid in Modal but perhaps taken."""
    name = conventional(key) or _prefix(key)
    if name is not None:
        return _valid(f"{name}-secret")
    return _valid(f"{app}-secrets") if app and _valid(app) else "app-secrets"


def conventional(key: str) -> str | None:
    """What people call this key's Secret, without ``-secret``: ``huggingface`` for ``HF_TOKEN``; None if unknown."""
    parts = words(key)
    if not parts:
        return None
    exact = _EXACT.get("_".join(parts))
    if exact is not None or parts[:1] == ("service",):
        return exact
    return _CONVENTIONS.get(parts[0]) or ("postgres" if parts[0].startswith("pg") and len(parts) == 1 else None)


def provider_of(key: str) -> str | None:
    """The provider that a key names, or None."""
    parts = [word for word in words(key) if word not in _GENERIC]
    if not parts:
        return None
    from modal_lint.credentials.providers import SHAPES

    known = {shape.provider for shape in SHAPES}
    return next((name for name in (conventional(key), *parts) if name in known), None)


def variable_of(provider: str | None) -> str | None:
    """The environment variable in which a provider's own tools look for its credential; None without a provider."""
    if not provider:
        return None
    return _VARIABLES.get(provider, f"{re.sub('[^a-z0-9]+', '_', provider).upper()}_API_KEY")


def _prefix(key: str) -> str | None:
    """The first word that says whose the key is: ``stripe`` of ``STRIPE_WEBHOOK_SECRET``, ``db`` of ``DB_USER``."""
    parts = words(key)
    owner = next((word for word in parts if word not in _GENERIC), None)
    return owner if owner is not None and (len(parts) > 1 or len(owner) > 3) else None


def _valid(name: str) -> str:
    """``name`` with what Modal does not allow replaced, cut to length."""
    clean = re.sub(r"-{2,}", "-", re.sub(r"[^A-Za-z0-9._-]", "-", name)).strip("-.")
    if len(clean) > _LONGEST:
        stem, _, tail = clean.rpartition("-")
        clean = f"{stem[: _LONGEST - len(tail) - 1].rstrip('-.')}-{tail}"[:_LONGEST]
    return f"{clean}-secret" if _APP_ID.fullmatch(clean) else clean


def _free(name: str, key: str, taken: Mapping[str, frozenset[str]]) -> str:
    """``name``, or ``name`` with the first number at which no Secret of other keys stands."""
    number, candidate = 1, name
    while taken.get(candidate) and key not in taken[candidate]:
        number += 1
        candidate = f"{name[: _LONGEST - 1 - len(str(number))]}-{number}"
    return candidate
