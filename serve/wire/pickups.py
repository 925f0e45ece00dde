"""What the events of a shop's journal are to its tills."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from actors.core.status import LIVE, Status
from actors.journal.port import Record
from actors.runtime.kinds import SHOP
from actors.shop import events as ev
from actors.shop.returns.events import Returned
from actors.shop.shortfalls.events import Requeued
from actors.shop.state import Reservation
from actors.shop.transfers.events import TransferReceived
from holdfast.v1.pickup_pb2 import PickupChangeKind

READY: Final = PickupChangeKind.PICKUP_CHANGE_KIND_READY
CHANGED: Final = PickupChangeKind.PICKUP_CHANGE_KIND_CHANGED
COLLECTED: Final = PickupChangeKind.PICKUP_CHANGE_KIND_COLLECTED
WITHDRAWN: Final = PickupChangeKind.PICKUP_CHANGE_KIND_WITHDRAWN
RETURNED: Final = PickupChangeKind.PICKUP_CHANGE_KIND_RETURNED
TO_COLLECT: Final = frozenset({Status.CONFIRMED, Status.READY})
_KINDS_SERVED: Final = {Status.CONFIRMED: CHANGED, Status.READY: READY}


class Change(NamedTuple):
    """One change: version and instant of its event, what it was, of which reservation, and its record's hash."""

    version: int
    at_ms: int
    kind: PickupChangeKind
    number: int
    record_hash: int


def changes_in(records: Iterable[Record], after: int) -> Iterator[Change]:
    """Those of the records' events after a version."""
    for record in records:
        version = record.seq - record.event_count
        for event in SHOP.read_events(record.payload):
            version += 1
            if version <= after:
                continue
            if isinstance(event, TransferReceived):  # those who awaited it can be collected
                yield from (Change(version, record.at_ms, CHANGED, of, record.hash) for of, _, _ in event.awaited)
            elif (kind := kind_of(event)) is not None:
                yield Change(version, record.at_ms, kind, event.number, record.hash)


def kind_of(event: ev.Event) -> PickupChangeKind | None:
    """What an event is to a till, None where it is nothing. An event knows less than its ledger: a till may hear that
    something has changed, or was withdrawn, of which it was never told.
    """
    match event:
        case ev.ReadyMarked():
            return READY
        case ev.Collected():
            return COLLECTED if _is_over(event.answer) else _changed(event.answer)
        case Returned():
            return RETURNED
        case ev.Amended() | ev.Extended() | ev.Given():
            return CHANGED if event.answer is None else _changed(event.answer)
        case ev.Released():
            if event.before is not None:
                return WITHDRAWN if _is_to_collect(event.before) else None
            if _is_over(event.answer):
                return WITHDRAWN
            return CHANGED if event.answer is None else _changed(event.answer)
        case ev.Expired():
            return WITHDRAWN if _is_to_collect(event.before) else None
        case ev.OutcomeApplied() if event.number:
            if event.status not in LIVE:
                return WITHDRAWN if _is_to_collect(event.before) else None
            return CHANGED if event.status in TO_COLLECT else None  # it may be another deadline
        case Requeued():  # it has no units any more, and waits
            return WITHDRAWN
        case ev.Served():
            return _KINDS_SERVED.get(event.status)
    return None


def _changed(reservation: Reservation | None) -> PickupChangeKind | None:
    return CHANGED if _is_to_collect(reservation) else None


def _is_over(reservation: Reservation | None) -> bool:
    return reservation is not None and reservation.status not in LIVE


def _is_to_collect(reservation: Reservation | None) -> bool:
    return reservation is not None and reservation.status in TO_COLLECT
