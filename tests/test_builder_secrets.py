"""A Secret in a build: there for its step, and nowhere else, however hard one looks."""

from __future__ import annotations

import base64
import json
import secrets
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from git_server import make_repository, serve_git
from hypothesis import given
from hypothesis import strategies as st
from modal_lint_runtime.builder import Builder, Definition, Step
from modal_lint_runtime.errors import ImageBuildError, NotFoundError
from modal_lint_runtime.isolation import PLAIN, detect
from modal_lint_runtime.masking import SHORTEST, MaskedStream, Masker, find_leaks
from modal_lint_runtime.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modal_lint_runtime.records import ImageRecord

needs_roots = pytest.mark.skipif(not detect().filesystem, reason="this machine gives no image a root of its own")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("MODAL_LINT_RUNTIME_KEYRING", "0")
    with Workspace(tmp_path / "workspace") as opened:
        yield opened


@pytest.fixture
def builder(workspace: Workspace) -> Builder:
    return Builder(workspace, detect(), timeout=120)


@pytest.fixture
def token() -> str:
    return "tok/" + secrets.token_urlsafe(24) + "+q"


def built(builder: Builder, *steps: Step, base: str = "python:3.13") -> tuple[ImageRecord, str]:
    log: list[str] = []
    image = builder.build(Definition(base, steps), on_log=log.append)
    return image, "".join(log)


def forms(value: str) -> list[bytes]:
    """How a value may stand in a file: as it is, encoded for URLs and JSON, and in Base64 at three alignments."""
    found = [
        value.encode(),
        quote(value, safe="").encode(),
        json.dumps(value)[1:-1].encode(),
        value.encode().hex().encode(),
    ]
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + value.encode())
        found += [encoded[4:-4], encoded[4:-4].replace(b"/", b"_").replace(b"+", b"-")]
    return found


def files_with(root: Path, value: str) -> set[str]:
    """The files below a directory that hold a value in any form."""
    wanted = forms(value)
    return {
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink() and any(form in path.read_bytes() for form in wanted)
    }


# In builds


@needs_roots
def test_a_secret_is_there_for_its_step_only(builder: Builder, workspace: Workspace, token: str) -> None:
    secret = workspace.secret_create("token", {"TOKEN": token})
    image, log = built(
        builder,
        Step(
            (f"RUN test ${{#TOKEN}} = {len(token)} && echo with it", "RUN test -n $TOKEN && echo still"), (secret.id,)
        ),
        Step(("RUN echo later[$TOKEN]; env | grep -c TOKEN || true",)),
    )
    assert "with it\n" in log
    assert "still\n" in log
    assert log.endswith("later[]\n0\n")
    assert image.env == {}
    _, later = built(builder, Step(("RUN echo on it[$TOKEN]",)), base=image.id)
    assert later.endswith("on it[]\n")


@needs_roots
def test_sources_are_ordered_and_the_steps_env_wins(builder: Builder, workspace: Workspace) -> None:
    ids = [workspace.secret_create(f"s{n}", {"A": f"first-{n}", "B": f"second-{n}"}).id for n in range(2)]
    env = workspace.secret_ephemeral({"B": "third"})
    _, log = built(builder, Step(("ENV A=image", "RUN test $A$B = first-1third && echo right"), tuple(ids), env.id))
    assert log.endswith("right\n")


@needs_roots
def test_dockerfile_words_never_take_a_secrets_value(builder: Builder, workspace: Workspace, token: str) -> None:
    secret = workspace.secret_create("token", {"TOKEN": token})
    commands = (
        "ENV LEAK=$TOKEN",
        "WORKDIR /srv/x$TOKEN",
        "COPY <<EOF /srv/leak\n$TOKEN\nEOF",
        "LABEL a=$TOKEN",
        "RUN true",
    )
    image, _ = built(builder, Step(commands, (secret.id,)))
    assert image.env == {"LEAK": ""}
    assert image.workdir == "/srv/x"
    assert files_with(workspace.root, token) == set()


@needs_roots
def test_nothing_on_disk_or_in_the_log_holds_a_secret(
    builder: Builder, workspace: Workspace, token: str, capfd: pytest.CaptureFixture[str]
) -> None:
    key = f"-----BEGIN KEY-----\n{secrets.token_hex(30)}\n{secrets.token_hex(30)}\n-----END KEY-----\n"
    secret = workspace.secret_create("token", {"TOKEN": token, "KEY": key})
    printing = (
        'RUN echo "$TOKEN" && echo "$KEY" && env && set',
        'RUN printf "%s" "$TOKEN" | base64 && printf "user:%s" "$TOKEN" | base64 -w0 && printf "%s" "$KEY" | base64',
        "RUN python3 -c 'import os, json, urllib.parse; print(json.dumps(dict(os.environ)),"
        ' urllib.parse.quote(os.environ["TOKEN"], safe=""), repr(os.environ))\'',
        'RUN for i in 1 2 3; do printf "%s" "$TOKEN" | head -c 9; sleep 0.05; printf "%s" "$TOKEN" | tail -c +10; done',
    )
    image, log = built(builder, Step(printing, (secret.id,)))
    with pytest.raises(ImageBuildError) as caught:
        built(builder, Step(('RUN echo "failing with $TOKEN"; exit 3',), (secret.id,)))
    shown = log + str(caught.value) + repr(caught.value) + caught.value.log + repr(image) + "".join(capfd.readouterr())
    assert "failing with ***" in caught.value.log
    for value in (token, *key.splitlines()[1:3]):
        assert not [form for form in forms(value)[:3] + forms(value)[4:] if form in shown.encode()]
        assert files_with(workspace.root, value) == set()
    assert image.warnings == ()


@needs_roots
def test_what_a_command_writes_into_a_file_is_warned_about(builder: Builder, workspace: Workspace, token: str) -> None:
    secret = workspace.secret_create("token", {"TOKEN": token, "OTHER": "unused-value-1"})
    commands = (
        "RUN mkdir -p /srv/a && echo machine $TOKEN > /srv/a/netrc",
        "RUN printf u:%s $TOKEN | base64 -w0 > /srv/basic && ln -s /$TOKEN /srv/link",
    )
    image, log = built(builder, Step(commands, (secret.id,)))
    found = "\n".join(image.warnings)
    assert [warning.split(" holds")[0] for warning in image.warnings] == ["/srv/a/netrc", "/srv/basic", "/srv/link"]
    assert "TOKEN" in found
    assert "OTHER" not in found
    assert token not in found + log
    assert "warning: /srv/a/netrc" in log
    again, silent = built(builder, Step(commands, (secret.id,)))
    assert (again, silent) == (image, "")
    _, later = built(builder, Step(commands, (secret.id,)), Step(("RUN cat /srv/a/netrc",)))
    assert later.endswith("machine ***\n")  # a later step without the Secret prints the file
    based, _ = built(builder, Step(("RUN true",)), base=image.id)
    assert based.warnings == image.warnings


@needs_roots
def test_a_new_value_does_not_build_again_but_other_keys_do(builder: Builder, workspace: Workspace) -> None:
    secret = workspace.secret_create("token", {"TOKEN": "value-one"})
    step = Step(("RUN date +%N > /srv/now",), (secret.id,))
    first, _ = built(builder, step)
    workspace.secret_update(secret.id, {"TOKEN": "value-two"})
    assert built(builder, step) == (first, "")
    workspace.secret_update(secret.id, {"MORE": "value-more"})
    assert built(builder, step)[0] != first
    one, other = (workspace.secret_ephemeral({"A": value}).id for value in ("x", "y"))
    assert built(builder, Step(step.commands, (one,)))[0] == built(builder, Step(step.commands, (other,)))[0]


def test_a_deleted_secret_stops_the_build(workspace: Workspace) -> None:
    secret = workspace.secret_create("token", {"TOKEN": "value-one"})
    workspace.secret_delete(secret.id)
    willing = Builder(workspace, PLAIN, allow_host_builds=True)
    with pytest.raises(NotFoundError):
        built(willing, Step(("RUN true",), (secret.id,)))


@needs_roots
def test_a_private_repository_is_cloned_during_a_build(builder: Builder, workspace: Workspace, tmp_path: Path) -> None:
    token = "gh" + secrets.token_hex(18)
    secret = workspace.secret_create("github-token", {"GITHUB_TOKEN": token})
    pip = (
        "ENV PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INDEX=1 PIP_DISABLE_PIP_VERSION_CHECK=1",
    )
    make_repository(tmp_path / "git")
    with serve_git(tmp_path / "git", token) as port:
        address = f"http://${{GITHUB_TOKEN}}@127.0.0.1:{port}"
        commands = (f"RUN git clone {address}/private-repo.git", "RUN cd private-repo && pip install -e .")
        with pytest.raises(ImageBuildError, match="git clone"):
            built(builder, Step(commands))
        with pytest.raises(ImageBuildError) as caught:
            built(builder, Step((f"RUN git clone {address}/missing.git",), (secret.id,)))
        image, log = built(builder, Step((*pip, *commands), (secret.id,)))
    assert token not in log + str(caught.value)
    assert "missing.git" in caught.value.log
    _, output = built(builder, Step(("RUN python -c 'import privatepkg; print(privatepkg.WHERE)'",)), base=image.id)
    assert output.endswith("from the private repository\n")
    (warning,) = image.warnings
    assert "private-repo/.git/config holds the value of GITHUB_TOKEN" in warning
    (holder,) = files_with(workspace.root, token)
    assert holder.endswith("private-repo/.git/config")


# Masking


def test_a_value_is_hidden_in_every_form_it_is_printed_in() -> None:
    value = "pa\"ss/w+rd ' secret\\x"
    masker = Masker([value])
    printed = [value, quote(value, safe=""), quote(value).lower(), json.dumps(value), repr(value)]
    for before in ("", "u", "us", "use", "user:"):
        printed += [base64.b64encode(f"{before}{value}{after}".encode()).decode() for after in ("", "x", "xy")]
    for text in printed:
        shown = masker.text(f"before {text} after")
        assert shown.startswith("before ")
        assert "***" in shown
        assert not [form for form in forms(value) if form in shown.encode()]
    assert repr(masker).count("pa") == 1  # "patterns"


@given(
    values=st.lists(st.text("abc\n\r x", min_size=SHORTEST, max_size=12), max_size=4),
    text=st.lists(st.one_of(st.integers(0, 3), st.text("abc\n\r xy", max_size=9)), max_size=12),
    sizes=st.lists(st.integers(1, 5), min_size=1),
)
def test_chunks_change_nothing(values: list[str], text: list[int | str], sizes: list[int]) -> None:
    masker = Masker(values)
    joined = "".join(part if isinstance(part, str) else (values[part] if part < len(values) else "") for part in text)
    data, stream, shown, at = joined.encode(), MaskedStream(masker), b"", 0
    while at < len(data):
        size = sizes[at % len(sizes)]
        shown += stream.feed(data[at : at + size])
        at += size
    shown += stream.finish()
    assert shown == masker.mask(data)
    for value in values:
        for line in value.replace("\r", "\n").split("\n"):
            assert len(line) < SHORTEST or line.encode() not in shown


def test_an_endless_line_passes_in_parts_and_masked() -> None:
    value = "secret-" + "v" * 500
    stream = MaskedStream(Masker([value]))
    shown = [stream.feed((("-" * 700 + value) * 40).encode()[at : at + 333]) for at in range(0, 40 * 1207, 333)]
    shown = [*shown, *(stream.feed(b"x" * 10_000) for _ in range(10))]
    assert any(shown[:-1]), "nothing passed before the end"
    whole = b"".join(shown) + stream.finish()
    assert b"v" * 30 not in whole
    assert whole.count(b"***") == 40


def test_leaks_across_the_blocks_of_a_large_file_are_found(tmp_path: Path) -> None:
    value = "secret-" + "v" * 40
    (tmp_path / "large").write_bytes(b"\0" * ((1 << 20) - 20) + value.encode() + b"\0" * 100)
    (tmp_path / f"name-{value}").write_text("")
    (tmp_path / "short").write_text("8080")
    found = find_leaks(tmp_path, {"KEY": value, "PORT": "8080"})
    assert [(leak.path, leak.key) for leak in found] == [("/large", "KEY"), ("/name-***", "KEY")]
