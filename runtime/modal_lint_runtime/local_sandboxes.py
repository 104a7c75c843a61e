"""Sandboxes of this machine: how they are made and found."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modal_lint_runtime.local_variables import environment, values
from modal_lint_runtime.other_sandbox import OtherSandbox
from modal_lint_runtime.own_sandbox import OWN, OwnSandbox
from modal_lint_runtime.records import SandboxRecord, new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modal_lint_runtime.apps import App
    from modal_lint_runtime.backend import SandboxCore, SandboxOrder
    from modal_lint_runtime.images import Image
    from modal_lint_runtime.local_backend import LocalBackend
    from modal_lint_runtime.own_sandbox import ContainerLike
    from modal_lint_runtime.records import ImageRecord
    from modal_lint_runtime.workspace import Workspace


def create(backend: LocalBackend, app: App, image: Image, order: SandboxOrder) -> SandboxCore:
    """Start a sandbox and look after it."""
    workspace, record = backend.workspace, backend.running_app(app)
    built = image.built(app)
    sources = values(workspace, order.sources)
    stored = workspace.sandbox_put(
        SandboxRecord(
            id=new_id("sb"),
            app_id=record.id,
            name=order.name,
            image_id=built.id,
            tags=order.tags,
            owner_pid=os.getpid(),
            timeout=order.timeout,
        )
    )
    own = {
        "MODAL_SANDBOX_ID": stored.id,
        "MODAL_IMAGE_ID": built.id,
        "MODAL_ENVIRONMENT": record.environment,
    }
    try:
        container = _start(backend, stored.id, built, order, environment(built.env, sources, own))
    except BaseException:
        workspace.sandbox_update(stored.id, state="failed", returncode=1)
        raise
    sandbox = OwnSandbox(workspace, stored, container)
    try:
        OWN[sandbox.id] = sandbox
        backend.keeper.keep(sandbox)
    except BaseException:  # interrupted, or the client was closed meanwhile: nobody would look after it
        sandbox.terminate()
        raise
    return sandbox


def found(workspace: Workspace, record: SandboxRecord) -> SandboxCore:
    """A sandbox by its record: with all it can do when this process runs it."""
    own = OWN.get(record.id) if record.owner_pid == os.getpid() else None
    return own or OtherSandbox(workspace, record)


def _start(
    backend: LocalBackend, id_: str, image: ImageRecord, order: SandboxOrder, env: Mapping[str, str]
) -> ContainerLike:
    from modal_lint_runtime.processes import ContainerSpec, start

    workdir = order.workdir or image.workdir
    args = None if order.command is None else (*(image.entrypoint or ()), *order.command)
    if backend.engine == "docker":
        from modal_lint_runtime.docker_container import DockerContainer
        from modal_lint_runtime.docker_engine import DockerEngine

        return DockerContainer(DockerEngine(), image, id_, args, env, workdir, order.timeout, network=order.network)

    spec = ContainerSpec(
        id=id_,
        args=args,
        env=env,
        workdir=workdir,
        layers=backend.builder.layer_paths(image),
        timeout=order.timeout,
        network=order.network,
        scratch=backend.scratch.path(id_),
        hidden=(backend.workspace.root,),
    )
    return start(spec, backend.isolation)
