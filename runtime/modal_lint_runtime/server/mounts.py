"""Mounts: local files that a client uploads for an image build or a container.

They are kept while the server runs, in a directory only its user may read.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from modal_proto import api_pb2

from modal_lint_runtime.errors import InvalidError, NotFoundError
from modal_lint_runtime.server import ids
from modal_lint_runtime.server.rpc import Caller, rpc

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modal_lint_runtime.server.state import State


class MountStore:
    """Uploaded files by their digest, and mounts: trees made of them."""

    def __init__(self, root: Path) -> None:
        self._files = root / "files"
        self._trees = root / "mounts"
        self._named: dict[str, str] = {}
        self._lock = threading.Lock()

    def missing(self, digests: Iterable[str]) -> list[str]:
        """Which of these files have not been uploaded."""
        return [digest for digest in digests if not self._file(digest).exists()]

    def put(self, digest: str, data: bytes) -> None:
        """Keep a file. Raises InvalidError when `digest` is not its SHA-256."""
        if hashlib.sha256(data).hexdigest() != digest:
            raise InvalidError("The file's digest does not match its content.")
        target = self._file(digest)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = target.with_name(f"{digest}.{threading.get_ident()}")
        part.write_bytes(data)
        part.replace(target)

    def create(self, files: Iterable[api_pb2.MountFile]) -> str:
        """The id of a new mount of uploaded files. Raises InvalidError for a name that leaves the tree."""
        mount_id = ids.object_id("mo")
        tree = self._trees / mount_id
        tree.mkdir(parents=True, mode=0o700)
        for file in files:
            target = tree / relative(file.filename)
            target.parent.mkdir(parents=True, exist_ok=True)
            source = self._file(file.sha256_hex)
            if not source.exists():
                raise NotFoundError(f"The file '{file.filename}' has not been uploaded.")
            shutil.copyfile(source, target)
            os.chmod(target, file.mode & 0o777 if file.HasField("mode") else 0o644)
        return mount_id

    def named(self, name: str) -> str:
        """The id of a mount by name; one of the public mounts of Modal is empty here."""
        with self._lock:
            if name not in self._named:
                self._named[name] = self.create([])
            return self._named[name]

    def tree(self, mount_id: str) -> Path:
        """The directory of a mount. Raises NotFoundError."""
        tree = self._trees / mount_id
        if not mount_id.startswith("mo-") or "/" in mount_id or not tree.is_dir():
            raise NotFoundError(f"No mount with ID '{mount_id}'")
        return tree

    def _file(self, digest: str) -> Path:
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise InvalidError("A file's digest is the hexadecimal SHA-256 of its content.")
        return self._files / digest


class Mounts:
    """The calls about mounts."""

    def __init__(self, state: State) -> None:
        self._store = state.mounts

    @rpc("MountBatchedCheckExistence")
    def check(
        self, request: api_pb2.MountBatchedCheckExistenceRequest, _caller: Caller
    ) -> api_pb2.MountBatchedCheckExistenceResponse:
        """Which files still have to be uploaded."""
        missing = self._store.missing(request.sha256_hex_hashes)
        return api_pb2.MountBatchedCheckExistenceResponse(missing_sha256_hex_hashes=missing)

    @rpc("MountPutFile")
    def put(self, request: api_pb2.MountPutFileRequest, _caller: Caller) -> api_pb2.MountPutFileResponse:
        """Upload a file, or ask whether it is there."""
        if request.WhichOneof("data_oneof") == "data_blob_id":
            raise InvalidError("Files sent as blobs are not served.")
        if request.WhichOneof("data_oneof") == "data":
            self._store.put(request.sha256_hex, request.data)
        return api_pb2.MountPutFileResponse(exists=not self._store.missing([request.sha256_hex]))

    @rpc("MountGetOrCreate")
    def get_or_create(
        self, request: api_pb2.MountGetOrCreateRequest, _caller: Caller
    ) -> api_pb2.MountGetOrCreateResponse:
        """Make a mount of uploaded files, or look one of Modal's own up by name."""
        if request.object_creation_type == api_pb2.OBJECT_CREATION_TYPE_UNSPECIFIED:
            mount_id = self._store.named(request.deployment_name)
        else:
            mount_id = self._store.create(request.files)
        digest = hashlib.sha256(repr(sorted((f.filename, f.sha256_hex) for f in request.files)).encode()).hexdigest()
        metadata = api_pb2.MountHandleMetadata(content_checksum_sha256_hex=digest)
        return api_pb2.MountGetOrCreateResponse(mount_id=mount_id, handle_metadata=metadata)


def relative(name: str) -> PurePosixPath:
    """A file's place inside a tree. Raises InvalidError for one outside."""
    parts = [part for part in PurePosixPath(name).parts if part != "/"]
    if not parts or ".." in parts or "\0" in name:
        raise InvalidError(f"'{name[:200]}' is no place inside a mount.")
    return PurePosixPath(*parts)
