"""The actors of a chain's world: real ones, in one process and in virtual time, and what befalls them."""

import asyncio
import gc
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import pytest

from actors.core.chain import evolve_chain, packed
from actors.core.store_moves import StoreMoved, StoreMoving
from actors.customer_actor import CustomerActor
from actors.hot_sku_actor import HotSkuActor
from actors.journal.port import Journal, JournalError
from actors.protocol.formats import CURRENT
from actors.protocol.messages import (
    RULES_ARE_STALE,
    ActorGone,
    CallLost,
    Elsewhere,
    Late,
    MoveRefused,
    Stopped,
    unpack_answers,
)
from actors.protocol.placement import CHAIN_ACTOR, ActorKind, kind_of
from actors.runtime import actor_runtime
from actors.runtime.kinds import CUSTOMERS, HOT, SHOP
from actors.store_actor import StoreActor
from tests.journal.memory import MemoryDisk, MemoryJournal
from tests.runtime.actors_here import Ended
from tests.runtime.breaking import BreakingJournal
from tests.simulation.checks import Broken, NoThread
from tests.simulation.lethal_callers import ending

if TYPE_CHECKING:
    from tests.simulation.chain_world import ChainWorld

LATE_S_MAX: Final = 20.0  # longer than an attempt is open: a claim may come when its order is over


class MortalStoreActor(StoreActor):
    """One whose process some commands end."""

    core = ending("shop", SHOP)


class MortalCustomerActor(CustomerActor):
    """Likewise."""

    core = ending("customers", CUSTOMERS)


class MortalHotSkuActor(HotSkuActor):
    """Likewise."""

    core = ending("shop", HOT)


_KINDS: Final[dict[ActorKind, Any]] = {
    ActorKind.CUSTOMERS: MortalCustomerActor,
    ActorKind.STORE: MortalStoreActor,
    ActorKind.HOT: MortalHotSkuActor,
}


class SimActors:
    """See `router.Actors`: real ones, without threads of their own, in virtual time."""

    writing = CURRENT  # the service's format

    def __init__(self, world: "ChainWorld") -> None:
        self._world = world
        self.disks: dict[str, MemoryDisk] = {}
        self.made: dict[str, Any] = {}
        self.journals: dict[str, BreakingJournal] = {}  # of those that are made
        self.full: set[str] = set()  # actors that can write nothing
        self.known: set[str] = set()
        self._stopped: dict[str, Any] = {}  # processes that a successor has replaced, and that live on
        self._late: list[asyncio.Task[None]] = []

    def journal_of(self, actor: str, disk: MemoryDisk) -> Journal:
        """The journal that a process of the actor opens."""
        del actor
        return MemoryJournal(disk)

    async def names(self) -> frozenset[str]:
        return frozenset(self.known)

    async def call(self, actor: str, method: str, *args: Any) -> Any:
        world = self._world
        await asyncio.sleep(world.random.random() * world.delay_s)
        if actor == CHAIN_ACTOR:
            return self._ask_chain(method, args)
        fate = world.random.random()
        if world.lateness.random() < world.late:
            world.struck["call late"] += 1
            self._late.append(asyncio.get_running_loop().create_task(self._arrives_late(actor, method, args)))
            raise ActorGone("on its way for longer than anybody waits")
        if fate < world.trouble or actor in world.away:
            world.struck["call lost"] += 1
            raise ActorGone("lost on the way")
        answer = self._ask(actor, method, args)
        if fate > 1 - world.trouble:
            world.struck["actor killed"] += 1
            self.kill(actor)
            raise ActorGone("killed before the answer")
        if fate > 1 - 2 * world.trouble:
            world.struck["answer lost"] += 1
            raise ActorGone("the answer was lost")
        await asyncio.sleep(world.random.random() * world.delay_s)
        return answer

    def _ask_chain(self, method: str, args: tuple[Any, ...]) -> bytes | None:
        """As the chain's actor, which no world loses: of its changes, those that gateways make of moves."""
        world = self._world
        if method == "move_store":
            store_id, actor, source, _ = args
            known = world.chain.moves.get(store_id)
            if known and not known.is_done and known.actor != actor:
                return None
            if (lies_with := known.actor if known else source) != actor:
                world.chain = evolve_chain(world.chain, StoreMoving(store_id, actor, lies_with))
        elif method == "note_moved":
            store_id, move, _ = args
            known = world.chain.moves[store_id]
            if known.move == move and not known.is_done:
                world.struck["shop moved"] += 1
                world.chain = evolve_chain(world.chain, StoreMoved(store_id))
        return packed(world.chain.since(args[-1]))

    async def all_arrived(self) -> None:
        """Wait for the calls that are still on their way; raises what one of them broke."""
        await asyncio.gather(*self._late)

    async def _arrives_late(self, actor: str, method: str, args: tuple[Any, ...]) -> None:
        """A call that was given up is done all the same, when it arrives at last."""
        await asyncio.sleep(self._world.lateness.random() * LATE_S_MAX)
        if actor not in self._world.away:
            with suppress(ActorGone, MoveRefused):
                self._ask(actor, method, args)

    def _ask(self, actor: str, method: str, args: tuple[Any, ...]) -> Any:
        try:
            process = self.process(actor)
            if method == "step" and actor in self._stopped and self._world.trouble_random.random() < 0.5:
                self._ask_stopped(actor, args[0])
            answer = getattr(process, method)(*args)
        except JournalError as error:
            raise ActorGone(str(error)) from error
        except Ended as end:
            self._world.struck["actor ended by a command"] += 1
            self.kill(actor)
            self._world.lethal.ended(*end.args, alone=args[1:] == (True,))
            raise CallLost("the process has ended") from end
        self._world.look(process)
        return answer

    def _ask_stopped(self, actor: str, batch: bytes) -> None:
        """A call that went to the process before: whatever it does, it must not answer for a ledger that it lost."""
        before = self._stopped.pop(actor)
        self._world.struck["stopped actor asked"] += 1
        try:
            answer = before.step(batch)
        except (JournalError, Ended) as error:
            raise ActorGone(str(error)) from error
        _, entries = before.core.read_batch(batch)
        heads = self.disks[actor].heads
        if answer == RULES_ARE_STALE:
            return
        for (ledger_id, _, command), given in zip(entries, unpack_answers(answer), strict=True):
            if isinstance(given, Late | Stopped | Elsewhere):  # nothing was decided
                continue
            if before.host._hosted[ledger_id].epoch != heads[ledger_id].epoch:
                raise Broken("I9", f"{actor} was replaced, and answered {command}")

    def process(self, actor: str) -> Any:
        """The actor, made from what is durable where it is not there. Raises JournalError where its disk is full."""
        found = self.made.get(actor)
        if found is None:
            journal = BreakingJournal(self.journal_of(actor, self.disks.setdefault(actor, MemoryDisk())))
            if actor in self.full:
                journal.fail_before()
                journal.fail_call("take_over")
            kind = _KINDS[kind_of(actor)]
            made: list[Any] = []
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(actor_runtime, "Thread", NoThread)
                patch.setattr(gc, "freeze", lambda: None)  # it would keep every world for ever
                ended = lambda _: self._ended(actor, *made)  # noqa: E731
                made.append(kind(actor, journal, self._world, ended, writing=self.writing))
            found = self.made[actor] = made[0]
            found.host.reads_beside = False
            self.journals[actor] = journal
            self.known.add(actor)
        return found

    def _ended(self, actor: str, *process: Any) -> None:
        if self.made.get(actor) in process:
            self.kill(actor)

    def kill(self, actor: str) -> None:
        """Gone, with all that was not durable."""
        gone = self.made.pop(actor, None)
        if gone is not None:
            del self.journals[actor]
            gone._closing.set()

    def stop(self, actor: str) -> None:
        """It lives on, and its successor takes its place."""
        self._stopped[actor] = self.made.pop(actor)
        del self.journals[actor]
