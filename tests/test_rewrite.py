"""Rewriting: what a person sees before and after, and what may never change."""

from __future__ import annotations

import ast
import io
import tokenize
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modal_lint.model import Edit, Span
from modal_lint.rewrite import (
    CannotRewrite,
    Source,
    add_argument,
    append_to_list,
    apply,
    combine,
    drop_chain_step,
    ensure_import,
    extend_expression,
    remove_argument,
    remove_entries,
    replace,
    replace_argument_value,
    rewrite_call,
    secret_reference,
    span_of,
    string_literal,
)

if TYPE_CHECKING:
    from collections.abc import Callable

REF = 'modal.Secret.from_name("s")'


class Program:
    """A source and the spans of what the tests ask for in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.source = Source(text)
        self.tree = ast.parse(text)
        self.lines = self.source.plain.split("\n")

    def span(self, node: ast.expr | ast.keyword) -> Span:
        return span_of(self.lines, node)

    def find(self, name: str) -> ast.Call:
        """The call whose callee ends with ``name``."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and name in (
                getattr(node.func, "id", None),
                getattr(node.func, "attr", None),
            ):
                return node
        raise AssertionError(name)

    def call(self, name: str = "f") -> Span:
        return self.span(self.find(name))

    def value(self, argument: str = "env", name: str = "f") -> ast.expr:
        return next(keyword.value for keyword in self.find(name).keywords if keyword.arg == argument)

    def entries(self, *keys: str, mapping: ast.expr | None = None) -> list[Span]:
        mapping = mapping or self.value()
        if isinstance(mapping, ast.Call):
            return [self.span(keyword) for keyword in mapping.keywords if keyword.arg in keys]
        assert isinstance(mapping, ast.Dict)
        return [self.span(key) for key in mapping.keys if isinstance(key, ast.Constant) and key.value in keys]

    def made(self, edits: list[Edit]) -> str:
        result = apply(self.text, edits)
        ast.parse(result)
        return result


def without(text: str, *keys: str) -> str:
    program = Program(text)
    return program.made(remove_entries(program.source, program.span(program.value()), program.entries(*keys)))


def edited(text: str, change: Callable[[Source, Span], list[Edit]], name: str = "f") -> str:
    program = Program(text)
    return program.made(change(program.source, program.call(name)))


@pytest.mark.parametrize(
    ("before", "keys", "after"),
    [
        ('f(env={"A": "1", "B": "2", "C": "3"})', "A", 'f(env={"B": "2", "C": "3"})'),
        ('f(env={"A": "1", "B": "2", "C": "3"})', "B", 'f(env={"A": "1", "C": "3"})'),
        ('f(env={"A": "1", "B": "2", "C": "3"})', "C", 'f(env={"A": "1", "B": "2"})'),
        ('f(env={"A": "1", "B": "2", "C": "3"})', "AC", 'f(env={"B": "2"})'),
        ('f(env={"A": "1", "B": "2",})', "B", 'f(env={"A": "1",})'),
        ('f(env={ "A": "1", "B": "2" })', "B", 'f(env={ "A": "1" })'),
        ('f(env={ "A": "1" })', "A", "f(env={})"),
        ('f(env={"A": "1", "B": "2"})', "AB", "f(env={})"),
        ('f(env={"A": "1", **base})', "A", "f(env={**base})"),
        ('f(env={**base, "A": "1"})', "A", "f(env={**base})"),
        ('f(env={("A"): ("1"), "B": g({"A": 3})})', "A", 'f(env={"B": g({"A": 3})})'),
        ('f(env=dict(A="1", B="2"))', "A", 'f(env=dict(B="2"))'),
        ('f(env=dict(base, A="1"))', "A", "f(env=dict(base))"),
        ('é("ü"); f(é="ü", env={"A": "1", "B": "é"})', "A", 'é("ü"); f(é="ü", env={"B": "é"})'),
        (
            'f(\n    env={\n        "A": "1",  # own\n        # about B\n        "B": "2",\n    },\n)\n',
            "A",
            'f(\n    env={\n        # about B\n        "B": "2",\n    },\n)\n',
        ),
        (
            'f(\n    env={\n        # above\n        "A": "1",  # own\n        "B": "2",  # b\n    },\n)\n',
            "A",
            'f(\n    env={\n        # above\n        "B": "2",  # b\n    },\n)\n',
        ),
        (
            'f(env={\n    "A": "1",  # a\n    "B": "2"  # own\n    # last\n})',
            "B",
            'f(env={\n    "A": "1"  # a\n    # last\n})',
        ),
        ('f(env={"A": "1",\n       "B": "2"})', "A", 'f(env={"B": "2"})'),
        ('f(env={"A": "1",\n       "B": "2"})', "B", 'f(env={"A": "1"})'),
        ('f(env={"A": "1",  # a\n       "B": "2"})', "B", 'f(env={"A": "1"  # a\n       })'),
        ('f(env={\n    "A": "1", "B": "2",  # both\n})', "B", 'f(env={\n    "A": "1",  # both\n})'),
        ('f(env={\n    "A": "1", "B": "2",  # both\n})', "A", 'f(env={\n    "B": "2",  # both\n})'),
        ('f(env={\n    "A": "1", "B": "2",\n    "C": "3",\n})', "AB", 'f(env={\n    "C": "3",\n})'),
        (
            'f(env={ "A": "1"\n      , "B": "2"\n      , "C": "3"\n      })',
            "B",
            'f(env={ "A": "1"\n      , "C": "3"\n      })',
        ),
        ('f(env={ "A": "1"\n      , "B": "2"\n      })', "B", 'f(env={ "A": "1"\n      })'),
        ('f(env={\n    "A": "1"  # own\n    ,\n    "B": "2"\n})', "A", 'f(env={\n    "B": "2"\n})'),
        ('f(env={\n\t"A": "1",\n\t"B": """x\ny""",\n})', "A", 'f(env={\n\t"B": """x\ny""",\n})'),
        ('f(env={\n    # kept\n    "A": "1",\n})', "A", "f(env={\n    # kept\n})"),
        ('f(env={\n    "A": "x\\\ny",\n    "B": f"{a}{b!r:>{w}}",\n})', "A", 'f(env={\n    "B": f"{a}{b!r:>{w}}",\n})'),
        ('x = [lambda: f(env={"A": "1", "B": "2"})]', "A", 'x = [lambda: f(env={"B": "2"})]'),
        ('f(env={"A": "#,", "B": "}"})', "A", 'f(env={"B": "}"})'),
    ],
)
def test_entries_go_with_their_comma_line_and_comment(before: str, keys: str, after: str) -> None:
    assert without(before, *keys) == after


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_line_endings_survive(newline: str) -> None:
    before = 'x = 1\nf(\n    env={\n        "A": "1",\n        "B": "2",\n    },\n)\n'.replace("\n", newline)
    after = 'x = 1\nf(\n    env={\n        "B": "2",\n    },\n    secrets=[s],\n)\n'.replace("\n", newline)
    program = Program(before)
    edits = rewrite_call(
        program.source,
        program.call(),
        drop_entries={"env": program.entries("A")},
        extend_list={"secrets": ("s", False)},
    )
    assert program.made(edits) == after


@pytest.mark.parametrize("value", ["(x := 1)", "g(y := 2)", "[z := 1 for _ in q]"])
def test_an_entry_that_binds_a_name_stays(value: str) -> None:
    with pytest.raises(CannotRewrite, match="bound"):
        without(f'f(env={{"A": {value}}})', "A")


def test_an_entry_that_suspends_its_function_stays() -> None:
    with pytest.raises(CannotRewrite, match="suspends"):
        without('async def g():\n    f(env={"A": await x})\n', "A")


def test_an_entry_of_another_mapping_is_refused() -> None:
    program = Program('f(env={"A": "1"}, other={"B": "2"})')
    with pytest.raises(CannotRewrite):
        remove_entries(program.source, program.span(program.value("other")), program.entries("A"))


def test_deep_text_is_no_obstacle_and_too_deep_text_is_refused() -> None:
    deep = "[" * 150 + "]" * 150
    assert without(f'f(env={{"A": {deep}, "B": 1}})', "A") == 'f(env={"B": 1})'
    long = " + ".join(["x"] * 900)
    assert without(f'f(env={{"A": {long}, "B": {long}}})', "A") == f'f(env={{"B": {long}}})'
    deeper = f'{{"A": {"[" * 3000}{"]" * 3000}}}'
    with pytest.raises(CannotRewrite):
        remove_entries(Source(deeper), Span(1, 0, 1, len(deeper)), [Span(1, 1, 1, 4)])


def test_a_long_chain_in_front_of_a_call_is_no_obstacle() -> None:
    chain = "image" + '.pip_install("x")' * 300
    assert edited(f"{chain}.f(a, b=2)", lambda source, call: remove_argument(source, call, "b")) == f"{chain}.f(a)"
    assert edited(f"{chain}.env(1).run()", drop_chain_step, "env") == f"{chain}.run()"


@pytest.mark.parametrize(
    ("before", "argument", "after"),
    [
        ("f(a, b=1)", 0, "f(b=1)"),
        ("f(a, b)", 1, "f(a)"),
        ("f(a, b=1, **kw)", "b", "f(a, **kw)"),
        ("f(b=1, *a)", "b", "f(*a)"),
        ("f(\n    a,\n    b=1,  # own\n    c=2,\n)", "b", "f(\n    a,\n    c=2,\n)"),
        ("f(\n    # kept\n    b=1,\n)", "b", "f(\n    # kept\n)"),
        ("f(\n    b=1,\n)", "b", "f()"),
        ("f(b=g(h(b=2)), c=(1))", "b", "f(c=(1))"),
        ("@app.f(b=1, c=2)\ndef g(): ...\n", "b", "@app.f(c=2)\ndef g(): ...\n"),
        ("async def g():\n    await x.f.aio(b=1, c=2)\n", "b", "async def g():\n    await x.f.aio(c=2)\n"),
        ("f(x for x in y)", 0, "f()"),
        ("(f)(b=1, c=2)", "b", "(f)(c=2)"),
        ("x = (f  # why\n     (b=1))", "b", "x = (f  # why\n     ())"),
        ('f("""a\n  b""", b=1)', "b", 'f("""a\n  b""")'),
    ],
)
def test_arguments_go(before: str, argument: str | int, after: str) -> None:
    name = "aio" if "aio" in before else "f"
    assert edited(before, lambda source, call: remove_argument(source, call, argument), name) == after


@pytest.mark.parametrize(("before", "argument"), [("f(a, b)", 0), ("f(a, *b)", 0), ("f(*a, b)", 1), ("f(a)", "b")])
def test_an_argument_whose_removal_is_uncertain_stays(before: str, argument: str | int) -> None:
    with pytest.raises(CannotRewrite):
        edited(before, lambda source, call: remove_argument(source, call, argument))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f()", "f(s=1)"),
        ("f(\n)", "f(s=1)"),
        ("f(a)", "f(a, s=1)"),
        ("f(a,)", "f(a, s=1,)"),
        ("f( a )", "f( a, s=1 )"),
        ("f(**kw)", "f(**kw, s=1)"),
        ("f(*a)", "f(*a, s=1)"),
        ("f(x for x in y)", "f((x for x in y), s=1)"),
        ("f((x for x in y))", "f((x for x in y), s=1)"),
        ("f(\n    a,\n    b=2,\n)", "f(\n    a,\n    b=2,\n    s=1,\n)"),
        ("f(\n    a,\n    b=2\n)", "f(\n    a,\n    b=2,\n    s=1\n)"),
        (
            "f(\n    a,  # one\n    b=2  # two\n    # three\n)",
            "f(\n    a,  # one\n    b=2,  # two\n    s=1\n    # three\n)",
        ),
        ("f(a,\n  b=2)", "f(a,\n  b=2,\n  s=1)"),
        ("f(\n    a, b=2\n)", "f(\n    a, b=2, s=1\n)"),
        ("f({\n    1: 2,\n})", "f({\n    1: 2,\n}, s=1)"),
        ("f(  # why\n)", "f(  # why\n    s=1,\n)"),
        ("if x:\n\tf(\n\t\t# why\n\t)\n", "if x:\n\tf(\n\t\t# why\n\t\ts=1,\n\t)\n"),
        ("f(lambda: 1)", "f(lambda: 1, s=1)"),
    ],
)
def test_an_argument_is_added_in_the_layout_of_the_call(before: str, after: str) -> None:
    assert edited(before, lambda source, call: add_argument(source, call, "s=1")) == after


def test_a_value_is_replaced() -> None:
    change: Callable[[Source, Span], list[Edit]] = lambda source, call: replace_argument_value(source, call, "b", "9")  # noqa: E731
    assert edited("f(a, b = (1),  # c\n  d=2)", change) == "f(a, b = 9,  # c\n  d=2)"
    with pytest.raises(CannotRewrite):
        edited("f(a)", change)


@pytest.mark.parametrize(
    ("before", "after", "front"),
    [
        ("[]", "[n]", "[n]"),
        ("()", "(n,)", "(n,)"),
        ("[a]", "[a, n]", "[n, a]"),
        ("[a,]", "[a, n,]", "[n, a,]"),
        ("(a,)", "(a, n)", "(n, a)"),
        ("(a, b)", "(a, b, n)", "(n, a, b)"),
        ("[\n    a,\n]", "[\n    a,\n    n,\n]", "[\n    n,\n    a,\n]"),
        (
            "[\n    # one\n    a,  # two\n]",
            "[\n    # one\n    a,  # two\n    n,\n]",
            "[\n    n,\n    # one\n    a,  # two\n]",
        ),
        ("[  # none\n]", "[  # none\n    n,\n]", "[  # none\n    n,\n]"),
        ("None", "[n]", "[n]"),
        ("base", "[*base, n]", "[n, *base]"),
        ("get(\n    1\n)", "[*get(\n    1\n), n]", "[n, *get(\n    1\n)]"),
        ("a + [b]", "[*a + [b], n]", "[n, *a + [b]]"),
        ("(a + b)", "[*(a + b), n]", "[n, *(a + b)]"),
        ("a or b", "[*(a or b), n]", "[n, *(a or b)]"),
        ("a if c else None", "[*((a if c else None) or ()), n]", "[n, *((a if c else None) or ())]"),
        ("(x for x in y)", "[*(x for x in y), n]", "[n, *(x for x in y)]"),
        ("[x for x in y]", "[*[x for x in y], n]", "[n, *[x for x in y]]"),
    ],
)
def test_a_sequence_gets_one_more_item(before: str, after: str, front: str) -> None:
    program = Program(f"f(s={before}, t=1)")
    for at_front, expected in ((False, after), (True, front)):
        edits = rewrite_call(program.source, program.call(), extend_list={"s": ("n", at_front)})
        assert program.made(edits) == f"f(s={expected}, t=1)"
    if not before.startswith("(a +"):
        span = program.span(program.value("s"))
        assert program.made(append_to_list(program.source, span, "n")) == f"f(s={after}, t=1)"


def test_a_bare_tuple_gets_one_more_item() -> None:
    for before, after in (("x = a,", "x = a, n"), ("x = a, b  # c", "x = a, b, n  # c")):
        program = Program(before)
        statement = program.tree.body[0]
        assert isinstance(statement, ast.Assign)
        assert program.made(append_to_list(program.source, program.span(statement.value), "n")) == after


def test_an_expression_that_may_be_none_is_guarded() -> None:
    program = Program("f(s=base)")
    edits = extend_expression(program.source, program.span(program.value("s")), "n", may_be_none=True)
    assert program.made(edits) == "f(s=[*(base or ()), n])"
    program = Program("f(s=lambda: 1)")
    with pytest.raises(CannotRewrite):
        extend_expression(program.source, program.span(program.value("s")), "n")


def test_several_changes_of_one_call_keep_the_rest() -> None:
    before = (
        "@app.function(\n"
        "    image=image,  # the image\n"
        '    env={"A": "value-1", "B": "value-2"},  # both\n'
        "    secrets=[\n"
        "        base,  # shared\n"
        "    ],\n"
        "    other={\n"
        '        "C": "value-3",\n'
        '        "D": "value-4",\n'
        "    },\n"
        "    timeout=3,\n"
        ")\n"
        "def g(): ...\n"
    )
    after = (
        "@app.function(\n"
        "    image=image,  # the image\n"
        "    secrets=[\n"
        "        base,  # shared\n"
        f"        {REF},\n"
        "    ],\n"
        "    other={\n"
        '        "D": "value-4",\n'
        "    },\n"
        "    region=1,\n"
        ")\n"
        "def g(): ...\n"
    )
    program = Program(before)
    edits = rewrite_call(
        program.source,
        program.call("function"),
        drop_entries={
            "env": program.entries("A", "B", mapping=program.value("env", "function")),
            "other": program.entries("C", mapping=program.value("other", "function")),
        },
        drop_arguments=["timeout"],
        set_argument={"region": "1"},
        extend_list={"secrets": (REF, False)},
    )
    assert program.made(edits) == after
    # What is inserted is shown to people: it may not carry text that only stands between two changes.
    assert not any("value-" in edit.text for edit in edits)


def test_an_emptied_mapping_goes_or_stays_as_asked() -> None:
    program = Program('f(\n    env={"A": "1"},\n)')
    entries: dict[str | int, list[Span]] = {"env": program.entries("A")}
    kept = rewrite_call(program.source, program.call(), drop_entries=entries, drop_empty=False)
    assert program.made(kept) == "f(\n    env={},\n)"
    gone = rewrite_call(program.source, program.call(), drop_entries=entries, extend_list={"secrets": (REF, False)})
    assert program.made(gone) == f"f(\n    secrets=[{REF}],\n)"


def test_an_emptied_positional_mapping_keeps_the_others_in_place() -> None:
    program = Program('f({"A": "1"}, 2)\nf({"B": "1"}, c=2)')
    calls = [node for node in ast.walk(program.tree) if isinstance(node, ast.Call)]
    edits = [
        rewrite_call(
            program.source, program.span(call), drop_entries={0: program.entries("A", "B", mapping=call.args[0])}
        )
        for call in calls
    ]
    assert program.made(combine(*edits)) == "f({}, 2)\nf(c=2)"


def test_entries_of_a_merged_mapping_are_found() -> None:
    before = 'f(env={"A": "1"} | base | dict(B="2", C="3"))'
    program = Program(before)
    value = program.value()
    spans = [program.span(n) for n in ast.walk(value) if isinstance(n, ast.Constant) and n.value == "A"]
    spans += [program.span(n) for n in ast.walk(value) if isinstance(n, ast.keyword) and n.arg == "B"]
    edits = rewrite_call(program.source, program.call(), drop_entries={"env": spans})
    assert program.made(edits) == 'f(env={} | base | dict(C="3"))'


def test_two_changes_of_one_argument_are_refused() -> None:
    program = Program("f(s=[a])")
    with pytest.raises(CannotRewrite):
        rewrite_call(program.source, program.call(), set_argument={"s": "1"}, extend_list={"s": ("n", False)})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('x = i.pip("x").env({"K": "v"}).run("y")', 'x = i.pip("x").run("y")'),
        ('x = i.env({"K": "v"})  # c', "x = i  # c"),
        (
            'x = (\n    i.pip("x")  # one\n    # two\n    .env({"K": "v"})  # own\n    .run("y")\n)',
            'x = (\n    i.pip("x")  # one\n    # two\n    .run("y")\n)',
        ),
        ('x = (\n    i\n    .env({\n        "K": "v",\n    })\n)', "x = (\n    i\n)"),
        ('x = (i\n     .env({"K": "v"}).run("y"))', 'x = (i\n     .run("y"))'),
        ('x = (i\n     .env({"K": "v"}))', "x = (i)"),
        ('x = (i  # c\n     .env({"K": "v"}))', "x = (i  # c\n     )"),
        ('x = i \\\n    .env({"K": "v"}) \\\n    .run("y")\n', 'x = i \\\n    .run("y")\n'),
        ('x = i.run("y") \\\n    .env({"K": "v"})\ny = 1\n', 'x = i.run("y")\ny = 1\n'),
        ('x = (i).env({"K": "v"})', "x = (i)"),
        ('x = (  # )\n    i  # )\n).env({"K": "v"})', "x = (  # )\n    i  # )\n)"),
        ('i = i.env({\n    "K": "v",\n}).run("é")', 'i = i.run("é")'),
        ('f(i\n  .env({"K": "v"}), 1)', "f(i, 1)"),
        ('x = i.pip("x").env(\n    {"K": "v"}  # c\n)\n', 'x = i.pip("x")\n'),
    ],
)
def test_a_step_leaves_its_chain(before: str, after: str) -> None:
    assert edited(before, drop_chain_step, "env") == after


def test_what_is_no_step_stays() -> None:
    for text in ('env({"K": "v"})', "x.env(y := 1)"):
        with pytest.raises(CannotRewrite):
            edited(text, drop_chain_step, "env")


@pytest.mark.parametrize(
    ("head", "spelling"),
    [
        ("import modal", "modal.Secret"),
        ("import modal as m", "m.Secret"),
        ("from modal import Secret", "Secret"),
        ("from modal import App, Secret as S", "S"),
        ("import modal\nfrom modal import Secret", "Secret"),
        ("import modal.secret", "modal.Secret"),
        ("from modal import secret", "secret.Secret"),
        ("try:\n    import modal\nexcept ImportError:\n    modal = None", "modal.Secret"),
        (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from modal import Secret\nimport modal",
            "modal.Secret",
        ),
    ],
)
def test_an_import_that_is_there_is_used(head: str, spelling: str) -> None:
    assert ensured(f"{head}\nhere\n") == (spelling, f"{head}\nhere\n")


def ensured(text: str, name: str | None = "Secret") -> tuple[str, str]:
    """The spelling at ``here``, and the text after the edits, on which a second run changes nothing."""
    spelling, edits = ensure_import(Source(text), "modal", name, position=_here(text))
    result = apply(text, edits)
    ast.parse(result)
    assert ensure_import(Source(result), "modal", name, position=_here(result)) == (spelling, [])
    return spelling, result


def _here(text: str) -> Span:
    program = Program(text)
    return next(program.span(n) for n in ast.walk(program.tree) if isinstance(n, ast.Name) and n.id == "here")


@pytest.mark.parametrize(
    ("before", "spelling", "after"),
    [
        ("from modal import App\nhere\n", "Secret", "from modal import App, Secret\nhere\n"),
        ("from modal import App as A  # c\nhere\n", "Secret", "from modal import App as A, Secret  # c\nhere\n"),
        (
            "from modal import App, \\\n    Image\nhere\n",
            "Secret",
            "from modal import App, \\\n    Image, Secret\nhere\n",
        ),
        (
            "from modal import (\n    App,\n    Image,  # i\n)\nhere\n",
            "Secret",
            "from modal import (\n    App,\n    Image,  # i\n    Secret,\n)\nhere\n",
        ),
        ("from modal import App, Volume\nhere\n", "Secret", "from modal import App, Secret, Volume\nhere\n"),
        ("from modal import Volume, App\nhere\n", "Secret", "from modal import Volume, App, Secret\nhere\n"),
        ("from modal import *\nhere\n", "modal.Secret", "from modal import *\nimport modal\nhere\n"),
        (
            "from modal import (\n    App,  # a\n    # v\n    Volume,\n)\nhere\n",
            "Secret",
            "from modal import (\n    App,  # a\n    Secret,\n    # v\n    Volume,\n)\nhere\n",
        ),
        ("from modal import (App)\nhere\n", "Secret", "from modal import (App, Secret)\nhere\n"),
        (
            "from modal import App\nSecret = 1\nhere\n",
            "modal.Secret",
            "from modal import App\nimport modal\nSecret = 1\nhere\n",
        ),
        (
            '"""Doc."""\nfrom __future__ import annotations\nimport os; x = (1,\n2)\nhere\n',
            "modal.Secret",
            '"""Doc."""\nfrom __future__ import annotations\nimport os; x = (1,\n2)\nimport modal\nhere\n',
        ),
        ('"""Doc."""\nhere\n', "modal.Secret", '"""Doc."""\n\nimport modal\nhere\n'),
        (
            "#!/usr/bin/env python\n# c\n@d\ndef f(): here\n",
            "modal.Secret",
            "#!/usr/bin/env python\n# c\nimport modal\n@d\ndef f(): here\n",
        ),
        ("def f():\n    import modal\n    here\n", "modal.Secret", "def f():\n    import modal\n    here\n"),
        ("def g():\n    import modal\nhere\n", "modal.Secret", "import modal\ndef g():\n    import modal\nhere\n"),
        (
            "def f():\n    from modal import App\n    here\n",
            "Secret",
            "def f():\n    from modal import App, Secret\n    here\n",
        ),
        ("import modal\ndef f(modal2):\n    here\n", "modal.Secret", "import modal\ndef f(modal2):\n    here\n"),
        (
            "from modal import Secret\nimport modal as m\ndef f(Secret):\n    here\n",
            "m.Secret",
            "from modal import Secret\nimport modal as m\ndef f(Secret):\n    here\n",
        ),
        ("def f():\n    here\nimport modal\n", "modal.Secret", "def f():\n    here\nimport modal\n"),
        (
            "if TYPE_CHECKING:\n    import modal as m\nhere\n",
            "modal.Secret",
            "if TYPE_CHECKING:\n    import modal as m\nimport modal\nhere\n",
        ),
        ("import os\r\nhere\r\n", "modal.Secret", "import os\r\nimport modal\r\nhere\r\n"),
    ],
)
def test_a_missing_import_is_added(before: str, spelling: str, after: str) -> None:
    assert ensured(before) == (spelling, after)


def test_the_module_itself_is_spelled() -> None:
    assert ensured("import modal as m\nhere\n", None)[0] == "m"


@pytest.mark.parametrize("text", ["def f(modal):\n    here\n", "modal = 1\nhere\n", "import modal\nmodal = 2\nhere\n"])
def test_a_name_that_means_something_else_is_not_taken(text: str) -> None:
    with pytest.raises(CannotRewrite):
        ensured(text)


def test_a_reference_names_its_keys_in_order() -> None:
    assert secret_reference("modal.Secret", "s", ["B", "A", "B"]) == (
        'modal.Secret.from_name("s", required_keys=["A", "B"])'
    )
    assert secret_reference("S", "s", [], quote="'", environment="prod") == "S.from_name('s', environment_name='prod')"


@given(st.text(), st.sampled_from("'\""))
def test_a_literal_is_what_it_says(value: str, quote: str) -> None:
    literal = string_literal(value, quote)
    assert ast.literal_eval(literal) == value
    assert literal[0] == quote
    assert "\n" not in literal


def test_the_source_knows_its_style() -> None:
    assert Source("x = 'a'\ny = f('b', \"c\")\n").quote == "'"
    assert Source('x = "a"').quote == '"'
    assert Source("if x:  # c\n\n\ty\n").indent == "\t"
    assert Source("x\r\ny").newline == "\r\n"


def test_segments_are_found_by_span() -> None:
    text = 'é = "ü"\r\nx = (a +\r\n     b)\r\n'
    program = Program(text)
    statement = program.tree.body[1]
    assert isinstance(statement, ast.Assign)
    span = program.span(statement.value)
    assert program.source.segment(span) == "a +\r\n     b"
    assert program.made(replace(program.source, span, "c")) == 'é = "ü"\r\nx = (c)\r\n'
    with pytest.raises(CannotRewrite):
        replace(program.source, Span(9, 0, 9, 1), "c")


def test_touching_edits_join_and_overlapping_ones_are_refused() -> None:
    left, right = Edit(Span(1, 0, 1, 2), "x"), Edit(Span(1, 2, 1, 2), "y")
    assert combine([right], [left], [left]) == [Edit(Span(1, 0, 1, 2), "xy")]
    with pytest.raises(CannotRewrite):
        combine([left], [Edit(Span(1, 1, 1, 3), "")])


# Random layouts: between any two tokens of a call stand blanks, line breaks and comments.


@st.composite
def layouts(draw: st.DrawFn) -> tuple[str, int, int]:
    """A program, how many entries its mapping has, and which one goes."""
    count = draw(st.integers(1, 4))
    numbers = iter(range(1000))
    newline = draw(st.sampled_from(["\n", "\r\n"]))

    def gap() -> str:
        parts = []
        for kind in draw(st.lists(st.sampled_from([" ", "\n", "#", "\\", "\t"]), max_size=3)):
            parts.append({"#": f" # c{next(numbers)},{{\n", "\\": "\\\n"}.get(kind, kind))
        return "".join(parts)

    values = ["'#é'", "(1,)", "g(1, k={'K0': 2})", "f'{x}'", "'''a\n#,b'''", "lambda: {1, 2}", "[1, (2)]"]
    display = draw(st.booleans())
    entries = []
    for index in range(count):
        value = draw(st.sampled_from(values))
        if display:
            entries.append(f"'K{index}':{gap()}{value}" if draw(st.integers(0, 5)) else f"('K{index}'){gap()}: {value}")
        else:
            entries.append(f"K{index}={gap()}{value}")
    body = "".join(f"{entry}{gap()},{gap()}" for entry in entries[:-1]) + entries[-1]
    body += draw(st.sampled_from(["", ","]))
    opening, closing = ("{", "}") if display else ("dict(", ")")
    others = draw(st.lists(st.sampled_from(["a=1", "b='é'", "**kw"]), unique=True, max_size=2))
    mapping = f"env={opening}{gap()}{body}{gap()}{closing}"
    arguments = [*others[:1], mapping, *others[1:]]
    if others[:1] == ["**kw"]:
        arguments = [mapping, *others]
    call = f"f({gap()}" + f"{gap()},{gap()}".join(arguments) + f"{gap()})"
    text = f"é = 'ü'\nx = [{call}]  # end\ny = 2\n"
    return text.replace("\n", newline), count, draw(st.integers(0, count - 1))


def _comments(text: str) -> list[str]:
    # "translate newlines" as the compiler does; the tokenizer does not
    lines = io.StringIO(text.replace("\r\n", "\n"))
    return [token.string for token in tokenize.generate_tokens(lines.readline) if token.type == tokenize.COMMENT]


def _without_entry(program: Program, index: int) -> str:
    """The tree's dump without one entry, made on the tree."""
    mapping = program.value()
    if isinstance(mapping, ast.Dict):
        del mapping.keys[index], mapping.values[index]
    else:
        assert isinstance(mapping, ast.Call)
        del mapping.keywords[index]
    return ast.dump(program.tree)


@settings(max_examples=300, deadline=None)
@given(layouts())
def test_only_the_entry_goes(layout: tuple[str, int, int]) -> None:
    text, _, index = layout
    program = Program(text)
    call, value = program.call(), program.value()
    entry = program.entries(f"K{index}")[0]
    nodes = value.values if isinstance(value, ast.Dict) else [k.value for k in value.keywords]  # type: ignore[attr-defined]
    last_line = nodes[index].end_lineno
    first_line = entry.line
    after = program.made(remove_entries(program.source, program.span(value), [entry]))

    assert ast.dump(ast.parse(after)) == _without_entry(program, index)

    lines = program.source.plain.split("\n")
    before_comments, after_comments = _comments(text), _comments(after)
    inside = {c for c in _comments(text) if any(c in line for line in lines[first_line - 1 : last_line])}
    assert [c for c in before_comments if c not in inside] == [c for c in after_comments if c not in inside]
    assert set(after_comments) <= set(before_comments)

    start, end = program.source.range(call)
    head, tail = program.source.plain[:start], program.source.plain[end:]
    plain = Source(after).plain
    assert plain.startswith(head)
    assert plain.endswith(tail)
    assert after.count("\r") == (after.count("\n") if "\r" in text else 0)


@settings(max_examples=200, deadline=None)
@given(layouts())
def test_an_entry_moves_to_the_secrets(layout: tuple[str, int, int]) -> None:
    text, count, index = layout
    program = Program(text)
    edits = rewrite_call(
        program.source,
        program.call(),
        drop_entries={"env": program.entries(f"K{index}")},
        extend_list={"secrets": ("S", False)},
        drop_empty=False,
    )
    after = Program(program.made(edits))
    assert ast.unparse(after.value("secrets")) == "[S]"
    again = rewrite_call(after.source, after.call(), drop_arguments=["secrets"])
    _without_entry(program, index)
    assert ast.dump(ast.parse(apply(after.text, again))) == ast.dump(program.tree)
    assert count >= 1
