"""Ports of returns and their adapters, as `wiring` has the others."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from oms.entrypoints import wiring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.adapters.easypost_api import EasyPostLabels

WITHIN_S = 10.0
"""A step asks at most four times, and has 40 seconds."""


@cache
def easypost() -> EasyPostLabels:
    """Labels of EasyPost's carriers."""
    from oms.adapters.easypost_api import EasyPostLabels
    from oms.adapters.rest import within

    def credentials(account: str) -> Mapping[str, str]:
        return wiring.connections().credentials("easypost", account)

    return EasyPostLabels(os.environ["EASYPOST_URL"], credentials, within(WITHIN_S))
