"""Asks the ledgers of hot SKUs for keys, where a shop cannot decide a call without that (`actors.shop.hot_keys`). What
they say is told to the shop, and the call is sent again.

A shop asks for that of what its process does not know: once after its start, for each SKU that is or was hot, and of a
key that such a ledger seems to have. So a call waits for these ledgers hardly ever, and never for long: where one does
not answer, the call goes on as if that had no such key. For one that has not answered the next calls wait for a moment.
"""

import asyncio
import logging
from typing import Any, Final, Protocol

from actors.core.ids import ledger_of_hot
from actors.core.rejection import Reason, Rejection
from actors.protocol.messages import Answer, Entry, LedgerStopped, Refusal, Stopped
from actors.shop.commands import Claim
from actors.shop.hot import DisownKey, VoidWords
from serve.routing.batcher import DeadlinePassed, Overloaded

ASK_S: Final = 1.0
ASK_AWAY_S: Final = 0.05  # likewise, of a ledger that did not answer the last time
SETTLING_MAX: Final = 64  # keys told to one shop at once: of a large batch they would fill the questions to its actor

log = logging.getLogger("holdfast.router")

Unlearned = tuple[str, str, int, int]  # a shop; and a SKU, its generation and the page, as the shop says them


class Asking(Protocol):
    """As the router does it."""

    async def send(self, entry: Entry, deadline: float, *, promise: bool) -> Answer:
        """See `Router.send`."""

    async def ask(self, store_id: str, method: str, *args: Any, deadline: float) -> Any:
        """See `Router.ask`."""


class KeyOwners:
    """What all calls of one gateway ask for."""

    def __init__(self, router: Asking) -> None:
        self._router = router
        self._learning: dict[Unlearned, asyncio.Task[None]] = {}
        self._away: set[str] = set()  # SKUs whose ledgers did not answer the last time
        self._asking: dict[str, asyncio.Task[bool]] = {}  # by SKU the question that goes on whoever waits for it
        self._telling: dict[str, asyncio.Semaphore] = {}  # by shop

    async def settle(self, entry: Entry, refused: Rejection) -> None:
        """Find out what the shop needs to know to decide this command. Raises as `Router.ask`, where that cannot be
        told to the shop.
        """
        store_id, command = entry
        key = command.call_key if isinstance(command, Claim) else str(getattr(command, "key", ""))
        asked, is_known = refused.sku, False
        skus = {sku for sku, _, _ in refused.short_lines} | ({refused.sku} if refused.sku else set())
        try:
            async with asyncio.timeout(ASK_AWAY_S if skus & self._away else ASK_S):
                for sku, generation, page in refused.short_lines:
                    asked = sku
                    await self._learned((store_id, sku, generation, page))
                if not refused.sku:
                    return
                asked = refused.sku
                is_known = await self._heard(asked, DisownKey(f"{store_id}\n{key}", store_id))
        except (TimeoutError, DeadlinePassed, Overloaded, LedgerStopped) as error:
            if asked not in self._away:
                self._away.add(asked)
                message = "%s decides %s, and others, without the ledger of %s: %r"
                log.warning(message, store_id, key, asked, error, extra={"key": key, "sku": asked})
        async with self._telling.setdefault(store_id, asyncio.Semaphore(SETTLING_MAX)):
            await self._router.ask(store_id, "settle_key", store_id, key, is_known, deadline=_soon())

    async def _heard(self, sku: str, disowned: DisownKey) -> bool:
        """Whether the ledger of a SKU has answered a key. One question of each SKU at a time outlives its call: by it a
        ledger that is back is found out, also where that is slower than a call waits for one that was away.
        """
        if sku in self._asking:
            return await self._has(sku, disowned)
        task = self._asking[sku] = asyncio.get_running_loop().create_task(self._has(sku, disowned))
        task.add_done_callback(lambda done: self._answered(sku, done))
        return await asyncio.shield(task)

    def _answered(self, sku: str, done: "asyncio.Task[bool]") -> None:
        del self._asking[sku]
        done.cancelled() or done.exception()  # looked at, also where nobody waits any more

    async def _has(self, sku: str, disowned: DisownKey) -> bool:
        answer = await self._sent(sku, disowned)
        self._away.discard(sku)
        return isinstance(answer, Refusal) and answer.rejection.reason is Reason.IDEMPOTENCY_KEY_REUSED

    async def _learned(self, unlearned: Unlearned) -> None:
        """Have a shop learn what the ledger of a SKU has answered: once for all calls that wait for it."""
        task = self._learning.get(unlearned)
        if task is None:
            task = self._learning[unlearned] = asyncio.get_running_loop().create_task(self._learn(*unlearned))
            task.add_done_callback(lambda done: self._forget(unlearned, done))
        await asyncio.shield(task)

    def _forget(self, unlearned: Unlearned, done: asyncio.Task[None]) -> None:
        del self._learning[unlearned]
        if not done.cancelled() and done.exception() is None:  # looked at also where nobody waits any more
            self._away.discard(unlearned[1])

    async def _learn(self, store_id: str, sku: str, generation: int, page: int) -> None:
        await self._sent(sku, VoidWords(store_id, page, generation))  # what it answers from then on the shop knows
        ledger_id = ledger_of_hot(sku)
        heads = await self._router.ask(ledger_id, "answered", ledger_id, deadline=_soon())
        await self._router.ask(store_id, "learn_keys", store_id, sku, generation, page, heads, deadline=_soon())

    async def _sent(self, sku: str, command: VoidWords | DisownKey) -> Answer:
        answer = await self._router.send((ledger_of_hot(sku), command), _soon(), promise=True)
        if isinstance(answer, Stopped):
            raise LedgerStopped(answer.why)
        return answer


def _soon() -> float:
    return asyncio.get_running_loop().time() + ASK_S
