"""Shops that send each other units, beside a naive book of where each unit is. Messages between them are lost, doubled,
late and out of sequence: whatever was ever said between two ledgers may be said again at any time.
"""

from collections import Counter
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from actors.core.policy import CALL_MS_MAX, DAY_MS, HOUR_MS, Policy
from actors.core.rejection import Rejection
from actors.core.status import LIVE, LossBearer, TransferStatus
from actors.shop.audit.transfers import across
from actors.shop.commands import AdjustmentKind, AdjustStock, Command, CountStock, Movement, Reserve
from actors.shop.lines.decide import free_of
from actors.shop.transfers.transfer import (
    AdviseTransfer,
    CancelTransfer,
    CloseTransfer,
    NoteAdvised,
    ProposeTransfer,
    ReceiveTransfer,
    SendTransfer,
    Transfer,
    Units,
)
from tests.shop.watched import DAY_ZERO_MS, Core, Watched

SHOPS: Final = ("S1", "S2", "W1")
STATUS: Final = TransferStatus


class Message(NamedTuple):
    """Something that one ledger was told about a transfer at the other end."""

    to: str
    command: Command


class Known:
    """A transfer as a naive book has it."""

    def __init__(self, transfer_id: str, source: str, destination: str, lines: Units) -> None:
        self.transfer_id, self.source, self.destination = transfer_id, source, destination
        self.sent = Counter(dict(lines))
        self.status = STATUS.PROPOSED
        self.came: Counter[str] | None = None

    @property
    def number(self) -> int:
        return int(self.transfer_id.partition(":T")[2])


class Shops:
    """The ledgers and the book. Each method says something to one of them, and checks what it answers."""

    def __init__(self, core: Core | None = None, policy: Policy | None = None) -> None:
        self.shops = {store_id: Watched(policy, core, store_id) for store_id in SHOPS}
        self.transfers: list[Known] = []
        self.on_hand: Counter[tuple[str, str]] = Counter()  # by shop and SKU
        self.messages: list[Message] = []
        self.said: list[tuple[str, Command, Any, int]] = []
        self.clock_ms = DAY_ZERO_MS + DAY_MS
        self.keys = 0

    def key(self) -> str:
        self.keys += 1
        return f"k{self.keys}"

    def say(self, store_id: str, command: Command) -> Any:
        """The answer's value. What was recorded is said again later."""
        told = self.shops[store_id].say(command, self.clock_ms)
        answer = getattr(told.answer, "answer", told.answer)
        if command.key and told.events and not told.repeated:
            self.said.append((store_id, command, answer, self.clock_ms))
        return answer

    def say_again(self, pick: int) -> None:
        store_id, command, answer, said_ms = self.said[pick % len(self.said)]
        if isinstance(answer, Rejection) and self.clock_ms > said_ms + CALL_MS_MAX:
            return  # no copy of a refused call arrives that late
        assert self.say(store_id, command) == answer, "word for word"

    def stock(self, store_id: str, sku: str, units: int) -> None:
        row = Movement(sku, units, 0, AdjustmentKind.CORRECTION, 0)
        self.say(store_id, AdjustStock(self.key(), "wms", (row,)))
        self.on_hand[store_id, sku] += units
        self._give_up()

    def count(self, store_id: str, sku: str, units: int) -> None:
        self.say(store_id, CountStock(self.key(), ((sku, units),), 0, holds_included=True))
        self.on_hand[store_id, sku] = units
        self._give_up()

    def reserve(self, store_id: str, sku: str, units: int) -> None:
        self.say(store_id, Reserve(self.key(), "ann", "web", "", ((sku, units),), 0))

    def wait(self, store_id: str, sku: str, units: int) -> None:
        """Somebody waits in line for units of what others hold."""
        if (free := free_of(self.shops[store_id].ledger, sku)) > 0:
            self.reserve(store_id, sku, free)
        key = self.key()
        self.say(store_id, Reserve(key, f"waits {key}", "web", "", ((sku, units),), 0, wait_ms=HOUR_MS))

    def _give_up(self) -> None:
        """Which transfers were cancelled for what is missing, the ledgers say."""
        for known in self.transfers:
            ended = self.shops[known.source].ledger.finished.transfer_of(known.number)
            if known.status is STATUS.PROPOSED and ended is not None:
                assert ended[1] is STATUS.CANCELLED
                known.status = STATUS.CANCELLED

    def propose(self, source: str, destination: str, lines: Units) -> None:
        answer = self.say(source, ProposeTransfer(self.key(), destination, lines, 1_000))
        if isinstance(answer, Transfer):
            assert (answer.status, answer.lines) == (STATUS.PROPOSED, lines)
            self.transfers.append(Known(answer.transfer_id, source, destination, lines))

    def known(self, pick: int) -> Known:
        """Mostly one of the latest that is not over; by 0 the latest."""
        live = [known for known in self.transfers if known.status in (STATUS.PROPOSED, STATUS.SENT)]
        found = live if live and pick % 3 else self.transfers
        return found[-1 - pick // 3 % min(4, len(found))]

    def send(self, pick: int) -> None:
        known = self.known(pick)
        answer = self.say(known.source, SendTransfer(self.key(), known.number))
        if self._may(known, STATUS.PROPOSED, answer):
            known.status = STATUS.SENT
            for sku, units in known.sent.items():
                self.on_hand[known.source, sku] -= units

    def cancel(self, pick: int) -> None:
        known = self.known(pick)
        if self._may(known, STATUS.PROPOSED, self.say(known.source, CancelTransfer(self.key(), known.number))):
            known.status = STATUS.CANCELLED

    def receive(self, pick: int, lines: Units, bearer: LossBearer | None, *, asks: bool) -> None:
        """As a gateway does: where the destination does not know of it, the source is asked."""
        known = self.known(pick)
        command = ReceiveTransfer(self.key(), known.transfer_id, lines, bearer)
        answer = self.say(known.destination, command)
        if isinstance(answer, Rejection) and answer.transfer_status is None:
            there = self._at(known.source, known.number)
            if not asks or there is None:
                return
            answer = self.say(known.destination, replace(command, advice=there))
        if self._may(known, STATUS.SENT, answer):
            known.status, known.came = STATUS.RECEIVED, Counter(dict(lines)) if lines else known.sent
            for sku, units in known.came.items():
                self.on_hand[known.destination, sku] += units
            self._give_up()
            assert Counter(dict(answer.received)) == known.came + Counter()
            assert (answer.loss_bearer is None) == (+known.came == +known.sent)

    def _may(self, known: Known, status: TransferStatus, answer: Any) -> bool:
        """Whether the step is allowed, which the answer must agree with."""
        if known.status is status:
            assert isinstance(answer, Transfer), answer
            return True
        assert isinstance(answer, Rejection), answer
        heard = (STATUS.SENT, STATUS.RECEIVED) if known.status is STATUS.RECEIVED else (known.status,)
        assert answer.transfer_status in heard, "the source hears of a receipt later"
        return False

    def _at(self, store_id: str, number: int) -> Transfer | None:
        return self.shops[store_id].ledger.transfers.live.get(number)

    def carry(self, pick: int) -> None:
        """What the reconciler finds in an outbox; each message may be lost."""
        for store_id in SHOPS:
            transfers = self.shops[store_id].ledger.transfers
            for place, number in enumerate(list(transfers.outbox)):
                self._carry(store_id, transfers.live[number], lost=pick + place)

    def _carry(self, store_id: str, transfer: Transfer, lost: int) -> None:
        is_source = transfer.source == store_id
        there = transfer.destination if is_source else transfer.source
        first = AdviseTransfer(transfer) if is_source else CloseTransfer(transfer)
        back = NoteAdvised(transfer.number) if is_source else CloseTransfer(transfer)
        self.messages.append(Message(there, first))
        if lost % 3:
            self.say(there, first)
            self.messages.append(Message(store_id, back))
            if lost % 2:
                self.say(store_id, back)

    def deliver(self, pick: int) -> None:
        """One that was sent once, late."""
        if self.messages:
            message = self.messages[pick % len(self.messages)]
            self.say(message.to, message.command)

    def check(self) -> None:
        """Each unit is in one place, and both ends say so."""
        found = Counter[tuple[str, str]]()
        for store_id, watched in self.shops.items():
            found.update({(store_id, sku): row[0] for sku, row in watched.stock().items()})
            for sku, line in watched.ledger.lines.items():
                ((_, wanted),) = watched.ledger.reservations[line.numbers[0]].lines
                assert watched.ledger.positions[sku].available < wanted, (
                    f"{store_id}: {line.numbers[0]} waits for {sku}"
                )
                assert self._unpromised(store_id, sku) < wanted, f"{store_id}: {line.numbers[0]} waits for what comes"
        assert found == self.on_hand
        audits = {store_id: watched.audited() for store_id, watched in self.shops.items()}
        assert [each for audit in audits.values() for each in audit.violations] == []
        assert across(audits) == (0, [])

    def _unpromised(self, store_id: str, sku: str) -> int:
        """The most units that one transfer brings to a shop, which has heard of it, beside those that are promised;
        none without the rule.
        """
        ledger = self.shops[store_id].ledger
        promised = Counter[str]()
        for each in ledger.reservations.values():
            if each.awaits is not None and each.status in LIVE and each.lines[0][0] == sku:
                promised[each.awaits.transfer_id] += each.lines[0][1]
        mine = [each for each in self.transfers if each.destination == store_id and each.status is STATUS.SENT]
        heard = [each for each in mine if each.transfer_id in ledger.transfers.inbound]
        is_rule = ledger.policy.promise_in_transit
        return max((each.sent[sku] - promised[each.transfer_id] for each in heard if is_rule), default=0)

    def settle(self) -> None:
        """Everything in an outbox is told; then nothing is in memory but what is on its way."""
        for _ in range(2):
            self.carry(1)
            self.carry(7)
        for watched in self.shops.values():
            assert not watched.ledger.transfers.outbox
            assert all(each.status is not STATUS.RECEIVED for each in watched.ledger.transfers.live.values())
            assert not watched.complaints() + watched.mistold()
