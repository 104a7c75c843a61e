"""Image builds: what the instructions do, what is built again, and what a killed build leaves."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from modal_lint_runtime.builder import Builder, Definition, Step
from modal_lint_runtime.dockerfile import parse
from modal_lint_runtime.errors import (
    ImageBuildError,
    InvalidError,
    ModalError,
    NotFoundError,
    UnsupportedError,
)
from modal_lint_runtime.isolation import PLAIN, detect
from modal_lint_runtime.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint_runtime.records import ImageRecord

needs_roots = pytest.mark.skipif(not detect().filesystem, reason="this machine gives no image a root of its own")

ROUNDS_OF_KILLS = 20


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("MODAL_LINT_RUNTIME_KEYRING", "0")
    with Workspace(tmp_path / "workspace") as opened:
        yield opened


@pytest.fixture
def builder(workspace: Workspace) -> Builder:
    return Builder(workspace, detect(), timeout=60)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    directory = tmp_path / "context"
    for name, text in {"app.py": "print(1)\n", "lib/a.txt": "a", "lib/b.log": "b", "keep.log": "k"}.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return directory


def image_of(builder: Builder, *commands: str, context: Path | None = None, base: str = "python:3.13") -> ImageRecord:
    return builder.build(Definition(base, (Step(commands, context=context),)))


def log_of(builder: Builder, *commands: str, context: Path | None = None, base: str = "python:3.13") -> str:
    """The output of a build, which must run something: without the lines that name the instructions."""
    log: list[str] = []
    builder.build(Definition(base, (Step(commands, context=context),)), on_log=log.append)
    return "".join(line for line in "".join(log).splitlines(keepends=True) if not line.startswith("=> "))


def layer_file(builder: Builder, image: ImageRecord, path: str) -> Path:
    """A file of an image, in the topmost layer that has it."""
    found = [layer / path for layer in builder.layer_paths(image) if (layer / path).exists()]
    assert found, f"no layer holds {path}"
    return found[-1]


# The grammar


def test_directives_comments_continuations_and_exec_form() -> None:
    text = '# escape=`\n# a comment\nRUN one `\n  # inside\n  two\nrun ["a b", "c"]\nCMD []'
    first, second, third = parse([text])
    assert first.args[0].split() == ["one", "two"]
    assert (second.name, second.args, second.exec_form) == ("RUN", ("a b", "c"), True)
    assert (third.args, third.exec_form) == ((), True)


def test_an_instruction_may_span_several_commands() -> None:
    assert [each.name for each in parse(["RUN echo a && \\", "  echo b", "ENV A=1"])] == ["RUN", "ENV"]


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("FROBNICATE x", "FROBNICATE"),
        ("RNU true", "Did you mean RUN"),
        ("RUN <<EOF\nnever ended", "line 1"),
        ("RUN", "RUN"),
    ],
)
def test_what_is_wrong_is_named(command: str, named: str) -> None:
    with pytest.raises(InvalidError, match=named):
        parse([command])


def test_a_syntax_error_does_not_repeat_the_line() -> None:
    for command in ("ENV A=1 password123456", "ENV 'password123456", "password123456 x", "RUN a\0password123456"):
        with pytest.raises(InvalidError) as caught:
            builderless(command)
        assert "password123456" not in str(caught.value)


def builderless(command: str) -> None:
    """Parse and expand the words of a command."""
    from modal_lint_runtime.dockerfile import expand

    for instruction in parse([command]):
        for word in instruction.args:
            expand(word, {}, instruction)


@pytest.mark.parametrize(
    "command",
    [
        "ONBUILD RUN true",
        "RUN --mount=type=cache,target=/x true",
        "COPY --from=other a b",
        "ADD https://example.com/x /x",
        "USER app",
        "FROM other",
    ],
)
def test_what_the_engine_cannot_do_is_said(builder: Builder, context: Path, command: str) -> None:
    with pytest.raises(UnsupportedError, match=command.split()[0]):
        image_of(builder, "ENV A=1", command, context=context)


# What instructions do


@needs_roots
def test_run_sees_env_arg_workdir_and_leaves_files_to_later_steps(builder: Builder) -> None:
    definition = Definition(
        "python:3.13",
        (
            Step(
                ('ENV A=1 B="x $A" C=$A', "ARG WHO=nobody", "WORKDIR /srv/made", "RUN echo $C-$B-$WHO > out.txt"),
                build_args=(("WHO", "somebody"),),
            ),
            Step(("WORKDIR deeper", "RUN cat ../out.txt; echo $A[$WHO]; pwd; id -u")),
        ),
    )
    log: list[str] = []
    image = builder.build(definition, on_log=log.append)
    # As in Docker: an instruction sees the variables from before it, and ARG ends with its commands.
    assert "-x -somebody\n1[]\n/srv/made/deeper\n0\n" in "".join(log)
    assert dict(image.env) == {"A": "1", "B": "x ", "C": ""}
    assert image.workdir == "/srv/made/deeper"


@needs_roots
def test_a_run_changes_the_image_and_not_the_machine(builder: Builder) -> None:
    image = image_of(builder, "RUN echo changed > /etc/modal-lint-probe && rm /etc/passwd && mkdir /brand-new")
    assert not Path("/etc/modal-lint-probe").exists()
    assert Path("/etc/passwd").exists()
    after = ("RUN test ! -e /etc/passwd && cat /etc/modal-lint-probe && test -d /brand-new && echo gone",)
    assert log_of(builder, *after, base=image.id) == "changed\ngone\n"


@needs_roots
def test_here_documents_shells_and_exec_form(builder: Builder) -> None:
    log = log_of(
        builder,
        "RUN <<EOF\nfor i in 1 2\ndo echo line $i\ndone\nEOF",
        "RUN cat <<'A' && echo after\n$HOME\nA",
        "RUN <<EOF\n#!/usr/bin/env python3\nprint('from', 'python')\nEOF",
        'RUN ["/bin/echo", "exec", "$HOME"]',
        'SHELL ["/bin/echo", "shell"]',
        "RUN says this",
    )
    assert log == "line 1\nline 2\n$HOME\nafter\nfrom python\nexec $HOME\nshell says this\n"


@needs_roots
def test_settings_reach_the_image_and_those_built_on_it(builder: Builder) -> None:
    base = image_of(
        builder, 'SHELL ["/bin/sh", "-ec"]', 'CMD ["serve"]', "ENV A=1", "WORKDIR /srv", "LABEL x=y", "EXPOSE 80"
    )
    assert (base.cmd, base.workdir, base.shell) == (("serve",), "/srv", ("/bin/sh", "-ec"))
    child = image_of(builder, "ENV B=$A", "ENTRYPOINT run me", base=base.id)
    assert dict(child.env) == {"A": "1", "B": "1"}
    assert (child.workdir, child.entrypoint, child.cmd) == ("/srv", ("/bin/sh", "-ec", "run me"), None)


@needs_roots
def test_copy_honours_dockerignore_and_destinations(builder: Builder, context: Path) -> None:
    (context / ".dockerignore").write_text("# logs\n**/*.log\n!keep.log\n.dockerignore\n")
    image = image_of(
        builder,
        "WORKDIR /srv/app",
        "COPY . .",
        "COPY --chmod=700 app.py lib/a.txt ../tools/",
        "COPY app.py renamed.py",
        "COPY <<EOF written.txt\nfor $HOME\nEOF",
        "RUN find . -type f | sort && ls ../tools",
        context=context,
    )
    tree = {"app.py", "keep.log", "lib/a.txt"}
    copied = builder.layer_paths(image)[1] / "srv/app"
    assert {path.relative_to(copied).as_posix() for path in copied.rglob("*") if path.is_file()} == tree
    assert layer_file(builder, image, "srv/tools/app.py").stat().st_mode & 0o777 == 0o700
    assert layer_file(builder, image, "srv/app/renamed.py").read_text() == "print(1)\n"
    assert layer_file(builder, image, "srv/app/written.txt").read_text() == "for \n"


@needs_roots
def test_copy_goes_through_links_of_the_image_and_not_onto_the_machine(builder: Builder, context: Path) -> None:
    image = image_of(
        builder,
        "RUN mkdir -p /srv/real && ln -s /srv/real /srv/link && ln -s ../../../../../../etc /srv/up",
        "COPY app.py /srv/link/app.py",
        "COPY app.py /srv/up/modal-lint-probe.py",
        "COPY app.py /bin/modal-lint-probe.py",  # /bin is a link where /usr is merged
        "RUN ls /srv/real /etc/modal-lint-probe.py /bin/sh && /bin/true",
        context=context,
    )
    assert layer_file(builder, image, "srv/real/app.py").exists()
    assert not Path("/etc/modal-lint-probe.py").exists()
    assert not Path("/bin/modal-lint-probe.py").exists()


@needs_roots
def test_what_the_machine_hides_from_images_is_hidden_from_copy_too(
    builder: Builder, context: Path, tmp_path: Path
) -> None:
    (tmp_path / "app.py").mkdir()  # below a temporary directory, which an image sees empty
    image_of(builder, f"COPY app.py {tmp_path}/app.py", f"RUN test -f {tmp_path}/app.py", context=context)
    image_of(builder, f"WORKDIR {tmp_path}/app.py", "RUN ls -A | wc -l | grep -x 0")


@needs_roots
def test_copy_needs_a_context(builder: Builder) -> None:
    with pytest.raises(InvalidError, match=r"COPY on line 1 .* context"):
        image_of(builder, "COPY a b")


@needs_roots
@pytest.mark.parametrize(
    "source", ["../outside", "/../outside", "lib/../../outside", "to-file", "to-dir/x", "to-dir", "nothing"]
)
def test_copy_takes_nothing_from_outside_of_the_context(builder: Builder, context: Path, source: str) -> None:
    outside = context.parent / "outside"
    outside.mkdir()
    (outside / "x").write_text("private")
    (context / "to-file").symlink_to(outside / "x")
    (context / "to-dir").symlink_to(Path("..") / "outside")
    with pytest.raises(InvalidError):
        image_of(builder, f"COPY {source} /srv/taken", context=context)


@needs_roots
def test_links_below_a_copied_directory_stay_inside_too(builder: Builder, context: Path) -> None:
    (context / "lib" / "inside").symlink_to("a.txt")
    image_of(builder, "COPY lib /srv/lib", "RUN test -L /srv/lib/inside && grep -q a /srv/lib/inside", context=context)
    (context / "lib" / "escape").symlink_to("/etc/hostname")
    with pytest.raises(InvalidError, match="escape"):
        image_of(builder, "COPY lib /srv/lib", context=context)
    (context / ".dockerignore").write_text("lib/escape\n")
    image_of(builder, "COPY lib /srv/lib", context=context)


# Failures


@needs_roots
def test_a_failed_command_names_its_step_and_ends_with_its_log(builder: Builder, workspace: Workspace) -> None:
    with pytest.raises(ImageBuildError) as caught:
        image_of(builder, "RUN echo fine", "RUN echo first && echo >&2 then && exit 7")
    assert caught.value.step == "RUN echo first && echo >&2 then && exit 7"
    assert caught.value.exit_code == 7
    assert caught.value.log.endswith("first\nthen\n")
    assert list((workspace.root / "building").iterdir()) == []
    assert len(list((workspace.root / "layers").glob("*/*"))) == 1


@needs_roots
def test_a_command_that_takes_too_long_is_killed(workspace: Workspace) -> None:
    began = time.monotonic()
    with pytest.raises(ImageBuildError) as caught:
        image_of(Builder(workspace, detect(), timeout=1), "RUN sleep 60")
    assert caught.value.exit_code == 124
    assert time.monotonic() - began < 20


def test_without_roots_commands_are_refused_or_run_on_the_host_as_asked(workspace: Workspace, context: Path) -> None:
    with pytest.raises(UnsupportedError, match="allow_host_builds"):
        image_of(Builder(workspace, PLAIN), "RUN true")
    willing = Builder(workspace, PLAIN, allow_host_builds=True)
    assert log_of(willing, "ENV A=1", "RUN echo $A") == "1\n"
    with pytest.raises(UnsupportedError, match="COPY"):
        image_of(willing, "COPY app.py /srv/app.py", context=context)


def test_bad_arguments_are_told(builder: Builder, workspace: Workspace) -> None:
    with pytest.raises(InvalidError, match="base"):
        builder.build(Definition("", (Step(("RUN true",)),)))
    with pytest.raises(InvalidError, match="secrets"):
        builder.build(Definition("x", (Step(("ENV A=1",)),)), [])
    with pytest.raises(NotFoundError):
        builder.build(Definition("im-" + "a" * 22))
    with pytest.raises(InvalidError, match="engine"):
        Builder(workspace, detect(), "lxc")  # type: ignore[arg-type]
    with pytest.raises(InvalidError):
        Definition.from_json({"steps": 3})


def test_a_definition_survives_json() -> None:
    step = Step(("RUN a", "RUN b"), ("st-1",), "st-2", True, Path("/x"), (("A", "1"),), ("*.log",))
    assert Definition.from_json(Definition("python:3.13", (step,)).to_json()) == Definition("python:3.13", (step,))
    assert step.sources == ("st-1", "st-2")


# What is built again


@needs_roots
def test_a_second_build_runs_nothing(builder: Builder, workspace: Workspace, context: Path) -> None:
    commands = ("RUN date +%N > /srv/now", "COPY app.py /srv/", "RUN true")
    first = image_of(builder, *commands, context=context)
    log: list[str] = []
    again = Builder(workspace, detect()).build(
        Definition("python:3.13", (Step(commands, context=context),)), on_log=log.append
    )
    assert again == first
    assert log == []


@needs_roots
def test_only_what_changed_and_what_follows_is_built(builder: Builder, context: Path) -> None:
    first = image_of(builder, "RUN date +%N > /srv/now", "COPY app.py /srv/", "RUN true", context=context)
    os.utime(context / "app.py", (1, 1))
    assert image_of(builder, "RUN date +%N > /srv/now", "COPY app.py /srv/", "RUN true", context=context) == first
    (context / "app.py").write_text("print(2)\n")
    second = image_of(builder, "RUN date +%N > /srv/now", "COPY app.py /srv/", "RUN true", context=context)
    assert second.layers[0] == first.layers[0]
    assert not set(second.layers[1:]) & set(first.layers[1:])
    assert image_of(builder, "RUN date +%N > /srv/now", base="node:20").layers != first.layers[:1]


@needs_roots
def test_a_forced_step_runs_again_and_its_result_is_the_cached_one_from_then_on(builder: Builder) -> None:
    def build(force: bool) -> ImageRecord:
        steps = (Step(("RUN date +%N > /srv/now",), force=force), Step(("RUN cp /srv/now /srv/then",)))
        return builder.build(Definition("python:3.13", steps))

    first, forced = build(force=False), build(force=True)
    assert not set(first.layers) & set(forced.layers)
    assert build(force=False) == forced
    assert builder.layer_paths(first)  # the old image is still whole


@needs_roots
def test_layers_that_are_gone_are_built_again_and_unused_ones_pruned(builder: Builder, workspace: Workspace) -> None:
    image = image_of(builder, "RUN echo 1 > /srv/one")
    workspace.image_delete(image.id)
    assert builder.prune() == 1
    with pytest.raises(NotFoundError):
        builder.layer_paths(image)
    assert builder.prune() == 0
    rebuilt = image_of(builder, "RUN echo 1 > /srv/one")
    assert builder.prune() == 0
    assert layer_file(builder, rebuilt, "srv/one").read_text() == "1\n"


@needs_roots
def test_a_builder_outlives_a_reset_of_its_workspace(builder: Builder, workspace: Workspace) -> None:
    before = image_of(builder, "RUN echo 1 > /srv/one")
    workspace.reset()
    with pytest.raises(NotFoundError):
        builder.layer_paths(before)
    assert layer_file(builder, image_of(builder, "RUN echo 1 > /srv/one"), "srv/one").exists()


# Several at once, and killed ones

BUILD = """
import sys
from modal_lint_runtime.builder import Builder, Definition, Step
from modal_lint_runtime.isolation import Isolation
from modal_lint_runtime.workspace import Workspace
commands = (
    "RUN mkdir /srv/t && cd /srv/t && seq 2000 | xargs touch",
    "RUN ls /srv/t | wc -l > /srv/n",
)
with Workspace(sys.argv[1]) as workspace:
    step = Step(commands, force=len(sys.argv) > 2)
    isolation = Isolation("bubblewrap", filesystem=True, pids=True)  # as detect() says where this test runs
    print("building", flush=True)
    print(Builder(workspace, isolation).build(Definition("python:3.13", (step,))).id, flush=True)
"""


def build_process(root: Path, *options: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", BUILD, str(root), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@needs_roots
def test_builders_of_one_image_agree(workspace: Workspace) -> None:
    processes = [build_process(workspace.root) for _ in range(3)]
    answers = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], [error for _, error in answers]
    assert len({output for output, _ in answers}) == 1
    assert len(list((workspace.root / "layers").glob("*/*"))) == 2


@needs_roots
def test_threads_that_build_one_image_agree(builder: Builder) -> None:
    found: list[object] = []

    def build() -> None:
        try:
            found.append(image_of(builder, "RUN sleep 0.2; date +%N > /srv/now").id)
        except ModalError as error:
            found.append(error)

    threads = [threading.Thread(target=build) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


@needs_roots
def test_killed_builds_leave_no_half_layer_and_the_next_cleans_up(workspace: Workspace, builder: Builder) -> None:
    chance = random.Random(7)
    duration = 0.0
    for number in range(ROUNDS_OF_KILLS):
        process = build_process(workspace.root, "force")
        assert process.stdout is not None
        process.stdout.readline()
        began = time.monotonic()
        if number == 0:  # one undisturbed, to know when to strike
            process.wait(timeout=60)
            duration = time.monotonic() - began
        time.sleep(chance.uniform(0.0, 1.0) * duration)
        process.kill()
        process.communicate(timeout=60)
        for layer in (workspace.root / "layers").glob("*/*"):
            assert (layer / "layer.json").exists()
            files = layer / "root" / "srv" / "t"
            assert not files.exists() or len(list(files.iterdir())) == 2000
            assert files.exists() or (layer / "root" / "srv" / "n").read_text().strip() == "2000"
    finished = build_process(workspace.root)
    output, error = finished.communicate(timeout=60)
    assert finished.returncode == 0, error
    image = workspace.image_get(output.split()[-1])
    assert layer_file(builder, image, "srv/n").read_text().strip() == "2000"
    assert list((workspace.root / "building").iterdir()) == []
