"""The transfers that a shop's ledger has in memory: those from here that have not come, and those to here of which the
source has not heard that they came. What is over is in the journal, and found like reservations (`finished.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from actors.core.status import TransferStatus
from actors.shop.transfer import Transfer


@dataclass(slots=True)
class Transfers:
    """By number, which is the version of the event that made it known here."""

    store_id: str
    live: dict[int, Transfer] = field(default_factory=dict)
    # Derived, and rebuilt at recovery.
    inbound: dict[str, int] = field(default_factory=dict)  # numbers by id
    owed: dict[int, None] = field(default_factory=dict)  # those that the other end has to hear of

    @property
    def outbound(self) -> int:
        """How many are from here."""
        return len(self.live) - len(self.inbound)

    def put(self, transfer: Transfer) -> None:
        """Enter one, new or changed."""
        self.live[transfer.number] = transfer
        if transfer.destination == self.store_id:
            self.inbound[transfer.transfer_id] = transfer.number
        if is_owed(transfer, self.store_id):
            self.owed[transfer.number] = None
        else:
            self.owed.pop(transfer.number, None)

    def drop(self, number: int) -> None:
        """Take one out that is over."""
        transfer = self.live.pop(number)
        self.inbound.pop(transfer.transfer_id, None)
        self.owed.pop(number, None)


def set_aside(transfers: Iterable[Transfer]) -> dict[str, int]:
    """Units by SKU that are set aside at their source for what was proposed."""
    units: dict[str, int] = {}
    for transfer in transfers:
        if transfer.status is TransferStatus.PROPOSED:
            for sku, quantity in transfer.lines:
                units[sku] = units.get(sku, 0) + quantity
    return units


def is_owed(transfer: Transfer, store_id: str) -> bool:
    """True where the other end has to hear of it: what was sent, until it is expected there; what has come, until that
    is known where it came from.
    """
    if transfer.source == store_id:
        return transfer.status is TransferStatus.SENT and not transfer.advised
    return transfer.status is TransferStatus.RECEIVED
