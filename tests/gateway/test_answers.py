"""What the gateway says: refusals with their figures, statuses with their details, errors of single items."""

import asyncio
import string
from typing import Any, Final

import grpc
import pytest

from actors.core.policy import DAY_MS, HOUR_MS
from actors.core.rejection import Reason, Rejection
from actors.core.status import Status as ReservationStatus
from actors.journal.codec import chained
from actors.protocol.messages import Refusal
from actors.protocol.placement import Placement
from holdfast.v1 import (
    error_pb2,
    reservation_pb2,
    reservation_service_pb2 as rs,
    stock_pb2,
    stock_service_pb2 as ss,
)
from serve.calls import REQUEST_BYTES_MAX, TIMEOUT_S_DEFAULT, fill_error
from serve.routing.batcher import QUEUE_AGE_S_MAX, QUEUED_ENTRIES_MAX, DeadlinePassed, Overloaded
from serve.wire.statuses import _SENTENCES, explain, fill_rejection
from tests.gateway.front import UNITS, Answer, Front, reserve_request
from tests.runtime.loop_time import skip, turns
from tests.runtime.runtime_fixture import WAIT_S, ManualClock
from tests.waiting import until_async

CODE = grpc.StatusCode


TOLD_AS_INSTANT: Final = frozenset({Reason.COUNT_TOO_OLD, Reason.AWAITS_TRANSFER})


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason > 0])  # the others are for gateways
def test_every_reason_has_a_sentence_and_a_name_on_the_wire(reason: Reason) -> None:
    rejection = Rejection(reason, "SKU-9", 7, 3, 42, ReservationStatus.READY, (("SKU-9", 7, 3),))
    reply = error_pb2.Rejection()
    fill_rejection(Refusal(11, rejection), "S1", reply)
    assert error_pb2.Reason.Name(reply.reason) == f"REASON_{reason.name}"
    assert reply.message == explain(rejection, "S1")
    assert len(reply.message) > 20
    assert "{" not in reply.message
    named = {field for _, field, _, _ in string.Formatter().parse(_SENTENCES[reason]) if field}
    for field, text in {
        "sku": "SKU-9",
        "asked": "7",
        "available": "1970-01-01 00:00:00Z" if reason in TOLD_AS_INSTANT else "3",
        "reservation": "S1:42",
        "status": "READY",
    }.items():
        assert (field not in named) or text in reply.message
    assert (reply.sku, reply.asked, reply.available, reply.reservation_id or reply.allotment_id, reply.version) == (
        "SKU-9",
        7,
        3,
        "S1:42",
        11,
    )
    assert reply.status == reservation_pb2.RESERVATION_STATUS_READY


def test_times_are_told_in_words() -> None:
    too_long = Rejection(Reason.TTL_TOO_LONG, asked=8 * DAY_MS + HOUR_MS, available=7 * DAY_MS)
    assert explain(too_long, "S1") == "8d1h is longer than the 7d that the policy allows; ask for less"
    too_old = Rejection(Reason.COUNT_TOO_OLD, sku="A", available=DAY_MS + 1_500)
    assert explain(too_old, "S1") == "movements of A from before 1970-01-02 00:00:01Z are forgotten; count again"


def test_a_refusal_carries_sku_shop_asked_and_available(front: Front) -> None:
    front.receive("B", 2)
    request = reserve_request("k1")
    del request.lines[:]
    for sku, quantity in (("A", 1), ("B", 2), ("B", 3), ("A", 1_500)):
        request.lines.add(sku=sku, quantity=quantity)
    refused = front.accept("Reserve", request).rejection
    assert refused.reason == error_pb2.REASON_INSUFFICIENT_STOCK
    assert (refused.sku, refused.store_id, refused.asked, refused.available) == ("A", "S1", 1_501, 1_000)
    assert [(row.sku, row.asked, row.available) for row in refused.short_lines] == [("A", 1_501, 1_000), ("B", 5, 2)]
    assert "S1 has 1000 of A" in refused.message
    assert refused.version == front.version()
    assert front.accept("Reserve", request).rejection == refused


def test_a_reservation_says_all_that_was_asked(front: Front, clock: ManualClock) -> None:
    request = reserve_request("k1", units=3)
    request.basket_id = "b1"
    held = front.accept("Reserve", request).reservation
    assert held == reservation_pb2.Reservation(
        reservation_id="S1:3",
        store_id="S1",
        status="RESERVATION_STATUS_HELD",
        lines=[{"sku": "A", "quantity": 3}],
        customer_id="customer of k1",
        channel="web",
        basket_id="b1",
        created_at={"seconds": clock.at_ms // 1_000},
        expires_at={"seconds": (clock.at_ms + 2 * HOUR_MS) // 1_000},
        version=3,
    )
    assert front.accept("GetReservation", rs.GetReservationRequest(reservation_id="S1:3")).reservation == held


def test_every_step_answers_with_the_reservation_as_it_then_is(front: Front) -> None:
    front.reserve("k1", units=4)
    line = reservation_pb2.LineQuantity(sku="A", quantity=1)
    steps: list[tuple[str, Any, str]] = [
        ("ConfirmReservation", rs.ConfirmReservationRequest(), "CONFIRMED"),
        ("MarkReservationReady", rs.MarkReservationReadyRequest(), "READY"),
        ("ExtendReservation", rs.ExtendReservationRequest(ttl={"seconds": 60}), "READY"),
        ("CollectReservation", rs.CollectReservationRequest(payment_reference="p1", lines=[line]), "READY"),
        (
            "ReleaseReservation",
            rs.ReleaseReservationRequest(reason="RELEASE_REASON_NOT_FOUND_ON_SHELF", lines=[line]),
            "READY",
        ),
        ("CollectReservation", rs.CollectReservationRequest(payment_reference="p2"), "COLLECTED"),
    ]
    final = reservation_pb2.Reservation()
    for number, (method, request, status) in enumerate(steps):
        request.idempotency_key, request.reservation_id = f"step {number}", "S1:3"
        reply = front.accept(method, request)
        final = reply.reservation
        assert reservation_pb2.ReservationStatus.Name(final.status) == f"RESERVATION_STATUS_{status}"
        assert final.version == 4 + number
        assert front.accept(method, request) == reply
    assert [(row.quantity, row.collected, row.released) for row in final.lines] == [(4, 3, 1)]
    assert (final.payment_reference, final.release_reason) == ("p2", reservation_pb2.RELEASE_REASON_NOT_FOUND_ON_SHELF)


def test_a_batch_is_answered_in_its_sequence_over_shops(front: Front) -> None:
    front.receive("A", 1, "S2")
    requests = [
        reserve_request("k1", store_id="S2"),
        reserve_request("k1", store_id="S1"),
        reserve_request("k2", store_id="S2"),
        rs.ReserveRequest(),
        reserve_request("k2", store_id="S1"),
        reserve_request("k1", store_id="nowhere"),
        reserve_request("k1", store_id="S1"),
    ]
    outcomes = front.accept("ReserveBatch", rs.ReserveBatchRequest(requests=requests)).outcomes
    kinds = [outcome.WhichOneof("result") for outcome in outcomes]
    assert kinds == ["reservation", "reservation", "rejection", "error", "reservation", "error", "reservation"]
    assert [outcomes[place].reservation.store_id for place in (0, 1, 4, 6)] == ["S2", "S1", "S1", "S1"]
    assert outcomes[6] == outcomes[1]
    assert [outcomes[place].error.code for place in (3, 5)] == [3, 5]


def test_overload_is_said_before_any_work_with_a_time_to_wait(front: Front) -> None:
    async def main() -> None:
        gate = front.actors.hold("store-S1")
        batch = rs.ReserveBatchRequest(requests=[reserve_request(f"k{n}") for n in range(1_024)])
        flood = [
            asyncio.ensure_future(front.asked("ReserveBatch", batch)) for _ in range(QUEUED_ENTRIES_MAX // 1_024 + 6)
        ]
        await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
        refused = [call.result() for call in flood if call.done()]
        assert {found.code for found in refused} == {CODE.RESOURCE_EXHAUSTED}
        assert all(found.retry_after_ms > 0 and "nothing was done" in found.message for found in refused)

        skip(QUEUE_AGE_S_MAX)
        found = await front.asked("Reserve", reserve_request("one more"))
        assert (found.code, found.retry_after_ms > 0) == (CODE.RESOURCE_EXHAUSTED, True)
        # Of a batch over two shops, the part of the other one is served.
        both = rs.ReserveBatchRequest(
            requests=[reserve_request("x"), reserve_request("y", store_id="S2"), rs.ReserveRequest()]
        )
        outcomes = (await front.asked("ReserveBatch", both)).reply.outcomes
        assert outcomes[0].error.code == CODE.RESOURCE_EXHAUSTED.value[0]
        assert outcomes[0].error.retry_after.ToMilliseconds() > 0
        assert outcomes[1].WhichOneof("result") == "rejection"
        assert outcomes[2].error.code == CODE.INVALID_ARGUMENT.value[0]
        # Steps of promises already made are still taken.
        step = asyncio.ensure_future(
            front.asked("ConfirmReservation", rs.ConfirmReservationRequest(idempotency_key="c", reservation_id="S1:3"))
        )
        await asyncio.sleep(0)
        gate.set()
        assert (await step).code is CODE.OK
        assert {found.code for found in await asyncio.gather(*flood)} == {CODE.OK, CODE.RESOURCE_EXHAUSTED}

    front.run(main)


def test_no_answer_in_time_says_whether_the_outcome_is_unknown(front: Front) -> None:
    async def main() -> None:
        front.actors.hold("store-S1")
        front.actors.calls.append(("nobody", "", ()))
        sent = asyncio.ensure_future(front.asked("Reserve", reserve_request("k1"), timeout_ms="1000"))

        async def is_out() -> bool:
            return front.actors.calls[-1][:2] == ("store-S1", "step")

        await until_async(is_out, within_s=WAIT_S, what="the call on its way")
        skip(1.1)
        found = await sent
        assert (found.code, found.retry_after_ms > 0) == (CODE.UNAVAILABLE, True)
        assert "unknown" in found.message
        assert "same key" in found.message

    front.run(main)
    found = front.ask("Reserve", reserve_request("k2"), timeout_ms="0")
    assert found.code is CODE.DEADLINE_EXCEEDED
    assert "nothing was done" in found.message


def test_lost_answers_are_asked_for_again(front: Front) -> None:
    front.actors.lose_answers("store-S1", 3)
    held = front.reserve("k1").reservation
    front.actors.lose_calls("store-S1", 2)
    assert front.reserve("k1").reservation == held
    front.actors.kill("store-S1")
    assert front.reserve("k1").reservation == held
    assert front.version() == 3


def test_a_stopped_ledger_says_why_and_the_rest_goes_on(front: Front) -> None:
    disk = front.actors.disks["store-S1"]
    epoch, seq = disk.heads["S1"]
    disk.write(
        "records", [["S1", epoch, seq + 1, 1, 0, "[", chained(disk.checksums["S1"], "S1", epoch, seq + 1, 1, 0, b"[")]]
    )
    front.actors.kill("store-S1")
    reads = [
        ("Reserve", reserve_request("k1")),
        ("GetReservation", rs.GetReservationRequest(reservation_id="S1:3")),
        ("ListReservations", rs.ListReservationsRequest(store_id="S1")),
        ("GetAvailability", ss.GetAvailabilityRequest(store_ids=["S1"], skus=["A"])),
        ("SetSafetyStock", ss.SetSafetyStockRequest(idempotency_key="k", store_id="S1", safety_stocks=[{"sku": "A"}])),
        ("WatchEvents", ss.WatchAvailabilityRequest(cursors=[{"store_id": "S1"}])),
        ("WatchAvailability", ss.WatchAvailabilityRequest(cursors=[{"store_id": "S1"}])),
    ]
    for method, request in reads:
        found = front.ask(method, request)
        assert found.code is CODE.DATA_LOSS, method
        assert "ledger S1: the journal is damaged at seq 3" in found.message
    batch = rs.ReserveBatchRequest(requests=[reserve_request("k1"), reserve_request("k1", store_id="S2")])
    outcomes = front.accept("ReserveBatch", batch).outcomes
    assert outcomes[0].error.code == CODE.DATA_LOSS.value[0]
    assert outcomes[1].WhichOneof("result") == "rejection"


def test_an_item_error_says_what_the_status_would() -> None:
    error = error_pb2.ItemError()
    fill_error(Overloaded(), error)
    assert (error.code, error.retry_after.ToMilliseconds()) == (8, 250)
    error = error_pb2.ItemError()
    fill_error(DeadlinePassed(sent=False), error)
    assert (error.code, error.HasField("retry_after")) == (4, False)


@pytest.mark.parametrize(
    "request_",
    [reserve_request("k1", store_id="T1"), reserve_request("k1", units=0)],
    ids=["unknown shop", "malformed"],
)
def test_an_item_tells_programs_what_its_own_call_would(front: Front, request_: rs.ReserveRequest) -> None:
    alone = front.ask("Reserve", request_)
    [outcome] = front.accept("ReserveBatch", rs.ReserveBatchRequest(requests=[request_])).outcomes
    assert alone.reason
    assert outcome.error.reason == alone.reason
    assert dict(outcome.error.metadata) == alone.metadata
    assert outcome.error.code == alone.code.value[0]


def test_changes_of_stock_say_what_they_did(front: Front) -> None:
    front.reserve("k1", units=900)
    rows = [{"sku": "A", "delta": -300, "sequence": n, "kind": stock_pb2.ADJUSTMENT_KIND_SALE} for n in (1, 1)]
    request = ss.AdjustStockRequest(idempotency_key="s1", store_id="S1", source="till", adjustments=rows)
    change = front.accept("AdjustStock", request).change
    assert (change.applied, change.dropped_repeated, change.version) == (1, 1, 4)
    (shortfall,) = change.shortfalls
    assert (shortfall.sku, shortfall.quantity) == ("A", 200)
    assert [(loss.reservation_id, loss.quantity) for loss in shortfall.losses] == [("S1:3", 200)]
    rows = [{"sku": "A", "delta": -1, "sequence": 4, "kind": stock_pb2.ADJUSTMENT_KIND_SALE}]
    after_a_gap = ss.AdjustStockRequest(idempotency_key="s2", store_id="S1", source="till", adjustments=rows)
    refused = front.accept("AdjustStock", after_a_gap).rejection
    assert (refused.reason, refused.available) == (error_pb2.REASON_SOURCE_GAP, 2)
    reused = front.accept(
        "AdjustStock", ss.AdjustStockRequest(idempotency_key="s1", store_id="S1", source="x", adjustments=rows)
    )
    assert reused.rejection.reason == error_pb2.REASON_IDEMPOTENCY_KEY_REUSED


def test_a_status_says_to_programs_why_and_what_about(front: Front) -> None:
    """`answer_of` asks of every status in these tests that it has a reason."""
    unknown = front.ask("GetReservation", rs.GetReservationRequest(reservation_id="S1:99"))
    about = {"store_id": "S1", "reservation_id": "S1:99"}
    assert (unknown.reason, unknown.metadata) == ("RESERVATION_NOT_FOUND", about)
    nowhere = front.ask("ListReservations", rs.ListReservationsRequest(store_id="S9"))
    assert (nowhere.reason, nowhere.metadata) == ("STORE_UNKNOWN", {"store_id": "S9"})
    assert front.ask("Reserve", b"\xff").reason == "REQUEST_UNREADABLE"
    too_large = front.ask("Reserve", bytes(REQUEST_BYTES_MAX + 1))
    assert (too_large.code, too_large.reason) == (CODE.INVALID_ARGUMENT, "REQUEST_TOO_LARGE")
    assert front.ask("Reserve", rs.ReserveRequest()).reason == "INVALID_FIELDS"


@pytest.mark.parametrize("mistyped", [1, 3])
def test_a_chain_actor_that_hangs_costs_a_batch_only_the_items_of_shops_that_are_not_known(
    front: Front, mistyped: int
) -> None:
    async def ask() -> Answer:
        shop = front.actors.store_actor("store-S1")
        before = shop.status("S1")["version"]
        front.actors.hold("chain")
        requests = [reserve_request(f"k{n}", store_id=f"T{n}") for n in range(mistyped)]
        batch = rs.ReserveBatchRequest(requests=[*requests, reserve_request("good")])
        asking = asyncio.ensure_future(front.asked("ReserveBatch", batch))

        async def is_decided() -> bool:
            return bool(shop.status("S1")["version"] > before)

        await until_async(is_decided, within_s=WAIT_S, what="the good item")
        await turns(100)
        skip(TIMEOUT_S_DEFAULT)
        return await asking

    *lost, good = front.run(ask).reply.outcomes
    assert good.WhichOneof("result") == "reservation"
    assert [(each.error.code, each.error.reason) for each in lost] == [(14, "CHAIN_AWAY")] * mistyped


def test_no_call_outlives_its_deadline_for_a_look_at_the_chain(front: Front) -> None:
    async def ask() -> Answer:
        front.actors.hold("chain")
        asking = asyncio.ensure_future(front.asked("Reserve", reserve_request("k1", store_id="T1"), timeout_ms="1000"))
        await turns(20)
        skip(1.01)
        return await asking

    found = front.run(ask)
    assert (found.code, found.reason) == (CODE.UNAVAILABLE, "CHAIN_AWAY")


def test_a_batch_of_malformed_items_lets_others_go_between(front: Front) -> None:
    async def ask() -> int:
        batch = rs.ReserveBatchRequest(requests=[reserve_request(f"k{n}", units=0) for n in range(32)])
        asking = asyncio.ensure_future(front.asked("ReserveBatch", batch))
        others = 0
        while not asking.done():
            await asyncio.sleep(0)
            others += 1
        return others

    assert front.run(ask) > 32


def test_a_call_finds_gone_what_is_due_however_much_that_is(front: Front, clock: ManualClock) -> None:
    """The shop expires two holds at a time; who needs the units of all of them does not hear of it."""
    front.reserve("lasting", units=UNITS - 5)
    host: Any = front.actors._actors[Placement(0).actor_of("S1")].host  # type: ignore[union-attr]
    host._core = host._core._replace(expired_at_once_max=2)
    for number in range(5):
        front.reserve(f"hold-{number}")
    clock.move(9 * HOUR_MS)
    batch = rs.ReserveBatchRequest(
        requests=[reserve_request("k1", units=UNITS), reserve_request("k2", units=UNITS + 1)]
    )
    all_of_it, too_much = front.accept("ReserveBatch", batch).outcomes
    assert all_of_it.reservation.lines[0].quantity == UNITS
    assert too_much.rejection.reason == error_pb2.REASON_INSUFFICIENT_STOCK
    assert front.reserve("k1", units=UNITS).reservation == all_of_it.reservation
