"""What the events of a shop's ledger say to its customers: of each kind, by a ledger that decides them."""

from typing import Any, get_args

import pytest
from msgspec.structs import replace

from actors.core.status import ReleaseReason, ShortChoice, Status
from actors.notices.facts import LINES_MAX, change_in, fact_of
from actors.notices.occasion import Occasion
from actors.shop import events as ev
from actors.shop.lines.events import PassedOver
from actors.shop.lines.line import InLine
from actors.shop.part import Part
from actors.shop.picking.events import PickShorted
from actors.shop.returns.events import Returned
from actors.shop.shortfalls.events import MoveRefused, Requeued, ShortfallResolved
from actors.shop.shortfalls.shortfall import Resolution, ShortfallCause, ShortfallTask
from actors.shop.state import FullReservation, Reservation
from actors.shop.transfers.in_transit import Awaits

LINES = (("A", 2), ("B", 1))
HELD = Reservation(7, Status.HELD, "ann", "web", "", LINES, 0, 1, 900, 3)
FULL: dict[str, Any] = {"number": 7, "customer_id": "ann", "channel": "web", "basket_id": "", "lines": LINES}
FULL |= {"ttl_ms": 0, "created_at_ms": 1, "expires_at_ms": 900, "version": 3}
CONFIRMED = FullReservation(status=Status.CONFIRMED, slot_start_ms=500, **FULL)
OVER = FullReservation(status=Status.COLLECTED, **FULL)
RELEASED = FullReservation(status=Status.RELEASED, part=Part("0007/19.2", 1), **FULL)
CUSTOMER, SHORT, REPLACED = ReleaseReason.CUSTOMER_CANCELLED, ReleaseReason.SHORTFALL, ReleaseReason.REPLACED
NOBODY = ReleaseReason.NO_SHOW
COUNT, NOT_FOUND, MISSED = ShortfallCause.COUNT, ShortfallCause.NOT_FOUND, ReleaseReason.NOT_FOUND_ON_SHELF
ELSEWHERE = ShortChoice.ELSEWHERE
TASK = ShortfallTask(11, 7, "ann", "web", (("A", 2, 1),), Status.CONFIRMED, NOT_FOUND, 777, 11)
MOVED = replace(TASK, moved_to="S2:3")

# The event, its occasion, whether the reservation is over then, and whether it is told of one that nobody heard of.
SAID: list[tuple[Any, Occasion | None, bool, bool]] = [
    (ev.Confirmed("k", "f", 7, 900, CONFIRMED), Occasion.CONFIRMED, False, True),
    (ev.ReadyMarked("k", "f", 7, CONFIRMED), Occasion.READY, False, True),
    (ev.Collected("k", "f", 7, (("A", 1), ("B", 0)), "p1", CONFIRMED), Occasion.RECEIPT, False, True),
    (ev.Collected("k", "f", 7, LINES, "p1", OVER), Occasion.RECEIPT, True, True),
    (ev.Released("k", "f", 7, LINES, CUSTOMER, RELEASED), Occasion.RELEASED, True, False),
    (ev.Released("k", "f", 7, (("A", 1), ("B", 0)), CUSTOMER, CONFIRMED), None, False, False),
    (ev.Released("", "", 7, LINES, SHORT, None, CONFIRMED, COUNT), Occasion.SHORTFALL, True, True),
    (ev.Released("", "", 7, (("A", 1), ("B", 0)), SHORT, None, None, COUNT), Occasion.SHORTFALL, False, True),
    (ev.Released("", "", 7, LINES, REPLACED, None, HELD), None, True, False),
    (ev.Released("k", "f", 7, LINES, NOBODY, RELEASED), Occasion.NO_SHOW, True, False),
    (ev.Expired(7, LINES, CONFIRMED), Occasion.NO_SHOW, True, False),
    (ev.Expired(7, LINES, HELD), None, True, False),
    (ev.Extended("k", "f", 7, 950, CONFIRMED), None, False, True),
    (ev.Amended("k", "f", 7, LINES, 950, 600, LINES, 0, CONFIRMED), Occasion.ESTIMATED, False, False),
    (ev.Amended("k", "f", 7, LINES, 950, 0, LINES, 0, CONFIRMED), None, False, False),
    (PickShorted("k", "f", 7, "p", "A", 1, ShortChoice.LATER, "", 0, 700, 0), Occasion.ESTIMATED, False, False),
    (ev.Released("", "", 7, LINES, MISSED, None, CONFIRMED, NOT_FOUND), None, True, False),
    (PickShorted("k", "f", 7, "p", "A", 1, ELSEWHERE, "", 0, 0, 1), Occasion.SHORTFALL, False, True),
    (MoveRefused(11, "S2", TASK), Occasion.SHORTFALL, False, True),
    (
        ShortfallResolved("k", "f", 11, Resolution.MOVED, "S2:3", 0, replace(TASK, moved_to="S2:3")),
        Occasion.SHORTFALL,
        False,
        True,
    ),
    (ev.Served(7, LINES, 950), Occasion.TURN, False, True),
    (ev.Served(7, LINES, 950, Status.CONFIRMED), Occasion.CONFIRMED, False, True),
    (Requeued(7, LINES, 950, COUNT), Occasion.SHORTFALL, True, True),
    (ev.OutcomeApplied("0007/19.2", 2, 7, Status.CONFIRMED, 950, CUSTOMER, ()), Occasion.CONFIRMED, False, True),
    (ev.OutcomeApplied("0007/19.2", 2, 7, Status.READY, 950, CUSTOMER, ()), None, False, True),
    (
        ev.OutcomeApplied("0007/19.2", 2, 7, Status.RELEASED, 0, CUSTOMER, LINES, RELEASED),
        Occasion.RELEASED,
        True,
        False,
    ),
    (ev.OutcomeApplied("0007/19.2", 2, 7, Status.EXPIRED, 0, CUSTOMER, LINES, RELEASED), Occasion.NO_SHOW, True, False),
    (ev.OutcomeApplied("0007/19.2", 2, 7, Status.RELEASED, 0, NOBODY, LINES, RELEASED), Occasion.NO_SHOW, True, False),
    (ev.OutcomeApplied("0007/19.2", 2, 7, Status.RELEASED, 0, REPLACED, LINES, RELEASED), None, True, False),
    (
        Returned("k", "f", 7, (("A", 1), ("B", 0)), (("A", 0), ("B", 0)), "r1", "till", OVER),
        Occasion.REFUND,
        False,
        True,
    ),
]
SILENT: list[Any] = [
    ev.OutcomeApplied("0007/19.2", 2, 0, Status.RELEASED, 0, CUSTOMER, ()),
    ev.OutcomeApplied("0007/19.2", 2, 7, Status.HELD, 950, CUSTOMER, ()),
    PassedOver(7, LINES, 950),
    PickShorted("k", "f", 7, "p", "A", 1, ShortChoice.WITHOUT, "", 0, 0, 1),
    PickShorted("k", "f", 7, "p", "A", 1, ELSEWHERE, "", 0, 0, 1, near=("S2",)),
    MoveRefused(11, "S2"),
    ShortfallResolved("k", "f", 11, Resolution.MOVED, "S2:3", 0, replace(MOVED, cause=COUNT)),
    ev.Left("k", "f", 7, Status.RELEASED, CUSTOMER, HELD),
    ev.Acknowledged(()),
]


@pytest.mark.parametrize(("event", "occasion", "is_over", "always"), SAID, ids=lambda each: type(each).__name__)
def test_an_event_says_so(event: Any, occasion: Occasion | None, is_over: bool, always: bool) -> None:
    said = change_in(event)
    assert said is not None
    assert (said.number, said.occasion, said.is_over, said.is_told_always) == (7, occasion, is_over, always)
    fact = fact_of(said, 12, 777, {7: CONFIRMED})
    assert fact is not None
    assert (fact.version, fact.at_ms, fact.reservation, fact.customer_id) == (12, 777, 7, "ann")
    assert all(units for _, units in fact.detail.lines)
    slot_start_ms = (said.reservation or CONFIRMED).slot_start_ms
    assert fact.slot_start_ms == (0 if said.ready_at_ms else slot_start_ms)


@pytest.mark.parametrize("event", SILENT, ids=lambda each: type(each).__name__)
def test_an_event_says_nothing(event: Any) -> None:
    assert change_in(event) is None


def test_every_kind_of_event_is_among_these_or_says_nothing_to_customers() -> None:
    spoken = {type(event) for event, *_ in SAID}
    kinds: set[type] = set()
    pending = [ev.Event]
    while pending:
        each: Any = pending.pop()
        pending += get_args(each)
        kinds |= {each} if isinstance(each, type) else set()
    assert spoken <= kinds
    names = {kind.__name__ for kind in kinds - spoken}
    assert {"Reserved", "Claimed", "Queued", "PassedOver", "Left", "Given", "StockAdjusted"} <= names


def test_a_fact_has_the_orders_id_the_slot_and_a_bounded_number_of_lines() -> None:
    many = FullReservation(**FULL | {"lines": tuple((f"S{each}", 1) for each in range(99))}, status=Status.READY)
    said = change_in(ev.ReadyMarked("k", "f", 7, None))
    assert said is not None
    fact = fact_of(said, 1, 1, {7: many})
    assert fact is not None
    assert len(fact.detail.lines) == LINES_MAX
    confirmed = change_in(ev.Confirmed("k", "f", 7, 950, CONFIRMED))
    assert confirmed is not None
    for ready_ms, told_ms in ((800, 800), (600, 500)):
        expected = fact_of(confirmed._replace(ready_at_ms=ready_ms), 1, 700, {})
        assert expected is not None
        assert expected.detail.slot_start_ms == told_ms, "what is ready at once is not to be expected"
    known = fact_of(confirmed, 1, 1, {})
    assert known is not None
    assert (known.detail.slot_start_ms, known.detail.expires_at_ms, known.order_id) == (500, 950, "")
    later = change_in(PickShorted("k", "f", 7, "p", "A", 1, ShortChoice.LATER, "", 0, 700, 0))
    assert later is not None
    moved = fact_of(later, 1, 1, {7: CONFIRMED})
    assert moved is not None
    assert moved.detail.slot_start_ms == 700, "when it is ready then"
    extended = change_in(ev.OutcomeApplied("0007/19.2", 3, 7, Status.READY, 950, CUSTOMER, ()))
    assert extended is not None
    longer = fact_of(extended, 1, 1, {7: CONFIRMED})
    assert longer is not None
    assert (longer.occasion, longer.detail.expires_at_ms) == (None, 950), "a part that is ready, of an order extended"
    in_line = InLine(0, awaits=Awaits(3, "S9:T4", 650))
    awaiting = FullReservation(status=Status.CONFIRMED, in_line=in_line, **FULL)
    coming = fact_of(confirmed._replace(reservation=awaiting), 1, 1, {})
    assert coming is not None
    assert coming.detail.slot_start_ms == 650, "when its goods are expected"
    part = fact_of(said, 1, 1, {7: RELEASED})
    assert part is not None
    assert part.order_id == "0007/19"
    assert fact_of(said, 1, 1, {}) is None, "nobody knows it any more"


def test_what_is_told_to_be_ready_is_what_is_left_and_what_was_taken_is_told_apart() -> None:
    partly = FullReservation(status=Status.READY, done=((0, 0), (1, 0)), **FULL)
    ready, taken = ev.ReadyMarked("k", "f", 7, partly), ev.Collected("k", "f", 7, (("A", 0), ("B", 1)), "p1", partly)
    said = [change_in(each) for each in (ready, taken)]
    facts = [fact_of(each, 1, 1, {}) for each in said if each is not None]
    told = [(each.detail.lines, each.held) for each in facts if each is not None]
    assert told == [((("A", 2),), ()), ((("B", 1),), (("A", 2),))]
