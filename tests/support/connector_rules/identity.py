"""Rules of `identify`: whose a delivery is, and which one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from oms.domain.errors import InvalidInputError
from oms.domain.inbound import InboundRequest, Notice, NoticeKind
from tests.support.connector_rules.kit import NOW
from tests.support.connector_rules.rules import rule
from tests.support.template import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.connector_rules.kit import Delivery, Kit

TRACES = {
    "user_agent": "x/1",
    "x_forwarded_for": "192.0.2.1",
    "x_amzn_trace_id": "Root=1-1-1",
    "via": "1.1 a",
    "date": "Thu, 26 Nov 2026 12:00:00 GMT",
    "content_length": "1",
}
"""Headers that change from one delivery to its next."""
_SHOWN = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,400}")
HOSTILE = (
    *("", " ", "../1", "1/2", "1?a=b", "1#a", "1&ids=2", "%2e%2e", "1%00", "1\n", "1\r\nx: y", "①", "é", "\ud800"),
    *("1;2", "1,2", "1 2", "-1", "1" * 300, "112-4400101-5500101/../x", "\\..\\x", "javascript:1"),
)
"""External ids that no vendor gives, and that would lead elsewhere in a path."""
_PATH = re.compile(r"/[A-Za-z0-9._~/-]*", re.ASCII)
LOADS = """
import hashlib, importlib, json, sys
from datetime import UTC, datetime
for name in sys.argv[1:]:
    importlib.import_module(name)
loaded = sorted(sys.modules)
from oms.domain.inbound import InboundRequest
who, told = sys.modules[sys.argv[1]], []
for headers, body in json.load(sys.stdin):
    request = InboundRequest(account="main", headers=headers, body=body.encode("latin-1"))
    try:
        notice = who.identify(request)
        told.append(repr(notice))
        told.append(repr(who.normalize(request, notice)) if notice.kind in ("order", "refund") else "")
    except Exception as error:
        told.append(repr(error))
print(json.dumps({"loaded": loaded, "told": told}))
"""


def _notice(kit: Kit, request: InboundRequest) -> Notice | None:
    try:
        notice: Notice = kit.connector.identify(request)
    except InvalidInputError:
        return None
    return notice


@rule
def the_same_delivery_is_the_same_event(kit: Kit) -> Iterator[str]:
    """What identifies a delivery is in it: not when it came, on which way, or for which account."""
    for delivery in kit.deliveries:
        first = _notice(kit, delivery.request())
        again = [_notice(kit, delivery.request()), _notice(kit, delivery.request(**TRACES))]
        again.append(_notice(kit, delivery.request(account="another")))
        later = [_notice(kit, kit.signed(delivery, NOW + timedelta(minutes=each))) for each in (0, 1)]
        if first is None or any(each != first for each in again) or later[0] != later[1]:
            yield delivery.name


@rule
def another_delivery_is_another_event(kit: Kit) -> Iterator[str]:
    """No two samples that differ are taken for one."""
    seen: dict[str, Delivery] = {}
    for delivery in kit.deliveries:
        notice = _notice(kit, delivery.request())
        if notice is None:
            continue
        before = seen.setdefault(notice.event_id, delivery)
        if (before.headers, before.body) != (delivery.headers, delivery.body):
            yield f"{before.name} and {delivery.name} are both {notice.event_id[:60]}"


@rule
def a_notice_can_be_kept(kit: Kit) -> Iterator[str]:
    """Its ids and its topic are short texts without control characters; one about an order says which."""
    for delivery in kit.deliveries:
        notice = _notice(kit, delivery.request())
        if notice is None:
            yield f"{delivery.name} is refused"
            continue
        texts = [notice.topic, notice.event_id, *([notice.external_id] if notice.external_id is not None else [])]
        if not all(_SHOWN.fullmatch(text) for text in texts):
            yield f"{delivery.name}: {texts}"
        about = notice.kind in {NoticeKind.ORDER, NoticeKind.REFUND, NoticeKind.FETCH}
        if about and not notice.external_id:
            yield f"{delivery.name} is about an order and does not say which"
        if notice.occurred_at is not None and notice.occurred_at.tzinfo is None:
            yield f"{delivery.name}: its time has no zone"


@rule
def what_is_about_something_else_is_ignored(kit: Kit) -> Iterator[str]:
    """Some sample is of a topic that nothing is done for: it is ignored, by its topic, and carries no order."""
    found = 0
    for delivery in kit.deliveries:
        request = delivery.request()
        notice = _notice(kit, request)
        if notice is None or notice.kind not in {NoticeKind.IGNORED, NoticeKind.PING}:
            continue
        found += 1
        if not notice.topic:
            yield f"{delivery.name} is ignored and does not say as what"
        if list(kit.connector.fetches(notice)):
            yield f"{delivery.name} is ignored, and something is fetched"
        try:
            kit.connector.normalize(request, notice)
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            if getattr(error, "code", "") != "malformed_payload":
                yield f"{delivery.name}: {type(error).__name__}"
        else:
            yield f"{delivery.name} is ignored, and gives an order"
    if not found:
        yield "no sample is of another topic"


@rule
def an_id_stays_in_its_place_of_a_path(kit: Kit) -> Iterator[str]:
    """What is fetched is named by a path of plain letters; an id that would lead elsewhere is refused."""
    told = [_notice(kit, delivery.request()) for delivery in kit.deliveries]
    good = [notice for notice in told if notice is not None and notice.kind is NoticeKind.FETCH]
    for notice in good:
        requests = list(kit.connector.fetches(notice))
        if not requests:
            yield f"nothing is fetched for {notice.external_id}"
        for request in requests:
            if not _PATH.fullmatch(request.path) or ".." in request.path:
                yield f"fetched: {request.path[:60]!r}"
    for external_id in HOSTILE:
        notice = Notice(kind=NoticeKind.FETCH, topic="t", event_id="e", external_id=external_id)
        try:
            requests = list(kit.connector.fetches(notice))
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            if getattr(error, "code", "") != "malformed_payload":
                yield f"{external_id[:30]!r}: {type(error).__name__}"
        else:
            if requests:
                yield f"{external_id[:30]!r} is fetched as {requests[0].path[:60]!r}"


def _fresh(kit: Kit, seed: str) -> Any:
    """What a new process has loaded for the connector, and makes of the samples."""
    modules = [kit.connector.__name__, *([kit.lister.__name__] if kit.lister else [])]
    samples = [[dict(each.headers), each.body.decode("latin-1")] for each in kit.deliveries]
    done = subprocess.run(
        [sys.executable, "-c", LOADS, *modules],
        input=json.dumps(samples),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'layers/oms/python'}:{ROOT}", "PYTHONHASHSEED": seed, "TZ": f"Etc/GMT+{seed}"},
    )
    return json.loads(done.stdout) if done.returncode == 0 else {"loaded": [], "told": [done.stderr[-300:]]}


@rule
def every_process_says_the_same(kit: Kit) -> Iterator[str]:
    """Nothing depends on the process: its hashes, its zone, its clock."""
    first, second = _fresh(kit, "3"), _fresh(kit, "11")
    if first["told"] != second["told"] or not first["told"]:
        yield next((a for a, b in zip(first["told"], second["told"], strict=True) if a != b), "nothing")[:200]
    foreign = {name.partition(".")[0] for name in first["loaded"]} - set(sys.stdlib_module_names) - {"oms", "tests"}
    foreign -= {name for name in foreign if name.startswith(("_", "sitecustomize", "usercustomize"))}
    if foreign or not first["loaded"]:
        yield f"loads more than the standard library: {sorted(foreign)}"
    rings = {".".join(name.split(".")[:2]) for name in first["loaded"] if name.startswith("oms.")}
    if rings - {"oms.domain", "oms.channels"}:
        yield f"knows {sorted(rings - {'oms.domain', 'oms.channels'})}"
