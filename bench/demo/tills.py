"""The third act, in a shop of its own: a till is cut off and goes on selling and handing out, while the web asks for
more than there is.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from holdfast.client import (
    Adjustment,
    AdjustmentKind,
    Allotment,
    ChannelClient,
    Reservation,
    Store,
    TillClient,
)

STORE_ID: Final = "till-shop"
SKU: Final = "demo-till"
RECEIVED: Final = 100
GIVEN: Final = 60  # to the till
HAND_OUTS: Final = 8
SALES: Final = 50
CALLERS: Final = 150  # online, of a unit each
HOUR_MS: Final = 3_600_000
NOBODY: Final = "127.0.0.1:1"
CUT_OFF_MS: Final = 20  # that a till waits for a network which is not there


class OfflineTill(NamedTuple):
    """What came of it, in units. `oversold` are those sold or promised that were never there."""

    sold: int
    handed_out: int
    online_asked: int
    online_accepted: int
    returned: int
    oversold: int
    conflicts: int
    holds: bool

    @property
    def is_right(self) -> bool:
        whole = self.sold == SALES and self.handed_out == HAND_OUTS and not self.conflicts
        return whole and self.holds and not self.oversold


async def sell_cut_off(client: ChannelClient, target: str, folder: Path) -> OfflineTill:
    """Give a till units and reservations, cut it off, and let both sides sell; then it comes back and settles."""
    await client.put_stores([Store(STORE_ID, "Cut off")])
    goods = Adjustment(SKU, RECEIVED, 1, AdjustmentKind.RECEIPT)
    await client.adjust_stock(STORE_ID, "opening", [goods], idempotency_key="till-opening")
    held = _made(await asyncio.gather(*(_reserve(client, f"pickup-{number}") for number in range(HAND_OUTS))))
    async with _till(target, folder) as till:
        taken = await till.take_allotment([(SKU, GIVEN)], ttl_ms=HOUR_MS, reason="demo")
        for each in held:
            await till.take_reservation(each.reservation_id, ttl_ms=HOUR_MS)
    async with _till(NOBODY, folder) as till:
        sides = await asyncio.gather(_demand(client, "first"), _sell(till, held))
    online = sides[0]
    async with _till(target, folder) as till:
        report = await till.flush()
        (returned,) = await till.return_allotments() or (taken,)
    online += await _demand(client, "then")
    (shop,) = await client.get_availability([STORE_ID], [SKU])
    audit = await client.verify_ledger(STORE_ID)
    line = returned.lines[0] if isinstance(returned, Allotment) else None
    sold = line.used if line else 0
    gone = sold + report.handed_out + online
    return OfflineTill(
        sold,
        report.handed_out,
        2 * CALLERS,
        online,
        line.given - line.used if line else 0,
        max(audit.units_oversold, gone - RECEIVED, shop.positions[0].reserved - shop.positions[0].on_hand, 0),
        len(report.conflicts),
        audit.holds,
    )


async def _sell(till: TillClient, held: Iterable[Reservation]) -> None:
    for number in range(SALES):
        await till.sell([(SKU, 1)], receipt=f"receipt-{number}", timeout_ms=CUT_OFF_MS)
    for each in held:
        await till.hand_out(each.reservation_id, payment_reference=f"paid-{each.reservation_id}", timeout_ms=CUT_OFF_MS)


async def _demand(client: ChannelClient, name: str) -> int:
    return len(_made(await asyncio.gather(*(_reserve(client, f"{name}-{number}") for number in range(CALLERS)))))


async def _reserve(client: ChannelClient, name: str) -> object:
    key = f"till-{name}"
    return await client.reserve(STORE_ID, [(SKU, 1)], customer_id=name, channel="web", idempotency_key=key)


def _made(outcomes: Iterable[object]) -> list[Reservation]:
    return [each for each in outcomes if isinstance(each, Reservation)]


@asynccontextmanager
async def _till(target: str, folder: Path) -> AsyncIterator[TillClient]:
    journal = folder / "till-1.journal"
    async with TillClient(target, store_id=STORE_ID, till="till-1", journal_path=journal, may_exceed=False) as till:
        yield till
