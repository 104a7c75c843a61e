"""Programs by chance that a rule of families 3 and 4 reports, each with the program that was meant."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st

from witness.making import DIALECTS, PLAIN, Dialect

FILES = {".env": "MODE=of .env\n", ".env.prod": "MODE=of .env.prod\n", ".env.local": "MODE=of .env.local\n"}
VARIABLES = {"MODE": "of the machine", "PORT": "81"}
_ENTRY = '"{0}": os.environ["{0}"]'
_SEEN = "seen = [box.exec({0}).{1}]\nbox.terminate()\n"


class Pair(NamedTuple):
    """A program that a rule reports, and the same as it was meant."""

    code: str
    wrong: str
    right: str


def _text(dialect: Dialect, *lines: str, env: str = "", secrets: str = "") -> str:
    """A program that makes one sandbox and looks into it."""
    given = "".join(f", {name}={text}" for name, text in (("env", env), ("secrets", secrets)) if text)
    create = f"box = {dialect.create}{given})"
    return "\n".join(["import os", *dialect.head, *lines, create, _SEEN.format(dialect.env, dialect.read)])


def _pair(code: str, dialect: Dialect, wrong: dict[str, str], right: dict[str, str], *lines: str) -> Pair:
    return Pair(code, _text(dialect, *lines, **wrong), _text(dialect, *lines, **right))


@st.composite
def values(draw: st.DrawFn) -> Pair:
    """MS401: a value that is no string, in `env=` or in a Secret of a dict."""
    dialect = draw(st.sampled_from(DIALECTS))
    wrong: list[str] = []
    right: list[str] = []
    for key in draw(st.permutations(PLAIN)):
        value: object = draw(st.one_of(st.integers(0, 9999), st.floats(0.25, 9, width=16), st.booleans(), st.just("x")))
        text = ("1" if value else "0") if isinstance(value, bool) else str(value)
        wrong.append(f'"{key}": {value if not isinstance(value, str) else repr(value)}')
        right.append(f'"{key}": "{text}"')
    wrong[0], right[0] = wrong[0].partition(":")[0] + ": 8080", right[0].partition(":")[0] + ': "8080"'
    forms = [f"{{{', '.join(entries)}}}" for entries in (wrong, right)]
    if draw(st.booleans()):
        bad, good = ({"env": form} for form in forms)
    else:
        bad, good = ({"secrets": f"[{dialect.secret}.{dialect.made}({form})]"} for form in forms)
    return _pair("MS401", dialect, bad, good)


@st.composite
def keys(draw: st.DrawFn) -> Pair:
    """MS404: keys as one string."""
    dialect = draw(st.sampled_from(DIALECTS))
    several = draw(st.booleans())
    wrong, right = ('"MODE, PORT"', '["MODE", "PORT"]') if several else ('"MODE"', '["MODE"]')
    call = draw(st.sampled_from(("from_name", "from_local_environ")))
    if call == "from_name" or dialect is DIALECTS[-1] or several:
        texts = [f'[{dialect.secret}.from_name("base", required_keys={one})]' for one in (wrong, right)]
    else:
        texts = [f"[{dialect.secret}.from_local_environ({one})]" for one in (wrong, right)]
    return _pair("MS404", dialect, {"secrets": texts[0]}, {"secrets": texts[1]})


@st.composite
def no_secrets(draw: st.DrawFn) -> Pair:
    """MS405: a name or a mapping in the place of a Secret."""
    dialect = draw(st.sampled_from(DIALECTS))
    named = f'{dialect.secret}.from_name("shared")'
    base = f'{dialect.secret}.from_name("base")'
    wrong, right, lines = draw(
        st.sampled_from(
            (
                ({"secrets": '["base"]'}, {"secrets": f"[{base}]"}, ()),
                ({"secrets": f'["base", {named}]'}, {"secrets": f"[{base}, {named}]"}, ()),
                ({"secrets": f'({named}, "base")'}, {"secrets": f"({named}, {base})"}, ()),
                ({"secrets": '"base"'}, {"secrets": f"[{base}]"}, ()),
                ({"secrets": "[NAME]"}, {"secrets": f"[{base}]"}, ('NAME = "base"',)),
                ({"secrets": '{"MODE": "fast"}'}, {"env": '{"MODE": "fast"}'}, ()),
            )
        )
    )
    return _pair("MS405", dialect, wrong, right, *lines)


@st.composite
def no_lists(draw: st.DrawFn) -> Pair:
    """MS406: something else than a list of Secrets."""
    dialect = draw(st.sampled_from(DIALECTS))
    base, shared = (f'{dialect.secret}.from_name("{name}")' for name in ("base", "shared"))
    wrong, right, lines = draw(
        st.sampled_from(
            (
                (base, f"[{base}]", ()),
                ("one", f"[{base}]", (f"one = {base}",)),
                (f"{{{base}}}", f"[{base}]", ()),
                ("(each for each in [one, two])", "[one, two]", (f"one = {base}", f"two = {shared}")),
                ("{'a': one, 'b': two}.values()", "[one, two]", (f"one = {base}", f"two = {shared}")),
                ("filter(None, [two, one])", "[two, one]", (f"one = {base}", f"two = {shared}")),
            )
        )
    )
    return _pair("MS406", dialect, {"secrets": wrong}, {"secrets": right}, *lines)


@st.composite
def removed(draw: st.DrawFn) -> Pair:
    """MS410: what the SDK no longer has."""
    dialect = draw(st.sampled_from(DIALECTS[:3]))
    secret = dialect.secret
    wrong, right = draw(
        st.sampled_from(
            (
                (f'{secret}.lookup("base")', f'{secret}.from_name("base")'),
                (f'{secret}({{"MODE": "fast"}})', f'{secret}.from_dict({{"MODE": "fast"}})'),
                (f'{secret}.from_name("base", namespace=None)', f'{secret}.from_name("base")'),
                (f'{secret}.from_name(label="base")', f'{secret}.from_name("base")'),
            )
        )
    )
    return _pair("MS410", dialect, {"secrets": f"[{wrong}]"}, {"secrets": f"[{right}]"})


@st.composite
def file_names(draw: st.DrawFn) -> Pair:
    """MS301: the name of a file as the path."""
    dialect = draw(st.sampled_from(DIALECTS[:3]))
    name = draw(st.sampled_from((".env.prod", ".env.local")))
    given = draw(st.sampled_from((f'"{name}"', f'path="{name}"')))
    wrong, right = (f"[{dialect.secret}.from_dotenv({one})]" for one in (given, f'filename="{name}"'))
    return _pair("MS301", dialect, {"secrets": wrong}, {"secrets": right})


@st.composite
def other_environments(draw: st.DrawFn) -> Pair:
    """MS308: Secrets of a sandbox whose App is of another environment."""
    dialect = draw(st.sampled_from(DIALECTS[:3]))
    head = tuple(line.replace('"equivalence"', '"equivalence", environment_name="prod"') for line in dialect.head)
    dialect = dialect._replace(head=head)
    there = ', environment_name="prod"'
    wrong: list[str] = []
    right: list[str] = []
    for name in draw(st.lists(st.sampled_from(("base", "shared", "ports")), min_size=1, max_size=3)):
        required = ', required_keys=["PORT"]' if draw(st.booleans()) else ""
        pinned = draw(st.booleans())
        said = there if wrong and pinned else ""
        wrong.append(f'{dialect.secret}.from_name("{name}"{required}{said})')
        right.append(f'{dialect.secret}.from_name("{name}"{required}{there})')
    texts = [f"[{', '.join(items)}]" for items in (wrong, right)]
    return _pair("MS308", dialect, {"secrets": texts[0]}, {"secrets": texts[1]})


@st.composite
def dropped(draw: st.DrawFn) -> Pair:
    """MS310: what may be None; the variables are there."""
    dialect = draw(st.sampled_from(DIALECTS[:3]))
    look = draw(st.sampled_from(('os.environ.get("{}")', 'os.getenv("{}")')))
    names = draw(st.lists(st.sampled_from(PLAIN), min_size=1, max_size=2, unique=True))
    entries = [f'"{name}": {look.format(name)}' for name in names]
    rest = draw(st.sampled_from(([], ['"HF_TOKEN": "none"'])))
    wrong = f"{{{', '.join([*entries, *rest])}}}"
    right = f"{{{', '.join([*(_ENTRY.format(name) for name in names), *rest])}}}"
    if draw(st.booleans()):
        return _pair("MS310", dialect, {"env": wrong}, {"env": right})
    made = f"{dialect.secret}.from_dict"
    return _pair("MS310", dialect, {"secrets": f"[{made}({wrong})]"}, {"secrets": f"[{made}({right})]"})


@st.composite
def reserved(draw: st.DrawFn) -> Pair:
    """MS315: a variable that Modal sets itself, among others."""
    dialect = draw(st.sampled_from(DIALECTS))
    entries = draw(st.permutations(('"MODAL_REGION": "eu"', '"MODE": "fast"', '"PORT": "80"')))
    texts = [f"{{{', '.join(one for one in entries if keep or 'REGION' not in one)}}}" for keep in (True, False)]
    return _pair("MS315", dialect, {"env": texts[0]}, {"env": texts[1]})


REJECTED = st.one_of(values(), keys(), no_secrets(), no_lists(), removed())
SILENT = st.one_of(file_names(), other_environments(), dropped(), reserved())


# ---- Functions ------------------------------------------------------------------------------------------------

_HEAD = "import os\n\nimport modal\n\n"
_CALL = "\n\nif modal.is_local():\n    with app.run():\n        seen = [{}]\n"
_SEE = "def see():\n    return {}\n"


@st.composite
def variants(draw: st.DrawFn) -> Pair:
    """MS303: `with_options(env=…)` of a Function that has Secrets, of its own or of its App."""
    items = draw(st.lists(st.sampled_from(("base", "shared", "ports")), min_size=1, max_size=2, unique=True))
    references = [f'modal.Secret.from_name("{name}")' for name in items]
    of_app = references[: draw(st.integers(0, len(references)))]
    own = references[len(of_app) :]
    declared = f"app = modal.App('equivalence', secrets=[{', '.join(of_app)}])\n\n\n"
    declared += f"@app.function(secrets=[{', '.join(own)}])\n" + _SEE.format("dict(os.environ)")
    env = f'env={{"{draw(st.sampled_from(PLAIN))}": "of the variant"}}'
    given = (env, f"{env}, secrets=[{', '.join(references)}]")
    wrong, right = (f"\n\nother = see.with_options({one})" for one in given)
    call = _CALL.format("other.remote()")
    return Pair("MS303", _HEAD + declared + wrong + call, _HEAD + declared + right + call)


@st.composite
def unprovided(draw: st.DrawFn) -> Pair:
    """MS312: a read that the Secret's required keys do not tell of."""
    name = draw(st.sampled_from(("base", "shared")))
    read = '{"MODE": os.environ["MODE"], "PORT": os.environ["PORT"]}'
    texts = []
    for required in ('["MODE"]', '["MODE", "PORT"]'):
        given = f'secrets=[modal.Secret.from_name("{name}", required_keys={required})]'
        texts.append(f"{_HEAD}app = modal.App('equivalence')\n\n\n@app.function({given})\n" + _SEE.format(read))
    wrong, right = (text + _CALL.format("see.remote()") for text in texts)
    return Pair("MS312", wrong, right)


@st.composite
def imported(draw: st.DrawFn) -> Pair:
    """MS317: a variable of the machine, read where the containers import the module."""
    name = draw(st.sampled_from(PLAIN))
    rest = f'\n\n@app.function(secrets=[key])\ndef see_key():\n    return os.environ["{name}"]\n'
    rest = rest if draw(st.booleans()) else ""
    texts = []
    for made in (f'from_dict({{"{name}": os.environ["{name}"]}})', f'from_local_environ(["{name}"])'):
        text = f"{_HEAD}app = modal.App('equivalence')\nkey = modal.Secret.{made}\n\n\n@app.function()\n"
        texts.append(text + _SEE.format("dict(os.environ)") + rest + _CALL.format("see.remote()"))
    return Pair("MS317", *texts)


FUNCTIONS = st.one_of(variants(), unprovided(), imported())
