"""Commands and answers come out of the envelope as they went in."""

from hypothesis import given, strategies as st

from actors.core.rejection import Reason, Rejection
from actors.core.status import ReleaseReason, Status
from actors.protocol.messages import (
    Held,
    Moved,
    Refusal,
    Stopped,
    command_from_wire,
    command_to_wire,
    pack_answers,
    pack_batch,
    reservation_from_wire,
    reservation_to_wire,
    unpack_answers,
    unpack_batch,
)
from actors.shop import commands as cm
from actors.shop.events import Shortfall
from actors.shop.state import Recorded, Remembered, Reservation, StockOutcome

TEXT = st.text(max_size=12)
WHOLE = st.integers(-(2**63), 2**63 - 1)
LINES = st.lists(st.tuples(TEXT, WHOLE), max_size=4).map(tuple)
MOVEMENTS = st.lists(
    st.builds(cm.Movement, TEXT, WHOLE, WHOLE, st.sampled_from(cm.AdjustmentKind), WHOLE), max_size=4
).map(tuple)
COMMANDS = st.one_of(
    st.builds(cm.Reserve, TEXT, TEXT, TEXT, TEXT, LINES, WHOLE),
    st.builds(cm.Confirm, TEXT, WHOLE, WHOLE),
    st.builds(cm.MarkReady, TEXT, WHOLE),
    st.builds(cm.Collect, TEXT, WHOLE, TEXT, LINES),
    st.builds(cm.Release, TEXT, WHOLE, st.sampled_from(ReleaseReason), LINES),
    st.builds(cm.Extend, TEXT, WHOLE, WHOLE),
    st.builds(cm.AdjustStock, TEXT, TEXT, MOVEMENTS),
    st.builds(cm.CountStock, TEXT, LINES, WHOLE, st.booleans()),
    st.builds(cm.SetSafetyStock, TEXT, LINES),
)
PAIRS = st.tuples(WHOLE, WHOLE)
RESERVATIONS = st.builds(
    Reservation,
    number=WHOLE,
    status=st.sampled_from(Status),
    customer_id=TEXT,
    channel=TEXT,
    basket_id=TEXT,
    lines=LINES,
    done=st.none() | st.lists(PAIRS, max_size=4).map(tuple),
    ttl_ms=WHOLE,
    created_at_ms=WHOLE,
    expires_at_ms=WHOLE,
    version=WHOLE,
    payment_reference=st.none() | TEXT,
    release_reason=st.none() | st.sampled_from(ReleaseReason),
)
SHORT_LINES = st.lists(st.tuples(TEXT, WHOLE, WHOLE), max_size=3).map(tuple)
REJECTIONS = st.builds(
    Rejection,
    st.sampled_from(Reason),
    TEXT,
    WHOLE,
    WHOLE,
    WHOLE,
    st.none() | st.sampled_from(Status),
    SHORT_LINES,
    store_id=TEXT,
    too_soon=st.booleans(),
)
SHORTFALLS = st.lists(st.builds(Shortfall, TEXT, WHOLE, st.lists(PAIRS, max_size=3).map(tuple)), max_size=3).map(tuple)
OUTCOMES = st.builds(StockOutcome, WHOLE, WHOLE, WHOLE, SHORTFALLS)


@given(st.lists(st.tuples(TEXT, COMMANDS), max_size=6), st.integers(0, 2**40))
def test_a_batch_comes_out_as_it_went_in(batch: list[tuple[str, cm.Command]], revision: int) -> None:
    packed = pack_batch(revision, [(store_id, command_to_wire(command)) for store_id, command in batch])
    out_revision, entries = unpack_batch(packed)
    out = [(store_id, command_from_wire(wire)) for store_id, wire in entries]
    assert (out_revision, out) == (revision, batch)
    assert [type(command) for _, command in out] == [type(command) for _, command in batch]
    for (_, command), (_, other) in zip(batch, out, strict=True):
        assert repr(command) == repr(other)  # enums are enums again: fingerprints are made of this


@given(RESERVATIONS)
def test_a_reservation_comes_out_as_it_went_in(reservation: Reservation) -> None:
    assert repr(reservation_from_wire(reservation_to_wire(reservation))) == repr(reservation)


@given(RESERVATIONS, RESERVATIONS, REJECTIONS, OUTCOMES, WHOLE, TEXT)
def test_answers_come_out_as_they_went_in(
    held: Reservation, changed: Reservation, rejection: Rejection, outcome: StockOutcome, version: int, why: str
) -> None:
    answers: list[Remembered | Stopped] = [
        held,
        Recorded("f", version, changed),
        Recorded("f", version, rejection),
        Recorded("f", version, outcome),
        Stopped(why),
    ]
    out = unpack_answers(pack_answers(answers))
    assert repr(out) == repr(
        [
            Held(held.number, held.created_at_ms, held.expires_at_ms),
            changed,
            Refusal(version, rejection),
            Moved(version, outcome),
            Stopped(why),
        ]
    )
