"""Images, with ``await`` where something is built or looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint_runtime.aio_base import Lifted, lifted
from modal_lint_runtime.images import Image, Images

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from modal_lint_runtime.apps import App
    from modal_lint_runtime.secrets import Secret


class AsyncImage(Lifted[Image]):
    """As `Image`. Describing is immediate; `build` is awaited."""

    @property
    def blocking(self) -> Image:
        """The image without ``await``."""
        return self._blocking

    @property
    def image_id(self) -> str | None:
        """Its unique id; None until it is built."""
        return self._blocking.image_id

    @property
    def warnings(self) -> tuple[str, ...]:
        """As `Image.warnings`."""
        return self._blocking.warnings

    def dockerfile_commands(
        self,
        commands: Sequence[str] | str,
        *more: str,
        secrets: Sequence[Secret] | None = None,
        env: Mapping[str, str | None] | None = None,
        context_dir: Path | str | None = None,
        build_args: Mapping[str, str] | None = None,
        force_build: bool = False,
    ) -> AsyncImage:
        """As `Image.dockerfile_commands`."""
        image = self._blocking.dockerfile_commands(
            commands,
            *more,
            secrets=secrets,
            env=env,
            context_dir=context_dir,
            build_args=build_args,
            force_build=force_build,
        )
        return AsyncImage(image, self._threads)

    def env(self, vars: Mapping[str, str]) -> AsyncImage:
        """As `Image.env`."""
        return AsyncImage(self._blocking.env(vars), self._threads)

    async def build(self, app: App, *, on_log: Callable[[str], None] | None = None) -> AsyncImage:
        """As `Image.build`; ``on_log`` is called in another thread. Cancelled, the build still goes on to its end."""
        built = await self._threads.run(lambda: self._blocking.build(app, on_log=on_log))
        return AsyncImage(built, self._threads)


class AsyncImages(Lifted[Images]):
    """`client.images`."""

    def from_registry(self, tag: str, *, secret: Secret | None = None) -> AsyncImage:
        """As `Images.from_registry`."""
        return AsyncImage(self._blocking.from_registry(tag, secret=secret), self._threads)

    async def from_id(self, image_id: str) -> AsyncImage:
        """As `Images.from_id`."""
        return AsyncImage(await self._threads.run(lambda: self._blocking.from_id(image_id)), self._threads)

    delete = lifted(Images.delete)
