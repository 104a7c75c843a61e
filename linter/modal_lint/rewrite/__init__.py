"""Intentions of a fix as text edits that keep formatting, comments and line endings. Standard library only."""

from modal_lint.rewrite.calls import (
    Argument,
    add_argument,
    append_to_list,
    extend_expression,
    remove_argument,
    remove_entries,
    replace,
    replace_argument_value,
    rewrite_call,
)
from modal_lint.rewrite.chains import drop_chain_step
from modal_lint.rewrite.imports import ensure_import
from modal_lint.rewrite.references import secret_reference, string_literal
from modal_lint.rewrite.text import CannotRewrite, Source, apply, combine, span_of

__all__ = [
    "Argument",
    "CannotRewrite",
    "Source",
    "add_argument",
    "append_to_list",
    "apply",
    "combine",
    "drop_chain_step",
    "ensure_import",
    "extend_expression",
    "remove_argument",
    "remove_entries",
    "replace",
    "replace_argument_value",
    "rewrite_call",
    "secret_reference",
    "span_of",
    "string_literal",
]
