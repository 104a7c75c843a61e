"""The contract itself: what it accepts and refuses, bad input, what it says, and the page of its facts."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from modal_lint_runtime import contract, errors
from modal_lint_runtime.contract import Kind, Options, Order, RegistryAuth, Sdk, Site, When
from modal_lint_runtime.contract.page import page

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
VALUE = "a-value-that-nobody-may-see"


class Secret:
    """Stands for the class of a Secret."""


# What the document says.


def test_contents_come_back_as_they_are() -> None:
    given = {"API_KEY": VALUE, "_x1": "", "PORT": "80"}
    kept = contract.entries(given)
    assert kept == given
    assert kept is not given


@pytest.mark.parametrize("value", [None, 1, True, b"x", ["x"], {"a": "b"}, 1.5])
def test_a_value_that_is_no_string_is_refused(value: object) -> None:
    for check in (contract.entries, contract.update_entries):
        with pytest.raises(errors.InvalidError, match="'KEY'"):
            check({"KEY": value})


def test_env_leaves_out_what_is_none() -> None:
    assert contract.env(None) == {}
    assert contract.env({"A": "1", "B": None}) == {"A": "1"}
    with pytest.raises(errors.InvalidError, match=r"`env`.*'A'"):
        contract.env({"A": 1})


@pytest.mark.parametrize("key", ["", "my-key", "1A", "a b", "A\n", "é", "A=B", 5, None, b"A"])
def test_keys_that_name_no_variable(key: object) -> None:
    for check in (contract.entries, contract.update_entries, contract.env):
        with pytest.raises(errors.InvalidError):
            check({key: "x"})


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800"])
def test_characters_that_no_environment_holds(text: str) -> None:
    for check in (contract.entries, contract.env, contract.image_env):
        verdict = contract.verdict_of(check, {"A": text})
        assert verdict is not None
        assert (verdict.code, verdict.key) == ("S10", "A")


def test_limits_are_inclusive() -> None:
    longest = {"K" * contract.MAX_KEY: "v" * contract.MAX_VALUE}
    assert contract.entries(longest) == longest
    for entry in ({"K" * (contract.MAX_KEY + 1): "v"}, {"K": "v" * (contract.MAX_VALUE + 1)}):
        for sdk, when in ((Sdk.REFERENCE, When.CALL), (Sdk.PYTHON, When.SERVER), (Sdk.JS, When.SERVER)):
            verdict = contract.verdict_of(contract.entries, entry, sdk=sdk)
            assert verdict is not None
            assert (verdict.code, verdict.when) == ("S8", when)
            assert len(verdict.message) < 300


@pytest.mark.parametrize("given", [os.environ, [("A", "1")], "A", None, MappingProxyType({"A": "1"}), 5])
def test_contents_are_a_dict(given: object) -> None:
    with pytest.raises(errors.InvalidError, match="`entries`"):
        contract.entries(given)


def test_missing_keys_are_not_found() -> None:
    contract.require(["A"], {"A": "1"}, "name")
    with pytest.raises(errors.NotFoundError, match=r"Secret is missing key\(s\): B, C \(Secret 'name'\)") as caught:
        contract.require(["A", "B", "C"], {"A": "1"}, "name")
    assert isinstance(caught.value, errors.MissingKeysError)
    assert caught.value.keys == ("B", "C")
    assert caught.value.secret_name == "name"


@pytest.mark.parametrize(
    ("sdk", "raises"),
    [
        (Sdk.PYTHON, "modal.exception.ConflictError"),
        (Sdk.JS, "modal.exception.NotFoundError"),
        (Sdk.REFERENCE, "modal.exception.NotFoundError"),
    ],
)
def test_what_each_sdk_raises_for_missing_keys(sdk: Sdk, raises: str) -> None:
    verdict = contract.verdict_of(contract.require, ["B"], (), sdk=sdk)
    assert verdict is not None
    assert (verdict.code, verdict.raises) == ("S18", raises)


# Where the SDKs differ.

_NONE = {"A": None}
_DIFFERENCES: list[tuple[str, Callable[..., object], object, dict[Sdk, str | None]]] = [
    ("S3", contract.entries, _NONE, {Sdk.REFERENCE: "call", Sdk.PYTHON: None, Sdk.JS: "call", Sdk.GO: "compile"}),
    ("S2", contract.entries, {"A": 1}, {Sdk.REFERENCE: "call", Sdk.PYTHON: "call", Sdk.JS: "call", Sdk.GO: "compile"}),
    (
        "S5",
        contract.entries,
        {"a-b": ""},
        {Sdk.REFERENCE: "call", Sdk.PYTHON: "server", Sdk.JS: "call", Sdk.GO: "call"},
    ),
    ("S7", contract.env, {"A\n": ""}, {Sdk.REFERENCE: "call", Sdk.PYTHON: "server", Sdk.JS: "call", Sdk.GO: "call"}),
    ("S1", contract.entries, os.environ, {Sdk.REFERENCE: "call", Sdk.PYTHON: "call", Sdk.JS: None}),
    ("S28", contract.env, {"A": 1}, {Sdk.REFERENCE: "call", Sdk.PYTHON: "call", Sdk.JS: None, Sdk.GO: "compile"}),
    ("S17", contract.object_name, "a b", {Sdk.REFERENCE: "call", Sdk.PYTHON: "call", Sdk.JS: None, Sdk.GO: None}),
    ("S33", contract.registry_auth, ["X"], {Sdk.REFERENCE: "load", Sdk.PYTHON: "load", Sdk.JS: None, Sdk.GO: None}),
    ("S19a", contract.required_keys, "AB", {Sdk.REFERENCE: "call", Sdk.PYTHON: "load"}),
]


@pytest.mark.parametrize(("code", "check", "given", "expected"), _DIFFERENCES, ids=[row[0] for row in _DIFFERENCES])
def test_where_the_sdks_differ(
    code: str, check: Callable[..., object], given: object, expected: dict[Sdk, str | None]
) -> None:
    assert contract.fact(code) is not None
    for sdk, when in expected.items():
        verdict = contract.verdict_of(check, given, sdk=sdk)
        assert (verdict.when.name.lower() if verdict else None) == when, sdk


@pytest.mark.parametrize(
    ("site", "value", "raises"),
    [
        (Site.FROM_DICT, 1, "modal.exception.InvalidError"),
        (Site.FROM_DICT, None, None),
        (Site.CREATE, 1, "TypeError"),
        (Site.CREATE, None, "TypeError"),
        (Site.CREATE, b"x", None),
        (Site.UPDATE, None, "modal.exception.InvalidError"),
        (Site.SANDBOX, None, None),
        (Site.SANDBOX, 1, "modal.exception.InvalidError"),
        (Site.EXEC, 1, "TypeError"),
        (Site.EXEC, None, None),
        (Site.SIDECAR, None, "TypeError"),
        (Site.IMAGE_ENV, None, "modal.exception.InvalidError"),
    ],
)
def test_one_entry_at_each_call_of_python(site: Site, value: object, raises: str | None) -> None:
    verdict = contract.verdict_of(contract.entry, "KEY", value, "env", site, sdk=Sdk.PYTHON)
    assert (verdict.raises if verdict else None) == raises
    assert verdict is None or verdict.key == "KEY"


def test_a_key_that_would_break_an_image() -> None:
    assert contract.image_env({"my-key": "x", "a.b": "$X"}) == {"my-key": "x", "a.b": "$X"}
    for key in ("bad key", "", "a=b", "a\nRUN", "a'b", 5):
        with pytest.raises(errors.InvalidError):
            contract.image_env({key: "x"})
    assert contract.verdict_of(contract.image_env, {"bad key": "x"}, sdk=Sdk.PYTHON) is None


# Names.


@pytest.mark.parametrize("name", ["a", "a" * 64, "A.b-c_9", "ap-" + "a" * 21, "-", "name\n"])
def test_names_that_are_accepted(name: str) -> None:
    assert contract.object_name(name) == name


@pytest.mark.parametrize("name", ["", "a" * 65, "a b", "é", "ap-" + "a" * 22, "a/b", "\n", None, 5, b"a"])
def test_names_that_are_refused(name: object) -> None:
    with pytest.raises(errors.InvalidError, match="Sandbox"):
        contract.object_name(name, "Sandbox")


def test_a_lookup_takes_any_string() -> None:
    assert contract.lookup_name("has space") == "has space"
    assert contract.verdict_of(contract.lookup_name, 5, sdk=Sdk.PYTHON) == contract.Verdict(
        "S17", "TypeError", When.LOAD, "name", "`name` of a Secret must be a string, got int"
    )


@pytest.mark.parametrize(
    ("explicit", "client", "app", "expected"),
    [
        ("dev", "x", "y", "dev"),
        ("", "x", None, "x"),
        (None, "x", "prod", "prod"),
        (None, None, None, "main"),
        ("", "", "", "main"),
    ],
)
def test_environment_of_a_lookup(explicit: str | None, client: str | None, app: str | None, expected: str) -> None:
    assert contract.environment_name(explicit, client, app=app) == expected


def test_names_of_environments() -> None:
    assert contract.new_environment_name("dev-1") == "dev-1"
    for name in ("", "a.b", "-a", "en-x", "EN-x", "a" * 65, 5, None):
        with pytest.raises(errors.InvalidError, match=r"[Ee]nvironment"):
            contract.new_environment_name(name)


# Lists of keys and of Secrets.


def test_required_keys() -> None:
    assert contract.required_keys(None) == ()
    assert contract.required_keys(["B", "A", "B"]) == ("B", "A")
    assert contract.required_keys({"B", "A"}) == ("A", "B")
    assert contract.required_keys({"A": 1}) == ("A",)
    for keys in ("FOO", b"FOO", 5, [1], [None], iter(["A"]), (key for key in ["A"])):
        with pytest.raises(errors.InvalidError, match="`required_keys`"):
            contract.required_keys(keys)


def test_missing_and_reserved_keys() -> None:
    assert contract.missing_keys(["A", "B"], {"B"}) == ("A",)
    assert contract.reserved_keys(["A", "MODAL_TASK_ID"]) == ("MODAL_TASK_ID",)


@pytest.mark.parametrize(
    "given",
    [
        "name",
        "",
        b"name",
        {},
        {"A": "1"},
        Secret(),
        {Secret()},
        (secret for secret in [Secret()]),
        iter(()),
        ["name"],
        [None],
        [[Secret()]],
        [Secret],
        5,
        0,
    ],
)
def test_lists_of_secrets_that_are_refused(given: object) -> None:
    with pytest.raises(errors.InvalidError, match="`secrets` must be a list or tuple of Secrets"):
        contract.secrets_list(given, type_=Secret)


def test_lists_of_secrets() -> None:
    one, two = Secret(), Secret()
    assert contract.secrets_list([one, two], type_=Secret) == (one, two)
    assert contract.secrets_list((two, two), type_=Secret) == (two, two)
    assert contract.secrets_list(None, type_=Secret) == contract.secrets_list([], type_=Secret) == ()


def test_a_generator_is_not_used_up() -> None:
    secrets = (secret for secret in [Secret()])
    contract.verdict_of(contract.secrets_list, secrets, type_=Secret)
    assert len(list(secrets)) == 1


@pytest.mark.parametrize(
    ("container", "elements", "site", "expected"),
    [
        (Kind.LIST, [Kind.SECRET], Site.SANDBOX, None),
        (Kind.NONE, [], Site.FUNCTION, None),
        (Kind.NONE, [], Site.APP, ("S21", "modal.exception.InvalidError", When.CALL)),
        (Kind.SECRET, [], Site.FUNCTION, ("S22", "TypeError", When.CALL)),
        (Kind.LIST, [Kind.STRING], Site.FUNCTION, ("S23", "AttributeError", When.LOAD)),
        (Kind.MAPPING, [Kind.STRING], Site.FUNCTION, ("S23", "AttributeError", When.LOAD)),
        (Kind.LIST, [Kind.SECRET, Kind.STRING], Site.IMAGE_STEP, ("S24", "modal.exception.InvalidError", When.CALL)),
        (Kind.LIST, [Kind.STRING], Site.RUN_FUNCTION, ("S24", "AttributeError", When.LOAD)),
        (Kind.LIST, [Kind.STRING], Site.EXEC, ("S25", "AttributeError", When.CALL)),
        (Kind.ITERATOR, [Kind.SECRET], Site.FUNCTION, ("S26", "AttributeError", When.LOAD)),
        (Kind.ITERATOR, [Kind.SECRET], Site.WITH_OPTIONS, ("S26", "TypeError", When.CALL)),
        (Kind.SET, [Kind.SECRET], Site.SANDBOX, ("S26", "AttributeError", When.CALL)),
    ],
)
def test_shapes_of_which_only_the_kind_is_known(
    container: Kind, elements: list[Kind], site: Site, expected: tuple[str, str, When] | None
) -> None:
    verdict = contract.secrets_verdict(container, elements, site)
    assert (verdict and (verdict.code, verdict.raises, verdict.when)) == expected


def test_null_in_a_list_of_javascript_and_go() -> None:
    elements = [Kind.SECRET, Kind.NONE]
    for sdk, site, raises in (
        (Sdk.JS, Site.SANDBOX, "modal.exception.InvalidError"),
        (Sdk.GO, Site.FUNCTION, "modal.exception.InvalidError"),
    ):
        verdict = contract.secrets_verdict(Kind.LIST, elements, site, sdk=sdk)
        assert verdict is not None
        assert verdict.raises == raises


def test_one_secret() -> None:
    secret = Secret()
    assert contract.one_secret(secret, type_=Secret) is secret
    assert contract.one_secret(None, type_=Secret) is None
    wrongs: tuple[object, ...] = ("name", [secret], {}, 5)
    for wrong in wrongs:
        with pytest.raises(errors.InvalidError, match="`secret`"):
            contract.one_secret(wrong, type_=Secret)
    told = contract.environment_of_registry([secret])
    assert told is not None
    assert (told.code, told.raises) == ("S32", None)


# Precedence.


def test_the_last_source_wins_and_env_over_all() -> None:
    sources = [{"A": "1", "B": "1", "C": "1"}, {"B": "2", "C": "2"}]
    assert contract.merge(sources, {"C": "3"}) == {"A": "1", "B": "2", "C": "3"}
    assert contract.merge(iter(sources), {}) == {"A": "1", "B": "2", "C": "2"}
    assert contract.merge([]) == {}


def test_older_sdks_put_what_is_made_of_a_dict_last() -> None:
    sources = [{"A": "dict"}, {"A": "named"}]
    assert contract.merge(sources, order=Order.SPLIT, named=[False, True]) == {"A": "dict"}
    assert contract.merge(sources, order=Order.ORDERED, named=[False, True]) == {"A": "named"}
    assert contract.merge(sources, {"A": "env"}, order=Order.SPLIT, named=[False, True]) == {"A": "env"}
    with pytest.raises(errors.InvalidError, match="`named`"):
        contract.merge(sources, order=Order.SPLIT, named=[True])


@pytest.mark.parametrize(
    ("sdk", "version", "site", "order"),
    [
        (Sdk.PYTHON, (1, 6, 1), Site.SANDBOX, Order.SPLIT),
        (Sdk.PYTHON, (1, 6, 2), Site.SANDBOX, Order.ORDERED),
        (Sdk.PYTHON, (1, 5, 4), Site.FUNCTION, Order.ORDERED),
        (Sdk.PYTHON, None, Site.EXEC, Order.ORDERED),
        (Sdk.JS, (0, 9), Site.EXEC, Order.SPLIT),
        (Sdk.JS, (0, 11, 1), Site.EXEC, Order.ORDERED),
        (Sdk.GO, None, Site.SANDBOX, Order.SPLIT),
        (Sdk.REFERENCE, None, Site.SANDBOX, Order.ORDERED),
    ],
)
def test_order_of_each_version(sdk: Sdk, version: tuple[int, ...] | None, site: Site, order: Order) -> None:
    assert contract.order_of(sdk, version, site) is order


def test_shadowed_keys() -> None:
    assert contract.shadowed([["A", "B"], {"B": "x"}, {"B", "C"}]) == {"B": (0, 1, 2)}


def test_with_options_replaces() -> None:
    base = ("app", "own")
    assert (
        contract.with_options(base) == contract.with_options(base, []) == contract.with_options(base, Options()) == base
    )
    assert contract.with_options(base, ["a"]) == ("a",)
    assert contract.with_options(base, Options(env="env")) == ("env",)
    stacked = (Options(["a"]), Options([], "env"))
    assert contract.with_options(base, *stacked) == ("env",)
    assert contract.with_options(base, *stacked, sdk=Sdk.JS) == ("a", "env")
    assert contract.with_options(base, Options(), sdk=Sdk.GO) == base


def test_backends_and_what_they_keep() -> None:
    assert contract.sandbox_backend() is contract.Backend.V2
    assert contract.sandbox_backend(gpu="T4") is contract.Backend.V1
    assert contract.sandbox_backend(sandbox_v2=False) is contract.Backend.V1
    assert contract.sandbox_backend(persistent=True, gpu="T4") is contract.Backend.PERSISTENT
    assert contract.persistence(Site.SANDBOX, named=False).value == "INL"
    assert contract.persistence(Site.SANDBOX_V1, named=False).value == "SEC"
    assert contract.persistence(Site.SANDBOX, named=True).value == "SEC"
    assert contract.persistence(Site.IMAGE_ENV, named=False).value == "IMG"


# Registries, repositories, policies, credentials.


@pytest.mark.parametrize(
    ("keys", "auth"),
    [
        (["REGISTRY_USERNAME", "REGISTRY_PASSWORD", "X"], RegistryAuth.STATIC),
        (["AWS_ROLE_ARN", "AWS_REGION"], RegistryAuth.AWS),
        (["SERVICE_ACCOUNT_JSON"], RegistryAuth.GCP),
    ],
)
def test_keys_of_registries(keys: list[str], auth: RegistryAuth) -> None:
    assert contract.registry_auth(keys) is auth
    with pytest.raises(errors.InvalidError, match="more than one"):
        contract.registry_auth([*keys, "SERVICE_ACCOUNT_JSON", "AWS_ROLE_ARN", "AWS_REGION"])


def test_keys_that_are_those_of_no_registry() -> None:
    with pytest.raises(errors.InvalidError, match="found keys: DOCKER_PASSWORD, DOCKER_USERNAME"):
        contract.registry_auth(["DOCKER_USERNAME", "DOCKER_PASSWORD"])


def test_buckets() -> None:
    contract.bucket_mount(requester_pays=True, has_secret=True, key_prefix="a/")
    for given in ({"requester_pays": True}, {"key_prefix": "a"}):
        verdict = contract.verdict_of(contract.bucket_mount, **given, sdk=Sdk.PYTHON)
        assert verdict is not None
        assert (verdict.raises, verdict.when) == ("ValueError", When.LOAD)
    assert contract.bucket_kind("https://x.r2.cloudflarestorage.com") is contract.Bucket.R2
    assert contract.bucket_kind(None) is contract.Bucket.S3


def test_a_reference_to_a_repository_is_not_shown() -> None:
    assert contract.private_repos(["github.com/a/b", "gitlab.com/c"], has_secrets=True) == (
        "GITHUB_TOKEN",
        "GITLAB_TOKEN",
    )
    with pytest.raises(errors.InvalidError, match="number 2 of 2") as caught:
        contract.private_repos(["github.com/a/b", f"https://{VALUE}@github.com/a"], has_secrets=True)
    assert VALUE not in str(caught.value)


def test_templates_in_headers() -> None:
    assert contract.template_keys("Bearer $API_KEY, $$NOT $1 $B") == ("API_KEY", "B")
    assert contract.template_keys("${KEY}") == ()
    assert contract.literal_braces("a ${KEY} $${NOT} ${X") == ("KEY",)


def test_variables_that_pip_never_sees() -> None:
    assert contract.unexpanded_variables("https://$USER:${TOKEN}@x/$1/$") == ("USER", "TOKEN")
    assert contract.unexpanded_variables("https://x/simple") == ()


def test_policies() -> None:
    contract.header_replacement("*.example.com", {"Authorization": "Bearer $KEY"}, Kind.SECRET)
    for domain in ("https://example.com", "localhost", "*.com", "a..b", "", 5):
        with pytest.raises(errors.InvalidError, match="`domain`"):
            contract.header_replacement(domain, {"A": "x"})
    with pytest.raises(errors.InvalidError, match="named Secret"):
        contract.header_replacement("*", {"A": "$K"}, Kind.SECRET, ephemeral=True)
    with pytest.raises(errors.InvalidError, match="`block_network`"):
        contract.outbound_policy([], block_network=True)
    assert contract.exclusive(["a", "b"], ["b"]) == ("b",)


@pytest.mark.parametrize(
    ("path", "mistaken"),
    [
        (None, False),
        (".env", False),
        ("a/b", False),
        (__file__, False),
        (".env.prod", True),
        (Path("x/prod.env"), True),
    ],
)
def test_where_the_search_for_a_dotenv_starts(path: object, mistaken: bool) -> None:
    verdict = contract.dotenv_path(path)
    assert (verdict is not None) is mistaken
    assert verdict is None or verdict.raises is None


def test_tokens() -> None:
    assert contract.credentials() is None
    assert contract.credentials("", "") is None
    token = contract.credentials("ak-" + "x" * 22, VALUE)
    assert token is not None
    assert token.token_secret == VALUE
    assert VALUE not in repr(token)
    for given in (("ak", None), (None, "as"), ("ak", "")):
        with pytest.raises(errors.AuthError):
            contract.credentials(*given)
    with pytest.raises(errors.AuthError):
        contract.credentials(needed=True)
    with pytest.raises(errors.InvalidError):
        contract.credentials("ak", "as", oauth=True)
    contract.oauth_credentials("r", "c", "s")


def test_persistent_sandboxes() -> None:
    contract.persistent_sandbox(ephemeral=[False])
    for given in ({"env": {"A": "1"}}, {"tags": {"a": "b"}}, {"name": "x"}, {"ephemeral": [False, True]}):
        with pytest.raises(errors.InvalidError):
            contract.persistent_sandbox(**given)


def test_removed_names() -> None:
    found = contract.removed("modal.Stub")
    assert found is not None
    assert (found.instead, found.rename) == ("modal.App", True)
    verdict = contract.removed_verdict("modal.App.function", "secret")
    assert verdict is not None
    assert verdict.raises == "TypeError"
    assert contract.removed_verdict("modal.App") is None


# Bad input: one typed error that names the argument, and shows nothing of it.

_HUGE = "x" * 1_000_000
_BAD: dict[str, Callable[[], object]] = {
    "None": lambda: None,
    "a number": lambda: 5,
    "bytes": lambda: VALUE.encode(),
    "empty text": lambda: "",
    "text": lambda: VALUE,
    "huge text": lambda: _HUGE,
    "an object": object,
    "a class": lambda: Secret,
    "an empty list": list,
    "a list": lambda: [VALUE],
    "a list of numbers": lambda: [5],
    "a huge list": lambda: [VALUE] * 50_000,
    "a list of lists": lambda: [[VALUE]],
    "an empty dict": dict,
    "a dict": lambda: {"KEY": [VALUE]},
    "a dict of numbers": lambda: {5: 5},
    "a huge dict": lambda: {f"K{n}": VALUE for n in range(20_000)},
    "a dict of a huge key": lambda: {_HUGE: VALUE},
    "a dict of a huge value": lambda: {"KEY": _HUGE},
    "a surrogate": lambda: "\ud800",
    "a dict of surrogates": lambda: {"\ud800": "\ud800"},
    "NUL": lambda: "\0",
    "a generator": lambda: (x for x in [VALUE]),
    "a set": lambda: {VALUE},
}
_CHECKS: dict[str, tuple[Callable[..., object], str]] = {
    "entries": (contract.entries, "entries"),
    "update_entries": (contract.update_entries, "entries"),
    "env": (contract.env, "env"),
    "image_env": (contract.image_env, "vars"),
    "entry key": (lambda bad: contract.entry(bad, VALUE, "env", Site.EXEC), "env"),
    "entry value": (lambda bad: contract.entry("KEY", bad, "env", Site.IMAGE_ENV), "env"),
    "required_keys": (contract.required_keys, "required_keys"),
    "local_environ_keys": (contract.local_environ_keys, "env_keys"),
    "missing_keys": (lambda bad: contract.missing_keys(bad, ()), "required"),
    "missing_keys present": (lambda bad: contract.missing_keys((), bad), "present"),
    "reserved_keys": (contract.reserved_keys, "keys"),
    "environment_name": (contract.environment_name, "environment"),
    "environment_name client": (lambda bad: contract.environment_name(None, bad), "environment of the client"),
    "secrets_list": (lambda bad: contract.secrets_list(bad, type_=int), "secrets"),
    "one_secret": (lambda bad: contract.one_secret(bad, type_=int), "secret"),
    "merge": (contract.merge, "sources"),
    "merge env": (lambda bad: contract.merge([], bad), "env"),
    "layers": (contract.layers, "named"),
    "shadowed": (contract.shadowed, "keys"),
    "with_options": (contract.with_options, "base"),
    "with_options override": (lambda bad: contract.with_options((), bad), "overrides"),
    "registry_auth": (contract.registry_auth, "keys|secret"),
    "bucket_mount": (lambda bad: contract.bucket_mount(key_prefix=bad), "key_prefix"),
    "bucket_kind": (contract.bucket_kind, "bucket_endpoint_url"),
    "private_repos": (lambda bad: contract.private_repos(bad, has_secrets=True), "repositories"),
    "packages": (contract.packages, "packages"),
    "header domain": (lambda bad: contract.header_replacement(bad, {"A": "x"}), "domain"),
    "headers": (lambda bad: contract.header_replacement("*", bad), "headers"),
    "template_keys": (contract.template_keys, "value"),
    "literal_braces": (contract.literal_braces, "value"),
    "unexpanded_variables": (contract.unexpanded_variables, "value"),
    "token_id": (lambda bad: contract.credentials(bad, "x"), "token_id"),
    "token_secret": (lambda bad: contract.credentials("x", bad), "token_secret"),
    "refresh_token": (lambda bad: contract.oauth_credentials(bad, "x", "x"), "refresh_token"),
    "jwt_key": (lambda bad: contract.oauth_credentials("x", "x", None, bad), "oauth_client_secret|oauth_jwt_key"),
    "arguments": (contract.arguments, "command"),
    "workdir": (contract.workdir, "workdir"),
    "encryption_key": (contract.encryption_key, "_experimental_encryption_key"),
    "dotenv_path": (contract.dotenv_path, "path"),
    "tags": (contract.tags, "tags"),
    "exclusive": (lambda bad: contract.exclusive(bad, []), "secrets"),
}
_NAMES: dict[str, Callable[..., object]] = {
    "object_name": contract.object_name,
    "lookup_name": contract.lookup_name,
    "new_environment_name": contract.new_environment_name,
}


_SHOW_NAMES = ("entry key", "registry_auth")


def _refusal(check: Callable[..., object], bad: object) -> errors.ModalError | None:
    try:
        check(bad)
    except errors.ModalError as error:
        return error
    return None


@pytest.mark.parametrize("check", _CHECKS)
def test_bad_input_gives_one_typed_error(check: str) -> None:
    function, argument = _CHECKS[check]
    refusals = {what: error for what, make in _BAD.items() if (error := _refusal(function, make()))}
    assert refusals
    for what, error in refusals.items():
        said = f"{error} {error.verdict}"
        assert re.search(f"`({argument})`", said), what
        assert VALUE not in said or check in _SHOW_NAMES, what
        assert len(str(error)) < 1_000, what
        assert error.verdict is not None


@pytest.mark.parametrize("check", _NAMES)
def test_bad_names_give_one_typed_error(check: str) -> None:
    for what, make in _BAD.items():
        error = _refusal(_NAMES[check], make())
        if error is not None:
            assert re.search(r"name|environment", str(error)), what
            assert len(str(error)) < 500, what


@pytest.mark.parametrize(
    "check", [contract.is_key, contract.passes_python, contract.is_object_name, contract.is_domain]
)
def test_questions_answer_about_anything(check: Callable[[Any], bool]) -> None:
    assert not any(check(make()) for what, make in _BAD.items() if "text" not in what)


# Errors.


def test_errors_survive_a_process() -> None:
    with pytest.raises(errors.InvalidError) as caught:
        contract.entries({"my-key": VALUE})
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again), again.verdict) == (type(caught.value), str(caught.value), caught.value.verdict)
    missing = pickle.loads(pickle.dumps(errors.MissingKeysError(["A"], "n")))
    assert (missing.keys, missing.secret_name) == (("A",), "n")
    build = pickle.loads(pickle.dumps(errors.ImageBuildError("RUN x", 2, "log")))
    assert (build.step, build.exit_code, build.log) == ("RUN x", 2, "log")


def test_every_error_is_a_modal_error() -> None:
    assert all(issubclass(getattr(errors, name), errors.ModalError) for name in errors.__all__)
    assert issubclass(errors.MissingKeysError, errors.NotFoundError)
    assert issubclass(errors.ConflictError, errors.InvalidError)


# The table and the page.


def test_every_code_in_a_verdict_is_a_fact() -> None:
    folder = Path(contract.__file__).parent
    sources = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    used = set(re.findall(r'"(S\d+[a-g]?|tags|argv|packages|key|removed|backend)"', sources))
    assert used <= {fact.code for fact in contract.FACTS}


def test_facts_name_functions_that_there_are() -> None:
    codes = [fact.code for fact in contract.FACTS]
    assert len(set(codes)) == len(codes)
    assert {f"S{n}" for n in range(1, 44)} <= {re.sub(r"[a-g]$", "", code) for code in codes}
    for fact in contract.FACTS:
        assert all(fact[:-1]), fact.code
        assert set(fact.checks) <= set(contract.__all__), fact.code


def test_sources_are_lines_of_the_sdk() -> None:
    spec = find_spec("modal")
    if spec is None or spec.origin is None:
        pytest.skip("the SDK is not installed")
    package = Path(spec.origin).parent
    for fact in contract.FACTS:
        for part in re.findall(r"P ([^;]+)", fact.source):
            for file, lines in re.findall(r"([\w/]+\.py):([\d, -]+)", part):
                size = len((package / file).read_text(encoding="utf-8").splitlines())
                assert all(int(line) <= size for line in re.findall(r"\d+", lines)), fact.source


def test_page_is_current() -> None:
    assert (ROOT / "docs" / "semantics.md").read_text(encoding="utf-8") == page(), (
        "print it again: python -m modal_lint_runtime.contract > docs/semantics.md"
    )


def test_every_name_is_exported() -> None:
    assert sorted(contract.__all__) == sorted(set(contract.__all__))
    assert all(hasattr(contract, name) for name in contract.__all__)
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        contract.nothing_of_the_kind  # noqa: B018


def test_import_loads_nothing_heavy() -> None:
    code = (
        "import sys; before = set(sys.modules); import modal_lint_runtime.contract; print(*set(sys.modules) - before)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(ROOT / "runtime")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    heavy = {"dataclasses", "inspect", "json", "urllib.parse", "pathlib", "asyncio", "modal", "logging", "socket"}
    assert heavy.isdisjoint(done.stdout.split())
    assert not any("facts" in name for name in done.stdout.split())
