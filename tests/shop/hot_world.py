"""Two shops and the ledger of a hot SKU, which is promoted and demoted at any time. Each of the three goes by rules of
its own age; messages between them are lost, doubled, late and out of sequence, and so are the calls of customers.
"""

from collections import Counter
from typing import Any, Final

from msgspec.structs import replace

from actors.core.ids import ledger_of_hot
from actors.core.policy import CALL_MS_MAX, DAY_MS, HotSku, Policy
from actors.core.rejection import UNRECORDED, Reason, Rejection
from actors.core.stamps import STAMP_CHARS
from actors.core.status import LIVE, ReleaseReason, Status
from actors.shop.commands import (
    AdjustmentKind,
    AdjustStock,
    Amend,
    Collect,
    Command,
    Confirm,
    CountStock,
    Extend,
    HotCommand,
    Movement,
    Release,
    Reserve,
)
from actors.shop.hot.keys import HEAD_BYTES
from actors.shop.hot.projections import move_in_of, totals_of
from actors.shop.hot.units import (
    DisownKey,
    GiveBackUnits,
    HandUnits,
    HotTotals,
    MoveOut,
    NoteMoved,
    ReceiveUnits,
    TakeUnitsBack,
    VoidWords,
)
from actors.shop.state import Reservation
from actors.shop.transact import expire, transact_hot
from actors.store_transfers import LearnedKeys
from tests.shop.hot_ends import across_hot, assert_units_are_somewhere
from tests.shop.watched import DAY_ZERO_MS, Core, Watched

SKU: Final = "A"  # which may be hot; there is B as well
SHOPS: Final = ("S1", "S2")
HOT: Final = ledger_of_hot(SKU)
HOPS_MAX: Final = 8
ASKS_MAX: Final = 4  # for the key of one call
RULES: Final = Policy(version=1)
STAMP: Final = "~"
REUSED: Final = Reason.IDEMPOTENCY_KEY_REUSED


def stamp_of(store_id: str, generation: int) -> str:  # as long as a real one
    return f"{store_id}{STAMP}{generation:0{STAMP_CHARS - len(store_id) - len(STAMP)}}"


class World:
    """The ledgers, and what is known of each key. `sends` decides for each message whether it arrives."""

    def __init__(self, of_shops: Core | None = None, of_hot: Core | None = None) -> None:
        self.ledgers = {each: Watched(RULES, of_shops, each) for each in SHOPS}
        self.ledgers[HOT] = Watched(RULES, of_hot or Core(transact_hot, expire), HOT)
        self.clock_ms = DAY_ZERO_MS + DAY_MS
        self.ahead_ms: Counter[str] = Counter()  # of this clock the ledgers' own, by ledger
        self.rules = RULES
        self.on_hand: Counter[tuple[str, str]] = Counter()
        self.messages: list[tuple[str, Any]] = []  # whatever was said between ledgers
        self.copies: list[tuple[str, Reserve, int]] = []  # of calls, with when they were sent first
        self.calls: list[tuple[str, Reserve, int]] = []  # as customers made them
        self.decided: dict[str, tuple[str, Any, int]] = {}  # by key: the ledger, its answer, and when
        self.words: Counter[str] = Counter()  # by ledger: the newest generation that it has told
        self.stamps: Counter[str] = Counter()  # by shop: the newest opening of which its gateways give stamps
        self.others: set[str] = set()  # keys under which a shop has accepted something else
        self.heads: list[tuple[str, int, int, bytes]] = []  # what shops were told of keys
        self.learned = LearnedKeys()  # as both shops are of one actor
        self.moved: dict[int, int] = {}  # numbers in the shops by those in the ledger of the SKU
        self.keys = 0

    # What is said to a ledger.

    def say(self, ledger_id: str, command: Command | HotCommand) -> Any:
        for _ in range(ASKS_MAX):
            told = self.ledgers[ledger_id].say(command, self.clock_ms + self.ahead_ms[ledger_id])  # type: ignore[arg-type]
            answer = getattr(told.answer, "answer", told.answer)
            if not isinstance(answer, Rejection) or answer.reason is not Reason.HOT_KEY:
                return answer
            self.ask_for_key(ledger_id, command.key, answer)
        raise AssertionError(f"{command} is not decided, whatever is known of its key")

    def ask_for_key(self, store_id: str, key: str, refused: Rejection) -> None:
        """As a gateway asks the ledger of the SKU for the shop."""
        keys = self.ledgers[store_id].ledger.hot.keys
        for sku, generation, page in refused.short_lines:
            self.tell(HOT, VoidWords(store_id, page, generation))
            answers = self.ledgers[HOT].ledger.answers
            heads = b"".join(table.heads(HEAD_BYTES, 0, 1 << 30)[0] for table in (answers.made, answers.refused))
            self.heads.append((store_id, generation, page, heads))
            keys.learn(sku, generation, page, self.learned.with_heads(sku, generation, heads))
        if refused.sku:
            answer = self.say(HOT, DisownKey(f"{store_id}\n{key}", store_id))
            keys.settle(key, (refused.sku,), is_known=answer.reason is REUSED)

    def tell(self, ledger_id: str, command: Any, *, arrives: bool = True) -> Any:
        """A message from ledger to ledger."""
        self.messages.append((ledger_id, command))
        return self.say(ledger_id, command) if arrives else None

    def deliver(self, pick: int) -> None:
        """One that was sent once, late and perhaps again."""
        if self.messages:
            self.say(*self.messages[-1 - pick % len(self.messages)])
        if self.heads:
            store_id, generation, page, heads = self.heads[-1 - pick % len(self.heads)]
            known = self.learned.with_heads(SKU, generation, heads)
            self.ledgers[store_id].ledger.hot.keys.learn(SKU, generation, page, known)

    def key(self) -> str:
        self.keys += 1
        return f"w{self.keys}"

    # The chain.

    def turn(self) -> None:
        """Promote the SKU, or demote it."""
        before = self.rules.hot_by_sku.get(SKU)
        generation = 1 + (0 if before is None else before.generation)
        is_open = before is None or not before.is_open
        self.rules = replace(self.rules, hot=(HotSku(SKU, generation, is_open),), hot_revision=generation)

    def adopt(self, ledger_id: str) -> None:
        watched, rules = self.ledgers[ledger_id], self.rules
        if ledger_id != HOT and rules.hot and rules.hot[0].is_open:
            hot = replace(rules.hot[0], seal=stamp_of(ledger_id, rules.hot[0].generation))
            rules = replace(rules, hot=(hot,))
        if watched.ledger.policy != rules:
            watched.adopt(rules, self.clock_ms + self.ahead_ms[ledger_id])

    def is_open_in(self, ledger_id: str) -> bool:
        hot = self.ledgers[ledger_id].ledger.policy.hot_by_sku.get(SKU)
        return hot is not None and hot.is_open

    # Units.

    def stock(self, store_id: str, sku: str, units: int) -> None:
        self.say(store_id, AdjustStock(self.key(), "wms", (Movement(sku, units, 0, AdjustmentKind.CORRECTION, 0),)))
        self.on_hand[store_id, sku] += units

    def count(self, store_id: str, sku: str, units: int) -> None:
        self.say(store_id, CountStock(self.key(), ((sku, units),), 0, holds_included=True))
        self.on_hand[store_id, sku] = units

    def bring_home(self, store_id: str) -> None:
        """As a gateway does before it answers a change of stock: then nothing is promised beyond what is there."""
        shop = self.ledgers[store_id].ledger
        if wanted := totals_of(shop, SKU).wanted:
            self.give_back(store_id, wanted)
        if totals_of(shop, SKU).short:
            self.finish_moves()
            for held in self.holds(HOT):
                if held.lines[0][0] == store_id:
                    self.move(held.number)
        position, there = shop.positions[SKU], self.ledgers[HOT].ledger.positions.get(store_id)
        promised = position.reserved + (0 if there is None else there.reserved)
        units = max(0, position.on_hand - position.allotted + shop.hot.left(SKU))
        assert promised <= units, f"{promised} promised of {units} in {store_id}"

    def hand(self, store_id: str, units_max: int = 0, given_back: int = 0, *, arrives: bool = True) -> HotTotals:
        """Ask a shop for its units. What it answers is for the ledger of the SKU."""
        totals: HotTotals = self.say(store_id, HandUnits(SKU, units_max, given_back))
        self.stamps[store_id] = max(self.stamps[store_id], totals.generation)
        self.tell(HOT, ReceiveUnits(store_id, totals.over), arrives=arrives)
        return totals

    def give_back(self, store_id: str, units: int = 0, *, arrives: bool = True) -> None:
        handed = self.ledgers[store_id].ledger.hot.of(SKU).over if arrives else 0
        totals: HotTotals = self.say(HOT, GiveBackUnits(store_id, units, handed))
        self.tell(store_id, TakeUnitsBack(SKU, totals.back), arrives=arrives)

    # Calls of customers.

    def reserve(self, store_id: str, units: int, *, first_at_hot: bool, losses: int = 0) -> Any:
        """A first attempt, with a stamp of the shop, or the word of the SKU's ledger, where that is known. By `losses`
        messages are lost.
        """
        key, stamped = self.key(), self.stamps[store_id] if first_at_hot else 0
        key += stamp_of(store_id, stamped) if stamped else ""
        command = Reserve(key, f"c{self.keys % 5}", "web", "", ((SKU, units),), 0)
        self.calls.append((store_id, command, self.clock_ms))
        word = stamped if first_at_hot else self.words[HOT]
        return self._go(store_id, replace(command, asked=word), HOT if first_at_hot else store_id, losses)

    def repeat(self, pick: int, *, first_at_hot: bool, losses: int = 0) -> Any:
        """The same call again, through a gateway that knows nothing else."""
        store_id, command, sent_ms = self.calls[-1 - pick % len(self.calls)]
        if first_at_hot and STAMP in command.key:
            command = replace(command, asked=int(command.key.rpartition(STAMP)[2]))
        known = self.decided.get(command.key)
        if known is not None and isinstance(known[1], Rejection) and self.clock_ms > sent_ms + CALL_MS_MAX:
            return None  # it is another call
        return self._go(store_id, command, HOT if first_at_hot else store_id, losses)

    def reuse(self, pick: int) -> None:
        """The same key for something else, in the same shop: refused, if the call was accepted anywhere, or refused a
        moment ago; else the call never is from then on.
        """
        store_id, command, _ = self.calls[-1 - pick % len(self.calls)]
        answer = self.say(store_id, replace(command, lines=(("B", 1),)))
        if isinstance(answer, Reservation):
            _, first, at_ms = self.decided.get(command.key, ("", None, 0))
            is_over = first is None or (isinstance(first, Rejection) and self.clock_ms > at_ms + CALL_MS_MAX)
            assert is_over, f"{command.key} was answered {first}, and now {answer}"
            self.others.add(command.key)

    def copy_arrives(self, pick: int) -> None:
        """What a gateway once sent to a ledger, late."""
        ledger_id, command, sent_ms = self.copies[-1 - pick % len(self.copies)]
        if self.clock_ms <= sent_ms + CALL_MS_MAX:
            self._decide(ledger_id, command)

    def _go(self, store_id: str, command: Reserve, ledger_id: str, losses: int) -> Any:
        """As a gateway goes from one to the other, until it has an answer or a message is lost."""
        for _ in range(HOPS_MAX):
            arrives, losses = losses % 4 != 3, losses // 4
            answer = self._send(store_id, command, ledger_id, arrives=arrives)
            reason = answer.reason if isinstance(answer, Rejection) else None
            match reason:
                case Reason.HOT_SKU if not answer.asked:
                    ledger_id, command = HOT, replace(command, asked=0, only_known=True)
                case Reason.HOT_SKU:
                    if self.is_open_in(store_id):
                        self.stamps[store_id] = max(self.stamps[store_id], answer.asked)
                    ledger_id, command = HOT, replace(command, asked=answer.asked, page=answer.number)
                case Reason.HOT_CLOSED:
                    self.words[HOT] = max(self.words[HOT], answer.asked)
                    ledger_id, command = store_id, replace(command, asked=answer.asked, page=0)
                case Reason.HOT_ASK_SHOP:
                    ledger_id, command = store_id, replace(command, asked=0, page=0)
                case Reason.HOT_FETCH:
                    arrives, losses = losses % 4 != 3, losses // 4
                    if not self.hand(store_id, 0, answer.number, arrives=arrives).generation:
                        self.adopt(HOT)  # it is closed in the shop already
                    elif arrives:
                        command = replace(command, fetched=True)
                case Reason.UNITS_ELSEWHERE:
                    arrives, losses = losses % 4 != 3, losses // 4
                    self.give_back(store_id, answer.asked - answer.available, arrives=arrives)
                    if arrives:
                        command = replace(command, fetched=True)
                case _:
                    return answer
        return None

    def _send(self, store_id: str, command: Reserve, ledger_id: str, *, arrives: bool) -> Any:
        if ledger_id == HOT:
            key = f"{store_id}\n{command.key}"
            command = replace(command, key=key, lines=((store_id, command.lines[0][1]),))
        self.copies.append((ledger_id, command, self.clock_ms))
        return self._decide(ledger_id, command) if arrives else None

    def _decide(self, ledger_id: str, command: Reserve) -> Any:
        answer, key = self.say(ledger_id, command), command.key.rpartition("\n")[2]
        if isinstance(answer, Rejection) and answer.reason in UNRECORDED:
            before = self.decided[key][1] if answer.reason is REUSED and key in self.decided else answer
            assert isinstance(before, Rejection), f"{key} was answered {before}, and now {answer}"
            return answer
        is_twice = isinstance(answer, Reservation) and key in self.others
        assert not is_twice, f"{key} was used for something else, and is now answered {answer}"
        known = self.decided.setdefault(key, (ledger_id, answer, self.clock_ms))
        if isinstance(known[1], Rejection) and self.clock_ms > known[2] + CALL_MS_MAX:
            known = self.decided[key] = ledger_id, answer, self.clock_ms
        assert known[0] == ledger_id, f"{key} was decided by {known[0]}, and now by {ledger_id}"
        assert known[1] == answer, f"{key} was answered {known[1]}, and now {answer}"
        return answer

    # Steps.

    def holds(self, ledger_id: str) -> list[Reservation]:
        return [each for each in self.ledgers[ledger_id].ledger.reservations.values() if each.status in LIVE]

    def move(self, number: int, *, lost_at: int = 0) -> Reservation | None:
        """Move a reservation into its shop; the message of this place is lost."""
        out = self.say(HOT, MoveOut(number, timed=True))
        if isinstance(out, Rejection):
            return None
        if lost_at == 1:
            return None
        store_id = out.reservation.lines[0][0]
        there = self.tell(store_id, move_in_of(HOT, out.reservation, out.now_ms), arrives=lost_at != 2)
        if there is None:
            return None
        assert self.moved.setdefault(number, there.number) == there.number, "it is in the shop once"
        self.tell(HOT, NoteMoved(number), arrives=lost_at != 3)
        return self.ledgers[store_id].known(there.number)

    def confirm(self, pick: int, lost_at: int) -> None:
        """Confirm a hold of the SKU's ledger, which moves for it."""
        if holds := self.holds(HOT):
            held = holds[pick % len(holds)]
            there = self.move(held.number, lost_at=lost_at)
            if there is not None:
                answer = self.say(held.lines[0][0], Confirm(self.key(), there.number, 0))
                assert isinstance(answer, Reservation) or there.status is not Status.HELD

    def finish_moves(self) -> None:
        """As a reconciler does."""
        for number in list(self.ledgers[HOT].ledger.hot.moving):
            self.move(number)

    def step(self, ledger_id: str, pick: int, what: str) -> None:
        holds = self.holds(ledger_id)
        if not holds:
            return
        held = holds[pick % len(holds)]
        match what:
            case "release":
                self.say(ledger_id, Release(self.key(), held.number, ReleaseReason.OTHER, ()))
            case "release some":
                ((name, units), *_) = held.lines
                if units > 1 and len(held.lines) == 1:
                    self.say(ledger_id, Release(self.key(), held.number, ReleaseReason.OTHER, ((name, 1),)))
            case "extend":
                self.say(ledger_id, Extend(self.key(), held.number, 1_800_000))
            case "collect" if ledger_id != HOT:
                answer = self.say(ledger_id, Collect(self.key(), held.number, "", ()))
                if isinstance(answer, Reservation):
                    for sku, units in held.held_lines():
                        self.on_hand[ledger_id, sku] -= units
            case "amend" if ledger_id != HOT:
                self._fetching(ledger_id, Amend(self.key(), held.number, ((SKU, 2), ("B", 1)), 0, 0))

    def basket(self, store_id: str, units: int) -> None:
        """What is not plain is the shop's, and it fetches units."""
        lines = ((SKU, units), ("B", 1))
        self._fetching(store_id, Reserve(self.key(), "ann", "web", "", lines, 0))

    def basket_of_one(self, store_id: str) -> None:
        """One unit of it, which the shop holds."""
        self._fetching(store_id, Reserve(self.key(), "ann", "web", "b", ((SKU, 1),), 0))

    def _fetching(self, store_id: str, command: Reserve | Amend) -> None:
        answer = self.say(store_id, command)
        if isinstance(answer, Rejection) and answer.reason is Reason.UNITS_ELSEWHERE:
            for sku, asked, available in answer.short_lines:
                if sku == SKU:
                    self.give_back(store_id, asked - available)
            answer = self.say(store_id, replace(command, fetched=True))
            assert not isinstance(answer, Rejection) or answer.reason is not Reason.UNITS_ELSEWHERE

    def sell_out(self, store_id: str) -> int:
        """Sell single units until a shop is refused for want of stock. Returns how many."""
        sold = 0
        while True:
            answer = self.reserve(store_id, 1, first_at_hot=sold % 2 == 0)
            if isinstance(answer, Reservation):
                sold += 1
            elif answer is None:
                for ledger_id in self.ledgers:
                    self.adopt(ledger_id)
            else:
                assert answer.reason is Reason.INSUFFICIENT_STOCK, answer
                hot, shop = self.ledgers[HOT].ledger, self.ledgers[store_id].ledger
                there = hot.positions.get(store_id)
                assert there is None or there.available == 0, "units are with the SKU's ledger"
                assert shop.positions[SKU].available <= 0, "units are in the shop"
                return sold

    # What must hold.

    def check(self) -> None:
        """Each unit of each shop is in one place, whatever is under way."""
        for store_id in SHOPS:
            watched = self.ledgers[store_id]
            for sku, row in watched.stock().items():
                assert row[0] == self.on_hand[store_id, sku], f"{sku} on hand in {store_id}"
            assert_units_are_somewhere(watched.ledger, self.ledgers[HOT].ledger, SKU)
        shops = {each: self.ledgers[each].audited() for each in SHOPS}
        assert list(across_hot(shops, {SKU: self.ledgers[HOT].audited()})) == []

    def settle(self) -> None:
        """Close it, and have all come home but what is held there."""
        if self.rules.hot_by_sku and self.rules.hot_by_sku[SKU].is_open:
            self.turn()
        for ledger_id in self.ledgers:
            self.adopt(ledger_id)
        self.finish_moves()
        for store_id in SHOPS:
            self.hand(store_id)
            self.give_back(store_id)
            self.bring_home(store_id)
        hot = self.ledgers[HOT].ledger
        assert not hot.hot.moving
        for store_id in SHOPS:
            left = self.ledgers[store_id].ledger.hot.left(SKU)
            assert left == sum(each.held()[0] for each in self.holds(HOT) if each.lines[0][0] == store_id)
        assert not [said for each in self.ledgers.values() for said in each.complaints() + each.mistold()]
