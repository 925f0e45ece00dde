"""A reservation that is over is not in memory: what is asked of it is read back from the event that ended it."""

import tracemalloc

import pytest

from actors.core.answers import Recorded
from actors.core.status import Status
from actors.shop.finished import Finished
from actors.shop.snapshot import Capture, restore
from tests.shop.scenario import play
from tests.shop.scenario_text import answer_text, command_of
from tests.shop.watched import DAY_ZERO_MS, Watched, through_json

# Every way to end, by the reservation's number.
ENDED = {
    "0:02 | collect #2": "#2 COLLECTED A 3 -3 sold",
    "0:02 | release #2 because FRAUD": "#2 RELEASED A 3 -3 back FRAUD",
    "0:02 | wait\n 2:01 | wait": "#2 EXPIRED A 3 -3 back",
    "0:02 | collect #2 A 1\n 2:01 | wait": "#2 COLLECTED A 3 -1 sold -2 back",
    "0:02 | reserve ann A 1 basket b": "#2 RELEASED A 3 -3 back REPLACED",
    "0:02 | count A 0": "#2 RELEASED A 3 -3 back SHORTFALL",
}
PART_ENDED = {
    "0:03 | apply o1 2 RELEASED because FRAUD": "#2 RELEASED A 3 -3 back FRAUD of o1 at 2",
    "0:03 | apply o1 2 EXPIRED": "#2 EXPIRED A 3 -3 back of o1 at 2",
    "0:03 | collect #2\n 0:04 | acknowledge #2 4": "#2 COLLECTED A 3 -3 sold of o1 at 1",
}
PAGES = {
    **{f"0:00 | receive A 3\n 0:01 | reserve ann A 3 basket b\n {ended}": said for ended, said in ENDED.items()},
    **{
        f"0:00 | receive A 3\n 0:01 | claim o1 ann A 3\n 0:02 | apply o1 1 HELD until 2:00\n {ended}": said
        for ended, said in PART_ENDED.items()
    },
}


@pytest.mark.parametrize("page", PAGES)
def test_whatever_ended_it_is_read_back_as_it_was_then(page: str) -> None:
    watched = play(f"at | said\n {page}")
    assert 2 not in watched.ledger.reservations
    assert "o1" not in watched.ledger.holders
    over, last = watched.known(2), watched.records[watched.known(2).version - 1]
    assert answer_text(Recorded("", 0, over)) == PAGES[page]
    assert over.version == last.version
    watched.restart()
    assert watched.known(2) == over
    refused = "RESERVATION_EXPIRED" if over.status is Status.EXPIRED else "TRANSITION_NOT_ALLOWED"
    told = watched.say(command_of("collect #2", "again"), watched.ledger.time_ms)
    assert answer_text(told.answer) == f"{refused} #2 {over.status.name}"
    assert watched.complaints() == []


def test_a_shop_has_no_object_for_what_is_over_however_much_there_was() -> None:
    """And a repeat of the step that ended it is answered as it was."""
    watched = Watched()
    watched.say(command_of("receive A 900", "stock"), DAY_ZERO_MS)
    answers = {}
    for index in range(300):
        watched.say(command_of("reserve ann A 1", f"k{index}"), DAY_ZERO_MS)
        step = command_of(f"{'collect' if index % 2 else 'release'} #{watched.ledger.version}", f"s{index}")
        answers[step] = watched.say(step, DAY_ZERO_MS).answer
    ledger = watched.ledger
    assert (len(ledger.reservations), len(ledger.customers), ledger.open_reservations) == (0, 0, 0)
    assert ledger.finished.table.count == 300
    assert len(watched.all_known()) == 300
    assert all(watched.say(step, DAY_ZERO_MS).answer == answer for step, answer in answers.items())
    again = restore(through_json(Capture(ledger)))
    assert again.reservations == {}
    assert again.finished.table.count == 300


def test_what_is_over_costs_24_bytes() -> None:
    finished = Finished()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(1, 30_001):
            finished.put(number, Status.EXPIRED, 2 * number, DAY_ZERO_MS, is_shared=number % 2 == 0)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / 30_000 <= 24
    assert finished.version_of(7) == 14
    assert finished.ended_as(8) == (Status.EXPIRED, True)
    assert finished.version_of(30_001) == 0
