"""Pickup codes, the keys by which they are known, and what happens to pickups."""

from dataclasses import dataclass

from holdfast.client.models.administration import Store, store_from
from holdfast.client.models.reservations import Reservation, reservation_from
from holdfast.client.wire_types import reader
from holdfast.v1 import enums


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
class PickupLink:
    """The link to a customer's page; `url` is empty where the service does not know where its pages are found. From
    `not_after_ms` on it leads nowhere.
    """

    token: str
    url: str
    reservation_id: str
    not_after_ms: int
    key_id: int


@dataclass(frozen=True, slots=True)
class LinkedPickup:
    """What a link is for, as it was at `at_ms` by the service's clock: the reservation and its shop. `extend_by_ms` is
    by how long from then on the customer may extend it, None where he may not.
    """

    reservation: Reservation
    store: Store
    directions: str
    extend_by_ms: int | None
    not_after_ms: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class CustomerSaid:
    """What a customer says who has no code: the name of the contact, or its last word, and the last four digits of the
    telephone.
    """

    display_name: str
    last_digits: str


PickupChangeKind = enums.PickupChangeKind


@dataclass(frozen=True, slots=True)
class PickupChange:
    """One change of a pickup in a shop, at the ledger's `version`; `reservation` is as it was when this was told,
    perhaps as a later change has left it.
    """

    version: int
    at_ms: int
    kind: PickupChangeKind
    reservation: Reservation


@dataclass(frozen=True, slots=True)
class PickupKey:
    """A key of which codes are good, or links; the one without `good_until_ms` signs now. `public_key` has 32 bytes
    (Ed25519), none for a key of links.
    """

    key_id: int
    public_key: bytes
    made_at_ms: int
    good_until_ms: int | None = None


pickup_code_from = reader(PickupCode)
pickup_key_from = reader(PickupKey)
pickup_link_from = reader(PickupLink)
linked_pickup_from = reader(
    LinkedPickup,
    reservation=lambda found: reservation_from(found.reservation),
    store=lambda found: store_from(found.store),
)
pickup_change_from = reader(PickupChange)
