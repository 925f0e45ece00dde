"""Shops with a few orders to play with. Each call has its key, so that a second start lays out nothing twice."""

import asyncio
import logging
from dataclasses import replace
from typing import Final, NamedTuple

from holdfast.client import (
    Adjustment,
    AdjustmentKind,
    ChannelClient,
    HoldfastError,
    PickStatus,
    PickTask,
    Reservation,
    Store,
)

SHOPS: Final = (
    Store("S001", name="Alexanderplatz", latitude=52.5219, longitude=13.4132),
    Store("S002", name="Potsdamer Platz", latitude=52.5096, longitude=13.3759),
    Store("S003", name="Gesundbrunnen", latitude=52.5486, longitude=13.3884),
)
GOODS: Final = ("mug", "lamp", "shirt-m", "bulb")
UNITS: Final = 40
SOURCE: Final = "demo-data"
DEVICE: Final = "demo"
DEMO_VARIABLE: Final = "HOLDFAST_DEMO_TOKEN"  # the token of that device, in the process's environment
AGAIN_S: Final = 2.0  # until gateways are up
TRIES_MAX: Final = 30

log = logging.getLogger("holdfast.pages")


class Wanted(NamedTuple):
    """An order, and how far it has come."""

    customer_id: str
    lines: tuple[tuple[str, int], ...]
    waits_at: str = ""
    bay: str = ""


ORDERS: Final = (
    Wanted("anna", (("mug", 2), ("lamp", 1)), bay="B1"),
    Wanted("ben", (("shirt-m", 1),)),
    Wanted("clara", (("bulb", 4), ("lamp", 1)), waits_at="car park 3"),
    Wanted("david", (("mug", 1), ("bulb", 2), ("shirt-m", 1))),
    Wanted("eva", (("lamp", 2),)),
)


async def lay_out(client: ChannelClient, token: str) -> None:
    """Lay the shops out once the service answers, and let a device of the first one in by the token."""
    for _ in range(TRIES_MAX):
        try:
            await _lay_out(client, token)
        except HoldfastError as error:
            log.warning("the demo's data is not there yet: %s", error)
            await asyncio.sleep(AGAIN_S)
        else:
            log.info("the demo's data is there")
            return


async def _lay_out(client: ChannelClient, token: str) -> None:
    known = {store.store_id async for store in client.list_stores()}
    if missing := [store for store in SHOPS if store.store_id not in known]:
        await client.put_stores(missing)
    policy = await client.get_policy()
    if not policy.picks:
        await client.set_policy(replace(policy, picks=True))
    await asyncio.gather(*(_fill(client, store.store_id) for store in SHOPS))
    first = SHOPS[0].store_id
    for device in await client.list_devices(first):
        if device.name == DEVICE:
            await client.revoke_device(device.device_id)
    await client.add_device(first, DEVICE, token)


async def _fill(client: ChannelClient, store_id: str) -> None:
    """Goods and orders of one shop."""
    kind = AdjustmentKind.RECEIPT
    rows = [Adjustment(sku, UNITS, sequence=number, kind=kind) for number, sku in enumerate(GOODS, start=1)]
    await client.adjust_stock(store_id, SOURCE, rows, idempotency_key=SOURCE)
    for wanted in ORDERS:
        key = f"{SOURCE} {wanted.customer_id}"
        held = await client.reserve(
            store_id, wanted.lines, customer_id=wanted.customer_id, channel="web", idempotency_key=key
        )
        if not isinstance(held, Reservation):
            continue
        own = held.reservation_id
        await client.confirm(own, idempotency_key=f"{key} confirms")
        if wanted.waits_at:
            await client.note_arrival(own, waits_at=wanted.waits_at, idempotency_key=f"{key} arrives")
        if wanted.bay:
            await _pick(client, store_id, own, wanted, key)


async def _pick(client: ChannelClient, store_id: str, own: str, wanted: Wanted, key: str) -> None:
    task = await client.claim_pick_task(store_id, DEVICE, reservation_id=own, idempotency_key=f"{key} claimed")
    if not isinstance(task, PickTask) or task.status is not PickStatus.PICKING:
        return
    for sku, units in wanted.lines:
        await client.scan_pick_task(own, DEVICE, sku, quantity=units, idempotency_key=f"{key} {sku}")
    await client.finish_pick_task(own, DEVICE, bay=wanted.bay, is_ready=True, idempotency_key=f"{key} ready")
