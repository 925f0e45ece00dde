"""The ids of callers go through a gateway into its actors' log lines and back to the callers."""

import logging
from collections.abc import Iterator
from typing import Any

import grpc
import orjson
import pytest

from actors.telemetry.logs import Lines
from holdfast.v1 import reservation_service_pb2 as rs
from tests.gateway.front import Context, Front, reserve_request

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
IDS: list[Any] = [("x-request-id", "request-1"), ("traceparent", PARENT)]


class Written(logging.Handler):
    """Renders lines as a process does, in the thread that has them."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []
        self.setFormatter(Lines({}))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(orjson.loads(self.format(record)))


@pytest.fixture
def written() -> Iterator[Written]:
    """What is logged from INFO on."""
    log, handler = logging.getLogger("holdfast"), Written()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield handler
    log.removeHandler(handler)
    log.setLevel(level)


def call(front: Front, method: str, request: Any, ids: list[Any]) -> Context:
    """The context of a call with this metadata, once it is answered."""
    context = Context()
    context._metadata += ids

    async def main() -> None:
        await getattr(front.gateway, method)(request.SerializeToString(), context)

    front.run(main)
    return context


def test_ids_are_in_the_lines_of_gateway_and_actor_and_in_the_answer(front: Front, written: Written) -> None:
    front.receive("A")
    written.lines.clear()
    context = call(front, "Reserve", reserve_request("key-1"), IDS)
    assert [tuple(pair) for pair in context.trailers] == IDS
    actor, gateway = written.lines
    common = {"ledger": "S1", "key": "key-1", "request_id": "request-1"}
    common |= {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "parent_id": "00f067aa0ba902b7"}
    assert actor.items() >= {**common, "logger": "holdfast.actor", "command": "Reserve"}.items()
    assert gateway.items() >= {**common, "logger": "holdfast.calls", "method": "Reserve", "code": "OK"}.items()
    assert "customer of key-1" not in str(written.lines)


def test_a_refusal_is_named_by_its_reason(front: Front, written: Written) -> None:
    call(front, "Reserve", reserve_request("key-1", sku="none"), IDS)
    assert [line["outcome"] for line in written.lines if "outcome" in line] == ["SKU_NOT_STOCKED"]


def test_a_batch_has_a_line_for_each_of_its_keys(front: Front, written: Written) -> None:
    request = rs.ReserveBatchRequest(requests=[reserve_request(f"key-{number}") for number in range(3)])
    call(front, "ReserveBatch", request, IDS)
    decided = [(line["key"], line["request_id"]) for line in written.lines if "command" in line]
    assert decided == [(f"key-{number}", "request-1") for number in range(3)]


def test_a_status_has_the_ids_beside_its_details(front: Front, written: Written) -> None:
    context = call(front, "GetReservation", rs.GetReservationRequest(reservation_id="S1:99"), IDS[:1])
    assert context.code is grpc.StatusCode.NOT_FOUND
    assert [key for key, _ in context.trailers] == ["grpc-status-details-bin", "x-request-id"]
    line = written.lines[-1]
    assert (line["code"], line["reason"]) == ("NOT_FOUND", "RESERVATION_NOT_FOUND")
    context = call(front, "GetReservation", rs.GetReservationRequest(reservation_id="none"), IDS[:1])
    assert context.code is grpc.StatusCode.INVALID_ARGUMENT
    assert written.lines[-1]["request_id"] == "request-1"


def test_a_call_without_ids_has_no_line_and_no_trailers(front: Front, written: Written) -> None:
    front.receive("A")
    written.lines.clear()
    assert call(front, "Reserve", reserve_request("key-1"), []).trailers == []
    assert written.lines == []


def test_debug_has_lines_for_each_call_under_an_id_that_is_made(front: Front, written: Written) -> None:
    front.receive("A")
    written.lines.clear()
    logging.getLogger("holdfast").setLevel(logging.DEBUG)
    context = call(front, "Reserve", reserve_request("key-1"), [])
    ((name, made),) = context.trailers
    assert name == "x-request-id"
    lines = [line for line in written.lines if line.get("key") == "key-1"]
    assert [(line["logger"], line["request_id"]) for line in lines] == [
        ("holdfast.actor", made),
        ("holdfast.calls", made),
    ]
    assert any("a step of 1 commands for 1 ledgers" in line["message"] for line in written.lines)


def test_the_next_call_of_a_task_has_none_of_the_ids_before(front: Front, written: Written) -> None:
    call(front, "Reserve", reserve_request("key-1"), IDS)
    written.lines.clear()
    call(front, "Reserve", reserve_request("key-2"), [])
    assert written.lines == []
