"""Devices that are let in to the service's pages. Deadlines are as in `calls.reservations`."""

from collections.abc import Sequence
from typing import Protocol

from holdfast.client.blocking import BlockingClient, blocking
from holdfast.client.internals import Client, read
from holdfast.client.models.devices import Device, device_from, digest_of
from holdfast.v1 import device_service_pb2 as service_pb2


class DeviceCalls(Client, Protocol):
    """Calls for devices."""

    async def add_device(self, store_id: str, name: str, token: str, *, timeout_ms: int | None = None) -> Device:
        """Let a device of a shop in by a token that `make_token` has made; the service is told its digest alone. Safe
        to repeat with the same token. Raises Conflict where the shop has a device of that name, or there are too many.
        """
        request = service_pb2.AddDeviceRequest(store_id=store_id, name=name, token_digest=digest_of(token))
        answer = await self.internals.caller.ask(request, timeout_ms=timeout_ms, idempotency_key="")
        return device_from(answer.device)

    async def list_devices(self, store_id: str = "", *, timeout_ms: int | None = None) -> tuple[Device, ...]:
        """The devices that are let in, of one shop or of all, by shop and name."""
        found = await read(self, service_pb2.ListDevicesRequest(store_id=store_id), timeout_ms)
        return tuple(map(device_from, found.devices))

    async def find_devices(
        self, digests: Sequence[bytes], *, timeout_ms: int | None = None
    ) -> tuple[Device | None, ...]:
        """Whose tokens these are, by their digests, 1 to 1,024: a device for each in sequence, None where nobody is let
        in by it. A device whose revocation was answered is in no later answer.
        """
        found = await read(self, service_pb2.FindDevicesRequest(token_digests=digests), timeout_ms)
        return tuple(device_from(each) if each.device_id else None for each in found.devices)

    async def revoke_device(self, device_id: int, *, timeout_ms: int | None = None) -> None:
        """Let a device in no more, from the answer on. Safe to repeat."""
        request = service_pb2.RevokeDeviceRequest(device_id=device_id)
        await self.internals.caller.ask(request, timeout_ms=timeout_ms, idempotency_key="")


class BlockingDeviceCalls(BlockingClient):
    """`DeviceCalls` for threads."""

    add_device = blocking(DeviceCalls.add_device)
    list_devices = blocking(DeviceCalls.list_devices)
    find_devices = blocking(DeviceCalls.find_devices)
    revoke_device = blocking(DeviceCalls.revoke_device)
