"""Send requests and judge the answers: never 5xx, every refusal typed, every answer as the contract says."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from tests.proof.fuzz.requests import generate

if TYPE_CHECKING:
    from tests.proof.fuzz.requests import Request
    from tests.proof.fuzz.shop import Shop

TIMEOUT_S: Final = 30
SENDERS: Final = 4
GATEWAY: Final = (400, 401, 404, 413, 429, 431)
"""What the gateway answers by itself, with `{"message": ...}`."""
ASSISTANTS: Final = ("answerAssistant", "noAssistantStream", "noAssistantSession")
"""What is talked to in JSON-RPC, refusals included."""


@dataclass(slots=True)
class Verdict:
    """What came of it. `faults` are sentences, with the request as a command line."""

    cases: int = 0
    operations: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    of: Counter[tuple[str, int]] = field(default_factory=Counter)
    done: set[str] = field(default_factory=set)
    """Operations that a request got through, 2xx or 3xx."""
    server_errors: int = 0
    unanswered: int = 0
    untyped: int = 0
    """Refusals that are no problem document, and answers that the contract does not know."""
    faults: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """For people and benches."""
        return {
            "cases": self.cases,
            "operations": len(self.operations),
            "operations_done": len(self.done),
            "never_done": sorted(self.operations - self.done),
            "server_errors": self.server_errors,
            "unanswered": self.unanswered,
            "untyped": self.untyped,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
        }


def fuzz(shop: Shop, cases: int, salt: int = 0) -> Verdict:
    """Make at least `cases` requests of the contract and send them, some at a time."""
    verdict, lock = Verdict(), threading.Lock()
    for role in ("admin", "service", "warehouse", "finance", "sales", "shop"):
        shop.system.token(role)

    def one(request: Request) -> None:
        status, fault = send(shop, request)
        with lock:
            count(verdict, request, status, fault)

    with ThreadPoolExecutor(SENDERS) as pool:
        for sent in [pool.submit(one, request) for request in generate(shop, cases, salt)]:
            sent.result()
    return verdict


def send(shop: Shop, request: Request) -> tuple[int, str]:
    """(status, what is wrong with the answer); status 0 when there was none."""
    headers = {"accept": "application/json", **request.headers}
    if request.staff:
        headers["authorization"] = f"Bearer {shop.system.token(request.staff)}"
    try:
        answer = request.case.call(
            base_url=shop.system.api_url,
            headers=headers,
            cookies=request.cookies or None,
            timeout=TIMEOUT_S,
            allow_redirects=False,
            **({} if request.body is None else {"data": request.body}),
        )
    except Exception as error:  # noqa: BLE001 - whatever stands in the way of an answer: there was none
        return 0, f"{type(error).__name__}: {error}"
    return answer.status_code, judge(request, answer)


def judge(request: Request, answer: Any) -> str:
    """What is wrong with an answer; '' when nothing is."""
    status = answer.status_code
    if status >= 500:
        return f"{status} {answer.text[:300]}"
    if status in GATEWAY and _json(answer).keys() == {"message"}:
        return ""
    try:
        request.case.validate_response(answer, checks=[content_type_conformance, response_schema_conformance])
    except FailureGroup as group:
        return "; ".join(str(each) for each in group.exceptions)[:600]
    except Failure as failure:
        return str(failure)[:600]
    kind = (answer.headers.get("content-type") or [""])[0]
    spoken = _json(answer).get("jsonrpc") == "2.0" and request.operation in ASSISTANTS
    if status >= 400 and not spoken and "problem+json" not in kind and "text/html" not in kind:
        return f"{status} as {kind!r}"
    return ""


def _json(answer: Any) -> dict[str, Any]:
    try:
        document = answer.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def count(verdict: Verdict, request: Request, status: int, fault: str) -> None:
    """Add an answer."""
    verdict.cases += 1
    verdict.operations.add(request.operation)
    verdict.statuses[status] += 1
    verdict.of[request.operation, status] += 1
    if 200 <= status < 400:
        verdict.done.add(request.operation)
    if not fault:
        return
    if status >= 500:
        verdict.server_errors += 1
    elif status == 0:
        verdict.unanswered += 1
    else:
        verdict.untyped += 1
    verdict.faults.append(f"{request.operation}: {fault}\n  {request.case.as_curl_command()[:2000]}")
