"""The life of a reservation: every cell of the table, and collecting or releasing a part of it."""

from itertools import product

import pytest

from actors.core.answers import Recorded
from actors.core.policy import DAY_MS, HOUR_MS
from actors.core.status import FINAL, TRANSITIONS, ReleaseReason, Status, Step, final_status
from actors.shop.commands import Amend, ApplyOutcome, Collect, Command, Confirm, Extend, Give, MarkReady, Release
from actors.shop.returns.sale_return import Return
from actors.shop.state import Reservation
from tests.shop.scenario import play
from tests.shop.scenario_text import answer_text
from tests.shop.watched import Watched

# From each status (rows) each step (columns) leads here; `no`: TRANSITION_NOT_ALLOWED, `late`: RESERVATION_EXPIRED,
# `soon`: ORDER_UNDECIDED.
TABLE = """
              CONFIRM    MARK_READY  COLLECT    RELEASE    EXTEND     EXPIRE    AMEND      GIVE       RETURN
    CLAIMED   soon       soon        soon       soon       soon       EXPIRED   soon       soon       no
    QUEUED    no         no          no         RELEASED   no         EXPIRED   no         no         no
    HELD      CONFIRMED  no          COLLECTED  RELEASED   HELD       EXPIRED   HELD       HELD       none
    CONFIRMED no         READY       COLLECTED  RELEASED   CONFIRMED  EXPIRED   CONFIRMED  CONFIRMED  none
    READY     no         no          COLLECTED  RELEASED   READY      EXPIRED   no         READY      none
    COLLECTED no         no          no         no         no         COLLECTED no         no         COLLECTED
    RELEASED  no         no          no         no         no         RELEASED  no         no         no
    EXPIRED   late       late        late       late       late       EXPIRED   late       late       no
"""
REFUSALS = {"no": "TRANSITION_NOT_ALLOWED", "late": "RESERVATION_EXPIRED", "soon": "ORDER_UNDECIDED"}
REFUSALS["none"] = "QUANTITY_EXCEEDS_COLLECTED"  # the step is allowed, and there is nothing to take
STEPS, *_ROWS = (row.split() for row in TABLE.strip().splitlines())
CELLS = {(status, step): cell for status, *cells in _ROWS for step, cell in zip(STEPS, cells, strict=True)}

# What brings a reservation of 2 A into each status.
PATHS = {
    "CLAIMED": "0:01 | claim o1 ann A 2",
    "QUEUED": "0:01 | reserve ann A 3 waiting 1h",
    "HELD": "0:01 | reserve ann A 2",
    "CONFIRMED": "0:01 | reserve ann A 2\n 0:02 | confirm #2",
    "READY": "0:01 | reserve ann A 2\n 0:02 | confirm #2\n 0:03 | ready #2",
    "COLLECTED": "0:01 | reserve ann A 2\n 0:02 | collect #2",
    "RELEASED": "0:01 | reserve ann A 2\n 0:02 | release #2",
    "EXPIRED": "0:01 | reserve ann A 2\n 0:02 | extend #2 for 1m\n 0:03 | wait",
}
NUMBER = 2


def brought_to(status: str) -> Watched:
    return play(f"at | said\n 0:00 | receive A 2\n {PATHS[status]}")


def commanded(step: Step) -> Command:
    match step:
        case Step.CONFIRM:
            return Confirm("step", NUMBER, 0)
        case Step.MARK_READY:
            return MarkReady("step", NUMBER)
        case Step.COLLECT:
            return Collect("step", NUMBER, "p1", ())
        case Step.RELEASE:
            return Release("step", NUMBER, ReleaseReason.OTHER, ())
        case Step.EXTEND:
            return Extend("step", NUMBER, HOUR_MS)
        case Step.AMEND:
            return Amend("step", NUMBER, (), HOUR_MS, 0)
        case Step.GIVE:
            return Give("step", NUMBER, "t7", HOUR_MS)
        case Step.RETURN:
            return Return("step", NUMBER, ())
        case Step.EXPIRE:
            raise AssertionError("nobody commands time")


def test_table_is_whole() -> None:
    assert set(CELLS) == {(status.name, step.name) for status, step in product(Status, Step)}
    allowed = {(status.name, step.name) for step, statuses in TRANSITIONS.items() for status in statuses}
    no_step = {(status.name, "EXPIRE") for status in FINAL}  # time passes for what is final, and nothing comes of it
    assert allowed == {cell for cell, to in CELLS.items() if to == "none" or to not in REFUSALS} - no_step


@pytest.mark.parametrize(("status", "step"), CELLS, ids="-".join)
def test_cell(status: str, step: str) -> None:
    watched = brought_to(status)
    before = watched.known(NUMBER)
    assert before.status.name == status
    leads_to = CELLS[status, step]
    if step == "EXPIRE" and status == "CLAIMED":  # by its order; nothing here knows when
        watched.wait(before.created_at_ms + 30 * DAY_MS)
        assert watched.known(NUMBER) == before
        watched.say(ApplyOutcome("o1", 1, Status.EXPIRED, 0, ReleaseReason.OTHER, ()), watched.ledger.time_ms)
    elif step == "EXPIRE":
        watched.wait(before.expires_at_ms)
    else:
        told = watched.say(commanded(Step[step]), watched.ledger.time_ms + 1)
        assert isinstance(told.answer, Recorded)
        text = answer_text(told.answer)
        if leads_to in REFUSALS:
            assert text == f"{REFUSALS[leads_to]} #2 {status}"
            assert watched.known(NUMBER) == before
        else:
            assert isinstance(told.answer.answer, Reservation)
    expected = status if leads_to in REFUSALS else leads_to
    assert watched.known(NUMBER).status.name == expected
    assert watched.complaints() == []


@pytest.mark.parametrize("status", ["COLLECTED", "RELEASED", "EXPIRED"])
def test_a_final_state_never_changes(status: str) -> None:
    watched = brought_to(status)
    final = watched.known(NUMBER)
    for days in range(8):
        watched.wait(watched.ledger.time_ms + days * DAY_MS)
        assert watched.known(NUMBER) == final


@pytest.mark.parametrize("step", Step)
def test_a_sale_outweighs_how_the_rest_ended(step: Step) -> None:
    assert final_status(step, units_collected=1) is Status.COLLECTED


PAGES = {
    "collected by line, and the rest later": """
        at   | said                   | answer                                         | stock
        0:00 | receive A 9, B 9       | applied 2                                      | A 9/0, B 9/0
        0:01 | reserve ann A 3, B 2   | #2 HELD A 3, B 2 until 2:01                    | A 9/3, B 9/2
        0:02 | collect #2 A 1 paid p7 | #2 HELD A 3 -1 sold, B 2 until 2:01            | A 8/2, B 9/2
        0:03 | confirm #2 within 1d   | #2 CONFIRMED A 3 -1 sold, B 2 until 1d0:03     | A 8/2, B 9/2
        0:04 | ready #2               | #2 READY A 3 -1 sold, B 2 until 1d0:03         | A 8/2, B 9/2
        0:05 | collect #2 B 2, A 1    | #2 READY A 3 -2 sold, B 2 -2 sold until 1d0:03 | A 7/1, B 7/0
        0:06 | collect #2             | #2 COLLECTED A 3 -3 sold, B 2 -2 sold          | A 6/0, B 7/0
    """,
    "released by line, and the rest later": """
        at   | said                         | answer                                       | stock
        0:00 | receive A 9, B 9             | applied 2                                    |
        0:01 | reserve ann A 3, B 2         | #2 HELD A 3, B 2 until 2:01                  |
        0:02 | release #2 A 2 because FRAUD | #2 HELD A 3 -2 back, B 2 FRAUD until 2:01    | A 9/1, B 9/2
        0:03 | release #2 because NO_SHOW   | #2 RELEASED A 3 -3 back, B 2 -2 back NO_SHOW | A 9/0, B 9/0
    """,
    "a part sold and the rest released is collected": """
        at   | said            | answer                                 | stock
        0:00 | receive A 3     | applied 1                              |
        0:01 | reserve ann A 3 | #2 HELD A 3 until 2:01                 | A 3/3
        0:02 | collect #2 A 1  | #2 HELD A 3 -1 sold until 2:01         | A 2/2
        0:03 | release #2      | #2 COLLECTED A 3 -1 sold -2 back OTHER | A 2/0
        0:04 | release #2      | TRANSITION_NOT_ALLOWED #2 COLLECTED    | A 2/0
    """,
    "a part sold and the rest expired is collected": """
        at   | said            | answer                              | events        | stock
        0:00 | receive A 3     | applied 1                           | StockAdjusted |
        0:01 | reserve ann A 3 | #2 HELD A 3 until 2:01              | Reserved      | A 3/3
        0:02 | collect #2 A 1  | #2 HELD A 3 -1 sold until 2:01      | Collected     | A 2/2
        2:01 | wait            |                                     | Expired       | A 2/0
        2:02 | collect #2      | TRANSITION_NOT_ALLOWED #2 COLLECTED | Refused       | A 2/0
    """,
    "a SKU on two lines is taken from the first line on": """
        at   | said                      | answer                                                         | stock
        0:00 | receive A 9, B 9          | applied 2                                                      |
        0:01 | reserve ann A 2, B 1, A 3 | #2 HELD A 2, B 1, A 3 until 2:01                               | A 9/5, B 9/1
        0:02 | collect #2 A 3            | #2 HELD A 2 -2 sold, B 1, A 3 -1 sold until 2:01               | A 6/2, B 9/1
        0:03 | collect #2 A 3            | QUANTITY_EXCEEDS_HELD A 3 of 2 #2 HELD                         | A 6/2, B 9/1
        0:04 | release #2 A 1, A 1       | #2 HELD A 2 -2 sold, B 1, A 3 -1 sold -2 back OTHER until 2:01 | A 6/0, B 9/1
    """,
    "lines that are not there, and more than is held": """
        at   | said                | answer                                 | stock
        0:00 | receive A 3, B 1    | applied 2                              |
        0:01 | reserve ann A 3     | #2 HELD A 3 until 2:01                 |
        0:02 | collect #2 B 1      | LINE_NOT_FOUND B 1 of 0 #2 HELD        |
        0:03 | collect #2 A 4      | QUANTITY_EXCEEDS_HELD A 4 of 3 #2 HELD |
        0:04 | collect #2 A 2, A 2 | QUANTITY_EXCEEDS_HELD A 4 of 3 #2 HELD |
        0:05 | release #2 A 1, B 1 | LINE_NOT_FOUND B 1 of 0 #2 HELD        | A 3/3, B 1/0
        0:06 | release #2 A 4, B 1 | LINE_NOT_FOUND B 1 of 0 #2 HELD        | A 3/3, B 1/0
        0:07 | collect #2 A 3      | #2 COLLECTED A 3 -3 sold               | A 0/0, B 1/0
    """,
    "a reservation that never was": """
        at   | said             | answer
        0:00 | receive A 3      | applied 1
        0:01 | confirm #9       | RESERVATION_NOT_FOUND #9
        0:02 | ready #9         | RESERVATION_NOT_FOUND #9
        0:03 | collect #9       | RESERVATION_NOT_FOUND #9
        0:04 | release #9       | RESERVATION_NOT_FOUND #9
        0:05 | extend #9 for 1h | RESERVATION_NOT_FOUND #9
        0:06 | confirm #1       | RESERVATION_NOT_FOUND #1
    """,
    "ready follows confirmed only": """
        at   | said               | answer
        0:00 | receive A 3        | applied 1
        0:01 | reserve ann A 3    | #2 HELD A 3 until 2:01
        0:02 | ready #2           | TRANSITION_NOT_ALLOWED #2 HELD
        0:03 | confirm #2         | #2 CONFIRMED A 3 until 2d0:03
        0:04 | confirm #2         | TRANSITION_NOT_ALLOWED #2 CONFIRMED
        0:05 | ready #2           | #2 READY A 3 until 2d0:03
        0:06 | ready #2           | TRANSITION_NOT_ALLOWED #2 READY
        0:07 | collect #2 paid p1 | #2 COLLECTED A 3 -3 sold
    """,
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_page(page: str) -> None:
    play(page)


def test_payment_reference_of_the_last_collection_stands() -> None:
    watched = play("""
        at   | said
        0:00 | receive A 3
        0:01 | reserve ann A 3
        0:02 | collect #2 A 1 paid card-1
        0:03 | collect #2 paid card-2
    """)
    assert watched.known(NUMBER).payment_reference == "card-2"
