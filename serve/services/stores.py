"""PutStores and ListStores: shops with their hours, and the pickups that a change of hours or staff broke."""

import asyncio
from bisect import bisect_right
from typing import Any, Final, NamedTuple

from actors.calendar.changes import affected
from actors.calendar.hours import Calendar
from actors.core.chain import Chain, Store
from actors.core.ids import format_reservation_id
from actors.runtime.clock import Clock
from holdfast.v1 import admin_service_pb2 as ad
from serve.admission import deadline_of, parse
from serve.routing.router import Router
from serve.wire import fields
from serve.wire.fields import fill_instant
from serve.wire.rules import Checked
from serve.wire.stores import fill_store, stores_of, year_of

AFFECTED_SLOTS_MAX: Final = 1_000  # told; all are counted
AFFECTED_RESERVATIONS_MAX: Final = 100  # of one slot


class _Broken(NamedTuple):
    """A slot that a change broke."""

    store_id: str
    start_ms: int
    taken: int
    capacity: int


class Stores:
    """The room of AdminService's calls about shops. The clock says of which years holidays are looked up."""

    def __init__(self, router: Router, clock: Clock) -> None:
        self._router = router
        self._clock = clock

    async def put_stores(self, payload: bytes, context: Any, reply: ad.PutStoresResponse) -> None:
        """PutStores."""
        request = parse(ad.PutStoresRequest, payload)
        stores = stores_of(request, year_of(self._clock.now_ms()))
        deadline = deadline_of(context)
        await self._router.refresh_chain()
        before = self._router.chain
        await self._router.change_chain("put_stores", stores, deadline=deadline)
        reply.chain_version = self._router.chain.revision
        broken = await self._broken(before, stores, deadline)
        reply.affected_slots = len(broken)
        await self._name(broken[:AFFECTED_SLOTS_MAX], deadline, reply)

    async def list_stores(self, payload: bytes, context: Any, reply: ad.ListStoresResponse) -> None:
        """ListStores."""
        del context
        request = parse(ad.ListStoresRequest, payload)
        checked = Checked(request)
        token = fields.read_token(checked, "ListStores", (), request.page_token)
        checked.raise_if_faulty()
        await self._router.refresh_chain()
        chain = self._router.chain
        store_ids = list(chain.stores)
        start = bisect_right(store_ids, token) if token else 0
        end = start + fields.page_size(request.page_size)
        for store_id in store_ids[start:end]:
            fill_store(chain.stores[store_id], reply.stores.add())
        reply.next_page_token = fields.issue_token("ListStores", (), store_ids[end - 1]) if end < len(store_ids) else ""
        reply.chain_version = chain.revision

    async def _broken(self, before: Chain, stores: list[Store], deadline: float) -> list[_Broken]:
        """The slots that new hours broke, by shop and time: what their ledgers took, held against old and new."""
        changed: dict[str, tuple[Calendar, Calendar]] = {}
        for store in stores:
            old = before.stores.get(store.store_id)
            if old is not None and old.calendar != store.calendar:
                changed[store.store_id] = (old.calendar, store.calendar)
        if not changed:
            return []
        # No other shop can have a reservation, and asking would make its actor.
        begun = [store_id for store_id in await self._router.shops_with_actors() if store_id in changed]
        groups = self._router.by_actor(begun)
        answers = await asyncio.gather(*(self._taken(actor, mine, deadline) for actor, mine in groups.items()))
        taken = {
            store_id: places
            for mine, rows in zip(groups.values(), answers, strict=True)
            for store_id, places in zip(mine, rows, strict=True)
        }
        broken = []
        for store_id in sorted(taken):
            old_hours, new_hours = changed[store_id]
            for start_ms in affected(old_hours, new_hours, taken[store_id]):
                slot = new_hours.slot_at(start_ms)
                capacity = 0 if slot is None else slot.capacity
                broken.append(_Broken(store_id, start_ms, taken[store_id][start_ms], capacity))
        return broken

    async def _taken(self, actor: str, store_ids: list[str], deadline: float) -> list[dict[int, int]]:
        """Places taken in an actor's shops. It learns the new hours first: no place is taken by the old ones later."""
        await self._router.hand_over_rules(actor, deadline)
        found: list[dict[int, int]] = await self._router.ask_actor(actor, "slots_taken", store_ids, deadline=deadline)
        return found

    async def _name(self, broken: list[_Broken], deadline: float, reply: ad.PutStoresResponse) -> None:
        starts_of: dict[str, list[int]] = {}
        for row in broken:
            starts_of.setdefault(row.store_id, []).append(row.start_ms)
        numbers_of: dict[tuple[str, int], list[int]] = {}
        for store_id, starts in starts_of.items():
            found = await self._router.ask(
                store_id, "in_slots", store_id, starts, AFFECTED_RESERVATIONS_MAX, deadline=deadline
            )
            numbers_of.update({(store_id, start): numbers for start, numbers in zip(starts, found, strict=True)})
        for row in broken:
            slot = reply.affected.add(store_id=row.store_id, taken=row.taken, capacity=row.capacity)
            fill_instant(row.start_ms, slot.slot_start)
            numbers = numbers_of[row.store_id, row.start_ms]
            slot.reservation_ids.extend(format_reservation_id(row.store_id, number) for number in numbers)
