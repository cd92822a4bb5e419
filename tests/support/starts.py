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
        ("sqs", "secretsmanager"), ("wiring.connections()", "wiring.queue('INTAKE_QUEUE')"), ("oms.channels.shopify",)
    ),
    "place_order": Start(("dynamodb", "secretsmanager"), ("use_cases.sync_snapshot()",)),
    "read_orders": Start(("dynamodb",), ("wiring.orders()", "wiring.views()")),
    "change_order": Start(("dynamodb",), ("wiring.orders()",)),
    "fulfill_orders": Start(("dynamodb",), ("wiring.orders()", "wiring.views()", "wiring.contacts()")),
    "manage_stock": Start(("dynamodb",), ("use_cases.move_stock()",)),
    "manage_policies": Start(("dynamodb",), ("use_cases.manage_sourcing()",)),
    "manage_webhooks": Start(("dynamodb",), ("use_cases_outbound.manage_subscriptions()",)),
    "manage_drafts": Start(("dynamodb", "s3", "secretsmanager"), ("use_cases.save_draft()", "use_cases.place_draft()")),
    "issue_invoices": Start(("dynamodb",), ("wiring_invoices.issue_invoices()",)),
    "show_invoices": Start(("dynamodb",), ("wiring_invoices.show_invoices()", "wiring.contacts()")),
    "quote_promises": Start(("dynamodb",), ("use_cases.quote_promises()",)),
    "manage_quarantine": Start(("dynamodb", "s3"), ("use_cases.replay_parked()",)),
    "show_status": Start(("dynamodb", "secretsmanager"), ("use_cases.look_up_order()",), ("jinja2",)),
    "answer_assistants": Start(("dynamodb", "secretsmanager"), ("use_cases.look_up_order()",)),
    "show_console": Start(
        ("dynamodb", "secretsmanager"), ("wiring.orders()", "wiring.views()", "wiring.log()"), ("jinja2", "jwt")
    ),
}
ASYNC: Final[dict[str, Start]] = {
    "take_orders": Start(("dynamodb",), ("use_cases.take_delivery()",), ("oms.channels.shopify",)),
    "take_payments": Start(("dynamodb",), ("use_cases.take_delivery()",), ("oms.payments.stripe",)),
    "take_stock_feed": Start(("dynamodb", "s3", "sqs"), ("use_cases.take_feed_file()",)),
    "take_tracking": Start(("dynamodb",), ("use_cases.take_delivery()",), ("oms.carriers.easypost",)),
    "park_failed": Start(("dynamodb", "s3"), ("use_cases.take_delivery()",)),
    "relay_commits": Start(("dynamodb", "stepfunctions", "events"), ("use_cases.relay_commit()", "wiring.log()")),
    "authorize_payment": Start(("dynamodb", "secretsmanager"), ("use_cases.authorize_payment()",)),
    "promise_order": Start(("dynamodb",), ("use_cases.screen_and_promise()",)),
    "settle_payment": Start(("dynamodb", "secretsmanager"), ("use_cases.settle_payment()",)),
    "settle_return": Start(
        ("dynamodb", "secretsmanager"), ("use_cases_returns.label_returns()", "use_cases_returns.place_replacements()")
    ),
    "redrive_overdue": Start(("dynamodb",), ("use_cases.redrive_overdue()",)),
    "reoptimize_orders": Start(("dynamodb",), ("use_cases.reoptimize_orders()",)),
    "report_sales": Start(("dynamodb", "s3"), ("use_cases.report_sales()",)),
    "poll_channels": Start(
        ("dynamodb", "sqs", "secretsmanager"),
        ("use_cases.poll_channels()", "wiring.connections()", "wiring.queue('INTAKE_QUEUE')"),
        ("oms.channels.shopify_list",),
    ),
    "tell_channels": Start(
        ("dynamodb", "sqs", "secretsmanager"),
        ("use_cases.tell_channel()", "wiring.connections()"),
        ("oms.channels.shopify_out",),
    ),
    "deliver_webhooks": Start(
        ("dynamodb", "sqs", "secretsmanager"),
        ("use_cases_outbound.fan_out()", "use_cases_outbound.deliver_webhook()"),
    ),
    "reconcile_stock": Start(("dynamodb", "s3"), ("use_cases.reconcile()",)),
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
        *(f"from oms.entrypoints import {module}" for module in sorted({each.split(".")[0] for each in start.wired})),
        *start.wired,
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
        "FREE_REDUCTION_PERCENT": "0",
        "MERCHANT_TIME_ZONE": "Etc/UTC",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "made-up",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "PYTHONPATH": str(LAYER),
    }
