"""The rules of fields in proto/: they say what the gateway refuses, the quick tests agree, and every field has one."""

import re
import sys
from collections.abc import Iterator
from typing import Any, Final

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from holdfast.v1 import reservation_service_pb2 as rs, stock_service_pb2 as ss
from serve.wire import rules
from serve.wire.descriptors import SERVICES
from tests.gateway.edges import Edge, edges
from tests.gateway.requests import BATCHES, GOOD, GOOD_STREAMS, good, spoiled

# What only a table knows: time zones, calendars, holidays and postcodes; and which page a token is of.
NOT_BY_RULES: Final = re.compile(r"\.(zone|holidays|date|postcode|page_token): ")
WITHOUT_RULES: Final = {
    *("holdfast.v1.Policy.version", "holdfast.v1.Hours.holiday_dates"),  # output only
    *("holdfast.v1.Store.hours", "holdfast.v1.SpecialDay.staff", "holdfast.v1.ReserveRequest.sourcing"),  # optional
    # A rule of the message says both.
    *("holdfast.v1.OpenInterval.open_minute", "holdfast.v1.OpenInterval.close_minute"),
    *("holdfast.v1.Duty.from_minute", "holdfast.v1.Duty.to_minute"),
}


@pytest.mark.parametrize("method", [*GOOD, *GOOD_STREAMS])
def test_a_good_request_keeps_the_rules(method: str) -> None:
    assert rules.violations(good(method, "good")) == []


@pytest.mark.parametrize("batch", BATCHES)
def test_a_good_batch_keeps_the_rules(batch: str) -> None:
    method, kind = BATCHES[batch]
    assert rules.violations(kind(requests=[good(method, "good")] * 3)) == []
    assert [fault.field for fault in rules.violations(kind())] == ["requests"]


def test_a_spoiled_field_breaks_its_rule_and_no_other() -> None:
    """Whoever applies the rules before sending hears of the fields that the gateway would name."""
    by_rules = [edge for edge in edges() if edge.wrong != "ten megabytes" and not NOT_BY_RULES.search(str(edge))]
    assert len(by_rules) > 1_000
    assert [str(edge) for edge in by_rules if fields_of(edge) != [edge.path]] == []


def fields_of(edge: Edge) -> list[str]:
    """The fields that the rules name."""
    return [fault.field for fault in rules.violations(spoiled(edge.method, "key", edge.path, edge.value))]


def messages_of_requests() -> Iterator[Descriptor]:
    """The requests of all calls, and the messages in them."""
    seen: dict[str, Descriptor] = {}
    waiting: list[Any] = [method.input_type for service in SERVICES for method in service.methods]
    while waiting:
        message = waiting.pop()
        if message.full_name in seen or message.file.package != "holdfast.v1" or message.GetOptions().map_entry:
            continue
        seen[message.full_name] = message
        yield message
        waiting += [field.message_type for field in message.fields if field.message_type]


def test_every_field_of_a_request_has_a_rule() -> None:
    """But for booleans, which have no wrong value."""
    ruled = rules._pool()
    missing = {
        field.full_name
        for message in messages_of_requests()
        for field in ruled.FindMessageTypeByName(message.full_name).fields
        if not rules._rules_of(field).ByteSize() and field.type != FieldDescriptor.TYPE_BOOL
    }
    assert missing == WITHOUT_RULES


def test_printable_is_what_python_calls_so() -> None:
    """But for what no version of Unicode known to this Python has: a newer one may."""
    for start in range(0, sys.maxunicode + 1, 64):
        text = "".join(filter(str.isprintable, map(chr, range(start, start + 64))))
        assert not text or rules.violations(order_of(text)) == []
    for control in ("\n", "\x00", "\x7f", "\u00a0", "\u200e", "\u2028", "\ue000"):
        assert not control.isprintable()
        assert rules.violations(order_of(f"a{control}b")) != []


def order_of(text: str) -> rs.MarkReservationReadyRequest:
    """A request with a text in it."""
    return rs.MarkReservationReadyRequest(idempotency_key=text, reservation_id="S1:1")


def test_millions_of_rows_are_not_looked_into() -> None:
    """The list is named, and none of its rows, each of which breaks four rules."""
    too_many = ss.AdjustStockRequest.FromString(b"\x22\x00" * 1_000_000)
    assert [fault.field for fault in rules.violations(too_many)] == ["adjustments"]
