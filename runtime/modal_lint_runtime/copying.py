"""``COPY`` and ``ADD`` of local files, written into the layer that is being made."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modal_lint_runtime.build_context import BuildContext
from modal_lint_runtime.definition import content_key
from modal_lint_runtime.dockerfile import expand, expand_heredoc
from modal_lint_runtime.layer_view import absolute

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path, PurePosixPath

    from modal_lint_runtime.build_context import Entry
    from modal_lint_runtime.definition import Step
    from modal_lint_runtime.dockerfile import Instruction
    from modal_lint_runtime.layer_view import LayerView

_FLAGS = ("chown", "chmod", "link")
_REMOTE = ("http://", "https://", "git@", "git://", "ssh://")
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


@dataclass(frozen=True)
class Owner:
    """Who a copied file belongs to, and its permissions (None: those of the source)."""

    uid: int = 0
    gid: int = 0
    mode: int | None = None


class Copy:
    """One ``COPY`` or ``ADD``, its variables expanded and its sources found.

    Raises:
        InvalidError: a source is missing or outside of the context, or the instruction is wrong.
        UnsupportedError: a flag or a kind of source that is not known here (stages, URLs, archives).
    """

    def __init__(self, instruction: Instruction, step: Step, variables: Mapping[str, str], workdir: str | None) -> None:
        _require_supported(instruction)
        self._instruction = instruction
        self._owner = _owner(instruction, variables)
        if len(instruction.args) < 2:
            raise instruction.invalid("needs at least one source and a destination")
        *words, destination = instruction.args
        self._destination = expand(destination, variables, instruction)
        self._target = absolute(self._destination, workdir)
        self._texts = {each.name: expand_heredoc(each, variables, instruction) for each in instruction.heredocs}
        named = [word for word in words if not (instruction.heredocs and word.startswith("<<"))]
        paths = [expand(word, variables, instruction) for word in named]
        _require_local(instruction, paths)
        self._context = self._open(step) if paths else None
        self._entries = [entry for path in paths if self._context for entry in self._context.sources(path)]
        if self._copies_many and not self._into_directory:
            raise instruction.invalid("copies several files, so its destination must end with '/'")

    def key(self) -> str:
        """A digest of what is copied and how."""
        contents = self._context.digest(self._entries) if self._context else ""
        owner = (self._owner.uid, self._owner.gid, self._owner.mode)
        return content_key(contents, self._texts, str(self._target), self._into_directory, owner)

    def write(self, view: LayerView) -> None:
        """Write the files into the upper layer of ``view``. Raises InvalidError for a file in the way."""
        target = self._target
        into = self._into_directory or view.is_dir(target)
        for entry in self._entries:
            if entry.is_dir:
                self._tree(entry, target, view)
            else:
                self._file(entry, target / entry.real.name if into else target, view)
        for name, text in self._texts.items():
            place = self._place(target / name if into else target, view)
            place.write_bytes(text.encode("utf-8", "surrogateescape"))
            self._own(place, self._owner.mode or 0o644)

    @property
    def _copies_many(self) -> bool:
        return len(self._entries) + len(self._texts) > 1

    @property
    def _into_directory(self) -> bool:
        return self._destination.endswith("/") or self._destination in (".", "..") or self._destination.endswith("/.")

    def _open(self, step: Step) -> BuildContext:
        if step.context is None:
            raise self._instruction.invalid("needs a build context, and this step has none")
        return BuildContext(step.context, step.ignore)

    def _tree(self, top: Entry, target: PurePosixPath, view: LayerView) -> None:
        context = self._context
        assert context is not None
        view.make_dir(target)
        for entry in context.below(top):
            place = target / os.path.relpath(entry.name, top.name or ".")
            if not entry.is_dir:
                self._file(entry, place, view)
                continue
            is_new = not view.is_dir(place)
            made = view.make_dir(place)
            if is_new:
                self._own(made, self._owner.mode or stat.S_IMODE(entry.mode))

    def _file(self, entry: Entry, target: PurePosixPath, view: LayerView) -> None:
        place = self._place(target, view)
        if entry.is_link:
            place.symlink_to(os.readlink(entry.real))
            self._own(place, None)
            return
        shutil.copyfile(entry.real, place, follow_symlinks=False)
        status = entry.real.stat()
        os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))
        self._own(place, self._owner.mode or stat.S_IMODE(entry.mode))

    def _place(self, target: PurePosixPath, view: LayerView) -> Path:
        if view.is_dir(target):
            raise self._instruction.invalid("would replace a directory of the image by a file")
        place = view.make_dir(target.parent) / target.name
        if place.is_symlink() or place.exists():
            place.unlink()
        return place

    def _own(self, place: Path, mode: int | None) -> None:
        if os.geteuid() == 0:
            os.chown(place, self._owner.uid, self._owner.gid, follow_symlinks=False)
        if mode is not None:
            place.chmod(mode)


def _require_supported(instruction: Instruction) -> None:
    for flag in instruction.flag_names():
        if flag not in _FLAGS:
            raise instruction.unsupported(f"has the option --{flag}, which the local engine does not have")


def _require_local(instruction: Instruction, paths: list[str]) -> None:
    if instruction.name != "ADD":
        return
    if any(path.startswith(_REMOTE) for path in paths):
        raise instruction.unsupported("takes local files only here: fetch with RUN")
    if any(path.endswith(_ARCHIVES) for path in paths):
        raise instruction.unsupported("does not unpack archives here: use COPY and RUN tar")


def _owner(instruction: Instruction, variables: Mapping[str, str]) -> Owner:
    chown, chmod = (expand(instruction.flag(name) or "", variables, instruction) for name in ("chown", "chmod"))
    user, _, group = chown.partition(":")
    try:
        uid = 0 if user in ("", "root") else int(user)
        gid = (0 if user in ("", "root") else uid) if group in ("", "root") else int(group)
        mode = int(chmod, 8) if chmod else None
    except ValueError:
        raise instruction.unsupported("takes --chown as numbers and --chmod in octal here") from None
    if min(uid, gid, mode or 0) < 0 or (mode or 0) > 0o7777:
        raise instruction.invalid("has an owner or permissions out of range")
    return Owner(uid, gid, mode)
