"""DeviceService: the devices that are let in to the service's pages. The chain has them, which gateways follow."""

from typing import Final

import grpc

from actors.core.devices import DEVICES_MAX, Device
from holdfast.v1 import device_pb2 as dv, device_service_pb2 as ds
from serve.calls import Call
from serve.routing.router import Router
from serve.services.store_directory import StoreDirectory
from serve.wire.fields import fill_instant
from serve.wire.rules import Checked
from serve.wire.statuses import refused


class Devices:
    """Serves DeviceService."""

    def __init__(self, router: Router, stores: StoreDirectory) -> None:
        self._router = router
        self._stores = stores
        self.calls: Final = {
            "AddDevice": Call(self._add),
            "ListDevices": Call(self._list),
            "FindDevices": Call(self._find),
            "RevokeDevice": Call(self._revoke),
        }

    async def _add(self, request: ds.AddDeviceRequest, deadline: float, reply: ds.AddDeviceResponse) -> None:
        Checked(request).raise_if_faulty()
        await self._stores.require(request.store_id, deadline=deadline)
        digest = request.token_digest.hex()
        if not await self._router.change_chain("add_device", request.store_id, request.name, digest, deadline=deadline):
            await self._router.refresh_chain(deadline)
            code = grpc.StatusCode.FAILED_PRECONDITION
            if len(self._router.chain.devices) >= DEVICES_MAX:
                message = f"the chain has {DEVICES_MAX} devices already; revoke those that are used no more"
                raise refused(code, "TOO_MANY_DEVICES", message)
            message = f"{request.name!r} is taken in shop {request.store_id}, or the token was; revoke that one first"
            raise refused(code, "DEVICE_NAME_TAKEN", message, field="name", store_id=request.store_id)
        _fill(self._router.chain.devices[digest], reply.device)

    async def _list(self, request: ds.ListDevicesRequest, deadline: float, reply: ds.ListDevicesResponse) -> None:
        Checked(request).raise_if_faulty()
        await self._router.refresh_chain(deadline)
        let_in = (each for each in self._router.chain.devices.values() if not each.revoked_ms)
        for device in sorted(let_in, key=lambda each: (each.store_id, each.name)):
            if request.store_id in ("", device.store_id):
                _fill(device, reply.devices.add())

    async def _find(self, request: ds.FindDevicesRequest, deadline: float, reply: ds.FindDevicesResponse) -> None:
        Checked(request).raise_if_faulty()
        # Another gateway may have revoked one a moment ago: its answer holds here too.
        await self._router.refresh_chain(deadline)
        for digest in request.token_digests:
            device, told = self._router.chain.devices.get(digest.hex()), reply.devices.add()
            if device is not None and not device.revoked_ms:
                _fill(device, told)

    async def _revoke(self, request: ds.RevokeDeviceRequest, deadline: float, _reply: ds.RevokeDeviceResponse) -> None:
        Checked(request).raise_if_faulty()
        await self._router.change_chain("revoke_device", request.device_id, deadline=deadline)


def _fill(device: Device, reply: dv.Device) -> None:
    reply.device_id, reply.store_id, reply.name = device.number, device.store_id, device.name
    fill_instant(device.added_ms, reply.added_at)
