"""The streams WatchEvents, WatchAvailability and WatchPickups, which read the journal from a cursor for each shop.

Only one turn's records, of a bounded size, are buffered for a reader; the next are read when it has taken those. A
reader that does not take what it was sent within `TAKE_S_MAX` is cut off, and resumes from the last version it saw.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, Final

import grpc
from google.protobuf.message import Message

from actors.core.ids import is_customers
from actors.core.status import Status
from actors.journal.port import Record
from actors.protocol.messages import UNHEARD
from actors.runtime.feed_questions import FEED_BYTES_MAX
from actors.runtime.kinds import CUSTOMERS, SHOP
from actors.shop.events import touched_skus
from actors.shop.state import Reservation
from holdfast.v1 import event_pb2, event_service_pb2 as es, pickup_service_pb2 as ps, stock_service_pb2 as ss
from serve.coordination.hot_stock import held_of, positions_of, with_held
from serve.routing.batcher import DeadlinePassed, Rerouted
from serve.routing.heads import NEW_SHOPS_S, Heads
from serve.routing.router import Router
from serve.services.store_directory import StoreDirectory
from serve.wire.cursors import beyond_head, history_changed, pack_cursor, unpack_cursor
from serve.wire.events import fill_event, fill_order_event
from serve.wire.fields import fill_instant
from serve.wire.pickups import Change, changes_in
from serve.wire.reservations import fill_reservation
from serve.wire.rules import Checked
from serve.wire.statuses import refused
from serve.wire.stock import fill_position

STREAMS_MAX: Final = 64  # by gateway
PICKUP_STREAMS_MAX: Final = 512  # likewise, of tills: most stand still, and what they are told is little
PICKUP_CHANGES_MAX: Final = 128  # in one message; a reservation may have 100 lines
UNTOLD_MAX: Final = 1_000  # events that concern no pickup, after which the cursor moves all the same
POLL_S_MIN: Final = 0.02  # between two turns that found something
POLL_S_MAX: Final = 0.25  # how long an actor that does not answer is waited for before the others' next turn
TAKE_S_MAX: Final = 10.0
MARK_S: Final = 1.0  # at the latest a feed of all stores says where it stands
ASK_S_MAX: Final = 30.0  # an actor that restarts is waited for
MESSAGE_EVENTS_MAX: Final = 1_000
MESSAGE_BYTES_MAX: Final = 1_048_576  # a message is larger only where one event alone is; clients take 4 MB
POSITIONS_MAX: Final = 4_096  # in one message
SHARED_BYTES_MAX: Final = 65_536  # of records whose messages are kept for other streams
SHARED_MAX: Final = 64  # times as much

Cursors = tuple[tuple[str, int, int], ...]  # by store the version and the hash of its record
Asking = dict[str, asyncio.Task[list[tuple[str, list[Record]]]]]  # by actor, what it has not answered yet


class Feeds:
    """Serves the streams. `now` is a clock in seconds that measures how long a reader takes; `bytes_max` bounds what
    is read for a stream at a turn, but for a record of each actor.
    """

    def __init__(
        self,
        router: Router,
        stores: StoreDirectory,
        now: Callable[[], float] = monotonic,
        bytes_max: int = FEED_BYTES_MAX,
    ) -> None:
        self._router = router
        self._followed = Heads(router)
        self._stores = stores
        self._now = now
        self._bytes_max = bytes_max
        self._reading: dict[tuple[Any, ...], asyncio.Task[list[tuple[str, list[Record]]]]] = {}
        self._shared: dict[tuple[Any, ...], tuple[es.WatchEventsResponse, ...]] = {}
        self._open = {STREAMS_MAX: 0, PICKUP_STREAMS_MAX: 0}
        self._closing = False
        self.streams: Final[dict[str, Callable[[Any], AsyncIterator[Message]]]] = {
            "WatchEvents": self._events,
            "WatchAvailability": self._availability,
            "WatchPickups": self._pickups,
        }

    def close(self) -> None:
        """End every stream at its next turn, so that readers resume elsewhere."""
        self._closing = True

    async def _events(self, request: es.WatchEventsRequest) -> AsyncIterator[es.WatchEventsResponse]:
        with self._place():
            cursors, hashes = await self._cursors(request, may_be_customers=True)
            named, everything = len(cursors), request.all_stores
            if everything:
                resumed, resumed_hashes = unpack_cursor(request.cursor)
                if resumed.keys() - self._router.chain.stores.keys():  # shops that another gateway knew first
                    await self._stores.look_again(asyncio.get_running_loop().time() + ASK_S_MAX)
                for store_id in (resumed.keys() & self._router.chain.stores.keys()) - cursors.keys():
                    cursors[store_id], hashes[store_id] = resumed[store_id], resumed_hashes.get(store_id, 0)
            is_ahead = False  # of the cursor that was sent last
            async for store_id, records in self._records(cursors, hashes, named, follow_chain=everything):
                if store_id:
                    messages = self._messages(store_id, cursors[store_id], records)
                else:
                    messages = [es.WatchEventsResponse(cursor=pack_cursor(cursors, hashes))] if is_ahead else ()
                is_ahead = everything and bool(store_id)
                for message in messages:
                    began = self._now()
                    yield message
                    self._cut_off_if_slow(began)

    async def _availability(self, request: ss.WatchAvailabilityRequest) -> AsyncIterator[ss.WatchAvailabilityResponse]:
        """Which SKUs changed is read from the journal, how they stand now is asked of the ledger."""
        with self._place():
            cursors, hashes = await self._cursors(request)
            wanted = frozenset(request.skus)
            async for store_id, records in self._records(cursors, hashes, len(cursors), follow_chain=False):
                if not store_id:
                    continue
                skus = _changed_skus(records, wanted)
                for start in range(0, max(1, len(skus)), POSITIONS_MAX):
                    end = start + POSITIONS_MAX
                    # Only the last message moves the cursor, or a reader could resume behind positions it never saw.
                    version = records[-1].seq if end >= len(skus) else cursors[store_id]
                    message = ss.WatchAvailabilityResponse(store_id=store_id, version=version)
                    message.record_hash = records[-1].hash if end >= len(skus) else hashes.get(store_id, 0)
                    fill_instant(records[-1].at_ms, message.as_of)
                    await self._fill_positions(store_id, skus[start:end], message)
                    began = self._now()
                    yield message
                    self._cut_off_if_slow(began)

    async def _pickups(self, request: ps.WatchPickupsRequest) -> AsyncIterator[ps.WatchPickupsResponse]:
        """Which changed is read from the journal, how they stand now is asked of the ledger."""
        with self._place(PICKUP_STREAMS_MAX):
            cursors, hashes = await self._cursors(request)
            told = dict(cursors)
            async for store_id, records in self._records(cursors, hashes, len(cursors), follow_chain=False):
                if not store_id:
                    continue
                changes = list(changes_in(records, cursors[store_id]))
                last = records[-1]
                if not changes and last.seq - told[store_id] < UNTOLD_MAX:
                    continue
                for start in range(0, max(1, len(changes)), PICKUP_CHANGES_MAX):
                    some = changes[start : start + PICKUP_CHANGES_MAX]
                    message = ps.WatchPickupsResponse(store_id=store_id, version=last.seq, record_hash=last.hash)
                    if start + PICKUP_CHANGES_MAX < len(changes):
                        message.version, message.record_hash = some[-1].version, some[-1].record_hash
                    await self._fill_changes(store_id, some, message)
                    began = self._now()
                    yield message
                    self._cut_off_if_slow(began)
                told[store_id] = last.seq

    async def _fill_changes(self, store_id: str, changes: list[Change], message: ps.WatchPickupsResponse) -> None:
        """Changes with their reservations. One that the shop has forgotten, or has in an archive that is not there, is
        left out: it is long over.
        """
        numbers = list(dict.fromkeys(change.number for change in changes))
        if not numbers:
            return
        deadline = asyncio.get_running_loop().time() + ASK_S_MAX
        rows = await self._router.ask(store_id, "reservations_of", store_id, numbers, deadline=deadline)
        found = dict(zip(numbers, rows, strict=True))
        for change in changes:
            reservation = found[change.number]
            if isinstance(reservation, Reservation) and reservation.status is not Status.HELD:  # nobody collects it yet
                filled = message.changes.add(version=change.version, kind=change.kind, record_hash=change.record_hash)
                fill_instant(change.at_ms, filled.at)
                fill_reservation(reservation, store_id, self._router.chain, filled.reservation)

    async def _fill_positions(self, store_id: str, skus: list[str], message: ss.WatchAvailabilityResponse) -> None:
        if skus:
            deadline = asyncio.get_running_loop().time() + ASK_S_MAX
            [(_, _, rows)] = (await positions_of(self._router, [store_id], skus, deadline)).values()
            held, kept = await held_of(self._router, skus, {store_id: rows}, deadline)
            for error in kept.values():
                raise error
            for sku, row in zip(skus, rows, strict=True):
                fill_position(sku, with_held(row, held.get((store_id, sku))), message.positions.add())

    def _cut_off_if_slow(self, began: float) -> None:
        if self._now() - began > TAKE_S_MAX:
            message = f"the reader did not take what it was sent within {TAKE_S_MAX:g} s; resume from your cursor"
            raise refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "READER_TOO_SLOW", message, retry_after_s=0.1)

    @contextmanager
    def _place(self, streams_max: int = STREAMS_MAX) -> Iterator[None]:
        """A stream's place among those of its kind in this gateway, before anything is asked for it."""
        if self._open[streams_max] >= streams_max:
            message = f"this gateway serves {streams_max} such streams already; ask again later, or another gateway"
            raise refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS", message, retry_after_s=1.0)
        self._open[streams_max] += 1
        try:
            yield
        except DeadlinePassed as error:
            message = "a shop's actor did not answer; resume from your cursor"
            raise refused(grpc.StatusCode.UNAVAILABLE, "SHOP_AWAY", message, retry_after_s=0.1) from error
        finally:
            self._open[streams_max] -= 1
            if not any(self._open.values()):
                self._followed.close()
                self._shared.clear()

    async def _cursors(
        self,
        request: es.WatchEventsRequest | ss.WatchAvailabilityRequest | ps.WatchPickupsRequest,
        *,
        may_be_customers: bool = False,
    ) -> tuple[dict[str, int], dict[str, int]]:
        """By store the version to go on from, and the hash of its record, 0 where that is not known."""
        asked = request.cursors
        checked = Checked(request)
        checked.once("cursors", asked, "store_id")
        checked.raise_if_faulty()
        deadline = asyncio.get_running_loop().time() + ASK_S_MAX
        for index, cursor in enumerate(asked):
            if not (may_be_customers and is_customers(cursor.store_id)):
                await self._stores.require(cursor.store_id, f"cursors[{index}].store_id", deadline=deadline)
        hashes = {cursor.store_id: cursor.record_hash for cursor in asked}
        return {cursor.store_id: cursor.after_version for cursor in asked}, hashes

    async def _records(
        self, cursors: dict[str, int], hashes: dict[str, int], named: int, *, follow_chain: bool
    ) -> AsyncIterator[tuple[str, list[Record]]]:
        """Records after each cursor, store by store, for ever. A cursor moves once its records were taken, and the hash
        of its record with it. Without a store where all was taken, and once a second while there is more.
        """
        places = {store_id: place for place, store_id in enumerate([*cursors][:named])}  # in the request
        asking: Asking = {}
        marked_at = self._now()
        try:
            while not self._closing:
                moved = self._followed.moved
                if follow_chain:
                    for store_id in await self._followed.shops():
                        cursors.setdefault(store_id, 0)
                found = await self._turn(asking, cursors, hashes, places, skip_stopped=follow_chain)
                for store_id, records in found:
                    yield store_id, records
                    # To the end of the line: where a turn's bytes do not do for all, the next begins with the others.
                    del cursors[store_id]
                    cursors[store_id], hashes[store_id] = records[-1].seq, records[-1].hash
                if not found or self._now() - marked_at > MARK_S:
                    marked_at = self._now()
                    yield "", []
                if not found and not asking:  # all that is there was told
                    with suppress(TimeoutError):
                        async with asyncio.timeout(NEW_SHOPS_S):
                            await moved.wait()
                await asyncio.sleep(0 if found else POLL_S_MIN)
            message = "this gateway drains; resume from your cursor"
            raise refused(grpc.StatusCode.UNAVAILABLE, "GATEWAY_DRAINING", message)
        finally:
            for task in asking.values():
                task.cancel()
            await asyncio.gather(*asking.values(), return_exceptions=True)

    async def _turn(
        self,
        asking: Asking,
        cursors: dict[str, int],
        hashes: dict[str, int],
        places: dict[str, int],
        *,
        skip_stopped: bool,
    ) -> list[tuple[str, list[Record]]]:
        """What the actors found. One that does not answer is waited for beside the next turns, for its own shops."""
        groups = self._router.by_actor(list(cursors))
        for actor, store_ids in groups.items():
            mine = {store_id: cursors[store_id] for store_id in store_ids}
            if actor not in asking and self._followed.are_elsewhere(actor, mine):
                asked = tuple((store_id, after, hashes.get(store_id, 0)) for store_id, after in mine.items())
                ask = self._ask(actor, asked, places, self._bytes_max // len(groups), skip_stopped=skip_stopped)
                asking[actor] = asyncio.create_task(ask)
        if asking:
            await asyncio.wait(asking.values(), timeout=POLL_S_MAX)
        found = []
        for actor in [actor for actor, task in asking.items() if task.done()]:
            try:
                found += asking.pop(actor).result()
            except DeadlinePassed as error:
                if len(groups) == 1 and not isinstance(error, Rerouted):
                    raise
        return found

    async def _ask(
        self, actor: str, cursors: Cursors, places: dict[str, int], bytes_max: int, *, skip_stopped: bool
    ) -> list[tuple[str, list[Record]]]:
        """Raises CallRefused where a cursor lies beyond its shop's head, or where its shop has another record there, as
        it was restored from an older copy: it would skip what has happened since.
        """
        deadline = asyncio.get_running_loop().time() + ASK_S_MAX
        found = await self._read(actor, cursors, skip_stopped, bytes_max, deadline)
        for store_id, records in found:
            if not records:
                heads = await self._router.ask_actor(actor, "moved", {store_id: UNHEARD}, 0.0, deadline=deadline)
                after = next(version for each, version, _ in cursors if each == store_id)
                field = f"cursors[{places[store_id]}].after_version" if store_id in places else "cursor"
                if (head := heads.get(store_id, 0)) >= after:
                    raise history_changed(field, store_id, after)
                raise beyond_head(field, store_id, after, max(0, head))
        return found

    async def _read(
        self, actor: str, cursors: Cursors, skip_stopped: bool, bytes_max: int, deadline: float
    ) -> list[tuple[str, list[Record]]]:
        """Durable records, read once for all streams that ask for the same at the same time."""
        asked = actor, cursors, skip_stopped, bytes_max
        task = self._reading.get(asked)
        if task is None:
            reading = self._router.ask_actor(actor, "feed", cursors, skip_stopped, bytes_max, deadline=deadline)
            task = self._reading[asked] = asyncio.create_task(reading)

            def forget(done: asyncio.Task[Any]) -> None:
                del self._reading[asked]
                done.cancelled() or done.exception()  # heard, whether or not somebody still waits for it

            task.add_done_callback(forget)
        return await asyncio.shield(task)

    def _messages(self, store_id: str, after: int, records: list[Record]) -> Iterable[es.WatchEventsResponse]:
        """The events after a version; few are made into messages once for all streams."""
        if sum(len(record.payload) for record in records) > SHARED_BYTES_MAX:
            return _event_messages(store_id, after, records)
        place = store_id, after, *records  # not their versions: a shop may be restored behind a stream's back
        if place not in self._shared:
            if len(self._shared) >= SHARED_MAX:
                del self._shared[next(iter(self._shared))]
            self._shared[place] = tuple(_event_messages(store_id, after, records))
        return self._shared[place]


def _event_messages(store_id: str, after: int, records: list[Record]) -> Iterator[es.WatchEventsResponse]:
    """The events after a version, in messages of a bounded size, each made when the one before was taken."""
    message, size = es.WatchEventsResponse(), 0
    core, fill = (CUSTOMERS, fill_order_event) if is_customers(store_id) else (SHOP, fill_event)
    for record in records:
        version, known_hash = record.seq - record.event_count, record.hash
        for event in core.read_events(record.payload):
            version += 1
            if version <= after:
                continue
            filled = event_pb2.Event(record_hash=known_hash)
            fill(event, store_id, version, record.at_ms, filled)
            size += filled.ByteSize()
            if message.events and (len(message.events) == MESSAGE_EVENTS_MAX or size > MESSAGE_BYTES_MAX):
                yield message
                message, size = es.WatchEventsResponse(), filled.ByteSize()
            message.events.append(filled)
    if message.events:
        yield message


def _changed_skus(records: list[Record], wanted: frozenset[str]) -> list[str]:
    changed: dict[str, None] = {}
    for record in records:
        for event in SHOP.read_events(record.payload):
            for sku in touched_skus(event):
                if not wanted or sku in wanted:
                    changed[sku] = None
    return list(changed)
