"""Ids, as clients see them and as ledgers keep them.

- A reservation's: the shop, a colon, and the version at which its ledger accepted it, `S042:1907`.
- An order's: the customer's hash slot, a slash, and the version at which its ledger opened it, `0007/1907`.
- A part's *holder*, which a shop keeps: the order and the attempt that claimed, `0007/1907.2`, so that two attempts in
  one shop are told apart.
"""

from typing import Final
from zlib import crc32

SEPARATOR: Final = ":"
NUMBER_DIGITS_MAX: Final = 18  # keeps a number within 64 bits
SLOTS: Final = 64  # for ever: a customer's limits live in one ledger
SLOT_DIGITS: Final = 4
LEDGER_PREFIX: Final = "customers/"  # no shop can be called so


def format_reservation_id(store_id: str, number: int) -> str:
    """The id that clients see, for example `S042:1907`."""
    return f"{store_id}{SEPARATOR}{number}"


def parse_reservation_id(text: str) -> tuple[str, int]:
    """Shop and number of an id; raises ValueError where the text is not one."""
    store_id, separator, digits = text.rpartition(SEPARATOR)
    if not (separator and store_id and digits.isascii() and digits.isdigit() and len(digits) <= NUMBER_DIGITS_MAX):
        raise ValueError(f"{text!r} is not a reservation id such as S042:1907")
    number = int(digits)
    if number == 0 or digits[0] == "0":
        raise ValueError(f"{text!r} is not a reservation id such as S042:1907")
    return store_id, number


def is_customers(ledger_id: str) -> bool:
    """Whether a ledger keeps customers rather than a shop."""
    return ledger_id.startswith(LEDGER_PREFIX)


def slot_of(customer_id: str) -> int:
    """The customer's hash slot, the same on every process and for ever."""
    return crc32(customer_id.encode()) % SLOTS


def ledger_of_slot(slot: int) -> str:
    """The name of a slot's ledger."""
    return f"{LEDGER_PREFIX}{slot:0{SLOT_DIGITS}d}"


def slot_of_ledger(ledger_id: str) -> int:
    """The inverse of `ledger_of_slot`."""
    return int(ledger_id.removeprefix(LEDGER_PREFIX))


def ledger_of_customer(customer_id: str) -> str:
    """The ledger that keeps a customer."""
    return ledger_of_slot(slot_of(customer_id))


def format_order_id(ledger_id: str, number: int) -> str:
    """The id that clients see, for example `0007/1907`."""
    return f"{ledger_id.removeprefix(LEDGER_PREFIX)}/{number}"


def parse_order_id(text: str) -> tuple[str, int]:
    """Ledger and number of an id; raises ValueError where the text is not one."""
    slot, _, digits = text.partition("/")
    good = len(slot) == SLOT_DIGITS and len(digits) <= NUMBER_DIGITS_MAX and (slot + digits).isascii()
    if not (good and slot.isdigit() and digits.isdigit() and digits[0] != "0" and int(slot) < SLOTS):
        raise ValueError(f"{text!r} is not an order id such as 0007/1907")
    return LEDGER_PREFIX + slot, int(digits)


def format_holder(order_id: str, attempt: int) -> str:
    """What a shop keeps of the order that a claim belongs to, for example `0007/1907.1`."""
    return f"{order_id}.{attempt}"


def parse_holder(holder: str) -> tuple[str, int]:
    """Order id and attempt."""
    order_id, _, attempt = holder.rpartition(".")
    return order_id, int(attempt)
