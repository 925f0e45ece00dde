"""The tablet of a shop: its pick tasks, and each step of one. A form has the key of its step, so that a double tap, or
one that is sent again after the network was away, is one step.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from secrets import token_hex
from typing import Any, Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from holdfast.client import (
    ChannelClient,
    Conflict,
    HandOver,
    HoldfastError,
    InvalidArgument,
    NotFound,
    Overloaded,
    PickStatus,
    PickTask,
    Product,
    Rejection,
    ReleaseReason,
    Reservation,
    ShortChoice,
    ShortfallResolution,
    ShortfallTask,
    Status,
)
from serve.pages.boards import Boards
from serve.pages.customer import collector_of
from serve.pages.doorkeeper import Admitted
from serve.pages.guard import TASK_FORM_BYTES_MAX, TASK_FORM_FIELDS_MAX, form_of
from serve.pages.rendering import Rendering

HOME: Final = "/"
TASK: Final = "/task"
MINUTE_MS: Final = 60_000
WAIT_MINUTES_MAX: Final = 30 * 24 * 60
KEY_CHARS_MAX: Final = 64
STORE_CHARS_MAX: Final = 64
BACK: Final = "back:"  # before the SKU of a line that was carried to its shelf
_SHORT_CODE: Final = re.compile(r"\s*[0-9A-Za-z]{4,12}-[0-9A-Za-z]{5}\s*")
_SIGNED_CODE: Final = "HF:"
# What is said of what another shop is to have.
_DID_ELSEWHERE: Final = {
    ShortChoice.ELSEWHERE: "short_elsewhere",
    ShortChoice.WITHOUT: "short_nowhere",
    ShortChoice.LATER: "short_waits",
    ShortChoice.UNSPECIFIED: "short_asked",
}

TO_COLLECT: Final = frozenset({Status.CONFIRMED, Status.READY})

Form = Mapping[str, str]
Outcome = PickTask | Reservation | ShortfallTask | Rejection
Step = Callable[[str, str, Form], Awaitable[Outcome]]  # of a shop, by a device, with a form's fields
# What a step is refused with for what was typed or scanned; anything else that is raised is a fault, or passes.
WRONG: Final = (InvalidArgument, NotFound, Conflict, Overloaded)


class Tablet:
    """Answers for a device that was let in. Whatever it names is of its own shop."""

    def __init__(self, client: ChannelClient, boards: Boards, rendering: Rendering) -> None:
        self._client = client
        self._boards = boards
        self._rendering = rendering
        self._steps: Final[dict[str, Step]] = {
            "claim": self._claim,
            "leave": self._leave,
            "scan": self._scan,
            "short": self._short,
            "ready": self._ready,
            "arrived": self._arrived,
            "hand_over": self._hand_over,
            "no_show": self._no_show,
            "put_back": self._put_back,
            "give_up": partial(self._resolve, ShortfallResolution.RELEASED),
            "let_wait": partial(self._resolve, ShortfallResolution.WAITING),
        }

    # pages

    async def home(self, request: Request, admitted: Admitted) -> Response:
        return await self._board(request, admitted)

    async def task(self, request: Request, admitted: Admitted) -> Response:
        return await self._task(request, admitted, request.query_params.get("id", ""))

    async def short(self, request: Request, admitted: Admitted) -> Response:
        """The choices for a line of which units are not on the shelf."""
        store_id, sku = admitted.device.store_id, request.query_params.get("sku", "")
        task = await self._client.get_pick_task(_own(request.query_params.get("id", ""), store_id))
        line = next((each for each in task.lines if each.sku == sku), None)
        if line is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        known = {"task": task, "line": line, "product": await self._product(store_id, sku)}
        return self._page(request, admitted, "short.html", known)

    async def missing(self, request: Request, admitted: Admitted) -> Response:
        """What other shops are being asked for, as a picker did not find it. Who waits no longer gives it up here."""
        found = self._client.list_shortfalls(admitted.device.store_id, only_open=True)
        asked = [task async for task in found if task.asked_store_ids]
        return self._page(request, admitted, "missing.html", {"tasks": asked})

    async def scanned(self, request: Request, admitted: Admitted) -> Response:
        """What was scanned, or typed, on the board: a customer's code leads to the task, an article to its place."""
        code = (await form_of(request)).get("code", "").strip()
        store_id = admitted.device.store_id
        try:
            found = await self._found_by(store_id, code)
        except WRONG as error:
            return await self._board(request, admitted, error)
        if isinstance(found, Product):
            return self._page(request, admitted, "product.html", {"product": found})
        if not found:
            return await self._board(request, admitted, no="no_pickup")
        # Of an order there may be several here, and some of them are over.
        wanted = [each for each in found if each.status in TO_COLLECT] or list(found)
        if len(wanted) > 1:
            return self._page(request, admitted, "found.html", {"found": found})
        return _to(TASK, id=wanted[0].reservation_id)

    async def _found_by(self, store_id: str, code: str) -> tuple[Reservation, ...] | Product:
        """What a code is for. An article comes first, whatever its code looks like: else each scan of it would count as
        a wrong pickup code, of which a shop has but a few. Raises HoldfastError.
        """
        if code.upper().startswith(_SIGNED_CODE):
            return await self._client.lookup_pickup(store_id, code=code)
        is_short = _SHORT_CODE.fullmatch(code)
        try:
            return await self._client.find_product(store_id, code=code)
        except (NotFound, InvalidArgument):
            if not (is_short or ":" in code or "/" in code):
                raise
        if is_short:
            return await self._client.lookup_pickup(store_id, short_code=code)
        if ":" in code:
            return await self._client.lookup_pickup(store_id, reservation_id=code)
        return await self._client.lookup_pickup(store_id, order_id=code)

    async def step(self, request: Request, admitted: Admitted) -> Response:
        """A step of a task, by a form."""
        form, device = await form_of(request, TASK_FORM_BYTES_MAX, TASK_FORM_FIELDS_MAX), admitted.device
        name = form.get("step", "")
        if name not in self._steps or not 0 < len(form.get("key", "")) <= KEY_CHARS_MAX:
            raise HTTPException(HTTPStatus.BAD_REQUEST)
        for name_of_id in ("id", "task"):
            if form.get(name_of_id):
                _own(form[name_of_id], device.store_id)
        try:
            outcome = await self._steps[name](device.store_id, device.name, form)
        except WRONG as error:
            return await self._refused(request, admitted, form, error)
        self._boards.changed(device.store_id)
        if isinstance(outcome, Rejection):
            return await self._refused(request, admitted, form, outcome)
        if isinstance(outcome, PickTask) and (elsewhere := outcome.elsewhere) is not None:
            return _to(TASK, id=outcome.reservation_id, did=_DID_ELSEWHERE[elsewhere.applied], at=elsewhere.store_id)
        return _to(TASK, id=outcome.reservation_id, did=name)

    async def _refused(
        self, request: Request, admitted: Admitted, form: Form, why: Rejection | HoldfastError
    ) -> Response:
        """What is there now, and why the step was not taken."""
        if form.get("id"):
            return await self._task(request, admitted, form["id"], why)
        return await self._board(request, admitted, why)

    # steps

    async def _claim(self, store_id: str, device: str, form: Form) -> Outcome:
        return await self._client.claim_pick_task(
            store_id, device, reservation_id=form.get("id", ""), idempotency_key=form["key"]
        )

    async def _leave(self, _: str, device: str, form: Form) -> Outcome:
        return await self._client.release_pick_task(_id(form), device, idempotency_key=form["key"])

    async def _scan(self, _: str, device: str, form: Form) -> Outcome:
        code, sku = form.get("code", "").strip(), form.get("sku", "")
        quantity, key = _number(form, "quantity", 1), form["key"]
        return await self._client.scan_pick_task(
            _id(form), device, "" if code else sku, code=code, quantity=quantity, idempotency_key=key
        )

    async def _short(self, _: str, device: str, form: Form) -> Outcome:
        choice = ShortChoice.__members__.get(form.get("choice", ""), ShortChoice.UNSPECIFIED)
        wait_ms = _number(form, "minutes", 60, most=WAIT_MINUTES_MAX) * MINUTE_MS
        return await self._client.short_pick_task(
            _id(form),
            device,
            form.get("sku", ""),
            _number(form, "quantity", 1),
            choice,
            substitute_sku=form.get("substitute", "") if choice is ShortChoice.SUBSTITUTE else "",
            wait_ms=wait_ms if choice is ShortChoice.LATER else None,
            to_store_id=form.get("to_store", "").strip() if choice is ShortChoice.ELSEWHERE else "",
            idempotency_key=form["key"],
        )

    async def _ready(self, _: str, device: str, form: Form) -> Outcome:
        bay = form.get("bay", "").strip()
        return await self._client.finish_pick_task(
            _id(form), device, bay=bay, is_ready=True, idempotency_key=form["key"]
        )

    async def _arrived(self, _: str, __: str, form: Form) -> Outcome:
        waits_at = form.get("waits_at", "").strip()
        return await self._client.note_arrival(_id(form), waits_at=waits_at, idempotency_key=form["key"])

    async def _hand_over(self, _: str, device: str, form: Form) -> Outcome:
        handed = HandOver(device, form.get("recipient", "").strip(), id_checked="id_checked" in form)
        return await self._client.collect(
            _id(form),
            payment_reference=form.get("payment", "").strip(),
            hand_over=handed,
            idempotency_key=form["key"],
        )

    async def _no_show(self, _: str, __: str, form: Form) -> Outcome:
        return await self._client.release(_id(form), reason=ReleaseReason.NO_SHOW, idempotency_key=form["key"])

    async def _resolve(self, resolution: ShortfallResolution, _: str, __: str, form: Form) -> Outcome:
        return await self._client.resolve_shortfall(form.get("task", ""), resolution, idempotency_key=form["key"])

    async def _put_back(self, _: str, device: str, form: Form) -> Outcome:
        lines = [(name.removeprefix(BACK), _number(form, name, 1)) for name in form if name.startswith(BACK)]
        return await self._client.put_back_pick_task(_id(form), device, lines, idempotency_key=form["key"])

    # what is shown

    async def _board(
        self, request: Request, admitted: Admitted, refused: Rejection | HoldfastError | None = None, no: str = ""
    ) -> Response:
        board = await self._boards.of(admitted.device.store_id)
        known = {"board": board, "columns": _columns(board.tasks), "no": no or self._why(request, refused)}
        status = HTTPStatus.CONFLICT if known["no"] else HTTPStatus.OK
        known["no"] = self._rendering.text(self._rendering.language_of(request), no) if no else known["no"]
        return self._page(request, admitted, "board.html", known, status)

    async def _task(
        self,
        request: Request,
        admitted: Admitted,
        reservation_id: str,
        refused: Rejection | HoldfastError | None = None,
    ) -> Response:
        task, reservation = await self._found(_own(reservation_id, admitted.device.store_id))
        did = request.query_params.get("did", "")
        known = {
            "task": task,
            "collector": await collector_of(self._client, reservation),
            "reservation": reservation,
            "no": self._why(request, refused),
            "did": did if did in {*self._steps, *_DID_ELSEWHERE.values()} and refused is None else "",
            "at": request.query_params.get("at", "")[:STORE_CHARS_MAX],
        }
        return self._page(request, admitted, "task.html", known, HTTPStatus.CONFLICT if refused else HTTPStatus.OK)

    async def _found(self, reservation_id: str) -> tuple[PickTask | None, Reservation]:
        """A reservation, and its task where it has one."""
        task: PickTask | None = None
        try:
            task = await self._client.get_pick_task(reservation_id)
        except NotFound:
            return None, await self._client.get_reservation(reservation_id)
        return task, task.reservation or await self._client.get_reservation(reservation_id)

    async def _product(self, store_id: str, sku: str) -> Product | None:
        """What the operator's table says of an article; None where it does not have it."""
        try:
            return await self._client.find_product(store_id, sku=sku)
        except NotFound:
            return None

    def _page(
        self, request: Request, admitted: Admitted, template: str, known: Mapping[str, Any], status: int = 200
    ) -> Response:
        given = {**known, "device": admitted.device, "key": lambda: token_hex(16)}
        return self._rendering.page(request, template, given, status)

    def _why(self, request: Request, refused: Rejection | HoldfastError | None) -> str:
        """Why something was refused, in the reader's words where there are any."""
        if refused is None:
            return ""
        language = self._rendering.language_of(request)
        if isinstance(refused, Rejection):
            handed = refused.hand_over
            by = handed.device if handed else refused.picker_id
            name = "no_COLLECTED" if handed else f"no_{refused.reason.name}"
            known: dict[str, Any] = {
                "sku": refused.sku,
                "asked": refused.asked,
                "available": refused.available,
                "by": by or "?",
            }
            return self._rendering.text_or(language, name, refused.message, **known)
        return self._rendering.text_or(language, f"no_{refused.reason}", refused.why or refused.what)


def _columns(tasks: tuple[PickTask, ...]) -> dict[str, list[PickTask]]:
    """What is shown side by side."""
    columns: dict[str, list[PickTask]] = {
        name: [] for name in ("waiting", "to_pick", "picking", "ready", "to_put_back")
    }
    of_status = {
        PickStatus.TO_PICK: "to_pick",
        PickStatus.PICKING: "picking",
        PickStatus.PICKED: "ready",
        PickStatus.READY: "ready",
        PickStatus.TO_PUT_BACK: "to_put_back",
    }
    for task in tasks:
        if task.arrived_at_ms is not None and task.status is not PickStatus.TO_PUT_BACK:
            columns["waiting"].append(task)
        elif task.status in of_status:
            columns[of_status[task.status]].append(task)
    columns["waiting"].sort(key=lambda task: task.arrived_at_ms or 0)
    return columns


def _own(reservation_id: str, store_id: str) -> str:
    """The id, if it is of the device's shop. Raises HTTPException."""
    if reservation_id.rpartition(":")[0] != store_id:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return reservation_id


def _id(form: Form) -> str:
    if not form.get("id"):
        raise HTTPException(HTTPStatus.BAD_REQUEST)
    return form["id"]


def _number(form: Form, name: str, default: int, most: int = 1_000_000) -> int:
    text = form.get(name, "").strip() or str(default)
    if not re.fullmatch(r"-?[0-9]{1,7}", text) or abs(int(text)) > most:
        raise HTTPException(HTTPStatus.BAD_REQUEST)
    return int(text)


def _to(path: str, **query: str) -> Response:
    return RedirectResponse(f"{path}?{urlencode(query)}", HTTPStatus.SEE_OTHER)
