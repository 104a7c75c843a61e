"""Evaluation through the public face: which values reach ``env=``, from which line, within bounds, always the same."""

from __future__ import annotations

import base64
import json
import os
import re
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest
from fixture_cases import check, write
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lint_process import lint
from material import fill, make
from modal_lint_rules import RULES

if TYPE_CHECKING:
    from pathlib import Path

    from modal_lint.model import Report

# What is evaluated shows in the rules about credentials; the others have their own to say about what stands here.
_RULES = [rule for rule in RULES if rule.code.startswith("MS1")]

# Each makes a value K or a mapping E of the literal X in line 1 of its text; Y is the same literal in base64, Z in hex.
_VALUES = {
    "literal": "K = X",
    "name": "a = X; b = a; K = b",
    "parentheses": "K = ((X))",
    "adjacent literals": 'K = "" X ""',
    "sum": 'K = X + ""',
    "sum in place": 'K = X; K += ""',
    "f-string": 'K = f"{X}"',
    "f-string with a format": 'K = f"{X!s:>4}"',
    "percent": 'K = "%s" % X',
    "percent of a tuple": 'K = "%s%s" % (X, "")',
    "percent of a mapping": 'K = "%(a)s" % {"a": X}',
    "format": 'K = "{}{}".format(X, "")',
    "format by name": 'K = "{a}".format(a=X)',
    "format by place": 'K = "{1}{0}".format("", X)',
    "format_map": 'K = "{a}".format_map({"a": X})',
    "join": 'K = "".join([X, ""])',
    "join of a generator": 'K = "".join(part for part in (X,))',
    "replace": 'K = ("#" + X).replace("#", "")',
    "strip": 'K = (" " + X + "\\n").strip()',
    "removeprefix": 'K = ("p:" + X).removeprefix("p:")',
    "slice": 'K = ("ab" + X)[2:]',
    "reversed slice": "K = X[::-1][::-1]",
    "split": 'K = ("user " + X).split()[1]',
    "partition": 'K = ("user:" + X).partition(":")[2]',
    "base64": "K = base64.b64decode(Y).decode()",
    "urlsafe base64": "K = base64.urlsafe_b64decode(Y).decode('utf-8')",
    "hex": "K = bytes.fromhex(Z).decode()",
    "encode and decode": "K = X.encode().decode()",
    "str": "K = str(X)",
    "conditional": 'K = X if unknown() else ""',
    "or": "K = None or X",
    "or of a call": "K = unknown() or X",
    "and": "K = True and X",
    "walrus": "print(K := X)",
    "tuple": 'a, K = "", X',
    "nested tuple": 'a, (b, K) = "", ("", X)',
    "starred": 'a, *b = "", X; K = b[0]',
    "swap": 'a, b = X, ""; a, b = b, a; K = b',
    "list": 'K = ["", X][1]',
    "list from the end": 'K = ["", X][-1]',
    "dict": 'K = {"a": X}["a"]',
    "get": 'K = {"a": X}.get("a")',
    "default of get": 'K = {}.get("a", X)',
    "pop": 'K = {"a": X}.pop("a")',
    "json": "K = json.loads(json.dumps({'a': X}))['a']",
    "function": "def f(): return X\nK = f()",
    "function with an argument": "def f(a): return a\nK = f(X)",
    "keyword argument": "def f(*, a): return a\nK = f(a=X)",
    "default argument": "def f(a=X): return a\nK = f()",
    "var-positional": "def f(*a): return a[0]\nK = f(X)",
    "var-keyword": "def f(**a): return a['k']\nK = f(k=X)",
    "spread arguments": "def f(a, b): return b\nK = f(*('', X))",
    "spread keywords": "def f(a, b): return b\nK = f(**{'a': '', 'b': X})",
    "lambda": "f = lambda a: a\nK = f(X)",
    "closure": "def f():\n    a = X\n    def g(): return a\n    return g\nK = f()()",
    "partial": "def f(a, b): return b\nK = functools.partial(f, '')(X)",
    "static method": "class C:\n    @staticmethod\n    def f(): return X\nK = C.f()",
    "class method": "class C:\n    a = X\n    @classmethod\n    def f(cls): return cls.a\nK = C.f()",
    "class constant": "class C:\n    a = X\nK = C.a",
    "inherited": "class B:\n    a = X\nclass C(B): pass\nK = C.a",
    "instance": "class C:\n    def __init__(self, a): self.a = a\nK = C(X).a",
    "property": "class C:\n    @property\n    def a(self): return X\nK = C().a",
    "dataclass default": "@dataclass\nclass C:\n    a: str = X\nK = C().a",
    "dataclass argument": "@dataclass\nclass C:\n    a: str\nK = C(X).a",
    "dataclass factory": "@dataclass\nclass C:\n    a: list = field(default_factory=lambda: [X])\nK = C().a[0]",
    "settings": "class C(BaseSettings):\n    a: str = X\nK = C().a",
    "settings field": "class C(BaseSettings):\n    a: str = Field(default=X)\nK = C().a",
    "loop": "for K in [X]: pass",
    "loop over pairs": "for a, K in [('', X)]: pass",
    "loop over items": "for a, K in {'a': X}.items(): pass",
    "enumerate": "for a, K in enumerate([X]): pass",
    "zip": "for a, K in zip([''], [X]): pass",
    "list comprehension": "K = [a for a in (X,)][0]",
    "next": "K = next(iter([X]))",
    "appended": "a = []; a.append(X); K = a[0]",
    "global": "def f():\n    global K\n    K = X\nf()",
    "branch": "if unknown(): K = X\nelse: K = ''",
    "with": "with open('f') as f: K = X",
    "exception": "try: K = unknown()\nexcept ValueError: K = X",
}
_MAPPINGS = {
    "display": "E = {'KEY': X}",
    "dict()": "E = dict(KEY=X)",
    "dict of pairs": "E = dict([('KEY', X)])",
    "dict of a mapping": "E = dict({'KEY': X}, A='')",
    "spread": "E = {**{'KEY': X}}",
    "union": "E = {'A': ''} | {'KEY': X}",
    "union in place": "E = {}; E |= {'KEY': X}",
    "update": "E = {}; E.update({'KEY': X})",
    "update by keyword": "E = {}; E.update(KEY=X)",
    "update by pairs": "E = {}; E.update([('KEY', X)])",
    "setdefault": "E = {}; E.setdefault('KEY', X)",
    "subscript": "E = {}; E['KEY'] = X",
    "computed subscript": "E = {}; E['K' + 'EY'] = X",
    "comprehension": "E = {k: v for k, v in [('KEY', X)]}",
    "comprehension with an if": "E = {k: v for k, v in [('KEY', X), ('B', '')] if v}",
    "zip": "E = dict(zip(['KEY'], [X]))",
    "fromkeys": "E = dict.fromkeys(['KEY'], X)",
    "copy": "E = {'KEY': X}.copy()",
    "copy.deepcopy": "E = copy.deepcopy({'KEY': X})",
    "loop": "E = {}\nfor k, v in (('KEY', X),): E[k] = v",
    "helper": "def f(): return {'KEY': X}\nE = f()",
    "helper that changes": "def f(e): e['KEY'] = X\nE = {}\nf(E)",
    "helper that merges": "def f(e): return {**e, 'A': ''}\nE = f({'KEY': X})",
    "keywords of a helper": "def f(**e): return e\nE = f(KEY=X)",
    "dataclass as a dict": "@dataclass\nclass C:\n    KEY: str = X\nE = asdict(C())",
    "key by f-string": "E = {f'{\"K\"}EY': X}",
    "os.environ and more": "E = {**os.environ, 'KEY': X}",
    "default of a parameter": "def f(e={'KEY': X}): return e\nE = f()",
    "nested": "a = {'b': {'KEY': X}}; E = a['b']",
}
_HEAD = (
    "import base64, copy, functools, json, os; import modal; from dataclasses import asdict, dataclass, field; "
    "from pydantic import Field; from pydantic_settings import BaseSettings\n"
)


def _of(snippet: str, use: str) -> str:
    value = make("openai", 3)
    encoded, hexed = (repr(form) for form in (_base64(value), value.encode().hex()))
    literals = {"X": repr(value), "Y": encoded, "Z": hexed}
    tokens = [literals.get(word, word) for word in _split(snippet)]
    return _HEAD + "".join(tokens) + "\n" + use + "\n"


def _base64(value: str) -> str:
    return base64.urlsafe_b64encode(value.encode()).decode()


def _split(snippet: str) -> list[str]:
    return re.split(r"\b([XYZ])\b", snippet)


def _report(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Report:
    monkeypatch.chdir(folder)
    write(folder, {"app.py": text})
    return check(["app.py"], _RULES)


def _line_of_literal(snippet: str) -> int:
    parts = _split(snippet)
    at = next(number for number, part in enumerate(parts) if part in ("X", "Y", "Z"))
    return 2 + "".join(parts[:at]).count("\n")


@pytest.mark.parametrize("name", _VALUES)
def test_value_is_followed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _of(_VALUES[name], "modal.Sandbox.create(env={'KEY': K})")
    compile(text, "app.py", "exec")
    (found,) = _report(tmp_path, monkeypatch, text).findings
    assert (found.code, found.key, found.span.line) == ("MS101", "KEY", _line_of_literal(_VALUES[name]))
    assert [step.span.line for step in found.flow][-1] == text.count("\n"), "the flow ends at the sink"


@pytest.mark.parametrize("name", _MAPPINGS)
def test_mapping_is_followed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _of(_MAPPINGS[name], "modal.Sandbox.create(env=E)")
    compile(text, "app.py", "exec")
    (found,) = _report(tmp_path, monkeypatch, text).findings
    assert (found.code, found.key, found.span.line) == ("MS101", "KEY", _line_of_literal(_MAPPINGS[name]))


_SILENT = {
    "replaced": "K = X; K = ''",
    "deleted": "E = {'KEY': X}; del E['KEY']; K = E.get('KEY', '')",
    "popped": "E = {'KEY': X}; E.pop('KEY'); K = E.get('KEY', '')",
    "cut": "K = X[:5]",
    "another key": "K = {'a': X, 'b': ''}['b']",
    "another argument": "def f(a, b): return b\nK = f(X, '')",
    "unreached name": "def f():\n    K = X\nK = ''",
    "length": "K = str(len(X))",
    "digest": "import hashlib; K = hashlib.sha256(X.encode()).hexdigest()",
    "unknown function": "K = unknown(X)",
    "overridden": "class B:\n    a = X\nclass C(B):\n    a = ''\nK = C.a",
    "overwritten in a display": "K = {'a': X, 'a': ''}['a']",
}


@pytest.mark.parametrize("name", _SILENT)
def test_value_that_does_not_arrive_is_silent(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _of(_SILENT[name], "modal.Sandbox.create(env={'KEY': K})")
    report = _report(tmp_path, monkeypatch, text)
    assert (report.findings, report.failures) == ((), ())


class _Bound(NamedTuple):
    text: str
    found: int  # findings to expect


_TOKEN = "⟨github⟩"
_SINK = f"modal.Sandbox.create(env={{'GITHUB_TOKEN': '{_TOKEN}'}})\n"
_DEEP = "a" + ".b" * 3000
_BOUNDS = {
    "a name that is itself": _Bound("x = x\nmodal.Sandbox.create(env={'K': x})\n" + _SINK, 1),
    "names in a ring": _Bound("x = y\ny = z\nz = x\nmodal.Sandbox.create(env=x)\n" + _SINK, 1),
    "mutual recursion": _Bound(
        "def f(a): return g(a)\ndef g(a): return f(a)\nmodal.Sandbox.create(env=f({'K': g('1')}))\n" + _SINK, 1
    ),
    "recursion that ends": _Bound(
        "def f(n, a): return a if n == 0 else f(n - 1, a)\nmodal.Sandbox.create(env={'K': f(99, '')})\n" + _SINK, 1
    ),
    "a class that is its own base": _Bound("class C(C): pass\nmodal.Sandbox.create(env={'K': C.a})\n" + _SINK, 1),
    "500 steps of an image": _Bound(
        "image = modal.Image.debian_slim()\n" + "image = image.env({'A': '1'})\n" * 500 + _SINK, 1
    ),
    "500 steps in one chain": _Bound(
        "image = modal.Image.debian_slim()" + ".env({'A': '1'})" * 500 + f".env({{'GITHUB_TOKEN': '{_TOKEN}'}})\n", 1
    ),
    "a tree of 200 calls each": _Bound(
        "".join(f"def f{n}(e): return f{n + 1}(e) or f{n + 1}(e)\n" for n in range(200))
        + "def f200(e): return e\nmodal.Sandbox.create(env=f0({'A': '1'}))\n" + _SINK,
        1,
    ),
    "200 callers": _Bound(
        "def f(v): return modal.Sandbox.create(env={'K': v})\n" + "f('1')\n" * 200 + f"f('{_TOKEN}')\n" + _SINK, 1
    ),
    "branches after branches": _Bound(
        "x = ''\n" + "".join(f"if c{n}: x = x + '{n}'\n" for n in range(200)) + "modal.Sandbox.create(env={'K': x})\n"
        + _SINK,
        1,
    ),
    "20,000 lines": _Bound("".join(f"v{n} = work({n}, 'text {n}')\n" for n in range(20_000)) + _SINK, 1),
    "a sum of 3,000 terms": _Bound("K = " + " + ".join(["'a'"] * 3000) + "\n" + _SINK, 1),
    "a sum of 3,000 terms in a sink": _Bound(
        "modal.Sandbox.create(env={'K': " + " + ".join(["'a'"] * 3000) + "})\n" + _SINK, 1
    ),
    "3,000 attributes": _Bound(f"x = {_DEEP}\nmodal.Sandbox.create(env={{'K': x}})\n{_SINK}", 1),
    "3,000 elements": _Bound("E = dict([" + "('A', '1')," * 3000 + "])\nmodal.Sandbox.create(env=E)\n" + _SINK, 1),
    "a text that is multiplied": _Bound("modal.Sandbox.create(env={'K': 'ab' * 10 ** 12})\n" + _SINK, 1),
    "a huge format": _Bound("modal.Sandbox.create(env={'K': f'{1:999999999}'})\n" + _SINK, 1),
    "a long range": _Bound("E = {str(n): '' for n in range(10 ** 12)}\nmodal.Sandbox.create(env=E)\n" + _SINK, 1),
    "partial of itself": _Bound("f = functools.partial(f, 1)\nmodal.Sandbox.create(env=f())\n" + _SINK, 1),
    "decorators of themselves": _Bound("@f\ndef f(): return f\nmodal.Sandbox.create(env=f())\n" + _SINK, 1),
    "a list that holds itself": _Bound("a = []\na.append(a)\nmodal.Sandbox.create(*a, env={'K': a})\n" + _SINK, 1),
}  # fmt: skip
# Values that double with every line.
_DOUBLING = {
    "text": "x = 'ab'\n" + "x = x + x\n" * 60,
    "text in place": "x = 'ab'\n" + "x += x\n" * 60,
    "f-string": "x = 'ab'\n" + "x = f'{x}{x}'\n" * 60,
    "join": "x = 'ab'\n" + "x = ''.join([x, x])\n" * 60,
    "replace": "x = 'a'\n" + "x = x.replace('a', 'aaaaaaaa')\n" * 60,
    "format": "x = 'a'\n" + "x = '{0}{0}{0}'.format(x)\n" * 60,
    "percent": "x = 'a'\n" + "x = '%s%s%s' % (x, x, x)\n" * 60,
    "repetition": "x = 'a'\n" + "x = x * 99\n" * 60,
    "list": "x = ['1']\n" + "x = x + x\n" * 60 + "x = {'K': x[0]}\n",
    "list in place": "x = ['1']\n" + "x += x\n" * 60 + "x = {'K': x[0]}\n",
    "list by stars": "x = ['1']\n" + "x = [*x, *x]\n" * 60 + "x = {'K': x[0]}\n",
    "extended list": "x = ['1']\n" + "x.extend(x)\n" * 60 + "x = {'K': x[0]}\n",
    "nested list": "x = '1'\n" + "x = [x, x]\n" * 60 + "x = json.dumps(x)\n",
    "nested list as an input": "x = '1'\n" + "x = [x, x]\n" * 60 + "modal.Function.from_name('a', 'b').remote(x)\n",
    "mapping": "x = {'A': '1'}\n" + "x = x | x\n" * 60,
    "mapping in place": "x = {'A': '1'}\n" + "x |= x\n" * 60,
    "merged mapping": "x = {'A': '1'}\n" + "x = {**x, **x}\n" * 60,
    "updated mapping": "x = {'A': '1'}\n" + "x.update(x)\n" * 60,
    "nested mapping": "x = {'A': '1'}\n" + "x = {'A': x, 'B': x}\n" * 60 + "x = json.dumps(x)\n",
}
_SECONDS = 10  # on a busy machine; a second or less when it is quiet


@pytest.mark.parametrize("name", _BOUNDS)
def test_evaluation_is_bounded(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _HEAD + _BOUNDS[name].text
    began = time.process_time()
    report = _report(tmp_path, monkeypatch, text)
    assert time.process_time() - began < _SECONDS
    assert report.failures == ()
    assert len(report.findings) == _BOUNDS[name].found


@pytest.mark.parametrize("name", _DOUBLING)
def test_what_doubles_with_every_line_is_bounded(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _HEAD + _DOUBLING[name] + "modal.Sandbox.create(env=x)\nmodal.Sandbox.create(env={'K': x})\n" + _SINK
    began = time.process_time()
    report = _report(tmp_path, monkeypatch, text)
    assert time.process_time() - began < _SECONDS
    assert report.failures == ()
    assert len(report.findings) == 1


def _wide_project(folder: Path) -> None:
    """Enough files for a second process, tied together so that the order of sets would show."""
    files = {"keys.py": "\n".join(f'K{n} = "⟨github:{n}⟩"' for n in range(12)) + "\n"}
    for number in range(30):
        files[f"m{number:02}.py"] = (
            "import modal\nfrom keys import *\n"
            f"def start(env=None, key=K{number % 12}):\n"
            f"    env = {{'A_KEY': key, 'B_KEY': K{(number + 5) % 12}, **(env or {{}})}}\n"
            "    return modal.Sandbox.create(env=env)\n"
            f"start({{'C_KEY': K{(number + 7) % 12}}})\nstart(key='⟨openai:{number}⟩')\n"
        )
    write(folder, files)


def test_result_depends_on_neither_hashes_nor_processes(tmp_path: Path) -> None:
    _wide_project(tmp_path)
    runs = [
        lint("check", "--isolated", "--output-format", "json", "-j", jobs, ".", cwd=tmp_path, environment=environment)
        for jobs, environment in (("1", {"PYTHONHASHSEED": "1"}), ("1", {"PYTHONHASHSEED": "2"}), ("2", {}))
    ]
    assert len(json.loads(runs[0].out)) == 42, "each literal once"
    assert {run.out for run in runs} == {runs[0].out}


# ---- programs by chance -------------------------------------------------------------------------------------

_names = st.sampled_from(["a", "b", "c", "d", "self", "modal", "env", "app"])
_atoms = st.one_of(
    _names,
    st.sampled_from(["1", "None", "True", "''", "'text'", "b'x'", "{}", "[]", "()", "...", "os.environ", "modal"]),
    st.just(f"'{fill('⟨github⟩')}'"),
)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map(lambda p: f"({p[0]} + {p[1]})"),
        pairs.map(lambda p: f"({p[0]} % {p[1]})"),
        pairs.map(lambda p: f"({p[0]} or {p[1]})"),
        pairs.map(lambda p: f"({p[0]} | {p[1]})"),
        pairs.map(lambda p: f"({p[0]} if {p[1]} else {p[0]})"),
        pairs.map(lambda p: f"{{'K': {p[0]}, **{p[1]}}}"),
        pairs.map(lambda p: f"{{{p[0]}: {p[1]}}}"),
        pairs.map(lambda p: f"[{p[0]}, *{p[1]}]"),
        pairs.map(lambda p: f"({p[0]})[{p[1]}]"),
        pairs.map(lambda p: f"({p[0]}).get({p[1]}, {p[0]})"),
        pairs.map(lambda p: f"modal.Sandbox.create({p[0]}, env={p[1]})"),
        pairs.map(lambda p: f"({p[0]}).env({p[1]})"),
        pairs.map(lambda p: f"{{k: v for k, v in {p[0]} if {p[1]}}}"),
        pairs.map(lambda p: f"functools.partial({p[0]}, {p[1]})"),
        pairs.map(lambda p: f"dict(zip({p[0]}, {p[1]}))"),
        st.tuples(_names, inner).map(lambda p: f"{p[0]}({p[1]}, *{p[1]}, **{p[1]})"),
        st.tuples(_names, inner).map(lambda p: f"({p[0]} := {p[1]})"),
        st.tuples(_names, inner).map(lambda p: f"(lambda {p[0]}: {p[1]})"),
        inner.map(lambda e: f"f'{{{e.replace(chr(39), chr(34))}}}'" if "\\" not in e and "f'" not in e else e),
        inner.map(lambda e: f"({e}).strip()"),
        inner.map(lambda e: f"({e}).a"),
        inner.map(lambda e: f"modal.Secret.from_dict({e})"),
    )


_expressions = st.recursive(_atoms, _grown, max_leaves=6)


def _block(lines: list[str]) -> str:
    return "".join(f"    {line}\n" for text in lines for line in text.rstrip("\n").split("\n")) or "    pass\n"


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    blocks = st.lists(inner, min_size=1, max_size=3).map(_block)
    return st.one_of(
        st.tuples(_names, _names, _expressions, blocks).map(lambda p: f"def {p[0]}({p[1]}={p[2]}, **c):\n{p[3]}"),
        st.tuples(_names, _expressions, blocks).map(
            lambda p: f"def {p[0]}(*a, self=1):\n{p[2]}    return {p[1].replace(':=', '==')}\n"
        ),
        st.tuples(_names, _names, blocks).map(lambda p: f"class {p[0]}({p[1]}):\n{p[2]}"),
        st.tuples(_names, _expressions, blocks).map(lambda p: f"for {p[0]}, b in {p[1]}:\n{p[2]}"),
        st.tuples(_expressions, blocks, blocks).map(lambda p: f"if {p[0]}:\n{p[1]}else:\n{p[2]}"),
        st.tuples(_expressions, _names, blocks).map(lambda p: f"with {p[0]} as {p[1]}:\n{p[2]}"),
        st.tuples(blocks, blocks).map(lambda p: f"try:\n{p[0]}except Exception as b:\n{p[1]}"),
        st.tuples(_expressions, blocks).map(lambda p: f"while {p[0]}:\n{p[1]}"),
    )


_simple = st.one_of(
    st.tuples(_names, _expressions).map(lambda p: f"{p[0]} = {p[1]}\n"),
    st.tuples(_names, _expressions).map(lambda p: f"{p[0]} += {p[1]}\n"),
    st.tuples(_names, _names, _expressions).map(lambda p: f"{p[0]}, *{p[1]} = {p[2]}\n"),
    st.tuples(_names, _expressions, _expressions).map(lambda p: f"{p[0]}[{p[1]}] = {p[2]}\n"),
    st.tuples(_names, _expressions).map(lambda p: f"{p[0]}.a = {p[1]}\n"),
    st.tuples(_names, _expressions).map(lambda p: f"{p[0]}.update({p[1]})\n"),
    st.tuples(_names, _names).map(lambda p: f"from {p[0]} import {p[1]}\n"),
    st.tuples(_names, _expressions).map(lambda p: f"{p[0]}: {p[0]} = {p[1]}\n"),
    _expressions.map(lambda e: f"{e}\n"),
    _expressions.map(lambda e: f"modal.Sandbox.create(env={e})\n"),
)
_programs = st.lists(st.recursive(_simple, _compound, max_leaves=6), min_size=1, max_size=8).map(
    lambda parts: "import functools, os\nimport modal\n" + "".join(parts)
)


@settings(
    max_examples=150,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@given(program=_programs)
def test_no_program_breaks_the_analysis(program: str, tmp_path: Path) -> None:
    try:
        compile(program, "app.py", "exec")
    except SyntaxError:
        return
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        write(tmp_path, {"app.py": program})
        report = check(["app.py"], _RULES)
    finally:
        os.chdir(before)
    assert [failure.reason for failure in report.failures] == [], program
