"""Credentials of registries, buckets and private repositories: which keys a Secret needs, what a call needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from modal_lint_runtime.contract.verdict import (
    ATTRIBUTE,
    INVALID,
    VALUE,
    Sdk,
    Verdict,
    When,
    kind_of,
    refuse,
    shown,
    text_argument,
)

if TYPE_CHECKING:
    from collections.abc import Collection

_MAX_SHOWN_KEYS, _MAX_SHOWN = 20, 400


class RegistryAuth(Enum):
    """How a registry is asked."""

    AWS = "AWS"
    GCP = "GCP"
    STATIC = "username and password"


class Bucket(Enum):
    """What a bucket's endpoint stands for."""

    S3 = "S3"
    R2 = "R2"
    GCP = "GCP"


REGISTRY_KEYS: dict[RegistryAuth, tuple[frozenset[str], ...]] = {
    RegistryAuth.AWS: (
        frozenset(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")),
        frozenset(("AWS_ROLE_ARN", "AWS_REGION")),
    ),
    RegistryAuth.GCP: (frozenset(("SERVICE_ACCOUNT_JSON",)),),
    RegistryAuth.STATIC: (frozenset(("REGISTRY_USERNAME", "REGISTRY_PASSWORD")),),
}
"""The sets of keys that make an authentication (S33, P _image.py:468-482)."""

BUCKET_KEYS: dict[Bucket, frozenset[str]] = {
    Bucket.S3: frozenset(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
    Bucket.R2: frozenset(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
    Bucket.GCP: frozenset(("GOOGLE_ACCESS_KEY_ID", "GOOGLE_ACCESS_KEY_SECRET")),
}
"""The keys that a bucket's Secret needs (P cloud_bucket_mount.py:42-116)."""

_BUCKET_HOSTS = {"r2.cloudflarestorage.com": Bucket.R2, "storage.googleapis.com": Bucket.GCP}
REPOSITORY_KEYS = {"github.com": "GITHUB_TOKEN", "gitlab.com": "GITLAB_TOKEN"}
"""The hosts of private repositories, and the key that each needs (S35, P _image.py:1378-1381)."""

_WANTED = (
    "exactly one of: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION (or AWS_ROLE_ARN and AWS_REGION); "
    "SERVICE_ACCOUNT_JSON; REGISTRY_USERNAME and REGISTRY_PASSWORD"
)


def registry_auth(keys: Iterable[str], argument: str = "secret", *, sdk: Sdk = Sdk.REFERENCE) -> RegistryAuth:
    """How a registry is asked with a Secret of these keys (S33, P _image.py:468-499).

    Args:
        keys: all keys of the Secret.
        argument: the argument's name, for the message.
        sdk: whose behaviour. JavaScript, Go and Python before 1.6.3 infer nothing: always username and password.

    Raises:
        InvalidError: no set of keys is complete, or sets for more than one kind of authentication are.
    """
    if sdk in (Sdk.JS, Sdk.GO):
        return RegistryAuth.STATIC
    if isinstance(keys, str) or not isinstance(keys, Iterable):
        text = f"`keys` must be the names of a Secret's keys, got {kind_of(keys)}"
        raise Verdict("S33", INVALID, When.CALL, "keys", text).error()
    present = {key for key in keys if isinstance(key, str)}
    found = [auth for auth, sets in REGISTRY_KEYS.items() if any(needed <= present for needed in sets)]
    if len(found) != 1:
        kinds = ", ".join(auth.value for auth in found)
        listed = ", ".join(sorted(present)[:_MAX_SHOWN_KEYS])[:_MAX_SHOWN] or "none"
        why = f"it has those of more than one ({kinds})" if found else f"found keys: {listed}"
        text = f"`{argument}` of a registry must have {_WANTED}; {why}"
        refuse(Verdict("S33", INVALID, When.LOAD, argument, text))
    return found[0]


def bucket_kind(endpoint_url: str | None) -> Bucket:
    """What a bucket is, from its endpoint: S3 unless the host says otherwise (P cloud_bucket_mount.py:138-154)."""
    if not endpoint_url:
        return Bucket.S3
    from urllib.parse import urlsplit

    try:
        host = urlsplit(text_argument(endpoint_url, "bucket_endpoint_url", "S34")).hostname or ""
    except ValueError as error:
        text = "`bucket_endpoint_url` is not a URL"
        raise Verdict("S34", VALUE, When.LOAD, "bucket_endpoint_url", text).error() from error
    return next((kind for suffix, kind in _BUCKET_HOSTS.items() if host.endswith(suffix)), Bucket.S3)


def bucket_mount(
    *, requester_pays: bool = False, has_secret: bool = False, key_prefix: object = None, sdk: Sdk = Sdk.REFERENCE
) -> None:
    """Check a `CloudBucketMount` (S34, P cloud_bucket_mount.py:161-165).

    Args:
        requester_pays, key_prefix: the arguments of that name.
        has_secret: whether `secret=` is given.
        sdk: JavaScript and Go check at once, Python when the bucket is attached.

    Raises:
        InvalidError: requester pays without a Secret, or a prefix that does not end in `/`; a ValueError in Python.
    """
    raises, when = (VALUE, When.LOAD) if sdk is Sdk.PYTHON else (INVALID, When.CALL)
    if requester_pays and not has_secret:
        text = "`requester_pays` needs credentials: `secret` is missing"
        refuse(Verdict("S34", raises, when, "requester_pays", text))
    if key_prefix and not text_argument(key_prefix, "key_prefix", "S34").endswith("/"):
        refuse(Verdict("S34", raises, when, "key_prefix", "`key_prefix` must end in '/'"))


def private_repos(repositories: Sequence[object], *, has_secrets: bool, sdk: Sdk = Sdk.REFERENCE) -> tuple[str, ...]:
    """The keys that `Image.pip_install_private_repos` needs in its Secrets (S35, P _image.py:1362-1388).

    Args:
        repositories: references like `github.com/org/repo@ref`.
        has_secrets: whether `secrets=` is given and not empty; `env=` alone does not count.
        sdk: whose behaviour.

    Raises:
        InvalidError: no Secrets, or a reference that does not start with `github.com/` or `gitlab.com/`. The message
            says which one by its number: the real SDK's shows the reference, with a token that may be in it.
    """
    if not isinstance(repositories, (list, tuple)):
        text = f"`repositories` must be strings, got {kind_of(repositories)}"
        raise Verdict("S35", INVALID, When.CALL, "repositories", text).error()
    if not has_secrets:
        text = "`secrets` is missing: private repositories need a Secret with GITHUB_TOKEN or GITLAB_TOKEN"
        refuse(Verdict("S35", INVALID, When.CALL, "secrets", text))
    hosts: list[str] = []
    for number, repository in enumerate(repositories, 1):
        if not isinstance(repository, str):
            text = f"`repositories`: number {number} must be a string, got {kind_of(repository)}"
            raises = ATTRIBUTE if sdk is Sdk.PYTHON else INVALID
            raise Verdict("S35", raises, When.CALL, "repositories", text).error()
        hosts.append(repository.split("/", 1)[0])
    for number, host in enumerate(hosts, 1):
        if host not in REPOSITORY_KEYS:
            text = f"`repositories`: number {number} of {len(hosts)} must start with github.com/ or gitlab.com/"
            refuse(Verdict("S35", INVALID, When.CALL, "repositories", text))
    return tuple(dict.fromkeys(REPOSITORY_KEYS[host] for host in hosts))


def packages(packages: Collection[str], argument: str = "packages") -> tuple[str, ...]:
    """The packages of `pip_install` and `uv_pip_install`, without options among them (P _image.py:319-321).

    Raises:
        InvalidError: one starts with `-`; options belong in `extra_options`.
    """
    if isinstance(packages, str):
        packages = (packages,)
    if not isinstance(packages, (list, tuple)):
        text = f"`{argument}` must be strings, got {kind_of(packages)}"
        raise Verdict("packages", INVALID, When.CALL, argument, text).error()
    for number, package in enumerate(packages, 1):
        name = text_argument(package, argument, "packages")
        if name.startswith("-"):
            option = shown(name.partition("=")[0].partition(" ")[0])
            text = f"`{argument}`: number {number} is an option, {option}: use `extra_options`"
            refuse(Verdict("packages", INVALID, When.CALL, argument, text))
    return tuple(packages)
