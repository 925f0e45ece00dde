"""What of the units that are in transit to a shop is promised to nobody yet."""

from typing import NamedTuple

from actors.shop.state import Ledger
from actors.shop.transfers.in_transit import AWAITING_MAX, Awaits


class Coming(NamedTuple):
    """Units of one SKU that one transfer brings beside those that are promised; as it sorts, what is expected first is
    first.
    """

    expected_at_ms: int
    number: int
    units: int


def unpromised(ledger: Ledger, sku: str) -> list[Coming]:
    """What comes to here of a SKU, the first that is expected first; nothing of a transfer that as many await as its
    receipt can decide about.
    """
    transfers, in_transit = ledger.transfers, ledger.in_transit
    found = [
        Coming(transfers.live[number].expected_at_ms, number, sent - in_transit.promised.get((number, sku), 0))
        for number, sent in transfers.on_the_way.get(sku, {}).items()
        if len(in_transit.awaiting.get(number, ())) < AWAITING_MAX
    ]
    return sorted(each for each in found if each.units > 0)


def first_with(coming: list[Coming], units: int, slot_start_ms: int) -> Coming | None:
    """The first that has so many units, None where that is expected once the slot has begun, if one is wanted."""
    found = next((each for each in coming if each.units >= units), None)
    return None if found is None or 0 < slot_start_ms < found.expected_at_ms else found


def awaits_of(ledger: Ledger, coming: Coming) -> Awaits:
    """What one awaits who is promised units of it."""
    return Awaits(coming.number, ledger.transfers.live[coming.number].transfer_id, coming.expected_at_ms)
