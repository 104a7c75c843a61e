"""What a module's text tells of a name, beside what its tree tells."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modal_lint.definitions import defines_plainly

# Lines and blocks that bind ``Thing``, mention it, or look as if they did; those with a block are closed by it.
_LINES = (
    "class Thing:\n    pass",
    "class Thing(Base):\n    x: int = 1",
    "def Thing():\n    return 1",
    "async def Thing(a, b=2):\n    return Thing",
    "if True:\n    def Thing():\n        pass",
    "@decorated\nclass Thing:\n    pass",
    "@decorated(\n    1,\n)\ndef Thing():\n    pass",
    "@decorated\n\n# a comment\nclass Thing:\n    pass",
    "class Other:\n    def Thing(self):\n        pass",
    "class Thingy(Thing):\n    pass",
    "Thing = 1",
    "Thing: int = 1",
    "Thing: int",
    "Thing += 1",
    "if a: Thing = 1",
    "try: Thing = 1\nfinally: pass",
    "if a:\n    pass\nelse: Thing = 1",
    "x: Thing = 1",
    "x: dict[str, Thing] = {}",
    "def f(\n    a: Thing = None,\n):\n    pass",
    "lambda: (Thing := 1)",
    "raise Thing(a=1)",
    "Thing[0] = 1",
    "Thing(1)[0], Thing = 1, 2",
    "Thing @= 1",
    "Thing >>= 1",
    "Thing **= 1",
    "Thing.name = 1",
    "a, Thing = 1, 2",
    "[a, Thing] = 1, 2",
    "(Thing), a = 1, 2",
    "(a, (b, Thing)) = 1, (2, 3)",
    "a = Thing = 1",
    "a = b, Thing = 1, 2",
    "*Thing, a = [1]",
    "x[0], Thing = 1, 2",
    "x = Thing",
    "x = Thing()",
    "x == Thing",
    "if (Thing := 1):\n    pass",
    "f(1, Thing, x=1)",
    "f(Thing=1)",
    "f(\n    Thing,\n)",
    "import Thing",
    "import a, Thing",
    "import a as Thing",
    "from a import Thing",
    "from a import (\n    b,\n    Thing,\n)",
    "from a import (\n    b, Thing\n)",
    "from a import b as Thing",
    "from a import *",
    "for Thing in []:\n    pass",
    "for a, Thing in []:\n    pass",
    "for a in (Thing,):\n    pass",
    "with a as Thing:\n    pass",
    "with a as (b, Thing):\n    pass",
    "try:\n    pass\nexcept Thing as e:\n    pass",
    "try:\n    pass\nexcept E as Thing:\n    pass",
    "def f():\n    global Thing\n    Thing = 2",
    "del Thing",
    "match a:\n    case Thing:\n        pass",
    "match a:\n    case [b, Thing]:\n        pass",
    "match a:\n    case {**Thing}:\n        pass",
    "'''\nclass Thing:\n    pass\n'''",
    "x = [Thing for Thing in []]",
    "'Thing'",
    "# Thing",
    "pass",
)


def _is_plain(tree: ast.Module) -> bool:
    """Whether the tree has one undecorated definition of ``Thing`` at its own level, and nothing else that binds it."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    plain = [one for one in tree.body if isinstance(one, kinds) and one.name == "Thing" and not one.decorator_list]
    if len(plain) != 1:
        return False
    code = compile(tree, "<made>", "exec")
    outer = ast.Module([one for one in tree.body if one is not plain[0]], [])
    rest = compile(ast.fix_missing_locations(outer), "<made>", "exec")
    stores = {"STORE_NAME", "DELETE_NAME"}
    import dis

    bound = any(one.opname in stores and one.argval == "Thing" for one in dis.get_instructions(rest))
    nested = any(
        one.opname in ("STORE_GLOBAL", "DELETE_GLOBAL") and one.argval == "Thing"
        for constant in rest.co_consts
        if hasattr(constant, "co_code")
        for one in dis.get_instructions(constant)
    )
    starred = any(isinstance(one, ast.ImportFrom) and one.names[0].name == "*" for one in ast.walk(tree))
    return code is not None and not bound and not nested and not starred


@given(st.lists(st.sampled_from(_LINES), min_size=1, max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_what_is_plain_in_the_text_is_plain_in_the_tree(lines: list[str], ending: str) -> None:
    source = "\n".join(lines) + "\n"
    if defines_plainly(source.replace("\n", ending).encode(), "Thing"):
        assert _is_plain(ast.parse(source))


@pytest.mark.parametrize("line", _LINES)
@pytest.mark.parametrize("other", _LINES[:3])
def test_each_line_after_a_definition(line: str, other: str) -> None:
    source = f"{other}\n{line}\n"
    if defines_plainly(source.encode(), "Thing"):
        assert _is_plain(ast.parse(source))


@pytest.mark.parametrize(
    "line", ["x = Thing()", "class Other(Thing):\n    pass", "try:\n    pass\nexcept Thing as e:\n    raise", "# Thing"]
)
def test_uses_leave_a_definition_plain(line: str) -> None:
    assert defines_plainly(f"import a\n\n\nclass Thing:\n    pass\n\n\n{line}\n".encode(), "Thing")


def test_a_name_in_another_word_is_no_definition() -> None:
    assert not defines_plainly(b"class Thingy:\n    pass\n", "Thing")
    assert not defines_plainly("class Thing\N{LATIN SMALL LETTER E WITH ACUTE}:\n    pass\n".encode(), "Thing")


def test_a_long_line_is_not_plain_and_takes_no_time() -> None:
    source = b"class Thing:\n    pass\n\n\nx = [" + b"Thing for a in b, import as " * 40_000 + b"]\n"
    assert not defines_plainly(source, "Thing")
