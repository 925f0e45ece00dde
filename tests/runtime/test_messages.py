"""Commands and answers come out of the bytes between gateways and actors as they went in."""

from typing import Any, Final, get_args

import pytest
from hypothesis import given, strategies as st

from actors.core.answers import FORM, Recorded, fingerprint
from actors.core.message import Message
from actors.core.rejection import Reason, Rejection
from actors.core.status import LossBearer, ReleaseReason, ShortChoice
from actors.journal.codec import encode
from actors.orders import commands as orders
from actors.orders.commands import content_of
from actors.orders.state import Order
from actors.protocol.messages import Held, Late, Moved, Refusal, Stopped, pack_answers, pack_batch, unpack_answers
from actors.rpc.frames import Frame
from actors.runtime.kinds import CUSTOMERS, SHOP, Core
from actors.shop import commands as shop
from actors.shop.allotments.allotment import HolderKind
from actors.shop.hot.units import DisownKey, MoveIn
from actors.shop.picking.pick_task import ClaimPick, FinishPick, NoteArrival, PutBack, ReleasePick, ScanPick, ShortPick
from actors.shop.returns.sale_return import Return
from actors.shop.shortfalls.shortfall import Resolution, ResolveShortfall
from actors.shop.state import Ledger, Reservation, StockOutcome
from actors.shop.transact import transact
from actors.shop.transfers.transfer import CancelTransfer, ProposeTransfer, ReceiveTransfer, SendTransfer
from tests.anything import integers, of, texts

KINDS: Final = [
    pytest.param(kind, core, id=f"{name}: {kind.__name__}")
    for name, command, core in (("a shop", shop.Command, SHOP), ("customers", orders.Command, CUSTOMERS))
    for kind in get_args(command)
]


@pytest.mark.parametrize(("kind", "core"), KINDS)
@given(examples=st.data())
def test_a_command_of_any_kind_goes_to_an_actor_as_it_is(kind: type, core: Core, examples: st.DataObject) -> None:
    entry = (examples.draw(texts), examples.draw(of(kind)))
    revision = examples.draw(st.integers(0, 2**40))
    out = core.read_batch(pack_batch(revision, [entry, entry], [7, 8]))
    ledger_id, command = entry
    assert out == (revision, [(ledger_id, 7, command), (ledger_id, 8, command)])
    assert repr(out[1][0][2]) == repr(command)  # enums are enums again


@given(of(Reservation), of(Reservation), of(Order), of(Rejection), of(StockOutcome), integers, texts)
def test_answers_come_out_as_they_went_in(
    held: Reservation,
    changed: Reservation,
    order: Order,
    rejection: Rejection,
    outcome: StockOutcome,
    version: int,
    why: str,
) -> None:
    answers = [
        held,
        Recorded("f", version, changed),
        Recorded("f", version, order),
        Recorded("f", version, rejection),
        Recorded("f", version, outcome),
        Stopped(why),
        Late(),
        None,
    ]
    out = unpack_answers(pack_answers(answers))
    assert repr(out) == repr(
        [
            Held(held.number, held.created_at_ms, held.expires_at_ms, held.grant),
            changed,
            order,
            Refusal(version, rejection),
            Moved(version, outcome),
            Stopped(why),
            Late(),
            None,
        ]
    )


# Fingerprints as they are for ever: a call that was made before an upgrade is repeated after it.
LINES: Final = (("A", 2), ("B", 1))
FINGERPRINTS: Final[list[tuple[Message, str]]] = [
    (shop.Reserve("k", "ann", "web", "b1", LINES, 60_000, 3_600_000), "182cb0c38d108d29515e99393"),
    (shop.Reserve("k", "ann", "web", "", LINES, 0), "1ecd4c921a0c2a536cd3f0998"),
    (shop.Confirm("k", 7, 60_000), "14a43e9a7a1b23673ac27d475"),
    (shop.MarkReady("k", 7), "1f4dc68541789420622576a8a"),
    (shop.Collect("k", 7, "p-1", LINES), "1dfaf076f9134ca6cc32a081c"),
    (shop.Release("k", 7, ReleaseReason.NO_SHOW, ()), "10f4c76184d7cca6f867d3161"),
    (shop.Extend("k", 7, 60_000), "11ef4af694bae8886817fe7c2"),
    (shop.Amend("k", 7, LINES, 0, 3_600_000), "1a9dc674151b97a067a7a4658"),
    (shop.Claim("k", "0007/3.1", "ann", "web", LINES, 0), "1ade40f776d4f5a4ec49a02fb"),
    (shop.Claim("k", "0007/3.1", "ann", "web", LINES, 0, "8f3a"), "1c22cde38e43247e71438a857"),
    (shop.Claim("k", "0007/3.1", "ann", "web", LINES, 0, "8f3a", "k1"), "16a8d66fb680c555e933efe16"),
    (shop.SettleGrant("k", "k1", 7), "1837adea517806319807e07c4"),
    (shop.SettleGrant("k", "k1", 7, 12), "1837adea517806319807e07c4"),
    (
        shop.AdjustStock("k", "wms", (shop.Movement("A", 5, 1, shop.AdjustmentKind.RECEIPT, 0),)),
        "157e0c9740c590fac04d3ed3c",
    ),
    (shop.CountStock("k", LINES, 1_000, holds_included=True), "1ddad9a0746bf439e4a115292"),
    (shop.SetSafetyStock("k", LINES), "192cde364798aa4716e0b85f3"),
    (orders.Release("k", 3, ReleaseReason.OTHER), "1292969361638bc352a9845fb"),
    (shop.AllotStock("k", HolderKind.TILL, "7", LINES, (), 60_000, "weekend"), "196f8e2ba2e878b989873ba58"),
    (
        shop.AllotStock("k", HolderKind.CHANNEL, "app", (), (("A", 250),), 60_000, "", quota_first=True),
        "14c5f65bf3b4cc097046bdeff",
    ),
    (shop.ExtendAllotment("k", 7, 60_000), "11e3d23ddb28a6ceb53ffa709"),
    (shop.ReturnAllotment("k", 7, settled=True), "1253d556ca6a430858d5b2c8e"),
    (shop.Give("k", 7, "t1", 60_000), "1cf250c854e8d70b40112e2eb"),
    (Return("k", 7, ()), "15181b91df7ced9d50ab377b1"),
    (Return("k", 7, LINES, (("A", 1),), "r1", "t1"), "1cd7eb0423c91e3d030d041a1"),
    (ResolveShortfall("k", 7, Resolution.RELEASED), "1a5f6e84165b60d277587466a"),
    (ResolveShortfall("k", 7, Resolution.MOVED, "S2", "S2:3"), "1fc32e94b2df855c6850a3300"),
    (ProposeTransfer("k", "S2", LINES, 60_000), "11fe96745f13af92cc824cf61"),
    (SendTransfer("k", 7), "1a6b7eb8d6b381f517d3b04c8"),
    (CancelTransfer("k", 7), "16959d4e315dd3b6eb55ecd9b"),
    (ReceiveTransfer("k", "S1:T7", LINES, LossBearer.SOURCE), "14b2c070d47a6a2eb909a3b83"),
    (MoveIn("k", "hot/A:7", "A", "ann", "web", 3, 1, 60_000, 1_000, 61_000, "r", 12), "115be59f67ff7ff2ec65f10d5"),
    (ClaimPick("k", 7, "t1", 60_000), "13e07c705edc533c23b30b0f8"),
    (ReleasePick("k", 7, "t1"), "1030993cb1d7d70b8a83ba4b3"),
    (ScanPick("k", 7, "t1", "A", 2), "1dcd45719adc74a8cc83f34df"),
    (ScanPick("k", 7, "t1", "", 1, "4006381333931", "A"), "18ba62c3777119ab28459e15f"),
    (ShortPick("k", 7, "t1", "A", 1, ShortChoice.WITHOUT), "10577744a35f1394d536b7efc"),
    (ShortPick("k", 7, "t1", "A", 1, ShortChoice.SUBSTITUTE, "B", 2, 0, True), "16dab9277e9f593ee9b8d6be2"),
    (FinishPick("k", 7, "t1", "B7", True), "116a5b52e2ac53075676cda90"),
    (PutBack("k", 7, "t1"), "168e7403bbd31111325c7d2bc"),
    (NoteArrival("k", 7, "P4"), "1507e1193af7a5d6e7927110c"),
    (DisownKey("S1\nk", "S1"), "1f26bb080c2f99102a122ccc1"),
    (orders.Confirm("k", 3, 60_000, orders.NO_HOURS), "1eea7ffe584a5509327e13472"),
    (orders.Extend("k", 3, 60_000, orders.NO_HOURS), "1a9b3845de0276e48e0215b60"),
]
# These say what their calls said, in a fingerprint that the gateway made: see `tests.gateway.test_contents`.
CARRY_THEIRS: Final = {orders.Open, orders.Refuse, orders.Amend, orders.FanOut}


@pytest.mark.parametrize(("command", "expected"), FINGERPRINTS, ids=[type(each).__name__ for each, _ in FINGERPRINTS])
def test_a_fingerprint_is_what_it_always_was(command: Message, expected: str) -> None:
    told = content_of(command) if isinstance(command, orders.Command) else fingerprint(command)
    assert told == expected


def test_every_command_under_a_key_has_a_fingerprint_that_stays() -> None:
    """Else an upgrade may refuse each repeat of its call, as another one under a used key."""
    kinds = {*get_args(shop.Command), *get_args(shop.HotCommand), *get_args(orders.Command)}
    keyed = {kind for kind in kinds if "key" in kind.__struct_fields__}
    assert keyed - {type(command) for command, _ in FINGERPRINTS} == CARRY_THEIRS


def test_what_is_stored_of_a_content_names_its_form() -> None:
    ledger = Ledger("S1")
    for command in (shop.AdjustStock("k1", "wms", ()), shop.Confirm("k2", 7, 0)):  # the second is refused
        (event,) = transact(ledger, command, 1).events
        [stored] = SHOP.read_events(encode([event]))
        assert stored.fingerprint == fingerprint(command)
        assert stored.fingerprint.startswith(FORM)


def test_the_age_of_a_movement_grows_and_its_call_is_the_same() -> None:
    young, old = (
        shop.AdjustStock("k", "till", (shop.Movement("A", -1, 1, shop.AdjustmentKind.SALE, age_ms),))
        for age_ms in (5, 70_000)
    )
    assert fingerprint(young) == fingerprint(old)


class Asked(Message, frozen=True):
    """A command as an earlier version had it."""

    key: str
    rows: tuple[shop.Movement, ...]
    number: int


def test_a_field_that_is_added_changes_no_fingerprint_of_a_call_that_does_not_use_it() -> None:
    class Row(shop.Movement, frozen=True):
        batch: str = ""

    later: Any = type("Asked", (Asked,), {"__annotations__": {"gift": bool}, "gift": False}, frozen=True)
    row = ("A", 1, 1, shop.AdjustmentKind.SALE, 0)
    before = fingerprint(Asked("k", (shop.Movement(*row),), 3))
    assert fingerprint(later("k", (Row(*row),), 3)) == before
    assert fingerprint(later("k2", (Row(*row),), 3)) == before, "the key is no part of it"
    assert fingerprint(later("k", (Row(*row, batch="b"),), 3)) != before
    assert fingerprint(later("k", (Row(*row),), 3, gift=True)) != before
    assert fingerprint(later("k", (Row(*row),), 4)) != before


def test_a_refusal_is_told_with_its_version_and_one_that_was_not_written_down_with_none() -> None:
    told = [Recorded("f", 7, Rejection(Reason.SLOT_FULL)), Recorded("", 0, Rejection(Reason.GRANT_REQUIRED))]
    assert unpack_answers(pack_answers(told)) == [
        Refusal(7, Rejection(Reason.SLOT_FULL)),
        Refusal(0, Rejection(Reason.GRANT_REQUIRED)),
    ]


@pytest.mark.parametrize("packed", [b"", b"\xc1", b"\x92\x01\x91\x92\xa1\xff\x80", b"\x91\x92\xa7stopped\xa1\xff"])
@pytest.mark.parametrize("unpack", [SHOP.read_batch, CUSTOMERS.read_batch, unpack_answers])
def test_other_bytes_are_a_value_error(unpack: Any, packed: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        unpack(packed)


def test_a_command_with_a_field_of_a_later_version_fails_its_batch() -> None:
    """So actors are upgraded before gateways; docs/adr/0021."""
    later: Any = type("Confirm", (shop.Confirm,), {"__annotations__": {"gift": bool}, "gift": False}, frozen=True)
    packed = pack_batch(1, [("S1", shop.Confirm("k1", 1, 0)), ("S1", later("k2", 2, 0))])
    with pytest.raises(ValueError, match="at most length 3"):
        SHOP.read_batch(packed)


def test_the_names_of_frames_stay() -> None:
    """The version before writes and reads them, whatever the classes are called."""
    tags = {kind.__struct_config__.tag for kind in get_args(Frame)}
    first = {"challenge", "hello", "welcome", "refused", "request", "reply", "failed", "heartbeat"}
    assert tags == first | {"traced_request"}
