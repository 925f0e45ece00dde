"""Reservation ids: the shop, a colon, and the version at which its ledger accepted the reservation."""

from typing import Final

SEPARATOR: Final = ":"
NUMBER_DIGITS_MAX: Final = 18  # keeps a number within 64 bits


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
