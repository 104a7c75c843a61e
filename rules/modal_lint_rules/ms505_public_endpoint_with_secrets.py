"""MS505: an endpoint that anybody can call, on a Function with Secrets."""

from collections.abc import Iterator

from modal_lint.environments import endpoints
from modal_lint.environments.endpoints import Endpoint
from modal_lint.environments.sources import Kind, Source
from modal_lint.model import Finding, Rule, Severity
from modal_lint.remarks import remark
from modal_lint.source import File

_CREDENTIALED = (Kind.SECRET, Kind.APP)


def check(file: File) -> Iterator[Finding]:
    """Anybody who knows its URL can make a Function work with its Secrets.

    The URL of a web endpoint is public, unless `requires_proxy_auth=True` asks each caller for a token of the
    workspace (`Modal-Key` and `Modal-Secret`). Whoever finds it spends the API credits behind the Secrets, or gets at
    what they open.

    ```python bad
    import os

    import modal

    app = modal.App("chat")


    @app.function(secrets=[modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])])
    @modal.fastapi_endpoint(method="POST")  # expect: MS505
    def answer(question: dict):
        return question, len(os.environ["OPENAI_API_KEY"])
    ```

    ```python good
    import os

    import modal

    app = modal.App("chat")


    @app.function(secrets=[modal.Secret.from_name("openai-secret", required_keys=["OPENAI_API_KEY"])])
    @modal.fastapi_endpoint(method="POST", requires_proxy_auth=True)
    def answer(question: dict):
        return question, len(os.environ["OPENAI_API_KEY"])
    ```

    Nothing is said where the code seems to look at who calls: a framework's security classes, the signature of a
    webhook, a comparison of tokens, an answer of 401 or 403, a server that is started with a key; nor where the
    application that is served is made outside of the project, or is a process of which nothing is known. A class under
    `@app.server` counts with `unauthenticated=True` only.
    """
    for endpoint in endpoints.of(file):
        secrets = [one for one in endpoint.container.supply.secrets if one.kind in _CREDENTIALED]
        is_open = endpoint.use.file is file and secrets and endpoints.is_public(endpoint)
        if is_open and not endpoints.checks_callers(endpoint):
            yield _finding(file, endpoint, secrets)


def _finding(file: File, endpoint: Endpoint, secrets: list[Source]) -> Finding:
    names = [source.name for source in secrets if source.name is not None]
    told = f"Secret {names[0]}" if len(secrets) == len(names) == 1 else "its Secrets"
    server = endpoint.use.api.name == endpoints.SERVER
    remedy = "leave unauthenticated out" if server else "pass requires_proxy_auth=True"
    return remark(
        RULE,
        file,
        endpoint.use.node,
        f"anybody who knows the URL of {endpoint.name} can make it work with {told}",
        help_text=f"{remedy}, or look at who calls",
    )


RULE = Rule(
    "MS505",
    "public-endpoint-with-secrets",
    Severity.INFO,
    check,
    fixable="hint",
    source="modal 1.6.4, _partial_function.py: requires_proxy_auth is False by default; app.server: unauthenticated is",
)
