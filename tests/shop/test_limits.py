"""What one customer may hold in a shop: open reservations and units of a SKU, by channel and SKU."""

from typing import Any

import pytest

from actors.core.policy import HOUR_MS, LimitRule, Policy
from actors.shop.commands import Amend, Reserve
from actors.shop.state import Reservation
from tests.shop.scenario import play
from tests.shop.scenario_text import answer_text, command_of
from tests.shop.watched import DAY_ZERO_MS, Watched

# Rules as (channel, SKU, open reservations, units); a policy is version 1, so stock is version 2.
PAGES = {
    "open reservations": (
        [LimitRule("", "", 2, 0)],
        """
        at   | said            | answer                         | stock
        0:00 | receive A 9     | applied 1                      |
        0:01 | reserve ann A 1 | #3 HELD A 1 until 2:01         |
        0:02 | reserve ann A 1 | #4 HELD A 1 until 2:02         |
        0:03 | reserve ann A 1 | OPEN_RESERVATIONS_LIMIT 3 of 2 | A 9/2
        0:04 | reserve bob A 1 | #6 HELD A 1 until 2:04         | A 9/3
        0:05 | collect #3      | #3 COLLECTED A 1 -1 sold       | A 8/2
        0:06 | reserve ann A 1 | #8 HELD A 1 until 2:06         | A 8/3
        0:07 | confirm #8      | #8 CONFIRMED A 1 until 2d0:07  |
        0:08 | reserve ann A 1 | OPEN_RESERVATIONS_LIMIT 3 of 2 |
        2:02 | reserve ann A 1 | #12 HELD A 1 until 4:02        | A 8/3
        """,
    ),
    "units of each SKU": (
        [LimitRule("", "", 0, 3)],
        """
        at   | said                 | answer                                    | stock
        0:00 | receive A 9, B 9     | applied 2                                 |
        0:01 | reserve ann A 2      | #3 HELD A 2 until 2:01                    |
        0:02 | reserve ann A 2      | UNITS_LIMIT A 2 of 1                      |
        0:03 | reserve ann B 3, A 1 | #5 HELD B 3, A 1 until 2:03               | A 9/3, B 9/3
        0:04 | reserve ann B 1      | UNITS_LIMIT B 1 of 0                      |
        0:05 | release #5 B 2       | #5 HELD B 3 -2 back, A 1 OTHER until 2:03 |
        0:06 | reserve ann B 2      | #8 HELD B 2 until 2:06                    | A 9/3, B 9/3
        0:07 | collect #3 A 1       | #3 HELD A 2 -1 sold until 2:01            |
        0:08 | reserve ann A 1      | #10 HELD A 1 until 2:08                   |
        """,
    ),
    "an order that changes its channel is checked as it will be, and counts under both until its parts have heard": (
        [LimitRule("web", "", 0, 3)],
        """
        at   | said                                  | answer                                    | stock
        0:00 | receive A 9                           | applied 1                                 | A 9/0
        0:01 | claim 7/1.1 ann A 5 via app           | #3 CLAIMED A 5 of 7/1.1 at 0              | A 9/5
        0:02 | apply 7/1.1 1 HELD until 9:00 via app | #3 HELD A 5 until 9:00 of 7/1.1 at 1      | A 9/5
        0:03 | claim 7/1.2 ann of all A 5            | UNITS_LIMIT A 5 of 3                      | A 9/5
        0:04 | claim 7/1.3 ann of all A 2            | #6 CLAIMED  of 7/1.3 at 0                 | A 9/5
        0:05 | reserve ann A 4                       | UNITS_LIMIT A 4 of 0                      | A 9/5
        0:06 | apply 7/1.3 1 RELEASED                | #6 RELEASED  OTHER of 7/1.3 at 1          | A 9/5
        0:07 | reserve ann A 1                       | #9 HELD A 1 until 2:07                    | A 9/6
        0:08 | claim 7/1.4 ann of all A 3            | UNITS_LIMIT A 3 of 2                      | A 9/6
        0:09 | claim 7/1.5 ann A 1 of all A 2        | #11 CLAIMED A 1 of 7/1.5 at 0             | A 9/7
        0:10 | apply 7/1.1 3 HELD until 9:00 keep A 1 via web | #3 HELD A 5 -4 back OTHER until 9:00 of 7/1.1 at 3 | A 9/3
        0:11 | apply 7/1.5 3 HELD until 9:00 via web | #11 HELD A 1 until 9:00 of 7/1.5 at 3     | A 9/3
        0:12 | reserve ann A 1                       | UNITS_LIMIT A 1 of 0                      | A 9/3
        """,  # noqa: E501 a row is one line
    ),
    "an order is one open reservation, however many parts it has": (
        [LimitRule("", "", 2, 0)],
        """
        at   | said                   | answer                                      | stock
        0:00 | receive A 9            | applied 1                                   | A 9/0
        0:01 | claim 7/1.1 ann A 1    | #3 CLAIMED A 1 of 7/1.1 at 0                | A 9/1
        0:02 | claim 7/1.2 ann A 1    | #4 CLAIMED A 1 of 7/1.2 at 0                | A 9/2
        0:03 | reserve ann A 1        | #5 HELD A 1 until 2:03                      | A 9/3
        0:04 | claim 7/2.1 ann A 1    | OPEN_RESERVATIONS_LIMIT 3 of 2 CLAIMED | A 9/3
        0:05 | reserve ann A 1        | ORDER_UNDECIDED CLAIMED                     | A 9/3
        0:05 | reserve cy A 10        | INSUFFICIENT_STOCK A 10 of 6                | A 9/3
        0:06 | claim 7/1.3 ann A 1    | #8 CLAIMED A 1 of 7/1.3 at 0                | A 9/4
        0:07 | apply 7/1.1 1 RELEASED | #3 RELEASED A 1 -1 back OTHER of 7/1.1 at 1 | A 9/3
        0:08 | claim 7/2.2 ann A 1    | OPEN_RESERVATIONS_LIMIT 3 of 2 CLAIMED | A 9/3
        0:09 | apply 7/1.2 1 RELEASED | #4 RELEASED A 1 -1 back OTHER of 7/1.2 at 1 | A 9/2
        0:10 | apply 7/1.3 1 RELEASED | #8 RELEASED A 1 -1 back OTHER of 7/1.3 at 1 | A 9/1
        0:11 | claim 7/2.3 ann A 1    | #13 CLAIMED A 1 of 7/2.3 at 0               | A 9/2
        0:12 | claim 7/1.4 ann A 1    | OPEN_RESERVATIONS_LIMIT 3 of 2 CLAIMED | A 9/2
        """,
    ),
    "each part of an order holds units": (
        [LimitRule("", "", 1, 3)],
        """
        at   | said                | answer                       | stock
        0:00 | receive A 9         | applied 1                    | A 9/0
        0:01 | claim 7/1.1 ann A 2 | #3 CLAIMED A 2 of 7/1.1 at 0 | A 9/2
        0:02 | claim 7/1.2 ann A 2 | UNITS_LIMIT A 2 of 1 CLAIMED | A 9/2
        0:03 | claim 7/1.3 ann A 1 | #5 CLAIMED A 1 of 7/1.3 at 0 | A 9/3
        """,
    ),
    "an order counts for the SKUs of its parts": (
        [LimitRule("", "A", 1, 0)],
        """
        at   | said                | answer                           | stock
        0:00 | receive A 9, B 9    | applied 2                        | A 9/0, B 9/0
        0:01 | claim 7/1.1 ann B 1 | #3 CLAIMED B 1 of 7/1.1 at 0     | A 9/0, B 9/1
        0:02 | reserve ann A 1     | #4 HELD A 1 until 2:02           | A 9/1, B 9/1
        0:03 | claim 7/1.2 ann A 1 | OPEN_RESERVATIONS_LIMIT A 2 of 1 | A 9/1, B 9/1
        0:04 | claim 7/1.3 ann B 1 | #6 CLAIMED B 1 of 7/1.3 at 0     | A 9/1, B 9/2
        0:05 | release #4          | #4 RELEASED A 1 -1 back OTHER    | A 9/0, B 9/2
        0:06 | claim 7/1.4 ann A 1 | #8 CLAIMED A 1 of 7/1.4 at 0     | A 9/1, B 9/2
        0:07 | claim 7/1.5 ann A 1 | #9 CLAIMED A 1 of 7/1.5 at 0     | A 9/2, B 9/2
        0:08 | reserve ann A 1     | ORDER_UNDECIDED A CLAIMED        | A 9/2, B 9/2
        """,
    ),
    "two lines of one SKU are summed": (
        [LimitRule("", "A", 0, 3)],
        """
        at   | said                 | answer
        0:00 | receive A 9          | applied 1
        0:01 | reserve ann A 2, A 2 | UNITS_LIMIT A 4 of 3
        0:02 | reserve ann A 2, A 1 | #4 HELD A 2, A 1 until 2:02
        """,
    ),
    "a rule of one SKU leaves the others alone": (
        [LimitRule("", "A", 1, 2)],
        """
        at   | said                 | answer
        0:00 | receive A 9, B 9     | applied 2
        0:01 | reserve ann B 9      | #3 HELD B 9 until 2:01
        0:02 | reserve ann A 3      | UNITS_LIMIT A 3 of 2
        0:03 | reserve ann A 2      | #5 HELD A 2 until 2:03
        0:04 | release #3 B 1       | #3 HELD B 9 -1 back OTHER until 2:01
        0:05 | reserve ann B 1, A 1 | OPEN_RESERVATIONS_LIMIT A 2 of 1
        0:06 | reserve ann B 1      | #8 HELD B 1 until 2:06
        """,
    ),
    "a rule of one channel counts what came through it": (
        [LimitRule("app", "", 1, 2)],
        """
        at   | said                    | answer
        0:00 | receive A 9             | applied 1
        0:01 | reserve ann A 5 via web | #3 HELD A 5 until 2:01
        0:02 | reserve ann A 3 via app | UNITS_LIMIT A 3 of 2
        0:03 | reserve ann A 2 via app | #5 HELD A 2 until 2:03
        0:04 | reserve ann A 1 via app | OPEN_RESERVATIONS_LIMIT 2 of 1
        0:05 | reserve ann A 1 via web | #7 HELD A 1 until 2:05
        """,
    ),
    "every rule that fits applies": (
        [LimitRule("", "", 0, 5), LimitRule("app", "", 0, 3), LimitRule("app", "A", 0, 1)],
        """
        at   | said                    | answer
        0:00 | receive A 9, B 9        | applied 2
        0:01 | reserve ann A 2 via app | UNITS_LIMIT A 2 of 1
        0:02 | reserve ann B 4 via app | UNITS_LIMIT B 4 of 3
        0:03 | reserve ann A 4 via web | #5 HELD A 4 until 2:03
        0:04 | reserve ann A 1 via app | #6 HELD A 1 until 2:04
        0:05 | reserve ann A 1 via web | UNITS_LIMIT A 1 of 0
        """,
    ),
    "a basket that is replaced does not count": (
        [LimitRule("", "", 1, 3)],
        """
        at   | said                     | answer                         | stock
        0:00 | receive A 9              | applied 1                      |
        0:01 | reserve ann A 3 basket b | #3 HELD A 3 until 2:01         | A 9/3
        0:02 | reserve ann A 2 basket b | #5 HELD A 2 until 2:02         | A 9/2
        0:03 | reserve ann A 4 basket b | UNITS_LIMIT A 4 of 3           | A 9/2
        0:04 | reserve ann A 1 basket c | OPEN_RESERVATIONS_LIMIT 2 of 1 | A 9/2
        """,
    ),
    "open reservations are told before units, and units before stock": (
        [LimitRule("", "A", 1, 2)],
        """
        at   | said                 | answer
        0:00 | receive A 2, B 2     | applied 2
        0:01 | reserve ann A 1      | #3 HELD A 1 until 2:01
        0:02 | reserve ann B 9, A 9 | OPEN_RESERVATIONS_LIMIT A 2 of 1
        0:03 | release #3           | #3 RELEASED A 1 -1 back OTHER
        0:04 | reserve ann B 9, A 9 | UNITS_LIMIT A 9 of 2
        0:05 | reserve ann B 9, A 2 | INSUFFICIENT_STOCK B 9 of 2
        """,
    ),
}


@pytest.mark.parametrize(("rules", "page"), PAGES.values(), ids=PAGES)
def test_page(rules: list[LimitRule], page: str) -> None:
    play(page, Policy(version=1, limit_rules=tuple(rules)))


def test_a_new_limit_counts_what_is_held_already_and_takes_nothing_away() -> None:
    watched = Watched(Policy(version=1))
    for key, text in enumerate(["receive A 9", "reserve ann A 4"]):
        watched.say(command_of(text, str(key)), DAY_ZERO_MS)
    watched.adopt(Policy(version=2, limit_rules=(LimitRule("", "", 0, 3),)), DAY_ZERO_MS)
    told = watched.say(command_of("reserve ann A 1", "more"), DAY_ZERO_MS)
    assert answer_text(told.answer) == "UNITS_LIMIT A 1 of 0"
    assert watched.ledger.positions["A"].reserved == 4
    assert watched.complaints() == []


def test_an_amendment_is_asked_only_for_what_it_asks_for_more_of() -> None:
    """By the ledger, and by the audit too, which else cries out about what the customer had before the rule."""
    watched = Watched(Policy(version=1))
    for key, text in enumerate(["receive A 9, B 9", "reserve ann A 3", "reserve ann A 1"]):
        watched.say(command_of(text, str(key)), DAY_ZERO_MS)
    watched.adopt(Policy(version=2, limit_rules=(LimitRule("", "", 0, 3),)), DAY_ZERO_MS)
    told = watched.say(Amend("more", 3, (("A", 3), ("B", 1)), 0, 0), DAY_ZERO_MS)
    assert "HELD" in answer_text(told.answer)
    assert watched.complaints() == []


class CountedReads(dict[int, Reservation]):
    """The reservations of a ledger, which count how often one of them is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def __getitem__(self, number: int) -> Reservation:
        self.reads += 1
        return super().__getitem__(number)

    def get(self, number: int, default: Any = None) -> Any:
        self.reads += 1
        return super().get(number, default)


def reads_for(customers: int, holds: int = 2_000) -> int:
    """How many reservations are looked at to reserve and to expire, the holds spread over so many customers."""
    watched = Watched()
    reservations = watched.ledger.reservations = CountedReads()
    watched.say(command_of(f"receive A {holds}", "stock"), DAY_ZERO_MS)
    for index in range(holds):
        watched.say(Reserve(f"k{index}", f"c{index % customers}", "web", "", (("A", 1),), HOUR_MS), DAY_ZERO_MS)
    watched.wait(DAY_ZERO_MS + HOUR_MS)
    assert watched.ledger.positions["A"].reserved == 0
    assert reservations.reads >= holds, "each was looked at when it expired"
    return reservations.reads


def test_a_marketplace_that_orders_under_one_name_costs_no_more_than_a_crowd() -> None:
    assert reads_for(customers=1) == reads_for(customers=2_000)
