"""Events and rows to bytes and back, by generated examples; what is not a payload is a ValueError and nothing else."""

from itertools import pairwise
from typing import Any, Final, get_args

import orjson
import pytest
from hypothesis import example, given, settings, strategies as st

from actors.core.message import Message
from actors.journal.codec import CHUNK_ROWS, LaterVersion, Reader, chained, chunk_checksum, encode, encode_rows
from actors.orders import events as order_events, snapshot as order_snapshot
from actors.runtime.kinds import CUSTOMERS, SHOP
from actors.shop import events, snapshot
from actors.shop.snapshot import OutboxRow
from tests.anything import of, plain
from tests.journal.storages import with_bit_flipped

Read = Any  # what reads the messages of one union
# A field of a new type fails in `of`: it needs a strategy, and a thought about how it is written down.
UNIONS: Final[dict[str, tuple[Any, Read]]] = {
    "events of a shop": (events.Event, SHOP.read_events),
    "rows of a shop": (snapshot.Row, SHOP.read_rows),
    "events of customers": (order_events.Event, CUSTOMERS.read_events),
    "rows of customers": (order_snapshot.Row, CUSTOMERS.read_rows),
}
KINDS: Final = [
    pytest.param(kind, read, id=f"{name}: {kind.__name__}")
    for name, (union, read) in UNIONS.items()
    for kind in get_args(union)
]
READERS: Final = [pytest.param(read, id=name) for name, (_, read) in UNIONS.items()]
EXAMPLE_EVENTS_MAX: Final = 8
EXAMPLES_OF_KIND: Final = 40

batches = st.lists(of(events.Event), max_size=EXAMPLE_EVENTS_MAX)


def tag_of(kind: Any) -> str:
    """The first element of what is written of a kind."""
    tag: str = kind.__struct_config__.tag
    return tag


@pytest.mark.parametrize("union", [union for union, _ in UNIONS.values()], ids=UNIONS)
def test_every_kind_has_a_tag_of_its_own(union: Any) -> None:
    kinds = get_args(union)
    assert len({tag_of(kind) for kind in kinds}) == len(kinds)


@pytest.mark.parametrize(("kind", "read"), KINDS)
@settings(max_examples=EXAMPLES_OF_KIND)
@given(examples=st.data())
def test_a_message_of_any_kind_comes_back_as_it_was(kind: type, read: Read, examples: st.DataObject) -> None:
    message: Message = examples.draw(of(kind))
    payload = encode([message])
    (decoded,) = read(payload)

    assert type(decoded) is kind
    assert decoded == message
    assert repr(decoded) == repr(message)  # tuples for tuples and enums for enums, which == does not tell
    assert encode([decoded]) == payload


@given(batches)
def test_a_batch_comes_back_as_it_was_and_is_written_the_same_again(batch: list[events.Event]) -> None:
    payload = encode(batch)
    decoded = SHOP.read_events(payload)

    assert decoded == batch
    assert encode(decoded) == payload


class Before(Message, frozen=True, tag="changed"):
    """A kind as an earlier version had it."""

    key: str


class Changed(Message, frozen=True, tag="changed"):
    """The same kind with a field more."""

    key: str
    reason: str = "none"


def test_a_field_that_was_added_reads_as_its_default_in_what_was_written_before() -> None:
    read: Reader[Changed] = Reader(Changed)
    assert read(encode([Before("k1")])) == [Changed("k1", "none")]
    assert read(encode([Changed("k1", "sale")])) == [Changed("k1", "sale")]


def test_a_field_of_a_later_version_is_refused_and_not_left_out() -> None:
    read: Reader[Before] = Reader(Before)
    with pytest.raises(LaterVersion, match="at most length 1"):
        read(encode([Changed("k1", "sale")]))


@pytest.mark.parametrize("tag", ["reserved/3", "moved", ""])
@pytest.mark.parametrize("read", READERS)
def test_a_kind_of_a_later_version_is_refused(read: Read, tag: str) -> None:
    with pytest.raises(LaterVersion, match=f"'{tag}'"):
        read(orjson.dumps([[tag, "k1"]]))


def refuses_or_reads(read: Read, payload: bytes) -> None:
    """A list of messages, or a ValueError: any other error fails the test."""
    try:
        decoded = read(payload)
    except ValueError:
        return
    assert all(isinstance(message, Message) for message in decoded)


@pytest.mark.parametrize("read", READERS)
@given(payload=st.binary(max_size=60))
@example(payload=b"")
@example(payload=b"null")
@example(payload=b"1")
@example(payload=b'"ab"')
@example(payload=b"[1]")
@example(payload=b"[[]]")
@example(payload=b"[[[]]]")
@example(payload=b'[{"0":"expired"}]')
@example(payload=b"[" * 5_000)
@example(payload=b"\xff\xfe")
def test_random_bytes_are_a_value_error(read: Read, payload: bytes) -> None:
    refuses_or_reads(read, payload)


@pytest.mark.parametrize(("kind", "read"), KINDS)
@settings(max_examples=EXAMPLES_OF_KIND)
@given(fields=st.lists(plain, max_size=9))
def test_fields_that_do_not_fit_are_a_value_error(kind: type, read: Read, fields: list[Any]) -> None:
    refuses_or_reads(read, orjson.dumps([[tag_of(kind), *fields]]))


@given(batches.filter(bool), st.data())
def test_a_payload_that_was_cut_is_a_value_error(batch: list[events.Event], places: st.DataObject) -> None:
    payload = encode(batch)
    with pytest.raises(ValueError, match=r".+"):
        SHOP.read_events(payload[: places.draw(st.integers(0, len(payload) - 1))])


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_checksum_tells_every_changed_bit_and_every_place(payload: bytes, places: st.DataObject) -> None:
    checksum = chained(7, "S1", 2, 30, 4, 1_000, payload)
    offset, bit = places.draw(st.integers(0, len(payload) - 1)), places.draw(st.integers(0, 7))
    others = {
        chained(7, "S1", 2, 30, 4, 1_000, with_bit_flipped(payload, offset, bit)),
        chained(6, "S1", 2, 30, 4, 1_000, payload),
        chained(7, "S2", 2, 30, 4, 1_000, payload),
        chained(7, "S1", 3, 30, 4, 1_000, payload),
        chained(7, "S1", 2, 31, 4, 1_000, payload),
        chained(7, "S1", 2, 30, 5, 1_000, payload),
        chained(7, "S1", 2, 30, 4, 1_001, payload),
    }
    assert checksum not in others
    piece = chunk_checksum("S1", 30, 1, payload)
    assert piece not in {
        chunk_checksum("S2", 30, 1, payload),
        chunk_checksum("S1", 31, 1, payload),
        chunk_checksum("S1", 30, 2, payload),
        chunk_checksum("S1", 30, 1, with_bit_flipped(payload, offset, bit)),
    }


@pytest.mark.parametrize("size", [0, 1, CHUNK_ROWS - 1, CHUNK_ROWS, CHUNK_ROWS + 1, 3 * CHUNK_ROWS])
def test_rows_are_written_in_pieces_of_bounded_size(size: int) -> None:
    rows = [OutboxRow((number, number + 1)) for number in range(size)]
    chunks = list(encode_rows(rows))

    assert [row for chunk in chunks for row in SHOP.read_rows(chunk)] == rows
    sizes = [len(orjson.loads(chunk)) for chunk in chunks]
    assert sum(sizes) == size
    assert all(earlier == CHUNK_ROWS >= later > 0 for earlier, later in pairwise(sizes))
