"""The events of transfers, in the ledgers of both ends, and of promises of what is in transit; see `transfer`."""

from typing import assert_never

from actors.core.message import Message
from actors.core.status import LossBearer
from actors.shop.commands import Reserve
from actors.shop.transfers.in_transit import Awaited
from actors.shop.transfers.transfer import ProposeTransfer, Transfer, Units


class TransferProposed(Message, frozen=True):
    """At the source: the units are set aside."""

    command: ProposeTransfer
    source: str
    expected_at_ms: int


class TransferSent(Message, frozen=True):
    """At the source: the units have left. `lines` are those that were proposed."""

    key: str
    fingerprint: str
    number: int
    lines: Units
    expected_at_ms: int
    answer: Transfer | None = None


class TransferCancelled(Message, frozen=True):
    """At the source: the units are available again. The ledger itself cancels what it cannot set aside any more, with
    an empty key. `before` is the transfer as it was.
    """

    key: str
    fingerprint: str
    before: Transfer


class TransferExpected(Message, frozen=True):
    """At the destination: the transfer is known; as the source had it."""

    transfer: Transfer


class TransferAdvised(Message, frozen=True):
    """At the source: the destination expects it."""

    number: int


class TransferReceived(Message, frozen=True):
    """At the destination: these units came, and are on hand. `lines` have every SKU that was sent, and `loss_bearer`
    says whose loss a difference is, None without one. `awaited` are the reservations that were promised units of it,
    which are reserved for them from now on, whether or not as many came. `ready_ms` as in Confirmed.
    """

    key: str
    fingerprint: str
    number: int
    lines: Units
    loss_bearer: LossBearer | None
    answer: Transfer | None = None
    awaited: Awaited = ()
    ready_ms: int = 0


class Promised(Message, frozen=True):
    """At the destination: units that are in transit to here are promised, as by Reserved those that are there: of the
    transfer with this number here and this id, which is expected then.
    """

    command: Reserve
    expires_at_ms: int
    transfer: int
    transfer_id: str
    expected_at_ms: int


class TransferClosed(Message, frozen=True):
    """At either end: both know that it was received. `transfer` is all of it."""

    transfer: Transfer


TransferEvent = (
    TransferProposed
    | TransferSent
    | TransferCancelled
    | TransferExpected
    | TransferAdvised
    | TransferReceived
    | TransferClosed
)


TransitEvent = TransferEvent | Promised


def touched_by_transfer(event: TransitEvent) -> tuple[str, ...]:
    """SKUs whose position the event changed, each once; see `events.touched_skus`."""
    match event:
        case TransferProposed(command) | Promised(command):
            return tuple(dict.fromkeys(sku for sku, _ in command.lines))
        case TransferSent():
            return tuple(sku for sku, units in event.lines if units)
        case TransferReceived():
            came = (sku for sku, units in event.lines if units)
            return tuple(dict.fromkeys((*came, *(sku for _, sku, _ in event.awaited))))
        case TransferCancelled():
            return tuple(sku for sku, _ in event.before.lines)
        case TransferExpected() | TransferAdvised() | TransferClosed():
            return ()
        case _:
            assert_never(event)
