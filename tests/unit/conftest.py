"""Unit tests: one module each, in memory."""

from __future__ import annotations

import pytest

import tests.support.profiles  # noqa: F401 - sets hypothesis up
from tests.support.builders import Story


@pytest.fixture
def story() -> Story:
    """An order that has not been placed yet."""
    return Story()
