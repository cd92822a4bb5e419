"""Property tests: what holds for every input."""

from __future__ import annotations

import tests.support.profiles  # noqa: F401 - sets hypothesis up
