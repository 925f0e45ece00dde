"""The keys of pickup codes and those of links: what is good, what signs, and new ones. They are the chain's."""

from typing import Final, NamedTuple

import grpc

from actors.core.pickup_keys import PICKUP_KEYS_MAX, PickupKey, PickupKeys, keys_at, signing
from actors.runtime.clock import Clock
from holdfast.v1 import pickup_pb2 as pk, pickup_service_pb2 as ps
from serve.calls import Call
from serve.pickup.codes import public_key
from serve.routing.router import Router
from serve.wire.fields import fill_instant
from serve.wire.rules import Checked
from serve.wire.statuses import refused


class Use(NamedTuple):
    """What keys are for: the field of the chain that has them, and the method of its actor that makes one."""

    field: str
    method: str


CODES: Final = Use("pickup_keys", "make_pickup_key")
LINKS: Final = Use("link_keys", "make_link_key")


class KeyRing:
    """Serves the calls for keys, and knows those that are good."""

    def __init__(self, router: Router, clock: Clock) -> None:
        self._router = router
        self._clock = clock
        self.calls: Final = {"ListPickupKeys": Call(self._list), "RotatePickupKey": Call(self._rotate)}

    def good(self, use: Use) -> PickupKeys:
        """Those that are good now, as far as is known here, the oldest first."""
        return keys_at(self._all(use), self._clock.now_ms())

    async def signing(self, use: Use, deadline: float) -> PickupKey:
        """The newest, which is made where there is none. Raises BeyondFormat."""
        if not self._all(use) and not await self._make(use, 0, revokes=False, deadline=deadline):
            await self._router.refresh_chain(deadline)  # another gateway has made it
        return self._all(use)[-1]

    def _all(self, use: Use) -> PickupKeys:
        keys: PickupKeys = getattr(self._router.chain, use.field)
        return keys

    async def _make(self, use: Use, former: int, *, revokes: bool, deadline: float) -> bool:
        return await self._router.change_chain(use.method, former, revokes, deadline=deadline)

    async def _list(self, request: ps.ListPickupKeysRequest, deadline: float, reply: ps.ListPickupKeysResponse) -> None:
        await self._router.refresh_chain(deadline)
        use = LINKS if request.of_links else CODES
        for key in self.good(use):
            _fill_key(key, use, reply.keys.add())

    async def _rotate(
        self, request: ps.RotatePickupKeyRequest, deadline: float, reply: ps.RotatePickupKeyResponse
    ) -> None:
        Checked(request).raise_if_faulty()
        use = LINKS if request.of_links else CODES
        if not await self._make(use, request.key_id, revokes=request.revoke, deadline=deadline):
            await self._router.refresh_chain(deadline)
            newest = signing(self._all(use))
            code = grpc.StatusCode.FAILED_PRECONDITION
            if newest != request.key_id:
                message = f"is {request.key_id}, and {newest} signs now; list the keys, and decide again"
                raise refused(code, "PICKUP_KEYS_CHANGED", message, field="key_id", key_id=str(newest))
            message = f"{PICKUP_KEYS_MAX} keys are good already; wait until the oldest is over, or revoke them all"
            raise refused(code, "TOO_MANY_PICKUP_KEYS", message)
        _fill_key(self._all(use)[-1], use, reply.key)


def _fill_key(key: PickupKey, use: Use, reply: pk.PickupKey) -> None:
    reply.key_id, reply.public_key = key.number, public_key(key) if use is CODES else b""
    fill_instant(key.made_ms, reply.made_at)
    if key.until_ms:
        fill_instant(key.until_ms, reply.good_until)
