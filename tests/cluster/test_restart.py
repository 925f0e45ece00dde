"""The whole service goes and comes back: told to end while it is called, and with everything killed at once. What an
operator finds of it over that: its metrics on their port, and log lines by request.
"""

import asyncio
import json
import subprocess
from collections.abc import Awaitable, Iterator
from typing import Any

import grpc
import pytest

from actors.telemetry import metrics
from holdfast.client import ChannelClient, Reservation
from holdfast.v1 import reservation_service_pb2 as rs, reservation_service_pb2_grpc as rg
from tests.cluster.callers import Crowd, available, client_of, receive, verified, with_client
from tests.cluster.service import START_S, Service
from tests.cluster.watched import Watched
from tests.waiting import until

CALLERS = 150
UNITS = 400
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """One for all of these tests: a start takes its time."""
    service = Watched(tmp_path_factory.mktemp("restarted"))
    try:
        yield service
        left = service.stop()
    finally:
        service.kill()
    assert left == [], "processes that outlived the service"
    assert service.said() is None


@pytest.fixture
def own(kept: Watched) -> Watched:
    """A service that serves, and that a test may end."""
    if not kept.is_up:
        kept.start()
    return kept


def test_what_was_answered_outlives_the_service(own: Watched) -> None:
    """Callers go on all the time; for them a restart is a delay, whether it was asked for or a power cut."""
    left: list[str] = []

    def restart() -> None:
        left.extend(own.stop())
        own.start()

    def power_cut() -> None:
        own.kill()
        own.start()

    async def main(client: ChannelClient) -> None:
        await receive(client, "S1", "kept", UNITS)
        crowd = Crowd(own, "S1", "kept")
        await crowd.come([f"before-{number}" for number in range(20)], at_once=20)
        confirmed = next(answer for answer in crowd.answers.values() if isinstance(answer, Reservation))
        await client.confirm(confirmed.reservation_id, idempotency_key="confirm")
        epochs = [(await client.ledger_status("S1")).epoch]

        for name, strike in (("restart", restart), ("power", power_cut)):
            keys = [f"{name}-{number}" for number in range(CALLERS)]
            await crowd.come(keys, at_once=8, during=lambda strike=strike: asyncio.to_thread(strike))  # type: ignore[misc]
            epochs.append((await client.ledger_status("S1")).epoch)

        assert epochs == sorted(set(epochs))
        assert left == [], "processes that outlived the service"
        assert crowd.accepted == 20 + 2 * CALLERS
        await crowd.ask_again()
        assert await available(client, "S1", "kept") == (UNITS, crowd.accepted, UNITS - crowd.accepted)
        read = await client.get_reservation(confirmed.reservation_id)
        assert read.status.name == "CONFIRMED"
        await verified(client, "S1")

    with_client(own, main)


def again(client: ChannelClient, key: str) -> Awaitable[Any]:
    """The same call."""
    return client.reserve("S5", [("drained", 1)], customer_id=key, channel="web", idempotency_key=key)


async def move(client: ChannelClient, source: str, answers: dict[str, Reservation]) -> None:
    """Have the shop move while everything is asked again."""
    calls = [asyncio.ensure_future(again(client, key)) for key in answers]
    other = next(name for name in ("stores-0000-of-0002", "stores-0001-of-0002") if name != source)
    assert (await client.move_store("S5", other)).source == source
    assert [await call for call in calls] == list(answers.values())
    assert (await client.ledger_status("S5")).actor == other
    for key, answer in answers.items():
        assert await again(client, key) == answer


def refused(service: Service, why: str, *options: str) -> None:
    """One more over the same directory does not start."""
    ended = subprocess.run(
        [*service.command(), *options], env=service.environment(), capture_output=True, timeout=START_S, check=False
    )
    assert ended.returncode == 2
    assert why in ended.stderr.decode()


def test_a_drained_service_lost_no_accepted_call_and_started_quickly(own: Watched) -> None:
    """Each answer that arrived before the end is there after it; the snapshot makes the next start short."""
    answers: dict[str, Reservation] = {}

    async def call_until_it_ends() -> None:
        async with client_of(own) as client:
            await receive(client, "S5", "drained", 5_000)
            ended = asyncio.Event()

            async def caller(name: int) -> None:
                turn = 0
                while not ended.is_set():
                    turn += 1
                    key = f"drain-{name}-{turn}"
                    call = client.reserve("S5", [("drained", 1)], customer_id=key, channel="web", idempotency_key=key)
                    done, _ = await asyncio.wait(
                        [asyncio.ensure_future(call), over], return_when=asyncio.FIRST_COMPLETED
                    )
                    for task in done - {over}:
                        answer = task.result()
                        assert isinstance(answer, Reservation)
                        answers[key] = answer

            over = asyncio.ensure_future(ended.wait())
            callers = [asyncio.create_task(caller(name)) for name in range(8)]
            while len(answers) < 200:
                await client.health()
            assert await asyncio.to_thread(own.stop) == []
            ended.set()
            await asyncio.gather(*callers)

    asyncio.run(call_until_it_ends())
    # The placement of customers is fixed, and the directory one service's alone.
    refused(own, "customer_actors=1", "--customer-actors", "2")
    own.start()
    refused(own, "is served already")

    async def check(client: ChannelClient) -> None:
        status = await client.ledger_status("S5")
        assert status.snapshot_version > 0
        assert status.replayed_events == 0
        for key, answer in answers.items():
            number = int(answer.reservation_id.partition(":")[2])
            assert number <= status.snapshot_version
            assert await again(client, key) == answer
        await move(client, status.actor, answers)

    with_client(own, check)


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
