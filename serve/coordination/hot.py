"""Calls about a hot SKU, which its own ledger decides in place of the shops' while it is open: where a Reserve goes,
and how a reservation moves into its shop for the steps that are taken there.

A gateway knows which ledger to ask, more or less: rules may have changed. So each ledger that is not the one says so,
with the word that lets the other decide (`actors.shop.hot.decide`), and the call goes on there.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, cast

from msgspec.structs import replace

from actors.core.ids import is_hot, ledger_of_hot, sku_of_ledger
from actors.core.policy import CALL_MS_MAX
from actors.core.rejection import Reason, Rejection
from actors.protocol.messages import Answer, Entry, Refusal
from actors.shop import commands as shop
from actors.shop.decide import StepCommand
from actors.shop.hot.units import MoveOut, NoteMoved
from actors.shop.state import AnyReservation, MovingOut, Reservation
from serve.coordination.deliveries import PASSING
from serve.coordination.grants import Grants, is_grant_required
from serve.coordination.hot_moves import is_moved, move_in, moved_before
from serve.coordination.hot_stamps import Stamps
from serve.coordination.hot_units import HotUnits, Word, are_elsewhere, heard, is_for_gateways
from serve.routing.batcher import DeadlinePassed, Overloaded
from serve.routing.router import Router

HOPS_MAX: Final = 12  # between the ledgers of one call; two do where nothing changes meanwhile
HOP_PAUSE_S: Final = 0.01
NOTE_S: Final = 5.0
_ELSEWHERE: Final = frozenset({Reason.HOT_SKU, Reason.HOT_CLOSED, Reason.HOT_ASK_SHOP, Reason.HOT_CEDED})
_BY_HOT: Final = (shop.Release, shop.Extend)


class HotCalls:
    """Sends calls about hot SKUs to where they are decided. Holds nothing that could be lost."""

    def __init__(self, router: Router, units: HotUnits, grants: Grants) -> None:
        self._router = router
        self._units = units
        self._grants = grants
        self._stamps = Stamps()
        self._closed: dict[str, Word] = {}  # by SKU, the newest at which its ledger was seen closed
        self._notes: set[asyncio.Task[None]] = set()

    def first(self, entry: Entry, *, is_first: bool) -> Entry:
        """Where a Reserve goes at first, with a word where there is one: its key is stamped; or, of a closed SKU, this
        gateway had it before the call was made, if that is a first attempt.
        """
        store_id, command = entry
        hot = self._hot_of(command)
        if hot is None or not isinstance(command, shop.Reserve):
            return entry
        [(sku, _)] = command.lines
        if hot.is_open:
            if self._stamps.is_on(command.key, store_id, hot):
                return _to_hot(entry, hot.generation)
            return entry
        word = self._old_enough(self._closed.get(sku)) if is_first else 0
        return (store_id, replace(command, asked=word)) if word >= hot.generation else _to_hot(entry, 0)

    def stamp(self, entry: Entry) -> str:
        """What a caller is told with the answer to a Reserve of a hot SKU, to end keys with that it makes from then on:
        nothing before the shop has given its word, nor to one who knows.
        """
        store_id, command = entry
        hot = self._hot_of(command)
        if hot is None or not hot.is_open or not isinstance(command, shop.Reserve):
            return ""
        word = self._units.words.get((store_id, hot.sku))
        if word is None or word.generation < hot.generation or self._stamps.is_on(command.key, store_id, hot):
            return ""
        return self._stamps.of(store_id, hot)

    def next(self, given: Entry, answer: Answer) -> Entry | None:
        """Where a Reserve goes on, as a ledger answers; None where that is the answer."""
        if not isinstance(answer, Refusal) or answer.rejection.reason not in _ELSEWHERE:
            return None
        store_id, command = given
        assert isinstance(command, shop.Reserve), "nothing else is sent on"
        sku, word = command.lines[0][0], answer.rejection.asked
        if answer.rejection.reason is Reason.HOT_SKU:
            place = store_id, sku
            if not word:  # the key was used for something else there, and was answered before that, if at all
                ledger_id, asked = _to_hot(given, 0)
                return ledger_id, replace(asked, only_known=True)
            if self._router.chain.hot.get(sku) is not None:
                heard(self._units.words, place, word)
            return _to_hot(given, word, answer.rejection.number)
        if answer.rejection.reason is Reason.HOT_ASK_SHOP:
            return given
        if answer.rejection.reason is Reason.HOT_CEDED:
            return store_id, replace(command, to_shop=True)
        if self._router.chain.hot.get(sku) is not None:
            heard(self._closed, sku, word)
        return store_id, replace(command, asked=word)

    async def pause(self, hops: int, deadline: float) -> None:
        """Before a further hop: the rules may just have changed, and not be known everywhere. Raises DeadlinePassed
        after too many.
        """
        if hops < 2:
            return
        if hops >= HOPS_MAX:
            raise DeadlinePassed(sent=True)
        await self._router.refresh_chain(deadline)
        if hops > 2:
            await asyncio.sleep(HOP_PAUSE_S * hops)

    async def reserve(self, given: Entry, deadline: float, *, is_first: bool) -> tuple[str, Answer]:
        """The ledger that decides a Reserve, and its answer. Raises as `Grants.send`."""
        if not (self._router.chain.hot or self._router.chain.policy.chain_limit_rules):
            answer = await self._router.send(given, deadline, promise=False)
            if not is_for_gateways(answer):  # else the shop knows newer rules: nothing is decided yet
                return given[0], answer
        entry, hops = self.first(given, is_first=is_first), 0
        while True:
            try:
                answer = await self._decided(entry, deadline)
            except Overloaded as refusal:
                if not hops:
                    raise
                # A ledger before may have been asked with a grant, which counts for the customer until it is settled.
                raise DeadlinePassed(sent=True) from refusal
            then = self.next(given, answer)
            if then is None:
                return entry[0], answer
            hops += 1
            await self.pause(hops, deadline)
            entry = then

    def behind(self, sent: Sequence[Entry]) -> dict[int, int]:
        """By the place of a Reserve for what the ledger of its hot SKU may have none of, that of the first one like it:
        where that is told so, the units are fetched for all of them, and none is sent twice for it.
        """
        firsts: dict[tuple[str, str], int] = {}
        found: dict[int, int] = {}
        for place, entry in enumerate(sent):
            if is_hot(entry[0]) and self.may_be_gone(entry):
                assert isinstance(entry[1], shop.Reserve), "nothing else may be gone"
                first = firsts.setdefault((entry[0], entry[1].lines[0][0]), place)
                if first != place:
                    found[place] = first
        return found

    def with_behind(self, told: dict[int, Answer], behind: Mapping[int, int]) -> dict[int, Answer]:
        """What was told those that go on, by place; with those that were behind others, and now go on as well."""
        for place, first in behind.items():
            answer = told.get(first)
            told[place] = answer if are_elsewhere(answer) else None  # a word is for one key alone
        return told

    async def where_next(self, going: Sequence[tuple[Entry, Entry, Answer]], hops: int, deadline: float) -> list[Entry]:
        """Where Reserves go on together: as they were given, as they were sent, and what was answered. Units that some
        are short of are fetched before. Raises as `HotUnits.fetch_all`.
        """
        short = [place for place, (_, _, answer) in enumerate(going) if are_elsewhere(answer)]
        sent = [self.next(given, answer) or entry for given, entry, answer in going]
        if short:
            fetched = await self._units.fetch_all([going[place][1:] for place in short], hops, deadline)
            for place, entry in zip(short, fetched, strict=True):
                sent[place] = entry
        return sent

    async def _decided(self, entry: Entry, deadline: float) -> Answer:
        """What a ledger answers to a Reserve; a grant is asked for if it decides and may have units."""
        if self.may_go_on(entry) or self.may_be_gone(entry) or not self._grants.are_required(entry):
            answer = await self._units.send(entry, deadline, promise=False)
            if not is_grant_required(answer):
                return answer
        return await self._grants.send(entry, deadline, promise=False)

    def may_go_on(self, entry: Entry) -> bool:
        """Whether a Reserve of a hot SKU is sent without a word, and so perhaps on to another ledger."""
        ledger_id, command = entry
        assert isinstance(command, shop.Reserve), "nothing else is sent on"
        return not command.asked and (is_hot(ledger_id) or self._hot_of(command) is not None)

    def may_be_gone(self, entry: Entry) -> bool:
        """Whether the ledger of a hot SKU may have none of a shop: it says so without a grant."""
        ledger_id, command = entry
        if not is_hot(ledger_id) or not isinstance(command, shop.Reserve):
            return False
        return self._router.sold_out.was_short(command.lines[0][0], sku_of_ledger(ledger_id), command.channel)

    async def step(self, entry: Entry, deadline: float) -> tuple[str, Answer]:
        """The ledger that takes a step of a reservation in the ledger of a hot SKU, and its answer. What is not decided
        there moves the reservation into its shop first.
        """
        ledger_id, command = entry[0], cast("StepCommand", entry[1])
        if not await self.is_known(ledger_id, deadline):
            return ledger_id, Refusal(0, Rejection(Reason.RESERVATION_NOT_FOUND, number=command.number))
        if isinstance(command, _BY_HOT) and not (isinstance(command, shop.Release) and command.lines):
            answer = await self._router.send(entry, deadline, promise=True)
            if not is_moved(answer):
                return ledger_id, answer
        moved = await self.move(ledger_id, command.number, deadline)
        if not isinstance(moved, tuple):
            return ledger_id, moved
        store_id, number = moved
        return store_id, await self._grants.decide((store_id, replace(command, number=number)), deadline, promise=True)

    async def move(self, ledger_id: str, number: int, deadline: float) -> tuple[str, int] | Answer:
        """Move a reservation into its shop; the shop, and its number there. Or why it cannot be moved. Where it was
        moved before it is told again.
        """
        out = await self._router.send((ledger_id, MoveOut(number, timed=True)), deadline, promise=True)
        if is_moved(out):
            return await moved_before(self._router, ledger_id, number, deadline)
        if isinstance(out, Reservation):
            out = MovingOut(out, 0)
        if not isinstance(out, MovingOut):
            return out
        moved = await move_in(self._router, ledger_id, out, deadline)
        if isinstance(moved, tuple):
            self._start(self._router.send((ledger_id, NoteMoved(number)), self._soon(), promise=True))
        return moved

    async def finish_move(self, ledger_id: str, moving: MovingOut, deadline: float) -> None:
        """Finish a move whose gateway has not, as far as anybody knows."""
        if isinstance(await move_in(self._router, ledger_id, moving, deadline), tuple):
            await self._router.send((ledger_id, NoteMoved(moving.reservation.number)), deadline, promise=True)

    async def read(self, ledger_id: str, number: int, deadline: float) -> tuple[str, int, AnyReservation | None]:
        """Where a reservation is that a shop made, or the ledger of a hot SKU; the version of that ledger, and the
        reservation, None where nobody knows it.
        """
        if is_hot(ledger_id) and not await self.is_known(ledger_id, deadline):
            return ledger_id, 0, None
        version, found = await self._router.ask(ledger_id, "reservation", ledger_id, number, deadline=deadline)
        if found is not None or not is_hot(ledger_id):
            return ledger_id, version, found
        moved = await self.move(ledger_id, number, deadline)  # it was, as far as it is known
        if not isinstance(moved, tuple):
            return ledger_id, version, None
        store_id, number = moved
        version, found = await self._router.ask(store_id, "reservation", store_id, number, deadline=deadline)
        return store_id, version, found

    async def is_known(self, ledger_id: str, deadline: float) -> bool:
        """Whether the chain knows the SKU of a ledger as one that is hot, or was. No other has a ledger."""
        sku = sku_of_ledger(ledger_id)
        if sku not in self._router.chain.hot:
            await self._router.refresh_chain(deadline)
        hot = self._router.chain.hot.get(sku)
        return hot is not None and hot.generation > 0

    def forget(self, skus: Iterable[str]) -> None:
        """Keep no words of other SKUs than these."""
        known = set(skus)
        self._closed = {sku: word for sku, word in self._closed.items() if sku in known}
        words = self._units.words
        for place in [place for place in words if place[1] not in known]:
            del words[place]

    def _old_enough(self, word: Word | None) -> int:
        """The generation of a word that was there before any first attempt was made that comes now; 0 where there is
        none. A younger one is of no use: an attempt may have been under way for long, and its repeat been decided.
        """
        is_old = word is not None and word.since_s + CALL_MS_MAX / 1_000 <= asyncio.get_running_loop().time()
        return word.generation if word is not None and is_old else 0

    def _hot_of(self, command: object) -> Any:
        """The SKU of a Reserve that a ledger of its own may decide, or have decided; None where there is none."""
        hot = self._router.chain.hot
        found = hot.get(command.plain_sku) if hot and isinstance(command, shop.Reserve) else None
        return found if found is not None and found.generation else None

    def _start(self, telling: Coroutine[Any, Any, object]) -> None:
        async def run() -> None:
            with suppress(*PASSING):  # the reconciler goes on
                await telling

        task = asyncio.get_running_loop().create_task(run())
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    def _soon(self) -> float:
        return asyncio.get_running_loop().time() + NOTE_S


def _to_hot(given: Entry, word: int, page: int = 0) -> tuple[str, shop.Reserve]:
    """The same for the SKU's ledger, where shops are what SKUs are in a shop, and a key is its shop's."""
    store_id, command = given
    assert isinstance(command, shop.Reserve), "nothing else is sent on"
    [(sku, units)] = command.lines
    key = f"{store_id}\n{command.key}"
    return ledger_of_hot(sku), replace(command, key=key, lines=((store_id, units),), asked=word, page=page)
