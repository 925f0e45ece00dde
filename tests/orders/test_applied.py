"""What shops have applied is noted of many orders at once, and says what a report of each would say."""

from msgspec.structs import replace

from actors.core.status import ReleaseReason, Status
from actors.orders import commands as cm
from actors.orders.parts import heard_of, report_of
from actors.orders.state import Order
from actors.shop import state as shop
from actors.shop.part import Part
from tests.orders.watched import Watched
from tests.shop.watched import DAY_ZERO_MS

PLANS = tuple(cm.Plan(store_id, (("A", 2),), 0) for store_id in ("S1", "S2"))


def placed(watched: Watched, key: str) -> Order:
    """Two of A in each of two shops."""
    opened = watched.say(cm.Open(key, "x", "ann", "web", 0, PLANS, (), ""), DAY_ZERO_MS).answer
    commit = cm.Commit(opened.number, 1, (("S1", 5), ("S2", 6)), cm.NO_HOURS)
    order = watched.say(commit, DAY_ZERO_MS).answer
    assert isinstance(order, Order)
    return order


def held(order: Order, place: int, status: Status = Status.HELD) -> shop.Reservation:
    """How its shop has the part."""
    part = order.parts[place]
    of = Part("0007/1.1", order.revision)
    return shop.FullReservation(part.reservation, status, "ann", "web", "", part.lines, 0, 1, 2, 9, part=of)


def test_what_is_noted_of_many_is_what_each_would_have_reported() -> None:
    noted, reported = Watched(), Watched()
    orders = [placed(noted, key) for key in ("k1", "k2")]
    assert orders == [placed(reported, key) for key in ("k1", "k2")]
    rows = [(order, place, held(order, place)) for order in orders for place in (0, 1)]
    heard = tuple(heard_of(order, order.parts[place], found) for order, place, found in rows)
    assert all(isinstance(each, cm.Applied) for each in heard)
    told = noted.say(cm.NoteApplied(heard), DAY_ZERO_MS)  # type: ignore[arg-type]
    assert len(told.events) == 1
    for order, place, found in rows:
        reported.say(report_of(order.number, order.parts[place].store_id, 1, order.revision, found), DAY_ZERO_MS)
    for mine, other in zip(noted.ledger.orders.values(), reported.ledger.orders.values(), strict=True):
        assert replace(mine, version=0) == replace(other, version=0)
    assert noted.ledger.outbox == {}
    assert noted.complaints() == []

    again = cm.NoteApplied((*heard, cm.Applied(99, "S1", 1, 1, 9, Status.HELD)))  # type: ignore[arg-type]
    assert noted.say(again, DAY_ZERO_MS).events == (), "it is known, or of no order that is"


def test_a_part_that_is_not_as_the_order_knows_it_is_reported() -> None:
    order = placed(Watched(), "k1")
    part, found = order.parts[0], held(order, 0)
    sold = replace(found, done=((1, 0),))
    assert heard_of(order, part, sold) == report_of(order.number, "S1", 1, 1, sold)
    gone = replace(found, status=Status.RELEASED, release_reason=ReleaseReason.SHORTFALL)
    assert heard_of(order, part, gone) == report_of(order.number, "S1", 1, 1, gone)


def test_a_part_that_was_reported_since_is_not_set_back() -> None:
    watched = Watched()
    order = placed(watched, "k1")
    late = heard_of(order, order.parts[0], held(order, 0))
    assert isinstance(late, cm.Applied)
    sold = replace(held(order, 0), done=((1, 0),), version=12)
    watched.say(report_of(order.number, "S1", 1, 0, sold), DAY_ZERO_MS)
    watched.say(cm.NoteApplied((late,)), DAY_ZERO_MS)
    part = watched.ledger.orders[order.number].parts[0]
    assert (part.applied_revision, part.version, part.held, part.collected) == (1, 12, (1,), (1,))
