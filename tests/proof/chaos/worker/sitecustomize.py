"""Makes the calls to AWS of a function's worker fail as a plan file says.

Loaded by every Python that the engine starts, because its folder is on their path. A call is throttled, failed before
or after it took effect, repeated by the SDK, or its worker killed before or after.

The plan: `{"seed": …, "rates": {fault: probability}, "defect": ""}`; it is read again whenever it changes. Each fault
that happened is a line in the file beside it. `defect` names what is planted, several with spaces between.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import io
import json
import os
import random
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PLAN: Final = os.environ.get("OMS_CHAOS_PLAN", "")
LOST: Final = 0.7
"""Of a planted defect: how many deliveries are acknowledged and not queued."""
WAITS_S: Final = (0, 0, 1)
"""A message that a function puts off comes again after one of these, in seconds: time runs faster here."""
COALESCED_S: Final = 5
"""But so short a wait, in which movements become one level of stock, is as it is."""


class _Plan:
    """The plan as it stands, and the dice of this worker."""

    def __init__(self) -> None:
        self.changed, self.defect, self.dice = 0, "", random.Random()
        self.rates: dict[str, float] = {}

    def look(self) -> _Plan:
        """Read the plan again if it changed."""
        try:
            changed = Path(PLAN).stat().st_mtime_ns
        except OSError:
            return self
        if changed != self.changed:
            document = json.loads(Path(PLAN).read_text("utf-8"))
            self.changed, self.rates, self.defect = changed, document["rates"], document["defect"]
            self.dice = random.Random(f"{document['seed']}:{os.getpid()}")
        return self

    def happens(self, fault: str, what: str) -> bool:
        """Whether a fault happens now; it is noted."""
        if self.dice.random() >= self.rates.get(fault, 0):
            return False
        with Path(f"{PLAN}.log").open("a", encoding="utf-8") as file:
            file.write(f"{fault} {os.environ.get('AWS_LAMBDA_FUNCTION_NAME', '')} {what}\n")
        return True


_plan = _Plan()


class _Answer:
    """What stands in for an HTTP answer."""

    def __init__(self, status: int) -> None:
        self.status_code = status
        self.headers: dict[str, str] = {}


class _Raw(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        """As urllib3 reads."""
        yield self.read()


def _name(model: Any) -> str:
    return f"{model.service_model.service_name}.{model.name}"


def _failed(status: int, code: str) -> tuple[_Answer, dict[str, Any]]:
    error = {"Error": {"Code": code, "Message": "made to fail"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return _Answer(status), error


def _before_call(model: Any, **_: object) -> tuple[_Answer, dict[str, Any]] | None:
    """A call that fails for good, whatever the SDK does, without having done anything."""
    plan, name = _plan.look(), _name(model)
    if plan.happens("killed_before", name):
        os.kill(os.getpid(), signal.SIGKILL)
    if "acknowledged" in plan.defect and name == "sqs.SendMessage" and plan.dice.random() < LOST:
        return _Answer(200), {"MessageId": "none", "ResponseMetadata": {"HTTPStatusCode": 200}}
    if plan.happens("throttled", name):
        return _failed(400, "ThrottlingException")
    if plan.happens("failed_before", name):
        return _failed(500, "InternalServerError")
    return None


def _after_call(http_response: Any, model: Any, **_: object) -> None:
    """A call that took effect, and whoever made it does not know."""
    if isinstance(http_response, _Answer):
        return
    plan, name = _plan.look(), _name(model)
    if plan.happens("killed_after", name):
        os.kill(os.getpid(), signal.SIGKILL)
    if plan.happens("lost_after", name):
        from botocore.exceptions import ReadTimeoutError

        raise ReadTimeoutError(endpoint_url="http://made-to-fail")


def _before_send(request: Any, **_: object) -> Any:
    """One try of the SDK fails; it tries again by itself."""
    if _plan.look().happens("one_try_failed", request.url):
        from botocore.awsrequest import AWSResponse, HTTPHeaders

        body = b'{"__type": "InternalServerError", "message": "made to fail"}'
        return AWSResponse(request.url, 500, HTTPHeaders(), _Raw(body))
    return None


def _needs_retry(response: Any, operation: Any, attempts: int, **_: object) -> int | None:
    """The answer was lost on the way: the SDK sends the very same again, and nobody above it knows."""
    arrived = attempts == 1 and response is not None and response[0].status_code < 300
    return 0 if arrived and _plan.look().happens("repeated_by_sdk", _name(operation)) else None


def _soon(params: dict[str, Any], model: Any, **_: object) -> None:
    if model.name == "ChangeMessageVisibility":
        params["VisibilityTimeout"] = _plan.look().dice.choice(WAITS_S)
    if params.get("DelaySeconds", 0) > COALESCED_S:
        params["DelaySeconds"] = _plan.look().dice.choice(WAITS_S[1:])
    if "reserved_twice" in _plan.look().defect and model.name == "TransactWriteItems":
        _reserve_twice(params)


def _reserve_twice(params: Mapping[str, Any]) -> None:
    """A planted defect: what is reserved is counted twice."""
    for each in params["TransactItems"]:
        reserved = each.get("Update", {}).get("ExpressionAttributeValues", {}).get(":reserved")
        if reserved and int(reserved["N"]) > 0:
            reserved["N"] = str(2 * int(reserved["N"]))


def _told_twice() -> bool:
    return "told_twice" in _plan.look().defect


def _forgetting(begin: Callable[..., Any]) -> Callable[..., Any]:
    """A planted defect: nobody remembers what was told, and what channels show of it is not recognized (`same`)."""
    return lambda known, *more: begin(None if _told_twice() else known, *more)


def _relayed_twice(queue: Any) -> Any:
    """Only while the defect is planted, so that it shows: the stream may bring each commit twice at any time."""
    follow = queue.follow

    def again(self: Any, commit: Any) -> None:
        for _ in range(2 if _told_twice() else 1):
            follow(self, commit)

    queue.follow = again
    return queue


CHANGED: Final[Mapping[str, Mapping[str, Callable[[Any], Any]]]] = {
    "oms.application.outbound_accounts": {"KEEP": lambda _: timedelta(seconds=1)},
    "oms.domain.outbox": {"FIRST_WAIT_S": lambda _: 1, "begin": _forgetting},
    "oms.domain.gate": {
        "Limit": lambda limit: lambda interval_ms, burst: limit(interval_ms=interval_ms // 10, burst=burst),
        "SHUT_MS": lambda _: 2_000,
        "PROBE_MS": lambda _: 4_000,
    },
    "oms.channels.parcels_out": {"same": lambda same: lambda *both: not _told_twice() and same(*both)},
    "oms.application.relay_outbound": {"QueueOutbound": _relayed_twice},
}
"""What is not as it stands in some modules: how long is waited by what tells channels, and a planted defect."""


class _Changed(importlib.abc.MetaPathFinder):
    """Finds those modules, and has them changed once they have run."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        """As Python finds it."""
        spec = importlib.machinery.PathFinder.find_spec(name, path, target) if name in CHANGED else None
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def changed(module: Any) -> None:
            run(module)
            for each, value in CHANGED[name].items():
                setattr(module, each, value(getattr(module, each)))

        spec.loader.exec_module = changed  # type: ignore[method-assign]
        return spec


if PLAN and "infra.local.launch" not in sys.orig_argv:
    import botocore.handlers

    sys.meta_path.insert(0, _Changed())
    botocore.handlers.BUILTIN_HANDLERS += [
        ("provide-client-params", _soon),
        ("before-call", _before_call),
        ("after-call", _after_call),
        ("before-send", _before_send),
        ("needs-retry", _needs_retry),
    ]
