"""Units of a shop that the ledger of a hot SKU has, or the shop: whichever is short of them has them fetched before it
refuses. Both ends know them by totals that only grow, so all of this may be done twice, or half.

    shop                        gateway                        ledger of the SKU
    HandUnits ─> totals ───────────────────────> ReceiveUnits
    TakeUnitsBack <──────────────────────── totals <─ GiveBackUnits
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, TypeVar

from msgspec.structs import replace

from actors.core.ids import is_hot, ledger_of_hot, sku_of_ledger
from actors.core.rejection import Reason
from actors.protocol.messages import Answer, Entry, Late, LedgerStopped, Refusal, Shed, Stopped
from actors.shop import commands as shop
from actors.shop.hot.units import GiveBackUnits, HandUnits, HotTotals, ReceiveUnits, TakeUnitsBack
from actors.shop.picking.pick_task import ShortPick
from actors.shop.transfers.transfer import ProposeTransfer
from serve.routing.batcher import DeadlinePassed, Overloaded
from serve.routing.router import Router

EVERY_S: Final = 0.05  # a shop that may have nothing left is not asked more often
FETCH_S: Final = 5.0
MADE_S: Final = 5.0  # that a promotion waits for the actor of its SKU's ledger
ROUNDS_MAX: Final = 3
BEGUN_MAX: Final = 16_384  # fetches that are remembered for that time
RECEIVED_MAX: Final = 16_384
_ELSEWHERE: Final = frozenset({Reason.HOT_FETCH, Reason.UNITS_ELSEWHERE})

Fetching = shop.Reserve | shop.Amend | shop.Claim | shop.AllotStock | ProposeTransfer | ShortPick
Place = tuple[str, str]  # a shop and a SKU
K = TypeVar("K")


def are_elsewhere(answer: Answer) -> bool:
    """Whether a ledger has not decided, as another has units that it is short of."""
    return isinstance(answer, Refusal) and answer.rejection.reason in _ELSEWHERE


def is_for_gateways(answer: Answer) -> bool:
    """Whether a ledger has not decided, and only says how the call goes on."""
    return isinstance(answer, Refusal) and answer.rejection.reason <= Reason.GRANT_REQUIRED


def _once_fetched(
    entry: Entry, answer: Answer, kept: "Mapping[Place, int]", totals: "Mapping[Place, HotTotals]"
) -> Entry:
    """The same, to be decided with what is there; one that waits, by what is kept for it; and one that its channel's
    quota has enough for, in its shop.
    """
    ledger_id, command = entry
    assert isinstance(command, Fetching), "no other command takes units"
    command = replace(command, fetched=True)
    if not isinstance(command, shop.Reserve):
        return ledger_id, command
    [(name, units), *_] = command.lines
    if is_hot(ledger_id):
        assert isinstance(answer, Refusal), "it is short"
        left = dict(totals[name, sku_of_ledger(ledger_id)].quotas).get(command.channel, 0)
        return ledger_id, replace(command, to_shop=left > 0 and left + answer.rejection.available >= units)
    return ledger_id, replace(command, kept_at=kept.get((ledger_id, name), 0)) if command.wait_ms else command


async def have_actor(router: Router, sku: str, deadline: float) -> None:
    """Have the actor of a SKU's ledger be there before the SKU is hot: its first callers would wait for a process to
    start. One that cannot be had is waited for no longer than MADE_S, or half of the call's time.
    """
    ledger_id, now = ledger_of_hot(sku), asyncio.get_running_loop().time()
    with suppress(DeadlinePassed, Overloaded, LedgerStopped):
        await router.ask(ledger_id, "positions", ledger_id, [], deadline=now + min(MADE_S, (deadline - now) / 2))


class Word(NamedTuple):
    """A generation of a SKU at which a ledger was seen, and since when that is known here, in the loop's time."""

    generation: int
    since_s: float


def heard(words: dict[K, Word], place: K, generation: int) -> None:
    """Note a word, where it is newer than the one that is known."""
    known = words.get(place)
    if known is None or known.generation < generation:
        words[place] = Word(generation, asyncio.get_running_loop().time())


class HotUnits:
    """Fetches units, for all calls of one gateway."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._fetches: dict[Place, asyncio.Task[HotTotals]] = {}  # that have not begun
        self._given_back: dict[Place, int] = {}  # what these will say that the SKU's ledger has ever given back
        self._begun_at: dict[Place, float] = {}
        self._kept: set[Place] = set()  # likewise, where units are kept for the shop's line
        self._received: dict[Place, int] = {}  # of a shop's totals, what the SKU's ledger is known to have heard
        # By shop and SKU, the newest generation of the open SKU at which the shop was seen: a word for calls that are
        # made from now on, see `actors.shop.hot.decide`.
        self.words: dict[Place, Word] = {}

    async def send(self, entry: Entry, deadline: float, *, promise: bool) -> Answer:
        """As `Router.send`. Where the ledger is short of units that are elsewhere, they are fetched first."""
        rounds = 0
        while True:
            answer = await self._router.send(entry, deadline, promise=promise)
            if not are_elsewhere(answer):
                return answer
            rounds += 1
            [entry] = await self.fetch_all([(entry, answer)], rounds, deadline)

    async def send_all(self, entries: Sequence[Entry], deadline: float) -> list[Answer]:
        """As `Router.send_all`, likewise."""
        answers = await self._router.send_all(entries, deadline)
        short = {place: entries[place] for place, answer in enumerate(answers) if are_elsewhere(answer)}
        rounds = 0
        while short:
            rounds += 1
            again = await self.fetch_all([(entry, answers[place]) for place, entry in short.items()], rounds, deadline)
            short = dict(zip(short, again, strict=True))
            for place, answer in zip(short, await self._router.send_all(again, deadline), strict=True):
                answers[place] = answer
            short = {place: entry for place, entry in short.items() if are_elsewhere(answers[place])}
        return answers

    async def fetch_all(self, short: Sequence[tuple[Entry, Answer]], rounds: int, deadline: float) -> list[Entry]:
        """Have what these commands are short of brought to their ledgers, as far as it is there; the commands as they
        are to be sent again. One for which something came back to its shop may find that taken, and is decided for want
        of units after ROUNDS_MAX such rounds only. Raises as `Router.send` where it is not known what is there.
        """
        back: dict[Place, int] = {}
        asked: dict[Place, int] = {}
        kept: dict[Place, int] = {}  # of those who would wait
        places: list[list[Place]] = []
        for (ledger_id, command), answer in short:
            assert isinstance(answer, Refusal), "nothing else is elsewhere"
            if is_hot(ledger_id):
                assert isinstance(command, shop.Reserve), "nothing else takes units there"
                place = command.lines[0][0], sku_of_ledger(ledger_id)
                asked[place] = max(answer.rejection.number, asked.get(place, 0))
                if answer.rejection.store_id:
                    self._kept.add(place)
                places.append([place])
                continue
            lines = answer.rejection.short_lines
            hot = [line for line in lines if line[0] in self._router.chain.hot] or lines
            places.append([(ledger_id, sku) for sku, _, _ in hot])
            for sku, units, available in hot:
                back[ledger_id, sku] = back.get((ledger_id, sku), 0) + units - max(0, available)
            if answer.rejection.store_id:
                kept |= dict.fromkeys(places[-1], 0)
        returns = [
            self.give_back(place, units, deadline, kept if place in kept else None) for place, units in back.items()
        ]
        fetches = [self._handed_soon(place, given_back, deadline) for place, given_back in asked.items()]
        came, handed = await asyncio.gather(asyncio.gather(*returns), asyncio.gather(*fetches))
        again = {place for place, is_more in zip(back, came, strict=True) if is_more}
        totals = dict(zip(asked, handed, strict=True))
        again.update(place for place, there in totals.items() if not there.generation)
        if again.intersection(asked):  # the SKU is closed in a shop already
            if rounds > ROUNDS_MAX:
                await asyncio.sleep(EVERY_S)
            await self._router.refresh_chain(deadline)
        return [
            entry
            if again.intersection(mine) and (rounds < ROUNDS_MAX or is_hot(entry[0]))
            else _once_fetched(entry, answer, kept, totals)
            for (entry, answer), mine in zip(short, places, strict=True)
        ]

    async def hand(self, place: Place, deadline: float, given_back: int = 0) -> HotTotals:
        """Have a shop hand what is free of a SKU to the SKU's ledger, which has ever given so much back to it.
        Returns its totals.
        """
        store_id, sku = place
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        handed = await self._totals((store_id, HandUnits(sku, given_back=given_back)), deadline)
        if handed.generation:
            heard(self.words, place, handed.generation)
        if handed.over > self._received.get(place, 0):
            await self.receive(place, handed.over, deadline)
        quotas = [channel for channel, _ in handed.quotas]
        self._router.sold_out.note_fetch(ledger_of_hot(sku), store_id, sku, began_at, loop.time(), quotas)
        return handed

    async def receive(self, place: Place, handed: int, deadline: float) -> None:
        """Let the SKU's ledger know what a shop has ever handed."""
        store_id, sku = place
        there = await self._totals((ledger_of_hot(sku), ReceiveUnits(store_id, handed)), deadline)
        if len(self._received) >= RECEIVED_MAX:
            self._received.clear()
        self._received[place] = max(there.over, self._received.get(place, 0))

    async def give_back(self, place: Place, units: int, deadline: float, kept: dict[Place, int] | None = None) -> bool:
        """Have the SKU's ledger give units back to a shop, as far as nobody holds them there; 0 for all of these. True
        where the shop has got some. What is on its way there is received first. Where somebody waits in line, `kept`
        takes what the shop had handed when that ledger began to keep its units.
        """
        store_id, sku = place
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        [here] = await self._router.ask(store_id, "hot_totals", store_id, [sku], deadline=deadline)
        if here.over <= here.back + here.moved:
            self._router.sold_out.note_fetch(store_id, store_id, sku, began_at, loop.time())
            return False
        giving = GiveBackUnits(store_id, units, here.over, keep=kept is not None)
        given = await self._totals((ledger_of_hot(sku), giving), deadline)
        if kept is not None:
            kept[place] = given.over
        if given.back > here.back:
            await self.take_back(place, given.back, deadline)
        self._router.sold_out.note_fetch(store_id, store_id, sku, began_at, loop.time())
        return bool(given.back > here.back)

    async def take_back(self, place: Place, given_back: int, deadline: float) -> None:
        """Let a shop know what the SKU's ledger has ever given back."""
        store_id, sku = place
        await self._totals((store_id, TakeUnitsBack(sku, given_back)), deadline)

    async def _handed_soon(self, place: Place, given_back: int, deadline: float) -> HotTotals:
        """As `hand`, by a question that is asked after this call: one for all who wait for it, and not too often."""
        self._given_back[place] = max(given_back, self._given_back.get(place, 0))
        fetch = self._fetches.get(place)
        if fetch is None:
            fetch = self._fetches[place] = asyncio.get_running_loop().create_task(self._hand_in_turn(place))
            fetch.add_done_callback(
                lambda done: done.cancelled() or done.exception()
            )  # also where nobody waits any more
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.shield(fetch)
        except TimeoutError:
            raise DeadlinePassed(sent=True) from None

    async def _hand_in_turn(self, place: Place) -> HotTotals:
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(self._begun_at.get(place, 0.0) + EVERY_S - now)
        del self._fetches[place]
        now, given_back, is_kept = asyncio.get_running_loop().time(), self._given_back.pop(place), place in self._kept
        if len(self._begun_at) >= BEGUN_MAX:
            self._begun_at = {each: at for each, at in self._begun_at.items() if now < at + EVERY_S}
        self._begun_at[place] = now
        if is_kept:  # it comes home, and is handed anew if nobody waits any more
            self._kept.discard(place)
            await self.give_back(place, 0, now + FETCH_S)
        return await self.hand(place, now + FETCH_S, given_back)

    async def _totals(self, entry: Entry, deadline: float) -> HotTotals:
        answer = await self._router.send(entry, deadline, promise=True)
        if isinstance(answer, Stopped):
            raise LedgerStopped(answer.why)
        if isinstance(answer, Late):
            raise DeadlinePassed(sent=True)
        if isinstance(answer, Shed):
            raise Overloaded
        assert isinstance(answer, HotTotals), "units are answered for by totals"
        return answer
