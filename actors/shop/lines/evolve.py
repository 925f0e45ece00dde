"""How events change a shop's lines."""

from collections.abc import Iterable

from msgspec.structs import replace

from actors.core.answers import Recorded, fingerprint
from actors.core.status import Status
from actors.core.transact import PolicyAdopted
from actors.shop import events as ev
from actors.shop.allotments.evolve import give_back_to_quotas
from actors.shop.customer_totals import recount
from actors.shop.customers import add_older, forget
from actors.shop.expiry import move_deadline, note_deadline
from actors.shop.lines.events import GrantAwaited, PassedOver
from actors.shop.lines.line import InLine, Line
from actors.shop.projections import left_by, queued_by
from actors.shop.promised import promise, unpromise
from actors.shop.state import Ledger, Remembered, Reservation
from actors.shop.transfers.events import TransferExpected
from actors.shop.transfers.evolve_in_transit import enter_awaiting, leave_awaiting


def evolve_line(
    ledger: Ledger, event: ev.Queued | ev.Served | PassedOver | GrantAwaited | ev.Left, at_ms: int
) -> Remembered | None:
    """Apply an event of a line; see `evolve.evolve`."""
    match event:
        case ev.Queued():
            return _evolve_queued(ledger, event, at_ms)
        case ev.Served():
            _evolve_served(ledger, event, at_ms)
        case PassedOver():
            _evolve_passed_over(ledger, event)
        case GrantAwaited():
            _evolve_grant_awaited(ledger, event)
        case ev.Left():
            return _evolve_left(ledger, event)
    return None


def note_line_due(ledger: Ledger, event: ev.Event) -> None:
    """Note that a line may be served from here on: units of its SKU have moved, or the rules are others."""
    lines, due = ledger.lines, ledger.line_due
    for sku in _moved_by(ledger, event):
        if sku in lines:
            due[sku] = None


def _moved_by(ledger: Ledger, event: ev.Event) -> Iterable[str]:
    """SKUs of which units have moved, also in transit to here: what comes, and what was promised and is given back."""
    match event:
        case PolicyAdopted():
            return tuple(ledger.lines)
        case TransferExpected():
            return (sku for sku, _ in event.transfer.lines)
        case ev.Released() | ev.Expired():
            return (sku for sku, _ in event.lines)
        case _:
            return ev.touched_skus(event)


def enter_line(ledger: Ledger, waiting: Reservation) -> None:
    """Give one that is QUEUED its place, with its units, where they are kept for a grant to come."""
    ((sku, units),) = waiting.lines
    in_line = waiting.in_line
    assert in_line is not None, "it waits"
    of = waiting.number, waiting.customer_id, waiting.channel
    line = ledger.lines.setdefault(sku, Line())
    line.enter(*of, units, has_lost=in_line.lost_as is not None)
    ledger.line_due[sku] = None
    if in_line.granted_by_ms or in_line.is_late:
        _await(ledger, line, waiting, in_line.granted_by_ms)


def _await(ledger: Ledger, line: Line, waiting: Reservation, until_ms: int) -> None:
    """Keep its units until then, or no more, while its customer's ledger is asked."""
    ledger.awaiting[waiting.number] = None
    if until_ms:
        line.asked[waiting.number] = waiting.lines[0][1]
        move_deadline(ledger, ledger.deadlines, waiting.number, until_ms)
    else:
        line.be_late(waiting.number, waiting.channel)


def _leave_line(ledger: Ledger, waiting: Reservation) -> None:
    ((sku, units),) = waiting.lines
    line = ledger.lines[sku]
    line.leave(waiting.number, waiting.customer_id, waiting.channel, units)
    ledger.awaiting.discard(waiting.number)
    if line.numbers:
        ledger.line_due[sku] = None  # whoever is behind it may need fewer units
    else:
        del ledger.lines[sku]
        ledger.line_due.pop(sku, None)


def _evolve_queued(ledger: Ledger, event: ev.Queued, at_ms: int) -> Remembered | None:
    number, command = ledger.version, event.command
    waiting = queued_by(event, number, at_ms)
    ledger.reservations[number] = waiting
    if waiting.basket_id:
        ledger.baskets[waiting.customer_id, waiting.basket_id] = number
    enter_line(ledger, waiting)
    note_deadline(ledger, number, waiting.expires_at_ms)
    if not command.key:
        return None
    return ledger.made(command.key, Recorded(fingerprint(command), number, waiting))


def _evolve_served(ledger: Ledger, event: ev.Served, at_ms: int) -> None:
    """Hold the units, from now on, or those that are to come once they have."""
    waiting = ledger.reservations[event.number]
    waited = waiting.in_line
    assert waited is not None, "it waits"
    _leave_line(ledger, waiting)
    held = waiting.changed(
        status=event.status,
        version=ledger.version,
        expires_at_ms=event.expires_at_ms,
        in_line=InLine(waited.wait_ms, waited.chances + 1, lost_as=waited.lost_as, awaits=event.awaits),
        grant=event.grant,
    )
    ledger.reservations[event.number] = held
    if event.awaits is None:
        for sku, units in held.lines:
            ledger.positions[sku].move_reserved(at_ms, units)
        promise(ledger, held)
    else:
        enter_awaiting(ledger, held)
        if ledger.totals:
            recount(ledger, held)
    ledger.open_reservations += 1
    add_older(ledger, held)
    if held.slot_start_ms:
        ledger.take_place(held.slot_start_ms, None)
    move_deadline(ledger, ledger.deadlines, held.number, held.expires_at_ms)
    ledger.tasks.served(held.number, at_ms, ledger.version)


def _evolve_passed_over(ledger: Ledger, event: PassedOver) -> None:
    """Give the units back, and the place with them."""
    held = ledger.reservations[event.number]
    assert held.in_line is not None, "it has waited"
    if held.awaits is not None:
        leave_awaiting(ledger, held, held.awaits)
    for sku, units in event.lines if held.awaits is None else ():
        ledger.positions[sku].move_reserved(held.expires_at_ms, -units)  # as of its deadline, like one that expires
    if held.number in ledger.allotments.drawn:
        give_back_to_quotas(ledger, held.number, event.lines, held.expires_at_ms)
        ledger.allotments.drawn.pop(held.number, None)
    unpromise(ledger, held)
    ledger.open_reservations -= 1
    forget(ledger, held)
    if held.slot_start_ms:
        ledger.leave_place(held.slot_start_ms, None)
    in_line = replace(held.in_line, awaits=None)
    waiting = held.changed(
        status=Status.QUEUED, version=ledger.version, expires_at_ms=event.expires_at_ms, in_line=in_line
    )
    ledger.reservations[held.number] = waiting
    if held.grant:  # by which nothing is held from now on
        ledger.outbox[held.number] = None
    enter_line(ledger, waiting)
    move_deadline(ledger, ledger.deadlines, held.number, waiting.expires_at_ms)


def _evolve_grant_awaited(ledger: Ledger, event: GrantAwaited) -> None:
    """Keep units for one that waits, or no more, or have it wait as before. That it is late is no other question to its
    customer's ledger, whose answer may be under way.
    """
    waiting = ledger.reservations[event.number]
    assert waiting.in_line is not None, "it waits"
    ledger.reservations[event.number] = waiting.changed(
        version=waiting.version if event.is_late else ledger.version,
        in_line=replace(waiting.in_line, granted_by_ms=event.until_ms, is_late=event.is_late),
    )
    line = ledger.lines[event.sku]
    if event.until_ms or event.is_late:
        _await(ledger, line, waiting, event.until_ms)
    else:
        line.unask(event.number, waiting.channel)
        ledger.awaiting.discard(event.number)


def _evolve_left(ledger: Ledger, event: ev.Left) -> Remembered | None:
    number, version = event.number, ledger.version
    waiting = ledger.reservations[number]
    _leave_line(ledger, waiting)
    basket = waiting.customer_id, waiting.basket_id
    if waiting.basket_id and ledger.baskets.get(basket) == number:
        del ledger.baskets[basket]
    if number in ledger.outbox:  # its customer's ledger has still to hear that nothing is held by its grant
        ledger.reservations[number] = left_by(event, version)
    else:
        del ledger.reservations[number]
        ledger.finished.put(number, event.status, version, ledger.time_ms, is_shared=waiting.grant > 0)
    if not event.key:
        return None
    return ledger.made(event.key, Recorded(event.fingerprint, version, left_by(event, version)), version - number)
