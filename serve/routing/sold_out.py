"""Which SKUs the shops have just said to be sold out: for a moment a first attempt for one is refused without asking.

A hint is of what a shop decided, by SKU and channel, and counts from before that decision, and from before units of a
hot SKU were fetched for it: so units that come back are for sale again after its time at most, and at once where this
gateway brings them back. Half-way through, one call goes
to the shop and renews it. A hint is no answer: it is for calls that cannot have been answered before. See ADR 0042.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from actors.core.ids import is_hot, sku_of_ledger
from actors.core.rejection import Reason, Rejection
from actors.core.status import FINAL
from actors.protocol.messages import Answer, Command, Entry, Held, Moved, Refusal
from actors.shop import commands as shop
from actors.shop.commands import Lines, Reserve, by_sku
from actors.shop.hot.units import HandUnits, MoveIn, MoveOut, NoteMoved, ReceiveUnits
from actors.shop.state import Reservation

HINT_S_DEFAULT: Final = 0.1
SHORT_S: Final = 10.0
HINTS_MAX: Final = 4_096  # some 300 bytes each; beyond that none is noted until others are over
FETCHES_MAX: Final = 16_384

# These bring no units back: a hold of other units, a part of an order, and what shops and ledgers tell each other.
_NEUTRAL: Final = (Reserve, shop.Claim, shop.SettleGrant, shop.Acknowledge, HandUnits, MoveIn, MoveOut, NoteMoved)


@dataclass(slots=True)
class _Hint:
    """Until when, and from when on one call goes to the shop, in loop time."""

    until: float
    probe_at: float


def _is_plain(command: Reserve) -> bool:
    return len(command.lines) == 1 and not command.basket_id and not command.slot_start_ms


class SoldOut:
    """The hints of one gateway, each for `hint_s` seconds; 0 has none."""

    def __init__(self, hint_s: float = HINT_S_DEFAULT) -> None:
        self._hint_s = hint_s
        self._hints: dict[str, dict[tuple[str, str], _Hint]] = {}  # by shop, then by SKU and channel
        self._count = 0
        # By ledger, shop and SKU, the last two fetches: since when what they brought is out of date, and their ends.
        self._fetches: dict[tuple[str, str, str], tuple[tuple[float, float], ...]] = {}
        self._over_at = 0.0  # the last of them
        # By shop and hot SKU, as of the last fetch, the channels of whose quotas the shop has units left.
        self._quotas: dict[tuple[str, str], frozenset[str]] = {}
        self._short: set[tuple[str, str, str]] = set()  # shop, SKU and channel
        self._short_until = 0.0
        self._tidy_at = 0.0

    def __bool__(self) -> bool:
        return self._count > 0

    def note_fetch(
        self, ledger_id: str, store_id: str, sku: str, began_at: float, now: float, quotas: Iterable[str] = ()
    ) -> None:
        """A ledger has what was free elsewhere of a shop's units, as of `began_at`: what it refuses from now on rests
        on that. In the shop are units of the quotas of these channels, which the ledger of a hot SKU does not have.
        """
        if len(self._fetches) >= FETCHES_MAX:
            self._fetches.clear()
            self._quotas.clear()
        if is_hot(ledger_id):
            self._quotas[store_id, sku] = frozenset(quotas)
        before = self._fetches.get((ledger_id, store_id, sku), ())
        self._fetches[ledger_id, store_id, sku] = (*before[-1:], (began_at, now))

    def refusal_of(self, entry: Entry, now: float) -> Rejection | None:
        """Why a first attempt to reserve is refused by a hint; None where it is to be decided by the shop."""
        store_id, command = entry
        if not isinstance(command, Reserve) or command.wait_ms:  # which has a place in line
            return None
        demand = command.lines if len(command.lines) == 1 else by_sku(command.lines)
        return self.refusal_for(store_id, command.channel, demand, now)

    def refusal_for(self, store_id: str, channel: str, demand: Lines, now: float) -> Rejection | None:
        """The same by what it asks for, each SKU once."""
        if now >= self._over_at:
            self._clear()
            return None
        hints = self._hints.get(store_id)
        if hints is None:
            return None
        short: list[tuple[str, int, int]] = []
        for sku, asked in demand:
            hint = hints.get((sku, channel))
            if hint is None or now >= hint.until:
                continue
            if now >= hint.probe_at:
                hint.probe_at = hint.until
                return None
            short.append((sku, asked, 0))
        if not short:
            return None
        sku, asked, _ = short[0]
        return Rejection(Reason.INSUFFICIENT_STOCK, sku, asked, 0, short_lines=tuple(short))

    def was_short(self, store_id: str, sku: str, channel: str) -> bool:
        """Whether the ledger of a hot SKU has refused some of that shop as it had none, and given none since, within
        SHORT_S: however long its answers take.
        """
        return (store_id, sku, channel) in self._short

    def learn(
        self,
        entries: Sequence[Entry],
        answers: Sequence[Answer],
        sent_at: float,
        now: float,
        *,
        of_plain_alone: bool = False,
    ) -> None:
        """Learn from what an actor answers to a batch that was sent at `sent_at`. `of_plain_alone`: where one SKU
        without a basket or a slot may be promised although stock is short, nothing is learned from other refusals.
        """
        if self._short and now > self._short_until:
            self._short.clear()
        if not (self._count or self._short) and Refusal not in map(type, answers):
            return
        for (store_id, command), answer in zip(entries, answers, strict=True):
            if is_hot(store_id):
                self._learn_of_hot(store_id, command, answer, sent_at, now)
            elif isinstance(answer, Refusal):
                if isinstance(command, Reserve) and not answer.repeated and (not of_plain_alone or _is_plain(command)):
                    self._note(store_id, store_id, command, answer.rejection, sent_at, now)
            elif self._count and store_id in self._hints:
                self._forget(store_id, command, answer)

    def _learn_of_hot(self, ledger_id: str, command: Command, answer: Answer, sent_at: float, now: float) -> None:
        """The same of the ledger of a hot SKU, where lines are by shop."""
        if isinstance(command, Reserve) and isinstance(answer, Refusal) and not answer.repeated:
            of = command.lines[0][0], sku_of_ledger(ledger_id)
            if command.channel not in self._quotas.get(of, ()):  # who asks for fewer units may have them by its quota
                self._note(ledger_id, of[0], command, answer.rejection, sent_at, now)
            if answer.rejection.reason is Reason.INSUFFICIENT_STOCK and len(self._short) < HINTS_MAX:
                self._short.add((*of, command.channel))
                self._short_until = now + SHORT_S
            return
        if isinstance(command, Reserve) and isinstance(answer, Held):
            self._short.discard((command.lines[0][0], sku_of_ledger(ledger_id), command.channel))
        match command, answer:
            case (Reserve(lines=((store_id, _),)), Held()) | (ReceiveUnits(store_id=store_id), _):
                pass
            case _, Reservation(lines=((store_id, _),)):
                pass
            case _:
                return
        if store_id in self._hints:
            self._drop(store_id, {sku_of_ledger(ledger_id)})

    def _note(
        self, ledger_id: str, store_id: str, command: Reserve, rejection: Rejection, sent_at: float, now: float
    ) -> None:
        if rejection.reason is not Reason.INSUFFICIENT_STOCK:
            return
        for sku, _, available in rejection.short_lines:
            since = self._fetched_at(ledger_id, store_id, sku, sent_at) if command.fetched else sent_at
            until, probe_at = since + self._hint_s, since + self._hint_s / 2
            if available or until <= now:
                continue
            hint = self._hints.get(store_id, {}).get((sku, command.channel))
            if hint is not None:
                hint.until, hint.probe_at = until, probe_at
            else:
                if self._count >= HINTS_MAX:
                    self._tidy(now)
                if self._count >= HINTS_MAX:
                    return
                self._hints.setdefault(store_id, {})[sku, command.channel] = _Hint(until, probe_at)
                self._count += 1
            self._over_at = max(self._over_at, until)

    def _fetched_at(self, ledger_id: str, store_id: str, sku: str, sent_at: float) -> float:
        """When the fetch began on which a refusal rests that was sent for then: the last one that was over by then.
        Long ago where that is not known.
        """
        began = [began for began, ended in self._fetches.get((ledger_id, store_id, sku), ()) if ended <= sent_at]
        return max(began, default=-math.inf)

    def _forget(self, store_id: str, command: Command, answer: Answer) -> None:
        """Drop the hints about units that a command brought back, or that a shop had after all."""
        match command, answer:
            case Reserve(), Held():
                self._drop(store_id, {sku for sku, _ in command.lines})
            case shop.Amend(), _:
                self._count -= len(self._hints.pop(store_id))
            case _, Reservation():
                if answer.status in FINAL or any(released for _, released in answer.done or ()):
                    self._drop(store_id, {sku for sku, _ in answer.lines})
            case shop.AdjustStock(), Moved():
                self._drop(store_id, {row.sku for row in command.movements})
            case shop.CountStock(counts=rows) | shop.SetSafetyStock(safety_stocks=rows), Moved():
                self._drop(store_id, {sku for sku, _ in rows})
            case _ if not isinstance(command, _NEUTRAL):
                self._count -= len(self._hints.pop(store_id))

    def _drop(self, store_id: str, skus: set[str]) -> None:
        hints = self._hints[store_id]
        for each in [each for each in hints if each[0] in skus]:
            del hints[each]
            self._count -= 1
        if not hints:
            del self._hints[store_id]

    def _tidy(self, now: float) -> None:
        """Drop what is over, of many at once: at most twice in the time of a hint."""
        if now < self._tidy_at:
            return
        self._tidy_at = now + self._hint_s / 2
        live = {
            of: {each: hint for each, hint in hints.items() if now < hint.until} for of, hints in self._hints.items()
        }
        self._hints = {store_id: hints for store_id, hints in live.items() if hints}
        self._count = sum(map(len, self._hints.values()))

    def _clear(self) -> None:
        self._hints.clear()
        self._count = 0
