"""Links to customers' pages: what they open, and that nothing else does."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from actors.core.pickup_keys import FORMER_KEY_MS, LINK_MS, PickupKey, keys_at
from actors.core.pickup_links import DIGEST_BYTES, TOKEN_CHARS_MAX, PickupLink, make_link, read_token, token_of
from actors.core.policy import TTL_MS_CEILING
from holdfast.v1 import pickup_service_pb2 as ps, reservation_pb2, reservation_service_pb2 as rs
from serve.services.pickup_links import CustomersTold
from tests.gateway.front import Answer, Front
from tests.gateway.hot import OtherGateway, promote
from tests.gateway.test_pickups import confirmed
from tests.runtime.runtime_fixture import ManualClock

KEY: Final = PickupKey(7, "0f" * 32, 1_000)
OTHER: Final = PickupKey(8, "1e" * 32, 2_000)
NOW_MS: Final = 5_000


@pytest.fixture
def shop(front: Front) -> Front:
    """Units of A in S1 and S2."""
    for store_id in ("S1", "S2"):
        front.receive("A", 99, store_id)
    return front


def link_of(front: Front, reservation_id: str) -> Any:
    """Its link."""
    return front.accept("GetPickupLink", ps.GetPickupLinkRequest(reservation_id=reservation_id)).pickup_link


def opened(front: Front, token: str) -> Answer:
    """What is there, where a link leads."""
    return front.ask("GetLinkedPickup", ps.GetLinkedPickupRequest(token=token))


def collect(front: Front, reservation_id: str) -> None:
    request = rs.CollectReservationRequest(idempotency_key="c", reservation_id=reservation_id, payment_reference="p")
    assert front.accept("CollectReservation", request).reservation.reservation_id == reservation_id


def rotate(front: Front, key_id: int, *, revoke: bool = False) -> Any:
    request = ps.RotatePickupKeyRequest(key_id=key_id, revoke=revoke, of_links=True)
    return front.accept("RotatePickupKey", request).key


def test_a_link_opens_its_reservation_whatever_becomes_of_it(shop: Front) -> None:
    mine, other = confirmed(shop), confirmed(shop, "bob")
    link = link_of(shop, mine)
    assert (link.reservation_id, link.url) == (mine, "")
    assert opened(shop, link.token).reply.reservation.reservation_id == mine
    assert opened(shop, link_of(shop, other).token).reply.reservation.reservation_id == other
    assert opened(shop, link.token).reply.store.store_id == "S1"
    collect(shop, mine)
    found = opened(shop, link.token).reply
    assert found.reservation.status == reservation_pb2.RESERVATION_STATUS_COLLECTED
    assert not found.HasField("extend_by")
    assert link_of(shop, mine).token, "the receipt's message has one too"


def test_what_is_not_confirmed_has_none(shop: Front) -> None:
    held = shop.reserve("ann").reservation.reservation_id
    refused = shop.ask("GetPickupLink", ps.GetPickupLinkRequest(reservation_id=held))
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NO_PICKUP_LINK")
    assert shop.ask("GetPickupLink", ps.GetPickupLinkRequest(reservation_id="S1:99")).code is grpc.StatusCode.NOT_FOUND


def test_a_hot_sku_has_a_link_once_it_is_confirmed_in_its_shop(shop: Front) -> None:
    promote(shop, "A")
    mine = confirmed(shop)
    assert opened(shop, link_of(shop, mine).token).reply.reservation.reservation_id == mine


def test_how_long_a_customer_may_extend_it_is_said_by_the_rules(shop: Front, clock: ManualClock) -> None:
    mine = confirmed(shop)
    token = link_of(shop, mine).token
    assert not opened(shop, token).reply.HasField("extend_by"), "it lasts as long already"
    clock.at_ms += 60_000
    assert opened(shop, token).reply.extend_by.seconds > 0


@pytest.mark.parametrize("place", range(0, 60, 3))
def test_a_link_that_was_changed_anywhere_opens_nothing(shop: Front, place: int) -> None:
    token = link_of(shop, confirmed(shop)).token
    place = min(place, len(token) - 1)
    for other in "AZ_":
        if token[place] != other:
            refused = opened(shop, token[:place] + other + token[place + 1 :])
            assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "PICKUP_LINK_UNKNOWN")


def test_all_that_is_wrong_is_answered_alike(shop: Front, clock: ManualClock) -> None:
    mine = confirmed(shop)
    token = link_of(shop, mine).token
    forgotten = make_link(shop.gateway._router.chain.link_keys[0], "S1", 999, "ann", clock.at_ms)
    wrong = {
        "of no reservation": token_of(forgotten, shop.gateway._router.chain.link_keys[0]),
        "by a key of nobody's": token_of(PickupLink(99, "S1", 1, clock.at_ms * 2), OTHER),
        "by another key of the same number": token_of(PickupLink(link_of(shop, mine).key_id, "S1", 1, 9**15), OTHER),
        "nothing": "A",
        "no base 64": "\u00e4/..//",
        "too short": "AAAA",
    }
    said = {why: opened(shop, each) for why, each in wrong.items()}
    clock.at_ms += LINK_MS
    said["over"] = opened(shop, token)
    assert len({(each.code, each.reason, each.message, tuple(each.fields)) for each in said.values()}) == 1, said
    assert {each.code for each in said.values()} == {grpc.StatusCode.NOT_FOUND}


def test_a_number_that_was_given_again_to_another_customer_is_not_shown(shop: Front, clock: ManualClock) -> None:
    """As by a shop that was restored from a copy of before the link's reservation."""
    number = int(confirmed(shop).partition(":")[2])
    link_of(shop, f"S1:{number}")
    [key] = shop.gateway._router.chain.link_keys
    at_ms = clock.at_ms
    for whose, is_shown in (("another", False), ("customer of ann", True)):
        token = token_of(make_link(key, "S1", number, whose, at_ms), key)
        assert (opened(shop, token).reason == "PICKUP_LINK_UNKNOWN") is not is_shown
    before = token_of(PickupLink(key.number, "S1", number, at_ms + 1), key)
    assert opened(shop, before).code is grpc.StatusCode.OK, "it does not say whose it is"


def test_links_of_a_key_that_was_replaced_are_good_and_of_one_that_was_revoked_not(shop: Front) -> None:
    mine = confirmed(shop)
    old = link_of(shop, mine)
    new = rotate(shop, old.key_id)
    assert (new.key_id > old.key_id, new.public_key) == (True, b"")
    assert opened(shop, old.token).code is grpc.StatusCode.OK
    assert link_of(shop, mine).key_id == new.key_id
    rotate(shop, new.key_id, revoke=True)
    assert opened(shop, old.token).reason == "PICKUP_LINK_UNKNOWN"
    keys = shop.accept("ListPickupKeys", ps.ListPickupKeysRequest(of_links=True)).keys
    assert len(keys) == 1
    assert not shop.accept("ListPickupKeys", ps.ListPickupKeysRequest()).keys, "those of codes are their own"


def test_a_gateway_knows_a_link_that_another_has_just_made(shop: Front) -> None:
    mine = confirmed(shop)
    with closing(OtherGateway(shop)) as other:
        request = ps.GetPickupLinkRequest(reservation_id=mine)
        made = other.accept("GetPickupLink", request).pickup_link
        assert opened(shop, made.token).code is grpc.StatusCode.OK


def test_wrong_links_keep_the_chains_actor_busy_for_a_while_alone(shop: Front) -> None:
    mine = confirmed(shop)
    token = link_of(shop, mine).token
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
    assert {opened(shop, wrong).reason for _ in range(10)} == {"PICKUP_LINK_UNKNOWN"}
    before = len(shop.actors.calls)
    assert {opened(shop, wrong).reason for _ in range(99)} == {"PICKUP_LINK_UNKNOWN"}, "and it is answered as before"
    assert len(shop.actors.calls) == before, "nobody is asked any more"
    assert opened(shop, token).code is grpc.StatusCode.OK, "of which who has a right one knows nothing"


def test_where_pages_and_shops_are_found_is_told(tmp_path: Path, clock: ManualClock) -> None:
    told = CustomersTold("https://shop.example", {"S1": "Over the yard"})
    with Front(tmp_path, clock, told=told) as front:
        front.receive("A", 9, "S1")
        link = link_of(front, confirmed(front))
        assert link.url == f"https://shop.example/p/{link.token}"
        assert opened(front, link.token).reply.directions == "Over the yard"


def test_a_token_is_of_its_key_and_has_one_spelling() -> None:
    link = make_link(KEY, "S1", 9, "ann", NOW_MS)
    token = token_of(link, KEY)
    assert read_token(token, (KEY, OTHER), NOW_MS) == link
    assert read_token(token, (OTHER,), NOW_MS) is None
    assert read_token(token, (), NOW_MS) is None
    assert read_token(token, (KEY,), NOW_MS + LINK_MS) is None
    raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    turned = urlsafe_b64encode(raw[DIGEST_BYTES:] + raw[:DIGEST_BYTES]).decode().rstrip("=")
    assert read_token(turned, (KEY,), NOW_MS) is None
    for spelled in (f"{token}=", f"{token}\n", f" {token}", "", "A" * (TOKEN_CHARS_MAX + 1), "\udc80"):
        assert read_token(spelled, (KEY,), NOW_MS) is None, spelled
    last = {token[:-1] + each for each in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"}
    assert {each for each in last if read_token(each, (KEY,), NOW_MS)} == {token}


def test_a_link_is_good_for_long_after_the_latest_deadline_and_so_is_its_key() -> None:
    assert LINK_MS >= TTL_MS_CEILING + FORMER_KEY_MS
    assert keys_at((KEY,), 10**15) == (KEY,)
