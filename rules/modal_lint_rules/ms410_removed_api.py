"""MS410: a name or an argument that Modal's SDK no longer has."""

from collections.abc import Iterator

from modal_lint import rejected, rejected_fixes, vanished
from modal_lint.model import Finding, Rule, Severity
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """The code uses what Modal's SDK no longer has, as of 1.6.4.

    `Secret.lookup`, `Secret.create_deployed`, `modal.Stub`, `namespace=`, `secret=` of a function,
    `Image.copy_local_file`, `@modal.web_endpoint` and others are gone: they raise AttributeError, TypeError or
    DeprecationError, and an import of them an ImportError.

    ```python bad
    import modal

    app = modal.App("reports")


    @app.function(secret=modal.Secret.from_name("openai-secret"))  # expect: MS410
    def report():
        pass


    secret = modal.Secret.lookup("huggingface-secret")  # expect: MS410
    ```

    ```python good
    import modal

    app = modal.App("reports")


    @app.function(secrets=[modal.Secret.from_name("openai-secret")])
    def report():
        pass


    secret = modal.Secret.from_name("huggingface-secret")
    ```

    The fix is safe where something else does the same: it writes the new name, or the new argument. `from_name` is
    lazy where `lookup` was not: a Secret that does not exist is noticed at the first use, or by `.hydrate()`.
    `Secret.create_deployed` replaced a Secret of the same name and `Secret.objects.create` refuses, so that this
    change is unsafe. What is guarded by a look at the version or by `except AttributeError` is not reported. If the
    code has to run with an old SDK, ignore the rule.
    """
    for one in vanished.gone(file):
        message, help_text = vanished.told(one)
        yield rejected.finding_at(file, one.node, one.call, RULE, message, help_text, rejected_fixes.renamed(file, one))


RULE = Rule("MS410", "removed-api", Severity.ERROR, check, fixable="safe", witness="raises TypeError")
