"""The order in which tests run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, lest one worker is left alone with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
