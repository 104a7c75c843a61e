"""What is checked with which settings: the configuration files as on the command line, the editor's settings on top."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modal_lint.config import FILES, Resolver
from modal_lint.discover import MARKDOWN, Target, require_markdown
from modal_lint.files import project_root
from modal_lint.globs import matches
from modal_lint.settings import Layer, layer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# A change of one of these changes what is found elsewhere.
NAMES = (*FILES, ".gitignore")
_WHERE = "the editor's settings"


class Configuration:
    """The settings as they are now; a change makes a new one.

    Args:
        folders: the folders open in the editor, absolute, the first one first.
        settings: keys as in the configuration files; relative patterns count from the folder of the file.

    Raises:
        UserError: an unknown key or a wrong value.
    """

    def __init__(self, folders: Sequence[str] = (), settings: Mapping[str, object] | None = None) -> None:
        self.folders = tuple(folders)
        self.settings = dict(settings or {})
        self._check = layer(self.settings, os.getcwd(), _WHERE)
        self._resolvers: dict[str | None, Resolver] = {}

    def folder(self, path: str) -> str | None:
        """The innermost open folder that a path is in."""
        return max((folder for folder in self.folders if _is_inside(path, folder)), key=len, default=None)

    def target(self, path: str, name: str, *, virtual: bool = False) -> Target | None:
        """A file as something to check; None where the settings exclude it.

        Args:
            path: absolute.
            name: what findings call it.
            virtual: it is on no disk.

        Raises:
            UserError: a configuration file on the way is wrong, or Markdown cannot be read here.
        """
        directory = os.path.dirname(path)
        root = project_root(directory)
        folder = self.folder(path)
        settings = self.source(folder).at(directory)
        if name.endswith(MARKDOWN):
            if not settings.include_markdown:
                return None
            require_markdown()
        top = folder or root
        above = path
        while above != top and above != os.path.dirname(above):
            if matches(settings.excluded, above):
                return None
            above = os.path.dirname(above)
        return Target(name, path, root, settings, is_stdin=virtual)

    def source(self, folder: str | None) -> Resolver:
        """What knows the settings of the directories of an open folder; None: of those of none."""
        if folder not in self._resolvers:
            mine = Layer(self._check.values, folder or self._check.base)
            self._resolvers[folder] = Resolver((mine,) if self.settings else ())
        return self._resolvers[folder]


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
