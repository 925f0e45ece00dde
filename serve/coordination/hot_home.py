"""What a shop lacks of a hot SKU, as a count, a till, a safety stock or a short receipt says, comes home from the
ledger of the SKU before that is answered, where that ledger is there: then nothing is promised beyond it from the
answer on, but what somebody has lost by name. Where it is away the keeper of hot SKUs brings it home; the shop's
decision is answered.

First what is free there. Where the shop is short of more, all that is held of it there moves in, and is lost by the
rule of shortfalls, beside what the shop itself holds.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from actors.core.ids import ledger_of_hot
from actors.protocol.formats import BeyondFormat
from actors.protocol.messages import Entry, LedgerStopped
from actors.shop import commands as shop
from actors.shop.transfers.transfer import ReceiveTransfer
from serve.coordination.deliveries import PASSING
from serve.coordination.hot import HotCalls
from serve.coordination.hot_stock import hot_among
from serve.coordination.hot_units import HotUnits, Place
from serve.routing.beside import beside
from serve.routing.router import Router

MOVES_AT_ONCE: Final = 64
LOOKS_MAX: Final = 10  # what cannot move now, as a grant is asked for, is lost when it does
PAUSE_S: Final = 0.05  # times the looks so far

log = logging.getLogger("holdfast.hot")


async def bring_home(router: Router, units: HotUnits, calls: HotCalls, decided: Entry, deadline: float) -> bool:
    """Bring home what a shop lacks behind this change of its stock, which it has decided: until `beside` at most, and
    then it is the keeper's. May be done twice. Whether all is home. Raises none of what ends a call, since nothing that
    goes wrong here says anything of the change.
    """
    store_id, command = decided
    skus: Iterable[str] = ()
    match command:
        case shop.AdjustStock(movements=movements):
            skus = (row.sku for row in movements if row.delta < 0)
        case shop.CountStock(counts=rows) | shop.SetSafetyStock(safety_stocks=rows) | ReceiveTransfer(lines=rows):
            skus = (sku for sku, _ in rows)
        case _:
            pass
    until = beside(deadline)

    async def bring(sku: str) -> bool:
        try:
            async with asyncio.timeout_at(until):
                await bring_sku_home(router, units, calls, (store_id, sku), until)
        except (TimeoutError, *PASSING, BeyondFormat) as error:
            log.warning("what %s lacks of %s comes home later: %r", store_id, sku, error, extra={"sku": sku})
            return False
        return True

    return all(await asyncio.gather(*map(bring, hot_among(router, list(skus)))))


async def bring_sku_home(router: Router, units: HotUnits, calls: HotCalls, place: Place, deadline: float) -> None:
    """The same of one SKU, until the deadline. Raises as `Router.ask`."""
    store_id, sku = place
    for looks in range(LOOKS_MAX):
        await asyncio.sleep(PAUSE_S * looks)
        [here] = await router.ask(store_id, "hot_totals", store_id, [sku], deadline=deadline)
        if not here.wanted or here.over <= here.back + here.moved:
            return
        try:
            await units.give_back(place, here.wanted, deadline, {} if here.waits else None)
            [here] = await router.ask(store_id, "hot_totals", store_id, [sku], deadline=deadline)
            if not here.short:
                return
            await _move_all(router, calls, place, deadline)
        except LedgerStopped:  # the SKU's: it promises nothing more, and is seen to once it runs
            return


async def _move_all(router: Router, calls: HotCalls, place: Place, deadline: float) -> None:
    """Whatever the SKU's ledger holds of the shop, the oldest first."""
    store_id, sku = place
    ledger_id = ledger_of_hot(sku)
    numbers = await router.ask(ledger_id, "held_of", ledger_id, store_id, deadline=deadline)
    for start in range(0, len(numbers), MOVES_AT_ONCE):
        some = numbers[start : start + MOVES_AT_ONCE]
        await asyncio.gather(*(calls.move(ledger_id, number, deadline) for number in some))
