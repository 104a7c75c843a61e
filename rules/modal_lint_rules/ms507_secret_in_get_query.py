"""MS507: a credential that callers send in a URL."""

from collections.abc import Iterator

from modal_lint.environments import queries
from modal_lint.environments.queries import Query
from modal_lint.model import Finding, Rule, Severity
from modal_lint.remarks import remark
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A web endpoint takes a credential as a parameter of its query.

    FastAPI takes a plain parameter from the query string, so that the credential stands in the URL: in logs, in the
    history of browsers, in the `Referer` of what a page loads.

    ```python bad
    import modal

    app = modal.App("lookup")


    @app.function()
    @modal.fastapi_endpoint()
    def find(word: str, api_key: str):  # expect: MS507
        return {"word": word, "known": bool(api_key)}
    ```

    ```python good
    from typing import Annotated

    import modal
    from fastapi import Header

    app = modal.App("lookup")


    @app.function()
    @modal.fastapi_endpoint()
    def find(word: str, api_key: Annotated[str, Header()]):
        return {"word": word, "known": bool(api_key)}
    ```

    Counted are functions under `fastapi_endpoint`, and routes of FastAPI in files with an `asgi_app`. What comes from
    a header, cookie, body, form or dependency is not in the URL.
    """
    for query in queries.of(file):
        yield _finding(file, query)


def _finding(file: File, query: Query) -> Finding:
    return remark(
        RULE,
        file,
        query.parameter,
        f"{query.endpoint} takes {query.parameter.arg} from the query string: callers put it into the URL",
        help_text="take it from a header: Annotated[str, Header()], or use requires_proxy_auth=True",
        key=query.parameter.arg,
        sink=query.function,
    )


RULE = Rule(
    "MS507",
    "secret-in-get-query",
    Severity.INFO,
    check,
    fixable="hint",
    source="FastAPI, Query Parameters: plain parameters outside of the path are taken from the query",
)
