"""The providers' shapes, as data. Adding a provider is one entry; its example is a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint.credentials.providers.ai import AI
from modal_lint.credentials.providers.business import BUSINESS
from modal_lint.credentials.providers.cloud import CLOUD
from modal_lint.credentials.providers.developer import DEVELOPER
from modal_lint.credentials.providers.operations import OPERATIONS

if TYPE_CHECKING:
    from modal_lint.credentials.records import Shape

SHAPES: tuple[Shape, ...] = (*AI, *CLOUD, *DEVELOPER, *OPERATIONS, *BUSINESS)
