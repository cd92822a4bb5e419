"""What follows from a commit for its channel, and what relays put on the queue of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from oms.application.relay_outbound import COALESCE_S, QueueOutbound
from oms.domain.channel_dues import Account, Kind, read_accounts
from oms.domain.channel_message import Message, message_of
from oms.domain.history import History
from tests.support.builders import IN_CHANNEL, line, minutes, paid, snapshot
from tests.support.telling import Told

if TYPE_CHECKING:
    from collections.abc import Mapping

TELL_ALL = {("shopify", "shop-1"): Account(tell=frozenset(Kind), settings={})}


class Story(Told):
    """The same, and its messages."""

    def messages(self) -> list[Message]:
        """As they are now."""
        found = [message_of(each, self.history) for each in self.due]
        return [each for each in found if each is not None]


def placed(**changes: Any) -> Story:
    story = Story()
    story.place(line("1", 2), line("2", 1, 500), plan=IN_CHANNEL, **changes)
    return story


def kinds(story: Story) -> list[str]:
    return [each.kind.value for each in story.messages()]


def test_an_order_is_acknowledged_and_each_parcel_told() -> None:
    story = placed()
    story.promise()
    story.ship({"1": 1}, tracking="A")
    story.ship(tracking="B")
    acknowledged, first, last = story.messages()
    assert (acknowledged.kind, acknowledged.external_id, acknowledged.number) == (
        Kind.ACKNOWLEDGEMENT,
        "1001",
        "#1001",
    )
    assert [(each.line_id, each.quantity) for each in first.lines] == [("1", 1)]
    assert (first.tracking_number, first.carrier, last.tracking_number) == ("A", "dhl", "B")
    assert [(each.line_id, each.quantity) for each in last.lines] == [("1", 1), ("2", 1)]
    assert last.whole
    assert last.skus == (("1", "SKU-1"), ("2", "SKU-2"))
    assert len({each.message_id for each in story.due}) == 3


def test_a_message_has_the_same_id_whenever_it_is_looked_at() -> None:
    story = placed()
    ids = [each.message_id for each in story.due]
    story.promise()
    story.ship()
    assert [each.message_id for each in story.due][: len(ids)] == ids


def test_a_cancellation_of_ours_is_told_with_the_money_that_goes_back() -> None:
    story = placed()
    story.cancel({"1": 1})
    cancelled, refund = story.messages()[1:]
    assert (cancelled.kind, cancelled.whole) == (Kind.CANCELLATION, False)
    assert (refund.kind, refund.amount, refund.currency) == (Kind.REFUND, 1000, "EUR")


def test_a_whole_cancellation_is_told_once_with_its_last_part() -> None:
    story = placed()
    story.cancel({"1": 2})
    story.cancel()
    whole = [each for each in story.messages() if each.kind is Kind.CANCELLATION]
    assert [(each.whole, each.lines[0].line_id) for each in whole] == [(True, "2")]


def test_a_channel_is_not_told_what_it_said_itself() -> None:
    story = placed()
    order = snapshot(line("1", 2), line("2", 1, 500), revision=5, cancelled=True)
    story.sync(replace(paid(order), cancelled=True))
    assert kinds(story) == ["acknowledgement"]


def test_a_refund_that_has_an_outcome_is_not_told() -> None:
    story = placed()
    story.promise()
    story.ship()
    story.refund(lines={"1": 1})
    assert kinds(story)[-1] == "refund"
    story.refund_outcome(story.messages()[-1].refund_id, "succeeded")
    assert "refund" not in kinds(story)


def test_a_refund_that_a_provider_pays_is_not_the_channels() -> None:
    story = Story()
    story.place(line("1", 2))
    story.promise()
    story.ship()
    story.settle()
    story.refund(lines={"1": 1})
    assert "refund" in [each.kind.value for each in story.due]
    assert "refund" not in kinds(story)


def test_a_place_that_is_none_says_nothing() -> None:
    story = placed()
    history = History(stream="s", commits=tuple(story.commits))
    (first,) = story.due
    assert message_of(replace(first, commit=9), history) is None
    assert message_of(replace(first, event=9), history) is None
    assert message_of(first, History(stream="s")) is None


def test_accounts_are_read_and_what_is_none_tells_nobody() -> None:
    document = {
        "accounts": {
            "shopify/main": {"tell": ["fulfillment"], "location": "1"},
            "no-slash": {"tell": ["stock"]},
            "etsy/main": {"tell": "everything"},
            "ebay/main": 3,
        }
    }
    found = read_accounts(document)
    assert list(found) == [("shopify", "main")]
    assert found["shopify", "main"].settings["location"] == "1"
    assert read_accounts({}) == read_accounts({"accounts": []}) == {}


# ---------------------------------------------------------------- the queue


class Sent:
    """The queue."""

    def __init__(self, accounts: Mapping[tuple[str, str], Account]) -> None:
        self.messages: list[tuple[Mapping[str, Any], int]] = []
        self.asked = 0
        self.accounts = accounts
        self.outbound = QueueOutbound(
            self._known, lambda message, wait: self.messages.append((message, wait)), minutes_5
        )

    def _known(self) -> Mapping[tuple[str, str], Account]:
        self.asked += 1
        return self.accounts


def minutes_5() -> Any:
    return minutes(5)


def test_only_what_the_account_asks_for_and_the_channel_can_hear_is_queued() -> None:
    story = placed()
    story.promise()
    story.ship(tracking="A")
    sent = Sent(TELL_ALL)
    for commit in story.commits:
        sent.outbound.follow(commit)
    assert [each["kind"] for each, _ in sent.messages] == ["fulfillment"], "Shopify acknowledges nothing"
    quiet = Sent({("shopify", "shop-1"): Account(tell=frozenset({"refund"}), settings={})})
    other = Sent({("shopify", "shop-2"): TELL_ALL["shopify", "shop-1"]})
    for commit in story.commits:
        quiet.outbound.follow(commit)
        other.outbound.follow(commit)
    assert quiet.messages == other.messages == []


def test_an_order_of_a_channel_without_words_costs_nothing() -> None:
    story = Story()
    story.place(line("1"), plan=IN_CHANNEL, source="site")
    story.promise()
    story.ship()
    sent = Sent(TELL_ALL)
    for commit in story.commits:
        sent.outbound.follow(commit)
    assert (sent.messages, sent.asked) == ([], 0)


def test_what_a_batch_moved_is_one_message_for_each_account() -> None:
    story = placed()
    story.promise()
    sent = Sent({**TELL_ALL, ("etsy", "main"): TELL_ALL["shopify", "shop-1"]})
    sent.outbound.levels(story.commits)
    ((message, wait),) = sent.messages
    assert wait == COALESCE_S
    assert message["skus"] == ["SKU-1", "SKU-2"]
    assert (message["at"], message["seen_at"]) == (minutes(2).isoformat(), minutes(5).isoformat())


def test_what_leaves_on_hand_alone_changes_no_level() -> None:
    story = placed()
    story.promise()
    story.ship()
    sent = Sent(TELL_ALL)
    sent.outbound.levels(story.commits[2:])
    assert sent.messages == []
    assert sent.asked == 0
