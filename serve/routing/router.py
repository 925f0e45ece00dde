"""Sends commands and questions to the actors of shops and customers, and alone retries them.

A call to an actor may be lost, or its answer may be; the caller cannot tell which. So the router sends the same entries
again, under their own idempotency keys, until an answer comes or the deadline passes. Neither Ray nor HAProxy nor the
actor retries.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from actors.core.chain import EMPTY, Chain, part_from_packed
from actors.protocol.formats import CURRENT, Writing
from actors.protocol.messages import (
    CUT_OFF,
    RULES_ARE_STALE,
    ActorGone,
    Actors,
    Answer,
    CallLost,
    Entry,
    Late,
    LedgerElsewhere,
    LedgerStopped,
    pack_batch,
    unpack_answers,
)
from actors.protocol.placement import CHAIN_ACTOR, OF_LEDGERS, ActorKind, Placement, kind_of
from serve.routing.attempts import ATTEMPT_S_MAX, RETRY_FIRST_S, gathered, soon, until
from serve.routing.batcher import Batcher, DeadlinePassed, Overloaded, Rerouted
from serve.routing.key_owners import KeyOwners
from serve.routing.losses import Losses
from serve.routing.routes import Routes
from serve.routing.sold_out import HINT_S_DEFAULT, SoldOut

CHAIN_POLL_S: Final = 1.0
CHAIN_LOOK_S: Final = 1.0  # so long a look at the chain may take before rules are handed over
QUESTIONS_MAX: Final = 6  # to one actor at once; it has 8 threads for those of all gateways
ASKING_MAX: Final = 512  # questions to one actor under way or waiting for their turn

log = logging.getLogger("holdfast.router")


class Router:
    """Sends commands and questions to the actors that own the shops. One for each gateway, in one event loop. `writing`
    is the service's format.
    """

    def __init__(
        self, actors: Actors, placement: Placement, hint_s: float = HINT_S_DEFAULT, writing: Writing = CURRENT
    ) -> None:
        self.writing = writing
        self._actors = actors
        self.routes = Routes(placement)
        self._actor_of = self.routes.actor_of
        self._batchers: dict[str, Batcher] = {}
        self._questions: dict[str, asyncio.Semaphore] = {}
        self._asking: dict[str, int] = {}
        self._poller: asyncio.Task[None] | None = None
        self._shops: dict[str, set[str]] = {}  # of the chain, by actor
        self._revisions: dict[str, int] = {}  # by actor, of what concerns it in the chain as known
        self.chain: Chain = EMPTY
        self.calls_inside = 0  # the gateway, see `serve.calls.Calls`
        self._looking = asyncio.Lock()
        self._asked = self._looked = 0  # for looks at the chain, and up to which of them was looked
        self._losses = Losses()
        self._owners = KeyOwners(self)
        self.sold_out = SoldOut(hint_s)
        self._is_cut_off = False  # from the chain; the next poll that is answered ends it

    async def start(self) -> None:
        """Learn the chain, and keep learning of its changes."""
        await self.refresh_chain(soon())
        self._poller = asyncio.get_running_loop().create_task(self._poll_chain())

    def submit(
        self,
        store_ids: Sequence[str],
        entries: Sequence[Entry],
        deadline: float,
        *,
        promise: bool,
        each: bool = False,
        later: bool = False,
    ) -> "list[tuple[asyncio.Future[list[Answer]], list[int]]]":
        """Queue entries by actor: for each actor a future of answers and the places in `entries` that they belong to.

        The future raises DeadlinePassed where an outcome is unknown, or, with `each`, has Late in its place. `later`:
        nobody waits for it, and it goes with others, see `Batcher.submit`.
        Raises Overloaded for a call that concerns one actor; of a larger one, the refused part's future raises it.
        Raises BeyondFormat, and nothing is queued.
        """
        if not self.writing.is_newest:
            self.writing.require([command for _, command in entries])
        if len(entries) == 1:
            batcher = self._batcher(self._actor_of(store_ids[0]))
            return [(batcher.submit(entries, deadline, promise=promise, each=each, later=later), [0])]
        places: dict[str, list[int]] = {}
        actor_of: dict[str, str] = {}
        for place, store_id in enumerate(store_ids):
            actor = actor_of.get(store_id)
            if actor is None:
                actor = actor_of[store_id] = self._actor_of(store_id)
                places.setdefault(actor, [])
            places[actor].append(place)
        queued = []
        for actor, mine in places.items():
            if len(places) == 1:
                return [(self._batcher(actor).submit(entries, deadline, promise=promise, each=each, later=later), mine)]
            chosen = [entries[place] for place in mine]
            try:
                answers = self._batcher(actor).submit(chosen, deadline, promise=promise, each=each, later=later)
            except Overloaded as refusal:  # the other actors' parts go on
                answers = asyncio.get_running_loop().create_future()
                answers.set_exception(refusal)
                answers.exception()  # its caller may go before it looks
            queued.append((answers, mine))
        return queued

    async def send(self, entry: Entry, deadline: float, *, promise: bool) -> Answer:
        """Send one command, and wait for its answer. Raises Overloaded, DeadlinePassed, LedgerStopped."""
        [(answers, _)] = self.submit((entry[0],), (entry,), deadline, promise=promise)
        return (await answers)[0]

    async def send_all(self, entries: Sequence[Entry], deadline: float, *, promise: bool = False) -> list[Answer]:
        """Send commands at once, those for one actor together; their answers in sequence. Raises as `send`."""
        queued = self.submit([ledger_id for ledger_id, _ in entries], entries, deadline, promise=promise)
        return await gathered(queued, len(entries))

    async def ask(
        self, store_id: str, method: str, *args: Any, deadline: float, attempt_s: float = ATTEMPT_S_MAX
    ) -> Any:
        """Ask the shop's actor a question, until it answers or the deadline (loop time) passes."""
        while True:
            with suppress(Rerouted):
                actor = self._actor_of(store_id)
                return await self.ask_actor(actor, method, *args, deadline=deadline, attempt_s=attempt_s)

    async def ask_actor(
        self, actor: str, method: str, *args: Any, deadline: float, attempt_s: float = ATTEMPT_S_MAX
    ) -> Any:
        """Ask an actor by name. Questions never take so many of its threads that commands would wait for one. Raises
        Rerouted where a ledger is with another actor, which this router then knows.
        """
        places = self._questions.get(actor)
        if places is None:
            places = self._questions[actor] = asyncio.Semaphore(QUESTIONS_MAX)
        if self._asking.get(actor, 0) >= ASKING_MAX:
            raise Overloaded
        self._asking[actor] = self._asking.get(actor, 0) + 1
        try:
            async with asyncio.timeout_at(deadline), places:
                return await until(deadline, partial(self._actors.call, actor, method, *args), attempt_s)
        except TimeoutError:
            raise DeadlinePassed(sent=True) from None
        except LedgerElsewhere as moved:
            await self._hear(moved.ledger_id, moved.actor)
            raise Rerouted from moved
        finally:
            self._asking[actor] -= 1

    async def ask_each(
        self, method: str, arguments: Mapping[str, tuple[Any, ...]], *, deadline: float
    ) -> dict[str, Any]:
        """What actors answer, or what kept them from it. `arguments` are those of each."""
        asked = (self.ask_actor(name, method, *args, deadline=deadline) for name, args in arguments.items())
        answers = await asyncio.gather(*asked, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(
                answer, DeadlinePassed | Overloaded | LedgerStopped
            ):
                raise answer
        return dict(zip(arguments, answers, strict=True))

    async def ledger_actors(self) -> list[str]:
        """The actors of ledgers that have been made: of shops, and of customers."""
        return sorted(name for name in await self.actor_names() if kind_of(name) in OF_LEDGERS)

    async def actor_names(self) -> frozenset[str]:
        return await self._actors.names()

    async def has_actor(self, ledger_id: str) -> bool:
        """Whether the ledger's actor has been made; one that has not has written nothing since the start."""
        return self._actor_of(ledger_id) in await self._actors.names()

    async def shops_with_actors(self) -> list[str]:
        """The chain's shops whose actors have been made: only those can have said anything."""
        made = await self._actors.names()
        return [store_id for store_id in self.chain.stores if self._actor_of(store_id) in made]

    def by_actor(self, store_ids: Sequence[str]) -> dict[str, list[str]]:
        """Shops grouped by the actor that owns them."""
        groups: dict[str, list[str]] = {}
        for store_id in store_ids:
            groups.setdefault(self._actor_of(store_id), []).append(store_id)
        return groups

    async def ask_shops(self, store_ids: Iterable[str], method: str, *args: Any, deadline: float) -> dict[str, Any]:
        """What shops answer, by shop: one question to each actor, all at once. The method takes the shops first, and
        answers with a row for each.
        """
        left, found = list(dict.fromkeys(store_ids)), dict[str, Any]()
        while left:
            groups = self.by_actor(left)
            questions = {actor: (mine, *args) for actor, mine in groups.items()}
            left = []
            for actor, rows in (await self.ask_each(method, questions, deadline=deadline)).items():
                if isinstance(rows, Rerouted):
                    left += groups[actor]
                    continue
                if isinstance(rows, BaseException):
                    raise rows
                found |= zip(groups[actor], rows, strict=True)
        return found

    async def change_chain(self, method: str, *args: Any, deadline: float) -> bool:
        """Change stores or policy; False where the chain actor refused. This router then knows the change."""
        document = await self.ask_actor(CHAIN_ACTOR, method, *args, self.chain.revision, deadline=deadline)
        if document is None:
            return False
        self._learn(document)
        return True

    async def refresh_chain(self, deadline: float) -> None:
        """Learn of changes that other gateways made. Raises DeadlinePassed."""
        document = await self.ask_actor(CHAIN_ACTOR, "document", self.chain.revision, deadline=deadline)
        if document is not None:
            self._learn(document)

    async def ask_by_rules(self, actor: str, method: str, *args: Any, deadline: float) -> Any:
        """Ask what the rules decide. The actor gets them first where its own are older; after a start it has none.

        The method takes their revision last, and answers None where it is newer than its own.
        """
        revision = self._revision_for(actor)
        while True:
            answer = await self.ask_actor(actor, method, *args, revision, deadline=deadline)
            if answer is not None:
                return answer
            is_newest = await self._look()
            await self.ask_actor(actor, "adopt", self.rules_for(actor), is_newest, deadline=deadline)
            revision = self._revision_for(actor) if is_newest else CUT_OFF

    async def ask_shop_by_rules(self, store_id: str, method: str, *args: Any, deadline: float) -> Any:
        while True:
            with suppress(Rerouted):
                return await self.ask_by_rules(self._actor_of(store_id), method, store_id, *args, deadline=deadline)

    def rules_for(self, actor: str) -> bytes:
        """The document of what concerns an actor in the chain as it is known here: no other shop's hours."""
        if kind_of(actor) is ActorKind.HOT:
            return self.writing.json(self.chain.part_for_hot())
        return self.writing.json(self.chain.part_for(self._shops.get(actor, ())))

    def _revision_for(self, actor: str) -> int:
        revision = self._revisions.get(actor)
        if revision is None:
            # The ledger of a hot SKU may have units of any shop, and hears of all that are paused.
            shops = self.chain.shop_revisions if kind_of(actor) is ActorKind.HOT else self._shops.get(actor, ())
            revision = self._revisions[actor] = self.chain.revision_for(shops)
        return revision

    async def _look(self) -> bool:
        """Whether the chain is known here as it was at this call, or later. All who wait are served by one look."""
        self._asked += 1
        mine = self._asked
        async with self._looking:
            if self._looked < mine and not self._is_cut_off:
                asked = self._asked
                try:
                    await self.refresh_chain(asyncio.get_running_loop().time() + CHAIN_LOOK_S)
                    self._looked = asked
                except (DeadlinePassed, Overloaded, LedgerStopped):
                    self._is_cut_off = True
            return self._looked >= mine

    def queue_age_s(self) -> float:
        """The longest wait before any actor; see `Batcher.queue_age_s`."""
        return max((each.queue_age_s() for each in list(self._batchers.values())), default=0.0)

    def close(self) -> None:
        if self._poller is not None:
            self._poller.cancel()

    def _learn(self, document: bytes) -> None:
        part = part_from_packed(document)
        if part.revision > self.chain.revision:
            self.routes.learn(part.moves)
            for store in part.put.stores:
                self._shops.setdefault(self._actor_of(store.store_id), set()).add(store.store_id)
            for store_id, move in part.moves.items():  # meanwhile the rules of a shop concern both
                self._shops.setdefault(move.actor, set()).add(store_id)
                at_source = self._shops.setdefault(move.source, set())
                at_source.discard(store_id) if move.is_done else at_source.add(store_id)
            self.chain = self.chain.with_part(part)
            self._revisions.clear()

    async def _poll_chain(self) -> None:
        while True:
            await asyncio.sleep(CHAIN_POLL_S)
            try:
                await self.refresh_chain(soon())
                self._is_cut_off = False
            except Exception:  # the chain as known goes on being served, and the next poll asks again
                log.exception("the chain could not be asked for changes")

    def _batcher(self, actor: str) -> Batcher:
        batcher = self._batchers.get(actor)
        if batcher is None:
            batcher = self._batchers[actor] = Batcher(
                partial(self._deliver, actor), lambda: self.calls_inside, self._owners.settle, self._send_on
            )
        return batcher

    async def _hear(self, store_id: str, actor: str) -> None:
        """Learn from an actor which one has a shop. That one may not have heard of the shop's rules."""
        if store_id in self.chain.stores:
            self._shops.setdefault(actor, set()).add(store_id)
            self._revisions.pop(actor, None)
        await self.routes.hear(store_id, actor)

    async def _send_on(self, entries: list[Entry], to: list[str], deadline: float, *, promise: bool) -> list[Answer]:
        """Send entries whose ledgers are with other actors, by the word of the one that was asked. Raises Overloaded,
        DeadlinePassed, LedgerStopped.
        """
        told = dict(zip((ledger_id for ledger_id, _ in entries), to, strict=True))
        await asyncio.gather(*(self._hear(*each) for each in told.items()))
        queued = self.submit([ledger_id for ledger_id, _ in entries], entries, deadline, promise=promise, each=True)
        return await gathered(queued, len(entries))

    async def _deliver(
        self, actor: str, entries: list[Entry], deadlines_ms: list[int], deadline: float
    ) -> list[Answer]:
        """What the actor answers to a batch. Entries that it was lost with twice, over calls, may have ended it: they
        go alone, behind the others, and the actor notes each, so that one which does so again is refused by its key.
        """
        now = asyncio.get_running_loop().time
        while not (suspects := self._losses.suspects(entries, now())):
            try:
                return await self._send(actor, entries, deadlines_ms, deadline)
            except CallLost:
                self._losses.note(entries, now())
                await asyncio.sleep(RETRY_FIRST_S)
        log.critical("%s was lost twice with %d entries; each is sent alone", actor, len(suspects))
        unknown = Late()  # a repeat under its key tells the outcome
        answers: list[Answer] = [unknown] * len(entries)
        others = sorted({*range(len(entries))}.difference(suspects))
        if others:
            batch = [entries[place] for place in others], [deadlines_ms[place] for place in others]
            for place, answer in zip(others, await self._deliver(actor, *batch, deadline), strict=True):
                answers[place] = answer
        for place in suspects:
            with suppress(DeadlinePassed):
                only = [entries[place]], [deadlines_ms[place]]
                [answers[place]] = await self._send(actor, *only, deadline, alone=True)
        return answers

    async def _send(
        self, actor: str, entries: list[Entry], deadlines_ms: list[int], deadline: float, *, alone: bool = False
    ) -> list[Answer]:
        """Send a batch until it is answered; hand over the rules first where the actor's are older. Raises CallLost
        where the actor was lost with it, unless it is sent alone: then the actor keeps count.
        """
        step = partial(self._actors.call, actor, "step")
        more = (True,) if alone else ()
        now = asyncio.get_running_loop().time

        async def attempt() -> list[Answer]:
            sent_at = now()
            payload = pack_batch(self._revision_for(actor), entries, deadlines_ms, self.writing.packed)
            packed = await step(payload, *more)
            if packed == RULES_ARE_STALE:
                is_newest = await self._look()  # another may have told it more before it restarted
                await self._actors.call(actor, "adopt", self.rules_for(actor), is_newest)
                revision = self._revision_for(actor) if is_newest else CUT_OFF
                payload = pack_batch(revision, entries, deadlines_ms, self.writing.packed)
                packed = await step(payload, *more)
                if packed == RULES_ARE_STALE:
                    raise ActorGone(f"{actor} restarted between two calls")
            answers = unpack_answers(packed)
            is_promised = self.chain.policy.promise_in_transit
            self.sold_out.learn(entries, answers, sent_at, now(), of_plain_alone=is_promised)
            return answers

        while True:
            with suppress(LedgerElsewhere):  # one has left while its actor answered: asked again it says so by entry
                answers = await until(deadline, attempt, over_losses=alone)
                break
        self._losses.answered(entries, answers)
        return answers
