"""What an operator finds of a service that ran: log lines by request, after a kill and after an orderly stop."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from holdfast.v1 import reservation_service_pb2 as rs, reservation_service_pb2_grpc as rg
from tests.cluster.service import Service
from tests.waiting import until

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Watched(Service):
    """With a folder for its logs."""

    @property
    def logs(self) -> Path:
        """Where they are."""
        return self.folder / "logs"

    def command(self, store_actors: int = 2) -> list[str]:
        return [*super().command(store_actors), "--log-dir", str(self.logs)]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Watched]:
    """A service of this test's own."""
    service = Watched(tmp_path)
    try:
        yield service
    finally:
        service.kill()


def reserve(service: Service, request_id: str) -> dict[str, Any]:
    """The trailers of a call under that id, which is its key too."""
    line = {"sku": "nothing", "quantity": 1}
    request = rs.ReserveRequest(
        idempotency_key=request_id, store_id="S1", customer_id="somebody", channel="web", lines=[line]
    )
    ids = (("x-request-id", request_id), ("traceparent", PARENT))
    with grpc.insecure_channel(service.address) as channel:
        _, call = rg.ReservationServiceStub(channel).Reserve.with_call(request, metadata=ids, timeout=20)
    return dict(call.trailing_metadata())


def lines_of(service: Watched, request_id: str) -> dict[str, dict[str, Any]]:
    """The lines about a request by their files' names."""
    found = {}
    for file in service.logs.glob("*.log"):
        for line in map(json.loads, file.read_text().splitlines()):
            if line.get("request_id") == request_id:
                found[file.stem] = line
    return found


def test_lines_of_gateway_and_actor_are_found_by_request_after_a_kill_and_after_a_stop(own: Watched) -> None:
    own.start()
    told = reserve(own, "request-1")
    assert (told["x-request-id"], told["traceparent"]) == ("request-1", PARENT)
    # The gateway writes its line once it has answered.
    until(lambda: len(lines_of(own, "request-1")) == 2, within_s=20, what="a line of the gateway's")
    own.kill()
    assert lines_of(own, "request-1").keys() == {"gateway", "stores-0000-of-0002"}
    own.start()
    reserve(own, "request-2")
    assert own.stop() == []
    found = lines_of(own, "request-2")
    assert found.keys() == {"gateway", "stores-0000-of-0002"}
    common = {"request_id": "request-2", "trace_id": PARENT.split("-")[1], "key": "request-2", "ledger": "S1"}
    assert all(common.items() <= line.items() for line in found.values())
    assert found["stores-0000-of-0002"]["actor"] == "stores-0000-of-0002"
    assert lines_of(own, "request-1").keys() == found.keys()
    everything = "".join(file.read_text() for file in own.logs.glob("*.log"))
    assert "draining" in everything
    assert "somebody" not in everything
