"""How new holds change a shop's ledger: reservations, and the parts of orders."""

from heapq import heappush

from actors.core.answers import Recorded, fingerprint
from actors.core.ascending import FEW
from actors.core.deadlines import SHIFT
from actors.core.packed import hash_of
from actors.shop.customers import add_newest
from actors.shop.events import Claimed, Reserved
from actors.shop.position import TRAIL_NUMBERS_MAX, TRAIL_WINDOW_MS, Position
from actors.shop.projections import claimed_by, made_by
from actors.shop.promised import put_apart
from actors.shop.state import Ledger, Remembered, Reservation


def evolve_reserved(ledger: Ledger, event: Reserved, at_ms: int) -> Remembered:
    """Hold the units. Every hold comes by here, and in its calls a call takes more than what it does: what most of them
    need is spelled out of `Ledger.interned`, `_hold`, `Position.move_reserved`, `note_deadline` and
    `Ledger.made`.
    """
    number, command, expires_at_ms = ledger.version, event.command, ledger.shared_instant_ms
    if event.expires_at_ms != expires_at_ms:  # one int object for a batch's deadlines saves 32 bytes a hold
        expires_at_ms = ledger.shared_instant_ms = event.expires_at_ms
    lines, customer_id = command.lines, command.customer_id
    position = ledger.positions[lines[0][0]]
    if position.one_unit == lines:
        lines = position.one_unit
    else:
        lines = ledger.interned(lines)
    reservation = made_by(command, number, lines, at_ms, expires_at_ms)
    if len(lines) == 1 and not command.slot_start_ms:
        ledger.reservations[number] = reservation
        trail, held_by = position.reserved_trail, position.held_by
        if trail is None:
            position.move_reserved(at_ms, lines[0][1])
        else:
            position.reserved += lines[0][1]
            moves = trail.moves
            moves.append(at_ms)
            moves.append(lines[0][1])
            if len(moves) > TRAIL_NUMBERS_MAX or moves[0] < at_ms - TRAIL_WINDOW_MS:
                trail.forget(at_ms)
        if type(held_by) is list and len(held_by) < FEW:
            held_by.append(number)
        else:
            _hold_also(ledger, lines[0][0], position, number)
        ledger.open_reservations += 1
        others = ledger.customers.setdefault(customer_id, number)
        if others is not number:
            add_newest(ledger, reservation, others)
    else:
        _hold(ledger, reservation, at_ms)
    if command.basket_id:
        ledger.baskets[customer_id, command.basket_id] = number
    if number == ledger.newest_run_last + 1 and ledger.newest_run_ms == expires_at_ms:
        ledger.expiry_runs[ledger.newest_run] = ledger.newest_run_last = number
    else:
        run = expires_at_ms << SHIFT | number
        ledger.newest_run, ledger.newest_run_ms, ledger.newest_run_last = run, expires_at_ms, number
        heappush(ledger.deadlines.heap, run)
    answers, key = ledger.answers, command.key
    answers.newest = key, reservation
    answers.made.put(answers.hash if key is answers.key else hash_of(key), number, ledger.time_ms)
    if ledger.time_ms >= answers.forget_at_ms:
        ledger.forget()
    return reservation


def evolve_claimed(ledger: Ledger, event: Claimed, at_ms: int) -> Remembered:
    """Hold the units of a part. The deadline is kept by its order, not here."""
    number, command = ledger.version, event.command
    reservation = claimed_by(command, number, at_ms)
    _hold(ledger, reservation, at_ms)
    ledger.holders[command.holder] = number
    ledger.undecided[number] = None
    return ledger.refuse(command.key, Recorded(fingerprint(command), number, reservation), command.call_key)


def _hold(ledger: Ledger, reservation: Reservation, at_ms: int) -> None:
    """Enter a new reservation: its units, its place in a slot, and the indexes."""
    number, positions, lines = reservation.number, ledger.positions, reservation.lines
    ledger.reservations[number] = reservation
    for sku, quantity in lines:
        position = positions[sku]
        position.move_reserved(at_ms, quantity)
        _hold_also(ledger, sku, position, number)
    ledger.open_reservations += 1
    others = ledger.customers.setdefault(reservation.customer_id, number)
    if others is not number:
        add_newest(ledger, reservation, others)
    if reservation.slot_start_ms:
        ledger.take_place(reservation.slot_start_ms, reservation.part)


def _hold_also(ledger: Ledger, sku: str, position: Position, number: int) -> None:
    """Enter the newest reservation as one that holds units of a position; see `promised`."""
    held_by = position.held_by
    if held_by is None:
        position.held_by = [number]
    elif isinstance(held_by, list):
        held_by.append(number)
        if len(held_by) > FEW:
            put_apart(ledger, sku, held_by)
    else:
        held_by.held.append(number)
