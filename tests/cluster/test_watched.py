"""What an operator finds of a service: its metrics on their port, and log lines by request, after a kill and a stop."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import grpc
import pytest

from actors.telemetry import metrics
from holdfast.v1 import reservation_service_pb2 as rs, reservation_service_pb2_grpc as rg
from serve.config.environment import free_ports
from tests.cluster.service import Service
from tests.waiting import until

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Watched(Service):
    """With a folder for its logs, and a port for its metrics."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (self.metrics_port,) = free_ports(1)

    @property
    def logs(self) -> Path:
        """Where they are."""
        return self.folder / "logs"

    def command(self, store_actors: int = 2) -> list[str]:
        return [*super().command(store_actors), "--log-dir", str(self.logs), "--metrics-port", str(self.metrics_port)]

    def scraped(self) -> dict[str, list[str]]:
        """Its lines by metric, as Prometheus gets them."""
        try:
            with urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=20) as answer:
                text = answer.read().decode()
        except OSError:  # it does not listen yet
            return {}
        found: dict[str, list[str]] = {}
        for line in text.splitlines():
            if line.startswith("ray_holdfast_"):
                found.setdefault(line.partition("{")[0].removeprefix("ray_"), []).append(line)
        return found


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


def names() -> set[str]:
    """The metrics that there are once a call was answered; what has happened to nobody has no line."""
    rare = {metrics.EXPIRIES, metrics.RECOVERIES}
    return {
        f"{each.name}_bucket" if each.kind is metrics.Kind.HISTOGRAM else each.name
        for each in metrics.METRICS
        if each not in rare
    }


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
    counted = 'code="OK",method="Reserve"'
    until(
        lambda: any(counted in line for line in own.scraped().get(metrics.CALLS.name, ())),
        within_s=60,
        what="a call that is counted",
    )
    until(lambda: names() <= own.scraped().keys(), within_s=60, what=f"all of {names()}")
    assert any('reason="SKU_NOT_STOCKED"' in line for line in own.scraped()[metrics.DECISIONS.name])
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
