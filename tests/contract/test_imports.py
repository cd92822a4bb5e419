"""What is loaded, in fresh processes: the core knows no framework, and no function pays for what it does not need."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support import functions, reach, starts

FRAMEWORKS = {"boto3", "botocore", "pydantic", "aws_lambda_powertools", "jinja2", "jwt", "mcp"}
NEVER = {"boto3", "s3transfer", "aws_xray_sdk", "unittest", "pytest"}
"""What no function needs, in no state."""
HEAVY = {"aws_lambda_powertools", "pydantic", "jinja2", "jwt", "cryptography", "mcp"}
"""What is loaded by those that need it, each 0.05 to 0.4 of an `import boto3`; `mcp` takes several of them."""
ROUTER = frozenset({"aws_lambda_powertools"})
BODIES = ROUTER | {"pydantic"}
NEEDED = {
    **dict.fromkeys(starts.ASYNC, frozenset[str]()),
    **dict.fromkeys(("receive_webhook", "place_order", "quote_promises", "read_orders", "manage_quarantine"), ROUTER),
    **dict.fromkeys(("issue_invoices", "show_invoices", "manage_drafts"), ROUTER),
    **dict.fromkeys(
        ("change_order", "fulfill_orders", "manage_stock", "manage_policies", "manage_webhooks"),
        BODIES,
    ),
    "show_status": ROUTER | {"jinja2"},
    "answer_assistants": BODIES | {"cryptography", "mcp"},
    "show_console": ROUTER | {"jinja2", "jwt", "cryptography"},
}
"""What of it a function has loaded when it can serve the call that it gets most."""
CHANNELS = {
    f"oms.channels.{name}"
    for name in (
        *("shopify", "amazon", "woocommerce", "tiktok_shop", "bigcommerce", "magento"),
        *("ebay", "walmart", "etsy"),
        *("mercadolibre", "meta_commerce"),
    )
}
CORE = ["oms.domain", "oms.application", "oms.channels", "oms.carriers", "oms.payments"]
WALK = """
import importlib, json, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for each in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(each.name)
print(json.dumps(sorted(sys.modules)))
"""
HANDLER = """
import json, sys
sys.path.insert(0, sys.argv[1])
import app
assert callable(app.handler)
print(json.dumps(sorted(sys.modules)))
"""


def _loaded(script: str, *arguments: str) -> set[str]:
    """Top-level modules (and ours in full) that a fresh process has loaded after the script."""
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=starts.environment(), cwd="/")
    assert done.returncode == 0, done.stderr
    names = json.loads(done.stdout.splitlines()[-1])
    return {name if name.startswith("oms.") else name.partition(".")[0] for name in names}


def findings(function: str, *, more: str = "") -> set[str]:
    """What a function has loaded at the end of its start and does not need, or needs and has not loaded."""
    loaded = _loaded(f"{starts.code(function)}\n{more}\nimport json\nprint(json.dumps(sorted(sys.modules)))")
    assert "oms.entrypoints.wiring" in loaded
    return loaded & NEVER | ((loaded & HEAVY) ^ NEEDED[function])


@pytest.mark.parametrize("package", CORE)
def test_the_core_loads_no_framework(package: str) -> None:
    assert not _loaded(WALK, package) & FRAMEWORKS


def test_adapters_load_nothing_of_http() -> None:
    loaded = _loaded(WALK, "oms.adapters")
    assert not loaded & {"pydantic", "jinja2", "jwt", "aws_lambda_powertools", "mcp"}
    assert "botocore" in loaded, "or this test looks at nothing"


@pytest.mark.parametrize("function", functions.names())
def test_functions_load_what_they_need(function: str) -> None:
    assert not findings(function)


def test_what_is_not_needed_is_seen() -> None:
    assert findings("promise_order", more="import boto3") == {"boto3", "s3transfer"}
    assert findings("promise_order", more="import pydantic") == {"pydantic"}


@pytest.mark.parametrize("function", functions.names())
def test_what_a_delivery_or_a_page_needs_waits_for_it(function: str) -> None:
    loaded = _loaded(HANDLER, str(functions.FOLDER / function))
    assert "oms.entrypoints.wiring" in loaded
    assert not loaded & {"jinja2", "oms.adapters.stripe_api", *CHANNELS}


def test_a_webhook_is_acknowledged_without_the_vocabulary_of_orders() -> None:
    loaded = _loaded(HANDLER, str(functions.FOLDER / "receive_webhook"))
    assert not loaded & {"oms.domain.order.events", "oms.domain.codec", "oms.adapters.dynamodb_log"}


@pytest.mark.parametrize("function", sorted(starts.ASYNC))
def test_queue_stream_and_workflow_functions_reach_no_page(function: str) -> None:
    """Not while they are loaded, and not later either."""
    modules = {place.module for place in reach.reached(function)}
    pages = ("http", "pages", "requests", "sessions", "console", "status_api")
    assert not modules & {f"{reach.PACKAGE}.{name}" for name in pages}


def test_every_function_is_known() -> None:
    assert set(starts.STARTS) == set(functions.names()) == set(NEEDED)
    assert {by for each in functions.served().values() for by in each} == set(starts.HTTP)
