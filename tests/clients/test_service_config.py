"""The published service config: gRPC takes it, and it names every call that there is and none that there is not."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import grpc
import orjson

from holdfast.v1 import order_service_pb2 as os_
from holdfast.v1.order_service_pb2_grpc import (
    OrderServiceServicer,
    OrderServiceStub,
    add_OrderServiceServicer_to_server,
)
from holdfast.v1.services import SERVICES
from tests.house.sources import ROOT

CONFIG: Final = (ROOT / "proto" / "holdfast" / "v1" / "service_config.json").read_text(encoding="utf-8")
NAMES: Final = [name for entry in orjson.loads(CONFIG)["methodConfig"] for name in entry["name"]]


class Once(OrderServiceServicer):
    """Is away at the first call, and answers the second."""

    def __init__(self) -> None:
        self.calls = 0

    def GetOrder(self, _request: Any, context: Any) -> os_.GetOrderResponse:  # noqa: N802  # the wire's name
        self.calls += 1
        if self.calls == 1:
            context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        return os_.GetOrderResponse()


def test_every_call_has_its_retries_and_no_other_is_named() -> None:
    methods = {service.full_name: {method.name for method in service.methods} for service in SERVICES}
    assert {name["service"] for name in NAMES} == set(methods)
    whole = {name["service"] for name in NAMES if "method" not in name}
    assert whole == set(methods), "a service named as a whole covers its calls"
    singled_out = [(name["service"], name["method"]) for name in NAMES if "method" in name]
    assert [pair for pair in singled_out if pair[1] not in methods[pair[0]]] == []
    assert len(set(singled_out)) == len(singled_out)


def test_streams_have_no_time_limit_and_the_rest_has_one() -> None:
    streams = {
        (service.full_name, method.name)
        for service in SERVICES
        for method in service.methods
        if method.server_streaming
    }
    timed = {
        (name["service"], name.get("method", "")): "timeout" in entry
        for entry in orjson.loads(CONFIG)["methodConfig"]
        for name in entry["name"]
    }
    for service in SERVICES:
        for method in service.methods:
            key = (service.full_name, method.name)
            assert timed.get(key, timed[service.full_name, ""]) == (key not in streams), key


def test_grpc_takes_it_and_asks_again() -> None:
    service = Once()
    server = grpc.server(ThreadPoolExecutor(1))
    add_OrderServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.service_config", CONFIG)]) as channel:
            OrderServiceStub(channel).GetOrder(os_.GetOrderRequest(), timeout=30)
    finally:
        server.stop(None)
    assert service.calls == 2
