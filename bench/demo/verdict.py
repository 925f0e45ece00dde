"""The proof: what callers were told, held against what the journal's feed says. Pure; nothing is asked of anybody here.

- Every answer stands at its version of its shop's feed, with the content that the caller was told and had asked for.
- Every effect in the feed was told to somebody, or its caller never got an answer.
- No shelf ever promises more than it has; units received, sold and held agree at every version.
- Repeats are answered with the first answer; a key with other content is refused.
- A hold past its deadline is gone within a second, and never before.
- Of N callers for S units exactly min(N, S) were accepted.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from bench.demo.calls import Answered, Call, Kind, Outcome
from bench.demo.parts import PartWatch
from bench.demo.projection import LIVE, Projection, is_replacement
from holdfast.client import Adjustment, Event, Reason, Rejection, Reservation, Status, StockChange, Verification
from holdfast.client.models import events as told

LATE_MS_MAX: Final = 1_000
FINDINGS_MAX: Final = 50
SENTENCE_CHARS_MAX: Final = 1_000
HOLDS: Final = "holds"

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


class Repeated(NamedTuple):
    """What was said first and what the second time. `same_content` False: the key came again with other content."""

    call: Call
    first: Outcome
    second: Outcome
    same_content: bool


class Contest(NamedTuple):
    """So many callers for so many units of one SKU in one shop, a unit each."""

    store_id: str
    sku: str
    callers: int
    units: int


class Outage(NamedTuple):
    """A shop's writer was dead between these instants, in ms of the wall clock; nothing can expire meanwhile."""

    from_ms: int
    until_ms: int


class Reading(NamedTuple):
    """Up to where a shop's feed was read: its version, and the ledger's time at that version."""

    version: int
    time_ms: int


@dataclass(slots=True)
class Findings:
    """What does not agree. The counts are whole, the sentences only the first."""

    answers_lost: int = 0
    unasked: int = 0
    expired_late: int = 0
    oversold: int = 0
    faults: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)

    def say(self, sentence: str) -> None:
        """Keep a sentence for people."""
        if len(self.sentences) < FINDINGS_MAX:
            self.sentences.append(sentence[:SENTENCE_CHARS_MAX])


@dataclass(frozen=True, slots=True)
class Verdict:
    """The proof's outcome. All counts are zero and `conservation` says "holds", or the product is broken."""

    oversold: int
    answers_lost: int
    conservation: str
    repeats_differing: int
    expired_late: int
    contests_wrong: int
    unasked: int
    unanswered: int
    findings: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """True where nothing is broken and every call was answered."""
        counts = (
            self.oversold,
            self.answers_lost,
            self.repeats_differing,
            self.expired_late,
            self.contests_wrong,
            self.unasked,
            self.unanswered,
        )
        return self.conservation == HOLDS and not any(counts)


class Witness:
    """Reads the feed of all shops, each from its beginning, beside the answers that were given."""

    def __init__(self, answers: Iterable[Answered], outages: Mapping[str, Sequence[Outage]]) -> None:
        self.projection = Projection()
        self.parts = PartWatch()
        self._findings = Findings()
        self._outages = outages
        self._expected: dict[tuple[str, int], Answered] = {}
        for answered in answers:
            self._expect(answered)

    def see(self, event: Event) -> None:
        """Take the next event of its shop."""
        if isinstance(event.change, told.Expired):
            self._judge_expiry(event, event.change.reservation_id)
        elif isinstance(event.change, told.OutcomeApplied) and event.change.status is Status.EXPIRED:
            self._judge_expiry(event, event.change.reservation_id, event.change.expires_at_ms)
        after = self.projection.apply(event)
        is_of_order = self.parts.takes(event, after)
        answered = self._expected.pop((event.store_id, event.version), None)
        if answered is not None:
            self.parts.steps.pop((event.store_id, event.version), None)  # asked of the shop, not of the order
            why = disagreement(answered, event, after)
            if why:
                self._lost(answered, why)
        elif isinstance(event.change, _OF_CALLS) and not is_of_order and not is_replacement(event.change):
            self._findings.unasked += 1
            self._findings.say(f"shop {event.store_id}, version {event.version}: nobody was told of {event.change}")

    def findings(self, readings: Mapping[str, Reading]) -> Findings:
        """What was found, once the feed of each shop was seen up to its reading."""
        found = self._findings
        for answered in self._expected.values():
            self._lost(answered, "the feed has no such version")
        self._expected.clear()
        for reservation in self.projection.reservations.values():
            reading = readings.get(reservation.store_id)
            if reading is not None and reservation.status in LIVE:
                self._judge_deadline(reservation, reading.time_ms, "is still held at the end")
        for (store_id, sku), shelf in self.projection.shelves.items():
            found.oversold += shelf.oversold
            if shelf.oversold:
                found.say(f"shop {store_id}, SKU {sku}: {shelf.oversold} units were promised beyond what was there")
        for store_id, reading in readings.items():
            seen = self.projection.versions.get(store_id, 0)
            if seen != reading.version:
                self.projection.faults.append(
                    f"shop {store_id}: the feed ends at {seen}, the ledger at {reading.version}"
                )
        found.faults = self.projection.faults
        return found

    def _expect(self, answered: Answered) -> None:
        call, outcome = answered
        if outcome.version == 0:
            # Said without being written down: never to a key that is new.
            self._lost(answered, "a fresh key was refused without a version")
        elif (call.store_id, outcome.version) in self._expected:
            self._lost(answered, "another call was answered with the same version")
        else:
            self._expected[call.store_id, outcome.version] = answered

    def _lost(self, answered: Answered, why: str) -> None:
        self._findings.answers_lost += 1
        call, outcome = answered
        said = outcome.reason.name if isinstance(outcome, Rejection) else "accepted"
        self._findings.say(
            f"{call.kind.value} {call.key} in shop {call.store_id}, {said} at version {outcome.version}: {why}"
        )

    def _judge_expiry(self, event: Event, reservation_id: str, order_deadline_ms: int | None = None) -> None:
        """A part's deadline is its order's, which the shop may not have heard of before it passed."""
        before = self.projection.reservations.get(reservation_id)
        if before is None:
            return  # the projection notes it
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
            self._findings.say(
                f"{reservation.reservation_id} {what}: {gone_at_ms - due_ms} ms past its deadline, at {gone_at_ms}"
            )


def disagreement(answered: Answered, event: Event, after: Reservation | None) -> str:
    """Why an answer is not what the event at its version says, `after` being the reservation then; empty if it is."""
    call, outcome = answered
    change = event.change
    if isinstance(outcome, Rejection):
        if not isinstance(change, told.Refused):
            return f"it was refused, the journal says {change}"
        if (change.idempotency_key, change.command) != (call.key, call.kind.value):
            return f"the journal's refusal is that of {change.command} {change.idempotency_key}"
        return "" if change.rejection == outcome else f"told {outcome}, the journal says {change.rejection}"
    if not isinstance(change, EVENT_OF[call.kind]):
        return f"it was accepted, the journal says {change}"
    if isinstance(outcome, StockChange) and isinstance(change, told.StockAdjusted):
        booked = (change.source, _rows(change.adjustments))
        if booked == (call.source, _rows(call.adjustments)) and outcome.applied == len(call.adjustments):
            return ""
        return f"{len(call.adjustments)} rows were sent, the journal has {len(change.adjustments)} and not the same"
    if outcome != after:
        return f"told {outcome}, the journal says {after}"
    if call.kind is Kind.RESERVE:
        made = (tuple((line.sku, line.quantity) for line in outcome.lines), outcome.customer_id, outcome.basket_id)
        asked_for = (call.lines, call.customer_id, call.basket_id)
        return "" if made == asked_for else f"asked for {asked_for}, got {made}"
    return "" if outcome.reservation_id == call.reservation_id else f"the answer is about {outcome.reservation_id}"


def _rows(adjustments: Iterable[Adjustment]) -> list[tuple[str, int, int, int]]:
    """What was sent of each row; when it happened is left to the ledger, which then says it."""
    return [(row.sku, row.delta, row.sequence, row.kind) for row in adjustments]


def examine(
    answers: Iterable[Answered],
    events: Iterable[Event],
    readings: Mapping[str, Reading],
    outages: Mapping[str, Sequence[Outage]] | None = None,
) -> Findings:
    """Hold all answers against all events, each shop's in sequence."""
    witness = Witness(answers, outages or {})
    for event in events:
        witness.see(event)
    return witness.findings(readings)


def repeats_differing(repeats: Iterable[Repeated]) -> list[Repeated]:
    """Repeats that were answered otherwise than the first time, and reused keys that were not refused as such."""
    return [
        repeated
        for repeated in repeats
        if (
            repeated.first != repeated.second
            if repeated.same_content
            else not isinstance(repeated.second, Rejection)
            or repeated.second.reason is not Reason.IDEMPOTENCY_KEY_REUSED
        )
    ]


def accepted_in(contests: Iterable[Contest], answers: Iterable[Answered]) -> dict[Contest, int]:
    """How many callers of each contest were told that they have their unit."""
    accepted = Counter(
        (call.store_id, call.lines[0][0])
        for call, outcome in answers
        if call.kind is Kind.RESERVE and isinstance(outcome, Reservation)
    )
    return {contest: accepted[contest.store_id, contest.sku] for contest in contests}


def contests_wrong(contests: Iterable[Contest], answers: Iterable[Answered]) -> list[tuple[Contest, int]]:
    """Contests that did not end with exactly min(callers, units) accepted, with how many were."""
    return [
        (contest, accepted)
        for contest, accepted in accepted_in(contests, answers).items()
        if accepted != min(contest.callers, contest.units)
    ]


def conservation_of(verifications: Iterable[Verification], faults: Sequence[str]) -> str:
    """`holds`, or the first thing that broke: by the service's own audit of each shop, or by the projection."""
    for verification in verifications:
        for each in verification.discrepancies:
            return (
                f"broken in shop {verification.store_id}: {each.invariant} {each.subject}, "
                f"expected {each.expected}, found {each.found}"
            )
        if not verification.holds:
            return f"broken in shop {verification.store_id}: its ledger does not verify"
    return f"broken: {faults[0]}" if faults else HOLDS
