"""Family 5: what a Secret that is looked up carelessly leads to."""

from __future__ import annotations

from witness.claims import FIX, Container, Raises, Silent, Witness
from witness.programs import DEPLOY, remote

_SEE = (('return "done"', "return dict(__import__('os').environ)"), ("return len(picture)", "return dict(os.environ)"))

WITNESSES = (
    Witness(
        "MS501",
        Silent("where the Secret lacks the key", "ConflictError"),
        good=FIX,
        after=DEPLOY,
        secrets={"openai-secret": {"OPENAI_KEY": "misspelt"}},
    ),
    Witness(
        "MS502",
        Raises("NotFoundError", "when it is deployed"),
        after=DEPLOY,
        secrets={"pinecone-secret": {"PINECONE_API_KEY": "k"}},
    ),
    Witness(
        "MS503",
        Raises("ConflictError", "when it is deployed"),
        after=DEPLOY,
        secrets={"huggingface-secret": {"HF_TOKEN": "t"}},
    ),
    Witness(
        "MS504",
        Container("STRIPE_KEY", "of the Secret", None),
        change=_SEE,
        after=remote("resize(b'')"),
        secrets={"stripe": {"STRIPE_KEY": "of the Secret"}},
    ),
    Witness(
        "MS506",
        Container("STRIPE_API_KEY", "of main", "of dev"),
        change=_SEE,
        after=remote("charge()").replace("run()", 'run(environment_name="dev")'),
        secrets={"stripe-secret": {"STRIPE_API_KEY": "of main"}, "dev/stripe-secret": {"STRIPE_API_KEY": "of dev"}},
    ),
)
