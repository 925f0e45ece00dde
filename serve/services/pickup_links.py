"""PickupService's links to customers' pages: who has one sees one pickup, and whoever serves the page asks here what it
is for.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Final, NamedTuple

import grpc

from actors.core.ids import format_reservation_id, is_hot, parse_order_id
from actors.core.pickup_links import PAGE_PATH, PickupLink, is_of, make_link, read_token, token_of
from actors.core.policy import Policy
from actors.core.status import Status
from actors.orders.state import Order, Standing
from actors.runtime.clock import Clock
from actors.shop.state import AnyReservation
from holdfast.v1 import pickup_service_pb2 as ps
from serve.calls import Call, share_of
from serve.coordination.deliveries import PASSING
from serve.pickup.codes import Guesses
from serve.routing.router import Router
from serve.services.pickup_keys import LINKS, KeyRing
from serve.wire.fields import fill_instant
from serve.wire.pickups import TO_COLLECT
from serve.wire.reservations import fill_reservation
from serve.wire.rules import Checked
from serve.wire.statuses import CallRefused, refused
from serve.wire.stores import fill_store

MINUTE_MS: Final = 60_000
ORDERS_SHARE: Final = 0.5  # of a call's time, for the ledger that says how long an order is kept
_ALL: Final = ""  # wrong links are bounded together: what they name may be anything
_UNCONFIRMED: Final = frozenset({Status.HELD, Status.CLAIMED, Status.QUEUED})
Read = Callable[[str, float], Awaitable[tuple[str, AnyReservation]]]
ReadOrder = Callable[[str, int, float], Awaitable[Order | None]]


class CustomersTold(NamedTuple):
    """How customers are told: where their pages are found, empty where that is not known; by shop how one finds it; and
    whether there are messages.
    """

    url: str = ""
    directions: Mapping[str, str] = MappingProxyType({})
    tells_customers: bool = False


NOTHING_TOLD: Final = CustomersTold()


class PickupLinks:
    """Makes and opens them. `read` gives the ledger that has a reservation, and the reservation; it raises
    CallRefused. `order` gives an order by its ledger and number.
    """

    def __init__(
        self, router: Router, keys: KeyRing, clock: Clock, read: Read, order: ReadOrder, told: CustomersTold
    ) -> None:
        self._router = router
        self._keys = keys
        self._clock = clock
        self._read = read
        self._order = order
        self._told = told
        self._guesses = Guesses()
        self.calls: Final = {"GetPickupLink": Call(self._get), "GetLinkedPickup": Call(self._open)}

    async def _get(self, request: ps.GetPickupLinkRequest, deadline: float, reply: ps.GetPickupLinkResponse) -> None:
        Checked(request).raise_if_faulty()
        store_id, reservation = await self._read(request.reservation_id, deadline)
        if reservation.status in _UNCONFIRMED or is_hot(store_id):
            status = reservation.status.name
            message = f"the reservation is {status}, and has a page once it is confirmed; confirm it first"
            raise refused(grpc.StatusCode.FAILED_PRECONDITION, "NO_PICKUP_LINK", message, status=status)
        key = await self._keys.signing(LINKS, deadline)
        link = make_link(key, store_id, reservation.number, reservation.customer_id, self._clock.now_ms())
        made = reply.pickup_link
        made.token, made.key_id = token_of(link, key), key.number
        made.url = f"{self._told.url}{PAGE_PATH}{made.token}" if self._told.url else ""
        made.reservation_id = format_reservation_id(store_id, reservation.number)
        fill_instant(link.not_after_ms, made.not_after)

    async def _open(
        self, request: ps.GetLinkedPickupRequest, deadline: float, reply: ps.GetLinkedPickupResponse
    ) -> None:
        Checked(request).raise_if_faulty()
        link = await self._known(request.token, deadline)
        try:
            store_id, reservation = await self._read(format_reservation_id(link.store_id, link.number), deadline)
        except CallRefused as no:
            if no.status.code is grpc.StatusCode.NOT_FOUND:
                raise _unknown() from no
            raise
        if not is_of(link, reservation.customer_id, self._keys.good(LINKS)):  # its shop was restored from a copy
            raise _unknown()
        chain, now_ms = self._router.chain, self._clock.now_ms()
        fill_reservation(reservation, store_id, chain, reply.reservation)
        if store_id in chain.stores:
            fill_store(chain.stores[store_id], reply.store)
        reply.directions = self._told.directions.get(store_id, "")
        fill_instant(link.not_after_ms, reply.not_after)
        fill_instant(now_ms, reply.at)
        if extend_ms := _extends_by_ms(await self._lasts(reservation, deadline), chain.policy, now_ms):
            fill_instant(extend_ms, reply.extend_by)

    async def _lasts(self, reservation: AnyReservation, deadline: float) -> tuple[int, int] | None:
        """When what is to be collected was reserved, and until when it is kept; None where it is over. A part is kept
        as long as its order; where that is not told, the customer sees his page all the same.
        """
        if reservation.status not in TO_COLLECT:
            return None
        if reservation.part is None:
            return reservation.created_at_ms, reservation.expires_at_ms
        with suppress(*PASSING):
            order = await self._order(*parse_order_id(reservation.part.order), share_of(deadline, ORDERS_SHARE))
            if order is not None and order.standing is Standing.CONFIRMED:
                return order.created_at_ms, order.expires_at_ms
        return None

    async def _known(self, token: str, deadline: float) -> PickupLink:
        """What a link says. Another gateway may have a newer key, so the chain is asked once, for so many wrong ones:
        nobody keeps its actor busy. Right ones are never refused for the wrong ones of others. Raises CallRefused.
        """
        link = read_token(token, self._keys.good(LINKS), self._clock.now_ms())
        if link is not None:
            return link
        now = asyncio.get_running_loop().time()
        if self._guesses.wait_s(_ALL, now):
            raise _unknown()
        self._guesses.spend(_ALL, now)
        try:
            await self._router.refresh_chain(deadline)
        except BaseException:
            self._guesses.give_back(_ALL)
            raise
        link = read_token(token, self._keys.good(LINKS), self._clock.now_ms())
        if link is None:
            raise _unknown()
        self._guesses.give_back(_ALL)
        return link


def _extends_by_ms(lasts: tuple[int, int] | None, policy: Policy, now_ms: int) -> int:
    """By how long from now the customer may extend what was reserved at the first of these instants and is kept until
    the other one, in whole minutes, so that two taps say the same; 0 where that is no minute longer.
    """
    if lasts is None:
        return 0
    created_at_ms, expires_at_ms = lasts
    until_ms = min(now_ms + policy.collect_within_ms, created_at_ms + policy.ttl_ms_max)
    by_ms = (until_ms - now_ms) // MINUTE_MS * MINUTE_MS
    return by_ms if now_ms + by_ms >= expires_at_ms + MINUTE_MS else 0


def _unknown() -> CallRefused:
    message = "is good for nothing, or not any more; ask for the link again"
    return refused(grpc.StatusCode.NOT_FOUND, "PICKUP_LINK_UNKNOWN", message, field="token")
