"""How a sandbox ended, as the protocol says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_proto import api_pb2

from modal_lint_runtime.contract import TERMINATED_CODE, TIMEOUT_CODE

if TYPE_CHECKING:
    from modal_lint_runtime.records import SandboxRecord
    from modal_lint_runtime.server.tasks import Task

SUCCESS = api_pb2.GenericResult.GENERIC_STATUS_SUCCESS
FAILURE = api_pb2.GenericResult.GENERIC_STATUS_FAILURE
TERMINATED = api_pb2.GenericResult.GENERIC_STATUS_TERMINATED
TIMEOUT = api_pb2.GenericResult.GENERIC_STATUS_TIMEOUT


def task_result(task: Task) -> api_pb2.GenericResult:
    """The result of a task; empty while it runs."""
    if not task.finished.is_set() or task.returncode is None:
        return api_pb2.GenericResult()
    if task.terminated:
        return api_pb2.GenericResult(status=TERMINATED, exitcode=TERMINATED_CODE)
    if task.timed_out:
        return api_pb2.GenericResult(status=TIMEOUT, exitcode=TIMEOUT_CODE)
    return exited(task.returncode)


def record_result(record: SandboxRecord) -> api_pb2.GenericResult:
    """The result of a sandbox of which only the record is left; empty while another process runs it."""
    if record.returncode is None:
        return api_pb2.GenericResult()
    if record.state in ("terminated", "lost"):
        return api_pb2.GenericResult(status=TERMINATED, exitcode=TERMINATED_CODE)
    if record.state == "timeout":
        return api_pb2.GenericResult(status=TIMEOUT, exitcode=TIMEOUT_CODE)
    return exited(record.returncode)


def exited(code: int) -> api_pb2.GenericResult:
    """The result of a program that ended by itself."""
    return api_pb2.GenericResult(status=SUCCESS if code == 0 else FAILURE, exitcode=code)
