"""How large an item is to DynamoDB, in bytes, by its documented rules.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html: names and strings by
UTF-8 bytes; a number by half its significant digits, plus one; binary by its length; null and Boolean one; a list or
map three, one per element, and what it holds.
"""

from __future__ import annotations

import base64
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTAINER: Final = 3
WRITE_BYTES: Final = 1024
"""What one write unit covers."""
READ_BYTES: Final = 4096
"""What one read unit covers."""


def item_bytes(item: Mapping[str, Any] | None) -> int:
    """Bytes of an item in DynamoDB's JSON; 0 for none."""
    return sum(len(name.encode()) + value_bytes(value) for name, value in (item or {}).items())


def value_bytes(typed: Mapping[str, Any]) -> int:
    """Bytes of one attribute value, `{"S": "…"}`; raises ValueError for a type that DynamoDB does not have."""
    ((kind, value),) = typed.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return number_bytes(value)
        case "B":
            return len(value) if isinstance(value, bytes) else len(base64.b64decode(value))
        case "NULL" | "BOOL":
            return 1
        case "SS" | "NS" | "BS":
            return sum(value_bytes({kind[0]: each}) for each in value)
        case "L":
            return CONTAINER + sum(1 + value_bytes(each) for each in value)
        case "M":
            return CONTAINER + sum(1 + len(name.encode()) + value_bytes(each) for name, each in value.items())
    raise ValueError(f"DynamoDB has no type {kind}")


def number_bytes(text: str) -> int:
    """Bytes of a number: half its digits without the zeros around them, one more, and one for a minus sign."""
    number = Decimal(text)
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    return 1 + math.ceil(len(digits) / 2) + (1 if number < 0 else 0)


def write_units(bytes_: int) -> int:
    """Units of a plain write of so many bytes."""
    return max(1, math.ceil(bytes_ / WRITE_BYTES))


def read_units(bytes_: int, *, consistent: bool) -> float:
    """Units of a read of so many bytes, rounded up as one; nothing found is still one."""
    return max(1, math.ceil(bytes_ / READ_BYTES)) * (1.0 if consistent else 0.5)
