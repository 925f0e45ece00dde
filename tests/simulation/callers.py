"""What callers ask for, by chance: commands of every kind, for reservations that exist and that do not."""

from random import Random
from typing import Any, Final

from msgspec.structs import replace

from actors.core.policy import DAY_MS, HOUR_MS
from actors.core.status import PickStatus, ReleaseReason, ShortChoice
from actors.shop import commands as cm
from actors.shop.allotments.allotment import Allotment, HolderKind
from actors.shop.picking.pick_task import (
    ClaimPick,
    FinishPick,
    NoteArrival,
    PickTask,
    PutBack,
    ReleasePick,
    ScanPick,
    ShortPick,
)
from actors.shop.returns.sale_return import Return
from actors.shop.shortfalls.shortfall import Resolution, ResolveShortfall
from actors.shop.state import Reservation, StockOutcome

SKUS: Final = ("A", "B", "C", "never stocked")
CUSTOMERS: Final = ("ann", "bob", "cid", "dan")
TOLD: Final = {
    PickStatus.TO_PICK: "task told",
    PickStatus.PICKING: "task told",
    PickStatus.PICKED: "task picked",
    PickStatus.READY: "task picked",
    PickStatus.TO_PUT_BACK: "task over",
    PickStatus.PUT_BACK: "task over",
    PickStatus.WITHDRAWN: "task over",
}
SOURCES: Final = ("till", "wms")
TTLS_MS: Final = (0, 0, 1, HOUR_MS // 6, 3 * HOUR_MS, DAY_MS, 90 * DAY_MS)
WAITS_MS: Final = (HOUR_MS // 6, HOUR_MS, 5 * HOUR_MS, DAY_MS)
CHANNELS: Final = ("web", "app")
TILLS: Final = ("t1", "t2")
PICKERS: Final = ("eva", "kim")
LEASES_MS: Final = (0, HOUR_MS, HOUR_MS, 1)
ENDS_MS: Final = (HOUR_MS // 6, HOUR_MS, 5 * HOUR_MS)
ASKED: Final = (ReleaseReason.CUSTOMER_CANCELLED, ReleaseReason.PAYMENT_FAILED, ReleaseReason.NO_SHOW)


def picks_by(number: int) -> dict[str, Any]:
    """Whether a shop picks, and how, and how long who is served in line may take, by a number of its world. None of it
    is of the first format.
    """
    take_up_ms = HOUR_MS // 6 if number % 5 < 2 else 0
    return {"picks": number % 8 > 0, "put_back_first": number % 3 == 0, "line_take_up_ms": take_up_ms}


class Callers:
    """A source of commands. `numbers` are the reservations that callers have heard of, `quotas` those of channels,
    `taken` what tills have taken, `tasks` those of shortfalls, `picks` pick tasks as they were told, by number, and
    `collected` what was collected.
    """

    def __init__(self, random: Random) -> None:
        self.numbers: list[int] = []
        self.quotas: list[int] = []
        self.taken: list[int] = []
        self.tasks: list[int] = []
        self.picks: dict[int, PickTask] = {}
        self.collected: list[int] = []
        self.return_goods = True  # which no gateway of an earlier format can send
        self._random = random
        self._keys = 0

    def fresh(self) -> cm.Command:
        """A command under a key of its own."""
        self._keys += 1
        return self.about(f"k{self._keys}")

    def about(self, key: str) -> cm.Command:
        """Any command under a key."""
        kinds = (self._reserve, self._step, self._adjust, self._count, self._of_allotments, self._miss, self._pick)
        (kind,) = self._random.choices(
            (*kinds, self._return), weights=(50, 35, 12, 3, 8, 12, 50, 10 * self.return_goods)
        )
        return kind(key)

    def hear(self, given: Allotment | PickTask) -> str:
        """Its holder has the answer, or its picker; returns what has struck."""
        if isinstance(given, PickTask):
            self.picks[given.number] = given
            return TOLD[given.status]
        is_channels = given.kind is HolderKind.CHANNEL
        (self.quotas if is_channels else self.taken).append(given.number)
        return "allotted to a channel" if is_channels else "allotted to a till"

    def learn(self, reservation: Reservation) -> None:
        """A reservation is as it was told."""
        if reservation.number not in self.numbers:
            self.numbers.append(reservation.number)
        if reservation.units_collected() and reservation.number not in self.collected:
            self.collected.append(reservation.number)

    def _lines(self, most: int) -> cm.Lines:
        count = self._random.choice((1, 1, 1, 2, 3))
        return tuple((self._random.choice(SKUS[:3]), self._random.randint(1, most)) for _ in range(count))

    def _reserve(self, key: str) -> cm.Command:
        random = self._random
        basket = random.choice(("", "", "b1", "b2"))
        lines = self._lines(4) if random.random() < 0.95 else ((random.choice(SKUS), 99),)
        if random.random() < 0.3:  # many units, or all would be there
            line = (random.choice(SKUS[:3]), random.randint(1, 60))
            ttl_ms, wait_ms = random.choice(TTLS_MS[:4]), random.choice(WAITS_MS)
            return cm.Reserve(key, f"{random.choice(CUSTOMERS)} 2", "web", basket, (line,), ttl_ms, wait_ms=wait_ms)
        return cm.Reserve(key, random.choice(CUSTOMERS), random.choice(CHANNELS), basket, lines, random.choice(TTLS_MS))

    def _step(self, key: str) -> cm.Command:
        random = self._random
        number = random.choice(self.numbers) if self.numbers and random.random() < 0.95 else random.randint(1, 999)
        lines = self._lines(2) if random.random() < 0.3 else ()
        match random.randint(0, 4):
            case 0:
                return cm.Confirm(key, number, random.choice(TTLS_MS))
            case 1:
                return cm.MarkReady(key, number)
            case 2:
                return cm.Collect(key, number, f"p{random.randint(1, 9)}", lines)
            case 3:
                return cm.Release(key, number, random.choice(ASKED), lines)
            case _:
                return cm.Extend(key, number, random.choice(TTLS_MS) or HOUR_MS)

    def _return(self, key: str) -> cm.Command:
        """Goods come back, of what was collected, whole or by line; some of them are broken."""
        random = self._random
        lines = self._lines(2) if random.random() < 0.5 else ()
        number = random.choice(self.collected) if self.collected else random.randint(1, 999)
        return Return(key, number, lines, lines[: random.randint(0, 1)], random.choice(("", "r1")))

    def _adjust(self, key: str) -> cm.Command:
        random = self._random
        source = random.choice(SOURCES)
        rows = []
        for _ in range(random.randint(1, 3)):
            sequence = random.choice((0, 0, 0, 1))  # the next number, whichever that is; now and then one seen before
            kind = random.choice(tuple(cm.AdjustmentKind))
            units = random.randint(1, 12)
            delta = {cm.AdjustmentKind.SALE: -units, cm.AdjustmentKind.CORRECTION: random.choice((-units, units))}
            rows.append(cm.Movement(random.choice(SKUS[:3]), delta.get(kind, 2 * units), sequence, kind, 0))
        return cm.AdjustStock(key, source, tuple(rows))

    def lost(self, version: int, outcome: StockOutcome) -> None:
        """A change of stock made shortfalls, by this version. Each loser has a task, of an event behind."""
        losers = {number for short in outcome.shortfalls for number, _ in short.losses}
        first = version + len(outcome.shortfalls) + 1
        self.tasks += range(first, first + len(losers) + 1)  # and more where a quota lost some before

    def _resolve(self, key: str) -> cm.Command:
        """One of the newest tasks, which may be closed."""
        ways = Resolution.MOVED, Resolution.WAITING, Resolution.WAITING, Resolution.RELEASED
        resolution = self._random.choice(ways)
        moved_to = self._random.choice(("S2:7", "")) if resolution is Resolution.MOVED else ""
        return ResolveShortfall(key, self._random.choice(self.tasks[-5:]), resolution, moved_to=moved_to)

    def _miss(self, key: str) -> cm.Command:
        """Fewer are there than are promised, mostly; or somebody does something about who lost some."""
        if self.tasks and self._random.random() < 0.5:
            return self._resolve(key)
        return cm.CountStock(key, ((self._random.choice(SKUS[:3]), self._random.randint(0, 8)),), 0, True)

    def _pick(self, key: str) -> cm.Command:
        """A picker takes a task, or somebody goes on with one that he was told of; now and then in vain."""
        random = self._random
        task = random.choice(list(self.picks.values())[-2:]) if self.picks and random.random() < 0.8 else None
        if task is None or random.random() < 0.05:
            if self.numbers and random.random() < 0.5:
                return cm.Confirm(key, random.choice(self.numbers[-4:]), DAY_MS)
            return ClaimPick(key, 0, random.choice(PICKERS), random.choice(LEASES_MS))
        of = key, task.number, task.picker_id or random.choice(PICKERS)
        if random.random() < 0.1:
            return ClaimPick(key, task.number, random.choice(PICKERS), HOUR_MS)
        if random.random() < 0.1:
            others = (NoteArrival(key, task.number, "p4"), ReleasePick(*of), FinishPick(*of, "b1", True), PutBack(*of))
            return random.choice(others)
        match task.status:
            case PickStatus.TO_PICK:
                return ClaimPick(key, task.number, random.choice(PICKERS), HOUR_MS)
            case PickStatus.PICKING if dict(task.picked) != dict(cm.by_sku(task.lines)):
                return self._short(of, task) if random.random() < 0.15 else self._scan(of, task)
            case PickStatus.PICKING:
                return FinishPick(*of, "b1", random.random() < 0.7)
            case _:
                self.picks[task.number] = replace(task, status=PickStatus.TO_PUT_BACK)
                if task.status is PickStatus.TO_PUT_BACK:
                    return PutBack(*of)
                return cm.Release(key, task.number, ReleaseReason.NO_SHOW, ())

    def _short(self, of: tuple[str, int, str], task: PickTask) -> cm.Command:
        random, choice = self._random, self._random.choice(tuple(ShortChoice))
        sku, units = random.choice(task.lines or (("A", 1),))
        of_line = *of, sku, random.randint(1, max(1, units)), choice
        if choice is not ShortChoice.SUBSTITUTE:
            return ShortPick(*of_line, wait_ms=random.choice(TTLS_MS) if choice is ShortChoice.LATER else 0)
        return ShortPick(*of_line, random.choice(SKUS), random.randint(1, 4), is_listed=random.random() < 0.9)

    def _scan(self, of: tuple[str, int, str], task: PickTask) -> cm.Command:
        picked = dict(task.picked)
        missing = [(sku, units - picked.get(sku, 0)) for sku, units in cm.by_sku(task.lines)]
        missing = [(sku, units) for sku, units in missing if units > 0]
        if not missing or self._random.random() < 0.15:
            return ScanPick(*of, self._random.choice(SKUS), self._random.choice((-1, 1, 9)))
        return ScanPick(*of, *self._random.choice(missing))

    def _count(self, key: str) -> cm.Command:
        random = self._random
        if random.random() < 0.4:
            return cm.SetSafetyStock(key, ((random.choice(SKUS[:3]), random.randint(0, 3)),))
        return cm.CountStock(key, ((random.choice(SKUS[:3]), random.randint(0, 40)),), 0, random.random() < 0.5)

    def _of_allotments(self, key: str) -> cm.Command:
        """Units for a till or a channel, or one of those that there are is extended or over; tills sell nothing."""
        random, known = self._random, [*self.quotas, *self.taken]
        if not known or random.random() < 0.5:
            return self._allot(key)
        if random.random() < 0.3:
            return self._give(key)
        number = random.choice(known)
        if random.random() < 0.4:
            return cm.ExtendAllotment(key, number, random.choice(ENDS_MS))
        return cm.ReturnAllotment(key, number, settled=number in self.taken)

    def _allot(self, key: str) -> cm.Command:
        random = self._random
        if random.random() < 0.4:
            return self._to_till(key, random.choice(TILLS))
        shares = ((random.choice(SKUS[:3]), random.randint(1, 500)),) if random.random() < 0.3 else ()
        of = HolderKind.CHANNEL, random.choice(CHANNELS), () if shares else self._lines(6), shares
        return cm.AllotStock(key, *of, random.choice(ENDS_MS), "", random.random() < 0.5)

    def _to_till(self, key: str, till: str) -> cm.Command:
        return cm.AllotStock(key, HolderKind.TILL, till, self._lines(4), (), self._random.choice(ENDS_MS), "")

    def _give(self, key: str) -> cm.Command:
        number = self._random.choice(self.numbers) if self.numbers else 1
        return cm.Give(key, number, self._random.choice(TILLS), HOUR_MS)
