"""Pick tasks: claimed, scanned, finished and put back. Changes answer with `PickTask | Rejection`; keys and deadlines
are as in `calls.reservations`.
"""

from collections.abc import AsyncIterator, Iterable
from typing import Protocol, cast

from holdfast.client.blocking import BlockingClient, blocking, iterating
from holdfast.client.internals import Client, change, pages, read
from holdfast.client.models import picking as models
from holdfast.client.models.reservations import PickStatus
from holdfast.client.wire_types import LineQuantities, to_message
from holdfast.v1 import pick_service_pb2 as service_pb2


class PickCalls(Client, Protocol):
    """Calls for picking. `picker_id` is a person or a device, up to 64 characters, and no name."""

    def list_pick_tasks(
        self,
        store_id: str,
        *,
        statuses: Iterable[PickStatus] = (),
        page_size: int = 100,
        timeout_ms: int | None = None,
    ) -> AsyncIterator[models.PickTask]:
        """A shop's tasks that are not over, page by page as they are consumed: by status, each in the sequence of its
        queue. `page_size` is 1 to 1,000; `timeout_ms` is the deadline of each page.
        """
        request = to_message(
            service_pb2.ListPickTasksRequest, store_id=store_id, statuses=tuple(statuses), page_size=page_size
        )
        return pages(self, request, "tasks", models.pick_task_from, timeout_ms)

    async def get_pick_task(self, reservation_id: str, *, timeout_ms: int | None = None) -> models.PickTask:
        """A task by its reservation, also one that was handed over. Raises NotFound."""
        answer = await read(self, service_pb2.GetPickTaskRequest(reservation_id=reservation_id), timeout_ms)
        return models.pick_task_from(answer.pick_task)

    async def claim_pick_task(
        self,
        store_id: str,
        picker_id: str,
        *,
        reservation_id: str = "",
        lease_ms: int | None = None,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.PickOutcome:
        """Take a task, the first of the queue where no reservation is named; who has it lengthens his lease."""
        request = to_message(
            service_pb2.ClaimPickTaskRequest,
            store_id=store_id,
            reservation_id=reservation_id,
            picker_id=picker_id,
            lease_ms=lease_ms,
        )
        return cast("models.PickOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def release_pick_task(
        self, reservation_id: str, picker_id: str, *, idempotency_key: str | None = None, timeout_ms: int | None = None
    ) -> models.PickOutcome:
        """Leave a task to others."""
        request = service_pb2.ReleasePickTaskRequest(reservation_id=reservation_id, picker_id=picker_id)
        return cast("models.PickOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def scan_pick_task(
        self,
        reservation_id: str,
        picker_id: str,
        sku: str = "",
        *,
        code: str = "",
        quantity: int = 1,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.PickOutcome:
        """Tick units of a line, by its SKU or what was scanned; below zero, take ticks back."""
        request = service_pb2.ScanPickTaskRequest(
            reservation_id=reservation_id, picker_id=picker_id, sku=sku, code=code, quantity=quantity
        )
        return cast("models.PickOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def short_pick_task(
        self,
        reservation_id: str,
        picker_id: str,
        sku: str,
        quantity: int,
        choice: models.ShortChoice,
        *,
        substitute_sku: str = "",
        substitute_quantity: int = 0,
        wait_ms: int | None = None,
        to_store_id: str = "",
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.PickOutcome:
        """Units are not on the shelf, and this is the customer's choice: WITHOUT them, a SUBSTITUTE, as many units of
        it unless said otherwise, LATER, `wait_ms` from now, or ELSEWHERE, in the nearest shop that has them unless he
        names one.
        """
        request = to_message(
            service_pb2.ShortPickTaskRequest,
            reservation_id=reservation_id,
            picker_id=picker_id,
            sku=sku,
            quantity=quantity,
            choice=choice,
            substitute_sku=substitute_sku,
            substitute_quantity=substitute_quantity,
            wait_ms=wait_ms,
            to_store_id=to_store_id,
        )
        return cast("models.PickOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def find_product(
        self, store_id: str, *, code: str = "", sku: str = "", timeout_ms: int | None = None
    ) -> models.Product:
        """A product by what was scanned, or by its SKU, and where it stands in a shop. Raises NotFound."""
        request = service_pb2.FindProductRequest(store_id=store_id, code=code, sku=sku)
        return models.product_from(await read(self, request, timeout_ms))

    async def finish_pick_task(
        self,
        reservation_id: str,
        picker_id: str,
        *,
        bay: str = "",
        is_ready: bool = False,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.PickOutcome:
        """All of it is picked, and lies in the bay; `is_ready`: its reservation is READY by the same step."""
        request = service_pb2.FinishPickTaskRequest(
            reservation_id=reservation_id, picker_id=picker_id, bay=bay, is_ready=is_ready
        )
        return cast("models.PickOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def put_back_pick_task(
        self,
        reservation_id: str,
        picker_id: str,
        lines: LineQuantities,
        *,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.PickOutcome:
        """Units that a task had to put back are on the shelf again, pairs of SKU and units; what is more stays."""
        request = to_message(
            service_pb2.PutBackPickTaskRequest, reservation_id=reservation_id, picker_id=picker_id, lines=lines
        )
        return cast("models.PickOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def note_arrival(
        self,
        reservation_id: str,
        *,
        waits_at: str = "",
        arrives_in_ms: int | None = None,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.PickOutcome:
        """The customer is there, and waits in a parking bay, say; or is on his way, and there in so long."""
        request = to_message(
            service_pb2.NoteArrivalRequest,
            reservation_id=reservation_id,
            waits_at=waits_at,
            arrives_in_ms=arrives_in_ms,
        )
        return cast("models.PickOutcome", await change(self, request, idempotency_key, timeout_ms))


class BlockingPickCalls(BlockingClient):
    """`PickCalls` for threads."""

    list_pick_tasks = iterating(PickCalls.list_pick_tasks)
    get_pick_task = blocking(PickCalls.get_pick_task)
    claim_pick_task = blocking(PickCalls.claim_pick_task)
    release_pick_task = blocking(PickCalls.release_pick_task)
    scan_pick_task = blocking(PickCalls.scan_pick_task)
    short_pick_task = blocking(PickCalls.short_pick_task)
    find_product = blocking(PickCalls.find_product)
    finish_pick_task = blocking(PickCalls.finish_pick_task)
    put_back_pick_task = blocking(PickCalls.put_back_pick_task)
    note_arrival = blocking(PickCalls.note_arrival)
