"""Secrets of an App that one of its Functions reads, and the others do not."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.credentials import names
from modal_lint.environments import containers, sources
from modal_lint.environments.sources import Kind
from modal_lint.kept import Kept
from modal_lint.nodes import last_name
from modal_lint.uses import default_frame
from modal_lint.values import External

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.environments.containers import Container
    from modal_lint.environments.sources import Source
    from modal_lint.source import File
    from modal_lint.uses import Use

# Packages that read a provider's key themselves, without being called like the provider.
_READERS = {
    "huggingface": frozenset(
        ("transformers", "datasets", "diffusers", "vllm", "sglang", "peft", "trl", "accelerate", "unsloth", "axolotl",
         "sentence_transformers", "evaluate", "lm_eval", "faster_whisper", "gradio_client", "torchtune", "setfit")
    ),
    "aws": frozenset(("boto3", "botocore", "s3fs", "aioboto3", "smart_open", "pyarrow", "duckdb", "polars", "mlflow")),
    "googlecloud": frozenset(("google", "gcsfs", "vertexai", "firebase_admin")),
    "postgres": frozenset(("psycopg", "psycopg2", "asyncpg", "sqlalchemy", "dj_database_url")),
}  # fmt: skip
# Packages that read the keys of whatever provider they are told to use, or run code that is not seen.
_ANY = frozenset(
    ("litellm", "langchain", "langchain_core", "langchain_community", "langgraph", "llama_index", "dspy", "haystack",
     "pydantic_ai", "instructor", "agents", "smolagents", "crewai", "autogen", "inspect_ai", "verifiers", "subprocess",
     "runpy", "importlib", "docker", "celery", "ray", "multiprocessing", "pytest", "dotenv", "environs", "decouple",
     "pydantic_settings", "dynaconf", "hydra")
)  # fmt: skip
_PROCESSES = ("system", "popen", "exec", "spawn", "posix_spawn")  # of os


class Shared(NamedTuple):
    """A Secret of an App, the one container that reads it, and how many there are."""

    app: Use
    source: Source
    reader: Container
    functions: int


def of(file: File) -> Iterator[Shared]:
    """The Secrets that the Apps made in a file give to more containers than read them."""
    for app in file.uses:
        given = sources.of_secrets(app, Kind.APP).sources if app.api.name == "modal.App" else ()
        known = [one for one in given if one.known and one.keys]
        members = _members(app) if known else None
        if members is None or len(members) < 2:
            continue
        for source in known:
            readers = [one for one in members if _reads(one, source)]
            others = [one for one in members if one not in readers]
            if len(readers) == 1 and not any(_may_read(one, source) for one in others):
                yield Shared(app, source, readers[0], len(members))


def _members(app: Use) -> list[Container] | None:
    """The containers of an App, wherever they are declared; None where that is not known."""
    file = app.file
    statement = file.scopes.parents.get(app.node)
    if not isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return None
    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
    if not isinstance(target, ast.Name) or file.scopes.scope(statement) is not file.scopes.module:
        return None
    found: list[Container] = []
    for one in dict.fromkeys((file, *file.project.mentioning(target.id, file))):
        if any(use.api.name == "modal.App.include" for use in one.uses):
            return None
        for container in one.environments.containers:
            made = containers.app_of(container.use)
            if made is None or made.node is not app.node:
                if made is None:
                    return None
                continue
            if container.code is None or one.environments.is_varied(container):
                return None
            found.append(container)
    return found


def _reads(container: Container, source: Source) -> bool:
    return not source.keys.isdisjoint(container.use.file.environments.reads(container).keys)


def _may_read(container: Container, source: Source) -> bool:
    """Whether code in a container may read a Secret's keys in a way that is not seen."""
    assert container.code is not None
    reads = container.use.file.environments.reads(container)
    if reads.open:
        return True
    risky = _ANY | {package for key in source.keys for package in _packages(key)}
    places = [container.code, *reads.code]
    used = {package for place in places for package in _used_by(place.file, place.node)}
    used |= {package for file in {one.file: None for one in places} for package in _used_by(file, file.tree)}
    return not risky.isdisjoint(used)


_USED: Kept[File, dict[ast.AST, frozenset[str]]] = Kept()


def _used_by(file: File, node: ast.AST) -> frozenset[str]:
    """The packages whose names stand in a function or class, or in a module outside of its functions."""
    known = _USED.setdefault(file, {})
    if node not in known:
        inner = file.scopes.at_import if node is file.tree else ast.walk(node)
        known[node] = frozenset(package for one in inner for package in _packages_at(file, one))
    return known[node]


def _packages(key: str) -> frozenset[str]:
    """The packages that may read a key by themselves."""
    provider = names.conventional(key) or names.provider_of(key)
    if provider is None:
        return frozenset()
    return _READERS.get(provider, frozenset()) | {provider, f"langchain_{provider}"}


def _packages_at(file: File, node: ast.AST) -> Iterator[str]:
    """The package that a name stands for; `subprocess` for what starts processes or takes all of the environment."""
    if _starts_process(node) or (last_name(node) in ("environ", "getenv") and not _is_plain(file, node)):
        yield "subprocess"
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        scope = file.scopes.scope(node)
        home = file.scopes.lookup(node.id, scope)
        if home is not None and any(one.kind == "import" for one in home.bindings[node.id]):
            asked = file.project.evaluator.ask(node, default_frame(file.project.evaluator, file, scope))
            yield from (value.name.split(".")[0] for value in asked if isinstance(value, External))


def _starts_process(node: ast.AST) -> bool:
    """``os.system`` and the like."""
    return isinstance(node, ast.Attribute) and last_name(node.value) == "os" and node.attr.startswith(_PROCESSES)


def _is_plain(file: File, node: ast.AST) -> bool:
    """Whether the environment is asked for one variable whose name stands there."""
    parent = file.scopes.parents.get(node)
    if last_name(node) == "environ" and isinstance(parent, ast.Attribute):
        node, parent = parent, file.scopes.parents.get(parent)
    if isinstance(parent, ast.Call) and parent.func is node:
        return bool(parent.args) and isinstance(parent.args[0], ast.Constant)
    if isinstance(parent, ast.Subscript):
        return isinstance(parent.slice, ast.Constant)
    return isinstance(parent, (ast.alias, ast.Import, ast.ImportFrom))
