"""All witnesses, by rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from witness import family1, family2, family3, family4, family5

if TYPE_CHECKING:
    from witness.claims import Witness


def _by_rule() -> dict[str, list[Witness]]:
    found: dict[str, list[Witness]] = {}
    for family in (family1, family2, family3, family4, family5):
        for witness in family.WITNESSES:
            found.setdefault(witness.code, []).append(witness)
    return found


WITNESSES = _by_rule()
"""The witnesses of each rule; what the first one claims is what the rule's file says."""

NOT_SHOWN = {
    "MS001": "it is about the linter itself",
    "MS002": "it is about the linter itself",
    "MS111": "nbformat 5, The notebook file format: outputs and metadata are part of the file",
    "MS209": "modal 1.6.4, Image.publish: is_public shows all layers; "
    "no image can be pulled from Modal's registry here",
    "MS407": "Modal's guide to Secrets; the service refuses, no client does",
    "MS505": "modal 1.6.4, _partial_function.py: requires_proxy_auth is False by default; "
    "app.server: unauthenticated is",
    "MS507": "FastAPI, Query Parameters: plain parameters outside of the path are taken from the query",
}
"""The rules whose claim no client can show, each with where it comes from; the rule's file repeats it."""
