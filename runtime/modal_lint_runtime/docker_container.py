"""A sandbox in Docker or Podman, driven as a container of this machine is.

Every process, the main one too, is a ``docker exec`` in a container that idles as long as this process holds its
standard input: it ends with its client, whichever way that ends.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from typing import IO, TYPE_CHECKING

from modal_lint_runtime import contract
from modal_lint_runtime.errors import SandboxTerminatedError, UnsupportedError
from modal_lint_runtime.output import Output

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modal_lint_runtime.docker_engine import DockerEngine
    from modal_lint_runtime.records import ImageRecord

_PIECE = 1 << 16
_END_LIMIT = 30.0


class Attached:
    """A process in a container, at the end of three pipes; None is one that idles until its container ends."""

    def __init__(self, process: subprocess.Popen[bytes] | None) -> None:
        self._process = process
        self.stdout = Output(closed=process is None)
        self.stderr = Output(closed=process is None)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._code: int | None = None
        self._callbacks: list[Callable[[], None]] = []
        if process is not None:
            threading.Thread(target=self._watch, args=(process,), name="modal-lint docker", daemon=True).start()

    def write_stdin(self, data: bytes) -> None:
        """Write to its standard input. Raises BrokenPipeError when it does not read any more."""
        stdin = None if self._process is None else self._process.stdin
        if stdin is None or stdin.closed:
            raise BrokenPipeError("the standard input of the process is closed")
        stdin.write(data)
        stdin.flush()

    def close_stdin(self) -> None:
        """Close its standard input."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and its output's. Raises TimeoutError when it still runs after ``timeout`` seconds."""
        if not self._ended.wait(timeout):
            raise TimeoutError(f"the process still runs after {timeout} s")
        code = self._code
        assert code is not None
        return code

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when it has ended, at once if it has."""
        with self._lock:
            if self._code is None:
                self._callbacks.append(callback)
                return
        callback()

    def end(self, code: int) -> None:
        """Say that it has ended; the first one to say so is believed."""
        with self._lock:
            if self._code is not None:
                return
            self._code = code
            callbacks, self._callbacks = self._callbacks, []
        self._ended.set()
        for callback in callbacks:
            callback()

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        errors = threading.Thread(target=_follow, args=(process.stderr, self.stderr), daemon=True)
        errors.start()
        _follow(process.stdout, self.stdout)
        errors.join()
        self.end(process.wait())


class DockerContainer:
    """A container of Docker or Podman.

    Args:
        engine: what runs it.
        image: what it runs, built by the same engine.
        id_: the id of its sandbox, from which it has its name.
        args: its main process; None idles until it is terminated.
        env: variables of all its processes.
        workdir: where they start; None for the image's.
        timeout: seconds until it is removed, and its exit code is 124.
        network: False for none.
    """

    isolation = None

    def __init__(
        self,
        engine: DockerEngine,
        image: ImageRecord,
        id_: str,
        args: Sequence[str] | None,
        env: Mapping[str, str],
        workdir: str | None,
        timeout: float | None,
        *,
        network: bool = True,
    ) -> None:
        self._engine = engine
        self._env = dict(env)
        self._workdir = workdir
        self._lock = threading.Lock()
        self._removed = False
        self._timer = None if timeout is None else threading.Timer(timeout, self._expire)
        self.timed_out = False
        self._name = f"modal-lint-{id_}"
        self._holder = engine.start(image, self._name, network=network)
        try:
            self.main = Attached(None if args is None else engine.exec(self._name, args, env, workdir))
        except BaseException:
            self._remove()
            raise
        self.main.on_end(lambda: threading.Thread(target=self._remove, daemon=True).start())
        threading.Thread(target=self._hold, name="modal-lint docker", daemon=True).start()
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()

    def exec(
        self,
        args: Sequence[str],
        env: Mapping[str, str] | None = None,
        workdir: str | None = None,
        timeout: float | None = None,
        pty: bool = False,
    ) -> Attached:
        """Start a process in it. Raises SandboxTerminatedError when it has ended, UnsupportedError for ``pty``."""
        if pty:
            raise UnsupportedError("engine='docker' does not give terminals.")
        if self.main.poll() is not None:
            raise SandboxTerminatedError("the container has ended")
        limited = args if timeout is None else ("timeout", "-k", "1", str(timeout), *args)
        return Attached(self._engine.exec(self._name, limited, {**self._env, **(env or {})}, workdir or self._workdir))

    def terminate(self) -> int:
        """End it; its exit code."""
        self.main.end(contract.TERMINATED_CODE)
        self._remove()
        return self.main.wait()

    def close(self) -> None:
        """End it. Twice is fine."""
        self.terminate()

    def _expire(self) -> None:
        if self.main.poll() is None:
            self.timed_out = True
            self.main.end(contract.TIMEOUT_CODE)

    def _hold(self) -> None:
        """Wait until the container is gone, which is its main process's end if somebody else has ended it."""
        self._holder.wait()
        self.main.end(contract.TERMINATED_CODE)

    def _remove(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:  # whoever comes second waits until it is gone
            if not self._removed:
                self._engine.remove(self._name)
                try:
                    self._holder.communicate(timeout=_END_LIMIT)
                except subprocess.TimeoutExpired:  # its daemon does not answer any more
                    self._holder.kill()
                    self._holder.communicate()
                self._removed = True


def _follow(stream: IO[bytes], output: Output) -> None:
    with contextlib.suppress(OSError, ValueError):
        while data := os.read(stream.fileno(), _PIECE):
            output.write(data)
    output.close()
