"""What each function loads and makes until it can serve the call it gets most: its start, in a fresh process."""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from tests.support import template
from tests.support.template import LAYER, ROOT


class Start(NamedTuple):
    """`wired` are calls of the composition root, `modules` those that are imported on the way and not before."""

    clients: tuple[str, ...]
    wired: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()


HTTP: Final[dict[str, Start]] = {
    "receive_webhook": Start(
        ("sqs", "secretsmanager"), ("connections()", "queue('INTAKE_QUEUE')"), ("oms.channels.shopify",)
    ),
    "place_order": Start(("dynamodb", "secretsmanager"), ("sync_snapshot()",)),
    "read_orders": Start(("dynamodb",), ("orders()", "views()")),
    "change_order": Start(("dynamodb",), ("orders()",)),
    "fulfill_orders": Start(("dynamodb",), ("orders()", "views()", "contacts()")),
    "manage_stock": Start(("dynamodb",), ("move_stock()",)),
    "manage_quarantine": Start(("dynamodb", "s3"), ("replay_parked()",)),
    "show_status": Start(("dynamodb", "secretsmanager"), ("look_up_order()",), ("jinja2",)),
    "show_console": Start(("dynamodb", "secretsmanager"), ("orders()", "views()", "log()"), ("jinja2", "jwt")),
}
ASYNC: Final[dict[str, Start]] = {
    "take_orders": Start(("dynamodb",), ("take_delivery()",), ("oms.channels.shopify",)),
    "take_payments": Start(("dynamodb",), ("take_delivery()",), ("oms.payments.stripe",)),
    "take_tracking": Start(("dynamodb",), ("take_delivery()",), ("oms.carriers.easypost",)),
    "park_failed": Start(("dynamodb", "s3"), ("take_delivery()",)),
    "relay_commits": Start(("dynamodb", "stepfunctions", "events"), ("relay_commit()", "log()")),
    "screen_order": Start(("dynamodb",), ("screen_order()",)),
    "authorize_payment": Start(("dynamodb", "secretsmanager"), ("authorize_payment()",)),
    "promise_order": Start(("dynamodb",), ("promise_order()",)),
    "settle_payment": Start(("dynamodb", "secretsmanager"), ("settle_payment()",)),
    "redrive_overdue": Start(("dynamodb",), ("redrive_overdue()",)),
    "report_sales": Start(("dynamodb", "s3"), ("report_sales()",)),
    "reconcile_stock": Start(("dynamodb", "s3"), ("reconcile()",)),
}
STARTS: Final = {**HTTP, **ASYNC}


def code(function: str) -> str:
    """Python that starts a function as Lambda would: the handler imported, its use case and its clients made."""
    start = STARTS[function]
    lines = [
        "import sys",
        f"sys.path.insert(0, {str(ROOT / 'functions' / function)!r})",
        "import app",
        "from oms.entrypoints import wiring",
        *(f"wiring.{call}" for call in start.wired),
        *(f"wiring.client({service!r})" for service in start.clients),
        *(f"import {module}" for module in start.modules),
    ]
    return "\n".join(lines)


def environment() -> dict[str, str]:
    """What Lambda gives to every function: the template's names, a region and credentials."""
    functions = template.of_type(template.resources(), "AWS::Lambda::Function")
    names = {name for _, properties in functions for name in template.environment(properties)}
    made_up = dict.fromkeys(names, "https://made.up/name")
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        **made_up,
        "MAX_RECEIVES": "5",
        "MERCHANT_TIME_ZONE": "Etc/UTC",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "made-up",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "PYTHONPATH": str(LAYER),
    }
