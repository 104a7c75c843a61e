"""A Python whose pip knows only packages of this machine, so that builds that install something need no network.

A server that runs in it gives its containers this Python: they find it first on their PATH.
"""

from __future__ import annotations

import shutil
import venv
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_PIP = "#!{python}\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n"
_CONFIGURATION = (
    "[global]\nno-index = true\nfind-links = {wheels}\ndisable-pip-version-check = true\nroot-user-action = ignore\n"
)


class PythonHome(NamedTuple):
    """A virtual environment."""

    directory: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.directory / "bin" / "python")


def make_python_home(directory: Path, packages: Mapping[str, str]) -> PythonHome:
    """Make a virtual environment whose pip can install `packages`, by name and version: empty modules.

    Raises ImportError where this Python has no pip to copy.
    """
    import pip

    home = PythonHome(directory / "home")
    venv.EnvBuilder(with_pip=False, symlinks=True).create(home.directory)
    (library,) = home.directory.glob("lib/python*/site-packages")
    shutil.copytree(Path(pip.__file__).parent, library / "pip", ignore=shutil.ignore_patterns("__pycache__"))
    script = home.directory / "bin" / "pip"
    script.write_text(_PIP.format(python=home.python), encoding="utf-8")
    script.chmod(0o755)
    wheels = home.directory / "wheels"
    wheels.mkdir()
    for name, version in packages.items():
        _write_wheel(wheels, name, version)
    (home.directory / "pip.conf").write_text(_CONFIGURATION.format(wheels=wheels), encoding="utf-8")
    return home


def _write_wheel(directory: Path, name: str, version: str) -> None:
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(directory / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(path, text)
