"""Reads pickup codes without network, by the service's public keys. Needs `cryptography`: `holdfast-client[till]`.

It proves that the service made the code, not that nobody has collected: that is in the shop's ledger, and while a till
is cut off in its own file.
"""

from base64 import b32decode
from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from holdfast.client.errors import InvalidArgument, Unsupported
from holdfast.v1.pickup_pb2 import PickupTicket, SignedPickupTicket

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    HAS_KEYS = True
except ModuleNotFoundError:
    HAS_KEYS = False

PREFIX = "HF:"
SIGNED_FIRST = b"holdfast pickup code 1\n"


@dataclass(frozen=True, slots=True)
class ReadCode:
    """What a good code says. `order_id` is empty where the reservation is no part of one. `not_after_ms` is until when
    it was to be collected when the code was made: it may have been extended since, which only the service knows.
    """

    reservation_id: str
    store_id: str
    order_id: str
    not_after_ms: int
    key_id: int


def read_pickup_code(code: str, public_keys: Mapping[int, bytes]) -> ReadCode:
    """What a code says that one of these keys, by their ids, has signed. Raises InvalidArgument for any other, with
    the `reason` that LookupPickup has, and Unsupported without `cryptography`.
    """
    if not HAS_KEYS:
        why, mend = "cryptography is not installed", "Install holdfast-client[till]"
        raise Unsupported("read a pickup code", why=why, mend=mend)
    text = code.strip().upper()
    try:
        if not text.startswith(PREFIX):
            raise ValueError
        text = text.removeprefix(PREFIX)
        signed = SignedPickupTicket.FromString(b32decode(text + "=" * (-len(text) % 8)))
        ticket = PickupTicket.FromString(signed.ticket)
    except (DecodeError, ValueError) as error:
        raise code_refused("PICKUP_CODE_UNREADABLE", "it is no pickup code", "Scan it again") from error
    public_key = public_keys.get(ticket.key_id)
    if public_key is None:
        why = "it was signed by a key that is not known here"
        raise code_refused("PICKUP_CODE_REVOKED", why, "Read the keys again, or look the code up over the network")
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signed.signature, SIGNED_FIRST + signed.ticket)
    except InvalidSignature as error:
        why = "the service has not made it, or it was changed"
        raise code_refused("PICKUP_CODE_FORGED", why, "Hand nothing over") from error
    reservation_id, until_ms = f"{ticket.store_id}:{ticket.number}", ticket.not_after_s * 1_000
    return ReadCode(reservation_id, ticket.store_id, ticket.order_id, until_ms, ticket.key_id)


def code_refused(reason: str, why: str, mend: str) -> InvalidArgument:
    """A code is no good."""
    error = InvalidArgument("read a pickup code", why=why, mend=mend)
    error.reason = reason
    return error
