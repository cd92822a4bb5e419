# in: layers/oms/python/oms/domain/order/sample.py
from dataclasses import dataclass


@dataclass
class Line:
    # ruleid: no-float-money
    price: float
    # ok: no-float-money
    amount: int


def share(amount: int, parts: int) -> int:
    # ruleid: no-float-money
    print(float(amount))
    # ruleid: no-float-money
    print(round(amount))
    # ruleid: no-float-money
    print(amount / parts)
    # ok: no-float-money
    return amount // parts
