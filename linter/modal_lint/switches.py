"""Hidden switches that take one step out of the pipeline, so that its gain can be measured and its effect tested.

``MODAL_LINT_DISABLE`` holds names of steps with commas between them. No step changes what is found.
"""

from __future__ import annotations

import os

VARIABLE = "MODAL_LINT_DISABLE"
STEPS = (
    "prefilter",  # bytes tell which files cannot concern Modal
    "cache",  # what a run found out is kept for the next one
    "processes",  # several of them
    "focus",  # a fix parses only the expressions that it changes, and nothing builds libcst trees
    "spelling",  # what names spell tells which expressions cannot hold a secret, before any is evaluated
)


def is_off(step: str) -> bool:
    """Whether a step of `STEPS` is switched off."""
    wanted = os.environ.get(VARIABLE)
    return wanted is not None and step in wanted.split(",")
