"""Transfers of units between two shops: the value, the commands, and those that a ledger has in memory.

Each end has a transfer in its own ledger; see `core.status.TransferStatus`. The source proposes, which sets the units
aside as a reservation does, and sends; from then on they are in transit. The destination is advised of what was sent,
and receives what came: that is the transition, and the source hears of it afterwards. Both know the transfer by its id,
which the source's ledger made. What is over is in the journal, and found like reservations (`finished.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar, Final

from actors.core.message import Message
from actors.core.rejection import Rejection
from actors.core.status import LossBearer, TransferStatus

Units = tuple[tuple[str, int], ...]  # by SKU, each SKU once

OPEN_TRANSFERS_MAX: Final = 1_000  # of one source that have not come; all are in memory


class Transfer(Message, frozen=True):
    """A transfer as one end knows it; `number` and `version` are those of this end's ledger. `received` are the units
    that came, each SKU that was sent among them, and `loss_bearer` whose loss a difference is, None without one.
    `advised`: the source knows that the destination expects it.
    """

    number: int
    transfer_id: str
    source: str
    destination: str
    status: TransferStatus
    lines: Units
    expected_at_ms: int
    version: int
    created_at_ms: int
    sent_at_ms: int = 0
    received_at_ms: int = 0
    received: Units = ()
    loss_bearer: LossBearer | None = None
    advised: bool = False


class ProposeTransfer(Message, frozen=True):
    """Set units aside for another shop, all or none. They are expected there `arrives_in_ms` from now. `fetched` as in
    Reserve.
    """

    key: str
    destination: str
    lines: Units
    arrives_in_ms: int
    fetched: bool = False


class SendTransfer(Message, frozen=True):
    """The units have left. `arrives_in_ms` 0 keeps when they are expected."""

    key: str
    number: int
    arrives_in_ms: int = 0


class CancelTransfer(Message, frozen=True):
    """Return what was set aside; what was sent is not cancelled."""

    key: str
    number: int


class ReceiveTransfer(Message, frozen=True):
    """The goods have come: `lines` are the units that were counted, and what is not among them did not come; no lines:
    all came as it was sent. `advice` is what the source said of it, where the destination had not heard.
    """

    key: str
    transfer_id: str
    lines: Units
    loss_bearer: LossBearer | None = None
    advice: Transfer | Rejection | None = None


class AdviseTransfer(Message, frozen=True):
    """The destination is to expect this, which was sent; `transfer` as the source has it."""

    key: ClassVar[str] = ""  # identified by its transfer
    transfer: Transfer


class NoteAdvised(Message, frozen=True):
    """The destination expects the transfer."""

    key: ClassVar[str] = ""  # as above
    number: int


class CloseTransfer(Message, frozen=True):
    """Both ends know that the transfer was received; `transfer` as the destination has it."""

    key: ClassVar[str] = ""  # as above
    transfer: Transfer


TransferCommand = (
    ProposeTransfer | SendTransfer | CancelTransfer | ReceiveTransfer | AdviseTransfer | NoteAdvised | CloseTransfer
)


def transfer_key(transfer_id: str) -> str:
    """The key under which it is remembered that a transfer was closed; see `commands.claim_key`."""
    return f"\ntransfer {transfer_id}"


@dataclass(slots=True)
class Transfers:
    """By number, which is the version of the event that made it known here."""

    store_id: str
    live: dict[int, Transfer] = field(default_factory=dict)
    # Derived, and rebuilt at recovery.
    inbound: dict[str, int] = field(default_factory=dict)  # numbers by id
    outbox: dict[int, None] = field(default_factory=dict)  # those that the other end has to hear of
    on_the_way: dict[str, dict[int, int]] = field(default_factory=dict)  # units in transit to here, by SKU and number

    @property
    def outbound(self) -> int:
        """How many are from here."""
        return len(self.live) - len(self.inbound)

    def put(self, transfer: Transfer) -> None:
        """Enter one, new or changed."""
        self.live[transfer.number] = transfer
        if transfer.destination == self.store_id:
            self.inbound[transfer.transfer_id] = transfer.number
            self._note_on_the_way(transfer)
        if is_undelivered(transfer, self.store_id):
            self.outbox[transfer.number] = None
        else:
            self.outbox.pop(transfer.number, None)

    def drop(self, number: int) -> None:
        """Take one out that is over."""
        transfer = self.live.pop(number)
        self.inbound.pop(transfer.transfer_id, None)
        self.outbox.pop(number, None)

    def _note_on_the_way(self, transfer: Transfer) -> None:
        """Note what of it is in transit to here, if anything any more."""
        for sku, units in transfer.lines:
            if transfer.status is TransferStatus.SENT:
                self.on_the_way.setdefault(sku, {})[transfer.number] = units
            elif (numbers := self.on_the_way.get(sku)) is not None:
                numbers.pop(transfer.number, None)
                if not numbers:
                    del self.on_the_way[sku]


def set_aside(transfers: Iterable[Transfer]) -> dict[str, int]:
    """Units by SKU that are set aside at their source for what was proposed."""
    units: dict[str, int] = {}
    for transfer in transfers:
        if transfer.status is TransferStatus.PROPOSED:
            for sku, quantity in transfer.lines:
                units[sku] = units.get(sku, 0) + quantity
    return units


def is_undelivered(transfer: Transfer, store_id: str) -> bool:
    """True where the other end has to hear of it: what was sent, until it is expected there; what has come, until that
    is known where it came from.
    """
    if transfer.source == store_id:
        return transfer.status is TransferStatus.SENT and not transfer.advised
    return transfer.status is TransferStatus.RECEIVED
