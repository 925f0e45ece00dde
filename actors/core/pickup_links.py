"""Links to customers' pages: who has one sees one pickup, and acts for it. Nothing is stored for a link: it names its
reservation, with a digest by the chain's key that nobody else can make.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

import msgspec

from actors.core.message import Value
from actors.core.pickup_keys import LINK_MS, PickupKey, PickupKeys, keys_at

PAGE_PATH: Final = "/p/"  # of the pages, before the token
TOKEN_CHARS_MAX: Final = 256
DIGEST_BYTES: Final = 16  # nobody tries 2^128
WHOSE_BYTES: Final = 6  # what is there by chance is another's in one of 2^48
_WHOSE: Final = b"holdfast pickup link of 1\n"
_FIRST: Final = b"holdfast pickup link 1\n"  # a digest for this use alone
_ABSENT: Final = PickupKey(0, bytes(32).hex(), 0)  # in the place of a key that there is not: it costs the same

_pack: Final = msgspec.msgpack.Encoder().encode


class PickupLink(Value, frozen=True):
    """What a link says: the key that made it, the reservation, until when it is good, and by a digest whose it is: a
    shop that was restored from a copy gives the numbers of reservations once more, to others. Empty in those that were
    made before that was said.
    """

    key_number: int
    store_id: str
    number: int
    not_after_ms: int
    whose: bytes = b""


_read: Final = msgspec.msgpack.Decoder(PickupLink).decode


def make_link(key: PickupKey, store_id: str, number: int, customer_id: str, now_ms: int) -> PickupLink:
    """A link by this key, from now on."""
    return PickupLink(key.number, store_id, number, now_ms + LINK_MS, _whose(customer_id, key))


def is_of(link: PickupLink, customer_id: str, keys: PickupKeys) -> bool:
    """Whether a link that was read by these keys was made for this customer."""
    made_by = (key for key in keys if key.number == link.key_number)
    return not link.whose or any(_whose(customer_id, key) == link.whose for key in made_by)


def token_of(link: PickupLink, key: PickupKey) -> str:
    """The part of its address that nobody can guess, some 60 characters of base 64 for URLs."""
    body = _pack(link)
    return urlsafe_b64encode(_digest(body, key) + body).decode().rstrip("=")


def read_token(token: str, keys: PickupKeys, now_ms: int) -> PickupLink | None:
    """What a token says that one of these keys has made, None for all that is wrong: nobody learns what."""
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4)) if len(token) <= TOKEN_CHARS_MAX else b""
        digest, body = raw[:DIGEST_BYTES], raw[DIGEST_BYTES:]
        link = _read(body)
    except (ValueError, msgspec.DecodeError):
        return None
    key = next((each for each in keys_at(keys, now_ms) if each.number == link.key_number), _ABSENT)
    is_ours = hmac.compare_digest(_digest(body, key), digest) and key is not _ABSENT
    is_as_made = urlsafe_b64encode(raw).decode().rstrip("=") == token  # no second spelling of it
    return link if is_ours and is_as_made and now_ms < link.not_after_ms else None


def _whose(customer_id: str, key: PickupKey) -> bytes:
    """Without the key nobody learns by it who the customer is."""
    return hmac.digest(bytes.fromhex(key.seed), _WHOSE + customer_id.encode(), hashlib.sha256)[:WHOSE_BYTES]


def _digest(body: bytes, key: PickupKey) -> bytes:
    return hmac.digest(bytes.fromhex(key.seed), _FIRST + body, hashlib.sha256)[:DIGEST_BYTES]
