"""Family 4: the call raises the class that the rule's file says, and written as the fix writes it, it does not."""

from __future__ import annotations

from witness.claims import FIX, Raises, Witness
from witness.programs import DEPLOY, reference

NOTHING = ""  # there is no other way to write it
_PLAIN = {"plain": {"TOKEN": "x", "OTHER": "y", "A": "1"}}
_BUILD = 'image.build(modal.App.lookup("witness", create_if_missing=True))'
APP = "app = modal.App('family4', include_source=False)\n"
FUNCTION = "\ndef work():\n    pass\n"
CLASS = "\nclass Model:\n    pass\n"
IMAGE = "image = modal.Image.debian_slim()\n"
PLAIN = "plain = modal.Secret.from_name('plain')\n"


def _case(code: str, raises: str, bad: str, good: str = FIX) -> Witness:
    fixed = good if good is FIX else f"import modal\n\n{good}\n"
    return Witness(code, Raises(raises), f"import modal\n\n{bad}\n", fixed, secrets=_PLAIN)


# Refused at the call: nothing of it reaches a network.
_AT_ONCE = (
    _case("MS401", "InvalidError", "modal.Secret.from_dict({'PORT': 8080, 'RATIO': 0.5})"),
    _case("MS401", "InvalidError", "modal.Secret.from_dict({'DEBUG': True})"),
    _case("MS401", "InvalidError", "modal.Secret.from_dict({'DATA': b'abc'})"),
    _case("MS401", "InvalidError", "modal.Secret.from_dict({'A': ['x']})", "modal.Secret.from_dict({'A': 'x'})"),
    _case("MS401", "InvalidError", "modal.Secret.from_dict(['A=1'])", "modal.Secret.from_dict({'A': '1'})"),
    _case("MS401", "InvalidError", "modal.Secret.from_dict(None)", "modal.Secret.from_dict({})"),
    _case("MS401", "InvalidError", APP + "@app.function(env={'PORT': 8080})" + FUNCTION),
    _case("MS401", "InvalidError", APP + "@app.cls(env={'PORT': 8080})" + CLASS),
    _case("MS401", "InvalidError", "PORT = 8080\n" + IMAGE + "image.env({'PORT': PORT})"),
    _case("MS401", "InvalidError", IMAGE + "image.env({'A': None})", IMAGE + "image.env({})"),
    _case("MS401", "AttributeError", IMAGE + "image.env('A=1')", IMAGE + "image.env({'A': '1'})"),
    _case("MS401", "InvalidError", IMAGE + "image.run_commands('env', env={'PORT': 8080})"),
    _case("MS402", "InvalidError", "modal.Secret.from_dict({1: 'x'})", "modal.Secret.from_dict({'ONE': 'x'})"),
    _case("MS404", "InvalidError", "modal.Secret.from_local_environ('PATH')"),
    _case("MS404", "TypeError", "modal.Secret.from_local_environ('PATH', 'PATH')"),
    _case("MS404", "TypeError", "modal.Secret.from_local_environ(None)", "modal.Secret.from_local_environ([])"),
    _case("MS405", "InvalidError", "modal.App('a', secrets=['plain'])"),
    _case("MS405", "InvalidError", IMAGE + "image.run_commands('env', secrets=['plain'])"),
    _case("MS406", "InvalidError", PLAIN + "modal.App('a', secrets=plain)"),
    _case("MS406", "InvalidError", "modal.App('a', secrets=None)"),
    _case("MS406", "InvalidError", PLAIN + "modal.App('a', secrets={plain})"),
    _case("MS406", "TypeError", PLAIN + APP + "@app.function(secrets=plain)" + FUNCTION),
    _case("MS406", "TypeError", PLAIN + APP + "@app.cls(secrets=plain)" + CLASS),
    _case("MS406", "TypeError", PLAIN + IMAGE + "image.run_commands('env', secrets=plain)"),
    _case("MS406", "InvalidError", PLAIN + IMAGE + "image.run_commands('env', secrets=(one for one in [plain]))"),
    _case("MS406", "InvalidError", PLAIN + IMAGE + "image.run_commands('env', secrets={'a': plain}.values())"),
    _case(
        "MS409",
        "InvalidError",
        IMAGE + "image.pip_install_private_repos('github.com/a/b', git_user='bot')",
        PLAIN + IMAGE + "image.pip_install_private_repos('github.com/a/b', git_user='bot', secrets=[plain])",
    ),
    _case(
        "MS409",
        "InvalidError",
        PLAIN + IMAGE + "image.pip_install_private_repos('https://github.com/a/b', git_user='x', secrets=[plain])",
        PLAIN + IMAGE + "image.pip_install_private_repos('github.com/a/b', git_user='x', secrets=[plain])",
    ),
    _case("MS410", "AttributeError", "modal.Stub('old')"),
    _case("MS410", "ImportError", "from modal import Stub\nStub('old')"),
    _case("MS410", "ImportError", "from modal import App, Stub as Old\nOld('old')\nApp('new')"),
    _case("MS410", "AttributeError", "modal.Secret.lookup('plain')"),
    _case("MS410", "AttributeError", "modal.Volume.lookup('plain', create_if_missing=True)"),
    _case("MS410", "AttributeError", "modal.Function.lookup('app', 'function')"),
    _case("MS410", "InvalidError", "modal.Secret({'A': '1'})"),
    _case("MS410", "TypeError", "modal.Secret.from_name('plain', namespace='x')"),
    _case("MS410", "TypeError", "modal.Secret.from_name(label='plain')"),
    _case("MS410", "TypeError", PLAIN + APP + "@app.function(secret=plain)" + FUNCTION),
    _case("MS410", "TypeError", PLAIN + APP + "@app.cls(secret=plain)" + CLASS),
    _case("MS410", "TypeError", PLAIN + "modal.CloudBucketMount('data', secrets=[plain])"),
    _case("MS410", "TypeError", PLAIN + "modal.Image.from_aws_ecr('x', secrets=[plain])"),
    _case("MS410", "DeprecationError", APP + "@app.function()\n@modal.web_endpoint(method='POST')" + FUNCTION),
    _case(
        "MS410",
        "DeprecationError",
        "from modal import web_endpoint\n" + APP + "@app.function()\n@web_endpoint()" + FUNCTION,
    ),
    _case(
        "MS410",
        "AttributeError",
        IMAGE + "image.copy_local_file('a', '/a')",
        IMAGE + "image.add_local_file('a', '/a')",
    ),
)

LOOKED_UP = "app = modal.App.lookup('family4', create_if_missing=True)\n"
DEPLOYED = "\n\napp.deploy()\n"
POLICY = "import modal.experimental\npolicy = modal.experimental.OutboundPolicy().with_header_replacement("
GIVEN = ")\nmodal.Sandbox.create(app=app, _experimental_outbound_policy=policy).terminate()"
BUCKET = "@app.function(volumes={'/data': bucket})" + FUNCTION + DEPLOYED
DOCKER, REGISTRY = "DOCKER_USERNAME", "REGISTRY_USERNAME"
LOGIN = "login = modal.Secret.from_dict({'%s': 'a', '%s': 'b'})\n"
PULL = "modal.Image.from_registry('python:3.12', secret=login).build(app)"

# Refused when it is deployed, run or used; the service behind it is this project's own.
_AT_USE = (
    _case("MS401", "TypeError", "modal.Secret.objects.create('new-1', {'PORT': 8080})"),
    _case("MS401", "TypeError", "modal.Secret.objects.create('new-2', {'A': None})", NOTHING),
    _case("MS401", "InvalidError", PLAIN + "plain.update({'PORT': 8080})"),
    _case("MS401", "InvalidError", PLAIN + "plain.update({'A': None})", NOTHING),
    _case("MS401", "InvalidError", LOOKED_UP + "modal.Sandbox.create(app=app, env={'PORT': 8080}).terminate()"),
    _case("MS402", "InvalidError", LOOKED_UP + "modal.Sandbox.create(app=app, env={'my-key': '1'})", NOTHING),
    _case("MS402", "InvalidError", LOOKED_UP + "modal.Sandbox.create(app=app, env={'': '1'})", NOTHING),
    _case(
        "MS401",
        "TypeError",
        LOOKED_UP + "box = modal.Sandbox.create(app=app)\nbox.exec('true', env={'PORT': 8080})\nbox.terminate()",
    ),
    _case("MS403", "InvalidError", "modal.Secret.objects.create('my secret', {'A': '1'})", NOTHING),
    _case("MS403", "NotFoundError", "modal.Secret.from_name('my secret').hydrate()", NOTHING),
    _case("MS403", "TypeError", "modal.Secret.from_name(5).hydrate()", NOTHING),
    _case("MS404", "ConflictError", "modal.Secret.from_name('plain', required_keys='TOKEN').hydrate()"),
    _case("MS404", "ConflictError", "modal.Secret.from_name('plain', required_keys='TOKEN, OTHER').hydrate()"),
    _case("MS404", "TypeError", "modal.Secret.from_name('plain', required_keys=[1]).hydrate()", NOTHING),
    _case("MS405", "AttributeError", APP + "@app.function(secrets=['plain'])" + FUNCTION + DEPLOYED),
    _case("MS405", "AttributeError", APP + "@app.function(secrets='plain')" + FUNCTION + DEPLOYED),
    _case("MS405", "AttributeError", APP + "@app.function(secrets={'LEVEL': 'debug'})" + FUNCTION + DEPLOYED),
    _case("MS405", "AttributeError", LOOKED_UP + "modal.Sandbox.create(app=app, secrets=['plain']).terminate()"),
    _case(
        "MS405",
        "AttributeError",
        APP + "bucket = modal.CloudBucketMount('data', secret='plain')\n" + BUCKET,
    ),
    _case(
        "MS405",
        "AttributeError",
        LOOKED_UP + "modal.Image.from_registry('python:3.12', secret='plain').build(app)",
        NOTHING,
    ),
    _case(
        "MS406", "AttributeError", PLAIN + APP + "@app.function(secrets=(one for one in [plain]))" + FUNCTION + DEPLOYED
    ),
    _case("MS406", "AttributeError", PLAIN + APP + "@app.function(secrets={plain})" + FUNCTION + DEPLOYED),
    _case("MS406", "TypeError", PLAIN + LOOKED_UP + "modal.Sandbox.create(app=app, secrets=plain).terminate()"),
    _case("MS406", "AttributeError", PLAIN + LOOKED_UP + "modal.Sandbox.create(app=app, secrets={plain}).terminate()"),
    _case("MS408", "InvalidError", LOOKED_UP + LOGIN % (DOCKER, "DOCKER_PASSWORD") + PULL, NOTHING),
    _case("MS408", "InvalidError", LOOKED_UP + LOGIN % (REGISTRY, "OTHER") + PULL, NOTHING),
    _case(
        "MS409",
        "ValueError",
        APP + "bucket = modal.CloudBucketMount('data', requester_pays=True)\n" + BUCKET,
        PLAIN + APP + "bucket = modal.CloudBucketMount('data', requester_pays=True, secret=plain)\n" + BUCKET,
    ),
    _case(
        "MS409",
        "InvalidError",
        LOOKED_UP + POLICY + "domain='a.example.com', headers={'A': '$TOKEN'}" + GIVEN,
        PLAIN + LOOKED_UP + POLICY + "domain='a.example.com', headers={'A': '$TOKEN'}, secret=plain" + GIVEN,
    ),
    _case(
        "MS409",
        "InvalidError",
        "values = modal.Secret.from_dict({'TOKEN': 'x'})\n"
        + LOOKED_UP
        + POLICY
        + "domain='a.example.com', headers={'A': '$TOKEN'}, secret=values"
        + GIVEN,
        NOTHING,
    ),
    _case("MS409", "InvalidError", LOOKED_UP + POLICY + "domain='https://a.b', headers={'A': 'b'}" + GIVEN, NOTHING),
    _case(
        "MS409",
        "InvalidError",
        LOOKED_UP + "modal.Sandbox.create(app=app, _experimental_persistent=True, env={'A': '1'})",
        NOTHING,
    ),
)

_DEPLOYED = "when it is deployed"
_PAGES = (
    Witness("MS401", Raises("InvalidError"), good=FIX),
    Witness("MS402", Raises("InvalidError"), after="sandbox.terminate()"),
    Witness("MS403", Raises("NotFoundError", _DEPLOYED), after=DEPLOY, secrets={"openai-secret": {"A": "1"}}),
    Witness(
        "MS404",
        Raises("ConflictError", _DEPLOYED),
        good=FIX,
        after=DEPLOY,
        secrets={"huggingface-secret": {"HF_TOKEN": "t"}},
    ),
    Witness(
        "MS405",
        Raises("AttributeError", _DEPLOYED),
        good=FIX,
        after=DEPLOY,
        secrets={"huggingface-secret": {"HF_TOKEN": "t"}},
    ),
    Witness("MS406", Raises("TypeError"), good=FIX),
    Witness(
        "MS408",
        Raises("InvalidError", "when the image is built"),
        after=_BUILD,
        variables={
            "DOCKER_USERNAME": "u",
            "DOCKER_PASSWORD": "p",
            "REGISTRY_USERNAME": "u",
            "REGISTRY_PASSWORD": "p",
        },
    ),
    Witness(
        "MS409",
        Raises("ValueError", "when the bucket is attached"),
        after=APP + "\n\n@app.function(volumes={'/data': bucket})" + FUNCTION + "\n\n" + DEPLOY,
        secrets={"s3-bucket-secret": {"AWS_ACCESS_KEY_ID": "i", "AWS_SECRET_ACCESS_KEY": "k"}},
    ),
    Witness("MS410", Raises("TypeError"), good=FIX),
)
_CREATED = "client.sandboxes.create(app, image, {}).terminate()"
_KEYED = 'key = client.secrets.from_name("plain")'
_WRONG_KEYS = """key = client.secrets.from_name("plain", required_keys=["TOKEN", "OTHER"])
client.images.from_registry("python:3.13", secret=key).build(app)"""


def _refused(code: str, raises: str, bad: str, good: str = FIX) -> Witness:
    fixed = good if good is FIX else reference(good)
    return Witness(code, Raises(raises), reference(bad), fixed, secrets=_PLAIN)


_REFERENCE = (
    _refused("MS401", "InvalidError", _CREATED.format('env={"PORT": 8080}')),
    _refused("MS401", "InvalidError", 'client.secrets.from_object({"DEBUG": True})'),
    _refused("MS402", "InvalidError", 'client.secrets.from_object({"my-key": "x"})', NOTHING),
    _refused("MS403", "InvalidError", 'client.secrets.create("my secret", {"A": "1"})', NOTHING),
    _refused("MS403", "NotFoundError", 'client.secrets.from_name("my secret")', NOTHING),
    _refused("MS404", "InvalidError", 'client.secrets.from_name("plain", required_keys="TOKEN")'),
    _refused("MS405", "InvalidError", _CREATED.format('secrets=["plain"]')),
    _refused("MS406", "InvalidError", f"{_KEYED}\n" + _CREATED.format("secrets=key")),
    _refused("MS408", "InvalidError", _WRONG_KEYS, NOTHING),
)
WITNESSES = (*_PAGES, *_AT_ONCE, *_AT_USE, *_REFERENCE)
