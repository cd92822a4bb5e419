from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from oms.domain import ids

PARTS = st.lists(st.text(max_size=8), max_size=4)


def test_ids_are_the_same_for_ever() -> None:
    """Changing these would make every order a new one: redeliveries would not meet the order they speak of."""
    assert ids.order_id("shopify", "shop-1", "1001") == "ord_R6XSVE615BS3QYHDFHZA17KFYB"
    assert ids.command_id("webhook", "evt_1") == "cmd_PYCYAZWQCD94FK3MASWZSABJK5"
    assert ids.derive("rfd", "\u00e9", "\ud800") == "rfd_BEH28SMF55SMEPM02SVDCQ47D0"
    assert ids.derive("hld") == "hld_WERC8GMRZGE196QVYK49JVXS4G"


@given(PARTS, PARTS)
def test_other_parts_are_another_id(one: list[str], other: list[str]) -> None:
    assert (ids.derive("x", *one) == ids.derive("x", *other)) == (one == other)


def test_the_boundary_between_parts_counts() -> None:
    cases = [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("", "abc"), ("", "", "abc"), ("a", "b", "c")]
    assert len({ids.derive("x", *parts) for parts in cases}) == len(cases)


def test_normal_forms_of_a_text_are_different_ids() -> None:
    assert ids.derive("x", "\u00e9") != ids.derive("x", "e\u0301")


@given(PARTS)
def test_an_id_is_a_prefix_and_26_characters_of_crockford(parts: list[str]) -> None:
    assert re.fullmatch(r"ord_[0-9A-HJKMNP-TV-Z]{26}", ids.derive("ord", *parts))


@given(st.text(max_size=10), st.text(max_size=10), st.integers(1, 500))
def test_a_fulfillment_order_names_its_order(account: str, external_id: str, ordinal: int) -> None:
    order = ids.order_id("shopify", account, external_id)
    fulfillment_order = ids.fulfillment_order_id(order, ordinal)
    assert ids.order_of_fulfillment_order(fulfillment_order) == order
    assert fulfillment_order != ids.fulfillment_order_id(order, ordinal + 1)


@given(st.text(max_size=20))
def test_any_text_names_some_order(text: str) -> None:
    assert ids.order_of_fulfillment_order(text).startswith("ord_")
