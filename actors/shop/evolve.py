"""How events change a shop's ledger. Total: an accepted event is never refused, at any replay.

`evolve` is the only writer of a ledger's state. Every branch keeps the conservation laws by itself, so no unit is ever
counted twice or lost between two events.
"""

from sys import intern
from typing import Any, assert_never

from actors.core.answers import Recorded, Said, fingerprint, forgotten, forgotten_at_ms
from actors.core.rejection import Reason, Rejection
from actors.core.status import LIVE, ReleaseReason, Status, Step, final_status
from actors.core.transact import PolicyAdopted, Refused, refused_by
from actors.shop import events as ev
from actors.shop.commands import AdjustmentKind, Claim, Grant, Lines, Movement, Reserve, claim_key
from actors.shop.decide_stock import on_hand_delta
from actors.shop.events import Reserved  # by its own name: 0.1 us of a Reserve's 4, with `decide`
from actors.shop.expiry import move_deadline, move_lease, note_deadline
from actors.shop.state import FullReservation, Ledger, Part, Position, Remembered, Reservation, StockOutcome


def evolve(ledger: Ledger, event: ev.Event, at_ms: int) -> Remembered | None:
    """Apply one event at its ledger time; the ledger's version increases by one.

    Returns the answer that the event gives to its idempotency key, or None where it has none.
    """
    ledger.version += 1
    if at_ms > ledger.time_ms:
        ledger.time_ms = at_ms
    if ledger.ended.lists and ledger.time_ms >= ledger.forget_ended_at_ms:
        _forget_ended(ledger)
    match event:
        case Reserved():
            return _evolve_reserved(ledger, event, at_ms)
        case Refused():
            refusal = Recorded(event.fingerprint, ledger.version, event.rejection)
            return ledger.refuse(event.key, refusal, event.call_key)
        case ev.Confirmed():
            return _step(ledger, event, status=Status.CONFIRMED, expires_at_ms=event.expires_at_ms)
        case ev.ReadyMarked():
            return _step(ledger, event, status=Status.READY)
        case ev.Collected():
            return _evolve_collected(ledger, event, at_ms)
        case ev.Released():
            return _evolve_released(ledger, event, at_ms)
        case ev.Expired():
            _put_in_outbox(ledger, _give_back(ledger, event.number, event.lines, at_ms, Step.EXPIRE, None))
        case ev.Extended():
            return _step(ledger, event, expires_at_ms=event.expires_at_ms)
        case ev.Amended():
            return _evolve_amended(ledger, event, at_ms)
        case ev.Claimed():
            return _evolve_claimed(ledger, event, at_ms)
        case ev.OutcomeApplied():
            return _evolve_outcome_applied(ledger, event, at_ms)
        case ev.Acknowledged():
            for number, version in event.parts:
                if ledger.reservations[number].version <= version:
                    ledger.outbox.pop(number, None)
            for number, grant in event.grants:
                ledger.reservations[number] = ledger.reservations[number].changed(grant=grant)
            ledger.outbox.update(dict.fromkeys(event.uncounted))
        case ev.StockAdjusted():
            return _evolve_stock_adjusted(ledger, event, at_ms)
        case ev.StockCounted():
            return _evolve_stock_counted(ledger, event, at_ms)
        case ev.SafetyStockSet():
            return _evolve_safety_stock_set(ledger, event, at_ms)
        case ev.ShortfallDeclared():
            pass  # the Released events that follow change the state
        case PolicyAdopted():
            ledger.policy = event.policy.with_kept(ledger.policy, event.kept)
            ledger.answers.forget_at_ms = ledger.forget_ended_at_ms = 0  # it may be another time that they are kept
        case _:
            assert_never(event)
    return None


def _evolve_reserved(ledger: Ledger, event: Reserved, at_ms: int) -> Remembered:
    """Hold the units."""
    number, command = ledger.version, event.command
    if event.expires_at_ms != ledger.shared_instant_ms:  # one int object for a batch's deadlines saves 32 bytes a hold
        ledger.shared_instant_ms = event.expires_at_ms
    expires_at_ms = ledger.shared_instant_ms
    lines = ledger.interned_lines.get(command.lines) or ledger.interned(command.lines)
    reservation = _made(command, number, lines, at_ms, expires_at_ms)
    _hold(ledger, reservation, at_ms)
    if command.basket_id:
        ledger.baskets[command.customer_id, command.basket_id] = number
    note_deadline(ledger, number, expires_at_ms)
    return ledger.made(command.key, reservation)


def _made(command: Reserve, number: int, lines: Lines, at_ms: int, expires_at_ms: int) -> Reservation:
    made = Reservation(
        number,
        Status.HELD,
        command.customer_id,
        intern(command.channel),
        command.basket_id,
        lines,
        command.ttl_ms,
        at_ms,
        expires_at_ms,
        number,
    )
    if command.grant is None and not command.slot_start_ms and not command.external_reference:
        return made
    grant = command.grant.number if isinstance(command.grant, Grant) else 0
    few = {"external_reference": command.external_reference, "grant": grant}
    return made.changed(slot_start_ms=command.slot_start_ms, **few)


def _evolve_claimed(ledger: Ledger, event: ev.Claimed, at_ms: int) -> Remembered:
    """Hold the units of a part. The deadline is kept by its order, not here."""
    number, command = ledger.version, event.command
    reservation = _claimed(command, number, at_ms)
    _hold(ledger, reservation, at_ms)
    ledger.holders[command.holder] = number
    ledger.undecided[number] = None
    return ledger.made(command.key, Recorded(fingerprint(command), number, reservation), of_call=command.call_key)


def _claimed(command: Claim, number: int, at_ms: int) -> Reservation:
    return FullReservation(
        number,
        Status.CLAIMED,
        command.customer_id,
        intern(command.channel),
        "",
        command.lines,
        0,
        at_ms,
        0,
        number,
        part=Part(command.holder, 0),
        slot_start_ms=command.slot_start_ms,
    )


def said_by(event: ev.Event, version: int, at_ms: int) -> Said:
    """What the event of this version answered."""
    match event:
        case Reserved(command):
            return command.key, _made(command, version, command.lines, at_ms, event.expires_at_ms), ""
        case ev.Claimed(command):
            claimed = Recorded(fingerprint(command), version, _claimed(command, version, at_ms))
            return command.key, claimed, command.call_key
        case ev.StockAdjusted() | ev.StockCounted() | ev.SafetyStockSet():
            return event.key, Recorded(event.fingerprint, version, _outcome(event)), ""
        case ev.Confirmed() | ev.ReadyMarked() | ev.Collected() | ev.Released() | ev.Extended() | ev.Amended():
            assert event.answer is not None, "it is there wherever it was decided"
            return event.key, Recorded(event.fingerprint, version, event.answer), ""
        case ev.OutcomeApplied():
            return claim_key(event.holder), _absent(version), ""
        case _:
            return refused_by(event, version)


def _absent(version: int) -> Recorded[Rejection]:
    """The answer to a claim of an order that has ended before it."""
    return Recorded("", version, Rejection(Reason.CLAIM_ABANDONED))


def _outcome(event: ev.StockAdjusted | ev.StockCounted | ev.SafetyStockSet) -> StockOutcome:
    match event:
        case ev.StockAdjusted():
            return StockOutcome(len(event.movements), event.dropped_repeated, 0, event.shortfalls)
        case ev.StockCounted():
            return StockOutcome(len(event.corrections), 0, event.dropped_late, event.shortfalls)
        case ev.SafetyStockSet():
            return StockOutcome(len(event.safety_stocks), 0, 0, ())
        case _:
            assert_never(event)


def _hold(ledger: Ledger, reservation: Reservation, at_ms: int) -> None:
    """Enter a new reservation: its units, its place in a slot, and the indexes."""
    number, positions = reservation.number, ledger.positions
    for sku, quantity in reservation.lines:
        positions[sku].move_reserved(at_ms, quantity)
    ledger.reservations[number] = reservation
    ledger.open_reservations += 1
    others = ledger.customers.setdefault(reservation.customer_id, number)
    if others is not number:
        ledger.add_to_customer(reservation.customer_id, others, number)
    if reservation.slot_start_ms:
        ledger.take_place(reservation.slot_start_ms, reservation.part)


def _evolve_outcome_applied(ledger: Ledger, event: ev.OutcomeApplied, at_ms: int) -> Remembered:
    """Apply an outcome to its part. The answer is not remembered: the part's revision identifies a repeat."""
    if not event.number:
        return ledger.refuse(claim_key(event.holder), _absent(ledger.version))
    reservation = ledger.reservations[event.number]
    ledger.undecided.pop(event.number, None)
    step = Step.EXPIRE if event.status is Status.EXPIRED else Step.RELEASE
    if any(units for _, units in event.lines):
        reason = event.reason if step is Step.RELEASE else None
        reservation = _give_back(ledger, event.number, event.lines, at_ms, step, reason)
    changed = reservation.changed(version=ledger.version, part=Part(event.holder, event.revision))
    if changed.status in LIVE:
        if changed.expires_at_ms != event.expires_at_ms:
            move_lease(ledger, event.number, event.expires_at_ms)
        changed = changed.changed(status=event.status, expires_at_ms=event.expires_at_ms)
    ledger.reservations[event.number] = changed
    return Recorded("", ledger.version, changed)


def _forget_ended(ledger: Ledger) -> None:
    """Drop final reservations whose answers have been forgotten, a few at a time.

    A part that its order has not acknowledged is queued again as if it had ended now, so that it does not delay the
    rest.
    """
    for _, number in forgotten(ledger.ended, ledger.time_ms, ledger.policy.answer_memory_ms):
        if number in ledger.outbox:
            ledger.ended.append((ledger.time_ms, number))
            continue
        part = ledger.reservations.pop(number).part
        if part is not None:
            del ledger.holders[part.holder]
    ledger.forget_ended_at_ms = forgotten_at_ms(ledger.ended, ledger.policy.answer_memory_ms)


def _step(
    ledger: Ledger, event: ev.Confirmed | ev.ReadyMarked | ev.Extended | ev.Amended, **changes: Any
) -> Remembered:
    """Change what is no unit of a reservation, and its deadline where that moves."""
    before = ledger.reservations[event.number]
    changed = before.changed(version=ledger.version, **changes)
    ledger.reservations[event.number] = changed
    if changed.expires_at_ms != before.expires_at_ms:
        move_deadline(ledger, event.number, changed.expires_at_ms)
    if changed.part is not None or changed.lines != before.lines:
        _put_in_outbox(ledger, changed)
    return ledger.made(event.key, Recorded(event.fingerprint, ledger.version, changed), ledger.version - event.number)


def _evolve_amended(ledger: Ledger, event: ev.Amended, at_ms: int) -> Remembered:
    """Replace the old hold by the new one under the same number."""
    reservation = ledger.reservations[event.number]
    for sku, units in reservation.lines:
        ledger.positions[sku].move_reserved(at_ms, -units)
    for sku, units in event.lines:
        ledger.positions[sku].move_reserved(at_ms, units)
    if event.slot_start_ms != reservation.slot_start_ms:
        if reservation.slot_start_ms:
            ledger.leave_place(reservation.slot_start_ms, reservation.part)
        if event.slot_start_ms:
            ledger.take_place(event.slot_start_ms, reservation.part)
    return _step(
        ledger,
        event,
        lines=event.lines,
        expires_at_ms=event.expires_at_ms,
        slot_start_ms=event.slot_start_ms,
        grant=event.grant or reservation.grant,
    )


def _put_in_outbox(ledger: Ledger, changed: Reservation) -> None:
    """Queue a change for reporting to the customer's ledger: of a part, of units held by a grant, or of units that were
    collected before one counted them.
    """
    if changed.part is not None or changed.grant or changed.is_sold_uncounted(ledger.policy):
        ledger.outbox[changed.number] = None


def _evolve_collected(ledger: Ledger, event: ev.Collected, at_ms: int) -> Remembered:
    """Reserved, on hand and sold change together."""
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
    changed = reservation.changed(done=done, payment_reference=event.payment_reference, version=ledger.version)
    changed = _settle(ledger, changed, Step.COLLECT, at_ms)
    _put_in_outbox(ledger, changed)
    return ledger.made(event.key, Recorded(event.fingerprint, ledger.version, changed), ledger.version - event.number)


def _evolve_released(ledger: Ledger, event: ev.Released, at_ms: int) -> Remembered | None:
    changed = _give_back(ledger, event.number, event.lines, at_ms, Step.RELEASE, event.reason)
    _put_in_outbox(ledger, changed)
    if not event.key:
        return None
    return ledger.made(event.key, Recorded(event.fingerprint, ledger.version, changed), ledger.version - event.number)


def _give_back(
    ledger: Ledger, number: int, lines: Lines, at_ms: int, step: Step, reason: ReleaseReason | None
) -> Reservation:
    reservation = ledger.reservations[number]
    # A hold was gone at its deadline, whenever it was swept: counts may be of an instant between the two.
    gone_at_ms = reservation.expires_at_ms if step is Step.EXPIRE and reservation.part is None else at_ms
    for sku, units in lines:
        if units:
            ledger.positions[sku].move_reserved(gone_at_ms, -units)
    done = reservation.done or ((0, 0),) * len(reservation.lines)
    done = tuple((collected, released + units) for (collected, released), (_, units) in zip(done, lines, strict=True))
    changed = reservation.changed(
        done=done, version=ledger.version, release_reason=reason or reservation.release_reason
    )
    return _settle(ledger, changed, step, at_ms)


def _settle(ledger: Ledger, reservation: Reservation, step: Step, at_ms: int) -> Reservation:
    """Store a changed reservation; where it holds no more units it becomes final, and leaves the indexes."""
    if not any(reservation.held()):
        reservation = reservation.changed(status=final_status(step, reservation.units_collected()))
        if reservation.part is not None:
            ledger.undecided.pop(reservation.number, None)
        ledger.open_reservations -= 1
        _forget_customer(ledger, reservation)
        basket = (reservation.customer_id, reservation.basket_id)
        if ledger.baskets.get(basket) == reservation.number:
            del ledger.baskets[basket]
        if reservation.slot_start_ms:
            ledger.leave_place(reservation.slot_start_ms, reservation.part)
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
    """The SKU's position, created where there is none."""
    if sku not in ledger.positions:
        ledger.positions[sku] = Position(since_ms=at_ms)
    return ledger.positions[sku]


def _evolve_stock_adjusted(ledger: Ledger, event: ev.StockAdjusted, at_ms: int) -> Remembered:
    ledger.source_marks[event.source] = event.mark
    for row in event.movements:
        _book(_position(ledger, row.sku, at_ms), row, at_ms)
    return ledger.made(event.key, Recorded(event.fingerprint, ledger.version, _outcome(event)))


def _book(position: Position, row: Movement, at_ms: int) -> None:
    """Apply a movement under its kind. One that a later count contains is offset by an adjustment."""
    delta = on_hand_delta(position, row, at_ms)
    if row.kind is AdjustmentKind.RECEIPT:
        position.received += row.delta
    elif row.kind is AdjustmentKind.CORRECTION:
        position.adjusted += row.delta
    else:
        position.sold -= row.delta
    position.adjusted += delta - row.delta
    if delta:
        position.move_on_hand(at_ms - row.age_ms, delta)


def _evolve_stock_counted(ledger: Ledger, event: ev.StockCounted, at_ms: int) -> Remembered:
    for sku, correction in event.corrections:
        position = _position(ledger, sku, at_ms)
        position.counted_at_ms = event.as_of_ms
        position.adjusted += correction
        if correction:
            # The correction takes effect at the instant of the count.
            position.move_on_hand(event.as_of_ms, correction)
    return ledger.made(event.key, Recorded(event.fingerprint, ledger.version, _outcome(event)))


def _evolve_safety_stock_set(ledger: Ledger, event: ev.SafetyStockSet, at_ms: int) -> Remembered:
    for sku, quantity in event.safety_stocks:
        _position(ledger, sku, at_ms).safety_stock = quantity
    return ledger.made(event.key, Recorded(event.fingerprint, ledger.version, _outcome(event)))
