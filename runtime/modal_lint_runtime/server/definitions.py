"""One layer of an image as the SDKs describe it, as a definition for the builder.

The SDKs send an image layer by layer. With the builder version that is announced here the base line of a user's
Dockerfile is a layer of its own, and what the SDK itself adds to a base image (Python's build tools in `debian_slim`)
comes in a layer of the global namespace; those commands are not run, the host's root stands in for their result.
"""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

from modal_proto import api_pb2

from modal_lint_runtime.errors import InvalidError, UnsupportedError
from modal_lint_runtime.isolation import interpreter
from modal_lint_runtime.server.mounts import relative
from modal_lint_runtime.server.refusals import refuse

if TYPE_CHECKING:
    from pathlib import Path

    from modal_lint_runtime.definition import Definition
    from modal_lint_runtime.server.state import State

_EFFECTS_SKIPPED = ("RUN", "COPY", "ADD")

_COPIED_UV = re.compile(r"COPY --from=ghcr\.io/astral-sh/uv:\S+ /uv (?P<target>\S+)")
"""The line with which the SDK's `uv_pip_install` and `uv_sync` take uv from its image (P _image.py)."""

_UV = ".modal-lint-uv"
"""The name of this machine's uv in the context of such a build."""


def definition_of(state: State, request: api_pb2.ImageGetOrCreateRequest, scratch: str) -> Definition:
    """The definition of the layer that `request` asks for; `scratch` names a directory for files sent inline.

    Raises InvalidError for commands without a base, UnsupportedError for a build by a Function or on a GPU.
    """
    from modal_lint_runtime.definition import Definition, Step

    image = request.image
    _refuse_unsupported(image)
    base, commands = _base(image)
    if request.namespace == api_pb2.DEPLOYMENT_NAMESPACE_GLOBAL:
        commands = [line for line in commands if not line.lstrip().upper().startswith(_EFFECTS_SKIPPED)]
    local = [_COPIED_UV.sub(rf"COPY {_UV} \g<target>", line) for line in commands]
    step = Step(
        commands=tuple(local),
        secret_ids=tuple(image.secret_ids),
        force=request.force_build or request.ignore_cache,
        context=_context(state, image, scratch, with_uv=local != commands),
        build_args=tuple(sorted(image.build_args.items())),
        ignore=(),  # the SDK has left out what `.dockerignore` names
    )
    return Definition(base=base, steps=(step,) if commands else ())


def _base(image: api_pb2.Image) -> tuple[str, list[str]]:
    """The id of the image below and the commands on it; "" when the commands begin with their own FROM."""
    commands = list(image.dockerfile_commands)
    below = {layer.docker_tag: layer.image_id for layer in image.base_images}
    for number, line in enumerate(commands):
        words = line.split()
        if len(words) > 1 and words[0].upper() == "FROM":
            if words[1] in below:
                return below[words[1]], commands[:number] + commands[number + 1 :]
            return "", commands
    raise InvalidError("An image's commands have no FROM.")


def _context(state: State, image: api_pb2.Image, scratch: str, *, with_uv: bool) -> Path | None:
    """The directory that COPY takes files from: the layer's mount, with the files sent inline laid over it."""
    mounted = state.mounts.tree(image.context_mount_id) if image.context_mount_id else None
    if not image.context_files and not with_uv:
        return mounted
    context = state.scratch(scratch)
    if mounted is not None:
        shutil.copytree(mounted, context, dirs_exist_ok=True, symlinks=True)
    for file in image.context_files:
        target = context / relative(file.filename)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.data)
    if with_uv:
        shutil.copy(_own_uv(), context / _UV)
    return context


def _own_uv() -> str:
    """This machine's uv: beside this Python, or on the PATH. Raises UnsupportedError without one."""
    uv = shutil.which("uv", path=os.pathsep.join([os.path.dirname(interpreter()), os.environ.get("PATH", "")]))
    if uv is None:
        raise UnsupportedError("Builds with uv (uv_pip_install, uv_sync) need uv on this machine: pip install uv")
    return uv


def _refuse_unsupported(image: api_pb2.Image) -> None:
    wanted = {
        "builds by a Function (run_function)": image.HasField("build_function"),
        "GPUs": bool(image.gpu_config.gpu_type or image.gpu_config.count),
        "volumes": bool(image.volume_mounts),
    }
    refuse("image builds", wanted)
