"""The inventory of a project: which named Secrets it needs, with which keys, where, and what uses them.

`collect` looks at files and directories. A program that keeps a project open asks each file with `facts_of` (a function
of an opened `source.File`), keeps the answers, and has `merged` make an `Inventory` of them::

    inventory = collect(["src"], Resolver())
    for secret in inventory.secrets:
        print(secret.name, secret.key_names, [user.location for user in secret.users])

    inventory = merged(facts.values())          # facts: path ▸ facts_of(file)
    found = inventory.get("openai-secret")      # None where nothing names it

Names of Secrets, keys, Apps and functions, environments and places are all that there is: no value is ever read.
"""

from modal_lint.inventory.collect import collect, of_run, visit
from modal_lint.inventory.merge import merged
from modal_lint.inventory.model import (
    DEFAULT_ENVIRONMENT,
    UNKNOWN_ENVIRONMENT,
    Attachment,
    Creation,
    Environment,
    Facts,
    Inventory,
    Key,
    Kind,
    Location,
    Read,
    Reference,
    Secret,
    Undecided,
    Unnamed,
    User,
)

__all__ = [
    "DEFAULT_ENVIRONMENT",
    "UNKNOWN_ENVIRONMENT",
    "Attachment",
    "Creation",
    "Environment",
    "Facts",
    "Inventory",
    "Key",
    "Kind",
    "Location",
    "Read",
    "Reference",
    "Secret",
    "Undecided",
    "Unnamed",
    "User",
    "collect",
    "facts_of",
    "merged",
    "of_run",
    "visit",
]


def __getattr__(name: str) -> object:
    """`facts_of`, which brings the analysis along: loaded when it is asked for."""
    if name == "facts_of":
        from modal_lint.inventory.facts import facts_of

        return facts_of
    raise AttributeError(name)
