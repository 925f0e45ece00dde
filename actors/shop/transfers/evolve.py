"""How the events of transfers change a shop's ledger; see `evolve`."""

from typing import assert_never

from msgspec.structs import replace

from actors.core.answers import Recorded
from actors.core.status import TransferStatus
from actors.shop.position import Position
from actors.shop.state import Ledger, Remembered
from actors.shop.transfers import events as ev
from actors.shop.transfers.evolve_in_transit import arrive
from actors.shop.transfers.projections import answered_by_transfer, cancelled_by, closed_by, expected_by, proposed_by
from actors.shop.transfers.transfer import Transfer


def evolve_transfer(ledger: Ledger, event: ev.TransferEvent, at_ms: int) -> Remembered | None:
    """Apply one event, as `evolve` does; the ledger has its version and time already."""
    transfers, positions, version = ledger.transfers, ledger.positions, ledger.version
    match event:
        case ev.TransferProposed():
            proposed = proposed_by(event, version, at_ms)
            for sku, units in proposed.lines:
                positions[sku].move_reserved(at_ms, units)
            transfers.put(proposed)
            key, answer, _ = answered_by_transfer(event, version, at_ms)
            return ledger.made(key, answer)
        case ev.TransferSent():
            for sku, units in event.lines:  # they leave what is reserved and what is on hand together
                positions[sku].move_reserved(at_ms, -units)
                _move(positions[sku], at_ms, -units)
            before = transfers.live[event.number]
            sent = replace(
                before,
                status=TransferStatus.SENT,
                version=version,
                sent_at_ms=at_ms,
                expected_at_ms=event.expected_at_ms,
            )
            transfers.put(sent)
            return ledger.made(event.key, Recorded(event.fingerprint, version, sent), version - event.number)
        case ev.TransferCancelled():
            cancelled = cancelled_by(event, version)
            for sku, units in cancelled.lines:
                positions[sku].move_reserved(at_ms, -units)
            _end(ledger, cancelled)
            if not event.key:
                return None
            return ledger.made(event.key, Recorded(event.fingerprint, version, cancelled), version - cancelled.number)
        case ev.TransferExpected():
            transfers.put(expected_by(event.transfer, version))
        case ev.TransferAdvised():
            transfers.put(replace(transfers.live[event.number], advised=True, version=version))
        case ev.TransferReceived():
            for sku, units in event.lines:
                if units:
                    _move(positions.setdefault(sku, Position(since_ms=at_ms)), at_ms, units)
            received = replace(
                transfers.live[event.number],
                status=TransferStatus.RECEIVED,
                version=version,
                received_at_ms=at_ms,
                received=event.lines,
                loss_bearer=event.loss_bearer,
            )
            transfers.put(received)
            arrive(ledger, event.awaited, at_ms)
            return ledger.made(event.key, Recorded(event.fingerprint, version, received), version - event.number)
        case ev.TransferClosed():
            closed = closed_by(event, version)
            _end(ledger, closed)
            key, answer, _ = answered_by_transfer(event, version, at_ms)
            return ledger.made(key, answer, version - closed.number)
        case _:
            assert_never(event)
    return None


def _move(position: Position, at_ms: int, units: int) -> None:
    position.move_on_hand(at_ms, units)
    position.moved += units


def _end(ledger: Ledger, transfer: Transfer) -> None:
    """Take a transfer out of memory: the event has all of it."""
    ledger.transfers.drop(transfer.number)
    ledger.finished.put_transfer(transfer.number, transfer.status, ledger.version, ledger.time_ms)
