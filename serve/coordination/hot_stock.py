"""What the ledgers of hot SKUs have of shops' units, for reads: these units are still in the shops, and for sale. And
whether both ends agree about them.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from actors.core.ids import is_hot, ledger_of_hot, sku_of_ledger
from actors.core.rejection import Violation
from actors.protocol.messages import LedgerStopped
from actors.shop.commands import Lines, by_sku
from actors.shop.lines.decide import Row
from actors.shop.state import Reservation
from serve.routing.batcher import DeadlinePassed
from serve.routing.beside import KEPT
from serve.routing.router import Router

LOOKS: Final = 3  # at what is promised beyond, before it is told
LOOK_EVERY_S: Final = 1.0

# By shop and SKU: units there, how many of them are reserved, and how many are kept for the shop's line.
Held = dict[tuple[str, str], tuple[int, int, int]]


def hot_among(router: Router, skus: Sequence[str]) -> list[str]:
    """Those that have a ledger of their own, or had one."""
    hot = router.chain.hot
    return [sku for sku in dict.fromkeys(skus) if sku in hot and hot[sku].generation] if hot else []


async def held_of(
    router: Router, skus: Sequence[str], rows_by_shop: Mapping[str, Sequence[Row | None]], deadline: float
) -> tuple[Held, dict[str, BaseException]]:
    """What they have of these shops and SKUs, by what the shops say: this gateway may not have heard yet of one
    that is hot. And by shop, one of `beside.KEPT` where a ledger that has some of its units did not say.
    """
    asked: dict[str, list[str]] = {}
    for store_id, rows in rows_by_shop.items():
        for sku, row in zip(skus, rows, strict=True):
            if row is not None and row[-1]:
                asked.setdefault(sku, []).append(store_id)
    ledgers = [(ledger_of_hot(sku), store_ids) for sku, store_ids in asked.items()]
    questions = (positions_of(router, [ledger_id], store_ids, deadline) for ledger_id, store_ids in ledgers)
    answers = await asyncio.gather(*questions, return_exceptions=True)
    found: Held = {}
    kept: dict[str, BaseException] = {}
    for (sku, store_ids), said in zip(asked.items(), answers, strict=True):
        if isinstance(said, BaseException):
            if not isinstance(said, KEPT):
                raise said
            kept |= dict.fromkeys(store_ids, said)
            continue
        [(_, _, there)] = said.values()
        told = zip(store_ids, there, strict=True)
        found |= {(store_id, sku): (row[0], row[1], row[5]) for store_id, row in told if row is not None}
    return found, kept


async def positions_of(
    router: Router, ledger_ids: Sequence[str], rows: Sequence[str], deadline: float
) -> dict[str, tuple[int, int, list[Row | None]]]:
    """By ledger its version, its time and these rows of it. Raises as `Router.ask`, and as one of them says."""
    found = await router.ask_shops(ledger_ids, "availability", list(rows), deadline=deadline)
    for said in found.values():
        if isinstance(said, str):
            raise error_of(said)
    return found


def error_of(why: str) -> LedgerStopped | DeadlinePassed:
    """What a ledger says in place of its rows: why it is stopped, or nothing as it is read anew."""
    return LedgerStopped(why) if why else DeadlinePassed(sent=True)


def with_held(row: Row | None, held: tuple[int, int, int] | None) -> Row | None:
    """A shop's row with what is there told as if it were the shop's own. Between the two reads units may have come or
    gone: no more is told than what the shop has allotted to it.
    """
    if row is None or held is None:
        return row
    on_hand, reserved, allotted, safety_stock, unknown, kept, left = row
    there = min(held[0], left)
    reserved_there = min(held[1], there)
    kept += min(held[2], there - reserved_there)
    return on_hand, reserved + reserved_there, allotted - there, safety_stock, unknown, kept, left


async def free_of(router: Router, store_ids: Sequence[str], sku: str, deadline: float) -> dict[str, int]:
    """By shop the units of a hot SKU that are free in its ledger, as advice: nothing of one that is stopped. Raises as
    `Router.ask`.
    """
    ledger_id = ledger_of_hot(sku)
    with suppress(LedgerStopped):
        _, _, rows = await router.ask(ledger_id, "positions", ledger_id, list(store_ids), deadline=deadline)
        return {store_id: max(0, on_hand - reserved) for store_id, (_, on_hand, reserved) in rows.items()}
    return {}


def lines_by_sku(ledger_id: str, lines: Lines) -> Lines:
    """Units by SKU of lines as a ledger has them: that of a hot SKU has shops in their place."""
    return ((sku_of_ledger(ledger_id), sum(units for _, units in lines)),) if is_hot(ledger_id) else by_sku(lines)


def in_skus(ledger_id: str, held: Any) -> Any:
    """A reservation with its line by SKU also where the ledger of a hot SKU has it; anything else as it is."""
    if not (is_hot(ledger_id) and isinstance(held, Reservation)):
        return held
    [(_, units)] = held.lines
    return held.changed(lines=((sku_of_ledger(ledger_id), units),))


async def compare_units(router: Router, ledger_id: str, deadline: float) -> list[Violation]:
    """Where the ledger of a hot SKU and shops do not agree about units. What one end says is read before and after what
    the other says, as it may be on its way; totals only grow. Raises as `Router.ask`.
    """
    sku = sku_of_ledger(ledger_id)
    _, _, before = await router.ask(ledger_id, "positions", ledger_id, [], deadline=deadline)
    questions = (router.ask(store_id, "hot_totals", store_id, [sku], deadline=deadline) for store_id in before)
    shops = await asyncio.gather(*questions)
    _, _, after = await router.ask(ledger_id, "positions", ledger_id, list(before), deadline=deadline)
    found: list[Violation] = []
    for store_id, [shop] in zip(before, shops, strict=True):
        first, then = before[store_id][0], after[store_id][0]
        for what, least, most in (
            ("handed", first.over, shop.over),
            ("given back", shop.back, then.back),
            ("moved", shop.moved, then.moved),
        ):
            if least > most:
                found.append(Violation("I20", f"{sku} of {store_id}", f"{least} {what}, or more", str(most)))
    return found + await _promised_beyond(router, sku, list(before), deadline)


async def _promised_beyond(router: Router, sku: str, store_ids: list[str], deadline: float) -> list[Violation]:
    """Where a shop and the SKU's ledger together promise more of it than the shop has, and go on doing so: until a
    count is answered they may.
    """
    ledger_id = ledger_of_hot(sku)
    for looks in range(LOOKS):
        if looks:
            await asyncio.sleep(LOOK_EVERY_S)
        before = await positions_of(router, store_ids, [sku], deadline)
        _, _, there = await router.ask(ledger_id, "positions", ledger_id, store_ids, deadline=deadline)
        after = await positions_of(router, store_ids, [sku], deadline)
        found: dict[str, Violation] = {}
        for store_id in store_ids:
            _, _, [row] = before[store_id]
            if row is None or row != after[store_id][2][0] or store_id not in there:  # units are on their way
                continue
            on_hand, reserved, allotted, *_, left = row
            units, promised = max(0, on_hand - allotted + left), reserved + there[store_id][2]
            if promised > units:
                found[store_id] = Violation("I2", f"{sku} of {store_id}", f"at most {units} promised", str(promised))
        if not found:
            return []
        store_ids = list(found)
    return list(found.values())
