"""Projections of the events of transfers: the transfer as it is with each of them."""

from typing import assert_never

from msgspec.structs import replace

from actors.core.answers import KeyedAnswer, Recorded, fingerprint
from actors.core.ids import format_transfer_id
from actors.core.status import TransferStatus
from actors.shop.commands import by_sku
from actors.shop.transfers import events as ev
from actors.shop.transfers.transfer import Transfer, transfer_key


def proposed_by(event: ev.TransferProposed, version: int, at_ms: int) -> Transfer:
    """A new transfer."""
    return Transfer(
        version,
        format_transfer_id(event.source, version),
        event.source,
        event.command.destination,
        TransferStatus.PROPOSED,
        by_sku(event.command.lines),
        event.expected_at_ms,
        version,
        at_ms,
    )


def expected_by(transfer: Transfer, version: int) -> Transfer:
    """The transfer as the destination knows it from this version on."""
    return replace(transfer, number=version, version=version, advised=False)


def cancelled_by(event: ev.TransferCancelled, version: int) -> Transfer:
    """The transfer that was cancelled."""
    return replace(event.before, status=TransferStatus.CANCELLED, version=version)


def closed_by(event: ev.TransferClosed, version: int) -> Transfer:
    """The transfer that both ends know to have been received."""
    return replace(event.transfer, version=version)


def answered_by_transfer(event: ev.TransferEvent, version: int, at_ms: int) -> KeyedAnswer:
    """What the event of this version answered."""
    match event:
        case ev.TransferProposed(command):
            return command.key, Recorded(fingerprint(command), version, proposed_by(event, version, at_ms)), ""
        case ev.TransferSent() | ev.TransferReceived():
            assert event.answer is not None, "it is there wherever it was decided"
            return event.key, Recorded(event.fingerprint, version, event.answer), ""
        case ev.TransferCancelled():
            return event.key, Recorded(event.fingerprint, version, cancelled_by(event, version)), ""
        case ev.TransferClosed(transfer):
            closed = Recorded("", version, closed_by(event, version))
            return transfer_key(transfer.transfer_id), closed, ""
        case ev.TransferExpected() | ev.TransferAdvised():
            raise AssertionError("the index names no such event")
        case _:
            assert_never(event)
