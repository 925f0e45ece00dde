"""Transfers of units between two shops."""

from dataclasses import dataclass

from holdfast.client.models.administration import Discrepancy
from holdfast.client.models.reservations import Rejection, TransferStatus
from holdfast.client.wire_types import reader
from holdfast.v1 import enums

LossBearer = enums.LossBearer


@dataclass(frozen=True, slots=True)
class TransferLine:
    """One SKU of a transfer: units sent, and units that came."""

    sku: str
    quantity: int
    received: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """Units on their way from one shop to another, as one end's ledger has them at its `version` of its last change.

    `sent_at_ms` and `received_at_ms` are None before. `loss_bearer` says whose loss a difference between what was sent
    and what came is, UNSPECIFIED without one. `destination_unreachable`: it is SENT by what its source knows, and may
    have been received, as the destination did not answer.
    """

    transfer_id: str
    source_store_id: str
    destination_store_id: str
    status: TransferStatus
    lines: tuple[TransferLine, ...]
    expected_at_ms: int
    created_at_ms: int
    sent_at_ms: int | None
    received_at_ms: int | None
    loss_bearer: LossBearer
    version: int
    destination_unreachable: bool = False

    def differences(self) -> tuple[tuple[str, int], ...]:
        """SKUs of which fewer or more units came than were sent, and how many more; empty before it is received."""
        if self.status is not TransferStatus.RECEIVED:
            return ()
        return tuple((each.sku, each.received - each.quantity) for each in self.lines if each.received != each.quantity)


@dataclass(frozen=True, slots=True)
class TransfersVerification:
    """How the ends of all transfers agree: in units, what is in transit, what is in no place or in two, and what came
    short by what receivers said. `left_out` are shops that are stopped, or
    did not answer.
    """

    holds: bool
    discrepancies: tuple[Discrepancy, ...]
    transfers: int
    units_in_transit: int
    units_missing: int
    units_short: int
    left_out: tuple[str, ...]


TransferOutcome = Transfer | Rejection
"""The answer to a change of a transfer."""

transfer_from = reader(Transfer)
transfers_verification_from = reader(TransfersVerification)
