"""Holidays by region: the library's dates, cut to the years asked for; what it does not know is None."""

from datetime import date

import pytest

from serve.config.hours_text import YEARS_MAX, public_holidays


@pytest.mark.parametrize(
    ("region", "day", "is_holiday"),
    [
        ("DE-BE", date(2026, 3, 8), True),  # Women's Day, in Berlin
        ("DE-BY", date(2026, 3, 8), False),
        ("DE", date(2026, 3, 8), False),
        ("DE-BY", date(2026, 1, 6), True),
        ("DE", date(2026, 12, 25), True),
        ("DE", date(2026, 12, 24), False),
        ("US", date(2026, 7, 3), True),  # observed instead of Saturday
        ("US", date(2026, 7, 4), True),
        ("IN", date(2026, 8, 15), True),
    ],
)
def test_a_region_has_its_own(region: str, day: date, is_holiday: bool) -> None:
    dates = public_holidays(region, 2026, 2026)
    assert dates is not None
    assert (day in dates) == is_holiday


def test_the_years_asked_for_and_no_others() -> None:
    dates = public_holidays("US", 2021, 2023)
    assert dates is not None
    assert {day.year for day in dates} == {2021, 2022, 2023}
    assert date(2021, 12, 31) in dates  # observed for New Year's Day of 2022, a Saturday
    only_first = public_holidays("US", 2021, 2021)
    assert only_first is not None
    assert date(2021, 12, 31) in only_first
    only_next = public_holidays("US", 2022, 2022)
    assert only_next is not None
    assert {day.year for day in only_next} == {2022}


@pytest.mark.parametrize("region", ["", "XX", "DE-ZZ", "de", "DE-", "Germany", "-BE", "DE-BE-X", "DE\n"])
def test_an_unknown_region_is_none(region: str) -> None:
    assert public_holidays(region, 2026, 2026) is None


@pytest.mark.parametrize(("first", "last"), [(2026, 2025), (2026, 2026 + YEARS_MAX)])
def test_the_years_have_a_limit(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="ask for"):
        public_holidays("DE", first, last)
