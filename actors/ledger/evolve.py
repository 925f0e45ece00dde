"""How events change the ledger. Total: an event that was accepted once is never refused, then or at any replay.

`evolve` is the only writer of a ledger's state. Every branch keeps the conservation laws by itself, so there is no
moment at which a unit is in two places, or in none.
"""

from sys import intern
from typing import Final, assert_never

from actors.ledger.commands import AdjustmentKind, Lines, Movement
from actors.ledger.decide_stock import on_hand_delta
from actors.ledger.events import (
    Collected,
    Confirmed,
    Event,
    Expired,
    Extended,
    PolicyAdopted,
    ReadyMarked,
    Refused,
    Released,
    Reserved,
    SafetyStockSet,
    ShortfallDeclared,
    StockAdjusted,
    StockCounted,
)
from actors.ledger.expiry import move_deadline, note_deadline
from actors.ledger.lifecycle import ReleaseReason, Status, Step, final_status
from actors.ledger.policy import from_document
from actors.ledger.state import (
    GENERATION_MS,
    INTERNED_LINES_MAX,
    Ledger,
    Position,
    Remembered,
    Reservation,
    StockOutcome,
    Told,
)

FORGET_A_STEP_MAX: Final = 64  # final reservations forgotten per event, so that no event pays for a whole day


def evolve(ledger: Ledger, event: Event, at_ms: int) -> Remembered | None:
    """Apply one event that happened at a ledger time; the ledger's version grows by one.

    Returns the answer that the event gives to its idempotency key, None where it has no key.
    """
    ledger.version += 1
    if at_ms > ledger.time_ms:
        ledger.time_ms = at_ms
    if ledger.ended:
        _forget_ended(ledger)
    match event:
        case Reserved():
            return _evolve_reserved(ledger, event, at_ms)
        case Refused():
            return _remember(ledger, event.key, Told(event.fingerprint, ledger.version, event.rejection))
        case Confirmed():
            return _evolve_confirmed(ledger, event)
        case ReadyMarked():
            return _evolve_ready_marked(ledger, event)
        case Collected():
            return _evolve_collected(ledger, event, at_ms)
        case Released():
            return _evolve_released(ledger, event, at_ms)
        case Expired():
            _give_back(ledger, event.number, event.lines, at_ms, Step.EXPIRE, None)
        case Extended():
            return _evolve_extended(ledger, event)
        case StockAdjusted():
            return _evolve_stock_adjusted(ledger, event, at_ms)
        case StockCounted():
            return _evolve_stock_counted(ledger, event, at_ms)
        case SafetyStockSet():
            return _evolve_safety_stock_set(ledger, event, at_ms)
        case ShortfallDeclared():
            pass  # a headline: the releases that follow change the state
        case PolicyAdopted():
            ledger.policy = from_document(event.document)
        case _:
            assert_never(event)
    return None


def _evolve_reserved(ledger: Ledger, event: Reserved, at_ms: int) -> Remembered:
    """Hold the units. The hot path of the product: one function, and a tuple made a Reservation without the named
    constructor, which would cost 0.3 us of the 2.5.
    """
    number = ledger.version
    key, customer_id, channel, basket_id, lines, ttl_ms, expires_at_ms = event
    interned = ledger.interned_lines
    if len(interned) < INTERNED_LINES_MAX:
        lines = interned.setdefault(lines, lines)
    else:
        lines = interned.get(lines, lines)
    if expires_at_ms == ledger.shared_instant_ms:
        expires_at_ms = ledger.shared_instant_ms  # one object for a batch's deadlines: 32 bytes a hold
    else:
        ledger.shared_instant_ms = expires_at_ms
    reservation = tuple.__new__(
        Reservation,
        (
            number,
            Status.HELD,
            customer_id,
            intern(channel),
            basket_id,
            lines,
            None,
            ttl_ms,
            at_ms,
            expires_at_ms,
            number,
            None,
            None,
        ),
    )
    positions = ledger.positions
    for sku, quantity in lines:
        positions[sku].move_reserved(at_ms, quantity)
    ledger.reservations[number] = reservation
    ledger.open_reservations += 1
    others = ledger.customers.setdefault(customer_id, number)
    if others is not number:
        ledger.add_to_customer(customer_id, others, number)
    if basket_id:
        ledger.baskets[customer_id, basket_id] = number
    note_deadline(ledger, number, expires_at_ms)
    return _remember(ledger, key, reservation)


def _remember(ledger: Ledger, key: str, answer: Remembered) -> Remembered:
    """Keep an answer for repeats, in its day's generation; whole generations are forgotten when their time is over."""
    day = ledger.time_ms // GENERATION_MS
    generation = ledger.generations.get(day)
    if generation is None:
        generation = ledger.generations[day] = {}
        oldest_kept = (ledger.time_ms - ledger.policy.answer_memory_ms) // GENERATION_MS
        for old in [index for index in ledger.generations if index < oldest_kept]:
            ledger.remembered -= len(ledger.generations.pop(old))
    generation[key] = answer
    ledger.remembered += 1
    return answer


def _forget_ended(ledger: Ledger) -> None:
    """Drop final reservations that nobody can repeat a call about any more, a few at a time."""
    oldest_kept_ms = (ledger.time_ms - ledger.policy.answer_memory_ms) // GENERATION_MS * GENERATION_MS
    ended = ledger.ended
    for _ in range(FORGET_A_STEP_MAX):
        if not ended or ended[0][0] >= oldest_kept_ms:
            return
        del ledger.reservations[ended.popleft()[1]]


def _evolve_confirmed(ledger: Ledger, event: Confirmed) -> Remembered:
    reservation = ledger.reservations[event.number]
    changed = reservation._replace(status=Status.CONFIRMED, expires_at_ms=event.expires_at_ms, version=ledger.version)
    ledger.reservations[event.number] = changed
    move_deadline(ledger, event.number, event.expires_at_ms)
    return _remember(ledger, event.key, Told(event.fingerprint, ledger.version, changed))


def _evolve_ready_marked(ledger: Ledger, event: ReadyMarked) -> Remembered:
    changed = ledger.reservations[event.number]._replace(status=Status.READY, version=ledger.version)
    ledger.reservations[event.number] = changed
    return _remember(ledger, event.key, Told(event.fingerprint, ledger.version, changed))


def _evolve_extended(ledger: Ledger, event: Extended) -> Remembered:
    changed = ledger.reservations[event.number]._replace(expires_at_ms=event.expires_at_ms, version=ledger.version)
    ledger.reservations[event.number] = changed
    move_deadline(ledger, event.number, event.expires_at_ms)
    return _remember(ledger, event.key, Told(event.fingerprint, ledger.version, changed))


def _evolve_collected(ledger: Ledger, event: Collected, at_ms: int) -> Remembered:
    """Held to sold: reserved, on hand and sold change together."""
    reservation = ledger.reservations[event.number]
    for sku, units in event.lines:
        if units:
            position = ledger.positions[sku]
            position.move_reserved(at_ms, -units)
            position.move_on_hand(at_ms, -units)
            position.sold += units
    done = reservation.done or ((0, 0),) * len(reservation.lines)
    done = tuple(
        (collected + units, released) for (collected, released), (_, units) in zip(done, event.lines, strict=True)
    )
    changed = reservation._replace(done=done, payment_reference=event.payment_reference, version=ledger.version)
    changed = _settle(ledger, changed, Step.COLLECT, at_ms)
    return _remember(ledger, event.key, Told(event.fingerprint, ledger.version, changed))


def _evolve_released(ledger: Ledger, event: Released, at_ms: int) -> Remembered | None:
    changed = _give_back(ledger, event.number, event.lines, at_ms, Step.RELEASE, event.reason)
    if not event.key:
        return None
    return _remember(ledger, event.key, Told(event.fingerprint, ledger.version, changed))


def _give_back(
    ledger: Ledger, number: int, lines: Lines, at_ms: int, step: Step, reason: ReleaseReason | None
) -> Reservation:
    reservation = ledger.reservations[number]
    for sku, units in lines:
        if units:
            ledger.positions[sku].move_reserved(at_ms, -units)
    done = reservation.done or ((0, 0),) * len(reservation.lines)
    done = tuple((collected, released + units) for (collected, released), (_, units) in zip(done, lines, strict=True))
    changed = reservation._replace(
        done=done, version=ledger.version, release_reason=reason or reservation.release_reason
    )
    return _settle(ledger, changed, step, at_ms)


def _settle(ledger: Ledger, reservation: Reservation, step: Step, at_ms: int) -> Reservation:
    """Put a changed reservation back; where it holds nothing more it is final, and leaves the indexes."""
    if not any(reservation.held()):
        reservation = reservation._replace(status=final_status(step, reservation.units_collected()))
        ledger.open_reservations -= 1
        _forget_customer(ledger, reservation)
        basket = (reservation.customer_id, reservation.basket_id)
        if ledger.baskets.get(basket) == reservation.number:
            del ledger.baskets[basket]
        ledger.ended.append((at_ms, reservation.number))
    ledger.reservations[reservation.number] = reservation
    return reservation


def _forget_customer(ledger: Ledger, reservation: Reservation) -> None:
    numbers = ledger.customers[reservation.customer_id]
    if isinstance(numbers, int):
        del ledger.customers[reservation.customer_id]
        return
    del numbers[reservation.number]
    if len(numbers) == 1:
        ledger.customers[reservation.customer_id] = next(iter(numbers))


def _position(ledger: Ledger, sku: str, at_ms: int) -> Position:
    position = ledger.positions.get(sku)
    if position is None:
        position = ledger.positions[sku] = Position(at_ms)
    return position


def _evolve_stock_adjusted(ledger: Ledger, event: StockAdjusted, at_ms: int) -> Remembered:
    ledger.source_marks[event.source] = event.mark
    for row in event.movements:
        _book(_position(ledger, row.sku, at_ms), row, at_ms)
    outcome = StockOutcome(len(event.movements), event.dropped_repeated, event.dropped_late, event.shortfalls)
    return _remember(ledger, event.key, Told(event.fingerprint, ledger.version, outcome))


def _book(position: Position, row: Movement, at_ms: int) -> None:
    """Enter a movement under its kind. What a later count has seen already is balanced by the correction it caused."""
    delta = on_hand_delta(position, row)
    if row.kind is AdjustmentKind.RECEIPT:
        position.received += row.delta
    elif row.kind is AdjustmentKind.CORRECTION:
        position.adjusted += row.delta
    else:
        position.sold -= row.delta
    position.adjusted += delta - row.delta
    if delta:
        position.move_on_hand(row.occurred_at_ms or at_ms, delta)


def _evolve_stock_counted(ledger: Ledger, event: StockCounted, at_ms: int) -> Remembered:
    for sku, correction in event.corrections:
        position = _position(ledger, sku, at_ms)
        position.counted_at_ms = event.as_of_ms
        position.adjusted += correction
        if correction:
            # The book was wrong at the instant of the count, so that is when the correction counts from.
            position.move_on_hand(event.as_of_ms, correction)
    outcome = StockOutcome(len(event.corrections), 0, event.dropped_late, event.shortfalls)
    return _remember(ledger, event.key, Told(event.fingerprint, ledger.version, outcome))


def _evolve_safety_stock_set(ledger: Ledger, event: SafetyStockSet, at_ms: int) -> Remembered:
    for sku, quantity in event.safety_stocks:
        _position(ledger, sku, at_ms).safety_stock = quantity
    outcome = StockOutcome(len(event.safety_stocks), 0, 0, ())
    return _remember(ledger, event.key, Told(event.fingerprint, ledger.version, outcome))
