"""Events of customers' ledgers as bytes; the counterpart of `codec`, with the same promise to readers."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson

from actors.core.status import ReleaseReason, Status
from actors.journal.codec import fields_of
from actors.orders import events as ev
from actors.orders.plain import lines_from, plans_from, targets_from
from actors.shop.events import PolicyAdopted
from actors.shop.snapshot import rejection_from

# Name and version of each event as it is written now.
TAGS: Final[dict[type, str]] = {
    ev.Opened: "order_opened/2",
    ev.Refused: "order_refused/1",
    ev.AmendOpened: "order_amend_opened/2",
    ev.Replanned: "order_replanned/2",
    ev.Committed: "order_committed/1",
    ev.Abandoned: "order_abandoned/1",
    ev.Confirmed: "order_confirmed/1",
    ev.Released: "order_released/1",
    ev.Extended: "order_extended/1",
    ev.FannedOut: "order_visited/1",
    ev.Expired: "order_expired/1",
    ev.Reported: "order_noted/1",
    ev.Reduced: "order_reduced/1",
    PolicyAdopted: "policy_adopted/1",
}


def _opened(f: list[Any]) -> ev.Opened:
    return ev.Opened(f[0], f[1], f[2], f[3], f[4], plans_from(f[5]), lines_from(f[6]), f[7], f[8])


def _amend_opened(f: list[Any]) -> ev.AmendOpened:
    return ev.AmendOpened(f[0], f[1], f[2], plans_from(f[3]), targets_from(f[4]), f[5], f[6], f[7], lines_from(f[8]))


def _replanned(f: list[Any]) -> ev.Replanned:
    return ev.Replanned(f[0], plans_from(f[1]), lines_from(f[2]), f[3], None if f[4] is None else targets_from(f[4]))


def _committed(f: list[Any]) -> ev.Committed:
    return ev.Committed(f[0], tuple((store_id, number) for store_id, number in f[1]), f[2])


def _abandoned(f: list[Any]) -> ev.Abandoned:
    return ev.Abandoned(f[0], None if f[1] is None else rejection_from(f[1]))


def _reported(f: list[Any]) -> ev.Reported:
    return ev.Reported(f[0], f[1], f[2], f[3], f[4], f[5], Status(f[6]), tuple(f[7]), tuple(f[8]))


# Every name and version that was ever written.
_DECODERS: Final[dict[str, Callable[[list[Any]], ev.Event]]] = {
    "order_opened/1": lambda f: _opened([*f, ""]),  # of before baskets
    "order_opened/2": _opened,
    "order_refused/1": lambda f: ev.Refused(f[0], f[1], rejection_from(f[2])),
    "order_amend_opened/1": lambda f: _amend_opened([*f, 0, "", []]),
    "order_amend_opened/2": _amend_opened,
    "order_replanned/1": lambda f: _replanned([*f, None]),
    "order_replanned/2": _replanned,
    "order_committed/1": _committed,
    "order_abandoned/1": _abandoned,
    "order_confirmed/1": ev.Confirmed._make,
    "order_released/1": lambda f: ev.Released(f[0], f[1], f[2], ReleaseReason(f[3])),
    "order_extended/1": ev.Extended._make,
    "order_visited/1": ev.FannedOut._make,
    "order_expired/1": ev.Expired._make,
    "order_noted/1": _reported,
    "order_reduced/1": lambda f: ev.Reduced(f[0], targets_from(f[1])),
    "policy_adopted/1": PolicyAdopted._make,
}


def encode_events(events: Sequence[ev.Event]) -> bytes:
    """A batch's events of one ledger."""
    return orjson.dumps([(TAGS[type(event)], *event) for event in events], default=fields_of)


def decode_events(payload: bytes) -> list[ev.Event]:
    """The events of a payload. Raises ValueError where it is not one, or was written by a later version."""
    events = []
    try:
        for tag, *fields in orjson.loads(payload):
            decoder = _DECODERS.get(tag)
            if decoder is None:
                raise ValueError(f"an event of kind {tag!r}, which this version does not know; a newer one wrote it")
            events.append(decoder(fields))
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"event {len(events) + 1} of the payload is not one: {error}") from error
    return events
