"""A refusal as its caller sees it: class, text and context, compared whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oms.domain.errors import OmsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Refusal = tuple[type[OmsError], str, "Mapping[str, object]"]


def refusal(call: Callable[[], object]) -> Refusal:
    """What `call` is refused with."""
    with pytest.raises(OmsError) as caught:
        call()
    return type(caught.value), str(caught.value), caught.value.context
