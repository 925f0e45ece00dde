"""Events of orders as bytes, commands and orders as plain tuples: whatever goes in comes back as it was."""

from typing import Any, Final, get_args

import orjson
import pytest
from hypothesis import example, given, strategies as st

from actors.core.rejection import Reason, Rejection
from actors.journal.order_codec import TAGS, decode_events, encode_events
from actors.orders import commands as cm, events as ev
from actors.orders.plain import order_from_plain, order_to_plain
from actors.orders.snapshot import Capture, restore
from actors.orders.state import Order, OrderLedger
from actors.orders.transact import transact
from actors.protocol.messages import pack_answers, pack_batch, unpack_answers, unpack_batch
from actors.protocol.order_messages import order_command_from_wire, order_command_to_wire
from tests.orders.anything import of, plain

EVENTS: Final = {kind.__name__: kind for kind in get_args(ev.Event)}
COMMANDS: Final = {kind.__name__: kind for kind in get_args(cm.Command)}
batches: Final = st.lists(st.one_of(*map(of, EVENTS.values())), max_size=4)


def test_every_kind_of_event_has_a_tag_of_its_own() -> None:
    assert set(TAGS) == set(EVENTS.values())
    assert len(set(TAGS.values())) == len(TAGS)


@pytest.mark.parametrize("kind", EVENTS.values(), ids=EVENTS)
@given(examples=st.data())
def test_an_event_of_any_kind_comes_back_as_it_was(kind: type, examples: st.DataObject) -> None:
    event = examples.draw(of(kind))
    payload = encode_events([event])
    (decoded,) = decode_events(payload)
    assert type(decoded) is kind
    assert repr(decoded) == repr(event)  # tuples for tuples and enums for enums, which == does not tell
    assert encode_events([decoded]) == payload


@pytest.mark.parametrize("tag", ["order_opened/3", "reserved/1", "", None, 1])
def test_an_event_of_a_later_version_is_named(tag: object) -> None:
    payload = orjson.dumps([[TAGS[ev.Expired], 1], [tag, "k1"]])
    with pytest.raises(ValueError, match=rf"kind {tag!r}, which this version does not know; a newer one wrote it"):
        decode_events(payload)


def refuses_or_reads(payload: bytes) -> None:
    """A list of events, or a ValueError: any other error fails the test."""
    try:
        decoded = decode_events(payload)
    except ValueError:
        return
    assert all(type(event) in TAGS for event in decoded)


@given(st.binary(max_size=60))
@example(b"null")
@example(b"1")
@example(b"[1]")
@example(b"[[]]")
@example(b"[[[]]]")
@example(b'[{"0":"order_expired/1"}]')
def test_random_bytes_are_a_value_error(payload: bytes) -> None:
    refuses_or_reads(payload)


@given(st.sampled_from(sorted(TAGS.values())), st.lists(plain, max_size=9))
def test_fields_that_do_not_fit_are_a_value_error(tag: str, fields: list[Any]) -> None:
    refuses_or_reads(orjson.dumps([[tag, *fields]]))


def test_a_refusal_without_a_shop_is_written_as_before_there_was_one_and_with_it_longer() -> None:
    rejection = Rejection(Reason.INSUFFICIENT_STOCK, "lamp", 9, 3, short_lines=(("lamp", 9, 3),))
    before = b'[["order_abandoned/1",17,[13,"lamp",9,3,0,null,[["lamp",9,3]],[]]]]'
    after = b'[["order_abandoned/1",17,[13,"lamp",9,3,0,null,[["lamp",9,3]],[],"S2"]]]'
    too_soon = before.replace(b"[]]]]", b'[],"",true]]]')
    for payload, store_id, more in ((before, "", False), (after, "S2", False), (too_soon, "", True)):
        event = ev.Abandoned(17, rejection._replace(store_id=store_id, too_soon=more))
        assert encode_events([event]) == payload
        assert decode_events(payload) == [event]


@pytest.mark.parametrize("store_id", ["", "S2"])
def test_a_snapshot_keeps_which_shop_refused(store_id: str) -> None:
    ledger = OrderLedger("customers/0007")
    rejection = Rejection(Reason.SLOT_FULL, asked=1, store_id=store_id)
    transact(ledger, cm.Refuse("k1", "content", "ann", rejection), 1_000)
    rows = [orjson.loads(orjson.dumps(row)) for row in Capture(ledger).rows()]
    (answer,) = (row for row in rows if row[0] == "answer")
    assert answer[-1] == (store_id or []), "without a shop it ends with the near stores, as ever"
    assert transact(restore(rows), cm.Refuse("k1", "content", "ann", rejection), 2_000).answer == rejection


@given(batches.filter(bool), st.data())
def test_a_payload_that_was_cut_is_a_value_error(batch: list[ev.Event], places: st.DataObject) -> None:
    payload = encode_events(batch)
    with pytest.raises(ValueError, match=r".+"):
        decode_events(payload[: places.draw(st.integers(0, len(payload) - 1))])


@pytest.mark.parametrize("kind", COMMANDS.values(), ids=COMMANDS)
@given(examples=st.data())
def test_a_command_of_any_kind_goes_to_an_actor_as_it_is(kind: type, examples: st.DataObject) -> None:
    command = examples.draw(of(kind))
    _, [(_, wire)] = unpack_batch(pack_batch(0, [("customers/0007", order_command_to_wire(command))]))
    again = order_command_from_wire(wire)
    assert type(again) is kind
    assert repr(again) == repr(command)


@given(of(Order))
def test_an_order_is_plain_and_comes_back_from_json(order: Order) -> None:
    assert repr(order_from_plain(orjson.loads(orjson.dumps(order_to_plain(order))))) == repr(order)


@given(st.lists(st.none() | of(Order) | of(Rejection), max_size=3))
def test_answers_go_back_to_a_gateway_as_they_are(answers: list[Any]) -> None:
    assert repr(unpack_answers(pack_answers(answers))) == repr(answers)
