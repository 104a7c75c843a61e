"""Credentials that a call cannot use: of registries, buckets, private repositories, policies, persistent sandboxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modal_lint.calls import effective
from modal_lint.lazy import contract
from modal_lint.modal_api import Sink
from modal_lint.rejected import Problem
from modal_lint.rejected import raising as raising_of
from modal_lint.rejected_calls import (
    NOTHING,
    argument_node,
    argument_values,
    asked,
    has_holes,
    origin_of,
    sdk_of,
    stand_in,
)
from modal_lint.rejected_keys import is_ephemeral, keys_of
from modal_lint.values import Const, Mapping, Object, Sequence, Text, Value, Values, truth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint_runtime.contract import Verdict

    from modal_lint.source import File
    from modal_lint.uses import Use

_REGISTRIES = {
    "modal.Image.from_registry": "secret",
    "modal.Image.from_dockerfile": "registry_secret",
    "modal_lint_runtime.Images.from_registry": "secret",
}
_POLICY = "modal.experimental.OutboundPolicy.with_header_replacement"
_BUCKET = "modal.CloudBucketMount"
_PRIVATE = "modal.Image.pip_install_private_repos"
_SANDBOX = "modal.Sandbox.create"
_PERSISTENT = "_experimental_persistent"
_FITTING_REPOSITORY = "github.com/owner/repository"


# ---- registries -------------------------------------------------------------------------------------------------


def of_registries(file: File) -> Iterator[Problem]:
    """The Secrets of registries whose known keys make no authentication."""
    for use in file.given_uses:
        parameter = _REGISTRIES.get(use.api.name)
        values = None if parameter is None else argument_values(use, file.project.evaluator, parameter)
        if parameter is None or not values:
            continue
        judged = [_registry(use, parameter, value) for value in values]
        first = judged[0]
        if first is not None and all(judged):
            verdict, sure = first
            secret = values[0]
            node = argument_node(use, parameter)
            yield Problem(use, verdict, parameter, values, origin_of(secret), node, None, secret.steps, sure)


def _registry(use: Use, parameter: str, secret: Value) -> tuple[Verdict, bool] | None:
    """What the contract says of a registry's Secret, and whether that holds whatever else is in it."""
    keys = keys_of(secret)
    if keys is None or (not keys.complete and not keys.names):
        return None
    sdk = sdk_of(use)
    verdict = contract.verdict_of(contract.registry_auth, keys.names, parameter, sdk=sdk)
    if verdict is None or keys.complete:
        return None if verdict is None else (verdict, True)
    accepted = [one for sets in contract.REGISTRY_KEYS.values() for one in sets]
    if any(keys.names <= one for one in accepted):
        return None
    fits = any(
        contract.verdict_of(contract.registry_auth, keys.names | one, parameter, sdk=sdk) is None for one in accepted
    )
    return verdict, not fits


# ---- what else is unusable --------------------------------------------------------------------------------------


def unusable(file: File) -> Iterator[Problem]:
    """Calls whose credentials are missing, or of a kind that they do not take."""
    for use in file.given_uses:
        name = use.api.name
        if name == _BUCKET:
            yield from _bucket(use)
        elif name == _PRIVATE:
            yield from _private(use)
        elif name == _POLICY:
            yield from _policy(use)
        elif name == _SANDBOX and _PERSISTENT in use.bound.named:
            yield from _persistent(use)


def _of(use: Use, verdict: Verdict | None, parameter: str, key: str | None = None) -> Iterator[Problem]:
    if verdict is not None and verdict.raises is not None:
        node = argument_node(use, parameter)
        values = argument_values(use, use.file.project.evaluator, parameter) or ()
        steps = values[0].steps if values else ()
        yield Problem(use, verdict, verdict.argument, values, None, node, key, steps)


def _bucket(use: Use) -> Iterator[Problem]:
    ev = use.file.project.evaluator
    pays = argument_values(use, ev, "requester_pays")
    if pays is None or use.bound.open or not all(truth(value) for value in pays):
        return
    secret = argument_values(use, ev, "secret")
    has_secret = secret is not None and not _is_none(secret)
    verdict = contract.verdict_of(contract.bucket_mount, requester_pays=True, has_secret=has_secret, sdk=sdk_of(use))
    yield from _of(use, verdict, "requester_pays")


def _private(use: Use) -> Iterator[Problem]:
    ev = use.file.project.evaluator
    if use.bound.open or not use.bound.extra:
        return
    secrets = argument_values(use, ev, "secrets")
    has_secrets = secrets is not None and not all(_is_none((one,)) or _is_empty(one) for one in secrets)
    repositories = [_repository(asked(ev, argument)) for argument in use.bound.extra]
    verdict = contract.verdict_of(contract.private_repos, repositories, has_secrets=has_secrets, sdk=sdk_of(use))
    yield from _of(use, verdict, "secrets" if not has_secrets else "repositories")


def _repository(values: Values) -> str:
    """A reference to a repository; a fitting one where it is not known."""
    value = values[0] if len(values) == 1 else None
    given = stand_in(value) if isinstance(value, Text) and not has_holes(value) else None
    return given if isinstance(given, str) else _FITTING_REPOSITORY


def _policy(use: Use) -> Iterator[Problem]:
    ev = use.file.project.evaluator
    if use.bound.open:
        return
    secret = argument_values(use, ev, "secret")
    kind = contract.Kind.NONE if secret is None or _is_none(secret) else contract.Kind.SECRET
    ephemeral = secret is not None and all(is_ephemeral(value) for value in secret)
    domain = _domain(argument_values(use, ev, "domain"))
    fitting = {"A": "A"}
    for given, headers in (("secret", fitting), ("domain", fitting), ("headers", _headers(use))):
        verdict = contract.verdict_of(
            contract.header_replacement,
            domain if given == "domain" else "*",
            headers,
            kind,
            ephemeral=ephemeral and given == "secret",
            sdk=sdk_of(use),
        )
        yield from _of(use, verdict, given)


def _domain(values: Values | None) -> str:
    value = values[0] if values is not None and len(values) == 1 else None
    return value.known or "" if isinstance(value, Text) and value.known is not None else "*"


def _headers(use: Use) -> dict[str, Any]:
    """The headers that are known, and a fitting one where not all are."""
    fitting: dict[str, Any] = {"A": "A"}
    for given in use.given(Sink.HEADER):
        values = asked(use.file.project.evaluator, given.argument)
        mapping = values[0] if len(values) == 1 else None
        if not isinstance(mapping, Mapping):
            return fitting
        known: dict[str, Any] = {} if mapping.complete else dict(fitting)
        for entry in effective(mapping):
            name = entry.key.known if isinstance(entry.key, Text) else None
            value = stand_in(entry.value[0]) if len(entry.value) == 1 else NOTHING
            if name is None or value is NOTHING or entry.maybe:
                known.update(fitting)
            else:
                known[name] = value
        return known
    return fitting


def _persistent(use: Use) -> Iterator[Problem]:
    ev = use.file.project.evaluator
    persistent = argument_values(use, ev, _PERSISTENT)
    if persistent is None or not all(truth(value) for value in persistent):
        return
    for parameter in ("name", "env", "tags"):
        value = _given_value(argument_values(use, ev, parameter))
        if value is not NOTHING:
            yield from _of(use, contract.verdict_of(contract.persistent_sandbox, **{parameter: value}), parameter)
    secrets = argument_values(use, ev, "secrets")
    listed = secrets[0] if secrets is not None and len(secrets) == 1 else None
    if isinstance(listed, Sequence):
        ephemeral = [all(is_ephemeral(one) for one in item) for item in listed.items]
        yield from _of(use, contract.verdict_of(contract.persistent_sandbox, ephemeral=ephemeral), "secrets")


def _given_value(values: Values | None) -> Any:
    """What surely is given, as far as it matters: a mapping that surely has entries, a text."""
    value = values[0] if values is not None and len(values) == 1 else None
    if isinstance(value, Mapping):
        return {"A": "A"} if any(not entry.maybe for entry in value.entries) else NOTHING
    return stand_in(value) if isinstance(value, (Text, Const)) else NOTHING


def _is_none(values: Values) -> bool:
    return all(isinstance(value, Const) and value.value is None for value in values)


def _is_empty(value: Value) -> bool:
    return isinstance(value, Sequence) and value.complete and not value.items and not isinstance(value, Object)


# ---- what is said -----------------------------------------------------------------------------------------------


def shown_keys(problem: Problem) -> str:
    """The keys that a registry's Secret is known to have."""
    keys = keys_of(problem.values[0])
    names = sorted(keys.names) if keys is not None else []
    return ", ".join(name[:40] for name in names[:6]) + (", …" if len(names) > 6 else "") or "of an empty Secret"


def raising(problem: Problem) -> str:
    """What happens, and when: a bucket and a policy are looked at by the call that gets them."""
    name = (problem.verdict.raises or "").rpartition(".")[2]
    moments = {_BUCKET: "where the bucket is attached", _POLICY: "where a sandbox gets the policy"}
    moment = moments.get(problem.use.api.name)
    return f"raises {name} {moment}" if moment else raising_of(problem.verdict)


def remedy(problem: Problem) -> str:
    """What to do instead."""
    remedies = {
        _BUCKET: "pass secret=modal.Secret.from_name(…) with the bucket's credentials",
        _PRIVATE: "pass secrets=[modal.Secret.from_name(…)] with GITHUB_TOKEN or GITLAB_TOKEN, and refs like "
        "github.com/owner/repository",
        _POLICY: "pass secret=modal.Secret.from_name(…), headers with values and a full domain name",
        _SANDBOX: "give a persistent sandbox its variables by named Secrets",
    }
    return remedies[problem.use.api.name]
