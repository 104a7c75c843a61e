"""What a name (environment variable, header, option, parameter) says about its value."""

from __future__ import annotations

import re
from functools import lru_cache

from modal_lint.credentials import custom
from modal_lint.lazy import lazy, vocabulary

PASSWORD = "password"  # any value is plausible, a guessable one is weak
SECRET = "secret"  # a token or key: plain words are not plausible
URL = "url"  # only with a password inside
REFERENCE = "reference"  # the first half of a pair: only a provider's shape counts

_PASSWORD_WORDS = frozenset(
    {"password", "passwd", "pwd", "passphrase", "passcode", "pass", "pw", "passwort", "userpass"}
)
_SECRET_WORDS = vocabulary(
    """
    secret token apikey accesskey secretkey privatekey authkey signingkey encryptionkey masterkey sessionkey
    licensekey clientsecret webhooksecret authtoken accesstoken refreshtoken bottoken credential credentials
    creds cred bearer authorization cookie auth jwt hmac pat sas pepper keypair xapikey apitoken secrets
    servicekey
    """
)
_SUFFIXES = ("password", "passwd", "passphrase")
_SECRET_SUFFIXES = (
    "apikey",
    "secretkey",
    "accesskey",
    "privatekey",
    "authtoken",
    "accesstoken",
    "apitoken",
    "apisecret",
)
# What stands before KEY and makes it a credential.
_KEY_QUALIFIERS = vocabulary(
    """
    api access private auth encryption encrypt signing sign signature master secret session license licence
    service account admin client shared subscription hmac jwt crypto cipher write ingest ingestion deploy ssh
    webhook server role functions function host aes rsa fernet proxy app application bot tls ssl decryption
    integration security management personal rest root cookie csrf wallet deployer sas provisioning storage user
    routing insert secure agent hf modal smtp mail
    """
)
# Products whose names are also plain words: ``RENDER_KEY`` says nothing.
_PLAIN_WORDS = vocabulary(
    """
    s3 r2 do box scale together hex monday segment render loops daily knock mux drone age fly neon linear secret
    token storage blob assembly cal trigger chroma morph prefect exa eleven weather shortcut unstructured
    elastic comet square notion branch harness travis sonar doppler vault wallet meta email oss axiom polygon
    alchemy docker circle gcs lob b2 paddle scalr plaid email_password duffel readme rollbar lambda cloudflare
    aws google github gitlab kafka jwt ethereum microsoft
    """
)
_NOT_A_TOKEN = vocabulary(
    """
    eos bos pad unk mask sep cls stop end start begin special image video audio next page continuation think
    thinking max min num per count eot eom prefix suffix middle tool new last first cancel cancellation
    delimiter separator blank vocab prompt output input context placeholder control newline system assistant
    total chat pagination sync resume speech text box patch price cost usd usdc erc20 spl mint im cursor
    image_start noop and each by current every add
    """
)
_FLAG_WORDS = vocabulary(
    """
    use enable enabled disable disabled require requires required has is no skip allow show hide with without
    ignore force max min num verify check trust implicit public publishable anon needs
    """
)
_PUBLIC_PREFIXES = ("next_public_", "vite_", "react_app_", "expo_public_", "nuxt_public_", "public_", "gatsby_")
# Endings that say where or in which form, not what.
_ENDINGS = vocabulary(
    """
    prod production dev development staging stage live test testing sandbox local new old default backup
    fallback main value val b64 base64 raw plain plaintext str string text primary secondary read write ro rw
    json encoded eu us decoded pem contents content v1 v2 v3
    """
)
_PLURALS = vocabulary(
    """
    api_keys auth_tokens access_tokens api_tokens passwords secret_keys auth_keys proxy_keys bot_tokens
    refresh_tokens master_keys
    """
)
_URL_ENDINGS = tuple(
    vocabulary(
        """
    dsn database_url db_url connection_string conn_string connection_uri connection_url connectionstring
    databaseurl redis_url mongo_url mongo_uri mongodb_uri amqp_url broker_url database_uri db_uri postgres_url
    postgres_uri connstr jdbc_url mongodb_url mysql_url sqlalchemy_url rabbitmq_url celery_broker_url
    """
    )
)
# Names that follow no pattern.
_SECRET_NAMES = vocabulary(
    """
    netrc kubeconfig service_account_json google_application_credentials_json google_credentials
    google_service_account service_account_key service_account_info gcp_service_account gcp_sa_key gcp_key
    key_secret firebase_service_account ssh_key ssh_id_rsa id_rsa turn_credential aws_key github_key gitlab_key
    google_key cloudflare_key docker_key api_secret npm_auth basic_auth http_auth _auth slack_webhook_url
    discord_webhook_url modal_key docker_auth_config docker_config_json dockerconfigjson totp_seed otp_seed
    mnemonic seed_phrase secret_key_base secretkeybase rails_master_key x_api_key xi_api_key private_token
    job_token deploy_token access_key_secret rcon_password
    """
)
_REFERENCE_NAMES = ("access_key_id", "accesskeyid", "account_sid", "token_id", "access_key", "api_key_sid", "secret_id")
_PARTS = lazy(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_BRANDS = (("OpenAI", "Openai"), ("GitHub", "Github"), ("GitLab", "Gitlab"), ("HuggingFace", "Huggingface"),
           ("OAuth", "Oauth"), ("MongoDB", "Mongodb"), ("PyPI", "Pypi"), ("DeepSeek", "Deepseek"))  # fmt: skip


@lru_cache(maxsize=4096)
def words(key: str) -> tuple[str, ...]:
    """The lower-case words of a name: ``HF_TOKEN``, ``hfToken`` and ``Hf-Token`` all give ``hf``, ``token``."""
    if len(key) > 200 or "::" in key:
        return ()
    for brand, flat in _BRANDS:
        key = key.replace(brand, flat)
    found: list[str] = []
    for part in _PARTS.findall(key):
        # Digits belong to the word before them: ``s3``, ``b64``, ``k2``.
        if part.isdigit() and found and re.search(re.escape(found[-1]) + part, key, re.IGNORECASE):
            found[-1] += part
        else:
            found.append(part.lower())
    return tuple(found)


def normal(key: str) -> str:
    """The words of a name joined by ``_``."""
    return "_".join(words(key))


@lru_cache(maxsize=4096)
def family(key: str) -> str | None:
    """Which values are plausible under this name: PASSWORD, SECRET, URL, REFERENCE; None for no credential."""
    if normal(key).endswith(tuple(_SECRET_NAMES)) and not set(words(key)) & _FLAG_WORDS:
        return SECRET
    parts = _without_endings(words(key))
    if not parts or set(parts[:-1]) & _FLAG_WORDS or parts[0] in _FLAG_WORDS:
        return _public_or_url(parts)
    name = "_".join(parts)
    if name.startswith(_PUBLIC_PREFIXES):
        return None
    last = re.sub(r"\d+$", "", parts[-1]) or parts[-1]
    if last in _PASSWORD_WORDS or last.endswith(_SUFFIXES):
        return PASSWORD
    if _names_secret(parts, last, name):
        return SECRET
    if name.endswith(_URL_ENDINGS):
        return URL
    return REFERENCE if name.endswith(_REFERENCE_NAMES) else None


def _public_or_url(parts: tuple[str, ...]) -> str | None:
    return URL if parts and "_".join(parts).endswith(_URL_ENDINGS) else None


def _without_endings(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Drop trailing numbers and environments: ``API_KEY_2``, ``DB_PASSWORD_PROD``."""
    end = len(parts)
    while end > 1 and (parts[end - 1].isdigit() or parts[end - 1] in _ENDINGS):
        if "_".join(parts[:end]).endswith(_URL_ENDINGS):
            break
        end -= 1
    return parts[:end]


def _names_secret(parts: tuple[str, ...], last: str, name: str) -> bool:
    before = parts[-2] if len(parts) > 1 else ""
    if last == "token":
        return before not in _NOT_A_TOKEN
    if last in ("pat", "sas", "auth", "jwt", "hmac", "cred", "cookie"):
        return bool(before) or last == "jwt" or name in ("cookie", "auth")
    if last in _SECRET_WORDS or last.endswith(_SECRET_SUFFIXES):
        return last != "secrets" or bool(before)
    if last == "key":
        return before in _KEY_QUALIFIERS or before in _products()
    return name.endswith(tuple(_PLURALS))


@lru_cache(maxsize=1)
def _products() -> frozenset[str]:
    """Words that name a provider and nothing else, from the providers' table."""
    from modal_lint.credentials.providers import SHAPES

    found = {shape.provider for shape in SHAPES}
    found.update(hint for shape in SHAPES for hint in shape.hints if "_" not in hint)
    return frozenset(found - _PLAIN_WORDS - {""})


def is_credential_key(key: str | None) -> bool:
    """Whether a name says that its value is a credential: ``API_KEY`` does; ``CACHE_KEY``, ``KEY_FILE``, None don't."""
    return key is not None and (family(key) in (PASSWORD, SECRET, URL) or custom.names(key))


def hinted(key: str, hints: tuple[str, ...]) -> bool:
    """Whether one of the hints (words, or words joined by ``_``) occurs in the name."""
    name = f"_{normal(key)}_"
    return any(f"_{hint}_" in name for hint in hints)
