"""Settings classes of pydantic: each field is a variable."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint import objects
from modal_lint.values import Class, External

if TYPE_CHECKING:
    from modal_lint.evaluate import Evaluator

BASES = frozenset(("pydantic_settings.BaseSettings", "pydantic.BaseSettings", "pydantic.env_settings.BaseSettings"))
_FILES = ("env_file", "secrets_dir", "env_nested_delimiter", "settings_customise_sources")
_ALIASES = ("alias", "validation_alias", "env")


def fields(ev: Evaluator, cls: Class, call: ast.Call) -> list[tuple[str, bool]] | None:
    """The variables that making an instance of a settings class reads, each with whether it must be set.

    None where the class is none. A class that reads files too requires nothing.
    """
    owners = objects.bases(ev, cls)
    if not any(_is_settings(ev, owner) for owner in owners):
        return None
    if any(keyword.arg is None for keyword in call.keywords) or call.args:
        return []
    given = {keyword.arg for keyword in call.keywords}
    found: dict[str, bool] = {}
    files = any(name in owner.place.file.segment(owner.place.node) for owner in owners for name in _FILES)
    for owner in reversed(owners):
        node = owner.place.node
        assert isinstance(node, ast.ClassDef)
        prefix = _prefix(node)
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                name = statement.target.id
                key = None if prefix is None else _variable(statement, prefix)
                if key is not None and name not in given and name != "model_config":
                    found[key] = not files and _is_required(statement)
    return list(found.items())


def _is_settings(ev: Evaluator, cls: Class) -> bool:
    node = cls.place.node
    assert isinstance(node, ast.ClassDef)
    frame = cls.frame or ev.module_frame(cls.place.file)
    return any(
        isinstance(value, External) and value.name in BASES for base in node.bases for value in ev.ask(base, frame)
    )


def _prefix(node: ast.ClassDef) -> str | None:
    """``env_prefix`` of a class, "" where there is none, None where it is not known."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.keyword) and inner.arg == "env_prefix":
            return inner.value.value if _is_text(inner.value) else None  # type: ignore[attr-defined]
        if isinstance(inner, ast.Assign) and any(getattr(one, "id", "") == "env_prefix" for one in inner.targets):
            return inner.value.value if _is_text(inner.value) else None  # type: ignore[attr-defined]
        if isinstance(inner, ast.Dict):
            for key, value in zip(inner.keys, inner.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "env_prefix":
                    return value.value if _is_text(value) else None  # type: ignore[attr-defined]
    return ""


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _variable(statement: ast.AnnAssign, prefix: str) -> str | None:
    """The variable of a field; None where an alias is not one plain name."""
    assert isinstance(statement.target, ast.Name)
    if isinstance(statement.value, ast.Call):
        for keyword in statement.value.keywords:
            if keyword.arg in _ALIASES:
                value = keyword.value
                return str(value.value) if isinstance(value, ast.Constant) and isinstance(value.value, str) else None
    return (prefix + statement.target.id).upper()


def _is_required(statement: ast.AnnAssign) -> bool:
    """Whether a field has no default."""
    value = statement.value
    if value is None:
        return True
    if not isinstance(value, ast.Call) or not isinstance(value.func, (ast.Name, ast.Attribute)):
        return False
    name = value.func.id if isinstance(value.func, ast.Name) else value.func.attr
    if name != "Field":
        return False
    if value.args:
        return isinstance(value.args[0], ast.Constant) and value.args[0].value is ...
    return not any(keyword.arg in ("default", "default_factory") for keyword in value.keywords)
