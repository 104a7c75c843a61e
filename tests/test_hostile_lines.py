"""Endless lines made to be searched again from each of their words: done in moments, or never."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from modal_lint.credentials import find_in_text
from modal_lint.prefilter import names_module_in_text, uses_modal
from modal_lint.shell import stored

if TYPE_CHECKING:
    from collections.abc import Callable

_MANY = 150_000  # words


def _stores(command: str) -> Callable[[], object]:
    return lambda: stored(command, "TOKEN".__eq__)


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        pytest.param(lambda: uses_modal(b"x = modal\n" * 1_000_000), False, id="uses-modal"),
        pytest.param(
            lambda: names_module_in_text(b'"' + b"from " * _MANY, b"app", 5 * _MANY), False, id="names-module"
        ),
        pytest.param(lambda: find_in_text("az " * _MANY), [], id="login"),
        pytest.param(_stores("ngrok " * _MANY), None, id="ngrok"),
        pytest.param(_stores("docker " * _MANY), None, id="docker"),
        pytest.param(_stores("git " * _MANY), None, id="clone"),
        pytest.param(_stores("pip config " * _MANY), None, id="pip"),
    ],
)
def test_an_endless_line_is_searched_once(ask: Callable[[], object], answer: object) -> None:
    assert ask() == answer


@pytest.mark.parametrize("undoing", ["rm ", "git config ", "git "])
@pytest.mark.parametrize("command", ["kaggle config set key $TOKEN", "git config url.x $TOKEN"])
def test_an_endless_line_that_undoes_nothing_is_searched_once(command: str, undoing: str) -> None:
    found = stored(f"{command}; {undoing * _MANY}", "TOKEN".__eq__)
    assert found is not None
    assert found.variable == "TOKEN"


@pytest.mark.parametrize("command", ["kaggle config set key $TOKEN; rm -f a; rm ~/.kaggle/kaggle.json"])
def test_what_undoes_it_may_be_the_second_of_its_kind(command: str) -> None:
    assert stored(command, "TOKEN".__eq__) is None
