"""`python -m modal_lint`."""

from modal_lint.cli import main

main()
