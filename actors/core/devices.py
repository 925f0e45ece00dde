"""The devices that are let in to the service's pages: each by a token, of which the chain keeps the digest alone."""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from actors.core.message import Message, Value
from actors.core.policy import ANSWER_MEMORY_MARGIN_MS

DEVICES_MAX: Final = 4_096  # of the chain; gateways are told all of them at each change, some 400 kB


class DeviceAdded(Message, frozen=True):
    """A device is let in from here on. `digest` is the SHA-256 of its token in hexadecimal."""

    store_id: str
    name: str
    digest: str
    at_ms: int


class DeviceRevoked(Message, frozen=True):
    """A device is let in no more."""

    number: int
    at_ms: int


class Device(Value, frozen=True):
    """A device of a shop; its number is the revision of the chain that added it. One that was revoked is known for
    another day, so that no late copy of the call that added it lets it in again; `revoked_ms` is 0 for the others.
    """

    number: int
    store_id: str
    name: str
    digest: str
    added_ms: int
    revoked_ms: int = 0

    def is_let_in_as(self, store_id: str, name: str, digest: str) -> bool:
        """Whether it is this very one, and not revoked."""
        return (self.store_id, self.name, self.digest, self.revoked_ms) == (store_id, name, digest, 0)


DeviceEvent = DeviceAdded | DeviceRevoked
Devices = Mapping[str, Device]  # by digest, the oldest first


def devices_after(devices: Devices, event: DeviceEvent, revision: int) -> dict[str, Device]:
    """The devices after an event, which makes this revision of the chain."""
    kept = devices_at(devices, event.at_ms)
    match event:
        case DeviceAdded(store_id, name, digest, at_ms):
            return {**kept, digest: Device(revision, store_id, name, digest, at_ms)}
        case DeviceRevoked(number, at_ms):
            revoked = ((digest, each) for digest, each in kept.items() if each.number == number)
            return {**kept, **{digest: replace(each, revoked_ms=at_ms) for digest, each in revoked}}


def devices_at(devices: Devices, at_ms: int) -> dict[str, Device]:
    """Those that are known at an instant."""
    forget_ms = at_ms - ANSWER_MEMORY_MARGIN_MS
    return {digest: each for digest, each in devices.items() if not each.revoked_ms or each.revoked_ms > forget_ms}


def device_named(devices: Devices, store_id: str, name: str) -> Device | None:
    """The device of a shop that is let in under this name."""
    return next(
        (each for each in devices.values() if (each.store_id, each.name, each.revoked_ms) == (store_id, name, 0)), None
    )
