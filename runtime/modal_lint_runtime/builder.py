"""Image builds: the steps of a definition, each in the root of the image so far, with its own Secrets and no others.

A Secret's value is in the environment of the commands of its step while they run, and nowhere else: not in a layer, a
key, a record or a log. What the commands themselves write into a file stays there, and the image says so in its
``warnings``.
"""

from __future__ import annotations

import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

from modal_lint_runtime.copying import Copy
from modal_lint_runtime.definition import Definition, ImageState, Step, content_key
from modal_lint_runtime.dockerfile import DESCRIPTIVE, parse
from modal_lint_runtime.errors import ImageBuildError, InvalidError, NotFoundError, UnsupportedError
from modal_lint_runtime.instructions import apply_setting, argument, run_arguments, run_network
from modal_lint_runtime.layer_view import LayerView
from modal_lint_runtime.layers import Layer, LayerStore
from modal_lint_runtime.masking import MaskedStream, find_leaks
from modal_lint_runtime.records import ImageRecord, new_id
from modal_lint_runtime.step_values import BuildLog, StepValues

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modal_lint_runtime.dockerfile import Instruction
    from modal_lint_runtime.isolation import Isolation
    from modal_lint_runtime.step_values import Sources
    from modal_lint_runtime.workspace import Workspace

__all__ = ["Builder", "Definition", "ImageState", "Step"]

DEFAULT_TIMEOUT = 3600.0
"""Seconds that one instruction may take."""

_HOST_ROOT = Path("/")


class Builder:
    """Builds images into the layers of a workspace.

    Args:
        workspace: where Secrets, layers and images are.
        isolation: what the machine can do (``isolation.detect()``).
        engine: ``"local"``, or ``"docker"`` for Docker or Podman (`DockerEngine`).
        timeout: seconds that one instruction may take.
        allow_host_builds: run ``RUN`` on the host itself where the image cannot have a root of its own.
    """

    def __init__(
        self,
        workspace: Workspace,
        isolation: Isolation,
        engine: Literal["local", "docker"] = "local",
        *,
        timeout: float = DEFAULT_TIMEOUT,
        allow_host_builds: bool = False,
    ) -> None:
        if engine not in ("local", "docker"):
            raise InvalidError("engine must be 'local' or 'docker'.")
        self._workspace = workspace
        self._isolation = isolation
        self._engine = engine
        self._timeout = timeout
        self._allow_host_builds = allow_host_builds
        self._store = LayerStore(workspace.root)

    def build(
        self,
        definition: Definition,
        secrets: Sequence[Sources] | None = None,
        *,
        on_log: Callable[[str], None] | None = None,
    ) -> ImageRecord:
        """Build an image, or find it built.

        Args:
            definition: what to build.
            secrets: for each step its Secrets' values, in order, later ones winning; None: the workspace's.
            on_log: is called with parts of the log, values masked; not at all when there is nothing to do.

        Raises:
            InvalidError: an instruction is unknown or wrong, or a copied file is missing or outside of the context.
            NotFoundError: the base image or a Secret does not exist.
            ImageBuildError: a command failed; it names the step and ends with the masked log.
            UnsupportedError: an instruction or this machine's isolation cannot do it.
        """
        if secrets is not None and len(secrets) != len(definition.steps):
            raise InvalidError("secrets must have one entry for each step of the definition.")
        values = StepValues(self._workspace, definition, secrets)
        if self._engine == "docker":
            from modal_lint_runtime.docker_engine import DockerEngine

            return DockerEngine().build(
                self._workspace, definition, [values.of(n) for n in range(len(definition.steps))], on_log
            )
        self._store.clean()
        build = _Build(self, definition, values, on_log)
        build.run()
        return self._record(definition, build)

    def layer_paths(self, image: ImageRecord) -> tuple[Path, ...]:
        """The directories of an image's layers, the top one last. Raises NotFoundError when one is gone."""
        if not self._store.exists(image.layers):
            raise NotFoundError(f"The layers of the image {image.id} are gone: build it again.")
        return tuple(self._store.path(name) for name in image.layers)

    def prune(self) -> int:
        """Remove layers that no image of the workspace uses; their number. Not while builds or sandboxes run."""
        return self._store.prune(layer for image in self._workspace.image_list() for layer in image.layers)

    def _record(self, definition: Definition, build: _Build) -> ImageRecord:
        key = content_key(build.base, build.layers, build.state.settings())
        with self._store.lock(key):
            found = self._workspace.image_find(key)
            if found is not None and self._store.exists(found.layers):
                return found
            state = build.state
            record = ImageRecord(
                id=new_id("im"),
                content_key=key,
                definition=definition.to_json(),
                layers=tuple(build.layers),
                env=dict(state.env),
                workdir=state.workdir,
                entrypoint=state.entrypoint,
                cmd=state.cmd,
                shell=state.shell,
                warnings=tuple(dict.fromkeys(build.warnings)),
                created_at=time.time(),
            )
            return self._workspace.image_put(record)


class _Build:
    """One run through a definition."""

    def __init__(
        self, builder: Builder, definition: Definition, values: StepValues, on_log: Callable[[str], None] | None
    ) -> None:
        self._builder = builder
        self._store = builder._store
        self._values = values
        self._log = BuildLog(on_log)
        self._parsed = [parse(step.commands) if step.commands else () for step in definition.steps]
        self._steps = definition.steps
        self.base = self._take_base(definition)
        self.state = ImageState()
        self.layers: list[str] = []
        self.warnings: list[str] = []
        if self.base.startswith("im-"):
            self._start_from(builder._workspace.image_get(self.base))

    def run(self) -> None:
        """Run all steps."""
        for number, (step, instructions) in enumerate(zip(self._steps, self._parsed, strict=True)):
            arguments: dict[str, str] = {}
            for instruction in instructions:
                variables = {**arguments, **self.state.env}
                if instruction.name == "ARG":
                    arguments |= argument(instruction, dict(step.build_args), variables)
                elif instruction.name == "RUN":
                    self._run(number, instruction, variables)
                elif instruction.name in ("COPY", "ADD"):
                    self._copy(step, instruction, variables)
                elif instruction.name == "FROM":
                    raise instruction.unsupported("starts another stage: the local engine builds one")
                elif instruction.name not in DESCRIPTIVE:
                    self.state = apply_setting(instruction, self.state, variables)
                    if instruction.name == "WORKDIR":
                        self._make_workdir()

    def _take_base(self, definition: Definition) -> str:
        first = next((n for n, instructions in enumerate(self._parsed) if instructions), None)
        if first is None or self._parsed[first][0].name != "FROM":
            if not definition.base:
                raise InvalidError("The image definition has no base: name one, or begin with FROM.")
            return definition.base
        begin, *rest = self._parsed[first]
        self._parsed[first] = tuple(rest)
        if len(begin.args) > 1 and begin.args[1].upper() != "AS":
            raise begin.invalid("must name one image")
        if definition.base and begin.args[0] not in (definition.base, "base"):
            raise begin.invalid("names another image than the definition's base")
        return definition.base or begin.args[0]

    def _start_from(self, image: ImageRecord) -> None:
        if not self._store.exists(image.layers):
            raise NotFoundError(f"The layers of the image {image.id} are gone: build it again.")
        self.state = ImageState.of(image)
        self.layers = list(image.layers)
        self.warnings = list(image.warnings)
        base = image.definition.get("base")
        self.base = base if isinstance(base, str) and not base.startswith("im-") else self.base

    def _run(self, number: int, instruction: Instruction, variables: Mapping[str, str]) -> None:
        network, arguments = run_network(instruction), run_arguments(instruction, self.state.shell)
        self._require_root(instruction, may_use_host=True)
        identity = self._values.identity(number)
        key = self._key("RUN", arguments, dict(variables), self.state.workdir, identity, network)

        def build(upper: Path) -> list[str]:
            values = self._values.of(number)
            self._execute(instruction, arguments, {**variables, **values}, network, upper)
            leaks = find_leaks(upper, values)
            for leak in leaks:
                self._log.write(f"warning: {leak}\n".encode())
            return [str(leak) for leak in leaks]

        self._add(self._store.make(key, build, again=self._steps[number].force))

    def _execute(
        self, instruction: Instruction, arguments: tuple[str, ...], env: Mapping[str, str], network: bool, upper: Path
    ) -> None:
        from modal_lint_runtime.processes import run_step

        masker = self._values.masker
        shown = masker.text(instruction.text)
        stream = MaskedStream(masker)
        self._log.write(f"=> {shown}\n".encode())
        code = run_step(
            args=arguments,
            env=env,
            workdir=self.state.workdir or "/",
            layers=tuple(self._store.path(name) for name in self.layers),
            upper=upper,
            on_output=lambda chunk: self._log.write(stream.feed(chunk)),
            timeout=self._builder._timeout,
            network=network,
            isolation=self._builder._isolation,
            allow_host=self._builder._allow_host_builds,
            scratch=upper.parent.with_name("scratch"),
            hidden=(self._builder._workspace.root,),
        )
        self._log.write(stream.finish())
        if code:
            raise ImageBuildError(shown, code, self._log.tail)

    def _copy(self, step: Step, instruction: Instruction, variables: Mapping[str, str]) -> None:
        self._require_root(instruction)
        copy = Copy(instruction, step, variables, self.state.workdir)

        def build(upper: Path) -> list[str]:
            self._log.write(f"=> {self._values.masker.text(instruction.text)}\n".encode())
            copy.write(self._view(upper))
            return []

        self._add(self._store.make(self._key("COPY", copy.key()), build, again=step.force))

    def _make_workdir(self) -> None:
        path = PurePosixPath(self.state.workdir or "/")
        nothing = self._builder._workspace.root / "nothing"
        if not self._builder._isolation.filesystem or self._view(nothing).is_dir(path):
            return

        def build(upper: Path) -> list[str]:
            self._view(upper).make_dir(path)
            return []

        self._add(self._store.make(self._key("WORKDIR", str(path)), build))

    def _add(self, layer: Layer) -> None:
        self.layers.append(layer.name)
        self.warnings += layer.warnings

    def _key(self, *parts: object) -> str:
        return content_key(self.base, self.layers, *parts)

    def _view(self, upper: Path) -> LayerView:
        from modal_lint_runtime.mask import HIDDEN

        lowers = (_HOST_ROOT, *(self._store.path(name) for name in self.layers))
        return LayerView(lowers, upper, (*HIDDEN, str(self._builder._workspace.root)))

    def _require_root(self, instruction: Instruction, *, may_use_host: bool = False) -> None:
        if self._builder._isolation.filesystem or (may_use_host and self._builder._allow_host_builds):
            return
        raise UnsupportedError(
            f"{instruction.name} needs an image root of its own, which this machine cannot give (bubblewrap, or "
            "overlay mounts by root)"
            + ("; allow_host_builds=True runs it on the host itself." if may_use_host else ".")
        )
