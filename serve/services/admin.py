"""AdminService: the policy, the state of the ledgers, and shops with their hours. `verification` has the calls that
read journals again, `readers` and `hot_skus` those about what they are named for.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Collection, Iterable
from contextlib import suppress
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple

import grpc

from actors.calendar.faults import affected
from actors.core.chain import Store
from actors.core.ids import (
    SLOTS,
    format_reservation_id,
    is_customers,
    is_hot,
    ledger_of_slot,
    parse_order_id,
)
from actors.orders.commands import BarClaim
from actors.orders.grants import Grant
from actors.protocol.formats import FIRST
from actors.protocol.messages import LedgerStopped, Stopped
from actors.protocol.placement import ActorKind, kind_of
from actors.runtime.clock import Clock
from actors.shop.state import Reservation
from holdfast.v1 import admin_service_pb2 as ad
from serve.calls import Call, share_of
from serve.coordination.grants import Grants
from serve.coordination.reconciler import Reconciler
from serve.routing.beside import KEPT
from serve.routing.router import Router
from serve.services.store_directory import StoreDirectory
from serve.wire import fields
from serve.wire.fields import fill_instant
from serve.wire.orders import fill_barred
from serve.wire.rules import Checked
from serve.wire.statuses import refused
from serve.wire.stores import fill_policy, fill_store, policy_of, stores_of, year_of

AFFECTED_SLOTS_MAX: Final = 1_000  # named in an answer; all are counted
BIND_SHARE: Final = 0.5  # of what is left of a call's time, for ledgers to adopt a policy, and again to count by it
COUNT_PAUSE_S: Final = 0.05  # between two looks at what is still to be counted
PENDING_MAX: Final = 100  # named in an answer
AFFECTED_RESERVATIONS_MAX: Final = 100  # of one slot


class _Broken(NamedTuple):
    """A taken slot that the hours have too little room for."""

    store_id: str
    start_ms: int
    taken: int
    capacity: int


class Admin:
    """Serves AdminService but for what has modules of its own. The clock gives the years to look holidays up for."""

    def __init__(
        self, router: Router, stores: StoreDirectory, clock: Clock, reconciler: Reconciler, grants: Grants
    ) -> None:
        self._router = router
        self._grants = grants
        self._reconciler = reconciler
        self._stores = stores
        self._clock = clock
        self.calls: Final = {
            "PutStores": Call(self._put_stores, is_several=True),
            "ListStores": Call(self._list_stores),
            "GetPolicy": Call(self._get_policy),
            "SetPolicy": Call(self._set_policy, is_several=True),
            "GetLedgerStatus": Call(self._ledger_status),
            "BarClaim": Call(self._bar_claim, is_several=True),
            "BarGrant": Call(self._bar_grant, is_several=True),
        }

    async def _get_policy(self, _request: ad.GetPolicyRequest, deadline: float, reply: ad.GetPolicyResponse) -> None:
        await self._router.refresh_chain(deadline)
        fill_policy(self._router.chain.policy, reply.policy)

    async def _set_policy(self, request: ad.SetPolicyRequest, deadline: float, reply: ad.SetPolicyResponse) -> None:
        policy = policy_of(request)
        if not await self._router.change_chain("set_policy", policy, policy.version, deadline=deadline):
            await self._router.refresh_chain(deadline)
            message = (
                f"policy.version is {policy.version}, version {self._router.chain.policy.version} is in force; "
                "read it again with GetPolicy and send your change with that version"
            )
            version = str(self._router.chain.policy.version)
            raise refused(grpc.StatusCode.FAILED_PRECONDITION, "POLICY_CHANGED", message, version=version)
        fill_policy(self._router.chain.policy, reply.policy)
        await self._bind(deadline, reply)

    async def _bind(self, deadline: float, reply: ad.SetPolicyResponse) -> None:
        """Have every ledger adopt the policy now, and what is held already be counted; say where that is not so yet."""
        shops_of = self._router.by_actor(list(self._router.chain.stores))
        # None of an actor's shops may begin under older rules.
        ledgers_of = {name: shops_of.get(name, []) for name in await self._router.ledger_actors()}
        if self._router.chain.policy.chain_limit_rules:  # no customers' ledger may begin under older limits
            ledgers_of |= self._router.by_actor([ledger_of_slot(slot) for slot in range(SLOTS)])
        arguments = {name: (self._router.rules_for(name), ledger_ids) for name, ledger_ids in ledgers_of.items()}
        bound = await self._ask_each("bind", arguments, deadline)
        away = {name for name, answer in bound.items() if isinstance(answer, BaseException)}
        stopped = {each for name in bound.keys() - away for each in bound[name]}
        holding = {ActorKind.STORE, ActorKind.HOT}
        shops = {name: () for name in bound if kind_of(name) in holding and name not in away}
        reply.uncounted_reservations = await self._count(shops, away, deadline)
        _tell_pending(stopped.union(*(shops_of.get(actor, [actor]) for actor in away)), reply)

    async def _count(self, shops: dict[str, tuple[()]], away: set[str], deadline: float) -> int:
        """Have what these shops' actors held before be counted, as far as it goes; how many reservations are left.
        Actors of which that is not known in the end are added to `away`.
        """
        until = share_of(deadline, BIND_SHARE)
        while True:
            counts = await self._ask_each("uncounted", shops, deadline)
            unknown = [name for name, count in counts.items() if isinstance(count, BaseException)]
            left = int(sum(counts[name] for name in counts.keys() - unknown))
            if not (left or unknown) or asyncio.get_running_loop().time() + COUNT_PAUSE_S >= until:
                away.update(unknown)
                return left
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._reconciler.collect_reports()
            await asyncio.sleep(COUNT_PAUSE_S)

    async def _ledger_status(
        self, request: ad.GetLedgerStatusRequest, deadline: float, reply: ad.GetLedgerStatusResponse
    ) -> None:
        Checked(request).raise_if_faulty()
        ledger_id = request.store_id
        reply.store_id = ledger_id
        if is_hot(ledger_id):
            if not await self._stores.has_hot_ledger(ledger_id, deadline=deadline):
                return
        elif not is_customers(ledger_id):
            await self._stores.require(ledger_id, deadline=deadline)
        elif not await self._router.has_actor(ledger_id):
            return
        status = await self._router.ask(ledger_id, "status", ledger_id, deadline=deadline)
        if status is None:
            return
        reply.format = FIRST  # of which an actor says nothing
        fill_instant(status.pop("ledger_time_ms"), reply.ledger_time)
        reply.recovery.FromMicroseconds(status.pop("recovery_us"))
        for field, value in status.items():
            setattr(reply, field, value)
        move = self._router.chain.moves.get(ledger_id)
        reply.moving_to = move.actor if move and not move.is_done else ""

    async def _bar_claim(self, request: ad.BarClaimRequest, deadline: float, reply: ad.BarClaimResponse) -> None:
        Checked(request).raise_if_faulty()
        ledger_id, number = parse_order_id(request.order_id)
        command = BarClaim(number, request.attempt, request.operator, request.why)
        answer = await self._router.send((ledger_id, command), deadline, promise=False)
        if isinstance(answer, Stopped):
            raise LedgerStopped(answer.why)
        bar = await self._router.ask(ledger_id, "bar", ledger_id, number, request.attempt, deadline=deadline)
        if bar is None:
            message = (
                f"order_id: {ledger_id} knows this claim and decides it by itself, or has barred as many as it may; "
                "only a claim that VerifyOrders names as one without an order is barred"
            )
            code, order_id = grpc.StatusCode.FAILED_PRECONDITION, request.order_id
            raise refused(code, "CLAIM_KNOWN", message, order_id=order_id)
        fill_barred(ledger_id, bar, reply.barred)

    async def _bar_grant(self, request: ad.BarGrantRequest, deadline: float, reply: ad.BarGrantResponse) -> None:
        Checked(request).raise_if_faulty()
        ledger_id, number = parse_order_id(request.grant_id)
        [grant] = await self._router.ask(ledger_id, "orders", ledger_id, [number], deadline=deadline)
        if isinstance(grant, Grant):
            command = BarClaim(number, 0, request.operator, request.why)
            held = await self._grants.settle(number, grant, deadline, command)
            if isinstance(held, Reservation):
                by = format_reservation_id(grant.store_id, held.number)
                message = f"grant_id: {by} has it, and its shop tells what of that is held; release it instead"
                raise refused(grpc.StatusCode.FAILED_PRECONDITION, "GRANT_HELD", message, reservation_id=by)
        bar = await self._router.ask(ledger_id, "bar", ledger_id, number, 0, deadline=deadline)
        if bar is None:
            message = f"grant_id: no grant {request.grant_id} counts; VerifyOrders names those that no shop holds by"
            raise refused(grpc.StatusCode.NOT_FOUND, "GRANT_UNKNOWN", message, grant_id=request.grant_id)
        fill_barred(ledger_id, bar, reply.barred)

    async def _put_stores(self, request: ad.PutStoresRequest, deadline: float, reply: ad.PutStoresResponse) -> None:
        stores = stores_of(request, year_of(self._clock.now_ms()))
        await self._router.change_chain("put_stores", stores, deadline=deadline)
        reply.chain_version = self._router.chain.revision
        pending: set[str] = set()
        broken = await self._broken(stores, pending, deadline)
        reply.affected_slots = len(broken)
        await self._name(broken[:AFFECTED_SLOTS_MAX], pending, deadline, reply)
        _tell_pending(pending, reply)

    async def _list_stores(self, request: ad.ListStoresRequest, deadline: float, reply: ad.ListStoresResponse) -> None:
        token = fields.read_token(request, "ListStores", ())
        await self._router.refresh_chain(deadline)
        chain = self._router.chain
        store_ids = list(chain.stores)
        start = bisect_right(store_ids, token) if token else 0
        end = start + fields.page_size(request.page_size)
        for store_id in store_ids[start:end]:
            fill_store(chain.stores[store_id], reply.stores.add())
        reply.next_page_token = fields.issue_token("ListStores", (), store_ids[end - 1]) if end < len(store_ids) else ""
        reply.chain_version = chain.revision

    async def _broken(self, stores: list[Store], pending: set[str], deadline: float) -> list[_Broken]:
        """Taken slots that these shops' hours have no room for, by shop and time: a repeat of a call tells them too.
        Shops that have not adopted the hours, or not told their slots, are added to `pending`; likewise paused ones
        while an actor of hot SKUs, which may have units of theirs, has not adopted that.
        """
        hours = {store.store_id: store.calendar for store in stores}
        # No other shop can have a reservation, and asking would make its actor.
        begun = [store_id for store_id in await self._router.shops_with_actors() if store_id in hours]
        shops_of = self._router.by_actor(begun)
        # They adopt it first, durably: then they take no pickup by the old hours, and a pause outlives a restart.
        binding = shops_of | await self._selling_for({store.store_id for store in stores if store.paused}, begun)
        own = {actor: shops_of.get(actor, []) for actor in binding}
        rules = {actor: (self._router.rules_for(actor), mine) for actor, mine in own.items()}
        for actor, stopped in (await self._ask_each("bind", rules, deadline)).items():
            away = isinstance(stopped, BaseException)
            pending.update(binding[actor] if away else stopped)
        reached = {actor: ([each for each in mine if each not in pending],) for actor, mine in shops_of.items()}
        asked = {actor: row for actor, row in reached.items() if row[0]}
        taken: dict[str, dict[int, int]] = {}
        for actor, rows in (await self._ask_each("slots_taken", asked, deadline)).items():
            [mine] = asked[actor]
            told = [None] * len(mine) if isinstance(rows, BaseException) else rows
            pending.update(store_id for store_id, row in zip(mine, told, strict=True) if row is None)
            taken |= {store_id: row for store_id, row in zip(mine, told, strict=True) if row is not None}
        broken = []
        for store_id in sorted(taken):
            for start_ms in affected(hours[store_id], taken[store_id]):
                slot = hours[store_id].slot_at(start_ms)
                capacity = 0 if slot is None else slot.capacity
                broken.append(_Broken(store_id, start_ms, taken[store_id][start_ms], capacity))
        return broken

    async def _selling_for(self, paused: Collection[str], begun: Iterable[str]) -> dict[str, list[str]]:
        """The actors of hot SKUs, each with all paused shops that have begun: it may have units of any."""
        shops = [store_id for store_id in begun if store_id in paused]
        names = await self._router.ledger_actors() if shops else []
        return {actor: shops for actor in names if kind_of(actor) is ActorKind.HOT}

    async def _ask_each(self, method: str, arguments: dict[str, tuple[Any, ...]], deadline: float) -> dict[str, Any]:
        return await self._router.ask_each(method, arguments, deadline=share_of(deadline, BIND_SHARE))

    async def _name(
        self, broken: list[_Broken], pending: set[str], deadline: float, reply: ad.PutStoresResponse
    ) -> None:
        """Tell these slots, with who is in them where the shop says it; one that does not is added to `pending`."""
        for store_id, group in groupby(broken, attrgetter("store_id")):
            rows = list(group)
            arguments = store_id, [row.start_ms for row in rows], AFFECTED_RESERVATIONS_MAX
            found: list[list[int]] = [[]] * len(rows)
            try:
                until = share_of(deadline, BIND_SHARE)
                found = await self._router.ask(store_id, "in_slots", *arguments, deadline=until)
            except KEPT:
                pending.add(store_id)
            for row, numbers in zip(rows, found, strict=True):
                slot = reply.affected.add(store_id=store_id, taken=row.taken, capacity=row.capacity)
                fill_instant(row.start_ms, slot.slot_start)
                slot.reservation_ids.extend(format_reservation_id(store_id, number) for number in numbers)


def _tell_pending(waiting: Iterable[str], reply: ad.SetPolicyResponse | ad.PutStoresResponse) -> None:
    pending = sorted(waiting)
    reply.pending.extend(pending[:PENDING_MAX])
    reply.pending_count = len(pending)
