"""The verdict over feeds that were read, without a service: each thing that must not be is found."""

from array import array

from bench.load.proof import Evidence, Feed, compared
from bench.load.worker import Told
from holdfast.client import Status
from holdfast.v1 import event_pb2, reservation_pb2

SHOP = "S1"


def reserved(version: int, customer: str) -> event_pb2.Event:
    reservation = reservation_pb2.Reservation(reservation_id=f"{SHOP}:{version}", customer_id=customer)
    return event_pb2.Event(store_id=SHOP, version=version, reserved={"reservation": reservation})


def claimed(version: int, customer: str) -> event_pb2.Event:
    reservation = reservation_pb2.Reservation(reservation_id=f"{SHOP}:{version}", customer_id=customer)
    return event_pb2.Event(store_id=SHOP, version=version, claimed={"reservation": reservation})


def applied(version: int, of: int, status: Status) -> event_pb2.Event:
    outcome = event_pb2.OutcomeAppliedEvent(reservation_id=f"{SHOP}:{of}", status=status.value)  # type: ignore[arg-type]
    return event_pb2.Event(store_id=SHOP, version=version, outcome_applied=outcome)


def feed(*events: event_pb2.Event, after: int = 10) -> Feed:
    found = Feed(after)
    for event in events:
        found.see(event)
    return found


def evidence(found: Feed, versions: list[int], *, accepted: int, unknown: int = 0) -> Evidence:
    told = Told({SHOP: array("q", versions)}, accepted, unknown)
    return Evidence({SHOP: 10}, [told], {SHOP: found})


def test_it_holds_where_each_answer_is_there_and_each_reservation_was_told() -> None:
    events = reserved(11, "a"), claimed(12, "b"), applied(13, 12, Status.HELD), claimed(14, "c"), reserved(15, "d")
    # What was claimed and let go of, nobody is told of.
    found = feed(*events, applied(16, 14, Status.RELEASED), applied(17, 12, Status.CONFIRMED))
    assert compared(evidence(found, [11, 12, 15], accepted=3)).holds
    assert compared(evidence(found, [11, 12], accepted=2, unknown=1)).holds


def test_an_answer_that_is_not_in_the_feed_is_lost() -> None:
    found = compared(evidence(feed(reserved(11, "a")), [11, 12], accepted=2, unknown=9))
    assert found.discrepancies == ["S1: 1 answers are not in its feed, the first of version 12"]
    nowhere = Evidence({}, [Told({"S2": array("q", [3])}, 1, 0)])
    assert compared(nowhere).discrepancies == ["S2: 1 answers are not in its feed, the first of version 3"]


def test_a_call_that_was_done_twice_is_found_even_where_another_was_lost() -> None:
    found = compared(evidence(feed(reserved(11, "a"), reserved(12, "a")), [11], accepted=1, unknown=1))
    assert found.discrepancies == ["S1: 1 calls were done twice, one of them of customer a"]


def test_a_reservation_that_nobody_was_told_of_does_not_add_up() -> None:
    found = feed(reserved(11, "a"), reserved(12, "b"))
    assert not compared(evidence(found, [11], accepted=1)).holds


def test_a_gap_in_a_feed_is_found() -> None:
    found = compared(evidence(feed(reserved(11, "a"), reserved(13, "b")), [11, 13], accepted=2))
    assert found.discrepancies == ["S1: its feed has version 13 after 11"]


def test_a_ledger_without_a_feed_is_counted_by_its_audit() -> None:
    told = Told({"hot/drop": array("q", [3, 4])}, 2, 0)
    assert compared(Evidence({}, [told], counted={"hot/drop": 2})).holds
    assert not compared(Evidence({}, [told], counted={"hot/drop": 3})).holds
