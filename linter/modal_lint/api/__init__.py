"""The rows of Modal's API table, by where they come from; ``modal_lint.modal_api`` is the way in."""
