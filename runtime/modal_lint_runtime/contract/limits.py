"""Numbers and fixed names of Modal, each with its source. `P` is the Python SDK 1.6.4, `D` is Modal's documentation."""

from __future__ import annotations

MAX_KEY = 16_384
"""Characters of a Secret's key (D guide/secrets)."""
MAX_VALUE = 32_768
"""Characters of a Secret's value (D guide/secrets)."""
MAX_NAME = 64
"""Characters of an object's name; accepted although the SDK's text says "shorter than 64" (P name_utils.py:29)."""
MAX_TAG = 63
"""Characters of the key and of the value of an App's tag (P name_utils.py:61)."""
MAX_HEADER_REPLACEMENTS = 25
"""Headers of one outbound policy (P _outbound_policy.py:21)."""
MAX_ARGUMENTS = 65_536
"""Characters of all arguments of a process in a sandbox together (P sandbox/_common.py:111)."""
MIN_ENCRYPTION_KEY, MAX_ENCRYPTION_KEY = 16, 512
"""Bytes of a customer's encryption key of a snapshot (P sandbox/_common.py:145-146)."""

TERMINATED_CODE = 137
"""Exit code of a sandbox that was terminated (P sandbox/_common.py:221)."""
TIMEOUT_CODE = 124
"""Exit code of a sandbox that ran into its timeout (P sandbox/_common.py:219)."""
SANDBOX_TIMEOUT = 300.0
"""Seconds that a sandbox lives when nobody says (P sandbox/_sandbox.py:189)."""

RESERVED_KEYS = frozenset(
    (
        "MODAL_CLOUD_PROVIDER",
        "MODAL_ENVIRONMENT",
        "MODAL_IDENTITY_TOKEN",
        "MODAL_IMAGE_ID",
        "MODAL_IS_REMOTE",
        "MODAL_REGION",
        "MODAL_SANDBOX_ID",
        "MODAL_TASK_ID",
    )
)
"""Variables that Modal sets itself and that nothing overrides (D guide/environment_variables)."""

IGNORED_CREDENTIALS = frozenset(
    (
        "MODAL_OAUTH_CLIENT_ID",
        "MODAL_OAUTH_CLIENT_SECRET",
        "MODAL_OAUTH_JWT_KEY",
        "MODAL_OAUTH_REFRESH_TOKEN",
        "MODAL_TOKEN_ID",
        "MODAL_TOKEN_SECRET",
    )
)
"""Variables that the Python SDK ignores, with a warning, inside a Function's container (P client.py:347-367)."""
