"""Starting and ending the containers that run Functions.

A container is the `modal` package's entrypoint, unchanged, in a process of the local runtime. It gets the Function's
environment plus the variables in `_reserved`, and its arguments on standard input, so they are on no disk.
"""

from __future__ import annotations

import asyncio
import codecs
import logging
import os
import time
from typing import TYPE_CHECKING

from modal_proto import api_pb2

from modal_lint_runtime.errors import ModalError
from modal_lint_runtime.isolation import interpreter
from modal_lint_runtime.local_variables import environment
from modal_lint_runtime.server import ids
from modal_lint_runtime.server.deployed import Function, Input, Worker, failure
from modal_lint_runtime.server.results import FAILURE, SUCCESS, TIMEOUT
from modal_lint_runtime.server.sources import by_id
from modal_lint_runtime.server.stdio import follow
from modal_lint_runtime.server.tokens import CONTAINER_HEADER
from modal_lint_runtime.server.volumes import volume_mounts
from modal_lint_runtime.server.waiting import end_of

if TYPE_CHECKING:
    from modal_lint_runtime.output import Output
    from modal_lint_runtime.processes import Container
    from modal_lint_runtime.server.state import State

log = logging.getLogger(__name__)

TOKEN_LIFETIME = 30 * 24 * 3600.0
"""Seconds that a container's token is good for; it ends with the server anyway."""

RETRY_DELAYS = (1.0, 24 * 3600.0)
"""The least and the most seconds between two attempts, whatever a policy says (P retries.py)."""

HOME = "/root"
"""Where Modal puts a program's own files, and where it runs (P mount.py, ROOT_DIR)."""


def provide_workers(state: State, function: Function) -> None:
    """Wake the containers of a Function, and start another one when more inputs wait than containers are free."""
    function.wake()
    live = [worker for worker in function.workers if not worker.stopping]
    free = [worker for worker in live if not worker.running]
    if len(function.queue) > len(free) and len(live) < function.max_workers:
        worker = Worker(ids.task_id(v2=False), function)
        function.workers.append(worker)
        state.deployed.workers[worker.task_id] = worker
        state.watch(_run(state, worker))


def stop_workers(function: Function) -> None:
    """Let the containers of a Function end after what they run."""
    for worker in function.workers:
        worker.stopping = True
    function.wake()


def expire(state: State, item: Input, seconds: int) -> None:
    """Give an input that has been handed out `seconds` to finish (0 = for ever)."""
    if seconds:
        item.expiry = asyncio.get_running_loop().call_later(seconds, _time_out, state, item, seconds)


def _time_out(state: State, item: Input, seconds: int) -> None:
    worker = item.worker
    if item.open and worker is not None:
        text = f"Task's current input hit its timeout of {seconds}s"
        settle(state, item, failure(item, api_pb2.GenericResult(status=TIMEOUT, exception=text)))
        state.end_worker(worker)


def settle(state: State, item: Input, output: api_pb2.FunctionGetOutputsItem) -> None:
    """Record the output of an input, or queue the input again.

    Who waits for a call retries by itself (`FunctionRetryInputs`); nobody waits for one that was spawned, so its
    Function's policy is followed here.
    """
    policy = item.call.function.created.retry_policy
    spawned = item.call.invocation_type == api_pb2.FUNCTION_CALL_INVOCATION_TYPE_ASYNC
    if not item.open or not spawned or output.result.status == SUCCESS or item.retry_count >= policy.retries:
        state.deployed.finish(item, output)
        return
    state.deployed.release(item)
    item.retry_count += 1
    asyncio.get_running_loop().call_later(_retry_delay(policy, item.retry_count), _queue_again, state, item)


def _retry_delay(policy: api_pb2.FunctionRetryPolicy, attempt: int) -> float:
    least, most = RETRY_DELAYS
    try:
        wanted = policy.initial_delay_ms / 1000 * float(policy.backoff_coefficient) ** (attempt - 1)
    except OverflowError:
        return most
    return min(max(least, wanted), most)


def _queue_again(state: State, item: Input) -> None:
    if item.open:  # and not cancelled meanwhile
        item.call.function.queue.append(item)
        provide_workers(state, item.call.function)


async def _run(state: State, worker: Worker) -> None:
    """A container from its start to its end; whatever it leaves unanswered fails."""
    function = worker.function
    try:
        worker.container = await state.in_thread(_start, state, worker)
    except ModalError as error:
        _give_up(state, worker, api_pb2.GenericResult(status=FAILURE, exception=f"{type(error).__name__}: {error}"))
        return
    except Exception as error:
        log.error("container of %s failed: %s", function.id, type(error).__name__)
        _give_up(state, worker, api_pb2.GenericResult(status=FAILURE, exception="The container could not be started."))
        return
    main = worker.container.main
    outputs = [_copy_log(state, worker, main.stdout, 1), _copy_log(state, worker, main.stderr, 2)]
    logs = asyncio.gather(*outputs)
    await end_of(main).wait()
    await logs
    code = main.poll()
    result = worker.result or api_pb2.GenericResult(
        status=FAILURE, exitcode=code or 0, exception=f"The container exited with code {code}."
    )
    _give_up(state, worker, result)
    await state.in_thread(worker.container.close)


def _give_up(state: State, worker: Worker, result: api_pb2.GenericResult) -> None:
    function = worker.function
    failed_to_start = worker.result is not None or not worker.ready
    worker.stopping = True
    function.workers.remove(worker)
    state.deployed.workers.pop(worker.task_id, None)
    for item in list(worker.running.values()):
        settle(state, item, failure(item, result))
    if failed_to_start:
        while function.queue:
            item = function.queue.popleft()
            state.deployed.finish(item, failure(item, result))
    elif function.queue:
        provide_workers(state, function)


def _start(state: State, worker: Worker) -> Container:
    from modal_lint_runtime import processes

    function, definition = worker.function, worker.function.created
    workspace = state.workspace
    image = workspace.image_get(definition.image_id)
    app = workspace.app_get(function.app_id)
    trees = [state.mounts.tree(mount_id) for mount_id in definition.mount_ids]
    layered = state.isolation.filesystem
    reserved = _reserved(state, worker, image.id, app.environment)
    env = environment(image.env, by_id(workspace, function.secret_ids), reserved)
    own_files = [HOME] if layered else [f"{tree}{HOME}" for tree in trees]
    env["PYTHONPATH"] = os.pathsep.join([*own_files, *filter(None, [env.get("PYTHONPATH")])])
    scratch = state.scratch(worker.task_id)
    spec = processes.ContainerSpec(
        id=worker.task_id,
        args=(interpreter(), "-m", "modal._container_entrypoint"),
        env=env,
        workdir=HOME if layered else str(scratch),
        layers=(*state.layers(image), *(trees if layered else ())),
        timeout=None,
        network=True,
        scratch=scratch,
        hidden=(workspace.root,),
        mounts=volume_mounts(state, definition.volume_mounts),
    )
    container = processes.start(spec, state.isolation)
    container.main.write_stdin(_arguments(state, worker, app.environment).SerializeToString())
    container.main.close_stdin()
    return container


def _reserved(state: State, worker: Worker, image_id: str, environment: str) -> dict[str, str]:
    token = state.signer.issue("container", worker.task_id, TOKEN_LIFETIME)
    return {
        "MODAL_SERVER_URL": state.url(),
        "MODAL_CONTAINER_ARGUMENTS_PATH": "/dev/stdin",
        "MODAL_OVERRIDE_HEADERS": f"{CONTAINER_HEADER}:{token}",
        "MODAL_CONFIG_PATH": "/nonexistent/modal.toml",
        "MODAL_DISABLE_API_PROXY": "1",
        "MODAL_IS_REMOTE": "1",
        "MODAL_TASK_ID": worker.task_id,
        "MODAL_IMAGE_ID": image_id,
        "MODAL_ENVIRONMENT": environment,
        "PYTHONUNBUFFERED": "1",
    }


def _arguments(state: State, worker: Worker, environment: str) -> api_pb2.ContainerArguments:
    function = worker.function
    return api_pb2.ContainerArguments(
        task_id=worker.task_id,
        function_id=function.id,
        app_id=function.app_id,
        function_def=function.created,
        serialized_params=function.serialized_params,
        environment_name=environment,
        app_layout=_layout(state, function),
    )


def _layout(state: State, function: Function) -> api_pb2.AppLayout:
    """The App's layout and the Function's own dependencies, all of which the entrypoint looks up in it."""
    layout = api_pb2.AppLayout()
    layout.CopyFrom(state.deployed.layouts.get(function.app_id, layout))
    known = {each.object_id for each in layout.objects}
    for dependency in function.created.object_dependencies:
        if dependency.object_id not in known:
            layout.objects.add(object_id=dependency.object_id)
    return layout


async def _copy_log(state: State, worker: Worker, output: Output, descriptor: int) -> None:
    app_log = state.deployed.log(worker.function.app_id)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    async for data in follow(output, once=True):
        text = decoder.decode(data)
        if text:
            item = api_pb2.TaskLogs(
                data=text,
                file_descriptor=api_pb2.FileDescriptor.ValueType(descriptor),
                timestamp=time.time(),
            )
            app_log.add(api_pb2.TaskLogsBatch(task_id=worker.task_id, function_id=worker.function.id, items=[item]))
