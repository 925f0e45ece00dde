"""What is promised of units that are in transit to a shop: which reservations await which transfer. Derived from the
reservations, and rebuilt at recovery.

One that awaits a transfer holds nothing that is on hand: its units are not among those `reserved` until they have come.
Its line is one SKU, and all of it comes by one transfer.
"""

from dataclasses import dataclass, field
from typing import Final

from actors.core.message import Value

AWAITING_MAX: Final = 1_000  # reservations that await one transfer: its receipt is one decision about all of them

Awaited = tuple[tuple[int, str, int], ...]  # reservation's number, SKU and units, the oldest first


class Awaits(Value, frozen=True):
    """The transfer by which a reservation's units come, by its number in the shop's ledger and its id, and when they
    are expected.
    """

    number: int
    transfer_id: str
    expected_at_ms: int


@dataclass(slots=True)
class InTransit:
    """By transfer the reservations that await it; by transfer and SKU the units that these are promised."""

    awaiting: dict[int, dict[int, None]] = field(default_factory=dict)
    promised: dict[tuple[int, str], int] = field(default_factory=dict)

    def enter(self, number: int, awaits: Awaits, sku: str, units: int) -> None:
        """Promise units of a transfer to a reservation."""
        self.awaiting.setdefault(awaits.number, {})[number] = None
        of = awaits.number, sku
        self.promised[of] = self.promised.get(of, 0) + units

    def leave(self, number: int, awaits: Awaits, sku: str, units: int) -> None:
        """The reservation awaits it no more."""
        numbers, of = self.awaiting[awaits.number], (awaits.number, sku)
        del numbers[number]
        if not numbers:
            del self.awaiting[awaits.number]
        self.promised[of] -= units
        if not self.promised[of]:
            del self.promised[of]
