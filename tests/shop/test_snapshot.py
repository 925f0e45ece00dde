"""A snapshot is the ledger: the same rows after JSON and back, the same from the journal alone, and it lives on."""

from itertools import pairwise

import pytest
from msgspec.structs import replace

from actors.calendar.hours import Calendar, Duty
from actors.core.overlay import Overlay
from actors.core.policy import HOUR_MS, LimitRule, Policy, TtlRule
from actors.runtime.kinds import SHOP
from actors.shop.commands import CountStock
from actors.shop.events import Event
from actors.shop.expiry import due
from actors.shop.hot.events import HotEvent
from actors.shop.invariants import check
from actors.shop.lines.events import GrantAwaited
from actors.shop.returns.sale_return import Return
from actors.shop.shortfalls.shortfall import Resolution, ResolveShortfall, key_of_move
from actors.shop.snapshot import FORMAT, Capture, Head, restore
from actors.shop.state import Reservation
from tests.shop.picked import picked
from tests.shop.scenario import play
from tests.shop.scenario_text import command_of, instant
from tests.shop.watched import Watched, through_json, written

POLICY = Policy(
    version=3,
    ttl_ms_default=HOUR_MS,
    ttl_rules=(TtlRule("app", "A", "S1", 2 * HOUR_MS), TtlRule("", "B", "", HOUR_MS)),
    limit_rules=(LimitRule("", "", 9, 50), LimitRule("app", "A", 0, 9)),
    calendar=Calendar(slot_minutes=60, staff=((Duty(0, 1440, 2),),) * 7, pickups_per_staff_hour=1),
)

# Everything that can happen: all kinds of event, every status, every kind of remembered answer.
EVERYTHING = """
    at   | said
    0:00 | receive A 20, B 20, C 5 from wms
    0:01 | safety B 2
    0:02 | reserve ann A 2, B 1, A 1 basket b
    0:03 | reserve ann A 2, B 1 basket b
    0:04 | confirm #6 within 3d
    0:05 | ready #6
    0:06 | collect #6 A 1 paid card
    0:07 | reserve bob C 5 via app basket c
    0:08 | reserve bob A 9
    0:09 | extend #11 for 5h
    0:10 | release #11 A 3 because NO_SHOW
    0:11 | collect #11
    0:12 | reserve cy Z 1
    0:13 | reserve cy A 99, B 99
    0:14 | reserve dee A 1 for 1m
    0:15 | wait
    0:16 | confirm #17
    0:17 | sell C 4 from till
    0:18 | reserve eve B 3
    0:19 | count A 1, B 9 as of 0:17 without holds
    0:20 | sell A 1 from till row 1
    0:21 | release #6
    0:22 | reserve fay B 1 basket f
    0:23 | receive A 20, B 20
    0:24 | amend #27 B 2 slot 9:00
    0:25 | amend #27 B 99
    0:26 | claim o1 gil A 2, B 1 slot 9:00
    0:27 | claim o2 gil A 1
    0:28 | claim o3 gil A 99
    0:29 | apply o1 2 CONFIRMED until 3d0:00 keep A 1, B 1
    0:30 | apply o2 1 RELEASED
    0:31 | apply o4 1 RELEASED
    0:32 | claim o5 hal A 3
    0:33 | apply o5 1 HELD until 2d0:00
    0:34 | collect #37 A 1
    0:35 | collect #31 A 1
    0:36 | acknowledge #37 39
    0:37 | reserve ida A 1 slot 10:00
    0:38 | receive D 9
    0:39 | allot till:7 D 2 for 1h
    0:40 | allot channel:app D 6 for 9h
    0:41 | prolong #45 for 2h
    0:42 | reserve jo D 3 via app
    0:43 | give #48 to t7 for 1h
    0:44 | sell D 2 from wms
    0:45 | allot till:8 B 1 for 1m
    0:46 | wait
    0:47 | allot channel:web B 1 for 1h
    0:48 | end #54
    0:49 | reserve kim Z 1
    0:49 | propose S2 A 1
    0:49 | propose S2 B 1
    0:49 | propose S3 A 1
    0:49 | send #57
    0:49 | noted #57
    0:49 | close #57 A 1
    0:49 | cancel #58
    0:49 | advise S9:T4 A 3
    0:49 | advise S9:T5 A 3
    0:49 | arrive S9:T4 A 2
    0:49 | propose S2 A 1
    0:49 | send #67
    0:50 | receive E 1
    0:50 | reserve jo E 2 waiting 9h
    0:50 | reserve kim E 1 for 1m waiting 9h
    0:50 | reserve lea E 1 waiting 9h
    0:51 | release #70
    0:53 | wait
"""


def lived() -> Watched:
    return with_a_loss(play(EVERYTHING, POLICY))


def with_a_loss(watched: Watched) -> Watched:
    """Then the rule lets losers wait, one does, and somebody is told of an earlier loss; goods come back; and the shop
    picks.
    """
    now_ms = watched.ledger.time_ms
    watched.adopt(replace(POLICY, version=POLICY.version + 1, losers_wait=True), now_ms)
    watched.say(CountStock("lost", (("E", 0),), 0, True), now_ms)
    task = next(iter(watched.ledger.tasks.open))
    watched.say(ResolveShortfall(key_of_move("moved"), task, Resolution.MOVED, "S2"), now_ms)
    watched.say(ResolveShortfall("told", task, Resolution.RELEASED), now_ms)
    for number in (37, 31):
        watched.say(Return(f"back {number}", number, (("A", 1),), refund_reference="r1"), now_ms)
    return picked(watched)


def test_the_life_has_every_kind_of_event() -> None:
    of_others = {*HotEvent.__args__, GrantAwaited}  # of which test_hot_machine and test_line_grants have a life
    assert {type(record.event) for record in lived().records} == set(Event.__args__) - of_others


def test_the_same_rows_after_json_and_back() -> None:
    ledger = lived().ledger
    rows = written(Capture(ledger))
    again = restore(through_json(Capture(ledger)))
    assert written(Capture(again)) == rows
    assert check(again) == []
    assert Capture(again).state_hash() == Capture(ledger).state_hash()


def test_the_same_rows_from_the_journal_alone() -> None:
    watched = lived()
    replayed = watched.replayed()
    assert written(Capture(replayed)) == written(Capture(watched.ledger))
    assert Capture(replayed).state_hash() == Capture(watched.ledger).state_hash()


def test_indexes_are_rebuilt() -> None:
    ledger = lived().ledger
    again = restore(through_json(Capture(ledger)))
    for name in (
        "baskets",
        "customers",
        "open_reservations",
        "source_marks",
        "holders",
        "outbox",
        "parts_in_slots",
        "slots_taken",
        "transfers",
        "time_ms",
        "version",
    ):
        assert getattr(again, name) == getattr(ledger, name), name
    assert (again.finished.least, again.finished.table.versions()) == (
        ledger.finished.least,
        ledger.finished.table.versions(),
    )
    assert again.policy == ledger.policy
    end_ms = ledger.time_ms + 30 * 24 * HOUR_MS
    assert [event.number for event in due(again, end_ms)] == [event.number for event in due(ledger, end_ms)]


def test_a_snapshot_knows_where_all_answers_are() -> None:
    ledger = lived().ledger
    again = restore(through_json(Capture(ledger)))
    assert ledger.answers.refused.versions() == again.answers.refused.versions() != []
    assert ledger.answers.made.versions() == again.answers.made.versions() != []


@pytest.mark.parametrize("restart_at", range(1, len(EVERYTHING.strip().splitlines())))
def test_a_restart_at_any_line_changes_nothing(restart_at: int) -> None:
    heading, *lines = EVERYTHING.strip().splitlines()
    at = lines[restart_at - 1].split("|")[0]
    page = "\n".join([heading, *lines[:restart_at], f"{at} | restart", *lines[restart_at:]])
    restarted = with_a_loss(play(page, POLICY))
    straight = lived()
    # A restart is a line of its own, so the keys of the lines after it are other keys; the stock knows no keys.
    assert restarted.stock() == straight.stock()
    assert len(restarted.records) == len(straight.records)
    for mine, its in zip(restarted.ledger.reservations.values(), straight.ledger.reservations.values(), strict=True):
        assert mine == its


def test_a_capture_is_of_its_moment() -> None:
    """Rows may be read long after: what the ledger did in between is not in them."""
    watched = lived()
    rows = written(Capture(watched.ledger))
    capture = Capture(watched.ledger)
    capture.freeze()
    for index, text in enumerate(["reserve zoe B 1", "receive A 5", "count A 5, B 5", "safety A 1", "reserve zed A 4"]):
        watched.say(command_of(text, f"later {index}"), instant("0:30"))
    watched.wait(instant("3d0:00"))
    assert written(capture) == rows
    assert capture.version == restore(through_json(capture)).version < watched.ledger.version
    while not capture.thaw(1):
        assert watched.complaints() == []
    assert not isinstance(watched.ledger.positions, Overlay)
    assert watched.complaints() == []


def test_reservations_come_by_number_and_answers_by_day() -> None:
    capture = Capture(lived().ledger)
    numbers = [row.number for row in capture.rows() if isinstance(row, Reservation)]
    assert all(first < second for first, second in pairwise(numbers))


def test_another_format_is_refused() -> None:
    head, *rows = through_json(Capture(lived().ledger))
    assert isinstance(head, Head)
    with pytest.raises(ValueError, match="format"):
        restore([replace(head, format=FORMAT + 1), *rows])
    with pytest.raises(ValueError, match="format"):
        restore(rows)
    with pytest.raises(ValueError, match="second head"):
        restore([head, *rows, head])


def test_a_row_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="surprise"):
        SHOP.read_rows(b'[["surprise",1]]')
