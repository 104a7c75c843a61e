"""Sandboxes through a helper: the environment passes two functions and a ** before it reaches Modal."""

import modal


def options(environment: dict[str, str], **extra: object) -> dict[str, object]:
    return {"env": {"PYTHONUNBUFFERED": "1", **environment}, "timeout": 600, **extra}


def start(app: modal.App, *command: str, **environment: str) -> modal.Sandbox:
    return modal.Sandbox.create(*command, app=app, **options(environment, workdir="/srv"))


def main() -> None:
    app = modal.App.lookup("support-bot", create_if_missing=True)
    sandbox = start(app, "python", "worker.py", GATEWAY_TOKEN="gw64amberTh1mble")
    sandbox.exec("backup", "--password=s1lverCany0n23")
    sandbox.terminate()
