"""Reporters: one module a format, each a function from a `Report` to text."""

from __future__ import annotations

from modal_lint.report.base import Look, diagnostics, render

__all__ = ["Look", "diagnostics", "render"]
