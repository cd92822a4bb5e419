"""The merchant's systems of the sandbox take what is signed for them, and write down what came."""

from __future__ import annotations

import time

from infra.local.sandbox import Sandbox
from infra.local.sandbox.core import Request
from oms.channels import signatures
from oms.domain.outbound import secret_of

SECRET = secret_of("m", "whs_1", 1)


def request(message_id: str, body: bytes = b'{"type": "ping"}', secret: str = SECRET, age: int = 0) -> Request:
    """A message as it is sent."""
    at = int(time.time()) - age
    keys = list(signatures.standard_keys([secret]))
    signature = signatures.sign_standard(message_id, at, body, keys)
    headers = {"webhook-id": message_id, "webhook-timestamp": str(at), "webhook-signature": signature}
    return Request(method="POST", path="/merchant/erp", query={}, headers=headers, body=body)


def test_it_takes_what_is_signed_now_and_refuses_now_and_then() -> None:
    with Sandbox() as sandbox:
        sandbox.merchant.secrets["erp"] = SECRET
        answers = [sandbox.merchant.answer(request(f"whm_{number}")).status for number in range(1, 7)]
        assert answers == [200, 200, 200, 200, 503, 200]
        assert sandbox.merchant.answer(request("whm_5")).status == 200, "it is taken when it comes again"
        assert [each["id"] for each in sandbox.record.receipts] == [*(f"whm_{n}" for n in range(1, 7)), "whm_5"]


def test_it_refuses_what_is_not_signed_for_it() -> None:
    with Sandbox() as sandbox:
        assert sandbox.merchant.answer(request("whm_1")).status == 401
        sandbox.merchant.secrets["erp"] = SECRET
        other = secret_of("m", "whs_2", 1)
        for wrong in (request("whm_1", secret=other), request("whm_1", age=301)):
            assert sandbox.merchant.answer(wrong).status == 401
        assert sandbox.record.receipts == []
