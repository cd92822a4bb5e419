"""The bugs: what each breaks first, and who must say so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """A patch. `check` is worded as `look` takes it; it must find `invariant` broken."""

    name: str
    about: str
    invariant: str
    check: str

    @property
    def patch(self) -> Path:
        """The unified diff."""
        return Path(__file__).with_name(f"{self.name}.patch")


BUGS: Final = (
    Bug(
        name="condition_dropped",
        about="A commit is put whether its number is taken or not.",
        invariant="I4",
        check="duel refund_refund",
    ),
    Bug(
        name="stock_condition_dropped",
        about="A position is lowered however little is there.",
        invariant="I1",
        check="duel last_unit",
    ),
    Bug(
        name="bare_add",
        about="Positions are moved by ADD, apart from the commit that says so and without its identity.",
        invariant="I1",
        check="sweep stock_moves ManageStock lost_answer",
    ),
    Bug(
        name="random_command_id",
        about="A command that comes again is another command.",
        invariant="I5",
        check="sweep card_order ChangeOrder killed_after",
    ),
    Bug(
        name="failed_entry_count_ignored",
        about="What the bus does not take of a batch is forgotten.",
        invariant="I4",
        check="sweep channel_order RelayCommits entry_refused",
    ),
    Bug(
        name="acknowledged_before_queued",
        about="A delivery is acknowledged, whether the queue took it or not.",
        invariant="I4",
        check="sweep cancelled_in_the_channel ReceiveWebhook throttled_always",
    ),
    Bug(
        name="signature_over_reserialised_body",
        about="The signature is compared with one over the parsed body, written again.",
        invariant="I4",
        check="story large_bodies",
    ),
    Bug(
        name="read_then_refund",
        about="A refund that lost a race is written as it was decided before.",
        invariant="I2",
        check="duel refund_refund",
    ),
    Bug(
        name="check_and_allocate_apart",
        about="What is available is checked in one transaction and taken after it.",
        invariant="I1",
        check="duel last_unit",
    ),
    Bug(
        name="two_lines_checked_apart",
        about="Two lines of one SKU each find enough, and only the last one is bound.",
        invariant="I1",
        check="interleave two-lines-one-sku",
    ),
    Bug(
        name="sold_out_by_one_row",
        about="Of a position that is spread over rows, the first one is said to be all.",
        invariant="I1",
        check="interleave last-unit-on-shards",
    ),
    Bug(
        name="stale_update_wins",
        about="A snapshot replaces a newer one that came before it.",
        invariant="I13",
        check="interleave place-update",
    ),
    Bug(
        name="stream_error_swallowed",
        about="A commit that cannot be relayed is passed over.",
        invariant="I13",
        check="sweep channel_order RelayCommits error_before_always",
    ),
    Bug(
        name="double_release",
        about="Units are let go when their line is cancelled, and again when its fulfillment order is.",
        invariant="I1",
        check="story cancelled_at_two_nodes",
    ),
    Bug(
        name="contact_after_commit",
        about="Personal data is kept only after its order was placed.",
        invariant="I4",
        check="sweep declined_card PlaceOrder killed_after",
    ),
    Bug(
        name="projection_without_commit_number",
        about="A row shows the commit that came last, not the newest.",
        invariant="I13",
        check="sweep held RelayCommits killed_after",
    ),
    Bug(
        name="watchdog_redrives_finished",
        about="The watchdog starts a step that is done.",
        invariant="I8",
        check="story lost_starts",
    ),
)
