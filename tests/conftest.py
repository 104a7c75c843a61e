"""What holds for the whole test run."""

from __future__ import annotations

import os

# Workspaces made by tests keep their keys in files: the keyring is the user's own. Processes that tests start inherit it.
os.environ.setdefault("MODAL_LINT_RUNTIME_KEYRING", "0")
