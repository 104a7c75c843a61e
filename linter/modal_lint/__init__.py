"""modal-lint: finds credentials hardcoded into Modal code and moves them into named Secrets."""

__version__ = "0.1.0"
