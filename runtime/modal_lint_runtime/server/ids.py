"""Ids in the shapes that the SDKs tell apart."""

from __future__ import annotations

import secrets
import time

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def object_id(prefix: str) -> str:
    """`prefix-` and 22 base62 characters; a sandbox id of this shape means V1 (P sandbox/_common.py)."""
    return f"{prefix}-{''.join(secrets.choice(_BASE62) for _ in range(22))}"


def v2_sandbox_id() -> str:
    """`sb-` and a ULID: any shape but V1's selects the V2 backend."""
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "sb-" + "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def task_id(*, v2: bool) -> str:
    """A task's id; one that ends in `V` belongs to a V2 sandbox (P sandbox/_task_command_router_client.py)."""
    return object_id("ta") + ("V" if v2 else "")
