"""The event of a return. A reservation that is over is not in memory, so the event has it as it was `before`."""

from actors.core.message import Message
from actors.shop.returns.sale_return import Lines
from actors.shop.state import AnyReservation


class Returned(Message, frozen=True):
    """Units came back; `lines` and `unsellable`, those of them that were written off, are (sku, units) for every line
    of the reservation, in its sequence.
    """

    key: str
    fingerprint: str
    number: int
    lines: Lines
    unsellable: Lines
    refund_reference: str
    till: str
    before: AnyReservation


def touched_by_return(event: Returned) -> tuple[str, ...]:
    """As `events.touched_skus`."""
    rows = zip(event.lines, event.unsellable, strict=True)
    return tuple(dict.fromkeys(sku for (sku, units), (_, broken) in rows if units > broken))
