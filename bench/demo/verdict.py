"""The verdict over single shops: the check of the feeds (`feed`), repeats and contests by what callers were told, and
the service's own audit of every ledger (VerifyLedger: oversold, conservation). Pure.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple

from bench.demo.calls import Answered, Answers, Kind, Repeated
from bench.demo.feed import Findings
from holdfast.client import Reason, Rejection, Reservation, Verification

HOLDS: Final = "holds"


class Contest(NamedTuple):
    """So many callers for so many units of one SKU in one shop, a unit each."""

    store_id: str
    sku: str
    callers: int
    units: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The proof's outcome, named as in the JSON document. All counts are zero and `conservation` says "holds", or the
    product is broken.
    """

    oversold: int
    answers_lost: int
    conservation: str
    repeats_differing: int
    expired_late: int
    contests_wrong: int
    effects_nobody_was_told_of: int
    calls_without_an_answer: int
    findings: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """True where nothing is broken and every call was answered."""
        counts = [value for name, value in asdict(self).items() if name not in ("conservation", "findings")]
        return self.conservation == HOLDS and not any(counts)


def verdict_of(
    answers: Answers,
    contests: Iterable[Contest],
    findings: Findings,
    audits: Sequence[Verification],
    more_faults: Sequence[str] = (),
) -> Verdict:
    """The verdict over all the evidence; `more_faults` are those of a restart."""
    differing, wrong = repeats_differing(answers.repeats), contests_wrong(contests, answers.log)
    faults = [*findings.faults, *more_faults]
    sentences = [*faults, *findings.sentences]
    sentences += [f"repeated {each.call.key}: first {each.first}, then {each.second}" for each in differing]
    sentences += [f"{each.callers} callers for {each.units} of {each.sku}: {count} accepted" for each, count in wrong]
    return Verdict(
        oversold=sum(each.units_oversold for each in audits),
        answers_lost=findings.answers_lost,
        conservation=conservation_of(audits, faults),
        repeats_differing=len(differing),
        expired_late=findings.expired_late,
        contests_wrong=len(wrong),
        effects_nobody_was_told_of=findings.unasked,
        calls_without_an_answer=len(answers.unanswered),
        findings=(*sentences, *answers.errors),
    )


def repeats_differing(repeats: Iterable[Repeated]) -> list[Repeated]:
    """Repeats that were answered otherwise than the first time, and reused keys that were not refused as such."""
    return [each for each in repeats if not (each.first == each.second if each.same_content else _is_reuse(each))]


def _is_reuse(repeated: Repeated) -> bool:
    second = repeated.second
    return isinstance(second, Rejection) and second.reason is Reason.IDEMPOTENCY_KEY_REUSED


def accepted_in(contests: Iterable[Contest], answers: Iterable[Answered]) -> dict[Contest, int]:
    """How many callers of each contest were told that they have their unit."""
    accepted = Counter(
        (call.store_id, call.asked["lines"][0][0])
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


def conservation_of(audits: Iterable[Verification], faults: Sequence[str]) -> str:
    """`holds`, or the first thing that broke: by the service's own audit of each shop, or by a gap in its feed."""
    for audit in audits:
        for each in audit.discrepancies:
            return (
                f"broken in shop {audit.store_id}: {each.invariant} {each.subject}, "
                f"expected {each.expected}, found {each.found}"
            )
        if not audit.holds:
            return f"broken in shop {audit.store_id}: its ledger does not verify"
    return f"broken: {faults[0]}" if faults else HOLDS


def state_differs(first: Iterable[Verification], second: Iterable[Verification]) -> list[str]:
    """Shops whose state after a restart is not what it was, where nothing happened in between."""
    before = {each.store_id: each for each in first}
    return [
        f"shop {each.store_id}: at version {each.version} the state after the restart is not the one before"
        for each in second
        if before[each.store_id].version == each.version and before[each.store_id].state_hash != each.state_hash
    ]
