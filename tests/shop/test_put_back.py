"""What was picked and is not wanted any more: where its units are until they are put back, and for how long."""

from typing import Final

import pytest
from msgspec.structs import replace

from actors.core.policy import DAY_MS, Policy
from actors.core.status import PickStatus
from actors.shop.allotments.evolve import return_to_quota
from actors.shop.events import Event
from actors.shop.evolve import evolve
from actors.shop.lines.decide import adopting_in_shop
from actors.shop.state import Ledger
from tests.shop.scenario import play
from tests.shop.scenario_text import instant
from tests.shop.test_picking import tasks
from tests.shop.watched import Watched, assembled

PICKS: Final = Policy(version=1, picks=True)
FIRST: Final = replace(PICKS, put_back_first=True)
QUOTA: Final = """
    at   | said                         | answer                                         | stock
    0:00 | receive A 10                 | applied 1                                      |
         | allot channel:web A 3 for 5h | #3 OPEN web A 3 until 5:00                     |
    0:01 | reserve ann A 9              | #5 HELD A 9 until 2:01                         | A 10/9 out 1
         | confirm #5                   | #5 CONFIRMED A 9 until 2d0:01                  |
         | take #5 as eva               | #5 PICKING A 0 of 9 eva until 0:11             |
         | scan #5 A 8 as eva           | #5 PICKING A 8 of 9 eva until 0:11             |
"""


def available(watched: Watched, sku: str = "A") -> int:
    return watched.ledger.positions[sku].available


def test_units_of_a_quota_go_to_it_once_they_are_put_back() -> None:
    """Nine units, two of them of the quota; one is still on the shelf, and goes to it at once."""
    watched = play(
        QUOTA
        + """
        0:02 | release #5                   | #5 RELEASED A 9 -9 back OTHER                  | A 10/0 out 2
             | reserve bob A 3 via web      | INSUFFICIENT_STOCK A 3 of 2                    |
             | shelve #5 A 9 as eva         | PICK_STEP_NOT_ALLOWED A 9 of 8 #5 TO_PUT_BACK  |
             | restart                      |                                                |
        0:03 | shelve #5 A 1 as eva         | #5 TO_PUT_BACK -7 A                            | A 10/0 out 3
             | reserve bob A 4 via shop     | INSUFFICIENT_STOCK A 4 of 0                    |
        0:04 | shelve #5 as eva             | #5 PUT_BACK                                    | A 10/0 out 3
             | reserve bob A 7 via shop     | #15 HELD A 7 until 2:04                        | A 10/7 out 3
             | reserve cy A 3               | #17 HELD A 3 until 2:04                        | A 10/10
        """,
        FIRST,
    )
    assert available(watched) == 0


def test_what_a_count_did_not_find_goes_to_no_quota_as_it_is_put_back() -> None:
    watched = play(
        QUOTA
        + """
        0:02 | release #5                   | #5 RELEASED A 9 -9 back OTHER                  | A 10/0 out 2
             | count A 1                    | applied 1                                      | A 1/0 out 1
        0:04 | shelve #5 as eva             | #5 PUT_BACK                                    | A 1/0 out 1
             | receive A 1                  | applied 1                                      | A 2/0 out 1
        """,
        FIRST,
    )
    assert available(watched) == 1


def test_of_a_quota_that_is_over_by_then_everybody_may_have_them() -> None:
    watched = play(
        QUOTA
        + """
        0:02 | amend #5 A 1                 | #5 CONFIRMED A 1 until 2d0:01                  | A 10/1 out 2
        0:04 | shelve #5 as eva             | #5 PICKING A 1 of 1 eva until 0:11             | A 10/1 out 3
        """,
        FIRST,
    )
    assert available(watched) == 6
    watched.wait(instant("5:01"))
    assert watched.complaints() == []
    watched = play(QUOTA + " 0:02 | release #5 | #5 RELEASED A 9 -9 back OTHER |\n 5:01 | wait | | A 10/0\n", FIRST)
    assert available(watched) == 2
    watched = play(
        QUOTA
        + " 0:02 | release #5 | #5 RELEASED A 9 -9 back OTHER |\n 5:01 | wait | | A 10/0\n"
        + " | shelve #5 as eva | #5 PUT_BACK | A 10/0\n",
        FIRST,
    )
    assert available(watched) == 10


def in_two_places(ledger: Ledger, event: Event, at_ms: int) -> object:
    """What goes to a quota once it is put back is in it at once, and apart as well."""
    answer, task = evolve(ledger, event, at_ms), ledger.picks.rows.get(getattr(event, "number", 0))
    if task is not None and task.quotas:
        for quota, sku, units in task.quotas:
            return_to_quota(ledger, quota, sku, units, at_ms)
        ledger.picks.put(replace(task, quotas=()))
    return answer


def test_a_unit_in_two_places_is_seen() -> None:
    page = QUOTA + " 0:02 | release #5 | #5 RELEASED A 9 -9 back OTHER |"
    with pytest.raises(AssertionError, match=r"compare: .*allotted"):
        play(page, FIRST, assembled(evolved=in_two_places))
    with pytest.raises(AssertionError, match=r"compare: .*I21"):
        play(page, FIRST, assembled(evolved=in_two_places))


def test_rules_that_change_leave_what_was_given_back_as_it_was() -> None:
    page = QUOTA + " 0:02 | release #5 | #5 RELEASED A 9 -9 back OTHER |"
    watched = play(page, PICKS)
    assert available(watched) == 7
    on = replace(FIRST, version=2)
    assert adopting_in_shop(watched.ledger, on).lines == ()
    watched.adopt(on, watched.ledger.time_ms)
    assert available(watched) == 7, "somebody may have been promised it"
    assert watched.complaints() == []
    watched = play(page, FIRST)
    assert available(watched) == 0
    off = replace(PICKS, version=2)
    assert adopting_in_shop(watched.ledger, off).lines == ("A",), "who follows what is available is told"
    watched.adopt(off, watched.ledger.time_ms)
    assert available(watched) == 7
    assert tasks(watched) == ["#5 TO_PUT_BACK -8 A"]
    assert [*watched.complaints(), *watched.mistold()] == []


def test_what_comes_to_be_put_back_after_somebody_has_gone_stays() -> None:
    play(
        """
        at   | said                 | answer                                           | stock
        0:00 | receive A 5, B 2     | applied 2                                        |
        0:01 | reserve ann A 2, B 2 | #3 HELD A 2, B 2 until 2:01                      |
             | confirm #3           | #3 CONFIRMED A 2, B 2 until 2d0:01               |
             | ready #3             | #3 READY A 2, B 2 until 2d0:01                   |
             | release #3 A 1       | #3 READY A 2 -1 back, B 2 OTHER until 2d0:01     |
        0:02 | release #3           | #3 RELEASED A 2 -2 back, B 2 -2 back OTHER       |
        0:03 | shelve #3 A 1 as eva | #3 TO_PUT_BACK -1 A, -2 B                        |
             | reserve bob B 1      | INSUFFICIENT_STOCK B 1 of 0                      |
             | reserve bob A 5      | INSUFFICIENT_STOCK A 5 of 4                      |
             | shelve #3 A 2 as eva | PICK_STEP_NOT_ALLOWED A 2 of 1 #3 TO_PUT_BACK    |
             | shelve #3 C 1 as eva | PICK_STEP_NOT_ALLOWED C 1 of 0 #3 TO_PUT_BACK    |
        """,
        FIRST,
    )


def no_shows(count: int) -> str:
    page = "at | said\n 0:00 | receive A 99\n" + "".join(f"0:01 | reserve c{n} A 1\n" for n in range(count))
    numbers = range(3, 3 + count)
    page += "".join(f"0:02 | confirm #{n}\n 0:02 | ready #{n}\n" for n in numbers)
    return page + "".join(f"0:03 | release #{n}\n" for n in numbers)


def test_what_nobody_reports_is_taken_for_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = play(no_shows(5) + " 7d0:02 | wait\n", FIRST)
    assert len(watched.ledger.picks.rows) == 5
    assert available(watched) == 94
    watched.wait(instant("0:03") + 7 * DAY_MS)
    assert watched.ledger.picks.rows == {}
    assert available(watched) == 99
    assert [*watched.complaints(), *watched.mistold()] == []

    for module in ("actors.shop.picking.pick_task", "actors.shop.audit.picking"):
        monkeypatch.setattr(f"{module}.PUT_BACK_MAX", 3)
    watched = play(no_shows(5) + " 0:04 | wait\n", FIRST)
    assert [task.number for task in watched.ledger.picks.rows.values()] == [5, 6, 7], "the oldest first"
    assert all(task.status is PickStatus.TO_PUT_BACK for task in watched.ledger.picks.rows.values())


def test_rules_that_are_adopted_look_at_reservations_only_where_a_shop_picks_from_now_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched = play(
        "at | said\n 0:00 | receive A 9\n 0:01 | reserve ann A 1\n | confirm #3\n | reserve bob A 1\n", PICKS
    )
    looked: list[int] = []

    class Seen(dict[int, object]):
        def values(self) -> list[object]:  # type: ignore[override]
            looked.append(len(self))
            return list(super().values())

    monkeypatch.setattr(watched.ledger, "reservations", Seen(watched.ledger.reservations))
    watched.adopt(replace(PICKS, version=2, line_may_pass=True), instant("0:02"))
    assert looked == []
    watched.adopt(replace(PICKS, version=3, picks=False), instant("0:02"))
    assert looked == []
    watched.adopt(replace(PICKS, version=4), instant("0:02"))
    assert looked == [2]
