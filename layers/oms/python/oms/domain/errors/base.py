"""What all refusals have in common."""

from __future__ import annotations

from typing import ClassVar


class OmsError(Exception):
    """Base of everything this system raises on purpose."""

    code: ClassVar[str] = "oms_error"
    """Stable: part of the public API contract."""
    retryable: ClassVar[bool] = False
    """Could the same call succeed later, unchanged?"""

    def __init__(self, message: str, **context: object) -> None:
        super().__init__(message)
        self.context = context
