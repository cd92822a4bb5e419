from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from oms.domain.codec import event_from_plain, event_to_plain
from oms.domain.commit import GENESIS, Cause, Commit, StoredCommit, chain_hash, verify_chain
from oms.domain.history import History
from tests.support.builders import Story, line, minutes

STREAM = "order#ord_1"


def chain(stream: str = STREAM) -> list[StoredCommit]:
    """The commits of an order's life, one per command."""
    story = Story()
    story.place(line("1", 2, title="Café"))
    story.promise()
    story.ship()
    story.settle()
    story.deliver_all()
    stored: list[StoredCommit] = []
    previous = GENESIS
    for number, (command_id, events) in enumerate(story.done.items(), start=1):
        commit = Commit(
            stream=stream,
            number=number,
            command_id=command_id,
            cause=Cause(kind="workflow", ref=f"evt_{number}", actor="promise"),
            at=minutes(number),
            events=events,
            previous=previous,
            summary={"stage": "derived"},
        )
        plain = [event_to_plain(event) for event in events]
        previous = chain_hash(commit, plain)
        stored.append(StoredCommit(commit=commit, plain_events=plain, hash=previous))
    return stored


SOUND = chain()


def test_a_chain_as_it_was_written_is_sound() -> None:
    assert len(SOUND) == 5
    assert verify_chain(STREAM, SOUND) == 0
    assert verify_chain(STREAM, SOUND, SOUND[-1].hash) == 0
    assert verify_chain(STREAM, []) == verify_chain(STREAM, [], GENESIS) == 0


def test_the_hash_is_the_same_for_ever() -> None:
    commit = Commit(
        stream=STREAM,
        number=1,
        command_id="cmd_1",
        cause=Cause(kind="webhook", ref="evt_1", actor="shopify"),
        at=minutes(0),
        events=(),
        previous=GENESIS,
    )
    assert chain_hash(commit, [{"type": "PaymentAuthorized", "v": 1, "amount": 5, "note": "é"}]) == "365d18b91cf22335"


def test_the_summary_is_derived_and_may_be_written_again() -> None:
    again = replace(SOUND[1], commit=replace(SOUND[1].commit, summary={}))
    assert verify_chain(STREAM, [SOUND[0], again, *SOUND[2:]]) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"stream": "order#ord_2"},
        {"number": 3},
        {"command_id": "cmd_x"},
        {"cause": Cause(kind="api", ref="evt_2", actor="promise")},
        {"cause": Cause(kind="workflow", ref="evt_3", actor="promise")},
        {"cause": Cause(kind="workflow", ref="evt_2", actor="admin")},
        {"at": minutes(2.5)},
        {"previous": "f" * 16},
    ],
)
def test_any_changed_field_is_found_where_it_was_changed(change: dict[str, Any]) -> None:
    forged = replace(SOUND[1], commit=replace(SOUND[1].commit, **change))
    assert verify_chain(STREAM, [SOUND[0], forged, *SOUND[2:]]) == 2


@pytest.mark.parametrize("number", range(1, len(SOUND) + 1))
def test_a_removed_repeated_or_moved_commit_is_found(number: int) -> None:
    at = number - 1
    head = SOUND[-1].hash
    assert verify_chain(STREAM, SOUND[:at] + SOUND[number:], head) == number
    assert verify_chain(STREAM, [*SOUND[:number], SOUND[at], *SOUND[number:]], head) == number + 1
    if number < len(SOUND):
        assert verify_chain(STREAM, [*SOUND[:at], SOUND[number], SOUND[at], *SOUND[number + 1 :]], head) == number


def test_a_commit_with_a_hash_of_its_own_making_breaks_the_chain_behind_it() -> None:
    plain = [{**SOUND[1].plain_events[0], "amount": 1}, *SOUND[1].plain_events[1:]]
    forged = replace(SOUND[1], plain_events=plain, hash=chain_hash(SOUND[1].commit, plain))
    assert verify_chain(STREAM, [SOUND[0], forged, *SOUND[2:]]) == 3
    assert verify_chain(STREAM, [SOUND[0], forged], SOUND[1].hash) == 3, "at the end only the known head tells"


def test_any_flipped_byte_of_the_events_is_found() -> None:
    """S34: ten thousand forgeries, none passes."""
    draw = random.Random(1)
    texts = [json.dumps(each.plain_events, ensure_ascii=False).encode() for each in SOUND]
    tried = 0
    while tried < 10_000:
        at = draw.randrange(len(SOUND))
        raw = bytearray(texts[at])
        raw[draw.randrange(len(raw))] ^= 1 << draw.randrange(8)
        try:
            plain = json.loads(raw.decode("utf-8"))
        except ValueError:
            tried += 1  # not even readable
            continue
        if plain == SOUND[at].plain_events:
            continue  # whitespace: the same events
        tried += 1
        forged = [*SOUND[:at], replace(SOUND[at], plain_events=plain), *SOUND[at + 1 :]]
        assert verify_chain(STREAM, forged) == at + 1


def test_a_chain_survives_being_stored() -> None:
    again = []
    for each in SOUND:
        plain = json.loads(json.dumps(each.plain_events))
        events = tuple(event_from_plain(event) for event in plain)
        again.append(replace(each, commit=replace(each.commit, events=events), plain_events=plain))
    assert verify_chain(STREAM, again, SOUND[-1].hash) == 0


def test_history_answers_what_was_known_when() -> None:
    history = History(stream=STREAM, commits=tuple(each.commit for each in SOUND), head=SOUND[-1].hash)
    assert history.number == 5
    assert history.find(SOUND[2].commit.command_id) == SOUND[2].commit
    assert history.find("cmd_unknown") is None
    assert list(history.events(minutes(2))) == [*SOUND[0].commit.events, *SOUND[1].commit.events]
    assert History(stream=STREAM).number == 0
