"""Named readers of feeds: what they have acknowledged is kept by the actors, their names by the chain's."""

from collections.abc import Mapping
from typing import Any, Final

import grpc

from actors.core.ids import is_customers
from actors.protocol.messages import UNHEARD
from holdfast.v1 import admin_service_pb2 as ad, event_service_pb2 as es
from serve.calls import Call
from serve.routing.beside import ask_beside
from serve.routing.router import Router
from serve.services.store_directory import StoreDirectory
from serve.wire.cursors import beyond_head, unpack_cursor
from serve.wire.rules import Checked
from serve.wire.statuses import refused

KEEPS_MAX: Final = 100  # ledgers named of one reader


class Readers:
    """Serves AcknowledgeEvents, ListReaders and DropReader."""

    def __init__(self, router: Router, stores: StoreDirectory) -> None:
        self._router = router
        self._stores = stores
        self.calls: Final = {
            "AcknowledgeEvents": Call(self._acknowledge),
            "ListReaders": Call(self._list),
            "DropReader": Call(self._drop),
        }

    async def _acknowledge(
        self, request: es.AcknowledgeEventsRequest, deadline: float, reply: es.AcknowledgeEventsResponse
    ) -> None:
        checked = Checked(request)
        checked.once("cursors", request.cursors, "store_id")
        checked.raise_if_faulty()
        packed, _ = unpack_cursor(request.cursor)
        places = {cursor.store_id: index for index, cursor in enumerate(request.cursors)}
        for store_id, index in places.items():
            if not is_customers(store_id):
                await self._stores.require(store_id, f"cursors[{index}].store_id", deadline=deadline)
        seen = packed | {cursor.store_id: cursor.after_version for cursor in request.cursors}
        by_actor = self._router.by_actor(list(seen))
        # Before anything is noted, or the reader named: a refusal leaves nothing behind.
        known = {actor: (dict.fromkeys(mine, UNHEARD), 0.0) for actor, mine in by_actor.items()}
        every = await self._ask("moved", known, deadline)
        for actor, heads in every.items():
            _refuse_beyond({each: heads.get(each, 0) for each in by_actor[actor]}, seen, places)  # 0 without a record
        named = await self._name(request.reader, bool(packed) or not seen, deadline)
        told = {actor: (request.reader, named, {each: seen[each] for each in by_actor[actor]}) for actor in every}
        for noted, beyond in (await self._ask("acknowledge", told, deadline)).values():
            reply.ledgers += noted
            _refuse_beyond(beyond, seen, places)

    async def _ask(self, method: str, asked: Mapping[str, tuple[Any, ...]], deadline: float) -> dict[str, Any]:
        """What actors answer, without those that do not. Raises one of `KEPT` where none does."""
        said = await ask_beside(self._router, method, asked, deadline)
        errors = [each for each in said.values() if isinstance(each, BaseException)]
        if errors and len(errors) == len(said):
            raise errors[0]
        return {actor: each for actor, each in said.items() if not isinstance(each, BaseException)}

    async def _name(self, reader: str, everything: bool, deadline: float) -> int:
        """Make a reader known to every actor, so that from the answer on what it has not seen is kept. Returns its
        name's number.
        """
        await self._router.refresh_chain(deadline)  # it may have been dropped by way of another gateway
        while (known := self._router.chain.readers.get(reader)) is None or everything > known.everything:
            if not await self._router.change_chain("name_reader", reader, everything, deadline=deadline):
                message = "there are as many readers as there may be; drop one that does not read any more"
                raise refused(grpc.StatusCode.FAILED_PRECONDITION, "TOO_MANY_READERS", message)
            await self._tell_all(deadline)
        return known.named

    async def _list(self, _request: ad.ListReadersRequest, deadline: float, reply: ad.ListReadersResponse) -> None:
        await self._router.refresh_chain(deadline)
        named = sorted(self._router.chain.readers.items())
        readers = [
            (known.named, reply.readers.add(name=name, all_stores=known.everything, number=known.named))
            for name, known in named
        ]
        asked: dict[str, tuple[()]] = dict.fromkeys(await self._router.ledger_actors(), ())
        for actor, answer in (await ask_beside(self._router, "readers", asked, deadline)).items():
            if isinstance(answer, BaseException):
                reply.left_out.append(actor)
                continue
            for ledger_id, (version, seen, kept_for) in answer.items():
                if version < 0:
                    reply.left_out.append(ledger_id)
                    continue
                for number, reader in readers:
                    first = 0 if reader.all_stores and not is_customers(ledger_id) else version
                    behind = version - seen.get((reader.name, number), first)
                    reader.behind += behind
                    if behind > reader.furthest_behind:
                        reader.furthest_ledger, reader.furthest_behind = ledger_id, behind
                    if reader.name in kept_for and len(reader.keeps) < KEEPS_MAX:
                        reader.keeps.append(ledger_id)

    async def _drop(self, request: ad.DropReaderRequest, deadline: float, reply: ad.DropReaderResponse) -> None:
        Checked(request).raise_if_faulty()
        if not await self._router.change_chain("drop_reader", request.reader, request.number, deadline=deadline):
            reader = f"{request.reader!r} with number {request.number}"
            message = f"there is no reader {reader}; ListReaders tells names and numbers"
            raise refused(grpc.StatusCode.NOT_FOUND, "READER_UNKNOWN", message, reader=request.reader)
        reply.reader = request.reader
        await self._tell_all(deadline)

    async def _tell_all(self, deadline: float) -> None:
        """Make all actors know which readers there are; one that does not answer does nothing meanwhile, and is told by
        the reconciler.
        """
        rules = {name: (self._router.rules_for(name),) for name in await self._router.ledger_actors()}
        await ask_beside(self._router, "adopt", rules, deadline)


def _refuse_beyond(heads: Mapping[str, int], seen: Mapping[str, int], places: Mapping[str, int]) -> None:
    """Raises CallRefused where a ledger has not come so far; one that is stopped has no head."""
    for store_id, head in heads.items():
        if 0 <= head < seen.get(store_id, 0):
            field = f"cursors[{places[store_id]}].after_version" if store_id in places else "cursor"
            raise beyond_head(field, store_id, seen[store_id], head)
