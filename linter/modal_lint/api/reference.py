"""The reference client (``modal_lint_runtime``): the API of Modal's client documents, spelled in Python."""

from __future__ import annotations

from modal_lint.api.schema import Persists, api

_R = "modal_lint_runtime"
_CLIENT = "token_id:token, token_secret:token, environment, path, engine, backend"
_CONTAINER = "secrets:secrets, env:env"
_CALL = "*args:payload, **kwargs:payload"

ROWS = (
    api(f"{_R}.ModalClient", _CLIENT, f"{_R}.ModalClient", Persists.LOCAL),
    api(f"{_R}.AsyncModalClient", _CLIENT, f"{_R}.AsyncModalClient", Persists.LOCAL),
    api(f"{_R}.Secrets.from_name", "name, *, required_keys:keys, environment", f"{_R}.Secret", Persists.SECRET),
    api(f"{_R}.Secrets.from_object", "entries:secret-dict, *, environment", f"{_R}.Secret", Persists.SECRET),
    api(
        f"{_R}.Secrets.create",
        "name:label, entries:stored-secret, *, overwrite, environment",
        f"{_R}.Secret",
        Persists.SECRET,
    ),
    api(f"{_R}.Secrets.update", "name, entries:stored-secret, *, environment", f"{_R}.Secret", Persists.SECRET),
    api(f"{_R}.Secrets.list", "*, environment", persists=Persists.SECRET),
    api(f"{_R}.Secrets.delete", "name, *, allow_missing, environment", persists=Persists.SECRET),
    api(f"{_R}.Apps.from_name", "name:label, *, create_if_missing, environment", f"{_R}.App"),
    api(f"{_R}.Images.from_registry", "tag, secret:secret", f"{_R}.Image", Persists.IMAGE),
    api(
        f"{_R}.Image.dockerfile_commands",
        "commands:command, *, secrets:secrets, env:build-env",
        f"{_R}.Image",
        Persists.IMAGE,
    ),
    api(f"{_R}.Image.build", "app", f"{_R}.Image", Persists.IMAGE),
    api(
        f"{_R}.Sandboxes.create",
        f"app, image:image, *, {_CONTAINER}, command:argv, name:label, timeout, workdir",
        f"{_R}.Sandbox",
        Persists.INLINE,
    ),
    api(f"{_R}.Sandboxes.from_id", "sandbox_id", f"{_R}.Sandbox"),
    api(f"{_R}.Sandboxes.list", ""),
    api(f"{_R}.Sandbox.exec", f"command:argv, *, {_CONTAINER}", f"{_R}.Process", Persists.INLINE),
    api(f"{_R}.StreamWriter.write", "data:payload", persists=Persists.INPUT),
    api(f"{_R}.Functions.define", f"app, *, {_CONTAINER}, image:image", f"{_R}.Function", decorator=True),
    api(f"{_R}.Function.with_options", f"*, {_CONTAINER}", f"{_R}.Function"),
    api(f"{_R}.Function.remote", _CALL, persists=Persists.INPUT),
    api(f"{_R}.Function.spawn", _CALL, persists=Persists.INPUT),
    api(f"{_R}.Function.local", "*args, **kwargs", persists=Persists.LOCAL),
)
