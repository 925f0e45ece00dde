"""Invariants of a shop's state, checked after each batch in tests and at every recovery; `audit` checks the journal."""

from collections import Counter, defaultdict
from typing import Final

from actors.core.deadlines import SHIFT
from actors.core.ids import is_hot
from actors.core.linear_hash import in_sequence
from actors.core.rejection import Violation
from actors.core.status import LIVE, OPEN, PickStatus, Status, TransferStatus
from actors.shop.allotments.allotment import HolderKind
from actors.shop.commands import by_sku
from actors.shop.customer_totals import CustomerTotals
from actors.shop.lines.decide import ASKED_AT_ONCE_MAX
from actors.shop.picking.pick_task import Picks, PickTask
from actors.shop.position import ByRank
from actors.shop.promised import by_rank
from actors.shop.shortfalls.shortfall import MOVING_MAX, OPEN_TASKS_MAX
from actors.shop.state import Ledger, Reservation
from actors.shop.transfers.in_transit import AWAITING_MAX, InTransit
from actors.shop.transfers.transfer import Transfers, set_aside

_QUEUED: Final = Status.QUEUED  # a member that is looked up in its class costs as much as half of the others' checks
_CLAIMED: Final = Status.CLAIMED


def check(ledger: Ledger) -> list[Violation]:
    """All violations of I1, I2, I18 to I21 and indexes, empty where the ledger is sound. One pass over its state."""
    found: list[Violation] = []
    promised = set_aside(ledger.transfers.live.values())
    live = unindexed = 0
    places: dict[int, int] = {}
    holding: dict[str, dict[int, None]] = defaultdict(dict)
    sharing: dict[tuple[str, int], int] = {}
    waiting: dict[str, list[Reservation]] = {}
    awaiting: list[Reservation] = []
    reservations, customers, any_undecided = ledger.reservations, ledger.customers, len(ledger.undecided) > 0
    for number in in_sequence(reservations):
        reservation = reservations[number]
        status, part, slot_start_ms = reservation.status, reservation.part, reservation.slot_start_ms
        if part is not None and ledger.holders.get(part.holder) != number:
            found.append(Violation("I7", part.holder, f"found as {number}", "it is not"))
        if reservation.basket_id and not _is_basket_right(ledger, reservation):
            found.append(Violation("I3", str(number), "what its basket has", "another one"))
        if status is _QUEUED:
            waiting.setdefault(reservation.lines[0][0], []).append(reservation)
            continue
        if status not in LIVE:
            if number not in ledger.outbox:
                found.append(Violation("I3", str(number), "over, and not in memory", "it is"))
            continue
        live += 1
        if (any_undecided or status is _CLAIMED) and (status is _CLAIMED) != (number in ledger.undecided):
            found.append(Violation("I7", str(number), "undecided while it is CLAIMED", "it is not so"))
        if slot_start_ms and part is None:
            places[slot_start_ms] = places.get(slot_start_ms, 0) + 1
        elif slot_start_ms and part is not None:
            parts = (part.order, slot_start_ms)
            sharing[parts] = sharing.get(parts, 0) + 1
        indexed = customers.get(reservation.customer_id, ())
        if indexed != number and (isinstance(indexed, int) or number not in indexed):
            unindexed += 1
        lines = reservation.lines
        if reservation.in_line is not None and reservation.awaits is not None:  # nothing of it is here
            awaiting.append(reservation)
            continue
        if reservation.done is not None:  # nearly all have none, and hold all of their lines
            lines, held = reservation.held_lines(), reservation.held()
            if min(held) < 0 or not any(held):
                found.append(Violation("I3", str(number), "a live reservation holds units", str(held)))
        for sku, units in lines:
            promised[sku] = promised.get(sku, 0) + units
            if units:
                holding[sku][number] = None
    found += [*_of_positions(ledger, promised, holding), *_of_leases(ledger), *_of_transfers(ledger)]
    found += [*_of_lines(ledger, waiting), *_of_tasks(ledger), *_of_picks(ledger), *_of_in_transit(ledger, awaiting)]
    for _, slot_start_ms in sharing:  # one place for all of an order's parts
        places[slot_start_ms] = places.get(slot_start_ms, 0) + 1
    if sharing != ledger.parts_in_slots:
        found.append(Violation("I7", ledger.ledger_id, f"parts in slots {sharing}", f"{ledger.parts_in_slots}"))
    if places != ledger.slots_taken:
        found.append(Violation("I2", ledger.ledger_id, f"places taken {places}", f"{ledger.slots_taken}"))
    if live != ledger.open_reservations:
        found.append(Violation("I3", ledger.ledger_id, f"{live} open", f"{ledger.open_reservations} open"))
    return found + _of_customers(ledger, live, unindexed)


def _is_basket_right(ledger: Ledger, reservation: Reservation) -> bool:
    """Whether its basket is known to have it; one that is due may have been replaced as if it were over."""
    if reservation.status not in OPEN or reservation.expires_at_ms <= ledger.time_ms:
        return True
    return ledger.baskets.get((reservation.customer_id, reservation.basket_id)) == reservation.number


def _of_customers(ledger: Ledger, live: int, unindexed: int) -> list[Violation]:
    """Violations of the index of customers, in which so many are live and some of them missing, and of the totals that
    are kept.
    """
    found = []
    entries = sum(1 if isinstance(numbers, int) else len(numbers) for numbers in ledger.customers.values())
    if unindexed or entries != live:
        of = f"{live} live reservations by customer", f"{entries}, {unindexed} missing"
        found.append(Violation("I15", ledger.ledger_id, *of))
    for customer_id, kept in ledger.totals.items():
        anew = CustomerTotals(ledger.live_of_customer(customer_id)).sums.sums(0)
        if kept.sums.sums(0) != anew:
            found.append(Violation("I15", customer_id, f"totals {anew}", f"{kept.sums.sums(0)}"))
    return found


def _of_lines(ledger: Ledger, waiting: dict[str, list[Reservation]]) -> list[Violation]:
    """Violations of the lines, in which these wait: by arrival, but first who has lost units; a customer once, nobody
    whom units are there for.
    """
    found = [Violation("I18", sku, "nobody in line", "a line") for sku in ledger.lines.keys() - waiting.keys()]
    of_lines = {each.number for mine in waiting.values() for each in mine if _granted_by_ms(each) or _is_late(each)}
    found += [Violation("I18", str(each), "a grant asked for", "none") for each in ledger.awaiting.keys() - of_lines]
    for sku, mine in waiting.items():
        line = ledger.lines.get(sku)
        mine.sort(key=lambda each: (not _has_lost(each), each.number))
        numbers, asked = [each.number for each in mine], [each.lines[0][1] for each in mine]
        customers = {each.customer_id: each.number for each in mine}
        losers = sum(map(_has_lost, mine))
        late = {each.number for each in mine if _is_late(each)}
        channels = Counter(each.channel for each in mine if each.number not in late)
        entered = None if line is None else (line.numbers, line.customers, line.channels, line.units, line.losers)
        if entered != (numbers, customers, channels, sum(asked), losers) or len(customers) < len(mine):
            found.append(Violation("I18", sku, f"{numbers} in line, one of each customer", f"{entered}"))
        awaited = {each.number: each.lines[0][1] for each in mine if _granted_by_ms(each)}
        kept = ({}, set()) if line is None else (line.asked, line.late)
        if kept != (awaited, late) or (awaited.keys() | late) - ledger.awaiting.keys():
            found.append(Violation("I18", sku, f"grants asked for {awaited}, {late}", f"{kept}, {[*ledger.awaiting]}"))
        if sku in ledger.line_due or ledger.policy.paused:
            continue
        if unserved := _unserved(ledger, sku, mine):
            available = f"{ledger.positions[sku].available} available, {_quotas(ledger, sku, unserved)} in quotas"
            found.append(Violation("I18", sku, f"{unserved.number} not in line for {unserved.lines}", available))
    return found


def _unserved(ledger: Ledger, sku: str, mine: list[Reservation]) -> Reservation | None:
    """One that waits though units are there, or to be promised, that nobody before it waits for, in this sequence."""
    line = ledger.lines.get(sku)
    if line is not None and len(line.asked) >= ASKED_AT_ONCE_MAX:
        return None
    available = ledger.positions[sku].available - (0 if line is None else line.kept)
    mine = [each for each in mine if not _granted_by_ms(each) and not _is_late(each)]
    for place, each in enumerate(mine):
        before = () if ledger.policy.line_may_pass else mine[:place]
        own = 0 if any(other.channel == each.channel for other in before) else _quotas(ledger, sku, each)
        if each.lines[0][1] <= (min(0, available) if before else available) + own:
            return each
        if not before and _may_be_promised(ledger, sku, each):
            return each
    return None


def _may_be_promised(ledger: Ledger, sku: str, waiting: Reservation) -> bool:
    """Whether a transfer to here has units for it that nobody is promised, and the rule says that they are."""
    policy, ((_, units),) = ledger.policy, waiting.lines
    if not policy.promise_in_transit or sku in policy.hot_by_sku or policy.is_limited(waiting.channel, waiting.lines):
        return False
    promised, awaiting = ledger.in_transit.promised, ledger.in_transit.awaiting
    expected = [
        each.expected_at_ms
        for each in ledger.transfers.live.values()
        if each.status is TransferStatus.SENT and each.destination == ledger.ledger_id
        if dict(each.lines).get(sku, 0) - promised.get((each.number, sku), 0) >= units
        if len(awaiting.get(each.number, ())) < AWAITING_MAX
    ]
    return bool(expected) and not 0 < waiting.slot_start_ms < min(expected)


def _granted_by_ms(waiting: Reservation) -> int:
    return 0 if waiting.in_line is None else waiting.in_line.granted_by_ms


def _is_late(waiting: Reservation) -> bool:
    return waiting.in_line is not None and waiting.in_line.is_late


def _quotas(ledger: Ledger, sku: str, waiting: Reservation) -> int:
    """What is left of the quotas of its channel."""
    rows = (each for each in ledger.allotments.rows.values() if each.is_live and each.kind is HolderKind.CHANNEL)
    return sum(line.left for each in rows if each.holder == waiting.channel for line in each.lines if line.sku == sku)


def _has_lost(waiting: Reservation) -> bool:
    return waiting.in_line is not None and waiting.in_line.lost_as is not None


def _of_tasks(ledger: Ledger) -> list[Violation]:
    """Violations of the tasks: those that are open, by number, within their bound."""
    tasks = ledger.tasks
    are_open = [number for number, task in sorted(tasks.rows.items()) if task.resolution is None]
    are_over = sorted((task.version, number) for number, task in tasks.rows.items() if task.resolution is not None)
    if (are_open, are_over) != (list(tasks.open), tasks.over) or len(are_open) > OPEN_TASKS_MAX:
        return [Violation("I19", ledger.ledger_id, f"open tasks {are_open}", f"{list(tasks.open)}")]
    moving = [number for number, task in sorted(tasks.rows.items()) if task.near]
    if moving != sorted(tasks.moving) or len(moving) > MOVING_MAX:
        return [Violation("I19", ledger.ledger_id, f"moving tasks {moving}", f"{sorted(tasks.moving)}")]
    return []


def _of_picks(ledger: Ledger) -> list[Violation]:
    """Violations of the pick tasks: one for each reservation that is confirmed, as that is, and in one queue."""
    if not (ledger.policy.picks or ledger.picks.rows):
        return []
    found, queued = [], Picks(woken_ms=ledger.picks.woken_ms)
    wanted = {
        number: each
        for number, each in ledger.reservations.items()
        if each.status in (Status.CONFIRMED, Status.READY) and each.awaits is None
    }
    for number, task in ledger.picks.rows.items():
        queued.put(task)
        said = _task_as(task, wanted.pop(number, None))
        if said:
            found.append(Violation("I21", f"task {number}", said, str(task)))
    if ledger.policy.picks:
        found += [Violation("I21", f"reservation {number}", "a task", "none") for number in wanted]
    queues, others = (
        ({of: list(queue) for of, queue in each.queues.items() if queue}, each.back) for each in (queued, ledger.picks)
    )
    if queues != others:
        found.append(Violation("I21", ledger.ledger_id, f"queues {queues}", f"{others}"))
    found += _of_quotas(ledger)
    apart: dict[str, int] = {}
    for sku, units in (line for task in ledger.picks.rows.values() for line in task.apart):
        apart[sku] = apart.get(sku, 0) + units
    others_apart = {sku: position.apart for sku, position in ledger.positions.items() if position.apart}
    if {sku: units for sku, units in apart.items() if units} != others_apart:
        found.append(Violation("I21", ledger.ledger_id, f"apart {apart}", f"apart {others_apart}"))
    return found


def _of_quotas(ledger: Ledger) -> list[Violation]:
    """Violations of quotas: what was drawn from them, and is held or to be put back, is not in them as well."""
    found, used = [], Counter[tuple[int, str]]()
    for drawn in (*ledger.allotments.drawn.values(), *(task.quotas for task in ledger.picks.rows.values())):
        used.update({(number, sku): units for number, sku, units in drawn})
    for (number, sku), units in used.items():
        quota = ledger.allotments.rows.get(number)
        line = None if quota is None else quota.line_of(sku)
        if line is not None and units > line.used:
            found.append(Violation("I1", f"allotment {number}", f"{units} of {sku} drawn at least", f"{line.used}"))
    return found


def _task_as(task: PickTask, reservation: Reservation | None) -> str:
    """What a task of this reservation, None where it is over or waits, would be; empty where it is so."""
    owed, apart, back = Counter[str](), Counter(dict(task.apart)), Counter(dict(task.back))
    for _, sku, units in task.quotas:
        owed[sku] += units
    if not owed <= apart <= back or not all((*owed.values(), *apart.values(), *back.values())):
        return "units that go to quotas among those apart, and these among those to be put back"
    if bool(task.over_ms) is not (task.status is PickStatus.TO_PUT_BACK):
        return "since when it is to be put back"
    if reservation is None:
        is_so = task.status is PickStatus.TO_PUT_BACK and task.back and not task.picked
        return "" if is_so else "something to put back, and nothing else"
    picked, ordered = dict(task.picked), dict(by_sku(task.lines))
    if task.lines != reservation.held_lines():
        return f"lines {reservation.held_lines()}"
    if any(not 0 < units <= ordered.get(sku, 0) for sku, units in picked.items()):
        return f"at most {ordered} picked"
    if (task.status is PickStatus.READY) != (reservation.status is Status.READY):
        return f"as the reservation, {reservation.status.name}"
    if (task.status is PickStatus.PICKING) != bool(task.picker_id):
        return "a picker while it is PICKING"
    is_whole = all(picked.get(sku, 0) == units for sku, units in ordered.items())
    if task.status in (PickStatus.PICKED, PickStatus.READY) and not is_whole:
        return f"all of {ordered} picked"
    return "" if task.status is not PickStatus.TO_PUT_BACK else "no putting back while it goes on"


def _of_leases(ledger: Ledger) -> list[Violation]:
    """Violations of parts that nobody would ask for at the end of their leases."""
    entered = set(ledger.leases.entries())
    return [
        Violation("I7", str(reservation.number), f"a lease until {reservation.expires_at_ms}", "none is entered")
        for reservation in ledger.reservations.values()
        if reservation.part is not None
        and reservation.status in LIVE
        and reservation.expires_at_ms
        and reservation.number not in ledger.lapsed
        and reservation.expires_at_ms << SHIFT | reservation.number not in entered
    ]


def _of_transfers(ledger: Ledger) -> list[Violation]:
    """Violations of the indexes of transfers."""
    anew = Transfers(ledger.ledger_id)
    for transfer in ledger.transfers.live.values():
        anew.put(transfer)
    indexes, others = ((each.inbound, each.outbox.keys(), each.on_the_way) for each in (anew, ledger.transfers))
    if indexes == others:
        return []
    return [Violation("I7", ledger.ledger_id, "transfers by id and SKU, and those in the outbox", "others")]


def _of_in_transit(ledger: Ledger, awaiting: list[Reservation]) -> list[Violation]:
    """Violations of what is promised of units in transit, which these await: no more than is on its way here."""
    found, anew = list[Violation](), InTransit()
    for each in awaiting:
        ((sku, units),) = each.held_lines()
        if each.awaits is not None:
            anew.enter(each.number, each.awaits, sku, units)
    if anew != ledger.in_transit:
        found.append(Violation("I7", ledger.ledger_id, f"promised in transit {anew}", f"{ledger.in_transit}"))
    for (number, sku), units in anew.promised.items():
        transfer = ledger.transfers.live.get(number)
        is_coming = transfer is not None and transfer.status is TransferStatus.SENT
        most = dict(transfer.lines).get(sku, 0) if transfer is not None and is_coming else 0
        if units > most:
            found.append(Violation("I2", sku, f"at most {most} promised of transfer {number}", str(units)))
    return found


def _of_positions(ledger: Ledger, promised: dict[str, int], holding: dict[str, dict[int, None]]) -> list[Violation]:
    """Violations of the positions, of which so much is promised, to these."""
    found: list[Violation] = []
    allotted, handed = _allotted(ledger, found), _handed(ledger, found)
    for sku, position in ledger.positions.items():
        booked = position.received - position.sold + position.adjusted + position.moved
        if booked != position.on_hand:
            found.append(Violation("I1", sku, f"on_hand {booked}", f"on_hand {position.on_hand}"))
        if promised.get(sku, 0) != position.reserved:
            found.append(Violation("I1", sku, f"reserved {promised.get(sku, 0)}", f"reserved {position.reserved}"))
        held_by, held = position.held_by or (), tuple(holding.get(sku, ()))
        if isinstance(held_by, ByRank):
            is_so = held_by == by_rank(ledger, held) and held_by is ledger.crowded.get(sku)
        else:
            is_so = held == tuple(dict.fromkeys(held_by)) and sku not in ledger.crowded
        if not is_so:
            found.append(Violation("I7", sku, f"held by {held}", f"{held_by}"))
        given = allotted.get(sku, 0) + handed.get(sku, 0)
        if position.allotted != given:
            found.append(Violation("I1", sku, f"allotted {given}", f"allotted {position.allotted}"))
        # A till may have sold what a count has missed already, so its units alone may be more than are there; and what
        # the ledger of a hot SKU has, is missed first.
        promise = position.reserved + position.allotted - handed.get(sku, 0)
        if promise > max(0, position.on_hand) and promise > ledger.allotments.with_tills(sku):
            found.append(Violation("I2", sku, f"at most {max(0, position.on_hand)} promised", str(promise)))
    found.extend(Violation("I1", sku, "a position", "none") for sku in promised.keys() - ledger.positions.keys())
    return found


def _handed(ledger: Ledger, found: list[Violation]) -> dict[str, int]:
    """Units by SKU that ledgers of hot SKUs have. Adds violations, also of such a ledger, whose units are on hand."""
    left = {name: totals.left for name, totals in ledger.hot.by.items()}
    less = ((name, units) for name, units in left.items() if units < 0)
    found.extend(Violation("I20", name, "no more back than went", f"{units} left") for name, units in less)
    if not is_hot(ledger.ledger_id):
        return left
    there = {name: position.on_hand for name, position in ledger.positions.items()}
    if there != left:
        found.append(Violation("I20", ledger.ledger_id, f"{left} by shop", f"{there} on hand"))
    return {}


def _allotted(ledger: Ledger, found: list[Violation]) -> dict[str, int]:
    """Units left in allotments by SKU. Adds violations of the allotments to those that were found."""
    units: dict[str, int] = {}
    tables = ledger.allotments
    for allotment in tables.rows.values():
        for line in allotment.lines:
            units[line.sku] = units.get(line.sku, 0) + line.left
            most = line.given if allotment.is_live else 0
            if not (0 <= line.left <= most and 0 <= line.used <= line.given - line.left):
                subject = f"allotment {allotment.number}"
                found.append(Violation("I1", subject, f"0 to {most} of {line.sku} left", f"{line.used}, {line.left}"))
            indexed = allotment.number in tables.by_sku.get(line.sku, ())
            if indexed is not allotment.is_live:
                found.append(Violation("I7", f"allotment {allotment.number}", f"by {line.sku} while live", "it is not"))
    for number in tables.drawn:
        reservation = ledger.reservations.get(number)
        if reservation is None or reservation.status not in LIVE:
            found.append(Violation("I7", f"reservation {number}", "nothing drawn once it is over", "units of quotas"))
    quotas = sum(1 for each in tables.rows.values() if each.is_live and each.kind is HolderKind.CHANNEL)
    if quotas != tables.quotas:
        found.append(Violation("I7", ledger.ledger_id, f"{quotas} quotas", f"{tables.quotas} quotas"))
    return units
