"""Every field of every call, spoiled in every way that is known: a clear refusal that names the field, no effect."""

from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from holdfast.v1 import reservation_service_pb2 as rs, stock_service_pb2 as ss
from serve.sourcing.places import Postcodes
from serve.wire import reservations, rules
from serve.wire.rules import FAULTS_MAX
from serve.wire.stock import AHEAD_MS_MAX
from tests.gateway.edges import Edge, edges
from tests.gateway.front import HEADER_BYTES_MAX, Front, reserve_request
from tests.gateway.requests import BATCHES, GOOD, HELD, durable, good, order_request, spoiled, stand
from tests.runtime.runtime_fixture import ManualClock

BY_FIELD = {
    f"{method}.{path}": list(rows)
    for (method, path), rows in groupby(sorted(edges(), key=lambda edge: edge[:2]), key=lambda edge: edge[:2])
}


@pytest.fixture(scope="module", autouse=True)
def held(shared: Front) -> None:
    """A reservation and an order that calls may name."""
    stand(shared)


@pytest.mark.parametrize("method", GOOD)
def test_a_good_request_is_answered(front: Front, method: str) -> None:
    """Or the refusals below would prove nothing."""
    stand(front)
    assert front.accept(method, good(method, "good")).ByteSize() > 0


@pytest.mark.parametrize("field", BY_FIELD)
def test_a_spoiled_field_is_named_and_nothing_is_done(shared: Front, field: str) -> None:
    before = durable(shared)
    for number, edge in enumerate(BY_FIELD[field]):
        found = shared.ask(edge.method, spoiled(edge.method, f"{field} {number}", edge.path, edge.value))
        assert found.code is grpc.StatusCode.INVALID_ARGUMENT, edge.wrong
        assert set(found.fields) == {edge.path}, edge.wrong
        assert edge.path in found.message
        assert found.header_bytes < HEADER_BYTES_MAX, edge.wrong
        assert all(not reply.ByteSize() for reply in found.replies), edge.wrong
    assert durable(shared) == before


IN_SOURCING = [field for field in BY_FIELD if field.startswith("FindStores.sourcing.")]


@pytest.mark.parametrize("field", IN_SOURCING)
def test_what_reserve_looks_for_is_checked_alike(shared: Front, field: str) -> None:
    before = durable(shared)
    bad = []
    for edge in BY_FIELD[field]:
        request = order_request(f"{field} {edge.wrong}"[:128])
        spoil = spoiled("FindStores", "", edge.path, edge.value)
        request.sourcing.CopyFrom(spoil.sourcing)  # type: ignore[attr-defined]
        found = shared.ask("Reserve", request)
        assert (found.code, set(found.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, {edge.path}), edge.wrong
        if edge.wrong != "ten megabytes":
            bad.append(request)
    outcomes = shared.accept("ReserveBatch", rs.ReserveBatchRequest(requests=bad)).outcomes
    for place, outcome in enumerate(outcomes):
        (told,) = {violation.field for violation in outcome.error.violations}
        assert f"FindStores.{told.removeprefix(f'requests[{place}].')}" == field
    assert durable(shared) == before


def test_what_does_not_go_together_is_named(shared: Front) -> None:
    before = durable(shared)
    request = order_request("two ways", units=1)
    request.store_id = "S1"
    assert shared.ask("Reserve", request).fields == ["store_id"]
    request = order_request("two places")
    request.sourcing.place.latitude = 1.0
    assert shared.ask("Reserve", request).fields == ["sourcing.place"]
    request = order_request("no place")
    request.sourcing.ClearField("place")
    assert shared.ask("Reserve", request).fields == ["sourcing.place"]
    request = order_request("a slot and a time")
    request.slot_start.seconds = request.sourcing.collect_by.seconds = 4_000_000_000
    assert shared.ask("Reserve", request).fields == ["sourcing.collect_by"]
    nothing = rs.AmendReservationRequest(idempotency_key="nothing", reservation_id=HELD)
    assert shared.ask("AmendReservation", nothing).fields == ["lines"]
    assert durable(shared) == before


@pytest.mark.parametrize(
    ("postcode", "country", "field", "sentence"),
    [
        ("99999", "", "postcode", "postcode '99999' is not in the table; check it, or send latitude and longitude"),
        ("10115", "AT", "postcode", "postcode '10115' of AT is not in the table; check it, or send latitude"),
        ("75001", "", "country", "postcode '75001' is of DE, FR; name the country"),
        ("", "DE", "country", "is set without a postcode"),
    ],
)
def test_a_postcode_that_is_no_place_names_field_and_mend(
    shared: Front, postcode: str, country: str, field: str, sentence: str
) -> None:
    find: Any = good("FindStores", "")
    find.sourcing.place.postcode, find.sourcing.place.country = postcode, country
    request = order_request(f"near {postcode} {country}")
    request.sourcing.CopyFrom(find.sourcing)
    for method, message in (("FindStores", find), ("Reserve", request)):
        found = shared.ask(method, message)
        assert (found.code, found.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [f"sourcing.place.{field}"])
        assert f"sourcing.place.{field}: {sentence}" in found.message


def test_a_postcode_is_a_place_however_it_is_written(shared: Front) -> None:
    find: Any = good("FindStores", "")
    for postcode, country, kilometres in ((" 10 115", "", 0), ("75001", "DE", 111), ("75001", "fr", 222)):
        find.sourcing.place.postcode, find.sourcing.place.country = postcode, country
        find.sourcing.kilometres_max = 0
        assert round(shared.accept("FindStores", find).candidates[0].kilometres) == kilometres


def test_without_a_table_a_postcode_is_of_no_use_and_says_so(tmp_path: Path, clock: ManualClock) -> None:
    with Front(tmp_path, clock, Postcodes({})) as front:
        found = front.ask("Reserve", order_request("near"))
    assert found.fields == ["sourcing.place.postcode"]
    assert "the service has no table; send degrees" in found.message


IN_BATCHES = [
    (batch, field) for batch, (method, _) in BATCHES.items() for field in BY_FIELD if field.startswith(f"{method}.")
]


@pytest.mark.parametrize(("batch", "field"), IN_BATCHES)
def test_a_spoiled_item_costs_the_rest_of_its_batch_nothing(shared: Front, batch: str, field: str) -> None:
    method, kind = BATCHES[batch]
    edges_of_it: list[Edge] = [edge for edge in BY_FIELD[field] if edge.wrong != "ten megabytes"]
    spoils = [
        spoiled(method, f"{batch} {field} {number}", edge.path, edge.value) for number, edge in enumerate(edges_of_it)
    ]
    requests: list[Any] = []
    for number, bad in enumerate(spoils):
        requests += [bad, good(method, f"{batch} {field} good {number}")]
    outcomes = shared.accept(batch, kind(requests=requests)).outcomes
    assert len(outcomes) == len(requests)
    for place, edge in enumerate(edges_of_it):
        error = outcomes[2 * place].error
        assert error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0], edge.wrong
        assert {violation.field for violation in error.violations} == {f"requests[{2 * place}].{edge.path}"}, edge.wrong
        assert outcomes[2 * place + 1].WhichOneof("result") in {"reservation", "rejection"}


@pytest.mark.parametrize("batch", BATCHES)
def test_a_batch_has_a_size(shared: Front, batch: str) -> None:
    method, kind = BATCHES[batch]
    for count in (0, 1_025, 5_000):
        found = shared.ask(batch, kind(requests=[good(method, "many")] * count))
        assert (found.code, found.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["requests"])
    outcomes = shared.accept(batch, kind(requests=[good(method, f"{batch} {n}") for n in range(1_024)])).outcomes
    assert len(outcomes) == 1_024


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("Reserve", "lines"),
        ("CollectReservation", "lines"),
        ("ReleaseReservation", "lines"),
        ("AmendReservation", "lines"),
        ("AdjustStock", "adjustments"),
    ],
)
def test_a_list_of_too_many_is_not_looked_into(
    shared: Front, method: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four megabytes may be two million empty rows, and nobody else is answered meanwhile."""

    def looked(_: object) -> None:
        raise AssertionError("looked into")

    request, ruled = good(method, "too many"), rules._ruled

    def uncopied(name: str) -> object:
        kind = ruled(name)
        is_request = name == request.DESCRIPTOR.full_name
        return SimpleNamespace(DESCRIPTOR=kind.DESCRIPTOR, FromString=looked) if is_request else kind

    monkeypatch.setattr(reservations, "lines_of", looked)
    monkeypatch.setattr(rules, "_ruled", uncopied)
    for _ in range(5_000):
        getattr(request, path).add()
    found = shared.ask(method, request)
    assert (found.code, found.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [path])


@pytest.mark.parametrize(
    ("method", "path", "rows"),
    [
        ("CountStock", "counts", [{"sku": "A"}, {"sku": "B"}, {"sku": "A"}]),
        ("SetSafetyStock", "safety_stocks", [{"sku": "A"}, {"sku": "B"}, {"sku": "A"}]),
        ("PutStores", "stores", [{"store_id": "S1"}, {"store_id": "S2"}, {"store_id": "S1"}]),
        ("AmendOrder", "stores", [{"store_id": "S1"}, {"store_id": "S2"}, {"store_id": "S1"}]),
        ("WatchEvents", "cursors", [{"store_id": "S1"}, {"store_id": "S2"}, {"store_id": "S1"}]),
        ("WatchAvailability", "cursors", [{"store_id": "S1"}, {"store_id": "S2"}, {"store_id": "S1"}]),
    ],
)
def test_what_stands_twice_is_named(shared: Front, method: str, path: str, rows: list[object]) -> None:
    found = shared.ask(method, spoiled(method, "twice", path, rows))
    assert found.code is grpc.StatusCode.INVALID_ARGUMENT
    (field,) = found.fields
    assert field.startswith(f"{path}[2].")


def test_all_faults_are_told_at_once(shared: Front) -> None:
    request = rs.ReserveRequest(lines=[{"sku": "", "quantity": 0}], ttl={"seconds": -1})
    found = shared.ask("Reserve", request)
    assert found.fields == [
        *("idempotency_key", "store_id", "lines[0].sku", "lines[0].quantity", "customer_id", "channel", "ttl"),
    ]


def test_more_faults_than_fit_are_counted(shared: Front) -> None:
    """A status travels in headers: the first are told, and how many more were found."""
    rows = [{"sku": "\n" * 50 + str(n), "quantity": -1} for n in range(4_096)]
    found = shared.ask("SetSafetyStock", ss.SetSafetyStockRequest(store_id="S1", safety_stocks=rows))
    assert found.code is grpc.StatusCode.INVALID_ARGUMENT
    assert found.fields[0] == "idempotency_key"
    assert f"; and at least {FAULTS_MAX - len(found.fields)} more" in found.message  # no others are put into words
    assert found.header_bytes < HEADER_BYTES_MAX


def test_a_long_key_of_a_map_does_not_break_the_status(shared: Front) -> None:
    request = ss.GetAvailabilityRequest(store_ids=["S1"], skus=["A"], min_versions={"x" * 100_000: -1})
    found = shared.ask("GetAvailability", request)
    assert found.code is grpc.StatusCode.INVALID_ARGUMENT
    assert found.header_bytes < HEADER_BYTES_MAX


def test_shops_times_skus_has_a_limit(shared: Front) -> None:
    request = ss.GetAvailabilityRequest(store_ids=["S1"] * 17, skus=[f"sku {n}" for n in range(4_096)])
    found = shared.ask("GetAvailability", request)
    assert (found.code, found.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["skus"])


UNKNOWN_SHOPS = [
    *((method, "store_id", "nowhere") for method in ("Reserve", "ListReservations", "AdjustStock", "CountStock")),
    *((method, "store_id", "nowhere") for method in ("SetSafetyStock", "GetLedgerStatus", "VerifyLedger")),
    *((method, "reservation_id", "nowhere:1") for method in ("ConfirmReservation", "MarkReservationReady")),
    *((method, "reservation_id", "nowhere:1") for method in ("CollectReservation", "ReleaseReservation")),
    *((method, "reservation_id", "nowhere:1") for method in ("ExtendReservation", "GetReservation")),
    ("AmendReservation", "reservation_id", "nowhere:1"),
    ("AmendOrder", "stores[1].store_id", "nowhere"),
    ("ListSlots", "store_id", "nowhere"),
    ("GetAvailability", "store_ids[1]", "nowhere"),
    ("WatchEvents", "cursors[1].store_id", "nowhere"),
    ("WatchAvailability", "cursors[1].store_id", "nowhere"),
]


@pytest.mark.parametrize(("method", "path", "value"), UNKNOWN_SHOPS)
def test_an_unknown_shop_is_not_found_by_its_field(shared: Front, method: str, path: str, value: str) -> None:
    found = shared.ask(method, spoiled(method, "unknown", path, value))
    assert (found.code, found.fields) == (grpc.StatusCode.NOT_FOUND, [path])
    assert "'nowhere'" in found.message


@pytest.mark.parametrize("batch", BATCHES)
def test_an_unknown_shop_in_a_batch_is_its_own_items_error(shared: Front, batch: str) -> None:
    method, kind = BATCHES[batch]
    path, value = ("store_id", "nowhere") if method == "Reserve" else ("reservation_id", "nowhere:1")
    asked = len([call for call in shared.actors.calls if call[1] == "document"])
    requests = [spoiled(method, f"{batch} unknown", path, value)] * 300 + [good(method, f"{batch} known")]
    outcomes = shared.accept(batch, kind(requests=requests)).outcomes
    assert {outcome.error.code for outcome in outcomes[:300]} == {grpc.StatusCode.NOT_FOUND.value[0]}
    assert outcomes[299].error.violations[0].field == f"requests[299].{path}"
    assert outcomes[300].WhichOneof("result") in {"reservation", "rejection"}
    # The chain is asked anew once for the whole batch, beside what its poller may have asked.
    assert len([call for call in shared.actors.calls if call[1] == "document"]) - asked <= 3


def test_a_shop_that_is_new_to_this_gateway_is_found(front: Front) -> None:
    async def elsewhere() -> None:
        await front.actors.put_stores("S9")

    front.run(elsewhere)
    reply = front.accept("Reserve", reserve_request("k1", store_id="S9"))
    assert reply.rejection.store_id == "S9"
    batch = rs.ReserveBatchRequest(requests=[reserve_request("k1", store_id="S9")])
    assert front.accept("ReserveBatch", batch).outcomes[0].rejection == reply.rejection


@pytest.mark.parametrize(("ahead_ms", "is_taken"), [(-60_000, True), (AHEAD_MS_MAX, True), (AHEAD_MS_MAX + 1, False)])
def test_a_count_of_a_time_to_come_is_refused(front: Front, ahead_ms: int, is_taken: bool) -> None:
    front.clock.move(3_600_000)
    request: Any = good("CountStock", "ahead")
    request.as_of.FromMilliseconds(front.clock.now_ms() + ahead_ms)
    before = durable(front)
    found = front.ask("CountStock", request)
    if is_taken:
        assert found.code is grpc.StatusCode.OK
        return
    assert (found.code, found.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["as_of"])
    assert "leave it out to count as of now" in found.message
    assert durable(front) == before
