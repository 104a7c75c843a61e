"""The scenarios that the in-process client and the Python SDK through the local server must agree on.

A scenario is a function of a face (`faces.py`) whose result is plain data. Its docstring says what it is about, the
decorator what comes of it. Where the SDK rightly gives something else, `sdk=` says what, and `because=` why.
"""

from __future__ import annotations

import secrets as chance
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from faces import Face

_SAME = object()
SHOW = ("env", "-0")


class Scenario(NamedTuple):
    """A scenario: what is done, what comes of it with each client, and what it needs."""

    name: str
    run: Callable[[Face], Any]
    outcome: Any
    sdk: Any
    because: str
    sandboxes: bool
    layers: bool


SCENARIOS: list[Scenario] = []


def agreed(
    outcome: Any, *, sdk: Any = _SAME, because: str = "", sandboxes: bool = False, layers: bool = False
) -> Callable[[Callable[[Face], Any]], Callable[[Face], Any]]:
    """Put a scenario into the table: `sandboxes` runs it on both backends, `layers` needs a private file system."""

    def register(run: Callable[[Face], Any]) -> Callable[[Face], Any]:
        other = outcome if sdk is _SAME else sdk
        SCENARIOS.append(Scenario(run.__name__, run, outcome, other, because, sandboxes, layers))
        return run

    return register


def attempt(action: Callable[..., Any], *args: Any, **options: Any) -> str:
    """Call `action`: `done`, or the class of the error, whichever package's it is."""
    try:
        action(*args, **options)
    except Exception as error:
        if "missing key(s)" in str(error):
            return "missing keys"
        return type(error).__name__
    return "done"


def variables(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.split("\0") if line)


def brief(face: Face, **options: Any) -> None:
    """Start a sandbox and end it."""
    face.sandbox(**options).end()


def seen(text: str, *keys: str) -> list[str | None]:
    """The values of these keys in what `env -0` printed."""
    found = variables(text)
    return [found.get(key) for key in keys]


# Secrets


@agreed(["NotFoundError", "done", "NotFoundError"])
def lookup(face: Face) -> Any:
    """A name is looked up now, in its environment."""
    missing = attempt(face.from_name, "a")
    face.create("a", {"K": "v"})
    found = attempt(face.from_name, "a")
    face.add_environment("dev")
    return [missing, found, attempt(face.from_name, "a", environment="dev")]


@agreed(["done", "missing keys", "done"])
def required_keys(face: Face) -> Any:
    """Keys that a Secret must have."""
    face.create("a", {"K": "v", "L": "v"})
    return [attempt(face.from_name, "a", required) for required in (["K", "L"], ["K", "M"], [])]


@agreed(["done", "AlreadyExistsError", ["b", "a"]])
def creation(face: Face) -> Any:
    """A name can be taken once; the newest is listed first."""
    first = attempt(face.create, "a", {"K": "v"})
    second = attempt(face.create, "a", {"K": "w"})
    face.create("b", {"K": "v"})
    return [first, second, face.names()]


@agreed(["NotFoundError", "done", ["kept"], ["other"]])
def environments(face: Face) -> Any:
    """The same name in two environments is two Secrets."""
    missing = attempt(face.create, "kept", {"K": "v"}, environment="dev")
    face.add_environment("dev")
    face.create("kept", {"K": "v"})
    made = attempt(face.create, "other", {"K": "v"}, environment="dev")
    return [missing, made, face.names(), face.names("dev")]


@agreed(["done", "NotFoundError", "NotFoundError", "done", []])
def deletion(face: Face) -> Any:
    """Deleted for good; deleting what is not there is an error unless it is allowed."""
    face.create("a", {"K": "v"})
    return [
        attempt(face.delete, "a"),
        attempt(face.from_name, "a"),
        attempt(face.delete, "a"),
        attempt(face.delete, "a", allow_missing=True),
        face.names(),
    ]


@agreed(["InvalidError", "InvalidError", "InvalidError", "InvalidError", "InvalidError"])
def entries_that_are_no_strings(face: Face) -> Any:
    """Values and keys are strings."""
    wrong: list[Any] = [{"K": 1}, {"K": ["v"]}, {1: "v"}, {"K": b"v"}, "K=v"]
    return [attempt(face.from_object, entries) for entries in wrong]


@agreed(["InvalidError", "InvalidError", "InvalidError", "done"])
def keys_that_are_no_variables(face: Face) -> Any:
    """A key is a name that an environment variable can have."""
    names = ("1K", "K-L", "K L", "_k1")
    return [attempt(face.create, "a", {key: "v"}) for key in names]


@agreed(["InvalidError", "InvalidError", "done"])
def names_of_secrets(face: Face) -> Any:
    """Letters, digits, dashes, periods and underscores."""
    names = ("a b", "a/b", "A-1._")
    return [attempt(face.create, name, {"K": "v"}) for name in names]


@agreed(["new", "kept", "more"], sandboxes=True)
def updates_are_merged(face: Face) -> Any:
    """An update adds and replaces, and leaves the rest."""
    face.create("a", {"A": "old", "B": "kept"})
    face.update("a", {"A": "new", "C": "more"})
    box = face.sandbox(*SHOW, secrets=[face.from_name("a")])
    return seen(box.main().stdout, "A", "B", "C")


@agreed("NotFoundError")
def updating_what_is_not_there(face: Face) -> Any:
    """There is nothing to update."""
    return attempt(face.update, "a", {"K": "v"})


# Sandboxes

VALUES = {
    "EMPTY": "",
    "SPACES": "  two before, two after  ",
    "LINES": "-----BEGIN-----\nline\r\n\tline\n-----END-----\n",
    "QUOTES": "a'b\"c`d$e\\f${g}%h=i",
    "UNICODE": "Grüße, 世界 🌍",
    "LONG": "x" * 30_000,
}


@agreed(True, sandboxes=True)
def values_arrive_as_they_are(face: Face) -> Any:
    """Whatever a value holds."""
    face.create("a", VALUES)
    named = variables(face.sandbox(*SHOW, secrets=[face.from_name("a")]).main().stdout)
    made = variables(face.sandbox(*SHOW, secrets=[face.from_object(VALUES)], env={"X": VALUES["LINES"]}).main().stdout)
    return VALUES.items() <= named.items() and VALUES.items() <= made.items() and made["X"] == VALUES["LINES"]


@agreed(["named", "object", "env", "env"], sandboxes=True)
def precedence(face: Face) -> Any:
    """Later sources win, `env` over all."""
    face.create("a", {"A": "named", "B": "named", "C": "named"})
    given = [face.from_name("a"), face.from_object({"B": "object", "C": "object", "D": "object"})]
    return seen(face.sandbox(*SHOW, secrets=given, env={"C": "env", "D": "env"}).main().stdout, *"ABCD")


@agreed([None, "named", "v"], sandboxes=True)
def none_values(face: Face) -> Any:
    """None in `env` is no value, and does not hide one."""
    given = [face.from_object({"B": "named"})]
    return seen(face.sandbox(*SHOW, secrets=given, env={"A": None, "B": None, "C": "v"}).main().stdout, *"ABC")


@agreed(
    ["HOME", "LANG", "MODAL_ENVIRONMENT", "MODAL_IMAGE_ID", "MODAL_SANDBOX_ID", "PATH"],
    sandboxes=True,
)
def nothing_else_is_there(face: Face) -> Any:
    """All variables of a sandbox that is given none."""
    return sorted(variables(face.sandbox(*SHOW).main().stdout))


@agreed(["old", "old", "new"], sandboxes=True)
def running_sandboxes_keep_what_they_have(face: Face) -> Any:
    """A new value is seen by what starts later, a deleted Secret is kept by what runs."""
    face.create("a", {"K": "old"})
    box = face.sandbox(secrets=[face.from_name("a")])
    face.update("a", {"K": "new"})
    first = box.run(*SHOW).stdout
    later = face.sandbox(*SHOW, secrets=[face.from_name("a")]).main().stdout
    face.delete("a")
    second = box.run(*SHOW).stdout
    box.end()
    return [*seen(first, "K"), *seen(second, "K"), *seen(later, "K")]


@agreed(["NotFoundError", "NotFoundError"], sandboxes=True)
def a_deleted_secret_starts_nothing(face: Face) -> Any:
    """Neither a sandbox nor a process in one."""
    face.create("a", {"K": "v"})
    secret = face.from_name("a")
    box = face.sandbox()
    face.delete("a")
    found = [
        attempt(face.sandbox, secrets=[secret]),
        attempt(box.run, "true", secrets=[secret]),
    ]
    box.end()
    return found


@agreed([["sandbox", None], ["process", "extra"], ["sandbox", None]], sandboxes=True)
def variables_of_one_process(face: Face) -> Any:
    """What `exec` is given is laid over the sandbox's, for that process."""
    box = face.sandbox(env={"A": "sandbox"})
    extra = face.from_object({"A": "secret", "B": "extra"})
    found = [box.run(*SHOW), box.run(*SHOW, secrets=[extra], env={"A": "process"}), box.run(*SHOW)]
    box.end()
    return [seen(each.stdout, "A", "B") for each in found]


@agreed([["out\n", "err\n", 3], ["got line\n", "", 0], ["", "", 137]], sandboxes=True)
def processes(face: Face) -> Any:
    """Output, errors, input and exit codes."""
    box = face.sandbox()
    found = [
        box.run("sh", "-c", "echo out; echo err >&2; exit 3"),
        box.run("sh", "-c", "read line; echo got $line", stdin="line\n"),
        box.run("sh", "-c", "kill -9 $$"),
    ]
    box.end()
    return [list(each) for each in found]


@agreed(["/var/tmp\n", "/usr\n", "InvalidError"], sandboxes=True)
def working_directories(face: Face) -> Any:
    """Of a sandbox and of a process; a relative one is refused."""
    box = face.sandbox(workdir="/var/tmp")
    found = [box.run("pwd").stdout, box.run("pwd", workdir="/usr").stdout]
    box.end()
    return [*found, attempt(brief, face, workdir="relative")]


@agreed([127, "InvalidError"], sandboxes=True)
def processes_that_cannot_start(face: Face) -> Any:
    """No such program; no program at all."""
    box = face.sandbox()
    found = [box.run("no-such-program").code, attempt(box.run)]
    box.end()
    return found


@agreed(
    [124, "SandboxTerminatedError"],
    sdk=[-1, "NotFoundError"],
    because="the SDK ends the wait by its own clock, with -1; no way to a sandbox is NotFoundError",
    sandboxes=True,
)
def processes_that_end_early(face: Face) -> Any:
    """By their own timeout; by the end of the sandbox."""
    box = face.sandbox()
    late = box.run("sleep", "60", timeout=1).code
    box.end()
    return [late, attempt(box.run, "true")]


@agreed([None, "SandboxTerminatedError", 137], sandboxes=True)
def termination(face: Face) -> Any:
    """A terminated sandbox has the exit code 137, and waiting for it says so."""
    box = face.sandbox()
    before = box.state()
    box.end()
    return [before, attempt(box.wait), box.state()]


@agreed([None, 137, 0, "ConflictError"], sandboxes=True)
def stopping_an_app(face: Face) -> Any:
    """Its sandboxes end with it, and no other one starts."""
    ended, running = face.sandbox("true"), face.sandbox()
    ended.wait()
    before = running.state()
    face.stop()
    return [before, running.state(), ended.state(), attempt(face.sandbox)]


@agreed(["SandboxTimeoutError", 124], sandboxes=True)
def timeouts(face: Face) -> Any:
    """A sandbox that outlives its timeout."""
    box = face.sandbox("sleep", "60", timeout=1)
    return [attempt(box.wait), box.state()]


@agreed(["AlreadyExistsError", "done", "InvalidError"], sandboxes=True)
def names_of_sandboxes(face: Face) -> Any:
    """One running sandbox has a name; it is free again afterwards."""
    box = face.sandbox(name="one")
    taken = attempt(face.sandbox, name="one")
    box.end()
    again = attempt(brief, face, name="one")
    return [taken, again, attempt(brief, face, name="a b")]


@agreed(["NotFoundError", "NotFoundError"])
def ids_of_nothing(face: Face) -> Any:
    """Ids that nobody has."""
    return [
        attempt(lambda: face.found("sb-" + "0" * 22).poll()),
        attempt(face.built, "im-" + "0" * 22),
    ]


@agreed(
    ["InvalidError", "InvalidError", "InvalidError", "InvalidError"],
    sdk=["AttributeError", "AttributeError", "TypeError", "AttributeError"],
    because="the SDK does not look at what it is given (S25); the client does",
)
def secrets_that_are_none(face: Face) -> Any:
    """`secrets` is a list of Secrets."""
    secret = face.from_object({"K": "v"})
    wrong: list[Any] = ["a", ["a"], secret, {"K": "v"}]
    return [attempt(brief, face, secrets=given) for given in wrong]


@agreed(["InvalidError", "InvalidError", "InvalidError"], sandboxes=True)
def variables_that_are_none(face: Face) -> Any:
    """`env` is a dict of strings."""
    wrong: list[Any] = [{"K": 1}, {"1K": "v"}, {"K=L": "v"}]
    return [attempt(brief, face, env=given) for given in wrong]


# Images


@agreed([["token", "env"], [None, None], [None, None]], sandboxes=True, layers=True)
def secrets_of_a_step(face: Face) -> Any:
    """A step sees its own Secrets; the next one and the sandbox do not."""
    secret = face.from_object({"A": "token", "B": "token"})
    image = face.image("RUN env -0 > /first", secrets=[secret], env={"B": "env"}).dockerfile_commands(
        ["RUN env -0 > /second"]
    )
    box = face.sandbox(image=image)
    found = [box.run("cat", "/first"), box.run("cat", "/second"), box.run(*SHOW)]
    box.end()
    return [seen(each.stdout, "A", "B") for each in found]


@agreed(["image", "secret", "env"], sandboxes=True)
def variables_of_an_image(face: Face) -> Any:
    """They are the weakest."""
    image = face.with_variables(face.image(), {"A": "image", "B": "image", "C": "image"})
    secret = face.from_object({"B": "secret", "C": "secret"})
    return seen(face.sandbox(*SHOW, image=image, secrets=[secret], env={"C": "env"}).main().stdout, *"ABC")


@agreed(["ImageBuildError", True, False], layers=True)
def a_failing_build(face: Face) -> Any:
    """It says which command, and no value."""
    value = chance.token_hex(12)
    image = face.image("RUN echo using $TOKEN && exit 3", secrets=[face.from_object({"TOKEN": value})])
    try:
        face.build(image)
    except Exception as error:
        return [type(error).__name__, "exit 3" in str(error), value in str(error)]
    return "done"


@agreed("NotFoundError", layers=True)
def a_build_with_a_deleted_secret(face: Face) -> Any:
    """The step does not run."""
    face.create("a", {"K": "v"})
    image = face.image("RUN true", secrets=[face.from_name("a")])
    face.delete("a")
    return attempt(face.build, image)


@agreed(
    ["InvalidError", "InvalidError"],
    sdk=["ImageBuildError", "ImageBuildError"],
    because="for the SDK whatever a build ends with is a failed build",
    layers=True,
)
def commands_that_are_none(face: Face) -> Any:
    """No such instruction; a file that is not there."""
    return [attempt(face.build, face.image(line)) for line in ("FETCH x", "COPY no-such-file /x")]


@agreed("made\n", layers=True)
def an_image_by_its_id(face: Face) -> Any:
    """It can be found again."""
    image = face.built(face.build(face.image("RUN echo made > /made")))
    return face.sandbox("cat", "/made", image=image).main().stdout


# Functions


def shower() -> Callable[..., list[str | None]]:
    """A function that is sent by value: containers do not have this module."""

    def show(*keys: str) -> list[str | None]:
        import os

        return [os.environ.get(key) for key in keys]

    return show


def divider() -> Callable[[int], float]:
    """A function that fails."""
    return lambda numerator: numerator / 0


@agreed(["app", "own", "env"])
def variables_of_a_function(face: Face) -> Any:
    """Those of the App, its own over them, `env` over both."""
    app = face.from_object({"A": "app", "B": "app", "C": "app"})
    own = face.from_object({"B": "own", "C": "own"})
    return face.call(shower(), "A", "B", "C", app_secrets=[app], secrets=[own], env={"C": "env"})


@agreed([None, None, "other"])
def options_of_a_function(face: Face) -> Any:
    """They replace the Secrets of the decorator and of the App."""
    app, own, other = (face.from_object({key: value}) for key, value in (("A", "app"), ("B", "own"), ("C", "other")))
    return face.call(shower(), "A", "B", "C", app_secrets=[app], secrets=[own], again={"secrets": [other]})


@agreed(["ZeroDivisionError", "NotFoundError"])
def errors_of_a_function(face: Face) -> Any:
    """Its own exception comes back; a deleted Secret starts nothing."""
    face.create("a", {"K": "v"})
    secret = face.from_name("a")
    face.delete("a")
    return [attempt(face.call, divider(), 1), attempt(face.call, shower(), "K", secrets=[secret])]
