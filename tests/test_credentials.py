"""What is a credential, what is not, and how it is shown. Values are made at run time (material.py)."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from typing import Any

import material
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modal_lint.credentials import (
    classify,
    find_in_text,
    has_shape,
    is_credential_key,
    is_placeholder,
    is_plain,
    mask,
    mask_text,
    may_hold,
    secret_name,
    shapes,
    shapes_in,
    variable_of,
)
from modal_lint.credentials.providers import SHAPES
from modal_lint.model import Confidence

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW
FREE = [shape.id for shape in SHAPES if not shape.hints]
HINTED = [shape.id for shape in SHAPES if shape.hints]


def confidence(key: str | None, value: str, path: str = "") -> Confidence | None:
    found = classify(key, value, path=path)
    return found.confidence if found else None


def words_of(text: str) -> list[str]:
    return text.split()


def spans(text: str) -> list[str]:
    return [text[match.start : match.end] for match in find_in_text(text)]


# --- providers -----------------------------------------------------------------------------------------------------


def test_the_table_is_large_and_its_ids_are_unique() -> None:
    assert len(SHAPES) >= 200
    assert len({shape.id for shape in SHAPES}) == len(SHAPES)
    assert len({shape.provider for shape in SHAPES}) >= 150


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.id)
def test_every_entry_recognises_its_example(shape: object) -> None:
    entry = next(one for one in SHAPES if one is shape)
    for seed in range(3):
        found = classify(material.key_for(entry.id), material.make(entry.id, seed))
        assert found is not None
        assert found.confidence is (MEDIUM if entry.medium else HIGH)
        assert not found.weak


@pytest.mark.parametrize("shape", [s for s in SHAPES if not s.hints], ids=lambda shape: shape.id)
def test_a_telling_shape_needs_no_key_and_is_found_in_text(shape: object) -> None:
    entry = next(one for one in SHAPES if one is shape)
    value = material.make(entry.id, 7)
    found = classify(None, value)
    assert found is not None
    assert found.provider == (entry.provider or None)
    assert spans(f"tool --flag {value} next '{value}'") == [value, value]
    for around in ("", "".join(f"print(os.path.join(some_folder.name_{n}, 'é'))\n" for n in range(20))):
        assert has_shape(f"{around}x = '{value}'\n{around}") is not entry.medium
        assert spans(f"{around}x = '{value}'\n{around}") == [value]


@pytest.mark.parametrize("shape", [s for s in SHAPES if s.hints and not s.literals], ids=lambda shape: shape.id)
def test_an_ambiguous_shape_needs_its_key(shape: object) -> None:
    entry = next(one for one in SHAPES if one is shape)
    value = material.make(entry.id, 3)
    assert confidence(None, value) in (None, LOW, MEDIUM)
    assert not shapes_in(f"revision = '{value}'")


@pytest.mark.parametrize("kind", ["github", "github-oauth", "npm", "grafana-service"])
def test_a_wrong_checksum_is_no_shape(kind: str) -> None:
    value = material.make(kind)
    broken = value[:-1] + ("0" if value[-1] != "0" else "1")
    assert not shapes_in(broken)
    assert confidence("SOME_TOKEN", broken) is MEDIUM
    assert confidence(None, broken) is LOW


@pytest.mark.parametrize("kind", FREE[::9])
def test_a_shape_inside_a_longer_word_is_none(kind: str) -> None:
    value = material.make(kind)
    assert not [match for match in shapes_in(f"prefix{value}") if match.start == len("prefix")]


def _steady(items: Any) -> tuple[int, int, bool]:
    """Of a parsed pattern: the least length, the longest run that is sure to be there, and whether it is all of it."""
    length = best = current = 0
    whole = True
    for operation, argument in items:
        name = str(operation)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            least, _, inner = argument
            one, run, pure = _steady(inner)
            size, part = least * one, (least * one if pure else min(least, 1) * run)
        elif name == "SUBPATTERN":
            size, part, pure = _steady(argument[-1])
        elif name == "BRANCH":
            size, part, pures = (min(column) for column in zip(*map(_steady, argument[1]), strict=True))
            pure = bool(pures)
        else:
            size, part, pure = 1, 1, _is_run(name, argument)
        length += size
        current = current + part if pure else 0
        best = max(best, current, part if size else 0)
        whole = whole and pure
    return length, best, whole


def _is_run(name: str, argument: Any) -> bool:
    if name == "IN":
        return all(_is_run(str(kind), value) for kind, value in argument)
    if name == "RANGE":
        return all(_is_run("LITERAL", char) for char in range(argument[0], argument[1] + 1))
    return name == "LITERAL" and shapes._RUN.search(chr(argument) * 16) is not None


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.id)
def test_no_shape_is_shorter_than_what_is_looked_at(shape: object) -> None:
    """A value or text that is too short, or has no long run of the characters of shapes, is not looked at."""
    entry = next(one for one in SHAPES if one is shape)
    parser = importlib.import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")
    length, run, _ = _steady(parser.parse(entry.pattern))
    assert length >= shapes.MIN_LENGTH
    assert entry.hints or run >= 16


# --- keys ----------------------------------------------------------------------------------------------------------

CREDENTIAL_KEYS = words_of(
    """
    PASSWORD DB_PASSWORD dbPassword PGPASSWORD MYSQL_PWD PASSPHRASE SECRET CLIENT_SECRET TOKEN HF_TOKEN API_KEY
    APIKEY apiKey X-API-Key OPENAI_API_KEY WANDB_API_KEY AWS_SECRET_ACCESS_KEY ACCESS_KEY PRIVATE_KEY AUTH_KEY
    ENCRYPTION_KEY SIGNING_KEY MASTER_KEY WEBHOOK_SECRET CREDENTIALS DATABASE_URL SENTRY_DSN CONNECTION_STRING
    GITHUB_PAT LICENSE_KEY SESSION_KEY COOKIE BEARER Authorization OPENAI_KEY SECRET_KEY DJANGO_SECRET_KEY
    API_KEY_2 DB_PASSWORD_PROD STRIPE_KEY TAILSCALE_AUTHKEY SLACK_BOT_TOKEN Modal-Secret hf_token
    HUGGINGFACEHUB_API_TOKEN accessToken SERVICE_ACCOUNT_JSON NPM_TOKEN MODAL_TOKEN_SECRET KAGGLE_KEY api-key
    ADMIN_PASS REDIS_PASSWORD JWT_SECRET
    """
)
OTHER_KEYS = words_of(
    """
    KEY_FILE TOKEN_URL SECRET_PATH PASSWORD_LENGTH TOKEN_LIMIT API_KEY_HEADER KEY_PREFIX CACHE_KEY SORT_KEY
    PUBLIC_KEY PRIMARY_KEY MAX_TOKENS TOKENIZERS_PARALLELISM TOKENIZER_PATH eos_token pad_token API_KEY_ID
    OPENAI_KEY_ENV_VAR SECRET_NAME CREDENTIAL_REFERENCE WANDB_SECRET_DIR REQUIRES_PROXY_AUTH TOKEN_IS_FALLBACK
    PASSWORD_MIN_LENGTH REPO_ID LOG_LEVEL MODEL_NAME HF_HOME S3_KEY PARTITION_KEY KEYBOARD MONKEY KEY AUTHOR
    TOKENIZER PASSWORD_FILE SECRETS_DIR NEXT_PUBLIC_API_KEY USE_AUTH_TOKEN NEXT_TOKEN IMAGE_TOKEN TOKEN_COUNT
    API_KEY_NAME PUBLISHABLE_KEY COMPASS BYPASS AUTH_URL OAUTH_SCOPES COOKIE_DOMAIN SESSION_COOKIE_SECURE
    NEW_TOKEN_BUDGET FOREIGN_KEY STOP_TOKEN
    """
)


@pytest.mark.parametrize("key", CREDENTIAL_KEYS)
def test_names_of_credentials(key: str) -> None:
    assert is_credential_key(key)


@pytest.mark.parametrize("key", [*OTHER_KEYS, ""])
def test_names_of_other_things(key: str) -> None:
    assert not is_credential_key(key)


def test_no_name_is_no_credential_name() -> None:
    assert not is_credential_key(None)


# --- values under a credential's name ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("API_KEY", "sk-1234567890"),
        ("OPENAI_API_KEY", "sk-abc123"),
        ("HF_TOKEN", "hf_abc1234"),
        ("DB_PASSWORD", "secret123"),
        ("PASSWORD", "postgres"),
        ("PGPASSWORD", "admin"),
        ("ADMIN_PASSWORD", "password"),
        ("DB_PASSWORD", "hunter2"),
        ("MYSQL_ROOT_PASSWORD", "123456"),
        ("VLLM_API_KEY", "super-secret-key"),
        ("SECRET_KEY", "supersecret"),
        ("JWT_SECRET", "mysecret123"),
        ("DB_PASSWORD", "test123"),
    ],
)
def test_weak_values_are_medium(key: str, value: str) -> None:
    found = classify(key, value)
    assert found is not None
    assert (found.confidence, found.weak) == (MEDIUM, True)


@pytest.mark.parametrize("key", ["DB_PASSWORD", "API_KEY", "CLIENT_SECRET", "INTERNAL_TOKEN", "Modal-Secret"])
def test_a_plausible_value_is_medium_and_lower_in_tests(key: str) -> None:
    value = material.make("password")
    assert confidence(key, value) is MEDIUM
    assert not getattr(classify(key, value), "weak", True)
    for path in ("tests/test_app.py", "pkg/tests/helpers.py", "test_x.py", "src/conftest.py", "app_test.py"):
        assert confidence(key, value, path) is LOW
    assert confidence(key, value, "src/contest.py") is MEDIUM
    assert confidence("TOKEN", material.make("openai"), "tests/test_app.py") is HIGH


def test_random_under_an_unclear_key_is_low() -> None:
    value = material.make("random")
    assert confidence("BLOB", value) is LOW
    assert confidence(None, value) is LOW


def test_access_key_id_is_medium() -> None:
    assert confidence("AWS_ACCESS_KEY_ID", material.make("aws-access-key-id")) is MEDIUM
    assert confidence("AWS_SECRET_ACCESS_KEY", material.make("aws-secret-access-key")) is HIGH
    assert confidence("AWS_ACCESS_KEY_ID", "minio-user-1") is None


def test_the_key_tells_a_wandb_key_from_a_commit() -> None:
    value = material.make("commit")
    assert confidence("WANDB_API_KEY", value) is HIGH
    for key in (None, "MODEL_REVISION", "GIT_SHA", "COMMIT", "HF_REVISION", "WANDB_RUN_REVISION"):
        assert confidence(key, value) is None


def test_headers() -> None:
    token = material.make("openai")
    found = classify("Authorization", f"Bearer {token}")
    assert found is not None
    assert (found.confidence, found.provider) == (HIGH, "openai")
    assert confidence(None, f"Bearer {material.make('random')}") is MEDIUM
    assert confidence("Authorization", "Bearer $TOKEN") is None
    assert confidence("Authorization", "Bearer <token>") is None
    assert confidence("Authorization", "Bearer token") is None


# --- traps ---------------------------------------------------------------------------------------------------------

PLACEHOLDERS = words_of(
    """
    your-key-here <token> xxxxxxxx xxx ... changeme CHANGE_ME TODO REPLACE_ME sk-... hf_xxx
    sk-xxxxxxxxxxxxxxxxxxxxxxxx sk-your-key ${VAR} $TOKEN ${TOKEN:-} EMPTY not-needed dummy none None fake
    test-key example redacted **** •••••• <your-api-key> [REDACTED] __TOKEN__ %(token)s %s {token} {{token}}
    sk-proj-... hf_... placeholder n/a null YOUR_API_KEY your_api_key_here insert-token-here my-api-key
    test-token fake-key dummy-token mock_secret test_password hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
    ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx sk-ant-... sk-no-key-required no-key-required sk-fake sk-dummy
    sk-test api-key token key secret-here test AKIAXXXXXXXXXXXXXXXX ak-xxxxx $(cat/key) xoxb-your-token
    wandb-key-here <|endoftext|> 00000000000000000000000000000000 key-1 @token ollama
    """
)


@pytest.mark.parametrize(
    "value",
    [*PLACEHOLDERS, "", "  ", "{{ var }}", "${{ secrets.TOKEN }}", "⟨openai⟩", "your key here", "$(cat /run/key)"],
)
def test_placeholders_are_silent(value: str) -> None:
    assert is_placeholder(value)
    for key in ("API_KEY", "HF_TOKEN", "DB_PASSWORD", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", None):
        assert confidence(key, value) is None


def test_the_documents_examples_are_silent() -> None:
    documented = "AKIA" + "IOSFODNN7" + "EXAMPLE"
    assert confidence("AWS_ACCESS_KEY_ID", documented) is None
    assert confidence("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY") is None
    assert not find_in_text(f"export AWS_ACCESS_KEY_ID={documented}")


ORDINARY = words_of(
    """
    MY_API_KEY OPENAI_API_KEY HF_TOKEN my-modal-secret openai-secret huggingface-secret my-db-credentials
    /run/secrets/key ./token.txt ~/.netrc token.json https://example.com/token https://api.acme.io/v1 true False
    1 0 300 0.5 1e-5 30s 5m 10GB 2024-01-01 gpt-4o gpt-4o-mini llama-3-8b meta-llama/Llama-3.1-8B-Instruct
    Qwen/Qwen2.5-7B-Instruct claude-3-5-sonnet v1.2.3 3.11 us-east-1 bearer basic oauth2 s3://bucket/key
    gs://b/k arn:aws:secretsmanager:us-east-1:1:secret:x secrets/openai vault:secret/data/openai
    op://vault/item/field default auto required
    """
)


@pytest.mark.parametrize("value", [*ORDINARY, "The key that is used for signing requests", "enter your password"])
def test_ordinary_values_are_silent_even_under_a_credential_name(value: str) -> None:
    for key in ("API_KEY", "HF_TOKEN", "CLIENT_SECRET", "OPENAI_API_KEY", "LOG_LEVEL", None):
        assert confidence(key, value) is None


@pytest.mark.parametrize("kind", ["commit", "digest", "uuid", "modal-object", "stripe-publishable", "supabase-anon"])
@pytest.mark.parametrize(
    "key", ["REVISION", "DOCUMENT_ID", "IMAGE_DIGEST", "SANDBOX_ID", "STRIPE_PUBLISHABLE_KEY", None]
)
def test_identifiers_and_public_values_are_silent(kind: str, key: str | None) -> None:
    for seed in range(5):
        assert confidence(key, material.make(kind, seed)) is None


def test_publishable_values_are_silent_under_a_credential_name() -> None:
    assert confidence("STRIPE_KEY", material.make("stripe-publishable")) is None
    assert confidence("SUPABASE_KEY", material.make("supabase-anon")) is None
    assert confidence("SUPABASE_KEY", material.make("supabase-service")) is HIGH
    assert confidence("NEXT_PUBLIC_FIREBASE_API_KEY", material.make("gemini")) is None
    assert confidence("MODAL_TOKEN", material.make("modal-object")) is None
    assert confidence("SSH_KEY", "ssh-ed25519 " + "AAAAC3NzaC1lZDI1NTE5AAAAI" + material.make("random")) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("MAX_TOKENS", "4096"),
        ("TOKENIZERS_PARALLELISM", "false"),
        ("eos_token", "<|endoftext|>"),
        ("pad_token", "[PAD]"),
        ("OPENAI_KEY_ENV_VAR", "OPENAI_API_KEY"),
        ("SECRET_NAME", "openai-secret"),
        ("WANDB_SECRET_DIR", "/run/secrets"),
        ("PASSWORD_MIN_LENGTH", "12"),
        ("REPO_ID", "meta-llama/Llama-3.1-8B"),
        ("APP_URL", "https://acme--my-app-web.modal.run"),
        ("LOG_LEVEL", "debug"),
        ("CUDA_VISIBLE_DEVICES", "0,1,2,3"),
        ("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True,max_split_size_mb:512"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/conda/envs/py311/bin"),
        ("VLLM_ATTENTION_BACKEND", "FLASH_ATTN"),
        ("MODEL", "Qwen2.5-VL-72B-Instruct-AWQ"),
        ("HF_HUB_ENABLE_HF_TRANSFER", "1"),
        ("EXTRA", "--model=Qwen/Qwen2.5-7B --max-model-len=8192"),
        ("TORCH_CUDA_ARCH_LIST", "7.0;7.5;8.0;8.6;8.9;9.0+PTX"),
        ("IMAGE", "nvidia/cuda:12.4.1-devel-ubuntu22.04"),
        ("DATABASE_URL", "postgresql:///jobs"),
        ("DATABASE_URL", "sqlite:////data/app.db"),
        ("SENTRY_DSN", "https://0123456789abcdef0123456789abcdef@o42.ingest.sentry.io/42"),
    ],
)
def test_plain_configuration_is_silent(key: str, value: str) -> None:
    assert classify(key, value) is None
    assert not find_in_text(f"ENV {key}={value}")


# --- URLs, blocks, strings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["postgres-url", "mongodb-url", "redis-url", "git-url", "index-url"])
def test_a_password_in_a_url_is_high(kind: str) -> None:
    url = material.make(kind)
    for key in ("DATABASE_URL", "INDEX_URL", None):
        assert confidence(key, url) is HIGH
    (found,) = spans(f"RUN tool --to {url} --now")
    assert f":{found}@" in url
    assert "@" in mask(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgres://postgres:postgres@localhost/db",
        "postgresql://postgres:password@localhost:5432/app",
        "redis://:redis@127.0.0.1:6379",
        "postgres://user:pass@host/db",
        "postgresql://user:password@host:5432/dbname",
        "mongodb://root:example@mongo:27017",
        "postgres://postgres:postgres@db:5432/app",
        "https://$TOKEN@github.com/acme/x.git",
        "https://${GITHUB_TOKEN}@github.com/acme/x.git",
        "https://x-access-token:$GITHUB_TOKEN@github.com/acme/x",
        "https://oauth2:{token}@gitlab.com/acme/x",
        "https://<token>@github.com/acme/x",
        "git+ssh://git@github.com/acme/x.git",
        "ssh://git@github.com:22/acme/x",
        "https://user@example.com/path",
        "https://api.acme.io/v1?page=2",
        "postgres://user:YOUR_PASSWORD@db.acme.io/x",
        "postgresql://{user}:{password}@{host}/{db}",
        "mailto:someone@example.com",
        "https://cdn.acme.io/npm/@scope/pkg@1.2.3/index.js",
    ],
)
def test_urls_without_a_secret_are_silent(url: str) -> None:
    assert confidence("DATABASE_URL", url) is None
    assert confidence(None, url) is None
    assert not find_in_text(f"RUN tool {url} && other")


def test_a_weak_password_on_a_real_host_is_weak() -> None:
    found = classify("DATABASE_URL", "postgres://admin:hunter2@db.acme-media.io/jobs")
    assert found is not None
    assert (found.confidence, found.weak) == (MEDIUM, True)


def test_blocks() -> None:
    pem, account = material.make("pem"), material.make("service-account")
    for value in (pem, pem.replace("\n", "\\n")):
        found = classify("SSH_KEY", value)
        assert found is not None
        assert (found.confidence, found.kind) == (HIGH, "private key")
        assert spans(f"echo '{value}' > id") == [value]
    found = classify("SERVICE_ACCOUNT_JSON", account)
    assert found is not None
    assert (found.confidence, found.provider) == (HIGH, "google")
    head, foot = pem.splitlines()[0], pem.splitlines()[-1]
    assert classify("PRIVATE_KEY", f"{head}\n...\n{foot}") is None
    assert classify("PRIVATE_KEY", f"{head}\nYOUR KEY HERE\n{foot}") is None
    certificate = pem.replace("PRIVATE" + " KEY", "CERTIFICATE")
    assert classify("TLS_CERT", certificate) is None
    assert not find_in_text(certificate)


def test_connection_strings() -> None:
    password = material.make("url-password")
    value = f"Server=db.acme.io;Database=jobs;User Id=worker;Password={password};"
    assert confidence("CONNECTION_STRING", value) is MEDIUM
    assert spans(value) == [password]
    assert confidence("CONNECTION_STRING", "Server=db;Database=jobs;Trusted_Connection=True;") is None


# --- text ----------------------------------------------------------------------------------------------------------

TEXTS = [
    "export DB_PASSWORD=⟨password⟩",
    "DB_PASSWORD=⟨password⟩ ./run.sh && echo done",
    "ENV DB_PASSWORD ⟨password⟩",
    "ENV A=b DB_PASSWORD='⟨password⟩' C=d",
    'ARG DB_PASSWORD="⟨password⟩"',
    "tool login --password ⟨password⟩ -v",
    "tool --password=⟨password⟩",
    "tool --api-key '⟨random⟩' run",
    "curl -u worker:⟨password⟩ https://api.acme.io",
    'curl -s --user "worker:⟨password⟩" https://api.acme.io',
    "curl -H 'Authorization: Bearer ⟨random⟩' https://api.acme.io",
    'curl -H "X-API-Key: ⟨random⟩" https://api.acme.io',
    "sshpass -p ⟨password⟩ ssh host",
    "mysql -u root -p⟨password⟩ jobs",
    "docker login -u bob -p ⟨password⟩ ghcr.io",
    "git clone https://bob:⟨url-password⟩@git.acme.io/x.git",
    "git clone https://⟨github⟩@github.com/acme/x.git",
    "pip install --extra-index-url https://ci:⟨url-password⟩@pypi.acme.io/simple pkg",
    "huggingface-cli login --token ⟨huggingface⟩",
    "wandb login ⟨commit⟩",
    "modal token set --token-secret ⟨modal-token-secret⟩",
    "echo '⟨pem⟩' > /root/.ssh/id_rsa",
    "echo machine api.acme.io login bob password ⟨password⟩ > ~/.netrc",
    "aws configure set aws_secret_access_key ⟨aws-secret⟩",
    "npm config set //registry.npmjs.org/:_authToken=⟨npm⟩",
    "wget https://api.acme.io/data?api_key=⟨random⟩&page=2",
    'echo {"api_key": "⟨random⟩"} > config.json',
    "psql postgres://worker:⟨url-password⟩@db.acme.io/jobs -c 'select 1'",
]


@pytest.mark.parametrize("template", TEXTS)
def test_found_in_text(template: str) -> None:
    (placeholder,) = re.findall("⟨.*?⟩", template)
    value = material.fill(placeholder)
    text = material.fill(template)
    assert spans(text) == [value]
    masked = mask_text(text)
    assert value not in masked
    assert mask_text(masked) == masked
    assert masked.startswith(template.partition("⟨")[0])


SILENT = [
    "export DB_PASSWORD=$DB_PASSWORD",
    "export TOKEN=${TOKEN}",
    'ENV HF_TOKEN="$HF_TOKEN"',
    "TOKEN=$(cat /run/secrets/token) ./run",
    'curl -H "Authorization: Bearer $TOKEN" https://api.acme.io',
    "curl -u user:$PASSWORD https://api.acme.io",
    "git clone https://$GITHUB_TOKEN@github.com/acme/x.git",
    "docker login -u bob --password-stdin",
    "pip install torch==2.4.0 --index-url https://download.pytorch.org/whl/cu121",
    "apt-get install -y --no-install-recommends git curl",
    "ENV TOKENIZERS_PARALLELISM=false MAX_TOKENS=4096",
    "git checkout 3b18e512dba79e4c8300dd08aeb37f8e728b8dad",
    "echo 'export PATH=/opt/conda/bin:$PATH' >> ~/.bashrc",
    "python -m app --token-file /run/secrets/token --key-prefix jobs",
    "huggingface-cli login --token $HF_TOKEN",
    "wandb login $WANDB_API_KEY",
    "tool --password --verbose",
    "pip install 'git+https://github.com/acme/x@v1.2'",
    "curl -LO https://acme.io/a.tar.gz#sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "modal secret create openai-secret OPENAI_API_KEY=sk-...",
    "password: required; token: the token of the user",
    "docker run -e POSTGRES_PASSWORD=${PG:?missing} postgres",
    "mysql -u root -p jobs",
    "cargo build --release -p my-crate && docker login -u bob",
]


@pytest.mark.parametrize("text", SILENT)
def test_silent_in_text(text: str) -> None:
    assert find_in_text(text) == []
    assert mask_text(text) == text


def test_text_in_a_test_file_is_one_level_lower() -> None:
    text = material.fill("export DB_PASSWORD=⟨password⟩")
    (found,) = find_in_text(text, path="tests/test_a.py")
    assert (found.key, found.credential.confidence) == ("DB_PASSWORD", LOW)


def test_key_and_provider_of_a_found_credential() -> None:
    (found,) = find_in_text(material.fill("export OPENAI_API_KEY='⟨openai⟩'"))
    assert (found.key, found.credential.provider, found.credential.confidence) == ("OPENAI_API_KEY", "openai", HIGH)


def test_shapes_in_leaves_out_what_only_a_key_tells() -> None:
    text = material.fill("a = '⟨anthropic⟩'; PASSWORD = '⟨password⟩'; rev = '⟨commit⟩'; id = '⟨aws-key-id⟩'")
    assert [text[m.start : m.end] for m in shapes_in(text)] == [material.make("anthropic", 0)]


# --- masks ---------------------------------------------------------------------------------------------------------


def test_masks() -> None:
    value = material.make("openai")
    assert mask(value) == f"sk-proj-…{value[-4:]}"
    assert mask(material.make("modal-token-secret")).startswith("as-…")
    assert mask("secret123") == "••••(8+)"
    assert mask("abc") == "••••"
    url = material.make("postgres-url")
    assert mask(url) == "postgres://••••@db.acme-media.io:5432"
    assert mask(material.make("pem")).endswith("PRIVATE KEY-----…")


@pytest.mark.parametrize("size", range(1, 24))
def test_the_mask_of_a_short_value_tells_only_roughly_how_long_it_is(size: int) -> None:
    value = material.make("random")[:size]
    for provider in (None, "openai"):
        assert mask(value, provider) in ("••••", "••••(8+)", "••••(16+)")


def leaked(shown: str, value: str, size: int = 5) -> str | None:
    """A run of ``size`` characters of the value that the shown text repeats."""
    return next((value[at : at + size] for at in range(len(value) - size + 1) if value[at : at + size] in shown), None)


@given(st.sampled_from(SHAPES), st.integers(0, 10**6))
@settings(max_examples=150, deadline=None)
def test_a_mask_shows_the_public_prefix_and_four_characters(shape: object, seed: int) -> None:
    entry = next(one for one in SHAPES if one is shape)
    value = material.make(entry.id, seed)
    named = material.key_for(entry.id)
    public = entry.example.partition("{")[0]
    for shown in (mask(value), mask(value, entry.provider), mask(f"Bearer {value}"), mask_text(f'{named}="{value}"')):
        assert leaked(shown.replace(public, "", 1), value[len(public) :]) is None


@given(
    st.text(st.characters(codec="ascii", min_codepoint=33), min_size=5, max_size=300), st.sampled_from([None, "openai"])
)
@settings(max_examples=300, deadline=None)
def test_a_mask_of_anything_shows_at_most_the_tail(value: str, provider: str | None) -> None:
    shown = mask(value, provider)
    if "://" not in value and "-----" not in value:
        assert leaked(shown, value) is None or shown.startswith(("sk-", *(s for x in SHAPES for s in x.literals)))
        assert len(shown) < 60


@given(st.text(max_size=400), st.sampled_from(["DB_PASSWORD", "API_KEY", "x", "", "é", None]))
@settings(max_examples=400, deadline=None)
def test_never_raises_on_any_text(text: str, key: str | None) -> None:
    classify(key, text)
    is_placeholder(text)
    mask(text)
    for found in find_in_text(text):
        assert 0 <= found.start < found.end <= len(text)


ALPHABET = st.sampled_from([
    "PASSWORD", "=", "'", '"', " ", "\n", "://", "@", ":", "--token", "Bearer ", "-----BEGIN PRIVATE KEY-----",
    "sk-", "hunter2", "ENV ", "curl -u ", "$X", "\\", "Zq81kdPw0aMx77", "AccountKey=", ";", "{", ".", "é", "user",
])  # fmt: skip


@given(st.lists(ALPHABET, max_size=60).map("".join))
@settings(max_examples=500, deadline=None)
def test_spans_are_ordered_and_inside(text: str) -> None:
    last = 0
    for found in find_in_text(text):
        assert last <= found.start < found.end <= len(text)
        assert found.credential.mask
        last = found.end
    mask_text(text)


@pytest.mark.parametrize(
    "unit",
    [
        "a", "A", "0", "-", " ", "=", "'", "\"", ":", "://", "@", ".", "\\", "sk-", "eyJ", "a=", "a=\"", "a:",
        "x@", "a.b/", "\n", "https://a:", "--a ", "-----BEGIN PRIVATE KEY-----", "curl -u ", "curl ",
        "mysql ", "docker login ", "ENV a ", "password=", "AAAA", "xoxb-1", "SG.", "password: ", "Bearer ",
        "://a@", "https://", "0/", "live_", "$", "{", "<", "Password=a;", "K=v ", "wandb login ", "a-", "a_",
        "sig=", "agent:", "ab1", "-us", "http ",
    ],
)  # fmt: skip
@pytest.mark.timeout(60)  # a quadratic search takes minutes; how fast a linear one is, bench/ says
def test_long_input_takes_linear_time(unit: str) -> None:
    text = (unit * (300_000 // len(unit) + 1))[:300_000]
    classify("API_KEY", text)
    classify(None, text)
    find_in_text(text)


# --- names of Secrets ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        (["OPENAI_API_KEY"], {"openai-secret": ("OPENAI_API_KEY",)}),
        (["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"], {"huggingface-secret": ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")}),
        (["WANDB_API_KEY"], {"wandb-secret": ("WANDB_API_KEY",)}),
        (
            ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
            {"aws-secret": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")},
        ),
        (["PGPASSWORD", "PGHOST"], {"postgres-secret": ("PGPASSWORD", "PGHOST")}),
        (["MONGO_PASSWORD"], {"mongodb-secret": ("MONGO_PASSWORD",)}),
        (["SERVICE_ACCOUNT_JSON"], {"googlecloud-secret": ("SERVICE_ACCOUNT_JSON",)}),
        (["LANGCHAIN_API_KEY"], {"langsmith-secret": ("LANGCHAIN_API_KEY",)}),
        (["GITHUB_TOKEN"], {"github-secret": ("GITHUB_TOKEN",)}),
        (["GROQ_API_KEY"], {"groq-secret": ("GROQ_API_KEY",)}),
        (["STRIPE_KEY", "STRIPE_WEBHOOK_SECRET"], {"stripe-secret": ("STRIPE_KEY", "STRIPE_WEBHOOK_SECRET")}),
        (["STRIPE_WEBHOOK_SECRET"], {"stripe-secret": ("STRIPE_WEBHOOK_SECRET",)}),
        (["DB_USER", "DB_PASSWORD"], {"db-secret": ("DB_USER", "DB_PASSWORD")}),
        (["API_KEY"], {"my-app-secrets": ("API_KEY",)}),
        (["API_KEY", "PASSWORD"], {"my-app-secrets": ("API_KEY", "PASSWORD")}),
        (
            ["OPENAI_API_KEY", "DB_PASSWORD", "API_KEY"],
            {"openai-secret": ("OPENAI_API_KEY",), "db-secret": ("DB_PASSWORD",), "my-app-secrets": ("API_KEY",)},
        ),
    ],
)
def test_names_of_secrets(keys: list[str], names: dict[str, tuple[str, ...]]) -> None:
    assert secret_name(keys, app="my-app") == names


def test_a_secret_that_the_project_has_comes_first() -> None:
    taken = {"my-llm-keys": frozenset({"OPENAI_API_KEY"})}
    assert secret_name(["OPENAI_API_KEY"], app="a", taken=taken) == {"my-llm-keys": ("OPENAI_API_KEY",)}


def test_a_secret_of_other_keys_is_never_chosen() -> None:
    taken = {"openai-secret": frozenset({"OPENAI_ORG"}), "openai-secret-2": frozenset({"X"})}
    assert secret_name(["OPENAI_API_KEY"], app="a", taken=taken) == {"openai-secret-3": ("OPENAI_API_KEY",)}
    unknown: dict[str, frozenset[str]] = {"openai-secret": frozenset()}
    assert secret_name(["OPENAI_API_KEY"], app="a", taken=unknown) == {"openai-secret": ("OPENAI_API_KEY",)}


def test_without_an_app_there_is_still_a_name() -> None:
    assert secret_name(["API_KEY"], app=None) == {"app-secrets": ("API_KEY",)}
    assert secret_name(["API_KEY"], app="Ünï app!") == {"n-app-secrets": ("API_KEY",)}


@given(
    st.lists(st.text(min_size=1, max_size=90), max_size=6),
    st.one_of(st.none(), st.text(max_size=90)),
    st.dictionaries(st.sampled_from(["openai-secret", "app-secrets", "db-secret"]), st.just(frozenset({"OTHER"}))),
)
@settings(max_examples=200, deadline=None)
def test_names_are_valid_and_every_key_has_one(
    keys: list[str], app: str | None, taken: dict[str, frozenset[str]]
) -> None:
    found = secret_name(keys, app=app, taken=taken)
    assert sorted(key for group in found.values() for key in group) == sorted(set(keys))
    for name, group in found.items():
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name)
        assert not re.fullmatch(r"ap-[a-zA-Z0-9]{22}", name)
        assert name not in taken or set(group) <= taken[name]


def test_variables_of_providers() -> None:
    assert variable_of("huggingface") == "HF_TOKEN"
    assert variable_of("openai") == "OPENAI_API_KEY"
    assert variable_of(None) is None


# --- cost ----------------------------------------------------------------------------------------------------------


def test_importing_loads_neither_the_table_nor_codecs() -> None:
    code = (
        "import sys; before = set(sys.modules); import modal_lint.credentials; late = "
        "('base64', 'json', 'hashlib', 'zlib', 'libcst', 'modal_lint.credentials.providers'); "
        "print([name for name in late if name in sys.modules and name not in before])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


# --- the cheap questions before ------------------------------------------------------------------------------------

_PIECES = st.sampled_from(
    [" ", "  ", "\t", "\n", "=", ":", "-", "--", "-p", "-u ", "'", '"', "@", "://", "/", ";", ".", "$", "http", "ENV",
     "env", "Env ", "set", "add", "login", "docker", "wandb", "mysql", "redis-cli", "curl", "Bearer", "password",
     "API_KEY", "DB_PASSWORD", "AccountKey", "hunter2", "kT9vXq2LmZ", "u", "x"]
)  # fmt: skip


def _given_in(text: str) -> list[object]:
    from modal_lint.credentials import text as module

    found = [*module._given(text, ""), *module._in_urls(text), *module._in_commands(text, "")]
    assert may_hold(text) or not found
    return [*found]


@pytest.mark.parametrize(
    "text",
    [
        "set API_KEY kT9vXq2LmZ",
        "add API_KEY kT9vXq2LmZ",
        "login API_KEY kT9vXq2LmZ",
        "ENV API_KEY kT9vXq2LmZ",
        "Env API_KEY kT9vXq2LmZ",
        "--api-key kT9vXq2LmZ",
        "API_KEY=kT9vXq2LmZ",
        "Authorization:'kT9vXq2LmZ7'",
        "mysql -pkT9vXq2LmZ",
        "wandb\tlogin\t" + "0a1b2c3d4e" * 4,
    ],
)
def test_each_sign_of_a_value_given_to_a_name_is_one(text: str) -> None:
    assert _given_in(text)


@settings(max_examples=1_000)
@given(st.lists(_PIECES, max_size=10).map("".join))
def test_a_text_without_a_sign_gives_nothing(text: str) -> None:
    _given_in(text)


@settings(max_examples=1_000)
@given(
    st.sampled_from([None, "LOG_LEVEL", "name", "API_KEY", "DB_PASSWORD", "DATABASE_URL", "AWS_ACCESS_KEY_ID", "cmd"]),
    st.one_of(st.from_regex(r"[\w -]{0,18}", fullmatch=True), st.lists(_PIECES, max_size=4).map("".join)),
)
def test_a_plain_value_is_no_credential_and_holds_none(key: str | None, value: str) -> None:
    if is_plain(key, value):
        assert classify(key, value) is None
        assert not find_in_text(value)
