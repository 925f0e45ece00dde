"""One shop whose tills are cut off: a world with allotments, and what must hold of them at its end besides.

Tills sell what they were given while nobody hears of it, and settle late, twice, or never; quotas are drawn and end;
counts come at any time. Reservations that a till was given are amended while it hands them out. Whatever is asked is
killed and repeated as all else.
"""

from random import Random
from typing import Final, NamedTuple

from actors.core.rejection import Reason, Rejection
from actors.core.status import LIVE
from actors.protocol.messages import Stopped
from actors.shop import commands as cm
from actors.shop.allotments.allotment import Allotment, AllotmentStatus, HolderKind
from actors.shop.picking.pick_task import PickTask
from actors.shop.state import Remembered, Reservation
from tests.simulation.callers import ASKED, CHANNELS, CUSTOMERS, ENDS_MS, SKUS, TILLS, WAITS_MS, Callers
from tests.simulation.checks import Broken, check
from tests.simulation.world import STORE_ID, Parts, World

_LESS_IS_THERE: Final = frozenset({Reason.LINE_NOT_FOUND, Reason.QUANTITY_EXCEEDS_HELD})


class Till:
    """What one till was given, what of it is left by its own book, and what it has not said."""

    def __init__(self, given: Allotment) -> None:
        self.number, self.until_ms = given.number, given.expires_at_ms
        self.left = {line.sku: line.left for line in given.lines}
        self.unsaid: list[tuple[str, int, int]] = []  # SKU, units, and when
        self.said = 0


class Given(NamedTuple):
    """What a till was given of one reservation: until then it alone hands it out, also while it is cut off."""

    till: str
    until_ms: int
    lines: cm.Lines
    version: int  # of the ledger, as it was given


class TillCallers(Callers):
    """A source of commands of which half are about allotments. `now_ms` is the till's clock."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.tills: dict[int, Till] = {}
        self.live: dict[int, None] = {}  # reservations, by what was heard last
        self.given: dict[int, Given] = {}
        self.handed: dict[str, Given] = {}  # what was handed out, by the key under which its till says so
        self.handed_versions: dict[int, int] = {}  # as of which reservations were handed out: a till does so once
        self.now_ms = 0
        self.sold = 0

    def about(self, key: str) -> cm.Command:
        random = self._random
        if random.random() < 0.5:
            return super().about(key)
        kinds = (self._allot, self._sale, self._end, self._extend, self._give, self._hand_over, self._count_all)
        (kind,) = random.choices((*kinds, self._of_given), weights=(25, 35, 8, 5, 15, 7, 15, 40))
        return kind(key)

    def hear(self, given: Allotment | PickTask) -> str:
        """Its holder has the answer."""
        if isinstance(given, PickTask) or given.kind is HolderKind.CHANNEL:
            return super().hear(given)
        if given.status is AllotmentStatus.OPEN:
            till = self.tills.setdefault(given.number, Till(given))
            till.until_ms = max(till.until_ms, given.expires_at_ms)
        return "allotted to a till"

    def _allot(self, key: str) -> cm.Command:
        return self._to_till(key, "till") if self._random.random() < 0.4 else super()._allot(key)

    def _sale(self, key: str) -> cm.Command:
        """A till has sold some while it was cut off, and comes back, or does not yet."""
        random = self._random
        if not self.tills:
            return self._allot(key)
        till = self.tills[random.choice(list(self.tills))]
        sku = random.choice(list(till.left))
        units = random.randint(1, 3)
        if self.now_ms < till.until_ms and units <= till.left[sku]:
            till.left[sku] -= units
            till.unsaid.append((sku, units, self.now_ms))
            self.sold += 1
        if random.random() < 0.4:
            return super().about(key)
        rows = self.rows_of(till)
        return cm.AdjustStock(key, f"till {till.number}", rows) if rows else self._reserve(key)

    def rows_of(self, till: Till) -> tuple[cm.Movement, ...]:
        """What it says, in the numbers that it has for it. It says it until it is answered, and then no more."""
        rows = tuple(
            cm.Movement(sku, -units, till.said + place, cm.AdjustmentKind.SALE, self.now_ms - at_ms + 1, till.number)
            for place, (sku, units, at_ms) in enumerate(till.unsaid, start=1)
        )
        till.said += len(rows)
        till.unsaid.clear()
        return rows

    def _end(self, key: str) -> cm.Command:
        random = self._random
        if self.quotas and random.random() < 0.4:
            return cm.ReturnAllotment(key, random.choice(self.quotas), settled=False)
        if not self.tills:
            return self._allot(key)
        till = self.tills[random.choice(list(self.tills))]
        if till.unsaid:
            return cm.ReturnAllotment(key, till.number, settled=False)
        till.left = dict.fromkeys(till.left, 0)
        return cm.ReturnAllotment(key, till.number, settled=True)

    def _extend(self, key: str) -> cm.Command:
        known = [*self.tills, *self.quotas] or [1]
        return cm.ExtendAllotment(key, self._random.choice(known), self._random.choice(ENDS_MS))

    def _give(self, key: str) -> cm.Command:
        """One that was live when somebody last heard of it."""
        number = self._random.choice(list(self.live)[-3:]) if self.live else 1
        return cm.Give(key, number, self._random.choice(TILLS), self._random.choice(ENDS_MS))

    def _hand_over(self, key: str) -> cm.Command:
        number = self._random.choice(self.numbers) if self.numbers else 1
        return cm.Collect(key, number, "p1", (), self._random.choice(("", *TILLS)))

    def _of_given(self, key: str) -> cm.Command:
        """Somebody changes what a till was given, or that till has handed out all of it, and is back in time."""
        random = self._random
        self.given = {number: each for number, each in self.given.items() if self.now_ms < each.until_ms}
        if not self.given:
            return self._give(key)
        number, given = random.choice(list(self.given.items()))
        if random.random() < 0.3:
            self.handed[key] = self.given.pop(number)
            self.handed_versions[number] = given.version
            return cm.Collect(key, number, "p1", given.lines, given.till)
        if random.random() < 0.3:
            return cm.Release(key, number, random.choice(ASKED), self._lines(1))
        lines = self._lines(3) if random.random() < 0.7 else given.lines
        return cm.Amend(key, number, lines, 0, 0)

    def _count_all(self, key: str) -> cm.Command:
        random = self._random
        if random.random() < 0.5:
            customer, channel = random.choice(CUSTOMERS), random.choice(CHANNELS)
            if random.random() < 0.5:  # few enough for a quota, and waits for them
                line = (random.choice(SKUS[:3]), random.randint(1, 4))
                return cm.Reserve(key, customer, channel, "", (line,), 0, wait_ms=random.choice(WAITS_MS))
            return cm.Reserve(key, customer, channel, "", self._lines(5), 0)
        units = ((random.choice(SKUS[:3]), random.randint(20, 80)),)
        return cm.CountStock(key, units, 0, True, random.random() < 0.7)


class TillWorld(World):
    """A world with such callers."""

    def __init__(self, seed: int, parts: Parts | None = None) -> None:
        super().__init__(seed, parts)
        self.callers: TillCallers = TillCallers(self.random)

    def ask(self, batch: list[cm.Command]) -> None:
        super().ask(batch)
        ledger = self.host._hosted[STORE_ID].ledger
        self.callers.now_ms = self._ledger_ms()
        rows = ledger.allotments.rows.values()
        self.struck["unknown"] += any(each.status is AllotmentStatus.UNKNOWN for each in rows)
        held = (ledger.reservations[number] for number in ledger.allotments.drawn)
        self.struck["served by a quota"] += any(each.in_line is not None for each in held)
        self.struck["counted"] += any(each.status is AllotmentStatus.COUNTED for each in rows)

    def _hear(self, command: cm.Command, answer: Remembered | Stopped) -> None:
        """Besides: what a till hands out in time is there to be handed out, or over and nobody's any more."""
        super()._hear(command, answer)
        assert not isinstance(answer, Stopped), "that is broken"
        value = answer if isinstance(answer, Reservation) else answer.answer
        if isinstance(command, cm.Give) and isinstance(value, Reservation):
            lines = cm.by_sku(value.held_lines())
            if value.version > self.callers.handed_versions.get(value.number, 0):  # and no repeat of an earlier answer
                self.callers.given[value.number] = Given(value.till, value.till_until_ms, lines, value.version)
        given = self.callers.handed.pop(command.key, None)
        if not isinstance(command, cm.Collect) or given is None:
            return
        in_time = self._ledger_ms() < given.until_ms and command.number not in self.lost
        self.struck["handed out in time"] += in_time and isinstance(value, Reservation)
        if in_time and isinstance(value, Rejection) and value.reason in _LESS_IS_THERE:
            raise Broken("I3", f"{given.till} handed out {given.lines} of {command.number}, and is told {value}")

    def _learn(self, value: object) -> None:
        super()._learn(value)
        if isinstance(value, Reservation):
            self.callers.live.pop(value.number, None)
            if value.status in LIVE:
                self.callers.live[value.number] = None
        if isinstance(value, Rejection):
            self.struck["refused to others"] += value.reason is Reason.GIVEN_TO_TILL
        self.struck["settled late"] += getattr(value, "settled_late", 0)

    def _quiet(self) -> None:
        """Besides: tills that never came back are unknown, until all is counted; then nothing is with anybody."""
        super()._quiet()
        self.struck["sold cut off"] += self.callers.sold
        ledger = self.host._hosted[STORE_ID].ledger
        open_ones = [each for each in ledger.allotments.rows.values() if each.status is AllotmentStatus.OPEN]
        if open_ones:
            raise Broken("I12", f"still open: {open_ones}")
        for sku, position in ledger.positions.items():
            if position.allotted != ledger.allotments.unknown(sku):
                raise Broken("I12", f"{position.allotted} of {sku} allotted, {ledger.allotments.unknown(sku)} unknown")
        counts = tuple((sku, max(0, position.on_hand)) for sku, position in ledger.positions.items())
        self.ask([cm.CountStock("the last count", counts, 0, True)])
        left = {sku: position.allotted for sku, position in ledger.positions.items() if position.allotted}
        if left:
            raise Broken("I12", f"still allotted once all was counted: {left}")
        before = {sku: position.on_hand for sku, position in ledger.positions.items()}
        self.callers.now_ms = self._ledger_ms()
        for till in self.callers.tills.values():
            rows = self.callers.rows_of(till)
            was_counted = ledger.allotments.rows[till.number].status is AllotmentStatus.COUNTED
            if rows and was_counted:
                self.ask([cm.AdjustStock(f"late {till.number}", f"till {till.number}", rows)])
        after = {sku: position.on_hand for sku, position in ledger.positions.items()}
        if after != before:
            raise Broken("I1", f"on hand {before}, and {after} once tills had said what they sold before the count")
        check(self.host, self.disk, STORE_ID)
