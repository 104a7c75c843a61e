"""The same calls as `precedence_python.py`, made with the in-process client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from precedence_cases import NAMED, Case, contents

if TYPE_CHECKING:
    from modal_lint_runtime import Function, ModalClient, Secret

SHOW = ("env", "-0")


def show_environment() -> dict[str, str]:
    import os

    return dict(os.environ)


def parsed(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.split("\0") if line)


class ClientRuns:
    """Makes the calls; the named Secrets are there already."""

    def __init__(self, client: ModalClient) -> None:
        self._client = client
        self._image = client.images.from_registry("python:3.13").env(contents()["image"])
        self._app = client.apps.from_name("precedence", create_if_missing=True)

    def run(self, case: Case) -> dict[str, str]:
        """What the process of a case saw."""
        found: dict[str, str] = getattr(self, case.target)(case)
        return found

    def create(self, case: Case) -> dict[str, str]:
        with self._client.sandboxes.create(self._app, self._image, command=SHOW, **self._given(case)) as sandbox:
            return parsed(sandbox.stdout.read_text())

    def exec(self, case: Case) -> dict[str, str]:
        with self._client.sandboxes.create(self._app, self._image, secrets=self._secrets(("sandbox",))) as sandbox:
            return parsed(sandbox.exec(SHOW, **self._given(case)).stdout.read_text())

    def build(self, case: Case) -> dict[str, str]:
        image = self._image.dockerfile_commands([f"RUN : client {case.id}; env -0 > /seen"], **self._given(case))
        with self._client.sandboxes.create(self._app, image, command=("cat", "/seen")) as sandbox:
            return parsed(sandbox.stdout.read_text())

    def function(self, case: Case) -> dict[str, str]:
        return self._defined(self._given(case)).remote()

    def options(self, case: Case) -> dict[str, str]:
        return self._defined({"secrets": self._secrets(("function",))}).with_options(**self._given(case)).remote()

    def chained(self, case: Case) -> dict[str, str]:
        given = self._given(case)
        function = self._defined({"secrets": self._secrets(("function",))})
        return function.with_options(secrets=given["secrets"]).with_options(env=given["env"]).remote()

    def _defined(self, own: dict[str, Any]) -> Function[[], dict[str, str]]:
        app = self._client.apps.from_name("precedence", create_if_missing=True, secrets=self._secrets(("app",)))
        return self._client.functions.define(app, image=self._image, **own)(show_environment)

    def _given(self, case: Case) -> dict[str, Any]:
        return {"secrets": self._secrets(case.secrets), "env": contents()["env"] if case.env else None}

    def _secrets(self, labels: tuple[str, ...]) -> list[Secret]:
        secrets = self._client.secrets
        return [
            secrets.from_name(label.replace(" ", "-")) if label in NAMED else secrets.from_object(contents()[label])
            for label in labels
        ]
