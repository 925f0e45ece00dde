"""The verdict over what was asked of single shops. Pure.

Stock is judged by the service's own audit of every ledger (VerifyLedger: oversold, conservation), answers and effects
by the feeds (`feed`), repeats and contests by what callers were told.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from bench.demo.calls import Answered, Call, Kind, Outcome
from bench.demo.feed import Findings, Outage, Reading, Witness
from bench.demo.order_calls import OrderRepeated
from holdfast.client import Event, Reason, Rejection, Reservation, Verification

HOLDS: Final = "holds"


class Repeated(NamedTuple):
    """What was said first and what the second time. `same_content` False: the key came again with other content."""

    call: Call
    first: Outcome
    second: Outcome
    same_content: bool


RepeatedT = TypeVar("RepeatedT", Repeated, OrderRepeated)


class Contest(NamedTuple):
    """So many callers for so many units of one SKU in one shop, a unit each."""

    store_id: str
    sku: str
    callers: int
    units: int


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


def repeats_differing(repeats: Iterable[RepeatedT]) -> list[RepeatedT]:
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
    """`holds`, or the first thing that broke: by the service's own audit of each shop, or by a gap in its feed."""
    for verification in verifications:
        for each in verification.discrepancies:
            return (
                f"broken in shop {verification.store_id}: {each.invariant} {each.subject}, "
                f"expected {each.expected}, found {each.found}"
            )
        if not verification.holds:
            return f"broken in shop {verification.store_id}: its ledger does not verify"
    return f"broken: {faults[0]}" if faults else HOLDS
