"""What a feed tells of units that went to the ledger of a hot SKU, and came back."""

import pytest

from actors.shop.events import Event
from actors.shop.hot.events import MovedIn, UnitsHanded, UnitsTakenBack
from actors.shop.hot.units import MoveIn
from holdfast.v1 import event_pb2
from serve.wire.events import fill_event

MOVED = MovedIn(MoveIn("\nmove hot/A:4", "hot/A:4", "A", "ann", "web", 3, 1, 0, 1_000, 2_000))


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (UnitsHanded("A", 5), ("units_handed", "A", 5, "")),
        (UnitsTakenBack("A", 2), ("units_taken_back", "A", 2, "")),
        (MOVED, ("moved_in", "A", 2, "S1:9")),
    ],
    ids=lambda row: type(row).__name__,
)
def test_units_of_a_hot_sku_are_told_with_what_happened(event: Event, told: tuple[str, str, int, str]) -> None:
    reply = event_pb2.Event()
    fill_event(event, "S1", 9, 1_000, reply)
    assert reply.WhichOneof("change") == "hot_units_changed"
    change = reply.hot_units_changed
    assert (change.kind, change.sku, change.quantity, change.reservation_id) == told
