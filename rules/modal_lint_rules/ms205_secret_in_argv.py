"""MS205: a variable's secret that becomes an argument of a process."""

from collections.abc import Iterator

from modal_lint import argv, leaks
from modal_lint.model import Finding, Rule, Severity
from modal_lint.source import File


def check(file: File) -> Iterator[Finding]:
    """A secret is read from the environment and put on the command line of a process.

    Arguments can be read by every process of the container (`/proc/*/cmdline`, `ps`), are copied into logs and error
    messages, and those of `Sandbox.create` and of a probe are kept in clear with the sandbox's definition. `secrets=`
    and `env=` of the same call give the process the value without any of this. `modal secret create` and `modal token
    set` run from code put it on the command line of this machine.

    ```python bad
    import os

    import modal

    app = modal.App.lookup("agents", create_if_missing=True)
    sandbox = modal.Sandbox.create(app=app)
    sandbox.exec("git", "clone", f"https://{os.environ['GITHUB_TOKEN']}@github.com/acme/app")  # expect: MS205
    ```

    ```python good
    import modal

    app = modal.App.lookup("agents", create_if_missing=True)
    sandbox = modal.Sandbox.create(app=app)
    secret = modal.Secret.from_name("github-secret", required_keys=["GITHUB_TOKEN"])
    helper = "!f() { echo username=x; echo password=$GITHUB_TOKEN; }; f"
    sandbox.exec("git", "-c", f"credential.helper={helper}", "clone", "https://github.com/acme/app", secrets=[secret])
    ```

    `$KEY` written in the command is not reported: the shell in the container fills it in. Mind that it is then the
    argument of the program which the shell starts; let that program read the variable where it can.
    """
    for leak in argv.given_to_processes(file):
        message = f"{leaks.called(leak.key)} is put on the command line of {leak.use.api.name}"
        help_text = "let the process read it from its environment: secrets=[…] or env={…}"
        yield leaks.finding(leak, RULE, message, help_text)


RULE = Rule(
    "MS205",
    "secret-in-argv",
    Severity.WARNING,
    check,
    fixable="hint",
    witness="shows the value among the arguments of a process",
)
