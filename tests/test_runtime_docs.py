"""The guide to the runtime: every block of Python in it runs, in order, and prints what it says it prints."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime_world import Server, needs_layers, value

if TYPE_CHECKING:
    import pytest

GUIDE = Path(__file__).resolve().parent.parent / "docs" / "runtime.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTED = re.compile(r"^ *print\(.*\)  # (.+)$", re.MULTILINE)


def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs_layers()
    monkeypatch.setenv("MODAL_LINT_RUNTIME_DIR", str(tmp_path / "workspace"))
    monkeypatch.delenv("MODAL_ENVIRONMENT", raising=False)
    text = GUIDE.read_text(encoding="utf-8")
    token = value()
    namespace: dict[str, Any] = {"__name__": "guide", "token": token}
    blocks = BLOCK.findall(text)
    assert len(blocks) >= 10
    (tmp_path / "server").mkdir()
    with Server(tmp_path / "server", token) as server, contextlib.redirect_stdout(io.StringIO()) as printed:
        for block in blocks:
            exec(compile(server.local(block), str(GUIDE), "exec"), namespace)
    assert token not in printed.getvalue()
    lines = set(printed.getvalue().splitlines())
    for expected in PRINTED.findall(text):
        assert expected in lines


def test_every_call_is_in_the_guide() -> None:
    import inspect

    import modal_lint_runtime
    from modal_lint_runtime.secrets import Secrets

    text = GUIDE.read_text(encoding="utf-8")
    for name, method in inspect.getmembers(Secrets, inspect.isfunction):
        if not name.startswith("_"):
            parameters = [
                parameter.replace(annotation=inspect.Parameter.empty)
                for parameter in inspect.signature(method).parameters.values()
            ][1:]
            assert f"`secrets.{name}{inspect.Signature(parameters)}`" in text
    for name in modal_lint_runtime.__all__:
        if name.endswith("Error") and name not in ("ModalError", "PermissionDeniedError"):
            assert f"`{name}`" in text
