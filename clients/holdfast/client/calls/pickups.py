"""Pickups: the codes by which customers collect, and what a till finds by them. Deadlines are as in
`calls.reservations`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from holdfast.client.blocking import BlockingClient, blocking, watching
from holdfast.client.internals import Client, read
from holdfast.client.models.pickups import (
    CustomerSaid,
    LinkedPickup,
    PickupChange,
    PickupCode,
    PickupKey,
    PickupLink,
    linked_pickup_from,
    pickup_change_from,
    pickup_code_from,
    pickup_key_from,
    pickup_link_from,
)
from holdfast.client.models.reservations import Reservation, reservation_from
from holdfast.client.subscription import FeedItem, Subscription, cursor_messages
from holdfast.client.wire_types import to_message
from holdfast.v1 import pickup_service_pb2 as service_pb2


class PickupCalls(Client, Protocol):
    """Calls for pickups."""

    async def get_pickup_code(self, reservation_id: str, *, timeout_ms: int | None = None) -> PickupCode:
        """The codes of a reservation that is CONFIRMED or READY, made anew. Raises Conflict before and after, and
        NotFound.
        """
        request = service_pb2.GetPickupCodeRequest(reservation_id=reservation_id)
        return pickup_code_from((await read(self, request, timeout_ms)).pickup_code)

    async def get_pickup_link(self, reservation_id: str, *, timeout_ms: int | None = None) -> PickupLink:
        """The link to the customer's page of a reservation that was confirmed, made anew; it is for the customer alone.
        Raises Conflict before, and NotFound.
        """
        request = service_pb2.GetPickupLinkRequest(reservation_id=reservation_id)
        return pickup_link_from((await read(self, request, timeout_ms)).pickup_link)

    async def get_linked_pickup(self, token: str, *, timeout_ms: int | None = None) -> LinkedPickup:
        """What a link is for, for whoever serves the page. Raises NotFound for all that is wrong with it."""
        return linked_pickup_from(await read(self, service_pb2.GetLinkedPickupRequest(token=token), timeout_ms))

    async def lookup_pickup(
        self,
        store_id: str,
        *,
        code: str | None = None,
        short_code: str | None = None,
        order_id: str | None = None,
        reservation_id: str | None = None,
        customer: CustomerSaid | None = None,
        timeout_ms: int | None = None,
    ) -> tuple[Reservation, ...]:
        """What a shop has for one of these, as it is now: of an order all of its reservations there, and of a customer
        what is to be collected. Raises InvalidArgument where the code is no good in this shop, and NotFound.
        """
        request = to_message(
            service_pb2.LookupPickupRequest,
            store_id=store_id,
            code=code,
            short_code=short_code,
            order_id=order_id,
            reservation_id=reservation_id,
            customer=customer,
        )
        return tuple(map(reservation_from, (await read(self, request, timeout_ms)).reservations))

    def watch_pickups(self, cursors: Mapping[str, int] | Iterable[str]) -> Subscription[PickupChange]:
        """What became ready, was changed, collected, withdrawn or returned, in 1 to 1,024 shops; `cursors` are shops,
        or shops with the last version seen. A till that begins takes the version of a list of what is there.
        """

        def request(cursors: Mapping[str, int]) -> service_pb2.WatchPickupsRequest:
            return service_pb2.WatchPickupsRequest(cursors=cursor_messages(cursors))

        def items(message: service_pb2.WatchPickupsResponse) -> Iterator[FeedItem[PickupChange]]:
            for row in message.changes:
                yield FeedItem(message.store_id, row.version, pickup_change_from(row), row.record_hash)
            yield FeedItem(message.store_id, message.version, None, message.record_hash)

        return Subscription(request, items, cursors, self.internals)

    async def list_pickup_keys(self, *, of_links: bool = False, timeout_ms: int | None = None) -> tuple[PickupKey, ...]:
        """The keys of which codes are good, or links, the oldest first; the last one signs."""
        found = await read(self, service_pb2.ListPickupKeysRequest(of_links=of_links), timeout_ms)
        return tuple(map(pickup_key_from, found.keys))

    async def rotate_pickup_key(
        self, key_id: int, *, revoke: bool = False, of_links: bool = False, timeout_ms: int | None = None
    ) -> PickupKey:
        """Sign by a new key in place of this one, the one that signs now; 0 where there is none. With `revoke` codes,
        or links, of all keys before are not good any more. Raises Conflict where another key signs, also where this
        very call has made it and its answer was lost.
        """
        request = service_pb2.RotatePickupKeyRequest(key_id=key_id, revoke=revoke, of_links=of_links)
        return pickup_key_from((await read(self, request, timeout_ms)).key)


class BlockingPickupCalls(BlockingClient):
    """`PickupCalls` for threads."""

    get_pickup_code = blocking(PickupCalls.get_pickup_code)
    get_pickup_link = blocking(PickupCalls.get_pickup_link)
    get_linked_pickup = blocking(PickupCalls.get_linked_pickup)
    lookup_pickup = blocking(PickupCalls.lookup_pickup)
    watch_pickups = watching(PickupCalls.watch_pickups)
    list_pickup_keys = blocking(PickupCalls.list_pickup_keys)
    rotate_pickup_key = blocking(PickupCalls.rotate_pickup_key)
