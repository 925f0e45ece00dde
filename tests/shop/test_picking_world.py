"""Shops that pick, by chance: quotas, short picks, sales that are told late, counts of the shelf, and no-shows."""

from collections import Counter
from random import Random
from typing import Final

from msgspec.structs import replace

from actors.core.policy import DAY_MS, HOUR_MS, Policy
from actors.core.status import PickStatus, ReleaseReason, ShortChoice
from actors.shop import commands as cm
from actors.shop.allotments.allotment import HolderKind
from actors.shop.audit.books import compare
from actors.shop.audit.picking import compare_tasks
from actors.shop.invariants import check
from actors.shop.picking.events import PickPutBack, PickShorted
from actors.shop.picking.pick_task import ClaimPick, FinishPick, NoteArrival, PickTask, PutBack, ScanPick, ShortPick
from tests.shop.watched import DAY_ZERO_MS, Watched

SEEDS: Final = 10
STEPS: Final = 300
LOOK: Final = 10  # steps between two looks of the audit
SKUS: Final = ("A", "B")
PICKERS: Final = ("eva", "kim")
CAUSES: Final = frozenset(
    {
        *("owed to a quota", "put back in part", "written off beside a quota"),
        *("missed and explained", "put off", "counted without holds", "rules"),
    }
)


class PickingWorld:
    """One shop; who acts, does so by what he has seen, which may be over by now."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        rules = Policy(version=1, picks=True, put_back_first=seed % 3 > 0, losers_wait=seed % 2 == 0)
        self.watched = Watched(rules)
        self.now_ms, self.said = DAY_ZERO_MS, 0
        self.seen: list[PickTask] = []
        self.struck: Counter[str] = Counter()

    def run(self) -> None:
        """Take all steps; the checkers have nothing to say after each, nor at the end."""
        self._say(cm.AdjustStock("", "wms", tuple(cm.Movement(sku, 20, 0, _RECEIPT, 0) for sku in SKUS)))
        for step in range(STEPS):
            self.now_ms += self.random.choices((0, 1_000, 60_000, HOUR_MS, 3 * DAY_MS), (10, 60, 30, 2, 0.3))[0]
            if self.random.random() < 0.02:
                self.watched.restart()
            elif self.random.random() < 0.02:
                self.struck["rules"] += 1
                rules = self.watched.ledger.policy
                self.watched.adopt(
                    replace(rules, version=rules.version + 1, put_back_first=not rules.put_back_first), self.now_ms
                )
            else:
                self._say(self.random.choice((self._order, self._stock, self._pick, self._pick, self._pick))())
            assert check(self.watched.ledger) == []
            if step % LOOK == 0:
                self._look()
        self.watched.wait(self.now_ms + 30 * DAY_MS)
        assert [*self.watched.complaints(), *self.watched.mistold()] == []
        self._count()

    def _look(self) -> None:
        """The audit has the same books and tasks."""
        ledger, result = self.watched.ledger, self.watched.audited()
        assert result.violations == ()
        assert [*compare(result, self.watched.stock()), *compare_tasks(result.tasks, ledger.picks.ends())] == []

    def _say(self, command: cm.Command) -> None:
        self.said += 1
        missed = sum(units for each in self.watched.ledger.positions.values() for _, units in each.missed)
        told = self.watched.say(replace(command, key=f"k{self.said}"), self.now_ms)
        left = sum(units for each in self.watched.ledger.positions.values() for _, units in each.missed)
        self.struck["missed and explained"] += left < missed and not isinstance(command, cm.CountStock)
        self.struck["counted without holds"] += isinstance(command, cm.CountStock) and len(told.events) > 0
        self.struck["owed to a quota"] += any(task.quotas for task in self.watched.ledger.picks.rows.values())
        if self.random.random() < 0.7:  # what somebody sees, and acts by later
            self.seen = [*self.watched.ledger.picks.rows.values()]

    def _order(self) -> cm.Command:
        random = self.random
        numbers = [*self.watched.ledger.reservations]
        if not numbers or random.random() < 0.3:
            lines = tuple((random.choice(SKUS), random.randint(1, 4)) for _ in range(random.randint(1, 2)))
            return cm.Reserve("", f"c{self.said}", random.choice(("web", "app")), "", lines, 0)
        number = random.choice(numbers)
        some = ((random.choice(SKUS), 1),) if random.random() < 0.5 else ()
        steps: tuple[cm.Command, ...] = (
            *(cm.Confirm("", number, 0) for number in numbers[-4:]),
            cm.MarkReady("", number),
            cm.Release("", number, ReleaseReason.NO_SHOW, some),
            cm.Release("", number, ReleaseReason.NO_SHOW, some),
            cm.Collect("", number, "p", some),
            cm.Amend("", number, ((random.choice(SKUS), random.randint(1, 3)),), 0, 0),
        )
        return random.choice(steps)

    def _stock(self) -> cm.Command:
        random, sku = self.random, self.random.choice(SKUS)
        match random.randint(0, 4):
            case 0:
                return cm.AdjustStock("", "wms", (cm.Movement(sku, random.randint(1, 6), 0, _RECEIPT, 0),))
            case 1:  # a till that was cut off
                age_ms = random.choice((0, HOUR_MS // 6, DAY_MS))
                return cm.AdjustStock("", "till", (cm.Movement(sku, -1, 0, cm.AdjustmentKind.SALE, age_ms),))
            case 2:
                as_of_ms = random.choice((0, 0, self.now_ms - HOUR_MS))
                return cm.CountStock("", ((sku, random.randint(4, 16)),), as_of_ms, random.random() < 0.5)
            case _:
                lines = ((sku, random.randint(1, 5)),)
                ends_ms = random.choice((HOUR_MS, DAY_MS))
                return cm.AllotStock(
                    "", HolderKind.CHANNEL, random.choice(("web", "app")), lines, (), ends_ms, "", True
                )

    def _pick(self) -> cm.Command:
        random = self.random
        if not self.seen or random.random() < 0.3:
            return ClaimPick("", 0, random.choice(PICKERS), random.choice((0, HOUR_MS)))
        task = random.choice(self.seen)
        of = "", task.number, task.picker_id or random.choice(PICKERS)
        if task.back and random.random() < 0.5:
            return PutBack(*of, random.choice((task.back, task.back[:1], ((task.back[0][0], 1),))))
        missing = [line for line in cm.by_sku(task.lines) if line[1] > dict(task.picked).get(line[0], 0)]
        if task.status is not PickStatus.PICKING:
            return random.choice((ClaimPick("", task.number, of[2], 0), NoteArrival("", task.number, "p4")))
        if not missing:
            return FinishPick(*of, "b1", random.random() < 0.7)
        sku, units = random.choice(missing)
        if random.random() < 0.6:
            return ScanPick(*of, sku, random.choice((1, units)))
        choice = random.choice((ShortChoice.WITHOUT, ShortChoice.WITHOUT, ShortChoice.LATER))
        return ShortPick(*of, sku, 1, choice, wait_ms=HOUR_MS if choice is ShortChoice.LATER else 0)

    def _count(self) -> None:
        drawn = {sku for record in self.watched.records for sku in _drawn(record.event)}
        for record in self.watched.records:
            event = record.event
            if isinstance(event, PickPutBack):
                after = event.answer
                self.struck["put back by nobody"] += not event.key
                self.struck["put back in part"] += after is not None and len(after.back) > 0
            elif isinstance(event, PickShorted):
                self.struck["put off"] += event.promise_ms > 0
                self.struck["written off beside a quota"] += event.written_off > 0 and bool(drawn)


_RECEIPT: Final = cm.AdjustmentKind.RECEIPT


def _drawn(event: object) -> tuple[str, ...]:
    return tuple(sku for _, sku, _ in getattr(event, "drawn", ()))


def test_every_shop_that_picks_keeps_its_promises() -> None:
    struck: Counter[str] = Counter()
    for seed in range(SEEDS):
        world = PickingWorld(seed)
        try:
            world.run()
        except AssertionError as error:
            error.add_note(f"seed {seed}, at step {world.said}")
            raise
        struck.update(world.struck)
    assert set(+struck) >= CAUSES, struck
