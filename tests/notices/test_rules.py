"""Quiet hours, in every zone and over every change of the clocks."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from actors.calendar.zones import wall_clock
from actors.notices.rules import Rules
from tests.notices.desk import DAY_MS

NIGHT = Rules(quiet_from=21 * 60, quiet_to=8 * 60, zone="Europe/Berlin")


def ms(text: str) -> int:
    """An instant of ISO 8601, UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


@pytest.mark.parametrize(
    ("zone", "asked", "told"),
    [
        ("Europe/Berlin", "2026-06-01T12:00", "2026-06-01T12:00"),
        ("Europe/Berlin", "2026-06-01T18:59", "2026-06-01T18:59"),
        ("Europe/Berlin", "2026-06-01T19:00", "2026-06-02T06:00"),
        ("Europe/Berlin", "2026-06-02T03:00", "2026-06-02T06:00"),
        ("Europe/Berlin", "2026-06-02T06:00", "2026-06-02T06:00"),
        ("Europe/Berlin", "2026-10-24T20:00", "2026-10-25T07:00"),  # the clocks go back that night
        ("Europe/Berlin", "2026-03-28T21:00", "2026-03-29T06:00"),  # and forward in this one
        ("", "2026-01-01T23:30", "2026-01-02T07:00"),
        ("Pacific/Kiritimati", "2026-01-01T10:00", "2026-01-01T18:00"),
        ("Pacific/Pago_Pago", "2026-01-02T08:00", "2026-01-02T19:00"),
    ],
)
def test_a_customer_is_told_when_the_quiet_hours_of_the_shop_are_over(zone: str, asked: str, told: str) -> None:
    assert NIGHT.after_quiet(ms(asked), zone) == ms(told)


def test_quiet_hours_may_be_within_a_day_or_none() -> None:
    noon = Rules(quiet_from=12 * 60, quiet_to=14 * 60)
    assert noon.after_quiet(ms("2026-01-01T12:30"), "") == ms("2026-01-01T14:00")
    assert noon.after_quiet(ms("2026-01-01T23:30"), "") == ms("2026-01-01T23:30")
    assert Rules().after_quiet(ms("2026-01-01T03:00"), "") == ms("2026-01-01T03:00")


@given(
    st.integers(0, 1_439),
    st.integers(0, 1_439),
    st.integers(ms("2025-01-01T00:00"), ms("2028-01-01T00:00")),
    st.sampled_from(["Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe"]),
)
def test_nobody_is_told_within_them_nor_much_later(start: int, end: int, at_ms: int, zone: str) -> None:
    rules = Rules(quiet_from=start, quiet_to=end)
    told_ms = rules.after_quiet(at_ms, zone)
    shown = wall_clock(zone, told_ms)
    minute = 60 * shown.hour + shown.minute
    is_quiet = start <= minute < end if start <= end else not end <= minute < start
    assert at_ms <= told_ms <= at_ms + DAY_MS + 2 * 3_600_000
    assert start == end or not is_quiet
