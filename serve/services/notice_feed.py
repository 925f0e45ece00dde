"""Brings what the shops' feeds say to the notifier, which decides whom to tell of it.

Any gateway does, one at a time by the notifier's word; what two bring is taken in once, as it says after which version
it was read. A gateway decides nothing here. The one that brings follows how far shops are, as streams do, and reads
where something has happened.
"""

import asyncio
import logging
from collections.abc import Iterable
from secrets import token_hex
from typing import Any, Final

from actors.calendar.hours import ALWAYS_OPEN
from actors.core.chain import Store
from actors.core.ids import is_hot
from actors.core.pickup_keys import PickupKey
from actors.journal.port import Record
from actors.notices.commands import Fact, Observe
from actors.notices.events import Began
from actors.notices.facts import Change, change_in, fact_of
from actors.notices.state import Place
from actors.protocol.formats import BeyondFormat
from actors.protocol.messages import ActorGone, LedgerStopped
from actors.protocol.placement import NOTIFIER_ACTOR
from actors.runtime.kinds import SHOP
from actors.shop.state import Reservation
from serve.routing.batcher import DeadlinePassed, Overloaded
from serve.routing.heads import Heads
from serve.routing.router import Router
from serve.services.pickup_keys import LINKS, KeyRing

TURN_S: Final = 1.0  # between two turns in which nothing has happened: each is a question to the notifier
GATHER_S: Final = 0.1  # what happens within it is brought together: each turn gets the cursors of all shops
ASK_S: Final = 10.0  # that an actor is waited for
FEED_BYTES: Final = 1_048_576  # of one actor at a turn
BESIDE_S: Final = 0.25  # that a turn waits for actors
STORES_MAX: Final = 500  # of one question

Cursors = dict[str, tuple[int, int]]  # by shop, the version and the hash of its record

log = logging.getLogger("holdfast.notices")

FAILURES: Final = (DeadlinePassed, Overloaded, LedgerStopped, ActorGone)


class NoticeFeed:
    """Of one gateway. `keys` has that by which letters have links to customers' pages, None where these are nowhere."""

    def __init__(self, router: Router, keys: KeyRing | None = None) -> None:
        self._router = router
        self._keys = keys
        self._followed = Heads(router)
        self._gateway = token_hex(8)
        self._task: asyncio.Task[None] | None = None
        self._bringing: dict[str, asyncio.Task[int]] = {}  # by actor

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._for_ever())

    def close(self) -> None:
        """Bring no more; another gateway does, once the notifier has waited for this one."""
        self._leave()
        if self._task is not None:
            self._task.cancel()

    async def turn(self) -> int:
        """Bring what there is, as far as it is known. Returns how many records that was, those of the turns before that
        took longer among them: an actor that does not answer is waited for beside the next turns, for its own shops.
        Raises BeyondFormat where the service's format has no notices, and nothing is done.
        """
        self._router.writing.require(Began({}))
        told = await self._notifier("cursors", self._gateway, *await self._link_key())
        if told is None:
            self._leave()  # who brings follows the shops
            return 0
        has_begun, cursors = told
        if not has_begun:
            await self._notifier("begin", await self._heads())
            return 0
        for actor, mine in self._router.by_actor(await self._followed.shops()).items():
            after = {store_id: cursors.get(store_id, (0, 0))[0] for store_id in mine}
            if actor not in self._bringing and self._followed.are_elsewhere(actor, after):
                self._bringing[actor] = asyncio.create_task(self._bring(actor, mine, cursors))
        if self._bringing:
            await asyncio.wait(self._bringing.values(), timeout=BESIDE_S)
        done = [actor for actor, task in self._bringing.items() if task.done()]
        return sum(self._bringing.pop(actor).result() for actor in done)

    async def _link_key(self) -> tuple[PickupKey, ...]:
        return () if self._keys is None else (await self._keys.signing(LINKS, _soon()),)

    def _leave(self) -> None:
        self._followed.close()
        for task in self._bringing.values():
            task.cancel()
        self._bringing.clear()

    async def _heads(self) -> dict[str, int]:
        """The versions of the shops that there are; of one that does not answer all is read, and what is old told
        nobody.
        """
        actors = self._router.by_actor(await self._router.shops_with_actors())
        asked: dict[str, tuple[dict[str, int], float]] = dict.fromkeys(actors, ({}, 0.0))
        said = await self._router.ask_each("moved", asked, deadline=_soon())
        found = [heads for heads in said.values() if isinstance(heads, dict)]
        return {each: head for heads in found for each, head in heads.items() if head > 0 and not is_hot(each)}

    async def _bring(self, actor: str, store_ids: list[str], cursors: Cursors) -> int:
        """What one actor's shops have said; one that does not answer delays no other."""
        brought = 0
        for first in range(0, len(store_ids), STORES_MAX):
            mine = store_ids[first : first + STORES_MAX]
            asked = [(store_id, *cursors.get(store_id, (0, 0))) for store_id in mine]
            try:
                found = await self._router.ask_actor(actor, "feed", asked, True, FEED_BYTES, deadline=_soon())
                after = {store_id: version for store_id, version, _ in asked}
                seen = [await self._seen(each, after[each], records) for each, records in found if records]
                if seen:
                    await self._notifier("observe", seen)
                for store_id in [each for each, records in found if not records]:
                    await self._rejoin(actor, store_id, after[store_id])
            except FAILURES as error:
                log.info("what the shops of %s say comes later: %r", actor, error)
                continue
            brought += sum(len(records) for _, records in found)
        return brought

    async def _rejoin(self, actor: str, store_id: str, after: int) -> None:
        heads = await self._router.ask_actor(actor, "moved", {}, 0.0, deadline=_soon())
        if heads.get(store_id, 0) >= 0:
            await self._notifier("rejoin", store_id, after, heads.get(store_id, 0))

    async def _seen(self, store_id: str, after: int, records: list[Record]) -> Observe:
        said = list(_changes_in(records, after))
        wanted = sorted({each.number for _, _, each in said if each.reservation is None})
        known: dict[int, Reservation] = {}
        if wanted:
            found = await self._router.ask(store_id, "reservations_of", store_id, wanted, deadline=_soon())
            known = {number: each for number, each in zip(wanted, found, strict=True) if isinstance(each, Reservation)}
        facts = [fact_of(each, version, at_ms, known) for version, at_ms, each in said]
        told: tuple[Fact, ...] = tuple(fact for fact in facts if fact is not None)
        place = _place_of(self._router.chain.stores.get(store_id))
        return Observe(store_id, after, records[-1].seq, records[-1].hash, place, told)

    async def _notifier(self, method: str, *args: Any) -> Any:
        return await self._router.ask_actor(NOTIFIER_ACTOR, method, *args, deadline=_soon())

    async def _for_ever(self) -> None:
        while True:
            moved = self._followed.moved
            try:
                found = await self.turn()
            except BeyondFormat as error:
                log.warning("customers are told nothing: %s", error)
                return
            except FAILURES as error:
                log.warning("the notifier does not answer: %r", error)
                found = 0
            except Exception:
                log.exception("the feeds could not be brought to the notifier")
                found = 0
            if not found:
                await self._news(moved)
            await asyncio.sleep(GATHER_S)

    async def _news(self, moved: asyncio.Event) -> None:
        """Wait until something has happened, or was brought; a turn's length at most."""
        waiting = asyncio.create_task(moved.wait())
        try:
            news = (waiting, *self._bringing.values())
            await asyncio.wait(news, timeout=TURN_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()


def _changes_in(records: Iterable[Record], after: int) -> Iterable[tuple[int, int, Change]]:
    """What records say behind a version, each with its version and instant."""
    for record in records:
        version = record.seq - record.event_count
        for event in SHOP.read_events(record.payload):
            version += 1
            change = change_in(event) if version > after else None
            if change is not None:
                yield version, record.at_ms, change


def _place_of(store: Store | None) -> Place:
    if store is None:
        return Place("", "")
    zone = "" if store.calendar == ALWAYS_OPEN else store.calendar.zone  # it has said none
    return Place(store.name, zone, store.latitude, store.longitude)


def _soon() -> float:
    return asyncio.get_running_loop().time() + ASK_S
