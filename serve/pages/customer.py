"""The customer's page: one pickup, for whoever has its link. What it shows and does is that pickup's alone, and each
request asks the service what the link is for: a page holds no id that a form could send in another's place.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime
from functools import partial
from http import HTTPStatus
from io import BytesIO
from secrets import token_hex
from typing import Final
from urllib.parse import urlencode

import segno
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from holdfast.client import (
    ChannelClient,
    Conflict,
    ContactChange,
    HoldfastError,
    InvalidArgument,
    LinkedPickup,
    NotFound,
    Order,
    Overloaded,
    PickStatus,
    PickTask,
    PickupCode,
    Reason,
    Rejection,
    ReleaseReason,
    Reservation,
    Status,
)
from serve.pages.guard import form_of
from serve.pages.live import streamed
from serve.pages.rendering import Rendering
from serve.pages.shop_hours import Hours, coming_days, zone_of
from serve.pages.visits import Visits

PAGE: Final = "/p/{token}"
PAGE_PATH: Final = re.compile(r"/p/[A-Za-z0-9_-]{1,256}")
_KEY: Final = re.compile(r"[0-9a-f]{32}")
ARRIVES_MINUTES_MAX: Final = 240
MINUTE_MS: Final = 60_000
TO_COLLECT: Final = frozenset({Status.CONFIRMED, Status.READY})
_GONE: Final = frozenset({PickStatus.TO_PUT_BACK, PickStatus.PUT_BACK, PickStatus.WITHDRAWN})
# What is said of what somebody else than the customer has ended, or that goes on elsewhere.
_RELEASED_AS: Final = {
    ReleaseReason.NOT_FOUND_ON_SHELF: "NOT_THERE",
    ReleaseReason.SHORTFALL: "NOT_THERE",
    ReleaseReason.NO_SHOW: Status.EXPIRED.name,
    ReleaseReason.REPLACED: "CHANGED",
}
_WHY_OVER: Final = {Status.COLLECTED: Status.COLLECTED.name, Status.EXPIRED: Reason.RESERVATION_EXPIRED.name}
_WRONG: Final = (InvalidArgument, NotFound, Conflict, Overloaded)

Form = Mapping[str, str]
Outcome = PickTask | Reservation | Order | ContactChange | Rejection
Step = Callable[[LinkedPickup, Form], Awaitable[Outcome | None]]


def _no_more_time(reservation: Reservation, reason: str) -> Conflict:
    """That it is over, or kept for as long as the rules allow; `reason` says which."""
    error = Conflict("give more time", where=reservation.reservation_id)
    error.reason = reason
    return error


class Customers:
    """Answers for whoever has a link."""

    def __init__(self, client: ChannelClient, visits: Visits, rendering: Rendering) -> None:
        self._client = client
        self._visits = visits
        self._rendering = rendering
        self._steps: Final[dict[str, Step]] = {
            "coming": self._coming,
            "here": self._here,
            "collector": self._collector,
            "extend": self._extend,
            "cancel": self._cancel,
        }

    async def page(self, request: Request) -> Response:
        return await self._page(request, await self._linked(request))

    async def code(self, request: Request) -> Response:
        """The QR code, as a picture of its own."""
        linked = await self._linked(request)
        code = await self._code_of(linked.reservation)
        if code is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        drawn = BytesIO()
        segno.make_qr(code.code, error="m").save(
            drawn, kind="svg", border=4, light="#fff", omitsize=True, svgclass=None, lineclass=None
        )
        return Response(drawn.getvalue(), media_type="image/svg+xml")

    async def receipt(self, request: Request) -> Response:
        """The e-receipt, once all is handed over; until then letters of what was lead to the page, which has what is
        left. Its number is the reservation's: there is one, however often it is asked for.
        """
        linked = await self._linked(request)
        reservation, store = linked.reservation, linked.store
        if reservation.status in TO_COLLECT and any(line.collected for line in reservation.lines):
            return RedirectResponse(_here(request), HTTPStatus.SEE_OTHER)
        if reservation.status is not Status.COLLECTED:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        handed = reservation.hand_over
        language = self._rendering.language_of(request)
        at_ms = handed.at_ms if handed is not None else None
        known = {
            "device": None,
            "here": _here(request),
            "reservation": reservation,
            "number": reservation.reservation_id.replace(":", "-"),
            "at": self._at(language, store.hours, at_ms) if at_ms else "",
            "shop": store.name or reservation.store_id,
        }
        return self._rendering.page(request, "receipt.html", known)

    async def live(self, request: Request) -> Response:
        """That the page is to ask for itself again."""
        reservation = (await self._linked(request)).reservation
        return await streamed(self._visits.messages(reservation.store_id, reservation.reservation_id))

    async def step(self, request: Request) -> Response:
        """A step of the customer's, by a form."""
        form, linked = await form_of(request), await self._linked(request)
        name = form.get("step", "")
        if name not in self._steps or not _KEY.fullmatch(form.get("key", "")):
            raise HTTPException(HTTPStatus.BAD_REQUEST)
        try:
            outcome = await self._steps[name](linked, form)
        except _WRONG as error:
            return await self._page(request, await self._linked(request), error)
        if isinstance(outcome, Rejection):
            return await self._page(request, await self._linked(request), outcome)
        return RedirectResponse(f"{_here(request)}?{urlencode({'did': name})}", HTTPStatus.SEE_OTHER)

    # steps

    async def _coming(self, linked: LinkedPickup, form: Form) -> Outcome:
        text = form.get("minutes", "").strip()
        if not re.fullmatch(r"[0-9]{1,3}", text) or not 0 < int(text) <= ARRIVES_MINUTES_MAX:
            raise HTTPException(HTTPStatus.BAD_REQUEST)
        return await self._client.note_arrival(
            linked.reservation.reservation_id, arrives_in_ms=int(text) * MINUTE_MS, idempotency_key=_key(linked, form)
        )

    async def _here(self, linked: LinkedPickup, form: Form) -> Outcome:
        waits_at = form.get("waits_at", "").strip()
        return await self._client.note_arrival(
            linked.reservation.reservation_id, waits_at=waits_at, idempotency_key=_key(linked, form)
        )

    async def _collector(self, linked: LinkedPickup, form: Form) -> Outcome:
        of = linked.reservation.customer_id, linked.reservation.reservation_id
        return await self._client.set_collector(*of, form.get("name", "").strip(), idempotency_key=_key(linked, form))

    async def _extend(self, linked: LinkedPickup, form: Form) -> Outcome | None:
        """By as much as there is; a part with its whole order. A second tap finds what the first has given, or is the
        same call within its minute. Of what is over nothing is asked: its order may go on elsewhere.
        """
        reservation, ttl_ms, key = linked.reservation, linked.extend_by_ms, _key(linked, form)
        if ttl_ms is None:
            if reservation.status not in TO_COLLECT:
                raise _no_more_time(reservation, _WHY_OVER.get(reservation.status, ""))
            await self._require_longer(reservation, form)
            return None
        outcome: Outcome
        if reservation.order_id:
            outcome = await self._client.extend_order(reservation.order_id, ttl_ms=ttl_ms, idempotency_key=key)
        else:
            outcome = await self._client.extend(reservation.reservation_id, ttl_ms=ttl_ms, idempotency_key=key)
        is_done = isinstance(outcome, Rejection) and outcome.reason is Reason.IDEMPOTENCY_KEY_REUSED
        return None if is_done else outcome

    async def _require_longer(self, reservation: Reservation, form: Form) -> None:
        """That what is to be collected is kept for longer than its page had shown. Raises Conflict; and Unavailable
        where the order of a part cannot be asked, which may have more to give.
        """
        until_ms, shown = reservation.expires_at_ms, form.get("until", "")
        if reservation.order_id:
            until_ms = (await self._client.get_order(reservation.order_id)).expires_at_ms
        if re.fullmatch(r"[0-9]{1,15}", shown) and until_ms <= int(shown):
            raise _no_more_time(reservation, "NO_MORE_TIME")

    async def _cancel(self, linked: LinkedPickup, form: Form) -> Outcome:
        return await self._client.release(
            linked.reservation.reservation_id,
            reason=ReleaseReason.CUSTOMER_CANCELLED,
            idempotency_key=_key(linked, form),
        )

    # what is shown

    async def _linked(self, request: Request) -> LinkedPickup:
        """What the link is for. Raises HTTPException, alike for all that is wrong with it."""
        token = request.path_params["token"]
        if not PAGE_PATH.fullmatch(f"/p/{token}"):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        try:
            return await self._client.get_linked_pickup(token)
        except NotFound as error:
            raise HTTPException(HTTPStatus.NOT_FOUND) from error

    async def _code_of(self, reservation: Reservation) -> PickupCode | None:
        if reservation.status not in TO_COLLECT:
            return None
        try:
            return await self._client.get_pickup_code(reservation.reservation_id)
        except Conflict:  # it is over meanwhile
            return None

    async def _task_of(self, reservation: Reservation) -> PickTask | None:
        """The task of what is still to be collected; None where the shop does not pick."""
        if reservation.status not in TO_COLLECT:
            return None
        try:
            task = await self._client.get_pick_task(reservation.reservation_id)
        except NotFound:
            return None
        return None if task.status in _GONE else task

    async def _page(
        self, request: Request, linked: LinkedPickup, refused: Rejection | HoldfastError | None = None
    ) -> Response:
        language = self._rendering.language_of(request)
        reservation, store = linked.reservation, linked.store
        did, task = request.query_params.get("did", ""), await self._task_of(reservation)
        known = {
            "device": None,
            "here": _here(request),
            "key": lambda: token_hex(16),
            "reservation": reservation,
            "is_to_collect": reservation.status in TO_COLLECT,
            "is_in_line": reservation.status is Status.QUEUED,
            "task": task,
            "state": _state_of(reservation, task),
            "ready_at_ms": _ready_at_ms(reservation, task, linked.at_ms),
            "code": await self._code_of(reservation),
            "collector": await collector_of(self._client, reservation),
            "shop": store.name or reservation.store_id,
            "directions": linked.directions,
            "map_link": _map_link(store.latitude, store.longitude),
            "days": coming_days(store.hours, linked.at_ms),
            "extend_by_ms": linked.extend_by_ms,
            "at": partial(self._at, language, store.hours),
            "day": partial(self._day, language),
            "no": self._why(language, refused),
            "did": did if did in self._steps and refused is None else "",
        }
        return self._rendering.page(request, "customer.html", known, HTTPStatus.CONFLICT if refused else HTTPStatus.OK)

    def _at(self, language: str, hours: Hours | None, at_ms: int) -> str:
        """An instant as the shop's clock shows it: that is where the customer has to be by then."""
        at = datetime.fromtimestamp(at_ms / 1_000, zone_of(hours))
        return f"{self._day(language, at)} {at:%H:%M}{'' if hours else ' UTC'}"

    def _day(self, language: str, on: date) -> str:
        return f"{self._rendering.text(language, f'day_{on.weekday()}')} {on:%d.%m.}"

    def _why(self, language: str, refused: Rejection | HoldfastError | None) -> str:
        """Why something was refused, in the customer's words where there are any."""
        if refused is None:
            return ""
        name = refused.reason.name if isinstance(refused, Rejection) else refused.reason
        if isinstance(refused, Rejection) and refused.status is Status.COLLECTED:
            name = Status.COLLECTED.name
        return self._rendering.text_or(language, f"customer_no_{name}", self._rendering.text(language, "customer_no"))


async def collector_of(client: ChannelClient, reservation: Reservation) -> str | None:
    """Who else is to collect, empty for nobody; None where it is over, or where nobody can be named."""
    if reservation.status not in TO_COLLECT:
        return None
    try:
        return await client.get_collector(reservation.customer_id, reservation.reservation_id)
    except HoldfastError:  # contacts are away, or have no key: all else is as it was
        return None


def _key(linked: LinkedPickup, form: Form) -> str:
    """The key of a step: of this pickup alone, whatever a form says."""
    return f"page {linked.reservation.reservation_id} {form['key']}"


def _state_of(reservation: Reservation, task: PickTask | None) -> str:
    """Which message says how it stands."""
    if reservation.status is Status.CONFIRMED and task is not None and task.status is not PickStatus.TO_PICK:
        return task.status.name
    if reservation.status is Status.RELEASED and reservation.release_reason in _RELEASED_AS:
        return _RELEASED_AS[reservation.release_reason]
    return reservation.status.name


def _ready_at_ms(reservation: Reservation, task: PickTask | None, now_ms: int) -> int | None:
    """When it is expected to be ready: by the shop's hours, or as staff have put it off; None where that is past."""
    if reservation.status is not Status.CONFIRMED:
        return None
    promised_ms = None if task is None else task.promised_at_ms
    expected_ms = max(reservation.earliest_ready_ms or 0, promised_ms or 0)
    return expected_ms if expected_ms > now_ms else None


def _here(request: Request) -> str:
    return f"/p/{request.path_params['token']}"


def _map_link(latitude: float | None, longitude: float | None) -> str:
    if latitude is None or longitude is None:
        return ""
    return f"https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}"
