"""VerifyLedger and VerifyOrders: journals read again from their beginning, and ledgers compared with one another."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any, Final

from msgspec.structs import asdict, replace

from actors.core import ids
from actors.core.rejection import Violation
from actors.journal.port import Base, Record
from actors.orders import invariants, parts, snapshot
from actors.orders.audit import OrderAudit
from actors.orders.grants import Grant
from actors.orders.over_limits import over_limits
from actors.protocol.messages import Unseen
from actors.protocol.placement import ActorKind, kind_of
from actors.runtime.kinds import CUSTOMERS, SHOP, Core
from actors.shop.audit.books import compare
from actors.shop.audit.journal import Audit
from actors.shop.audit.picking import compare_tasks
from actors.shop.evolve import evolve
from actors.shop.snapshot import Capture
from actors.shop.state import Ledger, Reservation
from holdfast.v1 import admin_service_pb2 as ad
from serve.calls import Call
from serve.coordination.hot_stock import compare_units, in_skus
from serve.routing.batcher import DeadlinePassed
from serve.routing.beside import KEPT, OneByOne
from serve.routing.router import Router
from serve.services.store_directory import StoreDirectory
from serve.wire.orders import fill_barred
from serve.wire.rules import Checked

VERIFY_S: Final = 120.0  # where the caller named no time; a million events take some 20 s
VERIFICATIONS_MAX: Final = 2  # at once in one gateway; each keeps a second copy of its ledger, and the others wait
VERIFY_EVENTS_MAX: Final = 2_000  # read, replayed and audited at a time: 30 ms
DISCREPANCIES_MAX: Final = 100
BARRED_MAX: Final = 100  # told
COMPARED_MAX: Final = 500  # parts or orders read and compared at a time
CUSTOMERS_COMPARED_MAX: Final = 100  # whose orders and grants are read at a time

Add = Callable[[int, int, int, Any], None]  # an event with its version, epoch and time


class Verification:
    """Serves VerifyLedger and VerifyOrders, a bounded number at a time."""

    def __init__(self, router: Router, stores: StoreDirectory) -> None:
        self._router = router
        self._stores = stores
        self._verifications = asyncio.Semaphore(VERIFICATIONS_MAX)
        self.calls: Final = {
            "VerifyLedger": Call(self._ledger, timeout_s=VERIFY_S),
            "VerifyOrders": Call(self._orders, timeout_s=VERIFY_S),
        }

    async def _ledger(self, request: ad.VerifyLedgerRequest, deadline: float, reply: ad.VerifyLedgerResponse) -> None:
        """Of a shop, the journal audited by code that shares nothing with the ledger's, and replayed."""
        Checked(request).raise_if_faulty()
        ledger_id = request.store_id
        reply.store_id = ledger_id
        if ids.is_hot(ledger_id):
            if await self._stores.has_hot_ledger(ledger_id, deadline=deadline):
                async with self._turn(deadline):
                    await self._shop(ledger_id, deadline, reply)
                    _fill(reply.discrepancies, await compare_units(self._router, ledger_id, deadline))
        elif not ids.is_customers(ledger_id):
            await self._stores.require(ledger_id, deadline=deadline)
            async with self._turn(deadline):
                await self._shop(ledger_id, deadline, reply)
        elif await self._router.has_actor(ledger_id):
            async with self._turn(deadline):
                await self._customers(ledger_id, deadline, reply)
        reply.holds = not reply.discrepancies

    async def _orders(self, _request: ad.VerifyOrdersRequest, deadline: float, reply: ad.VerifyOrdersResponse) -> None:
        """Parts against orders, then orders against parts."""
        async with self._turn(deadline):
            await Comparison(self._router, deadline, reply).run()

    @asynccontextmanager
    async def _turn(self, deadline: float) -> AsyncIterator[None]:
        """So many at once; the others wait as long as their time lasts."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._verifications.acquire()
        except TimeoutError:
            raise DeadlinePassed(sent=False) from None
        try:
            yield
        finally:
            self._verifications.release()

    async def _shop(self, store_id: str, deadline: float, reply: ad.VerifyLedgerResponse) -> None:
        replayed: Ledger = await self._begun(SHOP, store_id, deadline, reply)
        version, live_hash, positions, _ = await self._router.ask(
            store_id, "live_state", store_id, deadline=deadline, attempt_s=VERIFY_S
        )
        audit = Audit(store_id)

        def add(seq: int, epoch: int, at_ms: int, event: Any) -> None:
            audit.add(seq, epoch, at_ms, event)
            evolve(replayed, event, at_ms)

        def go_on(_seq: int, _epoch: int, at_ms: int, event: Any) -> None:
            evolve(replayed, event, at_ms)

        await self._replay(SHOP, replayed, version, go_on if reply.trusted_version else add, deadline, reply)
        reply.state_hash = await asyncio.to_thread(Capture(replayed).state_hash, self._router.writing.json)
        violations = _hashes(store_id, reply.state_hash, live_hash)
        if reply.trusted_version:
            violations += await asyncio.to_thread(SHOP.check, replayed)
        else:
            result = await asyncio.to_thread(audit.result)
            violations += [*result.violations, *await asyncio.to_thread(compare, result, positions)]
            violations += compare_tasks(result.tasks, replayed.picks.ends())
            for field in ("accepted", "units_sold", "units_reserved", "units_oversold"):
                setattr(reply, field, getattr(result, field))
        _fill(reply.discrepancies, violations)

    async def _customers(self, ledger_id: str, deadline: float, reply: ad.VerifyLedgerResponse) -> None:
        begun = await self._begun(CUSTOMERS, ledger_id, deadline, reply)
        live = await self._router.ask(ledger_id, "live_state", ledger_id, deadline=deadline, attempt_s=VERIFY_S)
        if live is None:
            return
        version, live_hash, live_violations = live
        audit = OrderAudit(ledger_id)
        audit.ledger = replayed = begun
        await self._replay(CUSTOMERS, replayed, version, audit.add, deadline, reply)
        reply.state_hash = await asyncio.to_thread(snapshot.Capture(replayed).state_hash, self._router.writing.json)
        found: list[Violation] = [*_hashes(ledger_id, reply.state_hash, live_hash), *audit.violations, *live_violations]
        broken = await asyncio.to_thread(invariants.check, replayed)
        found += [replace(each, subject=f"{each.subject}, replayed") for each in broken]
        _fill(reply.discrepancies, found)
        reply.accepted = audit.accepted

    async def _begun(self, core: Core, ledger_id: str, deadline: float, reply: ad.VerifyLedgerResponse) -> Any:
        """The state to replay events over: none, or a snapshot's where the archive is not there, which the reply says.
        To be asked for before the live state, which then is no older.
        """
        base = Base(0, "", 0, 0)
        chunks: list[Any] = [None]
        while None in chunks:  # newer snapshots have taken its place
            base = await self._ask(ledger_id, "base", deadline=deadline)
            if base is None:
                return core.empty(ledger_id)
            places = range(1, base.chunks + 1)
            chunks = [
                await self._ask(ledger_id, "snapshot_chunk", base.seq, each, deadline=deadline) for each in places
            ]
        rows = (row for chunk in chunks for row in core.read_rows(chunk))
        ledger = await asyncio.to_thread(core.restore, rows)
        reply.archived_version, reply.archived_sha256 = base.archived_seq, base.archived_sha256
        reply.trusted_version = base.seq
        reply.trusted_state_hash = await asyncio.to_thread(core.capture(ledger).state_hash, self._router.writing.json)
        return ledger

    async def _replay(
        self, core: Core, ledger: Any, version: int, add: Add, deadline: float, reply: ad.VerifyLedgerResponse
    ) -> None:
        """Read what follows the archive, or all, and add what follows the state."""
        after, began = reply.archived_version, ledger.version
        while after < version:
            records = await self._ask(ledger.ledger_id, "records", after, VERIFY_EVENTS_MAX, deadline=deadline)
            await asyncio.to_thread(_replay, core, records, ledger, began, version, add)
            after = records[-1].seq
        reply.version, reply.events = version, ledger.version - began

    async def _ask(self, ledger_id: str, method: str, *args: Any, deadline: float) -> Any:
        return await self._router.ask(ledger_id, method, ledger_id, *args, deadline=deadline)


class Comparison:
    """One comparison of orders and grants with shops, a page at a time; what is held to something is always read before
    it. Once each hold counts, and each count is held, what counts for a customer is what all shops hold: it is summed
    against the limits of the chain.
    """

    def __init__(self, router: Router, deadline: float, reply: ad.VerifyOrdersResponse) -> None:
        self._router = router
        self._questions = OneByOne(router, deadline)
        self._reply = reply
        self._left_out: set[str] = set()
        self._unseen = Counter[str]()  # by ledger, in an archive that is not there

    async def run(self) -> None:
        """Compare everything, and fill the reply."""
        hot = [ids.ledger_of_hot(sku) for sku, known in self._router.chain.hot.items() if known.generation]
        begun = [ledger_id for ledger_id in hot if await self._router.has_actor(ledger_id)]
        # Those of hot SKUs last: what has moved from there, its shop has.
        for store_id in [*await self._router.shops_with_actors(), *begun]:
            await self._unless_away(store_id, self._shop)
        for actor in sorted(name for name in await self._router.actor_names() if kind_of(name) is ActorKind.CUSTOMERS):
            await self._unless_away(actor, self._customers_of)
        for ledger_id in sorted(self._unseen):
            await self._unless_away(ledger_id, self._tell_unseen)
        self._reply.left_out.extend(sorted(self._left_out))
        self._reply.holds = not self._reply.discrepancies

    async def _unless_away(self, ledger_id: str, compare_all: Callable[[str], Awaitable[None]]) -> None:
        """Compare what a ledger has, or all of an actor's, or note that it is stopped or does not answer."""
        try:
            await compare_all(ledger_id)
        except KEPT:
            self._left_out.add(ledger_id)

    async def _tell_unseen(self, ledger_id: str) -> None:
        base = await self._ask(ledger_id, "base")
        archived = 0 if base is None else base.archived_seq  # it is there again
        self._reply.not_compared.add(ledger_id=ledger_id, archived_version=archived, count=self._unseen[ledger_id])

    async def _shop(self, store_id: str) -> None:
        """Every part of a shop is known by its order, and what it holds by a grant is counted by a ledger."""
        after = 0
        while True:
            page, after, unseen = await self._ask(store_id, "parts", after, COMPARED_MAX)
            self._unseen += Counter({store_id: unseen})
            by_ledger: dict[str, list[Any]] = {}
            for found, outbox in page:
                part = in_skus(store_id, found)
                ledger_id, number = ids.ledger_of_customer(part.customer_id), part.grant
                if part.part is not None:
                    ledger_id, number = ids.parse_order_id(part.part.order)
                by_ledger.setdefault(ledger_id, []).append((number, part, outbox))
            for ledger_id, rows in by_ledger.items():
                orders = await self._of_other(ledger_id, "orders", [number for number, _, _ in rows])
                for (_, part, outbox), order in zip(rows, orders, strict=bool(orders)):
                    if isinstance(order, Unseen):
                        continue
                    is_known = parts.grant_is_known if part.part is None else parts.part_is_known
                    self._reply.parts += part.part is not None
                    of = ids.format_order_id(ledger_id, part.grant) if part.part is None else part.part.holder
                    verdict = is_known(store_id, part, order, outbox=outbox)
                    # What it had then, a later call may have replaced before the other was read.
                    if verdict.expected and await self._has_changed(store_id, part):
                        verdict = parts.ON_THE_WAY
                    if verdict.expected and part.part is not None and await self._is_barred(ledger_id, of):
                        verdict = parts.ON_THE_WAY
                    self._note(verdict, f"{store_id}:{part.number} of {of}")
            if not after:
                return

    async def _has_changed(self, store_id: str, part: Reservation) -> bool:
        _, now = await self._ask(store_id, "reservation", part.number)
        return bool(now is None or now.version > part.version)

    async def _customers_of(self, actor: str) -> None:
        for ledger_id in await self._questions.ask_actor(actor, "ledgers"):
            await self._unless_away(ledger_id, self._customers)

    async def _is_barred(self, ledger_id: str, holder: str) -> bool:
        order_id, attempt = ids.parse_holder(holder)
        return await self._ask(ledger_id, "bar", ids.parse_order_id(order_id)[1], attempt) is not None

    async def _customers(self, ledger_id: str) -> None:
        """Every part that an order has for certain is held by its shop."""
        for bar in (await self._ask(ledger_id, "bars"))[: BARRED_MAX - len(self._reply.barred)]:
            fill_barred(ledger_id, bar, self._reply.barred.add())
        after = 0
        while True:
            page, after = await self._ask(ledger_id, "promised", after, COMPARED_MAX)
            self._reply.orders += len(page)
            by_shop: dict[str, list[Any]] = {}
            for order in page:
                order_id = ids.format_order_id(ledger_id, order.number)
                for part in filter(parts.is_promised, order.parts):
                    row = (ids.format_holder(order_id, part.attempt), order, part)
                    by_shop.setdefault(part.store_id, []).append(row)
            for store_id, rows in by_shop.items():
                found = await self._of_other(store_id, "parts_of", [holder for holder, _, _ in rows])
                for (holder, order, part), held in zip(rows, found, strict=bool(found)):
                    if not isinstance(held, Unseen):
                        self._note(parts.part_is_held(order, part, held), f"{holder} in {store_id}")
            if not after:
                break
        name = ""
        while True:
            now_ms, policy, since, counted, name = await self._ask(ledger_id, "counted", name, CUSTOMERS_COMPARED_MAX)
            await self._grants(ledger_id, [grant for _, _, grants, _ in counted for grant in grants])
            for customer_id, orders, grants, collected in counted:
                over = over_limits(policy, since, customer_id, orders, grants, collected, now_ms)
                _fill(self._reply.discrepancies, over)
            if not name:
                return

    async def _grants(self, ledger_id: str, grants: Sequence[Grant]) -> None:
        """What counts by a grant is held by its shop."""
        by_shop: dict[str, list[Grant]] = {}
        for grant in grants:
            by_shop.setdefault(grant.held_at, []).append(grant)
        for store_id, mine in by_shop.items():
            for first in range(0, len(mine), COMPARED_MAX):
                page = mine[first : first + COMPARED_MAX]
                numbers = [grant.reservation for grant in page]
                for grant, held in zip(page, await self._of_other(store_id, "reservations_of", numbers), strict=False):
                    subject = f"{ids.format_order_id(ledger_id, grant.number)} in {store_id}"
                    if held is None and await self._has_moved(store_id, grant.reservation):
                        self._reply.on_the_way += 1
                    elif not isinstance(held, Unseen):
                        self._note(parts.grant_is_held(grant, in_skus(store_id, held)), subject)

    async def _has_moved(self, ledger_id: str, number: int) -> bool:
        """Whether a reservation has left the ledger of a hot SKU: its shop has it, and reports it."""
        return ids.is_hot(ledger_id) and await self._ask(ledger_id, "moved_from", number) is not None

    async def _of_other(self, ledger_id: str, method: str, asked: Sequence[Any]) -> Sequence[Any]:
        """What the other side has, nothing where it is stopped or does not answer. What is in an archive that is not
        there is counted.
        """
        try:
            found: Sequence[Any] = await self._ask(ledger_id, method, asked)
        except KEPT:
            self._left_out.add(ledger_id)
            return ()
        self._unseen += Counter({ledger_id: sum(isinstance(each, Unseen) for each in found)})
        return found

    async def _ask(self, ledger_id: str, method: str, *args: Any) -> Any:
        return await self._questions.ask(ledger_id, method, ledger_id, *args)

    def _note(self, verdict: parts.Verdict, subject: str) -> None:
        self._reply.on_the_way += verdict.on_the_way
        if verdict.expected:
            _fill(self._reply.discrepancies, [Violation("I22", subject, verdict.expected, verdict.found)])


def _hashes(ledger_id: str, replayed: str, live: str) -> list[Violation]:
    return [] if replayed == live else [Violation("I13", ledger_id, replayed, live)]


def _fill(discrepancies: Any, violations: Iterable[Violation]) -> None:
    """Tell the first of them."""
    for violation in islice(violations, max(0, DISCREPANCIES_MAX - len(discrepancies))):
        discrepancies.add(**asdict(violation))


def _replay(core: Core, records: list[Record], ledger: Any, began: int, version_max: int, add: Add) -> None:
    for record in records:
        first = record.seq - record.event_count + 1  # the journal's own numbers, so that a gap would show
        for seq, event in enumerate(core.read_events(record.payload), start=first):
            if ledger.version == version_max:
                return
            if seq > began:
                add(seq, record.epoch, record.at_ms, event)
