"""kill -9 of both ends and of the gateway while customers wait in line, a till that was cut off settles, and units are
on their way to those who wait.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from bench.demo.turns import Turns
from holdfast.client import (
    Adjustment,
    AdjustmentKind,
    Allotment,
    ChannelClient,
    Position,
    ReleaseReason,
    Reservation,
    Status,
    StockChange,
    TillClient,
    Transfer,
    TransferStatus,
)
from tests.cluster.callers import CALL_MS, kill_actor, receive, verified, with_client
from tests.cluster.service import STORES, Service
from tests.cluster.test_kills import kill_titled

HERE: Final = "S2"
SCARCE, TILLED = "scarce", "tilled"
FIRST: Final = 4  # customers who have a unit each when the others come
WAITING: Final = (1, 2, 1, 1, 2, 1, 3, 1, 1, 2, 1, 1)  # units of each who waits
SENT, CAME = 8, 7
GIVEN, SOLD, RECEIVED = 12, 9, 20
HOUR_MS: Final = 3_600_000
NOBODY: Final = "127.0.0.1:1"
CUT_OFF_MS: Final = 20


@asynccontextmanager
async def till(target: str, folder: Path) -> AsyncIterator[TillClient]:
    """The till, with its file in the folder."""
    path = folder / "till-1"
    async with TillClient(target, store_id=HERE, till="till-1", journal_path=path, may_exceed=False) as opened:
        yield opened


async def position(client: ChannelClient, store_id: str, sku: str) -> Position:
    (store,) = await client.get_availability([store_id], [sku])
    return store.positions[0]


async def elsewhere(client: ChannelClient) -> str:
    """A shop of another actor."""
    actor = (await client.ledger_status(HERE)).actor
    for store_id in STORES:
        if (await client.ledger_status(store_id)).actor != actor:
            return store_id
    raise AssertionError("all shops are of one actor")


class Line:
    """Those who wait, and what each was told."""

    def __init__(self, client: ChannelClient) -> None:
        self._client = client
        self.told: dict[str, Any] = {}

    async def come(self, name: str, units: int, wait_ms: int | None) -> Reservation:
        answer = await self._client.reserve(
            HERE, [(SCARCE, units)], customer_id=name, channel="web", wait_ms=wait_ms, idempotency_key=name
        )
        assert isinstance(answer, Reservation)
        assert self.told.setdefault(name, answer) == answer
        return answer

    async def give_back(self, held: Sequence[Reservation]) -> None:
        for each in held:
            key = f"back {each.reservation_id}"
            await self._client.release(each.reservation_id, reason=ReleaseReason.OTHER, idempotency_key=key)

    async def ask_again(self) -> None:
        """Everybody, and each is answered as at first."""
        for name, answer in list(self.told.items()):
            place = int(name.rpartition(" ")[2])
            asked = (1, None) if name.startswith("first") else (WAITING[place], HOUR_MS)
            assert await self.come(name, *asked) == answer


async def all_is_where_it_belongs(client: ChannelClient, there: str, transfer_id: str) -> None:
    """Every unit, at the end, and everybody served in turn."""
    scarce, tilled = await position(client, HERE, SCARCE), await position(client, HERE, TILLED)
    assert (scarce.on_hand, scarce.reserved, scarce.available, scarce.kept) == (sum(WAITING), sum(WAITING), 0, 0)
    assert (tilled.on_hand, tilled.allotted, tilled.available) == (RECEIVED - SOLD, 0, RECEIVED - SOLD)
    turns = await turns_in(client, HERE)
    assert (len(turns.served), turns.waiting(), turns.out_of_turn) == (len(WAITING), 0, [])
    assert (await client.get_transfer(transfer_id)).status is TransferStatus.RECEIVED
    moved = await client.verify_transfers()
    assert (moved.discrepancies, moved.units_missing, moved.units_short) == ((), 0, SENT - CAME)
    await verified(client, HERE, there)


async def turns_in(client: ChannelClient, store_id: str) -> Turns:
    """Who was served when, by the shop's feed."""
    turns, last = Turns(), (await client.ledger_status(store_id)).version
    async with client.watch_events([store_id]) as events:
        async for event in events:
            turns.see(event)
            if event.version == last:
                break
    return turns


def test_a_line_a_till_and_a_transfer_keep_every_unit_over_kills(service: Service, tmp_path: Path) -> None:
    async def main(client: ChannelClient) -> None:
        there, line = await elsewhere(client), Line(client)
        file, copy = tmp_path / "file", tmp_path / "copy"
        file.mkdir()
        await receive(client, HERE, SCARCE, FIRST)
        await receive(client, there, SCARCE, SENT)
        await receive(client, HERE, TILLED, RECEIVED)
        first = [await line.come(f"first {place}", 1, None) for place in range(FIRST)]
        waits = [line.come(f"waits {place}", units, HOUR_MS) for place, units in enumerate(WAITING)]
        await during(kill_actor(client, HERE), *waits[:6])
        assert [(await each).status for each in waits[6:]] == [Status.QUEUED] * 6
        async with till(service.address, file) as opened:
            taken = await opened.take_allotment([(TILLED, GIVEN)], ttl_ms=HOUR_MS, timeout_ms=CALL_MS)
            assert isinstance(taken, Allotment)
        proposed = await client.propose_transfer(there, HERE, [(SCARCE, SENT)], idempotency_key="propose")
        assert isinstance(proposed, Transfer)
        async with till(NOBODY, file) as cut_off:
            for number in range(SOLD):
                await cut_off.sell([(TILLED, 1)], receipt=f"receipt-{number}", timeout_ms=CUT_OFF_MS)
        shutil.copytree(file, copy)

        sent = client.send_transfer(proposed.transfer_id, idempotency_key="send")
        await during(kill_actor(client, there), sent, line.give_back(first[:2]))

        async with till(service.address, file) as back, till(service.address, copy) as again:
            came = [(SCARCE, CAME)]
            receipt = client.receive_transfer(HERE, proposed.transfer_id, came, idempotency_key="receive")
            flushed, received, _ = await during(
                kill_actor(client, HERE), back.flush(timeout_ms=CALL_MS), receipt, line.give_back(first[2:])
            )
            assert (flushed.applied, flushed.unsent) == (SOLD, 0)
            settled = await again.flush(timeout_ms=CALL_MS)
            assert settled.applied + settled.dropped_repeated == SOLD, "first answers, and numbers that are known"
            assert await again.settle_doubtful(book=False) == settled.doubtful
            rest = sum(WAITING) - FIRST - CAME
            row = Adjustment(SCARCE, rest, 1, AdjustmentKind.RECEIPT)
            delivery = client.adjust_stock(HERE, "delivery", [row], idempotency_key="delivery")
            delivered, returned = await during(
                kill_titled(service, "ray::ServeReplica")(client),
                delivery,
                back.return_allotments(timeout_ms=CALL_MS),
            )
            assert isinstance(delivered, StockChange)
            assert [(each.lines[0].given, each.lines[0].used) for each in returned] == [(GIVEN, SOLD)]
        await kill_actor(client, HERE)

        repeated = await client.receive_transfer(HERE, proposed.transfer_id, came, idempotency_key="receive")
        assert repeated == received
        await line.ask_again()
        await all_is_where_it_belongs(client, there, proposed.transfer_id)

    with_client(service, main)


async def during(kill: Awaitable[None], *calls: Awaitable[Any]) -> list[Any]:
    """What the calls are answered, while something is killed."""
    _, *answers = await asyncio.gather(kill, *calls)
    return answers
