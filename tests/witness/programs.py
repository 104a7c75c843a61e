"""Parts of the programs of the witnesses."""

from __future__ import annotations

SEE = (("    pass\n", "    import os\n\n    return dict(os.environ)\n"),)
"""Functions of an example give back what their container sees."""

SEE_SANDBOX = """
if type(sandbox).__module__.startswith("modal_lint_runtime"):
    lines = sandbox.exec(["env"]).stdout.read_text()
else:
    lines = sandbox.exec("env").stdout.read()
seen = dict(line.split("=", 1) for line in lines.splitlines() if "=" in line)
sandbox.terminate()
"""
"""What a process of the example's sandbox sees."""

SEE_ARGUMENTS = """
from witness.stage import arguments

seen = arguments("{mark}")
sandbox.terminate()
"""
"""The arguments of the process that has ``{mark}`` among them."""

PROGRAM = 'import os\n\nimport modal\n\napp = modal.App("program")\n'


def look(arguments: str) -> str:
    """What a new sandbox with these arguments sees."""
    create = f'sandbox = modal.Sandbox.create(app=modal.App.lookup("witness", create_if_missing=True), {arguments})'
    return create + SEE_SANDBOX


def waiting(program: str) -> tuple[str, str]:
    """The change that puts a process which waits, with the same arguments, in the place of a program's."""
    return f'"{program}"', f'"sh", "-c", "sleep 60; :", "{{mark}}", "{program}"'


def remote(call: str, *before: str) -> str:
    """Call a Function of the example's App while that runs; what it gives back is seen."""
    name, _, rest = call.partition("(")
    return "\n".join([*before, "with app.run():", f"    seen = {name}.remote({rest}"])


def called(call: str) -> str:
    """Call something here while the example's App runs; what it gives back is seen."""
    return f"with app.run():\n    seen = {call}"


DEPLOY = 'app.deploy(name="witness")'


def reference(*lines: str) -> str:
    """A program of the reference dialect, with a client, an App and an image."""
    head = (
        "import os",
        "",
        "from modal_lint_runtime import ModalClient",
        "",
        "client = ModalClient()",
        'app = client.apps.from_name("witness", create_if_missing=True)',
        'image = client.images.from_registry("python:3.13")',
    )
    return "\n".join([*head, *lines, ""])
