"""What is due of what a command or a question is about: it expires first, before the rest of a large wave."""

from typing import Final, NamedTuple

EXPIRED_FIRST_MAX: Final = 200  # by one step of one ledger, beside what it expires anyway; some 2 ms
LOOKED_AT_FIRST_MAX: Final = 2_000  # to find these; some 1 ms


class About(NamedTuple):
    """SKUs of a shop, reservations or orders by number, and all that is live of a customer."""

    skus: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    customer_id: str = ""


class Budget:
    """What one step may still expire first, and look at for that."""

    __slots__ = ("expired", "looked")

    def __init__(self) -> None:
        self.expired = EXPIRED_FIRST_MAX
        self.looked = LOOKED_AT_FIRST_MAX

    def takes(self, count: int) -> bool:
        """Whether so many may be looked at, which they are then."""
        if count > self.looked:
            return False
        self.looked -= count
        return True
