"""Family 2: a secret that the source does not hold is found where it should not be."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from git_server import make_repository, serve_git

from witness.claims import Leaks, Place, Raises, Witness
from witness.programs import PROGRAM, SEE_ARGUMENTS, SEE_SANDBOX, called, look, reference, remote, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_GITHUB = {"github-secret": {"GITHUB_TOKEN": "{value}"}}
_OPENAI = {"openai-secret": {"OPENAI_API_KEY": "{value}"}}
_BUILD = 'image.build(modal.App.lookup("witness", create_if_missing=True))\n'
_CLONED = "https://$GITHUB_TOKEN@github.com/acme/private"


@contextlib.contextmanager
def _private_repository(folder: Path, known: dict[str, str]) -> Iterator[None]:
    """A git server that lets in who knows the value; its address is ``{git}``."""
    make_repository(folder / "git")
    with serve_git(folder / "git", known["{value}"]) as port:
        known["{git}"] = f"127.0.0.1:{port}/private-repo.git"
        yield


_SERIALIZED = (
    PROGRAM
    + """TOKEN = os.environ.get("HF_TOKEN", "")


@app.function(serialized={})
def work():
    return len(TOKEN)
"""
)

WITNESSES = (
    Witness(
        "MS201",
        Leaks(Place.SENT),
        after=_BUILD,
        secrets={"huggingface-secret": {"HF_TOKEN": "{value}"}},
        variables={"HF_TOKEN": "{value}"},
    ),
    Witness(  # in a sandbox that is given nothing but the image
        "MS201",
        Leaks(Place.CONTAINER),
        after=_BUILD + look("image=image"),
        secrets={"huggingface-secret": {"HF_TOKEN": "{value}"}},
        variables={"HF_TOKEN": "{value}"},
    ),
    Witness(
        "MS202",
        Leaks(Place.IMAGE),
        change=((_CLONED, "http://$GITHUB_TOKEN@{git}"),),
        after=_BUILD,
        secrets=_GITHUB,
        layers=True,
        around=_private_repository,
    ),
    Witness(  # the local server has no builds by functions: asked is the SDK's code that collects what is pickled
        "MS203",
        Leaks(Place.PICKLE),
        after="from modal._utils.function_utils import FunctionSourceInfo\n\n"
        "seen = FunctionSourceInfo(download, serialized=True).get_globals()",
        variables={"HF_TOKEN": "{value}"},
    ),
    Witness(
        "MS203",
        Leaks(Place.SENT),
        _SERIALIZED.format(True),
        _SERIALIZED.format(False),
        after=remote("work()"),
        variables={"HF_TOKEN": "{value}"},
    ),
    Witness(
        "MS204",
        Leaks(Place.LOG),
        change=(("def report():", "def report():\n    print('a report')"),),
        after="with modal.enable_output(), app.run():\n    report.remote()",
        secrets=_OPENAI,
    ),
    Witness(
        "MS204",
        Leaks(Place.LOG),
        PROGRAM + "from modal.config import config\n\n\n@app.function()\ndef report():\n    print(config)\n",
        PROGRAM + "from modal.config import config\n\n\n@app.function()\ndef report():\n    print(type(config))\n",
        after="report.local()",
        variables={"MODAL_TOKEN_SECRET": "{value}"},
    ),
    Witness(
        "MS205",
        Leaks(Place.ARGUMENTS),
        change=(waiting("git"),),
        after=SEE_ARGUMENTS,
        secrets=_GITHUB,
        variables={"GITHUB_TOKEN": "{value}"},
    ),
    Witness(
        "MS205",
        Leaks(Place.ARGUMENTS),
        reference(
            "sandbox = client.sandboxes.create(app, image)",
            """sandbox.exec(["serve", f"--key={os.environ['API_KEY']}"])""",
        ),
        reference(
            "sandbox = client.sandboxes.create(app, image)",
            """sandbox.exec(["serve"], env={"API_KEY": os.environ["API_KEY"]})""",
        ),
        change=(waiting("serve"),),
        after=SEE_ARGUMENTS,
        variables={"API_KEY": "{value}"},
    ),
    Witness(
        "MS206",
        Leaks(Place.SENT),
        after=called("main()"),
        secrets=_GITHUB,
        variables={"GITHUB_TOKEN": "{value}"},
    ),
    Witness(
        "MS207",
        Leaks(Place.CONTAINER),
        after=SEE_SANDBOX,
        variables={"UNRELATED": "{value}", "OPENAI_API_KEY": "another one"},
    ),
    Witness(
        "MS207",
        Leaks(Place.CONTAINER),
        PROGRAM + 'modal.Secret.objects.create("all", os.environ)\n',
        PROGRAM + 'modal.Secret.objects.delete("all")\nmodal.Secret.objects.create("all", {"A": os.environ["A"]})\n',
        after=look('secrets=[modal.Secret.from_name("all")]'),
        variables={"UNRELATED": "{value}", "A": "1"},
    ),
    Witness(
        "MS207",
        Raises("InvalidError"),
        PROGRAM + "modal.Secret.from_dict(os.environ)\n",
        PROGRAM + 'modal.Secret.from_local_environ(["A"])\n',
        variables={"A": "1"},
    ),
    Witness(
        "MS207",
        Leaks(Place.CONTAINER),
        reference("sandbox = client.sandboxes.create(app, image, env=dict(os.environ))"),
        reference('sandbox = client.sandboxes.create(app, image, env={"A": os.environ["A"]})'),
        after=SEE_SANDBOX,
        variables={"UNRELATED": "{value}", "A": "1"},
    ),
    Witness(  # the local server has no outbound policies
        "MS208",
        Leaks(Place.CONTAINER),
        change=(
            (
                "_experimental_outbound_policy=policy",
                'app=modal.App.lookup("witness", create_if_missing=True)',
            ),
        ),
        after=SEE_SANDBOX,
        secrets=_OPENAI,
    ),
)

STORING = (
    "echo $TOKEN > /root/.token",
    'echo "token=${TOKEN}" >> /etc/app.conf',
    "printf '%s' \"$TOKEN\" | tee /root/.token",
    "env > /root/.env",
    "printenv TOKEN > /root/.token",
    "cat > /root/.netrc <<EOF\nmachine github.com login x password $TOKEN\nEOF",
    'git config --global url."https://$TOKEN@github.com/".insteadOf https://github.com/',
    "git init -q /r && cd /r && git remote add origin https://$TOKEN@github.com/acme/a",
    'echo here: TOKEN > /root/conf && sed -i "s/TOKEN/$TOKEN/" /root/conf',
    "pip config set global.index-url https://u:$TOKEN@pypi.invalid/simple",
)
"""Commands of a build step that keep its secret (MS202)."""

STORING_NOTHING = (
    "echo 'export TOKEN=$TOKEN' >> /root/.bashrc",
    'echo "export TOKEN=\\$TOKEN" >> /root/.bashrc',
    "cat > /root/start.sh <<'EOF'\nserve --token $TOKEN\nEOF",
    "echo $TOKEN > /dev/null && echo ${#TOKEN} > /root/length",
    "echo password $TOKEN > /root/.netrc && true && rm /root/.netrc",
    "git config --global credential.helper '!f() { echo password=$TOKEN; }; f'",
    "git init -q /r && cd /r && git remote add origin https://$TOKEN@github.com/a/b && cd / && rm -rf /r/.git",
)
