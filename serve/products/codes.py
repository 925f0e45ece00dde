"""What a scanner reads: a GTIN with its check digit, or the code of a variable measure. Pure; after GS1's General
Specifications, 7.9 (check digits) and 2.1.12 (variable measure).
"""

from collections.abc import Iterator
from typing import Final

DIGITS: Final = 14
_LENGTHS: Final = frozenset({8, 12, 13, 14})
# A GTIN-13's first two digits where the five before the check digit are a price or a weight: of a shop's own numbering.
_OF_MEASURE: Final = frozenset({"02", *(str(prefix) for prefix in range(20, 30))})
_MEASURE_DIGITS: Final = 5


class WrongCheckDigit(ValueError):
    """Digits that are as long as a GTIN, and none: one of them was misread."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text} has a wrong check digit, {check_digit(text[:-1])} would be right; scan it again")


def check_digit(digits: str) -> str:
    """The digit that makes these a GTIN: from the right, every second one counts three times."""
    total = sum(int(digit) * (3 - 2 * (place % 2)) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def gtin_of(text: str) -> str:
    """The GTIN-14 of 8, 12, 13 or 14 digits, empty where the text is none of that length. Raises WrongCheckDigit."""
    if len(text) not in _LENGTHS or not (text.isascii() and text.isdigit()):
        return ""
    if check_digit(text[:-1]) != text[-1]:
        raise WrongCheckDigit(text)
    return text.rjust(DIGITS, "0")


def spellings(gtin: str) -> Iterator[str]:
    """Yield the GTIN-14s that a table may have a code under: itself, and of a variable measure the one without that."""
    yield gtin
    if gtin[0] == "0" and gtin[1:3] in _OF_MEASURE:
        article = gtin[: -1 - _MEASURE_DIGITS] + "0" * _MEASURE_DIGITS
        yield article + check_digit(article)
