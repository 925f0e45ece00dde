"""What a gateway notes of what shops say to be sold out, by itself: from when it counts, and how many there may be."""

from typing import Any, Final

import pytest
from msgspec.structs import replace

from actors.core.rejection import Reason, Rejection
from actors.protocol.messages import Answer, Entry, Held, Refusal
from actors.shop.commands import Claim, Reserve
from serve.routing.sold_out import HINTS_MAX, SoldOut

HINT_S: Final = 0.1


def reserve(sku: str, store_id: str = "S1", channel: str = "web") -> Entry:
    return store_id, Reserve("k", "ann", channel, "", ((sku, 1),), 0)


def none_of(*skus: str, available: int = 0, repeated: bool = False) -> Refusal:
    short = tuple((sku, 1, available) for sku in skus)
    return Refusal(7, Rejection(Reason.INSUFFICIENT_STOCK, skus[0], 1, available, short_lines=short), repeated)


def noted(answer: Answer, entry: Entry | None = None, *, sent_at: float = 0.0, now: float = 0.0) -> SoldOut:
    sold_out = SoldOut(HINT_S)
    sold_out.learn([entry or reserve("A")], [answer], sent_at, now)
    return sold_out


def test_it_counts_from_when_the_batch_was_sent() -> None:
    sold_out = noted(none_of("A"), sent_at=1.0, now=1.04)
    assert sold_out.refusal_of(reserve("A"), 1.049) is not None
    assert sold_out.refusal_of(reserve("A"), 1.05) is None, "one call asks the shop"
    assert sold_out.refusal_of(reserve("A"), 1.099) is not None
    assert sold_out.refusal_of(reserve("A"), 1.1) is None
    assert not sold_out


@pytest.mark.parametrize(
    ("answer", "entry", "now"),
    [
        (none_of("A"), reserve("A"), HINT_S),
        (none_of("A", repeated=True), reserve("A"), 0.0),
        (none_of("A", available=1), reserve("A"), 0.0),
        (Refusal(7, Rejection(Reason.SKU_NOT_STOCKED, "A", 1, short_lines=(("A", 1, 0),))), reserve("A"), 0.0),
        (none_of("A"), ("S1", Claim("c", "0001/1", "ann", "web", (("A", 1),), 0)), 0.0),
    ],
    ids=["too late", "a repeat", "some are left", "never stocked", "a claim"],
)
def test_what_is_no_news_that_a_sku_is_sold_out_is_not_noted(answer: Answer, entry: Entry, now: float) -> None:
    assert not noted(answer, entry, now=now)


@pytest.mark.parametrize("more", [{"basket_id": "b"}, {"slot_start_ms": 1}, {"lines": (("A", 1), ("B", 1))}, {}])
def test_where_units_in_transit_are_promised_only_what_might_have_been_tells_that_there_are_none(more: Any) -> None:
    store_id, command = reserve("A")
    sold_out = SoldOut(HINT_S)
    sold_out.learn([(store_id, replace(command, **more))], [none_of("A")], 0.0, 0.0, of_plain_alone=True)
    assert bool(sold_out) is not bool(more)


def test_of_a_refusal_for_several_skus_those_are_noted_of_which_there_are_none() -> None:
    sold_out = noted(none_of("A", "B"))
    assert sold_out.refusal_of(reserve("B"), 0.01) is not None
    assert sold_out.refusal_of(reserve("B", "S2"), 0.01) is None
    assert sold_out.refusal_of(reserve("C"), 0.01) is None


def test_there_are_at_most_so_many_and_those_that_are_over_make_room() -> None:
    sold_out = SoldOut(HINT_S)
    entries = [reserve(f"{number}", f"S{number % 7}") for number in range(HINTS_MAX + 5)]
    sold_out.learn(entries, [none_of(f"{number}") for number in range(len(entries))], 0.0, 0.0)
    assert sold_out._count == HINTS_MAX == sum(map(len, sold_out._hints.values()))
    assert sold_out.refusal_of(entries[-1], 0.01) is None
    sold_out.learn([reserve("kept")], [none_of("kept")], 0.09, 0.09)
    assert sold_out.refusal_of(reserve("kept"), 0.09) is None
    sold_out.learn([reserve("new")], [none_of("new")], 0.15, 0.15)
    assert sold_out.refusal_of(reserve("new"), 0.16) is not None
    assert sold_out._count == 1 == sum(map(len, sold_out._hints.values()))


def test_a_unit_that_a_shop_had_ends_the_hint() -> None:
    sold_out = noted(none_of("A", "B"))
    sold_out.learn([reserve("A", channel="app")], [Held(8, 0, 0)], 0.0, 0.01)
    assert sold_out.refusal_of(reserve("A"), 0.01) is None
    assert sold_out.refusal_of(reserve("B"), 0.01) is not None
