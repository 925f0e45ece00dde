"""A shop's ledger in this process, with no actor and no network: deciding on one core and what carries commands to it;
durable writes, and what a commit costs by its size.
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Final

from actors.core.answers import KeyedAnswer
from actors.core.policy import HOUR_MS
from actors.journal.codec import encode
from actors.journal.port import Journal, Record
from actors.journal.redis import RedisJournal
from actors.journal.sqlite import SqliteJournal
from actors.protocol.messages import pack_answers, pack_batch, unpack_answers
from actors.runtime.kinds import SHOP
from actors.shop.commands import Collect, Command, Confirm
from actors.shop.events import Event, Reserved
from actors.shop.evolve import evolve
from actors.shop.state import Ledger, Remembered, Reservation
from actors.shop.transact import expire, transact
from bench.peers.redis_server import no_server, redis_server
from bench.record import (
    Conservation,
    Counts,
    Headline,
    Options,
    Outcome,
    Row,
    medians,
    of_ledger,
    percentile,
    ratio,
    timed,
)
from bench.samples import MONTH_DAYS, NOW_MS, STORE, UNITS, key, lived, receipts, reserves

# --- core ------------------------------------------------------------------------------------------------------------

POSITIONS: Final = 5_000
BATCH: Final = 256


class Round:
    """One pass through a reservation's life, on a ledger with `a_day` reservations on each day of a month behind it."""

    def __init__(self, count: int, a_day: int, seed: int) -> None:
        self.count = count
        self.ledger = lived(POSITIONS, a_day)
        self.ones = list(reserves(count, POSITIONS, 1, seed))
        self.threes = list(reserves(count, POSITIONS, 3, seed))
        self.absent = list(reserves(count, POSITIONS, 1, seed, 10 * UNITS))
        # As the actor does once it has recovered: the collector does not walk what stays.
        gc.collect()
        gc.freeze()

    def measure(self) -> dict[str, dict[str, float]]:
        """Every operation, in the sequence of a life."""
        found: dict[str, dict[str, float]] = {}
        answers: list[Remembered] = []
        found["reserve, 1 line"] = self._all(self.ones, answers)
        found["reserve, 3 lines"] = self._all(self.threes, answers)
        self.ledger.answers.read = self._answers_of(answers)
        found["reserve, repeated"] = self._all(self.ones)
        self.ledger.answers.read = {}
        found["reserve, refused for stock"] = self._all(self.absent)
        numbers = [answer.number for answer in answers[: self.count] if isinstance(answer, Reservation)]
        found["confirm"] = self._all([Confirm(key(), number, 0) for number in numbers])
        collects = [Collect(key(), number, "P-1", ()) for number in numbers[: self.count // 2]]
        found["collect"] = self._all(collects)
        found["envelope to the actor and back"] = timed(self.count, lambda: self._carry(answers))
        return found

    def _answers_of(self, answers: Sequence[Remembered]) -> dict[int, KeyedAnswer]:
        """What the journal says of these reservations, as it was read for a repeat of each."""
        made = zip(self.ones, answers, strict=False)
        return {answer.number: (one.key, answer, "") for one, answer in made if isinstance(answer, Reservation)}

    def expire(self) -> dict[str, float]:
        """All that is still held or confirmed goes back. The last measurement: nothing is left after it."""
        due = self.ledger.open_reservations
        return timed(due, lambda: expire(self.ledger, NOW_MS + 72 * HOUR_MS))

    def _all(self, commands: Sequence[Command], answers: list[Remembered] | None = None) -> dict[str, float]:
        ledger, kept = self.ledger, [] if answers is None else answers

        def work() -> None:
            for command in commands:
                kept.append(transact(ledger, command, NOW_MS).answer)

        return timed(len(commands), work)

    def _carry(self, answers: Sequence[Remembered]) -> None:
        """What a batch costs both ends beyond deciding: pack and unpack, there and back."""
        for first in range(0, self.count, BATCH):
            chosen = self.ones[first : first + BATCH]
            SHOP.read_batch(pack_batch(1, [(STORE, each) for each in chosen]))
            unpack_answers(pack_answers(list(answers[first : first + BATCH])))


def run_core(options: Options) -> Outcome:
    """Medians of the rounds, each on a ledger of its own."""
    count, a_day = options.size(30_000, 1_000), options.size(2_000, 20)
    rounds: list[dict[str, dict[str, float]]] = []
    conservation = of_ledger(Ledger(STORE), Counts(0))
    for number in range(options.rounds):
        options.say(f"core: round {number + 1} of {options.rounds}")
        each = Round(count, a_day, number)
        found = each.measure()
        told = Counts(2 * count - count // 2)
        conservation = of_ledger(each.ledger, told)
        found["expire"] = each.expire()
        rounds.append(found)
        gc.unfreeze()
        left = of_ledger(each.ledger, Counts(0))
        conservation = conservation if left.holds else left
        if not conservation.holds:
            break
    rows = [Row(name, medians([each[name] for each in rounds])) for name in rounds[0]]
    reserve = next(row for row in rows if row.name == "reserve, 1 line")
    headline = Headline("reserve of 1 line, one core", reserve.figures["per_s"], "/s")
    parameters = {"operations": count, "skus": POSITIONS, "days": MONTH_DAYS, "reservations_a_day": a_day}
    return Outcome(parameters, rows, [headline], conservation)


# --- journal ---------------------------------------------------------------------------------------------------------

BATCHES: Final = (1, 16, 64, 256, 1_024)
SKUS: Final = 2_000  # one delivery's worth: the first event holds them all
READ_EVENTS_MAX: Final = 20_000


def run_journal(options: Options) -> Outcome:
    """Appends of each size to each kind of journal in turn, by one caller; at the end all is read back and must give
    the same ledger.
    """
    events = _events(options.size(40_000, 2_048))
    batches = BATCHES[::3] if options.quick else BATCHES
    rounds: list[dict[str, dict[str, float]]] = []
    conservation: Conservation | None = None
    with ExitStack() as stack:
        url = ""
        if why := no_server():
            options.say(f"journal: no Redis: {why}")
        else:
            url = f"redis://127.0.0.1:{stack.enter_context(redis_server(options.scratch / 'redis'))}/0"
        for number in range(options.rounds):
            found: dict[str, dict[str, float]] = {}
            for batch in batches:
                options.say(f"journal: round {number + 1} of {options.rounds}, batches of {batch}")
                commits = min(options.size(400, 20), (len(events) - 1) // batch)
                for kind, journal in _journals(options.scratch / f"{number}-{batch}.db", url):
                    records = _records(journal, events, batch, commits)
                    found[f"{kind}, {batch} events"] = _appended(batch, journal, records)
                    conservation = _read_back(journal, records)
                    journal.close()
                    if not conservation.holds:
                        return Outcome({"events": len(events)}, [], [], conservation)
            rounds.append(found)
    rows = [Row(name, medians([one[name] for one in rounds])) for name in rounds[0]]
    return Outcome({"events": len(events)}, rows, _compared(dict(rows), batches), conservation)


def _journals(path: Path, url: str) -> Iterator[tuple[str, Journal]]:
    """One of each kind, new."""
    yield "SQLite", SqliteJournal(path)
    if url:
        yield "Redis", RedisJournal(url, path.stem)


def _compared(figures: Mapping[str, Mapping[str, float]], batches: Sequence[int]) -> list[Headline]:
    """The best rate of each kind; and, with both, the least favourable comparison."""
    best = {
        kind: max(figures[f"{kind}, {batch} events"]["events_per_s"] for batch in batches)
        for kind in ("SQLite", "Redis")
        if f"{kind}, {batches[0]} events" in figures
    }
    headlines = [Headline(f"{kind}, best", rate, "durable events/s") for kind, rate in best.items()]
    if "Redis" not in best:
        return headlines
    both = [[figures[f"{kind}, {batch} events"] for kind in ("Redis", "SQLite")] for batch in batches]
    least = min(ratio(redis["events_per_s"], sqlite["events_per_s"]) for redis, sqlite in both)
    later_ms = (both[0][0]["commit_p50_us"] - both[0][1]["commit_p50_us"]) / 1_000
    return [
        *headlines,
        Headline("Redis' rate by SQLite's, at its worst size", least, "times", target=0.7),
        Headline("Redis' p50 of one caller beyond SQLite's", later_ms, "ms", target=1.0, at_most=True),
    ]


def _events(count: int) -> list[Event]:
    """What a shop's day writes: a delivery, then reservations of one line, every fourth of three."""
    ledger = Ledger(STORE)
    made: list[Event] = []
    for receipt in receipts(SKUS):
        made += transact(ledger, receipt, NOW_MS).events
    for number, command in enumerate(reserves(count, SKUS, 1, 1)):
        chosen = command if number % 4 else next(reserves(1, SKUS, 3, number))
        made += transact(ledger, chosen, NOW_MS).events
    return made


def _records(journal: Journal, events: Sequence[Event], batch: int, commits: int) -> list[Record]:
    """The delivery, then so many records of so many events, for a ledger that is taken over now."""
    epoch = journal.take_over(STORE).epoch
    cut = [events[:1], *(events[1 + number * batch : 1 + (number + 1) * batch] for number in range(commits))]
    made: list[Record] = []
    seq = 0
    for each in cut:
        seq += len(each)
        made.append(Record(STORE, epoch, seq, len(each), NOW_MS, encode(each)))
    return made


def _appended(batch: int, journal: Journal, records: Sequence[Record]) -> dict[str, float]:
    """One commit a record. The delivery and the first few warm the file up, and are not counted."""
    took = []
    for record in records:
        began = perf_counter()
        journal.append([record])
        took.append(perf_counter() - began)
    kept = took[min(5, len(records) - 1) :]
    p50, p99 = (1e6 * percentile(kept, quantile) for quantile in (0.5, 0.99))
    rate = batch * len(kept) / sum(kept)
    size = sum(len(record.payload) for record in records[1:]) / (len(records) - 1)
    return {"bytes": round(size), "commit_p50_us": p50, "commit_p99_us": p99, "events_per_s": rate}


def _read_back(journal: Journal, records: Sequence[Record]) -> Conservation:
    """What was appended gives the ledger that wrote it."""
    ledger = Ledger(STORE)
    decoded = (event for record in records for event in SHOP.read_events(record.payload))
    accepted = sum(1 for event in decoded if isinstance(event, Reserved))
    while batch := journal.read(STORE, ledger.version, READ_EVENTS_MAX):
        for record in batch:
            for event in SHOP.read_events(record.payload):
                evolve(ledger, event, record.at_ms)
    return of_ledger(ledger, Counts(accepted))
