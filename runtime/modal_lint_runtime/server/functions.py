"""Functions and classes: define, look up, bind to parameters and options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_proto import api_pb2

from modal_lint_runtime.errors import NotFoundError
from modal_lint_runtime.server import ids
from modal_lint_runtime.server.deployed import Function
from modal_lint_runtime.server.refusals import refuse
from modal_lint_runtime.server.rpc import MAX_MESSAGE_BYTES, Caller, rpc
from modal_lint_runtime.server.sources import require
from modal_lint_runtime.server.volumes import volume_mounts

if TYPE_CHECKING:
    from modal_lint_runtime.server.state import State

MAX_INLINE = MAX_MESSAGE_BYTES // 2
"""Arguments and results up to this many bytes travel inside messages, because no blob store is served."""


class Functions:
    """The calls about Functions and classes as such."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._deployed = state.deployed

    @rpc("FunctionPrecreate")
    async def precreate(
        self, request: api_pb2.FunctionPrecreateRequest, _caller: Caller
    ) -> api_pb2.FunctionPrecreateResponse:
        """Give a Function its id before its definition is known."""
        await self._state.in_thread(self._state.workspace.app_get, request.app_id)
        metadata = _metadata(request, request.app_id)
        for name, method in request.method_definitions.items():
            handle = _metadata(method, request.app_id)
            handle.is_method, handle.use_method_name = True, name
            metadata.method_handle_metadata[name].CopyFrom(handle)
        function = self._deployed.functions.get(request.existing_function_id)
        if function is None or function.app_id != request.app_id:
            function = Function(ids.object_id("fu"), request.app_id, metadata)
            self._deployed.functions[function.id] = function
        metadata.definition_id = ids.object_id("de")
        function.metadata = metadata
        return api_pb2.FunctionPrecreateResponse(function_id=function.id, handle_metadata=metadata)

    @rpc("FunctionCreate")
    async def create(self, request: api_pb2.FunctionCreateRequest, _caller: Caller) -> api_pb2.FunctionCreateResponse:
        """Define a Function; the new definition of an existing one counts when its App is published."""
        definition = _definition(request)
        _refuse_unsupported(definition)
        await self._state.in_thread(require, self._state.workspace, definition.secret_ids)
        await self._state.in_thread(volume_mounts, self._state, definition.volume_mounts)
        function = self._deployed.functions.get(request.existing_function_id)
        if function is None or function.app_id != request.app_id:
            function = Function(ids.object_id("fu"), request.app_id, _metadata(definition, request.app_id))
            self._deployed.functions[function.id] = function
        function.metadata.is_method = definition.is_method
        function.metadata.class_parameter_info.CopyFrom(definition.class_parameter_info)
        if function.definition is None:
            function.adopt(definition)
        else:
            function.pending = definition
        return api_pb2.FunctionCreateResponse(
            function_id=function.id,
            function=definition,
            function_data=_data(definition),
            handle_metadata=function.metadata,
        )

    @rpc("FunctionGet")
    async def get(self, request: api_pb2.FunctionGetRequest, _caller: Caller) -> api_pb2.FunctionGetResponse:
        """Look a deployed Function up by its App's name and its own."""
        layout = await self._layout(request.app_name, request.environment_name)
        if request.object_tag not in layout.function_ids:
            raise NotFoundError(f"Function '{request.object_tag}' not found in App '{request.app_name}'")
        function = self._deployed.function(layout.function_ids[request.object_tag])
        return api_pb2.FunctionGetResponse(
            function_id=function.id, handle_metadata=function.metadata, function=_data(function.created)
        )

    @rpc("FunctionBindParams")
    async def bind(
        self, request: api_pb2.FunctionBindParamsRequest, _caller: Caller
    ) -> api_pb2.FunctionBindParamsResponse:
        """A variant of a Function with a class's parameters or with options, which may replace its Secrets."""
        base = self._deployed.function(request.function_id)
        definition = _with_options(base.created, request.function_options)
        _refuse_unsupported(definition)
        await self._state.in_thread(require, self._state.workspace, request.function_options.secret_ids)
        await self._state.in_thread(volume_mounts, self._state, request.function_options.volume_mounts)
        bound = Function(
            ids.object_id("fu"),
            base.app_id,
            base.metadata,
            definition=definition,
            secret_ids=_secret_ids(base.secret_ids, request.function_options),
            serialized_params=request.serialized_params,
        )
        self._deployed.functions[bound.id] = bound
        return api_pb2.FunctionBindParamsResponse(bound_function_id=bound.id, handle_metadata=bound.metadata)

    @rpc("FunctionGetCurrentStats")
    async def stats(self, request: api_pb2.FunctionGetCurrentStatsRequest, _caller: Caller) -> api_pb2.FunctionStats:
        """How many inputs wait and how many containers run."""
        function = self._deployed.function(request.function_id)
        running = sum(len(worker.running) for worker in function.workers)
        return api_pb2.FunctionStats(
            backlog=len(function.queue), num_total_tasks=len(function.workers), num_running_inputs=running
        )

    @rpc("ClassCreate")
    async def create_class(self, request: api_pb2.ClassCreateRequest, _caller: Caller) -> api_pb2.ClassCreateResponse:
        """Define a class; its one Function holds the methods."""
        known = self._deployed.classes
        class_id = request.existing_class_id if request.existing_class_id in known else ids.object_id("cs")
        known[class_id] = api_pb2.ClassHandleMetadata(methods=request.methods)
        return api_pb2.ClassCreateResponse(class_id=class_id, handle_metadata=known[class_id])

    @rpc("ClassGet")
    async def get_class(self, request: api_pb2.ClassGetRequest, _caller: Caller) -> api_pb2.ClassGetResponse:
        """Look a deployed class up by its App's name and its own."""
        layout = await self._layout(request.app_name, request.environment_name)
        if request.object_tag not in layout.class_ids:
            raise NotFoundError(f"Class '{request.object_tag}' not found in App '{request.app_name}'")
        class_id = layout.class_ids[request.object_tag]
        return api_pb2.ClassGetResponse(class_id=class_id, handle_metadata=self._deployed.classes[class_id])

    async def _layout(self, app_name: str, environment_name: str) -> api_pb2.AppLayout:
        environment = self._state.environment(environment_name)
        app = await self._state.in_thread(self._state.workspace.app_lookup, app_name, environment)
        return self._deployed.layouts.get(app.id, api_pb2.AppLayout())


def _metadata(
    source: api_pb2.FunctionPrecreateRequest | api_pb2.MethodDefinition | api_pb2.Function, app_id: str
) -> api_pb2.FunctionHandleMetadata:
    return api_pb2.FunctionHandleMetadata(
        function_name=source.function_name,
        function_type=source.function_type,
        function_schema=source.function_schema,
        supported_input_formats=source.supported_input_formats,
        supported_output_formats=source.supported_output_formats,
        app_id=app_id,
        max_object_size_bytes=MAX_INLINE,
        max_async_object_size_bytes=MAX_INLINE,
    )


def _data(definition: api_pb2.Function) -> api_pb2.FunctionData:
    ranked = api_pb2.FunctionData.RankedFunction(rank=0, function=definition)
    return api_pb2.FunctionData(
        module_name=definition.module_name,
        function_name=definition.function_name,
        implementation_name=definition.implementation_name,
        function_type=definition.function_type,
        timeout_secs=definition.timeout_secs,
        is_class=definition.is_class,
        is_method=definition.is_method,
        class_parameter_info=definition.class_parameter_info,
        method_definitions=definition.method_definitions,
        method_definitions_set=definition.method_definitions_set,
        supported_input_formats=definition.supported_input_formats,
        supported_output_formats=definition.supported_output_formats,
        ranked_functions=[ranked],
    )


def _definition(request: api_pb2.FunctionCreateRequest) -> api_pb2.Function:
    definition = api_pb2.Function()
    ranked = request.function_data.ranked_functions
    definition.CopyFrom(ranked[0].function if ranked else request.function)
    return definition


def _refuse_unsupported(definition: api_pb2.Function) -> None:
    wanted = {
        "web endpoints": _serves_web(definition),
        "GPUs": bool(definition.resources.gpu_config.gpu_type or definition.resources.gpu_config.count),
        "schedules": definition.HasField("schedule"),
        "network file systems": bool(definition.shared_volume_mounts),
        "cloud bucket mounts": bool(definition.cloud_bucket_mounts or definition.s3_mounts),
        "a proxy": definition.HasField("proxy_id"),
        "block_network": definition.block_network,
        "memory snapshots": definition.checkpointing_enabled or definition.is_checkpointing_function,
        "clusters": definition._experimental_group_size > 0,
        "builds by a Function": definition.is_builder_function,
    }
    refuse("Functions", wanted)


def _serves_web(definition: api_pb2.Function) -> bool:
    methods = [method.webhook_config for method in definition.method_definitions.values()]
    configured = any(each.type != api_pb2.WEBHOOK_TYPE_UNSPECIFIED for each in (definition.webhook_config, *methods))
    return configured or definition.is_server


def _secret_ids(base: tuple[str, ...], options: api_pb2.FunctionOptions) -> tuple[str, ...]:
    return tuple(options.secret_ids) if options.replace_secret_ids else base


def _with_options(base: api_pb2.Function, options: api_pb2.FunctionOptions) -> api_pb2.Function:
    definition = api_pb2.Function()
    definition.CopyFrom(base)
    for name in (
        "timeout_secs",
        "max_concurrent_inputs",
        "target_concurrent_inputs",
        "batch_max_size",
        "batch_linger_ms",
    ):
        if options.HasField(name):
            setattr(definition, name, getattr(options, name))
    if options.HasField("retry_policy"):
        definition.retry_policy.CopyFrom(options.retry_policy)
    if options.HasField("resources"):
        definition.resources.CopyFrom(options.resources)
    if options.replace_cloud_bucket_mounts:
        definition.cloud_bucket_mounts.extend(options.cloud_bucket_mounts)
    if options.replace_volume_mounts:
        del definition.volume_mounts[:]
        definition.volume_mounts.extend(options.volume_mounts)
    if options.HasField("concurrency_limit"):
        definition.autoscaler_settings.max_containers = options.concurrency_limit
    if options.HasField("task_idle_timeout_secs"):
        definition.autoscaler_settings.scaledown_window = options.task_idle_timeout_secs
    return definition
