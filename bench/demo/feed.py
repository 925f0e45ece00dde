"""What callers were told, held against the shops' feeds, event by event. Pure; nothing is asked of anybody here.

- Every answer stands at its version of its shop's feed, with the content that the caller was told and had asked for.
- Every effect in the feed was told to somebody, or its caller never got an answer.
- A hold past its deadline is gone within a second, and never before.

No stock is counted here and no rule of a ledger is known: what a ledger may do, it audits itself (VerifyLedger). Each
reservation is followed as its events tell it, so that answers can be compared with it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from bench.demo.calls import Answered, Call, Kind, OrderAnswered, OrderCall, OrderKind
from holdfast.client import Adjustment, Event, Line, Rejection, ReleaseReason, Reservation, Status, StockChange
from holdfast.client.models import events as told

LATE_MS_MAX: Final = 1_000
FINDINGS_MAX: Final = 50
SENTENCE_CHARS_MAX: Final = 1_000
LIVE: Final = frozenset({Status.HELD, Status.CONFIRMED, Status.READY})
UNFINISHED: Final = LIVE | {Status.CLAIMED}

INSIDE: Final = "\n"
"""The keys that shops and customers' ledgers use among themselves begin so, and no caller's key does."""

CLAIM_KEY: Final = f"{INSIDE}claim "

EVENT_OF: Final[Mapping[Kind, type]] = {
    Kind.ADJUST: told.StockAdjusted,
    Kind.RESERVE: told.Reserved,
    Kind.CONFIRM: told.Confirmed,
    Kind.READY: told.ReadyMarked,
    Kind.COLLECT: told.Collected,
    Kind.RELEASE: told.Released,
    Kind.EXTEND: told.Extended,
}
"""What a call that was accepted leaves behind."""

_OF_CALLS: Final = (*EVENT_OF.values(), told.Refused)


class Outage(NamedTuple):
    """A shop's writer was dead between these instants, in ms of the wall clock; nothing can expire meanwhile."""

    from_ms: int
    until_ms: int


class Reading(NamedTuple):
    """Up to where a shop's feed was read: its version, and the ledger's time at that version."""

    version: int
    time_ms: int


class PartAnswer(NamedTuple):
    """What one shop said to a step of an order."""

    call: OrderCall
    outcome: Reservation | Rejection


@dataclass(slots=True)
class Findings:
    """What does not agree. The counts are whole, the sentences only the first; `faults` are gaps of a feed."""

    answers_lost: int = 0
    unasked: int = 0
    expired_late: int = 0
    faults: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    order_answers_lost: list[str] = field(default_factory=list)
    order_effects_unasked: list[str] = field(default_factory=list)

    def say(self, sentence: str) -> None:
        """Keep a sentence for people."""
        if len(self.sentences) < FINDINGS_MAX:
            self.sentences.append(sentence[:SENTENCE_CHARS_MAX])


class Witness:
    """Reads the feed of all shops, each from its beginning, beside the answers that were given.

    `held` are the parts of orders that were ever held for certain, `most_in_slot` the most places that were ever taken
    in a pickup slot, by shop and start.
    """

    def __init__(
        self,
        answers: Iterable[Answered],
        outages: Mapping[str, Sequence[Outage]],
        order_answers: Iterable[OrderAnswered] = (),
    ) -> None:
        self.reservations: dict[str, Reservation] = {}
        self.held: set[str] = set()
        self.most_in_slot: Counter[tuple[str, int]] = Counter()
        self._in_slot: dict[tuple[str, int], dict[str, set[str]]] = {}
        self._versions: dict[str, int] = {}
        self._findings = Findings()
        self._outages = outages
        self._expected: dict[tuple[str, int], Answered | PartAnswer] = {}
        for answered in answers:
            self._expect(answered.call.store_id, answered)
        for call, outcome in order_answers:
            for each in outcome if isinstance(outcome, tuple) else ():
                if isinstance(each.answer, Reservation | Rejection):
                    self._expect(each.store_id, PartAnswer(call, each.answer))

    def see(self, event: Event) -> None:
        """Take the next event of its shop."""
        change = event.change
        if event.version != self._versions.get(event.store_id, 0) + 1:
            follows = self._versions.get(event.store_id, 0)
            self._findings.faults.append(f"shop {event.store_id}, version {event.version}: follows version {follows}")
        self._versions[event.store_id] = event.version
        if isinstance(change, told.Expired):
            self._judge_expiry(event, change.reservation_id)
        elif isinstance(change, told.OutcomeApplied) and change.status is Status.EXPIRED:
            self._judge_expiry(event, change.reservation_id, change.expires_at_ms)
        before, after = self._follow(event)
        if after is not None:
            self._occupy(before, after)
        answered = self._expected.pop((event.store_id, event.version), None)
        if answered is not None:
            why = disagreement(answered, event, after)
            if why:
                self._lost(event.store_id, answered, why)
        elif isinstance(change, _OF_CALLS) and not _is_made_inside(change):
            self._nobody_was_told(event, after)

    def findings(self, readings: Mapping[str, Reading]) -> Findings:
        """What was found, once the feed of each shop was seen up to its reading."""
        found = self._findings
        for (store_id, _), answered in self._expected.items():
            self._lost(store_id, answered, "the feed has no such version")
        self._expected.clear()
        for reservation in self.reservations.values():
            reading = readings.get(reservation.store_id)
            if reading is not None and reservation.status in LIVE:
                self._judge_deadline(reservation, reading.time_ms, "is still held at the end")
        for store_id, reading in readings.items():
            seen = self._versions.get(store_id, 0)
            if seen != reading.version:
                found.faults.append(f"shop {store_id}: the feed ends at {seen}, the ledger at {reading.version}")
        return found

    def parts_by_order(self) -> dict[str, dict[str, Reservation]]:
        """The parts of each order that any shop ever claimed for, by reservation id."""
        found: dict[str, dict[str, Reservation]] = {}
        for reservation_id, reservation in self.reservations.items():
            if reservation.order_id:
                found.setdefault(reservation.order_id, {})[reservation_id] = reservation
        return found

    def _follow(self, event: Event) -> tuple[Reservation | None, Reservation | None]:
        """The reservation before and after the event; None where it concerns none that is known."""
        change = event.change
        if isinstance(change, told.Reserved | told.Claimed):
            self.reservations[change.reservation.reservation_id] = change.reservation
            return None, change.reservation
        before = self.reservations.get(getattr(change, "reservation_id", ""))
        if before is None:
            return None, None
        after = self.reservations[before.reservation_id] = followed(before, event)
        if after.order_id and after.status in LIVE:
            self.held.add(after.reservation_id)
        return before, after

    def _occupy(self, before: Reservation | None, after: Reservation) -> None:
        """Places in pickup slots; the parts of one order have one together."""
        owner = after.order_id or after.reservation_id
        if before is not None and before.slot_start_ms is not None:
            left = self._in_slot[after.store_id, before.slot_start_ms]
            left[owner].discard(after.reservation_id)
            if not left[owner]:
                del left[owner]
            if after.status not in UNFINISHED:
                return
        if after.slot_start_ms is not None and after.status in UNFINISHED:
            slot = (after.store_id, after.slot_start_ms)
            taken = self._in_slot.setdefault(slot, {})
            taken.setdefault(owner, set()).add(after.reservation_id)
            self.most_in_slot[slot] = max(self.most_in_slot[slot], len(taken))

    def _expect(self, store_id: str, answered: Answered | PartAnswer) -> None:
        version = answered.outcome.version
        if version == 0:
            # Said without being written down: never to a key that is new.
            self._lost(store_id, answered, "a fresh key was refused without a version")
        elif (store_id, version) in self._expected:
            self._lost(store_id, answered, "another call was answered with the same version")
        else:
            self._expected[store_id, version] = answered

    def _lost(self, store_id: str, answered: Answered | PartAnswer, why: str) -> None:
        call, outcome = answered
        said = outcome.reason.name if isinstance(outcome, Rejection) else "accepted"
        sentence = f"{call.kind.value} {call.key} in shop {store_id}, {said} at version {outcome.version}: {why}"
        if isinstance(answered, PartAnswer):
            self._findings.order_answers_lost.append(sentence)
        else:
            self._findings.answers_lost += 1
            self._findings.say(sentence)

    def _nobody_was_told(self, event: Event, after: Reservation | None) -> None:
        sentence = f"shop {event.store_id}, version {event.version}: nobody was told of {event.change}"
        of_order = isinstance(event.change, told.Refused) and event.change.idempotency_key.startswith(INSIDE)
        if of_order or (after is not None and after.order_id):
            self._findings.order_effects_unasked.append(sentence)
        else:
            self._findings.unasked += 1
            self._findings.say(sentence)

    def _judge_expiry(self, event: Event, reservation_id: str, order_deadline_ms: int | None = None) -> None:
        """A part's deadline is its order's, which the shop may not have heard of before it passed."""
        before = self.reservations.get(reservation_id)
        if before is None:
            return
        if order_deadline_ms is not None:
            before = replace(before, expires_at_ms=order_deadline_ms)
        if event.at_ms < before.expires_at_ms:
            self._findings.expired_late += 1
            self._findings.say(f"{reservation_id} expired {before.expires_at_ms - event.at_ms} ms before its deadline")
        else:
            self._judge_deadline(before, event.at_ms, "expired late")

    def _judge_deadline(self, reservation: Reservation, gone_at_ms: int, what: str) -> None:
        due_ms = reservation.expires_at_ms
        for outage in self._outages.get(reservation.store_id, ()):
            if outage.from_ms - LATE_MS_MAX <= due_ms < outage.until_ms:
                due_ms = outage.until_ms
        if gone_at_ms - due_ms > LATE_MS_MAX:
            self._findings.expired_late += 1
            late_ms = gone_at_ms - due_ms
            self._findings.say(f"{reservation.reservation_id} {what}: {late_ms} ms past its deadline, at {gone_at_ms}")


def followed(before: Reservation, event: Event) -> Reservation:
    """A reservation after one of its events."""
    after = replace(before, version=event.version)
    match event.change:
        case told.Confirmed(_, expires_at_ms):
            return replace(after, status=Status.CONFIRMED, expires_at_ms=expires_at_ms)
        case told.ReadyMarked():
            return replace(after, status=Status.READY)
        case told.Extended(_, expires_at_ms):
            return replace(after, expires_at_ms=expires_at_ms)
        case told.Collected(_, lines, payment_reference):
            return _less(replace(after, payment_reference=payment_reference), lines, Status.RELEASED, sold=True)
        case told.Released(_, lines, reason):
            return _less(replace(after, release_reason=reason), lines, Status.RELEASED)
        case told.Expired():
            return _less(after, [(line.sku, line.held) for line in before.lines], Status.EXPIRED)
        case told.Amended(_, lines, expires_at_ms, slot_start_ms):
            made = tuple(Line(sku, units, 0, 0) for sku, units in lines)
            return replace(after, lines=made, expires_at_ms=expires_at_ms, slot_start_ms=slot_start_ms)
        case told.OutcomeApplied(_, _, status, expires_at_ms, lines):
            if status in LIVE and sum(units for _, units in lines) < sum(line.held for line in before.lines):
                after = replace(after, status=status, expires_at_ms=expires_at_ms)
            # A part that gave its last unit back is over, whatever its order goes on as.
            return _less(after, lines, Status.RELEASED if status in LIVE else status)
        case _:
            return before


def _less(before: Reservation, units: Iterable[tuple[str, int]], unsold: Status, *, sold: bool = False) -> Reservation:
    """Units leave a reservation. One that holds nothing more is final: a sale outweighs what happened to the rest."""
    left = Counter[str]()
    for sku, quantity in units:
        left[sku] += quantity
    lines = []
    for line in before.lines:
        taken = min(left[line.sku], line.held)
        left[line.sku] -= taken
        sold_now, back_now = (taken, 0) if sold else (0, taken)
        lines.append(Line(line.sku, line.quantity, line.collected + sold_now, line.released + back_now))
    after = replace(before, lines=tuple(lines))
    if any(line.held for line in lines):
        return after
    return replace(after, status=Status.COLLECTED if any(line.collected for line in lines) else unsold)


def disagreement(answered: Answered | PartAnswer, event: Event, after: Reservation | None) -> str:
    """Why an answer is not what the event at its version says, `after` being the reservation then; empty if it is."""
    outcome, change = answered.outcome, event.change
    if isinstance(outcome, Rejection):
        if not isinstance(change, told.Refused):
            return f"it was refused, the feed says {change}"
        if not _is_refusal_of(answered.call, change):
            return f"the feed's refusal is that of {change.command} {change.idempotency_key!r}"
        return "" if change.rejection == outcome else f"told {outcome}, the feed says {change.rejection}"
    if isinstance(answered, PartAnswer):
        return _part_differs(answered.call, outcome, change, after)
    call = answered.call
    if not isinstance(change, EVENT_OF[call.kind]):
        return f"it was accepted, the feed says {change}"
    if isinstance(outcome, StockChange) and isinstance(change, told.StockAdjusted):
        booked = (change.source, _rows(change.adjustments))
        if booked == (call.source, _rows(call.adjustments)) and outcome.applied == len(call.adjustments):
            return ""
        return f"{len(call.adjustments)} rows were sent, the feed has {len(change.adjustments)} and not the same"
    if not isinstance(outcome, Reservation) or outcome != after:
        return f"told {outcome}, the feed says {after}"
    if isinstance(change, told.Collected | told.Released) and call.lines and change.lines != call.lines:
        return f"asked for {call.lines}, the feed says {change.lines}"
    if call.kind is Kind.RESERVE:
        made = (tuple((line.sku, line.quantity) for line in outcome.lines), outcome.customer_id, outcome.basket_id)
        asked_for = (call.lines, call.customer_id, call.basket_id)
        return "" if made == asked_for else f"asked for {asked_for}, got {made}"
    return "" if outcome.reservation_id == call.reservation_id else f"the answer is about {outcome.reservation_id}"


def _part_differs(call: OrderCall, outcome: object, change: told.Change, after: Reservation | None) -> str:
    """Feeds do not say why an order's part gave units back, so reasons are left out."""
    if after is None or not isinstance(outcome, Reservation):
        return f"told {outcome}, the feed says {after}"
    if replace(after, release_reason=outcome.release_reason) != outcome:
        return f"told {outcome}, the feed says {after}"
    if after.order_id != call.order_id:
        return f"the answer is about order {after.order_id}"
    if call.kind is OrderKind.READY:
        return "" if isinstance(change, told.ReadyMarked) else f"it was marked ready, the feed says {change}"
    if not isinstance(change, told.Collected):
        return f"it was collected, the feed says {change}"
    paid = change.payment_reference
    return "" if paid == call.payment_reference else f"paid with {call.payment_reference}, the feed says {paid}"


def _is_refusal_of(call: Call | OrderCall, change: told.Refused) -> bool:
    """The gateway makes keys of its own for the steps of an order's parts, with the caller's at their end."""
    if isinstance(call, OrderCall):
        key = change.idempotency_key
        return key.startswith(f"{INSIDE}{call.order_id} ") and key.endswith(f" {call.key}")
    return (change.idempotency_key, change.command) == (call.key, call.kind.value)


def _is_made_inside(change: told.Change) -> bool:
    """True where no caller can have been told: a refused claim, which is its order's affair, or a release that the
    ledger made by itself.
    """
    if isinstance(change, told.Refused):
        return change.idempotency_key.startswith(CLAIM_KEY)
    return isinstance(change, told.Released) and change.reason in (ReleaseReason.REPLACED, ReleaseReason.SHORTFALL)


def _rows(adjustments: Iterable[Adjustment]) -> list[tuple[str, int, int, int]]:
    """What was sent of each row; when it happened is left to the ledger, which then says it."""
    return [(row.sku, row.delta, row.sequence, row.kind) for row in adjustments]
