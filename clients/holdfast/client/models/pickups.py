"""Pickup codes, and the keys by which they are known."""

from dataclasses import dataclass

from holdfast.client.wire_types import reader


@dataclass(frozen=True, slots=True)
class PickupCode:
    """The codes of one reservation: `code` is for a QR code, `short_code` for the eye. `order_id` is empty where it is
    no part of one. `not_after_ms` is until when it is to be collected, as it stood when the code was made.
    """

    code: str
    short_code: str
    reservation_id: str
    store_id: str
    order_id: str
    not_after_ms: int
    key_id: int


@dataclass(frozen=True, slots=True)
class PickupKey:
    """A key of which codes are good; the one without `good_until_ms` signs now. `public_key` has 32 bytes (Ed25519)."""

    key_id: int
    public_key: bytes
    made_at_ms: int
    good_until_ms: int | None = None


pickup_code_from = reader(PickupCode)
pickup_key_from = reader(PickupKey)
