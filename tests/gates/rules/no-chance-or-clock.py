# in: layers/oms/python/oms/domain/order/sample.py
import os
import random
import secrets
import time
import uuid
from datetime import UTC, date, datetime
from uuid import uuid4


def identity(order_id: str, at: datetime) -> list[object]:
    return [
        # ruleid: no-chance-or-clock
        uuid.uuid4(),
        # ruleid: no-chance-or-clock
        uuid4(),
        # ruleid: no-chance-or-clock
        random.choice([1, 2]),
        # ruleid: no-chance-or-clock
        secrets.token_hex(8),
        # ruleid: no-chance-or-clock
        os.urandom(8),
        # ruleid: no-chance-or-clock
        datetime.now(UTC),
        # ruleid: no-chance-or-clock
        date.today(),
        # ruleid: no-chance-or-clock
        time.time(),
        # ok: no-chance-or-clock
        uuid.uuid5(uuid.NAMESPACE_URL, order_id),
        # ok: no-chance-or-clock
        at.astimezone(UTC),
    ]
