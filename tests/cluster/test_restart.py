"""The whole service goes and comes back: told to end while it is called, and with everything killed at once."""

import asyncio
import subprocess
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.client import ChannelClient, Reservation
from tests.cluster.callers import Crowd, available, client_of, receive, verified, with_client
from tests.cluster.service import START_S, Service

CALLERS = 150
UNITS = 400


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Service]:
    """A service that a test may end."""
    service = Service(tmp_path)
    try:
        service.start()
        yield service
    finally:
        service.kill()


def test_what_was_answered_outlives_the_service(own: Service) -> None:
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
    assert own.stop() == []
    assert own.said() is None


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


def test_a_drained_service_lost_no_accepted_call_and_started_quickly(own: Service) -> None:
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
    own.start()

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

    # The directory is this service's alone, and the placement of customers is fixed.
    for options, why in (((), "is served already"), (("--customer-actors", "2"), "customer_actors=1")):
        if options:
            assert own.stop() == []
        refused = subprocess.run(
            [*own.command(), *options], env=own.environment(), capture_output=True, timeout=START_S, check=False
        )
        assert refused.returncode == 2
        assert why in refused.stderr.decode()
