"""Images: constructors and build steps. What goes in stays in the definition and in every derived image."""

from __future__ import annotations

from modal_lint.api.schema import Api, Persists, api

_IMAGE = "modal.Image"
_ENV = "env:build-env, secrets:secrets"
_INDEX = "index_url:url, extra_index_url:url, pre, extra_options:command"
_REGISTRY = "tag, secret:secret, *, setup_dockerfile_commands:command, force_build, add_python, **kwargs"


def _image(
    method: str,
    signature: str,
    persists: Persists = Persists.IMAGE,
    *,
    since: str | None = None,
    until: str | None = None,
) -> Api:
    return api(f"{_IMAGE}.{method}", signature, _IMAGE, persists, since=since, until=until)


CONSTRUCTORS = (
    _image("debian_slim", "python_version, force_build"),
    _image("micromamba", "python_version, force_build"),
    _image("from_scratch", "force_build"),
    _image("from_id", "image_id, client"),
    _image("from_name", "name, *, environment_name, client", since="1.5.0"),
    _image("from_registry", _REGISTRY),
    _image("from_aws_ecr", _REGISTRY),
    _image("from_gcp_artifact_registry", _REGISTRY),
    _image(
        "from_dockerfile",
        "path, *, force_build, context_dir, ignore:ignore, build_args:build-args, registry_secret:secret, "
        "secrets:secrets, env:build-env, gpu, add_python",
    ),
    _image("from_dockerhub", "tag, setup_dockerfile_commands:command, force_build, **kwargs", until="1.6.4"),
    _image("from_ecr", _REGISTRY, until="1.6.4"),
)

STEPS = (
    _image("env", "vars:image-env"),
    _image("run_commands", f"*commands:command, {_ENV}, volumes, gpu, force_build"),
    _image(
        "dockerfile_commands",
        f"*dockerfile_commands:command, context_files:files, {_ENV}, gpu, context_dir, force_build, ignore:ignore, "
        "build_args:build-args",
    ),
    _image("pip_install", f"*packages:package, find_links:url, {_INDEX}, force_build, {_ENV}, gpu"),
    _image(
        "pip_install_from_requirements",
        f"requirements_txt:file, find_links:url, *, {_INDEX}, force_build, {_ENV}, gpu",
    ),
    _image(
        "pip_install_from_pyproject",
        f"pyproject_toml:file, optional_dependencies, *, find_links:url, {_INDEX}, force_build, {_ENV}, gpu",
    ),
    _image(
        "pip_install_private_repos",
        f"*repositories:package, git_user:git-user, find_links:url, {_INDEX}, gpu, {_ENV}, force_build",
    ),
    _image(
        "uv_pip_install",
        f"*packages:package, requirements:files, find_links:url, {_INDEX}, force_build, uv_version, {_ENV}, gpu",
    ),
    _image(
        "uv_sync",
        f"uv_project_dir, *, force_build, groups, extras, frozen, extra_options:command, uv_version, {_ENV}, gpu",
    ),
    _image(
        "poetry_install_from_file",
        "poetry_pyproject_toml:file, poetry_lockfile:file, *, ignore_lockfile, force_build, with_, without, only, "
        f"poetry_version, old_installer, {_ENV}, gpu",
    ),
    _image("apt_install", f"*packages:package, force_build, {_ENV}, gpu"),
    _image("micromamba_install", f"*packages:package, spec_file:file, channels:url, force_build, {_ENV}, gpu"),
    _image(
        "run_function",
        f"raw_f, *, {_ENV}, volumes, network_file_systems, gpu, cpu, memory, timeout, cloud, region, force_build, "
        "args:build-payload, kwargs:build-payload, include_source",
    ),
    _image("entrypoint", "entrypoint_commands:image-argv"),
    _image("cmd", "cmd:image-argv"),
    _image("shell", "shell_commands:image-argv"),
    _image("workdir", "path"),
    _image("pipe", "func, *args, **kwargs"),
    _image("build", "app"),
    _image("hydrate", "client"),
    _image("add_local_file", "local_path:file, remote_path, *, copy", Persists.FILE),
    _image("add_local_dir", "local_path:directory, remote_path, *, copy, ignore:ignore", Persists.FILE),
    _image("add_local_python_source", "*modules, copy, ignore:ignore", Persists.FILE),
    _image("copy_local_file", "local_path:file, remote_path", Persists.FILE, until="1.1.0"),
    _image("copy_local_dir", "local_path:directory, remote_path, ignore:ignore", Persists.FILE, until="1.1.0"),
    _image("copy_mount", "mount, remote_path", Persists.FILE, until="1.6.4"),
    _image("copy", "mount, remote_path", Persists.FILE, until="1.6.4"),
    api(f"{_IMAGE}.imports", ""),
    api(
        f"{_IMAGE}.publish",
        "name:label, *, environment_name, experimental_options:label, client",
        persists=Persists.IMAGE,
        since="1.5.0",
    ),
)

ROWS = (*CONSTRUCTORS, *STEPS)
