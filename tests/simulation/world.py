"""One shop, its disk, its clock, its callers and whatever befalls them, driven by one seed and nothing else."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from actors.core.answers import Recorded
from actors.core.policy import CALL_MS_MAX, DAY_MS, HOUR_MS, LimitRule, LosesFirst, Policy
from actors.core.rejection import UNRECORDED, Reason, Rejection
from actors.core.status import Status
from actors.journal.port import Fenced, Journal, JournalError
from actors.protocol.messages import Stopped
from actors.runtime.clock import SLEW_PER_MILLE_MAX, Clock, SystemClock
from actors.runtime.kinds import SHOP
from actors.runtime.ledger_host import LedgerHost
from actors.runtime.refusals import ATTEMPTS_MAX
from actors.shop import commands as cm
from actors.shop.allotments.allotment import Allotment
from actors.shop.picking.pick_task import PickTask
from actors.shop.state import Remembered, Reservation, StockOutcome
from tests.journal.memory import MemoryDisk, MemoryJournal
from tests.runtime.actors_here import Ended
from tests.runtime.breaking import BreakingJournal
from tests.runtime.runtime_fixture import ManualClock
from tests.simulation import checks
from tests.simulation.callers import Callers, picks_by
from tests.simulation.checks import Broken

TURNS: Final = 45
TRIES_MAX: Final = 20
BOOT: Final = "boot"
POISON, LETHAL = "poison", "lethal"
STORE_ID, OTHER_ID = "S1", "S2"  # of the same journal
NS: Final = 1_000_000  # in a millisecond
EXTENDED_DAYS: Final = 7  # a key that made nothing is forgotten after three
QUIET_MAX: Final = 4
ASKED_AGAIN_MAX: Final = 25  # of all answers, after each crash; at the end every one


def _failing(ledger: Any, command: Any, now_ms: int, is_behind: bool, **more: Any) -> Any:
    """The rules of a shop, which fail half way, or end the process, where a key begins so."""
    found = SHOP.transact(ledger, command, now_ms, is_behind, **more)
    if command.key.startswith(LETHAL):
        raise Ended(command.key)
    if command.key.startswith(POISON):
        raise ArithmeticError(command.key)
    return found


CORE: Final = SHOP._replace(transact=_failing)


class Parts(NamedTuple):
    """What the world is made of. The real thing, unless a test wants to see a checker catch something else."""

    host: Callable[..., LedgerHost] = LedgerHost
    journal: Callable[[MemoryDisk], Journal] = MemoryJournal
    picks: Callable[[int], dict[str, Any]] = picks_by  # the rules of picking, which only a later format can say


class World:
    """Run it once. `script` says what happened, `struck` counts it."""

    def __init__(self, seed: int, parts: Parts | None = None) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.parts = parts or Parts()
        self.machine = ManualClock()
        self.has_own_clock = seed % 2 == 1  # over the machine's, which is set; else the machine's is taken as it is
        self.passed_ms = 0  # by a clock that nobody sets
        self.latest_ms = self.machine.at_ms  # no ledger time can be later
        self.disk = MemoryDisk()
        self.policy = Policy(
            version=1,
            ttl_ms_max=2 * DAY_MS,
            loses_first=LosesFirst(1 + seed // 2 % 2),
            losers_wait=seed % 4 > 0,
            **self.parts.picks(seed),
        )
        self.callers = Callers(self.random)
        self.answers: dict[str, tuple[cm.Command, Remembered]] = {}
        self.heard_ms: dict[str, int] = {}  # when, by ledger time
        self.doubtful: dict[str, cm.Command] = {}  # asked, and never answered
        self.deadlines_ms: dict[int, int] = {}  # as callers were told
        self.lost: set[int] = set()  # reservations that have lost units in a shortfall
        self.script: list[str] = []
        self.struck: Counter[str] = Counter()
        self._take_over()

    def _take_over(self) -> None:
        self.journal = BreakingJournal(self.parts.journal(self.disk))
        self.clock = self._clock()
        self.host = self.parts.host(CORE, self.journal, self.clock, lambda _: self.policy, lambda _: None)
        self.host.recover(self.journal.ledger_ids())
        self._attempt(self.host.upkeep.do)  # as within the first tenth of a second of any process

    def _clock(self) -> Clock:
        if not self.has_own_clock:
            return self.machine
        mark = self.journal.kept_clock()
        return SystemClock(mark, lambda: self.machine.at_ms * NS, lambda: self.passed_ms * NS, BOOT)

    def run(self) -> None:
        """From an empty shop to a quiet one. Raises Broken."""
        self.ask([_opening("opening")])
        self._attempt(self.host.upkeep.do)  # as within the first tenth of a second: no mark without a ledger
        for _ in range(TURNS):
            happens = (self._calls, self._time, self._sweep, self._snapshot, self._crash, self._zombie, self._rules)
            turns, weights = (*happens, self._rules_fail, self._rules_end), (60, 16, 5, 5, 8, 3, 3, 3, 2)
            self.random.choices(turns, weights=weights)[0]()
        self._recover("the end")
        self._lives_long()
        self._quiet()

    def _calls(self) -> None:
        """One batch: fresh commands, repeats, and keys that are used again for something else."""
        batch: list[cm.Command] = []
        for _ in range(self.random.randint(2, 5)):
            chance = self.random.random()
            self._end_refused_calls()
            if chance < 0.15 and self.answers:
                batch.append(self.answers[self.random.choice(list(self.answers))][0])
                self.struck["repeat"] += 1
            elif chance < 0.2 and self.answers:
                batch.append(self.callers.about(self.random.choice(list(self.answers))))
                self.struck["key used again"] += 1
            else:
                batch.append(self.callers.fresh())
        self.ask(batch)

    def _ledger_ms(self) -> int:
        if STORE_ID not in self.host._hosted:
            raise Broken("I8", "what was read from the disk is no sound ledger, and it is stopped")
        return max(self.clock.now_ms(), int(self.host._hosted[STORE_ID].ledger.time_ms))

    def _end_refused_calls(self) -> None:
        """No copy of a call arrives after its deadline, so nobody asks again for a refusal that is older."""
        for key, (_, answer) in list(self.answers.items()):
            is_refused = isinstance(answer, Recorded) and isinstance(answer.answer, Rejection)
            if is_refused and self._ledger_ms() > self.heard_ms[key] + CALL_MS_MAX:
                del self.answers[key]
                self.struck["refusal out of time"] += 1

    def _time(self) -> None:
        by_ms = self.random.choice((1, 1_000, HOUR_MS // 6, HOUR_MS // 6, HOUR_MS, 5 * HOUR_MS, -1_000, -2 * HOUR_MS))
        self.struck["clock back" if by_ms < 0 else "clock on"] += 1
        self.script.append(f"clock {by_ms:+}")
        if self.has_own_clock and (by_ms < 0 or self.seed % 4 == 1):
            self.machine.move(by_ms)  # it is set; hardly any time has passed
            self.struck["clock set ahead"] += by_ms > 0
        else:
            self._pass(by_ms)

    def _pass(self, by_ms: int) -> None:
        self.machine.move(by_ms)
        if self.has_own_clock:
            self.passed_ms += by_ms
            self.latest_ms += by_ms + by_ms * SLEW_PER_MILLE_MAX // 1_000
        else:
            self.latest_ms = max(self.latest_ms, self.machine.at_ms)

    def _sweep(self) -> None:
        if self.random.random() < 0.2:
            self.journal.fail_call("checkpoint")
            self.struck["checkpoint failed"] += 1
        self.script.append("sweep")
        self._attempt(self.host.sweep)
        self._attempt(self.host.upkeep.do)

    def _snapshot(self) -> None:
        if self.random.random() < 0.2:
            self.journal.fail_call("write_snapshot")
            self.struck["snapshot failed"] += 1
        self.script.append("snapshot")
        self.struck["snapshot"] += 1
        self._attempt(lambda: self.host.snapshot(STORE_ID, lambda: None))

    def _rules(self) -> None:
        limits = (LimitRule("", "", 3, 0),) if self.random.random() < 0.5 else ()
        ttl_ms = self.random.choice((HOUR_MS, 2 * HOUR_MS))
        self.policy = Policy(
            self.policy.version + 1,
            paused=self.random.random() < 0.1,
            ttl_ms_default=ttl_ms,
            ttl_ms_max=2 * DAY_MS,
            limit_rules=limits,
            loses_first=LosesFirst(1 + self.policy.version // 2 % 2),
            losers_wait=self.policy.version % 2 == 1,
            **self.parts.picks(self.seed + self.policy.version),
        )
        self.struck["rules"] += 1
        self.script.append(f"rules {self.policy.version}")

    def _crash(self) -> None:
        """Kill -9 between two calls, or at the next append: before it, or after it and before the answer."""
        where = self.random.choice(("idle", "before append", "after append"))
        self.struck[f"crash {where}"] += 1
        self.script.append(f"crash {where}")
        if where == "idle":
            self._recover(where)
        elif where == "before append":
            self.journal.fail_before()
        else:
            self.journal.fail_after()

    def _zombie(self) -> None:
        """A successor takes over, and the owner before, which nobody told, is asked for something new or again."""
        stale, self.struck["zombie"] = self.host, self.struck["zombie"] + 1
        asked = self.callers.about(f"zombie {len(self.script)}")
        if self.answers and self.random.random() < 0.5:
            asked, _ = self.answers[self.random.choice(list(self.answers))]
        self.script.append(f"zombie {asked}")
        self._take_over()
        try:
            stale.step([(STORE_ID, asked)])
        except Fenced:
            return
        except JournalError:
            return  # it had a failure of its own to come
        raise Broken("I9", f"an owner that was replaced went on to answer {asked}")

    def _rules_fail(self) -> None:
        """For one command of one shop: it alone is refused, by its key, and nothing ends."""
        self.script.append("the rules fail")
        self.struck["rules failed"] += 1
        place, armed = len(self.script), self.journal.armed
        batch = [(OTHER_ID, _opening(f"{place} before")), (STORE_ID, _opening(f"{POISON} {place}"))]
        try:
            answers = checks.decided(self.host, [*batch, (OTHER_ID, _opening(f"{place} after"))])
        except JournalError as failure:
            if not armed:
                raise Broken("L10", f"no write failed, and the owner ended: {failure}") from failure
            self._recover("a failed append")
            return
        if [isinstance(answer, Stopped) for answer in answers] != [False, True, False]:
            raise Broken("I1", f"the rules failed for one command of three, which were answered {answers}")
        checks.check(self.host, self.disk, STORE_ID)

    def _rules_end(self) -> None:
        """The process, at a command that is sent alone. After two ends its key is refused, and the rest is served."""
        self.script.append("the rules end the process")
        self.struck["rules ended the process"] += 1
        place = len(self.script)
        lethal = (STORE_ID, _opening(f"{LETHAL} {place}"))
        beside = (STORE_ID, cm.AdjustStock(f"{place} beside", "opening", (_receipt("beside"),)))
        for _ in range(ATTEMPTS_MAX):
            with suppress(Ended):
                raise Broken("L10", f"what ends the process was answered {self.host.step_alone([lethal])}")
            self._take_over()
        try:
            answers = self.host.step([(OTHER_ID, _opening(f"{place} before")), lethal, beside])
            answers += self.host.step_alone([lethal, beside])
        except (Ended, JournalError) as end:
            raise Broken("L10", f"what ended its owner {ATTEMPTS_MAX} times ended the next one: {end!r}") from end
        if [isinstance(answer, Stopped) for answer in answers] != [False, True, False, True, False]:
            raise Broken("L10", f"one command of three ends the process, and they were answered {answers}")
        checks.check(self.host, self.disk, STORE_ID)

    def ask(self, batch: list[cm.Command]) -> None:
        """One step; whoever hears nothing asks again after the recovery, under the same key."""
        self.script += [str(command) for command in batch]
        waiting = batch
        for _ in range(TRIES_MAX):
            self.doubtful.update({command.key: command for command in waiting if command.key not in self.answers})
            try:
                answers = checks.decided(self.host, [(STORE_ID, command) for command in waiting])
            except JournalError as failure:
                self.script.append(f"  unknown: {failure}")
                self.struck["unknown outcome"] += 1
                self._recover("a failed append")
                continue
            for command, answer in zip(waiting, answers, strict=True):
                self._hear(command, answer)
            self.struck["drawn"] += bool(self.host._hosted[STORE_ID].ledger.allotments.drawn)
            return
        raise Broken("I8", f"asked {TRIES_MAX} times, and never answered")

    def _hear(self, command: cm.Command, answer: Remembered | Stopped) -> None:
        if isinstance(answer, Stopped):
            raise Broken("I1", answer.why)
        if (time_ms := self.host._hosted[STORE_ID].ledger.time_ms) > self.latest_ms:
            raise Broken("I11", f"the ledger's time is {time_ms}, and {self.latest_ms} at most has come")
        self.doubtful.pop(command.key, None)
        value = answer if isinstance(answer, Reservation) else answer.answer
        self.script.append(f"  {command.key}: {value}")
        first = self.answers.get(command.key)
        if first is None:
            if isinstance(value, Rejection) and value.reason is Reason.IDEMPOTENCY_KEY_REUSED:
                raise Broken("I6", f"the key {command.key} was never used before")
            if isinstance(value, Rejection) and value.reason in UNRECORDED:
                return  # the key is as free as before
            self.answers[command.key] = (command, answer)
            self.heard_ms[command.key] = self._ledger_ms()
        elif type(first[0]) is type(command) and first[0] == command:  # tuples of two kinds may be equal
            if repr(first[1]) != repr(answer):
                raise Broken("I4", f"{command.key} was answered {first[1]}, and now {answer}")
        elif not (isinstance(value, Rejection) and value.reason is Reason.IDEMPOTENCY_KEY_REUSED):
            raise Broken("I6", f"the key {command.key} was used again for something else, and answered {answer}")
        if isinstance(value, StockOutcome) and isinstance(answer, Recorded) and value.shortfalls and first is None:
            self.callers.lost(answer.version, value)
            self.lost |= {number for short in value.shortfalls for number, _ in short.losses}
        self._learn(value)

    def _learn(self, value: object) -> None:
        """What a caller knows from an answer, and what cannot be so."""
        if isinstance(value, Allotment | PickTask):
            self.struck[self.callers.hear(value)] += 1
        elif isinstance(value, Reservation):
            self.callers.learn(value)
            self.struck["goods came back"] += value.came_back is not None
            if value.status is Status.QUEUED:  # its hold may end before its time in line would have
                self.struck["waits in line"] += 1
                return
            self.deadlines_ms[value.number] = max(self.deadlines_ms.get(value.number, 0), value.expires_at_ms)
        elif isinstance(value, Rejection) and value.reason is Reason.RESERVATION_EXPIRED:
            self.struck["heard of expiry"] += 1
            known = self.answers_about(value.number)
            if known is not None and known > self.latest_ms:
                raise Broken("I11", f"reservation {value.number} expired before {known}, it is {self.latest_ms}")

    def answers_about(self, number: int) -> int | None:
        """The deadline that callers were told last, where neither a later step nor a loss may have moved it back."""
        moved = any(
            isinstance(command, cm.Confirm | cm.Extend) and command.number == number
            for command, _ in self.answers.values()
        )
        return None if moved or number in self.lost else self.deadlines_ms.get(number)

    def _attempt(self, work: Callable[[], object]) -> None:
        try:
            work()
        except JournalError as failure:
            self.script.append(f"  failed: {failure}")
            self._recover("a failure")

    def _recover(self, why: str) -> None:
        """Another process takes over what is durable, and callers ask again for some of what they were told."""
        self.script.append(f"recovery after {why}")
        self.struck["recovery"] += 1
        self._take_over()
        checks.check(self.host, self.disk, STORE_ID)
        self._end_refused_calls()
        keys = list(self.answers)
        for key in self.random.sample(keys, min(len(keys), ASKED_AGAIN_MAX)) if why != "the end" else keys:
            self._ask_again(key)
        checks.check(self.host, self.disk, STORE_ID)

    def _ask_again(self, key: str) -> None:
        """The same words, the same answer, and nothing happens."""
        command, first = self.answers[key]
        before = self.disk.heads[STORE_ID].seq
        due = checks.due(self.host, STORE_ID, self.clock.now_ms())
        (answer,) = self.host.step([(STORE_ID, command)])
        if repr(answer) != repr(first):
            raise Broken("I4", f"{key} was answered {first}, and after a recovery {answer}")
        if not due and self.disk.heads[STORE_ID].seq != before and not checks.rules_only(self.disk, STORE_ID, before):
            raise Broken("I5", f"{key} was asked again and had another effect")

    def _lives_long(self) -> None:
        """A hold is extended for longer than answers are remembered, and the first call for it asked again: a key lives
        as long as what it made.
        """
        self.policy = replace(self.policy, version=self.policy.version + 1, paused=False, limit_rules=())
        first = cm.Reserve("long", "eve", "web", "", (("long", 1),), 2 * DAY_MS)
        self.ask([cm.AdjustStock("for long", "long", (_receipt("long"),)), first])
        _, held = self.answers["long"]
        if not isinstance(held, Reservation):
            raise Broken("I2", f"a shop with stock and without limits refused {first}: {held}")
        for day in range(EXTENDED_DAYS):
            self._pass(DAY_MS)
            self.ask([cm.Extend(f"long {day}", held.number, 2 * DAY_MS)])
        self.ask([first])

    def _quiet(self) -> None:
        """All callers stop and time passes: nothing is reserved any more."""
        if self.doubtful:
            raise Broken("I5", f"never answered: {list(self.doubtful)}")
        ledger = self.host._hosted[STORE_ID].ledger
        for _ in range(QUIET_MAX):  # who waits in line is served, and served again
            self._pass(max(0, self.latest_ms - self.machine.at_ms) + 3 * DAY_MS)
            while self.host.sweep():
                pass
        reserved = {sku: position.reserved for sku, position in ledger.positions.items() if position.reserved}
        self.struck.update(checks.of_lines(self.disk, STORE_ID))
        if reserved or ledger.open_reservations or ledger.customers or ledger.baskets or ledger.lines:
            raise Broken("I12", f"still reserved: {reserved}, open: {ledger.open_reservations}")
        checks.check(self.host, self.disk, STORE_ID)


def _opening(key: str) -> cm.AdjustStock:
    return cm.AdjustStock(key, "opening", tuple(_receipt(sku) for sku in "ABC"))


def _receipt(sku: str) -> cm.Movement:
    return cm.Movement(sku, 40, 0, cm.AdjustmentKind.RECEIPT, 0)
