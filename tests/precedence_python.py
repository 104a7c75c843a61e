"""A program for the real Python SDK: makes the calls it is given and prints what each one's process saw.

Reads `{"contents": {label: {key: value}}, "named": [label], "cases": [case]}` and prints `{case: {variable: value}}`.
The named Secrets are there already; `deployed` is deployed and left for other SDKs.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import modal

ASKED: dict[str, Any] = json.load(sys.stdin)
CONTENTS: dict[str, dict[str, str]] = ASKED["contents"]
SHOW = ("env", "-0")


def secrets(labels: list[str]) -> list[modal.Secret]:
    return [
        modal.Secret.from_name(label.replace(" ", "-"))
        if label in ASKED["named"]
        else modal.Secret.from_dict(dict(CONTENTS[label]))
        for label in labels
    ]


def given(case: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call."""
    return {"secrets": secrets(case["secrets"]), "env": dict(CONTENTS["env"]) if case["env"] else None}


def parsed(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.split("\0") if line)


def show_environment() -> dict[str, str]:
    import os

    return dict(os.environ)


class Runs:
    """Makes the calls."""

    def __init__(self) -> None:
        self.image = modal.Image.from_registry("python:3.13").env(dict(CONTENTS["image"]))
        self.app = modal.App.lookup("precedence", create_if_missing=True)

    def create(self, case: dict[str, Any]) -> dict[str, str]:
        sandbox = modal.Sandbox.create(*SHOW, app=self.app, image=self.image, **given(case))
        return parsed(sandbox.stdout.read())

    def exec(self, case: dict[str, Any]) -> dict[str, str]:
        sandbox = modal.Sandbox.create(app=self.app, image=self.image, secrets=secrets(["sandbox"]))
        output: str = sandbox.exec(*SHOW, **given(case)).stdout.read()
        sandbox.terminate()
        return parsed(output)

    def build(self, case: dict[str, Any]) -> dict[str, str]:
        image = self.image.dockerfile_commands([f"RUN : python {case['id']}; env -0 > /seen"], **given(case))
        sandbox = modal.Sandbox.create("cat", "/seen", app=self.app, image=image)
        return parsed(sandbox.stdout.read())

    def function(self, case: dict[str, Any]) -> dict[str, str]:
        return self.called(given(case), [])

    def options(self, case: dict[str, Any]) -> dict[str, str]:
        return self.called({"secrets": secrets(["function"])}, [given(case)])

    def chained(self, case: dict[str, Any]) -> dict[str, str]:
        own = given(case)
        return self.called({"secrets": secrets(["function"])}, [{key: own[key]} for key in ("secrets", "env")])

    def called(self, own: dict[str, Any], options: list[dict[str, Any]]) -> dict[str, str]:
        app = self.define("precedence-run", own)
        with app.run():
            function = app.registered_functions["seen"]
            for each in options:
                function = function.with_options(**each)
            found: dict[str, str] = function.remote()
            return found

    def define(self, name: str, own: dict[str, Any]) -> modal.App:
        app = modal.App(name, image=self.image, secrets=secrets(["app"]))
        app.function(name="seen", serialized=True, **own)(show_environment)
        return app


if __name__ == "__main__":
    runs = Runs()
    if ASKED.get("deploy"):
        runs.define("deployed", {"secrets": secrets(["function"])}).deploy()
    print(json.dumps({case["id"]: getattr(runs, case["target"])(case) for case in ASKED["cases"]}))
