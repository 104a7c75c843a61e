"""Which files are worth parsing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modal_lint.prefilter import concerns_modal, uses_modal

_WORDS = ("modal", "Modal", "import ", "from ", "multi", "-", "ity", " ", "\n", ";", ", ", "secret create",
          "import_module('", "MODAL_TOKEN_ID", "-Key", "odal-secret", "a")  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "import modal",
        "from modal import App",
        'os.environ["MODAL_TOKEN_SECRET"] = x',
        'headers = {"Modal-Key": x}',
        "client = ModalClient()",
        "from common import app\n\n@app.function(env=env)\ndef f(): ...",
        "from common import app\n\n@ app.cls()\nclass C: ...",
    ],
)
def test_what_may_use_modal(text: str) -> None:
    assert concerns_modal(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "import flask",
        "@app.route('/')\ndef f(): ...",
        "x.function(1)",
        "modality = 1",
        "# multi-modal",
        "multimodal",
    ],
)
def test_what_cannot(text: str) -> None:
    assert not concerns_modal(text.encode())


@given(st.lists(st.sampled_from(_WORDS)).map("".join))
def test_what_uses_modal_says_so(text: str) -> None:
    assert concerns_modal(text.encode()) or not uses_modal(text.encode())
