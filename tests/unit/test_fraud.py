"""The risk of an order: asked for once, from a scorer or from rules while that is away; and its later word."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.sandbox.fraud import SECRET
from infra.local.sandbox.server import Sandbox
from oms.application.fraud import GuardedScorer, ScoreOrder
from oms.application.fraud_contract import ContractScorer, read_answer
from oms.application.gates import Gates
from oms.application.messages import to_message
from oms.application.promise import AuthorizePaymentStep, workflow_cause
from oms.application.senders import sender
from oms.domain.canonical import Contact, PostalAddress
from oms.domain.errors import (
    MalformedPayloadError,
    OrderNotFoundError,
    ReplayWindowError,
    SignatureError,
    UpstreamError,
)
from oms.domain.fraud import FraudAnswer, FraudQuestion, Scoring, fraud_hold_id, judge, question, read_scoring
from oms.domain.gate import THRESHOLD
from oms.domain.inbound import InboundRequest, NoticeKind
from oms.domain.order import events as ev
from oms.domain.order.events import ScoredBy, Verdict
from oms.domain.order.status import NextStep, Stage, next_step, stage
from oms.entrypoints.wiring_fraud import way_out
from tests.proof.interleave.story import SKU, moved, placed_in_channel, placed_on_card, receive
from tests.proof.memory import MemoryMarks, Store
from tests.support.builders import Story, line
from tests.unit.test_domain_tenders import CARD, PAYPAL, held, place
from tests.unit.test_sourcing_applied import Shop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from oms.domain.order.state import Order

POLICY: dict[str, Any] = {
    "version": 7,
    "rules": [{"id": "big", "fallback": True, "currency": "EUR", "total_from": 5000}],
    "scorer": {"account": "main", "review_from": 60, "decline_from": 90},
}


class Scorer:
    """Answers what it is told to, or raises it."""

    def __init__(self) -> None:
        self.answer: FraudAnswer | UpstreamError = FraudAnswer(score=5, hint=Verdict.APPROVE, reference="chk_1")
        self.asked: list[tuple[str, FraudQuestion, str]] = []

    def score(self, account: str, question: FraudQuestion, key: str) -> FraudAnswer:
        self.asked.append((account, question, key))
        if isinstance(self.answer, UpstreamError):
            raise self.answer
        return self.answer

    def says(self, score: int, hint: Verdict = Verdict.APPROVE) -> None:
        self.answer = FraudAnswer(score=score, hint=hint, reference="chk_1", model="m")

    def is_down(self, cause: str = "unreachable") -> None:
        self.answer = UpstreamError("no answer", cause=cause)


class Checked:
    """A shop that has its orders scored."""

    def __init__(self) -> None:
        self.shop = Shop()
        self.world = self.shop.world
        self.scorer = Scorer()
        self.policy(POLICY)
        receive(self.world, SKU, "WH1", 9)

    def policy(self, document: Mapping[str, Any]) -> None:
        self.shop.reference.put("policy", "screening", document)

    def burst(self, order_id: str) -> None:
        """The workflow once, as b2c_order.asl.json has it."""
        uses, payload = self.world.calm, {"order_id": order_id, "cause": "test"}
        told = uses.usual(order_id, payload)
        if told["authorize"]:
            score = ScoreOrder(uses.orders, self.shop.reference, self.contacts, self.scorer, self.world.now)
            held = uses.authorize(order_id, workflow_cause(payload, "authorize"), score if told.get("score") else None)
            if held["state"] in ("authorized", "captured"):
                uses.promise(order_id, workflow_cause(payload, "promise"), None)

    @property
    def contacts(self) -> Any:
        return self

    def get(self, _where: object) -> Contact:
        """The contacts port: everybody is the same person."""
        return PERSON

    def order(self, order_id: str) -> Order:
        return self.world.calm.orders.get(order_id)

    def events(self, order_id: str, kind: type[Any]) -> list[Any]:
        found = [each for commit in self.world.commits(order_id) for each in commit.events]
        return [each for each in found if isinstance(each, kind)]

    def tell(self, verdict: str, order_id: str, event_id: str = "evt_1", reference: str = "chk_1") -> str:
        body = json.dumps({"order_id": order_id, "reference": reference, "decision": verdict}).encode()
        request = InboundRequest(account="main", headers={"webhook-id": event_id}, body=body)
        return self.world.calm.take(to_message("fraud", request, self.world.now()), last_try=False).order_id


PERSON = Contact(
    name="Ada Example", email="ada@Example.org", phone="+49", shipping=PostalAddress(lines=("Street 1",), city="Berlin")
)


@pytest.fixture
def checked() -> Checked:
    return Checked()


class TestWhatFollowsFromTheAnswer:
    def test_a_good_order_is_promised_and_its_answer_kept(self, checked: Checked) -> None:
        order_id = placed_in_channel(checked.world, line())
        checked.burst(order_id)
        checked.burst(order_id)
        order = checked.order(order_id)
        assert stage(order) is Stage.RELEASED
        assert order.scored == ev.OrderScored(verdict=Verdict.APPROVE, score=5, reference="chk_1", policy=7)
        assert [(account, key) for account, _, key in checked.scorer.asked] == [("main", f"fraud:{order_id}")]

    def test_a_doubtful_one_is_held_with_its_score_until_its_word(self, checked: Checked) -> None:
        checked.scorer.says(71)
        order_id = placed_in_channel(checked.world, line())
        checked.burst(order_id)
        (hold,) = checked.order(order_id).active_holds
        (placed,) = checked.events(order_id, ev.HoldPlaced)
        assert (hold.hold_id, hold.kind) == (fraud_hold_id(order_id), "fraud")
        assert placed.decision == {"score": 71, "verdict": "review", "reference": "chk_1", "model": "m", "policy": 7}
        assert checked.tell("approve", order_id) == order_id
        checked.tell("approve", order_id)
        checked.burst(order_id)
        assert stage(checked.order(order_id)) is Stage.RELEASED
        assert len(checked.scorer.asked) == 1

    def test_a_bad_one_is_cancelled_and_its_money_let_go_of(self, checked: Checked) -> None:
        checked.scorer.says(97)
        order_id = placed_on_card(checked.world, line())
        checked.burst(order_id)
        order = checked.order(order_id)
        assert (stage(order), order.scored.verdict if order.scored else None) == (Stage.CANCELLED, Verdict.DECLINE)
        assert next_step(order) is NextStep.SETTLE
        checked.world.calm.settle(order_id, workflow_cause({}, "settle"))
        assert (moved(checked.world, "release"), moved(checked.world, "capture")) == ([1000], [])

    def test_or_put_before_a_person_where_the_policy_says_so(self, checked: Checked) -> None:
        checked.policy({**POLICY, "scorer": {"on_decline": "hold"}})
        checked.scorer.says(97)
        order_id = placed_in_channel(checked.world, line())
        checked.burst(order_id)
        assert stage(checked.order(order_id)) is Stage.ON_HOLD

    def test_a_later_no_cancels_and_pays_back(self, checked: Checked) -> None:
        checked.scorer.says(71)
        order_id = placed_in_channel(checked.world, line())
        checked.burst(order_id)
        checked.tell("review", order_id, "evt_0")
        checked.tell("decline", order_id)
        checked.tell("approve", order_id, "evt_2")
        order = checked.order(order_id)
        assert stage(order) is Stage.CANCELLED
        assert not order.active_holds
        (cancelled,) = checked.events(order_id, ev.LinesCancelled)
        assert cancelled.reason == "fraud"

    def test_a_word_of_another_answer_or_after_a_persons_changes_nothing(self, checked: Checked) -> None:
        checked.scorer.says(71)
        order_id = placed_in_channel(checked.world, line())
        checked.burst(order_id)
        number = len(checked.world.commits(order_id))
        checked.tell("decline", order_id, reference="chk_other")
        assert len(checked.world.commits(order_id)) == number

    def test_a_word_that_overtakes_its_answer_waits(self, checked: Checked) -> None:
        order_id = placed_in_channel(checked.world, line())
        with pytest.raises(OrderNotFoundError):
            checked.tell("approve", order_id)


class TestWhileTheProviderIsAway:
    @pytest.mark.parametrize("cause", ["unreachable", "limited", "refused", "unreadable", "left_alone"])
    def test_the_rules_that_are_marked_for_it_decide_and_the_order_says_so(self, checked: Checked, cause: str) -> None:
        checked.scorer.is_down(cause)
        small, big = placed_in_channel(checked.world, line()), ""
        checked.burst(small)
        order = checked.order(small)
        assert stage(order) is Stage.RELEASED
        assert order.scored == ev.OrderScored(verdict=Verdict.APPROVE, by=ScoredBy.RULE, policy=7, problem=cause)
        checked.policy({**POLICY, "rules": [{"id": "any", "fallback": True, "quantity_from": 1}]})
        big = placed_on_card(checked.world, line())
        checked.burst(big)
        order = checked.order(big)
        assert stage(order) is Stage.ON_HOLD
        assert order.scored is not None
        assert (order.scored.by, order.scored.verdict) == (ScoredBy.RULE, Verdict.REVIEW)

    def test_it_is_not_asked_again_when_it_is_back(self, checked: Checked) -> None:
        checked.scorer.is_down()
        order_id = placed_in_channel(checked.world, line(quantity=99))
        checked.burst(order_id)
        checked.scorer.says(97)
        checked.burst(order_id)
        assert len(checked.scorer.asked) == 1

    def test_rules_that_stand_in_are_silent_while_it_answers(self, checked: Checked) -> None:
        checked.policy({**POLICY, "rules": [{"id": "any", "fallback": True, "quantity_from": 1}]})
        order_id = placed_in_channel(checked.world, line())
        checked.burst(order_id)
        assert stage(checked.order(order_id)) is Stage.RELEASED

    def test_the_breaker_leaves_it_alone(self, checked: Checked) -> None:
        guarded = GuardedScorer(checked.scorer, Gates(MemoryMarks(Store()), checked.world.now))
        checked.scorer.is_down()
        causes = []
        for number in range(THRESHOLD + 2):
            with pytest.raises(UpstreamError) as raised:
                guarded.score("main", FraudQuestion(order_id="o", facts={}), f"k{number}")
            causes.append(raised.value.context["cause"])
        assert causes == ["unreachable"] * THRESHOLD + ["left_alone"] * 2
        assert len(checked.scorer.asked) == THRESHOLD
        checked.world.clock += timedelta(minutes=1)
        checked.scorer.says(1)
        assert guarded.score("main", FraudQuestion(order_id="o", facts={}), "k").score == 1

    def test_who_asks_us_to_wait_is_waited_for(self, checked: Checked) -> None:
        guarded = GuardedScorer(checked.scorer, Gates(MemoryMarks(Store()), checked.world.now))
        checked.scorer.answer = UpstreamError("wait", cause="limited", retry_after=20.0)
        for cause in ("limited", "left_alone"):
            with pytest.raises(UpstreamError) as raised:
                guarded.score("main", FraudQuestion(order_id="o", facts={}), "k")
            assert raised.value.context["cause"] == cause

    def test_however_many_orders_come_at_once_none_is_in_the_way_of_another(self, checked: Checked) -> None:
        marks = CountedMarks(Store())
        guarded = GuardedScorer(checked.scorer, Gates(marks, checked.world.now))
        checked.scorer.says(1)
        for number in range(2 * THRESHOLD):
            guarded.score("main", FraudQuestion(order_id="o", facts={}), f"k{number}")
        assert marks.saved == 1, "the first made the gate; who passes an open one writes nothing"


class CountedMarks(MemoryMarks):
    saved = 0

    def save(self, name: str, mark: Mapping[str, Any], seen: Mapping[str, Any] | None) -> bool:
        self.saved += 1
        return super().save(name, mark, seen)


class TestWithoutAScorer:
    def test_nobody_is_asked_and_nothing_more_is_written(self, checked: Checked) -> None:
        checked.policy({"rules": []})
        order_id = placed_in_channel(checked.world, line())
        assert "score" not in checked.world.calm.usual(order_id, {"order_id": order_id, "cause": "c"})
        assert checked.scorer.asked == []
        assert checked.events(order_id, ev.LinesReserved)
        assert not checked.events(order_id, ev.OrderScored)

    def test_channels_that_are_not_named_are_not_scored(self, checked: Checked) -> None:
        checked.policy({**POLICY, "scorer": {"channels": ["site"]}})
        order_id = placed_in_channel(checked.world, line())
        checked.burst(order_id)
        assert checked.scorer.asked == []


class TestThePolicy:
    @pytest.mark.parametrize(
        ("score", "hint", "verdict"),
        [
            (59, Verdict.APPROVE, Verdict.APPROVE),
            (60, Verdict.APPROVE, Verdict.REVIEW),
            (89, Verdict.REVIEW, Verdict.REVIEW),
            (90, Verdict.APPROVE, Verdict.DECLINE),
            (0, Verdict.DECLINE, Verdict.DECLINE),
            (0, Verdict.REVIEW, Verdict.REVIEW),
        ],
    )
    def test_the_stricter_word_counts(self, score: int, hint: Verdict, verdict: Verdict) -> None:
        assert judge(FraudAnswer(score=score, hint=hint, reference="r"), Scoring(account="main")) is verdict

    def test_nothing_is_told_of_the_person_but_what_it_names(self, story: Story) -> None:
        order = story.place(line())
        scoring = read_scoring({"scorer": {"contact": ["email_domain", "name", "shoe_size"]}})
        assert scoring is not None
        asked = question(order, PERSON, scoring)
        assert asked.facts["contact"]["name"] == PERSON.name
        assert "ada" not in json.dumps(asked.facts["contact"]["email_domain"])
        assert set(asked.facts["contact"]) == {"email_domain", "name"}
        assert PERSON.name not in repr(asked)
        plain = question(order, PERSON, Scoring(account="main"))
        assert not any(text in json.dumps(plain.facts) for text in (PERSON.name, PERSON.email, "Street"))

    def test_no_scorer(self) -> None:
        assert read_scoring({}) is None


class TestTheContract:
    """Against the sandbox, which knows the specification and nothing of our code."""

    @pytest.fixture
    def sandbox(self) -> Iterator[Sandbox]:
        with Sandbox() as running:
            yield running

    def scorer(self, sandbox: Sandbox, secret: str = SECRET, url: str = "") -> ContractScorer:
        host = sandbox.base_url.removeprefix("http://")

        class Known:
            def credentials(self, _source: str, _account: str) -> dict[str, str]:
                return {"url": url or f"http://{host}/fraud/checks"}

            def signing_secrets(self, _source: str, _account: str) -> list[str]:
                return [secret]

        known: Any = Known()
        return ContractScorer(way_out(host), known, lambda: datetime.now(UTC))

    def ask(self, scorer: ContractScorer, total: int = 1071) -> FraudAnswer:
        return scorer.score("main", FraudQuestion(order_id="ord_1", facts={"total": total}), "fraud:ord_1")

    def cause(self, scorer: ContractScorer) -> object:
        with pytest.raises(UpstreamError) as raised:
            self.ask(scorer)
        return raised.value.context["cause"]

    def test_the_same_key_has_the_same_answer(self, sandbox: Sandbox) -> None:
        scorer = self.scorer(sandbox)
        first = self.ask(scorer)
        assert first == FraudAnswer(score=71, hint=Verdict.REVIEW, reference="chk_1", model="sandbox")
        assert self.ask(scorer) == first
        with pytest.raises(UpstreamError):
            self.ask(scorer, 1000)
        assert len(sandbox.fraud.questions) == 1

    def test_down_slow_limiting_and_who_does_not_know_us(self, sandbox: Sandbox) -> None:
        scorer = self.scorer(sandbox)
        assert self.cause(self.scorer(sandbox, "whsec_AAAA")) == "refused"
        for fault, cause in (("503", "unreachable"), ("429", "limited"), ("", "unreachable")):
            spec = {"status": int(fault)} if fault else {"drop": "before"}
            sandbox.add_fault(match="fraud POST", **spec)
            assert self.cause(scorer) == cause
        began = datetime.now(UTC)
        sandbox.add_fault(match="fraud POST", delay=5)
        assert self.cause(scorer) == "unreachable"
        assert datetime.now(UTC) - began < timedelta(seconds=2.5)

    @pytest.mark.parametrize("url", ["http://169.254.169.254/", "https://localhost/", "http://example.com/"])
    def test_no_address_of_ours_is_asked(self, sandbox: Sandbox, url: str) -> None:
        assert self.cause(self.scorer(sandbox, url=url)) == "refused"
        assert sandbox.fraud.asked == 0

    def test_its_later_word_is_proved(self, sandbox: Sandbox) -> None:
        self.ask(self.scorer(sandbox))
        headers, body = sandbox.fraud.word("ord_1", "approve")
        fraud, now = sender("fraud"), datetime.now(UTC)
        request = InboundRequest(account="main", headers=headers, body=body)
        fraud.verify(request, [SECRET], now)
        with pytest.raises(SignatureError):
            fraud.verify(InboundRequest(account="main", headers=headers, body=body + b" "), [SECRET], now)
        with pytest.raises(SignatureError):
            fraud.verify(request, ["whsec_AAAA"], now)
        with pytest.raises(ReplayWindowError):
            fraud.verify(request, [SECRET], now + timedelta(hours=1))

    @pytest.mark.parametrize(
        "body",
        [
            b"[]",
            b"{",
            b'{"score": 101, "reference": "r"}',
            b'{"score": true, "reference": "r"}',
            b'{"score": 5.5, "reference": "r"}',
            b'{"score": 5, "reference": ""}',
            b'{"score": 5, "reference": 7}',
            b'{"score": 5, "reference": "a\\nb"}',
            b'{"score": 5, "reference": "r", "decision": "maybe"}',
            b'{"score": 5}',
        ],
    )
    def test_what_is_no_answer(self, body: bytes) -> None:
        with pytest.raises(UpstreamError) as raised:
            read_answer(body)
        assert raised.value.context["cause"] == "unreadable"

    def test_what_is_no_decision(self, checked: Checked) -> None:
        order_id = placed_in_channel(checked.world, line())
        good = {"order_id": order_id, "reference": "r", "decision": "approve"}
        headers = {"webhook-id": "e"}
        notice = sender("fraud").identify(InboundRequest(account="a", headers=headers, body=json.dumps(good).encode()))
        assert (notice.kind, notice.event_id, notice.external_id) == (NoticeKind.RISK, "e", order_id)
        for wrong, head in (
            ({"order_id": "1"}, headers),
            ({"decision": "no"}, headers),
            ({"reference": ""}, headers),
            ({}, {}),
        ):
            request = InboundRequest(account="a", headers=head, body=json.dumps({**good, **wrong}).encode())
            with pytest.raises(MalformedPayloadError):
                sender("fraud").identify(request)


def test_what_several_tenders_hold_is_not_told_as_the_firsts(story: Story) -> None:
    """A score sends an order past the money step whose money was held before."""
    place(story, CARD, PAYPAL)
    held(story, 1, 600)
    held(story, 2, 1400)

    class One:
        def get(self, _order_id: str) -> Order:
            return story.order

    orders: Any = One()
    step = AuthorizePaymentStep(orders, {}, lambda: story.order.placed.placed_at)
    assert step(story.order_id, workflow_cause({}, "authorize")) == {"state": "authorized", "amount": 600}
