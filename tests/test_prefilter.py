"""Which files are worth parsing."""

import pytest
from modal_lint.prefilter import concerns_modal


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


@pytest.mark.parametrize("text", ["", "import flask", "@app.route('/')\ndef f(): ...", "x.function(1)"])
def test_what_cannot(text: str) -> None:
    assert not concerns_modal(text.encode())
