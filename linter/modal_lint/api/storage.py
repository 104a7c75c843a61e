"""Buckets, volumes, dicts, queues, streams, and the clients that hold Modal's own credentials."""

from __future__ import annotations

from modal_lint.api.schema import Api, Persists, api

_FILES = "local_path:file, remote_path"
_FROM_NAME = "name, *, environment_name, create_if_missing"
_EPHEMERAL = "client, environment_name, _heartbeat_sleep"


def _uploads(owner: str) -> tuple[Api, ...]:
    return (
        api(f"{owner}.put_file", "local_file:file, remote_path, mode", persists=Persists.FILE),
        api(f"{owner}.put_directory", "local_path:directory, remote_path, recursive", persists=Persists.FILE),
    )


STORAGE = (
    api(
        "modal.CloudBucketMount",
        "bucket_name, bucket_endpoint_url:url, key_prefix, secret:secret, oidc_auth_role_arn, read_only, "
        "requester_pays, force_path_style",
        "modal.CloudBucketMount",
    ),
    api(
        "modal.Volume.from_name",
        f"{_FROM_NAME}, version, create_options, client",
        "modal.Volume",
    ),
    api("modal.Volume.from_id", "volume_id, client", "modal.Volume"),
    api(
        "modal.Volume.ephemeral",
        "client, environment_name, version, create_options, _heartbeat_sleep",
        "modal.Volume",
    ),
    api("modal.Volume.lookup", "name", "modal.Volume", until="1.2.0"),
    api("modal.Volume.hydrate", "client", "modal.Volume"),
    api("modal.Volume.read_only", "", "modal.Volume"),
    api("modal.Volume.with_mount_options", "*, read_only, sub_path", "modal.Volume"),
    api("modal.Volume.batch_upload", "force", "modal.VolumeUpload", Persists.FILE),
    *_uploads("modal.VolumeUpload"),
    api("modal.NetworkFileSystem.from_name", f"{_FROM_NAME}, client", "modal.NetworkFileSystem"),
    api("modal.NetworkFileSystem.ephemeral", _EPHEMERAL, "modal.NetworkFileSystem"),
    api("modal.NetworkFileSystem.add_local_file", f"{_FILES}, progress_cb", persists=Persists.FILE),
    api(
        "modal.NetworkFileSystem.add_local_dir",
        "local_path:directory, remote_path, progress_cb",
        persists=Persists.FILE,
    ),
    api("modal.Dict.from_name", f"{_FROM_NAME}, client", "modal.Dict"),
    api("modal.Dict.from_id", "dict_id, client", "modal.Dict"),
    api("modal.Dict.ephemeral", "*, client, environment_name, _heartbeat_sleep", "modal.Dict"),
    api("modal.Dict.lookup", "name", "modal.Dict", until="1.2.0"),
    api("modal.Dict.hydrate", "client", "modal.Dict"),
    api("modal.Dict.put", "key, value:payload, *, skip_if_exists", persists=Persists.INPUT),
    api("modal.Dict.__setitem__", "key, value:payload", persists=Persists.INPUT),
    api("modal.Dict.update", "other:payload, /, **kwargs:payload", persists=Persists.INPUT),
    api("modal.Queue.from_name", f"{_FROM_NAME}, client", "modal.Queue"),
    api("modal.Queue.from_id", "queue_id, client", "modal.Queue"),
    api("modal.Queue.ephemeral", _EPHEMERAL, "modal.Queue"),
    api("modal.Queue.lookup", "name", "modal.Queue", until="1.2.0"),
    api("modal.Queue.hydrate", "client", "modal.Queue"),
    api("modal.Queue.put", "v:payload, block, timeout, *, partition, partition_ttl", persists=Persists.INPUT),
    api("modal.Queue.put_many", "vs:payload, block, timeout, *, partition, partition_ttl", persists=Persists.INPUT),
)

# Public until 1.0.0; their files went where an Image's `add_local_*` go today.
MOUNTS = (
    api(
        "modal.Mount.from_local_dir",
        "local_path:directory, *, condition, remote_path, recursive",
        "modal.Mount",
        Persists.FILE,
        until="1.0.0",
    ),
    api("modal.Mount.from_local_file", _FILES, "modal.Mount", Persists.FILE, until="1.0.0"),
    api(
        "modal.Mount.from_local_python_packages",
        "*module_names, remote_dir, condition",
        "modal.Mount",
        Persists.FILE,
        until="1.0.0",
    ),
    api(
        "modal.Mount.add_local_dir",
        "local_path:directory, *, remote_path, condition, recursive",
        "modal.Mount",
        Persists.FILE,
        until="1.0.0",
    ),
    api("modal.Mount.add_local_file", _FILES, "modal.Mount", Persists.FILE, until="1.0.0"),
)

CLIENTS = (
    api(
        "modal.Client",
        "server_url, client_type, credentials:token, version, *, oauth_credentials:token",
        "modal.Client",
        Persists.LOCAL,
    ),
    api("modal.Client.from_credentials", "token_id:token, token_secret:token", "modal.Client", Persists.LOCAL),
    api(
        "modal.Client.from_oauth_credentials",
        "refresh_token:token, *, oauth_client_id:token, oauth_client_secret:token, oauth_jwt_key:token",
        "modal.Client",
        Persists.LOCAL,
        since="1.5.5",
    ),
    api("modal.Client.from_env", "_override_config", "modal.Client", Persists.LOCAL),
    api("modal.experimental.Stream.from_token", "token:token, *, name", "modal.experimental.Stream", Persists.LOCAL),
    api("modal.experimental.Stream.from_name", f"{_FROM_NAME}, retention, client", "modal.experimental.Stream"),
    api(
        "modal.experimental.Stream.create_token",
        "*, access, ttl, create_if_missing, retention, sandbox",
        "modal.experimental.StreamToken",
        Persists.LOCAL,
    ),
    api("modal.Workspace.from_context", "*, client", "modal.Workspace"),
    api("modal.WorkspaceProxyTokenManager.create", "name:label", "modal.TokenData", Persists.LOCAL, since="1.5.1"),
    api("modal.WorkspaceServiceUserManager.create", "name:label, *, expires_in", "modal.TokenData", Persists.LOCAL),
)

ROWS = (*STORAGE, *MOUNTS, *CLIENTS)
