"""Pickup codes by themselves: what was signed is read again, and nothing else is."""

from base64 import b32decode, b32encode
from typing import Final

import pytest
from hypothesis import given, strategies as st

from actors.core.pickup_keys import FORMER_KEY_MS, PickupKey, PickupKeyMade, keys_after, keys_at, signing
from holdfast.client.errors import InvalidArgument
from holdfast.client.pickup_codes import read_pickup_code
from holdfast.v1.pickup_pb2 import PickupTicket
from serve.pickup.codes import PREFIX, Guesses, public_key, read, read_short, short_code, sign
from serve.wire.statuses import CallRefused

KEY: Final = PickupKey(3, "11" * 32, 0)
OTHER: Final = PickupKey(7, "22" * 32, 0)
KEYS: Final = (KEY, OTHER)
BY_NUMBER: Final = {key.number: key for key in KEYS}
PUBLIC: Final = {key.number: public_key(key) for key in KEYS}

ids = st.text("ABCabc019._-", min_size=1, max_size=64)
numbers = st.integers(1, 10**18 - 1)
tickets = st.builds(
    PickupTicket,
    key_id=st.sampled_from(sorted(BY_NUMBER)),
    store_id=ids,
    number=numbers,
    order_id=st.sampled_from(["", "0007/1907"]),
    not_after_s=st.integers(0, 4_102_444_799),
)


def refusal(code: str) -> str:
    """Why a code is no good, as gateway and till both say."""
    with pytest.raises(CallRefused) as refused:
        read(code, KEYS)
    with pytest.raises(InvalidArgument) as by_till:
        read_pickup_code(code, PUBLIC)
    assert by_till.value.reason == refused.value.status.reason
    return refused.value.status.reason


@given(tickets)
def test_a_code_says_what_was_signed_to_gateways_and_to_tills(ticket: PickupTicket) -> None:
    code = sign(ticket, BY_NUMBER[ticket.key_id])
    assert len(code) <= 300
    assert set(code) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:"), "what a QR code takes as alphanumeric"
    assert read(f" {code.lower()}\n", KEYS) == ticket
    told = read_pickup_code(code, PUBLIC)
    assert (told.reservation_id, told.store_id) == (f"{ticket.store_id}:{ticket.number}", ticket.store_id)
    assert (told.order_id, told.not_after_ms) == (ticket.order_id, ticket.not_after_s * 1_000)


@given(tickets, st.data())
def test_no_changed_code_is_good(ticket: PickupTicket, data: st.DataObject) -> None:
    text = sign(ticket, BY_NUMBER[ticket.key_id]).removeprefix(PREFIX)
    raw = bytearray(b32decode(text + "=" * (-len(text) % 8)))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    changed = PREFIX + b32encode(raw).decode().rstrip("=")
    try:
        found = read(changed, KEYS)
    except CallRefused:
        refusal(changed)
    else:
        assert found == ticket, "a byte that is no part of what was signed"


def test_codes_of_other_keys_and_other_texts_are_refused_by_name() -> None:
    ticket = PickupTicket(key_id=3, store_id="S1", number=5, not_after_s=1)
    assert refusal(sign(ticket, OTHER)) == "PICKUP_CODE_FORGED"
    assert refusal(sign(PickupTicket(key_id=9, store_id="S1", number=5), KEY)) == "PICKUP_CODE_REVOKED"
    for text in ("", "4006381333931", "HF:", "HF:11111111", "HF:AAAA", "HF:ÄÖ", "http://x"):
        assert refusal(text) in {"PICKUP_CODE_UNREADABLE", "PICKUP_CODE_REVOKED"}, text
    assert refusal("4006381333931") == "PICKUP_CODE_UNREADABLE"


@given(ids, numbers, st.sampled_from([KEY, OTHER]))
def test_a_short_code_is_read_as_people_type_it(store_id: str, number: int, key: PickupKey) -> None:
    code = short_code(store_id, number, key)
    assert read_short(code, store_id, KEYS) == number
    typed = f" {code.lower().replace('0', 'o').replace('1', 'l')} ".replace("-", "- ")
    assert read_short(typed, store_id, KEYS) == number
    with pytest.raises(CallRefused):
        read_short(code, f"{store_id}x", KEYS)


@given(st.text(max_size=64))
def test_other_texts_are_no_short_codes(text: str) -> None:
    with pytest.raises(CallRefused):
        read_short(text, "S1", ())


def test_wrong_ones_of_one_shop_are_bounded() -> None:
    guesses = Guesses()
    for _ in range(guesses.LEFT_MAX):
        assert guesses.wait_s("S1", 100.0) == 0
        guesses.spend("S1", 100.0)
    assert guesses.wait_s("S1", 100.0) == guesses.EACH_S
    assert guesses.wait_s("S2", 100.0) == 0
    assert guesses.wait_s("S1", 100.0 + guesses.EACH_S) == 0
    guesses.spend("S1", 106.0)
    assert guesses.wait_s("S1", 106.0) > 0
    assert guesses.wait_s("S1", 1_000.0) == 0


def test_former_keys_are_good_until_no_code_of_theirs_is() -> None:
    first = keys_after((), PickupKeyMade("aa", 1_000), 1)
    keys = keys_after(first, PickupKeyMade("bb", 2_000), 5)
    former, newest = PickupKey(1, "aa", 1_000, 2_000 + FORMER_KEY_MS), PickupKey(5, "bb", 2_000)
    assert keys == (former, newest)
    assert (signing(()), signing(keys)) == (0, 5)
    assert keys_at(keys, 1_999 + FORMER_KEY_MS) == keys
    assert keys_at(keys, 2_000 + FORMER_KEY_MS) == (newest,)
    third = keys_after(keys, PickupKeyMade("cc", 3_000), 9)
    assert [(key.number, key.until_ms) for key in third] == [
        (1, former.until_ms),
        (5, 3_000 + FORMER_KEY_MS),
        (9, 0),
    ]
    assert [key.number for key in keys_after(keys, PickupKeyMade("cc", 3_000 + FORMER_KEY_MS), 9)] == [5, 9]
    assert [key.number for key in keys_after(keys, PickupKeyMade("cc", 3_000, revokes=True), 9)] == [9]
