"""Docker or Podman in place of the local engine, through its command line.

Not tried against a daemon: there was none where this was written. The tests run it against an executable that records
how it is called, so what is certain is which commands are given, and that no value stands in them. Builds need BuildKit
with ``RUN --mount=type=secret,env=`` (Dockerfile syntax 1.10, Docker 27.2 or newer).

Values reach ``docker build`` in its environment, under names of ours, and a command as secret mounts: they are in no
layer, no history and no cache key. A process gets its variables through a pipe (``--env-file /dev/fd/N``), which only
the daemon keeps: ``docker inspect`` shows them while the container is there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
import time
from typing import IO, TYPE_CHECKING

from modal_lint_runtime.definition import content_key
from modal_lint_runtime.docker_plan import BuildPlan
from modal_lint_runtime.errors import ImageBuildError, UnsupportedError
from modal_lint_runtime.masking import MaskedStream, Masker
from modal_lint_runtime.records import ImageRecord, new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from modal_lint_runtime.definition import Definition
    from modal_lint_runtime.workspace import Workspace

EXECUTABLES = ("docker", "podman")
PROBE_TIMEOUT = 10.0
"""Seconds that the daemon has to answer."""

_INHERITED = ("PATH", "HOME", "XDG_RUNTIME_DIR", "TMPDIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_OWN_PREFIXES = ("DOCKER_", "BUILDKIT_", "BUILDX_", "CONTAINER_", "CONTAINERS_", "PODMAN_")
_TAIL = 16 * 1024
_REPOSITORY = "modal-lint"


class DockerEngine:
    """Builds images with, and starts processes in, Docker or Podman.

    Args:
        executable: the command; None looks for ``docker``, then ``podman``.

    Raises:
        UnsupportedError: there is no such command, or its daemon does not answer.
    """

    def __init__(self, executable: str | None = None) -> None:
        self._executable = executable or _found()
        try:
            answers = self._call(["ps", "--quiet"], timeout=PROBE_TIMEOUT).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            answers = False
        if not answers:
            name = os.path.basename(self._executable)
            raise UnsupportedError(
                f"engine='docker': {name} is there, but no daemon answers; start it, or use 'local'."
            )

    def build(
        self,
        workspace: Workspace,
        definition: Definition,
        values: Sequence[Mapping[str, str]],
        on_log: Callable[[str], None] | None = None,
    ) -> ImageRecord:
        """Build a definition, whose steps get ``values`` (one mapping a step), and record the image.

        Raises:
            ImageBuildError: the build failed; its log is masked.
            InvalidError, UnsupportedError: as `Builder.build`.
        """
        plan = BuildPlan.of(definition, values, self._base(workspace, definition.base))
        key = content_key("docker", plan.dockerfile, definition.to_json())
        tag = f"{_REPOSITORY}:{key}"
        with plan.directory() as context:
            self._run_build([*self.build_arguments(plan, tag), context], plan, values, on_log)
        record = ImageRecord(
            id=new_id("im"), content_key=key, definition={**definition.to_json(), "tag": tag}, created_at=time.time()
        )
        return workspace.image_put(record)

    def build_arguments(self, plan: BuildPlan, tag: str) -> list[str]:
        """The command that builds a plan, but for the context directory: no value is in it."""
        secrets = [f"--secret=id={id_},env={variable}" for id_, variable in plan.variables.items()]
        fresh = ["--no-cache"] if plan.force else []
        # --progress=plain: BuildKit's terminal view rewrites lines and would cut values in two.
        return [self._executable, "build", "--progress=plain", *fresh, *secrets, "--tag", tag, "--file", "-"]

    def start(
        self, image: ImageRecord, args: Sequence[str] | None, env: Mapping[str, str], workdir: str | None = None
    ) -> str:
        """Start a container that stays until it is removed (``args`` None) or runs ``args``; its id.

        Raises:
            UnsupportedError: the image was built by another engine, or the container does not start.
        """
        tag = image.definition.get("tag")
        if not isinstance(tag, str):
            raise UnsupportedError("The image was not built by engine='docker'.")
        with env_file(env) as (options, descriptors):
            place = ["--workdir", workdir] if workdir else []
            what = [tag, *args] if args is not None else ["--entrypoint", "sleep", tag, "infinity"]
            command = ["run", "--detach", "--init", *options, *place, *what]
            answer = self._call(command, _inherited(options, env), descriptors)
        if answer.returncode:
            raise UnsupportedError(f"The container does not start (exit code {answer.returncode}).")
        return answer.stdout.decode().strip()

    def exec(
        self, container: str, args: Sequence[str], env: Mapping[str, str], workdir: str | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a process in a container, with pipes for its three streams."""
        with env_file(env) as (options, descriptors):
            place = ["--workdir", workdir] if workdir else []
            return subprocess.Popen(
                [self._executable, "exec", "--interactive", *options, *place, container, *args],
                env=_environment(_inherited(options, env)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=descriptors,
            )

    def remove(self, container: str) -> None:
        """Kill a container and remove it."""
        self._call(["rm", "--force", "--volumes", container])

    def _call(
        self,
        arguments: Sequence[str],
        extra: Mapping[str, str] | None = None,
        descriptors: tuple[int, ...] = (),
        timeout: float | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [self._executable, *arguments],
            env=_environment(extra),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            pass_fds=descriptors,
            timeout=timeout,
            check=False,
        )

    def _base(self, workspace: Workspace, base: str) -> str:
        if not base.startswith("im-"):
            return base
        tag = workspace.image_get(base).definition.get("tag")
        if not isinstance(tag, str):
            raise UnsupportedError("The base image was not built by engine='docker'.")
        return tag

    def _run_build(
        self,
        command: list[str],
        plan: BuildPlan,
        values: Sequence[Mapping[str, str]],
        on_log: Callable[[str], None] | None,
    ) -> None:
        stream, tail = MaskedStream(Masker(value for each in values for value in each.values())), b""
        process = subprocess.Popen(
            command,
            env=_environment(plan.environment(values)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            threading.Thread(target=_feed, args=(process.stdin, plan.dockerfile.encode()), daemon=True).start()
            chunk = b"-"
            while chunk:
                chunk = os.read(process.stdout.fileno(), 1 << 16)
                masked = stream.feed(chunk) if chunk else stream.finish()
                tail = (tail + masked)[-_TAIL:]
                if masked and on_log is not None:
                    on_log(masked.decode("utf-8", "replace"))
        if process.returncode:
            raise ImageBuildError("docker build", process.returncode, tail.decode("utf-8", "replace"))


@contextlib.contextmanager
def env_file(env: Mapping[str, str]) -> Iterator[tuple[list[str], tuple[int, ...]]]:
    """Options that hand variables to ``docker run`` or ``exec``, and the descriptors the process must inherit.

    The format of the file has no line ends in values: such a value is inherited by name, through the environment of the
    command line tool.

    Raises:
        UnsupportedError: a value with line ends belongs to a name that the tool takes as its own setting.
    """
    named = [key for key, value in env.items() if _needs_name(value)]
    if any(key.startswith(_OWN_PREFIXES) or key in _INHERITED for key in named):
        raise UnsupportedError(
            "engine='docker' cannot pass a value of several lines under a name that docker itself reads."
        )
    lines = "".join(f"{key}={value}\n" for key, value in env.items() if key not in named)
    read, write = os.pipe()
    writer = threading.Thread(
        target=_feed, args=(os.fdopen(write, "wb"), lines.encode("utf-8", "surrogateescape")), daemon=True
    )
    try:
        writer.start()
        yield [f"--env-file=/dev/fd/{read}", *(f"--env={key}" for key in named)], (read,)
    finally:
        os.close(read)


def _needs_name(value: str) -> bool:
    return "\n" in value or "\r" in value or len(value) > 32 * 1024


def _inherited(options: Sequence[str], env: Mapping[str, str]) -> dict[str, str]:
    names = {option.removeprefix("--env=") for option in options if option.startswith("--env=")}
    return {name: env[name] for name in names}


def _environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key in _INHERITED or key.startswith(_OWN_PREFIXES)}
    return {**kept, "DOCKER_BUILDKIT": "1", **(extra or {})}


def _found() -> str:
    for name in EXECUTABLES:
        path = shutil.which(name)
        if path is not None:
            return path
    raise UnsupportedError("engine='docker' needs Docker or Podman, and neither is installed.")


def _feed(file: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(OSError), file:
        file.write(data)
