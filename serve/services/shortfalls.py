"""ShortfallService: the tasks of those who lost units, the ways out, and what becomes of each."""

import asyncio
from typing import Final

import grpc
from msgspec.structs import replace

from actors.core.ids import format_reservation_id, is_hot
from actors.core.rejection import Reason, Rejection
from actors.core.status import LIVE, ReleaseReason, Status
from actors.protocol.messages import Answer, Held, Refusal
from actors.shop.commands import Lines, Release
from actors.shop.shortfalls.shortfall import Resolution, ResolveShortfall, ShortfallTask, key_of_move
from actors.shop.state import Reservation
from holdfast.v1 import error_pb2, shortfall_service_pb2 as sf
from serve.calls import Call
from serve.coordination.elsewhere import wanted_elsewhere
from serve.coordination.hot import HotCalls
from serve.routing.router import Router
from serve.services.filling import made
from serve.services.store_directory import StoreDirectory
from serve.sourcing.near import nearest
from serve.sourcing.ranking import Candidate
from serve.sourcing.search import Finder
from serve.wire import fields
from serve.wire.fields import fill_instant
from serve.wire.shortfalls import fill_task, resolve_shortfall
from serve.wire.statuses import refused

PAGE_MAX: Final = 100  # each may be a search of its own

Wanted = tuple[str, Lines]  # a channel, and what is looked for


class Shortfalls:
    """Serves ShortfallService."""

    def __init__(self, router: Router, stores: StoreDirectory, hot: HotCalls, finder: Finder) -> None:
        self._router = router
        self._stores = stores
        self._hot = hot
        self._finder = finder
        self.calls: Final = {
            "ListShortfalls": Call(self._list),
            "ResolveShortfall": Call(self._resolve, is_step=True, is_several=True),
        }

    async def _list(self, request: sf.ListShortfallsRequest, deadline: float, reply: sf.ListShortfallsResponse) -> None:
        store_id, scope = request.store_id, (request.store_id, request.only_open)
        token = fields.read_token(request, "ListShortfalls", scope)
        await self._stores.require(store_id, deadline=deadline)
        asked = (store_id, int(token or 0), min(fields.page_size(request.page_size), PAGE_MAX), request.only_open)
        version, page, after = await self._router.ask(store_id, "shortfalls", *asked, deadline=deadline)
        near = await self._near(store_id, [task for task, _ in page if _is_to_do(task)], deadline)
        for task, expected_at_ms in page:
            told = reply.tasks.add()
            fill_task(task, store_id, told)
            for each in near.get((task.channel, task.lost()), ()) if _is_to_do(task) else ():
                told.near_stores.add(store_id=each.store_id, kilometres=each.kilometres, has_everything=True)
            if expected_at_ms:
                fill_instant(expected_at_ms, told.expected_at)
        reply.next_page_token = fields.issue_token("ListShortfalls", scope, after) if after else ""
        reply.version = version

    async def _near(self, store_id: str, tasks: list[ShortfallTask], deadline: float) -> dict[Wanted, list[Candidate]]:
        """The nearest other shops that have all of what each of these lost. Those with the same loss are one search,
        and all of them one question to each actor.
        """
        store = self._router.chain.stores[store_id]
        wanted = list(dict.fromkeys((task.channel, task.lost()) for task in tasks))
        found = await asyncio.gather(*(nearest(self._finder, store, *each, deadline) for each in wanted))
        return dict(zip(wanted, found, strict=True))

    async def _resolve(
        self, request: sf.ResolveShortfallRequest, deadline: float, reply: sf.ResolveShortfallResponse
    ) -> None:
        store_id, command = resolve_shortfall(request)
        await self._stores.require(store_id, "task_id", deadline=deadline)
        await self._close(store_id, command, deadline, reply)
        if reply.rejection.reason == error_pb2.REASON_PART_OF_ORDER:  # name it: AmendOrder moves it
            task = await self._router.ask(store_id, "shortfall", store_id, command.number, deadline=deadline)
            reply.rejection.order_id = "" if task is None else task.order

    async def _close(
        self, store_id: str, command: ResolveShortfall, deadline: float, reply: sf.ResolveShortfallResponse
    ) -> None:
        held: tuple[str, int] | None = None
        if command.resolution is Resolution.MOVED:
            to_store = command.to_store
            await self._stores.require(to_store, "to_store_id", deadline=deadline)
            # First, so that a repeat for another shop is refused before that one holds units as well.
            begun = replace(command, key=key_of_move(command.key))
            answer = await self._router.send((store_id, begun), deadline, promise=True)
            if not isinstance(answer, ShortfallTask):
                _fill(answer, store_id, reply)
                return
            ledger_id, moved = await self._hold(store_id, command, deadline)
            if isinstance(moved, Held | Reservation):  # or promised of what is in transit there
                held = ledger_id, moved.number
                _, _, found = await self._hot.read(*held, deadline)
                status = None if found is None else found.status
                if status not in LIVE and status is not Status.COLLECTED:  # a repeat, and what it had held is over
                    no = Rejection(Reason.TRANSITION_NOT_ALLOWED, number=moved.number, status=status)
                    _fill(Refusal(0, no), ledger_id, reply)
                    return
                command = replace(command, moved_to=format_reservation_id(*held))
            elif moved is not None:
                _fill(moved, to_store, reply)
                return
        answer = await self._router.send((store_id, command), deadline, promise=True)
        if isinstance(answer, Refusal) and held is not None:
            await self._let_go(command, *held, deadline)
        _fill(answer, store_id, reply)

    async def _hold(self, store_id: str, command: ResolveShortfall, deadline: float) -> tuple[str, Answer]:
        """Hold the units in the other shop, under the same key: the ledger that decided, which may be that of a hot
        SKU, and its answer; None where the task is closed, under this key or another one.
        """
        task = await self._router.ask(store_id, "shortfall", store_id, command.number, deadline=deadline)
        if task is None or task.resolution is not None:
            return store_id, None
        entry = command.to_store, wanted_elsewhere(store_id, task, command.key)
        return await self._hot.reserve(entry, deadline, is_first=False)

    async def _let_go(self, command: ResolveShortfall, ledger_id: str, number: int, deadline: float) -> None:
        """Somebody else was sooner. Should this not arrive, the hold expires."""
        entry = ledger_id, Release(f"\nmoved {command.key}", number, ReleaseReason.OTHER, ())
        if is_hot(ledger_id):
            await self._hot.step(entry, deadline)
        else:
            await self._router.send(entry, deadline, promise=True)


def _is_to_do(task: ShortfallTask) -> bool:
    """Whether a person may look for another shop."""
    return task.resolution is None and not task.near


def _fill(answer: Answer, store_id: str, reply: sf.ResolveShortfallResponse) -> None:
    """The task, or why it was refused. Raises as the calls do."""
    if isinstance(answer, Refusal) and answer.rejection.reason is Reason.ORDER_UNDECIDED:
        message = (
            "other shops are being asked for its units, and it closes by itself; look at it again in a moment, or give "
            "it up: close it as RELEASED or WAITING"
        )
        raise refused(grpc.StatusCode.UNAVAILABLE, "SHORTFALL_MOVING", message, retry_after_s=1.0, store_id=store_id)
    if (task := made(ShortfallTask, answer, store_id, reply)) is not None:
        fill_task(task, store_id, reply.task)
