"""MS409: credentials that a call needs and does not get, or cannot use."""

from collections.abc import Iterator

from modal_lint import rejected, rejected_credentials
from modal_lint.model import Finding, Rule, Severity
from modal_lint.rejected import Problem
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A call needs credentials that it does not get, or gets them in a form that it cannot use.

    - `CloudBucketMount(requester_pays=True)` needs `secret=`: a ValueError when the bucket is attached.
    - `pip_install_private_repos` needs `secrets=`; `env=` does not count. A repository begins with `github.com/` or
      `gitlab.com/`: of another one the SDK shows the reference, and what is in it, in its exception.
    - A header of an outbound policy can refer to `$KEY` only of a named Secret in `secret=`; the sandbox that gets
      the policy refuses it otherwise.
    - A persistent sandbox takes no `env=`, tags or name, and only named Secrets.

    ```python bad
    import modal

    bucket = modal.CloudBucketMount("datasets", requester_pays=True)  # expect: MS409
    ```

    ```python good
    import modal

    bucket = modal.CloudBucketMount(
        "datasets",
        requester_pays=True,
        secret=modal.Secret.from_name("s3-bucket-secret", required_keys=["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]),
    )
    ```

    There is no fix: which Secret holds the credentials is not in the source.
    """
    return rejected.findings(rejected_credentials.unusable(file), RULE, _message, _help)


def _message(problem: Problem) -> str:
    return f"{problem.use.api.name}: {problem.verdict.message}; it {rejected_credentials.raising(problem)}"


def _help(problem: Problem) -> str:
    return rejected_credentials.remedy(problem)


RULE = Rule(
    "MS409",
    "unusable-credentials",
    Severity.ERROR,
    check,
    fixable="hint",
    witness="raises ValueError when the bucket is attached",
)
