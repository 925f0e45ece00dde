"""A hot SKU through a gateway: reserved in its own ledger, stepped in its shop, over promotion and demotion."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.v1 import (
    admin_service_pb2 as ad,
    error_pb2,
    order_pb2,
    reservation_pb2,
    reservation_service_pb2 as rs,
)
from tests.gateway.front import Front, reserve_request
from tests.gateway.hot import (
    TIDY_S,
    OtherGateway,
    again,
    available,
    confirm,
    demote,
    first,
    got,
    promote,
    release,
    sold,
    tidy,
    told,
)
from tests.runtime.runtime_fixture import ManualClock

UNITS = 10
SHOPS = ("S1", "S2", "S3")
HELD, CONFIRMED, RELEASED = (
    reservation_pb2.RESERVATION_STATUS_HELD,
    reservation_pb2.RESERVATION_STATUS_CONFIRMED,
    reservation_pb2.RESERVATION_STATUS_RELEASED,
)
SHORT = error_pb2.REASON_INSUFFICIENT_STOCK


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """Ten of H in each of three shops."""
    with Front(tmp_path, ManualClock()) as front:
        for store_id in SHOPS:
            front.receive("H", UNITS, store_id)
        yield front


def is_held(front: Front, request: rs.ReserveRequest) -> bool:
    answer = front.accept("Reserve", request)
    assert answer.HasField("reservation") or answer.rejection.reason == SHORT, answer
    return bool(answer.HasField("reservation"))


@pytest.mark.parametrize("is_first", [True, False])
def test_it_is_held_in_its_ledger_and_confirmed_in_its_shop(front: Front, is_first: bool) -> None:
    promote(front)
    request = first("a", "S2", 2)
    request.first_attempt = is_first
    held = front.accept("Reserve", request).reservation
    assert held.reservation_id.startswith("hot/H:")
    assert (held.store_id, held.status, [(line.sku, line.quantity) for line in held.lines]) == ("S2", HELD, [("H", 2)])
    assert front.accept("Reserve", again(request)).reservation == held, "a repeat"
    assert got(front, held.reservation_id) == held
    confirmed = confirm(front, held.reservation_id).reservation
    assert confirmed.reservation_id.startswith("S2:")
    assert (confirmed.status, confirmed.lines[0].sku, confirmed.lines[0].quantity) == (CONFIRMED, "H", 2)
    assert confirm(front, held.reservation_id).reservation == confirmed
    assert got(front, held.reservation_id) == got(front, confirmed.reservation_id) == confirmed
    assert front.accept("Reserve", again(request)).reservation.reservation_id == held.reservation_id
    assert available(front, "S2") == UNITS - 2


def test_a_hold_is_released_and_extended_in_its_ledger(front: Front) -> None:
    promote(front)
    held = front.accept("Reserve", first("a")).reservation
    extended = front.accept(
        "ExtendReservation",
        rs.ExtendReservationRequest(idempotency_key="e", reservation_id=held.reservation_id, ttl={"seconds": 60}),
    ).reservation
    assert (extended.reservation_id, extended.store_id) == (held.reservation_id, "S1")
    released = release(front, held.reservation_id).reservation
    assert (released.status, released.store_id) == (RELEASED, "S1")
    assert available(front) == UNITS
    refused = confirm(front, held.reservation_id).rejection
    assert refused.reason == error_pb2.REASON_TRANSITION_NOT_ALLOWED
    assert refused.reservation_id == held.reservation_id


def test_a_part_of_it_is_released_and_all_of_it_amended_in_its_shop(front: Front) -> None:
    promote(front)
    held = front.accept("Reserve", first("a", units=3)).reservation
    request = rs.ReleaseReservationRequest(
        idempotency_key="r",
        reservation_id=held.reservation_id,
        reason=reservation_pb2.RELEASE_REASON_CUSTOMER_CANCELLED,
        lines=[{"sku": "H", "quantity": 1}],
    )
    part = front.accept("ReleaseReservation", request).reservation
    assert (part.reservation_id[:3], part.lines[0].released) == ("S1:", 1)
    other = front.accept("Reserve", first("b")).reservation
    more = rs.AmendReservationRequest(
        idempotency_key="m", reservation_id=other.reservation_id, lines=[{"sku": "H", "quantity": 5}]
    )
    amended = front.accept("AmendReservation", more).reservation
    assert (amended.reservation_id[:3], amended.lines[0].quantity) == ("S1:", 5), "units came back from the ledger"
    assert available(front) == UNITS - 2 - 5


def test_every_unit_of_every_shop_is_sold_and_no_more(front: Front) -> None:
    """Also one that came back to a shop meanwhile."""
    promote(front)
    held = [is_held(front, first(f"{shop} {number}", shop)) for shop in SHOPS for number in range(UNITS + 3)]
    assert sum(held) == sold(front) == 3 * UNITS
    front.receive("H", 1, "S2")
    assert [is_held(front, reserve_request(f"late {number}", "H", 1, "S2")) for number in (1, 2)] == [True, False]


def test_it_is_sold_out_to_first_attempts_by_a_hint_of_its_shop_alone(front: Front) -> None:
    promote(front)
    assert front.accept("Reserve", first("all", "S1", UNITS)).reservation.reservation_id
    assert not front.accept("Reserve", first("b")).rejection.by_hint
    refused = front.accept("Reserve", first("c")).rejection
    assert (refused.reason, refused.by_hint, refused.store_id, refused.sku) == (SHORT, True, "S1", "H")
    assert is_held(front, first("d", "S2"))


def test_a_sale_goes_on_over_promotion_and_demotion(front: Front) -> None:
    """Whatever a gateway knows, a key has one answer, and every unit is sold once."""
    other = OtherGateway(front)
    asked: list[rs.ReserveRequest] = []
    answers: dict[str, rs.ReserveResponse] = {}

    def sell(count: int, gateway: Front | OtherGateway, *, is_first: bool) -> None:
        for _ in range(count):
            request = first(f"k{len(asked)}", SHOPS[len(asked) % 3])
            request.first_attempt = is_first
            asked.append(request)
            answers[request.idempotency_key] = told(gateway.accept("Reserve", request))
            through = other if gateway is front else front
            assert told(through.accept("Reserve", again(request))) == answers[request.idempotency_key]

    sell(4, front, is_first=True)
    for turn in range(3):
        promote(front)
        sell(2, front, is_first=True)
        sell(2, other, is_first=turn > 0)
        demote(front)
        sell(2, other, is_first=True)
        if turn:
            tidy(front)
        sell(2, front, is_first=False)
    demote(front)
    tidy(front)
    sell(5, front, is_first=True)
    held = [answer for answer in answers.values() if answer.HasField("reservation")]
    assert len(held) == sold(front) == 3 * UNITS
    where = {answer.reservation.reservation_id.partition(":")[0] for answer in held}
    assert where == {"hot/H", *SHOPS}
    for request in asked:
        assert told(front.accept("Reserve", again(request))) == answers[request.idempotency_key]
    other.close()


def test_a_gateway_that_has_not_heard_of_the_sku_tells_what_its_ledger_has(front: Front) -> None:
    """As for an order, which it plans in the shop that has the units."""
    other = OtherGateway(front)
    assert other.accept("PromoteSku", ad.PromoteSkuRequest(sku="H")).hot_sku.open
    front.run(lambda: other.gateway._keeper.turn(TIDY_S))
    assert other.accept("Reserve", first("a", "S1", 2)).HasField("reservation")
    assert "H" not in front.gateway._router.chain.hot
    assert (available(front), sold(front)) == (UNITS - 2, 2)
    request = first("o", units=UNITS - 2)
    request.store_id = ""
    request.sourcing.place.latitude = request.sourcing.place.longitude = 0.0
    placed = front.accept("Reserve", request)
    assert placed.HasField("order"), placed
    other.close()


def test_what_is_demoted_returns_to_its_shops(front: Front) -> None:
    promote(front)
    held = front.accept("Reserve", first("a", "S1", 4)).reservation
    assert available(front) == UNITS - 4
    demote(front)
    tidy(front)
    assert is_held(front, first("b", "S1", UNITS - 4)), "by its shop"
    assert not is_held(front, first("c", "S1"))
    release(front, held.reservation_id)
    tidy(front)
    assert available(front) == 4
    assert is_held(front, first("d", "S1", 4))


def test_a_hold_of_a_closed_sku_lives_on_in_its_shop_however_long_it_is_extended(front: Front) -> None:
    front.receive("Q", 1)
    promote(front)
    held = front.accept("Reserve", first("a")).reservation.reservation_id
    demote(front)
    tidy(front)
    for day in range(40):
        request = rs.ExtendReservationRequest(idempotency_key=f"e{day}", reservation_id=held)
        request.ttl.FromSeconds(2 * 86_400)
        extended = front.accept("ExtendReservation", request).reservation
        assert extended.reservation_id.startswith("S1:")
        held = extended.reservation_id
        front.clock.move(86_400_000)
    promote(front, "Q")
    assert confirm(front, held).reservation.status == CONFIRMED
    assert (available(front), sold(front)) == (UNITS - 1, 1)


def test_baskets_of_it_have_its_units_from_its_ledger(front: Front) -> None:
    """They are decided in their shop, which is handed back what it lacks."""
    promote(front)
    front.receive("B", UNITS)
    basket = reserve_request("basket", "B")
    basket.lines.add(sku="H", quantity=4)
    held = front.accept("Reserve", basket).reservation
    assert held.reservation_id.startswith("S1:")
    assert is_held(front, first("rest", "S1", UNITS - 4))
    basket.idempotency_key, basket.customer_id = "another", "another"
    refused = front.accept("Reserve", basket).rejection
    assert (refused.reason, refused.sku, refused.asked, refused.available) == (SHORT, "H", 4, 0)


def test_an_order_over_shops_has_its_units_from_its_ledger(front: Front) -> None:
    promote(front)
    request = reserve_request("order", "H", 2 * UNITS + 5, "")
    request.ClearField("store_id")
    request.sourcing.place.latitude = request.sourcing.place.longitude = 0.0
    request.sourcing.policy, request.sourcing.stores_max = order_pb2.SOURCING_POLICY_SPLIT, 3
    placed = front.accept("Reserve", request)
    assert sum(line.quantity for part in placed.order.parts for line in part.lines) == 2 * UNITS + 5, placed
    assert sold(front) == 2 * UNITS + 5


def test_a_batch_is_decided_as_a_batch(front: Front) -> None:
    promote(front)
    front.receive("B", UNITS)
    requests = [first(f"h{number}", SHOPS[number % 3]) for number in range(3 * UNITS + 6)]
    requests += [reserve_request(f"b{number}", "B") for number in range(4)]
    requests[1].first_attempt = False
    before = len(front.actors.calls)
    outcomes = front.accept("ReserveBatch", rs.ReserveBatchRequest(requests=requests)).outcomes
    steps = [call for call in front.actors.calls[before:] if call[1] == "step"]
    assert len(steps) < 20, "not one for each item"
    kinds = [outcome.WhichOneof("result") for outcome in outcomes]
    assert kinds.count("reservation") == 3 * UNITS + 4
    assert kinds.count("rejection") == 6
    again_kinds = front.accept("ReserveBatch", rs.ReserveBatchRequest(requests=map(again, requests))).outcomes
    for outcome, repeat in zip(outcomes, again_kinds, strict=True):
        assert outcome.reservation.reservation_id == repeat.reservation.reservation_id
    held = [outcome.reservation.reservation_id for outcome in outcomes if outcome.HasField("reservation")]
    confirms = [rs.ConfirmReservationRequest(idempotency_key=f"c {each}", reservation_id=each) for each in held]
    done = front.accept("ConfirmBatch", rs.ConfirmBatchRequest(requests=confirms)).outcomes
    assert {outcome.reservation.status for outcome in done} == {CONFIRMED}
    assert {outcome.reservation.reservation_id.partition(":")[0] for outcome in done} == set(SHOPS)


def test_a_paused_shop_sells_none_of_it(front: Front) -> None:
    promote(front)
    front.accept("PutStores", ad.PutStoresRequest(stores=[{"store_id": "S1", "paused": True}]))
    refused = front.accept("Reserve", first("a")).rejection
    assert (refused.reason, refused.store_id) == (error_pb2.REASON_STORE_NOT_ACCEPTING, "S1")
    assert is_held(front, first("b", "S2"))


@pytest.mark.parametrize("unknown", ["hot/H:1", "hot/NEVER HOT:1"])
def test_an_id_that_nobody_gave_is_refused_by_name(front: Front, unknown: str) -> None:
    before = dict(front.actors.made)
    rejection = confirm(front, unknown).rejection
    assert rejection.reason == error_pb2.REASON_RESERVATION_NOT_FOUND
    answer = front.ask("GetReservation", rs.GetReservationRequest(reservation_id=unknown))
    assert answer.reason == "RESERVATION_NOT_FOUND"
    sku = unknown.removeprefix("hot/").partition(":")[0]
    for message in (rejection.message, answer.message):
        assert message.startswith(f"hot SKU {sku} has no reservation {unknown}, or forgot it")
    assert dict(front.actors.made) == before, "no ledger is begun for it"
