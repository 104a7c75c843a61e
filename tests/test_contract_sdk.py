"""The contract against the checks of the installed Python SDK: same arguments, same verdict."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from modal_lint_runtime import contract
from modal_lint_runtime.contract import Kind, Replacement, Sdk, Site, When

if TYPE_CHECKING:
    from collections.abc import Callable

modal = pytest.importorskip("modal")
from modal._image import _infer_registry_auth_type  # noqa: E402
from modal._outbound_policy import _OutboundPolicy, _validate_compatible_network_access  # noqa: E402
from modal._utils.name_utils import check_environment_name, check_object_name, check_tag_dict  # noqa: E402
from modal.client import _Client as _ModalClient  # noqa: E402
from modal.secret import _Secret, _SecretManager  # noqa: E402
from modal_proto import api_pb2  # noqa: E402

CHECKED = settings(
    max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
Outcome = str | None

_texts = st.one_of(
    st.text(max_size=8),
    st.text("aA_09-. \n$=\0é\ud800\U0001f600", max_size=6),
    st.sampled_from(["", "A", "API_KEY", "A\n", "A\n\n", "\nA", "1A", "my-key", "a b", "é", "\ud800", "\0", "_"]),
)
_odd = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.binary(max_size=3), st.lists(_texts, max_size=2)
)
_hashable = st.one_of(st.none(), st.booleans(), st.integers(), st.binary(max_size=3), st.tuples(st.integers()))
_values = st.one_of(_texts, _texts, st.none(), _odd)
_mappings = st.dictionaries(st.one_of(_texts, _texts, _texts, _hashable), _values, max_size=4)
_clean = st.dictionaries(st.sampled_from(["A", "B_1", "_c"]), st.one_of(st.text(max_size=3), st.none()), max_size=3)
_not_mappings = st.one_of(
    _odd,
    _texts,
    st.lists(st.tuples(_texts, _values), max_size=2, unique_by=lambda pair: pair[0]),
    st.sets(st.integers()),
)
_arguments = st.one_of(_mappings, _clean, _not_mappings)


def _qualified(error: type[BaseException]) -> str:
    module = error.__module__
    return error.__name__ if module == "builtins" else f"{module}.{error.__name__}"


def _sdk(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Outcome:
    try:
        call(*args, **kwargs)
    except Exception as error:
        return _qualified(type(error))
    return None


def _ours(check: Callable[..., Any], *args: Any, moments: tuple[When, ...] = (When.CALL,), **kwargs: Any) -> Outcome:
    verdict = contract.verdict_of(check, *args, sdk=Sdk.PYTHON, **kwargs)
    return verdict.raises if verdict is not None and verdict.when in moments else None


class _Stub:
    """Stands where a connection would: takes the message, which is what the test is about, and answers nothing."""

    async def SecretGetOrCreate(self, request: api_pb2.SecretGetOrCreateRequest) -> None:  # noqa: N802
        request.SerializeToString()

    async def SecretUpdate(self, request: api_pb2.SecretUpdateRequest) -> None:  # noqa: N802
        request.SerializeToString()


class _Client:
    _stub = _Stub()
    _snapshotted = False


class _SentError(Exception):
    """The message was built, and got as far as the connection."""


class _Router:
    """Stands where the command router of a sandbox would."""

    async def get_task_id(self, **_: Any) -> str:
        return "ta-1"

    async def get_command_router_client(self, _: str) -> _Router:
        return self

    async def exec_start(self, request: Any) -> None:
        request.SerializeToString()
        raise _SentError


@CHECKED
@given(_arguments)
@example({1: None})
@example({"A": 1, "\ud800": "x"})
def test_from_dict(values: object) -> None:
    assert _ours(contract.entries, values) == _sdk(modal.Secret.from_dict, values)


@CHECKED
@given(st.dictionaries(_texts, _texts, max_size=3))
def test_what_from_dict_cannot_send(values: dict[str, str]) -> None:
    def load() -> None:
        secret = _Secret.from_dict({**values})
        assert secret._load_env_dict is not None
        api_pb2.SecretGetOrCreateRequest(env_dict=secret._load_env_dict())

    assert _ours(contract.entries, values, moments=(When.CALL, When.LOAD)) == _sdk(load)


@CHECKED
@given(st.one_of(st.text("ab-_. \n", max_size=66), _texts, _odd, st.integers(60, 67).map("a".__mul__)))
@example("a" * 64)
@example("a" * 65)
@example("a" * 63 + "\n")
@example("a" * 64 + "\n")
@example("ap-" + "a" * 22)
@example("ap-" + "a" * 22 + "\n")
@example("ap-" + "a" * 21 + "-")
@example("\n")
@example("a\n\n")
@example("a\ud800")
@example("a\0")
@example(b"a" * 65)
def test_names(name: object) -> None:
    expected = _sdk(check_object_name, name, "Secret")
    assert _ours(contract.object_name, name) == expected
    if isinstance(name, str):
        assert contract.is_object_name(name) == (expected is None)


@CHECKED
@given(st.one_of(_arguments, st.lists(st.tuples(_texts, _texts), max_size=2, unique_by=lambda pair: pair[0])))
@example(None)
@example({"A": b"x"})
@example({"A": None})
def test_create(values: object) -> None:
    def create() -> None:
        asyncio.run(_SecretManager().create("name", values, client=_Client()))  # type: ignore[arg-type]

    ours = _ours(contract.entries, values, moments=(When.CALL, When.LOAD), site=Site.CREATE)
    assert ours == _sdk(create)


@CHECKED
@given(_arguments)
@example({"A": None})
@example({})
def test_update(values: object) -> None:
    def update() -> None:
        secret = _Secret._new_hydrated("st-1", _Client(), api_pb2.SecretMetadata())  # type: ignore[arg-type]
        asyncio.run(secret.update(values))  # type: ignore[arg-type]

    ours = _ours(contract.update_entries, values, moments=(When.CALL, When.LOAD))
    assert ours == _sdk(update)


@CHECKED
@given(st.one_of(_mappings, _clean, _odd))
@example({"A": b"x"})
@example({"A": None})
@example({"my-key": "x"})
def test_env_of_exec(values: object) -> None:
    from modal.sandbox._common import exec_via_tcr
    from modal.stream_type import StreamType

    async def start() -> None:
        with contextlib.suppress(_SentError):
            await exec_via_tcr(
                _Router(),  # type: ignore[arg-type]
                _Client(),  # type: ignore[arg-type]
                "true",
                pty_info=None,
                stdout=StreamType.DEVNULL,
                stderr=StreamType.DEVNULL,
                timeout=None,
                workdir=None,
                env=values,  # type: ignore[arg-type]
                secrets=None,
                text=True,
                bufsize=-1,
                container_id=None,
            )

    expected = _sdk(lambda: asyncio.run(start()))
    assert _ours(contract.env, values, site=Site.EXEC, moments=(When.CALL, When.LOAD)) == expected


@CHECKED
@given(st.one_of(st.text("ab-_.", max_size=66), _texts))
@example("a" * 64)
@example("a" * 65)
@example("en-a")
@example("En-a\n")
@example("a.b")
def test_environment_names(name: str) -> None:
    ours = contract.verdict_of(contract.new_environment_name, name)
    assert (ours.raises if ours else None) == _sdk(check_environment_name, name, allow_periods=False)


@CHECKED
@given(st.dictionaries(_texts, _texts, max_size=2))
@example({"a" * 63: "b"})
@example({"a" * 64: "b"})
@example({"a" * 63 + "\n": "b"})
def test_tags(tags: dict[str, str]) -> None:
    ours = contract.verdict_of(contract.tags, tags)
    assert (ours.raises if ours else None) == _sdk(check_tag_dict, tags)


_IMAGE = modal.Image.debian_slim()


@CHECKED
@given(_arguments)
@example({"A": None})
@example({"bad key": "x"})
def test_image_env(values: object) -> None:
    assert _ours(contract.image_env, values) == _sdk(_IMAGE.env, values)


@CHECKED
@given(_arguments)
def test_env_of_a_build_step(values: object) -> None:
    expected = _sdk(lambda: _IMAGE.run_commands("true", env=values))
    assert _ours(contract.env, values, site=Site.IMAGE_STEP) == expected


def _accepted_until_the_app_is_missed(**kwargs: Any) -> None:
    """`Sandbox.create` looks at its arguments first, and then for the App, which there is none."""
    try:
        modal.Sandbox.create("true", **kwargs)
    except modal.exception.InvalidError as error:
        if "require an App" not in str(error):
            raise


@settings(CHECKED, max_examples=120)
@given(_arguments)
@example({"A\n": "x"})
@example({"my-key": "x"})
@example({"": "x"})
@example({1: None})
def test_env_of_a_sandbox(values: object) -> None:
    assert _ours(contract.env, values, site=Site.SANDBOX) == _sdk(_accepted_until_the_app_is_missed, env=values)


@pytest.mark.parametrize("values", [{"A": "1"}, {}, None, {"A\n": "1"}, {"A": None}, {"my-key": "1"}, {"A": 1}, [1]])
def test_env_of_a_sandbox_on_the_older_backend(values: object) -> None:
    expected = _sdk(_accepted_until_the_app_is_missed, env=values, gpu="T4")
    assert _ours(contract.env, values, site=Site.SANDBOX_V1) == expected


_REGISTRY_KEYS = sorted({key for sets in contract.REGISTRY_KEYS.values() for keys in sets for key in keys})


@CHECKED
@given(st.sets(st.sampled_from([*_REGISTRY_KEYS, "OTHER", "DOCKER_USERNAME"])))
def test_registry_keys(keys: set[str]) -> None:
    expected = _sdk(_infer_registry_auth_type, keys)
    assert _ours(contract.registry_auth, keys, moments=(When.LOAD,)) == expected
    if expected is None:
        named = {"AWS": "AWS", "GCP": "GCP", "STATIC": "STATIC_CREDS"}[contract.registry_auth(keys).name]
        assert _infer_registry_auth_type(keys) == api_pb2.RegistryAuthType.Value(f"REGISTRY_AUTH_TYPE_{named}")


_domains = st.one_of(
    st.sampled_from(
        ["*", "*.com", "*.a.com", "a.com", "a.com\n", "localhost", "https://a.com", "a..com", "", ".a.com"]
    ),
    st.text("ab-.*", max_size=8),
    st.integers(60, 66).map(lambda size: "a" * size + ".com"),
    st.none(),
    st.integers(),
)
_header_names = st.one_of(st.sampled_from(["Authorization", "X-A", "", "A:", "A\n"]), _texts, st.none(), st.integers())
_header_values = st.one_of(st.text("$aA_1{}\t\n\x7f é", max_size=6), _texts, st.none(), st.integers())
_headers = st.dictionaries(_header_names, _header_values, max_size=3)
_replacements = st.tuples(_domains, _headers, st.sampled_from(["none", "named", "ephemeral"]))
_right = st.tuples(
    st.sampled_from(["*", "a.com"]),
    st.dictionaries(st.text("abcdefghij", min_size=1, max_size=3), st.just("v"), min_size=5, max_size=13),
    st.sampled_from(["none", "named"]),
)


@CHECKED
@given(
    st.lists(st.one_of(_right, _replacements), max_size=3),
    st.booleans(),
    st.sampled_from([None, [], ["a.com"]]),
)
@example([("a.com", {"A": "${KEY}"}, "none")], False, None)
@example([("a.com", {"A": "$$KEY"}, "none")], False, None)
@example([("a.com", {"A": "$$$KEY"}, "none")], False, None)
@example([("a.com", {str(n): "x" for n in range(25)}, "none")], False, None)
@example([("a.com", {str(n): "x" for n in range(26)}, "none")], False, None)
def test_outbound_policy(
    rows: list[tuple[object, dict[object, object], str]], block: bool, allowlist: list[str] | None
) -> None:
    secrets = {"none": None, "named": _Secret.from_name("x"), "ephemeral": _Secret.from_dict({})}

    def validate() -> None:
        policy = _OutboundPolicy()
        for domain, headers, secret in rows:
            policy = policy.with_header_replacement(domain=domain, headers=headers, secret=secrets[secret])  # type: ignore[arg-type]
        policy._validate()
        _validate_compatible_network_access(policy, block, allowlist)

    ours = [
        Replacement(domain, headers, Kind.NONE if secret == "none" else Kind.SECRET, secret == "ephemeral")
        for domain, headers, secret in rows
    ]
    told = _ours(contract.outbound_policy, ours, block_network=block, outbound_domain_allowlist=allowlist)
    assert told == _sdk(validate)


@pytest.mark.parametrize("headers", [None, 5, "ab", "abc", [1], [("A", "x")], [], ["ab"]])
def test_headers_that_are_no_mapping(headers: object) -> None:
    def validate() -> None:
        policy = _OutboundPolicy().with_header_replacement(domain="a.com", headers=headers)  # type: ignore[arg-type]
        policy._validate()

    assert _ours(contract.header_replacement, "a.com", headers) == _sdk(validate)


def _named() -> Any:
    return modal.Secret.from_name("x")


def _same(secret: object) -> object:
    return secret


_SHAPES: dict[str, Callable[[], object]] = {
    "nothing": lambda: None,
    "empty list": list,
    "list": lambda: [_named()],
    "list of a local one": lambda: [modal.Secret.from_dict({"A": "1"})],
    "tuple": lambda: (_named(),),
    "set": lambda: {_named()},
    "frozenset": lambda: frozenset([_named()]),
    "generator": lambda: (secret for secret in [_named()]),
    "used up generator": lambda: iter(()),
    "map": lambda: map(_same, [_named()]),
    "view": lambda: {"a": _named()}.values(),
    "keys": lambda: {"a": 1}.keys(),
    "one alone": _named,
    "name": lambda: "name",
    "empty name": lambda: "",
    "dict": lambda: {"A": "1"},
    "empty dict": dict,
    "list of a name": lambda: ["name"],
    "list of None": lambda: [None],
    "list of a list": lambda: [[_named()]],
    "list of a dict": lambda: [{"A": "1"}],
    "list of a number": lambda: [5],
    "one right, one wrong": lambda: [_named(), "name"],
    "number": lambda: 5,
}


def _body() -> None:
    """What a Function of these tests does."""


def _function(**kwargs: Any) -> None:
    modal.App("a").function(serialized=True, **kwargs)(_body)


def _cls(**kwargs: Any) -> None:
    modal.App("a").cls(serialized=True, **kwargs)(type("Empty", (), {}))


_SITES: dict[str, tuple[Site, Callable[..., object]]] = {
    "App": (Site.APP, lambda secrets: modal.App(secrets=secrets)),
    "function": (Site.FUNCTION, _function),
    "cls": (Site.FUNCTION, _cls),
    "with_options": (
        Site.WITH_OPTIONS,
        lambda secrets: modal.App("a").function(serialized=True)(_body).with_options(secrets=secrets),
    ),
    "step": (Site.IMAGE_STEP, lambda secrets: _IMAGE.run_commands("true", secrets=secrets)),
    "run_function": (Site.RUN_FUNCTION, lambda secrets: _IMAGE.run_function(_body, secrets=secrets)),
    "sandbox": (Site.SANDBOX, lambda secrets: _accepted_until_the_app_is_missed(secrets=secrets)),
}


@pytest.mark.parametrize("shape", _SHAPES)
@pytest.mark.parametrize("site", _SITES)
def test_shapes_of_secrets(site: str, shape: str) -> None:
    where, call = _SITES[site]
    make = _SHAPES[shape]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = _sdk(call, secrets=make())
    ours = contract.verdict_of(contract.secrets_list, make(), type_=modal.Secret, sdk=Sdk.PYTHON, site=where)
    if shape == "used up generator" and site not in ("App", "with_options"):
        assert expected is None
        assert ours is not None, "what an iterator holds is not known to the contract"
    else:
        assert (ours.raises if ours and ours.when is When.CALL else None) == expected


@CHECKED
@given(st.lists(st.sampled_from(["secret", None, "name", 5]), max_size=3), st.sampled_from([list, tuple, set]))
def test_secrets_of_an_app(elements: list[object], collection: type) -> None:
    value = collection(_named() if element == "secret" else element for element in elements)
    ours = _ours(contract.secrets_list, value, type_=modal.Secret, site=Site.APP)
    assert ours == _sdk(lambda: modal.App(secrets=value))


_repositories = st.one_of(
    st.sampled_from(["github.com/a/b", "gitlab.com/a/b@c", "github.com", "https://github.com/a", "", "a/b"]),
    st.text(max_size=4),
)


@CHECKED
@given(st.lists(_repositories, max_size=3), st.booleans())
def test_private_repositories(repositories: list[str], with_secrets: bool) -> None:
    def install() -> None:
        secrets = [_named()] if with_secrets else []
        _IMAGE.pip_install_private_repos(*repositories, git_user="u", secrets=secrets)

    assert _ours(contract.private_repos, repositories, has_secrets=with_secrets) == _sdk(install)


@CHECKED
@given(st.lists(st.sampled_from(["numpy", "-r", "--index-url=x", "", "a-b", " -x"]), max_size=3))
@pytest.mark.parametrize("method", ["pip_install", "uv_pip_install"])
def test_options_among_packages(method: str, packages: list[str]) -> None:
    ours = contract.verdict_of(contract.packages, packages)
    assert (ours.raises if ours else None) == _sdk(getattr(_IMAGE, method), *packages)


@pytest.mark.parametrize("keys", [None, [], ["A"], ("A",), {"A"}, {"A": 1}, "", 5, [1], [None], ["A", 1]])
def test_required_keys(keys: object) -> None:
    expected = _sdk(api_pb2.SecretGetOrCreateRequest, required_keys=keys)
    assert _ours(contract.required_keys, keys, moments=(When.LOAD,)) == expected


_TOKENS: list[tuple[str | None, str | None, bool]] = [
    (None, None, False),
    ("ak", None, False),
    (None, "as", False),
    ("", "as", False),
    ("ak", "as", True),
    ("ak", None, True),
]


@pytest.mark.parametrize(("token_id", "token_secret", "oauth"), _TOKENS)
def test_unusable_credentials(token_id: str | None, token_secret: str | None, oauth: bool) -> None:
    found = dict.fromkeys(("oauth_refresh_token", "oauth_client_id", "oauth_client_secret", "oauth_jwt_key"))
    given = {**found, "token_id": token_id, "token_secret": token_secret, "oauth_jwt_key": "k" if oauth else None}
    expected = _sdk(lambda: asyncio.run(_ModalClient.from_env(_override_config=given)))
    assert expected is not None
    assert _ours(contract.credentials, token_id, token_secret, oauth=oauth, needed=True) == expected


@pytest.mark.parametrize(
    "given", [("", "c", "s", None), ("r", "", "s", None), ("r", "c", "s", "k"), ("r", "c", None, "")]
)
def test_unusable_oauth_credentials(given: tuple[str, str, str | None, str | None]) -> None:
    refresh, client_id, secret, key = given
    expected = _sdk(
        lambda: asyncio.run(
            _ModalClient.from_oauth_credentials(
                refresh, oauth_client_id=client_id, oauth_client_secret=secret, oauth_jwt_key=key
            )
        )
    )
    ours = contract.verdict_of(contract.oauth_credentials, *given)
    assert ours is not None
    assert ours.raises == expected


@pytest.mark.parametrize("keys", ["KEY", ["PATH"], ("PATH",), {"PATH"}, [], None, 5, [1], {"PATH": 1}])
def test_local_variables(keys: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "x")
    assert _ours(contract.local_environ_keys, keys) == _sdk(modal.Secret.from_local_environ, keys)


@pytest.mark.parametrize("row", [row for row in contract.REMOVED if row.keyword is None], ids=lambda row: row.name)
def test_removed_names(row: contract.Removed) -> None:
    def use() -> None:
        found: Any = modal
        for part in row.name.split(".")[1:]:
            found = getattr(found, part)
        found({}) if row.name == "modal.Secret" else found()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _sdk(use) == row.raises


_REQUIRED: dict[str, tuple[Any, ...]] = {
    "modal.Secret.from_name": ("x",),
    "modal.Image.from_dockerfile": ("Dockerfile",),
    "modal.Image.from_aws_ecr": ("x",),
    "modal.Image.from_gcp_artifact_registry": ("x",),
    "modal.CloudBucketMount": ("x",),
}


@pytest.mark.parametrize(
    "row", [row for row in contract.REMOVED if row.keyword], ids=lambda row: f"{row.name}-{row.keyword}"
)
def test_removed_arguments(row: contract.Removed) -> None:
    assert row.keyword is not None
    found: Any = modal
    for part in row.name.split(".")[1:]:
        found = getattr(found("a") if found is modal.App else found, part)
    with pytest.raises(TypeError, match=row.keyword):
        found(*_REQUIRED.get(row.name, ()), **{row.keyword: None})


def test_every_replacement_is_there() -> None:
    for row in contract.REMOVED:
        found: Any = modal
        if row.keyword is None and row.instead:
            for part in row.instead.split(".")[1:]:
                found = getattr(found, part)


def test_numbers_are_those_of_the_sdk() -> None:
    from modal import _outbound_policy
    from modal.sandbox import _common

    assert vars(_outbound_policy)["_MAX_HEADER_REPLACEMENTS"] == contract.MAX_HEADER_REPLACEMENTS
    assert contract.MAX_ARGUMENTS == _common.ARG_MAX_BYTES
    assert inspect.signature(modal.Sandbox.create).parameters["timeout"].default == contract.SANDBOX_TIMEOUT


@pytest.mark.parametrize("key", [None, b"", b"x" * 15, b"x" * 16, b"x" * 512, b"x" * 513, "x" * 16, 5])
def test_encryption_key(key: object) -> None:
    from modal.sandbox._common import _validate_experimental_encryption_key

    assert _ours(contract.encryption_key, key) == _sdk(_validate_experimental_encryption_key, key)


@pytest.mark.parametrize("amount", [0, 65_536, 65_537])
def test_length_of_arguments(amount: int) -> None:
    from modal.sandbox._common import _validate_exec_args

    ours = contract.verdict_of(contract.arguments, ["x" * amount])
    assert (ours.raises if ours else None) == _sdk(_validate_exec_args, ["x" * amount])
