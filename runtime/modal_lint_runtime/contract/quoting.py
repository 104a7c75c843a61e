"""What an installing build step puts into its command as it is: no shell replaces a variable in it."""

from __future__ import annotations

from modal_lint_runtime.contract.sandboxes import unexpanded_variables
from modal_lint_runtime.contract.verdict import text_argument

_INDEXES = frozenset(("index_url", "extra_index_url"))
QUOTED_ARGUMENTS: dict[str, frozenset[str]] = {
    "pip_install": _INDEXES | {"packages", "find_links"},
    "pip_install_from_requirements": _INDEXES,  # its `find_links` stands in the command a second time, unquoted
    "pip_install_from_pyproject": _INDEXES | {"find_links"},
    "pip_install_private_repos": _INDEXES | {"find_links"},
    "uv_pip_install": _INDEXES | {"packages", "find_links"},
}
"""The arguments of `Image` methods that the SDK quotes for the shell (S36, P _image.py:324-346, 1281, 1651-1685)."""


def literal_variables(step: str, argument: str, value: str) -> tuple[str, ...]:
    """The variables in an argument of a build step that reach the installer as they are written (S36).

    Args:
        step: the method of `Image`: `pip_install`.
        argument: the name of the parameter.
        value: one URL or package.

    uv replaces `${NAME}`, with braces, in a package's URL itself (not in index URLs; seen with uv 0.13.9); pip does
    nowhere on its command line.
    """
    if argument not in QUOTED_ARGUMENTS.get(step, ()):
        return ()
    text = text_argument(value, "value", "S36")
    braces = step == "uv_pip_install" and argument == "packages"
    return tuple(name for name in unexpanded_variables(text) if not (braces and f"${{{name}" in text))
