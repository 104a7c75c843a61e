"""Reporters: one module a format, each a function from a `Report` to text."""

from __future__ import annotations

from modal_lint.report.base import Look, diagnostics, render

__all__ = ["FORMATS", "FOR_PEOPLE", "Look", "diagnostics", "render"]

# For a terminal: the summary of the run follows on the same stream. Every other format stands alone.
FOR_PEOPLE = ("full", "concise", "grouped")
FORMATS = (
    *FOR_PEOPLE, "json", "json-lines", "sarif", "github", "gitlab", "gitlab-secrets", "junit", "rdjson", "azure",
    "markdown",
)  # fmt: skip
