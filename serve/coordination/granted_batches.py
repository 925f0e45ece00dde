"""Reserves of one call that need grants: those for one actor are sent together, none waits for another one's actor, and
each is told as soon as it is decided.
"""

import asyncio
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from actors.core.rejection import Reason
from actors.orders.commands import RequestGrant
from actors.protocol.messages import Answer, Entry, Late, LedgerStopped, Refusal, Shed, Stopped
from actors.shop import commands as shop
from serve.coordination.deliveries import PASSING, Hear, Told, heard
from serve.coordination.grants import Grants
from serve.coordination.hot_units import is_for_gateways
from serve.routing.batcher import DeadlinePassed, Overloaded
from serve.routing.router import Router


class GrantedBatch:
    """What one call asks for. `hear` is told what became of Reserves, by their places; what ended one stands in place
    of its answer. Raises nothing that is about one of them.
    """

    def __init__(self, grants: Grants, router: Router, entries: Sequence[Entry], deadline: float, hear: Hear) -> None:
        self._grants = grants
        self._router = router
        self._entries = entries
        self._deadline = deadline
        self._hear = hear
        self._inside: set[int] = set()
        self._requests: dict[int, RequestGrant] = {}
        self._granted: dict[int, int] = {}

    async def decide(self) -> None:
        """Return once `hear` was told of each; what there is no room for is told first."""
        room, entries = self._grants.room, self._entries
        self._inside = set(room.enter(entries))
        try:
            refused: Told = [(place, Overloaded()) for place in range(len(entries)) if place not in self._inside]
            if refused:
                await self._hear(refused)
            asked = {place: self._grants.asked_for(entries[place]) for place in sorted(self._inside)}
            self._requests = {place: request for place, (_, request) in asked.items()}
            await self._send(asked, self._hear_ledger)
        finally:
            room.leave([entries[place] for place in self._inside])

    async def _tell(self, found: Told) -> None:
        """Pass on what became of some, whose places others may have meanwhile."""
        if found:
            self._inside.difference_update(place for place, _ in found)
            self._grants.room.leave([self._entries[place] for place, _ in found])
            await self._hear(found)

    async def _send(self, entries: Mapping[int, Entry], hear: Hear) -> None:
        places, sent = list(entries), list(entries.values())
        try:
            queued = self._router.submit(
                [ledger_id for ledger_id, _ in sent], sent, self._deadline, promise=False, each=True
            )
        except Overloaded as refusal:
            await hear([(place, refusal) for place in places])
            return
        parts = [([places[each] for each in of_actor], answers) for answers, of_actor in queued]
        await asyncio.gather(*(heard(part, answers, hear) for part, answers in parts))

    async def _hear_ledger(self, found: Told) -> None:
        """What customers' ledgers say: shops decide by that."""
        told: dict[int, Entry] = {}
        others: list[int] = []
        ended: Told = []
        for place, said in found:
            store_id, command = self._entries[place]
            assert isinstance(command, shop.Reserve), "it was asked for one"
            if isinstance(said, shop.Grant):
                self._granted[place] = said.number
                told[place] = store_id, replace(command, grant=said)
            elif isinstance(said, Refusal) and said.rejection.reason is not Reason.ORDER_UNDECIDED:
                told[place] = store_id, replace(command, grant=said.rejection)
            elif isinstance(said, Refusal | Stopped | LedgerStopped):
                others.append(place)
            else:
                ended.append((place, said))
        await asyncio.gather(self._send(told, self._hear_shop), self._tell(ended), *map(self._alone, others))

    async def _hear_shop(self, found: Told) -> None:
        others: list[int] = []
        ended: Told = []
        for place, answer in found:
            if isinstance(answer, Refusal) and is_for_gateways(answer):
                others.append(place)
                continue
            # A grant counts for the customer, also one whose call went no further.
            is_lost = isinstance(answer, Overloaded | Shed | DeadlinePassed)
            ended.append((place, DeadlinePassed(sent=True) if is_lost else answer))
            if place in self._granted and not isinstance(answer, Exception | Shed | Late):
                self._grants.report_later(self._requests[place], self._granted[place], answer)
        await asyncio.gather(self._tell(ended), *map(self._alone, others))

    async def _alone(self, place: int) -> None:
        answer: Answer | Exception
        try:
            answer = await self._grants.decided(self._entries[place], self._deadline, promise=False)
        except PASSING as error:
            answer = error
        await self._tell([(place, answer)])
