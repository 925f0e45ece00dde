"""What must hold over several ledgers once all is quiet, each by the letter of its invariant, from the journals."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from msgspec.structs import replace

from actors.core.ids import format_holder, format_order_id, is_customers, parse_holder
from actors.core.rejection import Reason, Rejection
from actors.core.status import LIVE, Status
from actors.journal.port import Phase
from actors.orders import events as ev
from actors.orders.audit import OrderAudit
from actors.orders.state import Order
from actors.protocol.messages import Refusal
from actors.shop import events as shop
from actors.shop.audit.journal import Audit
from actors.shop.hot.events import MovedIn, MovedOut
from actors.shop.projections import answered_by
from actors.shop.state import Reservation
from holdfast.v1 import admin_service_pb2 as ad
from serve.coordination.hot_stock import in_skus
from serve.routing.router import Router
from serve.services.verification import Comparison
from tests.cores import core_of
from tests.journal.memory import MemoryDisk
from tests.simulation.checks import Broken
from tests.simulation.lethal_callers import LETHAL

COMPARED_AGAIN_MAX: Final = 5


def word(answer: Any) -> Any:
    """What of an answer must be the same whenever it is given: not that it was given before, nor how an order is."""
    if isinstance(answer, Refusal):
        return replace(answer, repeated=False)
    return (answer.number, type(answer)) if isinstance(answer, Order) else answer


def reason_of(answer: Any) -> Reason | None:
    """Why a call was refused."""
    rejection = answer.rejection if isinstance(answer, Refusal) else answer
    return rejection.reason if isinstance(rejection, Rejection) else None


def history(disk: MemoryDisk, ledger_id: str) -> list[tuple[int, int, int, Any]]:
    """(version, epoch, at_ms, event) of a ledger, from its journal."""
    found = []
    for record in disk.records.get(ledger_id, ()):
        first = record.seq - record.event_count + 1
        for version, event in enumerate(core_of(ledger_id).read_events(record.payload), start=first):
            found.append((version, record.epoch, record.at_ms, event))
    return found


def at_home(disks: dict[str, MemoryDisk]) -> list[tuple[MemoryDisk, str]]:
    """Each ledger, with the disk on which it is now. What it has left on another is the beginning of it. Raises Broken
    where two actors have decided for it.
    """
    found: dict[str, MemoryDisk] = {}
    for disk in disks.values():
        for ledger_id in disk.records:
            at = disk.whereabouts.get(ledger_id)
            if at is None or at.phase is Phase.HERE:
                if ledger_id in found:
                    raise Broken("I9", f"{ledger_id} is with two actors")
                found[ledger_id] = disk
    for disk in disks.values():
        for ledger_id, records in disk.records.items():
            known = found.setdefault(ledger_id, disk).records[ledger_id]
            if known[: len(records)] != records:
                raise Broken("I9", f"two actors have decided for {ledger_id}: {records[-1]}")
    return [(disk, ledger_id) for ledger_id, disk in found.items()]


def check_journals(disks: dict[str, MemoryDisk], live: dict[str, Any]) -> None:
    """Every journal by itself, and all of them joined. `live` are the ledgers of the present owners."""
    certain: set[str] = set()  # holders
    claims: dict[str, tuple[str, int]] = {}
    heard: list[tuple[str, str]] = []
    given_back: list[tuple[str, str]] = []
    over: set[str] = set()  # orders that were released, expired, or changed
    for disk, ledger_id in at_home(disks):
        events = history(disk, ledger_id)
        _alone(ledger_id, events, live.get(ledger_id))
        if is_customers(ledger_id):
            certain |= _certain(ledger_id, events)
            over |= {
                format_order_id(ledger_id, event.number)
                for _, _, _, event in events
                if isinstance(event, ev.Released | ev.Expired | ev.AmendOpened)
            }
        else:
            _of_shop(ledger_id, events, claims, heard, given_back)
    for holder, store_id in heard:
        if holder not in certain:
            raise Broken("I7", f"{store_id} went on with {holder}, which was never certain")
    for holder, store_id in given_back:
        if holder in certain and parse_holder(holder)[0] not in over:
            raise Broken("I7", f"{store_id} gave back {holder}, which is certain and not over")
    missing = {holder for holder in certain if holder not in claims}
    if missing:
        raise Broken("I7", f"{missing} became certain without a claim")


def served_by_grants(disks: dict[str, MemoryDisk]) -> int:
    """How often one in line was served under a limit of the whole chain."""
    shops = [(disk, each) for disk, each in at_home(disks) if not is_customers(each)]
    events = (event for disk, each in shops for _, _, _, event in history(disk, each))
    return sum(isinstance(event, shop.Served) and event.grant > 0 for event in events)


def check_amended(processes: dict[str, Any]) -> None:
    """Whoever collected at a shop what was to move to another one had so much less there. `processes` are the actors;
    of orders that were changed once, what shops handed out is compared with what the change allowed.
    """
    shops = [
        (process, each)
        for process in processes.values()
        for each in process.host.ledger_ids()
        if not is_customers(each)
    ]
    orders = [
        (format_order_id(each, order.number), order)
        for process in processes.values()
        for each in process.host.ledger_ids()
        if is_customers(each)
        for order in orders_of(process, each)
    ]
    sold: dict[tuple[str, str], Counter[str]] = {}
    for process, store_id in shops:
        for reservation in Reservations().of(process, store_id):
            if reservation.part is not None and reservation.done:
                units = sold.setdefault((store_id, reservation.part.holder), Counter())
                for (sku, _), (collected, _) in zip(reservation.lines, reservation.done, strict=True):
                    units[sku] += collected
    for order_id, order in orders:
        changes = {part.replaced_by for part in order.parts if part.replaced_by}
        first = min(changes, default=0)
        if any(part.reservation and part.attempt > first for part in order.parts):
            continue  # changed again, for units of their own
        beyond, newer, had = Counter[str](), Counter[str](), Counter[str]()
        for part in order.parts:
            units = sold.get((part.store_id, format_holder(order_id, part.attempt)), Counter())
            if part.replaced_by == first and part.attempt < first:
                beyond += units - Counter(dict(part.keep))
            elif part.reservation and part.attempt >= first:
                newer += Counter(dict(part.lines))
                had += units
        too_many = had - (newer - beyond)
        if first and too_many:
            raise Broken("I15", f"{order_id} gave {dict(too_many)} both at the old shop and at the new one: {order}")


def orders_of(process: Any, ledger_id: str) -> list[Any]:
    """All orders of a customers' ledger, those that are over from its journal."""
    read = core_of(ledger_id).read_events
    events = [event for record in process.records(ledger_id, 0, 1 << 30) for event in read(record.payload)]
    over = [event.order for event in events if isinstance(event, ev.Settled)]
    return [*process.host.stale_read(ledger_id).orders.values(), *over]


class Reservations:
    """All reservations of a shop: those in memory, and those that its journal says are over."""

    def __init__(self) -> None:
        self._over: dict[int, Reservation] = {}
        self._version = 0
        self._moved: set[int] = set()

    def of(self, process: Any, store_id: str) -> Iterable[Reservation]:
        """As of now; reads on from where it was."""
        for record in process.records(store_id, self._version, 1 << 30):
            for event in core_of(store_id).read_events(record.payload):
                self._version += 1
                if isinstance(event, MovedOut):  # it is its shop's from now on
                    self._moved.add(event.number)
                elif isinstance(event, shop.Acknowledged):
                    self._over.update({each.number: each for each in event.over})
                elif getattr(event, "before", None) or getattr(event, "answer", None):
                    said = answered_by(event, self._version, record.at_ms)[1].answer
                    if isinstance(said, Reservation):  # else it is of a transfer
                        self._over[said.number] = said
        found = {**self._over, **dict(process.host.stale_read(store_id).reservations.items())}
        return [in_skus(store_id, each) for number, each in found.items() if number not in self._moved]


def unheard(actors: Any) -> list[str]:
    """What some ledger has still to hear of: parts, outcomes, grants, attempts, transfers, by ledger and number."""
    found = []
    for actor in sorted(actors.known):
        process = actors.process(actor)
        for ledger_id in process.host.ledger_ids():
            ledger = process.host.stale_read(ledger_id)
            numbers = [*ledger.outbox, *(ledger.grants.unsettled if is_customers(ledger_id) else ledger.undecided)]
            numbers += (
                [] if is_customers(ledger_id) else [*ledger.transfers.outbox, *ledger.hot.moving, *ledger.awaiting]
            )
            if is_customers(ledger_id):
                numbers += [number for number, order in ledger.orders.items() if order.open_attempt]
            found += [f"{ledger_id}:{number}" for number in numbers]
    return found


def check_sums(actors: Any) -> None:
    """What shops hold and have handed out by customer and SKU is what customers' ledgers count, but for what no limit
    applied to. All has been heard.
    """
    shops, counted = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for actor in sorted(actors.known):
        process = actors.process(actor)
        host = process.host
        for ledger in map(host.stale_read, host.ledger_ids()):
            if not is_customers(ledger.ledger_id):
                shops += units_of(Reservations().of(process, ledger.ledger_id), all_of_it=False)
                continue
            for grant in ledger.grants:
                for sku, units in (*grant.held, *grant.collected):
                    counted[grant.customer_id, sku] += units
            for order in orders_of(process, ledger.ledger_id):
                for part in order.parts:
                    for (sku, _), units in zip(part.lines, part.collected, strict=bool(part.collected)):
                        counted[order.customer_id, sku] += units
                    for (sku, _), units in zip(part.lines, part.held if part.status in LIVE else (), strict=False):
                        counted[order.customer_id, sku] += units
    if +shops != +counted:
        raise Broken("I15", f"shops have {+shops}, and customers' ledgers count {+counted}")


def check_shops_limits(actors: Any, channel: str, units_max: int) -> None:
    """In no shop a customer has more of a SKU through this channel, as orders say it. All has been heard."""
    ledgers = [
        process.host.stale_read(each)
        for process in map(actors.process, sorted(actors.known))
        for each in process.host.ledger_ids()
    ]
    channels = {
        format_order_id(ledger.ledger_id, order.number): order.channel
        for ledger in ledgers
        if is_customers(ledger.ledger_id)
        for order in ledger.orders.values()
    }
    for ledger in ledgers:
        if is_customers(ledger.ledger_id):
            continue
        units = Counter[tuple[str, str]]()
        for reservation in ledger.reservations.values():
            part = reservation.part
            if (reservation.channel if part is None else channels.get(part.order)) == channel:
                for sku, held in reservation.held_lines():
                    units[reservation.customer_id, sku] += held
        for (customer_id, sku), held in units.items():
            if held > units_max:
                raise Broken("I15", f"{customer_id} has {held} of {sku} in {ledger.ledger_id} through {channel}")


def units_of(reservations: Iterable[Reservation], *, all_of_it: bool = True) -> Counter[tuple[str, str]]:
    """What a shop has handed out, or would, by customer and SKU; all of it, or what holds by a grant or an order. What
    was over before a limit began is not counted by it.
    """
    units = Counter[tuple[str, str]]()
    for reservation in reservations:
        is_alone = reservation.part is None and not reservation.grant
        if is_alone and not (all_of_it and reservation.status in LIVE):
            continue
        if reservation.status is not Status.CLAIMED:  # which nobody can collect yet
            sold = [units for units, _ in reservation.done] if reservation.done else [0] * len(reservation.lines)
            for (sku, _), held, gone in zip(reservation.lines, reservation.held(), sold, strict=True):
                units[reservation.customer_id, sku] += held + gone
    return units


def check_nothing_done(
    processes: dict[str, Any], disks: dict[str, MemoryDisk], customer_id: str, key: str, since_ms: int
) -> None:
    """Who was told that nothing was done has nothing since then: no order, no grant, nothing held or claimed."""
    for actor, process in processes.items():
        for ledger in map(process.host.stale_read, process.host.recovered_ids()):
            if is_customers(ledger.ledger_id):
                made = {f"order {each.number}": each.created_at_ms for each in _of(customer_id, ledger.orders.values())}
                # By a call, whose key begins with no line feed: a turn in line and what was held before are none.
                granted = (each for each in _of(customer_id, ledger.grants) if not each.call_key.startswith("\n"))
                made |= {f"grant {each.number}": each.granted_at_ms for each in granted}
            else:
                held = (each for each in _of(customer_id, ledger.reservations.values()) if each.status in LIVE)
                made = {str(each.number): each.created_at_ms for each in held}
            done = [name for name, at_ms in made.items() if at_ms >= since_ms]
            said = {str(at[0]): at[3] for at in history(disks[actor], ledger.ledger_id)} if done else {}
            moved = [event for event in map(said.get, done) if isinstance(event, MovedIn)]  # made by another clock
            if len(done) > sum(event.command.created_at_ms < since_ms for event in moved):
                raise Broken("L6", f"{customer_id} {key}: nothing was done, and {ledger.ledger_id} has {done}")


def _of(customer_id: str, things: Iterable[Any]) -> Iterator[Any]:
    return (each for each in things if each.customer_id == customer_id)


async def check_compared(router: Router) -> None:
    """VerifyOrders finds nothing, and soon nothing on its way: holds may expire while it looks."""
    reply = ad.VerifyOrdersResponse()
    for _ in range(COMPARED_AGAIN_MAX):
        reply = ad.VerifyOrdersResponse()
        await Comparison(router, asyncio.get_running_loop().time() + 60, reply).run()
        if reply.discrepancies or reply.left_out:
            break
        if not reply.on_the_way:
            return
        await asyncio.sleep(5)
    raise Broken(reply.discrepancies[0].invariant if reply.discrepancies else "I22", str(reply))


def check_keys(disks: dict[str, MemoryDisk], reused: set[str]) -> None:
    """A key made one thing, whichever ledger's: a reservation of one shop, or an order. One whose command ends its
    actor made none.
    """
    made: dict[str, str] = {}
    for disk, ledger_id in at_home(disks):
        opened: dict[int, str] = {}
        for version, _, _, event in history(disk, ledger_id):
            key = ""
            if isinstance(event, ev.Opened):
                opened[event.command.number or version] = event.command.key
            elif isinstance(event, ev.Placed):
                key = event.command.asked.key
            elif isinstance(event, ev.Committed):
                key = opened.pop(event.number, "")  # one that is abandoned made nothing
            elif isinstance(event, shop.Reserved):
                key = event.command.key
            if key.startswith(LETHAL):
                raise Broken("L10", f"{key} ends its actor, and made {version} in {ledger_id}")
            if key and key not in reused and made.setdefault(key, ledger_id) != ledger_id:
                raise Broken("I5", f"{key} made something in {made[key]}, and {version} in {ledger_id}")


def _alone(ledger_id: str, events: list[tuple[int, int, int, Any]], live: Any) -> None:
    core = core_of(ledger_id)
    ledger = core.empty(ledger_id)
    audit, orders = Audit(ledger_id), OrderAudit(ledger_id)
    for version, epoch, at_ms, event in events:
        core.evolve(ledger, event, at_ms)
        second: Any = orders if is_customers(ledger_id) else audit
        second.add(version, epoch, at_ms, event)
    for violation in (*core.check(ledger), *audit.result().violations, *orders.violations):
        raise Broken(violation.invariant, f"{ledger_id}: {violation}")
    if live is not None and core.capture(live).state_hash() != core.capture(ledger).state_hash():
        raise Broken("I13", f"{ledger_id}: a replay gives another state than the live one")


def _certain(ledger_id: str, events: list[tuple[int, int, int, Any]]) -> set[str]:
    """Holders that were ever certain, and that all of an attempt's plans were."""
    found: set[str] = set()
    open_plans: dict[int, tuple[int, set[str]]] = {}
    attempts: dict[int, int] = {}
    for version, _, _, event in events:
        match event:
            case ev.Opened(command):
                number = command.number or version
                attempts[number] = 1
                open_plans[number] = (1, {plan.store_id for plan in event.command.plans})
            case ev.Placed(command):
                attempts[command.number] = 1
                found.add(format_holder(format_order_id(ledger_id, command.number), 1))
            case ev.AmendOpened() | ev.Replanned():
                attempts[event.number] += 1
                open_plans[event.number] = (attempts[event.number], {plan.store_id for plan in event.plans})
            case ev.Committed(number, claims, _):
                attempt, stores = open_plans.pop(number)
                if {store_id for store_id, _ in claims} != stores:
                    raise Broken("I7", f"order {number} became certain with {claims}, and {stores} were planned")
                if stores:
                    found.add(format_holder(format_order_id(ledger_id, number), attempt))
            case _:
                pass
    return found


def _of_shop(
    store_id: str,
    events: list[tuple[int, int, int, Any]],
    claims: dict[str, tuple[str, int]],
    heard: list[tuple[str, str]],
    given_back: list[tuple[str, str]],
) -> None:
    parts: dict[int, str] = {}
    for version, _, _, event in events:
        match event:
            case shop.Claimed():
                claims[event.command.holder] = (store_id, version)
                parts[version] = event.command.holder
            case shop.OutcomeApplied(holder, _, number, status, _, _, _) if number and status in LIVE:
                heard.append((holder, store_id))
            case shop.OutcomeApplied(holder, _, number, _, _, _, _) if number:
                given_back.append((holder, store_id))
            case shop.Collected() if event.number in parts:
                heard.append((parts[event.number], store_id))
            case _:
                pass
