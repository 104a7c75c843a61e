"""Sandboxes and what belongs to them: processes, sidecars, files, outbound policies."""

from __future__ import annotations

from modal_lint.api.schema import Persists, api

_CONTAINER = "env:env, secrets:secrets"
_EXEC = f"*args:argv, stdout, stderr, timeout, workdir, {_CONTAINER}, text, bufsize, pty"
_NETWORK = "outbound_cidr_allowlist, outbound_domain_allowlist, _experimental_outbound_policy, inbound_cidr_allowlist"
_PORTS = "encrypted_ports, h2_ports, unencrypted_ports"
_SNAPSHOT = "path, *, timeout, ttl, _experimental_encryption_key"
_PROCESS = "modal.ContainerProcess"

SANDBOXES = (
    api(
        "modal.Sandbox.create",
        f"""*args:argv, app, name:label, tags:label, image:image, {_CONTAINER}, network_file_systems, timeout,
        idle_timeout, workdir, gpu, cloud, region, cpu, memory, runtime, block_network, {_NETWORK}, volumes, pty,
        {_PORTS}, custom_domain, proxy, include_oidc_identity_token, readiness_probe, verbose,
        experimental_options:label, _experimental_enable_snapshot, _experimental_persistent, client, environment_name,
        pty_info, cidr_allowlist""",
        "modal.Sandbox",
        Persists.INLINE,
    ),
    api(
        "modal.Sandbox._experimental_create",
        f"""*args:argv, app, name:label, tags:label, image:image, {_CONTAINER}, mounts, timeout, idle_timeout, workdir,
        cpu, memory, runtime, cloud, region, block_network, {_NETWORK}, i6pn, volumes, pty, {_PORTS}, proxy,
        readiness_probe, experimental_options:label, include_oidc_identity_token, verbose, custom_domain, client,
        _experimental_enable_snapshot""",
        "modal.Sandbox",
        Persists.INLINE,
    ),
    api("modal.Sandbox.exec", f"{_EXEC}, _pty_info, pty_info", _PROCESS, Persists.INLINE),
    api("modal.Sandbox.from_id", "sandbox_id, client", "modal.Sandbox"),
    api(
        "modal.Sandbox.from_name",
        "app_name, name, *, environment_name, include_terminated, client",
        "modal.Sandbox",
    ),
    api("modal.Sandbox.hydrate", "client", "modal.Sandbox"),
    api("modal.Sandbox.set_tags", "tags:label, *, client"),
    api("modal.Sandbox.snapshot_filesystem", "timeout, *, ttl", "modal.Image", Persists.IMAGE),
    api("modal.Sandbox.snapshot_directory", _SNAPSHOT, "modal.Image", Persists.IMAGE),
    api("modal.Sandbox.mount_image", "path, image, *, _experimental_encryption_key"),
    api(
        "modal.Sandbox.create_connect_token",
        "user_metadata:payload, port",
        "modal.SandboxConnectCredentials",
        Persists.INPUT,
        since="1.2.0",
    ),
    api("modal.Sandbox._experimental_update_outbound_policy", "outbound_policy"),
)

PARTS = (
    api("modal.Probe.with_exec", "*argv:argv, interval_ms", "modal.Probe"),
    api("modal.Probe.with_tcp", "port, *, interval_ms", "modal.Probe"),
    api(
        "modal.SidecarManager.create",
        f"""*args:argv, name:label, image:image, {_CONTAINER}, workdir, volumes, outbound_cidr_allowlist,
        outbound_domain_allowlist, include_oidc_identity_token, proxy, pty, experimental_memory_reserve_consume_mib""",
        "modal.SidecarContainer",
        Persists.INLINE,
    ),
    api("modal.SidecarManager.get", "*, name, include_terminated", "modal.SidecarContainer"),
    api("modal.SidecarContainer.exec", _EXEC, _PROCESS, Persists.INLINE),
    api("modal.SidecarContainer.snapshot_filesystem", "timeout, *, ttl", "modal.Image", Persists.IMAGE),
    api("modal.SidecarContainer.snapshot_directory", _SNAPSHOT, "modal.Image", Persists.IMAGE),
    api("modal.SandboxFilesystem.write_text", "data:payload, remote_path", persists=Persists.FILE),
    api("modal.SandboxFilesystem.write_bytes", "data:payload, remote_path", persists=Persists.FILE),
    api("modal.SandboxFilesystem.copy_from_local", "local_path:file, remote_path", persists=Persists.FILE),
    api("modal.StreamWriter.write", "data:payload", persists=Persists.INPUT),
    api(
        "modal.experimental.OutboundPolicy.with_header_replacement",
        "*, domain, headers:header, secret:secret",
        "modal.experimental.OutboundPolicy",
        since="1.6.0",
    ),
    api("modal.experimental.OutboundPolicy", "_replacements", "modal.experimental.OutboundPolicy", since="1.6.0"),
)

ROWS = (*SANDBOXES, *PARTS)
