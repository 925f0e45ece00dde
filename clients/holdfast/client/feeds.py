"""The two streams of the service as feeds for a `Subscription`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from holdfast.client.methods import WATCH_AVAILABILITY, WATCH_EVENTS
from holdfast.client.subscription import Feed, Recorded
from holdfast.client.values.events import Event
from holdfast.client.values.stock import AvailabilityChange
from holdfast.client.wire.events import event_from
from holdfast.client.wire.stock import availability_change_from
from holdfast.v1 import event_service_pb2, stock_service_pb2

_CURSORS_MAX = 1_024
"""Shops that one watch may name. Those beyond it are told from their beginning, and what was seen is dropped here."""


def starting_cursors(cursors: Mapping[str, int] | Iterable[str]) -> dict[str, int]:
    """Cursors from a mapping of shop to version, or from shops alone, which start from their beginning."""
    if isinstance(cursors, Mapping):
        return dict(cursors)
    return dict.fromkeys(cursors, 0)


def _messages(cursors: Mapping[str, int]) -> list[stock_service_pb2.StoreCursor]:
    return [
        stock_service_pb2.StoreCursor(store_id=store_id, after_version=version) for store_id, version in cursors.items()
    ]


def availability_feed(skus: Sequence[str]) -> Feed[AvailabilityChange]:
    """Positions as they change; `skus` empty watches all."""

    def request(cursors: Mapping[str, int]) -> stock_service_pb2.WatchAvailabilityRequest:
        return stock_service_pb2.WatchAvailabilityRequest(cursors=_messages(cursors), skus=skus)

    def read(message: stock_service_pb2.WatchAvailabilityResponse) -> Iterator[Recorded[AvailabilityChange]]:
        change = availability_change_from(message)
        yield Recorded(change.store_id, change.version, change if change.positions else None)

    return Feed(WATCH_AVAILABILITY, request, read)


def event_feed(*, all_stores: bool) -> Feed[Event]:
    """Everything that happens, without gaps."""

    def request(cursors: Mapping[str, int]) -> event_service_pb2.WatchEventsRequest:
        named = _messages(cursors)
        return event_service_pb2.WatchEventsRequest(
            cursors=named[:_CURSORS_MAX] if all_stores else named, all_stores=all_stores
        )

    def read(message: event_service_pb2.WatchEventsResponse) -> Iterator[Recorded[Event]]:
        for event in map(event_from, message.events):
            yield Recorded(event.store_id, event.version, event, previous_version=event.version - 1)

    return Feed(WATCH_EVENTS, request, read)
