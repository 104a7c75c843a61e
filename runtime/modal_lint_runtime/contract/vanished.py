"""Names and arguments that the Python SDK no longer has, and what is there instead."""

from __future__ import annotations

from typing import NamedTuple

from modal_lint_runtime.contract.verdict import ATTRIBUTE, INVALID, TYPE, Verdict, When

_DEPRECATION = "modal.exception.DeprecationError"


class Removed(NamedTuple):
    """Something that calls of the Python SDK 1.6.4 can no longer use."""

    name: str
    """The callable, by its public name."""
    keyword: str | None
    """The argument, when the callable is there and the argument is not."""
    raises: str
    instead: str
    """What does the same now; empty when nothing does."""
    rename: bool = False
    """Whether the name alone can be put in its place, with the same arguments."""


def _names(raises: str, *rows: tuple[str, str, bool]) -> tuple[Removed, ...]:
    return tuple(Removed(name, None, raises, instead, rename) for name, instead, rename in rows)


def _keywords(*rows: tuple[str, str, str]) -> tuple[Removed, ...]:
    return tuple(Removed(name, keyword, TYPE, instead) for name, keyword, instead in rows)


REMOVED: tuple[Removed, ...] = (
    *_names(
        ATTRIBUTE,
        ("modal.Stub", "modal.App", True),
        ("modal.Mount", "modal.Image.add_local_dir", False),
        ("modal.create_package_mounts", "modal.Image.add_local_python_source", False),
        ("modal.Secret.lookup", "modal.Secret.from_name", True),
        ("modal.Secret.create_deployed", "modal.Secret.objects.create", True),
        ("modal.Secret.delete", "modal.Secret.objects.delete", True),
        ("modal.Secret.from_id", "modal.Secret.from_name", False),
        ("modal.Secret.new", "modal.Secret.from_dict", True),
        ("modal.Function.lookup", "modal.Function.from_name", True),
        ("modal.Cls.lookup", "modal.Cls.from_name", True),
        ("modal.Volume.lookup", "modal.Volume.from_name", True),
        ("modal.Dict.lookup", "modal.Dict.from_name", True),
        ("modal.Queue.lookup", "modal.Queue.from_name", True),
        ("modal.NetworkFileSystem.lookup", "modal.NetworkFileSystem.from_name", True),
        ("modal.Image.copy_local_file", "modal.Image.add_local_file", False),
        ("modal.Image.copy_local_dir", "modal.Image.add_local_dir", False),
        ("modal.Image.copy_mount", "modal.Image.add_local_dir", False),
        ("modal.Image.copy", "modal.Image.add_local_dir", False),
        ("modal.Image.from_dockerhub", "modal.Image.from_registry", True),
        ("modal.Image.from_ecr", "modal.Image.from_registry", False),
    ),
    *_names(_DEPRECATION, ("modal.web_endpoint", "modal.fastapi_endpoint", True)),
    *_names(INVALID, ("modal.Secret", "modal.Secret.from_dict", True)),
    *_keywords(
        ("modal.Secret.from_name", "namespace", "environment_name"),
        ("modal.Secret.from_name", "label", "name"),
        ("modal.Secret.from_name", "create_if_missing", ""),
        ("modal.Secret.from_name", "required", "required_keys"),
        ("modal.App.function", "secret", "secrets"),
        ("modal.App.cls", "secret", "secrets"),
        ("modal.App", "env", "secrets"),
        ("modal.Image.from_dockerfile", "secret", "registry_secret"),
        ("modal.Image.from_aws_ecr", "secrets", "secret"),
        ("modal.Image.from_gcp_artifact_registry", "secrets", "secret"),
        ("modal.CloudBucketMount", "secrets", "secret"),
    ),
)
"""Every name and argument that is gone, in the order of the documentation page."""

_FOUND = {(row.name, row.keyword): row for row in REMOVED}


def removed(name: str, keyword: str | None = None) -> Removed | None:
    """The row for a name, or for an argument of it; None when the SDK has it."""
    return _FOUND.get((name, keyword))


def import_error(name: str) -> str | None:
    """What `from modal import NAME` raises for a removed name; None where it can still be imported.

    A module's attribute that raises AttributeError is an ImportError in an import statement.
    """
    row = removed(name)
    return "ImportError" if row is not None and row.raises == ATTRIBUTE and name.count(".") == 1 else None


def removed_verdict(name: str, keyword: str | None = None) -> Verdict | None:
    """What the Python SDK says of a removed name or argument; None when it has it."""
    row = removed(name, keyword)
    if row is None:
        return None
    what = f"{name}({keyword}=)" if keyword else name
    text = f"{what} is not in the Python SDK any more" + (f": use {row.instead}" if row.instead else "")
    return Verdict("removed", row.raises, When.CALL, keyword or name, text)
