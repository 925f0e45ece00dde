"""kill -9 of what a call passes through: callers see a delay, and every answer that was given stands."""

import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable

import grpc
import pytest

from holdfast.client import ChannelClient
from holdfast.v1 import stock_service_pb2 as ss, stock_service_pb2_grpc
from tests.cluster.callers import Crowd, available, kill_actor, pid_of, receive, verified, with_client
from tests.cluster.service import Service
from tests.waiting import until

Strike = Callable[[ChannelClient], Awaitable[None]]

CALLERS = 240
UNITS = 150
BACK_S = 30.0  # a busy machine takes its time over what takes two seconds on a quiet one


def kill_titled(service: Service, title: str) -> Strike:
    """Kill what is called so, and see that it is there again."""

    async def strike(_: ChannelClient) -> None:
        doomed = service.processes(title)
        assert doomed, f"no process is called {title}"
        for process in doomed:
            process.kill()

    return strike


@pytest.mark.parametrize("what", ["actor", "replica", "haproxy", "controller"])
def test_a_kill_under_load_is_a_delay(service: Service, what: str) -> None:
    sku = f"killed-{what}"
    strikes: dict[str, Strike] = {
        "actor": lambda client: kill_actor(client, "S1"),
        "replica": kill_titled(service, "ray::ServeReplica"),
        "haproxy": kill_titled(service, "bin/haproxy"),
        "controller": kill_titled(service, "ray::ServeController"),
    }

    async def main(client: ChannelClient) -> None:
        await receive(client, "S1", sku, UNITS)
        before = await client.ledger_status("S1")
        crowd = Crowd(service, "S1", sku)
        keys = [f"{sku}-{number}" for number in range(CALLERS)]
        await crowd.come(keys, at_once=16, during=lambda: strikes[what](client))

        assert (crowd.accepted, crowd.refused["INSUFFICIENT_STOCK"]) == (UNITS, CALLERS - UNITS)
        await crowd.ask_again()
        assert await available(client, "S1", sku) == (UNITS, UNITS, 0)
        after = await client.ledger_status("S1")
        assert (after.epoch > before.epoch) == (what == "actor")
        assert (after.pid != before.pid) == (what == "actor")
        await verified(client, "S1")

    with_client(service, main)


@pytest.mark.parametrize("title", ["ray::ServeReplica", "bin/haproxy"])
def test_a_foreign_client_hears_unavailable_and_nothing_else_while_no_gateway_is_up(
    service: Service, title: str
) -> None:
    heard: Counter[str] = Counter()
    request = ss.GetAvailabilityRequest(store_ids=["S1"], skus=["any"])

    def is_served() -> bool:
        """Ask by a plain stub over a connection of its own, and count what is heard."""
        with grpc.insecure_channel(service.address, options=[("grpc.enable_retries", 0)]) as channel:
            try:
                stock_service_pb2_grpc.StockServiceStub(channel).GetAvailability(request, timeout=BACK_S)
            except grpc.RpcError as error:
                heard[error.code().name] += 1  # what a stub raises is a call too
                return False
        heard["OK"] += 1
        return True

    until(is_served, within_s=BACK_S, what="the gateway before the kill")
    for process in service.processes(title):
        process.kill()
    until(lambda: not is_served(), within_s=BACK_S, what="a call that finds no gateway")
    until(is_served, within_s=BACK_S, what="the gateway after the kill")
    assert set(heard) == {"OK", "UNAVAILABLE"}, heard


def test_an_actor_that_is_killed_again_and_again_loses_nothing(service: Service) -> None:
    async def main(client: ChannelClient) -> None:
        await receive(client, "S5", "often", 90)
        crowd = Crowd(service, "S5", "often")
        epochs = []
        for turn in range(3):
            keys = [f"often-{turn}-{number}" for number in range(40)]
            await crowd.come(keys, at_once=8, during=lambda: kill_actor(client, "S5"))
            epochs.append((await client.ledger_status("S5")).epoch)
        assert epochs == sorted(set(epochs))
        assert crowd.accepted == 90
        await crowd.ask_again()
        await verified(client, "S5")

    with_client(service, main)


def test_an_actor_that_nobody_calls_comes_back_by_itself(service: Service) -> None:
    """Its holds must fall due, and its feed must go on, whether or not somebody asks."""

    async def main(client: ChannelClient) -> None:
        await receive(client, "S5", "quiet", 1)
        before = await pid_of(client, "S5")
        count = len(service.processes("ray::RayStoreActor"))
        os.kill(before, signal.SIGKILL)

        def back() -> bool:
            actors = service.processes("ray::RayStoreActor")
            return len(actors) == count and before not in {actor.pid for actor in actors}

        until(back, within_s=BACK_S, what="another process in its place")

    with_client(service, main)
