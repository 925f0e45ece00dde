"""The events of transfers, in the ledgers of both ends; see `transfer`."""

from typing import assert_never

from actors.core.message import Message
from actors.core.status import LossBearer
from actors.shop.transfers import ProposeTransfer, Transfer, Units


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
    says whose loss a difference is, None without one.
    """

    key: str
    fingerprint: str
    number: int
    lines: Units
    loss_bearer: LossBearer | None
    answer: Transfer | None = None


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


def touched_by_transfer(event: TransferEvent) -> tuple[str, ...]:
    """As `events.touched_skus`."""
    match event:
        case TransferProposed():
            return tuple(dict.fromkeys(sku for sku, _ in event.command.lines))
        case TransferSent() | TransferReceived():
            return tuple(sku for sku, units in event.lines if units)
        case TransferCancelled():
            return tuple(sku for sku, _ in event.before.lines)
        case TransferExpected() | TransferAdvised() | TransferClosed():
            return ()
        case _:
            assert_never(event)
