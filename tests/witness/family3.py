"""Family 3: it runs, and the container has other variables than the code says."""

from __future__ import annotations

from witness.claims import FIX, Container, Ignored, Later, Raises, Silent, Witness
from witness.programs import DEPLOY, PROGRAM, SEE, SEE_SANDBOX, called, look, reference, remote

_OPENAI = {"openai-secret": {"OPENAI_API_KEY": "of the Secret"}}
_DOTENV = {".env": "STAGE=of .env\n", ".env.prod": "STAGE=of .env.prod\n"}
_BUILD = 'image.build(modal.App.lookup("witness", create_if_missing=True))\n'
_STRIPE = {"stripe-secret": {"STRIPE_API_KEY": "old"}}
WITNESSES = (
    Witness(
        "MS301",
        Container("STAGE", "of .env", "of .env.prod"),
        good=FIX,
        change=SEE,
        after=remote("charge()"),
        files=_DOTENV,
    ),
    Witness(
        "MS302",
        Container("STRIPE_API_KEY", None, "of the Secret"),
        change=SEE,
        after=remote("charge()"),
        secrets={"stripe-secret": {"STRIPE_API_KEY": "of the Secret"}},
    ),
    Witness(
        "MS303",
        Container("OPENAI_API_KEY", None, "of the Secret"),
        good=FIX,
        change=SEE,
        after=remote("debugging('why?')"),
        secrets=_OPENAI,
    ),
    Witness(
        "MS304",
        Container("OPENAI_API_KEY", "of the Secret", None),
        change=SEE,
        after=remote("untrusted('why?')"),
        secrets=_OPENAI,
    ),
    Witness(  # a second call undoes the first
        "MS304",
        Container("OPENAI_API_KEY", None, "of the Secret"),
        PROGRAM
        + """secret = modal.Secret.from_name("openai-secret")


@app.function()
def answer():
    pass


debugging = answer.with_options(secrets=[secret]).with_options(env={"DEBUG": "1"})
""",
        PROGRAM
        + """secret = modal.Secret.from_name("openai-secret")


@app.function()
def answer():
    pass


debugging = answer.with_options(secrets=[secret], env={"DEBUG": "1"})
""",
        change=SEE,
        after=remote("debugging()"),
        secrets=_OPENAI,
    ),
    Witness(  # keys of two kinds: the SDK refuses them where it looks at them
        "MS306",
        Silent("with credentials that are never looked at", "InvalidError"),
        good=FIX,
        after=_BUILD,
        secrets={"registry": {"REGISTRY_USERNAME": "u", "REGISTRY_PASSWORD": "p", "SERVICE_ACCOUNT_JSON": "{}"}},
    ),
    Witness(  # without its Secret: the SDK asks for one where it sees a reference
        "MS307",
        Silent("with a reference that is taken for plain text", "InvalidError"),
        change=(("    secret=secret,\n", ""),),
        after=look("_experimental_outbound_policy=policy"),
        secrets=_OPENAI,
    ),
    Witness(
        "MS307",
        Raises("ImageBuildError"),
        """import modal

secret = modal.Secret.from_name("index")
image = modal.Image.debian_slim().pip_install("acme", index_url="file:///$INDEX/simple", secrets=[secret])
""",
        """import modal

secret = modal.Secret.from_name("index")
options = "--index-url file:///$INDEX/simple"
image = modal.Image.debian_slim().pip_install("pip", extra_options=options, secrets=[secret])
""",
        after=_BUILD,
        secrets={"index": {"INDEX": "tmp"}},
        layers=True,
    ),
    Witness(
        "MS308",
        Container("OPENAI_API_KEY", "of main", "of prod"),
        good=FIX,
        after=SEE_SANDBOX,
        secrets={
            "openai-secret": {"OPENAI_API_KEY": "of main"},
            "prod/openai-secret": {"OPENAI_API_KEY": "of prod"},
        },
    ),
    Witness("MS309", Later("NotFoundError"), after="secret.hydrate()"),
    Witness(
        "MS310",
        Silent("without the variable", "InvalidError"),
        good=FIX,
        after=look("secrets=[secret]") + 'assert "HF_TOKEN" not in seen\n',
    ),
    Witness(
        "MS311",
        Container("OPENAI_API_KEY", "unused", "of the Secret"),
        change=SEE,
        after=remote("answer()"),
        secrets=_OPENAI,
    ),
    Witness(
        "MS312",
        Raises("KeyError", "in the container"),
        good=FIX,
        after=remote("train()"),
        secrets={"wandb-secret": {"WANDB_API_KEY": "k"}},
        then={"wandb-secret": {"WANDB_API_KEY": "k", "WANDB_ENTITY": "us"}},
    ),
    Witness(
        "MS313",
        Container("STRIPE_API_KEY", "old", "new"),
        after=look('secrets=[modal.Secret.from_name("stripe-secret")]'),
        secrets=_STRIPE,
        variables={"STRIPE_API_KEY": "new"},
    ),
    Witness(
        "MS314",
        Raises("RemoteError", "in what is deployed"),
        change=(("\n\n@app.local", "\n\n@app.function()\ndef see():\n    pass\n\n\n@app.local"), *SEE),
        after=DEPLOY + '\nrotate("new")\nseen = modal.Function.from_name("witness", "see").remote()',
        secrets=_STRIPE,
    ),
    Witness("MS315", Ignored("MODAL_REGION", "eu"), good=FIX, after=SEE_SANDBOX),
    Witness(
        "MS315",
        Ignored("MODAL_TASK_ID", "mine"),
        PROGRAM + '@app.function(env={"MODAL_TASK_ID": "mine"})\ndef see():\n    pass\n',
        FIX,
        change=SEE,
        after=remote("see()"),
    ),
    Witness("MS316", Raises("KeyError"), after=called("main()"), secrets=_OPENAI),
    Witness(
        "MS317",
        Raises("KeyError", "in the container"),
        good=FIX,
        after=remote("clean_up()"),
        variables={"OPENAI_API_KEY": "of the machine"},
    ),
    # The same in the reference dialect.
    Witness(
        "MS310",
        Container("MODE", None, "fast"),
        reference('sandbox = client.sandboxes.create(app, image, env={"MODE": os.environ.get("MODE")})'),
        reference('sandbox = client.sandboxes.create(app, image, env={"MODE": os.environ.get("MODE", "fast")})'),
        after=SEE_SANDBOX,
    ),
    Witness(
        "MS311",
        Container("OPENAI_API_KEY", "unused", "of the Secret"),
        reference(
            'key = client.secrets.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])',
            'sandbox = client.sandboxes.create(app, image, secrets=[key], env={"OPENAI_API_KEY": "unused"})',
        ),
        reference(
            'key = client.secrets.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])',
            "sandbox = client.sandboxes.create(app, image, secrets=[key])",
        ),
        after=SEE_SANDBOX,
        secrets=_OPENAI,
    ),
    Witness(
        "MS314",
        Raises("NotFoundError"),
        reference(
            'key = client.secrets.from_name("stripe-secret")',
            'client.secrets.delete("stripe-secret")',
            "client.sandboxes.create(app, image, secrets=[key]).terminate()",
        ),
        reference(
            'key = client.secrets.from_name("stripe-secret")',
            'client.secrets.update("stripe-secret", {"STRIPE_API_KEY": "new"})',
            "client.sandboxes.create(app, image, secrets=[key]).terminate()",
        ),
        secrets=_STRIPE,
    ),
)
