"""The tap on every call that a function makes: writes each one down, and lets one of them fail.

A call is counted once, however often the SDK tries it; a fault meets its first try, or all of them. What stands in the
sandbox (a payment provider, a channel's API) is tapped alike: a lost answer of theirs is as real as one of AWS.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse

from tests.proof.sweep import quick

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    import pytest

OURS: Final = "/layers/oms/python/oms/"


class Killed(BaseException):
    """The function's sandbox died."""


class Fault(StrEnum):
    """What happens to a call. `…_always`: to every try that the SDK makes of it."""

    THROTTLED = "throttled"
    THROTTLED_ALWAYS = "throttled_always"
    ERROR_BEFORE = "error_before"
    ERROR_BEFORE_ALWAYS = "error_before_always"
    RESET_BEFORE = "reset_before"
    RESET_BEFORE_ALWAYS = "reset_before_always"
    LOST_ANSWER = "lost_answer"
    LOST_ANSWER_ALWAYS = "lost_answer_always"
    KILLED_AFTER = "killed_after"
    ENTRY_REFUSED = "entry_refused"
    """Of a batch that is answered with success, the bus has not taken the first entry."""

    @property
    def always(self) -> bool:
        """Every try meets it."""
        return self.value.endswith("_always")

    @property
    def kind(self) -> str:
        """The fault without how often."""
        return self.value.removesuffix("_always")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a function."""

    function: str
    service: str
    operation: str
    asked: Mapping[str, Any]
    invocation: int
    place: int
    """Its number among the calls of its invocation, from 0."""
    origin: tuple[str, str]
    """File below `oms/`, and the qualified name of the function that makes the call."""
    path: tuple[str, ...]
    """Every function of ours on the stack, outermost first, with its line: which of our ways led here."""

    @property
    def name(self) -> str:
        """`dynamodb.PutItem`."""
        return f"{self.service}.{self.operation}"


@dataclass(slots=True)
class Tap:
    """`calls` are those made within invocations; what the harness itself asks is not counted."""

    calls: list[Call] = field(default_factory=list)
    function: str = ""
    invocation: int = 0
    on_effect: Callable[[str, str, Mapping[str, Any]], None] = lambda *_: None
    before_call: Callable[[Call], None] | None = None
    """Called with each call of a function before it is made."""
    broken: set[str] = field(default_factory=set)
    """Operations that answer 500 as long as they stand here: an outage that a story tells of."""
    fired: bool = False
    short: bool = False
    """Calls that meet no fault take the short way to moto, where there is one."""
    _armed: tuple[int, int, Fault] | None = None
    _place: int = 0
    _current: Call | None = None

    def begin(self, function: str) -> None:
        """An invocation begins."""
        self.invocation += 1
        self.function, self._place = function, 0

    def end(self) -> None:
        """It ended, somehow."""
        self.function, self._current = "", None

    def arm(self, invocation: int, place: int, fault: Fault) -> None:
        """Let this call meet this fault, once it comes."""
        self._armed = (invocation, place, fault)

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Stand between botocore and moto."""
        make, stub = BaseClient._make_api_call, BotocoreStubber.__call__  # type: ignore[attr-defined]

        def called(client: Any, operation: str, asked: dict[str, Any]) -> Any:
            service = client.meta.service_model.service_name
            if self.function:
                self._note(service, operation, asked)
            try:
                answer = self._short_way(service, operation, asked)
                return make(client, operation, asked) if answer is None else answer
            finally:
                self._current = None

        def sent(stubber: BotocoreStubber, event_name: str, request: Any, **more: Any) -> Any:
            call, fault = self._current, self._fault()
            if call is None:
                return stub(stubber, event_name, request, **more)
            self.fired |= self._armed_at(call)
            if fault and (refused := _before(call, fault, request)):
                return refused
            if fault is Fault.ENTRY_REFUSED:
                return self._without_first(call, request, lambda: stub(stubber, event_name, request, **more))
            answer = stub(stubber, event_name, request, **more)
            if answer is not None and answer.status_code < 300:
                self.on_effect(call.service, call.operation, call.asked)
            if fault:
                _after(fault, request.url)
            return answer

        patch.setattr(BaseClient, "_make_api_call", called)
        patch.setattr(BotocoreStubber, "__call__", sent)

    def _short_way(self, service: str, operation: str, asked: dict[str, Any]) -> Any:
        """The answer, when there is a short way and nothing to meet on the long one."""
        if not self.short or service != "dynamodb" or self._fault():
            return None
        answer = quick.direct(operation, asked)
        if answer is not None:
            self.on_effect(service, operation, asked)
        return answer

    def _without_first(self, call: Call, request: Any, send: Callable[[], Any]) -> Any:
        """Only the other entries reach the bus."""
        entries = call.asked["Entries"]
        body = json.loads(request.body)
        request.body = json.dumps({**body, "Entries": body["Entries"][1:]}).encode()
        told = json.loads(send().content)["Entries"] if entries[1:] else []
        if told:
            self.on_effect(call.service, call.operation, {**call.asked, "Entries": entries[1:]})
        refused = {"ErrorCode": "InternalFailure", "ErrorMessage": "made to fail"}
        body = json.dumps({"FailedEntryCount": 1, "Entries": [refused, *told]})
        headers = {"content-type": "application/json"}
        return AWSResponse(request.url, 200, headers, MockRawResponse(body))  # type: ignore[arg-type]

    def vendor(self, operation: str, asked: Mapping[str, Any]) -> Fault | None:
        """Note a call to a vendor, which nobody tries again by itself; the fault that it meets."""
        if not self.function:
            return None
        call = self._note("vendor", operation, asked)
        fault = self._fault()
        self.fired |= self._armed_at(call)
        self._current = None
        return fault

    def _note(self, service: str, operation: str, asked: Mapping[str, Any]) -> Call:
        path = _path(sys._getframe(2))
        call = Call(
            function=self.function,
            service=service,
            operation=operation,
            asked=asked,
            invocation=self.invocation,
            place=self._place,
            origin=(path[-1][0], path[-1][1]),
            path=tuple(f"{file}:{line}" for file, _, line in path),
        )
        self._place += 1
        self.calls.append(call)
        if self.before_call is not None:
            self.before_call(call)
        self._current = call
        return call

    def leave(self) -> tuple[int, int]:
        """The function stands still, and others act; what `come_back` needs to go on with it."""
        return self.invocation, self._place

    def come_back(self, function: str, left: tuple[int, int]) -> None:
        """It goes on."""
        self.function, (_, self._place) = function, left

    def _fault(self) -> Fault | None:
        """What the next try of the current call meets."""
        call = self._current
        if call is None:
            return None
        if call.name in self.broken:
            return Fault.ERROR_BEFORE_ALWAYS
        if self._armed is None or not self._armed_at(call):
            return None
        fault = self._armed[2]
        return None if self.fired and not fault.always else fault

    def _armed_at(self, call: Call) -> bool:
        return self._armed is not None and self._armed[:2] == (call.invocation, call.place)


def _path(frame: FrameType | None) -> list[tuple[str, str, int]]:
    """(file, qualified name, line) of our frames, outermost first."""
    found = []
    while frame is not None:
        code = frame.f_code
        if OURS in code.co_filename:
            found.append((code.co_filename.partition(OURS)[2], code.co_qualname, frame.f_lineno))
        frame = frame.f_back
    return found[::-1]


def _before(call: Call, fault: Fault, request: Any) -> AWSResponse | None:
    """The answer instead of the effect; None when the fault comes after it."""
    match fault.kind:
        case "throttled":
            return refusal(call, request.url, throttled=True)
        case "error_before":
            return refusal(call, request.url, throttled=False)
        case "reset_before":
            raise EndpointConnectionError(endpoint_url=request.url)
    return None


def _after(fault: Fault, url: str) -> None:
    match fault.kind:
        case "lost_answer":
            raise ConnectionClosedError(endpoint_url=url)
        case "killed_after":
            raise Killed


THROTTLES: Final = {
    "dynamodb": (400, "ProvisionedThroughputExceededException"),
    "dynamodb.TransactWriteItems": (400, "ThrottlingException"),
    "dynamodbstreams": (400, "LimitExceededException"),
    "s3": (503, "SlowDown"),
    "sqs": (403, "RequestThrottled"),
    "cognito-idp": (400, "TooManyRequestsException"),
}
"""How each service says "too fast", after its own pages on errors."""


def refusal(call: Call, url: str, *, throttled: bool) -> AWSResponse:
    """What the service answers when it does nothing."""
    known = THROTTLES.get(call.name) or THROTTLES.get(call.service, (400, "ThrottlingException"))
    status, code = known if throttled else (500, "InternalError" if call.service == "s3" else "InternalServerError")
    if call.service == "s3":
        body = f"<Error><Code>{code}</Code><Message>made to fail</Message></Error>"
    else:
        body = json.dumps({"__type": code, "message": "made to fail"})
    return AWSResponse(url, status, {"content-type": "application/json"}, MockRawResponse(body))  # type: ignore[arg-type]
