"""Counts as of an instant: what moved since is kept, what moved before is seen, whichever of the two arrives first."""

from itertools import permutations

import pytest

from actors.core.answers import Recorded
from actors.core.policy import HOUR_MS
from actors.shop.commands import AdjustmentKind, AdjustStock, CountStock, Movement
from actors.shop.position import TRAIL_MOVES_MAX
from actors.shop.state import StockOutcome
from tests.shop.scenario import play
from tests.shop.scenario_text import MINUTE_MS, SECOND_MS, command_of, instant
from tests.shop.watched import DAY_ZERO_MS, Watched

PAGES = {
    "a count sets the book right": """
        at   | said           | answer    | events        | stock
        0:00 | receive A 9    | applied 1 | StockAdjusted | A 9/0
        0:01 | count A 7      | applied 1 | StockCounted  | A 7/0
        0:02 | count A 7      | applied 1 | StockCounted  | A 7/0
        0:03 | count A 11     | applied 1 | StockCounted  | A 11/0
        0:04 | count B 3      | applied 1 | StockCounted  | A 11/0, B 3/0
        0:05 | count A 0, B 4 | applied 2 | StockCounted  | A 0/0, B 4/0
    """,
    "what moved after the count's instant is kept": """
        at   | said                 | answer    | stock
        0:00 | receive A 9          | applied 1 | A 9/0
        1:45 | sell A 1             | applied 1 | A 8/0
        2:00 | count A 9 as of 1:30 | applied 1 | A 8/0
        2:01 | count A 8 as of 1:40 | applied 1 | A 7/0
        2:02 | receive A 5          | applied 1 | A 12/0
        2:03 | count A 6 as of 2:01 | applied 1 | A 11/0
    """,
    "a sale from before the count that arrives after it was seen": """
        at   | said                 | answer    | stock
        0:00 | receive A 9          | applied 1 | A 9/0
        2:00 | count A 8 as of 1:30 | applied 1 | A 8/0
        2:01 | sell A 1 at 1:00     | applied 1 | A 8/0
        2:02 | sell A 1 at 1:30     | applied 1 | A 8/0
        2:03 | sell A 1 at 1:31     | applied 1 | A 7/0
        2:04 | sell A 1 at 3:00     | applied 1 | A 6/0
    """,
    "holds included: the count is what is on hand": """
        at   | said            | answer                 | stock
        0:00 | receive A 9     | applied 1              | A 9/0
        0:01 | reserve ann A 3 | #2 HELD A 3 until 2:01 | A 9/3
        0:02 | count A 8       | applied 1              | A 8/3
    """,
    "holds left out: the count is what is not set aside": """
        at   | said                    | answer                 | stock
        0:00 | receive A 9             | applied 1              | A 9/0
        0:01 | reserve ann A 3         | #2 HELD A 3 until 2:01 | A 9/3
        0:02 | count A 6 without holds | applied 1              | A 9/3
        0:03 | count A 4 without holds | applied 1              | A 7/3
        0:04 | count A 0 without holds | applied 1              | A 3/3
    """,
    "holds left out, as of before the hold": """
        at   | said                               | answer                 | stock
        0:00 | receive A 9                        | applied 1              | A 9/0
        0:30 | reserve ann A 3                    | #2 HELD A 3 until 2:30 | A 9/3
        1:00 | count A 8 as of 0:20 without holds | applied 1              | A 8/3
        1:01 | count A 8 as of 0:25               | applied 1              | A 8/3
        1:02 | count A 5 as of 0:40 without holds | applied 1              | A 8/3
    """,
    "holds left out, and the hold was collected since": """
        at   | said                               | answer                   | stock
        0:00 | receive A 9                        | applied 1                | A 9/0
        0:30 | reserve ann A 3                    | #2 HELD A 3 until 2:30   | A 9/3
        0:50 | collect #2                         | #2 COLLECTED A 3 -3 sold | A 6/0
        1:00 | count A 6 as of 0:40 without holds | applied 1                | A 6/0
        1:01 | count A 5 as of 0:40 without holds | applied 1                | A 5/0
        1:02 | count A 8 as of 0:45               | applied 1                | A 5/0
        1:03 | count A 5 as of 0:55 without holds | applied 1                | A 5/0
    """,
    "holds left out, and the hold was released since": """
        at   | said                               | answer                        | stock
        0:00 | receive A 9                        | applied 1                     | A 9/0
        0:30 | reserve ann A 3                    | #2 HELD A 3 until 2:30        | A 9/3
        0:50 | release #2                         | #2 RELEASED A 3 -3 back OTHER | A 9/0
        1:00 | count A 5 as of 0:40 without holds | applied 1                     | A 8/0
    """,
    "a count older than the last is dropped, of the same instant it counts": """
        at   | said                      | answer           | stock
        0:00 | receive A 9, B 9          | applied 2        | A 9/0, B 9/0
        1:00 | count A 8 as of 0:50      | applied 1        | A 8/0, B 9/0
        1:01 | count A 3 as of 0:40      | applied 0 late 1 | A 8/0, B 9/0
        1:02 | count A 3, B 7 as of 0:40 | applied 1 late 1 | A 8/0, B 7/0
        1:03 | count A 6 as of 0:50      | applied 1        | A 6/0, B 7/0
        1:04 | count A 6 as of 0:50      | applied 1        | A 6/0, B 7/0
    """,
    "a count from before the position is too old, and then none of it counts": """
        at   | said                      | answer                       | stock
        0:30 | receive A 9               | applied 1                    | A 9/0
        0:40 | receive B 9               | applied 1                    | A 9/0, B 9/0
        1:00 | count A 8 as of 0:29      | COUNT_TOO_OLD A 0:29 of 0:30 | A 9/0, B 9/0
        1:01 | count A 8, B 8 as of 0:35 | COUNT_TOO_OLD B 0:35 of 0:40 | A 9/0, B 9/0
        1:02 | count A 8, B 8 as of 0:40 | applied 2                    | A 8/0, B 8/0
    """,
    "the future is now": """
        at   | said                 | answer    | stock
        0:00 | receive A 9          | applied 1 | A 9/0
        0:10 | sell A 1             | applied 1 | A 8/0
        0:20 | count A 8 as of 9:00 | applied 1 | A 8/0
        0:30 | sell A 1             | applied 1 | A 7/0
        0:40 | count A 7 as of 0:35 | applied 1 | A 7/0
    """,
    "a book below zero is set right": """
        at   | said            | answer                      | stock
        0:00 | sell A 2        | applied 1                   | A -2/0
        0:01 | reserve ann A 1 | INSUFFICIENT_STOCK A 1 of 0 | A -2/0
        0:02 | count A 4       | applied 1                   | A 4/0
        0:03 | reserve ann A 4 | #4 HELD A 4 until 2:03      | A 4/4
    """,
    "in one millisecond, what is said later happened later": """
        at   | said             | answer    | stock
        0:00 | count A 10       | applied 1 | A 10/0
        0:00 | receive A 5      | applied 1 | A 15/0
        0:00 | sell A 1         | applied 1 | A 14/0
        0:00 | count A 12       | applied 1 | A 12/0
        0:00 | sell A 1         | applied 1 | A 11/0
        0:00 | return A 2       | applied 1 | A 13/0
    """,
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_page(page: str) -> None:
    play(page)


ARRIVALS = ("sell A 1 at 1:00", "receive A 4 at 1:20", "count A 12 as of 1:30", "sell A 1 at 1:45")


@pytest.mark.parametrize(
    "arrivals", list(permutations(ARRIVALS)), ids=lambda order: " / ".join(row.split()[0] for row in order)
)
def test_any_sequence_of_arrival_gives_the_same(arrivals: tuple[str, ...]) -> None:
    """Each comes from a source of its own, so none is dropped; the count saw all but the last sale."""
    watched = play("at | said | stock\n 0:00 | receive A 10 | A 10/0")
    for minute, text in enumerate(arrivals):
        sourced = text if text.startswith("count") else f"{text} from {text.split()[-1]}"
        watched.say(command_of(sourced, text, instant(f"2:0{minute}")), instant(f"2:0{minute}"))
    position = watched.ledger.positions["A"]
    assert (position.on_hand, position.sold, position.received) == (11, 2, 14)
    assert watched.complaints() == []


def test_movements_of_the_last_day_are_remembered() -> None:
    """One movement of the day before must not take today's out of memory with it."""
    watched = play("at | said\n 0:00 | receive A 100\n 9:00 | sell A 1")
    for minute in range(40):
        watched.say(command_of("sell A 1", f"sale {minute}"), instant(f"1d8:{minute + 10}"))
    watched.say(command_of("sell A 1", "last"), instant("1d9:01"))
    told = watched.say(CountStock("count", (("A", 90),), instant("1d8:20"), holds_included=True), instant("1d9:02"))
    assert isinstance(told.answer, Recorded)
    assert isinstance(told.answer.answer, StockOutcome), told.answer.answer
    # of the forty from 8:10 to 8:49 those after 8:20 were not seen, nor the last at 9:01
    assert watched.ledger.positions["A"].on_hand == 90 - 29 - 1


def test_too_many_movements_are_forgotten_from_the_oldest_on() -> None:
    watched = Watched()
    moves = 2 * TRAIL_MOVES_MAX
    watched.say(command_of(f"receive A {2 * moves}", "stock"), DAY_ZERO_MS)
    for second in range(1, moves + 1):
        row = Movement("A", -1, second, AdjustmentKind.SALE, 0)
        watched.say(AdjustStock(f"sale {second}", "till", (row,)), DAY_ZERO_MS + second * SECOND_MS)
    end_ms = DAY_ZERO_MS + moves * SECOND_MS
    old = watched.say(CountStock("old", (("A", 9),), DAY_ZERO_MS + MINUTE_MS, holds_included=True), end_ms + 1)
    assert isinstance(old.answer, Recorded)
    assert not isinstance(old.answer.answer, StockOutcome)
    recent_ms = end_ms - TRAIL_MOVES_MAX // 2 * SECOND_MS
    watched.say(CountStock("recent", (("A", 5_000),), recent_ms, holds_included=True), end_ms + HOUR_MS)
    assert watched.ledger.positions["A"].on_hand == 5_000 - TRAIL_MOVES_MAX // 2
    assert watched.complaints() == []
