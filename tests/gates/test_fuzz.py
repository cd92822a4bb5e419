"""A slice of the requests made of the contract, against the running system; and what a faulty system would be told."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.engine import ROOT
from infra.local.system import System
from tests.proof.fuzz.requests import Request, name_of, operations
from tests.proof.fuzz.run import Verdict, count, fuzz, send
from tests.proof.fuzz.shop import Shop, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES = 150
CONTRACT = ROOT / "infra/openapi.yaml"
OPERATIONS = CONTRACT.read_text(encoding="utf-8").count("operationId:")
PROBLEM = {"type": "urn:oms:problem:not_found", "title": "x", "status": 404, "code": "not_found", "retryable": False}
STOCK = {"sku": "MUG-01", "available": 0, "positions": [], "inbound": []}


@pytest.mark.engine
@pytest.mark.slow
def test_no_request_breaks_the_system() -> None:
    """I12. The whole of it: `make bench NAME=fuzz`."""
    with opened() as shop:
        verdict = fuzz(shop, CASES)
    assert verdict.faults == []
    assert verdict.cases >= CASES
    assert len(verdict.operations) == OPERATIONS
    assert len(verdict.done) > OPERATIONS // 4, "requests come further than the first check"


@contextmanager
def answering(status: int, kind: str, body: str) -> Iterator[Shop]:
    """A system that answers everything alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        system = System(f"http://127.0.0.1:{server.server_port}", {})
        yield Shop(system=system, known={}, holds=[], lines={}, deliveries=[], cookie="", forms={})
        server.shutdown()


def verdict_on(status: int, kind: str, body: str) -> Verdict:
    """What is said of one answer to `GET /stock/MUG-01`."""
    operation = next(each for each in operations() if name_of(each) == "showStock")
    request = Request(case=operation.Case(path_parameters={"sku": "MUG-01"}), operation="showStock")
    verdict = Verdict()
    with answering(status, kind, body) as shop:
        count(verdict, request, *send(shop, request))
    return verdict


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (200, "application/json", json.dumps(STOCK)),
        (404, "application/problem+json", json.dumps(PROBLEM)),
        (401, "application/json", '{"message": "Unauthorized"}'),
    ],
)
def test_what_the_contract_says_is_no_fault(status: int, kind: str, body: str) -> None:
    assert verdict_on(status, kind, body).faults == []


@pytest.mark.parametrize(
    ("status", "kind", "body", "where"),
    [
        (500, "application/problem+json", json.dumps({**PROBLEM, "code": "internal_error"}), "server_errors"),
        (502, "application/json", '{"message": "Internal Server Error"}', "server_errors"),
        (400, "application/json", '{"error": "no"}', "untyped"),
        (400, "text/plain", "no", "untyped"),
        (404, "application/problem+json", json.dumps({**PROBLEM, "code": "never_heard_of"}), "untyped"),
        (404, "application/problem+json", '{"title": "x"}', "untyped"),
        (200, "application/json", '{"sku": 1}', "untyped"),
        (200, "application/xml", json.dumps(STOCK), "untyped"),
        (403, "application/json", '{"message": "Forbidden"}', "untyped"),
    ],
)
def test_a_faulty_answer_is_counted(status: int, kind: str, body: str, where: str) -> None:
    verdict = verdict_on(status, kind, body)
    assert len(verdict.faults) == 1
    assert verdict.document()[where] == 1


def test_no_answer_is_counted() -> None:
    operation = next(each for each in operations() if name_of(each) == "showStock")
    request = Request(case=operation.Case(path_parameters={"sku": "MUG-01"}), operation="showStock")
    shop = Shop(
        system=System("http://127.0.0.1:1", {}), known={}, holds=[], lines={}, deliveries=[], cookie="", forms={}
    )
    status, fault = send(shop, request)
    assert status == 0
    assert fault
