"""Which files are worth parsing."""

from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modal_lint.bytesearch import find
from modal_lint.discover import Target
from modal_lint.prefilter import concerns_modal, may_concern_modal, uses_modal
from modal_lint.settings import Settings
from modal_lint.sift import ALONE, MENTIONS, SILENT, sift

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


_USES = ("import modal\n", "MODAL_TOKEN_ID", "@app.function()\n", "@app.cls()\n", "@app.server()\n", "modal-key")


@settings(max_examples=30)
@given(st.sampled_from(_USES), st.integers(0, 40), st.sampled_from([b"\n", b"odality "]))
def test_what_may_use_modal_is_found_in_any_place_of_a_long_source(word: str, off: int, filling: bytes) -> None:
    before = filling * ((1 << 18) // len(filling)) + b"\n" * off
    assert concerns_modal(before + word.encode())
    assert concerns_modal(before + b"\n" + word.encode() + before)
    assert not concerns_modal(before)


@pytest.mark.parametrize("word", _USES)
def test_bytes_beyond_the_end_do_not_count(word: str) -> None:
    data = bytearray(b"x = 1\n" + word.encode())
    assert concerns_modal(data)
    assert not concerns_modal(data, 6)


def test_what_may_use_modal_in_utf_16() -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        data = "\ufeffimport modal\n".encode(encoding)
        assert concerns_modal(data)
        assert not concerns_modal(data[2:])
        assert not concerns_modal("\ufeffimport flask\n".encode(encoding))


_SOME = st.lists(st.sampled_from([b"odal", b"oda", b"MODAL_", b"\0", b"x"])).map(b"".join)
_PLACE = st.integers(0, 80)


@given(_SOME, st.sampled_from([b"odal", b"MODAL_", b"o"]), _PLACE, _PLACE)
def test_words_are_found_where_bytes_find_them(data: bytes, word: bytes, start: int, stop: int) -> None:
    assert find(data, word, start, stop) == data.find(word, start, stop)
    assert find(bytearray(data), word, start, stop) == data.find(word, start, stop)


@given(st.lists(st.lists(st.sampled_from([*_WORDS, "@app.cls(", "od", "al"])).map("".join), min_size=1))
def test_sources_are_asked_about_together_as_each_alone(texts: list[str]) -> None:
    ends = [*accumulate(len(text) for text in texts)]
    may = may_concern_modal("".join(texts).encode(), ends)
    assert may >= {which for which, text in enumerate(texts) if concerns_modal(text.encode())}


def test_files_that_are_read_together_are_judged_as_each_alone(tmp_path: Path) -> None:
    texts = ["", "import modal\n", "x = 1\n", "import flask\n", "", "od", "al = 1\n", "# Modal\n" + "x = 1\n" * 50_000]
    texts += ["import flask\n" * 9_000, "x = 1\n" * 9_000, "import flask\n" * 9_000 + "import modal\n", "# Modal", ""]
    targets = []
    for number, text in enumerate(texts):
        path = tmp_path / f"m{number:02}.py"
        path.write_text(text)
        targets.append(Target(path.name, str(path), str(tmp_path), Settings()))
    targets.insert(5, Target("none.py", str(tmp_path / "none.py"), str(tmp_path), Settings()))
    together = sift(targets, {}, 1)
    assert together == [sift([target], {}, 1)[0] for target in targets]
    assert together[:6] == [ALONE, 13, ALONE, SILENT, ALONE, "no such file or directory"]
    assert MENTIONS in together
    given_all = {target.path: Path(target.absolute).read_bytes() for target in targets if target.path != "none.py"}
    assert together == sift(targets, given_all, 1)
