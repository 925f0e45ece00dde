"""Goods that come back by receipt: a step of the reservation by which they were sold, which may be over long since.

Never more comes back than was collected. What staff find sellable is on hand again at once; the rest is written off by
the same step. Nobody's promise, limit or slot depends on it, so an order does not hear of it.
"""

from actors.core.message import Message, Value

Lines = tuple[tuple[str, int], ...]


class Return(Message, frozen=True):
    """Take units back that were collected; no lines: all that have not come back yet. `unsellable` are (sku, quantity)
    of these that go to no shelf. `refund_reference` is that of what the customer gets for them, `till` who takes them.
    """

    key: str
    number: int
    lines: Lines
    unsellable: Lines = ()
    refund_reference: str = ""
    till: str = ""


class CameBack(Value, frozen=True):
    """What has come back of a reservation: units by line, and the reference that was given last."""

    units: tuple[int, ...]
    refund_reference: str = ""
