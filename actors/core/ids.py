"""Formats of ids, as clients see them and as ledgers keep them.

- Reservation: the shop, a colon, and the ledger version at which it was accepted, `S042:1907`.
- Reservation in the ledger of a hot SKU, until it moves into its shop's: `hot/4006381333931:1907`.
- Transfer: the source's shop, and the version of its ledger at which it was proposed, `S042:T1907`.
- Order: the customer's hash slot, a slash, and a number: drawn by the gateway that places it, `0007/179836...`, or the
  ledger version at which it was opened, `0007/1907`.
- Holder of a part, kept by a shop: order id and claim attempt, `0007/1907.2`. It distinguishes two attempts of an
  order in one shop.
"""

from typing import Final
from zlib import crc32

SEPARATOR: Final = ":"
TRANSFER_SEPARATOR: Final = ":T"
NUMBER_DIGITS_MAX: Final = 18  # keeps a number within 64 bits
SLOTS: Final = 64  # must never change: a customer's limits are counted in one ledger
SLOT_DIGITS: Final = 4
LEDGER_PREFIX: Final = "customers/"  # no valid store id begins like this
HOT_PREFIX: Final = "hot/"  # nor like this


def format_reservation_id(store_id: str, number: int) -> str:
    """Return the id that clients see, for example `S042:1907`."""
    return f"{store_id}{SEPARATOR}{number}"


def parse_reservation_id(text: str) -> tuple[str, int]:
    """Return shop and number of a reservation id; raises ValueError where the text is not one."""
    store_id, separator, digits = text.rpartition(SEPARATOR)
    good = separator and store_id and digits.isascii() and len(digits) <= NUMBER_DIGITS_MAX
    if not (good and digits.isdigit() and digits[0] != "0"):
        raise ValueError(f"{text!r} is not a reservation id such as S042:1907")
    return store_id, int(digits)


def format_transfer_id(store_id: str, number: int) -> str:
    """Return the id that clients see, for example `S042:T1907`."""
    return f"{store_id}{TRANSFER_SEPARATOR}{number}"


def parse_transfer_id(text: str) -> tuple[str, int]:
    """Return source and number of a transfer id; raises ValueError where the text is not one."""
    try:
        return parse_reservation_id(text.replace(TRANSFER_SEPARATOR, SEPARATOR) if TRANSFER_SEPARATOR in text else "")
    except ValueError:
        raise ValueError(f"{text!r} is not a transfer id such as S042:T1907") from None


def is_customers(ledger_id: str) -> bool:
    """True for a ledger of customers, False for a shop's or a hot SKU's."""
    return ledger_id.startswith(LEDGER_PREFIX)


def is_hot(ledger_id: str) -> bool:
    """True for the ledger of a hot SKU."""
    return ledger_id.startswith(HOT_PREFIX)


def ledger_of_hot(sku: str) -> str:
    """The id of the ledger that a SKU has while it is hot."""
    return HOT_PREFIX + sku


def sku_of_ledger(ledger_id: str) -> str:
    """The inverse of `ledger_of_hot`."""
    return ledger_id.removeprefix(HOT_PREFIX)


def ledger_of_slot(slot: int) -> str:
    """The id of the ledger of a hash slot."""
    return f"{LEDGER_PREFIX}{slot:0{SLOT_DIGITS}d}"


def slot_of_ledger(ledger_id: str) -> int:
    """The inverse of `ledger_of_slot`."""
    return int(ledger_id.removeprefix(LEDGER_PREFIX))


_LEDGERS: Final = tuple(map(ledger_of_slot, range(SLOTS)))


def ledger_of_customer(customer_id: str) -> str:
    """The id of the ledger that keeps a customer's orders: of a hash slot, the same in every process and version."""
    return _LEDGERS[crc32(customer_id.encode()) % SLOTS]


def format_order_id(ledger_id: str, number: int) -> str:
    """Return the id that clients see, for example `0007/1907`."""
    return f"{ledger_id.removeprefix(LEDGER_PREFIX)}/{number}"


def parse_order_id(text: str) -> tuple[str, int]:
    """Return ledger and number of an order id; raises ValueError where the text is not one."""
    slot, _, digits = text.partition("/")
    good = len(slot) == SLOT_DIGITS and len(digits) <= NUMBER_DIGITS_MAX and (slot + digits).isascii()
    if not (good and slot.isdigit() and digits.isdigit() and digits[0] != "0" and int(slot) < SLOTS):
        raise ValueError(f"{text!r} is not an order id such as 0007/1907")
    return LEDGER_PREFIX + slot, int(digits)


def format_holder(order_id: str, attempt: int) -> str:
    """Return the holder of a part: order id and attempt, for example `0007/1907.1`."""
    return f"{order_id}.{attempt}"


def parse_holder(holder: str) -> tuple[str, int]:
    """Return order id and attempt of a holder; raises ValueError where the text is not one."""
    order_id, _, attempt = holder.rpartition(".")
    return order_id, int(attempt)
