"""The files that are linted: taken from pinned wheels or generated, each corpus a git repository of its own."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import synthetic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

HERE = Path(__file__).resolve().parent
HOME = HERE / ".corpora"
PLAIN, MIXED_IN = 5_940, 60
_RECIPE = b"1"  # to be changed with what is built
_IMPORTS_MODAL = re.compile(rb"^[ \t]*(?:import modal\b|from modal\b)", re.MULTILINE)
# In a repository of their own the corpora are not hidden by our .gitignore, and no setting of ours reaches them.
# Without the second file semgrep would skip every test.
_SETTINGS = {
    "pyproject.toml": "[tool.ruff]\n\n[tool.modal-lint]\n\n[tool.fixit]\nroot = true\n",
    ".semgrepignore": "# Nothing: every tool reads the same files.\n",
}


@dataclass(frozen=True, slots=True)
class Corpus:
    """Something to lint: run the tools in ``root`` on ``paths``."""

    name: str
    root: Path
    paths: tuple[str, ...]
    about: str

    def size(self) -> dict[str, int]:
        """How many files, lines, and files that import Modal."""
        total = {"files": 0, "lines": 0, "import modal": 0}
        for source in (file for path in self.paths for file in _sources(self.root / path)):
            data = source.read_bytes()
            total["files"] += 1
            total["lines"] += data.count(b"\n")
            total["import modal"] += _IMPORTS_MODAL.search(data) is not None
        return total


def build(names: Iterable[str], parts: int) -> dict[str, Corpus]:
    """Make what is missing of the named corpora (A, A/10, B, C, D, growth); downloads wheels from PyPI.

    Args:
        names: which of them.
        parts: how many parts of D.

    Raises:
        subprocess.CalledProcessError: pip or git failed; its own message went to standard error.
    """
    makers: dict[str, Callable[[Path], None]] = {
        "A": lambda root: _mixed(root, 1),
        "A/10": lambda root: _mixed(root, 10),
        "B": _users,
        "C": synthetic.write_singles,
        "D": lambda root: synthetic.write_many(root, parts),
        "growth": synthetic.write_growing,
    }
    for name in names:
        _build_once(_root(name, parts), makers[name], name)
    return {corpus.name: corpus for name in names for corpus in _corpora(name, parts)}


def build_and_count(names: Sequence[str], parts: int) -> tuple[dict[str, Corpus], dict[str, dict[str, int]]]:
    """`build`, and the size of each corpus."""
    built = build(names, parts)
    return built, {name: corpus.size() for name, corpus in built.items()}


def _root(name: str, parts: int) -> Path:
    return HOME / (f"D{parts}" if name == "D" else name.replace("/", ""))


def _corpora(name: str, parts: int) -> list[Corpus]:
    root = _root(name, parts)
    if name == "C":
        kinds = {"plain": "no Modal", "clean": "Modal, clean", "findings": "Modal, findings"}
        return [Corpus(f"C {kind}", root / kind, ("app.py",), f"60 lines, {text}") for kind, text in kinds.items()]
    if name == "D":
        kept = [part for part, _ in synthetic.PARTS[:parts]]
        return [
            Corpus(f"D {_thousands(last)}", root, tuple(kept[:last]), "small generated files")
            for last in range(1, parts + 1)
        ]
    if name == "growth":
        return [
            Corpus(f"{kind} {count}", root / f"{kind}{count}", ("app.py",), f"one file, {count} {unit}")
            for kind, unit, counts in (("lines", "lines", synthetic.LINES), ("chain", "steps", synthetic.STEPS))
            for count in counts
        ]
    about = {"A": "packages, 1 % use Modal", "A/10": "a tenth of A", "B": "every file uses Modal"}[name]
    return [Corpus(name, root, (".",), about)]


def _thousands(parts: int) -> str:
    return f"{sum(size for _, size in synthetic.PARTS[:parts]) // 1_000}k"


def _build_once(root: Path, make: Callable[[Path], None], what: str) -> None:
    recipe = [path.read_bytes() for path in (HERE / "synthetic.py", HERE / "pins.json")]
    digest = hashlib.sha256(b"\0".join([_RECIPE, what.encode(), *recipe])).hexdigest()
    stamp = root.with_name(root.name + ".stamp")
    if stamp.is_file() and stamp.read_text(encoding="ascii") == digest:
        return
    print(f"building {what}", file=sys.stderr)
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    make(root)
    for repository in _repositories(root):
        _commit(repository)
    stamp.write_text(digest, encoding="ascii")


def _repositories(root: Path) -> list[Path]:
    """The roots of the corpora in a folder: single files have one each."""
    return [path.parent for path in root.glob("*/app.py")] or [root]


def _commit(root: Path) -> None:
    for name, text in _SETTINGS.items():
        (root / name).write_text(text, encoding="utf-8")
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.invalid", "-c", "commit.gpgsign=false")
    for command in (("init", "-q"), ("add", "-A", "-f"), (*identity, "commit", "-q", "--no-verify", "-m", "corpus")):
        subprocess.run(["git", "-c", "gc.auto=0", *command], cwd=root, check=True)


def _mixed(root: Path, share: int) -> None:
    pins = json.loads((HERE / "pins.json").read_text(encoding="utf-8"))["corpora"]
    plain, users = _unpacked(pins["plain"]), _unpacked(pins["users"])
    _copy(_pick([path for path in plain if not _imports_modal(path)], PLAIN // share), root)
    _copy(_pick([path for path in users if _imports_modal(path)], MIXED_IN // share), root)


def _users(root: Path) -> None:
    pins = json.loads((HERE / "pins.json").read_text(encoding="utf-8"))["corpora"]
    sdk = [path for path in _unpacked(pins["sdk"]) if _imports_modal(path)]
    users = [path for path in _unpacked(pins["users"]) if _imports_modal(path)]
    _copy([*users, *_pick(sdk, 150 - len(users))], root)


def _imports_modal(path: Path) -> bool:
    return _IMPORTS_MODAL.search(path.read_bytes()) is not None


def _pick(paths: Sequence[Path], count: int) -> list[Path]:
    """``count`` of the paths, the same ones every time, from all over."""
    if len(paths) < count:
        raise SystemExit(f"the pinned wheels hold {len(paths)} files, {count} are wanted")
    return sorted(paths, key=lambda path: hashlib.sha256(_inside(path).encode()).digest())[:count]


def _inside(path: Path) -> str:
    return path.relative_to(HOME / "wheels").as_posix()


def _copy(paths: Iterable[Path], root: Path) -> None:
    for path in paths:
        target = root / _inside(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _unpacked(requirements: Iterable[str]) -> list[Path]:
    return [path for requirement in requirements for path in _sources(_package(requirement))]


def _package(requirement: str) -> Path:
    """The folder that a pinned wheel is unpacked in."""
    pins = json.loads((HERE / "pins.json").read_text(encoding="utf-8"))["corpora"]
    folder = HOME / "wheels" / requirement.replace("==", "-")
    if folder.is_dir():
        return folder
    parts = folder.with_name(folder.name + ".part")
    shutil.rmtree(parts, ignore_errors=True)
    fetch = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "download", "--no-deps")
    kind = (
        "--only-binary",
        ":all:",
        "--ignore-requires-python",
        "--python-version",
        pins["python"],
        "--platform",
        pins["platform"],
    )
    subprocess.run([*fetch, *kind, "--dest", str(parts), requirement], check=True)
    for wheel in parts.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(parts)
        wheel.unlink()
    parts.rename(folder)
    return folder


def _sources(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))
