"""Programs by chance, for the tests of what fixes change: in both dialects, in the spellings that people use."""

from __future__ import annotations

import textwrap
from typing import NamedTuple

from hypothesis import strategies as st

CREDENTIALS = {
    "OPENAI_API_KEY": "openai",
    "HF_TOKEN": "huggingface",
    "DB_PASSWORD": "password",
    "STRIPE_KEY": "stripe",
    "AUTH_TOKEN": "random",  # these two say nobody's name
    "SIGNING_SECRET": "random",
}
PLAIN = ("MODE", "PORT")
KEYS = (*CREDENTIALS, *PLAIN)
FALLBACKS = ('os.environ.get("{}", {})', 'os.getenv("{}", {})', 'os.environ.get("{}") or {}')
# Secrets of which the programs say less than they hold: each holds every key.
NAMED = {name: {key: f"{key} of {name}" for key in KEYS} for name in ("base", "shared")}
NAMED["ports"] = {"PORT": "80"}  # the programs say so


class Mapping(NamedTuple):
    """Variables as a program writes them: the lines before the call, and the expression in it."""

    before: tuple[str, ...]
    text: str


class Dialect(NamedTuple):
    """How a program spells Modal."""

    head: tuple[str, ...]
    create: str
    secret: str  # what from_name and the Secret of a dict are called on
    made: str  # the name of the call that makes a Secret of a dict
    env: str  # the process that shows its environment
    read: str


def _of_modal(head: str, prefix: str) -> Dialect:
    app = f'app = {prefix}App.lookup("equivalence", create_if_missing=True)'
    create = f"{prefix}Sandbox.create(app=app"
    return Dialect((head, "", app), create, f"{prefix}Secret", "from_dict", '"env"', "stdout.read()")


DIALECTS = (
    _of_modal("import modal", "modal."),
    _of_modal("import modal as m", "m."),
    _of_modal("from modal import App, Sandbox, Secret", ""),
    Dialect(
        (
            "from modal_lint_runtime import ModalClient",
            "",
            'other = ModalClient(environment="prod")',
            "client = ModalClient()",
            'app = client.apps.from_name("equivalence", create_if_missing=True)',
            'image = client.images.from_registry("python:3.13")',
        ),
        "client.sandboxes.create(app, image",
        "client.secrets",
        "from_object",
        '["env"]',
        "stdout.read_text()",
    ),
)


@st.composite
def mappings(draw: st.DrawFn, name: str, *, fallbacks: bool = False) -> Mapping:
    """A few variables, credentials among them, in one of the ways in which people write them.

    With ``fallbacks`` some credentials are those of look-ups of the machine's variables.
    """
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))
    values, before = {}, []
    for key in keys:
        number = draw(st.integers(1, 2))
        text = f'"⟨{CREDENTIALS[key]}:{number}⟩"' if key in CREDENTIALS else f'"{key.lower()}-{number}"'
        written = draw(st.integers(0, 6))
        if written == 0:
            before.append(f"{name.upper()}_{key} = {text}")
            text = f"{name.upper()}_{key}"
        elif written == 1 and fallbacks and key in CREDENTIALS:
            text = draw(st.sampled_from(FALLBACKS)).format(key, text)
        values[key] = text
    form = draw(st.sampled_from(("line", "lines", "dict", "name", "filled")))
    if form == "dict":
        return Mapping((*before,), f"dict({', '.join(f'{key}={text}' for key, text in values.items())})")
    entries = [f'"{key}": {text}' for key, text in values.items()]
    if form == "lines":
        lines = [f"    {entry},  # {number}" for number, entry in enumerate(entries)]
        return Mapping((*before,), "\n".join(["{", *lines, "}"]))
    if form == "line":
        return Mapping((*before,), "{" + ", ".join(entries) + "}")
    inside = entries if form == "name" else entries[:1]
    before.append(f"{name} = {{{', '.join(inside)}}}")
    if form == "filled":
        before += [f'{name}["{key}"] = {text}' for key, text in list(values.items())[1:]]
    return Mapping((*before,), name)


@st.composite
def secrets(draw: st.DrawFn, dialect: Dialect, name: str) -> Mapping:
    """The list of a call's Secrets: named ones, and ones made in place."""
    before: list[str] = []
    items = []
    for number in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(("base", "shared", "ports", "made", "variable")))
        if kind == "made":
            mapping = draw(mappings(f"{name}_{number}"))
            before += mapping.before
            items.append(f"{dialect.secret}.{dialect.made}({mapping.text})")
        elif kind == "variable":
            before.append(f'{name}_{number} = {dialect.secret}.from_name("base")')
            items.append(f"{name}_{number}")
        else:
            required = ', required_keys=["PORT"]' if kind == "ports" else ""
            items.append(f'{dialect.secret}.from_name("{kind}"{required})')
    inside = ", ".join(items)
    text = f"({inside})" if len(items) > 1 and draw(st.booleans()) else f"[{inside}]"
    if draw(st.integers(0, 4)) == 0:
        before.append(f"{name} = {text}")
        text = name
    return Mapping((*before,), text)


@st.composite
def arguments(draw: st.DrawFn, dialect: Dialect, name: str, *, fallbacks: bool = False) -> Mapping:
    """``env=`` and ``secrets=`` of a call, in any order, or one of them."""
    parts: list[str] = []
    before: list[str] = []
    if draw(st.integers(0, 5)):
        mapping = draw(mappings(f"{name}_env", fallbacks=fallbacks))
        before += mapping.before
        parts.append(f"env={mapping.text}")
    if draw(st.booleans()):
        listed = draw(secrets(dialect, f"{name}_secrets"))
        before += listed.before
        parts.append(f"secrets={listed.text}")
    parts = draw(st.permutations(parts))
    over_lines = draw(st.booleans())
    if parts and over_lines:
        lines = "".join(f",\n    {part}" for part in parts)
        return Mapping((*before,), lines + draw(st.sampled_from(("\n", ",\n", ",  # the last\n", "  # the last\n"))))
    return Mapping((*before,), "".join(f", {part}" for part in parts))


@st.composite
def sandbox_programs(draw: st.DrawFn) -> str:
    """Sandboxes and processes in them; each one's environment goes to ``seen``."""
    dialect = draw(st.sampled_from(DIALECTS))
    body = ["seen = []"]
    for number in range(draw(st.integers(1, 2))):
        given_ = draw(arguments(dialect, f"box{number}", fallbacks=True))
        body += [*given_.before, f"box = {dialect.create}{given_.text})"]
        body.append(f"seen.append(box.exec({dialect.env}).{dialect.read})")
        if draw(st.booleans()):
            given_ = draw(arguments(dialect, f"process{number}", fallbacks=True))
            body += [*given_.before, f"process = box.exec({dialect.env}{given_.text})"]
            body.append(f"seen.append(process.{dialect.read})")
        body.append("box.terminate()")
    if draw(st.booleans()):
        body = ["", "", "def main():", *textwrap.indent("\n".join([*body, "return seen"]), "    ").split("\n"), "", ""]
        body.append("seen = main()")
    return "\n".join(["import os", *dialect.head, *body, ""])


@st.composite
def function_programs(draw: st.DrawFn) -> str:
    """Functions, a class, a variant of a Function, in an image with variables; what each container sees is `seen`."""
    dialect = DIALECTS[0]
    lines = ["import os", "", "import modal", ""]
    of_app = draw(secrets(dialect, "app_secrets"))
    lines += [*of_app.before, f"app = modal.App('equivalence', secrets={of_app.text})"]
    image, of_image = "", draw(st.integers(0, 3))
    if of_image:
        mapping = draw(mappings("image_env"))
        more = '.env({"MODE": "of the image"})' if of_image == 1 else ""
        before = more if draw(st.booleans()) else ""
        lines += [*mapping.before, f"image = modal.Image.debian_slim(){before}.env({mapping.text}){more}"]
        image = ", image=image"
    calls = []
    for number in range(draw(st.integers(1, 2))):
        given_ = draw(arguments(dialect, f"see{number}"))
        used = image if draw(st.booleans()) else ""
        parameters = f"{used}{given_.text}".removeprefix(",").lstrip(" ")
        if draw(st.integers(0, 2)) == 0:
            lines += [*given_.before, "", "", f"@app.cls({parameters})", f"class See{number}:", "    @modal.method()"]
            lines += ["    def see(self):", "        return dict(os.environ)", ""]
            calls.append(f"See{number}().see.remote()")
            continue
        lines += [*given_.before, "", "", f"@app.function({parameters})", f"def see{number}():"]
        lines += ["    return dict(os.environ)", "", ""]
        calls.append(f"see{number}.remote()")
        if draw(st.integers(0, 2)) == 0:
            given_ = draw(arguments(dialect, f"other{number}"))
            lines += [
                *given_.before,
                f"other{number} = see{number}.with_options({given_.text.removeprefix(',').lstrip(' ')})",
            ]
            calls.append(f"other{number}.remote()")
    lines += ["if modal.is_local():", "    with app.run():", f"        seen = [{', '.join(calls)}]", ""]
    return "\n".join(lines)
