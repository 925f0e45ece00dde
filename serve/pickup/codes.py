"""Pickup codes: what they say, signed, and the short ones for the eye.

A code is a PickupTicket with an Ed25519 signature, so that a till without network knows a good one by public keys. A
short code is the reservation's number in its shop and 25 bits of a digest by the same key's secret: whoever guesses one
tries some 33 million times for a number that he knows, and `Guesses` bounds how often. Neither says anything of the
customer, and neither is a proof that nothing was collected: that is in the shop's ledger.
"""

import hashlib
import hmac
from base64 import b32decode, b32encode
from functools import lru_cache
from typing import Final

import grpc
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import DecodeError

from actors.core.pickup_keys import PickupKey, PickupKeys
from holdfast.v1.pickup_pb2 import PickupTicket, SignedPickupTicket
from serve.wire.statuses import refused

PREFIX: Final = "HF:"  # a scanner's texts of other origin are told apart by it
SIGNED_FIRST: Final = b"holdfast pickup code 1\n"  # a signature for this use alone
DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # without I, L, O, U (Crockford)
PROOF_DIGITS: Final = 5
NUMBER_DIGITS_MIN: Final = 4
NUMBER_DIGITS_MAX: Final = 12  # a number of 18 decimal digits
_MISREAD: Final = str.maketrans("OIL", "011", "- ")
_VALUE_OF: Final = {digit: value for value, digit in enumerate(DIGITS)}


def sign(ticket: PickupTicket, key: PickupKey) -> str:
    """The code of a ticket by its key."""
    written = ticket.SerializeToString(deterministic=True)
    signed = SignedPickupTicket(ticket=written, signature=_private(key.seed).sign(SIGNED_FIRST + written))
    return PREFIX + b32encode(signed.SerializeToString()).decode().rstrip("=")


def read(code: str, keys: PickupKeys) -> PickupTicket:
    """The ticket of a code that one of these keys has signed. Raises CallRefused."""
    text = code.strip().upper()
    try:
        if not text.startswith(PREFIX):
            raise ValueError
        text = text.removeprefix(PREFIX)
        signed = SignedPickupTicket.FromString(b32decode(text + "=" * (-len(text) % 8)))
        ticket = PickupTicket.FromString(signed.ticket)
    except (DecodeError, ValueError) as error:
        message = "is not a pickup code; scan it again, or type the short one"
        raise refused(grpc.StatusCode.INVALID_ARGUMENT, "PICKUP_CODE_UNREADABLE", message, field="code") from error
    key = next((each for each in keys if each.number == ticket.key_id), None)
    if key is None:
        message = "was signed by a key that is not good any more; have the customer open the page of the order again"
        raise refused(grpc.StatusCode.INVALID_ARGUMENT, "PICKUP_CODE_REVOKED", message, field="code")
    try:
        _private(key.seed).public_key().verify(signed.signature, SIGNED_FIRST + signed.ticket)
    except InvalidSignature as error:
        message = "was not made by this service, or was changed; hand nothing over"
        raise refused(grpc.StatusCode.INVALID_ARGUMENT, "PICKUP_CODE_FORGED", message, field="code") from error
    return ticket


def short_code(store_id: str, number: int, key: PickupKey) -> str:
    """The code for the eye, of this shop alone."""
    return f"{_in_digits(number).zfill(NUMBER_DIGITS_MIN)}-{_proof(store_id, number, key.seed)}"


def read_short(text: str, store_id: str, keys: PickupKeys) -> int:
    """The number of the reservation that a short code of this shop is for. Raises CallRefused."""
    typed = text.upper().translate(_MISREAD)
    is_long_enough = NUMBER_DIGITS_MIN <= len(typed) - PROOF_DIGITS <= NUMBER_DIGITS_MAX
    if not (is_long_enough and set(typed) <= set(DIGITS)):
        message = "is not a short pickup code; read it again, it looks like 2H1M-9XPTK"
        raise refused(grpc.StatusCode.INVALID_ARGUMENT, "PICKUP_CODE_UNREADABLE", message, field="short_code")
    number, proof = 0, typed[-PROOF_DIGITS:].encode()
    for digit in typed[:-PROOF_DIGITS]:
        number = number * len(DIGITS) + _VALUE_OF[digit]
    if not any(hmac.compare_digest(proof, _proof(store_id, number, key.seed).encode()) for key in keys):
        message = "is not a code of this shop; read it again, or ask for the page of the order"
        raise refused(grpc.StatusCode.INVALID_ARGUMENT, "PICKUP_CODE_FORGED", message, field="short_code")
    return number


def public_key(key: PickupKey) -> bytes:
    """The 32 bytes by which a till verifies."""
    return _private(key.seed).public_key().public_bytes_raw()


@lru_cache(maxsize=64)
def _private(seed: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))


def _proof(store_id: str, number: int, seed: str) -> str:
    digest = hmac.digest(bytes.fromhex(seed), f"short pickup code\n{store_id}\n{number}".encode(), hashlib.sha256)
    return _in_digits(int.from_bytes(digest) % len(DIGITS) ** PROOF_DIGITS).zfill(PROOF_DIGITS)


def _in_digits(number: int) -> str:
    digits = ""
    while number:
        number, value = divmod(number, len(DIGITS))
        digits = DIGITS[value] + digits
    return digits


class Guesses:
    """How many wrong codes, or names, each shop has left in a gateway: `LEFT_MAX` at once, one more every `EACH_S`."""

    LEFT_MAX: Final = 10
    EACH_S: Final = 6.0

    def __init__(self) -> None:
        self._spent_until: dict[str, float] = {}

    def wait_s(self, store_id: str, now: float) -> float:
        """How long until the shop has one left; 0 where it has. `now` is loop time."""
        return max(0.0, self._spent_until.get(store_id, now) - now - (self.LEFT_MAX - 1) * self.EACH_S)

    def spend(self, store_id: str, now: float) -> None:
        self._spent_until = {store: until for store, until in self._spent_until.items() if until > now}
        self._spent_until[store_id] = max(self._spent_until.get(store_id, now), now) + self.EACH_S

    def give_back(self, store_id: str) -> None:
        """It was no wrong one."""
        if store_id in self._spent_until:
            self._spent_until[store_id] -= self.EACH_S
