"""Image builds through the local server, with the real Python SDK: who sees which Secret while building."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

modal = pytest.importorskip("modal")

from modal_lint_runtime.isolation import detect  # noqa: E402
from python_home import make_python_home  # noqa: E402
from server_process import serving  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

    from modal_lint_runtime.pytest_plugin import ModalWorkspace

pytest_plugins = ["modal_lint_runtime.pytest_plugin"]
pytestmark = pytest.mark.skipif(not detect().filesystem, reason="builds need a private file system")

TOKEN = "token-for-the-build"
UV_PROGRAM = """
import sys, modal
app = modal.App.lookup("uv", create_if_missing=True)
options = f"--offline --no-index --find-links {sys.argv[1]}"
image = modal.Image.debian_slim().uv_pip_install("offlinepackage", extra_options=options)
show = "import importlib.metadata as m; print(m.version('offlinepackage'))"
sandbox = modal.Sandbox.create("python", "-c", show, app=app, image=image)
sandbox.wait()
print(sandbox.stdout.read(), end="")
"""


def build(image: Any) -> Any:
    return image.build(modal.App.lookup("images", create_if_missing=True))


def output(image: Any, *command: str, **kwargs: Any) -> str:
    """What a command prints in a sandbox of this image."""
    app = modal.App.lookup("images", create_if_missing=True)
    sandbox = modal.Sandbox.create(app=app, image=image, **kwargs)
    text: str = sandbox.exec(*command).stdout.read()
    sandbox.terminate()
    return text


def test_a_step_sees_its_secrets_and_leaves_what_it_writes(modal_workspace: ModalWorkspace) -> None:
    modal_workspace.secret("git", {"GIT_TOKEN": TOKEN})
    secret = modal.Secret.from_name("git")
    image = modal.Image.debian_slim().run_commands(
        "test -n $GIT_TOKEN && echo length ${#GIT_TOKEN} > /built", secrets=[secret]
    )
    assert output(image, "cat", "/built") == f"length {len(TOKEN)}\n"
    assert output(image, "sh", "-c", "echo ${GIT_TOKEN-unset}") == "unset\n"


def test_a_later_step_does_not_see_it(modal_workspace: ModalWorkspace) -> None:
    modal_workspace.secret("git", {"GIT_TOKEN": TOKEN})
    image = (
        modal.Image.from_registry("python:3.13")
        .run_commands("true", secrets=[modal.Secret.from_name("git")])
        .run_commands("echo ${GIT_TOKEN-unset} > /second", env={"MINE": "1"})
    )
    assert output(image, "cat", "/second") == "unset\n"


def test_secrets_in_order_then_env(modal_workspace: ModalWorkspace) -> None:
    modal_workspace.secret("one", {"A": "one", "B": "one", "C": "one"})
    secrets = [modal.Secret.from_name("one"), modal.Secret.from_dict({"B": "dict", "C": "dict"})]
    image = modal.Image.debian_slim().run_commands("echo $A $B $C > /seen", secrets=secrets, env={"C": "env"})
    assert output(image, "cat", "/seen") == "one dict env\n"


def test_env_and_workdir_of_the_image(modal_workspace: ModalWorkspace) -> None:
    image = modal.Image.debian_slim().env({"LEVEL": "image", "OTHER": "$X 'quoted'"}).workdir("/var/tmp")
    assert output(image, "sh", "-c", "pwd; echo $LEVEL; echo $OTHER") == "/var/tmp\nimage\n$X 'quoted'\n"
    modal_workspace.secret("level", {"LEVEL": "secret"})
    assert output(image, "printenv", "LEVEL", secrets=[modal.Secret.from_name("level")]) == "secret\n"


def test_a_failing_build_says_why_without_the_value(modal_workspace: ModalWorkspace) -> None:
    modal_workspace.secret("git", {"GIT_TOKEN": TOKEN})
    image = modal.Image.debian_slim().run_commands(
        "echo using $GIT_TOKEN && exit 3", secrets=[modal.Secret.from_name("git")]
    )
    with pytest.raises(modal.exception.ImageBuildError) as error:
        build(image)
    assert "using" in str(error.value)
    assert TOKEN not in str(error.value)


def test_the_log_is_shown_and_masked(modal_workspace: ModalWorkspace, capfd: pytest.CaptureFixture[str]) -> None:
    modal_workspace.secret("git", {"GIT_TOKEN": TOKEN})
    image = modal.Image.debian_slim().run_commands(
        "echo from-the-build; echo $GIT_TOKEN", secrets=[modal.Secret.from_name("git")]
    )
    with modal.enable_output():
        build(image)
    shown = capfd.readouterr().out
    assert "from-the-build" in shown
    assert TOKEN not in shown


def test_a_dockerfile_with_local_files(modal_workspace: ModalWorkspace, tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("local", encoding="utf-8")
    (tmp_path / "Dockerfile").write_text(
        "FROM python:3.13\nARG WHO=nobody\nCOPY data.txt /data.txt\nRUN echo $WHO >> /data.txt\n", encoding="utf-8"
    )
    image = modal.Image.from_dockerfile(tmp_path / "Dockerfile", context_dir=tmp_path, build_args={"WHO": "somebody"})
    assert output(image, "cat", "/data.txt") == "localsomebody\n"
    assert modal_workspace.url


def test_local_files_are_copied_or_mounted(modal_workspace: ModalWorkspace, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("copied", encoding="utf-8")
    image = modal.Image.debian_slim().add_local_file(tmp_path / "a.txt", "/opt/a.txt", copy=True)
    assert output(image.run_commands("cat /opt/a.txt > /b.txt"), "cat", "/b.txt") == "copied"
    mounted = modal.Image.debian_slim().add_local_file(tmp_path / "a.txt", "/opt/c.txt")
    assert output(mounted, "cat", "/opt/c.txt") == "copied"
    assert modal_workspace.url


def test_packages_installed_by_uv(tmp_path: Path) -> None:
    """The SDK takes uv from an image of its own; here it is this machine's."""
    import uv

    home = make_python_home(tmp_path / "python", {"offlinepackage": "2.0"})
    (home.directory / "bin" / "uv").symlink_to(uv.find_uv_bin())
    program = tmp_path / "program.py"
    program.write_text(UV_PROGRAM, encoding="utf-8")
    with serving(tmp_path / "workspace", python=home.python) as (_, env):
        command = [sys.executable, str(program), str(home.directory / "wheels")]
        done = subprocess.run(command, env=env, text=True, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "2.0\n"), done.stderr


def test_from_id_and_delete(modal_workspace: ModalWorkspace) -> None:
    built = build(modal.Image.debian_slim().run_commands("echo 1 > /one"))
    assert output(modal.Image.from_id(built.object_id), "cat", "/one") == "1\n"
    with pytest.raises(modal.exception.NotFoundError, match="Could not find image with ID"):
        output(modal.Image.from_id("im-nowhere"), "true")
    assert modal_workspace.url


def test_a_function_in_its_image(modal_workspace: ModalWorkspace) -> None:
    app = modal.App("in-image")
    image = modal.Image.debian_slim().run_commands("echo from-image > /marker").env({"LEVEL": "image"})

    @app.function(image=image, serialized=True)  # type: ignore[untyped-decorator]
    def read() -> tuple[str, str | None]:
        import os
        from pathlib import Path

        return Path("/marker").read_text(encoding="utf-8"), os.environ.get("LEVEL")

    with app.run():
        assert read.remote() == ("from-image\n", "image")
    assert modal_workspace.url


def step() -> None:
    """Something to run while building."""


def test_a_build_by_a_function_is_refused(modal_workspace: ModalWorkspace) -> None:
    with pytest.raises(modal.exception.Error, match=r"run_function|builds by a Function"):
        build(modal.Image.debian_slim().run_function(step))
    assert modal_workspace.url
