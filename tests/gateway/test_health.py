"""The standard health service."""

from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2

from serve.health import NAMES, WATCH_EVERY_S, Health
from tests.gateway.front import Context
from tests.runtime.loop_time import run, skip, turns

hp: Any = health_pb2  # its types are older than it is
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.mark.parametrize("service", NAMES)
def test_each_service_serves_until_it_drains(service: str) -> None:
    health, context = Health(), Context()
    assert health.check(hp.HealthCheckRequest(service=service), context).status == SERVING
    health.drain()
    assert health.check(hp.HealthCheckRequest(service=service), context).status == NOT_SERVING
    assert context.code is grpc.StatusCode.OK


@pytest.mark.parametrize("service", ["nobody", "holdfast.v1.reservationservice", "x" * 1_000_000, "\n"])
def test_another_service_is_not_found(service: str) -> None:
    context = Context()
    Health().check(hp.HealthCheckRequest(service=service), context)
    assert context.code is grpc.StatusCode.NOT_FOUND
    assert "holdfast.v1.StockService" in context.details or len(service) > 1_000
    assert len(context.details) < 8_000


def test_all_are_listed() -> None:
    health = Health()
    assert {name: row.status for name, row in health.list().statuses.items()} == dict.fromkeys(NAMES, SERVING)
    health.drain()
    assert {row.status for row in health.list().statuses.values()} == {NOT_SERVING}


def test_a_watch_tells_each_change_and_ends() -> None:
    async def main() -> None:
        health = Health()
        watch = health.watch(hp.HealthCheckRequest())
        assert (await anext(watch)).status == SERVING
        health.drain()
        skip(WATCH_EVERY_S)
        assert (await anext(watch)).status == NOT_SERVING
        assert [message async for message in watch] == []

    run(main)


def test_a_watch_of_another_service_says_so_and_waits() -> None:
    async def main() -> None:
        watch = Health().watch(hp.HealthCheckRequest(service="nobody"))
        assert (await anext(watch)).status == hp.HealthCheckResponse.SERVICE_UNKNOWN
        await watch.aclose()  # type: ignore[attr-defined]
        await turns()

    run(main)


def test_a_watch_of_another_service_ends_with_the_gateway() -> None:
    async def main() -> None:
        health = Health()
        watch = health.watch(hp.HealthCheckRequest(service="nobody"))
        await anext(watch)
        health.drain()
        skip(WATCH_EVERY_S)
        assert [message async for message in watch] == []

    run(main)
