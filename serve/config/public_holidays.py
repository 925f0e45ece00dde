"""The public holidays of a country or a part of it, for a shop's calendar. The only module that knows `holidays`.

They are looked up when hours are set, and the dates are journalled with them: no decision asks the library. Days on
which a holiday is observed instead are holidays too; a shop that is open then names a special day.
"""

import re
from datetime import date
from typing import Final

import holidays

YEARS_MAX: Final = 10  # of one question

# The library would take names as well (`Germany`), which change more easily than codes.
_REGION: Final = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,3}))?")


def public_holidays(region: str, first_year: int, last_year: int) -> frozenset[date] | None:
    """The dates from one year to another, both included; None where the library does not know the region.

    `region` is an ISO 3166 code, of a country (`DE`) or of a subdivision (`DE-BE`). Raises ValueError where the years
    are not from 1 to YEARS_MAX.
    """
    if not first_year <= last_year < first_year + YEARS_MAX:
        raise ValueError(f"{first_year} to {last_year}: ask for 1 to {YEARS_MAX} years, the first of them first")
    code = _REGION.fullmatch(region)
    if code is None:
        return None
    try:
        found = holidays.country_holidays(code[1], subdiv=code[2], years=range(first_year, last_year + 1))
    except NotImplementedError:  # its word for what it does not know
        return None
    # Observed days may fall into the years beside.
    return frozenset(day for day in found if first_year <= day.year <= last_year)
