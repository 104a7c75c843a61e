"""The rules. One rule, one file."""
