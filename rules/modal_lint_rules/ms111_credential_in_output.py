"""MS111: a credential in what a notebook shows."""

from collections.abc import Iterator

from modal_lint.documents import display
from modal_lint.model import Finding, Rule, Severity
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """An output or the metadata of a notebook that uses Modal shows a provider's credential.

    A notebook keeps what its cells displayed: it is committed, rendered by code hosts and shared along with the code,
    also when the code itself reads the value from where it belongs. Only what a provider's own format gives away is
    reported, in texts (printed lines, results, tracebacks, parameters of papermill, states of widgets); images are not
    looked at. The finding points at the last line of the cell; a suppression on any line of the cell counts.

    This is a notebook's cell, and its output behind `# Out:`.

    ```python bad
    import os
    import modal

    app = modal.App.lookup("agents", create_if_missing=True)
    os.environ["SLACK_BOT_TOKEN"]  # expect: MS111
    # Out: '⟨slack-bot⟩'
    ```

    ```python good
    import os
    import modal

    app = modal.App.lookup("agents", create_if_missing=True)
    "SLACK_BOT_TOKEN" in os.environ
    # Out: True
    ```

    There is no fix: whether the output is still needed is for you to say. Clear it (in the notebook, or with
    `jupyter nbconvert --clear-output --inplace`), and rotate the credential.
    """
    yield from display.findings(file, RULE)


RULE = Rule(
    "MS111",
    "credential-in-output",
    Severity.ERROR,
    check,
    fixable="hint",
    source="nbformat 5, The notebook file format: outputs and metadata are part of the file",
)
