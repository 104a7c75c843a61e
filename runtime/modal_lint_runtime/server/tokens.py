"""Who may call: the workspace's token on the control plane, signed tokens for tasks on the router.

A signed token is a JSON Web Token (HS256): clients read only its `exp`, the server checks all of it. Its key lives in
this process alone, so tokens of an earlier server are refused and the SDKs fetch new ones.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from grpclib import GRPCError, Status

from modal_lint_runtime.server.rpc import Caller

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modal_lint_runtime.server.deployed import Deployed

LIFETIME = 3600.0
"""Seconds that a signed token is good for."""

CONTAINER_HEADER = "x-modal-lint-container"
"""Carries the task's token in calls made by a Function's container, which has no credentials of its own."""

CONTAINER_CALLS = frozenset(
    {
        *("ContainerHello", "ContainerHeartbeat", "FunctionGetInputs", "FunctionPutOutputs", "TaskResult"),
        *("FunctionCallPutDataOut", "FunctionGetDynamicConcurrency", "VolumeCommit"),
    }
)
"""What a Function's container calls to do its work."""

Audience = Literal["account", "router", "container"]

_ENCODED_HEADER = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")


@dataclass(frozen=True)
class Credentials:
    """The token pair a caller must show."""

    token_id: str
    token_secret: str = field(repr=False)

    @classmethod
    def generate(cls) -> Credentials:
        """A new pair, in the shape of Modal's (`ak-`, `as-`)."""
        return cls(f"ak-{_letters()}", f"as-{_letters()}")


class Signer:
    """Issues and checks signed tokens."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def issue(self, audience: Audience, subject: str = "", lifetime: float = LIFETIME) -> str:
        """A token for `subject` (a task's id) towards `audience`, good for `lifetime` seconds."""
        body = _body({"aud": audience, "sub": subject, "exp": int(time.time() + lifetime)})
        return (body + b"." + self._signature(body)).decode()

    def subject(self, audience: Audience, token: str) -> str | None:
        """Whom the token was issued to; None when it is forged, damaged, expired or for another audience."""
        body, _, signature = token.encode("utf-8", "replace").rpartition(b".")
        if not hmac.compare_digest(signature, self._signature(body)):
            return None
        try:
            claims = _claims(body)
            good = claims["aud"] == audience and claims["exp"] > time.time()
            return str(claims["sub"]) if good else None
        except (ValueError, KeyError, TypeError):
            return None

    def _signature(self, body: bytes) -> bytes:
        return base64.urlsafe_b64encode(hmac.digest(self._key, body, "sha256")).rstrip(b"=")


def input_token(input_id: str, idx: int) -> str:
    """A name for an input of a call, of which the Python SDK reads `idx` (P parallel_map.py, `handle_retry_response`).

    It is not signed: it opens nothing that the id of the input's call does not.
    """
    return _body({"idx": idx, "sub": input_id}).decode() + "."


def named_input(token: str) -> str:
    """The input's id in a token of `input_token`; "" for what is none."""
    try:
        return str(_claims(token.encode("utf-8", "replace").rpartition(b".")[0])["sub"])
    except (ValueError, KeyError, TypeError):
        return ""


class Gate:
    """Admits callers. Without `credentials` any token pair is good, as long as there is one."""

    def __init__(self, signer: Signer, credentials: Credentials | None, deployed: Deployed) -> None:
        self._signer = signer
        self._credentials = credentials
        self._deployed = deployed

    def control(self, metadata: Mapping[str, Any], name: str) -> Caller:
        """The caller of a control-plane call. Raises UNAUTHENTICATED for a wrong or missing token."""
        if token := str(metadata.get(CONTAINER_HEADER, "")):
            return self._container(metadata, token, name)
        shown = str(metadata.get("x-modal-token-id", "")), str(metadata.get("x-modal-token-secret", ""))
        if not all(shown):
            raise GRPCError(Status.UNAUTHENTICATED, "Token missing: set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET.")
        if self._credentials is not None and not _same(shown, self._credentials):
            raise GRPCError(Status.UNAUTHENTICATED, "The token is not this server's.")
        return _caller(metadata)

    def _container(self, metadata: Mapping[str, Any], token: str, name: str) -> Caller:
        task_id = self._signer.subject("container", token)
        worker = self._deployed.workers.get(task_id or "")
        if task_id is None or worker is None:
            raise GRPCError(Status.UNAUTHENTICATED, "The container's token is not valid.")
        # A Function with `restrict_modal_access` runs its inputs and may do nothing else.
        if worker.function.created.untrusted and name not in CONTAINER_CALLS:
            raise GRPCError(Status.PERMISSION_DENIED, f"A restricted Function may not call {name}.")
        return _caller(metadata, task_id)

    def router(self, metadata: Mapping[str, Any], _name: str) -> Caller:
        """The caller of a router call, bound to the task its token names."""
        scheme, _, token = str(metadata.get("authorization", "")).partition(" ")
        task_id = self._signer.subject("router", token) if scheme.lower() == "bearer" else None
        if not task_id:
            raise GRPCError(Status.UNAUTHENTICATED, "The task's token is not valid.")
        return _caller(metadata, task_id)


def _caller(metadata: Mapping[str, Any], task_id: str | None = None) -> Caller:
    python_version = str(metadata.get("x-modal-python-version", ""))
    return Caller(_client_type(metadata), task_id, python_version)


def _same(shown: tuple[str, str], credentials: Credentials) -> bool:
    wanted = credentials.token_id, credentials.token_secret
    # Both are compared whatever the first says, so the time tells nothing.
    return all(hmac.compare_digest(a.encode(), b.encode()) for a, b in zip(shown, wanted, strict=True))


def _client_type(metadata: Mapping[str, Any]) -> int:
    text = str(metadata.get("x-modal-client-type", ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _body(claims: Mapping[str, object]) -> bytes:
    payload = json.dumps(claims, separators=(",", ":")).encode()
    return _ENCODED_HEADER + b"." + base64.urlsafe_b64encode(payload).rstrip(b"=")


def _claims(body: bytes) -> Any:
    text = body.partition(b".")[2]
    return json.loads(base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4)))


def _letters(length: int = 22) -> str:
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return "".join(secrets.choice(alphabet) for _ in range(length))
