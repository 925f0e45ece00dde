"""A shop, its web shop, and one till with its own file, from a seed: the till is cut off but for its flushes.

The world knows what is on the shelf. After a flush the till has nothing left to say but what waits for a ledger that is
away; whatever came between, the book never has more than the shelf, and as much where nobody counted.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Final

from holdfast.client import (
    AdjustmentKind,
    BeyondAllotment,
    ChannelClient,
    Conflict,
    HoldsCounted,
    InvalidArgument,
    NotFound,
    Order,
    ReleaseReason,
    Reservation,
    StockChange,
    TillClient,
    Unavailable,
)
from holdfast.client.till_allotments import HandOut
from tests.clients.faults import CODE, LoseAnswer, Refuse
from tests.clients.service import VIENNA, Service
from tests.clients.serving import QUICK
from tests.clients.till_machine import HOUR_MS, MINUTE_MS, Machine

STOCK: Final = {"a": 40, "b": 40, "hot": 40}
STEPS: Final = 60
AWAY_MS: Final = 150
"""The time of a flush while a ledger is away."""
FLUSHES: Final = 10
WRONG: Final = ("", "x" * 129, "a\n")


class TillWorld:
    """One world. `struck` counts what came to pass."""

    def __init__(self, seed: int, service: Service, machine: Machine, target: str, folder: Path) -> None:
        self.random = Random(seed)
        self.service, self.machine, self.target, self.folder = service, machine, target, folder
        self.shelf = dict(STOCK)
        self.struck: Counter[str] = Counter()
        self.held: list[str] = []  # by the ids that customers have
        self.parts: set[str] = set()
        self.counted = False
        self.in_doubt: list[tuple[str, str]] = []  # asked for over the network and not answered, with the payment
        self.collected: set[tuple[str, str]] = set()
        self.till = self._start()
        self.web: ChannelClient

    def _start(self) -> TillClient:
        path = self.folder / "till"
        return TillClient(self.target, store_id="s1", till="t", journal_path=path, may_exceed=False, retry=QUICK)

    async def run(self) -> None:
        """All of it; raises AssertionError where a promise is broken."""
        steps: dict[Callable[[], Awaitable[None]], int] = {
            self._reserve: 12,
            self._order: 4,
            self._give: 14,
            self._allot: 6,
            self._sell: 10,
            self._hand_out: 16,
            self._hand_out_wrongly: 3,
            self._collect: 5,
            self._pass: 6,
            self._restart: 4,
            self._start_anew: 2,
            self._lose_the_ledger: 2,
            self._release: 2,
            self._count: 2,
            self._flush: 6,
        }
        async with ChannelClient(self.target, retry=QUICK) as self.web:
            await self.web.promote_sku("hot")
            await self.service.gateway._keeper.turn()
            for step in self.random.choices(list(steps), weights=list(steps.values()), k=STEPS):
                await step()
                self.machine.passes(1_000)
            await self._flush()
            await self.till.return_allotments()
            await self.till.close()
            await self._check_the_book()

    # -- the web shop

    async def _reserve(self) -> None:
        made = await self.web.reserve(
            "s1", [(self.random.choice(["b", "hot"]), 1)], customer_id="c", channel="web", ttl_ms=4 * HOUR_MS
        )
        if isinstance(made, Reservation):
            self.held.append(made.reservation_id)

    async def _order(self) -> None:
        order = await self.web.reserve_near(
            [("a", 1)], place=VIENNA, customer_id="ann", channel="web", ttl_ms=2 * HOUR_MS
        )
        await self.service.settle()
        assert isinstance(order, Order)
        parts = [part.reservation_id for part in order.parts]
        self.parts.update(parts)
        self.held += parts

    async def _release(self) -> None:
        plain = [each for each in self.held if each not in self.parts]
        if plain:
            await self.web.release(self.random.choice(plain), reason=ReleaseReason.CUSTOMER_CANCELLED)

    async def _count(self) -> None:
        await self._end_doubt()  # what was sold and waits on the shelf would be counted
        counts = list(self.shelf.items())
        outcome = await self.web.count_stock("s1", counts, holds=HoldsCounted.INCLUDED)
        self.counted = self.counted or isinstance(outcome, StockChange)

    # -- the till, cut off

    async def _sell(self) -> None:
        try:
            rows = await self.till.record(AdjustmentKind.SALE, [("a", -self.random.randint(1, 2))])
        except BeyondAllotment:
            return
        self.struck["sold cut off"] += 1
        self.shelf["a"] += sum(row.delta for row in rows)

    async def _hand_out(self) -> None:
        if not self.held:
            return
        name, journal = self.random.choice(self.held), self.till.journal
        wrong = self.random.choice([*WRONG, None, None, None, None])
        if wrong is not None:
            try:
                journal.hand_out(name, wrong)
            except InvalidArgument:
                return
            raise AssertionError(f"{wrong!r} was recorded")
        self._carry_out(name)

    def _carry_out(self, name: str) -> None:
        journal = self.till.journal
        given = next((each for each in journal.allotments.given.values() if name in each.ids), None)
        before = len(journal.allotments.hand_outs)
        try:
            made = journal.hand_out(name, f"paid {name}, {self.random.randint(1, 2)}")
        except NotFound:
            assert given is None or given.term.is_over, f"{name} was given, and not found"
            return
        except Conflict:
            asked = [each.ids for each in journal.allotments.collects if not each.is_answered]
            known = [*asked, *(each.ids for each in journal.allotments.hand_outs)]
            assert any(name in ids for ids in known), f"{name} was not handed out"
            return
        if len(journal.allotments.hand_outs) > before:
            said = [each for each in journal.allotments.hand_outs if each.reservation_id == made.reservation_id]
            assert len(said) == 1, f"{name} was handed out twice"
            self._carried_out(made)
            self.struck["by its first id"] += name == made.first_id

    async def _hand_out_wrongly(self) -> None:
        """As a till did that did not look at the reference."""
        journal = self.till.journal
        asked = {each.reservation_id for each in journal.allotments.collects if not each.is_answered}
        given_now = journal.allotments.given.values()
        live = [each for each in given_now if not each.term.is_over and each.reservation_id not in asked]
        if not live:
            return
        given = self.random.choice(live)
        with journal._writing() as database:
            (last,) = database.execute("SELECT coalesce(max(number), 0) FROM hand_outs").fetchone()
            made = HandOut(last + 1, given.reservation_id, "x" * 200, given.lines, self.machine.wall_ms)
            journal.allotments.write_hand_out(database, made)
        del journal.allotments.given[given.reservation_id]
        journal.allotments.hand_outs.append(made)
        self._carried_out(made)
        self.struck["refused for ever"] += 1

    def _carried_out(self, made: HandOut) -> None:
        for sku, units in made.lines:
            self.shelf[sku] -= units

    async def _collect(self) -> None:
        """Over the network. Where the answer is lost nothing is handed over, until it is asked for again or the network
        is gone, and then by the till's file.
        """
        if not self.held:
            return
        name = self.random.choice(self.held)
        payment, faults = f"paid {name}, {self.random.randint(1, 2)}", self.service.faults["CollectReservation"]
        if self.random.random() < 0.5:
            faults.append(LoseAnswer())
            faults.extend(Refuse(CODE.UNAVAILABLE) for _ in range(500))
        await self._collect_once(name, payment, timeout_ms=AWAY_MS if faults else None)
        faults.clear()

    async def _collect_once(self, name: str, payment: str, *, timeout_ms: int | None = None) -> None:
        waiting = [made for made in self.till.journal.allotments.hand_outs if name in made.ids]
        try:
            outcome = await self.till.collect(name, payment_reference=payment, timeout_ms=timeout_ms)
        except Conflict:
            assert waiting, f"{name} was not handed out"
            return
        except Unavailable:
            self.struck["no answer to a collection"] += 1
            self.in_doubt.append((name, payment))
            return
        if isinstance(outcome, Reservation) and not waiting and (name, payment) not in self.collected:
            self.struck["collected over the network"] += 1
            self.collected.add((name, payment))
            for line in outcome.lines:
                self.shelf[line.sku] -= line.collected

    async def _end_doubt(self) -> None:
        in_doubt, self.in_doubt = self.in_doubt, []
        for name, payment in in_doubt:
            await self._collect_once(name, payment)

    async def _pass(self) -> None:
        self.machine.passes(self.random.randint(1, 40) * MINUTE_MS)

    async def _restart(self) -> None:
        """Of the program, and perhaps somebody sets the clock."""
        await self.till.close()
        behind = self.random.choice([0, 0, 50, 110])
        self.machine.wall_ms -= behind * MINUTE_MS
        self.till = self._start()
        allotted = sum(taken.left["a"] for taken in self.till.journal.allotments.taken.values())
        if behind and allotted:
            # Past the end of all that it has, by the shop's clock, and a count settles it.
            self.machine.passes(2 * HOUR_MS)
            self.struck["an end after the clock was set"] += 1
            await self._count()
            self.machine.passes(1_000)
            await self._sell()

    async def _start_anew(self) -> None:
        """The machine. What is unsaid then has an age by the wall clock alone, which is another matter."""
        if self.till.journal.unsent or self.till.journal.allotments.hand_outs:
            return
        await self.till.close()
        self.machine.start_anew()
        self.machine.wall_ms -= self.random.choice([0, 110]) * MINUTE_MS
        self.till = self._start()
        assert self.till.allotted("a") == 0
        self.struck["its machine started anew"] += 1

    # -- the till, back for a moment

    async def _give(self) -> None:
        for name in self.random.sample(self.held, min(3, len(self.held))):
            await self.till.take_reservation(name, ttl_ms=self.random.choice([HOUR_MS, 2 * HOUR_MS]))

    async def _allot(self) -> None:
        await self.till.take_allotment([("a", self.random.randint(1, 4))], ttl_ms=2 * HOUR_MS)

    async def _lose_the_ledger(self) -> None:
        """That of the customers: what was handed out of an order waits for its word, once the order's time is over."""
        await self._order()
        for name in [*self.held[-1:], *self.random.sample(self.held, min(3, len(self.held)))]:
            await self.till.take_reservation(name, ttl_ms=HOUR_MS)
            self._carry_out(name)
        away = self.service.actors.hold("customers-0000-of-0001")
        self.machine.passes(2 * HOUR_MS)
        await self._flush(is_away=True)
        away.set()
        await self.service.settle()

    async def _flush(self, *, is_away: bool = False) -> None:
        if not is_away:
            await self._end_doubt()
        journal, may_wait = self.till.journal, self.parts if is_away else set()
        for _ in range(FLUSHES):  # on a busy machine the time of one may be too short
            report = await self.till.flush(timeout_ms=AWAY_MS if is_away else None)
            self.struck["a conflict"] += len(report.conflicts)
            self.struck["said"] += report.handed_out
            waiting = {made.reservation_id for made in journal.allotments.hand_outs}
            if waiting <= may_wait and not journal.unsent:
                break
        else:
            raise AssertionError(f"unsaid: {waiting}, unsent: {journal.unsent}: {report.why}")
        self.struck["waits for a ledger"] += bool(waiting)

    async def _check_the_book(self) -> None:
        (found,) = await self.web.get_availability(["s1"], list(STOCK))
        for each in found.positions:
            there = self.shelf[each.sku]
            assert each.on_hand <= there, f"{each.on_hand} of {each.sku} in the book, {there} on the shelf"
            assert self.counted or each.on_hand == there, f"{each.on_hand} of {each.sku}, {there} on the shelf"
