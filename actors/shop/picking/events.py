"""The events of pick tasks, beside those of their reservations, which begin and end them; see `picking`."""

from actors.core.message import Message
from actors.core.status import ShortChoice
from actors.shop.picking.pick_task import Lines, PickTask


class PickClaimed(Message, frozen=True):
    """Somebody has a task, until so long after this."""

    key: str
    fingerprint: str
    number: int
    picker_id: str
    lease_ms: int
    answer: PickTask | None = None


class PickReleased(Message, frozen=True):
    """Who had a task has left it."""

    key: str
    fingerprint: str
    number: int
    picker_id: str
    answer: PickTask | None = None


class PickScanned(Message, frozen=True):
    """Units of a line were picked, or ticks taken back. Its picker has the task until `lease_until_ms`; 0 in what was
    written before it was said here: then for another lease.
    """

    key: str
    fingerprint: str
    number: int
    picker_id: str
    sku: str
    quantity: int
    code: str
    answer: PickTask | None = None
    lease_until_ms: int = 0


class PickFinished(Message, frozen=True):
    """All of a task is picked, or lies in another bay."""

    key: str
    fingerprint: str
    number: int
    picker_id: str
    bay: str
    answer: PickTask | None = None


class PickPutBack(Message, frozen=True):
    """Goods are on the shelf again; `are_available`: some of them from now on, and not before. Without a key and a
    picker nobody has said so for too long, and they are taken for it.
    """

    key: str
    fingerprint: str
    number: int
    picker_id: str
    lines: Lines
    are_available: bool
    answer: PickTask | None = None


class ArrivalNoted(Message, frozen=True):
    """The customer of a task is there; or will be at `expected_at_ms`, if that is said."""

    key: str
    fingerprint: str
    number: int
    waits_at: str
    answer: PickTask | None = None
    expected_at_ms: int = 0


class PickShorted(Message, frozen=True):
    """Units of a line are not there: so many are `written_off` as a correction. By the customer's choice the event
    before has released or amended the reservation, or extended it until after `promise_ms`, when it is tried again.
    `lease_until_ms` as in PickScanned; without it nothing of what is written off is explained later. ELSEWHERE: the
    event before has opened a task, which moves to the first of the shops `near` that has them; without any it is over.
    """

    key: str
    fingerprint: str
    number: int
    picker_id: str
    sku: str
    quantity: int
    choice: ShortChoice
    substitute: str
    substitute_quantity: int
    promise_ms: int
    written_off: int
    answer: PickTask | None = None
    lease_until_ms: int = 0
    near: tuple[str, ...] = ()


PickEvent = PickShorted | PickClaimed | PickReleased | PickScanned | PickFinished | PickPutBack | ArrivalNoted


def touched_by_pick(event: PickEvent) -> tuple[str, ...]:
    """As `events.touched_skus`."""
    if isinstance(event, PickPutBack) and event.are_available:
        return tuple(sku for sku, _ in event.lines)
    return (event.sku,) if isinstance(event, PickShorted) and event.written_off else ()
