"""Family 1: the value in the source gets where the rule says; fixed, it is a Secret's, or gone."""

from __future__ import annotations

from textwrap import indent

from witness.claims import FIX, Hardcoded, Leaks, Opens, Place, Witness
from witness.programs import DEPLOY, SEE, SEE_ARGUMENTS, SEE_SANDBOX, called, look, reference, remote, waiting

_WITHOUT_PACKAGE = ('.pip_install("wandb")', "")
_KEYED = {"openai-secret": {"OPENAI_API_KEY": "another one"}}

WITNESSES = (
    Witness("MS101", Hardcoded(), good=FIX, after=SEE_SANDBOX),
    Witness(
        "MS101",
        Hardcoded(),
        reference('sandbox = client.sandboxes.create(app, image, env={"API_KEY": "⟨openai⟩"})'),
        FIX,
        after=SEE_SANDBOX,
    ),
    Witness(
        "MS101",
        Hardcoded(),
        reference(
            "sandbox = client.sandboxes.create(app, image)",
            'process = sandbox.exec(["env"], env={"API_KEY": "⟨openai⟩", "MODE": "fast"})',
        ),
        FIX,
        after="seen = process.stdout.read_text()\nsandbox.terminate()",
    ),
    Witness(
        "MS101",
        Hardcoded(),
        reference(
            "",
            "",
            '@client.functions.define(app, env={"API_KEY": "⟨openai⟩"})',
            "def work():",
            "    pass",
        ),
        FIX,
        change=SEE,
        after="seen = work.remote()",
    ),
    Witness("MS102", Hardcoded(), good=FIX, change=SEE, after=remote("download()")),
    Witness(
        "MS102",
        Hardcoded(),
        reference(
            'keys = client.secrets.from_object({"API_KEY": "⟨openai⟩"})',
            "sandbox = client.sandboxes.create(app, image, secrets=[keys])",
        ),
        FIX,
        after=SEE_SANDBOX,
    ),
    Witness("MS103", Leaks(Place.SENT), good=FIX, change=(_WITHOUT_PACKAGE, *SEE), after=remote("train()")),
    Witness("MS103", Hardcoded(), good=FIX, change=(_WITHOUT_PACKAGE, *SEE), after=remote("train()")),
    Witness(
        "MS103",
        Hardcoded(),
        reference(
            'image = image.dockerfile_commands(["ENV API_KEY=⟨openai⟩"])',
            "sandbox = client.sandboxes.create(app, image.build(app))",
        ),
        reference(
            'keys = client.secrets.from_name("openai-secret")',
            "sandbox = client.sandboxes.create(app, image, secrets=[keys])",
        ),
        after=SEE_SANDBOX,
        secrets={"openai-secret": {"API_KEY": "{value}"}},
    ),
    Witness(
        "MS104",
        Leaks(Place.ARGUMENTS),
        change=(waiting("serve"), ('"sh", "-c", "serve --api-key-env', '"sh", "-c", "sleep 60; :", "{mark}", "serve')),
        after=SEE_ARGUMENTS,
        secrets=_KEYED,
    ),
    Witness(
        "MS104",
        Leaks(Place.ARGUMENTS),
        reference(
            "sandbox = client.sandboxes.create(app, image)",
            'sandbox.exec(["serve", "--key", "⟨openai⟩"])',
        ),
        reference(
            "sandbox = client.sandboxes.create(app, image)",
            'sandbox.exec(["serve"], secrets=[client.secrets.from_name("openai-secret")])',
        ),
        change=(waiting("serve"),),
        after=SEE_ARGUMENTS,
        secrets=_KEYED,
    ),
    Witness(
        "MS105",
        Opens(),
        change=(("⟨modal-token-id⟩", "{token_id}"), ("⟨modal-token-secret⟩", "{token_secret}")),
        after="client.hello()",
        variables={"MODAL_TOKEN_ID": "ak-of-others", "MODAL_TOKEN_SECRET": "as-of-others"},
    ),
    Witness(
        "MS106",
        Hardcoded(stops="KeyError"),
        good=FIX,
        after="with app.run():\n    sandbox = main()\n" + indent(SEE_SANDBOX, "    "),
    ),
    Witness(
        "MS107",
        Leaks(Place.SENT),
        after='image.build(modal.App.lookup("witness", create_if_missing=True))',
        files={".env": "API_KEY={value}\n"},
    ),
    Witness(
        "MS108",
        Leaks(Place.SENT),
        after=called("main()"),
        secrets={"github-secret": {"GITHUB_TOKEN": "another one"}},
    ),
    Witness("MS109", Leaks(Place.SENT), good=FIX, after=look("_experimental_outbound_policy=policy")),
    Witness(
        "MS110",
        Leaks(Place.SENT),
        after=DEPLOY,
        secrets={"slack-secret": {"SLACK_BOT_TOKEN": "another one"}},
    ),
)
