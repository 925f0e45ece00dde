"""No run counts whose stock does not add up: what callers were told against what the ledgers say, after every run."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from actors.shop import audit_books, invariants
from actors.shop.state import Ledger

Violation = audit_books.Violation | invariants.Violation

DISCREPANCIES_TOLD_MAX = 20


@dataclass(frozen=True, slots=True)
class Told:
    """What callers were told: reservations accepted, and calls whose outcome they never learned."""

    accepted: int
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Conservation:
    """Reservations that callers know of, those that the ledgers have, and everything that does not agree."""

    told: Told
    found: int
    discrepancies: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Every accepted answer is in a ledger, no ledger has one that nobody asked for, and all rules hold."""
        known = self.told.accepted <= self.found <= self.told.accepted + self.told.unknown
        return known and not self.discrepancies

    def sentence(self) -> str:
        """The verdict in words."""
        told, found = self.told, self.found
        if self.holds:
            return f"conservation holds: {told.accepted:,} accepted, {found:,} in the ledgers"
        unknown = f" and {told.unknown:,} of unknown outcome" if told.unknown else ""
        why = "; ".join(self.discrepancies[:3])
        return f"CONSERVATION BROKEN: {told.accepted:,} accepted{unknown}, {found:,} in the ledgers. {why}".rstrip()


def judged(told: Told, found: int, violations: Iterable[Violation]) -> Conservation:
    """The verdict over counts and whatever rules were found broken."""
    broken = [f"{v.invariant} {v.subject}: expected {v.expected}, found {v.found}" for v in violations]
    return Conservation(told, found, broken[:DISCREPANCIES_TOLD_MAX])


def of_ledger(ledger: Ledger, told: Told) -> Conservation:
    """For a ledger in this process of which every accepted reservation still stands."""
    return judged(told, ledger.open_reservations, invariants.check(ledger))
