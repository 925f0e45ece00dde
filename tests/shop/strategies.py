"""Strategies of the ledger's state machine: policies, and the parts that commands are made of."""

from typing import Final

from hypothesis import strategies as st

from actors.calendar.hours import Calendar
from actors.core.policy import DAY_MS, HOUR_MS, LimitRule, LosesFirst, Policy, TtlRule
from actors.core.status import ReleaseReason, Status
from actors.shop.commands import AdjustmentKind
from tests.shop.hours import staffed, weekly
from tests.shop.model_books import LIVE, Reservation
from tests.shop.scenario_text import MINUTE_MS

# A place an hour, and an hour to pick an order.
ONE_PLACE: Final = Calendar(
    weekly=weekly("mon-sun 09:00-18:00"),
    slot_minutes=60,
    staff=staffed("mon-sun 09:00-18:00x1"),
    pickups_per_staff_hour=1,
    lead_minutes=60,
)
# Slots of one place, of two and of none; the days begin on a Saturday, and on Sunday the shop is closed.
CLOSED_AT_TIMES: Final = Calendar(
    weekly=weekly("mon-fri 09:00-12:00 13:00-17:00; sat 08:00-24:00"),
    slot_minutes=90,
    staff=staffed("mon-fri 09:00-10:00x1 13:00-14:00x2; sat 08:00-24:00x1"),
    pickups_per_staff_hour=1,
)

LOSERS_WAIT: Final = (
    Policy(
        version=9,
        losers_wait=True,
        loses_first=LosesFirst.YOUNGEST,
        line_places_max=3,
        line_take_up_ms=5 * MINUTE_MS,
    ),
    Policy(version=10, losers_wait=True, line_may_pass=True, calendar=CLOSED_AT_TIMES),
)
POLICIES: Final = (
    Policy(version=1),
    Policy(version=2, limit_rules=(LimitRule("", "", 2, 4), LimitRule("app", "A", 1, 2)), calendar=ONE_PLACE),
    Policy(
        version=3,
        collect_within_ms=3 * HOUR_MS,
        ttl_rules=(
            TtlRule("", "", "S1", MINUTE_MS),
            TtlRule("", "A", "", 5 * MINUTE_MS),
            TtlRule("app", "", "", HOUR_MS),
            TtlRule("", "B", "S2", 1),
        ),
        limit_rules=(LimitRule("web", "", 0, 3),),
    ),
    Policy(version=4, calendar=CLOSED_AT_TIMES),
    Policy(version=5, paused=True),
    Policy(version=6, calendar=ONE_PLACE),
    Policy(version=7, calendar=CLOSED_AT_TIMES, limit_rules=(LimitRule("app", "", 3, 6),)),
    *LOSERS_WAIT,
    Policy(
        version=8,
        line_may_pass=True,
        line_places_max=2,
        line_take_up_ms=2 * MINUTE_MS,
        ttl_rules=(TtlRule("", "", "S1", MINUTE_MS),),
    ),
)
OPENING_POLICIES: Final = (POLICIES[0], POLICIES[1], POLICIES[5], POLICIES[5], POLICIES[6], POLICIES[7])

skus = st.sampled_from("AAABBBC")
units = st.integers(1, 4)
lines = st.lists(st.tuples(skus, units), min_size=1, max_size=3).map(tuple)
no_or_some_lines = st.one_of(st.just(()), lines)
customers = st.sampled_from(["ann", "bob", "cy"])
channels = st.sampled_from(["web", "app"])
ORDERS_CHANNELS: Final = ("", "web", "app")
baskets = st.sampled_from(["", "", "b1", "b2"])
ttls = st.sampled_from([0, DAY_MS, 3 * HOUR_MS, 0, MINUTE_MS, 1, 2 * DAY_MS, 8 * DAY_MS])
waits = st.sampled_from([0, 0, HOUR_MS, MINUTE_MS, 3 * HOUR_MS, DAY_MS, 2 * DAY_MS])
picks = st.integers(0, 1_000_000)
counts = st.dictionaries(st.sampled_from("ABC"), st.integers(0, 12), min_size=1).map(lambda found: tuple(found.items()))
LATE_MS_MAX: Final = 2 * HOUR_MS
rows = st.lists(
    st.tuples(
        skus,
        st.integers(-6, 9).filter(bool),
        st.sampled_from(AdjustmentKind),
        st.one_of(st.just(0), st.integers(0, LATE_MS_MAX)),
    ),
    min_size=1,
    max_size=3,
)
reasons = st.sampled_from([reason for reason in ReleaseReason if reason < ReleaseReason.REPLACED])

# Places among the slots that come, few, so that two want the same; 0 asks for none.
NO_SLOT_BEGINS: Final = 9
THE_SAME: Final = -1
slots = st.sampled_from([1, 0, 1, 2, 0, 3, 1, 0, 2, NO_SLOT_BEGINS, 1, 3])

stocked_lines = st.lists(st.tuples(st.sampled_from("AB"), st.integers(1, 3)), min_size=1, max_size=3).map(tuple)
changes = st.lists(
    st.tuples(
        st.sampled_from(["", "", "confirm", "time passes", "hours change"]),
        st.sampled_from(["amend", "amend", "reserve"]),
        st.one_of(st.just(()), stocked_lines),
        st.sampled_from([0, 0, HOUR_MS, DAY_MS]),
        st.sampled_from([2, 1, THE_SAME, 0, 3, THE_SAME, 1, 2, NO_SLOT_BEGINS]),
    ),
    min_size=1,
    max_size=3,
)
steps = st.sampled_from(["ready", "collect", "collect", "release"])

# What an order may say of its part.
statuses = st.sampled_from(
    [Status.HELD, Status.HELD, Status.CONFIRMED, Status.CONFIRMED, Status.CONFIRMED, Status.RELEASED, Status.EXPIRED]
)
ahead = st.sampled_from([1, 1, 1, 1, 2, 0, 0, -1])  # of the revision that the part has applied
keeps = st.one_of(
    st.just(()),
    lines,
    st.dictionaries(st.sampled_from("ABC"), st.integers(0, 5), min_size=1).map(lambda found: tuple(found.items())),
)
deadlines = st.sampled_from([HOUR_MS, DAY_MS, 0, -MINUTE_MS])  # from now; one that has passed ends nothing here
words = st.tuples(ahead, statuses, deadlines, st.sampled_from(ReleaseReason), keeps)
CHANGES: Final = "comes through the app"
lives = st.lists(
    st.one_of(words, words, steps, st.sampled_from(["is noted", "was noted before", *["asks for more", CHANGES] * 2])),
    min_size=1,
    max_size=6,
)


def latest(of: list[Reservation], pick: int) -> Reservation:
    """One of the latest, mostly of those that are live."""
    live = [reservation for reservation in of if reservation.status in LIVE]
    found = live if live and pick % 4 != 3 else of
    return found[-1 - pick % 5 % len(found)]
