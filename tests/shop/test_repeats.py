"""A retry is the same sentence said twice: the first answer again, word for word, whatever has happened since."""

import tracemalloc
from hashlib import blake2b
from itertools import pairwise
from typing import SupportsIndex

import pytest
from msgspec.structs import replace

from actors.core import answers, packed
from actors.core.answers import Answers, Recorded
from actors.core.policy import DAY_MS, HOUR_MS, Policy
from actors.core.rejection import Reason, Rejection
from actors.core.transact import Refused
from actors.shop.commands import Command, Reserve
from actors.shop.events import Reserved
from actors.shop.evolve import evolve
from actors.shop.snapshot import Capture, restore
from actors.shop.state import Ledger
from tests.shop.scenario import play
from tests.shop.scenario_text import MINUTE_MS, answer_text, command_of, instant
from tests.shop.watched import DAY_ZERO_MS, Watched, through_json, written

SETTING = """
    at      | said
    0:00:30 | receive A 9, B 9
    0:01    | reserve ann A 3 basket b
    0:02    | reserve bob A 2, B 2
    0:03    | confirm #3
"""

# A command, what happens after it, and the same key with other content.
ACCEPTED = {
    "reserve": ("reserve cy A 2 basket c", "reserve cy A 1 basket c", "reserve cy A 3 basket c"),
    "reserve of another customer": ("reserve cy A 2", "release #5", "reserve dee A 2"),
    "reserve through another channel": ("reserve cy A 2", "confirm #5", "reserve cy A 2 via app"),
    "reserve for another basket": ("reserve cy A 2", "collect #5", "reserve cy A 2 basket x"),
    "reserve for another time": ("reserve cy A 2", "extend #5 for 9h", "reserve cy A 2 for 2h"),
    "reserve lines in another sequence": ("reserve cy A 1, B 1", "release #5 A 1", "reserve cy B 1, A 1"),
    "confirm": ("confirm #2", "collect #2", "confirm #2 within 1h"),
    "confirm of another": ("confirm #2", "release #2", "confirm #3"),
    "ready": ("ready #3", "collect #3", "ready #2"),
    "collect": ("collect #3", "sell A 1 from till", "collect #3 paid p2"),
    "collect by line": ("collect #3 A 1", "collect #3", "collect #3 A 2"),
    "release": ("release #2", "reserve cy A 3", "release #2 because FRAUD"),
    "release by line": ("release #2 A 1", "release #2", "release #2"),
    "extend": ("extend #2 for 5h", "confirm #2", "extend #2 for 6h"),
    "adjust": ("sell A 1 from till row 1", "count A 2", "sell A 2 from till row 1"),
    "adjust, another source": ("sell A 1 from till row 1", "sell A 1 from till row 2", "sell A 1 from other row 1"),
    "adjust with a shortfall": ("sell A 7 from till row 1", "receive A 5", "sell A 8 from till row 1"),
    "count": ("count A 7", "sell A 1", "count A 8"),
    "count, holds left out": ("count A 7", "sell A 1", "count A 7 without holds"),
    "count as of an instant": ("count A 7 as of 0:04", "sell A 1", "count A 7 as of 0:05"),
    "safety stock": ("safety A 1", "safety A 0", "safety A 2"),
}
REFUSED = {
    "reserve": ("reserve cy A 5", "release #2", "reserve cy A 4"),
    "reserve of what is not stocked": ("reserve cy Z 1", "receive Z 5", "reserve cy A 1"),
    "reserve of a confirmed basket": ("reserve bob Z 1 for 8d", "receive Z 5", "reserve bob A 1"),
    "confirm": ("confirm #3", "ready #3", "confirm #2"),
    "confirm of none": ("confirm #6", "reserve cy A 1", "confirm #7"),
    "ready": ("ready #2", "confirm #2", "ready #3"),
    "collect": ("collect #2 A 4", "release #2 A 1", "collect #2 A 3"),
    "release": ("release #2 B 1", "release #2", "release #2 A 1"),
    "extend": ("extend #2 for 8d", "extend #2 for 1h", "extend #2 for 1d"),
    "count": ("count A 5 as of 0:00", "count A 5", "count A 5 as of 0:05"),
}
CASES = [
    *(pytest.param(*texts, "7d23:59", id=f"accepted: {name}") for name, texts in ACCEPTED.items()),
    *(pytest.param(*texts, "0:20", id=f"refused: {name}") for name, texts in REFUSED.items()),
]


def said(text: str, key: str) -> Command:
    return command_of(text, key)


@pytest.mark.parametrize(("first", "since", "other", "last"), CASES)
def test_first_answer_again(first: str, since: str, other: str, last: str) -> None:
    watched = play(SETTING)
    answered = watched.say(said(first, "k"), instant("0:10"))
    assert answered.events
    assert not answered.repeated
    word_for_word = answer_text(answered.answer)
    for later, restart in (("0:10", False), ("0:11", False), ("0:12", True), ("0:19", False), (last, True)):
        if later == "0:11":
            assert watched.say(said(since, "since"), instant("0:11")).events
        if restart:
            watched.restart()
        watched.wait(instant(later))
        records = len(watched.records)
        again = watched.say(said(first, "k"), instant(later))
        assert again.repeated
        assert again.events == ()
        assert again.answer == answered.answer
        assert answer_text(again.answer) == word_for_word
        assert len(watched.records) == records
    assert watched.complaints() == []


@pytest.mark.parametrize(("first", "since", "other", "last"), CASES)
def test_other_content_under_the_key_is_refused_without_effect(first: str, since: str, other: str, last: str) -> None:
    watched = play(SETTING)
    answered = watched.say(said(first, "k"), instant("0:10"))
    before = watched.stock()
    records = len(watched.records)
    # other content, another command, and again after the state has moved on
    for text in (other, "safety B 1" if first.startswith("count") else "count B 9", other):
        told = watched.say(said(text, "k"), instant("0:10"))
        assert answer_text(told.answer).startswith("IDEMPOTENCY_KEY_REUSED")
        assert told.events == ()
    assert (watched.stock(), len(watched.records)) == (before, records)
    again = watched.say(said(first, "k"), instant("0:11"))
    assert again.answer == answered.answer
    assert watched.complaints() == []


def test_two_keys_are_two_intents() -> None:
    play("""
        at   | said                | answer                         | stock
        0:00 | k0: receive A 9     | applied 1                      | A 9/0
        0:01 | k1: reserve ann A 3 | #2 HELD A 3 until 2:01         | A 9/3
        0:02 | k2: reserve ann A 3 | #3 HELD A 3 until 2:02         | A 9/6
        0:03 | k1: reserve ann A 3 | #2 HELD A 3 until 2:01 (again) | A 9/6
    """)


def test_a_retry_after_the_deadline_is_answered_as_it_was() -> None:
    """The caller asks what was answered, not how it stands; the answer's deadline says how long it was good for."""
    play("""
        at   | said                | answer                                 | events
        0:00 | receive A 1         | applied 1                              | StockAdjusted
        0:01 | k1: reserve ann A 1 | #2 HELD A 1 until 2:01                 | Reserved
        9:00 | k1: reserve ann A 1 | #2 HELD A 1 until 2:01 (again)         | Expired
        9:01 | k2: confirm #2      | RESERVATION_EXPIRED #2 EXPIRED         | Refused
        9:02 | k2: confirm #2      | RESERVATION_EXPIRED #2 EXPIRED (again) |
    """)


def remembering(days: int, policy: Policy | None = None) -> tuple[Watched, Reserve]:
    """A reservation of day 0 that ended the same day, and a ledger that has lived on for some days."""
    watched = Watched(policy)
    watched.say(said("receive A 900", "stock"), DAY_ZERO_MS)
    command = said("reserve ann A 1", "k")
    assert isinstance(command, Reserve)
    watched.say(command, DAY_ZERO_MS)
    for day in range(1, days + 1):
        watched.say(said("safety A 0", f"day {day}"), DAY_ZERO_MS + day * DAY_MS)
    return watched, command


def test_answers_outlive_the_longest_hold_by_a_day() -> None:
    watched, command = remembering(days=8)
    assert watched.say(command, DAY_ZERO_MS + 8 * DAY_MS).repeated
    assert watched.complaints() == []


def test_after_that_they_are_forgotten_and_with_them_the_ended_reservation() -> None:
    watched, command = remembering(days=10)
    number = next(
        record.version
        for record in watched.records
        if isinstance(record.event, Reserved) and record.event.command.key == "k"
    )
    assert not watched.ledger.finished.version_of(number)
    told = watched.say(said(f"confirm #{number}", "late"), watched.ledger.time_ms)
    assert answer_text(told.answer) == f"RESERVATION_NOT_FOUND #{number}"
    anew = watched.say(command, watched.ledger.time_ms)
    assert not anew.repeated
    assert watched.complaints() == []


def test_a_refusal_is_forgotten_once_no_copy_of_its_call_can_arrive() -> None:
    play("""
        at      | said                | answer                              | events
        0:00    | receive A 1         | applied 1                           | StockAdjusted
        0:01    | k1: reserve ann A 2 | INSUFFICIENT_STOCK A 2 of 1         | Refused
        0:02    | receive A 1         | applied 1                           | StockAdjusted
        0:11:59 | safety A 0          | applied 1                           | SafetyStockSet
        0:12    | k1: reserve ann A 2 | INSUFFICIENT_STOCK A 2 of 1 (again) |
        0:12    | safety A 0          | applied 1                           | SafetyStockSet
        0:12    | k1: reserve ann A 2 | #6 HELD A 2 until 2:12              | Reserved
        7d0:00  | k1: reserve ann A 2 | #6 HELD A 2 until 2:12 (again)      | Expired
    """)


def test_whoever_is_refused_all_day_fills_nothing() -> None:
    """A bot that asks for what is sold out, each time with a fresh key, costs a shop ten minutes of its refusals, and
    the longest pause is that of a few keys. Half of them come within a minute.
    """
    ledger, refused = Ledger("S1"), Rejection(Reason.INSUFFICIENT_STOCK, short_lines=(("A", 1, 0),))
    count, most, longest, kept = 20_000, 0, 0, 0
    for number in range(count):
        at_ms = DAY_ZERO_MS + (number if number < count // 2 else (number - count // 2) * 2 * DAY_MS // count)
        evolve(ledger, Refused(f"k{number}", "f" * 24, "Reserve", replace(refused, sku="A")), at_ms)
        longest = max(longest, kept + 1 - ledger.answers.count)
        kept = ledger.answers.count
        most = max(most, kept)
        if number == count // 2 + count // 8:
            assert len(ledger.answers.refused.versions()) < count // 2 * 11 / 1_440 + 1
            assert kept < 200, "what is not found any more uses no more memory than that"
    assert most < count // 2 + count // 2 * 11 / 1_440 + 1
    assert longest <= packed.PRUNED_A_STEP * 3 * packed.BUCKET_ENTRIES
    assert ledger.answers.made.count == 0
    again = restore(through_json(Capture(ledger)))
    assert written(Capture(again)) == written(Capture(ledger))
    assert again.answers.refused.versions() == ledger.answers.refused.versions()


def test_what_was_accepted_costs_24_bytes_however_much_there_is() -> None:
    """Also what a step answered: about a reservation that was made before."""
    made = Answers[object]().made
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(30_000):
            made.put(packed.hash_of(f"key {number}"), number + 1, DAY_ZERO_MS, number // 2)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (made.count, made.find(packed.hash_of("key 7"))) == (30_000, [8])
    assert (after - before) / 30_000 <= 24


class Buckets(list[bytearray]):
    """Buckets of which each look counts."""

    looks = 0

    def __getitem__(self, place: SupportsIndex) -> bytearray:  # type: ignore[override]
        self.looks += 1
        return super().__getitem__(place)


@pytest.mark.parametrize("days", [0, 8])
def test_a_new_key_is_looked_for_once_however_many_days_are_remembered(days: int) -> None:
    answers = remembering(days)[0].ledger.answers
    buckets = answers.made.places = Buckets(answers.made.places)
    assert answers.get("a new key") is None
    assert buckets.looks == 1


def test_a_refusal_costs_24_bytes_however_many_there_are() -> None:
    answers, refused = Answers[object](), Recorded("f" * 24, 1, Rejection(Reason.INSUFFICIENT_STOCK))
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(30_000):
            answers.refuse(f"key {number}", replace(refused, version=number + 1), DAY_ZERO_MS)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answers.count == 30_000
    assert (after - before) / 30_000 <= 24
    assert answers.refused.find(packed.hash_of("key 7")) == [8]
    answers.forget(DAY_ZERO_MS + DAY_MS, 9 * DAY_MS)
    assert not answers.refused.find(packed.hash_of("key 7"))


def test_keys_of_one_hash_have_their_own_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can tell them apart by the index: what the events say decides."""
    same = blake2b()
    for module in (packed, answers):
        monkeypatch.setattr(module, "md5", lambda _: same)
    watched = play("""
        at   | said
        0:00 | receive A 1
        0:01 | k1: reserve ann A 2
        0:01 | k2: reserve bob A 3
        0:01 | k3: reserve cid A 1
    """)
    texts = [
        answer_text(watched.say(said(f"reserve {text}", key), instant("0:02")).answer)
        for key, text in (("k1", "ann A 2"), ("k2", "bob A 3"), ("k3", "cid A 1"), ("k4", "dan A 1"))
    ]
    assert texts == [
        "INSUFFICIENT_STOCK A 2 of 1",
        "INSUFFICIENT_STOCK A 3 of 1",
        "#4 HELD A 1 until 2:01",
        "INSUFFICIENT_STOCK A 1 of 0",
    ]
    assert watched.complaints() == []


def test_a_longer_policy_remembers_longer() -> None:
    watched, command = remembering(days=20, policy=Policy(version=1, ttl_ms_max=30 * DAY_MS))
    assert watched.say(command, watched.ledger.time_ms).repeated


def test_a_reservation_that_lives_on_is_never_forgotten() -> None:
    watched, _ = remembering(days=0)
    held = watched.ledger.version
    for week in range(5):
        watched.say(said(f"extend #{held} for 7d", f"week {week}"), DAY_ZERO_MS + (week * 7 * DAY_MS * 9 // 10))
    watched.say(said(f"collect #{held}", "end"), watched.ledger.time_ms + 6 * DAY_MS)
    assert watched.ledger.positions["A"].sold == 1
    assert watched.complaints() == []


@pytest.mark.parametrize("extended", [True, False])
def test_a_key_is_remembered_as_long_as_what_it_made_is_live(extended: bool) -> None:
    """Though the policy was shortened after it was reserved, or the hold was extended beyond what the policy remembers:
    else a repeat would take a second hold.
    """
    watched = Watched(Policy(version=1))
    watched.say(said("receive A 9", "stock"), DAY_ZERO_MS)
    command = said("reserve ann A 2 for 7d", "k")
    watched.say(command, DAY_ZERO_MS)
    number = watched.ledger.version
    watched.say(said("reserve bob A 1 for 1h", "gone"), DAY_ZERO_MS)
    collected = said(f"collect #{number} A 1", "some")
    watched.say(collected, DAY_ZERO_MS)
    if not extended:
        watched.adopt(Policy(version=2, ttl_ms_max=HOUR_MS), DAY_ZERO_MS + DAY_MS)
    for day in range(1, 20 if extended else 7):
        step = f"extend #{number} for 7d" if extended else "safety A 0"
        watched.say(said(step, f"day {day}"), DAY_ZERO_MS + day * DAY_MS)
    assert watched.say(command, watched.ledger.time_ms).repeated
    assert watched.say(collected, watched.ledger.time_ms).repeated
    assert watched.ledger.answers.get("gone") is None
    assert watched.complaints() == []
    for day in range(27, 60):
        watched.say(said("safety A 0", f"day {day}"), DAY_ZERO_MS + day * DAY_MS)
    assert watched.ledger.answers.get("k") is watched.ledger.answers.get("some") is None
    assert watched.complaints() == []


def test_a_key_outlives_what_it_made_by_a_day() -> None:
    """Though the hold was extended until an hour before its key is due to be forgotten."""
    watched = Watched(Policy(version=1))
    watched.say(said("receive A 9", "stock"), DAY_ZERO_MS)
    command = said("reserve ann A 1 for 7d", "k")
    watched.say(command, DAY_ZERO_MS)
    number = watched.ledger.version
    for day, text in ((6, "for 7d"), (9, "for 7d"), (11, "for 167h")):
        watched.say(said(f"extend #{number} {text}", f"day {day}"), DAY_ZERO_MS + day * DAY_MS)
    ended_ms = DAY_ZERO_MS + 18 * DAY_MS - HOUR_MS
    for later_ms in (2 * HOUR_MS, DAY_MS - 1):
        watched.say(said("safety A 0", f"later {later_ms}"), ended_ms + later_ms)
        assert answer_text(
            watched.say(said(f"confirm #{number}", f"{later_ms}"), ended_ms + later_ms).answer
        ).startswith("RESERVATION_EXPIRED")
        assert watched.say(command, ended_ms + later_ms).repeated
    assert watched.complaints() == []


def test_forgetting_is_spread_over_events() -> None:
    watched = Watched()
    watched.say(said("receive A 900", "stock"), DAY_ZERO_MS)
    count = 3 * packed.PRUNED_A_STEP * packed.BUCKET_ENTRIES
    for index in range(count):
        watched.say(said("reserve ann A 1 for 1m", f"k{index}"), DAY_ZERO_MS)
    watched.wait(DAY_ZERO_MS + DAY_MS)
    finished = watched.ledger.finished.table
    kept = [finished.count]
    for index in range(5):
        watched.say(said("safety A 0", f"later {index}"), DAY_ZERO_MS + 12 * DAY_MS)
        assert watched.all_known() == [], "nobody hears of it any more"
        kept.append(finished.count)
    assert kept[0] == count
    assert all(before - after <= packed.PRUNED_A_STEP * 3 * packed.BUCKET_ENTRIES for before, after in pairwise(kept))
    assert kept[-1] == 0
    assert watched.ledger.answers.made.versions() == [watched.ledger.version - 4 + each for each in range(5)]
    assert watched.complaints() == []


def test_a_reused_key_is_refused_in_the_same_words_whatever_the_command() -> None:
    watched = play(SETTING)
    watched.say(said("safety B 3", "k"), instant("0:10"))
    for first, _, _ in ACCEPTED.values():
        told = watched.say(said(first, "k"), instant("0:10"))
        assert told.answer == Recorded("", 0, Rejection(Reason.IDEMPOTENCY_KEY_REUSED))


def test_whoever_is_refused_all_day_fills_no_shop_that_granted_its_part() -> None:
    """Claims that were let go of are forgotten as refusals are, and those of orders that go on are not."""
    watched, count = Watched(), 200
    watched.say(said("receive A 900", "stock"), DAY_ZERO_MS)
    for number in range(count):
        watched.say(said(f"claim o{number}.1 ann A 1 called k{number}", "-"), DAY_ZERO_MS + 1)
        outcome = "HELD until 7d0:00" if number % 50 == 7 else "RELEASED"
        watched.say(said(f"apply o{number}.1 1 {outcome}", "-"), DAY_ZERO_MS + 2)
    watched.say(said("claim p.1 ann A 1 called open", "-"), DAY_ZERO_MS + 3)
    for index in range(20):
        watched.say(said("safety A 0", f"later {index}"), DAY_ZERO_MS + 11 * MINUTE_MS + index)
    answers = watched.ledger.answers
    assert answers.made.count == 1 + 20 + 2 * count // 50
    assert answers.refused.count == 2, "of the one that is undecided"
    watched.restart()
    for key in ("k7", "open"):
        told = watched.say(said("reserve ann A 1", key), watched.ledger.time_ms)
        assert told.answer == Recorded("", 0, Rejection(Reason.IDEMPOTENCY_KEY_REUSED))
    assert not watched.say(said("reserve ann A 1", "k8"), watched.ledger.time_ms).repeated
    assert watched.complaints() == []
