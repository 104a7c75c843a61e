"""MS107: a file of credentials that is shipped."""

from collections.abc import Iterator

from modal_lint import shipped
from modal_lint.model import Finding, Rule, Severity
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A file that holds credentials is put into an image, a mount or a volume.

    `.env`, `~/.modal.toml`, `.netrc`, private keys and service-account files are copied as they are and can be read by
    everything that runs there. `add_local_dir` leaves nothing out by itself: it ships `.env` and `.git` with the rest.

    ```python bad
    import modal

    image = modal.Image.debian_slim().add_local_file(".env", "/root/.env")  # expect: MS107
    ```

    ```python good
    import modal

    image = modal.Image.debian_slim()
    secret = modal.Secret.from_dotenv()
    ```

    A directory is reported, as a warning, where such a file or `.git` is in it; its fix is safe and adds `ignore=`.
    For a file there is no fix: use `Secret.from_dotenv()` or a named Secret.
    """
    yield from shipped.findings(file, RULE)


RULE = Rule(
    "MS107",
    "credential-file-shipped",
    Severity.ERROR,
    check,
    fixable="safe",
    witness="sends the value to Modal in clear",
)
