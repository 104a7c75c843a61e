"""Which files are looked at because they import what uses Modal: as if every import were followed."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modal_lint.project import Project
from modal_lint.reach import Reach

FOLDERS = ("", "a", "a/b", "x-1", "x-1/c", "x-1/y-2", "src", "src/s")
NAMES = ("one", "two", "__init__")
IMPORTS = (
    "from . import one",
    "from .one import thing",
    "from .. import two",
    "from ..b.two import *",
    "from a.b import *",
    "from c.one import thing",
    "import a.b.two",
    "import one, s.two",
    "from b import two as one",
)
MENTION = "# modal dialogs\n"
USER = "import modal\n"

sources = st.dictionaries(
    st.tuples(st.sampled_from(FOLDERS), st.sampled_from(NAMES)).map(lambda parts: os.path.join(*parts) + ".py"),
    st.tuples(st.lists(st.sampled_from(IMPORTS), max_size=3), st.sampled_from(("", "", MENTION, MENTION, USER))).map(
        lambda parts: "\n".join((*parts[0], parts[1]))
    ),
    max_size=12,
)


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def _concerning(root: Path, files: dict[str, str], silent: set[str]) -> list[str]:
    project = Project(root, is_silent=silent.__contains__)
    return [name for name, text in files.items() if project.concerns(str(root / name), text.encode())]


@given(sources, st.booleans())
def test_what_cannot_be_reached_is_what_following_the_imports_does_not_find(files: dict[str, str], told: bool) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        _write(root, files)
        silent = {str(root / name) for name, text in files.items() if told and "modal" not in text}
        found = _concerning(root, files, silent)
        with patch.object(Reach, "_is_apart", return_value=False):
            assert found == _concerning(root, files, silent)


@pytest.mark.parametrize("way", ["excluded", "link", "linked folder", "above", "not on the disk"])
def test_a_file_that_nobody_told_of_is_found(tmp_path: Path, way: str) -> None:
    root = (tmp_path / "project").resolve()
    _write(root, {"x-1/a.py": "import b\n" + MENTION, "x-1/c.py": "import os\n", "y-2/__init__.py": USER})
    contents = {}
    if way == "link":
        (root / "x-1/b.py").symlink_to(root / "y-2/__init__.py")
    elif way == "linked folder":
        (root / "x-1/b").symlink_to(root / "y-2")
    elif way == "not on the disk":
        contents[str(root / "x-1/b.py")] = USER.encode()
    else:
        _write(root, {"b.py" if way == "above" else "x-1/b/__init__.py": USER})
    project = Project(root, contents, {str(root / "x-1/c.py")}.__contains__)
    assert project.concerns(str(root / "x-1/a.py"), (root / "x-1/a.py").read_bytes())


def test_a_user_beside_is_out_of_reach(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    _write(root, {"x-1/a.py": "import b\n" + MENTION, "y-2/b.py": USER})
    project = Project(root)
    assert not project.concerns(str(root / "x-1/a.py"), (root / "x-1/a.py").read_bytes())
    assert {str(root), str(root / "x-1")} <= project.looked_at()  # a new file there would count


def test_a_link_out_of_the_project_is_not_followed(tmp_path: Path) -> None:
    root = (tmp_path / "project").resolve()
    _write(tmp_path.resolve(), {"outside/__init__.py": USER, "outside/b.py": USER, "project/x-1/a.py": "import b\n"})
    (root / "x-1/b").symlink_to(tmp_path / "outside")
    project = Project(root)
    assert not project.concerns(str(root / "x-1/a.py"), b"import b\n" + MENTION.encode())
    assert project.names_in(str(root / "x-1/b")) == frozenset()
    assert not [path for path in project.looked_at() if os.path.dirname(path).endswith("b")]
