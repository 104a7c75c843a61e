"""Runs what can be run of a fixture, statement by statement, and notes what each container would be given.

Fixtures are about how values flow, and name Apps, images and Secrets that are nowhere. So nothing is started: calls
that start something are noted with their variables, of Secrets as the real SDK and the workspace know them, laid over
each other in the order that is measured in `docs/precedence.md`.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import importlib
import inspect
import os
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import modal
import modal_lint_runtime
from modal_lint_runtime import sandboxes
from modal_lint_runtime.contract import is_object_name

from witness.stage import changed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from witness.stage import Stage

_BROKEN = (NameError, ImportError, SyntaxError, AttributeError)
# What a function's statements are not the same without the function around them.
_AS_A_WHOLE = (ast.AsyncFunctionDef, ast.Yield, ast.YieldFrom, ast.Nonlocal, ast.Global, ast.Try, ast.If, ast.For)
_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
# What depends on the workspace, and what fixtures keep that no fix repairs.
_EXPECTED = ("AlreadyExistsError", "MissingKeysError", "NotFoundError", "ConflictError", "DeprecationError")
_VARIABLE = re.compile(r"""["']([A-Z][A-Z0-9_]*)["']""")
_NAMED = re.compile(r"""from_name\(\s*["']([^"']+)["']""")
Note = tuple[str, dict[str, str]]  # the call, and the variables


class Driver:
    """What calls would give to containers, and which statements were broken."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.notes: list[Note] = []
        self.broken: list[str] = []
        self.failed: list[str] = []  # by other exceptions

    def drive(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        """Run all files of a project.

        Args:
            folder: the project.
            patch: takes the calls away that start something, and sets every variable that the files name.
        """
        self._take_over(patch)
        patch.setenv("MODAL_LINT_RUNTIME_DIR", str(self._stage.workspace.workspace.root))
        patch.syspath_prepend(str(folder))
        patch.chdir(folder)
        files = sorted(folder.rglob("*.py"))
        for name in {name for file in files for name in _NAMED.findall(file.read_text(encoding="utf-8"))}:
            held = {re.sub(r"\W", "_", f"OF_{name}").upper(): "held"}
            if is_object_name(name):
                self._stage.workspace.workspace.secret_create(name, held, on_conflict="keep")
        for name in {name for file in files for name in _VARIABLE.findall(file.read_text(encoding="utf-8"))}:
            if name not in os.environ and not name.startswith("MODAL_"):
                patch.setenv(name, f"{name} of the machine")
        importlib.invalidate_caches()
        before = set(sys.modules)
        try:
            with changed({}):
                for file in files:
                    self._run(file, ".".join(file.relative_to(folder).with_suffix("").parts))
        finally:
            for name in set(sys.modules) - before:
                sys.modules.pop(name, None)

    def compared(self, fixed: Driver) -> list[str]:
        """What a fix has changed that it may not: it names calls and keys, no values."""
        problems = [f"breaks: {one}" for one in Counter(fixed.broken) - Counter(self.broken)]
        if Counter(self.broken) - Counter(fixed.broken):  # more of it runs: what ran before is still there
            rest = iter(fixed.notes)
            return problems + [
                f"is gone: {call} with {sorted(given)}" for call, given in self.notes if (call, given) not in rest
            ]
        if len(self.notes) != len(fixed.notes):
            problems.append(f"{len(self.notes)} calls, and {len(fixed.notes)} when fixed")
        for number, (old, new) in enumerate(zip(self.notes, fixed.notes, strict=False)):
            if old != new:
                problems.append(f"call {number}, {old[0]} with {sorted(old[1])}: {new[0]} with {sorted(new[1])}")
        return problems

    def failing(self, fixed: Driver) -> list[str]:
        """What fails when fixed and did not before."""
        new = Counter(fixed.broken + fixed.failed) - Counter(self.broken + self.failed)
        return [one for one in new if not one.startswith(_EXPECTED)]

    # ---- running ----------------------------------------------------------------------------------------------------

    def _run(self, file: Path, name: str) -> None:
        names: dict[str, Any] = {"__name__": name, "__file__": str(file), "__package__": name.rpartition(".")[0]}
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for statement in tree.body:
            self._execute(statement, names, str(file))
        for statement in tree.body:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._enter(names, statement)
        for own, value in names.items():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, (modal.Secret, modal_lint_runtime.Secret)):
                    with self._lenient():
                        self.note(f"the Secret {own}", {"secrets": [one]})

    def _enter(self, names: dict[str, Any], definition: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Run a function's body: each statement by itself where that is the same."""
        function = names.get(definition.name)
        if not inspect.isfunction(function):
            return
        needed = [one for one in inspect.signature(function).parameters.values() if one.default is one.empty]
        given = [self._argument(one) for one in needed if one.kind in _BY_POSITION]
        if any(isinstance(node, _AS_A_WHOLE) for node in ast.walk(definition)) or len(given) != len(needed):
            with self._lenient():
                made = function(*given)
                if inspect.iscoroutine(made):
                    asyncio.run(made)
            return
        inside = {**names, **dict(zip((one.name for one in needed), given, strict=True))}
        for parameter in inspect.signature(function).parameters.values():
            inside.setdefault(parameter.name, parameter.default)
        for statement in definition.body:
            self._execute(statement, inside, str(names["__file__"]))

    def _execute(self, statement: ast.stmt, names: dict[str, Any], path: str) -> None:
        if isinstance(statement, ast.Return):
            value = statement.value or ast.Constant(None)
            statement = ast.copy_location(ast.Expr(ast.copy_location(value, statement)), statement)
        with self._lenient():
            exec(compile(ast.Module([statement], []), path, "exec", dont_inherit=True), names)

    def _argument(self, parameter: inspect.Parameter) -> object:
        kind = str(parameter.annotation)
        if "Image" in kind:
            return modal.Image.debian_slim()
        return Process(self) if "Sandbox" in kind else {} if parameter.name == "env" else "1"

    @contextlib.contextmanager
    def _lenient(self) -> Iterator[None]:
        try:
            yield
        except _BROKEN as error:
            self.broken.append(f"{type(error).__name__}: {error}")
        except (Exception, SystemExit) as error:  # the fixture cannot be run so far
            self.failed.append(f"{type(error).__name__}: {error}")

    # ---- recording --------------------------------------------------------------------------------------------------

    def _take_over(self, patch: pytest.MonkeyPatch) -> None:
        for owner, name in (
            (modal.Sandbox, "create"),
            (sandboxes.Sandboxes, "create"),
            (modal.App, "function"),
            (modal.App, "cls"),
            (modal.App, "server"),
        ):
            patch.setattr(owner, name, Recorder(self, f"{owner.__name__}.{name}"))

    def note(self, call: str, given: dict[str, Any]) -> None:
        """What a container of a call is given."""
        variables: dict[str, str] = {}
        for secret in given.get("secrets") or ():
            variables |= self._values(secret)
        variables |= {key: value for key, value in (given.get("env") or {}).items() if value is not None}
        self.notes.append((call, variables))

    def _values(self, secret: Any) -> dict[str, str]:
        workspace = self._stage.workspace.workspace
        if isinstance(secret, modal_lint_runtime.Secret):
            return workspace.secret_values(secret.secret_id)
        try:
            secret.hydrate()
        except modal.exception.ConflictError as error:  # it is to have keys that it has not
            found = workspace.secret_lookup(secret.name)
            workspace.secret_update(found.id, dict.fromkeys(str(error).partition("key(s): ")[2].split(", "), "held"))
            secret.hydrate()
        return workspace.secret_values(secret.object_id)


class Recorder:
    """In the place of a call that starts something."""

    def __init__(self, driver: Driver, name: str) -> None:
        self._driver, self._name = driver, name

    def __call__(self, *_: object, **given: Any) -> Any:
        self._driver.note(self._name, given)
        return Process(self._driver)

    async def aio(self, *_: object, **given: Any) -> Any:
        return self(**given)


class Process:
    """In the place of what was started; as a decorator it leaves what it decorates."""

    def __init__(self, driver: Driver) -> None:
        self.exec = Recorder(driver, "exec")

    def __call__(self, decorated: Any) -> Any:
        return decorated

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        pass
