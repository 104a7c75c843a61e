"""What holds for the whole test run."""

from __future__ import annotations

import os

from hypothesis import settings

# Workspaces of tests, also of processes they start, keep their keys in files: the keyring is the user's own.
os.environ.setdefault("MODAL_LINT_RUNTIME_KEYRING", "0")
# How long an example takes says more about the machine than about the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
# A run in this process would append to the summary of the job that runs the tests.
os.environ.pop("GITHUB_STEP_SUMMARY", None)
