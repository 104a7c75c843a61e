"""Docker or Podman in place of the local engine, through its command line.

Values reach a build in the environment of the command line tool, under names of ours, and a command as secret mounts:
they are in no layer, no history and no cache key. A process gets its variables through its standard input, before what
it reads itself: they are in nobody's arguments, and in nothing that ``inspect`` shows or the tool writes down. Images
need ``sh``, ``cat`` and ``mkdir`` for that.
"""

from __future__ import annotations

import contextlib
import json
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
from modal_lint_runtime.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modal_lint_runtime.definition import Definition
    from modal_lint_runtime.workspace import Workspace

EXECUTABLES = ("docker", "podman")
PROBE_TIMEOUT = 10.0
"""Seconds that the daemon has to answer."""

IDLE = "command -v cat mkdir >/dev/null && echo && exec cat"
"""What a container runs itself: it says that it is up, and ends with its standard input, so with its client."""

ENTER = (
    'while IFS= read -r modal_lint_line && [ -n "$modal_lint_line" ]; do '
    'modal_lint_line=$(printf %b. "$modal_lint_line"); command export "${modal_lint_line%.}"; done; '
    '[ -z "$1" ] || { mkdir -p "$1" && cd "$1"; } || exit 126; shift; exec "$@"'
)
"""What every process begins as: it takes its variables, a line each, goes to its directory, and becomes the command."""

_INHERITED = ("PATH", "HOME", "XDG_RUNTIME_DIR", "TMPDIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_OWN_PREFIXES = ("DOCKER_", "BUILDKIT_", "BUILDX_", "CONTAINER_", "CONTAINERS_", "PODMAN_")
_TAIL = 16 * 1024
_COMPLAINT = 1000
_REPOSITORY = "modal-lint"


class DockerEngine:
    """Builds images with, and starts processes in, Docker or Podman.

    Args:
        executable: the command; None takes the first of ``docker`` and ``podman`` that answers.

    Raises:
        UnsupportedError: there is no such command, or its daemon does not answer.
    """

    def __init__(self, executable: str | None = None) -> None:
        self._executable = executable or _answering()
        self.name = os.path.basename(self._executable)

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
        base, shell = self._base(workspace, definition.base)
        plan = BuildPlan.of(definition, values, base, shell)
        with contextlib.closing(Scratch(workspace.root)) as scratch:
            built, empty = scratch.path("image"), scratch.path("context")
            empty.mkdir()
            command = [*self.build_arguments(plan, str(built)), plan.context or str(empty)]
            self._run_build(command, plan, values, on_log)
            image = built.read_text(encoding="ascii").strip()
        key = content_key("docker", image)
        tag = f"{_REPOSITORY}:{key}"
        self._call(["tag", image, tag])
        found = workspace.image_find(key)
        if found is not None:
            return found
        record = ImageRecord(
            id=new_id("im"),
            content_key=key,
            definition={**definition.to_json(), "tag": tag},
            entrypoint=self._entrypoint(tag),
            shell=plan.shell,
            created_at=time.time(),
        )
        return workspace.image_put(record)

    def build_arguments(self, plan: BuildPlan, id_file: str) -> list[str]:
        """The command that builds a plan, but for the context directory: no value is in it."""
        secrets = [f"--secret=id={id_},env={variable}" for id_, variable in plan.variables.items()]
        fresh = ["--no-cache"] if plan.force else []
        # --progress=plain: BuildKit's terminal view rewrites lines and would cut values in two.
        return [self._executable, "build", "--progress=plain", *fresh, *secrets, "--iidfile", id_file, "--file", "-"]

    def start(self, image: ImageRecord, container: str, *, network: bool = True) -> subprocess.Popen[bytes]:
        """Start a container that idles until its standard input ends, and with it whoever started it.

        Args:
            image: what it runs, built by this engine.
            container: its name.
            network: False for none.

        Returns:
            The process of the command line tool that holds it.

        Raises:
            UnsupportedError: the image was built by another engine, or the container does not start.
        """
        tag = tag_of(image)
        if tag is None:
            raise UnsupportedError("The image was not built by engine='docker'.")
        options = ["--rm", "--interactive", f"--name={container}", *([] if network else ["--network=none"])]
        for init in (["--init"], []):  # Podman has none where catatonit is not installed
            command = [self._executable, "run", *init, *options, "--entrypoint", "sh", tag, "-c", IDLE]
            process = _piped(command)
            assert process.stdout is not None
            if process.stdout.readline():
                return process
            _, errors = process.communicate()
        complaint = errors.decode("utf-8", "replace").strip()[:_COMPLAINT]
        raise UnsupportedError(f"engine='docker': the container does not start: {self.name} says: {complaint}")

    def exec(
        self, container: str, args: Sequence[str], env: Mapping[str, str], workdir: str | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a process in a container, with pipes for its three streams."""
        process = _piped(
            [self._executable, "exec", "--interactive", container, "sh", "-c", ENTER, "sh", workdir or "", *args]
        )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it did not start: its exit code says so
            process.stdin.write(variable_lines(env))
            process.stdin.flush()
        return process

    def remove(self, container: str) -> None:
        """Kill a container and remove it."""
        self._call(["kill", container])  # Podman's rm asks it to end first, for ten seconds
        self._call(["rm", "--force", "--volumes", container])

    def remove_image(self, image: ImageRecord) -> None:
        """Remove an image, unless something still uses it."""
        tag = tag_of(image)
        if tag is not None:
            self._call(["rmi", tag])

    def _call(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
        return _called([self._executable, *arguments])

    def _entrypoint(self, tag: str) -> tuple[str, ...] | None:
        answer = self._call(["image", "inspect", "--format", "{{json .Config.Entrypoint}}", tag])
        found = json.loads(answer.stdout or b"null")
        return tuple(found) if isinstance(found, list) else None

    def _base(self, workspace: Workspace, base: str) -> tuple[str, tuple[str, ...] | None]:
        if not base.startswith("im-"):
            return base, None
        image = workspace.image_get(base)
        tag = tag_of(image)
        if tag is None:
            raise UnsupportedError("The base image was not built by engine='docker'.")
        return tag, image.shell

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
            raise ImageBuildError(f"{self.name} build", process.returncode, tail.decode("utf-8", "replace"))


def tag_of(image: ImageRecord) -> str | None:
    """What Docker or Podman calls an image; None when it was not built there."""
    tag = image.definition.get("tag")
    return tag if isinstance(tag, str) else None


def variable_lines(env: Mapping[str, str]) -> bytes:
    """Variables as `ENTER` reads them: a line each, which ``printf %b`` undoes, and an empty one."""
    lines = (f"{key}={value}".replace("\\", "\\\\").replace("\n", "\\n") + "\n" for key, value in env.items())
    return "".join([*lines, "\n"]).encode("utf-8", "surrogateescape")


def _piped(command: Sequence[str]) -> subprocess.Popen[bytes]:
    # A session of its own: an interrupt at the terminal is this process's to pass on.
    return subprocess.Popen(
        command,
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _called(command: Sequence[str], timeout: float | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False
    )


def _environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key in _INHERITED or key.startswith(_OWN_PREFIXES)}
    # Podman's own format has no SHELL, HEALTHCHECK and ONBUILD.
    return {**kept, "DOCKER_BUILDKIT": "1", "BUILDAH_FORMAT": "docker", **(extra or {})}


def _answering() -> str:
    found = [path for path in map(shutil.which, EXECUTABLES) if path is not None]
    for path in found:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            if _called([path, "ps", "--quiet"], timeout=PROBE_TIMEOUT).returncode == 0:
                return path
    if not found:
        raise UnsupportedError("engine='docker' needs Docker or Podman, and neither is installed.")
    names = " and ".join(map(os.path.basename, found))
    verb = "is" if len(found) == 1 else "are"
    raise UnsupportedError(f"engine='docker': {names} {verb} there, but no daemon answers; start it, or use 'local'.")


def _feed(file: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(OSError), file:
        file.write(data)
