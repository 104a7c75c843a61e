"""Environments: one for modal-lint as its users install it, one or more for the peers."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOME = HERE / ".peers"
OURS = "modal-lint"
BESIDE = "modal-lint-beside"  # modal-lint on another Python than everything else


def program(environment: str, name: str) -> Path | None:
    """A program of an environment, or None where it is not installed."""
    path = HOME / environment / "bin" / name
    return path if path.exists() else None


def install_ours(environment: str = OURS, python: str = sys.executable) -> None:
    """Install the working tree as a wheel, compiled, unless this state of it is installed already.

    Args:
        environment: where to.
        python: the interpreter of that environment.

    Raises:
        subprocess.CalledProcessError: pip failed.
    """
    project = HERE.parent
    sources = [path for root in ("linter", "rules", "runtime") for path in sorted((project / root).rglob("*.py"))]
    digest = hashlib.sha256()
    for path in (project / "pyproject.toml", *sources):
        digest.update(path.relative_to(project).as_posix().encode() + b"\0" + path.read_bytes())
    _install_once(environment, [str(project)], f"{python} {digest.hexdigest()}", python)


def remove(environment: str) -> None:
    """Remove an environment, if there is one."""
    shutil.rmtree(HOME / environment, ignore_errors=True)


def install_peers(*, unofficial: bool) -> dict[str, str]:
    """Install the pinned peers; what cannot be had is left out.

    Args:
        unofficial: also install binaries that somebody else than their project has put on PyPI.

    Returns:
        Why, by environment, for those that could not be installed.
    """
    pins = json.loads((HERE / "pins.json").read_text(encoding="utf-8"))
    missing: dict[str, str] = {}
    for environment, requirements in (*pins["peers"].items(), *(pins["unofficial"].items() if unofficial else ())):
        try:
            state = " ".join((sys.executable, *requirements))
            _install_once(environment, ["--only-binary", ":all:", *requirements], state)
        except subprocess.CalledProcessError:
            missing[environment] = f"pip could not install {' '.join(requirements)} for this machine"
    return missing


def _install_once(environment: str, arguments: list[str], state: str, python: str = sys.executable) -> None:
    folder = HOME / environment
    stamp = folder / "bench.stamp"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == state:
        return
    print(f"installing {environment}", file=sys.stderr)
    remove(environment)
    _make_environment(folder, python)
    pip = (str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "-q", "install", "--compile")
    subprocess.run([*pip, *arguments], check=True)
    stamp.write_text(state, encoding="utf-8")


def _make_environment(folder: Path, python: str) -> None:
    made = subprocess.run([python, "-m", "venv", str(folder)], check=False, capture_output=True)
    if made.returncode:
        # Debian's Python comes without ensurepip; its pip can install another one.
        subprocess.run([python, "-m", "venv", "--clear", "--without-pip", str(folder)], check=True)
        inner = str(folder / "bin" / "python")
        subprocess.run([sys.executable, "-m", "pip", "--python", inner, "install", "-q", "pip"], check=True)
