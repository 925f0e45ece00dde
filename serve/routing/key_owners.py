"""Asks the ledgers of hot SKUs for keys, where a shop cannot decide a call without that (`actors.shop.hot.keys`). What
they say is told to the shop, and the call is sent again.

A shop asks for that of what its process does not know: once after its start, for each SKU that is or was hot, and of a
key that such a ledger seems to have. So a call waits for these ledgers hardly ever, and never for long: where one does
not answer, the call goes on as if that had no such key. For one that has not answered the next calls wait for a moment.
"""

import asyncio
import logging
from typing import Any, Final, NamedTuple, Protocol

from actors.core.ids import ledger_of_hot
from actors.core.rejection import Reason, Rejection
from actors.protocol.messages import Answer, Entry, LedgerStopped, Refusal, Stopped
from actors.shop.commands import Claim
from actors.shop.hot.keys import NO_PAGE
from actors.shop.hot.units import DisownKey, VoidWords
from serve.routing.batcher import DeadlinePassed, Overloaded

ASK_S: Final = 1.0
ASK_AWAY_S: Final = 0.05  # likewise, of a ledger that did not answer the last time
HEAR_S: Final = 5.0  # for all keys of a ledger that has just answered
TELL_S: Final = 30.0  # for the shop to take them in
SETTLING_MAX: Final = 64  # keys told to one shop at once: of a large batch they would fill the questions to its actor

log = logging.getLogger("holdfast.router")

Unlearned = tuple[str, str, int, int]  # a shop; and a SKU, its generation and the page, as the shop says them


class Asking(Protocol):
    """As the router does it."""

    async def send(self, entry: Entry, deadline: float, *, promise: bool) -> Answer:
        """See `Router.send`."""

    async def ask(self, store_id: str, method: str, *args: Any, deadline: float) -> Any:
        """See `Router.ask`."""


class _Asked(NamedTuple):
    """A key of a shop, for a call of which its shop has to know more."""

    store_id: str
    key: str


class _Learning(NamedTuple):
    """The steps by which a shop learns what a ledger has answered: that goes by no earlier words, says all of it, and
    the shop is told.
    """

    voided: "asyncio.Task[Answer]"
    heard: "asyncio.Task[bytes]"
    told: "asyncio.Task[None]"


class KeyOwners:
    """What all calls of one gateway ask for."""

    def __init__(self, router: Asking) -> None:
        self._router = router
        self._learning: dict[Unlearned, _Learning] = {}
        self._away: set[str] = set()  # SKUs whose ledgers did not answer the last time
        self._asking: dict[str, asyncio.Task[bool]] = {}  # by SKU the question that goes on whoever waits for it
        self._telling: dict[str, asyncio.Semaphore] = {}  # by shop

    async def settle(self, entry: Entry, refused: Rejection) -> None:
        """Find out what the shop needs to know to decide this command. Raises as `Router.ask`, where that cannot be
        told to the shop.
        """
        store_id, command = entry
        key = command.call_key if isinstance(command, Claim) else str(getattr(command, "key", ""))
        asked = _Asked(store_id, key)
        rows = [row for row in refused.short_lines if row[2] != NO_PAGE]
        skus = [sku for sku, _, page in refused.short_lines if page == NO_PAGE]
        skus += [refused.sku] if refused.sku else []
        missed = await asyncio.gather(*(self._is_missed(asked, (store_id, *row)) for row in rows))
        has = await asyncio.gather(*(self._is_known(asked, sku) for sku in skus))
        known = [sku for sku, is_known in zip(skus, has, strict=True) if is_known]
        free = [sku for sku, is_known in zip(skus, has, strict=True) if not is_known]
        free += [sku for (sku, _, _), is_missed in zip(rows, missed, strict=True) if is_missed]
        if not (known or free):
            return
        told: list[Any] = [key, bool(known)] if not refused.number else [key, known or free, bool(known)]
        method = "settle_keys" if refused.number else "settle_key"  # of a shop of the version before
        async with self._telling.setdefault(store_id, asyncio.Semaphore(SETTLING_MAX)):
            await self._router.ask(store_id, method, store_id, *told, deadline=_soon())

    async def _is_known(self, asked: _Asked, sku: str) -> bool:
        """Whether the ledger of a SKU has answered a key; not, as far as anybody hears, where that does not answer."""
        try:
            async with self._patience(sku):
                return await self._heard(sku, DisownKey(f"{asked.store_id}\n{asked.key}", asked.store_id))
        except (TimeoutError, DeadlinePassed, Overloaded, LedgerStopped) as error:
            self._note_away(asked, sku, error)
            return False

    async def _is_missed(self, asked: _Asked, unlearned: Unlearned) -> bool:
        """Have the shop learn what it has to, once for all calls that wait for it. Whether it goes on without, as the
        ledger of the SKU does not answer: one that has answered is waited for, however many keys it has.
        """
        sku = unlearned[1]
        learning = self._learning.get(unlearned) or self._learn(unlearned)
        try:
            async with self._patience(sku):
                await asyncio.shield(learning.voided)
            await asyncio.shield(learning.heard)
        except (TimeoutError, DeadlinePassed, Overloaded, LedgerStopped) as error:
            self._note_away(asked, sku, error)
            return True
        await asyncio.shield(learning.told)
        return False

    def _patience(self, sku: str) -> asyncio.Timeout:
        return asyncio.timeout(ASK_AWAY_S if sku in self._away else ASK_S)

    def _note_away(self, asked: _Asked, sku: str, error: Exception) -> None:
        if sku not in self._away:
            self._away.add(sku)
            message = "%s decides %s, and others, without the ledger of %s: %r"
            log.warning(message, *asked, sku, error, extra={"key": asked.key, "sku": sku})

    async def _heard(self, sku: str, disowned: DisownKey) -> bool:
        """Whether the ledger of a SKU has answered a key. One question of each SKU at a time outlives its call: by it a
        ledger that is back is found out, also where that is slower than a call waits for one that was away.
        """
        if sku in self._asking:
            return await self._has(sku, disowned)
        task = self._asking[sku] = asyncio.get_running_loop().create_task(self._has(sku, disowned))
        task.add_done_callback(_look_at)
        task.add_done_callback(lambda _: self._asking.pop(sku))
        return await asyncio.shield(task)

    async def _has(self, sku: str, disowned: DisownKey) -> bool:
        answer = await self._sent(sku, disowned)
        self._away.discard(sku)
        return isinstance(answer, Refusal) and answer.rejection.reason is Reason.IDEMPOTENCY_KEY_REUSED

    def _learn(self, unlearned: Unlearned) -> _Learning:
        store_id, sku, generation, page = unlearned
        ledger_id, start = ledger_of_hot(sku), asyncio.get_running_loop().create_task
        # What it answers from then on the shop knows.
        voided = start(self._sent(sku, VoidWords(store_id, page, generation)))

        async def hear() -> bytes:
            await voided
            heads: bytes = await self._router.ask(ledger_id, "answered", ledger_id, deadline=_soon(HEAR_S))
            return heads

        heard = start(hear())

        async def tell() -> None:
            known = store_id, sku, generation, page, await heard
            await self._router.ask(store_id, "learn_keys", *known, deadline=_soon(TELL_S))

        told = start(tell())
        for each in (voided, heard, told):
            each.add_done_callback(_look_at)
        told.add_done_callback(lambda done: self._forget(unlearned, done))
        learning = self._learning[unlearned] = _Learning(voided, heard, told)
        return learning

    def _forget(self, unlearned: Unlearned, told: "asyncio.Task[None]") -> None:
        del self._learning[unlearned]
        if not told.cancelled() and told.exception() is None:
            self._away.discard(unlearned[1])

    async def _sent(self, sku: str, command: VoidWords | DisownKey) -> Answer:
        answer = await self._router.send((ledger_of_hot(sku), command), _soon(), promise=True)
        if isinstance(answer, Stopped):
            raise LedgerStopped(answer.why)
        return answer


def _look_at(done: "asyncio.Task[Any]") -> None:
    """At what ended a task, also where nobody waits for it any more."""
    if not done.cancelled():
        done.exception()


def _soon(within_s: float = 0.0) -> float:
    return asyncio.get_running_loop().time() + (within_s or ASK_S)
