"""`python -m modal_lint`."""

from modal_lint.start import main

main()
