"""What a reservation has that is a part of an order."""

from actors.core.message import Value


class Part(Value, frozen=True):
    """The order attempt that a reservation is a part of, and the newest revision of it that was applied here; until its
    order is decided, the key of its claim's call.
    """

    holder: str
    applied_revision: int
    call_key: str = ""

    @property
    def order(self) -> str:
        """The order's id, the same for all of its parts."""
        return order_of(self.holder)


def order_of(holder: str) -> str:
    """The order id of a holder, the text before its last dot: `0007/1907` of `0007/1907.2`."""
    return holder.rpartition(".")[0] or holder
