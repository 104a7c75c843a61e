"""What well-known clients read from the environment by themselves: facts of their own documentation, as data."""

from __future__ import annotations

from typing import NamedTuple


class Client(NamedTuple):
    """One constructor or function of a library.

    ``keys`` are the variables that it reads, any one of which will do where ``any_of``. Given one of the parameters
    ``unless``, it reads none of them. ``strict`` says that it raises at once where they are missing.
    """

    keys: tuple[str, ...]
    unless: tuple[str, ...] = ("api_key",)
    any_of: bool = False
    strict: bool = False


_OPENAI = Client(
    ("OPENAI_API_KEY",), ("api_key", "admin_api_key", "workload_identity", "_enforce_credentials"), strict=True
)
_AZURE = Client(("AZURE_OPENAI_API_KEY",), ("api_key", "azure_ad_token", "azure_ad_token_provider"))
_ANTHROPIC = Client(("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"), ("api_key", "auth_token"), any_of=True)
_GOOGLE = Client(("GOOGLE_API_KEY", "GEMINI_API_KEY"), ("api_key", "vertexai", "credentials"), any_of=True)
_AWS = Client(
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("aws_access_key_id", "aws_secret_access_key", "profile_name")
)
_HUB = Client(("HF_TOKEN",), ("token",))
_WANDB = Client(("WANDB_API_KEY",), ("key", "mode", "anonymous", "settings"))

CLIENTS: dict[str, Client] = {
    "openai.OpenAI": _OPENAI,
    "openai.AsyncOpenAI": _OPENAI,
    "openai.AzureOpenAI": _AZURE,
    "openai.AsyncAzureOpenAI": _AZURE,
    "anthropic.Anthropic": _ANTHROPIC,
    "anthropic.AsyncAnthropic": _ANTHROPIC,
    "groq.Groq": Client(("GROQ_API_KEY",), strict=True),
    "groq.AsyncGroq": Client(("GROQ_API_KEY",), strict=True),
    "together.Together": Client(("TOGETHER_API_KEY",)),
    "together.AsyncTogether": Client(("TOGETHER_API_KEY",)),
    "mistralai.Mistral": Client(("MISTRAL_API_KEY",)),
    "cohere.Client": Client(("CO_API_KEY",)),
    "cohere.ClientV2": Client(("CO_API_KEY",)),
    "google.genai.Client": _GOOGLE,
    "pinecone.Pinecone": Client(("PINECONE_API_KEY",)),
    "tavily.TavilyClient": Client(("TAVILY_API_KEY",)),
    "elevenlabs.client.ElevenLabs": Client(("ELEVENLABS_API_KEY",)),
    "elevenlabs.ElevenLabs": Client(("ELEVENLABS_API_KEY",)),
    "replicate.Client": Client(("REPLICATE_API_TOKEN",), ("api_token",)),
    "replicate.run": Client(("REPLICATE_API_TOKEN",), ()),
    "langchain_openai.ChatOpenAI": Client(("OPENAI_API_KEY",), ("api_key", "openai_api_key")),
    "langchain_openai.OpenAIEmbeddings": Client(("OPENAI_API_KEY",), ("api_key", "openai_api_key")),
    "langchain_anthropic.ChatAnthropic": Client(("ANTHROPIC_API_KEY",), ("api_key", "anthropic_api_key")),
    "langsmith.Client": Client(("LANGSMITH_API_KEY", "LANGCHAIN_API_KEY"), any_of=True),
    "wandb.init": _WANDB,
    "wandb.login": _WANDB,
    "comet_ml.Experiment": Client(("COMET_API_KEY",)),
    "neptune.init_run": Client(("NEPTUNE_API_TOKEN",), ("api_token",)),
    "huggingface_hub.HfApi": _HUB,
    "huggingface_hub.login": _HUB,
    "huggingface_hub.snapshot_download": _HUB,
    "huggingface_hub.hf_hub_download": _HUB,
    "huggingface_hub.InferenceClient": Client(("HF_TOKEN",), ("token", "api_key")),
    "boto3.client": _AWS,
    "boto3.resource": _AWS,
    "boto3.Session": _AWS,
    "boto3.session.Session": _AWS,
}
"""Each by its dotted name, as it is imported."""

LAST_NAMES: frozenset[str] = frozenset(name.rpartition(".")[2] for name in CLIENTS)
"""Their last names, for a look at the syntax alone."""
