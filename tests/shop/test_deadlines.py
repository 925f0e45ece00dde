"""How long a hold lasts, and that it is exact: alive one millisecond before its deadline, gone at it."""

import pytest

from actors.core.policy import DAY_MS, HOUR_MS, Policy, TtlRule
from actors.shop.state import Reservation
from tests.shop.scenario import play
from tests.shop.scenario_text import MINUTE_MS, command_of
from tests.shop.watched import DAY_ZERO_MS, Watched

PAGES = {
    "alive one millisecond before, gone at the deadline": """
        at          | said            | answer                         | events            | stock
        0:00        | receive A 1     | applied 1                      | StockAdjusted     | A 1/0
        0:01        | reserve ann A 1 | #2 HELD A 1 until 2:01         | Reserved          | A 1/1
        2:00:59.999 | reserve bob A 1 | INSUFFICIENT_STOCK A 1 of 0    | Refused           | A 1/1
        2:01        | reserve bob A 1 | #5 HELD A 1 until 4:01         | Expired, Reserved | A 1/1
        2:01        | confirm #2      | RESERVATION_EXPIRED #2 EXPIRED | Refused           | A 1/1
    """,
    "confirmed one millisecond before the deadline": """
        at          | said            | answer                               | events        | stock
        0:00        | receive A 1     | applied 1                            | StockAdjusted |
        0:01        | reserve ann A 1 | #2 HELD A 1 until 2:01               | Reserved      |
        2:00:59.999 | confirm #2      | #2 CONFIRMED A 1 until 2d2:00:59.999 | Confirmed     | A 1/1
        2:01        | reserve bob A 1 | INSUFFICIENT_STOCK A 1 of 0          | Refused       | A 1/1
    """,
    "at the deadline nothing more is done to it": """
        at   | said             | answer                         | events           | stock
        0:00 | receive A 1      | applied 1                      | StockAdjusted    |
        0:01 | reserve ann A 1  | #2 HELD A 1 until 2:01         | Reserved         |
        2:01 | collect #2       | RESERVATION_EXPIRED #2 EXPIRED | Expired, Refused | A 1/0
        2:01 | release #2       | RESERVATION_EXPIRED #2 EXPIRED | Refused          | A 1/0
        2:01 | extend #2 for 1h | RESERVATION_EXPIRED #2 EXPIRED | Refused          | A 1/0
        2:01 | ready #2         | RESERVATION_EXPIRED #2 EXPIRED | Refused          | A 1/0
    """,
    "confirming begins the time to collect, ready does not": """
        at   | said                 | answer                      | events        | stock
        0:00 | receive A 3          | applied 1                   | StockAdjusted |
        0:01 | reserve ann A 3      | #2 HELD A 3 until 2:01      | Reserved      |
        0:02 | confirm #2 within 3h | #2 CONFIRMED A 3 until 3:02 | Confirmed     |
        2:01 | wait                 |                             |               | A 3/3
        3:00 | ready #2             | #2 READY A 3 until 3:02     | ReadyMarked   |
        3:02 | wait                 |                             | Expired       | A 3/0
    """,
    "extending counts from now, and may shorten": """
        at          | said             | answer                   | events        | stock
        0:00        | receive A 3      | applied 1                | StockAdjusted |
        0:01        | reserve ann A 3  | #2 HELD A 3 until 2:01   | Reserved      |
        0:02        | extend #2 for 7d | #2 HELD A 3 until 7d0:02 | Extended      |
        2:01        | wait             |                          |               | A 3/3
        2:02        | extend #2 for 1m | #2 HELD A 3 until 2:03   | Extended      |
        2:02:59.999 | wait             |                          |               | A 3/3
        2:03        | wait             |                          | Expired       | A 3/0
    """,
    "the asked time is taken up to the policy's greatest": """
        at   | said                            | answer
        0:00 | receive A 9                     | applied 1
        0:00 | reserve ann A 1 for 1m          | #2 HELD A 1 until 0:01
        0:00 | reserve ann A 1 for 7d          | #3 HELD A 1 until 7d0:00
        0:00 | reserve ann A 1 for 604800001ms | TTL_TOO_LONG 604800001 of 604800000
        0:00 | confirm #3 within 604800001ms   | TTL_TOO_LONG 604800001 of 604800000
        0:00 | extend #3 for 604800001ms       | TTL_TOO_LONG 604800001 of 604800000
        0:00 | confirm #3 within 7d            | #3 CONFIRMED A 1 until 7d0:00
    """,
    "ledger time never runs backwards": """
        at   | said             | answer                         | events            | stock
        1:00 | receive A 2      | applied 1                      | StockAdjusted     | A 2/0
        0:30 | reserve ann A 1  | #2 HELD A 1 until 3:00         | Reserved          | A 2/1
        3:00 | reserve bob A 1  | #4 HELD A 1 until 5:00         | Expired, Reserved | A 2/1
        2:59 | confirm #2       | RESERVATION_EXPIRED #2 EXPIRED | Refused           | A 2/1
        2:59 | confirm #4       | #4 CONFIRMED A 1 until 2d3:00  | Confirmed         | A 2/1
        0:00 | restart          |                                |                   | A 2/1
        0:00 | extend #4 for 1h | #4 CONFIRMED A 1 until 4:00    | Extended          | A 2/1
    """,
    "many deadlines in one instant": """
        at   | said                    | answer                 | events               | stock
        0:00 | receive A 9             | applied 1              | StockAdjusted        |
        0:00 | reserve ann A 1 for 10m | #2 HELD A 1 until 0:10 | Reserved             |
        0:00 | reserve bob A 1 for 5m  | #3 HELD A 1 until 0:05 | Reserved             |
        0:00 | reserve cy A 1 for 10m  | #4 HELD A 1 until 0:10 | Reserved             |
        0:10 | reserve dee A 9         | #8 HELD A 9 until 2:10 | Expired x3, Reserved | A 9/9
    """,
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_page(page: str) -> None:
    play(page)


@pytest.mark.parametrize("first", ["confirm #2", "reserve bob A 1"])
def test_at_the_deadline_confirm_and_the_next_customer_have_one_winner(first: str) -> None:
    second = {"confirm #2": "reserve bob A 1", "reserve bob A 1": "confirm #2"}[first]
    watched = play(f"""
        at   | said
        0:00 | receive A 1
        0:01 | reserve ann A 1
        2:01 | {first}
        2:01 | {second}
    """)
    statuses = sorted(held.status.name for held in watched.all_known())
    assert statuses == ["EXPIRED", "HELD"]


def test_deadlines_expire_earliest_first_whatever_they_were_before() -> None:
    """#2 fell due first until it was extended; a ledger that was restored has never heard of that."""
    watched = play("""
        at   | said                   | answer
        0:00 | receive A 9            | applied 1
        0:00 | reserve ann A 1 for 1m | #2 HELD A 1 until 0:01
        0:00 | reserve bob A 1 for 5m | #3 HELD A 1 until 0:05
        0:00 | extend #2 for 9m       | #2 HELD A 1 until 0:09
        0:10 | wait                   |
    """)
    assert [record.event.number for record in watched.records[-2:]] == [3, 2]  # type: ignore[union-attr]


# Of the rules that fit, one that names the channel goes first, then the SKU, then the shop.
RULES = (
    TtlRule("", "", "", 10 * MINUTE_MS),
    TtlRule("", "", "S1", 11 * MINUTE_MS),
    TtlRule("", "B", "", 12 * MINUTE_MS),
    TtlRule("", "B", "S1", 13 * MINUTE_MS),
    TtlRule("app", "", "", 14 * MINUTE_MS),
    TtlRule("app", "", "S1", 15 * MINUTE_MS),
    TtlRule("app", "B", "", 16 * MINUTE_MS),
    TtlRule("app", "B", "S1", 17 * MINUTE_MS),
    TtlRule("slow", "C", "", 5 * HOUR_MS),
)


@pytest.mark.parametrize(
    ("without", "channel", "lines", "minutes"),
    [
        # Every rule is there: the most particular one stands.
        ((), "app", "B 1", 17),
        ((), "app", "A 1", 15),
        ((), "web", "B 1", 13),
        ((), "web", "A 1", 11),
        # Take the winner away, and the next in precedence stands.
        ((17,), "app", "B 1", 16),
        ((17, 16), "app", "B 1", 15),
        ((17, 16, 15), "app", "B 1", 14),
        ((17, 16, 15, 14), "app", "B 1", 13),
        ((17, 16, 15, 14, 13), "app", "B 1", 12),
        ((17, 16, 15, 14, 13, 12), "app", "B 1", 11),
        ((17, 16, 15, 14, 13, 12, 11), "app", "B 1", 10),
        ((17, 16, 15, 14, 13, 12, 11, 10), "app", "B 1", 120),
        # Over several SKUs the shortest of their rules counts.
        ((), "web", "A 1, B 1", 11),
        ((), "app", "B 1, A 1", 15),
        ((10, 11), "slow", "C 1", 300),
        ((10, 11), "slow", "C 1, A 1", 120),
        ((), "slow", "C 1, A 1", 11),
    ],
)
def test_rule_of_the_time(without: tuple[int, ...], channel: str, lines: str, minutes: int) -> None:
    rules = tuple(rule for rule in RULES if rule.ttl_ms // MINUTE_MS not in without)
    watched = Watched(Policy(version=1, ttl_rules=rules))
    watched.say(command_of("receive A 9, B 9, C 9", "stock"), DAY_ZERO_MS)
    held = watched.say(command_of(f"reserve ann {lines} via {channel}", "hold"), DAY_ZERO_MS).answer
    assert isinstance(held, Reservation)
    assert held.expires_at_ms - DAY_ZERO_MS == minutes * MINUTE_MS


def test_a_rule_of_another_shop_does_not_fit() -> None:
    watched = Watched(Policy(version=1, ttl_rules=(TtlRule("", "", "S2", MINUTE_MS),), ttl_ms_default=DAY_MS))
    watched.say(command_of("receive A 9", "stock"), DAY_ZERO_MS)
    held = watched.say(command_of("reserve ann A 1", "hold"), DAY_ZERO_MS).answer
    assert isinstance(held, Reservation)
    assert held.expires_at_ms - DAY_ZERO_MS == DAY_MS


def test_a_new_policy_leaves_earlier_deadlines_alone() -> None:
    watched = Watched(Policy(version=1, ttl_ms_default=DAY_MS))
    watched.say(command_of("receive A 9", "stock"), DAY_ZERO_MS)
    before = watched.say(command_of("reserve ann A 1", "before"), DAY_ZERO_MS).answer
    watched.adopt(Policy(version=2, ttl_ms_default=HOUR_MS, ttl_ms_max=HOUR_MS), DAY_ZERO_MS)
    after = watched.say(command_of("reserve ann A 1", "after"), DAY_ZERO_MS).answer
    assert isinstance(before, Reservation)
    assert isinstance(after, Reservation)
    watched.wait(DAY_ZERO_MS + DAY_MS - 1)
    assert [held.number for held in watched.ledger.live_of_customer("ann")] == [before.number]
    assert watched.complaints() == []
