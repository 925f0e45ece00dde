"""What only real servers can show: details through HAProxy, the largest messages, health, reflection."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

from holdfast.client import ChannelClient
from holdfast.v1 import (
    admin_service_pb2,
    admin_service_pb2_grpc,
    reservation_pb2,
    reservation_service_pb2 as rs,
    reservation_service_pb2_grpc,
    stock_service_pb2 as ss,
    stock_service_pb2_grpc,
)
from holdfast.v1.services import SERVICES
from tests.cluster.callers import receive, with_client
from tests.cluster.service import STORES, Service

MESSAGE_BYTES_MAX = 16 * 1024 * 1024
CALL_S = 60.0


@pytest.fixture(scope="module")
def channel(service: Service) -> Iterator[grpc.Channel]:
    """A plain connection."""
    options = [("grpc.max_receive_message_length", MESSAGE_BYTES_MAX)]
    with grpc.insecure_channel(service.address, options=options) as channel:
        yield channel


def details_of(error: grpc.RpcError) -> list[object]:
    """What came with a status."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # what a stub raises is a call too
    assert status is not None, "the details were lost on the way"
    unpacked: list[object] = []
    for detail in status.details:
        for kind in (error_details_pb2.BadRequest, error_details_pb2.RetryInfo):
            if detail.Is(kind.DESCRIPTOR):
                message = kind()
                detail.Unpack(message)
                unpacked.append(message)
    return unpacked


def test_field_violations_arrive(channel: grpc.Channel) -> None:
    stub = reservation_service_pb2_grpc.ReservationServiceStub(channel)
    with pytest.raises(grpc.RpcError) as refused:
        stub.Reserve(rs.ReserveRequest(store_id="S1", customer_id="ann", channel="web"), timeout=CALL_S)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    (bad,) = details_of(refused.value)
    assert isinstance(bad, error_details_pb2.BadRequest)
    assert [violation.field for violation in bad.field_violations] == ["idempotency_key", "lines"]


def test_many_violations_arrive_as_well(channel: grpc.Channel) -> None:
    """Statuses travel in headers, which are small: what is told has a limit."""
    rows = [{"sku": "\n" * 64, "quantity": -1}] * 4_096
    stub = stock_service_pb2_grpc.StockServiceStub(channel)
    with pytest.raises(grpc.RpcError) as refused:
        stub.SetSafetyStock(ss.SetSafetyStockRequest(store_id="S1", safety_stocks=rows), timeout=CALL_S)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    (bad,) = details_of(refused.value)
    assert isinstance(bad, error_details_pb2.BadRequest)
    assert bad.field_violations[0].field == "idempotency_key"


def test_an_unknown_shop_is_not_found_by_its_field(channel: grpc.Channel) -> None:
    stub = reservation_service_pb2_grpc.ReservationServiceStub(channel)
    with pytest.raises(grpc.RpcError) as refused:
        stub.ListReservations(rs.ListReservationsRequest(store_id="nowhere"), timeout=CALL_S)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    (bad,) = details_of(refused.value)
    assert isinstance(bad, error_details_pb2.BadRequest)
    assert [violation.field for violation in bad.field_violations] == ["store_id"]


def test_a_time_that_is_over_is_said_with_its_status(channel: grpc.Channel) -> None:
    stub = reservation_service_pb2_grpc.ReservationServiceStub(channel)
    request = rs.ReserveRequest(
        idempotency_key="late", store_id="S1", customer_id="ann", channel="web", lines=[{"sku": "a", "quantity": 1}]
    )
    with pytest.raises(grpc.RpcError) as refused:
        stub.Reserve(request, timeout=CALL_S, metadata=[("holdfast-timeout-ms", "0")])
    assert refused.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_when_to_ask_again_arrives(service: Service, channel: grpc.Channel) -> None:
    """Streams have a limit, and refuse beyond it with a time to wait."""

    async def stock(client: ChannelClient) -> None:
        await receive(client, "S1", "something to watch", 1)

    with_client(service, stock)
    stub = stock_service_pb2_grpc.StockServiceStub(channel)
    request = ss.WatchAvailabilityRequest(cursors=[{"store_id": "S1"}])
    streams = [stub.WatchAvailability(request) for _ in range(65)]
    refusals = []
    try:
        for stream in streams:
            try:
                next(stream)
            except grpc.RpcError as refused:
                refusals.append(refused)
    finally:
        for stream in streams:
            stream.cancel()
    # More than one where the pages still have a stream of their own.
    assert {refused.code() for refused in refusals} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    (retry,) = details_of(refusals[0])
    assert isinstance(retry, error_details_pb2.RetryInfo)
    assert retry.retry_delay.ToMilliseconds() == 1_000


def test_the_largest_batches_pass(service: Service, channel: grpc.Channel) -> None:
    """1,024 reservations of 20 lines with ids as long as they may be: some 3.5 MB there and 5 MB back."""
    skus = [f"{number:02}{'x' * 62}" for number in range(20)]

    async def stock(client: ChannelClient) -> None:
        for sku in skus:
            await receive(client, "S2", sku, 1_024)

    with_client(service, stock)
    lines = [reservation_pb2.LineQuantity(sku=sku, quantity=1) for sku in skus]
    requests = [
        rs.ReserveRequest(
            idempotency_key=f"{number:0128}", store_id="S2", customer_id="c" * 128, channel="web", lines=lines
        )
        for number in range(1_024)
    ]
    request = rs.ReserveBatchRequest(requests=requests)
    assert request.ByteSize() > 1_500_000
    stub = reservation_service_pb2_grpc.ReservationServiceStub(channel)
    response = stub.ReserveBatch(request, timeout=CALL_S)
    assert {outcome.WhichOneof("result") for outcome in response.outcomes} == {"reservation"}
    assert len({outcome.reservation.reservation_id for outcome in response.outcomes}) == 1_024


def test_what_is_no_message_is_refused(channel: grpc.Channel) -> None:
    call: Any = channel.unary_unary("/holdfast.v1.ReservationService/Reserve")
    with pytest.raises(grpc.RpcError) as refused:
        call(b"\xff\xff\xff", timeout=CALL_S)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "holdfast.v1.ReserveRequest" in str(refused.value.details())


def test_health(channel: grpc.Channel) -> None:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    health: Any = health_pb2  # its types are older than it is
    serving = health_pb2.HealthCheckResponse.SERVING
    assert stub.Check(health_pb2.HealthCheckRequest(), timeout=CALL_S).status == serving
    listed = stub.List(health.HealthListRequest(), timeout=CALL_S).statuses
    ours = [service.full_name for service in SERVICES]
    assert "holdfast.v1.ReservationService" in ours
    assert {name: row.status for name, row in listed.items()} == dict.fromkeys(["", *ours], serving)
    with pytest.raises(grpc.RpcError) as refused:
        stub.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=CALL_S)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    watch = stub.Watch(health_pb2.HealthCheckRequest(service="holdfast.v1.StockService"))
    assert next(watch).status == serving
    watch.cancel()


def test_reflection_names_every_service_and_its_messages(channel: grpc.Channel) -> None:
    database = ProtoReflectionDescriptorDatabase(channel)
    assert {
        "holdfast.v1.ReservationService",
        "holdfast.v1.StockService",
        "holdfast.v1.EventService",
        "holdfast.v1.AdminService",
        "grpc.health.v1.Health",
    } <= set(database.get_services())
    found = DescriptorPool(database).FindServiceByName("holdfast.v1.ReservationService")
    assert {method.name for method in found.methods} >= {"Reserve", "ReserveBatch", "CollectBatch"}


def test_the_answer_says_which_actor_wrote_it(channel: grpc.Channel) -> None:
    stub = admin_service_pb2_grpc.AdminServiceStub(channel)
    actors = {
        stub.GetLedgerStatus(admin_service_pb2.GetLedgerStatusRequest(store_id=store_id), timeout=CALL_S).actor
        for store_id in STORES
    }
    assert actors == {"stores-0000-of-0002", "stores-0001-of-0002"}
