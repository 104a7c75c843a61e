"""Apps, Functions, classes, servers and Secrets: what is declared and what is called."""

from __future__ import annotations

from modal_lint.api.schema import Persists, api

_CONTAINER = "env:env, secrets:secrets"
_SCALING = "min_containers, max_containers, buffer_containers"
_RUNS = f"""{_SCALING}, scaledown_window, proxy, retries, timeout, startup_timeout"""
_PLACED = """cloud, region, routing_region, nonpreemptible, enable_memory_snapshot, block_network,
    restrict_modal_access, single_use_containers, i6pn, include_source, experimental_options:label,
    _experimental_restrict_output, max_inputs"""
_SIZE = "serialized, network_file_systems, volumes, cpu, memory, ephemeral_disk"
_OPTIONS = f"""*, cpu, memory, gpu, {_CONTAINER}, volumes, retries, max_containers, buffer_containers,
    scaledown_window, timeout, region, cloud, routing_region"""
_MAP = "kwargs:payload, order_outputs, return_exceptions, wrap_returned_exceptions"
_CALL = "*args:payload, **kwargs:payload"
_FIND = "app_name, name, *, version, environment_name, client"
_WEB = "label:label, custom_domains, requires_proxy_auth"

SECRETS = (
    api("modal.Secret.from_dict", "env_dict:secret-dict", "modal.Secret", Persists.SECRET),
    api("modal.Secret.from_local_environ", "env_keys:keys", "modal.Secret", Persists.SECRET, since="0.59.5"),
    api("modal.Secret.from_dotenv", "path, *, filename, client", "modal.Secret", Persists.SECRET, since="0.49.2059"),
    api(
        "modal.Secret.from_name",
        "name, *, environment_name, required_keys:keys, client",
        "modal.Secret",
        Persists.SECRET,
    ),
    api("modal.Secret._from_id", "secret_id, *, client", "modal.Secret", Persists.SECRET),
    api("modal.Secret.lookup", "name", "modal.Secret", Persists.SECRET, until="1.2.0"),
    api(
        "modal.Secret.objects.create",
        "name:label, env_dict:stored-secret, *, allow_existing, environment_name, client",
        persists=Persists.SECRET,
        since="1.1.2",
    ),
    api(
        "modal.Secret.objects.list",
        "*, max_objects, created_before, environment_name, client",
        persists=Persists.SECRET,
        since="1.1.2",
    ),
    api(
        "modal.Secret.objects.delete",
        "name, *, allow_missing, environment_name, client",
        persists=Persists.SECRET,
        since="1.1.2",
    ),
    api(
        "modal.Secret.create_deployed",
        "deployment_name:label, env_dict:stored-secret, namespace, client, environment_name, overwrite",
        persists=Persists.SECRET,
        until="1.5.0",
    ),
    api(
        "modal.Secret._create_deployed",
        "deployment_name:label, env_dict:stored-secret, client, environment_name, overwrite",
        persists=Persists.SECRET,
    ),
    api("modal.Secret.update", "env_dict:stored-secret", persists=Persists.SECRET, since="1.3.5"),
    api("modal.Secret.info", "*, refresh", persists=Persists.SECRET),
    api("modal.Secret.hydrate", "client", "modal.Secret", Persists.SECRET),
)

APPS = (
    api("modal.App", "name:label, *, tags:label, image:image, secrets:secrets, volumes, include_source", "modal.App"),
    api("modal.App.lookup", "name:label, *, client, environment_name, create_if_missing", "modal.App"),
    api("modal.App.run", "*, name:label, client, detach, interactive, environment_name", "modal.App"),
    api("modal.App.deploy", "*, name:label, environment_name, tag:label, client, strategy", "modal.App"),
    api("modal.App.include", "other_app, inherit_tags", "modal.App"),
    api("modal.App.set_tags", "tags:label, *, client"),
    api("modal.App.local_entrypoint", "*, name:label", "modal.LocalEntrypoint", Persists.LOCAL, decorator=True),
    api(
        "modal.App.function",
        f"*, image:image, schedule, {_CONTAINER}, gpu, {_SIZE}, {_RUNS}, name:label, is_generator, {_PLACED}",
        "modal.Function",
        decorator=True,
    ),
    api(
        "modal.App.cls", f"*, image:image, {_CONTAINER}, gpu, {_SIZE}, {_RUNS}, {_PLACED}", "modal.Cls", decorator=True
    ),
    api(
        "modal.App.server",
        f"""*, image:image, {_CONTAINER}, gpu, serialized, volumes, cpu, memory, ephemeral_disk, target_concurrency,
        max_concurrency, {_SCALING}, scaleup_window, scaledown_window, startup_timeout, name:label, port,
        unauthenticated, h2_enabled, exit_grace_period, routing_region, compute_region, cloud, nonpreemptible, proxy,
        i6pn, enable_memory_snapshot, include_source, experimental_options:label""",
        "modal.Server",
        since="1.5.1",
        decorator=True,
    ),
)

FUNCTIONS = (
    api("modal.Function.with_options", _OPTIONS, "modal.Function", since="1.4.3"),
    api("modal.Function.with_concurrency", "*, max_inputs, target_inputs", "modal.Function"),
    api("modal.Function.with_batching", "*, max_batch_size, wait_ms", "modal.Function"),
    api("modal.Function.from_name", _FIND, "modal.Function"),
    api("modal.Function.from_id", "function_id, *, client", "modal.Function"),
    api("modal.Function.lookup", "app_name, name", "modal.Function", until="1.2.0"),
    api("modal.Function.hydrate", "client", "modal.Function"),
    api("modal.Function.remote", _CALL, persists=Persists.INPUT),
    api("modal.Function.remote_gen", _CALL, persists=Persists.INPUT),
    api("modal.Function.spawn", _CALL, "modal.FunctionCall", Persists.INPUT),
    api("modal.Function.map", f"*input_iterators:payload, {_MAP}", persists=Persists.INPUT),
    api("modal.Function.starmap", f"input_iterator:payload, *, {_MAP}", persists=Persists.INPUT),
    api("modal.Function.for_each", "*input_iterators:payload, kwargs:payload, ignore_exceptions", None, Persists.INPUT),
    api("modal.Function.spawn_map", "*input_iterators:payload, kwargs:payload", persists=Persists.INPUT),
    api(
        "modal.Function.experimental_spawn_map",
        "*input_iterators:payload, kwargs:payload",
        "modal.FunctionCall",
        Persists.INPUT,
    ),
    api("modal.Function.local", "*args, **kwargs", persists=Persists.LOCAL),
    api("modal.FunctionCall.from_id", "function_call_id, client", "modal.FunctionCall"),
    api("modal.Cls.with_options", _OPTIONS, "modal.Cls"),
    api("modal.Cls.with_concurrency", "*, max_inputs, target_inputs", "modal.Cls"),
    api("modal.Cls.with_batching", "*, max_batch_size, wait_ms", "modal.Cls"),
    api("modal.Cls.from_name", _FIND, "modal.Cls"),
    api("modal.Cls.lookup", "app_name, name", "modal.Cls", until="1.2.0"),
    api("modal.Cls.hydrate", "client", "modal.Cls"),
    api("modal.Cls.__call__", _CALL, "modal.Obj"),
    api("modal.Server.from_name", "app_name, name, *, environment_name, client", "modal.Server", since="1.5.1"),
    api("modal.Server.from_id", "server_id, *, client", "modal.Server"),
    api("modal.Server.hydrate", "client", "modal.Server"),
    api("modal.parameter", "*, default:payload, init"),
)

WEB = (
    api(
        "modal.fastapi_endpoint",
        "*, method, label:label, custom_domains, docs, requires_proxy_auth",
        since="0.73.82",
        decorator=True,
    ),
    api("modal.asgi_app", f"*, {_WEB}", decorator=True),
    api("modal.wsgi_app", f"*, {_WEB}", decorator=True),
    api(
        "modal.web_server", "port, *, startup_timeout, label:label, custom_domains, requires_proxy_auth", decorator=True
    ),
    api("modal.forward", "port, *, unencrypted, h2_enabled, client", "modal.Tunnel"),
    api(
        "modal.experimental.http_server",
        "port, *, proxy_regions, startup_timeout, exit_grace_period, h2_enabled",
        decorator=True,
    ),
)

ROWS = (*SECRETS, *APPS, *FUNCTIONS, *WEB)
