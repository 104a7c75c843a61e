"""`python -m modal_lint_runtime.contract` prints `docs/semantics.md`."""

from __future__ import annotations

import sys

from modal_lint_runtime.contract.page import page

if __name__ == "__main__":
    sys.stdout.write(page())
