"""Values that stand for a credential without being one: placeholders, references, names, plain configuration."""

from __future__ import annotations

import itertools
import re

from modal_lint.lazy import lazy, vocabulary

_REFERENCE = lazy(
    r"""\$\{[^}]{0,200}\}?|\$\([^)]{0,200}\)?|^\$[A-Za-z_]\w{0,100}$|\$\{?[A-Z][A-Z0-9_]{2,100}\b
      | \{\{ | %\(\w{1,60}\)s | ^%\w{1,60}%$ | ^%s$ | ^\{[\w.\[\]!: ]{0,100}\}$ | ^<[^>]{0,200}>$ | <[a-z][\w -]{2,60}>
      | ^\[[^\]]{0,80}\]$ | ^__\w{1,80}__$ | \.\.\. | … | • | ⟨ | \*{3} | ^@[A-Za-z_/.-]+$ | ^!\w+\s
      | \{[a-z_][\w.]{1,60}\}""",
    re.VERBOSE,
)
_RUN = lazy(r"(?:^|[-_.=:/])(?:[xX]{3,}|0{5,}|\*{2,}|#{3,}|-{3,})|[xX]{5,}|(.)\1{7,}|[xX*#]{3,}$")
# Long enough that no random value holds them by accident.
_TELLING = tuple(
    vocabulary(
        """
    example placeholder changeme changeit change_me change-me replace
    redacted dummy insert your- your_ yourkey yourtoken
    yourapi yoursecret yourpass goes-here goes_here _here -here not-needed notneeded not_needed no-key
    not-required not_required notrequired not-used not_used unused not-real notreal not-a-real not_a_real todo
    fixme fill-in fill_in fillme sample put-your enter-your my-own to-be- tobe noop invalid lorem foobar not-set
    not_set some- some_ fake- fake_ -fake _fake mock- mock_ -mock _mock stub- test-only test_only secret-name
    secret_name required optional -from- _from_ test- test_
    """
    )
)
_WHOLE = vocabulary(
    """
    none null nil undefined empty na n/a tbd xxx xx x - -- _ ? ?? ??? . .. key token apikey api-key api_key your
    yours value string str text any anything whatever something ignored ignore unset default fake mock test
    testing tests foo bar baz foobar hidden masked omitted removed blank false true yes no on off auto disabled
    enabled disable enable optional stub unknown missing local localhost host user username anonymous anon
    public env bearer basic digest oauth oauth2 jwt plain prompt bcrypt argon2 sha256 md5 required ollama
    lm-studio vllm openai llama abc abcd abcdef qwerty-placeholder header cookie session sk sk- hf_ hf no_key
    nokey skip credential credentials dummykey insecure-none self cls todo fixme mykey mytoken my-key my-token
    sk-xxx sk-fake
    """
) | {"", "api key"}
# A value made of two or more of these, and of nothing else, says "put yours here".
_FILLERS = vocabulary(
    """
    test tests testing key keys token tokens secret secrets api apikey fake mock dummy my the a an some your
    local dev value access auth password private foo bar baz abc xyz here new old valid invalid wrong bad good
    unit ci sk hf gsk ant no not none real only for id user client app provider openai anthropic modal
    huggingface wandb 123 1234 12345 123456 1 2 3 0 webhook bot signing pass bearer session credential
    credentials env var name ok proj live stub sandbox e2e integration placeholder first second other custom
    """
)
# SHA-256, shortened, of the account keys that are wired into the public storage and database emulators.
_PUBLISHED = frozenset({"0011cc25eb432071", "aa6547439583c3a2"})
_SUPER = lazy(r"(?:(?:my|super|very|top)[-_]?){1,2}secret(?:[-_][a-z]{1,10}){0,3}[-_]?\d{0,6}")
_WEAK = vocabulary(
    """
    postgres admin password passwd secret root mysql mongo mongodb redis guest user letmein hunter2 qwerty
    welcome changeit master minio minioadmin rabbitmq supersecret topsecret pass administrator toor default
    docker ubuntu modal neo4j sa pwd demo mypassword mysecret mysecretpassword verysecret secretpassword
    iloveyou monkey dragon airflow jupyter grafana elastic kibana vagrant raspberry oracle test testing dev
    secretkey supersecretkey insecure passw0rd p@ssw0rd p@ssword abc123 foobar
    """
)


def is_placeholder(value: str) -> bool:
    """Whether a value only stands for one: empty, ``your-key-here``, ``<token>``, ``sk-...``, ``${VAR}``, …"""
    text = value.strip()
    if len(text) > 400:
        return text.startswith(("${", "{{", "<", "$("))
    return _placeholder(text)


def _placeholder(text: str) -> bool:
    lower = text.lower()
    if lower in _WHOLE or not re.search(r"[A-Za-z0-9]", text):
        return True
    if _REFERENCE.search(text) or is_filler(text):
        return True
    return _all_fillers(lower)


def _all_fillers(lower: str) -> bool:
    parts = [part for part in re.split(r"[^a-z0-9]+", lower) if part]
    return len(parts) > 1 and all(part in _FILLERS for part in parts)


def is_filler(text: str) -> bool:
    """Whether a value, whatever its shape, is filled with a telling word or a run of one character."""
    if _RUN.search(text):
        return True
    lower = text.lower()
    if any(word in lower for word in _TELLING) and not _looks_random(text):
        return True
    if "example" in lower or lower.startswith(
        ("your", "<", "insert", "enter", "paste", "put-", "add-your", "my-own", "123456:abc")
    ):
        return True
    letters = set(lower)
    return (len(text) > 15 and len(letters) < 6) or _published(text)


def _looks_random(text: str) -> bool:
    """A value of many unlike characters in which a short telling word is chance."""
    body = re.split(r"[^A-Za-z0-9]", text)
    longest = max(body, key=len)
    return len(longest) >= 16 and has_digit(longest) and len(set(longest)) >= 10


def has_digit(text: str) -> bool:
    """Whether any character is an ASCII digit."""
    return any("0" <= char <= "9" for char in text)


def _published(text: str) -> bool:
    if len(text) != 88 or not text.endswith("=="):
        return False
    from hashlib import sha256

    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16] in _PUBLISHED


_WRAPS = ("90", "9a", "z0", "0a")


def is_sequence(text: str) -> bool:
    """Whether most of a value climbs or repeats: ``1234567890abcdef``, ``abcdefghij``, ``deadbeefdeadbeef``."""
    body = text.lower()
    if len(body) < 6:
        return body.isdigit()
    steps = sum(ord(b) - ord(a) == 1 or a + b in _WRAPS for a, b in itertools.pairwise(body))
    if steps * 2 >= len(body) - 1:
        return True
    size = len(body)
    return size >= 16 and any(body.startswith(body[unit:]) for unit in range(1, min(size // 2, 32) + 1))


def is_common(value: str) -> bool:
    """Whether a value is a well-known password, alone or with a few digits after it, or a ``super-secret-…``."""
    lower = value.strip().lower()
    return lower in _WEAK or re.sub(r"[\d!@#$_.-]{1,8}$", "", lower) in _WEAK or bool(_SUPER.fullmatch(lower))


def is_weak(value: str) -> bool:
    """Whether a value can be guessed: common, a single word, a sequence, or very short."""
    lower = value.strip().lower()
    return (
        len(lower) < 8
        or is_common(lower)
        or (lower.isalpha() and len(lower) < 16 and value[1:].islower())
        or is_sequence(re.sub(r"^[a-z]{2,4}[-_]", "", lower))
    )


_PLAIN = lazy(
    r"""(?ix)
        [+-]?\d[\d_,.]*(?:e[+-]?\d+)?%?                           # a number
      | \d+(?:\.\d+)?\s?(?:ms|s|m|h|d|w|sec|min|kb|mb|gb|tb|[kmgt]i?b?)   # a duration or size
      | \d{4}-\d\d-\d\d(?:[t ][\d:.z+-]*)?                        # a date
      | v?\d+(?:\.\d+){1,3}(?:[-.]?(?:rc|post|dev|a|b)\d*)?         # a version or address
      | (?:st|ap|im|sb|fu|fc|vo|mo|cs|sv|sn|di|qu|ta|ex|wo|pr)-[a-z0-9]{22}   # an object of Modal's
      | arn:aws[\w-]*:\S*
      | sha(?:1|256|384|512)[:-]\S*
    """
)
_PATH = lazy(
    r"(?:~|\.{1,2}|[A-Za-z]:)?[/\\](?![^/\\]{40,}$)[\w. @%+~/\\${}-]*|[\w.-]+(?:/[\w.-]+)*\.[A-Za-z]{1,6}[\w]?|(?:s3|gs|file|vol|op|vault|ssm|secretmanager|projects)(?:://|/)\S*"
)
_URL = lazy(r"[a-z][a-z0-9+.-]{1,20}://[^\s@]*", re.IGNORECASE)
_UPPER = lazy(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{2,12}")
_KEY_LIKE = lazy(r"(?:sk-(?:ant-|proj-)?|sk_|hf_|gh[pousr]_|gsk_|r8_|xoxb-|glpat-)([A-Za-z0-9]{6,})")
_UUID = lazy(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_HEX = lazy(r"(?:0x)?(?:[0-9a-f]+|[0-9A-F]+)")
_SEGMENT = lazy(
    r"[a-z]{1,20}(?:[A-Z][a-z]{1,19}){0,3}|(?:[A-Z]{1,4}[a-z]{1,19}){1,5}\d{0,2}|[A-Z]{1,20}|v?\d{1,4}[A-Za-z]{0,2}|[A-Za-z]{1,3}\d{1,3}[A-Za-z]?|[A-Z]?[a-z]{2,14}\d{1,2}"
)


def is_configuration(value: str) -> bool:
    """Whether a value is plainly something else: a number, path, URL, UPPER_SNAKE name, object id, …"""
    text = value.strip()
    if len(text) > 400:
        return False
    if _PLAIN.fullmatch(text) or (_UPPER.fullmatch(text) and not _dense_upper(text)):
        return True
    if _URL.fullmatch(text) or ("://" in text and "@" not in text):
        return True
    return _is_path(text)


def _is_path(text: str) -> bool:
    found = _PATH.fullmatch(text)
    if not found:
        return False
    longest = max(re.split(r"[/\\.]", text), key=len)
    return not (len(longest) >= 20 and _looks_random(longest))


def _dense_upper(text: str) -> bool:
    """An upper-case value with as many digits as a random one has."""
    return len(text) >= 16 and sum(c.isdigit() for c in text) >= 4 and "_" not in text


def is_wordy(value: str) -> bool:
    """Whether a value reads as words or as a name: a sentence, ``openai-secret``, ``gpt-4o``, ``llama-3.1-8b``."""
    text = value.strip()
    spaced = text.split()
    if len(spaced) > 1:
        return len(spaced) > 2 or not any(has_digit(part) and re.search("[A-Za-z]", part) for part in spaced)
    parts = re.split(r"[-_./:@,|+ ]+", text)
    if len(parts) == 1:
        return (
            re.fullmatch(r"[a-z]{1,24}|[A-Z][a-z]{1,20}|(?:[A-Z]{0,5}[a-z]{2,}){1,4}(?:[A-Z][a-z]+)*", text) is not None
        )
    return all(not part or _SEGMENT.fullmatch(part) for part in parts)


def is_key_like(value: str) -> bool:
    """Whether a value begins as a provider's key does and goes on with digits in it: ``sk-abc123``."""
    found = _KEY_LIKE.fullmatch(value)
    return found is not None and has_digit(found[1])


def is_identifier(value: str) -> bool:
    """Whether a value is a UUID or a digest (hexadecimal only): under an unclear name this is configuration."""
    return bool(_UUID.fullmatch(value) or (len(value) >= 7 and _HEX.fullmatch(value)))
