"""The store actor without Ray: every call that a gateway makes of it."""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from actors import store_actor
from actors.calendar.hours import Calendar, Slot
from actors.core.policy import DAY_MS, HOUR_MS, Policy
from actors.core.rejection import Reason
from actors.core.status import FINAL, Status
from actors.journal.port import Fenced, JournalError, Record
from actors.protocol.formats import NEWEST
from actors.protocol.messages import (
    RULES_ARE_STALE,
    Held,
    Late,
    Moved,
    Refusal,
    pack_batch,
    unpack_answers,
)
from actors.runtime.kinds import SHOP
from actors.shop.lines import estimates
from actors.shop.lines.estimates import Estimate
from actors.shop.state import Ledger
from actors.store_actor import page_by_number
from tests.journal.storages import Storage
from tests.runtime.runtime_fixture import WAIT_S, ManualClock
from tests.runtime.shop import Shop, chain_document
from tests.shop.scenario_text import command_of
from tests.waiting import until


@pytest.fixture
def shop(storage: Storage, clock: ManualClock) -> Iterator[Shop]:
    """An actor with ten of A, and one hold."""
    shop = Shop(storage.open(), clock)
    shop.say("receive A 10", "r1")
    shop.say("reserve ann A 2", "k1")
    yield shop
    shop.actor.close()


def test_step_answers_each_entry_in_its_place(shop: Shop) -> None:
    lines = [("S1", "reserve bob A 3"), ("S2", "receive B 5"), ("S1", "reserve cid A 99"), ("S2", "reserve ann B 1")]
    entries = [(store_id, command_of(text, f"m{place}")) for place, (store_id, text) in enumerate(lines)]
    held, moved, refused, other = unpack_answers(shop.actor.step(pack_batch(1, entries)))
    assert held == Held(4, shop.clock.now_ms(), shop.clock.now_ms() + 2 * HOUR_MS)
    assert isinstance(moved, Moved)
    assert moved.outcome.applied == 1
    assert isinstance(refused, Refusal)
    assert (refused.version, refused.rejection.reason) == (5, Reason.INSUFFICIENT_STOCK)
    assert isinstance(other, Held)
    assert other.number == 3  # after the policy and the receipt


def test_a_step_by_newer_rules_waits_for_them(shop: Shop) -> None:
    entry = ("S1", command_of("reserve bob A 1", "k2"))
    before = shop.actor.status("S1")["version"]
    assert shop.actor.step(pack_batch(2, [entry])) == RULES_ARE_STALE
    assert shop.actor.status("S1")["version"] == before

    shop.actor.adopt(chain_document(2, Policy(version=2, ttl_ms_default=HOUR_MS)))
    (answer,) = unpack_answers(shop.actor.step(pack_batch(2, [entry])))
    assert isinstance(answer, Held)
    assert answer.expires_at_ms - answer.created_at_ms == HOUR_MS
    assert shop.actor.status("S1")["policy_version"] == 2


def test_a_refusal_says_whether_it_was_given_before_also_by_another_owner(storage: Storage, clock: ManualClock) -> None:
    later = Shop(storage.open(), clock)  # it starts before the ledger begins, and takes it over at its first call
    first = Shop(storage.open(), clock)
    refused = first.say("reserve ann A 1", "k1")
    assert isinstance(refused, Refusal)
    assert not refused.repeated
    assert later.say("reserve ann A 1", "k1") == replace(refused, repeated=True)
    fresh = later.say("reserve ann A 1", "k2")
    assert isinstance(fresh, Refusal)
    assert not fresh.repeated
    for shop in (first, later):
        with suppress(JournalError):
            shop.actor.close()


def test_an_older_revision_is_not_adopted(shop: Shop) -> None:
    shop.actor.adopt(chain_document(5, paused=("S1",)))
    shop.actor.adopt(chain_document(4))
    answer = shop.say("reserve bob A 1", "k2")  # a caller who knows less is served by what the actor knows
    assert isinstance(answer, Refusal)
    assert answer.rejection.reason is Reason.STORE_NOT_ACCEPTING


def test_availability_says_version_instant_and_positions(shop: Shop) -> None:
    now_ms = shop.clock.now_ms()
    assert shop.actor.availability(["S1", "S2"], ["A", "nothing"]) == [
        (3, now_ms, [(10, 2, 0, 0, 0, 0, 0), None]),
        (0, now_ms, [None, None]),
    ]


def test_a_reservation_is_read_as_it_stands(shop: Shop) -> None:
    shop.say("confirm #3", "c1")
    version, reservation = shop.actor.reservation("S1", 3)
    assert reservation is not None
    assert (version, reservation.status, reservation.lines) == (4, Status.CONFIRMED, (("A", 2),))
    assert shop.actor.reservation("S1", 99) == (4, None)


@pytest.mark.parametrize("page_size", [1, 2, 3, 7, 100])
def test_pages_show_each_reservation_once(shop: Shop, page_size: int) -> None:
    for number in range(6):
        shop.say(f"reserve c{number} A 1", f"p{number}")
        shop.say("reserve dan A 99", f"q{number}")  # versions in between that are no reservations
    seen: list[int] = []
    after = 0
    while True:
        _, page, after = shop.actor.reservations("S1", [], after, page_size)
        assert len(page) <= page_size
        seen += [each.number for each in page]
        if not after:
            break
    assert seen == [3, *range(4, 16, 2)]


def test_pages_by_status(shop: Shop) -> None:
    shop.say("reserve bob A 1", "k2")
    shop.say("confirm #3", "c1")
    assert [each.number for each in shop.actor.reservations("S1", [Status.CONFIRMED], 0, 10)[1]] == [3]
    assert [each.number for each in shop.actor.reservations("S1", [Status.HELD], 0, 10)[1]] == [4]
    assert [each.number for each in shop.actor.reservations("S1", [Status.HELD, Status.CONFIRMED], 0, 10)[1]] == [3, 4]
    assert shop.actor.reservations("S1", [Status.READY], 0, 10) == (5, [], 0)


def test_what_is_over_is_found_as_what_is_live(storage: Storage, clock: ManualClock) -> None:
    """By its number, status and holder, by this process and the next."""
    first = Shop(storage.open(), clock)
    for text in (
        "receive A 10",
        "reserve ann A 2",
        "collect #3",
        "claim o1 bob A 1",
        "apply o1 1 RELEASED",
        "reserve cid A 1",
        "reserve dan A 1",
        "release #8",
    ):
        first.say(text, text)
    for again in (False, True):
        shop = Shop(storage.open(), clock) if again else first
        ask, hosted = shop.actor, shop.actor.host.stale_read("S1")
        assert list(hosted.reservations) == [7]
        over = {each.number: each.status for each in ask.reservations("S1", [], 0, 10)[1]}
        assert over == {3: Status.COLLECTED, 5: Status.RELEASED, 7: Status.HELD, 8: Status.RELEASED}
        assert [each.number for each in ask.reservations("S1", [Status.RELEASED], 0, 1)[1]] == [5]
        assert [each.number for each in ask.reservations("S1", [Status.RELEASED], 5, 1)[1]] == [8]
        assert [getattr(each, "number", None) for each in ask.reservations_of("S1", [8, 4, 7, 3])] == [8, None, 7, 3]
        assert ask.reservation("S1", 3)[1] == ask.reservations("S1", [Status.COLLECTED], 0, 1)[1][0]
        assert ask.holders_of("S1", [5, 3]) == ["o1", ""]
        assert [getattr(each, "number", None) for each in ask.parts_of("S1", ["o2", "o1"])] == [None, 5]
        assert [(each.number, undelivered) for each, undelivered in ask.parts("S1", 0, 10)[0]] == [(5, False)]
        shop.actor.close()


def test_a_look_at_who_waits_costs_what_it_shows(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came free is looked at once, and where each stands is reckoned while others decide."""
    shop.say("release #3 A 1", "back")
    for number in range(40):
        shop.say(f"reserve c{number} A 10 waiting 1h", f"w{number}")
    waiting = [each.number for each in shop.actor.reservations("S1", [Status.QUEUED], 0, 100)[1]]
    looked: list[str] = []
    rate_of, told = estimates.rate_of, Estimate.told

    def rated(*of: Any) -> Any:
        looked.append("came")
        return rate_of(*of)

    def reckoned(estimate: Estimate) -> Any:
        looked.append("others wait" if shop.actor.host._deciding.locked() else "others decide")
        return told(estimate)

    monkeypatch.setattr(estimates, "rate_of", rated)
    monkeypatch.setattr(Estimate, "told", reckoned)
    found = shop.actor.reservations_of("S1", waiting)
    assert [each.in_line.queue_position for each in found] == [*range(1, 41)]  # type: ignore[union-attr]
    assert Counter(looked) == {"came": 1, "others decide": 40}


def test_slots_are_cut_while_others_decide(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A month of them takes longer than a thousand decisions."""
    can_decide: list[bool] = []

    def cut(*_: object) -> tuple[Slot, ...]:
        can_decide.append(shop.actor.host._deciding.acquire(timeout=WAIT_S))
        shop.actor.host._deciding.release()
        return ()

    monkeypatch.setattr(Calendar, "slots_between", cut)
    assert shop.actor.slots("S1", 0, 31 * DAY_MS) == (3, shop.clock.now_ms(), "UTC", [])
    assert can_decide == [True]


def test_the_feed_gives_what_came_after_each_cursor(shop: Shop) -> None:
    shop.say("receive B 1", "r2", "S2")
    feed = dict(shop.actor.feed([("S1", 0, 0), ("S2", 0, 0)], skip_stopped=False))
    assert {store_id: [_versions(record) for record in records] for store_id, records in feed.items()} == {
        "S1": [[1, 2], [3]],
        "S2": [[1, 2]],
    }
    assert dict(shop.actor.feed([("S1", 2, 0), ("S2", 2, 0)], skip_stopped=False)).keys() == {"S1"}
    assert shop.actor.feed([("S1", 3, 0), ("S2", 2, 0)], skip_stopped=False) == []
    assert shop.actor.feed([("S1", 99, 0), ("S9", 1, 0)], skip_stopped=False) == [("S1", []), ("S9", [])]


def test_an_answer_of_the_feed_is_bounded_over_all_shops(shop: Shop) -> None:
    shop.say("receive B 1", "r2", "S2")
    both = [("S1", 0, 0), ("S2", 0, 0)]
    ((store_id, records),) = shop.actor.feed(both, skip_stopped=False, bytes_max=1)
    assert (store_id, [record.seq for record in records]) == ("S1", [2])
    enough = sum(len(record.payload) for record in shop.actor.records("S1", 0, 100)) + 1
    feed = shop.actor.feed(both, skip_stopped=False, bytes_max=enough)
    assert [(store_id, [record.seq for record in records]) for store_id, records in feed] == [
        ("S1", [2, 3]),
        ("S2", [2]),
    ]


def _versions(record: Record) -> list[int]:
    assert len(SHOP.read_events(record.payload)) == record.event_count
    return list(range(record.seq - record.event_count + 1, record.seq + 1))


def test_the_feed_of_a_replaced_actor_says_nothing_of_a_shop_that_began_after_it(
    storage: Storage, clock: ManualClock
) -> None:
    stale = Shop(storage.open(), clock)
    stale.say("receive A 1", "r1")
    later = Shop(storage.open(), clock)
    later.say("receive B 1", "r2", "S2")
    with pytest.raises(Fenced):
        stale.actor.feed([("S2", 1, 0)], skip_stopped=True)
    assert [type(failure) for failure in stale.ended] == [Fenced]
    later.actor.close()


def test_the_feed_tells_of_what_fell_due(shop: Shop, clock: ManualClock) -> None:
    clock.move(2 * HOUR_MS)
    ((_, records),) = shop.actor.feed([("S1", 3, 0)], skip_stopped=False)
    assert [type(event).__name__ for record in records for event in SHOP.read_events(record.payload)] == ["Expired"]


def test_who_follows_the_actor_hears_at_once_or_when_something_happens(shop: Shop) -> None:
    assert shop.actor.moved({}, WAIT_S) == {"S1": 3}
    assert shop.actor.moved({"S1": 2}, WAIT_S) == {"S1": 3}
    assert shop.actor.moved({"S1": 3}, 0.0) == {}
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(shop.actor.moved, {"S1": 3}, WAIT_S) for _ in range(3)]
        until(lambda: shop.actor._followers._waiting == 3, within_s=WAIT_S, what="those who wait")
        shop.say("reserve bob A 1", "k2")
        assert [each.result() for each in waiting] == [{"S1": 4}] * 3
        waiting = [pool.submit(shop.actor.moved, {"S1": 4}, WAIT_S)]
        until(lambda: shop.actor._followers._waiting == 1, within_s=WAIT_S, what="one who waits")
        shop.clock.move(3 * HOUR_MS)  # and nobody calls
        assert waiting[0].result() == {"S1": 6}


def test_records_are_given_for_audits(shop: Shop) -> None:
    assert [record.seq for record in shop.actor.records("S1", 0, 1_000)] == [2, 3]
    assert [record.seq for record in shop.actor.records("S1", 2, 1_000)] == [3]


def test_status_says_where_the_ledger_stands(shop: Shop) -> None:
    shop.say("reserve ann A 2", "k1")
    status = shop.actor.status("S1")
    assert status.pop("recovery_us") >= 0
    assert status == {
        "version": 3,
        "epoch": 1,
        "actor": "store-S1",
        "pid": os.getpid(),
        "ledger_time_ms": shop.clock.now_ms(),
        "open_reservations": 1,
        "positions": 1,
        "remembered_answers": 2,
        "snapshot_version": 0,
        "replayed_events": 0,
        "repeats_answered": 1,
        "policy_version": 1,
        "outbox": 0,
        "sealed_version": 0,
        "accepted_loss": "",
        "format": NEWEST,
    }


def test_the_live_state_is_what_an_audit_is_held_against(shop: Shop) -> None:
    version, state_hash, positions, live = shop.actor.live_state("S1")
    assert (version, positions, live) == (3, {"A": (10, 2, 0, 0)}, 1)
    assert len(state_hash) == 64
    shop.say("reserve bob A 1", "k2")
    assert shop.actor.live_state("S1")[1] != state_hash


def test_the_sweep_runs_by_itself(shop: Shop, clock: ManualClock) -> None:
    clock.move(2 * HOUR_MS)
    until(lambda: len(shop.actor.records("S1", 3, 10)) == 1, within_s=WAIT_S, what="the expiry")


def test_closing_writes_a_snapshot_and_the_next_one_starts_from_it(storage: Storage, clock: ManualClock) -> None:
    first = Shop(storage.open(), clock)
    first.say("receive A 10", "r1")
    first.say("reserve ann A 2", "k1")
    before = first.actor.live_state("S1")
    first.actor.close()

    second = Shop(storage.open(), clock)
    assert second.actor.live_state("S1") == before
    status = second.actor.status("S1")
    assert (status["epoch"], status["snapshot_version"], status["replayed_events"]) == (2, 3, 0)
    assert isinstance(second.say("reserve ann A 2", "k1"), Held)
    second.actor.close()
    assert first.ended == []
    assert second.ended == []


def test_a_replaced_actor_ends_at_its_next_word(storage: Storage, clock: ManualClock) -> None:
    first = Shop(storage.open(), clock)
    first.say("receive A 10", "r1")
    second = Shop(storage.open(), clock)
    assert second.actor.recovered.wait(WAIT_S)
    with pytest.raises(Fenced):
        first.actor.availability(["S1"], ["A"])
    assert [type(failure) for failure in first.ended] == [Fenced]
    second.actor.close()


def test_what_nobody_waits_for_any_more_is_not_decided(shop: Shop) -> None:
    entries = [("S1", command_of("reserve cid A 1", key)) for key in ("late", "in time")]
    version = shop.actor.status("S1")["version"]
    [answers] = shop.actor.step_all([(pack_batch(1, entries, [1_000, 1_001]), 1_000)])
    assert isinstance(answers, bytes)
    assert [type(answer) for answer in unpack_answers(answers)] == [Late, Held]
    assert shop.actor.status("S1")["version"] == version + 1
    assert isinstance(shop.say("reserve cid A 2", "late"), Held), "its key was never seen"


def test_batches_of_several_callers_are_one_durable_write_and_fail_alone(shop: Shop) -> None:
    mine, other = (pack_batch(1, [("S1", command_of("reserve cid A 1", key))]) for key in ("m", "o"))
    before = shop.actor.records("S1", 0, 1_000)
    answers = shop.actor.step_all([(mine, 0), (b"no batch", 0), (pack_batch(2, []), 0), (other, 0)])
    assert [each.event_count for each in shop.actor.records("S1", before[-1].seq, 1_000)] == [2]
    assert isinstance(answers[1], ValueError)
    assert answers[2] == RULES_ARE_STALE
    decided = [answer for each in (answers[0], answers[3]) for answer in unpack_answers(each)]  # type: ignore[arg-type]
    assert [type(answer) for answer in decided] == [Held, Held]


def test_pages_do_not_look_for_what_was_forgotten() -> None:
    """A shop's first reservation that is still kept may be ten million events from its beginning."""
    first, asked = 10_000_000, list[int]()

    class Kept(dict[int, str]):
        def get(self, number: int, default: str | None = None) -> str | None:  # type: ignore[override]
            asked.append(number)
            return super().get(number, default)

    ledger = Ledger("S1", version=first + 9)
    pages = partial(page_by_number, ledger, wanted=lambda *_: True, wanted_over=lambda status, _: status in FINAL)
    assert pages(0, 2) == ([], 0)
    ledger.reservations = Kept({first: "a", first + 4: "c"})  # type: ignore[assignment]
    ledger.finished.put(first + 3, Status.EXPIRED, first + 9, 0, is_shared=False)
    assert pages(0, 2) == ([first, first + 3], first + 3)
    assert pages(first + 3, 2) == ([first + 4], 0)
    assert pages(0, 2, wanted_over=None) == ([first, first + 4], first + 4)
    ledger.finished.put(first - 2, Status.EXPIRED, first + 9, 0, is_shared=False)
    assert pages(0, 2) == ([first - 2, first], first)
    assert len(asked) <= 30


def test_a_page_is_looked_for_in_pieces(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many that are over hardly one may be wanted, and others are to be decided meanwhile."""
    monkeypatch.setattr(store_actor, "PIECE_SCAN_MAX", 2)
    for number in range(3):
        shop.say("reserve bob A 1", f"bob {number}")
        shop.say(f"{'collect' if number == 2 else 'release'} #{4 + 2 * number}", f"s{number}")
    assert [each.number for each in shop.actor.reservations("S1", [Status.COLLECTED], 0, 10)[1]] == [8]
    assert [each.number for each in shop.actor.reservations("S1", [], 0, 3)[1]] == [3, 4, 6]
    monkeypatch.setattr(store_actor, "PAGE_PIECES_MAX", 2)
    assert shop.actor.reservations("S1", [Status.COLLECTED], 0, 10)[1:] == ([], 6)
    assert [each.number for each in shop.actor.reservations("S1", [Status.COLLECTED], 6, 10)[1]] == [8]
