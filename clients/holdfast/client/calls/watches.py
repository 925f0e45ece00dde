"""The streams: positions as they change, and everything that happens."""

from collections.abc import Iterable, Mapping

from holdfast.client.calls.inside import Client
from holdfast.client.feeds import availability_feed, event_feed, starting_cursors
from holdfast.client.subscription import Subscription
from holdfast.client.values.events import Event
from holdfast.client.values.stock import AvailabilityChange


def watch_availability(
    self: Client, cursors: Mapping[str, int] | Iterable[str], *, skus: Iterable[str] = ()
) -> Subscription[AvailabilityChange]:
    """Positions of 1 to 1,024 shops as they change; `cursors` are shops, or shops with the last version seen."""
    return Subscription(
        availability_feed(tuple(skus)),
        starting_cursors(cursors),
        caller=self.inside.caller,
        silence_ms_max=self.inside.limits.watch_silence_ms_max,
    )


def watch_events(
    self: Client, cursors: Mapping[str, int] | Iterable[str] = (), *, all_stores: bool = False
) -> Subscription[Event]:
    """Everything that happens in the shops named, or in all, without gaps; `cursors` as in `watch_availability`."""
    return Subscription(
        event_feed(all_stores=all_stores),
        starting_cursors(cursors),
        caller=self.inside.caller,
        silence_ms_max=self.inside.limits.watch_silence_ms_max,
    )
