"""The actors in this process: real ones, called as over Ray, which a test can kill and whose answers it can lose.

What goes in and out is encoded as between processes, calls run on threads, a method's own error comes back as
`actors.rpc` would translate it, and an actor that ends or is killed answers `ActorGone` until it has been made again
from what is durable.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, Final

from actors.chain_actor import ChainActor
from actors.core.chain import Store
from actors.core.policy import Policy
from actors.customer_actor import CustomerActor
from actors.delivery.round import Desk
from actors.hot_sku_actor import HotSkuActor
from actors.journal.open import open_journal, sqlite_setting
from actors.journal.port import Journal, JournalDamaged, JournalError
from actors.notices.rules import Rules
from actors.notifier_actor import NotifierActor
from actors.protocol.formats import CURRENT, Writing
from actors.protocol.messages import ActorGone, CallLost, LedgerStopped
from actors.protocol.placement import CHAIN_ACTOR, NOTIFIER_ACTOR, ActorKind, kind_of
from actors.rpc.methods import methods_of
from actors.rpc.server import WAITING
from actors.runtime.clock import Clock
from actors.store_actor import StoreActor
from tests.journal.memory import MemoryDisk, MemoryJournal
from tests.runtime.breaking import BreakingJournal

CALLS_KEPT_MAX: Final = 100_000
LOOK_S: Final = 0.005


class Ended(BaseException):
    """Ends the process of an actor whose rules raise it."""


class ActorsHere:
    """See `router.Actors`. `calls` are (actor, method, arguments) as they arrived, lost ones too. `writing` is the
    service's format.
    """

    def __init__(self, chain_dir: Path, clock: Clock, writing: Writing = CURRENT) -> None:
        self.writing = writing
        self.disks: dict[str, MemoryDisk] = {}
        self.journals: dict[str, BreakingJournal] = {}
        self.calls: list[tuple[str, str, tuple[Any, ...]]] = []
        self.made: Counter[str] = Counter()
        self._chain_journals = sqlite_setting(chain_dir)
        self._opened: list[Journal] = []
        self._clock = clock
        self.desk: tuple[Rules, Desk] | None = None  # of the notifier, from its next life on
        self._actors: dict[str, StoreActor | CustomerActor | ChainActor | NotifierActor] = {}
        self._making = Lock()
        self._lost_before: Counter[str] = Counter()
        self._lost_after: Counter[str] = Counter()
        self._held: dict[str, asyncio.Event] = {}

    async def names(self) -> frozenset[str]:
        """The actors that have been made."""
        return frozenset(self.made)

    def lose_calls(self, actor: str, count: int = 1) -> None:
        """The next calls of the actor do not reach it."""
        self._lost_before[actor] += count

    def lose_answers(self, actor: str, count: int = 1) -> None:
        """The next calls of the actor are done, and their answers lost."""
        self._lost_after[actor] += count

    def hold(self, actor: str) -> asyncio.Event:
        """Calls of the actor hang until the event is set."""
        self._held[actor] = asyncio.Event()
        return self._held[actor]

    def kill(self, actor: str) -> None:
        """The process is gone; the next call makes another from what is durable."""
        gone = self._actors.pop(actor, None)
        if isinstance(gone, StoreActor | CustomerActor | NotifierActor):
            gone._closing.set()

    def store_actor(self, actor: str) -> StoreActor:
        """The actor itself, made where it is not there."""
        found = self._process(actor)
        assert isinstance(found, StoreActor)
        return found

    async def call(self, actor: str, method: str, *args: Any) -> Any:
        """See `router.Actors`."""
        self.calls.append((actor, method, args))
        assert len(self.calls) < CALLS_KEPT_MAX, "a test that calls this often should be a benchmark"
        held = self._held.get(actor)
        if held is not None:
            await held.wait()
        if self._lost_before[actor]:
            self._lost_before[actor] -= 1
            raise ActorGone(f"the test lost a call of {actor}")
        now_ms = int(asyncio.get_running_loop().time() * 1_000)
        codec = methods_of(_class_of(actor))[method]
        if method == WAITING:  # threads are few here, and none may wait
            loop = asyncio.get_running_loop()
            until = loop.time() + args[1]
            moved = await self._moved(actor, args[0])
            while not moved and loop.time() < until:
                await asyncio.sleep(LOOK_S)
                moved = await self._moved(actor, args[0])
            return moved
        packed = await asyncio.to_thread(
            self._call, actor, method, codec.read_arguments(self.writing.packed(args)), now_ms
        )
        if self._lost_after[actor]:
            self._lost_after[actor] -= 1
            raise ActorGone(f"the test lost an answer of {actor}")
        return codec.read_result(packed)

    async def _moved(self, actor: str, known: dict[str, int]) -> dict[str, int]:
        return await asyncio.to_thread(lambda: self._process(actor).moved(known, 0.0))  # type: ignore[union-attr]

    def _call(self, actor: str, method: str, args: tuple[Any, ...], now_ms: int) -> bytes:
        process = self._process(actor)
        try:
            if method == "step" and isinstance(process, StoreActor | CustomerActor):
                [answer] = process.step_all([(args[0], now_ms)], *args[1:])
                if isinstance(answer, Exception):
                    raise answer
            else:
                answer = getattr(process, method)(*args)
        except Ended as end:
            self.kill(actor)
            raise CallLost("the connection ended") from end
        except JournalDamaged as error:
            raise LedgerStopped(str(error)) from error
        except JournalError as error:
            raise ActorGone(f"{actor} ended: {error}") from error
        return self.writing.packed(answer)

    def _process(self, actor: str) -> StoreActor | CustomerActor | ChainActor | NotifierActor:
        with self._making:  # two calls at once are answered by one actor
            return self._actors.get(actor) or self._make(actor)

    def _make(self, actor: str) -> StoreActor | CustomerActor | ChainActor | NotifierActor:
        self.made[actor] += 1
        if actor == CHAIN_ACTOR:
            opened = open_journal(self._chain_journals, actor)
            self._opened.append(opened)
            self._actors[actor] = ChainActor(actor, opened, self._clock, self._ending(actor), self.writing.number)
        else:
            journal = BreakingJournal(MemoryJournal(self.disks.setdefault(actor, MemoryDisk())))
            self.journals[actor] = journal
            more = {"desk": self.desk} if actor == NOTIFIER_ACTOR else {}
            self._actors[actor] = _class_of(actor)(
                actor, journal, self._clock, self._ending(actor), writing=self.writing, **more
            )
        return self._actors[actor]

    def _ending(self, actor: str) -> Callable[[JournalError], None]:
        return lambda _: self.kill(actor)

    def close(self) -> None:
        """End all of them."""
        for actor in list(self._actors):
            self.kill(actor)
        for journal in self._opened:  # a process that ends has no files open
            journal.close()

    async def put_stores(self, *store_ids: str) -> None:
        """Make shops."""
        await self.call(CHAIN_ACTOR, "put_stores", [Store(store_id, "", 0.0, 0.0, False) for store_id in store_ids])

    async def set_policy(self, policy: Policy) -> None:
        """Set the rules."""
        await self.call(CHAIN_ACTOR, "set_policy", policy, 0)


def _class_of(actor: str) -> Any:
    kinds = {
        ActorKind.CHAIN: ChainActor,
        ActorKind.CUSTOMERS: CustomerActor,
        ActorKind.STORE: StoreActor,
        ActorKind.HOT: HotSkuActor,
        ActorKind.NOTIFIER: NotifierActor,
    }
    return kinds[kind_of(actor)]
