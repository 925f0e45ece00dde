"""How promises of units in transit change a shop's ledger; see `evolve`."""

from actors.core.answers import Recorded, fingerprint
from actors.shop.customer_totals import recount
from actors.shop.customers import add_older
from actors.shop.expiry import note_deadline
from actors.shop.position import Position
from actors.shop.projections import come, promised_by
from actors.shop.promised import promise
from actors.shop.state import Ledger, Remembered, Reservation
from actors.shop.transfers.events import Promised
from actors.shop.transfers.in_transit import Awaited, Awaits


def evolve_promised(ledger: Ledger, event: Promised, at_ms: int) -> Remembered:
    """Promise the units, of which none is here."""
    number, command = ledger.version, event.command
    for sku, _ in command.lines:
        if sku not in ledger.positions:  # it comes here for the first time
            ledger.positions[sku] = Position(since_ms=at_ms)
    reservation = promised_by(event, number, at_ms)
    ledger.reservations[number] = reservation
    enter_awaiting(ledger, reservation)
    ledger.open_reservations += 1
    add_older(ledger, reservation)
    if ledger.totals:
        recount(ledger, reservation)
    if reservation.slot_start_ms:
        ledger.take_place(reservation.slot_start_ms, None)
    note_deadline(ledger, number, reservation.expires_at_ms)
    return ledger.made(command.key, Recorded(fingerprint(command), number, reservation))


def enter_awaiting(ledger: Ledger, reservation: Reservation) -> None:
    """Note what a live reservation awaits, if anything."""
    if reservation.awaits is not None:
        ((sku, units),) = reservation.lines
        ledger.in_transit.enter(reservation.number, reservation.awaits, sku, units)


def leave_awaiting(ledger: Ledger, reservation: Reservation, awaits: Awaits) -> None:
    """It awaits nothing any more: it is over, or its units have come."""
    ((sku, units),) = reservation.lines
    ledger.in_transit.leave(reservation.number, awaits, sku, units)


def arrive(ledger: Ledger, awaited: Awaited, at_ms: int) -> None:
    """Reserve the units of those whose transfer has come, however many came."""
    for number, sku, units in awaited:
        reservation = ledger.reservations[number]
        assert reservation.awaits is not None, "it awaits it"
        leave_awaiting(ledger, reservation, reservation.awaits)
        here = ledger.reservations[number] = come(reservation, ledger.version)
        ledger.positions[sku].move_reserved(at_ms, units)
        promise(ledger, here)
