"""PickupService, but for WatchPickups, which is a feed: pickup codes, and what a till finds by them."""

import asyncio
from typing import Final

import grpc

from actors.core.ids import format_order_id, format_reservation_id, is_hot, parse_order_id, parse_reservation_id
from actors.runtime.clock import Clock
from actors.shop.state import AnyReservation
from holdfast.v1 import pickup_pb2 as pk, pickup_service_pb2 as ps
from serve.calls import Call
from serve.coordination.coordinator import Coordinator
from serve.coordination.hot import HotCalls
from serve.pickup.codes import Guesses, read, read_short, short_code, sign
from serve.routing.router import Router
from serve.services.contacts import Contacts
from serve.services.pickup_keys import CODES, KeyRing
from serve.services.pickup_links import CustomersTold, PickupLinks
from serve.services.store_directory import StoreDirectory
from serve.wire import statuses
from serve.wire.fields import fill_instant
from serve.wire.pickups import TO_COLLECT
from serve.wire.reservations import fill_reservation
from serve.wire.rules import Checked
from serve.wire.statuses import CallRefused, refused


class Pickups:
    """Serves PickupService. The keys are of the chain, which gateways follow."""

    def __init__(
        self,
        router: Router,
        stores: StoreDirectory,
        hot: HotCalls,
        coordinator: Coordinator,
        contacts: Contacts,
        clock: Clock,
        told: CustomersTold,
    ) -> None:
        self._router = router
        self._stores = stores
        self._hot = hot
        self._coordinator = coordinator
        self._contacts = contacts
        self._keys = KeyRing(router, clock)
        self._links = PickupLinks(router, self._keys, clock, self._read, coordinator.order, told)
        self._guesses, self._names = Guesses(), Guesses()
        self.calls: Final = {
            "GetPickupCode": Call(self._code),
            "LookupPickup": Call(self._lookup, is_read=True),
            **self._keys.calls,
            **self._links.calls,
        }

    async def _code(self, request: ps.GetPickupCodeRequest, deadline: float, reply: ps.GetPickupCodeResponse) -> None:
        Checked(request).raise_if_faulty()
        store_id, reservation = await self._read(request.reservation_id, deadline)
        if reservation.status not in TO_COLLECT:
            message = (
                f"the reservation is {reservation.status.name}, and only one that is CONFIRMED or READY has a pickup "
                "code; confirm it first, or reserve again"
            )
            status = reservation.status.name
            raise refused(grpc.StatusCode.FAILED_PRECONDITION, "NO_PICKUP_CODE", message, status=status)
        key = await self._keys.signing(CODES, deadline)
        code = reply.pickup_code
        code.store_id, code.key_id = store_id, key.number
        code.reservation_id = format_reservation_id(store_id, reservation.number)
        code.order_id = reservation.part.order if reservation.part else ""
        code.short_code = short_code(store_id, reservation.number, key)
        fill_instant(reservation.expires_at_ms, code.not_after)
        code.code = sign(
            pk.PickupTicket(
                key_id=key.number,
                store_id=store_id,
                number=reservation.number,
                order_id=code.order_id,
                not_after_s=reservation.expires_at_ms // 1_000,
            ),
            key,
        )

    async def _lookup(self, request: ps.LookupPickupRequest, deadline: float, reply: ps.LookupPickupResponse) -> None:
        Checked(request).raise_if_faulty()
        store_id = request.store_id
        await self._stores.require(store_id, deadline=deadline)
        by = request.WhichOneof("by")
        if by == "order_id":
            asked = await self._parts(request.order_id, store_id, deadline)
        elif by == "reservation_id":
            asked = [request.reservation_id]
        elif by == "customer":
            for reservation in await self._of_customer(store_id, request.customer, deadline):
                fill_reservation(reservation, store_id, self._router.chain, reply.reservations.add())
            return
        else:
            asked = [format_reservation_id(store_id, await self._number(request, by or "", deadline))]
        for each in asked:
            found_in, reservation = await self._read(each, deadline)
            if found_in != store_id and not is_hot(found_in):
                raise _elsewhere(by or "", found_in)
            told = reply.reservations.add()
            fill_reservation(reservation, found_in, self._router.chain, told)
            if told.store_id != store_id:
                raise _elsewhere(by or "", told.store_id)

    async def _of_customer(self, store_id: str, said: ps.CustomerSaid, deadline: float) -> list[AnyReservation]:
        """What a customer of that name is to collect in a shop. Raises CallRefused, alike where there is no such
        customer and where there is nothing: nobody is to learn by it whom the contacts have.
        """
        if wait_s := _spend(self._names, store_id):
            message = f"too many wrong names in shop {store_id}; scan the code, or ask again in {wait_s:.0f} s"
            limit = grpc.StatusCode.RESOURCE_EXHAUSTED
            raise refused(limit, "PICKUP_NAME_GUESSED", message, retry_after_s=wait_s, store_id=store_id)
        found: dict[int, AnyReservation] = {}
        try:
            contacts, _ = await self._contacts.found(said.display_name, said.last_digits, deadline)
            purchases: dict[str, set[str]] = {}
            for contact, _ in contacts:
                purchases.setdefault(contact.customer_id, set()).add(contact.purchase_id)
            for customer_id, wanted in purchases.items():
                mine = await self._router.ask(store_id, "pickups_of", store_id, customer_id, deadline=deadline)
                found |= {each.number: each for each in mine if wanted & {"", *_purchases(store_id, each)}}
        except BaseException:
            self._names.give_back(store_id)
            raise
        if not found:
            message = "with these digits has nothing that waits here; ask for the code, or the order's number"
            unknown = grpc.StatusCode.NOT_FOUND
            raise refused(unknown, "PICKUP_NAME_UNKNOWN", message, field="customer.display_name", store_id=store_id)
        self._names.give_back(store_id)
        return [found[number] for number in sorted(found)]

    async def _number(self, request: ps.LookupPickupRequest, by: str, deadline: float) -> int:
        """The number that a code is for, in the till's own shop. Raises CallRefused."""
        if by != "short_code":
            return await self._read_code(request, deadline)
        store_id = request.store_id
        if wait_s := _spend(self._guesses, store_id):
            message = f"too many wrong short codes in shop {store_id}; scan it, or type it again in {wait_s:.0f} s"
            limit = grpc.StatusCode.RESOURCE_EXHAUSTED
            raise refused(limit, "PICKUP_CODE_GUESSED", message, retry_after_s=wait_s, store_id=store_id)
        is_wrong = False
        try:
            return await self._read_code(request, deadline)
        except CallRefused as no:
            is_wrong = no.status.reason != "PICKUP_CODE_UNREADABLE"
            raise
        finally:
            if not is_wrong:
                self._guesses.give_back(store_id)

    async def _read_code(self, request: ps.LookupPickupRequest, deadline: float) -> int:
        """The same, as often as it is tried. Another gateway may have a newer key, so the chain is asked once."""
        for is_last in (False, True):
            try:
                if request.WhichOneof("by") == "short_code":
                    return read_short(request.short_code, request.store_id, self._keys.good(CODES))
                ticket = read(request.code, self._keys.good(CODES))
            except CallRefused as no:
                if is_last or no.status.reason == "PICKUP_CODE_UNREADABLE":
                    raise
                await self._router.refresh_chain(deadline)
                continue
            if ticket.store_id != request.store_id:
                raise _elsewhere("code", ticket.store_id)
            return ticket.number
        raise AssertionError

    async def _parts(self, order_id: str, store_id: str, deadline: float) -> list[str]:
        """The reservations of an order in one shop. Raises CallRefused."""
        ledger_id, number = parse_order_id(order_id)
        order = await self._coordinator.order(ledger_id, number, deadline)
        if order is None:
            order_id = format_order_id(ledger_id, number)
            message = f"there is no order {order_id}, or it was forgotten; check the id"
            raise refused(grpc.StatusCode.NOT_FOUND, "ORDER_NOT_FOUND", message, field="order_id", order_id=order_id)
        return [
            format_reservation_id(store_id, part.reservation)
            for part in order.certain_parts()
            if part.store_id == store_id
        ]

    async def _read(self, reservation_id: str, deadline: float) -> tuple[str, AnyReservation]:
        """The ledger that has a reservation, and the reservation. Raises CallRefused."""
        ledger_id, number = parse_reservation_id(reservation_id)
        await self._stores.require_of_reservation(ledger_id, deadline=deadline)
        ledger_id, _, found = await self._hot.read(ledger_id, number, deadline)
        if found is None:
            raise statuses.unknown_reservation(ledger_id, reservation_id)
        return ledger_id, found


def _purchases(store_id: str, reservation: AnyReservation) -> tuple[str, str]:
    """The ids by which a contact may be for it alone."""
    order_id = reservation.part.order if reservation.part is not None else ""
    return format_reservation_id(store_id, reservation.number), order_id


def _elsewhere(field: str, store_id: str) -> statuses.CallRefused:
    message = f"is for shop {store_id}, and not for this one; the customer collects there"
    return refused(grpc.StatusCode.INVALID_ARGUMENT, "PICKUP_CODE_ELSEWHERE", message, field=field, store_id=store_id)


def _spend(guesses: Guesses, store_id: str) -> float:
    """Take one of the wrong ones that a shop may have, before anything is asked, as many may come at once; one that was
    right gives it back. Returns how long to wait where none is left, else 0.
    """
    now = asyncio.get_running_loop().time()
    wait_s = guesses.wait_s(store_id, now)
    if not wait_s:
        guesses.spend(store_id, now)
    return wait_s
