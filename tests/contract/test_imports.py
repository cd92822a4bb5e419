"""What is loaded, in fresh processes: the core knows no framework, and no function pays for what it does not need."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.support import functions, reach
from tests.support.template import LAYER, ROOT

FRAMEWORKS = {"boto3", "botocore", "pydantic", "aws_lambda_powertools", "jinja2", "jwt"}
PAGES = {"pydantic", "jinja2", "jwt", "cryptography"}
"""What only functions that answer over HTTP may need."""
HTTP = {
    *("receive_webhook", "place_order", "read_orders", "change_order", "fulfill_orders"),
    *("manage_stock", "manage_quarantine", "show_status", "show_console"),
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


def _loaded(script: str, argument: str) -> set[str]:
    """Top-level modules (and ours in full) that a fresh process has loaded after the script."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(LAYER), "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run(
        [sys.executable, "-c", script, argument], capture_output=True, text=True, check=False, env=environment, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    names = json.loads(done.stdout.splitlines()[-1])
    return {name if name.startswith("oms.") else name.partition(".")[0] for name in names}


@pytest.mark.parametrize("package", CORE)
def test_the_core_loads_no_framework(package: str) -> None:
    assert not _loaded(WALK, package) & FRAMEWORKS


def test_adapters_load_nothing_of_http() -> None:
    loaded = _loaded(WALK, "oms.adapters")
    assert not loaded & {"pydantic", "jinja2", "jwt", "aws_lambda_powertools"}
    assert "botocore" in loaded, "or this test looks at nothing"


@pytest.mark.parametrize("function", functions.names())
def test_functions_load_what_they_need(function: str) -> None:
    loaded = _loaded(HANDLER, str(ROOT / "functions" / function))
    assert "oms.entrypoints.wiring" in loaded
    if function not in HTTP:
        assert not loaded & PAGES
    assert "aws_xray_sdk" not in loaded
    # imported when a page is made, a session is looked at, a channel is met
    assert "jinja2" not in loaded
    assert ("jwt" in loaded) == (function == "show_console")
    assert not loaded & {"oms.channels.shopify", "oms.channels.amazon", "oms.adapters.stripe_api"}


@pytest.mark.parametrize("function", sorted(set(functions.names()) - HTTP))
def test_queue_stream_and_workflow_functions_reach_no_page(function: str) -> None:
    """Not while they are loaded, and not later either."""
    modules = {place.module for place in reach.reached(function)}
    pages = ("http", "pages", "requests", "sessions", "console", "status_api")
    assert not modules & {f"{reach.PACKAGE}.{name}" for name in pages}


def test_every_http_function_is_known() -> None:
    assert {by for each in functions.served().values() for by in each} == HTTP
