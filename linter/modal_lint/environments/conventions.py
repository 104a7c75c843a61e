"""Names of variables that a provider's own tools, or Modal's template of its Secret, hold a credential under.

Source: what public code that uses Modal calls Secrets and their keys, and the tools' documentation. Only
providers whose name is read from the environment by such a tool, or stands in a template, are listed.
"""

from __future__ import annotations

from typing import NamedTuple

from modal_lint.credentials import names
from modal_lint.credentials.keys import words


class Convention(NamedTuple):
    """One provider: its keys, and other names that are seen in their place, each with the key that is meant."""

    keys: tuple[str, ...]
    reader: str  # what reads them, or gives them their names
    others: dict[str, str]


def _meaning(key: str, *others: str) -> dict[str, str]:
    return dict.fromkeys(others, key)


CONVENTIONS: dict[str, Convention] = {
    "huggingface": Convention(
        ("HF_TOKEN",),
        "huggingface_hub",
        _meaning(
            "HF_TOKEN", "HUGGINGFACE_TOKEN", "HUGGING_FACE_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN",
            "HUGGINGFACE_ACCESS_TOKEN", "HUGGINGFACE_API_TOKEN", "HF_API_TOKEN", "HF_API_KEY", "HF_ACCESS_TOKEN",
            "HF_HUB_TOKEN", "HF_KEY",
        ),
    ),
    "wandb": Convention(
        ("WANDB_API_KEY",),
        "wandb",
        _meaning("WANDB_API_KEY", "WANDB_KEY", "WANDB_TOKEN", "WANDB_API_TOKEN", "WANDB_APIKEY", "WANDB_SECRET"),
    ),
    "openai": Convention(
        ("OPENAI_API_KEY",),
        "the openai package",
        _meaning(
            "OPENAI_API_KEY", "OPENAI_KEY", "OPENAI_TOKEN", "OPENAI_API_TOKEN", "OPENAI_APIKEY", "OPENAI_SECRET",
            "OPENAI_SECRET_KEY", "OPEN_AI_KEY", "OPEN_AI_API_KEY",
        ),
    ),
    "anthropic": Convention(
        ("ANTHROPIC_API_KEY",),
        "the anthropic package",
        _meaning(
            "ANTHROPIC_API_KEY", "ANTHROPIC_KEY", "ANTHROPIC_TOKEN", "ANTHROPIC_APIKEY", "CLAUDE_API_KEY", "CLAUDE_KEY",
        ),
    ),
    "aws": Convention(
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        "boto3 and CloudBucketMount",
        {
            **_meaning("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_KEY_ID", "AWS_ACCESS_ID"),
            **_meaning("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SECRET", "AWS_ACCESS_SECRET",
                       "AWS_ACCESS_KEY_SECRET", "AWS_SECRET_ACCESS"),
        },
    ),
    "googlecloud": Convention(
        ("SERVICE_ACCOUNT_JSON",),
        "Modal's template",
        _meaning(
            "SERVICE_ACCOUNT_JSON", "GOOGLE_SERVICE_ACCOUNT_JSON", "GCP_SERVICE_ACCOUNT_JSON", "GCP_SERVICE_ACCOUNT",
            "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_CREDENTIALS_JSON", "GOOGLE_APPLICATION_CREDENTIALS_JSON",
            "GCP_CREDENTIALS_JSON",
        ),
    ),
    "postgres": Convention(
        ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE"),
        "libpq and Modal's template",
        {
            "POSTGRES_HOST": "PGHOST", "POSTGRES_PORT": "PGPORT", "POSTGRES_USER": "PGUSER",
            "POSTGRES_USERNAME": "PGUSER", "POSTGRES_PASSWORD": "PGPASSWORD", "POSTGRES_DB": "PGDATABASE",
            "POSTGRES_DATABASE": "PGDATABASE",
        },
    ),
    "mongodb": Convention(
        ("MONGO_HOST", "MONGO_USER", "MONGO_PASSWORD"),
        "Modal's template",
        {
            "MONGODB_HOST": "MONGO_HOST", "MONGODB_USER": "MONGO_USER", "MONGODB_USERNAME": "MONGO_USER",
            "MONGO_USERNAME": "MONGO_USER", "MONGODB_PASSWORD": "MONGO_PASSWORD",
        },
    ),
    "langsmith": Convention(
        ("LANGSMITH_API_KEY", "LANGCHAIN_API_KEY"),
        "langsmith",
        _meaning("LANGSMITH_API_KEY", "LANGSMITH_KEY", "LANGSMITH_TOKEN", "LANGCHAIN_KEY"),
    ),
    "github": Convention(
        ("GITHUB_TOKEN",),
        "pip_install_private_repos",
        _meaning(
            "GITHUB_TOKEN", "GITHUB_PAT", "GITHUB_ACCESS_TOKEN", "GITHUB_API_TOKEN", "GITHUB_API_KEY", "GITHUB_KEY",
        ),
    ),
    "slack": Convention(
        ("SLACK_BOT_TOKEN",),
        "slack_bolt",
        _meaning("SLACK_BOT_TOKEN", "SLACK_TOKEN", "SLACK_API_TOKEN", "SLACK_API_KEY", "SLACK_BOT_KEY"),
    ),
    "gemini": Convention(
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        "google-genai",
        _meaning("GEMINI_API_KEY", "GEMINI_KEY", "GEMINI_TOKEN", "GOOGLE_GEMINI_API_KEY", "GOOGLE_GENAI_API_KEY"),
    ),
    "pinecone": Convention(
        ("PINECONE_API_KEY",), "pinecone", _meaning("PINECONE_API_KEY", "PINECONE_KEY", "PINECONE_TOKEN")
    ),
    "tailscale": Convention(
        ("TAILSCALE_AUTHKEY",), "Modal's example", _meaning("TAILSCALE_AUTHKEY", "TAILSCALE_AUTH_KEY", "TAILSCALE_KEY")
    ),
}  # fmt: skip
"""By what the provider's Secret is called, without ``-secret``."""


def providers_of(secret: str) -> frozenset[str]:
    """The providers that a Secret's name speaks of: those of ``my-wandb-secret``, ``aws-s3-credentials``."""
    found = {names.conventional(word) or word for word in words(secret)}
    return frozenset(found)


def speaks_of(secret: str, key: str) -> bool:
    """Whether a Secret is called like the provider of a key: ``huggingface-secret`` and ``HF_TOKEN``."""
    provider = names.conventional(key) or (names.provider_of(key) or next(iter(words(key)), None))
    return provider is not None and provider in providers_of(secret)


def is_conventional(key: str) -> bool:
    """Whether a provider's Secret has a key of this name by convention."""
    return any(key in convention.keys for convention in CONVENTIONS.values())


def meant(secret: str, keys: tuple[str, ...]) -> dict[str, tuple[str, Convention]]:
    """The keys of a provider's Secret that are not called what its tools look for, each with what is meant.

    A Secret that has the conventional key as well may hold the other one for other code.
    """
    found: dict[str, tuple[str, Convention]] = {}
    for provider in sorted(providers_of(secret) & CONVENTIONS.keys()):
        convention = CONVENTIONS[provider]
        if not any(key in convention.keys for key in keys):
            found.update({key: (convention.others[key], convention) for key in keys if key in convention.others})
    return found
