"""What a deciding process keeps in the long run, in this process and with real journals: thirty days of ledger time at
a million reservations and orders, and a day of refusals under keys that are always new. Memory must be flat.
"""

import random
from collections.abc import Callable, Generator, Sequence
from functools import partial
from itertools import count, islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

import psutil

from actors.core.ids import ledger_of_customer
from actors.core.policy import DAY_MS
from actors.core.status import ReleaseReason, Status
from actors.journal.codec import encode_rows
from actors.journal.sqlite import SqliteJournal
from actors.orders import commands as cm, invariants as order_invariants
from actors.orders.state import OVER, Order, Part
from actors.runtime.actor_runtime import SNAPSHOT_EVENTS_MIN
from actors.runtime.clock import SystemClock
from actors.runtime.kinds import CUSTOMERS, SHOP, Core
from actors.runtime.ledger_host import LedgerHost
from actors.shop import commands as shop
from actors.shop.state import Reservation
from bench.record import Conservation, Counts, Headline, Options, Outcome, Row, judged, of_ledger, ratio
from bench.samples import CHANNEL, NOW_MS, STORE, UNITS, customer, key, receipts, reserves, sku

SKUS: Final = 2_000
BATCH: Final = 512
NS: Final = 1_000_000  # in a millisecond
DAYS: Final = 30
TURNS: Final = 6  # of a day
FULL_DAY: Final = 10  # answers are kept for eight days, by the day: from here on a day forgets as much as it adds
GROWTH_MAX: Final = 1.05
MIB: Final = 2**20
CUSTOMERS_ID: Final = ledger_of_customer("bench")  # all its customers are taken for those of one slot


class Hosted:
    """A ledger with its host, journal and clock, as its actor tidies it."""

    def __init__(self, core: Core, ledger_id: str, path: Path) -> None:
        self.core, self.ledger_id = core, ledger_id
        self.now_ms = NOW_MS
        clock = SystemClock(None, lambda: self.now_ms * NS, lambda: self.now_ms * NS)
        self.journal = SqliteJournal(path)
        self.host = LedgerHost(core, self.journal, clock, lambda _: None, _fail)
        self.host.recover([ledger_id])

    @property
    def ledger(self) -> Any:
        return self.host.stale_read(self.ledger_id)

    def step(self, commands: Sequence[Any]) -> list[Any]:
        """The answers, each batch with a durable write."""
        answers: list[Any] = []
        for first in range(0, len(commands), BATCH):
            answers += self.host.step([(self.ledger_id, each) for each in commands[first : first + BATCH]])
        return answers

    def tidy(self) -> None:
        """What an actor does beside deciding."""
        while self.host.sweep():
            pass
        self.host.upkeep.do()
        for ledger_id in self.host.snapshots_due(SNAPSHOT_EVENTS_MIN):
            self.host.snapshot(ledger_id, lambda: None)

    def state_bytes(self) -> int:
        return sum(map(len, encode_rows(self.core.capture(self.ledger).rows())))


def _fail(failure: Exception) -> None:
    raise failure


def _rss_mib() -> float:
    return float(psutil.Process().memory_info().rss) / MIB


# --- a month ---------------------------------------------------------------------------------------------------------


def run_month(options: Options) -> Outcome:
    """Half of them reservations of a shop, half orders over two: a third each is collected, cancelled, and expires."""
    a_turn = options.size(1_000_000, 5_400) // 2 // DAYS // TURNS
    stock = Hosted(SHOP, STORE, options.scratch / "shop.db")
    orders = Hosted(CUSTOMERS, CUSTOMERS_ID, options.scratch / "customers.db")
    skus = options.size(SKUS, 50)  # a position is as large as it gets once it was held: all should be by the tenth day
    stock.step(list(receipts(skus)))
    lives = (_lives_of_reservations(stock, a_turn, skus), _lives_of_orders(orders, a_turn))
    rows: list[Row] = []
    for day in range(1, DAYS + 1):
        began = perf_counter()
        for _ in range(TURNS):
            for hosted, life in zip((stock, orders), lives, strict=True):
                hosted.now_ms += DAY_MS // TURNS
                next(life)
                hosted.tidy()
        figures = {
            "rss_mib": _rss_mib(),
            "shop_state_mib": stock.state_bytes() / MIB,
            "orders_state_mib": orders.state_bytes() / MIB,
            "us": 1e6 * (perf_counter() - began) / (2 * TURNS * a_turn),
        }
        options.say(f"month: day {day} of {DAYS}, {figures['rss_mib']:.0f} MiB")
        rows.append(Row(f"day {day}", figures))
    for hosted, life in zip((stock, orders), lives, strict=True):
        life.close()
        hosted.now_ms += 3 * DAY_MS
        hosted.tidy()
    left = of_ledger(stock.ledger, Counts(0))
    broken = judged(Counts(0), left.found, order_invariants.check(orders.ledger)).discrepancies
    total = 2 * DAYS * TURNS * a_turn
    conservation = Conservation(Counts(0), left.found, [*left.discrepancies, *broken])
    headlines = [flat(rows, figure) for figure in ("rss_mib", "shop_state_mib", "orders_state_mib")]
    return Outcome({"reservations_and_orders": total, "days": DAYS, "batch": BATCH}, rows, headlines, conservation)


def flat(rows: Sequence[Row], figure: str) -> Headline:
    """The most of the last ten days to the most of the ten before."""
    early, late = (max(row.figures[figure] for row in part) for part in (rows[FULL_DAY:-10], rows[-10:]))
    return Headline(f"{figure}, last ten days to the ten before", ratio(late, early), "", GROWTH_MAX, at_most=True)


def _lives_of_reservations(stock: Hosted, a_turn: int, skus: int) -> Generator[None, None, None]:
    """At each turn the new ones, and what becomes of those of the turn before: a third expires meanwhile."""
    commands = reserves(a_turn * DAYS * TURNS, skus, 1, 0)
    numbers: list[int] = []
    while True:
        steps: list[Any] = [shop.Collect(key(), number, "P-1", ()) for number in numbers[0::3]]
        steps += [shop.Release(key(), number, ReleaseReason.CUSTOMER_CANCELLED, ()) for number in numbers[1::3]]
        stock.step(steps)
        answers = stock.step(list(islice(commands, a_turn)))
        numbers = [answer.number for answer in answers if isinstance(answer, Reservation)]
        yield


def _lives_of_orders(orders: Hosted, a_turn: int) -> Generator[None, None, None]:
    """The same over two shops, which say what they are told to say."""
    chance, drawn = random.Random(0), count(1)
    ledger = orders.ledger
    placed: list[Order] = []
    while True:
        steps: list[Any] = [report for order in placed[0::3] for report in _reports(order, Status.COLLECTED)]
        steps += [cm.Release(key(), order.number, ReleaseReason.CUSTOMER_CANCELLED) for order in placed[1::3]]
        orders.step(steps)
        placed = [answer.answer for answer in orders.step([_place(chance, next(drawn)) for _ in range(a_turn)])]
        told = [ledger.orders[number] for number in list(ledger.outbox)]
        orders.step([report for order in told if order.standing in OVER for report in _reports(order, Status.RELEASED)])
        applied = [_applied(order, part) for order in told if order.standing not in OVER for part in order.parts]
        orders.step([cm.NoteApplied(tuple(applied[at : at + BATCH])) for at in range(0, len(applied), BATCH)])
        yield


def _place(chance: random.Random, number: int) -> cm.Place:
    plans = tuple(cm.Plan(store_id, ((sku(chance.randrange(SKUS)), 1),), 0) for store_id in (STORE, "S001"))
    asked = cm.Open(key(), key()[:25], customer(chance), CHANNEL, 0, plans, (), "")
    return cm.Place(number, asked, (2 * number, 2 * number + 1))


def _applied(order: Order, part: Part) -> cm.Applied:
    return cm.Applied(order.number, part.store_id, part.attempt, order.revision, part.version + 1, part.status)


def _reports(order: Order, status: Status) -> list[cm.Report]:
    """What both shops say of their parts, which are over: all of it was collected, or none."""
    return [
        cm.Report(
            order.number,
            part.store_id,
            part.attempt,
            order.revision,
            part.reservation,
            part.version + 2,
            status,
            (0,),
            (1 if status is Status.COLLECTED else 0,),
        )
        for part in order.parts
    ]


# --- refusals --------------------------------------------------------------------------------------------------------

POINTS: Final = 20
TIDY_EVERY: Final = 64  # batches
SLOWER_MAX: Final = 1.2
GROWN_MIB_MAX: Final = 64.0


def run_refusals(options: Options) -> Outcome:
    """A day of calls for what is sold out, each under a new key; then somebody asks for what is there."""
    batches = options.size(1_954, 1)
    a_point = batches * BATCH
    stock = Hosted(SHOP, STORE, options.scratch / "shop.db")
    stock.step(list(receipts(SKUS)))
    asked = reserves(a_point * POINTS, SKUS, 1, 0, 2 * UNITS)
    rows: list[Row] = []
    for point in range(1, POINTS + 1):
        took_s = tidied_s = 0.0
        for number in range(batches):
            stock.now_ms += DAY_MS // (batches * POINTS)
            took_s += _seconds(partial(stock.step, list(islice(asked, BATCH))))
            tidied_s += _seconds(stock.tidy) if number % TIDY_EVERY == 0 else 0.0
        figures = {
            "rss_mib": _rss_mib(),
            "us": 1e6 * took_s / a_point,
            "tidy_us": 1e6 * tidied_s / a_point,
            "remembered": float(stock.ledger.answers.count),
        }
        options.say(f"refusals: {point * a_point:,}, {figures['rss_mib']:.0f} MiB, {figures['us']:.1f} us each")
        rows.append(Row(f"refusal {point * a_point}", figures))
    [held] = stock.step(list(reserves(1, SKUS, 1, 1)))
    conservation = of_ledger(stock.ledger, Counts(int(isinstance(held, Reservation))))
    early, late = rows[1 : POINTS // 2], rows[POINTS // 2 :]
    slower = ratio(median(row.figures["us"] for row in late), median(row.figures["us"] for row in early))
    grown = max(row.figures["rss_mib"] for row in late) - max(row.figures["rss_mib"] for row in early)
    headlines = [
        Headline("time of a refusal, second half to first", slower, "", SLOWER_MAX, at_most=True),
        Headline("memory, second half beyond the first", grown, "MiB", GROWN_MIB_MAX, at_most=True),
        Headline("reserved after all of them", float(conservation.told.accepted), "", 1.0),
    ]
    return Outcome({"refusals": a_point * POINTS, "batch": BATCH}, rows, headlines, conservation)


def _seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began
