"""The new reservations of a batch are told as they are one by one."""

from typing import Any, Final

import pytest
from hypothesis import given, settings, strategies as st
from msgspec.structs import replace

from actors.core.chain import EMPTY
from actors.protocol.messages import Held
from actors.shop.commands import Reserve
from holdfast.v1 import reservation_service_pb2 as rs
from serve.wire import new_holds
from serve.wire.new_holds import NewHolds
from serve.wire.reservations import fill_held

TEXT: Final = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=128)
SHOP: Final = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)
NUMBER: Final = st.one_of(st.integers(1, 300), st.integers(1, 10**18 - 1))
LINES: Final = st.lists(st.tuples(TEXT.map(lambda text: text[:64]), st.integers(1, 1_000_000)), min_size=1, max_size=3)
TIME: Final = st.integers(1, 4_102_444_799_999)
RARE: Final = st.one_of(st.just(""), st.just(""), TEXT)
ASKED: Final = st.builds(
    lambda customer, channel, basket, lines, slot, reference: Reserve(
        "k", customer, channel[:32], basket, tuple(lines), 0, slot, reference
    ),
    *(TEXT, TEXT, RARE, LINES, st.one_of(st.just(0), TIME), RARE),
)
PLAIN: Final = Reserve("k", "C1", "web", "", (("A", 1),), 0)
HELD: Final = st.builds(Held, NUMBER, TIME, TIME)


def told(given_out: list[tuple[str, Reserve, Held | None]]) -> tuple[Any, Any]:
    """The replies of a batch, field by field and at once. What is not held is refused."""
    slowly, quickly = rs.ReserveBatchResponse(), rs.ReserveBatchResponse()
    outcomes = [quickly.outcomes.add() for _ in given_out]
    holds = NewHolds(EMPTY)
    for (store_id, command, held), outcome in zip(given_out, outcomes, strict=True):
        same = slowly.outcomes.add()
        if held is None:
            same.rejection.sku = outcome.rejection.sku = "short"
            assert outcome not in holds
        else:
            fill_held(held, store_id, store_id, command, EMPTY, same.reservation)
            holds.add(held, (store_id, command), outcome)
            assert outcome in holds or outcome.HasField("reservation")
    holds.finish(quickly, outcomes)
    return slowly, quickly


@settings(max_examples=40)
@given(st.lists(st.tuples(SHOP, ASKED, st.one_of(HELD, HELD, st.none())), min_size=1, max_size=5))
def test_a_batch_is_told_as_field_by_field(given_out: list[tuple[str, Reserve, Held | None]]) -> None:
    slowly, quickly = told(given_out)
    assert quickly == slowly


@settings(max_examples=40)
@given(st.lists(st.tuples(SHOP, st.just(PLAIN), HELD), min_size=1, max_size=5))
def test_most_batches_are_told_at_once(given_out: list[tuple[str, Reserve, Held | None]]) -> None:
    slowly, quickly = told(given_out)
    assert quickly.SerializeToString() == slowly.SerializeToString()


@pytest.mark.parametrize("held", [Held(127, 1_000, 2_000), Held(128, 1_001, 2_002), Held(16_384, 1, 2)])
def test_the_plain_ones_are_not_filled_field_by_field(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_holds, "fill_held", None)
    slowly, quickly = told([("S1", PLAIN, held), ("S2", PLAIN, None)])
    assert quickly == slowly
    assert quickly.outcomes[0].reservation.version == held.number


@pytest.mark.parametrize(
    "more",
    [
        {"basket_id": "B"},
        {"external_reference": "R"},
        {"slot_start_ms": 5_000},
        {"lines": (("A", 1), ("B", 128))},
        {"lines": (("Ä", 1),)},
        {"customer_id": "Ö"},
        {"channel": "Ü"},
    ],
)
def test_what_has_more_than_most_is_told_in_full(more: dict[str, Any]) -> None:
    slowly, quickly = told([("S1", replace(PLAIN, **more), Held(300, 1_000, 2_000))])
    assert quickly == slowly
