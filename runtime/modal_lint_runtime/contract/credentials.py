"""Credentials of a client: which combinations are usable."""

from __future__ import annotations

from typing import NamedTuple

from modal_lint_runtime.contract.verdict import AUTH, INVALID, Sdk, Verdict, When, kind_of, refuse


class Token(NamedTuple):
    """A token of an account. Its text hides the secret half."""

    token_id: str
    token_secret: str

    def __repr__(self) -> str:
        return f"Token(token_id={self.token_id[:3]!r}..., token_secret=...)"


def credentials(
    token_id: object = None,
    token_secret: object = None,
    *,
    oauth: bool = False,
    needed: bool = False,
    sdk: Sdk = Sdk.REFERENCE,
) -> Token | None:
    """The token of a client, or None when there is none (S40, P client.py:368-412).

    Args:
        token_id, token_secret: the two halves; an empty string counts as unset.
        oauth: whether any OAuth credential is configured as well.
        needed: whether a client without a token is useless: that of the real service.
        sdk: JavaScript and Go accept half a token, and fail at the first call.

    Raises:
        AuthError: one half without the other, or none where it is needed.
        InvalidError: not a string, or a token together with OAuth credentials.
    """
    for argument, value in (("token_id", token_id), ("token_secret", token_secret)):
        if value is not None and not isinstance(value, str):
            text = f"`{argument}` must be a string or None, got {kind_of(value)}"
            refuse(Verdict("S40", INVALID, When.CALL, argument, text))
    if oauth and (token_id or token_secret):
        text = "`token_id`: a token and OAuth credentials cannot both be configured"
        refuse(Verdict("S40", INVALID, When.CALL, "token_id", text))
    if token_id and token_secret:
        return Token(str(token_id), str(token_secret))
    if token_id or token_secret or (needed and not oauth):
        argument = "token_secret" if token_id else "token_id"
        when = When.LOAD if sdk in (Sdk.JS, Sdk.GO) else When.CALL
        refuse(Verdict("S40", AUTH, when, argument, f"`{argument}` is missing: could not authenticate the client"))
    return None


def oauth_credentials(
    refresh_token: object, client_id: object, client_secret: object = None, jwt_key: object = None
) -> None:
    """Check OAuth credentials: a refresh token, a client id, and one of secret or key (S40, P client.py:489-492).

    Raises:
        AuthError: any of it is missing, or both the secret and the key are given.
        InvalidError: not a string.
    """
    given = {
        "refresh_token": refresh_token,
        "oauth_client_id": client_id,
        "oauth_client_secret": client_secret,
        "oauth_jwt_key": jwt_key,
    }
    for argument, value in given.items():
        if value is not None and not isinstance(value, str):
            text = f"`{argument}` must be a string or None, got {kind_of(value)}"
            refuse(Verdict("S40", INVALID, When.CALL, argument, text))
    argument = "refresh_token" if not refresh_token else "oauth_client_id" if not client_id else "oauth_client_secret"
    if argument != "oauth_client_secret" or bool(client_secret) == bool(jwt_key):
        text = f"`{argument}`: a refresh token, a client id and exactly one of client secret and JWT key are needed"
        refuse(Verdict("S40", AUTH, When.CALL, argument, text))
