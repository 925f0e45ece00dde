"""Lies planted in what a run has recorded, each of which its checkers must find: a checker that cannot fail proves
nothing. `python -m bench.faults --plant NAME` must end with exit code 1.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from typing import Final

from bench.demo.calls import Kind, Repeated
from bench.demo.feed import FeedCheck
from bench.faults import callers
from bench.faults.recorder import Entry, Read
from bench.faults.run import Evidence
from holdfast.client import Event, Reservation, Status, StoreAvailability


class WithoutOneEvent(FeedCheck):
    """A feed of which one event never came."""

    def see(self, event: Event) -> None:
        if self.events == 100:
            self.events += 1
            return
        super().see(event)


@dataclass(frozen=True, slots=True)
class Plant:
    """One lie, and the invariant that it breaks. `plant` is given a copy of the evidence that it may change."""

    invariant: str
    plant: Callable[[Evidence], None] = lambda _: None
    check_of: type[FeedCheck] = FeedCheck


def planted(evidence: Evidence, plant: Plant) -> Evidence:
    """The evidence with the lie; the original stays as it is."""
    recorder = copy(evidence.recorder)
    recorder.entries, recorder.reads = dict(recorder.entries), list(recorder.reads)
    recorder.repeats = list(recorder.repeats)
    lied = replace(
        evidence, recorder=recorder, strikes=[replace(each) for each in evidence.strikes], gaps=list(evidence.gaps)
    )
    plant.plant(lied)
    return lied


def _accepted(evidence: Evidence) -> Entry:
    """A reservation that was accepted in a shop, the last one, of which much happened before."""
    return next(
        entry
        for entry in reversed(evidence.recorder.entries.values())
        if isinstance(entry.outcome, Reservation)
        and entry.call.kind is Kind.RESERVE
        and entry.call.store_id in callers.SHOPS
    )


def _accept_twice(evidence: Evidence) -> None:
    entry = _accepted(evidence)
    call = replace(entry.call, key=f"{entry.call.key}-doubled")
    evidence.recorder.entries[call.key] = replace(entry, call=call)


def _read_stale(evidence: Evidence) -> None:
    """A position read long after is told as it was in the beginning, when it was full and nothing was promised."""
    reads = evidence.recorder.reads
    at = max(number for number, read in enumerate(reads) if isinstance(read.what, tuple))
    read = reads[at]
    store: StoreAvailability = read.said[0]  # type: ignore[index]  # what GetAvailability tells
    there = store.positions[0]
    old = replace(there, on_hand=there.on_hand + 1, reserved=there.reserved + 2)
    reads[at] = replace(read, said=(replace(store, positions=(old,)),))


def _answer_otherwise(evidence: Evidence) -> None:
    entry = _accepted(evidence)
    if isinstance(entry.outcome, Reservation):
        other = replace(entry.outcome, version=entry.outcome.version + 1)
        evidence.recorder.repeats.append(Repeated(entry.call, entry.outcome, other, same_content=True))


def _live_on(evidence: Evidence) -> None:
    """A reservation is seen held after it has ended."""
    entry = _accepted(evidence)
    last_ns = max(each.returned_ns or 0 for each in evidence.recorder.entries.values())
    seen = replace(entry.outcome, status=Status.HELD) if isinstance(entry.outcome, Reservation) else None
    if seen is not None:
        later_ns = last_ns + 60_000_000_000  # by then its time is over, whatever it was
        read = Read("a liar", later_ns, later_ns + 1, seen.reservation_id, seen)
        evidence.recorder.reads.append(read)


def _skip_in_feed(evidence: Evidence) -> None:
    evidence.gaps.append("shop S1: told of version 3 after 1")


def _believe_second_writer(evidence: Evidence) -> None:
    for strike in evidence.strikes:
        if strike.fault in ("F5", "F13"):
            strike.wrong = "what a second writer wrote was believed"


def _stay_away(evidence: Evidence) -> None:
    evidence.strikes[0].back_ns = None


PLANTS: Final = {
    "doubled-acceptance": Plant("I4", _accept_twice),
    "missing-event": Plant("I8", check_of=WithoutOneEvent),
    "stale-read": Plant("I10", _read_stale),
    "other-answer": Plant("I5", _answer_otherwise),
    "life-after-the-end": Plant("I3", _live_on),
    "skipped-in-feed": Plant("I16", _skip_in_feed),
    "second-writer-believed": Plant("I9", _believe_second_writer),
    "never-back": Plant("I14", _stay_away),
}
