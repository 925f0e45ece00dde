"""Advice before an order is placed: which shops could serve it, and when it can be collected. Nothing is held by it."""

from holdfast.client import methods
from holdfast.client.calls.inside import Client
from holdfast.client.values.orders import FoundStores, PickupSlots, Place, Sourcing, SourcingPolicy
from holdfast.client.values.reservations import LineQuantities
from holdfast.client.wire.orders import found_stores_from, pickup_slots_from, to_sourcing
from holdfast.client.wire.reservations import to_lines
from holdfast.client.wire.times import to_optional_duration, to_optional_timestamp, to_timestamp
from holdfast.v1 import order_service_pb2 as service_pb2


async def find_stores(
    self: Client,
    lines: LineQuantities,
    *,
    place: Place,
    policy: SourcingPolicy = SourcingPolicy.ONE_STORE,
    stores_max: int = 0,
    kilometres_max: float = 0.0,
    channel: str,
    slot_start_ms: int | None = None,
    collect_by_ms: int | None = None,
    explain: bool = False,
    candidates_max: int = 0,
    timeout_ms: int | None = None,
) -> FoundStores:
    """Shops by distance with what they have, and the order that would be placed now; arguments as in `reserve_near`.

    `explain` tells the shops that are out too, each with the rule that excluded it. `candidates_max` is 1 to 100; zero
    leaves it to the service.
    """
    request = service_pb2.FindStoresRequest(
        sourcing=to_sourcing(Sourcing(place, policy, stores_max, kilometres_max, collect_by_ms)),
        lines=to_lines(lines),
        channel=channel,
        slot_start=to_optional_timestamp(slot_start_ms),
        explain=explain,
        candidates_max=candidates_max,
    )
    return found_stores_from(await self.inside.caller.ask(methods.FIND_STORES, request, timeout_ms=timeout_ms))


async def list_slots(
    self: Client,
    store_id: str,
    *,
    from_ms: int | None = None,
    window_ms: int | None = None,
    timeout_ms: int | None = None,
) -> PickupSlots:
    """A shop's pickup slots with the places left. `from_ms` None is now; `window_ms`, up to 31 days, None is 2 days."""
    request = service_pb2.ListSlotsRequest(store_id=store_id, window=to_optional_duration(window_ms))
    if from_ms is not None:
        request.not_before.CopyFrom(to_timestamp(from_ms))
    return pickup_slots_from(await self.inside.caller.ask(methods.LIST_SLOTS, request, timeout_ms=timeout_ms))
