"""Every event names the positions that it changed, and has its call's answer. For each event of every scenario
(`watched.py`) and of every random history, that is compared with what changed, and with what applying it answers; here,
that all kinds come up, and that a wrong name or answer is seen.
"""

from typing import Any, get_args

import pytest
from msgspec.structs import replace

from actors.core.policy import Policy
from actors.shop import events as ev
from actors.shop.commands import CountStock
from actors.shop.events import touched_skus
from actors.shop.hot.events import HotEvent
from actors.shop.lines.events import GrantAwaited
from tests.shop.hot_world import SKU, World
from tests.shop.picked import picked
from tests.shop.scenario import play
from tests.shop.scenario_text import command_of
from tests.shop.test_hot_line import opened, queued
from tests.shop.test_hot_quota import QuotaWorld

PAGE = """
    at   | said                        | events
    0:00 | receive A 5, B 5            | StockAdjusted
    0:01 | reserve ann A 3, A 1        | Reserved
    0:01 | reserve bob A 9             | Refused
    0:02 | amend #2 A 1, B 2           | Amended
    0:02 | amend #2 B 2, A 1 for 5h    | Amended
    0:03 | extend #2 for 1h            | Extended
    0:03 | confirm #2                  | Confirmed
    0:04 | ready #2                    | ReadyMarked
    0:05 | collect #2 B 1              | Collected
    0:05 | collect #2                  | Collected
    0:06 | claim o1 ann A 2, B 1       | Claimed
    0:07 | apply o1 1 HELD until 2:00   | OutcomeApplied HELD
    0:08 | collect #11 A 1             | Collected
    0:08 | acknowledge #11 13          | Acknowledged
    0:09 | apply o1 2 RELEASED          | OutcomeApplied RELEASED
    0:10 | reserve cy A 1, B 1         | Reserved
    0:11 | release #16 A 1             | Released OTHER
    2:30 | wait                        | Expired
    2:31 | reserve di A 2              | Reserved
    2:32 | sell A 3                    | StockAdjusted, ShortfallDeclared, Released SHORTFALL
    2:33 | receive A 9                 | StockAdjusted
    2:34 | allot till:7 A 2            | Allotted
    2:34 | allot channel:app A 6       | Allotted
    2:35 | prolong #24 for 2h          | AllotmentExtended
    2:36 | reserve bob A 3 via app     | QuotaDrawn, Reserved
    2:37 | give #28 to t7              | Given
    2:38 | sell A 2                    | StockAdjusted, AllotmentShrunk
    2:39 | end #25                     | AllotmentReturned
    4:36 | wait                        | AllotmentExpired, Expired
    4:40 | receive A 5, B 5            | StockAdjusted
    4:41 | propose S2 A 1, B 2, A 1    | TransferProposed
    4:42 | propose S2 A 1              | TransferProposed
    4:43 | send #36                    | TransferSent
    4:44 | cancel #37                  | TransferCancelled
    4:45 | noted #36                   | TransferAdvised
    4:46 | close #36 A 2, B 2          | TransferClosed
    4:47 | advise S9:T4 A 1, D 1       | TransferExpected
    4:48 | arrive S9:T4 A 1            | TransferReceived
    4:49 | close S9:T4                 | TransferClosed
    9:00 | receive D 1                 | StockAdjusted
    9:00 | reserve ed D 4 waiting 3h   | Queued
    9:00 | reserve fi D 1 waiting 3h   | Queued
    9:00 | release #46                 | Left OTHER, Served
   11:00 | wait                        | PassedOver, Served
   11:01 | resolve #22 MOVED           | MoveBegun
   11:01 | resolve #22 RELEASED        | ShortfallResolved
   11:02 | return #2 B 2 broken B 1    | Returned
   11:02 | return #2 A 1 broken A 1    | Returned
"""


def test_every_kind_of_event_tells_what_it_changed() -> None:
    watched = picked(play(PAGE))
    for event in (ev.StockCounted("c", "", 0, (("A", 4), ("C", 0)), 0, ()), ev.SafetyStockSet("s", "", (("A", 1),))):
        watched._journal([event], watched.ledger.time_ms)
    watched.adopt(Policy(version=3, losers_wait=True), watched.ledger.time_ms)
    watched.say(CountStock("l", (("D", 0),), 0, True), watched.ledger.time_ms)
    assert watched.mistold() == []
    of_others = {*get_args(HotEvent), GrantAwaited}  # see below, and test_line_grants
    assert {type(record.event) for record in watched.records} == set(get_args(ev.Event)) - of_others


@pytest.mark.parametrize("free", [0, 2])
def test_rules_for_lines_tell_what_they_keep(free: int) -> None:
    """No more than that: of a line whose position is empty nothing is another, nor where the rule stays."""
    page = ["receive A 2, B 1", "reserve ann A 3 waiting 3h", "reserve bob B 1", "reserve cy B 1 waiting 3h"]
    watched = play("at | said\n" + "\n".join(f"0:0{at} | {said}" for at, said in enumerate(page)))
    if not free:
        watched.say(CountStock("c", (("A", 0),), 0, True), watched.ledger.time_ms)
    told = []
    for version, may_pass in enumerate((True, True, False), 2):
        watched.adopt(Policy(version=version, line_may_pass=may_pass), watched.ledger.time_ms)
        told.append(touched_skus(watched.records[-1].event))
    assert told == [("A",) if free else (), (), ("A",) if free else ()]
    assert watched.mistold() == []


def test_so_does_every_kind_of_event_of_a_hot_sku() -> None:
    world = World()
    world.stock("S1", SKU, 4)
    world.turn()
    for ledger_id in world.ledgers:
        world.adopt(ledger_id)
    world.move(world.reserve("S1", 2, first_at_hot=False).number)
    world.give_back("S1")
    world.ledgers["S1"].restart()
    world.reuse(0)
    line, quota = opened(), QuotaWorld()
    queued(line)
    for _ in range(2):
        quota.buy("app")
    ledgers = [watched for each in (world, line, quota) for watched in each.ledgers.values()]
    assert [each for watched in ledgers for each in watched.mistold()] == []
    assert {type(record.event) for watched in ledgers for record in watched.records} >= set(get_args(HotEvent))


def test_an_amendment_names_what_it_gave_back_and_what_it_took_more_of() -> None:
    amended = ev.Amended("k", "", 2, (("A", 1), ("B", 1), ("A", 1), ("D", 4)), 0, 0, (("A", 2), ("B", 2), ("C", 1)))
    assert sorted(touched_skus(amended)) == ["B", "C", "D"]


@pytest.mark.parametrize(
    "kind",
    [
        "Amended",
        "Claimed",
        "OutcomeApplied",
        "Reserved",
        "StockAdjusted",
        "Expired",
        "TransferProposed",
        "TransferSent",
        "TransferCancelled",
        "TransferReceived",
        "PolicyAdopted",
    ],
)
def test_a_branch_that_keeps_silent_is_seen(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = play(PAGE)
    watched.say(command_of("reserve gus D 9 waiting 1h", "g"), watched.ledger.time_ms)
    watched.say(command_of("receive D 1", "d"), watched.ledger.time_ms)
    watched.adopt(Policy(version=2, line_may_pass=True), watched.ledger.time_ms)

    def silent(event: ev.Event) -> tuple[str, ...]:
        return () if type(event).__name__ == kind else touched_skus(event)

    monkeypatch.setattr("tests.shop.watched.touched_skus", silent)
    assert watched.mistold()
    assert all(kind in complaint for complaint in watched.mistold())


@pytest.mark.parametrize("kind", get_args(ev.Answering))
def test_an_answer_that_applying_the_event_does_not_give_is_seen(kind: type[ev.Answering]) -> None:
    watched = picked(play(PAGE))
    place, record = next(
        (place, record) for place, record in enumerate(watched.records) if isinstance(record.event, kind)
    )
    assert isinstance(record.event, kind)
    assert record.event.answer is not None
    answer: Any = record.event.answer
    other = replace(answer, version=answer.version + 1)
    watched.records[place] = record._replace(event=replace(record.event, answer=other))
    [complaint] = [each for each in watched.mistold() if each.startswith("answer: ")]
    assert complaint.startswith("answer: ")
