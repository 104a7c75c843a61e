"""Modal's rules as pure functions: what is accepted, what it means, and what is raised where it is not.

Every check takes what was given and answers with what it means, or raises a `ModalError` whose `verdict` says which
fact it rests on, what the SDK in question raises, and when. `sdk=` selects whose behaviour where they differ; without
it the checks are those of this runtime. `FACTS` is the table of all facts, each with its source.

No message and no verdict holds the value of a Secret or of a variable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modal_lint_runtime.contract.credentials import Token, credentials, oauth_credentials
from modal_lint_runtime.contract.keys import (
    is_key,
    local_environ_arguments,
    local_environ_keys,
    missing_keys,
    passes_python,
    require,
    required_keys,
    reserved_keys,
)
from modal_lint_runtime.contract.limits import (
    IGNORED_CREDENTIALS,
    MAX_ARGUMENTS,
    MAX_HEADER_REPLACEMENTS,
    MAX_KEY,
    MAX_NAME,
    MAX_TAG,
    MAX_VALUE,
    RESERVED_KEYS,
    SANDBOX_TIMEOUT,
    TERMINATED_CODE,
    TIMEOUT_CODE,
)
from modal_lint_runtime.contract.mappings import entries, entry, env, image_env, update_entries
from modal_lint_runtime.contract.names import (
    DEFAULT_ENVIRONMENT,
    environment_name,
    findable_name,
    is_object_name,
    lookup_name,
    new_environment_name,
    object_name,
    tags,
)
from modal_lint_runtime.contract.policy import (
    Replacement,
    header_replacement,
    is_domain,
    literal_braces,
    outbound_policy,
    template_keys,
)
from modal_lint_runtime.contract.precedence import (
    Backend,
    Options,
    Order,
    Persistence,
    layers,
    merge,
    order_of,
    persistence,
    sandbox_backend,
    shadowed,
    with_options,
)
from modal_lint_runtime.contract.quoting import QUOTED_ARGUMENTS, literal_variables
from modal_lint_runtime.contract.registry import (
    BUCKET_KEYS,
    REGISTRY_KEYS,
    REPOSITORY_KEYS,
    Bucket,
    RegistryAuth,
    bucket_kind,
    bucket_mount,
    packages,
    private_repos,
    registry_auth,
)
from modal_lint_runtime.contract.sandboxes import (
    arguments,
    dotenv_path,
    encryption_key,
    exclusive,
    persistent_sandbox,
    unexpanded_variables,
    workdir,
)
from modal_lint_runtime.contract.secrets import (
    Kind,
    environment_of_registry,
    one_secret,
    secret_verdict,
    secrets_list,
    secrets_verdict,
)
from modal_lint_runtime.contract.vanished import REMOVED, Removed, import_error, removed, removed_verdict
from modal_lint_runtime.contract.verdict import Sdk, Site, Verdict, When, verdict_of

if TYPE_CHECKING:
    from modal_lint_runtime.contract.facts import FACTS, Fact, fact

__all__ = [
    "BUCKET_KEYS",
    "DEFAULT_ENVIRONMENT",
    "FACTS",
    "IGNORED_CREDENTIALS",
    "MAX_ARGUMENTS",
    "MAX_HEADER_REPLACEMENTS",
    "MAX_KEY",
    "MAX_NAME",
    "MAX_TAG",
    "MAX_VALUE",
    "QUOTED_ARGUMENTS",
    "REGISTRY_KEYS",
    "REMOVED",
    "REPOSITORY_KEYS",
    "RESERVED_KEYS",
    "SANDBOX_TIMEOUT",
    "TERMINATED_CODE",
    "TIMEOUT_CODE",
    "Backend",
    "Bucket",
    "Fact",
    "Kind",
    "Options",
    "Order",
    "Persistence",
    "RegistryAuth",
    "Removed",
    "Replacement",
    "Sdk",
    "Site",
    "Token",
    "Verdict",
    "When",
    "arguments",
    "bucket_kind",
    "bucket_mount",
    "credentials",
    "dotenv_path",
    "encryption_key",
    "entries",
    "entry",
    "env",
    "environment_name",
    "environment_of_registry",
    "exclusive",
    "fact",
    "findable_name",
    "header_replacement",
    "image_env",
    "import_error",
    "is_domain",
    "is_key",
    "is_object_name",
    "layers",
    "literal_braces",
    "literal_variables",
    "local_environ_arguments",
    "local_environ_keys",
    "lookup_name",
    "merge",
    "missing_keys",
    "new_environment_name",
    "oauth_credentials",
    "object_name",
    "one_secret",
    "order_of",
    "outbound_policy",
    "packages",
    "passes_python",
    "persistence",
    "persistent_sandbox",
    "private_repos",
    "registry_auth",
    "removed",
    "removed_verdict",
    "require",
    "required_keys",
    "reserved_keys",
    "sandbox_backend",
    "secret_verdict",
    "secrets_list",
    "secrets_verdict",
    "shadowed",
    "tags",
    "template_keys",
    "unexpanded_variables",
    "update_entries",
    "verdict_of",
    "with_options",
    "workdir",
]


def __getattr__(name: str) -> Any:
    if name in ("FACTS", "Fact", "fact"):
        from modal_lint_runtime.contract import facts

        return getattr(facts, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
